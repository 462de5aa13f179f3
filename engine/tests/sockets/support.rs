//! A desk that does what messages ask it to, and what tests need to talk to it.
//!
//! The [`Clerk`] answers OPTIONS with 200 and tells the test what it hears. A request may carry orders in headers of its
//! own: `X-Size` (how large the answer is), `X-Late` (it is answered when another request without `X-Quiet` has come),
//! `X-Panic`, and `X-Send-To` with `X-Method`, `X-Length` and `X-Cancel` (send a request of our own).

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_engine::runtime::{
    CertificateSource, Desk, Limits, Listen, News, RequestId, Runtime, SendFault, Settings, Wire,
};
use patchcord_sip::hop::{FlowId, Transport};
use patchcord_sip::message::{Draft, Method, Name, Request};
use patchcord_sip::transaction::{Heard, ServerId};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// How long a fact may take to come about. Far more than any takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the clerk tells.
#[derive(Debug)]
pub enum Note {
    /// A request came: its Call-ID and flow, and the shard that heard it.
    Request { call_id: String, flow: FlowId, shard: usize },
    /// A flow has closed.
    Closed(FlowId),
    /// A request of ours was answered, by whom and how.
    Answered { status: u16, from: SocketAddr, over: Transport },
    /// A request of ours failed.
    Failed(SendFault),
}

/// A running server and what its desk tells.
pub struct House {
    pub runtime: Runtime,
    pub notes: mpsc::UnboundedReceiver<Note>,
    /// Where the certificate that was made is kept.
    pub folder: TempDir,
}

/// Settings for a test: these listeners, a certificate in a folder of its own, one shard.
pub fn settings(listen: &[&str], folder: &TempDir) -> Settings {
    Settings {
        listen: listen.iter().map(|text| text.parse().expect("a listener")).collect(),
        certificate: CertificateSource::MadeOnce { folder: folder.path().to_owned(), names: Vec::new() },
        shards: 1,
        ..Settings::default()
    }
}

impl House {
    pub fn open(listen: &[&str]) -> Self {
        Self::with(listen, |_| {})
    }

    pub fn with_limits(listen: &[&str], limits: Limits) -> Self {
        Self::with(listen, |settings| settings.limits = limits)
    }

    pub fn with(listen: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(listen, &folder);
        change(&mut settings);
        let (tell, notes) = mpsc::unbounded_channel();
        let runtime = Runtime::start(settings, move |_| Box::new(Clerk { tell: tell.clone(), late: Vec::new() }))
            .expect("it starts");
        Self { runtime, notes, folder }
    }

    /// The address of the first listener of this transport.
    pub fn at(&self, transport: Transport) -> SocketAddr {
        let is_wanted = |listen: &Listen| listen.transport == transport;
        self.runtime.bound().into_iter().find(is_wanted).expect("it listens there").addr
    }

    /// The next note that `pick` picks.
    pub async fn note<T>(&mut self, mut pick: impl FnMut(&Note) -> Option<T>) -> T {
        within(async {
            loop {
                let note = self.notes.recv().await.expect("the desk lives");
                if let Some(picked) = pick(&note) {
                    return picked;
                }
            }
        })
        .await
    }

    /// How the next request of ours ended: by whom and how it was answered, or why not.
    pub async fn end(&mut self) -> Result<(u16, SocketAddr, Transport), SendFault> {
        self.note(|note| match note {
            Note::Answered { status, from, over } if *status >= 200 => Some(Ok((*status, *from, *over))),
            Note::Failed(fault) => Some(Err(*fault)),
            _ => None,
        })
        .await
    }

