//! Cuts a byte stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1).
//!
//! A [`Deframer`] is fed with whatever a read gave and hands out whole messages, however the stream was chopped. Each byte
//! is looked at a fixed number of times. It reads no socket, waits for nothing and answers nothing: who owns the
//! connection answers pings, and closes it after a [`FrameFault`].
//!
//! between ──first byte──▶ head ──empty line──▶ body ──last byte──▶ between
//!    └──CRLF──▶ Pong, a second CRLF ──▶ Ping

use bytes::Bytes;
use memchr::memchr;

use crate::message::{Fault, declared_length};

/// The largest message we take, head and body together: what fits a UDP datagram, so that all transports agree.
pub const MAX_MESSAGE: usize = 65_536;

/// What a quiet connection may keep of its buffer. Ten thousand idle phones must not hold what their busiest moment took.
const KEPT: usize = 4096;

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, start line to end of body.
    Message(Bytes),
    /// A double CRLF: answer with one CRLF.
    Ping,
    /// A CRLF: the answer to a ping of ours. The first half of a ping looks the same and is told as well.
    Pong,
}

/// A stream that cannot be cut any more: the place where the next message starts is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream cannot be cut into messages: {fault}")]
pub struct FrameFault {
    /// What is wrong, and the status that says so.
    pub fault: Fault,
    /// The message's head as far as it came, ended properly, so that it can be parsed and answered where it is a request.
    pub head: Bytes,
}

/// See the module.
#[derive(Debug)]
pub struct Deframer {
    limit: usize,
    buffer: Vec<u8>,
    /// Where the unread part of the buffer starts.
    start: usize,
    /// How far, from `start`, line ends have been looked for.
    scanned: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// `true`: a CRLF came that may be the first half of a ping.
    Between(bool),
    Head {
        line_start: usize,
    },
    Body {
        end: usize,
    },
    Broken,
}

impl Deframer {
    /// A deframer of an empty stream that refuses messages larger than `limit`.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), start: 0, scanned: 0, stage: Stage::Between(false) }
    }

    /// Whether part of a message is waiting for its rest.
    pub fn is_midway(&self) -> bool {
        self.start < self.buffer.len()
    }

    /// Bytes held at the moment.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Takes in what a read gave. Take the frames out before the next push, then no more than the limit and one read
    /// are ever held. What comes after a fault is thrown away.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.stage == Stage::Broken {
            return;
        }
        // Moving the rest only when it is the smaller half keeps the cost per byte constant.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; `None` until more bytes come. After a fault there is nothing more.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameFault> {
        loop {
            let frame = match self.stage {
                Stage::Between(half_ping) => self.between(half_ping),
                Stage::Head { line_start } => {
                    self.head(line_start)?;
                    None
                }
                Stage::Body { end } => self.body(end),
                Stage::Broken => return Ok(None),
            };
            if frame.is_some() {
                return Ok(frame);
            }
            if self.is_starving() {
                self.release();
                return Ok(None);
            }
        }
    }

    /// Whether nothing can happen before more bytes come.
    fn is_starving(&self) -> bool {
        let unread = &self.buffer[self.start..];
        match self.stage {
            Stage::Between(_) => unread.is_empty() || unread == b"\r",
            Stage::Head { .. } => self.scanned == unread.len(),
            Stage::Body { end } => unread.len() < end,
            Stage::Broken => true,
        }
    }

    fn between(&mut self, half_ping: bool) -> Option<Frame> {
        match self.buffer[self.start..] {
            [b'\r', b'\n', ..] => {
                self.start += 2;
                self.stage = Stage::Between(!half_ping);
                Some(if half_ping { Frame::Ping } else { Frame::Pong })
            }
            // A bare line feed before a message is somebody's trailing line end.
            [b'\n', ..] => {
                self.start += 1;
                None
            }
            [] | [b'\r'] => None,
            _ => {
                self.scanned = 0;
                self.stage = Stage::Head { line_start: 0 };
                None
            }
        }
    }

    /// Looks for the empty line, from where the last look ended.
    fn head(&mut self, mut line_start: usize) -> Result<(), FrameFault> {
        let unread = &self.buffer[self.start..];
        while let Some(length) = memchr(b'\n', &unread[self.scanned..]) {
            let end = self.scanned + length;
            self.scanned = end + 1;
            let line = &unread[line_start..end];
            if line.is_empty() || line == b"\r" {
                return self.head_complete(end + 1);
            }
            line_start = end + 1;
            if line_start > self.limit {
                break;
            }
        }
        if line_start <= self.limit {
            self.scanned = unread.len();
        }
        if self.scanned > self.limit {
            return Err(self.broken(Fault::new(413, "Message Too Large"), line_start, b"\r\n"));
        }
        self.stage = Stage::Head { line_start };
        Ok(())
    }

    fn head_complete(&mut self, head: usize) -> Result<(), FrameFault> {
        let said = declared_length(&self.buffer[self.start..self.start + head]);
        let end = match said {
            Ok(Some(body)) => head.saturating_add(body),
            // RFC 3261 §18.3: on a stream nothing else says where the message ends.
            Ok(None) => return Err(self.broken(Fault::bad("Missing Content-Length"), head, b"")),
            Err(fault) => return Err(self.broken(fault, head, b"")),
        };
        if end > self.limit {
            return Err(self.broken(Fault::new(413, "Message Too Large"), head, b""));
        }
        self.stage = Stage::Body { end };
        Ok(())
    }

    fn body(&mut self, end: usize) -> Option<Frame> {
        let unread = &self.buffer[self.start..];
        // A copy of its own size: a message that is kept for minutes must not keep the whole read alive.
        let message = Bytes::copy_from_slice(unread.get(..end)?);
        self.start += end;
        self.stage = Stage::Between(false);
        Some(Frame::Message(message))
    }

    fn broken(&mut self, fault: Fault, head: usize, ending: &[u8]) -> FrameFault {
        let head = [&self.buffer[self.start..][..head.min(self.limit)], ending].concat().into();
        self.stage = Stage::Broken;
        self.buffer = Vec::new();
        (self.start, self.scanned) = (0, 0);
        FrameFault { fault, head }
    }

    /// Lets go of memory between messages.
    fn release(&mut self) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            (self.start, self.scanned) = (0, 0);
        }
    }
}
