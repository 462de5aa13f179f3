//! Codecs as SDP names them: an encoding name, a clock and channels, behind a payload type.
//!
//! A name here promises nothing about encoders: G.729 and AMR are named so that they can pass between two legs that both
//! have them. Which codecs a leg may use is [`Policy`](super::policy::Policy)'s.

use std::borrow::Cow;
use std::fmt;

use super::description::Media;
use super::read::is_token;
use crate::codec::Kind;

/// Who a codec is. Two are the same when name (in any case), clock and channels are.
#[derive(Clone, Debug, Eq)]
pub struct Codec {
    name: Cow<'static, str>,
    clock_hz: u32,
    channels: u8,
}

impl Codec {
    /// The name of keys as events, under any clock.
    pub const KEYS_NAME: &str = "telephone-event";
    /// G.711 µ-law.
    pub const PCMU: Self = Self::named("PCMU", 8000, 1);
    /// G.711 A-law.
    pub const PCMA: Self = Self::named("PCMA", 8000, 1);
    /// G.722: sound of 16 kHz under a clock of 8000, an error of RFC 1890 that stays.
    pub const G722: Self = Self::named("G722", 8000, 1);
    /// Opus; always written as two channels (RFC 7587).
    pub const OPUS: Self = Self::named("opus", 48_000, 2);
    /// G.729, with or without annex B.
    pub const G729: Self = Self::named("G729", 8000, 1);
    /// GSM full rate.
    pub const GSM: Self = Self::named("GSM", 8000, 1);
    /// AMR.
    pub const AMR: Self = Self::named("AMR", 8000, 1);
    /// Wide-band AMR.
    pub const AMR_WB: Self = Self::named("AMR-WB", 16_000, 1);
    /// Comfort noise (RFC 3389).
    pub const COMFORT_NOISE: Self = Self::named("CN", 8000, 1);
    /// Pictures by RFC 7741.
    pub const VP8: Self = Self::named("VP8", 90_000, 1);
    /// Pictures by RFC 6184.
    pub const H264: Self = Self::named("H264", 90_000, 1);
    /// Keys as events (RFC 4733) beside a codec with a clock of 8000.
    pub const KEYS: Self = Self::named(Self::KEYS_NAME, 8000, 1);
    /// Keys as events beside Opus.
    pub const KEYS_FULL: Self = Self::named(Self::KEYS_NAME, 48_000, 1);

    /// Linear sound in network byte order, one channel.
    #[must_use]
    pub const fn l16(clock_hz: u32) -> Self {
        Self::named("L16", clock_hz, 1)
    }

    /// A codec whose name is known here.
    #[must_use]
    pub const fn named(name: &'static str, clock_hz: u32, channels: u8) -> Self {
        Self { name: Cow::Borrowed(name), clock_hz, channels }
    }

    /// The name, in the case in which it came.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clock of its RTP timestamps.
    #[must_use]
    pub const fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// Its channels.
    #[must_use]
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Whether this is keys as events, under any clock.
    #[must_use]
    pub fn is_keys(&self) -> bool {
        self.name.eq_ignore_ascii_case(Self::KEYS_NAME)
    }

    /// Whether this is comfort noise, under any clock.
    #[must_use]
    pub fn is_comfort_noise(&self) -> bool {
        self.name.eq_ignore_ascii_case("CN")
    }

    /// Whether this carries speech, and is not one of those that go beside it.
    #[must_use]
    pub fn is_speech(&self) -> bool {
        let beside = [Self::KEYS_NAME, "CN", "red", "ulpfec", "flexfec-03", "rtx", "tone", "t140"];
        !beside.iter().any(|name| self.name.eq_ignore_ascii_case(name))
    }

    /// Whether these are pictures that pass between two legs which both have them.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        [Self::VP8, Self::H264].contains(self)
    }

    /// What the house knows of it; `None` for one that can only be named.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::named(&self.name, self.clock_hz, self.channels)
    }

    /// The payload type that means it without `rtpmap` (RFC 3551).
    #[must_use]
    pub fn fixed_payload_type(&self) -> Option<u8> {
        FIXED.iter().find(|(_, codec)| codec == self).map(|(payload_type, _)| *payload_type)
    }

    /// What a payload type means without `rtpmap`.
    #[must_use]
    pub fn of_fixed(payload_type: u8) -> Option<Self> {
        FIXED.iter().find(|(fixed, _)| *fixed == payload_type).map(|(_, codec)| codec.clone())
    }
}

