//! The door's answers, one law a test, in virtual time and without a socket.

use std::time::Duration;

use bytes::Bytes;
use patchcord_sip::{
    digest::{Challenge, Credential},
    hop::{FlowId, Transport},
    message::{Message, Response},
};

use super::*;
use crate::routing::{Digests, Endpoint, Failed, Guest, Origin, RegistrarRules};

/// A phone that says what it is told to, and hears what the door says.
struct Phone {
    door: Door,
    moment: Moment,
    cseq: u32,
    call_id: &'static str,
}

fn phone() -> Phone {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    let start = Instant::now();
    let board = Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], start);
    let credential = || Credential::Password("wonderland".into());
    let alice = Endpoint { number: Some("101".into()), ..Endpoint::new("alice", credential(), Origin::Store) };
    let bob = Endpoint::new("bob", credential(), Origin::Store);
    board.directory.put(vec![alice, bob]).expect("two endpoints fit");
    let hop = Hop {
        transport: Transport::Udp,
        flow: FlowId(1),
        local: "192.0.2.1:5060".parse().expect("an address"),
        peer: "192.0.2.9:5060".parse().expect("an address"),
    };
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let moment = Moment { hop, now: start, wall, random: [1; 8], vouched: None };
    Phone { door: Door::new(Arc::new(board), start), moment, cseq: 0, call_id: "one@phone" }
}

