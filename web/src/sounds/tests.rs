//! Prompts that are uploaded: levelled, versioned, and never anywhere but in their folder.

use super::*;

/// A tone of that level, as wav.
fn tone(level: f32, seconds: usize) -> Vec<u8> {
    let rate = Rate::Wide.hz() as usize;
    let sample = |at: usize| ((at as f32 * 0.4).sin() * level * 32_767.0) as i16;
    wav(&(0..rate * seconds).map(sample).collect::<Vec<_>>())
}

fn shipped(name: &str) -> Option<&'static [u8]> {
    (name == "welcome").then_some(b"shipped")
}

fn sounds(folder: &Path) -> Sounds {
    Sounds::new(folder.join("sounds"), shipped, ["welcome".to_owned()].into_iter())
}

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

/// How loud a wav of ours is.
fn loudest(file: &[u8]) -> i16 {
    file[44..]
        .chunks(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).saturating_abs())
        .max()
        .expect("it has samples")
}

#[test]
fn an_upload_is_levelled_and_takes_the_place_of_what_is_shipped_until_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = sounds(folder.path());
    assert_eq!(sounds.read("welcome", None).expect("it is shipped"), b"shipped");
    assert_eq!(sounds.put("welcome", None, tone(0.01, 2), at(1)).expect("taken").plays.as_secs(), 2);
    let quiet = sounds.read("welcome", None).expect("there");
    sounds.put("loud", None, tone(0.9, 2), at(1)).expect("taken");
    let loud = sounds.read("loud", None).expect("there");
    let (quiet, loud) = (f32::from(loudest(&quiet)), f32::from(loudest(&loud)));
    assert!((0.7..1.4).contains(&(quiet / loud)), "a whisper and a shout are equally loud: {quiet} and {loud}");
    let found = sounds.find("welcome").expect("there");
    assert!(found.own && found.shipped);
    sounds.remove("welcome", at(2)).expect("removed");
    assert_eq!(sounds.read("welcome", None).expect("it is shipped"), b"shipped");
    assert!(matches!(sounds.remove("welcome", at(3)), Err(NoSound::Missing(_))));
}

#[test]
fn what_is_replaced_is_kept_and_comes_back_and_the_eldest_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = sounds(folder.path());
    for second in 1..=VERSIONS as u64 + 3 {
        sounds.put("de/menu", None, tone(0.5, second as usize), at(second)).expect("taken");
    }
    let found = sounds.find("de/menu").expect("there");
    assert_eq!((found.versions.len(), found.versions[0]), (VERSIONS, (VERSIONS as u64 + 3) * 1000));
    let second = 16_000 * 2;
    let seconds = |version| (sounds.read("de/menu", version).expect("there").len() - 44) / second;
    assert_eq!((seconds(None), seconds(Some(found.versions[0]))), (VERSIONS + 3, VERSIONS + 2));
    sounds.restore("de/menu", found.versions[0], at(99)).expect("back");
    assert_eq!(seconds(None), VERSIONS + 2);
    assert!(matches!(sounds.restore("de/menu", 7, at(99)), Err(NoSound::Missing(_))));
    let names: Vec<_> = sounds.list().into_iter().map(|sound| sound.name).collect();
    assert_eq!(names, ["de/menu", "welcome"]);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = sounds(folder.path());
    fs::write(folder.path().join("secret.wav"), tone(0.5, 1)).expect("written");
    fs::create_dir_all(folder.path().join("sounds")).expect("made");
    std::os::unix::fs::symlink(folder.path().join("secret.wav"), folder.path().join("sounds/link.wav"))
        .expect("a link");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("sounds/xx")).expect("a link");
    let long = "x".repeat(65);
    let tricks = [
        "../secret",
        "/secret",
        "a/b/c",
        "",
        ".",
        "..",
        "a.b",
        "de/",
        "/x",
        "versions/x",
        "link",
        "xx/secret",
        "a\0b",
        &long,
    ];
    for trick in tricks {
        assert!(matches!(sounds.put(trick, None, tone(0.5, 1), at(1)), Err(NoSound::Name(_))), "{trick:?}");
        assert!(matches!(sounds.read(trick, None), Err(NoSound::Name(_))), "{trick:?}");
        assert!(matches!(sounds.remove(trick, at(1)), Err(NoSound::Name(_))), "{trick:?}");
    }
    assert!(folder.path().join("secret.wav").exists());
}

#[test]
fn what_cannot_be_played_is_refused_and_what_stood_there_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = sounds(folder.path());
    sounds.put("menu", None, tone(0.5, 1), at(1)).expect("taken");
    let before = sounds.read("menu", None).expect("there");
    let cut = tone(0.5, 3)[..50_000].to_vec();
    for bad in [Vec::new(), b"no sound at all".to_vec(), cut, vec![0; LARGEST + 1]] {
        assert!(matches!(sounds.put("menu", None, bad, at(2)), Err(NoSound::Unplayable(_))));
    }
    assert_eq!(sounds.read("menu", None).expect("there"), before);
    assert!(sounds.find("menu").expect("there").versions.is_empty());
}

#[test]
fn silence_is_taken_and_told_and_a_refused_file_is_called_as_its_owner_calls_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = sounds(folder.path());
    let silent = sounds.put("hush", Some("hush.wav"), tone(0.0, 2), at(1)).expect("taken");
    assert_eq!((silent.plays.as_secs(), silent.is_silent), (2, true));
    assert!(sounds.is_silent("hush").expect("it is there"));
    let heard = sounds.put("hush", Some("hush.wav"), tone(0.3, 2), at(2)).expect("taken");
    assert!(!heard.is_silent && !sounds.is_silent("hush").expect("it is there"));
    assert!(!sounds.is_silent("nothing").expect("a name"));
    for (file, shown) in [
        (Some("Ansage 3.wma"), "ffmpeg -i 'Ansage 3.wma' new.wav"),
        (Some("C:\\sounds\\menu.aiff"), "ffmpeg -i menu.aiff new.wav"),
        (Some("a'; rm -rf x"), "ffmpeg -i 'a; rm -rf x' new.wav"),
        (None, "ffmpeg -i your-file new.wav"),
    ] {
        let refused = sounds.put("menu", file, b"no sound at all".to_vec(), at(3)).expect_err("no sound").to_string();
        assert!(refused.contains(shown), "{refused}");
    }
}
