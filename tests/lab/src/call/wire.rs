//! The sockets of one phone: a UDP socket, or a listener and connections of TCP, TLS or WS.
//!
//! A flow without a connection is made one when something is to be sent over it. Whole messages go up; what cannot be sent
//! is told back.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use patchcord_sip::stream::MAX_MESSAGE;
use patchcord_sip::{Deframer, FlowId, Frame, Hop, Transport};
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

use crate::tls::{acceptor, connector};

/// Messages that may wait for a connection: a phone says no more at once.
const WAITING: usize = 256;

/// What comes up from a wire.
pub(crate) enum Arrival {
    Message(Bytes, Hop),
    Closed(FlowId),
}

/// Who takes what comes up.
pub(crate) type Up = Arc<dyn Fn(Arrival) + Send + Sync>;

/// See the module.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inner>);

struct Inner {
    transport: Transport,
    local: SocketAddr,
    socket: Option<UdpSocket>,
    flows: Mutex<Flows>,
    tasks: Mutex<Vec<AbortHandle>>,
    up: Up,
    lab: Handle,
}

#[derive(Default)]
struct Flows {
    open: HashMap<FlowId, mpsc::Sender<Bytes>>,
    by_peer: HashMap<SocketAddr, FlowId>,
    next: u64,
}

