//! What a leg may say and take. Routes, trunks and endpoints decide it; negotiation obeys.
//!
//! A call of two legs asks for as little transcoding as it can: the callee is offered by [`Policy::towards`] what the
//! caller has, and the caller is answered by [`Policy::after`] with what the callee took.

use super::fmtp::{self, Events, Opus};
use super::format::{Codec, Format};
use crate::codec::Kind;

/// The most codecs of a list. An offer with all that we speak has eight.
pub const MAX_CODECS: usize = 24;

/// What a leg may say and take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The codecs, the dearest first.
    pub codecs: Vec<Choice>,
    /// Whose order counts when we answer.
    pub order: Order,
    /// Whether an answer names one codec only, so that nobody changes it in the middle.
    pub one: bool,
    /// Which keys we take as events; `None`: no such events at all.
    pub keys: Option<Events>,
    /// Whether comfort noise is taken.
    pub comfort_noise: bool,
    /// How many milliseconds of sound we like in a packet.
    pub ptime_ms: u16,
    /// The most that we send in a packet, whatever the other side likes; also said as `maxptime` when `says_most`.
    pub most_ms: u16,
    /// Whether the most is said.
    pub says_most: bool,
    /// What protects the sound.
    pub protection: Protection,
    /// Whether reports may share the port of the sound.
    pub rtcp_mux: bool,
    /// What is sent: sound, or pictures that pass.
    pub medium: Medium,
}

/// What a part sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Sound.
    Sound,
    /// Pictures, in packets that pass from leg to leg as they are.
    Pictures {
        /// The most that is taken, in kbit/s.
        kbit: u32,
    },
}

impl Medium {
    /// As SDP calls it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Sound => "audio",
            Self::Pictures { .. } => "video",
        }
    }
}

/// One codec of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The codec.
    pub codec: Codec,
    /// What we say of it in `fmtp`: what we would like to receive.
    pub parameters: Option<String>,
    /// Whether it can only go from leg to leg, because nothing here encodes it.
    pub passing: bool,
    /// The payload type that it has on the other leg; taken here as well when it is free.
    pub number: Option<u8>,
}

impl From<Codec> for Choice {
    fn from(codec: Codec) -> Self {
        let kind = codec.kind();
        let passing = kind.is_none_or(|kind| !kind.is_spoken());
        // Forward error correction is what makes Opus worth its price; a copy of the lost packet costs nothing to take.
        let opus = Opus { fec: true, least_ms: Some(10), ..Opus::default() };
        let parameters = (kind == Some(Kind::Opus)).then(|| opus.to_string());
        Self { codec, parameters, passing, number: None }
    }
}

/// Whose order of codecs counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ours.
    Ours,
    /// The offer's.
    Theirs,
}

/// What protects the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing; offers that want SRTP are refused.
    Plain,
    /// SRTP where the other side wants it, too: offered as `RTP/AVP` with keys.
    Offered,
    /// SRTP with keys in the description, or nothing; the place must hold keys. Who offers DTLS is taken where we have a certificate.
    Sdes,
    /// SRTP with keys agreed by DTLS, or nothing; the place must hold a fingerprint. Who offers keys in the description is taken where we have some.
    Dtls,
}

impl Policy {
    /// A policy that takes these codecs, and else what most phones expect.
    #[must_use]
    pub fn new(codecs: impl IntoIterator<Item = Codec>) -> Self {
        Self {
            codecs: codecs.into_iter().take(MAX_CODECS).map(Choice::from).collect(),
            order: Order::Theirs,
            one: true,
            keys: Some(Events::KEYS),
            comfort_noise: true,
            ptime_ms: 20,
            most_ms: 60,
            says_most: false,
            protection: Protection::Plain,
            rtcp_mux: true,
            medium: Medium::Sound,
        }
    }

    /// A policy for pictures: what the other leg has, in its order and, where they are free, under its numbers. Nothing here
    /// understands pictures, so what one leg asks of them is asked of the other. At most `kbit` kbit/s are taken.
    #[must_use]
    pub fn pictures(formats: &[Format], kbit: u32, protection: Protection) -> Self {
        let passes = |format: &&Format| format.codec.is_picture();
        let choice = |format: &Format| Choice {
            codec: format.codec.clone(),
            parameters: format.parameters.clone(),
            passing: true,
            number: Some(format.payload_type),
        };
        Self {
            codecs: formats.iter().filter(passes).take(MAX_CODECS).map(choice).collect(),
            order: Order::Ours,
            keys: None,
            comfort_noise: false,
            protection,
            medium: Medium::Pictures { kbit },
            ..Self::new([])
        }
    }

    /// What to offer a callee while the caller offers `theirs`: what both have comes first, in the order of this policy,
    /// then what we can transcode. What can only pass is kept only where the caller has it.
    #[must_use]
    pub fn towards(&self, theirs: &[Format]) -> Self {
        let both = self.codecs.iter().filter_map(|choice| {
            let format = theirs.iter().find(|format| choice.meets(format))?;
            Some(choice.as_in(format))
        });
        self.with_first(both.collect())
    }

