//! What a script writes where a prompt is wanted, as something to play.
//!
//! ```text
//! welcome                     a file in the folders of prompts
//! https://example.com/a.mp3   a file from elsewhere
//! silence::500                500 ms of nothing
//! tone::busy                  a tone of the network, as it sounds at home
//! tone::ringback/gb           the same as it sounds in Great Britain
//! tone::440                   a sine, for ever
//! tone::350+440@-20           two sines, each at -20 dBm0
//! tone::480+620:500/500       half a second on, half a second off, again and again
//! ```

use super::tone::{Beat, LEVEL_DBM0, MAX_BEATS, Rhythm};

/// The longest silence.
const MAX_SILENCE_MS: u32 = 600_000;

/// Something to play, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Named {
    /// A file, by the name the loader knows it by.
    File(String),
    /// A tone or silence.
    Tone(Rhythm),
}

/// What is wrong with a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misnamed {
    /// Nothing was written.
    #[error("a prompt needs a name: a file, an address, tone::… or silence::…")]
    Empty,
    /// A room of names that is not here.
    #[error("{written}: {space}:: is unknown, there are tone:: and silence::")]
    Space {
        /// All of it.
        written: String,
        /// What stands before the colons.
        space: String,
    },
    /// A silence without a length.
    #[error("{written}: a silence is a number of milliseconds up to {MAX_SILENCE_MS}, as silence::500")]
    Silence {
        /// All of it.
        written: String,
    },
    /// A tone that nobody knows.
    #[error(
        "{written}: a tone is dial, ringback, busy, congestion, waiting, sit, beep or milliwatt, with /country if wanted, or \
         frequencies up to 4000 as tone::350+440@-13:500/500"
    )]
    Tone {
        /// All of it.
        written: String,
    },
}

/// Reads a name. `home` is the country whose tones are meant where none is named.
///
/// # Errors
/// When it is neither a file nor anything that is known here.
pub fn named(written: &str, home: &str) -> Result<Named, Misnamed> {
    let own = || written.to_owned();
    match written.split_once("::") {
        None if written.trim().is_empty() => Err(Misnamed::Empty),
        None => Ok(Named::File(own())),
        Some(("tone", rest)) => tone(rest, home).map(Named::Tone).ok_or_else(|| Misnamed::Tone { written: own() }),
        Some(("silence", rest)) => {
            let ms = rest.parse().ok().filter(|&ms| ms > 0 && ms <= MAX_SILENCE_MS);
            ms.map(|ms| Named::Tone(Rhythm::silence(ms))).ok_or_else(|| Misnamed::Silence { written: own() })
        }
        // An address may hold two colons, and a file may not.
        Some((before, _)) if before.contains("://") => Ok(Named::File(own())),
        Some((space, _)) => Err(Misnamed::Space { written: own(), space: space.to_owned() }),
    }
}

/// A name as errors and logs may show it: of an address neither who asks nor what is asked, because both may be secrets.
#[must_use]
pub fn shown(name: &str) -> String {
    let Some((scheme, rest)) = name.split_once("://") else { return name.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn tone(text: &str, home: &str) -> Option<Rhythm> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        let (name, country) = text.split_once('/').unwrap_or((text, home));
        return Rhythm::named(name, &country.to_ascii_lowercase());
    }
    let (sound, rhythm) = text.split_once(':').map_or((text, None), |(sound, rhythm)| (sound, Some(rhythm)));
    let (pitches, level) = sound.split_once('@').map_or((sound, None), |(pitches, level)| (pitches, Some(level)));
    let level = level.map_or(Some(LEVEL_DBM0), |level| level.parse().ok())?;
    let (low, high) = pitches.split_once('+').map_or((pitches, None), |(low, high)| (low, Some(high)));
    let hz = [pitch(low)?, high.map_or(Some(0.0), pitch)?];
    let Some(rhythm) = rhythm else { return Rhythm::new(vec![Beat { hz, ms: 0 }], level, true) };
    let mut beats = Vec::new();
    for (number, ms) in rhythm.split('/').take(MAX_BEATS + 1).enumerate() {
        let ms = ms.parse().ok().filter(|&ms| ms > 0)?;
        beats.push(Beat { hz: if number % 2 == 0 { hz } else { [0.0; 2] }, ms });
    }
    // One beat sounds once, a rhythm goes on.
    let repeats = beats.len() > 1;
    Rhythm::new(beats, level, repeats)
}

