//! A bell that anybody may ring from any thread, and one task waits for.
//!
//! Rings that nobody has heard yet are one: whoever is woken looks for everything that there is.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// See the module.
#[derive(Debug, Default)]
pub struct Bell {
    rung: AtomicBool,
    sleeper: Mutex<Option<Waker>>,
}

impl Bell {
    /// Wakes whoever waits, or will wait next.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            let sleeper = self.sleeper.lock().unwrap_or_else(PoisonError::into_inner).take();
            sleeper.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits until it has rung.
    pub async fn rings(&self) {
        poll_fn(|context| {
            if self.rung.swap(false, Ordering::AcqRel) {
                return Poll::Ready(());
            }
            *self.sleeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            // It may have rung in between.
            if self.rung.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_ring_is_heard_once_whether_it_comes_before_or_behind_the_ear() {
        let bell = Arc::new(Bell::default());
        bell.ring();
        bell.ring();
        bell.rings().await;
        let waits = tokio::spawn({
            let bell = bell.clone();
            async move { bell.rings().await }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished(), "two rings are one");
        std::thread::spawn(move || bell.ring()).join().expect("it rings");
        waits.await.expect("it was heard");
    }
}
