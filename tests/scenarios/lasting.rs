//! What outlives what: restarts, kills, reloads, removed endpoints, and a second server that comes too late.

use std::fs;

use patchcord_lab::{Carrier, Lab, Line, Model, PATIENCE, Phone, Server, eventually, make_certificate};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    accounts, alices_server, bindings, bindings_held,
    browsers::Page,
    calling::{at_home, house_with},
    operators::ask,
    pages::{Door, house_of},
    records::records,
    served::hears_tone,
    setup,
};

async fn alice(server: &Server, carrier: Carrier) -> Phone {
    Phone::connect(carrier, server.address(carrier), "alice", "secret").await
}

#[tokio::test]
async fn a_restart_keeps_bindings_and_what_is_left_of_them() {
    let mut server = alices_server().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);

    assert_eq!(server.stop().await.status.code(), Some(0));
    server.start().await;

    assert_eq!(bindings(&server, "alice").await, [phone.contact().trim_matches(['<', '>'])]);
    let told = phone.fetch().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let left: u32 = told[0].rsplit_once(";expires=").and_then(|(_, left)| left.parse().ok()).expect("what is left");
    assert!((500..=600).contains(&left), "{told:?}");
}

#[tokio::test]
async fn an_unregistered_phone_does_not_come_back_with_a_restart() {
    let mut server = alices_server().await;
    let mut phone = alice(&server, Carrier::Udp).await;
    assert_eq!(phone.register(600).await.status(), 200);
    assert_eq!(phone.unregister().await.status(), 200);
    server.stop().await;
    server.start().await;
    assert_eq!(bindings(&server, "alice").await, [""; 0]);
}

#[tokio::test]
async fn a_binding_over_tls_is_listed_as_lost_after_a_restart_until_its_phone_is_back() {
    let mut server = alices_server().await;
    let mut phone = alice(&server, Carrier::Tls).await;
    assert_eq!(phone.register(600).await.status(), 200);
    assert_eq!(reachable(&server).await, [true]);

    server.stop().await;
    server.start().await;

    assert_eq!(reachable(&server).await, [false], "its connection has gone with the old process");
    let mut back = alice(&server, Carrier::Tls).await;
    assert_eq!(back.register(600).await.status(), 200);
    assert_eq!(reachable(&server).await, [true], "it takes the place of what was lost");
}

#[tokio::test]
async fn a_restart_keeps_who_is_logged_in_the_numbers_of_versions_and_what_failed_last() {
    let script = |seconds: u32| format!("fn on_invite(caller) {{ caller.answer(); caller.sleep({seconds}.s()); }}");
    let (mut server, door) = house_of(setup().endpoint("alice", "secret").service("ivr", &script(1))).await;
    server.write_service("ivr", &script(2));
    server.run(&["reload"], "").await;
    let kept = async |door: &Door, server: &Server| {
        let page = door.page("/services/ivr").await;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        let (_, versions) = ask(server, "GET", "/api/v1/services/ivr/versions", &Value::Null).await;
        (page.contains("version 2 "), versions)
    };
    eventually("both versions are kept", async || {
        let (is_second, versions) = kept(&door, &server).await;
        (is_second && versions["versions"].as_array().is_some_and(|all| all.len() == 2)).then_some(())
    })
    .await;
    let mut stranger = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "guessed").await;
    assert_eq!(stranger.register(60).await.status(), 403);
    let (_, before) = kept(&door, &server).await;

    server.stop().await;
    server.start().await;
    let door = door.again(&mut server);

    let (is_second, after) = kept(&door, &server).await;
    assert!(is_second, "the same text has the same number");
    assert_eq!(after, before, "and is the same version as before, since when it was one");
    let endpoints = door.page("/endpoints").await;
    assert!(endpoints.contains("cannot register") && endpoints.contains("403"), "{endpoints}");
    server.write_service("ivr", &script(3));
    server.run(&["reload"], "").await;
    assert!(door.page("/services/ivr").await.contains("version 3 "));
    server.write_service("ivr", &script(1));
    server.run(&["reload"], "").await;
    assert!(door.page("/services/ivr").await.contains("version 1 "), "who goes back has the old number again");
}

