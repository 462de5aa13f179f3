//! Transfers: what REFER and its relatives say.
//!
//! Refer-To (RFC 3515) with the Replaces (RFC 3891) that an attended transfer packs into it (RFC 5589), Refer-Sub
//! (RFC 4488), Referred-By (RFC 3892), Target-Dialog (RFC 4538), and the `message/sipfrag` bodies that tell how it goes.
//! All of them are read and written here and nothing is done about them: which call is meant, and whether it may be
//! taken over, is for whoever owns the calls. The subscription that a REFER makes is a
//! [`Notifier`](crate::subscription::Notifier).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::dialog::{Dialog, DialogId, State, request_uri};
use crate::message::scan::{find_outside, is_token, trim};
use crate::message::{Fault, Headers, Method, Name, NameAddr, Params, Request, phrase};
use crate::uri::{Uri, escape_header, unescape};

/// The type of the bodies that tell how a transfer goes.
pub const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// The extension of [`Replaces`] in Supported and Require.
pub const OPTION_REPLACES: &str = "replaces";

/// The extension of Refer-Sub in Supported and Require.
pub const OPTION_NO_REFER_SUB: &str = "norefersub";

/// Headers that an address may not slip into a request (RFC 3261 §19.1.5): those that say who asks, where it goes and how
/// it is framed, and those that prove an identity.
const FORBIDDEN: [Name<'static>; 20] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::Contact,
    Name::Route,
    Name::RecordRoute,
    Name::Path,
    Name::MaxForwards,
    Name::ContentType,
    Name::ContentLength,
    Name::ContentEncoding,
    Name::Authorization,
    Name::ProxyAuthorization,
    Name::PAssertedIdentity,
    Name::Identity,
    Name::Supported,
    Name::ProxyRequire,
    Name::Other("body"),
];

/// Where the other side shall turn to.
#[derive(Clone, Copy, Debug)]
pub struct ReferTo<'a> {
    addr: NameAddr<'a>,
}

impl<'a> ReferTo<'a> {
    /// What a REFER says; 400 when it says nothing or more than one thing (RFC 3515 §2.4.2).
    pub fn of(refer: &'a Request) -> Result<Self, Fault> {
        let mut lines = refer.all(Name::ReferTo);
        match (lines.next(), lines.next()) {
            (Some(line), None) => Ok(Self { addr: NameAddr::parse(line)? }),
            (None, _) => Err(Fault::bad("Missing Refer-To")),
            (Some(_), Some(_)) => Err(Fault::bad("More than one Refer-To")),
        }
    }

    /// The address, display name and all.
    pub fn addr(&self) -> NameAddr<'a> {
        self.addr
    }

    /// The address as a Request-URI.
    pub fn target(&self) -> Cow<'a, str> {
        request_uri(&self.addr.uri)
    }

    /// What to send there: INVITE unless the address says otherwise.
    pub fn method(&self) -> Result<Method, Fault> {
        match self.addr.uri.params().get("method") {
            None => Ok(Method::Invite),
            Some(method) => Method::parse(unescape(method).as_bytes()).ok_or(Fault::bad("Bad method in Refer-To")),
        }
    }

    /// The dialog that the new call replaces: an attended transfer.
    pub fn replaces(&self) -> Result<Option<Replaces>, Fault> {
        let mut found = self.addr.uri.headers().filter(|(name, _)| Name::of(&unescape(name)) == Name::Replaces);
        let Some((_, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Fault::bad("More than one Replaces"));
        }
        unescape(value).parse().map(Some)
    }

    /// The dialog that the new call joins (RFC 3911): written as Replaces is.
    pub fn join(&self) -> Result<Option<Replaces>, Fault> {
        let mut found = self.addr.uri.headers().filter(|(name, _)| unescape(name).eq_ignore_ascii_case(JOIN));
        let Some((_, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Fault::bad("More than one Join"));
        }
        unescape(value).parse().map(Some).map_err(|_| BAD_JOIN)
    }

    /// The other headers that the address wants in the new request and that may be there. Require goes by our own means.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let unescaped = self.addr.uri.headers().map(|(name, value)| (unescape(name), unescape(value)));
        unescaped.filter(|(name, value)| {
            let known = Name::of(name);
            is_token(name.as_bytes())
                && !value.contains(char::is_control)
                && !matches!(known, Name::Replaces | Name::Require)
                && !FORBIDDEN.contains(&known)
        })
    }

    /// The value of a Refer-To for this address, with the dialog that the new call shall replace (RFC 5589 §7.3).
    pub fn write(target: &Uri<'_>, replaces: Option<&Replaces>) -> String {
        let Some(replaces) = replaces else { return format!("<{target}>") };
        let mark = if target.headers_text().is_empty() { '?' } else { '&' };
        let target = target.as_str();
        let target = target.strip_suffix('?').unwrap_or(target);
        format!("<{target}{mark}Replaces={}&Require=replaces>", escape_header(&replaces.to_string()))
    }
}

