//! Peers: a phone by UDP, a phone by a stream, and servers that carriers might run.

use std::net::SocketAddr;

use bytes::Bytes;
use patchcord_sip::stream::{Deframer, Frame, MAX_MESSAGE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::{answer, within};

/// A phone that speaks UDP with one server; it hears nobody else.
pub struct Phone {
    socket: UdpSocket,
}

impl Phone {
    pub async fn to(server: SocketAddr) -> Self {
        let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        Self::from(any, server).await
    }

    pub async fn from(ours: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(ours).await.expect("a socket");
        socket.connect(server).await.expect("a way");
        Self { socket }
    }

    pub fn addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub async fn say(&self, message: impl AsRef<[u8]>) {
        self.socket.send(message.as_ref()).await.expect("it is sent");
    }

    pub async fn hear_bytes(&self) -> Vec<u8> {
        let mut buffer = vec![0; 70_000];
        let length = within(self.socket.recv(&mut buffer)).await.expect("it is received");
        buffer.truncate(length);
        buffer
    }

    pub async fn hear(&self) -> String {
        String::from_utf8(self.hear_bytes().await).expect("text")
    }

    pub async fn ask(&self, message: impl AsRef<[u8]>) -> String {
        self.say(message).await;
        self.hear().await
    }
}

/// A phone that speaks over a stream.
pub struct Caller<S> {
    pub stream: S,
    deframer: Deframer,
}

impl Caller<TcpStream> {
    pub async fn to(server: SocketAddr) -> Self {
        Self::over(within(TcpStream::connect(server)).await.expect("a connection"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Caller<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, deframer: Deframer::new(2 * MAX_MESSAGE) }
    }

    pub async fn say(&mut self, message: impl AsRef<[u8]>) {
        within(self.stream.write_all(message.as_ref())).await.expect("it is taken");
        within(self.stream.flush()).await.expect("it is sent");
    }

    /// The next message or keepalive; `None` when the server has closed.
    pub async fn frame(&mut self) -> Option<Frame> {
        within(async {
            loop {
                if let Some(frame) = self.deframer.take().expect("the server writes well") {
                    return Some(frame);
                }
                let mut buffer = vec![0; 4096];
                match self.stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(length) => self.deframer.push(&buffer[..length]),
                }
            }
        })
        .await
    }

    pub async fn hear(&mut self) -> String {
        match self.frame().await {
            Some(Frame::Message(message)) => String::from_utf8(message.to_vec()).expect("text"),
            other => panic!("{other:?} instead of a message"),
        }
    }

    pub async fn ask(&mut self, message: impl AsRef<[u8]>) -> String {
        self.say(message).await;
        self.hear().await
    }

    /// Waits until the server closes, whatever it says until then.
    pub async fn closed(&mut self) {
        while self.frame().await.is_some() {}
    }
}

/// A SIP server by UDP that answers every request with one status, or says nothing.
pub async fn udp_server(at: &str, status: Option<u16>) -> SocketAddr {
    let socket = UdpSocket::bind(at).await.expect("a socket");
    let addr = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = vec![0; 70_000];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let request = Bytes::copy_from_slice(&buffer[..length]);
            if let Some(status) = status
                && !request.starts_with(b"ACK")
            {
                socket.send_to(&answer(&request, peer, status), peer).await.expect("it is sent");
            }
        }
    });
    addr
}

/// A SIP server by TCP that answers every request with one status.
pub async fn tcp_server(at: &str, status: u16) -> SocketAddr {
    let listener = TcpListener::bind(at).await.expect("a listener");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(serve_all(listener, status));
    addr
}

async fn serve_all(listener: TcpListener, status: u16) {
    while let Ok((stream, peer)) = listener.accept().await {
        tokio::spawn(serve(stream, peer, status));
    }
}

/// Answers every request on a stream with one status.
pub async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr, status: u16) {
    let mut deframer = Deframer::new(2 * MAX_MESSAGE);
    let mut buffer = vec![0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        deframer.push(&buffer[..length]);
        while let Some(frame) = deframer.take().expect("the house writes well") {
            if let Frame::Message(request) = frame
                && !request.starts_with(b"ACK")
                && stream.write_all(&answer(&request, peer, status)).await.is_err()
            {
                return;
            }
        }
    }
}

/// An address where nobody listens: bound once and given back.
pub async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    listener.local_addr().expect("an address")
}

/// A SIP server that listens by UDP and TCP on one port, each answering with a status of its own.
pub async fn both_server(udp: u16, tcp: u16) -> SocketAddr {
    loop {
        let addr = udp_server("127.0.0.1:0", Some(udp)).await;
        // The port may be somebody else's by TCP; then another one is tried.
        if let Ok(listener) = TcpListener::bind(addr).await {
            tokio::spawn(serve_all(listener, tcp));
            return addr;
        }
    }
}
