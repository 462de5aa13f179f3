//! Commands while no server runs.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::binary::Folder;

#[test]
fn a_fresh_configuration_is_right_and_is_not_written_over() {
    let folder = Folder::empty();
    let said = folder.run("init etc").good();
    assert_eq!(
        said,
        "etc/patchcord.toml, etc/scripts/hello.rhai, etc/scripts/hello_test.rhai are written. \
         Serve with:  patchcord run -c etc/patchcord.toml\n"
    );
    assert_eq!(
        folder.run("check etc").good(),
        "etc/patchcord.toml is right: 0 endpoints; 1 service and 1 file of tests are right.\n"
    );

    let written = fs::read_to_string(folder.file("etc/patchcord.toml")).expect("written");
    let told = folder.run("init etc").bad(1);
    assert_eq!(told, "error: etc/patchcord.toml is there already\n    edit it, or name another folder\n");
    assert_eq!(fs::read_to_string(folder.file("etc/patchcord.toml")).expect("still there"), written);
}

#[test]
fn a_service_that_somebody_wrote_before_is_not_written_over() {
    let folder = Folder::empty();
    fs::create_dir(folder.file("scripts")).expect("a folder");
    folder.write("scripts/hello.rhai", "fn on_invite(caller) {}");
    let said = folder.run("init").good();
    assert!(said.starts_with("./patchcord.toml, ./scripts/hello_test.rhai are written."), "{said}");
    assert_eq!(fs::read_to_string(folder.file("scripts/hello.rhai")).expect("still there"), "fn on_invite(caller) {}");
}

#[test]
fn services_are_checked_with_their_places_and_what_is_meant() {
    let folder = Folder::empty();
    fs::create_dir(folder.file("scripts")).expect("a folder");
    folder.write("scripts/ivr.rhai", "fn on_invite(caller) {\n    caller.anser();\n    caller.play(\"no-such\");\n}");
    let told = folder.run("check scripts/ivr.rhai").bad(1);
    assert!(
        told.starts_with("error: scripts/ivr.rhai:2:12: a leg has no word `anser`; is `answer` meant?\n"),
        "{told}"
    );
    assert!(told.contains("scripts/ivr.rhai:3:17: there is no prompt \"no-such\""), "{told}");
    assert_eq!(folder.run("check").bad(1), told, "the configuration is right, and its services are not");
    fs::create_dir(folder.file("scripts/sounds")).expect("a folder");
    folder.write("scripts/sounds/no-such.wav", "");
    folder.write("scripts/ivr.rhai", "fn on_invite(caller) {\n    caller.answer();\n    caller.play(\"no-such\");\n}");
    assert_eq!(folder.run("check scripts").good(), "1 service is right.\n");
}

#[test]
fn what_a_service_cannot_have_and_tests_that_are_broken_are_told() {
    let folder = Folder::empty();
    fs::create_dir(folder.file("scripts")).expect("a folder");
    let service = "fn on_invite(caller) {\n    db::query(\"select 1\");\n    caller.continue_as(\"nosuch\");\n}";
    folder.write("scripts/ivr.rhai", service);
    folder.write("scripts/ivr_test.rhai", "fn test_it(t) {\n    t.fone(\"1\");\n}\n");
    let told = folder.run("check scripts").bad(1);
    assert!(told.contains("scripts/ivr.rhai:2:9: db::query asks a database, and the manifest names none"), "{told}");
    assert!(told.contains("there is no service \"nosuch\"; write nosuch.rhai"), "{told}");
    assert!(told.contains("scripts/ivr_test.rhai:2:7: no test knows the word `fone`; is `phone` meant?"), "{told}");
    folder.write("scripts/ivr.rhai", "fn on_invite(caller) {\n    caller.continue_as(\"voicemail\");\n}");
    folder.write("scripts/ivr_test.rhai", "fn test_it(t) {\n    t.phone(\"1\").dials(\"ivr\");\n}\n");
    assert_eq!(folder.run("check scripts/ivr_test.rhai").good(), "1 file of tests is right.\n");
    assert_eq!(folder.run("check scripts").good(), "1 service and 1 file of tests are right.\n");
}

