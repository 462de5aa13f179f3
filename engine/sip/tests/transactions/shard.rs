//! A table of transactions with a clock that stands still until it is told to move, and messages to feed it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_sip::transaction::{ClientId, Heard, Limits, Output, Sender, ServerId, Tally, TimerSet, Transactions};
use patchcord_sip::{Draft, FlowId, Hop, Message, Method, Name, Request, Response, Transport};

pub const SECOND: Duration = Duration::from_secs(1);

pub struct Shard {
    pub table: Transactions,
    pub now: Instant,
    transport: Transport,
}

/// What came out at once.
#[derive(Default)]
pub struct News {
    pub sent: Vec<Sent>,
    pub heard: Vec<Heard>,
}

#[derive(Clone)]
pub struct Sent {
    pub bytes: Bytes,
    pub sender: Sender,
}

impl Shard {
    pub fn over(transport: Transport) -> Self {
        Self::with_limits(transport, Limits::default())
    }

    pub fn with_limits(transport: Transport, limits: Limits) -> Self {
        let now = Instant::now();
        Self { table: Transactions::new(TimerSet::default(), limits, [1; 32], now), now, transport }
    }

    pub fn hop(&self) -> Hop {
        Hop {
            transport: self.transport,
            flow: FlowId(7),
            local: "192.0.2.1:5060".parse().unwrap(),
            peer: "198.51.100.9:5060".parse().unwrap(),
        }
    }

    pub fn hear(&mut self, text: impl AsRef<str>) -> News {
        let message = Message::parse(Bytes::copy_from_slice(text.as_ref().as_bytes())).expect("the message is SIP");
        let hop = self.hop();
        self.table.receive(message, hop, self.now);
        self.news()
    }

    /// Hears a request that is new, and answers what it is called.
    pub fn hear_new(&mut self, text: impl AsRef<str>) -> (ServerId, Request) {
        match self.hear(text).heard.pop() {
            Some(Heard::Request { id, request, .. }) => (id, request),
            other => panic!("the request is told, not {other:?}"),
        }
    }

    pub fn answer(&mut self, id: ServerId, request: &Request, status: u16) -> News {
        let answer = Draft::reply(request, self.hop().peer, status).to_tag("ours").finish();
        self.table.respond(id, status, answer, self.now);
        self.news()
    }

    pub fn ask(&mut self, method: Method) -> (ClientId, Request) {
        let id = self.table.request(draft(method), self.hop(), "192.0.2.1:5060", self.now).expect("there is room");
        let news = self.news();
        (id, news.sent[0].request())
    }

    /// Lets time pass, waking whenever it is asked for.
    pub fn pass(&mut self, time: Duration) -> News {
        let end = self.now + time;
        let mut all = News::default();
        while let Some(deadline) = self.table.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.table.wake(self.now);
            let news = self.news();
            all.sent.extend(news.sent);
            all.heard.extend(news.heard);
        }
        self.now = end;
        all
    }

    pub fn news(&mut self) -> News {
        let mut news = News::default();
        while let Some(output) = self.table.poll() {
            match output {
                Output::Send { bytes, sender, .. } => news.sent.push(Sent { bytes, sender }),
                Output::Heard(heard) => news.heard.push(heard),
            }
        }
        news
    }

    pub fn tally(&self) -> Tally {
        *self.table.tally()
    }
}

impl News {
    /// Nothing was told and nothing sent.
    pub fn is_silent(&self) -> bool {
        self.sent.is_empty() && self.heard.is_empty()
    }

    pub fn statuses(&self) -> Vec<u16> {
        self.sent.iter().map(|sent| sent.response().status().code()).collect()
    }

    pub fn methods(&self) -> Vec<String> {
        self.sent.iter().map(|sent| sent.request().method().to_string()).collect()
    }

    /// The one response that was sent, and nothing else happened.
    pub fn only_response(&self) -> Response {
        assert!(self.heard.is_empty(), "nothing is told, not {:?}", self.heard);
        assert_eq!(self.sent.len(), 1, "one message is sent");
        self.sent[0].response()
    }
}

impl Sent {
    pub fn request(&self) -> Request {
        match Message::parse(self.bytes.clone()) {
            Ok(Message::Request(request)) => request,
            other => panic!("a request is sent, not {other:?}"),
        }
    }

    pub fn response(&self) -> Response {
        match Message::parse(self.bytes.clone()) {
            Ok(Message::Response(response)) => response,
            other => panic!("a response is sent, not {other:?}"),
        }
    }
}

/// A request of ours, without its Via.
pub fn draft(method: Method) -> Draft {
    let cseq = format!("314 {method}");
    Draft::request(method, "sip:bob@example.net")
        .raw("Route", "<sip:edge.example.net;lr>")
        .header(Name::MaxForwards, 70)
        .header(Name::From, "<sip:alice@example.org>;tag=us")
        .header(Name::To, "<sip:bob@example.net>")
        .header(Name::CallId, "ours@example.org")
        .header(Name::CSeq, cseq)
}

/// A request of theirs.
pub fn request(method: &str, branch: &str) -> String {
    let cseq = if method == "ACK" || method == "CANCEL" { 1 } else { 1 + method.len() };
    let cseq = if method == "INVITE" { 1 } else { cseq };
    format!(
        "{method} sip:bob@example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP phone.example.net;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: Alice <sip:alice@example.org>;tag=theirs\r\n\
         To: <sip:bob@example.org>\r\n\
         Call-ID: theirs@example.net\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@phone.example.net>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// The answer of somebody far away to a request of ours.
pub fn response(to: &Request, status: u16, tag: &str) -> String {
    let bytes = Draft::reply(to, "192.0.2.1:5060".parse().unwrap(), status).to_tag(tag).finish();
    String::from_utf8(bytes.to_vec()).unwrap()
}
