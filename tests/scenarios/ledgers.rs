//! What somebody heard in a room, made again from the room's ledger, beside what his phone heard: the same samples.

use std::path::Path;
use std::time::Duration;

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, eventually};
use patchcord_media::codec::{Kind, Settings};

use crate::{calling::at_home, records::records, setup};

const SECOND: Duration = Duration::from_secs(1);

/// A room that keeps what its members say.
const KEPT: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("kept", #{ sounds: false, announce: "nothing", record_members: true });
    caller.join(room, #{ keys: #{ "*6": "toggle_mute" } });
}"#;

async fn house() -> Server {
    let setup =
        setup().service("kept", KEPT).toml("[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"kept\"\n");
    ["alice", "bob", "carol"].into_iter().fold(setup, |setup, user| setup.endpoint(user, "secret")).start().await
}

/// What a phone with µ-law hears of those samples.
fn through_the_phone(samples: &[i16]) -> Vec<i16> {
    let (mut bytes, mut heard) = (Vec::new(), Vec::new());
    Kind::Pcmu.encoder(&Settings::default()).expect("a codec").encode(samples, &mut bytes);
    let mut decoder = Kind::Pcmu.decoder().expect("a codec");
    bytes.chunks(160).for_each(|packet| decoder.decode(packet, &mut heard).expect("its own bytes"));
    heard
}

/// Writes what that one heard; gives what the command says.
async fn heard(server: &Server, member: &str, from: Option<&str>, file: &Path) -> serde_json::Value {
    let file = file.to_str().expect("a name");
    let mut asked = vec!["rooms", "heard", "kept", member, "-o", file, "--json"];
    asked.extend(from.iter().flat_map(|from| ["--from", from]));
    server.json(&asked).await
}

fn names(lab: &Lab, file: &Path) -> Vec<String> {
    lab.hears_file(file, 0).voices().iter().map(|voice| voice.name().to_owned()).collect()
}

#[tokio::test]
async fn what_bob_heard_is_written_again_as_his_phone_heard_it() {
    let (server, lab, folder) = (house().await, Lab::open(), tempfile::tempdir().expect("a folder"));
    let mut phones: Vec<Handset> = Vec::new();
    for user in ["alice", "bob", "carol"] {
        let phone = at_home(&lab, &server, user, Carrier::Udp, &Model::new().codecs(&[Kind::Pcmu])).await;
        phone.dial("700");
        phone.is_answered().await;
        phones.push(phone);
    }
    let [alice, bob, carol] = &phones[..] else { panic!("three phones") };
    bob.comes_to_hear(&[alice, carol]).await;
    carol.comes_to_hear(&[alice, bob]).await;
    let both = bob.listens(SECOND).await;
    carol.press("*6").await;
    bob.comes_to_hear(&[alice]).await;
    let one = bob.listens(SECOND).await;

    // The room goes on, and can be heard already.
    let early = folder.path().join("early.wav");
    let told = heard(&server, "bob", None, &early).await;
    assert!(told["seconds"].as_f64().is_some_and(|seconds| seconds > 1.0), "{told}");

    for phone in &phones {
        phone.hangs_up().await;
    }
    records(&server, 3).await;
    eventually("the room is in the records", async || {
        server.run(&["rooms", "heard", "kept", "nobody"], "").await.0.contains("nobody called").then_some(())
    })
    .await;
    let file = folder.path().join("bob.wav");
    let told = heard(&server, "bob", None, &file).await;
    assert_eq!(told["sample_rate_hz"], 8000, "{told}");
    let again = through_the_phone(lab.hears_file(&file, 0).samples());
    for (what, hearing) in [("two voices", &both), ("one voice", &one)] {
        let samples = hearing.samples();
        assert!(samples.len() >= 7900 && !hearing.is_silent(), "{what}: {} samples", samples.len());
        assert!(again.windows(samples.len()).any(|part| part == samples), "{what}: not one stretch is the same");
    }
    // Carol is muted from somewhere in the middle on, and hears both others until the end.
    let hers = folder.path().join("carol.wav");
    heard(&server, "carol", None, &hers).await;
    assert_eq!(names(&lab, &hers), ["alice", "bob"]);

    // Nothing is written over, and who was not there is named.
    let over = ["rooms", "heard", "kept", "bob", "-o", file.to_str().expect("a name")];
    let (text, done) = server.run(&over, "").await;
    assert!(!done && text.contains("cannot be written"), "{text}");
    let (text, done) = server.run(&["rooms", "heard", "kept", "mallory"], "").await;
    assert!(!done && text.contains("nobody called") && text.contains("bob"), "{text}");
}
