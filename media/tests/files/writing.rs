//! Recordings as ffmpeg and sox read them: as long, with as many channels, at the rate, each party's tone on its side.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use patchcord_media::codec::{Kind, Settings};
use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Limits, Loudness, decode};
use patchcord_media::recording::{Control, Format, Layout, Outcome, Plan, Tap, Why, Writer};

use crate::judges::{ffmpeg_hears, level_db, loudest_tone, run, samples_of};

const PATIENCE: Duration = Duration::from_secs(30);
/// What the heard party and our side speak.
const HEARD_HZ: u32 = 700;
const SAID_HZ: u32 = 1100;

/// A frame of a tone a quarter of full scale, going on where it was.
fn tone(hz: u32, rate: Rate, frame: usize) -> Vec<i16> {
    let from = frame * rate.samples();
    let at = |n: usize| (n as f64 * f64::from(hz) * std::f64::consts::TAU / f64::from(rate.hz())).sin();
    (from..from + rate.samples()).map(|n| (at(n) * 8192.0) as i16).collect()
}

/// Waits until the writer has come to all that was taken.
#[allow(clippy::disallowed_methods, reason = "the writer is a thread of its own, so its deadline is real")]
fn wait_for(control: &Control) {
    let deadline = Instant::now() + PATIENCE;
    while control.progress().waiting > 0 {
        assert!(Instant::now() < deadline, "the writer does not come");
        std::thread::yield_now();
    }
}

fn plan(path: &Path, format: Format, layout: Layout, rate: Rate) -> Plan {
    Plan { layout, ..Plan::new(path.into(), format, rate) }
}

/// Records so many frames of what `speak` hands the tap.
fn record(plan: Plan, frames: usize, speak: impl Fn(&mut Tap, usize)) -> Outcome {
    let writer = Writer::start(1).unwrap();
    let (told, heard) = channel();
    let (mut tap, control) = writer.record(plan, Box::new(move |outcome| told.send(outcome).unwrap())).unwrap();
    for frame in 0..frames {
        speak(&mut tap, frame);
        if frame % 50 == 49 {
            wait_for(&control);
        }
    }
    drop(tap);
    heard.recv_timeout(PATIENCE).unwrap()
}

fn speak_both(rate: Rate) -> impl Fn(&mut Tap, usize) {
    move |tap, frame| tap.frame(&tone(HEARD_HZ, rate, frame), &tone(SAID_HZ, rate, frame))
}

/// One line of what ffprobe says of the stream.
fn probe(path: &Path, entry: &str) -> String {
    let entries = format!("stream={entry}");
    let arguments = ["-v", "error", "-show_entries", &entries, "-of", "default=nw=1:nk=1", path.to_str().unwrap()];
    String::from_utf8(run("ffprobe", &arguments)).unwrap().trim().to_owned()
}

/// One channel of a file as ffmpeg hears it, from 0.
fn channel_of(path: &Path, channel: usize, rate_hz: u32) -> Vec<i16> {
    let (rate, pan) = (rate_hz.to_string(), format!("pan=mono|c0=c{channel}"));
    let path = path.to_str().unwrap();
    samples_of(&run("ffmpeg", &["-v", "error", "-i", path, "-af", &pan, "-ar", &rate, "-f", "s16le", "-"]))
}

/// The strongest tone within 5 Hz of the one wanted, and 12 dB below full scale within a decibel.
fn assert_tone(samples: &[i16], wanted_hz: u32, rate_hz: u32, what: &str) {
    assert!(loudest_tone(samples, rate_hz).abs_diff(wanted_hz) <= 5, "{what}: {} Hz", loudest_tone(samples, rate_hz));
    let level = level_db(samples);
    assert!((level + 12.04).abs() < 1.0, "{what}: {level} dB");
}

fn formats() -> impl Iterator<Item = (&'static str, Format, Rate)> {
    let wavs = [("pcm16.wav", Format::Pcm16), ("ulaw.wav", Format::Pcmu), ("alaw.wav", Format::Pcma)];
    let rates = [Rate::Narrow, Rate::Wide, Rate::Full];
    let wavs = wavs.into_iter().flat_map(move |(name, format)| rates.map(|rate| (name, format, rate)));
    wavs.chain(rates.map(|rate| ("call.opus", Format::OggOpus, rate)))
}

