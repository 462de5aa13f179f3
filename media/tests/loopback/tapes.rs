//! What a recording of a port or a room holds.

use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::recording::{Format, Layout, Plan, Writer};
use patchcord_media::shard::{Order, Record, RoomOrder, Weight};

use super::ears;
use super::party::VOICE_DB;
use super::rooms::heavy_room;
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// The two channels of a WAV of 16 bits.
fn channels(file: &std::path::Path) -> (Vec<i16>, Vec<i16>) {
    let samples = samples(file);
    let channel = |which: usize| samples.iter().copied().skip(which).step_by(2).collect();
    (channel(0), channel(1))
}

/// All samples of a WAV of 16 bits, channel by channel in turn.
fn samples(file: &std::path::Path) -> Vec<i16> {
    let bytes = std::fs::read(file).expect("a recording");
    let data = bytes.windows(4).position(|four| four == b"data").expect("a chunk of sound") + 8;
    let (samples, _) = bytes[data..].as_chunks::<2>();
    samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
}

#[test]
fn a_bridge_is_recorded_with_each_party_on_a_channel_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("call.wav");
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 5);
    let writer = Writer::start(1).expect("a writer");
    let plan = Plan { layout: Layout::Both, ..Plan::new(file.clone(), Format::Pcm16, Rate::Narrow) };
    let (told, outcome) = std::sync::mpsc::channel();
    let (tap, control) =
        writer.record(plan, Box::new(move |outcome| told.send(outcome).expect("somebody waits"))).expect("a recording");
    stage.order(stage.parties[alice].port, Order::Record(Record { tap: Box::new(tap), rate: Rate::Narrow }));
    stage.run(2 * SECOND);
    control.end();
    outcome.recv_timeout(5 * SECOND).expect("the recording is finished");
    let (heard, said) = channels(&file);
    assert!(heard.len() > 12_000, "{} samples", heard.len());
    // The first moments belong to the jitter buffers.
    let (heard, said) = (&heard[4000..12_000], &said[4000..12_000]);
    assert!((ears::level_db(heard, Rate::Narrow, 440.0) - VOICE_DB).abs() < 1.0);
    assert!((ears::level_db(said, Rate::Narrow, 700.0) - VOICE_DB).abs() < 1.0);
    assert!(ears::level_db(heard, Rate::Narrow, 700.0) < ears::AUDIBLE_DB);
    assert_eq!(ears::longest_gap(heard, Rate::Narrow), 0);
    assert_eq!(ears::longest_gap(said, Rate::Narrow), 0);
}

#[test]
fn a_recording_of_a_room_holds_all_members_wherever_they_are() {
    for threads in [1, 2] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("room.wav");
        let weight = if threads == 1 { Weight::PASSING } else { Weight(250_000) };
        let kinds = [Kind::Pcmu, Kind::G722, Kind::Pcma, Kind::Pcmu];
        let (mut stage, room) = heavy_room(&kinds, threads, weight);
        stage.parties[3].is_mute = true;
        stage.run(SECOND / 2);
        let writer = Writer::start(1).expect("a writer");
        let plan = Plan { layout: Layout::Heard, ..Plan::new(file.clone(), Format::Pcm16, Rate::Wide) };
        let (told, outcome) = std::sync::mpsc::channel();
        let told = Box::new(move |outcome| told.send(outcome).expect("somebody waits"));
        let (tap, control) = writer.record(plan, told).expect("a recording");
        let record = RoomOrder::Record(Record { tap: Box::new(tap), rate: Rate::Wide });
        stage.plane.order_room(room, record).expect("an order that is taken");
        stage.run(SECOND);
        control.end();
        let outcome = outcome.recv_timeout(5 * SECOND).expect("the recording is finished");
        assert_eq!(outcome.dropped, 0, "{outcome:?}");
        let samples = samples(&file);
        assert!(samples.len() > 12_000, "{} samples", samples.len());
        let samples = &samples[1600..12_000];
        for speaker in &stage.parties {
            let level = ears::level_db(samples, Rate::Wide, speaker.hz);
            let wanted =
                if speaker.is_mute { f64::NEG_INFINITY..ears::AUDIBLE_DB } else { VOICE_DB - 1.0..VOICE_DB + 1.0 };
            assert!(wanted.contains(&level), "{} at {level} with {threads} threads", speaker.name);
        }
        assert_eq!(ears::longest_gap(samples, Rate::Wide), 0);
    }
}
