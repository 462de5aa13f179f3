//! What a line is made with: the terms of its trunk or endpoint, and whom it calls.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::sdp::Policy;
use patchcord_sip::digest::Credential;
use patchcord_sip::session_timer;

/// Terms that many lines share: those of a trunk, or of an endpoint.
#[derive(Clone, Debug)]
pub struct LineTerms {
    /// Codecs and protection. [`Line::set_policy`](super::Line::set_policy) puts another in its place for one line.
    pub policy: Policy,
    /// Session timers.
    pub session: session_timer::Rules,
    /// The estimate of a round trip (T1) from which repetitions are counted.
    pub t1: Duration,
    /// Whether provisional responses are sent reliably where the party knows how, and whether we say that we know.
    pub reliable: bool,
    /// User and secret for challenges.
    pub credentials: Option<(String, Credential)>,
    /// Whether an INVITE of ours leaves the offer to the party.
    pub late_offer: bool,
}

impl LineTerms {
    /// What suits most phones, with these codecs.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            session: session_timer::Rules::default(),
            t1: Duration::from_millis(500),
            reliable: true,
            credentials: None,
            late_offer: false,
        }
    }
}

/// Whom a line calls, and as whom. Values as their headers have them; headers that name nobody are not checked here.
#[derive(Clone, Debug)]
pub struct Outward<'a> {
    /// The Request-URI.
    pub target: &'a str,
    /// Who calls, as a From value without a tag.
    pub from: &'a str,
    /// Who is called, as a To value without a tag.
    pub to: &'a str,
    /// The Call-ID, ours.
    pub call_id: &'a str,
    /// Our tag.
    pub tag: &'a str,
    /// Our Contact value.
    pub contact: Arc<str>,
    /// Proxies to pass first, as Route values.
    pub routes: &'a [&'a str],
    /// How many more servers the INVITE may pass.
    pub hops: u8,
    /// Further headers of the INVITE: identity, and what a program wants said.
    pub headers: Vec<(String, String)>,
}