    /// Waits until something counted is as it should be.
    pub async fn counted(&self, what: &str, enough: impl Fn(u64) -> bool) {
        within(async {
            loop {
                let stats = self.runtime.stats();
                let (_, value) = stats.named().find(|(name, _)| *name == what).expect("it is counted");
                if enough(value) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// What a fact is awaited with.
pub async fn within<T>(fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, fact).await.expect("the fact comes about in time")
}

/// A request as a phone writes it. `orders` are whole header lines.
pub fn request(method: &str, call_id: &str, via: &str, orders: &str) -> String {
    format!(
        "{method} sip:house SIP/2.0\r\nVia: SIP/2.0/{via};branch=z9hG4bK{call_id}{method};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:phone@example.org>;tag=1\r\nTo: <sip:house>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 {method}\r\n{orders}Content-Length: 0\r\n\r\n"
    )
}

/// OPTIONS over UDP.
pub fn options(call_id: &str) -> String {
    request("OPTIONS", call_id, "UDP phone.invalid", "")
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
    status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// The value of a header line.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} is missing in {message:?}"))
}

struct Clerk {
    tell: mpsc::UnboundedSender<Note>,
    late: Vec<(ServerId, Bytes)>,
}

impl Clerk {
    fn note(&self, note: Note) {
        // A test that has seen enough does not listen any more.
        let _unheard = self.tell.send(note);
    }

    fn send(&self, request: &Request, target: &str, wire: &mut Wire<'_>) {
        let order = |name| request.get(Name::Other(name));
        let method = order("X-Method").unwrap_or("OPTIONS");
        let call_id = wire.call_id("house.invalid");
        let mut draft = Draft::request(Method::parse(method.as_bytes()).expect("a method"), target)
            .header(Name::MaxForwards, 70)
            .header(Name::From, "<sip:house@house.invalid>;tag=2")
            .header(Name::To, format_args!("<{target}>"))
            .header(Name::CallId, call_id)
            .header(Name::CSeq, format_args!("1 {method}"));
        if let Some(length) = order("X-Length") {
            draft = draft.body("text/plain", vec![b'x'; length.parse().expect("a length")].into());
        }
        let id = wire.send_to(draft, target);
        if order("X-Cancel").is_some() {
            wire.cancel_sent(id, None);
        }
    }
}

impl Desk for Clerk {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        let Heard::Request { id, request, hop } = heard else { return };
        let order = |name| request.get(Name::Other(name));
        self.note(Note::Request {
            call_id: request.call_id().expect("it was checked").to_owned(),
            flow: hop.flow,
            shard: wire.shard(),
        });
        assert!(order("X-Panic").is_none(), "the message wants a panic");
        if let Some(target) = order("X-Send-To") {
            self.send(&request, target, wire);
        }
        let contact = format!("<sip:{}>", wire.contact_on(&hop));
        let mut reply = Draft::reply(&request, hop.peer, 200).to_tag("3").header(Name::Contact, contact);
        if let Some(size) = order("X-Size") {
            reply = reply.body("text/plain", vec![b'x'; size.parse().expect("a size")].into());
        }
        if order("X-Late").is_some() {
            self.late.push((id, reply.finish()));
            return;
        }
        if order("X-Quiet").is_none() {
            self.late.drain(..).for_each(|(id, reply)| wire.respond(id, 200, reply));
        }
        wire.respond(id, 200, reply.finish());
    }

    fn hear_sent(&mut self, _: RequestId, news: News, _: &mut Wire<'_>) {
        match news {
            News::Response { response, hop } => {
                self.note(Note::Answered { status: response.status().code(), from: hop.peer, over: hop.transport });
            }
            News::Failed(fault) => self.note(Note::Failed(fault)),
            News::StrayResponse { .. } | News::Sent(_) | News::Ended => {}
        }
    }

    fn flow_closed(&mut self, flow: FlowId, _: &mut Wire<'_>) {
        self.note(Note::Closed(flow));
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn wake(&mut self, _: &mut Wire<'_>) {}
}

/// The answer that a SIP peer of a test gives to what it received.
pub fn answer(request: &Bytes, came_from: SocketAddr, status: u16) -> Bytes {
    let Ok(patchcord_sip::message::Message::Request(request)) = patchcord_sip::message::Message::parse(request.clone())
    else {
        panic!("no request: {request:?}");
    };
    Draft::reply(&request, came_from, status).to_tag("peer").finish()
}