/// The header that names a dialog to join.
pub const JOIN: &str = "Join";

/// It is written as Replaces is; whoever erred in it should read its own name.
const BAD_JOIN: Fault = Fault::bad("Bad Join");

/// The dialog that an INVITE wants to join (RFC 3911 §4): one, and none beside a Replaces.
pub fn joined(invite: &Request) -> Result<Option<Replaces>, Fault> {
    let mut lines = invite.all(Name::of(JOIN));
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() || invite.has(Name::Replaces) {
        return Err(Fault::bad("More than one dialog to join or replace"));
    }
    line.parse().map(Some).map_err(|_| BAD_JOIN)
}

/// The dialog that an INVITE takes the place of, as whoever gets that INVITE names it (RFC 3891).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// The tag of whoever gets the INVITE; `0` for none.
    pub to_tag: Box<str>,
    /// The tag of the other side; `0` for none.
    pub from_tag: Box<str>,
    /// Only if nobody has answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// What an INVITE says. 400 where it contradicts itself (§3).
    pub fn of(request: &Request) -> Result<Option<Self>, Fault> {
        let mut lines = request.all(Name::Replaces);
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() || request.has(Name::Join) {
            return Err(Fault::bad("More than one dialog to replace"));
        }
        if *request.method() != Method::Invite {
            return Err(Fault::bad("Replaces outside INVITE"));
        }
        line.parse().map(Some)
    }

    /// The header that makes `dialog`'s other side replace it: what a transferor who is in that dialog asks for.
    pub fn mirrored(dialog: &Dialog) -> Self {
        let id = dialog.id();
        let tag = |tag: &str| if tag.is_empty() { "0" } else { tag }.into();
        Self { call_id: id.call_id.into(), to_tag: tag(id.remote), from_tag: tag(id.local), early_only: false }
    }

    /// The dialog by its name here. A tag `0` may be none (see [`is`](Self::is)).
    pub fn dialog(&self) -> DialogId<'_> {
        DialogId { call_id: &self.call_id, local: &self.to_tag, remote: &self.from_tag }
    }

    /// Whether it means that dialog of ours. `0` also means no tag, which peers of RFC 2543 have (§6.1).
    pub fn is(&self, id: DialogId<'_>) -> bool {
        let same = |said: &str, tag: &str| said == tag || (said == "0" && tag.is_empty());
        &*self.call_id == id.call_id && same(&self.to_tag, id.local) && same(&self.from_tag, id.remote)
    }

    /// Whether the dialog that was found may be replaced (§3): 481 for none and for a call that rings here, 603 for one that
    /// is over, 486 for one that was answered when only an early one was meant.
    pub fn judge(&self, found: Option<&Dialog>) -> Result<(), Fault> {
        const NONE: Fault = Fault::new(481, "Call/Transaction Does Not Exist");
        let dialog = found.filter(|dialog| self.is(dialog.id())).ok_or(NONE)?;
        match dialog.state() {
            State::Ended => Err(Fault::new(603, "Decline")),
            State::Confirmed if self.early_only => Err(Fault::new(486, "Busy Here")),
            // Only its caller may give up a call that nobody has answered.
            State::Early if !dialog.owns_call_id() => Err(NONE),
            State::Confirmed | State::Early => Ok(()),
        }
    }
}

impl FromStr for Replaces {
    type Err = Fault;