/// For each binding there is, whether a call could be sent to it.
async fn reachable(server: &Server) -> Vec<bool> {
    let all = server.json(&["registrations", "--json"]).await;
    let all = all["registrations"].as_array().expect("a list of registrations");
    all.iter().map(|registration| registration["reachable"] == true).collect()
}

#[tokio::test]
async fn sigterm_ends_a_busy_server_in_order() {
    let mut server = alices_server().await;
    let mut lines = Vec::new();
    for carrier in [Carrier::Tcp, Carrier::Tls, Carrier::Tcp, Carrier::Tls] {
        let mut phone = alice(&server, carrier).await;
        assert_eq!(phone.register(600).await.status(), 200);
        lines.push(phone);
    }
    // `stop` waits no longer than the house is patient; the open flows must not hold the server.
    let ended = server.stop().await;
    assert_eq!(ended.status.code(), Some(0), "within {PATIENCE:?}: {ended:?}");
    for phone in &mut lines {
        phone.line().until_closed().await;
    }
}

#[tokio::test]
async fn an_endpoint_is_added_while_the_server_runs_and_taken_out_with_its_bindings() {
    let server = setup().start().await;
    let (said, good) = server.run(&["endpoint", "add", "bob", "--password-stdin"], "a long secret\n").await;
    assert!(good, "{said}");
    let mut phone = Phone::connect(Carrier::Tcp, server.address(Carrier::Tcp), "bob", "a long secret").await;
    assert_eq!(phone.register(600).await.status(), 200);
    assert_eq!(bindings(&server, "bob").await.len(), 1);

    let (said, good) = server.run(&["endpoint", "remove", "bob"], "").await;
    assert!(good, "{said}");

    let listed = server.json(&["endpoint", "list", "--json"]).await;
    assert_eq!(listed["endpoints"].as_array().map(Vec::len), Some(0), "{listed}");
    assert_eq!(bindings(&server, "bob").await, [""; 0]);
    let status = phone.register(600).await.status();
    assert!([401, 403].contains(&status), "a phone whose account is gone heard {status}");
}

#[tokio::test]
async fn another_certificate_is_shown_after_a_reload_and_flows_are_kept() {
    let folder = TempDir::new().expect("a folder for certificates");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    make_certificate(&certificate, &key);
    let section = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}");
    let server = setup().endpoint("alice", "secret").toml(&section).start().await;
    let mut old = Line::open(Carrier::Tls, server.address(Carrier::Tls)).await;
    assert!(old.is_answered().await);

    make_certificate(&certificate, &key);
    let (said, good) = server.run(&["reload"], "").await;
    assert!(good, "{said}");

    eventually("new connections see the new certificate", async || {
        let line = Line::open(Carrier::Tls, server.address(Carrier::Tls)).await;
        (line.certificate() != old.certificate()).then_some(())
    })
    .await;
    assert!(old.is_answered().await, "the old flow is kept");
}

