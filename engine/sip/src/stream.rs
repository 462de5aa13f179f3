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

    /// Looks for the empty line, from where the last look ended to the limit.
    fn head(&mut self, mut line_start: usize) -> Result<(), FrameFault> {
        let unread = &self.buffer[self.start..];
        let within = &unread[..unread.len().min(self.limit)];
        while let Some(length) = memchr(b'\n', &within[self.scanned..]) {
            let end = self.scanned + length;
            self.scanned = end + 1;
            let line = &within[line_start..end];
            if line.is_empty() || line == b"\r" {
                return self.head_complete(end + 1);
            }
            line_start = end + 1;
        }
        self.scanned = within.len();
        if self.scanned == self.limit {
            return Err(self.broken(Fault::new(513, "Message Too Large"), line_start, b"\r\n"));
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
            return Err(self.broken(Fault::new(513, "Message Too Large"), head, b""));
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
        let head = [&self.buffer[self.start..][..head], ending].concat().into();
        self.stage = Stage::Broken;
        self.buffer = Vec::new();
        (self.start, self.scanned) = (0, 0);
        FrameFault { fault, head }
    }

    /// Lets go of memory that what is left does not need, which may be the beginning of another message.
    fn release(&mut self) {
        let unread = self.buffer.len() - self.start;
        if unread == 0 {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            (self.start, self.scanned) = (0, 0);
        } else if self.start > unread && self.buffer.capacity() > KEPT.max(2 * unread) {
            // More was read since the last time than is moved now, so the cost per byte stays constant.
            self.buffer.drain(..self.start);
            self.buffer.shrink_to(KEPT.max(unread));
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "OPTIONS sip:h SIP/2.0\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody";
    const TWO: &str = "SIP/2.0 200 OK\nl:\n 0\n\n";

    fn drain(deframer: &mut Deframer) -> Result<Vec<Frame>, FrameFault> {
        let mut frames = Vec::new();
        while let Some(frame) = deframer.take()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    /// Feeds the stream in pieces of `size` bytes.
    fn cut(stream: &[u8], size: usize) -> Result<Vec<Frame>, FrameFault> {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        let mut frames = Vec::new();
        for piece in stream.chunks(size) {
            deframer.push(piece);
            frames.extend(drain(&mut deframer)?);
        }
        Ok(frames)
    }

    fn message(text: &str) -> Frame {
        Frame::Message(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn pieces_of_any_size_make_the_same_frames() {
        let stream = format!("\r\n{ONE}{TWO}\r\n\r\n{ONE}\n{TWO}\r\n");
        let frames = vec![
            Frame::Pong,
            message(ONE),
            message(TWO),
            Frame::Pong,
            Frame::Ping,
            message(ONE),
            message(TWO),
            Frame::Pong,
        ];
        for size in 1..=stream.len() {
            assert_eq!(cut(stream.as_bytes(), size), Ok(frames.clone()), "in pieces of {size}");
        }
    }

    #[test]
    fn every_double_line_end_is_a_ping() {
        let frames = cut(b"\r\n\r\n\r\n\r\n", 3).unwrap();
        assert_eq!(frames, [Frame::Pong, Frame::Ping, Frame::Pong, Frame::Ping]);
    }

    #[test]
    fn a_message_of_the_limit_passes_and_one_byte_more_does_not() {
        let head = |body: usize| format!("MESSAGE sip:h SIP/2.0\r\nContent-Length: {body}\r\n\r\n");
        let room = MAX_MESSAGE - head(60_000).len();
        let fitting = format!("{}{}", head(room), "x".repeat(room));
        assert_eq!(fitting.len(), MAX_MESSAGE);
        assert_eq!(cut(fitting.as_bytes(), 1000), Ok(vec![message(&fitting)]));

        let larger = format!("{}{}", head(room + 1), "x".repeat(room + 1));
        let fault = cut(larger.as_bytes(), 1000).unwrap_err();
        assert_eq!(fault.fault.status(), 513);
        assert_eq!(fault.head, head(room + 1), "the head is whole, so the request can be answered");
    }

    #[test]
    fn a_head_without_an_end_is_cut_behind_its_last_line() {
        let stream = format!("OPTIONS sip:h SIP/2.0\r\nCall-ID: c\r\nX: {}\r\nY: y\r\n", "x".repeat(MAX_MESSAGE));
        for size in [1, 977, stream.len()] {
            let fault = cut(stream.as_bytes(), size).unwrap_err();
            assert_eq!(fault.fault.status(), 513);
            assert_eq!(fault.head, "OPTIONS sip:h SIP/2.0\r\nCall-ID: c\r\n\r\n");
        }
    }

    #[test]
    fn without_a_clear_length_the_stream_is_broken() {
        for lines in ["", "Content-Length: 4\r\nl: 5\r\n", "l: -1\r\n", "l: 4 4\r\n", "l: 18446744073709551616\r\n"] {
            let head = format!("OPTIONS sip:h SIP/2.0\r\n{lines}\r\n");
            let fault = cut(format!("{head}body{ONE}").as_bytes(), 7).unwrap_err();
            assert_eq!((fault.fault.status(), fault.head.as_ref()), (400, head.as_bytes()), "{lines}");
        }
    }

    #[test]
    fn a_head_of_too_many_lines_is_told_as_such() {
        let head = format!("OPTIONS sip:h SIP/2.0\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(5000));
        let fault = cut(head.as_bytes(), 1000).unwrap_err();
        assert_eq!((fault.fault.status(), fault.fault.phrase()), (400, "Too many header lines"));
    }

    #[test]
    fn after_a_fault_nothing_is_heard_or_held() {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        deframer.push(b"OPTIONS sip:h SIP/2.0\r\n\r\n");
        assert_eq!(deframer.take().map_err(|fault| fault.fault.phrase()), Err("Missing Content-Length"));
        deframer.push(ONE.as_bytes());
        assert_eq!((deframer.take(), deframer.held()), (Ok(None), 0));
    }

    #[test]
    fn a_quiet_connection_lets_go_of_its_buffer() {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        let busy = ONE.repeat(500);
        let (most, rest) = busy.split_at(busy.len() - 1);
        deframer.push(most.as_bytes());
        assert_eq!(drain(&mut deframer).unwrap().len(), 499);
        assert!(deframer.is_midway());
        deframer.push(rest.as_bytes());
        assert_eq!(drain(&mut deframer).unwrap().len(), 1);
        assert!(!deframer.is_midway());
        assert!(deframer.held() <= KEPT, "{} bytes are held", deframer.held());
    }

    #[test]
    fn a_busy_connection_keeps_no_more_than_twice_what_it_waits_for() {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        let half = ONE.len() / 2;
        deframer.push(&ONE.as_bytes()[..half]);
        for _ in 0..10 {
            deframer.push(&[&ONE.as_bytes()[half..], ONE.repeat(500).as_bytes(), &ONE.as_bytes()[..half]].concat());
            assert_eq!(drain(&mut deframer).unwrap().len(), 501);
            assert!(deframer.is_midway());
            assert!(deframer.held() <= KEPT, "{} bytes are held", deframer.held());
        }
    }

    #[test]
    fn a_long_stream_byte_by_byte_holds_no_more_than_one_message() {
        let mut deframer = Deframer::new(MAX_MESSAGE);
        for byte in ONE.repeat(2000).bytes() {
            deframer.push(&[byte]);
            drain(&mut deframer).unwrap();
            assert!(deframer.held() <= KEPT);
        }
    }
}
