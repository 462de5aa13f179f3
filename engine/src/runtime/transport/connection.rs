//! One connection: what comes is cut into messages, what waits in its flow is said.
//!
//! A [`Connection`] is one task that owns the socket. It reads into the scratch of its shard, so a quiet connection holds
//! no buffer. It knows no transactions; whole messages go to the shard.
//!
//! talking ──peer closes, silence, half a message, slow peer──▶ over
//!    └──told to finish, unframeable──▶ finishing ──all said──▶ draining ──peer closes, time──▶ over

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use futures_util::Stream as _;
use patchcord_sip::hop::Hop;
use patchcord_sip::stream::{Deframer, Frame, FrameFault, MAX_MESSAGE};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until};

use super::flows::{Flow, Order};
use super::udp::Scratch;
use super::ws::{MessageSocket, is_too_large};
use crate::redact::Redacted;
use crate::runtime::clock;
use crate::runtime::settings::Limits;
use crate::runtime::shard::Shard;
use crate::runtime::stats::{Counters, one_more};

/// How long a peer may take to hear our last words and to close its side. Closing with unread bytes in the socket would
/// make the kernel throw our last words away.
const FAREWELL: Duration = Duration::from_secs(2);

/// RFC 5626 §3.5.1: the answer to a double CRLF.
const PONG: Bytes = Bytes::from_static(b"\r\n");

pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream for S {}

/// Sets up a TCP socket, whoever made the connection.
pub(crate) fn prepare(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    // Messages are written whole; waiting for more to fill a segment would only delay them.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(limits.unacknowledged))?;
    Ok(())
}

/// What a connection is made of.
pub(crate) enum Pipe {
    /// A stream that has to be cut into messages.
    Bytes { stream: Box<dyn ByteStream>, deframer: Deframer },
    /// A WebSocket, which brings whole messages.
    Messages(Box<dyn MessageSocket>),
}

impl Pipe {
    pub fn bytes(stream: impl ByteStream + 'static) -> Self {
        Self::Bytes { stream: Box::new(stream), deframer: Deframer::new(MAX_MESSAGE) }
    }
}

/// What happened on the connection.
enum Turn {
    /// Bytes are in the deframer.
    Pushed,
    /// A whole message came.
    Message(Bytes),
    /// A message came that nobody may send: nothing behind it is read.
    TooLarge,
    /// Everything is said, and nothing more will be.
    AllSaid,
    /// The alarm rang.
    Alarm,
    /// There is no connection any more.
    Over(Option<io::Error>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Talking,
    /// What comes is not read any more; what waits is still said.
    Finishing,
    /// All is said; the peer may close its side.
    Draining,
}

/// One connection; see the module.
pub(crate) struct Connection {
    flow: Arc<Flow>,
    hop: Hop,
    pipe: Pipe,
    stage: Stage,
    /// What is being said at the moment.
    saying: Bytes,
    unflushed: bool,
    /// When something was said or heard last.
    last_sign: Instant,
    /// Since when a message has been waiting for its rest.
    midway_since: Option<Instant>,
    /// Since when the peer has taken nothing of what is being said.
    stuck_since: Option<Instant>,
    closing_since: Option<Instant>,
    /// Our side is closed.
    closed: bool,
}

impl Connection {
    pub fn new(flow: Arc<Flow>, hop: Hop, pipe: Pipe) -> Self {
        Self {
            flow,
            hop,
            pipe,
            stage: Stage::Talking,
            saying: Bytes::new(),
            unflushed: false,
            last_sign: clock::now(),
            midway_since: None,
            stuck_since: None,
            closing_since: None,
            closed: false,
        }
    }

