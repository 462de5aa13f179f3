//! The folder of services, as somebody changes it: what is served, what is not and what is told, and over a restart.

use super::*;

fn room() -> (tempfile::TempDir, ServiceRoom) {
    let folder = tempfile::tempdir().expect("a folder");
    let room =
        ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), Trials::new(true), Before::default());
    (folder, room)
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("it is written");
}

#[test]
fn a_file_is_served_when_it_is_saved_and_no_more_when_it_is_gone() {
    let (folder, room) = room();
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
    write(&folder, "ivr_test.rhai", "fn test_it(t) {}");
    let looked = room.look();
    assert_eq!(looked.published.len(), 1, "{looked:?}");
    assert!(looked.published[0].starts_with("ivr 1 "), "{looked:?}");
    assert_eq!(room.look(), Looked::default());
    fs::remove_file(folder.path().join("ivr.rhai")).expect("it was there");
    assert_eq!(room.look().withdrawn, ["ivr"]);
    assert!(room.on_shard().find("ivr").is_none());
}

#[test]
fn a_test_without_end_holds_up_its_own_service_and_no_other_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let trials = Trials::within(Duration::from_millis(50));
    let room = ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), trials, Before::default());
    for name in ["again.rhai", "zebra.rhai"] {
        write(&folder, name, "fn on_invite(caller) { caller.answer(); }");
    }
    room.look();
    let endless = "fn test_it(t) { loop { try { t.phone(\"1\").dials(\"again\"); t.advance(9.h()); } catch { } } }";
    write(&folder, "again_test.rhai", endless);
    for name in ["again.rhai", "zebra.rhai"] {
        write(&folder, name, "fn on_invite(caller) { caller.answer(); caller.sleep(1.h()); }");
    }
    let looked = room.look();
    assert!(looked.published.len() == 1 && looked.published[0].starts_with("zebra 2 "), "{looked:?}");
    assert!(looked.broken.len() == 1 && looked.broken[0].contains("goes on without end"), "{looked:?}");
    assert!(looked.broken[0].ends_with("version 1 is served as before"), "{looked:?}");
}

/// A version, as the store tells it to the next process.
fn numbered(edition: Arc<Edition>) -> Numbered {
    let (service, number, digest) = (edition.name.clone(), edition.version, edition.digest);
    Numbered { service, number, digest, gone: false, findings: None }
}

#[test]
fn a_restart_goes_on_with_the_numbers_and_tells_only_what_is_new() {
    let (folder, first) = room();
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
    first.look();
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
    first.look();
    let before = first.shelf.find("ivr").expect("served").in_words();
    assert!(before.starts_with("2 "), "{before}");
    let past: Vec<Numbered> = first.shelf.all().into_iter().map(numbered).collect();
    let again =
        ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), Trials::new(true), past.into());
    assert_eq!(again.shelf.find("ivr").expect("served").in_words(), before);
    assert_eq!(again.versions.waiting(), 0, "each goes on");
    write(&folder, "ivr.rhai", "fn on_invite(caller) { }");
    assert!(again.look().published[0].starts_with("ivr 3 "));
    assert_eq!(again.versions.waiting(), 2, "the version, and what was found of it");
}

#[test]
fn a_service_reaches_what_its_manifest_says_and_one_of_ours_may_write_letters() {
    let (folder, room) = room();
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
    room.look();
    let may_mail = |name: &str| room.rules(name).map(|rules| rules.mail);
    assert_eq!((may_mail("ivr"), may_mail("voicemail"), may_mail("nobody")), (Some(false), Some(true), None));
    write(&folder, "ivr.toml", "mail = true");
    assert_eq!(room.look(), Looked::default());
    assert_eq!(may_mail("ivr"), Some(true));
    write(&folder, "voicemail.rhai", "fn on_invite(caller) { caller.answer(); }");
    write(&folder, "ivr.toml", "mail = maybe");
    assert!(room.look().broken[0].contains("ivr.toml:1:8: "), "{:?}", room.look());
    assert_eq!((may_mail("ivr"), may_mail("voicemail")), (Some(true), Some(false)), "that one is no longer ours");
}

