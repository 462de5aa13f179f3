//! The word by which somebody who has waited long enough stops tests that run on another thread. They end at their next step; nothing
//! is interrupted in the middle of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// See the module. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on nothing goes on.
    pub fn say(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.0.load(Relaxed)
    }
}
