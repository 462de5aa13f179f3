//! The configuration as people write it: what it becomes, and the exact words when it is wrong.

use std::path::Path;

use patchcord_engine::exchange::{RecordingRules, Written};
use patchcord_engine::runtime::{Advertise, CertificateSource};
use patchcord_sip::digest::Credential;

use super::{sections::Format, *};

mod calls;
mod keeping;
mod mail;
mod wording;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    Config::read(Some(Path::new("etc/patchcord.toml")), text, &environment(variables))
}

fn good(text: &str, variables: &[(&str, &str)]) -> Config {
    read(text, variables).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is told about a wrong configuration.
fn told(text: &str, variables: &[(&str, &str)]) -> String {
    read(text, variables).err().unwrap_or_else(|| panic!("taken: {text}")).to_string()
}

#[test]
fn whoever_looks_for_the_server_reads_only_where_it_is() {
    let found = |text: &str, variables: &[(&str, &str)]| {
        Whereabouts::read(Some(Path::new("etc/patchcord.toml")), text, &environment(variables))
            .map(|found| found.data.display().to_string())
            .map_err(|problems| problems.to_string())
    };
    let unset = "[server]\ndata = \"here\"\n[[endpoint]]\nuser = \"a\"\npassword_env = \"NOT_SET\"\n[sip]\nlsten = 5\n";
    assert_eq!(found(unset, &[]), Ok("etc/here".into()));
    assert_eq!(found(unset, &[("PATCHCORD_SERVER__DATA", "/there")]), Ok("/there".into()));
    assert_eq!(found("[server]\ndata = \"here\"\n[sip\nlisten = \n", &[]), Ok("etc/here".into()));
    assert_eq!(found("", &[]), Ok("etc/data".into()));
    let told = found("[server]\ndata = 5\n", &[]).expect_err("that is no folder");
    assert!(told.starts_with("etc/patchcord.toml:2:8: server.data: 5 is a number"), "{told}");
}

#[test]
fn a_variable_that_the_file_names_may_look_like_a_key() {
    let file = "[[endpoint]]\nuser = \"alice\"\npassword_env = \"PATCHCORD_LOG_LEVEL\"\n";
    assert_eq!(
        good(file, &[("PATCHCORD_LOG_LEVEL", "secret"), ("PATCHCORD_WEB_PORT", "tcp://10.0.0.1")]).endpoints.len(),
        1
    );
}

#[test]
fn an_empty_file_is_a_working_server() {
    let config = good("", &[]);
    let listen: Vec<_> = config.runtime.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "tls:0.0.0.0:5061"]);
    let web: Vec<_> = config.web.listen.iter().map(ToString::to_string).collect();
    assert_eq!((web, &config.web.certificate), (vec!["http:127.0.0.1:8080".to_owned()], &None));
    assert_eq!(config.data, Path::new("etc/data"));
    assert_eq!(config.database.to_string(), "sqlite:etc/data/patchcord.db");
    assert_eq!(config.database_wait.as_secs(), 600);
    assert_eq!(config.log, Log { level: "info".into(), format: Format::Text, redact: true });
    let made = CertificateSource::MadeOnce { folder: "etc/data".into(), names: vec![] };
    assert_eq!(config.runtime.certificate, made);
    assert!(config.endpoints.is_empty());
    let sound = &config.sound;
    assert_eq!((sound.ports, sound.threads >= 1, sound.is_named), ((10_000, 32_767), true, false));
    assert_eq!(sound.rules.silence_after, Some(std::time::Duration::from_secs(60)));
    assert_eq!(sound.rules.picture_kbit, Some(2500));
    assert_eq!(sound.folders(), [Path::new("etc/scripts/sounds")]);
    assert_eq!((&sound.store, sound.prompt_bytes), (&None, 256 << 20));
    assert_eq!((sound.recordings.as_path(), sound.language.as_str()), (Path::new("etc/data/recordings"), "en"));
    assert_eq!(sound.recording, RecordingRules::default(), "nothing is announced");
}

#[test]
fn video_may_be_turned_off_or_made_smaller() {
    let kbit = |media: &str| good(&format!("[media]\n{media}\n"), &[]).sound.rules.picture_kbit;
    assert_eq!(kbit("video = \"off\""), None);
    assert_eq!(kbit("video = \"relay\"\nvideo_kbit = 800"), Some(800));
}

