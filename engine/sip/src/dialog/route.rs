//! The route set: the proxies that want to see every request of a dialog, in the order in which we pass them.

use std::borrow::Cow;

use crate::message::scan::Commas;
use crate::message::{Draft, Fault, Method, Name, NameAddr, Request, Response};
use crate::uri::Uri;

/// Most proxies of a route set. Max-Forwards lets a request pass 70; of those that stay in the way a handful is many.
pub const MAX_ROUTES: usize = 32;

/// The entries as one line, as they are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteSet {
    line: Box<str>,
}

impl RouteSet {
    /// The called side's: the order of the Record-Route lines (§12.1.1).
    pub(super) fn of_request(request: &Request) -> Result<Self, Fault> {
        let entries = collect(request.record_routes())?;
        Ok(Self { line: entries.join(", ").into() })
    }

    /// The calling side's: the other way round (§12.1.2).
    pub(super) fn of_response(response: &Response) -> Result<Self, Fault> {
        let mut entries = collect(response.record_routes())?;
        entries.reverse();
        Ok(Self { line: entries.join(", ").into() })
    }

    /// Routes that the caller wants: an outbound proxy, a Service-Route, a Path.
    pub(super) fn preset(routes: &[&str]) -> Result<Self, Fault> {
        let entries = collect(routes.iter().flat_map(|line| Commas::new(line)).map(NameAddr::parse))?;
        Ok(Self { line: entries.join(", ").into() })
    }

    pub(super) fn text(&self) -> &str {
        &self.line
    }

    pub(super) fn first(&self) -> Option<NameAddr<'_>> {
        // Every entry was read before it came in here.
        Commas::new(&self.line).next().and_then(|first| NameAddr::parse(first).ok())
    }

    /// A request to the target by way of the routes (§12.2.1.1). A first proxy that routes strictly wants its own address
    /// in the Request-URI and the target at the end of the route.
    pub(super) fn draft(&self, method: Method, target: &str) -> Draft {
        match self.first() {
            None => Draft::request(method, target),
            Some(first) if first.uri.is_loose() => Draft::request(method, target).header(Name::Route, &self.line),
            Some(first) => {
                let rest: Vec<_> = Commas::new(&self.line).skip(1).collect();
                let target = format!("<{target}>");
                let route = rest.into_iter().chain([&*target]).collect::<Vec<_>>().join(", ");
                Draft::request(method, &request_uri(&first.uri)).header(Name::Route, route)
            }
        }
    }
}

fn collect<'a>(entries: impl Iterator<Item = Result<NameAddr<'a>, Fault>>) -> Result<Vec<&'a str>, Fault> {
    let mut read = Vec::new();
    for entry in entries {
        if read.len() == MAX_ROUTES {
            return Err(Fault::bad("Too many routes"));
        }
        read.push(entry?.as_str());
    }
    Ok(read)
}

/// The address without what may not stand in a Request-URI: headers and the `method` parameter (§19.1.1).
pub(crate) fn request_uri<'a>(uri: &Uri<'a>) -> Cow<'a, str> {
    let mut text = uri.as_str();
    if !uri.headers_text().is_empty() {
        text = &text[..text.len() - uri.headers_text().len()];
    }
    // The user may hold a question mark; at the end it is the one before the headers.
    let text = text.strip_suffix('?').unwrap_or(text);
    if !uri.params().has("method") {
        return Cow::Borrowed(text);
    }
    let mut plain = text[..text.len() - uri.params().as_str().len() - 1].to_owned();
    for (name, value) in uri.params().iter().filter(|(name, _)| !name.eq_ignore_ascii_case("method")) {
        plain.extend([";", name]);
        plain.extend(value.iter().flat_map(|value| ["=", value]));
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_method_do_not_stay_in_a_request_uri() {
        for (contact, wanted) in [
            ("sip:a@h", "sip:a@h"),
            ("sip:a?b@h;lr", "sip:a?b@h;lr"),
            ("sip:a@h?Subject=x", "sip:a@h"),
            ("sip:a@h?", "sip:a@h"),
            ("sip:a@h;x=1;method=INVITE;y?Subject=x", "sip:a@h;x=1;y"),
        ] {
            assert_eq!(request_uri(&Uri::parse(contact).unwrap()), wanted);
        }
    }

    #[test]
    fn more_routes_than_any_network_has_are_refused() {
        let line = "<sip:p;lr>, ".repeat(MAX_ROUTES) + "<sip:p;lr>";
        assert_eq!(RouteSet::preset(&[&line]).err().map(Fault::status), Some(400));
        assert_eq!(RouteSet::preset(&["no address"]).err().map(Fault::status), Some(400));
    }
}
