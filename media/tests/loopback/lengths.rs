//! Packets of the length that a party asked for: what is said by us is packed so, and what is passed on is cut and joined
//! without being decoded; only Opus that is longer than the party takes is made anew.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::codec::{Kind, Settings};
use patchcord_media::dtmf::Key;
use patchcord_media::frame::{FRAME, Rate};
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Keys, Notice, Order, Play};

use super::ears;
use super::party::{Fate, VOICE_DB};
use super::rooms::room;
use super::stage::{Stage, terms, undisturbed};

const SECOND: Duration = Duration::from_secs(1);

/// Lets a party ask for packets of this length, and of no more than that.
fn ask(stage: &Stage, party: usize, ms: u16, most: Option<u16>) {
    let mut terms = terms(&stage.parties[party]);
    let speaking = terms.speaking.as_mut().expect("it is spoken to");
    (speaking.packet_ms, speaking.asked_ms, speaking.most_ms) = (ms, Some(ms), most);
    let keys = Keys { payload_type: 101, clock_hz: 8000 };
    (terms.keys_in, terms.keys_out) = (Some(keys), Some(keys));
    stage.order(stage.parties[party].port, Order::Tune(Box::new(terms)));
}

/// How many ticks lie between packets that came one after the other, and how often.
fn steps(stage: &Stage, party: usize) -> Vec<u32> {
    let heard = &stage.parties[party].heard;
    let ahead = |pair: &[super::party::Packet]| pair[1].head.timestamp.wrapping_sub(pair[0].head.timestamp);
    assert!(
        heard.windows(2).all(|pair| pair[1].head.sequence == pair[0].head.sequence.wrapping_add(1)),
        "one stream without holes"
    );
    heard.windows(2).map(ahead).collect()
}

#[test]
fn a_prompt_comes_in_packets_of_the_length_that_was_asked_for() {
    for ms in [10, 30, 40, 60] {
        let mut stage = Stage::new();
        let alice = stage.party("alice", Kind::Pcma, 440.0);
        ask(&stage, alice, ms, None);
        let rate = Kind::Pcma.rate();
        let samples = Sound::of_samples("tone", rate, ears::tone(rate, 900.0, VOICE_DB, 0, 25 * rate.samples()));
        let sound = Arc::new(samples.encoded(Kind::Pcma).expect("a codec that we speak"));
        let cursor = Cursor::new(vec![Item::Sound(sound)], rate, Loops::Times(1)).expect("a short list");
        let play = Play { cursor: Box::new(cursor), kind: Some(Kind::Pcma), tag: 1 };
        stage.order(stage.parties[alice].port, Order::Play(play));
        stage.notice("the prompt is over", |notice| matches!(notice, Notice::Played(..)));
        stage.run(SECOND / 5);
        assert!(steps(&stage, alice).iter().all(|step| *step == u32::from(ms) * 8), "{:?}", steps(&stage, alice));
        let alice = &stage.parties[alice];
        let bytes: usize = alice.heard.iter().map(|packet| packet.payload.len()).sum();
        assert_eq!(bytes, 25 * 160, "the last of it is not lost: {ms} ms");
        assert!((alice.level_db(900.0) - VOICE_DB).abs() < 1.0);
    }
}

#[test]
fn a_bridge_of_two_codecs_keeps_to_each_partys_length() {
    let (alice, bob) = (0, 1);
    let stage = undisturbed(|| {
        let mut stage = Stage::new();
        stage.party("alice", Kind::Pcma, 440.0);
        stage.party("bob", Kind::Pcmu, 700.0);
        ask(&stage, alice, 30, None);
        ask(&stage, bob, 40, None);
        stage.bridge(alice, bob);
        stage.run(SECOND / 2);
        stage.forget();
        stage.run(SECOND);
        stage
    });
    assert!(steps(&stage, alice).iter().all(|step| *step == 240));
    assert!(steps(&stage, bob).iter().all(|step| *step == 320));
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
    for party in &stage.parties {
        assert_eq!(ears::longest_gap(&party.sound(), party.kind.rate()), 0, "{}", party.name);
    }
}