#[test]
fn recordings_are_announced_in_the_words_that_are_wanted() {
    let announced = |value: &str| good(&format!("[recordings]\nannounce = {value}\n"), &[]).sound.recording.announce;
    assert_eq!(announced("true").as_deref(), Some("call-recorded"));
    assert_eq!(announced("\"we-record\"").as_deref(), Some("we-record"));
    assert_eq!(announced("\"tone::beep\"").as_deref(), Some("tone::beep"));
    assert_eq!(announced("false"), None);
    let variable = |value| good("", &[("PATCHCORD_RECORDINGS__ANNOUNCE", value)]).sound.recording.announce;
    assert_eq!((variable("true").as_deref(), variable("false")), (Some("call-recorded"), None));
}

#[test]
fn sound_is_told_where_it_is_taken_and_where_prompts_lie() {
    let text = r#"
        [media]
        ports = "20000 - 20999"
        browser_ports = "30000 - 30003"
        threads = 3
        address = "10.0.0.6"
        advertise = "203.0.113.8"
        silence_after = "never"
        [scripts]
        path = "/srv/services"
        test = false
        [sounds]
        language = "de"
        store = "s3://sounds/en?region=eu-central-1"
        store_key = "AKID"
        store_secret_env = "STORE_SECRET"
        reach = ["10.1.0.0/16"]
        [recordings]
        path = "kept"
        announce = "we-record"
        format = "opus"
        keep = "30d"
        store = "s3://kept/calls?endpoint=https://minio.example.org"
        store_key = "AKID"
        store_secret_env = "STORE_SECRET"
        [limits]
        prompt_bytes = 2097152
    "#;
    let Sound {
        ports,
        browser_ports,
        threads,
        rules,
        scripts,
        tests,
        is_named,
        language,
        store,
        keys,
        reach,
        prompt_bytes,
        recording,
        recordings,
        kept,
        masking: _,
        uploads,
    } = good(text, &[("STORE_SECRET", "hush")]).sound;
    assert_eq!(
        (ports, threads, scripts.as_path(), is_named, tests),
        ((20_000, 20_999), 3, Path::new("/srv/services"), true, false)
    );
    assert_eq!(browser_ports, Some((30_000, 30_003)));
    let address = |text: &str| Some(text.parse().expect("an address"));
    assert_eq!((rules.address, rules.advertise), (address("10.0.0.6"), address("203.0.113.8")));
    assert_eq!((rules.silence_after, prompt_bytes), (None, 2 << 20));
    assert_eq!(store.map(|store| store.to_string()).as_deref(), Some("s3://sounds/en"));
    assert_eq!(keys.map(|keys| (keys.id, keys.secret)), Some(("AKID".into(), "hush".into())));
    assert_eq!((recordings.as_path(), language.as_str()), (Path::new("etc/kept"), "de"));
    assert_eq!((kept.recordings, kept.records), (Some(std::time::Duration::from_secs(30 * 86_400)), None));
    let rules = RecordingRules { announce: Some("we-record".into()), format: Some(Written::Opus) };
    assert_eq!(recording, rules);
    assert!(kept.sent_first, "nothing goes before the bucket has it");
    assert_eq!(uploads.store.map(|store| store.to_string()).as_deref(), Some("s3://kept/calls"));
    assert_eq!(uploads.keys.map(|keys| keys.secret).as_deref(), Some("hush"));
    assert_eq!(reach, ["10.1.0.0/16".parse().expect("a network")]);
    let folder = good("[sounds]\nstore = \"bucket\"\n[media]\naddress = \"::\"\n", &[]).sound;
    assert_eq!(folder.store.map(|store| store.to_string()).as_deref(), Some("etc/bucket"));
    assert_eq!(folder.rules.address, None, "all of them");
}

#[test]
fn what_a_call_may_have_is_told_and_the_rest_stays() {
    let usual = patchcord_engine::call::Bounds::default();
    let bounds = good("[limits]\ncall_legs = 100\ncall_words = 200\ncall_alone = \"30s\"\n", &[]).bounds;
    assert_eq!((bounds.legs, bounds.words, bounds.alone), (100, 200, std::time::Duration::from_secs(30)));
    assert_eq!((bounds.targets, bounds.services, bounds.begins), (usual.targets, usual.services, usual.begins));
    let wrong = told("[limits]\ncall_legs = 1000\n", &[]);
    assert!(wrong.contains("limits.call_legs: 1000 is out of range") && wrong.contains("from 2 to 200"), "{wrong}");
    assert!(told("[limits]\ncall_leg = 1\n", &[]).contains("did you mean call_legs?"));
}

