//! A datagram: it is read, asked everything, answered, and written again.

use bytes::Bytes;
use patchcord_sip::{Contact, Draft, Fault, Headers, Message, Name, NameAddr, Request, Via};

/// Reads a message, asks it everything, and answers it.
pub fn message(data: &[u8]) {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(data)) else { return };
    let headers = message.headers();
    lines(headers);
    typed(headers);
    remembered(headers);
    match &message {
        Message::Request(request) => {
            let checked = request.check();
            if checked.is_ok() {
                promised(request);
            }
            let _ = (request.uri().map(|uri| uri.to_string()), request.target().is_ok());
            answered(request);
        }
        Message::Response(response) => {
            if response.check().is_ok() {
                assert!(response.top_via().is_ok() && response.cseq().is_ok());
            }
            assert!((100..700).contains(&response.status().code()));
            let _ = response.reason().len();
        }
    }
}

/// Every line can be found again by its name, and none reaches into the next.
fn lines(headers: &Headers) {
    assert!(headers.head().len() + headers.body().len() <= headers.bytes().len());
    // Looking each line up again is quadratic; this many say enough.
    for field in headers.fields().take(64) {
        assert!(!field.value().contains(&b'\n'), "a value ends with its line");
        assert!(headers.raw_all(field.name()).any(|value| value == field.value()));
        assert_eq!(Name::of(field.name_text()), field.name());
    }
    let readable = headers.fields().filter(|field| std::str::from_utf8(field.value()).is_ok()).count();
    assert_eq!(headers.iter().count(), readable);
    for name in [Name::Via, Name::Contact, Name::Supported, Name::Other("X-Unknown")] {
        assert!(headers.list(name).count() >= headers.all(name).count());
    }
}

fn typed(headers: &Headers) {
    for via in headers.vias().flatten() {
        let _ = (via.transport(), via.address(), via.port(), via.received(), via.rport(), via.maddr());
        let _ = (via.alias(), via.keep(), via.has_magic_branch(), via.as_str().len());
    }
    let _ = headers.top_via().map(|via| via.host().len());
    headers.from().into_iter().chain(headers.to()).for_each(address);
    for contact in headers.contacts().flatten() {
        if let Contact::Addr(contact) = contact {
            address(contact);
        }
    }
    headers.routes().chain(headers.record_routes()).chain(headers.paths()).flatten().for_each(address);
    if let Ok(cseq) = headers.cseq() {
        assert!(cseq.number < 1 << 31);
    }
    let _ = (headers.call_id().map(str::len), headers.max_forwards(), headers.expires(), headers.min_expires());
    let _ = (headers.retry_after(), headers.contact().is_ok());
    if let Some(kind) = headers.content_type() {
        let _ = (kind.is("application/sdp"), kind.params.text("boundary"));
    }
    let words = headers.require().chain(headers.proxy_require()).chain(headers.supported()).chain(headers.allow());
    assert!(words.into_iter().all(|word| !word.is_empty()));
    let _ = headers.unknown_extensions(&["100rel", "timer"]).count();
}

/// What was read before reads the same again, and the same as what is read for the first time.
fn remembered(headers: &Headers) {
    let same = |again: Result<NameAddr<'_>, Fault>, name| match headers.get(name) {
        Some(value) => assert_eq!(format!("{again:?}"), format!("{:?}", NameAddr::parse(value))),
        None => assert!(again.is_err()),
    };
    same(headers.from(), Name::From);
    same(headers.to(), Name::To);
    if let Some(Ok(fresh)) = headers.list(Name::Via).next().map(Via::parse)
        && std::str::from_utf8(headers.raw(Name::Via).unwrap_or_default()).is_ok()
    {
        assert_eq!(format!("{:?}", headers.top_via()), format!("{:?}", Ok::<_, Fault>(fresh)));
    }
}

fn address(address: NameAddr<'_>) {
    let _ = (address.display().len(), address.tag(), address.q(), address.expires());
    let _ = (address.instance(), address.reg_id(), address.params.iter().count());
    assert!(address.uri.equivalent(&address.uri));
}

/// What the check promises to the transaction layer.
fn promised(request: &Request) {
    assert!(request.top_via().is_ok() && request.vias().all(|via| via.is_ok()));
    assert!(request.from().is_ok() && request.to().is_ok() && request.call_id().is_ok());
    let cseq = request.cseq().expect("checked");
    assert_eq!(&cseq.method, request.method());
    assert!(request.uri().is_ok() && request.max_forwards().is_ok());
    assert!(request.contacts().all(|contact| contact.is_ok()));
}

/// The answer is a response with the same Via lines, and one whose check passes where the request's does.
fn answered(request: &Request) {
    let reply = Draft::reply(request, ([192, 0, 2, 1], 5060).into(), 404)
        .to_tag("ours")
        .record_route(request)
        .copy_first(request, Name::Via)
        .without(Name::Via)
        .copy(request, Name::Via);
    let Ok(Message::Response(reply)) = Message::parse(reply.finish()) else { panic!("an answer is a response") };
    assert_eq!(reply.raw_all(Name::Via).count(), request.raw_all(Name::Via).count());
    let reply = Draft::reply(request, ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 5060).into(), 200).to_tag("ours");
    let Ok(Message::Response(reply)) = Message::parse(reply.finish()) else { panic!("an answer is a response") };
    if request.check().is_ok() {
        if request.vias().count() == 1 {
            assert_eq!(reply.check(), Ok(()));
        }
        let via = reply.top_via().expect("the top entry stays readable");
        let asked = request.top_via().expect("checked");
        assert_eq!((via.branch(), via.host(), via.port()), (asked.branch(), asked.host(), asked.port()));
        assert!(via.received().is_some() || via.rport().is_none());
        assert!(reply.to().expect("a to").tag().is_some());
    }
}
