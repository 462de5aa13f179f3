//! One part of the other side's description, with what the session and its group say of it.

use std::net::{IpAddr, SocketAddr};

use super::Refusal;
use crate::sdp::agreed::Relay;
use crate::sdp::crypto::{Crypto, MAX_CRYPTO};
use crate::sdp::description::{Description, Host, Media};
use crate::sdp::direction::Direction;
use crate::sdp::dtls::{Fingerprint, Setup};
use crate::sdp::format::Format;
use crate::sdp::ice::Ice;
use crate::sdp::plan::SoundPlan;

/// The most fingerprints of one part; a certificate has one for each hash function.
const MAX_FINGERPRINTS: usize = 8;

/// One part of theirs.
#[derive(Clone, Copy)]
pub(super) struct Theirs<'a> {
    pub(super) description: &'a Description,
    pub(super) media: &'a Media,
    /// The part that says how this one travels: another one where all share a transport.
    transport: &'a Media,
}

impl<'a> Theirs<'a> {
    pub(super) fn new(description: &'a Description, media: &'a Media) -> Self {
        let transport = leader(description, media).unwrap_or(media);
        Self { description, media, transport }
    }

    /// All parts in order.
    pub(super) fn all(description: &'a Description) -> impl Iterator<Item = Self> {
        description.media.iter().map(|media| Self::new(description, media))
    }

    /// Whether it is neither declined nor over. One that has no port because it shares another's is alive.
    pub(super) fn is_live(&self) -> bool {
        self.media.port != 0 || !std::ptr::eq(self.transport, self.media)
    }

    /// What they send and take. Who takes at no address takes nothing: so calls were held before RFC 3264.
    pub(super) fn direction(&self) -> Direction {
        let said = self.description.direction_of(self.media);
        let nowhere = self.description.host_of(self.media).is_some_and(Host::is_nowhere);
        // A browser says so too, and means that ICE will find it.
        if nowhere && !self.has_ice() { said.and(Direction::Send) } else { said }
    }

    pub(super) fn formats(&self) -> Vec<Format> {
        Format::of(self.media)
    }

    fn has_ice(&self) -> bool {
        self.description.attribute_of(self.transport, "ice-ufrag").is_some()
    }

    pub(super) fn ice(&self) -> Option<Ice> {
        Ice::of(self.description, self.transport)
    }

    /// Whether whoever brings keys by DTLS can be met where we meet others by ICE.
    pub(super) fn can_be_met(&self, plan: &SoundPlan) -> bool {
        plan.place.ice.is_none() || self.ice().is_some()
    }

    /// Why there are no keys for SRTP.
    pub(super) fn keyless(&self, plan: &SoundPlan) -> Refusal {
        match self.can_be_met(plan) || self.fingerprints().is_empty() {
            true => Refusal::NoKeys,
            false => Refusal::NoIce,
        }
    }

    pub(super) fn has_mux(&self) -> bool {
        self.media.attributes.has("rtcp-mux") || self.transport.attributes.has("rtcp-mux")
    }

    /// Where sound goes. To a group or to everybody it does not go: a call is with somebody.
    pub(super) fn rtp(&self) -> Option<SocketAddr> {
        let ip = self.description.host_of(self.transport)?.ip().filter(is_somebody)?;
        (self.transport.port != 0).then_some(SocketAddr::new(ip, self.transport.port))
    }

    /// Where reports go when they have a port of their own.
    pub(super) fn rtcp(&self) -> Option<SocketAddr> {
        let rtp = self.rtp()?;
        match self.transport.rtcp() {
            Some((0, _)) => None,
            Some((port, host)) => {
                let host = host.filter(is_somebody);
                Some(SocketAddr::new(host.unwrap_or(rtp.ip()), port))
            }
            None => Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?)),
        }
    }

    /// The keys that we can use, in their order.
    pub(super) fn keys(&self) -> impl Iterator<Item = Crypto> {
        self.media.attributes.all("crypto").take(MAX_CRYPTO).filter_map(Crypto::parse)
    }

    pub(super) fn fingerprints(&self) -> Vec<Fingerprint> {
        let said = |name| self.transport.attributes.all(name).chain(self.description.attributes.all(name));
        let mut prints: Vec<_> = said("fingerprint").take(MAX_FINGERPRINTS).filter_map(Fingerprint::parse).collect();
        prints.dedup();
        prints
    }

    /// What they do to begin DTLS; `unsaid` where they do not say.
    pub(super) fn setup(&self, unsaid: Setup) -> Setup {
        self.description.attribute_of(self.transport, "setup").and_then(Setup::parse).unwrap_or(unsaid)
    }

    /// As something that passes.
    pub(super) fn relay(&self) -> Relay {
        let rtcp = self.rtcp().filter(|_| self.media.profile().is_some());
        let rtcp = if self.has_mux() { self.rtp() } else { rtcp };
        Relay { remote: self.rtp(), rtcp, media: self.media.clone() }
    }
}

/// Whether one machine can be there.
fn is_somebody(ip: &IpAddr) -> bool {
    let is_everybody = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !is_everybody
}

/// The part whose transport a `bundle-only` part shares (RFC 9143): the first of its group.
fn leader<'a>(description: &'a Description, media: &Media) -> Option<&'a Media> {
    if media.port != 0 || !media.attributes.has("bundle-only") {
        return None;
    }
    let mid = media.mid()?;
    let group = description.groups("BUNDLE").find(|mids| mids.contains(&mid))?;
    description.media.iter().find(|other| other.mid() == group.first().copied() && other.port != 0)
}