#[test]
fn members_of_a_room_get_opus_in_long_packets_and_g711_in_short_ones() {
    let stage = undisturbed(|| {
        let (mut stage, _) = room(&[Kind::Pcmu, Kind::Opus, Kind::Pcmu], 1);
        ask(&stage, 0, 10, None);
        ask(&stage, 1, 60, None);
        stage.run(SECOND / 2);
        stage.forget();
        stage.run(SECOND);
        stage
    });
    assert!(steps(&stage, 0).iter().all(|step| *step == 80));
    assert!(steps(&stage, 1).iter().all(|step| *step == 2880));
    assert_eq!((stage.hears(0), stage.hears(1)), (vec!["bob", "carol"], vec!["alice", "carol"]));
    let level = stage.parties[1].level_db(440.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
}

/// Two parties of one codec, the second of which asks for packets of this length; the first speaks through this weather.
fn asking(kind: Kind, ms: u16, most: Option<u16>, weather: fn(usize) -> Fate) -> (Stage, usize, usize) {
    let (alice, bob) = (0, 1);
    let stage = undisturbed(|| {
        let mut stage = Stage::new();
        stage.party("alice", kind, 440.0);
        stage.party("bob", kind, 700.0);
        ask(&stage, bob, ms, most);
        stage.bridge(alice, bob);
        stage.run(SECOND / 2);
        stage.forget();
        stage.parties[alice].weather = weather;
        stage.run(SECOND);
        stage
    });
    (stage, alice, bob)
}

#[test]
fn what_is_passed_on_is_cut_and_joined_without_a_trace() {
    for (kind, per_ms) in [(Kind::Pcmu, 8), (Kind::Pcma, 8), (Kind::G722, 8), (Kind::L16(Rate::Wide), 32)] {
        for ms in [10, 30, 40] {
            let (stage, alice, bob) = asking(kind, ms, None, |_| Fate::Goes);
            let ticks = u32::from(ms) * kind.clock_hz() / 1000;
            assert!(
                steps(&stage, bob).iter().all(|step| *step == ticks),
                "{kind:?} in {ms} ms: {:?}",
                steps(&stage, bob)
            );
            let heard = &stage.parties[bob].heard;
            assert!(heard.iter().all(|packet| packet.payload.len() == usize::from(ms) * per_ms));
            assert!(heard.iter().all(|packet| !packet.head.marker), "it goes on");
            assert!(stage.parties[alice].heard.iter().all(|packet| packet.payload.len() == 20 * per_ms));
            assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]), "{kind:?} in {ms} ms");
            let bob = &stage.parties[bob];
            assert_eq!(ears::longest_gap(&bob.sound(), kind.rate()), 0, "{kind:?} in {ms} ms");
            assert!((bob.level_db(440.0) - VOICE_DB).abs() < 1.0, "{kind:?} in {ms} ms: {}", bob.level_db(440.0));
            // Not one sample was made anew: what came is a piece of what was said.
            let said: Vec<u8> = stage.parties[alice].sent.iter().flat_map(|packet| packet.payload.clone()).collect();
            let came: Vec<u8> = bob.heard.iter().flat_map(|packet| packet.payload.clone()).collect();
            let piece = &came[came.len() / 2..came.len() / 2 + 40 * per_ms];
            assert!(said.windows(piece.len()).any(|window| window == piece), "{kind:?} in {ms} ms");
        }
    }
}

#[test]
fn what_was_lost_before_packets_are_cut_is_counted_and_nothing_else_is_missing() {
    for ms in [10, 30, 40] {
        let (stage, _, bob) =
            asking(Kind::Pcmu, ms, None, |number| if number % 10 == 3 { Fate::Lost } else { Fate::Goes });
        let bob = &stage.parties[bob];
        let sound = bob.sound();
        assert!(
            ears::longest_gap(&sound, Rate::Narrow) <= Rate::Narrow.samples(),
            "no more than what was lost: {ms} ms"
        );
        let heard: usize = bob.heard.iter().map(|packet| packet.payload.len()).sum();
        assert!((43 * 160..=46 * 160).contains(&heard), "nine of ten: {heard} bytes in {ms} ms");
        let missing =
            bob.heard.windows(2).filter(|pair| pair[1].head.sequence != pair[0].head.sequence.wrapping_add(1));
        let missing = missing.count();
        assert!((4..=5).contains(&missing), "five holes, which the far end can count: {missing} in {ms} ms");
        for pair in bob.heard.windows(2) {
            let ahead = pair[1].head.timestamp.wrapping_sub(pair[0].head.timestamp);
            let hole = if pair[1].head.sequence == pair[0].head.sequence.wrapping_add(1) { 0 } else { 160 };
            assert_eq!(ahead, pair[0].payload.len() as u32 + hole, "each at its own time");
        }
    }
}

