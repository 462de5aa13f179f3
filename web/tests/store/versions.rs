//! Versions of services, as both databases keep them.

use patchcord_web::{
    store::versions::{KEPT, Kept, Numbered},
    versions::{Findings, Imported, Note, Reason, Version, Versions, write},
};

use crate::lab::{Lab, laws, moment};

laws!(
    a_version_is_told_over_a_restart_with_what_it_said_and_when,
    the_versions_that_were_served_last_stay_and_no_number_is_given_twice,
    what_waits_is_written_once_the_store_takes_it,
    the_text_that_was_served_last_is_kept_with_its_modules_until_its_file_is_gone,
    what_was_found_of_a_version_stands_beside_it,
    the_manifest_that_was_read_last_is_kept_sealed_until_its_file_is_gone
);

fn version(service: &str, number: u32, second: u64) -> Version {
    Version {
        service: service.into(),
        number,
        name: format!("{number} 0a0b0c0d"),
        digest: [number as u8; 32],
        // Nothing that a database of texts would refuse is refused here.
        text: format!("fn on_invite(caller) {{ caller.tag(\"\0\", {number}) }}").into(),
        modules: Vec::new(),
        reason: Reason::Saved,
        since: moment(second),
    }
}

async fn a_version_is_told_over_a_restart_with_what_it_said_and_when(lab: Lab) {
    let store = lab.store().await;
    let (first, second) = (version("ivr", 1, 1), version("ivr", 2, 20));
    let found = Version { reason: Reason::Found, ..version("team", 1, 5) };
    store.keep_versions(&[first.clone(), second.clone(), found].map(Note::Served)).await.expect("kept");
    // Somebody went back to what it said first.
    store.keep_versions(&[Note::Served(Version { since: moment(30), ..first.clone() })]).await.expect("kept");
    store.close().await;

    let store = lab.store().await;
    let numbers = store.numbers_of_versions().await.expect("told");
    let told: Vec<_> = numbers.iter().map(|it| (&*it.service, it.number)).collect();
    assert_eq!(told, [("team", 1), ("ivr", 2), ("ivr", 1)], "what was served last is told last");
    assert_eq!(numbers[1], Numbered { service: "ivr".into(), number: 2, digest: [2; 32], gone: false, findings: None });

    let past = store.versions_of("ivr").await.expect("told");
    let told: Vec<_> = past.iter().map(|it| (&*it.name, it.number, it.first, it.since)).collect();
    assert_eq!(told, [("1 0a0b0c0d", 1, moment(1), moment(30)), ("2 0a0b0c0d", 2, moment(20), moment(20))]);
    assert_eq!((past[0].bytes, &*past[0].digest), (first.text.len() as u64, &[1; 32][..]));
    assert_eq!(store.versions_of("team").await.expect("told")[0].reason, Reason::Found);

    assert_eq!(store.text_of_version("ivr", "2 0a0b0c0d").await.expect("read").as_deref(), Some(&*second.text));
    assert_eq!(store.text_of_version("ivr", "3 0a0b0c0d").await.expect("looked for"), None);
    assert_eq!(store.text_of_version("team", "2 0a0b0c0d").await.expect("looked for"), None);
    store.close().await;
}

async fn the_versions_that_were_served_last_stay_and_no_number_is_given_twice(lab: Lab) {
    let store = lab.store().await;
    let most = KEPT as u32;
    let all: Vec<Note> = (1..=most + 5).map(|number| Note::Served(version("ivr", number, number.into()))).collect();
    store.keep_versions(&all).await.expect("kept");
    store.keep_versions(&[Note::Served(version("team", 1, 0))]).await.expect("kept");
    let past = store.versions_of("ivr").await.expect("told");
    assert_eq!((past.len(), past[0].number, past[KEPT - 1].number), (KEPT, most + 5, 6));
    assert_eq!(store.versions_of("team").await.expect("told").len(), 1, "another service has room of its own");

    // Old texts come back one after the other, until the highest number was served longest ago.
    let back: Vec<Note> =
        (6..most + 5).map(|number| Note::Served(version("ivr", number, 1000 + u64::from(number)))).collect();
    store.keep_versions(&back).await.expect("kept");
    store.keep_versions(&[version("ivr", 5, 3000), version("ivr", 4, 3001)].map(Note::Served)).await.expect("kept");
    let past = store.versions_of("ivr").await.expect("told");
    assert_eq!((past[0].number, past[1].number), (4, 5));
    assert_eq!(past.last().map(|it| it.number), Some(most + 5), "the highest number is remembered");
    store.close().await;
}

