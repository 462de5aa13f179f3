//! Routes, trunks, call fields and limits of calls as people write them: what they become, and the words when they are wrong.

use std::time::Duration;

use patchcord_engine::routing::{
    Ask, Caller, Codec, Directory, Form, IdentityHeader, Plan, Source, Srtp, Target, Verdict,
};

use super::*;

const FULL: &str = r#"
[server]
domain = "example.org"
[limits]
calls = 7
calls_per_endpoint = 3
emergency = ["110", "112"]
[[endpoint]]
user = "alice"
password = "x"
number = "101"
codecs = ["opus", "pcma"]
srtp = "required"
calls = 4
caller_id = "+49 30 123-101"
forward = { busy = "voicemail", no_answer = ["102", "voicemail"], after = "15s" }
[[endpoint]]
user = "bob"
password = "x"
[[trunk]]
name = "north"
servers = ["sip:sip.north.example", "sip:203.0.113.9:5070"]
register = true
user = "4930123"
password_env = "NORTH"
from = ["203.0.113.0/24", "2001:db8::1"]
out = { strip = "+", prepend = "00", caller_id = "e164" }
in = { country = "49", area = "30" }
identity = ["rpid", "diversion"]
calls = 30
calls_per_second = 5
transport = "tls"
[[trunk]]
name = "south"
servers = "sip:198.51.100.1"
caller_id = "+4930123"
[[route]]
number = "1000"
service = "reception"
[[route]]
number = "+*"
from = "endpoints"
trunk = ["north", "south"]
[[route]]
number = '/\+4930123\d{2}/'
from = ["trunk:north", "trunk:south"]
endpoint = "alice"
rewrite = { strip = "+4930123" }
"#;

#[test]
fn every_field_of_a_call_reaches_the_plan() {
    let config = good(FULL, &[("NORTH", "s3cret")]);
    let alice = &config.endpoints[0].calling;
    assert_eq!(alice.codecs, [Codec::Opus, Codec::Pcma]);
    assert_eq!((alice.srtp, alice.calls, alice.caller_id.as_deref()), (Srtp::Required, Some(4), Some("+4930123101")));
    assert_eq!(alice.forward.to_string(), "busy=voicemail no_answer=102,voicemail after=15");
    assert_eq!(*config.endpoints[1].calling, Default::default());

    let plan = config.plan;
    assert_eq!((plan.calls, plan.calls_per_endpoint, plan.domain.as_deref()), (7, 3, Some("example.org")));
    assert_eq!(plan.emergency, ["110".into(), "112".into()]);
    let north = &plan.trunks[0];
    assert_eq!(north.servers[0], "sip:sip.north.example;transport=tls".into());
    assert_eq!(north.servers[1], "sip:203.0.113.9:5070;transport=tls".into());
    assert_eq!(north.register, Some(Duration::from_secs(3600)));
    let account = north.account.as_ref().expect("an account");
    assert_eq!(&*account.user, "4930123");
    assert!(account.credential == Some(Credential::Password("s3cret".into())));
    assert_eq!(north.from, ["203.0.113.0/24", "2001:db8::1/128"].map(|net| net.parse().expect("a network")));
    assert_eq!((north.identity.by, north.identity.diversion), (IdentityHeader::RemoteParty, true));
    assert_eq!((north.calls, north.calls_per_second), (Some(30), Some(5)));
    assert_eq!(north.inward.called("030 123101"), "+4930123101");
    assert_eq!(north.outward.called("+4940777"), "004940777");
    assert_eq!((north.outward.caller_form, north.outward.caller("030777").as_str()), (Form::E164, "+4930777"));
    assert_eq!(plan.trunks[1].caller_id.as_deref(), Some("+4930123"));

    assert_eq!(plan.routes[0].from, [Source::Endpoints], "unless told otherwise");
    assert_eq!(plan.routes[0].target, Target::Service("reception".into()));
    assert_eq!(plan.routes[1].target, Target::Trunks(vec!["north".into(), "south".into()]));
    assert_eq!(plan.routes[2].from, [Source::Trunk("north".into()), Source::Trunk("south".into())]);
    assert!(!format!("{:?}", plan.trunks).contains("s3cret"));
}

#[test]
fn a_file_makes_a_plan_that_decides() {
    let config = good(FULL, &[("NORTH", "s3cret")]);
    let plan = Plan::new(config.plan, None).expect("what the file says is a plan");
    let directory = Directory::default();
    directory.replace_file(config.endpoints, Vec::new()).expect("two endpoints");
    let leads = |caller, called| plan.decide(&Ask::new(caller, called), &directory).verdict;

    let Verdict::Trunks(ways) = leads(Caller::Endpoint("alice"), "+4940777") else { panic!("the outside") };
    let way = |at: usize| (&*ways[at].trunk.name, &*ways[at].number, ways[at].caller.as_deref());
    assert_eq!(way(0), ("north", "004940777", Some("+4930123101")));
    assert_eq!(way(1), ("south", "+4940777", Some("+4930123101")));
    let Verdict::Ring(users) = leads(Caller::Trunk("north"), "030-12342") else { panic!("alice") };
    assert_eq!(users, ["alice".into()]);
    assert_eq!(
        plan.trunk_at("203.0.113.77:5060".parse().expect("an address")).map(|trunk| &*trunk.name),
        Some("north")
    );
    assert_eq!(
        plan.trunk_at("198.51.100.1:5060".parse().expect("an address")).map(|trunk| &*trunk.name),
        Some("south")
    );
}

