//! What the house asks of whoever keeps endpoints and bindings over a restart.
//!
//! The traits speak in rows of plain values: the store knows no SIP and this crate knows no SQL. A shelf may be
//! slow or away; callers write behind the call path and try again.

use std::{future::Future, net::SocketAddr, pin::Pin, time::SystemTime};

use patchcord_sip::hop::Transport;

use super::{calling::Calling, digests::Digests};

/// What a shelf gives back: an answer that may take its time.
pub type Shelved<'a, T> = Pin<Box<dyn Future<Output = Result<T, ShelfError>> + Send + 'a>>;

/// Why a shelf could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The database cannot be reached or refused to work; trying again may help.
    #[error("the store is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database takes orders and does not take this one, for what it holds; trying again will not help.
    #[error("the store refuses what it was told to keep")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An endpoint as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRow {
    /// The user part of its address, and the user name of its digest.
    pub user: String,
    /// In clear here; sealed on the shelf.
    pub password: String,
    /// Which digest algorithms it is asked for, when that is not what the server asks of everybody.
    pub digests: Option<Digests>,
    /// The short number that rings it.
    pub number: Option<String>,
    /// What is agreed with it in calls.
    pub calling: Calling,
    /// When it was added.
    pub created: SystemTime,
    /// When anything of it last changed.
    pub updated: SystemTime,
}

/// An endpoint that lies on the shelf and cannot be used: it is left out, and everybody else is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedEndpoint {
    /// Its name.
    pub user: String,
    /// What is wrong with it, for people.
    pub reason: String,
}

/// What lies on the shelf of endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointRows {
    /// Those that can be used.
    pub rows: Vec<EndpointRow>,
    /// Those that cannot.
    pub damaged: Vec<DamagedEndpoint>,
}

/// A binding as the store keeps it: everything a REGISTER leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingRow {
    /// Whose it is: [`EndpointRow::user`] or an endpoint of the configuration file.
    pub user: String,
    /// The Contact's address, as the phone wrote it.
    pub contact: String,
    /// `+sip.instance`, without quotes.
    pub instance: Option<String>,
    /// `reg-id` of an RFC 5626 flow.
    pub reg_id: Option<u32>,
    /// Preference, 0 to 1000 (q=0.5 is 500).
    pub q_thousandths: u16,
    /// Path header values, the first is the nearest to us.
    pub path: Vec<String>,
    /// Call-ID of the REGISTER that made or last refreshed it.
    pub call_id: String,
    /// CSeq of that REGISTER.
    pub cseq: u32,
    /// When it lapses.
    pub expires: SystemTime,
    /// What the REGISTER came over.
    pub transport: Transport,
    /// The end of that transport on our side.
    pub local: SocketAddr,
    /// Where the REGISTER came from, as we saw it.
    pub peer: SocketAddr,
    /// True when it can be reached only over the connection it was made on.
    pub flow_bound: bool,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
    /// When it was last refreshed.
    pub updated: SystemTime,
}

/// One endpoint's bindings as they are now; the store forgets what it had of it. No rows: none left.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingChange {
    /// Whose bindings.
    pub user: String,
    /// All of them.
    pub rows: Vec<BindingRow>,
}

/// What became of changes that were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that the database would not take for what they hold: they are left out, and nobody need try them again.
    pub refused: usize,
}

/// Keeps bindings over a restart.
pub trait BindingShelf: Send + Sync {
    /// Every binding that has not lapsed at `now`.
    fn load_bindings(&self, now: SystemTime) -> Shelved<'_, Vec<BindingRow>>;
    /// Writes all changes, but for rows that the database refuses for what they hold. After an error all of it is to be
    /// tried again; some may be written already.
    fn write_bindings(&self, changes: Vec<BindingChange>) -> Shelved<'_, Written>;
}

/// Keeps the endpoints that were added by command.
pub trait EndpointShelf: Send + Sync {
    /// All of them.
    fn load_endpoints(&self) -> Shelved<'_, EndpointRows>;
    /// Adds or replaces all of these, or none; `created` of one that was there stays.
    fn put_endpoints(&self, rows: Vec<EndpointRow>) -> Shelved<'_, ()>;
    /// Removes one; false when it was not there.
    fn remove_endpoint(&self, user: String) -> Shelved<'_, bool>;
}