    /// What to answer a caller when the callee took `theirs`: that first, in the callee's order, because the callee is
    /// likely to send its first.
    #[must_use]
    pub fn after(&self, theirs: &[Format]) -> Self {
        let both = theirs.iter().filter_map(|format| {
            let choice = self.codecs.iter().find(|choice| choice.meets(format))?;
            Some(choice.as_in(format))
        });
        self.with_first(both.collect())
    }

    /// The same, with nothing that would have to be transcoded for the other leg's formats.
    #[must_use]
    pub fn only(&self, theirs: &[Format]) -> Self {
        let mut policy = self.clone();
        policy.codecs.retain(|choice| theirs.iter().any(|format| choice.meets(format)));
        policy
    }

    fn with_first(&self, mut first: Vec<Choice>) -> Self {
        for choice in self.codecs.iter().filter(|choice| !choice.passing) {
            let same =
                |other: &Choice| other.codec == choice.codec && fmtp::agree(&choice.codec, said(other), said(choice));
            if !first.iter().any(same) {
                first.push(choice.clone());
            }
        }
        first.truncate(MAX_CODECS);
        Self { codecs: first, order: Order::Ours, ..self.clone() }
    }
}

fn said(choice: &Choice) -> Option<&str> {
    choice.parameters.as_deref()
}

impl Choice {
    /// Whether a format is this codec.
    pub(super) fn meets(&self, format: &Format) -> bool {
        // What only passes has no parameters of ours unless somebody set some: any packing will do.
        let any = self.passing && self.parameters.is_none();
        self.codec == format.codec && (any || fmtp::agree(&self.codec, said(self), format.parameters.as_deref()))
    }

    /// The same as the other leg has it: what that leg asks of its sound is asked here, because sound goes from one to the
    /// other untouched.
    fn as_in(&self, format: &Format) -> Self {
        let number = Some(format.payload_type).filter(|number| *number >= FIRST_DYNAMIC);
        let asked = format.parameters.as_deref();
        let asked = if self.codec == Codec::OPUS {
            // What we know of it; the rest is nobody's business on this leg.
            asked.map(|asked| Opus::parse(asked).to_string()).filter(|asked| !asked.is_empty())
        } else {
            asked.filter(|_| self.passing).map(str::to_owned)
        };
        Self { parameters: asked.or_else(|| self.parameters.clone()), number, ..self.clone() }
    }
}

/// Payload types from here on mean what `rtpmap` says (RFC 3551 §3).
pub(super) const FIRST_DYNAMIC: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(policy: &Policy) -> Vec<String> {
        policy.codecs.iter().map(|choice| choice.codec.to_string()).collect()
    }

    fn trunk() -> Policy {
        Policy::new([Codec::PCMA, Codec::PCMU, Codec::G729, Codec::AMR, Codec::OPUS])
    }

    #[test]
    fn a_callee_is_offered_first_what_the_caller_has() {
        let caller = [Format::new(107, Codec::OPUS), Format::new(0, Codec::PCMU), Format::new(3, Codec::GSM)];
        let offered = trunk().towards(&caller);
        assert_eq!(names(&offered), ["PCMU/8000", "opus/48000/2", "PCMA/8000"]);
        let numbers: Vec<_> = offered.codecs.iter().map(|choice| choice.number).collect();
        assert_eq!(numbers, [None, Some(107), None]);
    }

    #[test]
    fn what_only_passes_is_offered_as_the_caller_has_it() {
        let aligned = Format { parameters: Some("octet-align=1".into()), ..Format::new(97, Codec::AMR) };
        let offered = trunk().towards(&[Format::new(18, Codec::G729), aligned]);
        assert_eq!(names(&offered)[..2], ["G729/8000", "AMR/8000"]);
        assert_eq!(offered.codecs[1].parameters.as_deref(), Some("octet-align=1"));
        assert!(offered.codecs[1].passing && !offered.codecs[2].passing);
    }

    #[test]
    fn what_one_leg_asks_of_opus_is_asked_of_the_other() {
        let asks = |parameters: &str| Format { parameters: Some(parameters.into()), ..Format::new(96, Codec::OPUS) };
        let offered = |format| trunk().towards(&[format]).codecs[0].parameters.clone();
        assert_eq!(
            offered(asks("usedtx=1; x=y; maxplaybackrate=8000")).as_deref(),
            Some("usedtx=1;maxplaybackrate=8000")
        );
        assert_eq!(offered(asks("x=y")).as_deref(), Some("minptime=10;useinbandfec=1"));
    }

    #[test]
    fn a_caller_is_answered_in_the_order_of_the_callee() {
        let callee = [Format::new(0, Codec::PCMU), Format::new(8, Codec::PCMA)];
        let answered = trunk().after(&callee);
        assert_eq!(names(&answered), ["PCMU/8000", "PCMA/8000", "opus/48000/2"]);
        assert_eq!(answered.order, Order::Ours);
        assert_eq!(names(&trunk().only(&callee)), ["PCMA/8000", "PCMU/8000"]);
    }
}
