//! The instant from which virtual time counts. Instants cannot be made of nothing, so this one is asked of the machine; no
//! result depends on which it was, but that a test without end is ended.

use std::time::Instant;

/// An instant to count from.
#[expect(
    clippy::disallowed_methods,
    reason = "an instant to count from; it measures nothing but how long somebody waits for a test"
)]
pub(super) fn origin() -> Instant {
    Instant::now()
}
