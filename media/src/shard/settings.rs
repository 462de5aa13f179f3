//! How the media threads run, and why they cannot start.

use std::io;

use super::limits;
use crate::browser::identity::NoIdentity;
use crate::rtp::ports::BadRange;

/// How the threads run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many threads; [`limits::threads`] knows a good number.
    pub threads: usize,
    /// Whether each stays on a core of its own.
    pub pinned: bool,
    /// Whether they run ahead of ordinary threads where the system allows it.
    pub ahead: bool,
    /// How many listen; a port belongs to one of them.
    pub listeners: usize,
    /// The first and the last number that sockets are bound to: even ones for sound, each with the next for reports.
    pub numbers: (u16, u16),
    /// The same for the numbers that browsers share, one for each thread and address; `None`: free ones of the others.
    pub browser_numbers: Option<(u16, u16)>,
    /// The most ports at a time; [`limits::most_ports`] knows what descriptors allow.
    pub most_ports: usize,
    /// A thread that works this share of its time takes no further port, in thousandths.
    pub most_load_permille: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: limits::threads(),
            pinned: true,
            ahead: true,
            listeners: 1,
            numbers: (10_000, 32_767),
            browser_numbers: None,
            most_ports: limits::most_ports(limits::RESERVE),
            // Above this a burst of packets and a slot's work meet often enough to be heard.
            most_load_permille: 700,
        }
    }
}

/// The threads cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// At least one thread and one listener.
    #[error("a media plane needs a thread and a listener")]
    Empty,
    /// No number for a port.
    #[error(transparent)]
    Range(#[from] BadRange),
    /// No certificate for browsers.
    #[error(transparent)]
    Identity(#[from] NoIdentity),
    /// No descriptor, or no thread.
    #[error("the system gives no descriptor or no thread")]
    System(#[from] io::Error),
}
