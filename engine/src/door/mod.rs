//! The front door: what a request gets that belongs to no call.
//!
//! Every request that the transactions pass up comes through [`Door::answer`], which reads top to bottom like
//! RFC 3261 §8.2: dialog, hops, method, address, extensions, body, and only then what was asked. It keeps nothing of
//! its own beyond what all shards share, answers at once, and waits for nothing.
//!
//! ```text
//! request ─▶ in a dialog that nobody knows?  481
//!         ─▶ no hops left                    483
//!         ─▶ method                          405 501
//!         ─▶ size, Request-URI               513 414 416
//!         ─▶ Require                         420
//!         ─▶ body                            413 415 488
//!         ─▶ REGISTER   digest, registrar    401 403 404 423 439 500 ─▶ 200
//!            OPTIONS    what we can          401 403 404 480 ─▶ 200
//!            INVITE     nobody answers yet   404 480
//!            SUBSCRIBE  no events yet        489
//! ```

pub(crate) mod date;
mod desk;
mod refusal;
mod register;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use patchcord_sip::{
    hop::Hop,
    message::{Draft, Method, Name, Request},
    uri::{Scheme, Uri},
};
use refusal::{ACCEPT, ALLOW, SUPPORTED};

pub(crate) use refusal::KNOWN_EVENTS;
pub use refusal::Refusal;

/// What is called for help.
const SOS: &str = "urn:service:sos";

use crate::{
    routing::{CameFrom, Endpoint, Failure, Voucher},
    runtime::Wire,
    switchboard::Switchboard,
};

/// Longest head of a request; longer ones are answered 513. As much as any transport takes: who has come through a thousand
/// proxies is answered by them.
const MAX_HEAD: usize = 65_536;

/// Longest head of an INVITE, which is kept as long as its call rings. It takes a hundred proxies to come near.
const MAX_KEPT_HEAD: usize = 32_768;

/// Unknown extensions that a 420 names. More than a few are somebody who wants a long answer.
const MAX_UNSUPPORTED: usize = 16;

/// Longest Request-URI that we read on; longer ones are answered 414. No phone writes a tenth of it.
const MAX_URI: usize = 2048;

/// Largest body that a request outside a call may carry; larger ones are answered 413. The longest offer of a browser
/// is a quarter of it.
const MAX_BODY: usize = 32_768;

/// The extensions that a request may require of us.
const KNOWN_EXTENSIONS: [&str; 2] = ["path", "outbound"];

/// The extensions that an INVITE may require.
const KNOWN_TO_CALLS: [&str; 6] = ["100rel", "timer", "replaces", "join", "norefersub", "outbound"];

/// When and whence a request came, and the dice that were thrown for its answer.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Where it came from.
    pub hop: Hop,
    /// When, for timers.
    pub now: Instant,
    /// When, for people.
    pub wall: SystemTime,
    /// Makes a nonce unlike any other.
    pub random: [u8; 8],
    /// Whom the connection speaks for, where somebody vouches for that.
    pub vouched: Option<Voucher>,
}

impl Moment {
    /// Now, for what came over that hop.
    pub fn of(hop: &Hop, wire: &mut Wire<'_>) -> Self {
        let vouched = wire.vouched(hop);
        Self { hop: *hop, now: wire.now(), wall: wire.wall(), random: wire.tokens().bytes(), vouched }
    }
}

/// The door of one shard.
pub struct Door {
    board: Arc<Switchboard>,
    next_sweep: Option<Instant>,
}

impl Door {
    /// A door to what that switchboard knows.
    pub fn new(board: Arc<Switchboard>, now: Instant) -> Self {
        Self { board, next_sweep: Some(now) }
    }

    /// What all doors share.
    pub fn board(&self) -> &Arc<Switchboard> {
        &self.board
    }

    /// The answer to a request outside any call, all but the To tag.
    pub fn answer(&self, request: &Request, moment: &Moment) -> Draft {
        self.worded(self.decide(request, moment), request, moment)
    }

    /// The endpoint of a REGISTER, where it may send it.
    pub fn who_registers(&self, request: &Request, moment: &Moment) -> Result<Arc<Endpoint>, Refusal> {
        fits(request, &KNOWN_EXTENSIONS)?;
        register::who(&self.board, request, moment)
    }

