//! The alarm clock of a shard: one timer for all its deadlines.
//!
//! It is only ever moved forward. Waking too early costs nothing but a look, while moving a timer with every message would
//! cost something every time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use super::clock;

/// What the timer is set to when nothing waits.
const LONG: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Default)]
pub(crate) struct Alarm {
    due: Cell<Option<Instant>>,
    sleeper: RefCell<Option<Waker>>,
}

impl Alarm {
    /// Makes sure that the alarm rings at `next`, or earlier.
    pub fn set(&self, next: Option<Instant>) {
        let Some(next) = next else { return };
        if self.due.get().is_some_and(|due| due <= next) {
            return;
        }
        self.due.set(Some(next));
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.wake();
        }
    }

    /// Calls `ring` whenever it is time; `ring` sets the alarm anew.
    pub async fn run(&self, mut ring: impl FnMut()) {
        let mut sleep = pin!(sleep_until((clock::now() + LONG).into()));
        loop {
            poll_fn(|context| {
                *self.sleeper.borrow_mut() = Some(context.waker().clone());
                let due = self.due.get().unwrap_or_else(|| clock::now() + LONG).into();
                if sleep.deadline() != due {
                    sleep.as_mut().reset(due);
                }
                match sleep.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            self.due.set(None);
            ring();
            // What is due again at once waits for the sockets.
            tokio::task::yield_now().await;
        }
    }
}
