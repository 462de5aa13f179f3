//! What RFC 3261 demands of every message, whatever its method.
//!
//! The order is the one in which a reader of the message would stumble: version, framing, start line, then the headers
//! that the transaction layer stands on. Extensions (420), body types (415) and schemes (416) are for whoever serves the
//! request.

use super::headers::Headers;
use super::index::Names;
use super::{Contact, Fault, Method, Name, Request, Response, Via};

/// Headers of which one is enough and two are a contradiction (RFC 3261 §7.3.1).
const SINGLE: [(Name<'static>, Fault); 9] = [
    (Name::From, Fault::bad("More than one From")),
    (Name::To, Fault::bad("More than one To")),
    (Name::CallId, Fault::bad("More than one Call-ID")),
    (Name::CSeq, Fault::bad("More than one CSeq")),
    (Name::MaxForwards, Fault::bad("More than one Max-Forwards")),
    (Name::ContentType, Fault::bad("More than one Content-Type")),
    (Name::Expires, Fault::bad("More than one Expires")),
    (Name::Event, Fault::bad("More than one Event")),
    (Name::ReferTo, Fault::bad("More than one Refer-To")),
];

pub(super) fn request(request: &Request) -> Result<(), Fault> {
    version(request.version())?;
    if let Some(flaw) = request.flaw() {
        return Err(flaw);
    }
    let uri = request.uri()?;
    let memo = request.memo();
    if !uri.headers_text().is_empty() {
        // RFC 3261 §19.1.1: headers have no place in a Request-URI.
        return Err(Fault::bad("Headers in the Request-URI"));
    }
    let method = request.method();
    let (_, said) = common(request)?;
    if said != method.as_str() {
        return Err(match method {
            // RFC 4475 §3.1.2.18: the better answer, for a later RFC may let the two differ.
            Method::Other(_) => Fault::new(501, "Not Implemented"),
            _ => Fault::bad("CSeq method does not match"),
        });
    }
    request.max_forwards()?;
    if !memo.is_only_via {
        request.top_via()?;
        every(request.list(Name::Via).skip(1).map(Via::parse))?;
    }
    contacts(request, method)?;
    if request.has_known(Name::Route) {
        every(request.routes())?;
    }
    if request.has_known(Name::RecordRoute) {
        every(request.record_routes())?;
    }
    Ok(())
}

pub(super) fn response(response: &Response) -> Result<(), Fault> {
    version(response.version())?;
    if let Some(flaw) = response.flaw() {
        return Err(flaw);
    }
    common(response)?;
    response.top_via()?;
    // RFC 3261 §8.1.3.3: we put one Via on, and whoever forwarded us the response took the others off.
    if response.list(Name::Via).nth(1).is_some() {
        return Err(Fault::bad("More than one Via in a response"));
    }
    Ok(())
}

fn version(version: &[u8]) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case(b"SIP/2.0") { Ok(()) } else { Err(Fault::new(505, "Version Not Supported")) }
}

/// All of [`SINGLE`].
const SINGLES: Names = {
    let (mut names, mut at) = (Names::NONE, 0);
    while at < SINGLE.len() {
        names = names.with(SINGLE[at].0);
        at += 1;
    }
    names
};

/// The headers that every message has exactly once. Answers what CSeq says.
fn common(headers: &Headers) -> Result<(u32, &str), Fault> {
    if headers.repeats(SINGLES) {
        let twice = SINGLE.iter().find(|(name, _)| headers.repeats(Names::NONE.with(*name)));
        return Err(twice.map_or(Fault::bad("A header too many"), |(_, fault)| *fault));
    }
    all_text(headers)?;
    if !headers.has_known(Name::Via) {
        return Err(Fault::bad("Missing Via"));
    }
    let memo = headers.memo();
    if memo.from.is_none() {
        headers.from()?;
    }
    if memo.to.is_none() {
        headers.to()?;
    }
    headers.call_id()?;
    headers.cseq_text()
}

/// Lists that the core reads must be text, or a value in them would be passed over.
fn all_text(headers: &Headers) -> Result<(), Fault> {
    const LISTS: [Name<'static>; 5] = [Name::Via, Name::Contact, Name::Route, Name::RecordRoute, Name::Require];
    let is_text = headers.is_text()
        || LISTS.iter().all(|&name| headers.raw_all(name).all(|value| std::str::from_utf8(value).is_ok()));
    if is_text { Ok(()) } else { Err(Fault::bad("Header is not UTF-8")) }
}

/// All values of a list must be readable.
fn every<T>(mut values: impl Iterator<Item = Result<T, Fault>>) -> Result<(), Fault> {
    values.try_for_each(|value| value.map(drop))
}

/// A star stands alone and only in a REGISTER; a request for a dialog names one place (RFC 3261 §8.1.1.8, §10.2.2).
fn contacts(request: &Request, method: &Method) -> Result<(), Fault> {
    if request.memo().contact.is_some() {
        return Ok(());
    }
    let (mut count, mut star) = (0, false);
    for contact in request.contacts() {
        star |= matches!(contact?, Contact::Star);
        count += 1;
    }
    match method {
        Method::Register if star && count > 1 => Err(Fault::bad("Contact star must stand alone")),
        Method::Register => Ok(()),
        _ if star => Err(Fault::bad("Contact star outside REGISTER")),
        Method::Invite | Method::Subscribe | Method::Refer | Method::Update if count > 1 => {
            Err(Fault::bad("More than one Contact"))
        }
        _ => Ok(()),
    }
}
