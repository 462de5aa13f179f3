//! The instant from which virtual time counts. Instants cannot be made of nothing, so this one is asked of the machine; no
//! result depends on which it was.

use std::time::Instant;

/// An instant to count from.
#[expect(clippy::disallowed_methods, reason = "an instant to count from; nothing here measures time")]
pub(super) fn origin() -> Instant {
    Instant::now()
}
