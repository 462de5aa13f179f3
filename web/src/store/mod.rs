//! The only SQL of the house: endpoints, bindings, calls, people and what scripts keep, on SQLite or PostgreSQL.
//!
//! ```text
//! Place      where the database is, read from a URL and safe to print
//! Database   the two kinds of pool, and the one seam between them
//! Claim      what keeps a second server away
//! outage     that the database is away, known before anybody waits for it
//! holders    who has a file locked
//! Seal       what keeps a password unreadable for whoever has only the database
//! endpoints  the engine's EndpointShelf
//! bindings   the engine's BindingShelf
//! calls      the engine's RecordShelf
//! failures   what went wrong when endpoints wanted to register
//! filters    filters of calls that people saved
//! shelf      what scripts keep, within bounds
//! foreign    databases that manifests of services name
//! letters    mail that no server took yet
//! voicemail  what was left for whom, and tries of PINs
//! bans       who is refused at every door
//! versions   texts that services had
//! manifests  what their manifests said last
//! routes     those that were added while the server ran
//! webhooks   what programs elsewhere have not taken yet
//! people     users and tokens
//! sessions   who is logged in
//! audit      who changed what, and who listened to what
//! ```
//!
//! Both databases run the same statements: they agree on `$1`, `ON CONFLICT` and row values, so what differs is the
//! pool, the migrations folder and nothing else. The store holds no state, caches nothing, reads no clock and decides
//! nothing about SIP.

mod audit;
mod bans;
mod bindings;
mod calls;
mod claim;
mod database;
mod endpoints;
mod error;
mod failures;
pub mod filters;
pub mod foreign;
mod holders;
pub mod letters;
mod manifests;
mod outage;
mod people;
mod place;
mod receivers;
pub mod rooms;
mod routes;
mod seal;
mod sessions;
pub mod shelf;
mod time;
pub mod versions;
pub mod voicemail;
pub mod webhooks;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use patchcord_engine::routing::ShelfError;

pub use audit::MAX_DEEDS;
pub use calls::find::{Found, LOOKED_AT, Survey, Wanted};
pub use calls::survey::{Health, Served};
pub use error::{OpenError, Told};
pub use place::{Place, PlaceError};
pub use seal::{KEY_FILE, SealError, Signer};

use claim::Claim;
use database::Database;
use error::is_about_content;
use outage::Outage;
use seal::Seal;

/// Longest any order to the database may take. A database that needs longer counts as away: the caller writes
/// behind the call path and tries again, and must not collect orders without end.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Longest that an order waits for a connection: one that is refused, or one that others hold. A page is not to wait for
/// [`PATIENCE`] to say that the database is away.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// Longest that a start waits for everything that is kept: half a million endpoints take some seconds.
pub const LOAD_PATIENCE: Duration = Duration::from_secs(60);

/// Longest [`Store::reachable`] waits: whoever asks for readiness asks every few seconds.
pub const PING_PATIENCE: Duration = Duration::from_secs(2);

/// The database of the house. Clones share one pool.
#[derive(Clone)]
pub struct Store {
    database: Database,
    seal: Arc<Seal>,
    claim: Arc<Claim>,
    outage: Outage,
}

impl Store {
    /// Opens the database, making what is not there yet, and brings its tables up to date.
    ///
    /// `data` is the data folder, which holds the key that passwords are sealed with.
    pub async fn open(place: &Place, data: &Path) -> Result<Self, OpenError> {
        let seal = Seal::in_folder(data).map_err(OpenError::Seal)?;
        let claim = Claim::take(place, data).await?;
        let database = match Database::open(place).await {
            Ok(database) => database,
            Err(refused) => {
                claim.release().await;
                return Err(refused);
            }
        };
        let store = Self { database, seal: Arc::new(seal), claim: Arc::new(claim), outage: Outage::default() };
        if let Err(refused) = claim::check_key(&store.database, place, &store.seal, data).await {
            store.close().await;
            return Err(refused);
        }
        Ok(store)
    }

    /// Signs with the key of the data folder.
    pub fn signer(&self) -> Signer {
        self.seal.signer()
    }

    /// Whether the database answers now, and is ours.
    pub async fn reachable(&self) -> Result<(), ShelfError> {
        self.within(PING_PATIENCE, async {
            self.database.ping().await?;
            self.claim.renew().await
        })
        .await
    }

    /// The answer of `order`, or that the store is away when it takes longer than `patience`, or is known to be.
    async fn within<T>(
        &self,
        patience: Duration,
        order: impl Future<Output = Result<T, ShelfError>>,
    ) -> Result<T, ShelfError> {
        let answer = tokio::time::timeout(patience, self.outage.unless_away(order)).await;
        answer.unwrap_or_else(|elapsed| Err(ShelfError::Away(Box::new(elapsed))))
    }

    /// Lets go of every connection, once the orders under way are done.
    pub async fn close(&self) {
        self.database.close().await;
        self.claim.release().await;
    }
}

/// What the database said, as the engine hears it.
fn failed(cause: sqlx::Error) -> ShelfError {
    match is_about_content(&cause) {
        true => ShelfError::Refused(Box::new(Told::from(&cause))),
        false => ShelfError::Away(Box::new(Told::from(&cause))),
    }
}
