//! Our lines: which part stands in which line, and what each says.

use super::answered::offers_mux;
use super::numbers::Numbers;
use super::theirs::Theirs;
use super::written::{Written, declined};
use super::{Line, Refusal, Seal, choose};
use crate::sdp::agreed::{Asks, Flow, Security, Stream};
use crate::sdp::crypto::Crypto;
use crate::sdp::description::{Media, Profile};
use crate::sdp::dtls::Setup;
use crate::sdp::format::{Codec, Format};
use crate::sdp::plan::{Part, SoundPlan, Want};
use crate::sdp::policy::{Choice, Protection};
use crate::sdp::read::MAX_MEDIA;

/// Keys that an offer brings: those of the suites that everybody has. Each is a hundred bytes of an INVITE; an answer takes any suite.
const OFFERED_KEYS: usize = 2;

/// Puts parts into the lines there are: the line that had it before, else one of its kind, else a dead one, else a new one.
pub(super) fn place(lines: &[Line], parts: Vec<Part>) -> Vec<Part> {
    let mut places: Vec<Option<Part>> = vec![None; lines.len()];
    let fits: [fn(&Line, &Part) -> bool; 3] = [
        |line, part| line.part.tag == part.tag && line.is_of(part),
        |line, part| line.is_of(part),
        |line, _| line.part.want == Want::Nothing,
    ];
    let mut left: Vec<Part> = parts.into_iter().filter(|part| part.kind().is_some()).collect();
    for fit in fits {
        left.retain(|part| {
            let place = lines.iter().zip(&mut places).find(|(line, place)| place.is_none() && fit(line, part));
            place.map(|(_, place)| *place = Some(part.clone())).is_none()
        });
    }
    places.extend(left.into_iter().map(Some));
    // Nobody reads more lines than these, so nobody is sent more.
    places.truncate(MAX_MEDIA);
    let tags = lines.iter().map(|line| line.part.tag).chain(std::iter::repeat(u32::MAX));
    places.into_iter().zip(tags).map(|(part, tag)| part.unwrap_or(Part::nothing(tag))).collect()
}

impl Line {
    /// What it said last, as far as declining it says it again.
    fn as_written(&self, numbers: &Numbers) -> Media {
        let mut media = self.media.clone();
        if media.formats.is_empty() {
            media.formats = numbers.each().map(|number| number.to_string()).collect();
        }
        media
    }

    fn is_of(&self, part: &Part) -> bool {
        part.kind().is_some_and(|kind| kind.eq_ignore_ascii_case(&self.media.kind))
    }
}

/// Writes an offered line. `before` is the line as it is settled; numbers that are `taken` mean something in another line.
pub(super) fn line(index: usize, part: Part, before: Option<&Line>, numbers: &mut Numbers, taken: &[u8]) -> Line {
    match &part.want {
        Want::Sound(plan) => {
            let formats = formats(plan, numbers, taken);
            let seal = seal(plan, before.filter(|before| before.part.kind() == part.kind()));
            let media = offered(index, plan, seal, &formats, before.and_then(|before| before.media.mid()));
            Line { part, media, formats, seal }
        }
        Want::Relay(relay) => {
            let media = relay.media();
            Line { part, media, formats: Vec::new(), seal: Seal::Open(Profile::AVP) }
        }
        Want::Nothing => {
            let nothing = Media::new("audio", 0, crate::sdp::description::Protocol::Rtp(Profile::AVP), Vec::new());
            let media = declined(&before.map_or(nothing, |before| before.as_written(numbers)));
            Line { part, media, formats: Vec::new(), seal: Seal::Open(Profile::AVP) }
        }
    }
}

/// How a line of sound is to be protected: as it is, where that is still allowed.
fn seal(plan: &SoundPlan, before: Option<&Line>) -> Seal {
    match (plan.policy.protection, before.map(|before| before.seal)) {
        (Protection::Plain | Protection::Offered, Some(seal @ Seal::Open(_))) => seal,
        (Protection::Plain, _) => Seal::Open(Profile::AVP),
        (_, Some(seal @ (Seal::Keys(_) | Seal::Certificate(_)))) => seal,
        (Protection::Offered, _) if plan.place.keys.is_empty() => Seal::Open(Profile::AVP),
        (Protection::Offered, _) => Seal::Keys(Profile::AVP),
        (Protection::Sdes, _) => Seal::Keys(Profile::SAVP),
        (Protection::Dtls, _) => Seal::Certificate(Profile::DTLS),
    }
}