async fn what_waits_is_written_once_the_store_takes_it(lab: Lab) {
    let store = lab.store().await;
    let versions = Versions::default();
    (1..=120).for_each(|number| versions.note(version("ivr", number, number.into())));
    store.close().await;
    assert!(!write(&store, &versions).await);
    assert_eq!(versions.waiting(), 120, "they wait");
    let store = lab.store().await;
    assert!(write(&store, &versions).await);
    assert_eq!(versions.waiting(), 0);
    assert_eq!(store.versions_of("ivr").await.expect("told")[0].number, 120);
    store.close().await;
}

async fn the_text_that_was_served_last_is_kept_with_its_modules_until_its_file_is_gone(lab: Lab) {
    let store = lab.store().await;
    let text = "fn open() { \"\0\" }".to_owned();
    let module = Imported { name: "shared/hours".into(), file: "shared/hours.rhai".into(), text };
    let second = Version { modules: vec![module.clone()], ..version("ivr", 2, 20) };
    store.keep_versions(&[version("ivr", 1, 1), second.clone()].map(Note::Served)).await.expect("kept");
    let last = async || store.last_version("ivr").await.expect("asked");
    let kept = Kept { number: 2, text: second.text.to_string(), modules: Some(vec![module]) };
    assert_eq!(last().await, Some(kept.clone()));
    assert_eq!(store.last_version("team").await.expect("asked"), None);
    store.keep_versions(&[Note::Gone { service: "ivr".into(), at: moment(30) }]).await.expect("kept");
    assert_eq!(last().await, None, "nobody resurrects what was deleted");
    assert!(store.numbers_of_versions().await.expect("told").iter().all(|it| it.gone));
    let back = Version { since: moment(40), ..second };
    store.keep_versions(&[Note::Served(back)]).await.expect("kept");
    assert_eq!(last().await, Some(kept));
    store.close().await;
}

async fn what_was_found_of_a_version_stands_beside_it(lab: Lab) {
    let store = lab.store().await;
    let findings = Findings { faults: 1, held: 2, failed: 3, at_ms: 4_000 };
    let found = Note::Found { service: "ivr".into(), number: 1, findings };
    store.keep_versions(&[Note::Served(version("ivr", 1, 1)), found]).await.expect("kept");
    let nobody = Note::Found { service: "nobody".into(), number: 1, findings };
    store.keep_versions(&[Note::Served(version("ivr", 2, 2)), nobody]).await.expect("kept");
    let told: Vec<_> = store.versions_of("ivr").await.expect("told").into_iter().map(|it| it.findings).collect();
    assert_eq!(told, [None, Some(findings)]);
    let numbers = store.numbers_of_versions().await.expect("told");
    assert_eq!(numbers.iter().map(|it| it.findings).collect::<Vec<_>>(), [Some(findings), None]);
    store.close().await;
}

async fn the_manifest_that_was_read_last_is_kept_sealed_until_its_file_is_gone(lab: Lab) {
    let store = lab.store().await;
    let note = |service: &str, text: Option<&str>, second| Note::Manifest {
        service: service.into(),
        text: text.map(str::to_owned),
        since: moment(second),
    };
    let (first, second) = ("[database]\nurl = \"postgres://crm:geheim@db/crm\"\n", "mail = true\n");
    let notes = [note("crm", Some(first), 1), note("ivr", Some(second), 2), note("crm", Some(second), 3)];
    store.keep_versions(&notes[..2]).await.expect("kept");
    store.close().await;
    let store = lab.store().await;
    let told = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    assert_eq!(store.manifests().await.expect("read"), told(&[("crm", first), ("ivr", second)]));
    store.keep_versions(&notes[2..]).await.expect("kept");
    store.keep_versions(&[note("ivr", None, 4), note("nobody", None, 4)]).await.expect("kept");
    assert_eq!(store.manifests().await.expect("read"), told(&[("crm", second)]));
    store.close().await;
}