fn pitch(text: &str) -> Option<f32> {
    text.parse::<u16>().ok().filter(|hz| (20..=4000).contains(hz)).map(f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (name, told) in [
            ("welcome", "welcome"),
            ("en/menu@home.wav", "en/menu@home.wav"),
            ("https://example.com/@x/a.mp3", "https://example.com/@x/a.mp3"),
            ("https://ann:p@ss@example.com:8443/a.mp3?key=1#top", "https://example.com:8443/a.mp3"),
            ("https://ann:secret@example.com?key=1/2", "https://example.com"),
            ("s3://sounds/a.wav", "s3://sounds/a.wav"),
        ] {
            assert_eq!(shown(name), told);
        }
    }

    fn beat(low: f32, high: f32, ms: u32) -> Beat {
        Beat { hz: [low, high], ms }
    }

    fn tone_of(written: &str) -> Rhythm {
        match named(written, "us") {
            Ok(Named::Tone(tone)) => tone,
            other => panic!("{written}: {other:?}"),
        }
    }

    #[test]
    fn files_and_addresses_are_left_to_the_loader() {
        for file in ["welcome", "en/menu.wav", "https://example.com/a::b.mp3", "s3://bucket/a.wav"] {
            assert_eq!(named(file, "us"), Ok(Named::File(file.into())));
        }
    }

    #[test]
    fn tones_are_those_of_home_unless_a_country_is_named() {
        assert_eq!(tone_of("tone::busy"), Rhythm::named("busy", "us").unwrap());
        assert_eq!(tone_of("tone::busy/GB"), Rhythm::named("busy", "gb").unwrap());
        assert_ne!(tone_of("tone::busy/gb"), tone_of("tone::busy"));
    }

    #[test]
    fn frequencies_levels_and_rhythms_are_read() {
        let of = |beats: &[Beat], level, repeats| Rhythm::new(beats.to_vec(), level, repeats).unwrap();
        assert_eq!(tone_of("tone::1004@-10"), of(&[beat(1004.0, 0.0, 0)], -10.0, true));
        assert_eq!(tone_of("tone::350+440"), of(&[beat(350.0, 440.0, 0)], LEVEL_DBM0, true));
        assert_eq!(tone_of("tone::440:200"), of(&[beat(440.0, 0.0, 200)], LEVEL_DBM0, false));
        let busy = of(&[beat(480.0, 620.0, 500), beat(0.0, 0.0, 500)], -20.0, true);
        assert_eq!(tone_of("tone::480+620@-20:500/500"), busy);
        assert_eq!(tone_of("silence::500").ms(), Some(500));
    }

    #[test]
    fn what_is_written_wrong_is_told_with_what_would_be_right() {
        for (written, says) in [
            ("", "a prompt needs a name"),
            ("say::hello", "say:: is unknown"),
            ("silence::", "silence::500"),
            ("silence::0", "silence::500"),
            ("silence::9999999", "silence::500"),
            ("tone::", "ringback"),
            ("tone::disco", "ringback"),
            ("tone::5000", "frequencies up to 4000"),
            ("tone::440+", "frequencies"),
            ("tone::440:0/5", "frequencies"),
            ("tone::440@5", "frequencies"),
            ("tone::440@NaN", "frequencies"),
            ("tone::440:1/1/1/1/1/1/1/1/1", "frequencies"),
        ] {
            let told = named(written, "us").unwrap_err().to_string();
            assert!(told.starts_with(written) && told.contains(says), "{written}: {told}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_stops_us(written in "(tone::|silence::)?[0-9a-z@+:/. -]{0,20}") {
            let _ = named(&written, "us");
        }
    }
}
