//! A message body: it is read, asked everything, written again, answered, and taken for an answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use patchcord_media::sdp::agreed::{Flow, Sound};
use patchcord_media::sdp::crypto::{Crypto, MasterKey, Suite};
use patchcord_media::sdp::dtls::{Fingerprint, Setup};
use patchcord_media::sdp::fmtp::{Events, Opus};
use patchcord_media::sdp::ice::{Candidate, Ice, MAX_CANDIDATES, Trickled};
use patchcord_media::sdp::policy::{Policy, Protection};
use patchcord_media::sdp::read::{MAX_ATTRIBUTES, MAX_BYTES, MAX_FORMATS, MAX_MEDIA};
use patchcord_media::sdp::{Codec, Description, Direction, Format, Media, Negotiation, Session};
use patchcord_media::sdp::{Part, Place, RelayPlan, SoundPlan};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Reads a description, asks it everything, and reads what it writes.
pub fn sdp(data: &[u8]) {
    if let Some(fragment) = str::from_utf8(data).ok().and_then(|text| Trickled::read(text).ok()) {
        assert!(fragment.candidates.len() <= MAX_CANDIDATES);
    }
    let description = match Description::parse(data) {
        Ok(description) => description,
        Err(malformed) => {
            assert!((1..=MAX_BYTES + 1).contains(&malformed.line), "an error is on a line of the text");
            return;
        }
    };
    let text = description.to_string();
    assert_eq!(Description::parse(text.as_bytes()).as_ref(), Ok(&description), "what is written reads the same");
    assert!(description.media.len() <= MAX_MEDIA);
    let attributes = description.media.iter().map(|media| media.attributes.len()).sum::<usize>();
    assert!(attributes + description.attributes.len() <= MAX_ATTRIBUTES);
    let _ = description.groups("BUNDLE").map(|mids| mids.len()).sum::<usize>();
    description.media.iter().for_each(|media| part(&description, media));
    for protection in [Protection::Plain, Protection::Offered, Protection::Dtls] {
        answered(&description, &plan(protection));
        taken_for_an_answer(&description, plan(protection));
    }
}

fn plan(protection: Protection) -> SoundPlan {
    let mut place = Place::new(SocketAddr::new(HERE, 10_000), None);
    place.keys = Suite::ALL.into_iter().filter_map(|suite| MasterKey::new(suite, &vec![1; suite.length()])).collect();
    place.fingerprint = Some(Fingerprint { hash: "sha-256".into(), bytes: vec![1; 32] });
    place.ice = Some(Ice { ufrag: "ours".into(), pwd: "o".repeat(22), ..Ice::default() });
    let codecs = [Codec::OPUS, Codec::PCMA, Codec::PCMU, Codec::G729, Codec::AMR];
    let policy = Policy { protection, one: protection == Protection::Plain, ..Policy::new(codecs) };
    SoundPlan { policy, place, direction: Direction::Both }
}

/// Sound where it is sound, everything else passed on.
fn parts(description: &Description, plan: &SoundPlan) -> Vec<Part> {
    let part = |(media, tag): (&Media, u32)| {
        if media.kind.eq_ignore_ascii_case("audio") {
            let policy = plan.policy.after(&Format::of(media));
            return Part::sound(tag, SoundPlan { policy, ..plan.clone() });
        }
        let relay = RelayPlan::of(media, SocketAddr::new(HERE, 20_000), None);
        relay.map_or(Part::nothing(tag), |relay| Part::relay(tag, relay))
    };
    description.media.iter().zip(0..).map(part).collect()
}

fn answered(offer: &Description, plan: &SoundPlan) {
    let mut leg = Negotiation::new(Session { id: 1, version: 1, host: HERE });
    leg.receive(offer.clone()).expect("nothing is pending");
    let line = leg.sound_line(plan);
    let Ok(answer) = leg.answer(parts(offer, plan)) else {
        assert!(leg.agreed().is_none());
        return;
    };
    assert_eq!(Description::parse(answer.to_string().as_bytes()).as_ref(), Ok(&answer), "an answer can be read");
    assert_eq!(answer.media.len(), offer.media.len());
    for (offered, answered) in offer.media.iter().zip(&answer.media) {
        assert_eq!(offered.kind, answered.kind);
        assert!(answered.port == 0 || answered.formats.iter().all(|format| known(offered, format)));
    }
    let streams = &leg.agreed().expect("answered").streams;
    streams.iter().for_each(|stream| flow(&stream.flow));
    assert!(line.is_err() || streams.iter().any(|stream| matches!(stream.flow, Flow::Sound(_))));
    // The same offer again gets the same answer.
    leg.receive(offer.clone()).expect("nothing is pending");
    assert_eq!(leg.answer(leg.parts()).as_ref(), Ok(&answer));
    let again = leg.turn(Direction::Send).expect("an offer");
    assert_eq!(Description::parse(again.to_string().as_bytes()), Ok(again));
}

/// Payload types may be written in more than one way (`08`).
fn known(offered: &Media, format: &String) -> bool {
    offered.formats.contains(format) || format.parse().is_ok_and(|number| offered.payload_types().contains(&number))
}

fn taken_for_an_answer(answer: &Description, plan: SoundPlan) {
    let mut leg = Negotiation::new(Session { id: 1, version: 1, host: HERE });
    let mut wanted = parts(answer, &plan);
    wanted.push(Part::sound(99, plan));
    leg.offer(wanted).expect("nothing is pending");
    match leg.accept(answer) {
        Ok(agreed) => agreed.streams.iter().for_each(|stream| flow(&stream.flow)),
        Err(_) => leg.rollback(),
    }
    leg.receive(answer.clone()).expect("nothing is pending");
}

fn flow(flow: &Flow) {
    let Flow::Sound(sound) = flow else { return };
    let Sound { send, receive, ptime_ms, rtp, .. } = &**sound;
    assert!(!send.is_empty() && !receive.is_empty() && (1..=60).contains(ptime_ms));
    assert!(rtp.is_none_or(|rtp| rtp.port() != 0 && !rtp.ip().is_unspecified()));
}

fn part(description: &Description, media: &Media) {
    assert!(media.port == 0 || description.host_of(media).is_some());
    assert!(media.formats.len() <= MAX_FORMATS);
    let formats = Format::of(media);
    for format in &formats {
        assert!(media.payload_types().contains(&format.payload_type));
        let parameters = format.parameters.as_deref().unwrap_or_default();
        assert_eq!(Events::parse(&Events::parse(parameters).to_string()), Events::parse(parameters));
        assert_eq!(Opus::parse(&Opus::parse(parameters).to_string()), Opus::parse(parameters));
    }
    for value in media.attributes.iter().filter_map(|attribute| attribute.value.as_deref()) {
        // Each of these may stand anywhere; what one writes it reads the same.
        if let Some(crypto) = Crypto::parse(value) {
            assert_eq!(Crypto::parse(&crypto.to_string()), Some(crypto));
        }
        if let Some(fingerprint) = Fingerprint::parse(value) {
            assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
        }
        if let Some(candidate) = Candidate::parse(value) {
            assert_eq!(Candidate::parse(&candidate.to_string()), Some(candidate));
        }
        let _ = Setup::parse(value).map(Setup::answered);
    }
    let _ = (description.direction_of(media), media.rtcp(), media.milliseconds("ptime"), media.mid());
    let _ = Ice::of(description, media);
}