/// What a phone speaks over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Wire {
    /// Binds at a free port and listens, on the lab's thread.
    pub fn open(transport: Transport, ip: IpAddr, lab: &Handle, up: Up) -> Self {
        let _entered = lab.enter();
        let bound = |error: io::Error| -> SocketAddr { panic!("no port at {ip}: {error}") };
        let (mut socket, mut listener) = (None, None);
        let local = if transport == Transport::Udp {
            let bare = std::net::UdpSocket::bind((ip, 0)).expect("a free port");
            bare.set_nonblocking(true).expect("a socket may be told not to block");
            socket.insert(UdpSocket::from_std(bare).expect("the lab runs")).local_addr().unwrap_or_else(bound)
        } else {
            let bare = std::net::TcpListener::bind((ip, 0)).expect("a free port");
            bare.set_nonblocking(true).expect("a listener may be told not to block");
            listener.insert(TcpListener::from_std(bare).expect("the lab runs")).local_addr().unwrap_or_else(bound)
        };
        let flows = Mutex::new(Flows { next: 1, ..Flows::default() });
        let wire =
            Self(Arc::new(Inner { transport, local, socket, flows, tasks: Mutex::default(), up, lab: lab.clone() }));
        let task = match listener {
            Some(listener) => lab.spawn(wire.clone().accept(listener)),
            None => lab.spawn(wire.clone().listen()),
        };
        wire.0.tasks.lock().expect("nobody panics with the tasks in hand").push(task.abort_handle());
        wire
    }

    /// Where this phone is.
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// The way to that place: the connection that there is, else one that will be made when something is sent.
    pub fn way(&self, peer: SocketAddr) -> Hop {
        let Inner { transport, local, .. } = *self.0;
        if transport == Transport::Udp {
            return Hop { transport, flow: FlowId(0), local, peer };
        }
        let mut flows = self.flows();
        let next = FlowId(flows.next);
        let flow = *flows.by_peer.entry(peer).or_insert(next);
        flows.next += u64::from(flow == next);
        Hop { transport, flow, local, peer }
    }

    /// Sends a message. False when that is known to be impossible now.
    pub fn send(&self, hop: Hop, bytes: Bytes) -> bool {
        if let Some(socket) = &self.0.socket {
            // Past tokio, which would have a socket wait that it has not yet seen ready; loopback takes it at once.
            return SockRef::from(socket).send_to(&bytes, &hop.peer.into()).is_ok();
        }
        let mut flows = self.flows();
        let open = flows.open.entry(hop.flow).or_insert_with(|| {
            let (sender, waiting) = mpsc::channel(WAITING);
            self.0.lab.spawn(self.clone().connect(hop, waiting));
            sender
        });
        open.try_send(bytes).is_ok()
    }

    /// Hangs up every connection, as a phone that loses its network.
    pub fn hang_up(&self) {
        let mut flows = self.flows();
        flows.open.clear();
        flows.by_peer.clear();
    }

    /// Ends everything that this phone listens on.
    pub fn close(&self) {
        self.hang_up();
        self.0.tasks.lock().expect("nobody panics with the tasks in hand").drain(..).for_each(|task| task.abort());
    }

    fn flows(&self) -> std::sync::MutexGuard<'_, Flows> {
        self.0.flows.lock().expect("nobody panics with the flows in hand")
    }

    async fn listen(self) {
        let socket = self.0.socket.as_ref().expect("only UDP listens here");
        let mut datagram = vec![0; MAX_MESSAGE];
        loop {
            if let Ok((length, peer)) = socket.recv_from(&mut datagram).await {
                let bytes = Bytes::copy_from_slice(&datagram[..length]);
                (self.0.up)(Arrival::Message(bytes, self.way(peer)));
            }
        }
    }

    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, peer)) = listener.accept().await {
            let wire = self.clone();
            self.0.lab.spawn(async move {
                let hop = wire.way(peer);
                let (sender, waiting) = mpsc::channel(WAITING);
                wire.flows().open.insert(hop.flow, sender);
                // Who cannot greet is gone again, and will be heard of no more.
                let _spoken = wire.greet(stream, hop, waiting).await;
                wire.closed(hop);
            });
        }
    }

    async fn greet(&self, stream: TcpStream, hop: Hop, waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        match self.0.transport {
            Transport::Ws => {
                let socket = tokio_tungstenite::accept_hdr_async(stream, Greeting).await.map_err(io::Error::other)?;
                self.converse_in_frames(socket, hop, waiting).await
            }
            Transport::Tls => {
                let stream = acceptor().accept(stream).await?;
                self.converse(Box::new(stream), hop, waiting).await
            }
            _ => self.converse(Box::new(stream), hop, waiting).await,
        }
    }

    async fn connect(self, hop: Hop, waiting: mpsc::Receiver<Bytes>) {
        let _spoken = self.call(hop, waiting).await;
        self.closed(hop);
    }

    async fn call(&self, hop: Hop, waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
        let stream = TcpStream::connect(hop.peer).await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let hop = Hop { local, ..hop };
        match self.0.transport {
            Transport::Ws => {
                let url = format!("ws://{}/", hop.peer);
                let mut request = url.into_client_request().map_err(io::Error::other)?;
                request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
                let (socket, _) = tokio_tungstenite::client_async(request, stream).await.map_err(io::Error::other)?;
                self.converse_in_frames(socket, hop, waiting).await
            }
            Transport::Tls => {
                let stream = connector().connect(ServerName::from(hop.peer.ip()), stream).await?;
                self.converse(Box::new(stream), hop, waiting).await
            }
            _ => self.converse(Box::new(stream), hop, waiting).await,
        }
    }

    async fn converse(&self, mut stream: Box<dyn Stream>, hop: Hop, mut out: mpsc::Receiver<Bytes>) -> io::Result<()> {
        let (mut deframer, mut buffer) = (Deframer::new(MAX_MESSAGE), BytesMut::with_capacity(4096));
        loop {
            tokio::select! {
                read = stream.read_buf(&mut buffer) => if read? == 0 { return Ok(()) },
                bytes = out.recv() => match bytes {
                    Some(bytes) => stream.write_all(&bytes).await?,
                    None => return Ok(()),
                },
            }
            stream.flush().await?;
            deframer.push(&buffer);
            buffer.clear();
            while let Some(frame) = deframer.take().map_err(io::Error::other)? {
                match frame {
                    Frame::Message(bytes) => (self.0.up)(Arrival::Message(bytes, hop)),
                    Frame::Ping => stream.write_all(b"\r\n").await?,
                    Frame::Pong => {}
                }
            }
        }
    }

    async fn converse_in_frames<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut socket: tokio_tungstenite::WebSocketStream<S>,
        hop: Hop,
        mut out: mpsc::Receiver<Bytes>,
    ) -> io::Result<()> {
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => (self.0.up)(Arrival::Message(text.into(), hop)),
                    Some(Ok(Message::Binary(bytes))) => (self.0.up)(Arrival::Message(bytes, hop)),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                    Some(Ok(_)) => {}
                },
                bytes = out.recv() => {
                    let Some(bytes) = bytes else { return Ok(()) };
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    socket.send(Message::text(text)).await.map_err(io::Error::other)?;
                }
            }
        }
    }

    fn closed(&self, hop: Hop) {
        let mut flows = self.flows();
        flows.open.remove(&hop.flow);
        flows.by_peer.retain(|_, flow| *flow != hop.flow);
        drop(flows);
        (self.0.up)(Arrival::Closed(hop.flow));
    }
}

/// Takes the subprotocol that a client must offer (RFC 7118 §4).
struct Greeting;

impl Callback for Greeting {
    #[allow(clippy::result_large_err, reason = "the trait wants it so")]
    fn on_request(self, _: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
        Ok(response)
    }
}
