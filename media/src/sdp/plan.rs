//! What we want of each part before the other side has spoken: codecs, our own place, and which way.
//!
//! Ports, keys, certificates and credentials come from the caller; nothing here makes them up.

use std::net::SocketAddr;
use std::sync::Arc;

use super::crypto::MasterKey;
use super::description::{Media, Protocol, Shield};
use super::direction::Direction;
use super::dtls::Fingerprint;
use super::ice::Ice;
use super::policy::Policy;

/// What is wanted of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The owner's own name for it. It comes back in what was agreed, also when the part stands in another line there.
    pub tag: u32,
    /// What is wanted.
    pub want: Want,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// Sound that is made and taken here, or pictures that pass by the same rules. Shared with whoever made the plan, because a call keeps it for as long as it stands.
    Sound(Arc<SoundPlan>),
    /// Something that passes between two legs as it is.
    Relay(Box<RelayPlan>),
    /// Nothing: the part is declined, or ended.
    Nothing,
}

impl Part {
    /// Sound.
    #[must_use]
    pub fn sound(tag: u32, plan: impl Into<Arc<SoundPlan>>) -> Self {
        Self { tag, want: Want::Sound(plan.into()) }
    }

    /// Something that passes.
    #[must_use]
    pub fn relay(tag: u32, plan: RelayPlan) -> Self {
        Self { tag, want: Want::Relay(Box::new(plan)) }
    }

    /// Nothing.
    #[must_use]
    pub const fn nothing(tag: u32) -> Self {
        Self { tag, want: Want::Nothing }
    }

    /// The kind of its line; `None` when nothing is wanted.
    pub(super) fn kind(&self) -> Option<&str> {
        match &self.want {
            Want::Sound(plan) => Some(plan.policy.medium.kind()),
            Want::Relay(relay) => Some(&relay.media.kind),
            Want::Nothing => None,
        }
    }
}

/// Sound that is made and taken here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundPlan {
    /// What may be said and taken.
    pub policy: Policy,
    /// Where we are.
    pub place: Place,
    /// Which way we want it.
    pub direction: Direction,
}

/// Where we are, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where sound is taken, as the other side reaches it.
    pub rtp: SocketAddr,
    /// Where reports are taken when they do not share that port; `None`: nowhere.
    pub rtcp: Option<SocketAddr>,
    /// A fresh key for each suite that may be used, the dearest first.
    pub keys: Vec<MasterKey>,
    /// Our certificate's fingerprint, where DTLS may be used.
    pub fingerprint: Option<Fingerprint>,
    /// Our ICE, where it may be used.
    pub ice: Option<Ice>,
    /// The source that we send as, and the name of whose it is (`cname`), where they are to be said.
    pub source: Option<(u32, String)>,
}

impl Place {
    /// A pair of ports, without keys.
    #[must_use]
    pub const fn new(rtp: SocketAddr, rtcp: Option<SocketAddr>) -> Self {
        Self { rtp, rtcp, keys: Vec::new(), fingerprint: None, ice: None, source: None }
    }
}

/// Something that passes between two legs as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayPlan {
    /// The part as the other leg has it, without what is said of its way.
    media: Media,
    /// Where we take it.
    at: SocketAddr,
    /// Where we take its reports, where it has some.
    rtcp: Option<SocketAddr>,
}

/// Attributes that say how a part travels; they are different on each leg.
const OF_THE_WAY: [&str; 14] = [
    "rtcp",
    "rtcp-mux",
    "rtcp-mux-only",
    "mid",
    "msid",
    "bundle-only",
    "extmap",
    "candidate",
    "end-of-candidates",
    "remote-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "setup",
];

impl RelayPlan {
    /// Whether a part of theirs can pass: it is not declined, its packets are not sealed by DTLS between neighbours, and it
    /// travels in datagrams. Asked before ports are taken for it.
    #[must_use]
    pub fn can_pass(theirs: &Media) -> bool {
        let travels = match &theirs.protocol {
            Protocol::Rtp(profile) => profile.shield != Shield::Dtls && !theirs.attributes.has("fingerprint"),
            Protocol::Unknown(name) => !name.to_ascii_uppercase().contains("TCP") && !name.contains('/'),
        };
        theirs.port != 0 && travels
    }

    /// To pass on what one leg offered or answered; `None` where it cannot pass.
    #[must_use]
    pub fn of(theirs: &Media, at: SocketAddr, rtcp: Option<SocketAddr>) -> Option<Self> {
        if !Self::can_pass(theirs) {
            return None;
        }
        let mut media = theirs.clone();
        (media.ports, media.connection) = (None, None);
        media.attributes.retain(|line| !OF_THE_WAY.iter().any(|name| name.eq_ignore_ascii_case(&line.name)));
        Some(Self { media, at, rtcp })
    }

    /// The part as it is written.
    pub(super) fn media(&self) -> Media {
        let mut media = self.media.clone();
        media.port = self.at.port();
        media.connection = Some(self.at.into());
        if let Some(rtcp) = self.rtcp.filter(|rtcp| Some(rtcp.port()) != self.at.port().checked_add(1)) {
            media.attributes.add("rtcp", rtcp.port());
        }
        media
    }

    /// Whether another part is of the same kind and travels the same way.
    pub(super) fn fits(&self, theirs: &Media) -> bool {
        self.media.kind.eq_ignore_ascii_case(&theirs.kind)
            && match (&self.media.protocol, &theirs.protocol) {
                (Protocol::Rtp(ours), Protocol::Rtp(theirs)) => ours.shield == theirs.shield,
                (ours, theirs) => ours.to_string().eq_ignore_ascii_case(&theirs.to_string()),
            }
    }
}
