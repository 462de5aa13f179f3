//! The only room of the engine that knows tokio: threads, sockets, names, addresses, certificates, time, and the way
//! to the media threads.
//!
//! It decides nothing about SIP. Bytes come in here, messages go to the transactions of a shard, what these say goes to
//! the [`Desk`] that sits on the shard, and what the desk wants done goes out again through its [`Wire`].

mod address;
mod alarm;
mod certificate;
pub mod clock;
mod courier;
mod descriptors;
mod desk;
mod dns;
#[cfg(test)]
pub(crate) mod dry;
mod entrance;
mod errands;
mod keeper;
mod outage;
mod recordings;
mod scribe;
pub mod settings;
mod shard;
mod shared;
mod sound;
mod spread;
mod start;
mod stats;
mod stun;
mod stun_client;
mod transport;
mod works;

pub use certificate::{CertificateError, FETCHED_FILE, Keeper, authorities, check_certificates};
pub use descriptors::raise as raise_descriptors;
pub use desk::{Desk, News, RequestId, SendFault, Wire};
pub use errands::{ErrandTicket, NotSent};
pub use keeper::keep;
pub use recordings::{NotRecorded, RecordTicket, Recordings};
pub use scribe::file_calls;
pub use settings::{Advertise, CertificateSource, Limits, Listen, Settings};
pub use sound::{NotAsked, PromptTicket, Sound, SoundAddress, SoundRules};
pub use start::{Around, NotAdopted, Runtime, StartError};
pub use stats::Stats;
pub use transport::bind::BindError;
pub use transport::ws::{MessageSocket, SUBPROTOCOL, offers_sip, upgraded};
