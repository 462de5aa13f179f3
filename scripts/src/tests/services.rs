//! The services that are shipped, on the stage of the simulator; and what the pages say of scripts.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::imports::Module;
use crate::replay::{Came, replay};
use crate::simulator::{Failure, Setting, Stage};
use crate::testing::{NotMade, Source, Sources, Wishes, calls_of, run, test_of};
use crate::{Host, Limits, Shelf, check_text, engine, shipped};

const SECOND: Duration = Duration::from_secs(1);

/// Everything that is shipped, on a shelf.
fn house() -> Stage {
    let shelf = Arc::new(Shelf::default());
    for name in shipped::services() {
        let text = shipped::service(name).expect("a listed service is there");
        shelf.publish(name, &format!("{name}.rhai"), text).unwrap_or_else(|broken| panic!("{broken}"));
    }
    let stage = Stage::new(Setting::of(Box::new(Host::new(shelf))));
    for (number, service) in
        [("1000", "reception"), ("2000", "team"), ("9198", "readback"), ("*97", "voicemail"), ("*72", "forward")]
    {
        stage.route(number, service);
    }
    stage
}

/// A service and the prompts that it names, as far as they are written out.
fn prompts_of(text: &str) -> Vec<&str> {
    let is_name =
        |word: &&str| word.contains('-') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'_');
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(is_name).collect()
}

#[test]
fn every_prompt_that_a_shipped_service_names_was_recorded() {
    let mut named = 0;
    for service in shipped::services() {
        for prompt in prompts_of(shipped::service(service).expect("it is there")) {
            assert!(shipped::sound(&format!("en/{prompt}")).is_some(), "{service} plays {prompt}");
            named += 1;
        }
    }
    assert!(named > 20, "{named} prompts");
    // What reception builds from a status.
    for status in ["busy", "no_answer", "rejected", "unreachable", "screened", "cancelled", "forbidden"] {
        assert!(shipped::sound(&format!("en/voicemail-{status}")).is_some(), "{status}");
    }
    for via in ["rtp", "info", "inband"] {
        assert!(shipped::sound(&format!("en/readback-{via}")).is_some(), "{via}");
    }
}

#[test]
fn a_shipped_service_is_read_in_a_minute() {
    for service in shipped::services() {
        let lines = shipped::service(service).expect("it is there").lines().count();
        assert!(lines <= 100, "{service} has {lines} lines");
    }
}

#[test]
fn what_is_left_at_reception_is_in_the_record_and_in_the_mailbox() -> Result<(), Failure> {
    let t = house();
    let phone = t.phone("+33612345678").dials("1000")?;
    phone.hears("main-menu")?.presses("2")?;
    phone.hears("leave-message")?.speaks(4 * SECOND)?.hangs_up()?;
    assert!(phone.record()?.outcomes().contains(&"voicemail".to_owned()));

    let owner = t.endpoint("101").shows("Ann").dials("*97")?;
    owner.hears("mailbox-none")?.hears("goodbye")?.is_hung_up()?;
    assert_eq!(t.clear(), [""; 0]);
    assert_eq!(t.faults(), [""; 0]);
    Ok(())
}

/// The tests that lie beside the shipped services, and beside the first service that `init` writes.
fn suite() -> Sources {
    let folder = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let read = |path: &Path| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let file = format!("{name}.rhai");
        Source { name, file, text: fs::read_to_string(path).expect("it can be read") }
    };
    let files = |path: &str| fs::read_dir(folder(path)).expect("a folder").map(|entry| entry.expect("a file").path());
    let scripts = files(".").chain(files("../src/cli/first"));
    let scripts =
        scripts.filter(|path| path.extension().is_some_and(|ending| ending == "rhai")).map(|path| read(&path));
    let (mut tests, services): (Vec<_>, Vec<_>) = scripts.partition(|source| source.name.ends_with("_test"));
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(tests.len(), services.len(), "each service has its test");
    Sources { services, tests, prompts: vec![folder("nowhere")], ..Sources::default() }
}

/// Runs a suite, and fails with all that it says is wrong.
#[track_caller]
fn all_is_well(sources: &Sources, wishes: &Wishes) -> usize {
    let mut wrong = Vec::new();
    let report = run(sources, wishes, &mut |verdict| {
        wrong.extend(
            verdict
                .failed
                .iter()
                .map(|failed| format!("{}: {}: {}\n{}", failed.place, verdict.name, failed.why, failed.ladder)),
        );
    });
    wrong.extend(report.broken.clone());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    report.verdicts.len()
}

