//! Each format that is read, as ffmpeg and sox write it: the same tone, as long and as loud.

use std::fs;
use std::path::{Path, PathBuf};

use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Limits, Loudness, TARGET_DBM0, decode};

use crate::judges::{ffmpeg_hears, level_db, loudest_tone, run, tone_file};

/// Name and how ffmpeg is told to write it.
pub const FORMATS: [(&str, &[&str]); 25] = [
    ("pcm16.wav", &["-c:a", "pcm_s16le"]),
    ("pcm8.wav", &["-c:a", "pcm_u8"]),
    ("pcm24.wav", &["-c:a", "pcm_s24le"]),
    ("pcm32.wav", &["-c:a", "pcm_s32le"]),
    ("float.wav", &["-c:a", "pcm_f32le"]),
    ("ulaw.wav", &["-c:a", "pcm_mulaw", "-ar", "8000"]),
    ("alaw.wav", &["-c:a", "pcm_alaw", "-ar", "8000"]),
    ("stereo.wav", &["-c:a", "pcm_s16le", "-ac", "2", "-ar", "44100"]),
    ("cbr.mp3", &["-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100"]),
    ("stereo.mp3", &["-c:a", "libmp3lame", "-q:a", "2", "-ac", "2"]),
    ("narrow.mp3", &["-c:a", "libmp3lame", "-b:a", "24k", "-ar", "16000"]),
    ("vorbis.ogg", &["-c:a", "libvorbis", "-q:a", "4", "-ar", "44100"]),
    ("mono.flac", &["-c:a", "flac", "-ar", "44100"]),
    ("stereo.flac", &["-c:a", "flac", "-ac", "2", "-sample_fmt", "s32"]),
    ("adts.aac", &["-c:a", "aac", "-b:a", "96k", "-ar", "44100"]),
    ("aac.m4a", &["-c:a", "aac", "-b:a", "96k", "-ar", "44100"]),
    ("front.m4a", &["-c:a", "aac", "-b:a", "96k", "-movflags", "faststart"]),
    ("mono.opus", &["-c:a", "libopus", "-b:a", "32k"]),
    ("stereo.ogg", &["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]),
    ("low.wav", &["-c:a", "pcm_s16le", "-ar", "8000"]),
    ("plain.aiff", &["-c:a", "pcm_s16be", "-ar", "44100"]),
    ("stereo24.aiff", &["-c:a", "pcm_s24be", "-ac", "2"]),
    ("opus.webm", &["-c:a", "libopus", "-b:a", "32k"]),
    ("vorbis.webm", &["-c:a", "libvorbis", "-q:a", "4", "-ar", "44100"]),
    ("stereo.mka", &["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]),
];

pub fn written(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    tone_file(&path, 1000, 1.5, -12.0, arguments);
    path
}

fn read(path: &Path, rate: Rate, loudness: Loudness) -> Vec<i16> {
    let name = path.file_name().unwrap().to_str().unwrap();
    decode(name, fs::read(path).unwrap(), rate, loudness, &Limits::default()).unwrap()
}

#[test]
fn every_format_gives_the_tone_as_long_and_as_loud_as_ffmpeg_hears_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let path = written(folder.path(), name, arguments);
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let ours = read(&path, rate, Loudness::AsRecorded);
            let theirs = ffmpeg_hears(&path, rate.hz());
            let apart = ours.len().abs_diff(theirs.len());
            assert!(apart <= rate.samples(), "{name} at {rate:?}: {} samples and {}", ours.len(), theirs.len());
            assert_eq!(loudest_tone(&ours, rate.hz()), 1000, "{name} at {rate:?}");
            let apart = level_db(&ours) - level_db(&theirs);
            assert!(apart.abs() < 1.0, "{name} at {rate:?}: {apart} dB louder than ffmpeg hears it");
        }
    }
}

#[test]
fn formats_that_know_their_length_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing in a webm says how much of its last packet of Vorbis is to be played.
    let knows = |name: &str| !name.ends_with(".aac") && name != "vorbis.webm";
    for (name, arguments) in FORMATS.iter().filter(|(name, _)| knows(name)) {
        let ours = read(&written(folder.path(), name, arguments), Rate::Narrow, Loudness::AsRecorded);
        assert!(ours.len().abs_diff(12_000) <= 160, "{name}: {} samples", ours.len());
    }
}

#[test]
fn every_format_becomes_as_loud_as_every_other() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let ours = read(&written(folder.path(), name, arguments), Rate::Narrow, Loudness::Levelled);
        // A sine of full scale stands at 3.17 dBm0.
        let level = level_db(&ours) + 3.17;
        assert!((level - f64::from(TARGET_DBM0)).abs() < 1.0, "{name}: {level} dBm0");
    }
}

#[test]
fn what_sox_writes_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("sox.wav", &["-b", "16"][..]),
        ("sox-ulaw.wav", &["-e", "u-law", "-r", "8000"]),
        ("sox-alaw.wav", &["-e", "a-law", "-r", "8000"]),
        ("sox24.wav", &["-b", "24"]),
        ("sox.flac", &[]),
        ("sox.ogg", &[]),
        ("sox.mp3", &["-r", "44100"]),
    ] {
        let path = folder.path().join(name);
        let mut all = vec!["-n", "-r", "48000", "-c", "1"];
        all.extend(arguments);
        all.extend([path.to_str().unwrap(), "synth", "0.6", "sine", "440", "vol", "-12dB"]);
        run("sox", &all);
        let ours = read(&path, Rate::Wide, Loudness::AsRecorded);
        assert_eq!(loudest_tone(&ours, 16_000), 440, "{name}");
        assert!((level_db(&ours) + 12.0).abs() < 1.0, "{name}: {} dB", level_db(&ours));
    }
}

#[test]
fn a_wrong_ending_of_the_name_hurts_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let bytes = fs::read(written(folder.path(), name, arguments)).unwrap();
        for wrong in ["prompt.wav", "prompt.mp3", "prompt"] {
            let ours = decode(wrong, bytes.clone(), Rate::Narrow, Loudness::AsRecorded, &Limits::default()).unwrap();
            assert_eq!(loudest_tone(&ours, 8000), 1000, "{name} called {wrong}");
        }
    }
}

#[test]
fn what_was_written_to_a_pipe_and_promises_two_gigabytes_is_played_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "pcm16.wav", &["-c:a", "pcm_s16le", "-ar", "8000", "-bitexact"]);
    for promised in [u32::MAX, 0x7FFF_FFFF, 0x7FFF_FFDC, 2_000_000_000] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[4..8].copy_from_slice(&promised.to_le_bytes());
        bytes[40..44].copy_from_slice(&promised.to_le_bytes());
        let ours = decode("pipe.wav", bytes, Rate::Narrow, Loudness::AsRecorded, &Limits::default()).unwrap();
        assert!(ours.len().abs_diff(12_000) <= 160, "{promised}: {} samples", ours.len());
    }
}
