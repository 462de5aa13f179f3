//! What is heard: each codec, each way of keys, protection, files, delay.

use std::time::Duration;

use patchcord_lab::{Hearing, Keypad, Kind, Lab, Model, Rate, Reports, Suite, Via};
use tempfile::TempDir;

use crate::{two_in_a_call, two_of};

/// Long enough to notice a lost frame, short enough for a test of every codec.
const A_WHILE: Duration = Duration::from_millis(600);
/// One frame may be lost to the machine, not two in a row.
const LONGEST_GAP: Duration = Duration::from_millis(20);

const EVERY_CODEC: [Kind; 5] = [Kind::Pcmu, Kind::Pcma, Kind::G722, Kind::Opus, Kind::L16(Rate::Wide)];

#[tokio::test]
async fn a_voice_arrives_in_every_codec_as_loud_as_it_was_spoken_and_without_a_gap() {
    for codec in EVERY_CODEC {
        let lab = Lab::open();
        let (alice, bob) = two_in_a_call(&lab, &Model::new().codecs(&[codec])).await;
        assert_eq!(bob.hears().await, [&alice], "{codec:?}");

        let heard = bob.listens(A_WHILE).await;
        let level = heard.level_of(alice.voice());
        assert!(level.abs() < 1.0, "{codec:?}: {level} dB");
        assert!(heard.longest_gap() <= LONGEST_GAP, "{codec:?}: {:?}", heard.longest_gap());
        assert_eq!(heard.clicks(alice.voice()), 0, "{codec:?}");
        let reception = bob.reception();
        assert_eq!((reception.lost, reception.streams, reception.unknown), (0, 1, 0), "{codec:?}: {reception:?}");
    }
}

#[tokio::test]
async fn two_phones_agree_on_the_codec_that_both_have() {
    let lab = Lab::open();
    let alice = lab.phone_like("alice", &Model::new().codecs(&[Kind::Opus, Kind::G722, Kind::Pcma]));
    let bob = lab.phone_like("bob", &Model::new().codecs(&[Kind::Pcmu, Kind::Pcma]));
    crate::call(&alice, &bob).await;
    assert_eq!((alice.hears().await, bob.hears().await), (vec![bob.voice().clone()], vec![alice.voice().clone()]));
    assert_eq!((alice.codec(), bob.codec()), (Some(Kind::Pcma), Some(Kind::Pcma)));
}

#[tokio::test]
async fn keys_arrive_beside_the_sound_and_as_info() {
    let lab = Lab::open();
    for (keypad, via) in [(Keypad::Events, Via::Rtp), (Keypad::InfoRelay, Via::Info), (Keypad::InfoPlain, Via::Info)] {
        let (alice, bob) = two_in_a_call(&lab, &Model::new().keypad(keypad)).await;
        alice.press("19*#D").await;
        bob.is_pressed("19*#D").await;
        assert!(bob.keys().iter().all(|press| press.via == via), "{keypad:?}: {:?}", bob.keys());
    }
}

#[tokio::test]
async fn keys_beside_opus_have_its_clock() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new().codecs(&[Kind::Opus])).await;
    alice.press("42").await;
    bob.is_pressed("42").await;
    let held = bob.keys()[0].duration;
    assert!(held.abs_diff(Duration::from_millis(100)) <= Duration::from_millis(20), "{held:?}");
}

#[tokio::test]
async fn keys_are_heard_in_the_sound() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    bob.hears().await;
    let (heard, ()) = tokio::join!(bob.listens(Duration::from_millis(1200)), alice.press_by(Keypad::Tones, "5#55"));
    assert_eq!(heard.keys(), "5#55");
    assert!(bob.keys().is_empty(), "nothing came beside the sound");
}

#[tokio::test]
async fn protected_sound_is_heard_by_who_has_the_key() {
    let suites = [Suite::AesCm128Sha1_80, Suite::AesCm128Sha1_32, Suite::AeadAes128Gcm, Suite::AeadAes256Gcm];
    for suite in suites {
        let lab = Lab::open();
        let (alice, bob) = two_in_a_call(&lab, &Model::new().secure(suite)).await;
        assert_eq!(alice.hears().await, [&bob], "{suite:?}");
        assert_eq!(bob.hears().await, [&alice], "{suite:?}");
        assert_eq!(bob.reception().broken, 0, "{suite:?}");
        assert!(bob.was_called_with("Content-Type").is_some());
    }
}

#[tokio::test]
async fn who_protects_his_sound_does_not_talk_to_who_does_not() {
    let lab = Lab::open();
    let alice = lab.phone_like("alice", &Model::new().secure(Suite::AesCm128Sha1_80));
    let bob = lab.phone("bob");
    alice.dial(&bob.uri());
    bob.answers().await;
    assert_eq!(alice.is_refused().await, 488);
}

#[tokio::test]
async fn a_phone_that_falls_silent_is_not_heard() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    alice.falls_silent();
    bob.comes_to_hear(&[]).await;
    assert!(bob.listens(A_WHILE).await.is_silent());
    alice.speaks();
    bob.comes_to_hear(&[&alice]).await;
}