#[test]
fn every_shipped_service_does_what_its_test_says() {
    assert!(all_is_well(&suite(), &Wishes::default()) > 20);
}

#[test]
fn the_explorer_finds_nothing_in_any_shipped_service() {
    assert!(all_is_well(&suite(), &Wishes { explore: true, ..Wishes::default() }) > 20);
}

#[test]
fn each_call_of_a_shipped_service_can_be_replayed_and_goes_the_same_way() {
    let (host, calls) = calls_of(&suite());
    assert!(calls.len() > 20, "{} calls", calls.len());
    for call in calls {
        let replayed = replay(&*host, &call.record, &call.entries).expect("a script answered it");
        let story = || call.entries.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join("\n");
        assert_eq!(replayed.end, Came::Through, "{}, behind {:?}\n{}", call.service, replayed.same, story());
    }
}

#[test]
fn each_call_of_a_shipped_service_makes_a_test_that_holds() {
    let (_, calls) = calls_of(&suite());
    let (mut made, mut wrong) = (0, Vec::new());
    for call in calls {
        let text = match test_of(&call.record, &call.entries) {
            Ok(text) => text,
            Err(NotMade::Room | NotMade::Begun) => continue,
            Err(why) => panic!("{why}"),
        };
        // What the world answered is for somebody else to say, and the test says so.
        if text.contains("asked the world outside") {
            continue;
        }
        let service = format!("{}_test", call.service);
        let source = Source { file: format!("{service}.rhai"), name: service, text: text.clone() };
        let report = run(&Sources { tests: vec![source], ..suite() }, &Wishes::default(), &mut |_| {});
        made += 1;
        if !report.is_well() {
            wrong.push(format!("{text}\n{}", report.summary()));
        }
    }
    assert!(made > 12, "{made}");
    assert!(wrong.is_empty(), "{} of {made}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The pieces of a page that are scripts, with the line on which each begins.
fn snippets(page: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(kind) if !inside && kind.split(' ').next() == Some("rhai") => {
                inside = true;
                found.push((at + 2, String::new()));
            }
            Some(_) => inside = false,
            None if inside => found.last_mut().expect("one has begun").1.extend([line, "\n"]),
            None => {}
        }
    }
    found
}

/// The scripts of the page that have a name: files that belong together.
fn named_on_the_page() -> Sources {
    // What is played there has to be in the house.
    let mut found = Sources { prompts: vec!["nowhere".into()], ..Sources::default() };
    let mut lines = include_str!("../../../docs/scripting.md").lines();
    while let Some(line) = lines.next() {
        let Some(file) = line.strip_prefix("```rhai ") else { continue };
        let name = file.strip_suffix(".rhai").expect("the name of a script").to_owned();
        let text = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        if name.contains('/') {
            found.modules.push(Module { name, file: file.to_owned(), text: String::into(text) });
            continue;
        }
        let source = Source { name, file: file.to_owned(), text };
        if source.name.ends_with("_test") { found.tests.push(source) } else { found.services.push(source) }
    }
    found
}

#[test]
fn the_tests_on_the_page_about_scripts_say_what_its_scripts_do() {
    assert_eq!(all_is_well(&named_on_the_page(), &Wishes::default()), 8);
}

#[test]
fn the_first_test_on_the_page_fails_where_the_team_rings_longer_or_shorter_than_it_says() {
    for (ring, why) in [("40.s()", "to hear voicemail-busy within 2.0 s"), ("10.s()", "not to hear voicemail-busy")] {
        let mut page = named_on_the_page();
        let office = page.services.iter_mut().find(|source| source.name == "office").expect("the office");
        office.text = office.text.replace("ring: 20.s()", &format!("ring: {ring}"));
        let wishes = Wishes { filter: Some("nobody_comes".into()), ..Wishes::default() };
        let report = run(&page, &wishes, &mut |_| {});
        let told: Vec<_> =
            report.verdicts.iter().flat_map(|verdict| &verdict.failed).map(|failed| &failed.why).collect();
        assert!(told.len() == 1 && told[0].contains(why), "{ring}: {told:?}");
    }
}

#[test]
fn every_script_on_the_page_about_scripts_compiles() {
    let (limits, page) = (Limits::default(), include_str!("../../../docs/scripting.md"));
    let engine = engine(&limits);
    let snippets = snippets(page);
    assert!(snippets.len() > 15, "{} scripts", snippets.len());
    for (line, text) in snippets {
        let compiled = check_text(&engine, &limits, "snippet", &text);
        assert!(compiled.is_ok(), "docs/scripting.md:{line}: {}", compiled.expect_err("it is broken"));
    }
}
