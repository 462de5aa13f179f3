//! What a recording of a port or a room holds.

use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::recording::{Format, Layout, Plan, Writer};
use patchcord_media::shard::{Order, Record};

use super::ears;
use super::party::VOICE_DB;
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// The two channels of a WAV of 16 bits.
fn channels(file: &std::path::Path) -> (Vec<i16>, Vec<i16>) {
    let bytes = std::fs::read(file).expect("a recording");
    let data = bytes.windows(4).position(|four| four == b"data").expect("a chunk of sound") + 8;
    let (samples, _) = bytes[data..].as_chunks::<2>();
    let samples: Vec<_> = samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
    let channel = |which: usize| samples.iter().copied().skip(which).step_by(2).collect();
    (channel(0), channel(1))
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
