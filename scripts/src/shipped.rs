//! What is shipped inside the binary: sounds and services.
//!
//! Files of the same name in the folders of the configuration win over these; whoever looks there first decides that. Sounds
//! are named as files are, without their ending: `en/goodbye`, `music`.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The sound of that name, as an Ogg file with Opus.
#[must_use]
pub fn sound(name: &str) -> Option<&'static [u8]> {
    let at = SOUNDS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(SOUNDS[at].1)
}

/// The names of all sounds, sorted.
pub fn sounds() -> impl Iterator<Item = &'static str> {
    SOUNDS.iter().map(|(name, _)| *name)
}

/// The text of the service of that name.
#[must_use]
pub fn service(name: &str) -> Option<&'static str> {
    let at = SERVICES.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(SERVICES[at].1)
}

/// The tests of the service of that name.
#[must_use]
pub fn test(name: &str) -> Option<&'static str> {
    let at = TESTS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(TESTS[at].1)
}

/// The names of all services, sorted.
pub fn services() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::Language;

    /// A line of a word list as a name.
    fn names_of(words: &str) -> impl Iterator<Item = &str> {
        words.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name)
    }

    const WORDS: [(&str, &str); 2] =
        [("en", include_str!("../sounds/en/words.txt")), ("de", include_str!("../sounds/de/words.txt"))];

    #[test]
    fn every_word_of_each_language_was_recorded_and_no_sound_has_lost_its_word() {
        let mut listed = vec!["music".to_owned()];
        for (language, words) in WORDS {
            assert!(Language::of(language).is_some(), "{language} has no grammar");
            listed.extend(names_of(words).map(|name| format!("{language}/{name}")));
        }
        listed.sort();
        assert_eq!(sounds().collect::<Vec<_>>(), listed, "run scripts/sounds/make.sh");
    }

    #[test]
    fn each_language_has_all_the_prompts_of_services() {
        let prompts = |words| names_of(words).filter(|name| !name.contains('/')).collect::<Vec<_>>();
        assert_eq!(prompts(WORDS[0].1), prompts(WORDS[1].1));
    }

    #[test]
    fn sounds_are_ogg_files_and_small_together() {
        let mut bytes = 0;
        for name in sounds() {
            let sound = sound(name).expect("a listed sound is found by its name");
            assert!(sound.starts_with(b"OggS"), "{name} is no Ogg file");
            bytes += sound.len();
        }
        assert!(bytes < 4 << 20, "{bytes} bytes of sounds would make the binary heavy");
        assert_eq!(sound("en/never-recorded"), None);
    }

    #[test]
    fn services_are_found_by_their_names() {
        for name in services() {
            assert!(service(name).is_some_and(|text| text.contains("fn on_")), "{name} handles nothing");
        }
        assert_eq!(service("never-written"), None);
    }
}
