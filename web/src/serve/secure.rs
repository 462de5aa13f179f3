//! HTTP under TLS: a listener whose connections shake hands when they are first read or written.
//!
//! So nobody who connects and says nothing keeps others from being accepted; how long the handshake may take is what the head of
//! a request may take. The certificate is whatever its keeper has loaded last.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use patchcord_engine::runtime::Keeper;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

use super::{Arrival, Listening};

/// A listener under TLS.
pub struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Secure {
    /// That listener, with the certificate of that keeper.
    pub fn new(listener: TcpListener, keeper: Arc<Keeper>) -> Self {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(keeper);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { listener, acceptor: Arc::new(config).into() }
    }
}

impl Listening for Secure {
    type Io = Shaking;
    async fn next(&self) -> io::Result<(Shaking, Arrival)> {
        let (io, mut arrival) = self.listener.next().await?;
        if let Some(ends) = &mut arrival.ends {
            ends.secure = true;
        }
        Ok((Shaking(Stage::Greeting(Box::new(self.acceptor.accept(io)))), arrival))
    }
}

/// A connection under TLS, from before its handshake.
pub struct Shaking(Stage);

enum Stage {
    Greeting(Box<Accept<TcpStream>>),
    Open(Box<TlsStream<TcpStream>>),
}

impl Shaking {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        if let Stage::Greeting(accept) = &mut self.0 {
            let stream = ready!(Pin::new(accept).poll(context))?;
            self.0 = Stage::Open(Box::new(stream));
        }
        match &mut self.0 {
            Stage::Open(stream) => Poll::Ready(Ok(Pin::new(stream))),
            Stage::Greeting(_) => unreachable!("the handshake is over"),
        }
    }
}

impl AsyncRead for Shaking {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, into)
    }
}

impl AsyncWrite for Shaking {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Stage::Greeting(_) => Poll::Ready(Ok(())),
            Stage::Open(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    // Whoever has not greeted hears no farewell either.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Stage::Greeting(_) => Poll::Ready(Ok(())),
            Stage::Open(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
