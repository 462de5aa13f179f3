//! What the doors ask of the running server. `main` answers, because only it has all the rooms.

use std::{future::Future, pin::Pin};

use serde::{Deserialize, Serialize};

use crate::{metrics::Exposition, problem::Problem};

/// An answer that may take its time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The running server, as its doors see it.
pub trait House: Send + Sync + 'static {
    /// How it is.
    fn status(&self) -> Status;
    /// What it counted.
    fn measure(&self, page: &mut Exposition);
    /// Why it cannot serve now; nothing when it can.
    fn hindrances(&self) -> Answer<'_, Vec<String>>;
    /// Reads the configuration again and applies what can change while it runs.
    fn reload(&self) -> Answer<'_, Result<Reloaded, Problem>>;
}

/// How the server is, as `patchcord status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Of the binary.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// The file that it was configured by.
    pub config: Option<String>,
    /// The data folder.
    pub data: String,
    /// The database, without its password.
    pub database: String,
    /// The domain; absent: whatever the phone says.
    pub domain: Option<String>,
    /// Where SIP is taken.
    pub listen: Vec<String>,
    /// Where HTTP is served.
    pub web: Vec<String>,
    /// How many endpoints may register.
    pub endpoints: usize,
    /// How many of them are registered.
    pub registered: usize,
    /// How many bindings they hold.
    pub bindings: usize,
    /// How many endpoints' bindings wait to be written to the store.
    pub unwritten: usize,
    /// How many connections stand.
    pub flows: u64,
    /// Why it cannot serve now.
    pub hindrances: Vec<String>,
}

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is as the file says now.
    pub applied: Vec<String>,
    /// What differs and waits for a restart.
    pub needs_restart: Vec<String>,
}
