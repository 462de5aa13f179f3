//! The store, opened by a command itself because no server runs that has it open.

use patchcord_web::{folder::Hold, problem::chain, store::Store};

use super::{
    Context,
    outcome::{Exit, Failure},
};
use crate::{config::Config, server::blamed};

/// The store, and what keeps a server from starting meanwhile.
pub struct Opened {
    pub config: Config,
    pub store: Store,
    pub hold: Hold,
}

impl Opened {
    /// Opens what the configuration names.
    pub async fn by(context: &Context) -> Result<Self, Failure> {
        let config = context.config()?;
        let file = blamed(config.file.as_ref());
        let unusable = |key: &str, told: String, remedy: &str| Failure::blaming(&file, key, &told, remedy);
        let hold = Hold::take(&config.data).await;
        let hold = hold.map_err(|error| unusable("server.data", chain(&error), error.remedy()).exit(Exit::NoServer))?;
        let store = Store::open(&config.database, &config.data).await;
        let store = store.map_err(|error| unusable("database.url", chain(&error), &error.remedy()))?;
        Ok(Self { config, store, hold })
    }
}
