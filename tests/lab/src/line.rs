//! One line to the server: a UDP socket or a TCP or TLS connection, with its own framing of what arrives.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::ask::{Ask, branch, fresh};
use crate::reply::Reply;
use crate::tls::connector;
use crate::wait::PATIENCE;

/// What the line is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Datagrams.
    Udp,
    /// A connection in the clear.
    Tcp,
    /// A connection that nobody else reads.
    Tls,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// As Via says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// What came over a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A response or a request.
    Message(Reply),
    /// The answer to a keepalive.
    Pong,
    /// The far end hung up or reset the connection.
    Closed,
}

/// A datagram that got lost is sent again after this long; loopback loses them only when a buffer is full.
const RESEND_AFTER: Duration = Duration::from_millis(500);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

enum Wire {
    Datagrams(UdpSocket),
    Stream { stream: Box<dyn Stream>, buffer: Vec<u8> },
}

/// One line to the server.
pub struct Line {
    carrier: Carrier,
    local: SocketAddr,
    server: SocketAddr,
    certificate: Vec<u8>,
    wire: Wire,
}

impl Line {
    /// Opens a line; panics when the server does not take it.
    pub async fn open(carrier: Carrier, server: SocketAddr) -> Self {
        let opening = Self::try_open(carrier, server);
        let opened = timeout(PATIENCE, opening).await.unwrap_or_else(|_| panic!("{server} does not take {carrier:?}"));
        opened.unwrap_or_else(|error| panic!("{carrier:?} to {server}: {error}"))
    }

    async fn try_open(carrier: Carrier, server: SocketAddr) -> std::io::Result<Self> {
        let mut certificate = Vec::new();
        let (local, wire) = if carrier == Carrier::Udp {
            let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(server).await?;
            (socket.local_addr()?, Wire::Datagrams(socket))
        } else {
            let stream = TcpStream::connect(server).await?;
            stream.set_nodelay(true)?;
            let local = stream.local_addr()?;
            let stream: Box<dyn Stream> = if carrier == Carrier::Tls {
                let stream = connector().connect(ServerName::from(server.ip()), stream).await?;
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                certificate = shown.map(|shown| shown.to_vec()).unwrap_or_default();
                Box::new(stream)
            } else {
                Box::new(stream)
            };
            (local, Wire::Stream { stream, buffer: Vec::new() })
        };
        Ok(Self { carrier, local, server, certificate, wire })
    }

    /// What it is made of.
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The server's end.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The certificate that the server showed, as DER; empty without TLS.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A URI of the server on this line.
    pub fn uri(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        format!("sip:{user}{at}{}", self.server)
    }

    /// A request that is in order, outside any dialog.
    pub fn ask(&self, method: &str, uri: &str) -> Ask {
        let ask = Ask::bare(method, uri)
            .with("Via", format!("SIP/2.0/{} {};branch={};rport", self.carrier.name(), self.local, branch()))
            .with("Max-Forwards", "70")
            .with("From", format!("<{}>;tag={}", self.uri("lab"), fresh()))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", format!("{}@lab.invalid", fresh()))
            .with("CSeq", format!("1 {method}"));
        // Who invites says where to call back (RFC 3261 §8.1.1.8).
        if method == "INVITE" { ask.with("Contact", format!("<sip:lab@{}>", self.local)) } else { ask }
    }

    /// Puts bytes on the line as they are. `false` when the far end has hung up.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        match &mut self.wire {
            // An oversized or refused datagram is a fact for the test to meet when it listens.
            Wire::Datagrams(socket) => socket.send(bytes).await.is_ok(),
            Wire::Stream { stream, .. } => stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok(),
        }
    }

    /// The next thing that comes; panics when nothing does.
    pub async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE).await.unwrap_or_else(|| panic!("nothing came from {} in {PATIENCE:?}", self.server))
    }

    /// The next thing that comes, if it comes in that time.
    pub async fn hear_within(&mut self, patience: Duration) -> Option<Heard> {
        timeout(patience, self.listen()).await.ok()
    }

    /// The next message; panics when the line closes instead.
    pub async fn message(&mut self) -> Reply {
        loop {
            match self.hear().await {
                Heard::Message(message) => return message,
                Heard::Pong => {}
                Heard::Closed => panic!("{} hung up instead of answering", self.server),
            }
        }
    }

    /// Waits until the far end hangs up; answers that come before are given back.
    pub async fn until_closed(&mut self) -> Vec<Reply> {
        let mut before = Vec::new();
        loop {
            match self.hear().await {
                Heard::Message(message) => before.push(message),
                Heard::Pong => {}
                Heard::Closed => return before,
            }
        }
    }

    /// Sends a request and gives back its final answer. Datagrams are repeated; an INVITE's refusal is acknowledged.
    pub async fn exchange(&mut self, ask: &Ask) -> Reply {
        let (text, call_id, cseq) = (ask.text(), ask.header("Call-ID").to_owned(), ask.header("CSeq").to_owned());
        let exchange = async {
            self.send(&text).await;
            loop {
                let heard = match self.carrier {
                    Carrier::Udp => self.hear_within(RESEND_AFTER).await,
                    Carrier::Tcp | Carrier::Tls => Some(self.listen().await),
                };
                match heard {
                    Some(Heard::Message(reply)) if reply.answers(&call_id, &cseq) && reply.status() >= 200 => {
                        return reply;
                    }
                    Some(Heard::Message(_) | Heard::Pong) => {}
                    Some(Heard::Closed) => panic!("the server hung up on:\n{text}"),
                    None => {
                        self.send(&text).await;
                    }
                }
            }
        };
        let reply =
            timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("no answer in {PATIENCE:?} to:\n{text}"));
        if ask.is_invite() && reply.status() >= 300 {
            self.send(ask.ack(&reply).text()).await;
        }
        reply
    }

    /// Whether the server still answers OPTIONS on this line.
    pub async fn is_answered(&mut self) -> bool {
        let options = self.ask("OPTIONS", &self.uri(""));
        self.exchange(&options).await.status() == 200
    }

    async fn listen(&mut self) -> Heard {
        match &mut self.wire {
            Wire::Datagrams(socket) => {
                let mut datagram = vec![0; 65_536];
                loop {
                    // An ICMP refusal while the server restarts is told as an error; the next datagram may still come.
                    if let Ok(length) = socket.recv(&mut datagram).await {
                        return Heard::Message(Reply::new(String::from_utf8_lossy(&datagram[..length]).into_owned()));
                    }
                }
            }
            Wire::Stream { stream, buffer } => loop {
                if let Some(heard) = frame(buffer) {
                    return heard;
                }
                match stream.read_buf(buffer).await {
                    Ok(0) | Err(_) => return Heard::Closed,
                    Ok(_) => {}
                }
            },
        }
    }
}

/// Takes one whole message or one pong off the front of what has arrived.
fn frame(buffer: &mut Vec<u8>) -> Option<Heard> {
    if buffer.starts_with(b"\r\n") {
        buffer.drain(..2);
        return Some(Heard::Pong);
    }
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    let length = Reply::new(text).header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    let end = head + length.expect("the server tells the length of what it sends");
    if buffer.len() < end {
        return None;
    }
    let message: Vec<u8> = buffer.drain(..end).collect();
    Some(Heard::Message(Reply::new(String::from_utf8_lossy(&message).into_owned())))
}
