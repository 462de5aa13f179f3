//! What a recording of a port or a room holds.

use std::ops::ControlFlow;
use std::process::Command;
use std::time::Duration;

use patchcord_media::codec::{Kind, Settings};
use patchcord_media::frame::Rate;
use patchcord_media::mixer::{Gain, Rounds, Rules, first_round, replay, replay_part};
use patchcord_media::recording::{Format, Layout, Ledgered, Plan, Scribe, Writer};
use patchcord_media::shard::{Order, Record, RoomOrder, Stand, Weight};

use super::ears;
use super::party::{Fate, Party, VOICE_DB};
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
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]), "as without a recording");
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

/// What ffmpeg hears in a file, at 48 kHz.
fn ffmpeg_hears(file: &std::path::Path) -> Vec<i16> {
    let file = file.to_str().expect("a name");
    let heard = Command::new("ffmpeg")
        .args(["-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", "48000", "-"])
        .output()
        .expect("ffmpeg, which the tests need");
    assert!(heard.status.success() && heard.stderr.is_empty(), "{}", String::from_utf8_lossy(&heard.stderr));
    heard.stdout.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
}

#[test]
fn what_an_opus_party_says_is_copied_and_what_was_lost_is_made_up_by_whoever_plays_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("message.opus");
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Opus, 440.0), stage.party("bob", Kind::Opus, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    let writer = Writer::start(1).expect("a writer");
    let plan = Plan { layout: Layout::Heard, ..Plan::new(file.clone(), Format::OggOpus, Rate::Full) };
    let (told, outcome) = std::sync::mpsc::channel();
    let (tap, control) =
        writer.record(plan, Box::new(move |outcome| told.send(outcome).expect("somebody waits"))).expect("a recording");
    stage.order(stage.parties[alice].port, Order::Record(Record { tap: Box::new(tap), rate: Rate::Full }));
    stage.parties[alice].weather = |number| match number % 20 {
        7 => Fate::Lost,
        12 => Fate::Late,
        _ => Fate::Goes,
    };
    stage.run(2 * SECOND);
    control.end();
    let outcome = outcome.recv_timeout(5 * SECOND).expect("the recording is finished");
    assert_eq!(outcome.dropped, 0, "{outcome:?}");
    let bytes = std::fs::read(&file).expect("a recording");
    let sent = &stage.parties[alice].sent;
    let lies_there = |payload: &[u8]| bytes.windows(payload.len()).any(|piece| piece == payload);
    let (lost, came): (Vec<_>, Vec<_>) = (0..90).partition(|number| number % 20 == 7);
    assert!(came.iter().all(|number| lies_there(&sent[*number].payload)), "each packet as it came");
    assert!(!lost.iter().any(|number| lies_there(&sent[*number].payload)), "what did not come is not there");
    let sound = ffmpeg_hears(&file);
    let seconds = sound.len() as f64 / 48_000.0;
    // A decoder leaves away the first 6.5 ms, in which the coder of whoever spoke settled.
    assert!(
        (seconds + 0.0065 - outcome.duration.as_secs_f64()).abs() < 0.001,
        "{seconds} s, told were {:?}",
        outcome.duration
    );
    assert!((1.85..=2.05).contains(&seconds), "{seconds} s");
    let middle = &sound[4800..sound.len() - 4800];
    let level = ears::level_db(middle, Rate::Full, 440.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
    assert!(ears::level_db(middle, Rate::Full, 700.0) < ears::AUDIBLE_DB, "nobody but her");
    assert!(ears::longest_gap(middle, Rate::Full) <= Rate::Full.samples());
}

#[test]
fn a_ledger_gives_again_what_each_member_heard_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("room.ledger");
    let (told, outcome) = std::sync::mpsc::channel();
    let scribe =
        Scribe::keep(file.clone(), 1 << 30, Box::new(move |ledgered| told.send(ledgered).expect("somebody waits")));
    let mut stage = Stage::new();
    for (name, hz) in [("alice", 440.0), ("bob", 700.0), ("carol", 1100.0)] {
        stage.party(name, Kind::Pcmu, hz);
    }
    let room = stage.plane.open_room(0, Rules::default(), None).expect("a room");
    let scribe = Box::new(scribe.expect("a scribe"));
    stage.plane.keep_room(room, scribe, Box::new(|_| None)).expect("an order that is taken");
    (0..3).for_each(|party| stage.order(stage.parties[party].port, Order::Enter(room)));
    stage.run(SECOND);
    let carols = stage.parties[2].port;
    stage.order(carols, Order::Stand(Stand::Gain(Gain(2000))));
    stage.run(SECOND / 2);
    stage.order(carols, Order::Stand(Stand::Muted(true)));
    stage.run(SECOND / 2);
    stage.plane.order_room(room, RoomOrder::Close).expect("an order that is taken");
    let told = outcome.recv_timeout(5 * SECOND).expect("the end is told");
    assert!(matches!(told, Ledgered::Whole(_)), "{told:?}");
    let ledger = std::fs::read(&file).expect("a ledger");
    stage.parties.iter().for_each(|party| is_heard_again(party, &[&ledger]));
}