#[test]
fn what_scripts_may_use_is_told_and_what_makes_no_sense_is_refused() {
    let scripts =
        good("[limits]\nscript_operations = 500000\nscript_text = 4096\nscript_sleep = \"1h\"\n", &[]).scripts;
    let usual = patchcord_scripts::Limits::default();
    assert_eq!(
        (scripts.operations, scripts.text, scripts.sleep),
        (500_000, 4_096, std::time::Duration::from_secs(3_600))
    );
    assert_eq!((scripts.memory, scripts.levels), (usual.memory, usual.levels), "the others stay");
    let wrong = |text: &str| told(&format!("[limits]\n{text}\n"), &[]);
    let deep = wrong("script_levels = 33");
    assert!(deep.contains("limits.script_levels: 33 is out of range") && deep.contains("from 4 to 32"), "{deep}");
    let text = wrong("script_text = 2097152\nscript_memory = 1048576");
    assert!(
        text.contains("limits.script_text: 2097152 is more than script_memory lets a script hold, 1048576"),
        "{text}"
    );
    assert!(wrong("script_sleep = \"5h\"").contains("limits.script_sleep: 5h is out of range"));
    let small = wrong("script_file = 2000");
    assert!(
        small.contains("limits.script_*: within it the service voicemail") && small.contains("script_file"),
        "{small}"
    );
    assert!(wrong("script_memery = 1").contains("did you mean script_memory?"));
}

#[test]
fn every_section_reaches_its_room() {
    let config = good(
        r#"
        [server]
        data = "/var/lib/patchcord"
        domain = "Example.org"
        [sip]
        listen = ["udp:[::]:5070"]
        advertise = "stun:stun.example.org"
        local = ["10.0.0.0/8"]
        dns = ["127.0.0.1:5353", "::1"]
        shards = 2
        [tls]
        certificate = "cert.pem"
        key = "/etc/ssl/key.pem"
        [web]
        listen = ["http:127.0.0.1:8081", "[::1]:8082"]
        [database]
        url = "postgres://pbx:s3cret@db/pbx"
        wait = "30s"
        [limits]
        connections = 50
        contacts = 3
        idle = "5m"
        min_expires = "30s"
        [log]
        level = "info,patchcord_engine=debug"
        format = "json"
        redact = false
        "#,
        &[],
    );
    assert_eq!(config.data, Path::new("/var/lib/patchcord"));
    assert_eq!(config.domain.as_deref(), Some("example.org"));
    assert_eq!(config.runtime.listen[0].to_string(), "udp:[::]:5070");
    assert_eq!(config.runtime.advertise, Advertise::Stun("stun.example.org".into(), 3478));
    assert_eq!(config.runtime.local, ["10.0.0.0/8".parse().expect("a network")]);
    let resolvers: [std::net::SocketAddr; 2] =
        ["127.0.0.1:5353", "[::1]:53"].map(|address| address.parse().expect("an address"));
    assert_eq!(config.runtime.dns, resolvers);
    assert_eq!(config.runtime.shards, 2);
    let files = CertificateSource::Files { certificate: "etc/cert.pem".into(), key: "/etc/ssl/key.pem".into() };
    assert_eq!(config.runtime.certificate, files);
    let web: Vec<_> = config.web.listen.iter().map(ToString::to_string).collect();
    assert_eq!(web, ["http:127.0.0.1:8081", "http:[::1]:8082"]);
    assert_eq!(config.database.to_string(), "postgres://pbx:***@db/pbx");
    assert_eq!(config.database_wait.as_secs(), 30);
    assert_eq!(config.runtime.limits.connections, 50);
    assert_eq!(config.runtime.limits.idle.as_secs(), 300);
    assert_eq!((config.registrar.contacts, config.registrar.min_expires.as_secs()), (3, 30));
    assert_eq!(config.log, Log { level: "info,patchcord_engine=debug".into(), format: Format::Json, redact: false });
}

#[test]
fn keys_of_a_room_are_said_for_roles() {
    use patchcord_engine::room::{Action, Role};

    let text = r##"
        [[room]]
        name = "3000"
        keys.listener = {}
        [room.keys.moderator]
        "*1" = "end"
        [[room]]
        name = "3001"
        [room.keys.all]
        "#" = "leave"
        [room.keys.moderator]
        "*2" = "toggle_lock"
    "##;
    let config = good(text, &[]);
    let menu = |room: usize, role: Role| config.rooms[room].1.keys.for_role(role).map(|menu| menu.to_vec());
    let (end, leave, lock) = (Action::End, Action::Leave, Action::ToggleLock);
    assert_eq!(menu(0, Role::Moderator), Some(vec![("*1".into(), end)]));
    assert_eq!(menu(0, Role::Listener), Some(Vec::new()), "no key does anything");
    assert_eq!(menu(0, Role::Speaker), None, "keys of speakers are those of the service");
    assert_eq!(menu(1, Role::Moderator), Some(vec![("*2".into(), lock), ("#".into(), leave)]));
    assert_eq!(menu(1, Role::Speaker), Some(vec![("#".into(), leave)]));
}

