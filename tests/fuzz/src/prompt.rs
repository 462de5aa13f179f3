//! Sound files of each format, as an author might upload them: whole, broken, or made to hurt.

use std::time::Duration;

use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Limits, Loudness, decode};

/// What a small input may ask for.
const LIMITS: Limits = Limits { bytes: 1 << 20, duration: Duration::from_secs(20) };

macro_rules! formats {
    ($($target:ident $name:literal)*) => {$(
        #[doc = concat!("Reads the bytes as ", $name, ".")]
        pub fn $target(data: &[u8]) {
            play($name, data);
        }
    )*};
}

formats! {
    prompt_wav "prompt.wav"
    prompt_mp3 "prompt.mp3"
    prompt_vorbis "prompt.ogg"
    prompt_opus "prompt.opus"
    prompt_flac "prompt.flac"
    prompt_aac "prompt.aac"
    prompt_m4a "prompt.m4a"
}

fn play(name: &str, data: &[u8]) {
    let samples = decode(name, data.to_vec(), Rate::Narrow, Loudness::Levelled, &LIMITS);
    match samples {
        Ok(samples) => {
            // A second more than the limit is what one packet may hold beyond it.
            let most = (LIMITS.duration.as_secs() as usize + 1) * Rate::Narrow.hz() as usize;
            assert!(!samples.is_empty() && samples.len() <= most, "{} samples", samples.len());
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.starts_with(name) && told.contains(": "), "an error names the file and the remedy: {told}");
        }
    }
}