fn offered(index: usize, plan: &SoundPlan, seal: Seal, formats: &[Format], mid: Option<&str>) -> Media {
    let keys =
        || plan.place.keys.iter().take(OFFERED_KEYS).zip(1u32..).map(|(key, tag)| Crypto { tag, key: key.clone() });
    let (profile, crypto, setup) = match seal {
        Seal::Open(profile) => (profile, Vec::new(), None),
        Seal::Keys(profile) => (profile, keys().collect(), None),
        Seal::Certificate(profile) => (profile, Vec::new(), Some(Setup::Either)),
    };
    let named = setup.map(|_| index.to_string());
    let written = Written {
        plan,
        profile,
        formats,
        direction: plan.direction,
        crypto,
        setup,
        ice: true,
        mux: offers_mux(plan),
        rtcp: true,
        reduced: setup.is_some(),
        mid: mid.or(named.as_deref()),
        asks: Asks { lost: true, whole: true },
    };
    written.media()
}

/// The formats of an offer: speech, then keys under each clock of it, then comfort noise.
fn formats(plan: &SoundPlan, numbers: &mut Numbers, taken: &[u8]) -> Vec<Format> {
    let policy = &plan.policy;
    let mut formats: Vec<Format> = Vec::new();
    let mut add = |codec: &Codec, parameters: Option<&str>, wished: Option<u8>, formats: &mut Vec<Format>| {
        let Some(payload_type) = numbers.of(codec, parameters, wished, taken) else { return };
        if formats.iter().all(|format| format.payload_type != payload_type) {
            formats.push(Format { payload_type, codec: codec.clone(), parameters: parameters.map(str::to_owned) });
        }
    };
    for Choice { codec, parameters, number, .. } in &policy.codecs {
        add(codec, parameters.as_deref(), *number, &mut formats);
    }
    let mut clocks: Vec<u32> = formats.iter().map(|format| format.codec.clock_hz()).collect();
    clocks.sort_unstable();
    clocks.dedup();
    if let Some(events) = policy.keys {
        let events = events.to_string();
        for clock_hz in clocks.iter().rev() {
            let keys = Codec::named(Codec::KEYS_NAME, *clock_hz, 1);
            add(&keys, Some(&events), None, &mut formats);
        }
    }
    if policy.comfort_noise && clocks.contains(&8000) {
        add(&Codec::COMFORT_NOISE, None, None, &mut formats);
    }
    formats
}

/// Answers one of their lines. Why sound was declined is left in `refusal`, the first reason only.
pub(super) fn answer(theirs: Theirs<'_>, part: Part, refusal: &mut Option<Refusal>) -> (Line, Stream) {
    let tag = part.tag;
    match &part.want {
        Want::Sound(plan) if theirs.is_live() => match choose::sound(theirs, plan) {
            Ok(chosen) => {
                let profile = chosen.media.profile().unwrap_or(Profile::AVP);
                let seal = match chosen.sound.security {
                    Security::Dtls { .. } => Seal::Certificate(profile),
                    Security::Sdes { .. } => Seal::Keys(profile),
                    Security::Open => Seal::Open(profile),
                };
                let (sound, media, formats) = (chosen.sound, chosen.media, chosen.formats);
                let medium = plan.policy.medium;
                return (Line { part, media, formats, seal }, Stream { tag, flow: Flow::of(medium, sound) });
            }
            Err(reason) => {
                refusal.get_or_insert(reason);
            }
        },
        Want::Relay(relay) if theirs.is_live() && relay.fits(theirs.media) => {
            let mut media = relay.media();
            (media.kind, media.protocol) = (theirs.media.kind.clone(), theirs.media.protocol.clone());
            if let Some(mid) = theirs.media.mid() {
                media.attributes.add("mid", mid);
            }
            let flow = Flow::Relay(Box::new(theirs.relay()));
            return (Line { part, media, formats: Vec::new(), seal: Seal::Open(Profile::AVP) }, Stream { tag, flow });
        }
        _ => {}
    }
    let line = Line {
        part: Part::nothing(tag),
        media: declined(theirs.media),
        formats: Vec::new(),
        seal: Seal::Open(Profile::AVP),
    };
    (line, Stream { tag, flow: Flow::Off })
}