#[test]
fn an_empty_file_routes_nothing_outside() {
    let plan = good("", &[]).plan;
    assert!(plan.routes.is_empty() && plan.trunks.is_empty());
    assert_eq!((plan.calls, plan.calls_per_endpoint), (5000, 10));
    assert_eq!(plan.emergency, ["112".into(), "911".into()]);
}

/// The head of every endpoint and trunk below, so that the tables show what differs.
const ALICE: &str = "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\n";
const NORTH: &str = "[[trunk]]\nname = \"north\"\nservers = [\"sip:203.0.113.1\"]\n";

/// What is written from the fourth line on, and all that is told about it.
const ENDPOINTS: &[(&str, &str)] = &[
    (
        "codecs = [\"gsm\"]",
        "4:11: endpoint.codecs: \"gsm\" is no codec\n    use opus, g722, pcma, pcmu, l16, g729, amr, amr-wb",
    ),
    ("codecs = []", "1:1: endpoint.codecs: is empty\n    name at least one, or leave it out for all that are usual"),
    ("codecs = [\"pcma\", \"PCMA\"]", "1:1: endpoint.codecs: pcma stands there twice\n    remove one"),
    ("codecs = \"pcma\"", "4:10: endpoint.codecs: is a list\n    write [\"pcma\"]"),
    (
        "srtp = \"maybe\"",
        "4:8: endpoint.srtp: \"maybe\" is no way to treat SRTP\n    write \"required\", \"offered\" or \"off\"",
    ),
    ("calls = 0", "4:9: endpoint.calls: 0 is out of range\n    write a number from 1 to 1000000"),
    (
        "caller_id = \"me\"",
        "4:13: endpoint.caller_id: \"me\" cannot be a number\n    use 1 to 32 digits, * and #; a + may stand first",
    ),
    (
        "forward = { busy = \"a@b\" }",
        "4:20: endpoint.forward.busy: \"a@b\" is no number and no name\n    write a number, the name of an endpoint, or that of a service, as in \"voicemail\"",
    ),
    (
        "forward = { later = \"102\" }",
        "4:13: endpoint.forward.later: is unknown\n    remove it; known here: always, busy, no_answer, unreachable, after",
    ),
    (
        "forward = { after = \"1h\" }",
        "4:21: endpoint.forward.after: 1h is out of range\n    write a duration from 1s to 300s",
    ),
    (
        "forward = \"102\"",
        "4:11: endpoint.forward: is a section, not a value\n    write [endpoint.forward] and its keys below it",
    ),
    (
        "number = \"112\"",
        "4:10: endpoint.number: 112 is for emergencies\n    give it another number, or list the others as emergency in [limits]",
    ),
];

