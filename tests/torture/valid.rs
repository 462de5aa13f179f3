//! RFC 4475: messages that must be understood, whatever the one who serves them then says.

use patchcord_sip::message::MediaType;
use patchcord_sip::{Contact, Message, Method, Name, NameAddr, Scheme};

use crate::Outcome::Understood;
use crate::{Row, request, response};

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    let mut rows = syntax();
    rows.extend(responses());
    rows.extend(semantics());
    rows
}

fn row(name: &'static str, reason: &'static str, look: fn(&Message)) -> Row {
    Row { name, outcome: Understood, reason, look }
}

/// §3.1.1: odd, and right.
fn syntax() -> Vec<Row> {
    vec![
        row("wsinv", "folding and blanks everywhere are legal, unknown headers may hold anything", wsinv),
        row("intmeth", "every mark that a token, a user or a quoted string may hold is legal", intmeth),
        row("esc01", "escapes are part of URIs and are taken off once", esc01),
        row("escnull", "an escaped NUL is a character like any other", escnull),
        row("esc02", "a percent sign in a method, a display name or a header name escapes nothing", esc02),
        row("lwsdisp", "the blank before an angle bracket is a mistake of the grammar", lwsdisp),
        row("longreq", "long values and 34 Via lines in every spelling are legal", longreq),
        row("dblreq", "what follows the declared body is noise, even if it looks like a request", dblreq),
        row("semiuri", "a user may hold semicolons and an escaped @", semiuri),
        row("transports", "any token may name the transport of a Via entry", transports),
        row("mpart01", "a binary body is framed by Content-Length alone", mpart01),
    ]
}

fn responses() -> Vec<Row> {
    vec![
        row("unreason", "a reason phrase may hold any UTF-8", |message| {
            let reason = response(message).reason();
            assert!(reason.starts_with("= 2**3 * 5**2 но сто девяносто девять"), "{reason}");
        }),
        row("noreason", "an empty reason phrase is legal", |message| {
            let response = response(message);
            assert_eq!((response.status().code(), response.reason()), (100, ""));
        }),
    ]
}

/// §3.1.2 where forgiving is right, §3.2 to §3.4: well formed; the answer is up to whoever serves it.
fn semantics() -> Vec<Row> {
    vec![
        row("baddate", "nobody here needs the Date, so its wrong zone hurts nobody (§3.1.2.12)", |message| {
            assert_eq!(message.headers().get(Name::Date), Some("Fri, 01 Jan 2010 16:00:00 EST"));
        }),
        row("badbranch", "the bare cookie names no transaction: matched as RFC 2543 does (§3.2.1)", |message| {
            let via = message.headers().top_via().unwrap();
            assert_eq!((via.branch(), via.has_magic_branch()), (Some("z9hG4bK"), false));
        }),
        row("unkscm", "well formed; the target's scheme is then answered 416", |message| {
            assert_eq!(request(message).uri().unwrap().scheme(), Scheme::Other);
            assert_eq!(request(message).target().unwrap_err().status(), 416);
        }),
        row("novelsc", "well formed; a registered scheme that we do not serve is answered 416, too", |message| {
            assert_eq!(request(message).uri().unwrap().scheme_text(), "soap.beep");
            assert_eq!(request(message).target().unwrap_err().status(), 416);
        }),
        row("unksm2", "any scheme may stand in From, To and Contact; a registrar refuses the To", |message| {
            let headers = message.headers();
            assert_eq!(headers.to().unwrap().uri.as_str(), "isbn:2983792873");
            assert_eq!(headers.from().unwrap().uri.as_str(), "http://www.example.com");
            assert_eq!(contact(message).uri.scheme(), Scheme::Other);
        }),
        row("bext01", "well formed; both unknown extensions belong into the 420", |message| {
            let unknown: Vec<_> = message.headers().unknown_extensions(&["100rel", "timer"]).collect();
            assert_eq!(unknown, ["nothingSupportsThis", "nothingSupportsThisEither"]);
            assert_eq!(message.headers().proxy_require().count(), 2);
        }),
        row("invut", "well formed; the type of the body is then answered 415", |message| {
            assert_eq!(message.headers().content_type().map(|kind| kind.as_str()), Some("application/unknownformat"));
        }),
        row("regaut01", "an unknown scheme of authorization is as good as none", |message| {
            assert_eq!(message.headers().get(Name::Authorization), Some("NoOneKnowsThisScheme opaque-data=here"));
        }),
        row("zeromf", "zero hops left is no obstacle at the end of the way", |message| {
            assert_eq!(message.headers().max_forwards(), Ok(Some(0)));
        }),
        row("cparam01", "without brackets the parameter is the contact's", |message| {
            let contact = contact(message);
            assert!(contact.params.has("unknownparam") && !contact.uri.params().has("unknownparam"));
        }),
        row("cparam02", "inside brackets the parameter is the URI's", |message| {
            let contact = contact(message);
            assert!(!contact.params.has("unknownparam") && contact.uri.params().has("unknownparam"));
        }),
        row("regescrt", "headers in a contact's URI are kept", |message| {
            let headers: Vec<_> = contact(message).uri.headers().collect();
            assert_eq!(headers, [("Route", "%3Csip:sip.example.com%3E")]);
        }),
        row("sdp01", "well formed; that no answer fits Accept is for who serves it (406)", |message| {
            assert_eq!(message.headers().list(Name::Accept).collect::<Vec<_>>(), ["text/nobodyKnowsThis"]);
        }),
        row("inv2543", "RFC 2543 knew no branch, From tag, Max-Forwards and Content-Length", inv2543),
    ]
}