#[test]
fn ffmpeg_hears_each_party_on_its_side_of_every_format() {
    for (name, format, rate) in formats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let outcome = record(plan(&path, format, Layout::Both, rate), 125, speak_both(rate));
        assert_eq!((&outcome.why, outcome.duration, outcome.dropped), (&Why::Hangup, Duration::from_millis(2500), 0));
        assert_eq!(outcome.bytes, std::fs::metadata(&path).unwrap().len());

        // An Opus file always says 48 kHz.
        let says_hz = if format == Format::OggOpus { 48_000 } else { rate.hz() };
        assert_eq!(probe(&path, "channels,sample_rate"), format!("{says_hz}\n2"), "{name}");
        for (side, hz) in [(0, HEARD_HZ), (1, SAID_HZ)] {
            let heard = channel_of(&path, side, rate.hz());
            let wanted = rate.hz() as usize * 5 / 2;
            assert!(heard.len().abs_diff(wanted) <= rate.samples(), "{name}: {} of {wanted}", heard.len());
            assert_tone(&heard, hz, rate.hz(), name);
        }
        let peaks = std::fs::read(path.with_file_name(format!("{name}.peaks"))).unwrap();
        assert_eq!((&peaks[..8], peaks.len()), (&b"PKS1\x02\x0a\0\0"[..], 8 + 25 * 2));
        assert!(peaks[8..].iter().all(|peak| (60..=66).contains(peak)), "{peaks:?}");
    }
}

#[test]
fn sox_reads_every_wav_as_it_was_meant() {
    for (name, format, rate) in formats().filter(|(_, format, _)| *format != Format::OggOpus) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        record(plan(&path, format, Layout::Both, rate), 125, speak_both(rate));
        let path = path.to_str().unwrap();
        let says = |what: &str| String::from_utf8(run("soxi", &[what, path])).unwrap().trim().to_owned();
        assert_eq!(
            (says("-c"), says("-r"), says("-D")),
            ("2".into(), rate.hz().to_string(), "2.500000".into()),
            "{name}"
        );
        for (side, hz) in [("1", HEARD_HZ), ("2", SAID_HZ)] {
            let raw = ["-V1", path, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-", "remix", side];
            assert_tone(&samples_of(&run("sox", &raw)), hz, rate.hz(), name);
        }
    }
}

#[test]
fn one_channel_holds_the_heard_party_or_both() {
    for (name, format, rate) in formats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        record(plan(&path, format, Layout::Heard, rate), 75, speak_both(rate));
        assert_eq!(probe(&path, "channels"), "1", "{name}");
        assert_tone(&ffmpeg_hears(&path, rate.hz()), HEARD_HZ, rate.hz(), name);

        let mixed = folder.path().join(format!("mixed-{name}"));
        let alone = |tap: &mut Tap, frame| tap.frame(&[], &tone(SAID_HZ, rate, frame));
        record(plan(&mixed, format, Layout::Mixed, rate), 75, alone);
        assert_tone(&ffmpeg_hears(&mixed, rate.hz()), SAID_HZ, rate.hz(), name);
    }
}

#[test]
fn packets_of_opus_are_copied_and_play_as_they_were_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copied.opus");
    let mut encoder = Kind::Opus.encoder(&Settings::default()).unwrap();
    let packets: Vec<Vec<u8>> = (0..150)
        .map(|frame| {
            let mut packet = Vec::new();
            encoder.encode(&tone(HEARD_HZ, Rate::Full, frame), &mut packet);
            packet
        })
        .collect();
    let sent: usize = packets.iter().map(Vec::len).sum();
    let outcome = record(plan(&path, Format::OggOpus, Layout::Heard, Rate::Full), 150, |tap, frame| {
        assert!(tap.packet(&packets[frame]));
    });
    assert_eq!(outcome.duration, Duration::from_secs(3));
    let file = std::fs::read(&path).unwrap();
    assert!(file.len() < sent + 1000, "{} bytes for {sent} of packets", file.len());
    for packet in &packets {
        assert!(file.windows(packet.len()).any(|window| window == packet), "each packet stands in the file as it was");
    }
    let heard = ffmpeg_hears(&path, 48_000);
    assert!(heard.len().abs_diff(144_000) <= 960, "{}", heard.len());
    assert_tone(&heard, HEARD_HZ, 48_000, "copied");
    let ours = decode("copied.opus", file, Rate::Full, Loudness::AsRecorded, &Limits::default()).unwrap();
    assert!(ours.len().abs_diff(heard.len()) <= 960);
    assert_tone(&ours, HEARD_HZ, 48_000, "copied, by us");
}

