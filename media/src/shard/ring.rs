//! Bounded rings between threads, and the bell that wakes whoever reads them.
//!
//! A ring never waits: what does not fit is handed back to whoever pushed it. The bell is one descriptor, so that a media
//! thread can wait for it in its epoll and the engine in its own loop; it is rung by one system call for any number of
//! pushes until the reader looks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, eventfd};

/// Things that wake a reader who would look in by himself: so many are worth the waking.
const WORTH_WAKING: usize = 64;

/// Wakes a thread that waits for its descriptor to become readable.
pub struct Bell {
    event: OwnedFd,
    rung: AtomicBool,
}

impl Bell {
    /// A bell that has not been rung.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { event, rung: AtomicBool::new(false) })
    }

    /// Makes the descriptor readable.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // The counter cannot run over: it is written once between two looks.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    /// Makes it quiet again. Look into the ring afterwards, not before: then nothing is missed.
    pub fn hush(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// A queue of fixed room that any thread may push to.
pub struct Ring<T> {
    queue: ArrayQueue<T>,
    bell: Bell,
}

impl<T> Ring<T> {
    /// An empty ring with room for `room` things.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub fn new(room: usize) -> io::Result<Self> {
        Ok(Self { queue: ArrayQueue::new(room), bell: Bell::new()? })
    }

    /// Adds one at the end and wakes the reader.
    ///
    /// # Errors
    /// When there is no room; the thing comes back.
    pub fn push(&self, thing: T) -> Result<(), T> {
        self.queue.push(thing)?;
        self.bell.ring();
        Ok(())
    }

    /// Adds one at the end for a reader who will look by himself before long. Only when many wait is he woken: to wake a
    /// thread costs more than most of what it is given to do.
    ///
    /// # Errors
    /// When there is no room; the thing comes back.
    pub fn leave(&self, thing: T) -> Result<(), T> {
        self.queue.push(thing)?;
        if self.queue.len() >= WORTH_WAKING {
            self.bell.ring();
        }
        Ok(())
    }

    /// Wakes the reader where anything waits.
    pub fn rouse(&self) {
        if !self.queue.is_empty() {
            self.bell.ring();
        }
    }

    /// The oldest, where there is one.
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }

    /// The bell that rings when something is pushed.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    use rustix::event::{PollFd, PollFlags, poll};

    fn rings(bell: &Bell) -> bool {
        let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(bell, PollFlags::IN)], Some(&now)).expect("a descriptor to look at") == 1
    }

    #[test]
    fn a_full_ring_hands_back_what_does_not_fit() {
        let ring = Ring::new(2).expect("a ring");
        assert_eq!([ring.push(1), ring.push(2), ring.push(3)], [Ok(()), Ok(()), Err(3)]);
        assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(1), Some(2), None]);
    }

    #[test]
    fn the_bell_rings_until_it_is_hushed_and_again_for_the_next() {
        let ring = Ring::new(8).expect("a ring");
        assert!(!rings(ring.bell()));
        ring.push(1).expect("room");
        ring.push(2).expect("room");
        assert!(rings(ring.bell()));
        ring.bell().hush();
        assert!(!rings(ring.bell()));
        ring.push(3).expect("room");
        assert!(rings(ring.bell()));
    }

    #[test]
    fn what_is_left_for_a_reader_rings_only_when_much_waits() {
        let ring = Ring::new(2 * WORTH_WAKING).expect("a ring");
        (1..WORTH_WAKING).for_each(|number| ring.leave(number).expect("room"));
        assert!(!rings(ring.bell()));
        ring.leave(WORTH_WAKING).expect("room");
        assert!(rings(ring.bell()));
        assert_eq!(std::iter::from_fn(|| ring.pop()).count(), WORTH_WAKING, "nothing is lost by it");
    }

    #[test]
    fn everything_pushed_by_many_threads_arrives_in_the_order_of_each() {
        const EACH: u64 = 1000;
        let ring = Arc::new(Ring::new(16).expect("a ring"));
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || {
                    for number in 0..EACH {
                        while ring.push((writer, number)).is_err() {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; 3];
        while next != [EACH; 3] {
            poll(&mut [PollFd::new(ring.bell(), PollFlags::IN)], None).expect("a descriptor to wait on");
            ring.bell().hush();
            while let Some((writer, number)) = ring.pop() {
                assert_eq!(number, next[writer]);
                next[writer] += 1;
            }
        }
        writers.into_iter().for_each(|writer| writer.join().expect("a writer that ended well"));
    }
}