#[test]
fn what_comes_twice_or_late_is_cut_once_and_stands_at_its_place() {
    let weather = |number: usize| match number % 10 {
        3 => Fate::Twice,
        7 => Fate::Late,
        _ => Fate::Goes,
    };
    for ms in [10, 30] {
        let (stage, _, bob) = asking(Kind::Pcma, ms, None, weather);
        let heard = &stage.parties[bob].heard;
        let mut numbers: Vec<_> = heard.iter().map(|packet| packet.head.sequence).collect();
        let late = numbers.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) > 100).count();
        // A long packet still waits for its end when the late one takes its place before it.
        assert!(late >= 4 || ms == 30, "late is late: {late}");
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), heard.len(), "no number twice");
        assert_eq!(ears::longest_gap(&stage.parties[bob].sound(), Rate::Narrow), 0, "{ms} ms");
        assert_eq!(stage.hears(bob), ["alice"]);
    }
}

#[test]
fn keys_and_the_last_word_pass_beside_sound_that_is_cut() {
    let (mut stage, alice, bob) = asking(Kind::Pcmu, 30, None, |_| Fate::Goes);
    let keys = Keys { payload_type: 101, clock_hz: 8000 };
    let mut hers = terms(&stage.parties[alice]);
    (hers.keys_in, hers.keys_out) = (Some(keys), Some(keys));
    stage.order(stage.parties[alice].port, Order::Tune(Box::new(hers)));
    stage.forget();
    stage.parties[alice].press(Key::of_char('7').expect("a key"), SECOND / 10);
    stage.run(SECOND / 2);
    let events = stage.parties[bob].heard.iter().filter(|packet| packet.head.payload_type == 101).count();
    assert!(events >= 5, "{events} packets of a key");
    let numbers = stage.parties[bob].heard.windows(2);
    assert!(
        numbers.into_iter().all(|pair| pair[1].head.sequence == pair[0].head.sequence.wrapping_add(1)),
        "one count"
    );
    // Whoever stops has its last frame heard, though it fills no packet.
    let before: usize = stage.parties[alice].sent.iter().filter(|sent| sent.head.payload_type == 0).count();
    stage.listen_until(now() + SECOND / 5);
    let all = &stage.parties[bob].heard;
    let bytes: usize =
        all.iter().filter(|packet| packet.head.payload_type == 0).map(|packet| packet.payload.len()).sum();
    assert!(bytes >= before * 160, "{bytes} bytes of {before} frames");
}

#[test]
fn a_packet_that_is_longer_than_the_partner_takes_is_parted() {
    let (stage, alice, bob) = asking(Kind::Pcmu, 10, Some(10), |_| Fate::Goes);
    assert!(stage.parties[bob].heard.iter().all(|packet| packet.payload.len() == 80));
    assert!(stage.parties[alice].heard.iter().all(|packet| packet.payload.len() == 160), "she takes any");
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
    assert_eq!(ears::longest_gap(&stage.parties[bob].sound(), Kind::Pcmu.rate()), 0);
}

/// Frames of Opus in one packet (RFC 6716 §3.2.5).
fn joined(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = vec![frames[0][0] | 3, 0x80 | frames.len() as u8];
    for frame in &frames[..frames.len() - 1] {
        let length = frame.len() - 1;
        assert!(length < 252, "a short frame");
        packet.push(length as u8);
    }
    frames.iter().for_each(|frame| packet.extend_from_slice(&frame[1..]));
    packet
}

#[test]
fn opus_passes_as_it_is_unless_it_is_longer_than_the_partner_takes() {
    for (most, is_anew) in [(None, false), (Some(60), false), (Some(40), true)] {
        let mut stage = Stage::new();
        let (alice, bob) = (stage.party("alice", Kind::Opus, 440.0), stage.party("bob", Kind::Opus, 700.0));
        ask(&stage, bob, 20, most);
        stage.bridge(alice, bob);
        let mut encoder = Kind::Opus.encoder(&Settings::default()).expect("a codec that we speak");
        let (mut at, samples) = (0, Rate::Full.samples());
        stage.parties[alice].is_silent = true;
        for _ in 0..30 {
            let frames: Vec<_> = (0..3)
                .map(|_| {
                    let mut payload = Vec::new();
                    encoder.encode(&ears::tone(Rate::Full, 440.0, VOICE_DB, at, samples), &mut payload);
                    at += samples;
                    payload
                })
                .collect();
            stage.parties[alice].send_for(&joined(&frames), 2880, now());
            stage.run(3 * FRAME);
        }
        let ms = |packet: &super::party::Packet| if packet.payload[0] & 3 == 3 { 60 } else { 20 };
        let heard = &stage.parties[bob].heard;
        let wanted = if is_anew { 20 } else { 60 };
        assert!(heard.len() > 20 && heard.iter().all(|packet| ms(packet) == wanted), "at most {most:?}");
        assert_eq!(stage.hears(bob), ["alice"], "at most {most:?}");
    }
}