#[test]
fn a_broken_file_says_where_and_the_one_before_is_served_until_it_is_mended() {
    let (folder, room) = room();
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
    room.look();
    write(&folder, "ivr.rhai", "fn on_invite(caller) {\n  caller.answer(\n}");
    let looked = room.look();
    assert!(looked.broken[0].starts_with("ivr.rhai:3:1: "), "{looked:?}");
    assert!(looked.broken[0].ends_with("; version 1 is served as before"), "{looked:?}");
    assert_eq!(room.look().broken, looked.broken, "it is still broken");
    assert!(room.on_shard().find("ivr").expect("it is served").edition.is_some_and(|it| it.starts_with("1 ")));
    write(&folder, "ivr.rhai", "fn on_invite(caller) {\n}");
    assert!(room.look().published[0].starts_with("ivr 2 "));
}

#[test]
fn a_change_that_check_finds_wrong_is_not_served_and_neither_is_an_empty_file() {
    let (folder, room) = room();
    let right = "fn on_invite(caller) { caller.answer(); caller.gather(#{ prompt: \"menu\" }); }";
    write(&folder, "ivr.rhai", right);
    let first = room.look().published;
    write(&folder, "ivr.rhai", &right.replace("prompt", "promt"));
    let told = room.look().broken;
    assert!(told[0].contains("ivr.rhai:1:") && told[0].contains("promt"), "{told:?}");
    write(&folder, "ivr.rhai", " \n");
    assert_eq!(room.look().broken, ["ivr.rhai: is empty; version 1 is served as before"]);
    assert_eq!(first, [format!("ivr {}", room.shelf.find("ivr").expect("it is served").in_words())]);
    write(&folder, "new.rhai", "");
    room.look();
    assert!(room.shelf.find("new").is_none());
    write(&folder, "wrong.rhai", &right.replace("prompt", "promt"));
    room.look();
    assert!(room.shelf.find("wrong").is_some(), "nothing was there before");
}

const ANSWERS: &str =
    "fn test_it_answers(t) {\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.is_answered();\n}";

#[test]
fn a_change_whose_own_test_fails_is_not_served_until_one_of_both_is_mended() {
    let (folder, room) = room();
    write(&folder, "ivr_test.rhai", ANSWERS);
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }");
    assert_eq!(room.look().broken, [""; 0]);
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
    let told = room.look().broken;
    assert!(told[0].starts_with("ivr_test.rhai:3:9: test_it_answers fails: "), "{told:?}");
    assert_eq!(room.look().broken, told, "it fails as before");
    let version = |room: &ServiceRoom| room.shelf.find("ivr").expect("it is served").version;
    assert_eq!(version(&room), 1);
    write(&folder, "ivr_test.rhai", &ANSWERS.replace("is_answered()", "is_rejected(486)"));
    let looked = room.look();
    assert_eq!((looked.published.len(), version(&room)), (1, 2), "{looked:?}");
}

#[test]
fn what_nothing_stood_before_is_served_and_its_failing_test_is_told_until_it_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, "ivr_test.rhai", ANSWERS);
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
    let room =
        ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), Trials::new(true), Before::default());
    assert!(room.shelf.find("ivr").is_some());
    let told = room.look().broken;
    assert!(told[0].starts_with("ivr_test.rhai:3:9: "), "{told:?}");
    assert_eq!(room.look().broken, told);
    write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }");
    assert_eq!((room.look().broken.len(), room.look().broken.len()), (0, 0));
}

