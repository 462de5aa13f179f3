//! An occasion: something that a service is asked outside of any call. A request over HTTP, a moment of its schedule, a phone that
//! registers, a text to a number.
//!
//! Its program runs as a call without legs: on a shard, within the same bounds, with a journal and a record of its own. What the
//! handler gives back is the answer; whoever asked hears it, or hears why there is none.
//!
//! ```text
//! HTTP, schedule ─▶ Runtime::ask ─▶ a shard ─┐
//! REGISTER, MESSAGE ─▶ the shard they came to ┴▶ Call (no legs) ─Wake::Occasion─▶ program ─Errand::Reply─▶ whoever asked
//! ```

use std::time::Duration;

/// Bytes of what a handler is told: a form or a picture of a webhook, and the largest SIP message.
pub const MAX_ABOUT: usize = 256 << 10;

/// Bytes of what is kept of that in a journal: what scripts decide by is short.
pub const KEPT_ABOUT: usize = 4096;

/// What a service is asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An HTTP request.
    Web,
    /// A moment of its schedule.
    Timer,
    /// A phone that registers.
    Register,
    /// A text outside of any call.
    Message,
}

/// What a service is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Occasion {
    /// By what.
    pub kind: Kind,
    /// What its handler is told, as JSON.
    pub about: String,
    /// Who asks, as its record names them.
    pub from: String,
}

/// Why a service gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoAnswer {
    /// No service is called so.
    #[error("there is no service {0}")]
    NoService(String),
    /// It does not hear such things.
    #[error("{0} has no {1}")]
    NoHandler(String, &'static str),
    /// There is no room.
    #[error("there is no room for it now: {0}")]
    Full(String),
    /// More than a handler is told.
    #[error("it is longer than {MAX_ABOUT} bytes")]
    TooLong,
    /// The script failed; what it was, and where.
    #[error("the service failed: {0}")]
    Broke(String),
    /// It took too long.
    #[error("the service did not answer in time")]
    Late,
    /// The server stops.
    #[error("the server begins nothing now")]
    Stopping,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Web, Self::Timer, Self::Register, Self::Message];

    /// In a word, as journals have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Timer => "timer",
            Self::Register => "register",
            Self::Message => "message",
        }
    }

    /// The function that hears of it.
    #[must_use]
    pub const fn handler(self) -> &'static str {
        match self {
            Self::Web => "on_web",
            Self::Timer => "on_timer",
            Self::Register => "on_register",
            Self::Message => "on_message",
        }
    }

    /// How long its program may take: whoever asks waits, but for the schedule, which has as long as a story without legs.
    #[must_use]
    pub const fn patience(self) -> Duration {
        match self {
            Self::Web => Duration::from_secs(30),
            Self::Timer => Duration::from_secs(600),
            // A phone repeats itself, and gives up after 32 s.
            Self::Register => Duration::from_secs(5),
            Self::Message => Duration::from_secs(20),
        }
    }
}

impl Occasion {
    /// That, with what its handler is told.
    #[must_use]
    pub fn new(kind: Kind, from: &str, about: &serde_json::Value) -> Self {
        Self { kind, about: about.to_string(), from: from.to_owned() }
    }

    /// Whether it is within its bounds.
    pub fn check(&self) -> Result<(), NoAnswer> {
        if self.about.len() > MAX_ABOUT { Err(NoAnswer::TooLong) } else { Ok(()) }
    }
}

/// Who is told what a service answered: JSON, or why it did not.
type Told = Box<dyn FnOnce(Result<String, NoAnswer>) + Send>;

/// A service is asked, on its way to a shard. Dropped without a word it says that nobody answers.
pub struct Asking {
    /// Which.
    pub service: String,
    /// What.
    pub occasion: Occasion,
    told: Option<Told>,
}

impl Asking {
    /// That service is asked that, and this is told what came of it.
    pub fn new(
        service: &str,
        occasion: Occasion,
        told: impl FnOnce(Result<String, NoAnswer>) + Send + 'static,
    ) -> Self {
        Self { service: service.to_owned(), occasion, told: Some(Box::new(told)) }
    }

    /// Says what came of it.
    pub fn answer(mut self, answer: Result<String, NoAnswer>) {
        if let Some(told) = self.told.take() {
            told(answer);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            told(Err(NoAnswer::Stopping));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn whoever_asks_is_told_even_by_a_shard_that_has_ended() {
        let (tell, told) = mpsc::channel();
        let occasion = Occasion::new(Kind::Timer, "timer nightly", &serde_json::json!("nightly"));
        assert_eq!(occasion.check(), Ok(()));
        drop(Asking::new("ivr", occasion, move |answer| drop(tell.send(answer))));
        assert_eq!(told.iter().collect::<Vec<_>>(), [Err(NoAnswer::Stopping)]);
    }

    #[test]
    fn what_is_longer_than_a_handler_is_told_is_refused() {
        let long = serde_json::json!("x".repeat(MAX_ABOUT));
        assert_eq!(Occasion::new(Kind::Web, "web", &long).check(), Err(NoAnswer::TooLong));
    }
}
