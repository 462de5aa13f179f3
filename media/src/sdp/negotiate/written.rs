//! Writes our parts of a description.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::sdp::agreed::Asks;
use crate::sdp::crypto::Crypto;
use crate::sdp::description::{Bandwidth, Media, Profile, Protocol};
use crate::sdp::direction::Direction;
use crate::sdp::dtls::Setup;
use crate::sdp::format::Format;
use crate::sdp::plan::SoundPlan;
use crate::sdp::policy::Medium;

/// One part of sound or pictures, decided; what is left is writing.
pub(super) struct Written<'a> {
    pub(super) plan: &'a SoundPlan,
    pub(super) profile: Profile,
    pub(super) formats: &'a [Format],
    pub(super) direction: Direction,
    pub(super) crypto: Vec<Crypto>,
    pub(super) setup: Option<Setup>,
    pub(super) ice: bool,
    pub(super) mux: bool,
    /// Whether a port for reports alone is said.
    pub(super) rtcp: bool,
    pub(super) reduced: bool,
    pub(super) mid: Option<&'a str>,
    /// How we may be asked for a whole picture.
    pub(super) asks: Asks,
}

impl Written<'_> {
    pub(super) fn media(&self) -> Media {
        let place = &self.plan.place;
        let numbers = self.formats.iter().map(|format| format.payload_type.to_string());
        let policy = &self.plan.policy;
        let kind = policy.medium.kind();
        let mut media = Media::new(kind, place.rtp.port(), Protocol::Rtp(self.profile), numbers.collect());
        media.connection = Some(place.rtp.into());
        self.formats.iter().for_each(|format| format.write_to(&mut media));
        match policy.medium {
            Medium::Sound => {
                media.attributes.add("ptime", policy.ptime_ms);
                if policy.says_most {
                    media.attributes.add("maxptime", policy.most_ms);
                }
            }
            Medium::Pictures { kbit } => self.write_pictures(&mut media, kbit),
        }
        self.write_way(&mut media);
        media.attributes.flag(self.direction.text());
        if let Some((source, name)) = &place.source {
            // A browser makes a track of it, under the name of its stream.
            if self.setup.is_some() {
                media.attributes.add("msid", format_args!("{name} {source:08x}"));
            }
            media.attributes.add("ssrc", format_args!("{source} cname:{name}"));
        }
        media
    }

    /// How much may come, and how we are asked for a whole picture. Nothing is sent twice (NACK) and nobody estimates the
    /// way (REMB): the two ends of a relay would hear of different ways.
    fn write_pictures(&self, media: &mut Media, kbit: u32) {
        media.bandwidth.push(Bandwidth { kind: "AS".to_owned(), amount: kbit.into() });
        let said = [(self.asks.lost, "nack pli"), (self.asks.whole, "ccm fir")];
        for (_, words) in said.into_iter().filter(|(is_said, _)| *is_said) {
            for format in self.formats {
                media.attributes.add("rtcp-fb", format_args!("{} {words}", format.payload_type));
            }
        }
    }

    fn write_way(&self, media: &mut Media) {
        let place = &self.plan.place;
        if let Some(mid) = self.mid {
            media.attributes.add("mid", mid);
        }
        if self.mux {
            media.attributes.flag("rtcp-mux");
        }
        // The next port needs no word (RFC 3605).
        let next = place.rtp.port().checked_add(1).map(|port| SocketAddr::new(place.rtp.ip(), port));
        if let Some(rtcp) = place.rtcp.filter(|rtcp| self.rtcp && Some(*rtcp) != next) {
            let mut value = rtcp.port().to_string();
            if rtcp.ip() != place.rtp.ip() {
                let family = if rtcp.is_ipv4() { "IP4" } else { "IP6" };
                let _ = write!(value, " IN {family} {}", rtcp.ip());
            }
            media.attributes.add("rtcp", value);
        }
        if self.reduced {
            media.attributes.flag("rtcp-rsize");
        }
        self.crypto.iter().for_each(|crypto| media.attributes.add("crypto", crypto));
        if let (Some(setup), Some(fingerprint)) = (self.setup, &place.fingerprint) {
            media.attributes.add("fingerprint", fingerprint);
            media.attributes.add("setup", setup.text());
        }
        if let (true, Some(ice)) = (self.ice, &place.ice) {
            ice.write_to(media);
        }
    }
}

/// A declined part: the same line with port 0 (RFC 3264 §6), and its name where it has one.
pub(super) fn declined(theirs: &Media) -> Media {
    let mut formats = theirs.formats.clone();
    if formats.is_empty() {
        formats.push("0".to_owned());
    }
    let mut media = Media::new(&theirs.kind, 0, theirs.protocol.clone(), formats);
    if let Some(mid) = theirs.mid() {
        media.attributes.add("mid", mid);
    }
    media
}