impl Phone {
    /// Sends one request: `lines` replace the usual headers of the same name, and a blank line begins the body.
    fn sends(&mut self, method: &str, target: &str, lines: &str) -> Response {
        self.cseq += 1;
        let (lines, body) = lines.split_once("\n\n").unwrap_or((lines, ""));
        let has = |name: &str| lines.lines().any(|line| line.starts_with(name));
        let usual = [
            ("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1".to_owned()),
            ("Max-Forwards", "70".to_owned()),
            ("From", "<sip:alice@example.org>;tag=1".to_owned()),
            ("To", "<sip:alice@example.org>".to_owned()),
            ("Call-ID", self.call_id.to_owned()),
            ("CSeq", format!("{} {method}", self.cseq)),
        ];
        let mut text = format!("{method} {target} SIP/2.0\r\n");
        for (name, value) in usual.iter().filter(|(name, _)| !has(name)) {
            text += &format!("{name}: {value}\r\n");
        }
        for line in lines.lines().filter(|line| !line.is_empty()) {
            text += &format!("{line}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let request = match Message::parse(Bytes::from(text)) {
            Ok(Message::Request(request)) => request,
            other => panic!("the phone speaks SIP: {other:?}"),
        };
        assert_eq!(request.check(), Ok(()), "only requests that pass their check come to the door");
        let reply = self.door.answer(&request, &self.moment).to_tag("ours").finish();
        match Message::parse(reply) {
            Ok(Message::Response(response)) => response,
            other => panic!("the door answers: {other:?}"),
        }
    }

    /// Registers with the password: asks, is challenged, proves.
    fn registers(&mut self, password: &str, lines: &str) -> Response {
        let asked = self.sends("REGISTER", "sip:example.org", lines);
        if asked.status() != 401 {
            return asked;
        }
        self.moment.random[0] += 1;
        let proof = answer(&asked, "alice", password, "REGISTER", "sip:example.org");
        self.sends("REGISTER", "sip:example.org", &format!("Authorization: {proof}\n{lines}"))
    }

    /// Asks by OPTIONS for somebody, with the right password.
    fn asks_for(&mut self, uri: &str) -> patchcord_sip::message::Status {
        let asked = self.sends("OPTIONS", uri, "");
        self.moment.random[0] += 1;
        let proof = answer(&asked, "alice", "wonderland", "OPTIONS", uri);
        self.sends("OPTIONS", uri, &format!("Authorization: {proof}")).status()
    }

    fn holds(&self) -> Vec<String> {
        let bindings = self.door.board().location.bindings("alice", self.moment.now);
        bindings.into_iter().map(|binding| binding.contact.into()).collect()
    }
}

fn answer(asked: &Response, user: &str, password: &str, method: &str, uri: &str) -> String {
    let credential = Credential::Password(password.into());
    let challenge = Challenge::strongest(asked.all(Name::WwwAuthenticate), &credential).expect("a challenge");
    let what = patchcord_sip::digest::Asked { method, uri, body: b"" };
    challenge.answer(user, &credential, what, 1, "cnonce").expect("an answer").to_string()
}

fn contacts(response: &Response) -> Vec<&str> {
    response.list(Name::Contact).collect()
}

#[test]
fn a_phone_with_the_right_password_is_registered_and_told_for_how_long() {
    let mut phone = phone();
    let done = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9:5060>\nExpires: 600");

    assert_eq!(done.status(), 200);
    assert_eq!(contacts(&done), ["<sip:alice@192.0.2.9:5060>;expires=600"]);
    assert_eq!(done.get(Name::Date), Some("Fri, 15 Jan 2027 08:00:00 GMT"));
    assert_eq!(phone.holds(), ["sip:alice@192.0.2.9:5060"]);
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let mut phone = phone();
    let wrong = phone.registers("looking-glass", "Contact: <sip:alice@192.0.2.9>");
    let nobody = "To: <sip:nobody@example.org>\nContact: <sip:nobody@192.0.2.9>";
    let asked = phone.sends("REGISTER", "sip:example.org", nobody);
    assert_eq!(asked.status(), 401, "a stranger is asked like everybody");
    let proof = answer(&asked, "nobody", "wonderland", "REGISTER", "sip:example.org");
    let unknown = phone.sends("REGISTER", "sip:example.org", &format!("Authorization: {proof}\n{nobody}"));

    assert_eq!((wrong.status().code(), unknown.status().code()), (403, 403));
    assert_eq!(wrong.reason(), unknown.reason());
    assert!(phone.holds().is_empty());
}

#[test]
fn who_could_not_register_is_known_with_the_reason_until_it_can() {
    let mut phone = phone();
    phone.registers("looking-glass", "Contact: <sip:alice@192.0.2.9>");
    phone.registers("looking-glass", "Contact: <sip:alice@192.0.2.9>");
    let last = phone.door.board().failures.last("alice").own.expect("it is noted");
    assert_eq!((last.status, &*last.why, last.times), (403, "Wrong User Name Or Password", 2));
    assert_eq!((last.peer, last.at), (phone.moment.hop.peer, phone.moment.wall));

    assert_eq!(phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>").status(), 200);
    assert_eq!(phone.door.board().failures.last("alice").own.expect("it is still known").times, 0);
    let nobody = "To: <sip:nobody@example.org>\nContact: <sip:nobody@192.0.2.9>";
    phone.registers("wonderland", nobody);
    assert_eq!(phone.door.board().failures.last("nobody"), Failed::default(), "strangers fill nothing");
}

#[test]
fn a_stranger_who_guesses_a_password_hides_nothing_of_what_the_phone_came_to() {
    let mut phone = phone();
    phone.registers("looking-glass", "Contact: <sip:alice@192.0.2.9>");
    let home = phone.moment.hop.peer;
    assert_eq!(phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>").status(), 200);
    phone.moment.hop.peer = "203.0.113.66:5060".parse().expect("an address");
    phone.registers("looking-glass", "Contact: <sip:alice@192.0.2.9>");

    let Failed { own, elsewhere } = phone.door.board().failures.last("alice");
    let (own, elsewhere) = (own.expect("the phone's"), elsewhere.expect("the stranger's"));
    assert_eq!((own.peer, own.times), (home, 0), "the phone came in");
    assert_eq!((elsewhere.peer, elsewhere.times, elsewhere.status), (phone.moment.hop.peer, 1, 403));
}

#[test]
fn nobody_registers_somebody_else() {
    let mut phone = phone();
    let done = phone.registers("wonderland", "To: <sip:bob@example.org>\nContact: <sip:alice@192.0.2.9>");

    assert_eq!(done.status(), 403);
    assert_eq!(done.reason(), "An Endpoint Registers Only Itself");
}

#[test]
fn credentials_are_good_once() {
    let mut phone = phone();
    let contact = "Contact: <sip:alice@192.0.2.9>";
    let asked = phone.sends("REGISTER", "sip:example.org", contact);
    let proof = answer(&asked, "alice", "wonderland", "REGISTER", "sip:example.org");
    let lines = format!("Authorization: {proof}\n{contact}");

    assert_eq!(phone.sends("REGISTER", "sip:example.org", &lines).status(), 200);
    let again = phone.sends("REGISTER", "sip:example.org", &lines);
    assert_eq!(again.status(), 401);
    assert!(again.get(Name::WwwAuthenticate).expect("a new challenge").contains("stale=true"));
}

#[test]
fn an_endpoint_whose_phone_can_do_better_is_asked_for_better_and_takes_no_less() {
    let mut phone = phone();
    let asked = phone.sends("REGISTER", "sip:example.org", "Contact: <sip:alice@192.0.2.9>");
    assert_eq!(asked.all(Name::WwwAuthenticate).count(), 1, "old phones stumble over a second one");
    let weak = answer(&asked, "alice", "wonderland", "REGISTER", "sip:example.org");
    assert!(weak.contains("algorithm=MD5"));

    let board = phone.door.board();
    let alice = board.directory.find("alice").expect("alice is there");
    let strong = Endpoint { digests: "sha-256".parse().ok(), ..(*alice).clone() };
    board.directory.put(vec![strong]).expect("alice changes");

    let refused =
        phone.sends("REGISTER", "sip:example.org", &format!("Authorization: {weak}\nContact: <sip:a@192.0.2.9>"));
    assert_eq!(refused.status(), 401);
    assert!(refused.get(Name::WwwAuthenticate).expect("a challenge").contains("algorithm=SHA-256"));
    assert_eq!(phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>").status(), 200);
}

#[test]
fn the_kind_of_a_challenge_does_not_tell_who_exists() {
    let mut phone = phone();
    let board = phone.door.board();
    let alice = board.directory.find("alice").expect("alice is there");
    let digests = "sha-256".parse().ok();
    let strong = Endpoint { user: "bob".into(), number: None, digests, ..(*alice).clone() };
    board.directory.put(vec![strong]).expect("bob changes");

    let mut kinds = [0; 2];
    for number in 0..64 {
        let lines = format!("To: <sip:nobody{number}@example.org>\nContact: <sip:nobody@192.0.2.9>");
        let mut asked = || {
            let asked = phone.sends("REGISTER", "sip:example.org", &lines);
            asked.get(Name::WwwAuthenticate).expect("a challenge").contains("SHA-256")
        };
        let kind = asked();
        assert_eq!(kind, asked(), "the same name is asked the same");
        kinds[usize::from(kind)] += 1;
    }
    assert!(kinds.iter().all(|kind| *kind > 8), "names that nobody has are asked like alice, and like bob: {kinds:?}");
}

#[test]
fn several_phones_of_one_endpoint_are_held_side_by_side() {
    let mut phone = phone();
    let two = "Contact: <sip:alice@192.0.2.9:5060>;q=0.5, <sip:alice@192.0.2.10>;expires=120";
    let done = phone.registers("wonderland", two);

    assert_eq!(
        contacts(&done),
        ["<sip:alice@192.0.2.9:5060>;q=0.500;expires=3600", "<sip:alice@192.0.2.10>;expires=120"]
    );
    assert_eq!(phone.holds(), ["sip:alice@192.0.2.10", "sip:alice@192.0.2.9:5060"], "the preferred first");
}

#[test]
fn a_refresh_renews_and_does_not_double() {
    let mut phone = phone();
    phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9:5060>\nExpires: 60");
    phone.moment.now += Duration::from_secs(50);
    let done = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9:5060>\nExpires: 60");

    assert_eq!(contacts(&done), ["<sip:alice@192.0.2.9:5060>;expires=60"]);
    phone.moment.now += Duration::from_secs(60);
    assert!(phone.holds().is_empty(), "and lapses when nobody renews it");
}

#[test]
fn too_short_a_time_is_refused_with_the_shortest_that_is_not() {
    let mut phone = phone();
    let done = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>\nExpires: 5");

    assert_eq!((done.status().code(), done.get(Name::MinExpires)), (423, Some("60")));
    let long = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>;expires=999999");
    assert_eq!(contacts(&long), ["<sip:alice@192.0.2.9>;expires=7200"], "too long a time is cut");
}

#[test]
fn a_star_clears_all_and_only_with_expires_zero() {
    let mut phone = phone();
    phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9:1>, <sip:alice@192.0.2.9:2>");

    assert_eq!(phone.registers("wonderland", "Contact: *\nExpires: 60").status(), 400);
    assert_eq!(phone.holds().len(), 2);
    let gone = phone.registers("wonderland", "Contact: *\nExpires: 0");
    assert_eq!((gone.status().code(), contacts(&gone).len(), phone.holds().len()), (200, 0, 0));
}

#[test]
fn an_older_register_does_not_undo_a_newer_one() {
    let mut phone = phone();
    phone.cseq = 100;
    phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>");
    phone.cseq = 7;
    let late = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>;expires=0");

    assert_eq!(late.status(), 500);
    assert_eq!(phone.holds().len(), 1);
}

#[test]
fn eleven_contacts_at_once_are_refused_and_what_was_held_stays() {
    let mut phone = phone();
    phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>");
    let many: Vec<_> = (1..=11).map(|port| format!("<sip:alice@192.0.2.9:{port}>")).collect();
    let done = phone.registers("wonderland", &format!("Contact: {}", many.join(", ")));

    assert_eq!((done.status().code(), phone.holds()), (403, vec!["sip:alice@192.0.2.9".to_owned()]));
}

#[test]
fn a_flow_is_replaced_by_the_same_flow_of_the_same_phone_whatever_its_address() {
    let mut phone = phone();
    phone.moment.hop.transport = Transport::Tcp;
    let contact = |port: u16, reg: u8| {
        format!(
            "Supported: path, outbound\nContact: <sip:alice@192.0.2.9:{port};transport=tcp>\
             ;+sip.instance=\"<urn:uuid:1>\";reg-id={reg}"
        )
    };
    let done = phone.registers("wonderland", &contact(1000, 1));
    assert_eq!((done.get(Name::Require), done.get(Name::Other("Flow-Timer"))), (Some("outbound"), Some("100")));
    phone.registers("wonderland", &contact(1001, 2));
    phone.registers("wonderland", &contact(2000, 1));

    let mut held = phone.holds();
    held.sort();
    assert_eq!(held, ["sip:alice@192.0.2.9:1001;transport=tcp", "sip:alice@192.0.2.9:2000;transport=tcp"]);
    phone.door.board().location.flow_closed(FlowId(1));
    assert!(phone.holds().is_empty(), "they die with their flow");
}

#[test]
fn a_path_is_kept_and_given_back() {
    let mut phone = phone();
    let lines = "Supported: path\nPath: <sip:edge.example.org;lr>\nContact: <sip:alice@10.0.0.4>";
    let done = phone.registers("wonderland", lines);

    assert_eq!(done.get(Name::Path), Some("<sip:edge.example.org;lr>"));
    let held = phone.door.board().location.bindings("alice", phone.moment.now);
    assert_eq!(held[0].path.as_ref(), [Box::from("<sip:edge.example.org;lr>")]);
}

#[test]
fn control_characters_and_texts_without_end_are_not_kept() {
    let mut phone = phone();
    let long = "x".repeat(30_000);
    let named = phone.registers("wonderland", &format!("Contact: <sip:alice@192.0.2.9>\nUser-Agent: a\0b{long}"));
    assert_eq!(named.status(), 200, "the name is for people: it is cut and cleaned");
    let kept = phone.door.board().location.bindings("alice", phone.moment.now);
    let name = kept[0].user_agent.as_deref().expect("a name is kept");
    assert!(name.starts_with("a bxxx") && name.len() == crate::routing::MAX_USER_AGENT, "{name}");

    for lines in [
        "Contact: <sip:bob@192.0.2.9>;+sip.instance=\"<urn:\0>\"".to_owned(),
        format!("Contact: <sip:bob@192.0.2.9>;+sip.instance=\"<urn:{long}>\""),
        "Contact: <sip:bob@192.0.2.9>\nPath: <sip:edge.example;x=\0;lr>".to_owned(),
        format!("Contact: <sip:bob@192.0.2.9>\nPath: {}", ["<sip:edge.example;lr>"; 200].join(",")),
        format!("Contact: <sip:bob@192.0.2.9>\nCall-ID: {long}"),
    ] {
        assert_eq!(phone.registers("wonderland", &lines).status(), 400, "{}", &lines[..lines.len().min(80)]);
    }
    assert_eq!(phone.holds(), ["sip:alice@192.0.2.9"]);
}

#[test]
fn a_path_that_leads_nowhere_is_malformed() {
    let mut phone = phone();
    let done = phone.registers("wonderland", "Supported: path\nPath: foo bar\nContact: <sip:alice@10.0.0.4>");

    assert_eq!((done.status().code(), phone.holds().len()), (400, 0));
}

#[test]
fn a_nat_between_is_seen_and_the_phone_reached_where_it_called_from() {
    let mut phone = phone();
    phone.registers("wonderland", "Contact: <sip:alice@10.0.0.4:5060>");

    let held = phone.door.board().location.bindings("alice", phone.moment.now);
    assert_eq!((held[0].reach, held[0].peer()), (crate::routing::Reach::Source, phone.moment.hop.peer));
}

#[test]
fn options_tells_what_we_can_and_who_is_there() {
    let mut phone = phone();
    let server = phone.sends("OPTIONS", "sip:192.0.2.1", "To: <sip:192.0.2.1>\nMax-Forwards: 0");
    assert_eq!(server.status(), 200);
    assert_eq!(server.get(Name::Allow), Some(ALLOW));
    assert_eq!(server.get(Name::Accept), Some("application/sdp"));

    assert_eq!(phone.asks_for("sip:nobody@192.0.2.1"), 404);
    assert_eq!(phone.asks_for("sip:101@192.0.2.1"), 480);
    phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>");
    assert_eq!(phone.asks_for("sip:101@192.0.2.1"), 200);
}

#[test]
fn options_tells_no_stranger_who_is_there() {
    let mut phone = phone();
    let told =
        ["nobody", "101", "alice"].map(|user| phone.sends("OPTIONS", &format!("sip:{user}@192.0.2.1"), "").status());
    assert_eq!(told, [401; 3]);
}

/// Status, method, Request-URI, lines, and a header that the answer must carry.
type Row<'a> = (u16, &'a str, &'a str, &'a str, Option<(Name<'a>, &'a str)>);

#[test]
fn what_nobody_wants_gets_the_status_and_headers_that_the_standards_name() {
    let long = format!("sip:{}@192.0.2.1", "9".repeat(3000));
    let (sip, call) = ("sip:192.0.2.1", "sip:alice@192.0.2.1");
    let big = format!("Content-Type: application/sdp\n\nv=0\n{}", "x".repeat(40_000));
    let table: &[Row<'_>] = &[
        (404, "INVITE", "sip:nobody@192.0.2.1", "", None),
        (480, "INVITE", "sip:101@192.0.2.1", "", None),
        (405, "MESSAGE", call, "", Some((Name::Allow, ALLOW))),
        (405, "REFER", call, "", Some((Name::Allow, ALLOW))),
        (501, "DANCE", call, "", Some((Name::Allow, ALLOW))),
        (413, "INVITE", call, &big, None),
        (414, "INVITE", &long, "", None),
        (415, "INVITE", call, "Content-Type: text/plain\n\nhello", Some((Name::Accept, "application/sdp"))),
        (
            415,
            "INVITE",
            call,
            "Content-Type: application/sdp\nContent-Encoding: gzip\n\nv=0",
            Some((Name::AcceptEncoding, "identity")),
        ),
        (416, "OPTIONS", "mailto:alice@example.org", "", None),
        (420, "OPTIONS", sip, "Require: sing, path, dance", Some((Name::Unsupported, "sing, dance"))),
        (481, "BYE", call, "To: <sip:alice@example.org>;tag=gone", None),
        (481, "OPTIONS", call, "To: <sip:alice@example.org>;tag=gone", None),
        (481, "NOTIFY", call, "", None),
        (483, "INVITE", call, "Max-Forwards: 0", None),
        (513, "INVITE", call, &format!("Subject: {}", "x".repeat(40_000)), None),
        (488, "INVITE", call, "Content-Type: application/sdp\n\nhello", None),
        (489, "SUBSCRIBE", call, "Event: presence", Some((Name::AllowEvents, "refer"))),
        (416, "INVITE", "sips:101@example.org", "", None),
        (404, "REGISTER", "sip:example.org", "To: <tel:+4930123>\nContact: <sip:a@192.0.2.9>", None),
    ];
    for (status, method, target, lines, header) in table {
        let contact = if lines.contains("Contact") { "" } else { "\nContact: <sip:x@192.0.2.9>" };
        let (head, body) = lines.split_once("\n\n").map_or((*lines, None), |(head, body)| (head, Some(body)));
        let body = body.map(|body| format!("\n\n{body}")).unwrap_or_default();
        let reply = phone().sends(method, target, &format!("{head}{contact}{body}"));
        assert_eq!(reply.status(), *status, "{method} {target:.40} {lines:.40}: {}", reply.reason());
        if let Some((name, value)) = header {
            assert_eq!(reply.get(*name), Some(*value), "{status} {method}");
        }
    }
}

#[test]
fn who_comes_through_a_thousand_proxies_is_answered_by_them() {
    let via = |hop: usize| format!("Via: SIP/2.0/TCP 192.0.2.{}:5060;branch=z9hG4bK{hop}\n", hop % 250);
    let vias: String = (0..1000).map(via).collect();
    let reply = phone().sends("OPTIONS", "sip:192.0.2.1", &vias);
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.all(Name::Via).count(), 1000);
}

#[test]
fn a_body_that_may_be_left_aside_is_left_aside() {
    let lines =
        "Content-Type: text/plain\nContent-Disposition: render;handling=optional\nContact: <sip:x@192.0.2.9>\n\nhi";
    assert_eq!(phone().sends("INVITE", "sip:101@192.0.2.1", lines).status(), 480);
}

#[test]
fn with_a_domain_only_that_domain_and_our_addresses_are_ours() {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    let start = Instant::now();
    let board = Switchboard::new(Some("example.org"), RegistrarRules::default(), Digests::default(), [7; 32], start);

    assert!(board.serves_domain("Example.ORG"));
    assert!(board.serves_domain("192.0.2.1"));
    assert!(board.serves_domain("[2001:db8::1]"));
    assert!(!board.serves_domain("example.com"));
}

#[test]
fn a_connection_that_is_vouched_for_registers_its_endpoint_without_a_password_and_nobody_else() {
    let mut phone = phone();
    phone.moment.vouched = Some(Voucher::Endpoint("bob".into()));
    let as_bob = "To: <sip:bob@example.org>\nContact: <sip:bob@192.0.2.9>";
    assert_eq!(phone.sends("REGISTER", "sip:example.org", as_bob).status(), 200);

    // Also with alice's password: whoever is vouched for is nobody else.
    let as_alice = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>");
    assert_eq!((as_alice.status().code(), as_alice.reason()), (403, "An Endpoint Registers Only Itself"));
    assert!(phone.holds().is_empty());

    phone.moment.vouched = Some(Voucher::Endpoint("gone".into()));
    let gone = phone.sends("REGISTER", "sip:example.org", "To: <sip:gone@example.org>\nContact: <sip:gone@192.0.2.9>");
    assert_eq!((gone.status().code(), gone.reason()), (403, "The Endpoint Is Gone"));
}

#[test]
fn a_guest_does_not_register_whatever_password_it_shows() {
    let mut phone = phone();
    let numbers = ["1000".into()].into();
    let guest = Guest { name: "Shop".into(), numbers, calls: 1, expires: None, busy: crate::routing::Gauge::default() };
    phone.moment.vouched = Some(Voucher::Guest(Arc::new(guest)));
    let refused = phone.registers("wonderland", "Contact: <sip:alice@192.0.2.9>");
    assert_eq!((refused.status().code(), refused.reason()), (403, "Guests Do Not Register"));
}