#[test]
fn what_does_not_parse_at_the_start_is_told_to_be_served_by_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, "ivr.rhai", "fn on_invite(caller) {\n  caller.answer(\n}");
    let room =
        ServiceRoom::open(folder.path(), Limits::default(), &Environment::new(), Trials::new(true), Before::default());
    let told = room.look().broken;
    assert!(told[0].starts_with("ivr.rhai:3:1: ") && told[0].ends_with("; nothing is served as ivr"), "{told:?}");
    assert_eq!(room.look().broken, told);
    assert!(room.on_shard().find("ivr").is_none());
}

const IMPORTS: &str = "import \"shared/hours\" as hours;\nfn on_invite(caller) { if hours::open() { caller.answer(); caller.sleep(9.s()); } }";

#[test]
fn another_text_of_a_module_publishes_the_services_that_import_it_and_no_others() {
    let (folder, room) = room();
    fs::create_dir(folder.path().join("shared")).expect("a folder");
    write(&folder, "shared/hours.rhai", "fn open() { true }");
    write(&folder, "ivr.rhai", IMPORTS);
    write(&folder, "other.rhai", "fn on_invite(caller) { caller.answer(); }");
    let first = room.look();
    assert_eq!((first.published.len(), &first.broken), (2, &Vec::new()), "{first:?}");
    assert_eq!(room.look(), Looked::default());
    write(&folder, "shared/hours.rhai", "fn open() { false }");
    let second = room.look();
    assert!(second.published.len() == 1 && second.published[0].starts_with("ivr 2 "), "{second:?}");
    assert_ne!(second.published[0].rsplit(' ').next(), first.published[0].rsplit(' ').next(), "its hash covers it");
    assert_eq!(room.look(), Looked::default());
}

#[test]
fn a_broken_module_or_one_that_has_gone_leaves_its_service_as_it_was_and_is_told_by_its_place() {
    let (folder, room) = room();
    fs::create_dir(folder.path().join("shared")).expect("a folder");
    write(&folder, "shared/hours.rhai", "fn open() { true }");
    write(&folder, "ivr.rhai", IMPORTS);
    write(&folder, "ivr_test.rhai", "fn test_it(t) {\n  t.phone(\"+331\").dials(\"ivr\").is_answered();\n}");
    assert_eq!(room.look().broken, [""; 0]);
    for (text, told) in [
        ("fn open() {", "shared/hours.rhai:1:12: "),
        ("fn opens() { true }", "ivr.rhai:2:34: the module hours has no function `open`"),
        ("fn open() { false }", "ivr_test.rhai:2:32: test_it fails: "),
    ] {
        write(&folder, "shared/hours.rhai", text);
        let broken = room.look().broken;
        assert!(broken.len() == 1 && broken[0].starts_with(told), "{told}: {broken:?}");
        assert_eq!(room.look().broken, broken, "it is told as long as it is so");
    }
    fs::remove_file(folder.path().join("shared/hours.rhai")).expect("it was there");
    assert!(room.look().broken[0].starts_with("ivr.rhai:1:8: there is no module \"shared/hours\""));
    assert_eq!(room.shelf.find("ivr").map(|edition| edition.version), Some(1));
    write(&folder, "shared/hours.rhai", "fn open() { true } // mended");
    assert!(room.look().published[0].starts_with("ivr 2 "));
}

#[test]
fn a_new_service_in_which_something_is_wrong_is_served_and_told_until_it_is_mended() {
    let (folder, room) = room();
    write(&folder, "ivr.rhai", "fn on_invite(caller) {\n  caller.reject(200);\n}");
    let told = room.look().broken;
    assert!(told.len() == 1 && told[0].starts_with("ivr.rhai:2:") && told[0].ends_with("; it is served all the same"));
    assert_eq!(room.look().broken, told);
    assert!(room.on_shard().find("ivr").is_some());
    write(&folder, "ivr.rhai", "fn on_invite(caller) {\n  caller.reject(480);\n}");
    assert_eq!(room.look().broken, [""; 0]);
}