    /// Talks until the connection ends, for whatever reason.
    pub async fn run(mut self, shard: &Shard) {
        let limits = &shard.shared.settings.limits;
        let mut alarm = pin!(sleep_until(self.due(limits).0.into()));
        loop {
            let turn = poll_fn(|context| self.poll(context, alarm.as_mut(), &mut shard.scratch.borrow_mut())).await;
            let go_on = match turn {
                Turn::Pushed => self.hear(shard).await,
                Turn::Message(message) => self.hear_message(message, shard).await,
                Turn::TooLarge => self.part(shard),
                Turn::AllSaid => true,
                Turn::Alarm => self.is_in_time(shard),
                Turn::Over(error) => {
                    if let Some(error) = error {
                        tracing::debug!(peer = %Redacted(self.hop.peer), %error, "connection lost");
                    }
                    false
                }
            };
            if !go_on {
                return;
            }
            let (due, _) = self.due(limits);
            if alarm.deadline() > due.into() || alarm.is_elapsed() {
                alarm.as_mut().reset(due.into());
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, alarm: Pin<&mut Sleep>, scratch: &mut Scratch) -> Poll<Turn> {
        if let Poll::Ready(turn) = self.poll_say(context) {
            return Poll::Ready(turn);
        }
        if let Poll::Ready(turn) = self.poll_hear(context, scratch) {
            return Poll::Ready(turn);
        }
        alarm.poll(context).map(|()| Turn::Alarm)
    }

    fn poll_say(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            if self.stage == Stage::Draining {
                return self.poll_close(context);
            }
            if !self.saying.is_empty() {
                match self.pipe.poll_write(context, &mut self.saying) {
                    Poll::Ready(Ok(())) => {
                        self.unflushed = true;
                        self.stuck_since = None;
                        self.last_sign = clock::now();
                        continue;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Turn::Over(Some(error))),
                    Poll::Pending => {
                        self.stuck_since.get_or_insert_with(clock::now);
                        return self.flow.poll_abort(context).map(|()| Turn::Over(None));
                    }
                }
            }
            match self.flow.poll_order(context) {
                Poll::Ready(Order::Say(bytes)) => self.saying = bytes,
                Poll::Ready(Order::Abort) => return Poll::Ready(Turn::Over(None)),
                Poll::Ready(Order::Finish) => match ready!(self.poll_flush(context)) {
                    Ok(()) => {
                        self.stage = Stage::Draining;
                        self.midway_since = None;
                        self.closing_since.get_or_insert_with(clock::now);
                        return Poll::Ready(Turn::AllSaid);
                    }
                    Err(error) => return Poll::Ready(Turn::Over(Some(error))),
                },
                Poll::Pending => match self.poll_flush(context) {
                    Poll::Ready(Err(error)) => return Poll::Ready(Turn::Over(Some(error))),
                    Poll::Ready(Ok(())) | Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Closes our side; what is left then is to wait for the peer's.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        if !self.closed {
            match ready!(self.pipe.poll_close(context)) {
                Ok(()) => self.closed = true,
                Err(error) => return Poll::Ready(Turn::Over(Some(error))),
            }
        }
        Poll::Pending
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.pipe.poll_flush(context);
        self.unflushed = flushed.is_pending();
        flushed
    }

    fn poll_hear(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Turn> {
        loop {
            let turn = match &mut self.pipe {
                Pipe::Bytes { stream, deframer } => {
                    let mut buffer = ReadBuf::new(scratch.slot());
                    match Pin::new(stream).poll_read(context, &mut buffer) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Err(error)) => Turn::Over(Some(error)),
                        Poll::Ready(Ok(())) if buffer.filled().is_empty() => Turn::Over(None),
                        Poll::Ready(Ok(())) => {
                            if self.stage == Stage::Talking {
                                deframer.push(buffer.filled());
                            }
                            Turn::Pushed
                        }
                    }
                }
                Pipe::Messages(socket) => match Pin::new(socket).poll_next(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => Turn::Over(None),
                    Poll::Ready(Some(Err(error))) if is_too_large(&error) => Turn::TooLarge,
                    Poll::Ready(Some(Err(error))) => Turn::Over(Some(error)),
                    Poll::Ready(Some(Ok(message))) => Turn::Message(message),
                },
            };
            // Who is being said goodbye to is not listened to any more.
            if self.stage == Stage::Talking || matches!(turn, Turn::Over(_)) {
                return Poll::Ready(turn);
            }
        }
    }

    /// Takes the messages out of what was read.
    async fn hear(&mut self, shard: &Shard) -> bool {
        let Pipe::Bytes { deframer, .. } = &mut self.pipe else { return true };
        let mut whole = false;
        loop {
            match deframer.take() {
                Ok(Some(Frame::Message(message))) => {
                    whole = true;
                    tell(shard, message, self.hop).await;
                }
                Ok(Some(Frame::Ping)) => {
                    one_more(&shard.counters.keepalives);
                    shard.pong(self.flow.id, PONG);
                }
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => break,
                Err(fault) => {
                    self.turn_away(&fault, shard);
                    return true;
                }
            }
        }
        let now = clock::now();
        self.last_sign = now;
        self.midway_since = match self.midway_since {
            _ if !deframer.is_midway() => None,
            Some(since) if !whole => Some(since),
            _ => Some(now),
        };
        true
    }

    async fn hear_message(&mut self, message: Bytes, shard: &Shard) -> bool {
        match &message[..] {
            b"\r\n\r\n" => {
                one_more(&shard.counters.keepalives);
                shard.pong(self.flow.id, PONG);
            }
            b"\r\n" | b"" => one_more(&shard.counters.keepalives),
            _ => tell(shard, message, self.hop).await,
        }
        self.last_sign = clock::now();
        true
    }

    /// Nobody knows where the next message would begin: what is wrong is said, and then the connection ends.
    fn turn_away(&mut self, fault: &FrameFault, shard: &Shard) {
        tracing::debug!(peer = %Redacted(self.hop.peer), %fault, "connection cannot be read any more");
        shard.refuse_frame(fault, self.hop);
        self.part(shard);
    }

    /// What waits is still said, and nothing more is heard.
    fn part(&mut self, shard: &Shard) -> bool {
        one_more(&shard.counters.unframeable);
        self.stage = Stage::Finishing;
        self.midway_since = None;
        self.closing_since = Some(clock::now());
        self.flow.finish();
        true
    }

    /// When the next limit will be reached, and which counter counts that.
    fn due(&self, limits: &Limits) -> (Instant, Limit) {
        let half = self.midway_since.map(|since| (since + limits.half_message, Limit::HalfMessage));
        let stuck = self.stuck_since.map(|since| (since + limits.half_message, Limit::SlowPeer));
        let farewell = self.closing_since.map(|since| (since + FAREWELL, Limit::Farewell));
        let idle = (self.last_sign + limits.idle, Limit::Idle);
        [half, stuck, farewell]
            .into_iter()
            .flatten()
            .fold(idle, |first, other| if other.0 < first.0 { other } else { first })
    }

    /// The alarm rang: whether that was for something that has been done since, or for a silence that is in order.
    fn is_in_time(&mut self, shard: &Shard) -> bool {
        let (due, limit) = self.due(&shard.shared.settings.limits);
        if due > clock::now() {
            return true;
        }
        // A phone is registered over it and has nothing to say: the kernel's keepalive tells when it has gone.
        if limit == Limit::Idle && shard.needs(self.hop.flow) {
            self.last_sign = clock::now();
            return true;
        }
        if let Some(counter) = limit.counter(&shard.counters) {
            one_more(counter);
        }
        tracing::debug!(peer = %Redacted(self.hop.peer), ?limit, "connection closed");
        false
    }
}

/// Tells the shard of a message. When that belongs to another shard that has no room for it, the connection waits, and
/// its peer with it.
async fn tell(shard: &Shard, message: Bytes, hop: Hop) {
    if let Err(elsewhere) = shard.hear(message, hop) {
        // Boxed, so that a connection does not keep room for its worst hour all its life.
        Box::pin(shard.pass(elsewhere, hop)).await;
    }
}

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Idle,
    HalfMessage,
    SlowPeer,
    Farewell,
}

impl Limit {
    fn counter(self, counters: &Counters) -> Option<&AtomicU64> {
        match self {
            Self::Idle => Some(&counters.idle_closed),
            Self::HalfMessage => Some(&counters.half_messages),
            Self::SlowPeer => Some(&counters.slow_peers),
            Self::Farewell => None,
        }
    }
}

impl Pipe {
    /// Says as much of it as the peer takes.
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes { stream, .. } => match Pin::new(stream).poll_write(context, bytes) {
                Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    bytes.advance(written);
                    Poll::Ready(Ok(()))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            },
            Self::Messages(socket) => match Pin::new(&mut **socket).poll_ready(context) {
                Poll::Ready(Ok(())) => Poll::Ready(Pin::new(&mut **socket).start_send(std::mem::take(bytes))),
                other => other,
            },
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes { stream, .. } => Pin::new(stream).poll_flush(context),
            Self::Messages(socket) => Pin::new(&mut **socket).poll_flush(context),
        }
    }

    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes { stream, .. } => Pin::new(stream).poll_shutdown(context),
            Self::Messages(socket) => Pin::new(&mut **socket).poll_close(context),
        }
    }
}
