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
                let (due, now) = (self.due.get(), clock::now());
                // The timer is good to a millisecond; what is due already need not wait for its next tick.
                if due.is_some_and(|due| due <= now) {
                    return Poll::Ready(());
                }
                let due = due.unwrap_or(now + LONG).into();
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[tokio::test]
    async fn what_is_due_again_at_once_waits_for_others_and_for_no_tick() {
        let (alarm, rings) = (Rc::new(Alarm::default()), Rc::new(Cell::new(0)));
        alarm.set(Some(clock::now()));
        let (again, counted) = (alarm.clone(), rings.clone());
        let running = alarm.run(move || {
            counted.set(counted.get() + 1);
            again.set((counted.get() < 100).then(clock::now));
        });
        let others = async {
            let mut turns = 0;
            while rings.get() < 100 {
                turns += 1;
                tokio::task::yield_now().await;
            }
            turns
        };
        tokio::select! {
            () = running => {}
            // With a tick of the timer between two rings they would have thousands.
            turns = others => assert!((50..=300).contains(&turns), "{turns}"),
        }
    }
}