#[test]
fn every_example_of_the_fresh_configuration_is_right() {
    let folder = Folder::empty();
    folder.run("init").good();
    let written = fs::read_to_string(folder.file("patchcord.toml")).expect("written");
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let examples: Vec<_> = written.lines().map(uncommented).collect();
    let examples = examples.join("\n").replace("password_env = \"ALICE_PASSWORD\"", "password = \"secret\"");
    let examples = examples.replace("password_env = \"NORTH_PASSWORD\"", "password = \"secret\"");
    let examples = examples.replace("password_env = \"MAIL_PASSWORD\"", "password = \"secret\"");
    let examples = examples.replace("secret_env = \"TURN_SECRET\"", "secret = \"secret\"");
    let examples = examples.replace("secret_env = \"WEBHOOK_SECRET\"", "secret = \"a secret of enough letters\"");
    let examples = examples.replace("pin_env = \"ALICE_PIN\"", "pin = \"1234\"");
    let examples = examples.replace("store_secret_env = \"STORE_SECRET\"", "store_secret = \"secret\"");
    folder.write("patchcord.toml", &examples);
    let told = folder.run("check").bad(1);
    assert!(told.starts_with("error: patchcord.toml: tls.certificate: cert.pem cannot be read: "), "{told}");
    patchcord_lab::make_certificate(&folder.file("cert.pem"), &folder.file("key.pem"));
    patchcord_lab::make_certificate(&folder.file("authorities.pem"), &folder.file("unused.pem"));
    patchcord_lab::make_certificate(&folder.file("fullchain.pem"), &folder.file("privkey.pem"));
    fs::remove_dir_all(folder.file("scripts")).expect("what init has written");
    let told = folder.run("check").bad(1);
    assert!(told.starts_with("error: patchcord.toml: scripts.path: scripts cannot be read: "), "{told}");
    fs::create_dir(folder.file("scripts")).expect("a folder");
    let told = folder.run("check").bad(1);
    assert!(told.contains("route 2 (500) leads to service hello, which is not there"), "{told}");
    folder.write("scripts/hello.rhai", "fn on_invite(caller) { caller.answer(); }");
    let told = folder.run("check").good();
    assert!(told.starts_with("patchcord.toml is right: 1 endpoint"), "{told}");
}

#[test]
fn a_wrong_configuration_is_told_with_all_its_faults() {
    let folder = Folder::with("[sip]\nlisten = [\"udp:5060\"]\n[web]\nlsten = []\n");
    assert_eq!(
        folder.run("check").bad(1),
        "error: patchcord.toml:2:11: sip.listen: \"5060\" is no address with a port\n    write for example 0.0.0.0:5060, \
         or [::]:5060 for IPv6\npatchcord.toml:4:1: web.lsten: is unknown\n    did you mean listen?\n"
    );
    let told: serde_json::Value = serde_json::from_str(&folder.run("check --json").bad(1)).expect("JSON");
    let second = &told["problems"][1];
    assert_eq!(
        (&second["file"], &second["line"], &second["key"]),
        (&"patchcord.toml".into(), &4.into(), &"web.lsten".into())
    );
    // Whoever needs the configuration says the same, with the code for a wrong configuration.
    assert!(folder.run("endpoint list").bad(2).starts_with("error: patchcord.toml:2:11: sip.listen: "));
}