    /// What a REGISTER of an endpoint gets that has proved itself.
    pub fn bind(&self, request: &Request, endpoint: &Endpoint, moment: &Moment) -> Result<Draft, Refusal> {
        register::bind(&self.board, request, endpoint, moment)
    }

    /// Whether a text outside of any call could be for somebody here.
    pub fn fits_message(&self, request: &Request) -> Result<(), Refusal> {
        suits(request, &KNOWN_EXTENSIONS)
    }

    /// An answer with all that belongs to it but the To tag; refusals are counted.
    pub fn worded(&self, answer: Result<Draft, Refusal>, request: &Request, moment: &Moment) -> Draft {
        match answer {
            Ok(reply) => reply,
            Err(refusal) => {
                if refusal.status() != 401 {
                    self.board.tally.refused.count(refusal.status());
                    tracing::debug!(status = refusal.status(), why = refusal.phrase(), "refused");
                    self.note_failure(&refusal, request, moment);
                }
                refusal.write(Draft::reply(request, moment.hop.peer, refusal.status()))
            }
        }
    }

    /// An endpoint that there is could not register. Asking for longer, as 423 does, is no failure yet.
    fn note_failure(&self, refusal: &Refusal, request: &Request, moment: &Moment) {
        if *request.method() != Method::Register || refusal.status() == 423 {
            return;
        }
        let user = request.to().ok().and_then(|to| to.uri.user_text().map(|user| user.into_owned()));
        if let Some(endpoint) = user.and_then(|user| self.board.directory.find(&user)) {
            let (status, why, peer) = (refusal.status(), refusal.words(), moment.hop.peer);
            let bindings = self.board.location.bindings(&endpoint.user, moment.now);
            let whence = match bindings.iter().any(|binding| binding.hop.peer.ip() == peer.ip()) {
                true => CameFrom::Home,
                false if bindings.is_empty() => CameFrom::Unknown,
                false => CameFrom::Elsewhere,
            };
            let failure = Failure { at: moment.wall, peer, status, why, times: 1 };
            self.board.failures.note(&endpoint.user, failure, whence);
        }
    }

    /// Whether an INVITE could be a call at all, whoever sends it.
    pub fn fits_call(&self, request: &Request, moment: &Moment) -> Result<(), Refusal> {
        fits(request, &KNOWN_TO_CALLS)?;
        is_safe(request, moment)
    }

    fn decide(&self, request: &Request, moment: &Moment) -> Result<Draft, Refusal> {
        fits(request, &KNOWN_EXTENSIONS)?;
        is_safe(request, moment)?;
        match request.method() {
            Method::Register => register::serve(&self.board, request, moment),
            Method::Options => self.options(request, moment),
            Method::Invite => Err(self.nobody_answers(request)?),
            _ => Err(Refusal::bad_event()),
        }
    }

    /// What we can do, if whoever is asked for could be asked for more (§11.2). Strangers are not told who is there: whoever
    /// asks for somebody is one of ours, or a carrier.
    fn options(&self, request: &Request, moment: &Moment) -> Result<Draft, Refusal> {
        let target = request.uri()?;
        if let Some(user) = target.user_text() {
            if self.board.plan().trunk_at(moment.hop.peer).is_none() {
                register::prove(&self.board, request, &request.from()?.uri, moment)?;
            }
            let endpoint = self.board.directory.reached_by(&user).ok_or(Refusal::not_found())?;
            if !self.board.location.is_reachable(&endpoint.user, moment.now) {
                return Err(Refusal::new(480, "Not Registered"));
            }
        }
        let reply = Draft::reply(request, moment.hop.peer, 200);
        let reply = reply.header(Name::Allow, ALLOW).header(Name::Accept, ACCEPT);
        let reply = reply.header(Name::AcceptEncoding, "identity").header(Name::AcceptLanguage, "en");
        Ok(reply.header(Name::Supported, SUPPORTED))
    }

    /// An INVITE finds the endpoint and nobody who could ring it: calls are not served yet.
    fn nobody_answers(&self, request: &Request) -> Result<Refusal, Refusal> {
        let target = request.uri()?;
        let user = target.user_text().ok_or(Refusal::not_found())?;
        self.board.directory.reached_by(&user).ok_or(Refusal::not_found())?;
        Ok(Refusal::new(480, "Temporarily Unavailable"))
    }
}