#[tokio::test]
async fn a_page_talks_on_while_both_of_its_doors_are_given_another_certificate() {
    let folder = TempDir::new().expect("a folder for certificates");
    let files = ["tls", "web"].map(|door| (folder.path().join(format!("{door}.pem")), folder.path().join(door)));
    let keys = files.each_ref().map(|(certificate, key)| {
        make_certificate(certificate, key);
        format!("certificate = {certificate:?}\nkey = {key:?}\n")
    });
    let told = setup().with_wss().with_https().toml(&format!("[tls]\n{}", keys[0]));
    let server = house_with(told.web(&format!("origins = [\"*\"]\n{}", keys[1]))).await;
    let doors = [server.wss(), server.https()];
    let shown = async || {
        let mut shown = Vec::new();
        for door in doors {
            shown.push(Line::open(Carrier::Tls, door).await.certificate().to_vec());
        }
        shown
    };
    let first = shown().await;
    assert_ne!(first[0], first[1], "each door has its own");
    let addresses = [format!("wss://{}", doors[0]), format!("wss://{}/sip", doors[1])];
    let mut pages = Vec::new();
    for (door, user) in addresses.iter().zip(["alice", "bob"]) {
        let mut page = Page::open_by(door, "jssip", (user, 1870)).await;
        page.dial("9196").await;
        page.is("talking").await;
        page.hears(1870).await;
        pages.push(page);
    }

    // What cannot be read is refused, and changes nothing, whichever of the two it is.
    for (certificate, _) in &files {
        let good = fs::read(certificate).expect("the certificate");
        fs::write(certificate, "no certificate").expect("a broken certificate");
        let (said, accepted) = server.run(&["reload"], "").await;
        assert!(!accepted, "a broken certificate was taken: {said}");
        fs::write(certificate, good).expect("the certificate again");
    }
    assert_eq!(shown().await, first);

    for (certificate, key) in &files {
        make_certificate(certificate, key);
    }
    let (said, good) = server.run(&["reload"], "").await;
    assert!(good, "{said}");
    eventually("new connections see the new certificates", async || {
        let now = shown().await;
        now.iter().zip(&first).all(|(now, first)| now != first).then_some(())
    })
    .await;
    for (page, door) in pages.iter_mut().zip(&addresses) {
        page.hears(1870).await;
        assert_eq!(page.chromium.run("phone.state").await, "talking", "{door}");
        let mut another = Page::open_by(door, "jssip", ("carol", 2450)).await;
        another.dial("9196").await;
        another.is("talking").await;
        another.hears(2450).await;
        another.does("hangUp()").await;
        page.does("hangUp()").await;
        page.is("over").await;
    }
}

