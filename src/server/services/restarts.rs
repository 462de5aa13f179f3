//! Tests: what is served after a restart, by what was served before it and what lies in the folder by then.

use patchcord_web::{house::TroubleKind, store::versions::Kept};

use super::*;

const ANSWERS: &str = "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }";
const ITS_TEST: &str =
    "fn test_it_answers(t) {\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.is_answered();\n}";
const BROKEN: &str = "fn on_invite(caller) {\n  caller.answer(\n}";

fn opened(folder: &Path, past: Vec<Numbered>) -> ServiceRoom {
    ServiceRoom::open(folder, Limits::default(), &Environment::new(), Trials::new(true), past.into())
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("it is written");
}

/// A server that served those files, and what its store would tell the next one.
fn served(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<Numbered>, Vec<(String, Kept)>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("shared")).expect("a folder");
    files.iter().for_each(|(name, text)| write(&folder, name, text));
    let room = opened(folder.path(), Vec::new());
    let editions = room.shelf.all();
    let numbered = |edition: &Arc<Edition>| {
        let (service, number, digest) = (edition.name.clone(), edition.version, edition.digest);
        Numbered { service, number, digest, gone: false, findings: None }
    };
    let kept = |edition: &Arc<Edition>| {
        let modules = edition.imports.iter().map(kept::imported).collect();
        let kept = Kept { number: edition.version, text: edition.text.to_string(), modules: Some(modules) };
        (edition.name.clone(), kept)
    };
    let told = (editions.iter().map(numbered).collect(), editions.iter().map(kept).collect());
    (folder, told.0, told.1)
}

/// The next server, which finds what the store has of what is in doubt.
fn again(folder: &tempfile::TempDir, past: Vec<Numbered>, kept: &[(String, Kept)]) -> (ServiceRoom, Vec<String>) {
    let room = opened(folder.path(), past);
    let doubtful = room.doubtful();
    room.settle(kept.iter().filter(|(name, _)| doubtful.contains(name)).cloned().collect());
    (room, doubtful)
}

#[test]
fn what_does_not_parse_is_not_served_after_a_restart_and_what_was_served_before_it_is() {
    let (folder, past, kept) = served(&[("ivr.rhai", ANSWERS)]);
    write(&folder, "ivr.rhai", BROKEN);
    let (room, doubtful) = again(&folder, past, &kept);
    assert_eq!(doubtful, ["ivr"]);
    let served = room.shelf.find("ivr").expect("it is served");
    assert_eq!((&*served.text, served.version), (ANSWERS, 1));
    let told = room.look().broken;
    assert!(told[0].starts_with("ivr.rhai:3:1: "), "{told:?}");
    assert!(told[0].ends_with("; version 1 from before the restart is served"), "{told:?}");
    let troubles = room.troubles();
    let [trouble] = &troubles[..] else { panic!("{troubles:?}") };
    assert_eq!((trouble.kind, &trouble.served), (TroubleKind::Restored, &Some(served.in_words())));
    assert_eq!(trouble.place.as_ref().map(|place| (&*place.file, place.line, place.column)), Some(("ivr.rhai", 3, 1)));
    assert_eq!(room.versions.waiting(), 0, "it goes on");
    write(&folder, "ivr.rhai", &format!("{ANSWERS} // mended"));
    assert!(room.look().published[0].starts_with("ivr 2 "));
    assert_eq!(room.troubles(), []);
}

#[test]
fn what_its_tests_refused_before_a_restart_they_refuse_after_it_and_what_they_like_is_served_at_once() {
    let (folder, past, kept) = served(&[("ivr.rhai", ANSWERS), ("ivr_test.rhai", ITS_TEST)]);
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
    let (room, _) = again(&folder, past.clone(), &kept);
    assert_eq!(room.shelf.find("ivr").map(|edition| edition.version), Some(1));
    assert!(room.look().broken[0].starts_with("ivr_test.rhai:3:9: test_it_answers fails: "));
    write(&folder, "ivr.rhai", &ANSWERS.replace("9.s()", "8.s()"));
    let (room, _) = again(&folder, past, &kept);
    assert_eq!(room.shelf.find("ivr").map(|edition| edition.version), Some(2));
    assert_eq!(room.troubles(), []);
    let findings = room.all().into_iter().find(|service| service.name == "ivr").and_then(|service| service.findings);
    assert_eq!(findings.map(|found| (found.faults, found.held, found.failed)), Some((0, 1, 0)));
}