/// RFC 3551 §6, sound only.
const FIXED: [(u8, Codec); 17] = [
    (0, Codec::PCMU),
    (3, Codec::GSM),
    (4, Codec::named("G723", 8000, 1)),
    (5, Codec::named("DVI4", 8000, 1)),
    (6, Codec::named("DVI4", 16_000, 1)),
    (7, Codec::named("LPC", 8000, 1)),
    (8, Codec::PCMA),
    (9, Codec::G722),
    (10, Codec::named("L16", 44_100, 2)),
    (11, Codec::l16(44_100)),
    (12, Codec::named("QCELP", 8000, 1)),
    (13, Codec::COMFORT_NOISE),
    (14, Codec::named("MPA", 90_000, 1)),
    (15, Codec::named("G728", 8000, 1)),
    (16, Codec::named("DVI4", 11_025, 1)),
    (17, Codec::named("DVI4", 22_050, 1)),
    (18, Codec::G729),
];

/// Names as nearly everybody writes them: those need no memory of their own, however often they are copied.
const USUAL: [&str; 12] =
    ["PCMU", "PCMA", "G722", "opus", "telephone-event", "CN", "G729", "GSM", "AMR", "AMR-WB", "L16", "speex"];

fn spelled(name: &str) -> Cow<'static, str> {
    let usual = USUAL.into_iter().find(|usual| *usual == name);
    usual.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

impl From<Kind> for Codec {
    fn from(kind: Kind) -> Self {
        Self::named(kind.name(), kind.clock_hz(), kind.channels())
    }
}

impl PartialEq for Codec {
    fn eq(&self, other: &Self) -> bool {
        (self.clock_hz, self.channels) == (other.clock_hz, other.channels)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.clock_hz)?;
        if self.channels == 1 { Ok(()) } else { write!(f, "/{}", self.channels) }
    }
}

/// The value of `a=rtpmap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// The payload type.
    pub payload_type: u8,
    /// What it means.
    pub codec: Codec,
}

impl RtpMap {
    /// Reads `111 opus/48000/2`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (payload_type, codec) = value.trim().split_once([' ', '\t'])?;
        let payload_type = payload_type.parse().ok().filter(|number: &u8| *number < 128)?;
        let mut parts = codec.trim().split('/');
        let (name, clock_hz) = (parts.next()?, parts.next()?.trim().parse().ok()?);
        // One phone ends the line with a slash, another counts channels that cannot be.
        let channels = match parts.next().map(str::trim) {
            None | Some("") => 1,
            Some(channels) => channels.parse().ok().filter(|channels: &u8| *channels > 0)?,
        };
        let wrong = !is_token(name) || clock_hz == 0 || parts.next().is_some();
        let codec = Codec { name: spelled(name), clock_hz, channels };
        (!wrong).then_some(Self { payload_type, codec })
    }
}

impl fmt::Display for RtpMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.payload_type, self.codec)
    }
}

/// A payload type and what it means: `rtpmap` and `fmtp` together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// The number in RTP packets.
    pub payload_type: u8,
    /// What it means.
    pub codec: Codec,
    /// What `fmtp` says of it, as written; [`fmtp`](super::fmtp) reads it.
    pub parameters: Option<String>,
}

impl Format {
    /// One without parameters.
    #[must_use]
    pub const fn new(payload_type: u8, codec: Codec) -> Self {
        Self { payload_type, codec, parameters: None }
    }

    /// The formats of a part in its order; payload types that nothing explains are left out.
    #[must_use]
    pub fn of(media: &Media) -> Vec<Self> {
        let maps: Vec<_> = media.attributes.all("rtpmap").filter_map(RtpMap::parse).collect();
        let explained = media.payload_types().into_iter().filter_map(|payload_type| {
            let map = maps.iter().find(|map| map.payload_type == payload_type);
            let codec = map.map(|map| map.codec.clone()).or_else(|| Codec::of_fixed(payload_type))?;
            Some(Self { payload_type, codec, parameters: parameters(media, payload_type) })
        });
        explained.collect()
    }

    /// Writes the lines that explain the payload type.
    pub fn write_to(&self, media: &mut Media) {
        let map = RtpMap { payload_type: self.payload_type, codec: self.codec.clone() };
        media.attributes.add("rtpmap", map);
        if let Some(parameters) = &self.parameters {
            media.attributes.add("fmtp", format_args!("{} {parameters}", self.payload_type));
        }
    }
}

fn parameters(media: &Media, payload_type: u8) -> Option<String> {
    media.attributes.all("fmtp").find_map(|value| {
        let (number, parameters) = value.split_once([' ', '\t'])?;
        (number.parse() == Ok(payload_type)).then(|| parameters.trim().to_owned())
    })
}