#[tokio::test]
async fn sighup_reloads_and_a_broken_certificate_changes_nothing() {
    let folder = TempDir::new().expect("a folder for certificates");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    make_certificate(&certificate, &key);
    let section = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}");
    let mut server = setup().toml(&section).start().await;
    let first = Line::open(Carrier::Tls, server.address(Carrier::Tls)).await.certificate().to_vec();

    let good = fs::read(&certificate).expect("the certificate");
    fs::write(&certificate, "no certificate").expect("a broken certificate");
    let (said, accepted) = server.run(&["reload"], "").await;
    assert!(!accepted, "a broken certificate was taken: {said}");
    assert_eq!(Line::open(Carrier::Tls, server.address(Carrier::Tls)).await.certificate(), first);

    fs::write(&certificate, good).expect("the certificate again");
    make_certificate(&certificate, &key);
    server.process().signal("HUP").await;
    eventually("SIGHUP brings the new certificate", async || {
        let line = Line::open(Carrier::Tls, server.address(Carrier::Tls)).await;
        (line.certificate() != first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_second_server_on_the_same_data_or_the_same_ports_is_refused_with_the_reason() {
    let server = alices_server().await;
    let (said, good) = server.run(&["run"], "").await;
    assert!(!good && said.contains("data"), "a second server on the same data said: {said}");

    // Other data, same ports.
    let elsewhere = TempDir::new().expect("a folder for another server");
    let configuration = fs::read_to_string(server.configuration()).expect("the configuration");
    let other = elsewhere.path().join("patchcord.toml");
    fs::write(&other, configuration).expect("another configuration");
    let (said, good) = server.run_with(&other, &["run"], "").await;
    let port = server.address(Carrier::Udp).port().to_string();
    assert!(!good && said.contains(&port), "a second server on the same ports said: {said}");

    let mut line = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
    assert!(line.is_answered().await, "the first server is unharmed");
}

#[tokio::test]
async fn a_kill_loses_no_binding_that_was_written_and_the_server_starts_again() {
    let accounts = accounts(50);
    let mut server = setup().endpoints(&accounts, "").start().await;
    for (user, password) in &accounts {
        let mut phone = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), user, password).await;
        assert_eq!(phone.register(600).await.status(), 200);
    }
    eventually("every binding is written", async || {
        let status = server.json(&["status", "--json"]).await;
        (status["unwritten"] == 0).then_some(())
    })
    .await;

    server.kill().await;
    server.start().await;

    assert_eq!(bindings_held(&server).await, 50);
}

#[tokio::test]
async fn a_number_whose_script_was_broken_before_a_kill_is_answered_by_what_it_said_before() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let text = "fn on_invite(caller) { caller.answer(); caller.play(\"tone::880\", #{ loops: 0 }); }";
    let mut server = house_with(setup().service("ivr", text).toml(route)).await;
    let served = async |server: &Server| {
        let (_, told) = ask(server, "GET", "/api/v1/services", &Value::Null).await;
        let ivr = told["services"].as_array().and_then(|all| all.iter().find(|it| it["name"] == "ivr")).cloned();
        (ivr.expect("it is served")["version"].clone(), told["troubles"].clone())
    };
    let (version, troubles) = served(&server).await;
    assert_eq!(troubles, Value::Array(Vec::new()));
    eventually("the version is kept", async || {
        let (_, told) = ask(&server, "GET", "/api/v1/services/ivr/versions", &Value::Null).await;
        (told["versions"][0]["version"] == version).then_some(())
    })
    .await;

    server.write_service("ivr", "fn on_invite(caller) {\n    caller.answer(\n}");
    server.kill().await;
    server.start().await;

    let (still, troubles) = served(&server).await;
    assert_eq!(still, version);
    assert_eq!((&troubles[0]["kind"], &troubles[0]["served"]), (&"restored".into(), &version), "{troubles}");
    assert_eq!((&troubles[0]["place"]["file"], &troubles[0]["place"]["line"]), (&"ivr.rhai".into(), &3.into()));
    let (told, _) = server.run(&["reload"], "").await;
    assert!(told.contains("Broken: ivr.rhai:3:1: ") && told.contains("from before the restart is served"), "{told}");
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice.is_answered().await;
    hears_tone(&alice, 880.0).await;
    alice.hangs_up().await;

    server.remove_service("ivr");
    server.stop().await;
    server.start().await;
    let (_, told) = ask(&server, "GET", "/api/v1/services", &Value::Null).await;
    assert!(told["services"].as_array().is_some_and(|all| all.iter().all(|it| it["name"] != "ivr")), "{told}");
}

#[tokio::test]
async fn a_manifest_that_was_broken_before_a_restart_holds_its_service_as_it_did_before() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let text = "fn on_invite(caller) {\n  caller.tag(\"bob\", caller.dial(\"user:bob\", #{ ring: 5.s() }).status);\n  \
                caller.tag(\"carol\", caller.dial(\"user:carol\", #{ ring: 5.s() }).status);\n  caller.reject(480);\n}";
    let mut server = house_with(setup().service("ivr", text).toml(route)).await;
    server.write_service("ivr.toml", "dial = [\"user:bob\"]\n");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(good, "{said}");
    server.write_service("ivr.toml", "dial = [user:bob]\n");
    server.write_service("ivr", "fn on_invite(caller) {");
    assert_eq!(server.stop().await.status.code(), Some(0));
    server.start().await;

    let (_, told) = ask(&server, "GET", "/api/v1/services", &Value::Null).await;
    let kinds: Vec<_> = told["troubles"].as_array().into_iter().flatten().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["restored", "manifest"], "{told}");
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let _bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    assert_eq!(alice.is_refused().await, 480);
    let told = records(&server, 1).await;
    let tags = told[0]["record"]["tags"].to_string();
    assert_eq!(tags, r#"[["bob","no_answer"],["carol","forbidden"]]"#);
}
