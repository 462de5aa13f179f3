//! Subscriptions (RFC 6665): who wants to hear of what, for how long, on both sides.
//!
//! ```text
//! notifier    accept ─▶ Pending ─activate─▶ Active ─terminate, refresh for 0, time─▶ Over
//!             each step wants a NOTIFY; Notifier::poll gives it when the one before is answered
//!
//! subscriber  Asking ──NOTIFY──▶ Pending, Active ──refreshed before the end──▶ … ──terminated, 481, time──▶ Over
//!                └──64 × T1 without NOTIFY──▶ Over
//! ```
//!
//! Both are pure: they say what is to be sent and when to wake them, and keep neither the dialog nor what the event is
//! about. A REFER makes a [`Notifier`] without a SUBSCRIBE.

mod header;
mod notifier;
mod subscriber;
#[cfg(test)]
mod tests;

pub use header::{Again, Event, Phase, Reason, SubscriptionState};
pub use notifier::{Notifier, Rules, TooBrief};
pub use subscriber::{Due, Fate, Subscriber};