fn contact(message: &Message) -> NameAddr<'_> {
    match message.headers().contact().unwrap() {
        Some(Contact::Addr(contact)) => contact,
        other => panic!("an address was expected, not {other:?}"),
    }
}

fn wsinv(message: &Message) {
    let headers = message.headers();
    assert!(request(message).uri().unwrap().params().has("unknownparam"));
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!((from.display().as_ref(), from.tag()), (r#"J Rosenberg \""#, Some("98asjd8")));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    assert_eq!(headers.get(Name::Subject), Some(""));
    assert_eq!(headers.get(Name::Other("unknownheaderwithunusualvalue")), Some(";;,,;;,;"));
    let vias: Vec<_> = headers.vias().map(|via| via.unwrap()).collect();
    let told: Vec<_> = vias.iter().map(|via| (via.transport_text(), via.host(), via.branch().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("UDP", "192.0.2.2", "390skdjuw"),
            ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
            ("UDP", "192.168.255.111", "z9hG4bK30239"),
        ]
    );
    let route = headers.routes().next().unwrap().unwrap();
    assert!(route.uri.is_loose());
    assert_eq!(route.uri.param("unknownwith"), Some("value"));
    let contact = contact(message);
    assert_eq!(contact.display(), r#"Quoted string """#);
    assert_eq!((contact.params.get("newparam"), contact.q()), (Some("newvalue"), Some(330)));
    assert_eq!(headers.body().len(), 150);
}

fn intmeth(message: &Message) {
    let request = request(message);
    assert_eq!(request.method().as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    let uri = request.uri().unwrap();
    assert_eq!(uri.user(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(uri.host(), Some("example.com"));
    assert_eq!(request.to().unwrap().display(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    let from = request.from().unwrap();
    assert_eq!(from.display(), "token1~` token2'+_ token3*%!.-");
    assert_eq!(from.params.text("fromParam''~+*_!.-%"), Some("работающий"));
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(request.call_id(), Ok("intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"));
    assert_eq!(request.cseq().unwrap().number, 139_122_385);
    assert_eq!(request.get(Name::Other("extensionHeader-!.%*+_`'~")), Some("\u{feff}大停電"));
}

fn esc01(message: &Message) {
    let request = request(message);
    let uri = request.uri().unwrap();
    assert_eq!((uri.user_text().as_deref(), uri.host()), (Some("sips:user@example.com"), Some("example.net")));
    assert_eq!(request.to().unwrap().uri.user_text().as_deref(), Some("user"));
    assert_eq!(request.from().unwrap().uri.user_text().as_deref(), Some("I have spaces"));
    let contact = contact(message);
    assert!(contact.uri.is_loose(), "the name of lr is escaped");
    let value = contact.uri.param("name").unwrap();
    assert_eq!(patchcord_sip::uri::unescape(value), "value%41");
}

fn escnull(message: &Message) {
    let to = message.headers().to().unwrap();
    assert_eq!(to.uri.user_text().as_deref(), Some("null-\0-null"));
    let contacts: Vec<_> = message.headers().contacts().map(|contact| contact.unwrap().addr().unwrap().uri).collect();
    assert_eq!(contacts.len(), 2);
    assert!(!contacts[0].equivalent(&contacts[1]), "two NULs are not one");
}

fn esc02(message: &Message) {
    let request = request(message);
    assert_eq!(request.method().as_str(), "RE%47IST%45R");
    assert_ne!(*request.method(), Method::Register);
    assert_eq!(request.to().unwrap().display(), "%Z%45");
    assert_eq!(request.contacts().count(), 2);
}

fn lwsdisp(message: &Message) {
    assert_eq!(message.headers().from().unwrap().display(), "caller");
}

fn longreq(message: &Message) {
    let headers = message.headers();
    assert_eq!(headers.vias().filter(|via| via.is_ok()).count(), 34);
    assert_eq!(headers.to().unwrap().uri.port(), Some(6000));
    assert_eq!(headers.from().unwrap().tag().map(str::len), Some(2 + 3 * 50 + 3));
    assert_eq!(headers.vias().last().unwrap().unwrap().branch().map(str::len), Some(4 + 4 * 50 + 11));
    assert_eq!(headers.body().len(), 150);
}

fn dblreq(message: &Message) {
    assert_eq!(*request(message).method(), Method::Register);
    assert_eq!(message.headers().body().len(), 0);
    assert_eq!(message.headers().all(Name::CallId).count(), 1);
}

fn semiuri(message: &Message) {
    let uri = request(message).uri().unwrap();
    assert_eq!(uri.user_text().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(uri.host(), Some("example.com"));
    let kinds: Vec<_> = message.headers().list(Name::Accept).collect();
    assert_eq!(kinds.len(), 6);
    assert_eq!(kinds[5], "message/sipfrag");
}

fn transports(message: &Message) {
    let told: Vec<_> = message.headers().vias().map(|via| via.unwrap().transport_text().to_owned()).collect();
    assert_eq!(told, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

fn mpart01(message: &Message) {
    let headers = message.headers();
    let body = headers.body();
    assert_eq!(body.len(), 553);
    assert!(body.contains(&0) && body.ends_with(b"--7a9cbec02ceef655--\r\n"));
    let kind: MediaType<'_> = headers.content_type().unwrap();
    assert!(kind.is("multipart/mixed"));
    assert_eq!(kind.params.get("boundary"), Some("7a9cbec02ceef655"));
}

fn inv2543(message: &Message) {
    let headers = message.headers();
    let via = headers.top_via().unwrap();
    assert_eq!((via.host(), via.branch()), ("iftgw.example.com", None));
    assert_eq!(headers.from().unwrap().tag(), None);
    assert_eq!(headers.max_forwards(), Ok(None));
    assert!(headers.body().ends_with(b"m=audio 49217 RTP/AVP 0\r\n"), "the body runs to the end");
    // Without brackets `user=phone` is the header's.
    assert_eq!(headers.to().unwrap().params.get("user"), Some("phone"));
}
