//! The words of refusals that no handler gives.
//!
//! What cannot be read as a request at all (an address of a hundred kilobytes, a head that does not end, something that is no HTTP)
//! is refused by hyper itself, by a head without a body. The refusal passes here on its way out, and is given the body that every
//! other refusal of ours has. Whoever is still sending is heard to the end for a while: a connection that is closed on unread
//! bytes takes the answer with it.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Bytes of a request that tell who asks: a program, or somebody who reads pages.
const FRONT: usize = 64;

/// A head of hyper's own is not longer.
const LONGEST_HEAD: usize = 512;

/// What it says of its body.
const NO_BODY: &str = "content-length: 0\r\n";

/// Every answer of a handler has that.
const OURS: &str = "content-security-policy";

/// For so long, and so many bytes, a refused request is heard to its end.
const LINGER: Duration = Duration::from_secs(2);
const MOST_UNHEARD: usize = 8 << 20;

/// Lines and body of a refusal of that status, for whoever began to ask so.
pub type Words = fn(StatusCode, &[u8]) -> (String, String);

/// A connection whose refusals have words.
pub struct Worded<Io> {
    io: Io,
    words: Words,
    /// The first bytes that came since something was answered.
    front: Vec<u8>,
    /// Something was answered since bytes came.
    answered: bool,
    /// A refusal in our words, on its way.
    waiting: Vec<u8>,
    /// How a refused request is heard to its end.
    lingers: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<Io> Worded<Io> {
    /// That connection, with those words.
    pub fn new(io: Io, words: Words) -> Self {
        Self { io, words, front: Vec::new(), answered: true, waiting: Vec::new(), lingers: None }
    }

    fn came(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.answered) {
            self.front.clear();
        }
        let room = FRONT - self.front.len();
        self.front.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The same refusal with a body, if that is one which has none. It stands alone behind what was read.
    fn in_words(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_answer = !self.answered && bytes.len() <= LONGEST_HEAD && bytes.starts_with(b"HTTP/1.1 4");
        let head = std::str::from_utf8(bytes).ok().filter(|head| is_answer && head.ends_with("\r\n\r\n"))?;
        let status = head.get(9..12)?.parse().ok()?;
        let (before, behind) = head.split_once(NO_BODY).filter(|_| !head.contains(OURS))?;
        let (lines, body) = (self.words)(status, &self.front);
        Some(format!("{before}{lines}content-length: {}\r\n{behind}{body}", body.len()).into())
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Worded<Io> {
    /// Writes what waits of a refusal.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.waiting))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(self.waiting.drain(..written)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes those bytes, or puts what is to be said in their place; none where they are to be written as they are.
    fn poll_refusal(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<Option<usize>>> {
        ready!(self.poll_waiting(cx))?;
        let refusal = self.in_words(bytes);
        self.answered = true;
        let Some(refusal) = refusal else { return Poll::Ready(Ok(None)) };
        self.waiting = refusal;
        self.lingers = Some((Box::pin(sleep(LINGER)), MOST_UNHEARD));
        // What finds no room now goes with the flush.
        match self.poll_waiting(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(Some(bytes.len()))),
        }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { io, lingers: Some((until, left)), .. } = self else { return Poll::Ready(()) };
        let mut scratch = [0; 8 << 10];
        while *left > 0 {
            let mut bytes = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *io).poll_read(cx, &mut bytes) {
                Poll::Ready(Ok(())) if !bytes.filled().is_empty() => *left = left.saturating_sub(bytes.filled().len()),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return until.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Worded<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        if into.filled().len() > before {
            self.came(&into.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Worded<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.poll_refusal(cx, bytes))? {
            Some(taken) => Poll::Ready(Ok(taken)),
            None => Pin::new(&mut self.io).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| part);
        match ready!(self.poll_refusal(cx, first))? {
            Some(taken) => Poll::Ready(Ok(taken)),
            None => Pin::new(&mut self.io).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        self.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn words(status: StatusCode, front: &[u8]) -> (String, String) {
        ("content-type: text/plain\r\n".into(), format!("{status} {}", String::from_utf8_lossy(front)))
    }

    /// Something was asked.
    async fn asked(text: &str) -> (Worded<DuplexStream>, DuplexStream) {
        let (ours, mut theirs) = duplex(4096);
        let mut ours = Worded::new(ours, words);
        theirs.write_all(text.as_bytes()).await.expect("written");
        let mut read = vec![0; text.len()];
        ours.read_exact(&mut read).await.expect("read");
        (ours, theirs)
    }

    async fn told(answers: &[&str]) -> String {
        let (mut ours, mut theirs) = asked("GET /api/v1/x HTTP/1.1\r\n").await;
        for answer in answers {
            ours.write_all(answer.as_bytes()).await.expect("written");
        }
        drop(ours);
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.expect("text");
        heard
    }

    #[tokio::test]
    async fn a_refusal_without_a_body_is_given_one_and_keeps_its_lines() {
        let heard = told(&["HTTP/1.1 414 URI Too Long\r\ncontent-length: 0\r\ndate: now\r\n\r\n"]).await;
        let body = "414 URI Too Long GET /api/v1/x HTTP/1.1\r\n";
        let length = body.len();
        let head = "HTTP/1.1 414 URI Too Long\r\ncontent-type: text/plain\r\ncontent-length:";
        assert_eq!(heard, format!("{head} {length}\r\ndate: now\r\n\r\n{body}"));
    }

    #[tokio::test]
    async fn answers_of_handlers_and_what_follows_them_go_through_as_they_are() {
        let ours = "HTTP/1.1 416 No\r\ncontent-security-policy: x\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(told(&[ours]).await, ours);
        // The text of a file that somebody fetches.
        let (head, file) = ("HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 414 No\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(told(&[head, file]).await, format!("{head}{file}"));
    }

    #[tokio::test]
    async fn who_is_still_sending_is_heard_to_the_end() {
        let (mut ours, theirs) = asked("GET /").await;
        ours.write_all(b"HTTP/1.1 431 Large\r\ncontent-length: 0\r\n\r\n").await.expect("written");
        let (mut reads, mut sends) = tokio::io::split(theirs);
        let sending = async {
            sends.write_all(&[b'x'; 64 << 10]).await.expect("somebody reads on");
            sends.shutdown().await.expect("shut");
        };
        let (closed, ()) = tokio::join!(ours.shutdown(), sending);
        closed.expect("closed in order");
        drop(ours);
        let mut heard = String::new();
        reads.read_to_string(&mut heard).await.expect("text");
        assert!(heard.ends_with("431 Request Header Fields Too Large GET /"), "{heard}");
    }
}
