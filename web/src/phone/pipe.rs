//! A connection that exists in memory only: whole messages, both ways, bounded.
//!
//! One end is adopted by the engine as a WebSocket that speaks SIP, the other one is the agent's. Whoever finds no room waits. When one
//! end is dropped, the other one hears the end after what was said before.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{Sink, Stream};

/// Messages that wait each way. A phone says a handful at once; beyond it whoever speaks is faster than whoever listens.
const WAITING: usize = 64;

#[derive(Default)]
struct Way {
    waiting: VecDeque<Bytes>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end.
pub struct End {
    hears: Arc<Mutex<Way>>,
    says: Arc<Mutex<Way>>,
}

/// Both ends of a new connection.
pub fn pipe() -> (End, End) {
    let (there, back) = (Arc::<Mutex<Way>>::default(), Arc::<Mutex<Way>>::default());
    (End { hears: there.clone(), says: back.clone() }, End { hears: back, says: there })
}

fn lock(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    // Nothing panics while it holds one of these; if it did, the queue would still be whole.
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(way: &Mutex<Way>) {
    let mut way = lock(way);
    way.closed = true;
    let wakers = [way.reader.take(), way.writer.take()];
    drop(way);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

impl Drop for End {
    fn drop(&mut self) {
        close(&self.says);
        close(&self.hears);
    }
}

impl Stream for End {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut way = lock(&self.hears);
        if let Some(message) = way.waiting.pop_front() {
            let writer = way.writer.take();
            drop(way);
            writer.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(message)));
        }
        if way.closed {
            return Poll::Ready(None);
        }
        way.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Sink<Bytes> for End {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut way = lock(&self.says);
        if way.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if way.waiting.len() < WAITING {
            return Poll::Ready(Ok(()));
        }
        way.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Bytes) -> io::Result<()> {
        let mut way = lock(&self.says);
        if way.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        way.waiting.push_back(message);
        let reader = way.reader.take();
        drop(way);
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        close(&self.says);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, SinkExt, StreamExt};

    use super::*;

    #[tokio::test]
    async fn messages_come_whole_and_in_order_and_the_end_comes_after_them() {
        let (mut ours, mut theirs) = pipe();
        for word in ["one", "two"] {
            ours.send(word.into()).await.expect("there is room");
        }
        drop(ours);
        assert_eq!(theirs.next().await.expect("a message").expect("whole"), "one");
        assert_eq!(theirs.next().await.expect("a message").expect("whole"), "two");
        assert!(theirs.next().await.is_none());
        assert!(theirs.send("three".into()).await.is_err(), "nobody hears it");
    }

    #[tokio::test]
    async fn whoever_finds_no_room_waits_until_there_is_some() {
        let (mut ours, mut theirs) = pipe();
        for _ in 0..WAITING {
            ours.send("x".into()).await.expect("there is room");
        }
        let mut one_more = Box::pin(ours.send("last".into()));
        assert!((&mut one_more).now_or_never().is_none());
        theirs.next().await.expect("a message").expect("whole");
        one_more.await.expect("there is room now");
    }
}
