//! Broken files of each format: no panic, no endless work, and an error that names the file and the remedy.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Limits, Loudness, Unplayable, decode};

use crate::judges::tone_file;
use crate::reading::FORMATS;

fn play(name: &str, bytes: Vec<u8>) -> Result<Vec<i16>, Unplayable> {
    let told = decode(name, bytes, Rate::Narrow, Loudness::Levelled, &Limits::default());
    if let Err(error) = &told {
        let text = error.to_string();
        assert!(text.starts_with(name) && text.contains(": "), "{text}");
    }
    told
}

/// Half a second is enough to be broken.
fn written(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    tone_file(&path, 1000, 0.5, -12.0, arguments);
    path
}

/// A small generator, so that every run breaks the same bits.
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_file_cut_anywhere_is_told_or_misses_no_more_than_its_end() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let bytes = fs::read(written(folder.path(), name, arguments)).unwrap();
        for part in 1..20 {
            let cut = bytes.len() * part / 20;
            if let Ok(samples) = play(name, bytes[..cut].to_vec()) {
                // mp3 and ADTS have no length of their own in the head; what is there is played.
                let knows = !(name.ends_with(".aac")
                    || name.ends_with(".ogg")
                    || name.ends_with(".opus")
                    || name == "narrow.mp3");
                assert!(!knows || samples.len() > 4000 - 1800, "{name} cut at {cut}: {} samples", samples.len());
            }
        }
    }
}

#[test]
fn flipped_bits_stop_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let bytes = fs::read(written(folder.path(), name, arguments)).unwrap();
        let mut seed = 0x5eed_0001;
        for round in 0..30 {
            let mut bytes = bytes.clone();
            // Every other round breaks the head only.
            let reach = if round % 2 == 0 { 200 } else { bytes.len() };
            for _ in 0..=round {
                let bit = random(&mut seed) as usize % (reach * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let _ = play(name, bytes);
        }
    }
}

#[test]
fn lengths_of_two_gigabytes_anywhere_in_the_head_ask_for_no_such_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in FORMATS {
        let bytes = fs::read(written(folder.path(), name, arguments)).unwrap();
        for at in (0..200.min(bytes.len() - 4)).step_by(20) {
            for length in [0x7FFF_FFFF_u32.to_le_bytes(), 0x7FFF_FFFF_u32.to_be_bytes(), [0; 4]] {
                let mut bytes = bytes.clone();
                bytes[at..at + 4].copy_from_slice(&length);
                let _ = play(name, bytes);
            }
        }
    }
}

#[test]
fn what_is_no_sound_is_told_by_name() {
    for name in ["a.wav", "a.mp3", "a.ogg", "a.flac", "a.m4a", "a.aac", "a.opus"] {
        assert_eq!(play(name, Vec::new()), Err(Unplayable::Empty { name: name.into() }));
        for text in
            [&b"not a sound"[..], b"RIFF", b"RIFF\0\0\0\0WAVE", b"OggS", b"fLaC", b"ID3", &[0; 5000], &[255; 5000]]
        {
            let told = play(name, text.to_vec()).unwrap_err();
            assert!(
                matches!(
                    told,
                    Unplayable::Unknown { .. }
                        | Unplayable::Damaged { .. }
                        | Unplayable::Unsupported { .. }
                        | Unplayable::NoSound { .. }
                ),
                "{told:?}"
            );
        }
    }
}

#[test]
fn what_is_too_large_or_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(written(folder.path(), "a.wav", &["-c:a", "pcm_s16le", "-ar", "8000"])).unwrap();
    let size = bytes.len();
    let limits = Limits { bytes: size - 1, ..Limits::default() };
    let told = decode("a.wav", bytes.clone(), Rate::Narrow, Loudness::Levelled, &limits);
    assert_eq!(told, Err(Unplayable::TooBig { name: "a.wav".into(), bytes: size as u64, limit: size as u64 - 1 }));

    let limits = Limits { duration: Duration::ZERO, ..Limits::default() };
    let told = decode("a.wav", bytes, Rate::Narrow, Loudness::Levelled, &limits);
    assert_eq!(told, Err(Unplayable::TooLong { name: "a.wav".into(), limit: Duration::ZERO }));
}

#[test]
fn a_wav_of_more_channels_than_anybody_has_ears_is_told_as_such_wherever_it_begins() {
    let mut wav = patchcord_media::recording::wav_of(Rate::Narrow, &[100; 800]);
    wav[22..24].copy_from_slice(&u16::MAX.to_le_bytes());
    for before in [&b""[..], b"RIFF", b"tags and whatever else stands in front of it", b"RIFF....WEVE"] {
        let file = [before, &wav].concat();
        let told = decode("a.wav", file, Rate::Narrow, Loudness::Levelled, &Limits::default()).unwrap_err().to_string();
        assert!(told.starts_with("a.wav holds sound that is not known here (65535 channels; "), "{told}");
    }
}