#[test]
fn what_was_deleted_stays_deleted_also_where_a_broken_file_of_that_name_comes_back() {
    let (folder, mut past, kept) = served(&[("ivr.rhai", ANSWERS)]);
    fs::remove_file(folder.path().join("ivr.rhai")).expect("it was there");
    let (room, doubtful) = again(&folder, past.clone(), &kept);
    assert!(doubtful.is_empty() && room.shelf.find("ivr").is_none());
    assert_eq!(room.versions.waiting(), 1, "the store hears that it has gone");
    past.iter_mut().for_each(|past| past.gone = true);
    write(&folder, "ivr.rhai", BROKEN);
    let (room, doubtful) = again(&folder, past, &kept);
    assert!(doubtful.is_empty() && room.shelf.find("ivr").is_none());
    assert!(room.look().broken[0].ends_with("; nothing is served as ivr"));
}

#[test]
fn a_folder_that_cannot_be_read_at_a_start_deletes_nothing() {
    let (folder, past, _) = served(&[("ivr.rhai", ANSWERS)]);
    let room = opened(&folder.path().join("elsewhere"), past);
    assert!(room.shelf.find("ivr").is_none() && room.versions.waiting() == 0);
}

const IMPORTS: &str =
    "import \"shared/hours\" as hours;\nfn on_invite(caller) { if hours::open() { caller.answer(); } }";

#[test]
fn a_service_whose_module_is_broken_at_a_start_is_served_with_the_module_that_it_had() {
    let (folder, past, kept) = served(&[("shared/hours.rhai", "fn open() { true }"), ("ivr.rhai", IMPORTS)]);
    write(&folder, "shared/hours.rhai", "fn open() {");
    let (room, _) = again(&folder, past.clone(), &kept);
    let served = room.shelf.find("ivr").expect("it is served");
    assert_eq!((served.version, &*served.imports[0].text), (1, "fn open() { true }"));
    assert!(room.look().broken[0].starts_with("shared/hours.rhai:1:12: "));
    // A store of an earlier release kept no modules: the folder may still have what is needed.
    write(&folder, "shared/hours.rhai", "fn open() { true }");
    write(&folder, "ivr.rhai", BROKEN);
    let bare: Vec<_> = kept.into_iter().map(|(name, kept)| (name, Kept { modules: None, ..kept })).collect();
    let (room, _) = again(&folder, past, &bare);
    assert_eq!(room.shelf.find("ivr").map(|edition| edition.version), Some(1));
}

#[test]
fn a_text_that_can_be_served_no_more_is_left_and_the_file_is_judged_as_a_new_one() {
    let (folder, past, mut kept) = served(&[("ivr.rhai", ANSWERS)]);
    kept.iter_mut().for_each(|(_, kept)| kept.text = "fn on_invite(".into());
    write(&folder, "ivr.rhai", &ANSWERS.replace("9.s()", "8.s()"));
    let (room, _) = again(&folder, past, &kept);
    assert_eq!(room.shelf.find("ivr").map(|edition| edition.version), Some(2));
}

/// What a service may do by its manifest, and what the store is told of that, after a restart that finds these.
fn leashed(file: Option<&str>, kept: &str) -> (Option<bool>, Vec<String>, usize) {
    let (folder, past, _) = served(&[("ivr.rhai", ANSWERS)]);
    file.into_iter().for_each(|text| write(&folder, "ivr.toml", text));
    let manifests = [("ivr".to_owned(), kept.to_owned())].into();
    let before = Before { versions: past, manifests };
    let room = ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), Trials::new(true), before);
    let may_mail = room.rules("ivr").map(|rules| rules.mail);
    let troubles = room.troubles().iter().map(|trouble| trouble.why.clone()).collect();
    (may_mail, troubles, room.versions.waiting())
}

#[test]
fn a_manifest_that_is_broken_at_a_start_leaves_what_it_said_before_the_restart() {
    let (may_mail, troubles, noted) = leashed(Some("mail = 1\n"), "mail = true\n");
    assert_eq!((may_mail, noted), (Some(true), 0), "what the store has stays there");
    assert!(troubles.len() == 1 && troubles[0].contains("ivr.toml:1:8: mail: 1 is not true or false"), "{troubles:?}");
    // The file counts where it can be read, and the store hears of it; so it does where there is none any more.
    assert_eq!(leashed(Some("mail = false\n"), "mail = true\n"), (Some(false), vec![], 1));
    assert_eq!(leashed(Some("mail = true\n"), "mail = true\n"), (Some(true), vec![], 0));
    assert_eq!(leashed(None, "mail = true\n"), (Some(false), vec![], 1));
    // What was never whole may nothing.
    assert_eq!(leashed(Some("mail = 1\n"), "mail = 2\n").0, Some(false));
}
