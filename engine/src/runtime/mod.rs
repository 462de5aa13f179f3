//! The only room of the engine that knows tokio: threads, sockets, names, addresses, certificates, time.
//!
//! It decides nothing about SIP. Bytes come in here, messages go to the transactions of a shard, what these say goes to
//! the desk that sits on the shard, and what the desk wants done goes out again through its wire.

pub mod clock;
mod keeper;
pub mod settings;

pub use keeper::keep;
pub use settings::{Advertise, CertificateSource, Limits, Listen, Settings};