#[test]
fn a_pause_is_silence_in_the_picture_and_in_the_file() {
    for (name, format, rate) in formats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let writer = Writer::start(1).unwrap();
        let (told, heard) = channel();
        let plan = plan(&path, format, Layout::Mixed, rate);
        let (mut tap, control) = writer.record(plan, Box::new(move |outcome| told.send(outcome).unwrap())).unwrap();
        for frame in 0..150 {
            match frame {
                50 => control.pause(),
                100 => control.resume(),
                _ => {}
            }
            tap.frame(&tone(HEARD_HZ, rate, frame), &[]);
            if frame % 50 == 49 {
                wait_for(&control);
            }
        }
        control.end();
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap().why, Why::Asked);
        let heard = ffmpeg_hears(&path, rate.hz());
        let second = rate.hz() as usize;
        assert!(heard.len().abs_diff(3 * second) <= rate.samples(), "{name}: {}", heard.len());
        // The law of µ has no zero louder than this, and a codec rings for some milliseconds.
        let paused = &heard[second + second / 10..2 * second - second / 20];
        assert!(paused.iter().all(|sample| sample.unsigned_abs() <= 16), "{name}: something is heard");
        assert_tone(&heard[2 * second..], HEARD_HZ, rate.hz(), name);
    }
}

/// Which file the child of the next test writes.
const CHILD: &str = "PATCHCORD_TEST_RECORDS_TO";

#[test]
fn a_file_is_readable_after_its_writer_was_killed() {
    for (name, format, rate) in formats().filter(|(_, _, rate)| *rate == Rate::Narrow) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writing::the_child_that_is_killed", "--nocapture"])
            .env(CHILD, &path)
            .env("PATCHCORD_TEST_FORMAT", format!("{format:?}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says so when four seconds are with the writer, and then waits for ever.
        let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("recorded") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "the child died by itself");
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let heard = channel_of(&path, 0, rate.hz());
        let seconds = heard.len() as f64 / f64::from(rate.hz());
        assert!((3.0..=4.1).contains(&seconds), "{name}: {seconds} s");
        assert_tone(&heard, HEARD_HZ, rate.hz(), name);
        assert!(!PathBuf::from(format!("{}.peaks", path.display())).exists(), "it was never finished");
    }
}

#[test]
fn the_child_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let format = formats().map(|(_, format, _)| format);
    let wanted = std::env::var("PATCHCORD_TEST_FORMAT").unwrap();
    let format = format.into_iter().find(|format| format!("{format:?}") == wanted).unwrap();
    let writer = Writer::start(1).unwrap();
    let plan = plan(Path::new(&path), format, Layout::Both, Rate::Narrow);
    let (mut tap, control) = writer.record(plan, Box::new(|_| {})).unwrap();
    for frame in 0..200 {
        speak_both(Rate::Narrow)(&mut tap, frame);
        if frame % 50 == 49 {
            wait_for(&control);
        }
    }
    // A second more, so that the writer is behind all of the above.
    (200..201).for_each(|frame| speak_both(Rate::Narrow)(&mut tap, frame));
    wait_for(&control);
    eprintln!("recorded");
    let (_never, forever) = channel::<()>();
    let _ = forever.recv_timeout(PATIENCE);
}

#[test]
fn a_place_that_cannot_be_written_and_a_file_that_is_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there.wav");
    std::fs::write(&there, "an older recording").unwrap();
    for path in [there.clone(), folder.path().join("no/such/folder.wav")] {
        let outcome = record(plan(&path, Format::Pcm16, Layout::Both, Rate::Narrow), 1, |_, _| {});
        assert!(matches!(outcome.why, Why::Unwritable(_)), "{outcome:?}");
    }
    assert_eq!(std::fs::read(&there).unwrap(), b"an older recording");
}