#[tokio::test]
async fn a_file_is_spoken_once_and_what_was_heard_is_saved() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    let folder = TempDir::new().expect("a folder for sound");
    let (spoken, saved) = (folder.path().join("spoken.wav"), folder.path().join("saved.wav"));
    write_tone(&spoken, 1000.0);
    alice.speaks_file(&spoken);
    bob.falls_silent();
    crate::call(&alice, &bob).await;
    let heard: Hearing = bob.listens(A_WHILE).await;
    assert!((heard.tone(1000.0) + 20.0).abs() < 1.0, "{}", heard.tone(1000.0));
    alice.has_spoken().await;
    bob.comes_to_hear(&[]).await;
    bob.saves(&saved);
    let file = lab.hears_file(&saved, 0);
    assert!(file.duration() > A_WHILE && file.voices().is_empty() && !file.is_silent(), "{:?}", file.duration());
}

#[tokio::test]
async fn lost_doubled_and_late_packets_are_noticed() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    bob.hears().await;
    let (mut number, mut kept) = (0, Vec::new());
    alice.misbehaves(move |packet| {
        number += 1;
        match number % 10 {
            // One in ten is lost, one comes twice, one comes after the next.
            3 => Vec::new(),
            5 => vec![packet.clone(), packet],
            7 => {
                kept = packet;
                Vec::new()
            }
            8 => vec![packet, std::mem::take(&mut kept)],
            _ => vec![packet],
        }
    });
    let heard = bob.listens(Duration::from_secs(1)).await;
    let gap = heard.longest_gap();
    assert!(gap.abs_diff(LONGEST_GAP) <= Duration::from_millis(3), "a lost frame is a gap of one: {gap:?}");
    let reception = bob.reception();
    assert!((3..=9).contains(&reception.lost) && reception.repeated >= 3, "{reception:?}");
    assert_eq!((reception.streams, reception.late), (1, 0), "{reception:?}");
}

#[tokio::test]
async fn what_is_no_sound_is_counted_and_not_heard() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    assert_eq!(bob.hears().await, [&alice]);
    let mut odd = vec![0x80, 77, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4];
    odd.extend([0x55; 160]);
    alice.sends_packet(&odd).await;
    alice.sends_packet(b"nonsense").await;
    assert_eq!(bob.hears().await, [&alice]);
    assert_eq!((bob.reception().unknown, bob.reception().broken), (1, 1));
}

#[tokio::test]
async fn phones_tell_each_other_what_they_hear() {
    for (reports, suite) in
        [(Reports::Beside, None), (Reports::Muxed, None), (Reports::Muxed, Some(Suite::AesCm128Sha1_80))]
    {
        let lab = Lab::open();
        let model = Model::new().reports(reports);
        let model = suite.map_or(model.clone(), |suite| model.secure(suite));
        let (alice, _bob) = two_in_a_call(&lab, &model).await;
        let told = alice.is_told(3).await;
        let last = told.last().expect("three reports");
        assert!(last.sent.is_some_and(|sent| sent.packets > 50), "{reports:?}: {last:?}");
        assert!(last.heard.first().is_some_and(|heard| heard.lost == 0), "{reports:?}: {last:?}");
        assert!(last.round_trip.is_some_and(|way| way < Duration::from_millis(50)), "{reports:?}: {last:?}");
        assert_eq!(last.name.as_deref(), Some("lab"));
    }
}

#[tokio::test]
async fn parts_that_a_phone_does_not_know_are_declined() {
    let lab = Lab::open();
    let (alice, bob) = two_of(&lab, &Model::new());
    alice.describes(|audio| format!("{audio}m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"));
    crate::call(&alice, &bob).await;
    let heard = alice.heard();
    let answer = heard.iter().rev().find(|reply| reply.is_response() && reply.status() == 200).expect("an answer");
    assert!(answer.text().contains("m=video 0 RTP/AVP 96"), "{}", answer.text());
    assert_eq!(alice.hears().await, [&bob]);
}

#[tokio::test]
async fn loopback_takes_no_time() {
    let lab = Lab::open();
    let (alice, bob) = two_in_a_call(&lab, &Model::new()).await;
    let delay = bob.delay_of(&alice).await;
    assert!(delay < Duration::from_millis(5), "{delay:?}");
}

/// A second of a tone at -20 dBm0, as a WAV file at 16 kHz.
fn write_tone(path: &std::path::Path, hz: f64) {
    let peak = 32_768.0 * 10f64.powf((-20.0 - 3.17) / 20.0);
    let sample = |n: u32| (peak * (f64::from(n) * hz * std::f64::consts::TAU / 16_000.0).sin()).round() as i16;
    let sound: Vec<u8> = (0..16_000).flat_map(|n| sample(n).to_le_bytes()).collect();
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data".to_vec();
    file.extend((sound.len() as u32).to_le_bytes());
    file.extend(sound);
    std::fs::write(path, file).expect("a file of sound");
}