#[test]
fn a_certificate_that_is_not_there_is_found_by_check() {
    let folder = Folder::with("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    folder.write("key.pem", "");
    assert_eq!(
        folder.run("check").bad(1),
        "error: patchcord.toml: tls.certificate: cert.pem cannot be read: No such file or directory (os error 2)\n    name a \
         file that is there and that the server's user may read\n"
    );
}

#[test]
fn a_certificate_that_is_none_is_found_by_check() {
    let folder = Folder::with("[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    folder.write("cert.pem", "nothing of the kind");
    folder.write("key.pem", "");
    let told = folder.run("check").bad(1);
    assert!(told.starts_with("error: patchcord.toml: tls: no certificate stands in cert.pem"), "{told}");
}

#[test]
fn two_streams_on_one_port_are_found_by_check() {
    let folder = Folder::with("[sip]\nlisten = [\"tcp:127.0.0.1:5060\", \"tls:127.0.0.1:5060\"]\n");
    let told = folder.run("check").bad(1);
    assert!(told.contains("\"tls:127.0.0.1:5060\" wants the port of \"tcp:127.0.0.1:5060\""), "{told}");
}

#[test]
fn a_configuration_that_was_named_must_be_there() {
    let told = Folder::empty().run("status -c nowhere.toml").bad(2);
    assert!(told.starts_with("error: nowhere.toml: cannot be read: "), "{told}");
}

#[test]
fn a_password_that_was_made_is_shown_once() {
    let folder = Folder::empty();
    let said = folder.run("endpoint add alice --number 101 -v").good();
    let password = said.lines().find_map(|line| line.strip_prefix("  alice  password ")).expect("a password");
    assert!(password.len() == 20 && password.bytes().all(|b| b.is_ascii_alphanumeric()), "{password}");
    assert!(said.ends_with("No server runs; the store was opened directly.\n"), "{said}");

    let listed = folder.run("endpoint list").good();
    let table =
        "ENDPOINT  NUMBER  DIGEST  SOURCE    REACHABLE  CALLS\nalice     101     -       database  no         -\n";
    assert_eq!(listed, table);
    for file in fs::read_dir(folder.file("data")).expect("the data folder") {
        let file = file.expect("a file");
        let bytes = fs::read(file.path()).expect("it can be read");
        let found = bytes.windows(password.len()).any(|part| part == password.as_bytes());
        assert!(!found, "{:?} shows the password", file.file_name());
        assert_eq!(file.metadata().expect("its mode").permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}

#[test]
fn a_password_can_be_given_and_is_not_repeated() {
    let folder = Folder::empty();
    let said = folder.run_with("endpoint add alice --password-stdin --json", "open sesame\n").json();
    assert_eq!(said, serde_json::json!({ "added": ["alice"], "passwords": {}, "via": "database" }));
    let said = folder.run_with("endpoint password alice --password-stdin", "other\n").good();
    assert_eq!(said, "Endpoint alice has another password.\n");
    let told = folder.run_with("endpoint password alice --password-stdin", "\n").bad(1);
    assert!(told.starts_with("error: the password is empty\n"), "{told}");
}

#[test]
fn what_is_agreed_for_calls_is_kept_also_over_another_password() {
    let folder = Folder::empty();
    let line = "endpoint add alice --caller-id +4930123101 --calls 4 --srtp required --codecs opus,pcma \
                --forward busy=voicemail --forward after=15s";
    folder.run(line).good();
    folder.run("endpoint password alice").good();
    let calls = "caller_id=+4930123101 calls=4 srtp=required codecs=opus,pcma busy=voicemail after=15";
    let listed = folder.run("endpoint list").good();
    assert!(listed.ends_with(&format!("no         {calls}\n")), "{listed}");
    let listed = folder.run("endpoint list --json").json();
    let forward = serde_json::json!({ "busy": ["voicemail"], "after_s": 15 });
    assert_eq!((&listed["endpoints"][0]["forward"], &listed["endpoints"][0]["calls"]), (&forward, &4.into()));
}

#[test]
fn what_cannot_be_done_is_refused_with_its_remedy() {
    let folder = Folder::with("[[endpoint]]\nuser = \"filed\"\npassword = \"x\"\nnumber = \"900\"\n");
    folder.run("endpoint add alice").good();
    for (line, told) in [
        (
            "endpoint add alice",
            "endpoint alice is there already\n    give it another password with `patchcord endpoint password alice`",
        ),
        ("endpoint add al/ice", "\"al/ice\" cannot be a user name\n    use 1 to 64 letters, digits and - _ . +"),
        ("endpoint add bob -n 900", "number 900 already rings endpoint filed\n    choose another number"),
        (
            "endpoint add bob -n 112",
            "number 112 is for emergencies\n    choose another number, or list the others as emergency in [limits]",
        ),
        ("endpoint add bob --srtp maybe", "\"maybe\" is no way to treat SRTP\n    write required, offered or off"),
        (
            "endpoint add bob --forward sometimes=102",
            "calls cannot be forwarded so: \"sometimes\" is not one of always, busy, no_answer, unreachable and after\n    \
             write for example busy=voicemail, no_answer=102,voicemail or after=20s",
        ),
        ("endpoint add bob --calls 0", "0 calls at once are out of range\n    write a number from 1 to 1000000"),
        (
            "endpoint add bob --caller-id me",
            "\"me\" cannot be a number\n    use 1 to 32 digits, * and #; a + may stand first",
        ),
        ("endpoint remove bob", "there is no endpoint bob\n    `patchcord endpoint list` shows those that are there"),
        (
            "endpoint password filed",
            "endpoint filed is written in the configuration file; change it there\n    edit its [[endpoint]] there, then \
             run `patchcord reload`",
        ),
        (
            "endpoint add --from nobody.csv",
            "nobody.csv cannot be read: No such file or directory (os error 2)\n    name a text file that this user may read",
        ),
    ] {
        assert_eq!(folder.run(line).bad(1), format!("error: {told}\n"), "{line}");
    }
}

#[test]
fn many_endpoints_come_from_a_file_all_or_none() {
    let folder = Folder::empty();
    folder.write("phones.csv", "# user,password,number\nalice,secret,101\nbob,,\n\ncarol\n");
    let said = folder.run("endpoint add --from phones.csv --json").json();
    assert_eq!(said["added"], serde_json::json!(["alice", "bob", "carol"]));
    let made: Vec<_> = said["passwords"].as_object().expect("passwords").keys().collect();
    assert_eq!(made, ["bob", "carol"]);

    let told = folder.run_with("endpoint add --from -", "dave,x\nerin,x,1,2\n").bad(1);
    assert!(told.starts_with("error: -:2: has more than three fields\n"), "{told}");
    let told = folder.run_with("endpoint add --from -", "dave,x\nalice,x\n").bad(1);
    assert!(told.starts_with("error: endpoint alice is there already\n"), "{told}");
    let listed = folder.run("endpoint list --json").json();
    assert_eq!(listed["endpoints"].as_array().expect("a list").len(), 3);
}

#[test]
fn a_line_that_only_names_the_fields_makes_no_endpoint() {
    let folder = Folder::empty();
    let said = folder.run_with("endpoint add --from -", "user,password,number\nalice,secret,101\n").good();
    assert!(said.starts_with("The first line names the fields; it is skipped.\nEndpoint alice is added.\n"), "{said}");
    let listed = folder.run("endpoint list --json").json();
    assert_eq!(listed["endpoints"].as_array().expect("a list").len(), 1, "{listed}");
}

#[test]
fn a_name_that_is_anothers_number_is_refused() {
    let folder = Folder::empty();
    folder.run("endpoint add alice --number 101").good();
    let told = folder.run("endpoint add 101").bad(1);
    assert_eq!(told, "error: name 101 is the number of endpoint alice\n    choose another name\n");
    folder.run("endpoint add 102").good();
    let told = folder.run("endpoint add bob --number 102").bad(1);
    assert_eq!(told, "error: number 102 is the name of another endpoint\n    choose another number\n");
}

#[test]
fn a_removed_endpoint_is_gone() {
    let folder = Folder::empty();
    folder.run("endpoint add alice").good();
    assert_eq!(folder.run("endpoint remove alice").good(), "Endpoint alice is removed.\n");
    assert_eq!(folder.run("endpoint list").good(), "ENDPOINT  NUMBER  DIGEST  SOURCE  REACHABLE  CALLS\n");
}

#[test]
fn who_needs_a_server_says_that_there_is_none() {
    let folder = Folder::empty();
    for command in ["status", "reload", "registrations"] {
        let told = folder.run(command).bad(3);
        assert_eq!(
            told,
            "error: no server runs with data folder data\n    start one with `patchcord run`, or name its configuration \
             with -c\n"
        );
    }
    let told: serde_json::Value = serde_json::from_str(&folder.run("status --json").bad(3)).expect("JSON");
    assert_eq!(told["error"], "no server runs with data folder data");
}

#[test]
fn an_announcement_that_nobody_would_hear_is_told_before_anybody_is_recorded() {
    let folder = Folder::with("[recordings]\nannounce = \"we-record\"\n");
    let told = folder.run("check").bad(1);
    assert!(told.contains("recordings.announce: there is no prompt \"we-record\""), "{told}");
    assert!(told.contains("put we-record.wav into ") && told.contains("or write true for the shipped words"), "{told}");
    fs::create_dir_all(folder.file("scripts/sounds/en")).expect("a folder");
    folder.write("scripts/sounds/en/we-record.wav", "a sound");
    folder.run("check").good();
    for known in
        ["true", "false", "\"tone::beep\"", "\"call-recorded\"", "\"https://sounds.example.org/we-record.wav\""]
    {
        Folder::with(&format!("[recordings]\nannounce = {known}\n")).run("check").good();
    }
}

#[test]
fn a_lost_key_is_told_before_anything_is_changed() {
    let folder = Folder::empty();
    folder.run("endpoint add alice").good();
    fs::remove_file(folder.file("data/secret.key")).expect("the key is lost");
    let told = folder.run("endpoint list").bad(2);
    let reason = "database.url: database sqlite:data/patchcord.db belongs to another data folder: its passwords are sealed with \
                  another key than data/secret.key";
    assert!(told.contains(reason), "{told}");
    assert!(told.contains("restore data/secret.key from a backup"), "{told}");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let folder = Folder::empty();
    let commands = [
        "",
        "run",
        "check",
        "init",
        "endpoint",
        "endpoint add",
        "endpoint list",
        "endpoint remove",
        "endpoint password",
        "registrations",
        "status",
        "reload",
    ];
    for command in commands {
        let help = folder.run(&format!("{command} --help")).good();
        assert!(help.contains("Example"), "{command}: {help}");
    }
    assert!(folder.run("--help").good().contains("Exit codes:"));
    assert_eq!(folder.run("fly").code, 2);
    assert_eq!(folder.run("endpoint add").code, 2);
}