/// Whether a request that asks for a secure way has come by one (RFC 3261 §26.2.2): what came in the open is refused, and goes on
/// to nobody.
fn is_safe(request: &Request, moment: &Moment) -> Result<(), Refusal> {
    let is_open = !moment.hop.transport.is_secure() && moment.vouched.is_none();
    match request.uri() {
        Ok(target) if target.is_sips() && is_open => Err(Refusal::new(416, "sips Needs TLS")),
        _ => Ok(()),
    }
}

/// Whether anybody could act on the request at all, whatever it asks.
fn fits(request: &Request, extensions: &[&str]) -> Result<(), Refusal> {
    if request.to_tag()?.is_some() {
        return Err(Refusal::new(481, "Call/Transaction Does Not Exist"));
    }
    // §11: an OPTIONS whose hops end with us asks us.
    if request.max_forwards()? == Some(0) && *request.method() != Method::Options {
        return Err(Refusal::new(483, "Too Many Hops"));
    }
    match request.method() {
        Method::Register | Method::Options | Method::Invite | Method::Subscribe => {}
        Method::Bye | Method::Cancel | Method::Prack | Method::Update | Method::Info | Method::Notify => {
            return Err(Refusal::new(481, "Call/Transaction Does Not Exist"));
        }
        Method::Other(_) => return Err(Refusal::not_implemented()),
        _ => return Err(Refusal::method_not_allowed()),
    }
    suits(request, extensions)
}

/// The same, whatever its method is.
fn suits(request: &Request, extensions: &[&str]) -> Result<(), Refusal> {
    if request.to_tag()?.is_some() {
        return Err(Refusal::new(481, "Call/Transaction Does Not Exist"));
    }
    if request.max_forwards()? == Some(0) && *request.method() != Method::Options {
        return Err(Refusal::new(483, "Too Many Hops"));
    }
    let most = if *request.method() == Method::Invite { MAX_KEPT_HEAD } else { MAX_HEAD };
    if request.head().len() > most {
        return Err(Refusal::new(513, "Message Too Large"));
    }
    if request.uri_text().len() > MAX_URI {
        return Err(Refusal::new(414, "Request-URI Too Long"));
    }
    let calls_for_help = *request.method() == Method::Invite && is_emergency(&request.uri()?);
    if !calls_for_help && !matches!(request.target()?.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return Err(Refusal::new(416, "Unsupported URI Scheme"));
    }
    // §8.2.2.3: an INVITE's ACK and CANCEL never come here, so Require is always heard.
    let unknown: Vec<_> = request.unknown_extensions(extensions).take(MAX_UNSUPPORTED).collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad_extension(unknown.join(", ")));
    }
    body_fits(request)
}

/// Whether an address is `urn:service:sos` or one of its kinds: whoever calls it needs help, and names no number (RFC 5031).
pub(crate) fn is_emergency(target: &Uri<'_>) -> bool {
    let text = target.as_str();
    let (name, kind) = text.split_at_checked(SOS.len()).unwrap_or((text, ""));
    name.eq_ignore_ascii_case(SOS) && (kind.is_empty() || kind.starts_with('.'))
}

fn body_fits(request: &Request) -> Result<(), Refusal> {
    let body = request.body_bytes();
    if body.is_empty() {
        return Ok(());
    }
    if body.len() > MAX_BODY {
        return Err(Refusal::new(413, "Request Entity Too Large"));
    }
    // A body that may be left aside is left aside (RFC 3261 §20.11).
    let optional = request.get(Name::ContentDisposition).is_some_and(|how| how.contains("handling=optional"));
    if optional {
        return Ok(());
    }
    if request.get(Name::ContentEncoding).is_some_and(|how| !how.eq_ignore_ascii_case("identity")) {
        return Err(Refusal::unsupported_encoding());
    }
    if *request.method() != Method::Invite {
        return Ok(());
    }
    if !request.content_type().is_some_and(|kind| kind.is(ACCEPT)) {
        return Err(Refusal::unsupported_type());
    }
    // RFC 8866 §5: whatever an offer says, it says this first.
    if body.starts_with(b"v=0\r\n") || body.starts_with(b"v=0\n") {
        Ok(())
    } else {
        Err(Refusal::not_acceptable_here("the body is no session description"))
    }
}