    fn from_str(value: &str) -> Result<Self, Fault> {
        const BAD: Fault = Fault::bad("Bad Replaces");
        let (call_id, params) = named_dialog(value).ok_or(BAD)?;
        let tag = |name| params.get(name).filter(|tag| is_token(tag.as_bytes())).ok_or(BAD);
        Ok(Self {
            call_id: call_id.into(),
            to_tag: tag("to-tag")?.into(),
            from_tag: tag("from-tag")?.into(),
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

/// The dialog that a request outside of it is about, as its sender names it (RFC 4538). Borrowed from the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetDialog<'a> {
    id: DialogId<'a>,
}

impl<'a> TargetDialog<'a> {
    /// What a request says.
    pub fn of(request: &'a Request) -> Result<Option<Self>, Fault> {
        const BAD: Fault = Fault::bad("Bad Target-Dialog");
        let Some(line) = request.get(Name::TargetDialog) else { return Ok(None) };
        let (call_id, params) = named_dialog(line).ok_or(BAD)?;
        let tag = |name| params.get(name).filter(|tag| is_token(tag.as_bytes())).ok_or(BAD);
        Ok(Some(Self { id: DialogId { call_id, local: tag("local-tag")?, remote: tag("remote-tag")? } }))
    }

    /// For a request of ours about this dialog of ours.
    pub fn about(id: DialogId<'a>) -> Self {
        Self { id }
    }

    /// The dialog by its name at whoever gets the request: the sender's remote tag is the tag made here.
    pub fn dialog(&self) -> DialogId<'a> {
        self.id.mirrored()
    }
}

impl fmt::Display for TargetDialog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};local-tag={};remote-tag={}", self.id.call_id, self.id.local, self.id.remote)
    }
}

/// `call-id;params`
fn named_dialog(value: &str) -> Option<(&str, Params<'_>)> {
    let semicolon = find_outside(value, b';', false)?;
    let call_id = trim(&value[..semicolon]);
    let word =
        !call_id.is_empty() && !call_id.contains(|char: char| char.is_whitespace() || char.is_control() || char == ',');
    word.then(|| (call_id, Params::new(&value[semicolon..])))
}

/// Whether whoever sends this REFER, or accepts it, wants to hear how it goes (RFC 4488 §4). The sender's wish counts only
/// when the one that answers says the same.
pub fn wants_news(headers: &Headers) -> Result<bool, Fault> {
    let Some(value) = headers.get(Name::ReferSub) else { return Ok(true) };
    match trim(value.split(';').next().unwrap_or("")) {
        word if word.eq_ignore_ascii_case("true") => Ok(true),
        word if word.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Fault::bad("Bad Refer-Sub")),
    }
}

/// Who asks for a transfer (RFC 3892), for the request that comes of it.
#[derive(Clone, Copy, Debug)]
pub struct ReferredBy<'a> {
    /// The address. Nothing proves it.
    pub addr: NameAddr<'a>,
}

impl<'a> ReferredBy<'a> {
    /// What a request says.
    pub fn of(headers: &'a Headers) -> Result<Option<Self>, Fault> {
        let Some(line) = headers.get(Name::ReferredBy) else { return Ok(None) };
        Ok(Some(Self { addr: NameAddr::parse(line)? }))
    }

    /// The body part that proves it, without quotes.
    pub fn cid(&self) -> Option<&'a str> {
        self.addr.params.text("cid")
    }
}

/// How far the request has come that a REFER has asked for: the status line in the NOTIFY (RFC 3515 §2.4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The status.
    pub status: u16,
    /// The words beside it.
    pub phrase: String,
}

impl Progress {
    /// That status with its usual words.
    pub fn of_status(status: u16) -> Self {
        Self { status, phrase: phrase(status).to_owned() }
    }

    /// What a NOTIFY tells; 415 for another body than a sipfrag, 400 for one that does not begin with a status.
    pub fn of(notify: &Headers) -> Result<Self, Fault> {
        const BAD: Fault = Fault::bad("Bad sipfrag");
        if !notify.content_type().is_some_and(|kind| kind.is("message/sipfrag")) {
            return Err(Fault::new(415, "Unsupported Media Type"));
        }
        let body = notify.body_bytes();
        let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(body);
        let line = str::from_utf8(line).map_err(|_| BAD)?;
        let rest = line.strip_prefix("SIP/2.0 ").ok_or(BAD)?;
        let (status, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        let status = status.parse().ok().filter(|status| digits && matches!(status, 100..=699)).ok_or(BAD)?;
        Ok(Self { status, phrase: phrase.to_owned() })
    }

    /// Whether nothing more will follow: the NOTIFY that tells it ends the subscription.
    pub fn is_final(&self) -> bool {
        self.status >= 200
    }

    /// The body of the NOTIFY that tells it, of type [`SIPFRAG`].
    pub fn body(&self) -> Bytes {
        let plain: String = self.phrase.chars().filter(|char| !char.is_control()).collect();
        format!("SIP/2.0 {} {plain}\r\n", self.status).into()
    }
}

#[cfg(test)]
mod tests;
