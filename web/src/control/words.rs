//! What is said over the control socket. Both ends read and write these.

use patchcord_engine::{
    journal::{Entry, Record, Story, sentence},
    routing::DamagedEndpoint,
};
use serde::{Deserialize, Serialize};

pub use super::{
    bans::{BanTold, BansTold, NewBan},
    calls::{CallWords, ForwardWords},
    originate::{BegunCall, NewCall},
    people::{Audit, DeedWords, MadeToken, NewToken, NewUser, TokenWords, Tokens, UserChange, UserWords, Users},
    rooms::{DEEDS, NoOrder, RoomOrder},
    routes::{RouteTold, RoutesTold, ShippedTold},
    trunks::{DrainTold, FailureTold, TrunkTold, TrunksTold},
};

/// The endpoints, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// All of them.
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub user: String,
    /// The short number that rings it.
    pub number: Option<String>,
    /// What it is asked for to prove itself; absent: what everybody is asked for.
    pub digest: Option<String>,
    /// What is agreed with it in calls, where that is not as usual.
    #[serde(flatten)]
    pub calling: CallWords,
    /// `file` or `database`.
    pub source: String,
    /// Whether it can be reached now.
    pub reachable: bool,
    /// Why it is left out, when it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl From<DamagedEndpoint> for Endpoint {
    fn from(damaged: DamagedEndpoint) -> Self {
        let DamagedEndpoint { user, reason } = damaged;
        let (calling, source) = (CallWords::default(), "database".into());
        Self { user, number: None, digest: None, calling, source, reachable: false, fault: Some(reason) }
    }
}

/// Endpoints to be added: all of them, or none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Additions {
    /// At least one.
    pub endpoints: Vec<Addition>,
}

/// An endpoint to be added.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The short number that rings it.
    #[serde(default)]
    pub number: Option<String>,
    /// What it is asked for to prove itself.
    #[serde(default)]
    pub digest: Option<String>,
    /// Codecs, the best first; absent: the usual ones.
    #[serde(default)]
    pub codecs: Option<Vec<String>>,
    /// `required`, `offered` or `off`.
    #[serde(default)]
    pub srtp: Option<String>,
    /// Calls at once.
    #[serde(default)]
    pub calls: Option<u32>,
    /// The number it shows outside.
    #[serde(default)]
    pub caller_id: Option<String>,
    /// Where its calls go when it cannot take them.
    #[serde(default)]
    pub forward: Option<ForwardWords>,
}

/// Another password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    pub password: String,
}

/// A page of registrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrations {
    /// By endpoint.
    pub registrations: Vec<Registration>,
    /// Ask on after this endpoint; absent: this was the last page.
    pub next: Option<String>,
}

/// Where an endpoint can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Whose it is.
    pub user: String,
    /// The address, as the phone wrote it.
    pub contact: String,
    /// What the phone registered over.
    pub transport: String,
    /// Where its REGISTER came from.
    pub peer: String,
    /// Whether a call could be sent to it.
    pub reachable: bool,
    /// Seconds until it lapses.
    pub expires_s: u64,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
}

/// A page of past calls, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The calls.
    pub records: Vec<Told>,
    /// Ask on before this call; absent: this was the last page.
    pub next: Option<String>,
}

/// A call's record, and what happened in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What happened.
    pub sentence: String,
    /// Whether it is over and known how long it lasted. Where the server was killed in the middle of it, `ended_us` and `talk_us` of
    /// the record are the least that they can be.
    #[serde(default)]
    pub length_is_known: bool,
    /// The record.
    pub record: Record,
}

/// A call with all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeCall {
    /// What happened.
    pub sentence: String,
    /// As in [`Told`].
    #[serde(default)]
    pub length_is_known: bool,
    /// The record.
    pub record: Record,
    /// The journal, in order; where numbers are missing, something was not kept.
    pub journal: Vec<Entry>,
}

impl From<Record> for Told {
    fn from(record: Record) -> Self {
        Self { sentence: sentence(&record), length_is_known: record.length_is_known(), record }
    }
}

impl From<Story> for WholeCall {
    fn from(Story { record, entries }: Story) -> Self {
        let Told { sentence, length_is_known, record } = record.into();
        Self { sentence, length_is_known, record, journal: entries }
    }
}
