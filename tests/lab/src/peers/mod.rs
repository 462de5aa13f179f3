//! Other people's phones, as Debian ships them, driven as processes and judged by what they say.

mod baresip;
mod chromium;
mod flow;
mod linphone;
mod native;
mod sipp;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::interval;

use crate::line::Carrier;

pub use baresip::Baresip;
pub use chromium::{Chromium, serve_html, serve_page};
pub use flow::{Flow, Place, Playing};
pub use linphone::Linphone;
pub use native::Native;
pub use sipp::{Sipp, SippCount};

/// How long a person's finger is between two keys.
const BETWEEN_KEYS: Duration = Duration::from_millis(350);

/// A phone that is driven by words says nothing of a key that it has sent: the next one follows as a finger would let it.
async fn pause() {
    let mut rhythm = interval(BETWEEN_KEYS);
    rhythm.tick().await;
    rhythm.tick().await;
}

/// What a person would type into a phone.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// The transport it shall use.
    pub carrier: Carrier,
    /// Where the server is.
    pub server: SocketAddr,
    /// The name, which is the number's left side, too.
    pub user: &'a str,
    /// The password, right or wrong.
    pub password: &'a str,
}

/// What a phone says about its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server said 200.
    Registered,
    /// The server said no, with this status.
    Refused(u16),
    /// No server said anything.
    Unreachable,
}