#[test]
fn endpoints_prove_themselves_by_password_variable_or_hash() {
    let text = r#"
        server.domain = "example.org"
        [[endpoint]]
        user = "alice"
        password = "wonder land"
        number = "101"
        [[endpoint]]
        user = "bob"
        password_env = "BOBS"
        [[endpoint]]
        user = "carol"
        ha1 = "939e7578ed9e3c518a452acee763bce9"
    "#;
    let config = good(text, &[("BOBS", "from the environment")]);
    let users: Vec<_> = config.endpoints.iter().map(|endpoint| (&*endpoint.user, endpoint.number.as_deref())).collect();
    assert_eq!(users, [("alice", Some("101")), ("bob", None), ("carol", None)]);
    assert!(config.endpoints[0].credential == Credential::Password("wonder land".into()));
    assert!(config.endpoints[1].credential == Credential::Password("from the environment".into()));
    let md5 = [0x93, 0x9e, 0x75, 0x78, 0xed, 0x9e, 0x3c, 0x51, 0x8a, 0x45, 0x2a, 0xce, 0xe7, 0x63, 0xbc, 0xe9];
    assert!(config.endpoints[2].credential == Credential::Ha1 { md5: Some(md5), sha256: None });
}

#[test]
fn the_environment_wins_over_the_file() {
    let variables = [
        ("PATCHCORD_SIP__LISTEN", "udp:127.0.0.1:5080, tcp:127.0.0.1:5080"),
        ("PATCHCORD_SIP__SHARDS", "3"),
        ("PATCHCORD_LOG__REDACT", "false"),
        ("PATCHCORD_LIMITS__IDLE", "90s"),
        ("PATCHCORD_ENDPOINT__0__PASSWORD", "from outside"),
        ("PATCHCORD_ENDPOINT__1__USER", "bob"),
        ("PATCHCORD_ENDPOINT__1__PASSWORD", "b"),
        // Without two underscores it is none of ours.
        ("PATCHCORD_CONFIG", "elsewhere.toml"),
    ];
    let config = good("[sip]\nlisten = [\"udp:0.0.0.0:5060\"]\n[[endpoint]]\nuser = \"alice\"\n", &variables);
    let listen: Vec<_> = config.runtime.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["udp:127.0.0.1:5080", "tcp:127.0.0.1:5080"]);
    assert_eq!((config.runtime.shards, config.log.redact, config.runtime.limits.idle.as_secs()), (3, false, 90));
    let users: Vec<_> = config.endpoints.iter().map(|endpoint| &*endpoint.user).collect();
    assert_eq!(users, ["alice", "bob"]);
    assert!(config.endpoints[0].credential == Credential::Password("from outside".into()));
}

#[test]
fn a_missing_file_is_told_only_when_it_was_named() {
    let nowhere = Path::new("no/such/patchcord.toml");
    let problems = Config::load(Some(nowhere), &environment(&[])).expect_err("there is none");
    assert_eq!(
        problems.to_string(),
        "no/such/patchcord.toml: cannot be read: No such file or directory (os error 2)\n    name a file that is there \
         with -c, or write one with `patchcord init`"
    );
    assert_eq!(Config::load(None, &environment(&[])).expect("an empty configuration").file, None);
}

#[test]
fn what_is_fetched_is_shown_wherever_no_file_is_given() {
    let acme = "[web]\nacme = { domains = [\"PBX.example.org\"], contact = \"ops@example.org\" }\n";
    let config = good(acme, &[]);
    let fetched = config.web.acme.clone().expect("it is fetched");
    assert_eq!((fetched.names, fetched.folder.as_path()), (vec!["pbx.example.org".into()], Path::new("etc/data/acme")));
    assert_eq!(fetched.directory.as_str(), "https://acme-v02.api.letsencrypt.org/directory");
    let made = CertificateSource::MadeOnce { folder: "etc/data".into(), names: vec![] };
    let shown = |until| CertificateSource::Fetched { folder: "etc/data/acme".into(), until: Box::new(until) };
    assert_eq!(
        (config.runtime.certificate, config.web.certificate),
        (shown(made), None),
        "SIP and pages show the same"
    );

    let config = good(&format!("{acme}[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"), &[]);
    let files = CertificateSource::Files { certificate: "etc/c.pem".into(), key: "etc/k.pem".into() };
    assert_eq!((config.runtime.certificate, config.web.certificate), (files.clone(), Some(shown(files))));
}
