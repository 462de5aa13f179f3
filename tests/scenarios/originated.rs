//! Calls that the house begins: by a command, and by a script; whoever answers is the caller of a service, or is joined with somebody.

use patchcord_lab::{Carrier, Conduct, Lab, Model, Side, eventually};

use crate::{
    calling::{at_home, house_with},
    records::records,
    setup,
};

/// What a service says to whoever was called for it.
const REMINDER: &str = r#"
fn on_invite(caller) {
    caller.tag("vars", `${caller.vars.order} ${caller.vars.name}`);
    caller.tag("who", `${caller.number} ${caller.endpoint}, called as ${caller.to} by ${caller.from}`);
    caller.answer();
    let answer = caller.gather(#{ prompt: "tone::440", digits: 1, timeout: 10.s() });
    caller.tag("pressed", answer.digits);
    caller.sleep(1.s());
}"#;

#[tokio::test]
async fn a_command_has_alice_called_and_the_service_tells_its_story_to_her() {
    let server = house_with(setup().service("reminder", REMINDER)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let wish = ["originate", "user:alice", "--service", "reminder", "--caller-id", "+4930555", "--ring", "20"];
    let begun = server.json(&[&wish[..], &["--var", "order=12", "--var", "name=Ann Lee", "--json"]].concat()).await;
    alice.is_called().await;
    assert!(alice.was_called_with("From").is_some_and(|from| from.contains("+4930555")));
    alice.answers().await;
    alice.comes_to_hear_sound().await;
    alice.press("7").await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let told = &records(&server, 1).await[0];
    let record = &told["record"];
    assert_eq!(record["call"], begun["call"], "{told}");
    for (name, value) in [("vars", "12 Ann Lee"), ("who", "101 alice, called as alice by +4930555"), ("pressed", "7")] {
        let tags = record["tags"].as_array().expect("tags");
        assert!(tags.iter().any(|tag| tag[0] == name && tag[1] == value), "{name} is not {value} in {record}");
    }
    assert_eq!((&record["service"], &record["outcome"]), (&"reminder".into(), &"answered".into()));
    let sentence = told["sentence"].as_str().unwrap_or_default();
    assert!(sentence.starts_with("the server called Alice; Alice's phone rang"), "{sentence}");
}

#[tokio::test]
async fn one_click_calls_alice_first_and_then_joins_her_with_bob() {
    let server = house_with(setup()).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    server.json(&["originate", "user:alice", "--dial", "102", "--json"]).await;
    alice.answers().await;
    bob.is_called().await;
    assert!(bob.was_called_with("From").is_some_and(|from| from.contains("101")), "bob sees who calls him");
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
    let told = &records(&server, 1).await[0];
    assert_eq!(told["record"]["outcome"], "answered", "{told}");
    let sentence = told["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("Bob's phone") && sentence.ends_with("Alice hung up."), "{sentence}");
}

#[tokio::test]
async fn who_is_busy_or_not_there_is_told_by_the_record_and_who_may_not_be_called_at_once() {
    let server = house_with(setup().service("reminder", REMINDER)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    server.json(&["originate", "user:alice", "--service", "reminder", "--json"]).await;
    alice.refuses(486).await;
    let told = &records(&server, 1).await[0];
    assert_eq!(told["record"]["outcome"], "busy", "{told}");

    for (target, service, why) in [
        ("+4930123456", "reminder", "may not be called: no route leads to +4930123456"),
        ("user:nobody", "reminder", "nobody is called user:nobody"),
        ("user:alice", "remainder", "there is no service remainder"),
        ("service:reminder", "reminder", "a service cannot be rung"),
        ("user:bob", "reminder", "nobody can be reached at user:bob now: no phone and no page of it is registered"),
        ("browser:alice", "reminder", "nobody can be reached at browser:alice now: no page of it is open"),
    ] {
        let (said, begun) = server.run(&["originate", target, "--service", service], "").await;
        assert!(!begun && said.contains(why), "{target} {service}: {said}");
    }
    records(&server, 1).await;
    eventually("nothing is left", async || {
        let status = server.json(&["status", "--json"]).await;
        (status["calls"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_script_begins_a_call_within_its_manifest_and_goes_on_at_once() {
    let text = r#"
        fn on_invite(caller) {
            let inside = originate("user:bob", #{ service: "reminder", vars: #{ order: 5, name: caller.from } });
            caller.tag("inside", inside.status);
            caller.tag("outside", originate("+4930123456", #{ service: "reminder" }).status);
            caller.tag("nobody", originate("user:nobody", #{ dial: "102" }).status);
            caller.reject(480);
        }"#;
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let server = house_with(setup().service("ivr", text).service("reminder", REMINDER).toml(route)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("700");
    assert_eq!(alice.is_refused().await, 480, "the script did not wait");
    bob.answers().await;
    bob.comes_to_hear_sound().await;
    bob.hangs_up().await;
    let told = records(&server, 2).await;
    let tags = |service: &str| {
        let of = told.iter().find(|told| told["record"]["service"] == service).expect("its record");
        of["record"]["tags"].to_string()
    };
    for tag in [r#"["inside","begun"]"#, r#"["outside","forbidden"]"#, r#"["nobody","unreachable"]"#] {
        assert!(tags("ivr").contains(tag), "{tag} is not in {}", tags("ivr"));
    }
    assert!(tags("reminder").contains(r#"["vars","5 101"]"#), "{}", tags("reminder"));
}

#[tokio::test]
async fn scripts_that_begin_calls_of_each_other_come_to_an_end() {
    let text = r#"fn on_invite(caller) { caller.tag("next", originate("user:bob", #{ service: "again" }).status); }"#;
    let server = house_with(setup().service("again", text)).await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new().when_called(Conduct::Answer)).await;
    server.json(&["originate", "user:bob", "--service", "again", "--json"]).await;
    let told = records(&server, 9).await;
    let full = told.iter().filter(|told| told["record"]["tags"].to_string().contains(r#"["next","full"]"#)).count();
    assert_eq!(full, 1, "{told:#?}");
    drop(bob);
}