const TRUNKS: &[(&str, &str)] = &[
    ("transport = \"ws\"", "4:13: trunk.transport: \"ws\" is no transport\n    use udp, tcp or tls"),
    (
        "from = [\"somewhere\"]",
        "4:9: trunk.from: \"somewhere\" is no network\n    write a network, as in \"203.0.113.0/24\", or an address, as in \"203.0.113.5\" or \"203.0.113.5:5070\"",
    ),
    ("register = true", "1:1: trunk.user: is missing beside register\n    write what the carrier calls you"),
    ("password = \"x\"", "1:1: trunk.user: is missing beside the password\n    write what the carrier calls you"),
    (
        "user = \"me\"\npassword_env = \"NORTH\"",
        "5:16: trunk.password_env: environment variable NORTH is not set\n    set NORTH before the server starts",
    ),
    ("expires = \"10m\"", "1:1: trunk.expires: is of use only beside register = true\n    remove it"),
    (
        "identity = \"paid\"",
        "4:12: trunk.identity: \"paid\" is no way to say who calls\n    write \"pai\", \"rpid\" or \"from\", and beside it \"diversion\" or \"history-info\" in a list",
    ),
    (
        "identity = [\"pai\", \"rpid\"]",
        "1:1: trunk.identity: names two headers for one thing\n    keep one of \"pai\", \"rpid\" and \"from\"",
    ),
    ("in = { area = \"30\" }", "4:6: trunk.in.country: is missing beside area\n    write country = \"49\" or the like"),
    (
        "in = { country = \"+49\" }",
        "4:18: trunk.in.country: \"+49\" is no code\n    write its digits, without + and 0 before them",
    ),
    (
        "in = { international = \"+\" }",
        "4:24: trunk.in.international: \"+\" is no prefix\n    write at most 16 digits, or \"\"",
    ),
    (
        "out = { caller_id = \"short\" }",
        "4:21: trunk.out.caller_id: \"short\" is no way to write a number\n    write \"e164\", \"plain\", \"00\", \"national\", \"subscriber\" or \"as-is\"",
    ),
    (
        "out = { number = \"national\" }",
        "4:7: trunk.out.number: needs a country to write a number as national\n    write country = \"49\" or the like beside it",
    ),
    (
        "out = { strip = \"plus\" }",
        "4:17: trunk.out.strip: \"plus\" cannot stand in a number\n    write at most 16 digits, * and #; a + may stand first",
    ),
    ("calls_per_second = 0", "4:20: trunk.calls_per_second: 0 is out of range\n    write a number from 1 to 10000"),
    (
        "[[trunk]]\nname = \"north\"\nservers = [\"sip:203.0.113.2\"]",
        "4:1: trunk.name: north stands there twice\n    give one another name",
    ),
    (
        "[[trunk]]\nname = \"south\"\nservers = [\"sip:203.0.113.1\"]",
        "4:1: trunk.servers: 203.0.113.1 belongs to north already; nobody could tell whose call it is\n    write the port behind the address of each, or name other networks with from",
    ),
    (
        "[[route]]\nservice = \"x\"",
        "4:1: route.number: is missing\n    write number = \"1000\", \"+4930*\", \"*\", or an expression in slashes",
    ),
    (
        "[[route]]\nnumber = \"a b\"\nservice = \"x\"",
        "5:10: route.number: \"a b\" is no number, no beginning of one and no expression in slashes\n    write \"1000\", \"+4930*\", \"*\", or an expression in slashes",
    ),
    (
        "[[route]]\nnumber = \"/((\\\\d{99}){99}){99}/\"\nservice = \"x\"",
        "5:10: route.number: the expression is too large\n    write a shorter one, or several routes",
    ),
    (
        "[[route]]\nnumber = \"1\"",
        "4:1: route.service: leads nowhere\n    write exactly one of service, trunk and endpoint",
    ),
    (
        "[[route]]\nnumber = \"1\"\nservice = \"x\"\ntrunk = \"north\"",
        "4:1: route.service: leads to more than one thing\n    write exactly one of service, trunk and endpoint",
    ),
    (
        "[[route]]\nnumber = \"1\"\ntrunk = [\"nroth\"]",
        "6:10: route.trunk: there is no trunk nroth\n    write a [[trunk]] with name = \"nroth\", or correct it",
    ),
    ("[[route]]\nnumber = \"1\"\ntrunk = []", "4:1: route.trunk: is empty\n    name at least one"),
    (
        "[[route]]\nnumber = \"1\"\nfrom = \"trunk:nroth\"\nservice = \"x\"",
        "6:8: route.from: there is no trunk nroth\n    write a [[trunk]] with name = \"nroth\", or correct it",
    ),
    (
        "[[route]]\nnumber = \"1\"\nfrom = \"everybody\"\nservice = \"x\"",
        "6:8: route.from: \"everybody\" is nobody who calls\n    write \"endpoints\", \"browsers\", \"trunk:\" with the name of a trunk, or \"anyone\"",
    ),
    (
        "[[route]]\nnumber = \"1\"\nfrom = \"anyone\"\ntrunk = \"north\"",
        "4:1: route.from: would let strangers call out at your cost\n    write from = \"endpoints\", or name a trunk",
    ),
    (
        "[[route]]\nnumber = \"1\"\nservice = \"two words\"",
        "6:11: route.service: \"two words\" cannot be the name of a service\n    use 1 to 64 letters, digits and - _ . +",
    ),
    (
        "[[route]]\nnumber = \"1\"\nservice = \"x\"\nrewrite = { stirp = \"1\" }",
        "7:13: route.rewrite.stirp: is unknown\n    did you mean strip?",
    ),
];

const WHOLE: &[(&str, &str)] = &[
    ("[[trunk]]\nservers = [\"sip:h\"]", "1:1: trunk.name: is missing\n    write name = \"north\" or the like"),
    (
        "[[trunk]]\nname = \"north\"",
        "1:1: trunk.servers: is missing\n    write servers = [\"sip:sip.north.example\"] or the like",
    ),
    (
        "[[trunk]]\nname = \"north\"\nservers = [\"sip.north.example\"]",
        "3:12: trunk.servers: \"sip.north.example\" is no server\n    write a SIP address without a user, as in \"sip:sip.north.example\"",
    ),
    ("[limits]\ncalls = 0", "2:9: limits.calls: 0 is out of range\n    write a number from 1 to 1000000"),
    (
        "[limits]\nemergency = [\"one one two\"]",
        "2:14: limits.emergency: \"one one two\" cannot be a number\n    use 1 to 32 digits, * and #; a + may stand first",
    ),
];

#[test]
fn what_is_wrong_with_calls_is_told_word_by_word() {
    let heads = [(ALICE, ENDPOINTS), (NORTH, TRUNKS), ("", WHOLE)];
    for (head, table) in heads {
        for (text, expected) in table {
            let file = format!("{head}{text}");
            assert_eq!(told(&file, &[]), format!("etc/patchcord.toml:{expected}"), "{file}");
        }
    }
}