/// Compares what a party heard, byte by byte, with what these ledgers of a room say that it heard, encoded as it was for it.
fn is_heard_again(party: &Party, ledgers: &[&[u8]]) {
    let first = first_round(ledgers[0]).expect("a ledger");
    let (mut encoder, mut again) = (party.kind.encoder(&Settings::default()).expect("a codec"), Vec::new());
    let mut rounds = Vec::new();
    for ledger in ledgers {
        let all = Rounds { first, until: u64::MAX };
        let read = replay_part(*ledger, party.port.number(), all, |round, rate, sound| {
            assert_eq!(rate, Rate::Narrow);
            rounds.push(round);
            encoder.encode(sound, &mut again);
            ControlFlow::Continue(())
        });
        assert_eq!(read, Ok(()));
    }
    assert!(rounds.windows(2).all(|pair| pair[1] > pair[0]), "round by round");
    let heard: Vec<u8> = party.heard.iter().flat_map(|packet| packet.payload.clone()).collect();
    assert!(heard.len() > 80 * 160, "{} heard {} bytes", party.name, heard.len());
    let missing = again.windows(heard.len()).all(|piece| piece != heard);
    assert!(!missing, "{} heard {} bytes that its ledger of {} does not have", party.name, heard.len(), again.len());
}

#[test]
fn members_on_a_further_thread_have_a_ledger_of_their_own_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |part: usize| folder.path().join(format!("room.{part}.ledger"));
    let (told, outcome) = std::sync::mpsc::channel();
    let scribe = {
        let place = folder.path().to_owned();
        move |part: usize| {
            let told = told.clone();
            let told = move |ledgered| told.send(ledgered).expect("somebody waits");
            let path = place.join(format!("room.{part}.ledger"));
            Box::new(Scribe::keep(path, 1 << 30, Box::new(told)).expect("a scribe"))
        }
    };
    let mut stage = Stage::of_threads(2);
    // Two of them are as much as a room draws to one thread.
    stage.weight = Weight(250_000);
    for (name, kind, hz) in [
        ("alice", Kind::Pcmu, 440.0),
        ("bob", Kind::Pcma, 700.0),
        ("carol", Kind::Pcmu, 1100.0),
        ("dave", Kind::Pcma, 1450.0),
    ] {
        stage.party(name, kind, hz);
    }
    let room = stage.plane.open_room(0, Rules::default(), None).expect("a room");
    let home = scribe(0);
    stage.plane.keep_room(room, home, Box::new(move |part| Some(scribe(part)))).expect("an order that is taken");
    (0..4).for_each(|party| stage.order(stage.parties[party].port, Order::Enter(room)));
    stage.until("the room is spread", |stage| {
        stage.plane.tallies().iter().all(|tally| tally.rooms == 1 && tally.ports == 2)
    });
    stage.run(SECOND);
    // Whoever of the other three sits elsewhere: one is heard softly by the first, as it is there that it is weighed.
    let first = stage.parties[0].port;
    for other in 1..4 {
        stage.order(first, Order::Stand(Stand::Hears(stage.parties[other].port, Gain(1000 * other as u16))));
    }
    stage.run(SECOND / 2);
    stage.order(stage.parties[3].port, Order::Stand(Stand::Muted(true)));
    stage.run(SECOND / 2);
    stage.plane.order_room(room, RoomOrder::Close).expect("an order that is taken");
    for _ in 0..2 {
        let told = outcome.recv_timeout(5 * SECOND).expect("the end is told");
        assert!(matches!(told, Ledgered::Whole(_)), "{told:?}");
    }
    let ledgers = [0, 1].map(|part| std::fs::read(place(part)).expect("a ledger"));
    let [home, further] = ledgers.each_ref().map(Vec::as_slice);
    stage.parties.iter().for_each(|party| is_heard_again(party, &[home, further]));
    let in_both = stage.parties.iter().filter(|party| {
        [home, further].iter().all(|ledger| {
            let mut is_there = false;
            replay(*ledger, party.port.number(), |_, _, _| {
                is_there = true;
                ControlFlow::Break(())
            })
            .expect("a ledger");
            is_there
        })
    });
    assert_eq!(in_both.count(), 0, "nobody is in the ledger of a thread on which it was not");
}
