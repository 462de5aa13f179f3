//! What two sides agreed on, as plain values for the media plane.

use std::net::SocketAddr;
use std::sync::Arc;

use super::crypto::MasterKey;
use super::description::Media;
use super::direction::Direction;
use super::dtls::{Fingerprint, Setup};
use super::fmtp::Events;
use super::format::Format;
use super::ice::Ice;
use super::policy::Medium;

/// What was agreed, one stream for each line, in the order of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The streams.
    pub streams: Vec<Stream>,
}

impl Agreed {
    /// The first stream of sound.
    #[must_use]
    pub fn sound(&self) -> Option<&Arc<Sound>> {
        self.streams.iter().find_map(|stream| match &stream.flow {
            Flow::Sound(sound) => Some(sound),
            _ => None,
        })
    }

    /// The first stream of pictures.
    #[must_use]
    pub fn pictures(&self) -> Option<&Arc<Sound>> {
        self.streams.iter().find_map(|stream| match &stream.flow {
            Flow::Pictures(pictures) => Some(pictures),
            _ => None,
        })
    }

    /// The stream that our side named so, and that is not off.
    #[must_use]
    pub fn tagged(&self, tag: u32) -> Option<&Flow> {
        let live = self.streams.iter().filter(|stream| stream.flow != Flow::Off);
        live.map(|stream| (stream.tag, &stream.flow)).find(|(name, _)| *name == tag).map(|(_, flow)| flow)
    }
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Our side's own name for it.
    pub tag: u32,
    /// What flows.
    pub flow: Flow,
}

/// What flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Sound that is made and taken here. Shared with whoever tunes a port by it: it lives as long as its leg.
    Sound(Arc<Sound>),
    /// Pictures: agreed as sound is, and passed on.
    Pictures(Arc<Sound>),
    /// Something that passes between two legs as it is.
    Relay(Box<Relay>),
    /// Nothing.
    Off,
}

impl Flow {
    /// What was agreed of a part that sends this.
    pub(super) fn of(medium: Medium, agreed: Sound) -> Self {
        match medium {
            Medium::Sound => Self::Sound(Arc::new(agreed)),
            Medium::Pictures { .. } => Self::Pictures(Arc::new(agreed)),
        }
    }
}

/// Sound that is made and taken here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Where sound goes; `None` until packets or ICE show where: a name, or nowhere (an old way to hold).
    pub rtp: Option<SocketAddr>,
    /// Where reports go; the same as `rtp` when they share the port.
    pub rtcp: Option<SocketAddr>,
    /// Which way, seen from us.
    pub direction: Direction,
    /// Speech that we may send, with their numbers and with what they ask of it; the first is the one to use.
    pub send: Vec<Format>,
    /// Speech that may come, with our numbers and with what we asked of it.
    pub receive: Vec<Format>,
    /// Keys as events.
    pub keys: Keys,
    /// The payload type of comfort noise that we may send.
    pub noise_sent: Option<u8>,
    /// The payload type of comfort noise that may come.
    pub noise_received: Option<u8>,
    /// How many milliseconds of sound to put in a packet.
    pub ptime_ms: u16,
    /// The same, where they say what they like; else a packet that is passed on may have any length.
    pub asked_ms: Option<u16>,
    /// The most that they take in a packet, whoever made it; `None` where they do not say.
    pub most_ms: Option<u16>,
    /// What protects it.
    pub security: Security,
    /// Whether reports share the port of the sound.
    pub rtcp_mux: bool,
    /// Whether reports may be short ones (RFC 5506).
    pub rtcp_reduced: bool,
    /// Their ICE, where both sides use it.
    pub ice: Option<Ice>,
    /// The name of the line in groups, where it has one.
    pub mid: Option<String>,
    /// How a whole picture is asked for, where these are pictures.
    pub asks: Asks,
}

impl Sound {
    /// Whether the other side takes no sound from us: it holds the call.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        !self.direction.sends()
    }

    /// The speech format of a payload type that came in.
    #[must_use]
    pub fn received_as(&self, payload_type: u8) -> Option<&Format> {
        self.receive.iter().find(|format| format.payload_type == payload_type)
    }
}

/// How the other side may be asked for a whole picture, by what it says of feedback (RFC 4585, RFC 5104).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// By saying that one got lost.
    pub lost: bool,
    /// By asking for a whole one.
    pub whole: bool,
}

impl Asks {
    /// What a part says of it.
    pub(super) fn of(media: &Media) -> Self {
        let said = |words: &str| {
            let mut lines = media.attributes.all("rtcp-fb").filter_map(|line| line.split_once(' '));
            lines.any(|(_, said)| said.trim().eq_ignore_ascii_case(words))
        };
        Self { lost: said("nack pli"), whole: said("ccm fir") }
    }
}

/// Keys as events (RFC 4733).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// How we may send them.
    pub send: Option<KeyEvents>,
    /// As what they may come; more than one where speech has more than one clock.
    pub receive: Vec<KeyEvents>,
}

/// One way of sending keys as events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyEvents {
    /// The payload type.
    pub payload_type: u8,
    /// The clock of timestamps and durations.
    pub clock_hz: u32,
    /// What the side that takes them understands.
    pub events: Events,
}

/// What protects sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing.
    Open,
    /// SRTP with keys from the descriptions.
    Sdes {
        /// The line of the offer that was taken.
        tag: u32,
        /// What we send with.
        local: MasterKey,
        /// What they send with.
        remote: MasterKey,
    },
    /// SRTP with keys that DTLS will give.
    Dtls {
        /// What we do: begin, or wait.
        setup: Setup,
        /// One of these is their certificate's.
        remote: Vec<Fingerprint>,
    },
}

/// Something that passes between two legs as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where it goes.
    pub remote: Option<SocketAddr>,
    /// Where its reports go.
    pub rtcp: Option<SocketAddr>,
    /// The part as they said it, to be passed on by [`RelayPlan::of`](super::plan::RelayPlan::of).
    pub media: Media,
}
