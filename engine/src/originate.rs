//! A call that the house begins: whom it rings, and what goes on with whoever answers.
//!
//! Wanted by a command, a program over HTTP, or a script; begun on a shard, which says at once whether it could be begun. Nobody is
//! told here how it went on: that stands in its record, under the name that was given.
//!
//! ```text
//! Runtime::originate ─▶ a shard ─▶ Exchange ─▶ Call (originated) ═ answered ═▶ the service's story, with who answered as its caller
//! a script's errand  ───────────▶     └──▶ the call's name, or why there is none
//! ```

use std::time::Duration;

use crate::call::Bounds;
use crate::journal::CallId;

/// The longest that somebody is rung.
pub const LONGEST_RING: Duration = Duration::from_secs(300);

/// How long somebody is rung where nobody says.
pub const USUAL_RING: Duration = Duration::from_secs(30);

/// Bytes of what the service is told with the call: what fits into a line of a journal.
pub const MAX_VARS: usize = 512;

/// Bytes of a target, a number or a name.
pub const MAX_NAME: usize = 256;

/// How many calls may follow from one, each begun by the one before: a callback and what it may lead to. Scripts that begin calls of
/// each other for ever end here.
pub const GENERATIONS: u8 = 8;

/// Where a call stands among calls that begin each other: one that somebody makes stands at the head of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// How many calls led to it, each of which began the next one.
    generation: u8,
    /// How many calls it has begun.
    begun: u8,
}

impl Lineage {
    /// Whether it may begin another call, within these bounds.
    ///
    /// # Errors
    /// When it has begun enough, or is the last of a chain.
    pub fn may_begin(self, bounds: &Bounds) -> Result<(), NotBegun> {
        if self.generation >= GENERATIONS {
            let why = format!("{GENERATIONS} calls have each begun the next one, which is the limit");
            return Err(NotBegun::Full(why));
        }
        if self.begun >= bounds.begins {
            let (most, (key, _)) = (bounds.begins, Bounds::BEGINS);
            let why = format!("this call has begun {most} others, which is the limit ({key} in [limits])");
            return Err(NotBegun::Full(why));
        }
        Ok(())
    }

    /// It has begun another call.
    pub fn note_begun(&mut self) {
        self.begun = self.begun.saturating_add(1);
    }

    /// Where a call stands that it begins.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { generation: self.generation.saturating_add(1), begun: 0 }
    }
}

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// Who is rung first: `user:alice`, a number, `sip:…`, `tel:…`.
    pub target: String,
    /// What goes on with whoever answers.
    pub then: Then,
    /// The number that is shown; what the house shows where there is none.
    pub caller_id: Option<String>,
    /// How long it rings.
    pub ring: Duration,
    /// What the service is told beside: a JSON map, or nothing.
    pub vars: String,
}

/// What goes on with whoever answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// The story of this service, whose caller it is.
    Service(String),
    /// This one is called next, and both are joined.
    Dial(String),
}

/// Why a call was not begun.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotBegun {
    /// No service is called so.
    #[error("there is no service {0}")]
    NoService(String),
    /// Nobody is called so.
    #[error("nobody is called {0}")]
    Nobody(String),
    /// Whom that names is registered nowhere now, and has no page open.
    #[error("nobody can be reached at {0} now: {how}", how = away(.0))]
    Away(String),
    /// No route or manifest allows it.
    #[error("{0} may not be called: {1}")]
    Forbidden(String, String),
    /// There is no room for another call.
    #[error("there is no room for another call: {0}")]
    Full(String),
    /// What is wanted contradicts itself, or is longer than any.
    #[error("{0}")]
    Unreadable(String),
    /// The server stops, or has none who could.
    #[error("the server begins no calls now")]
    Stopping,
}

/// What is missing where nobody can be reached.
fn away(target: &str) -> &'static str {
    match target.starts_with("browser:") {
        true => "no page of it is open",
        false => "no phone and no page of it is registered",
    }
}

impl NotBegun {
    /// In a word, as scripts and programs read it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoService(_) => "no_service",
            Self::Nobody(_) | Self::Away(_) => "unreachable",
            Self::Forbidden(..) => "forbidden",
            Self::Full(_) | Self::Stopping => "full",
            Self::Unreadable(_) => "invalid",
        }
    }
}

impl Wanted {
    /// To ring that one and go on so, and nothing else said.
    #[must_use]
    pub fn new(target: &str, then: Then) -> Self {
        Self { target: target.to_owned(), then, caller_id: None, ring: USUAL_RING, vars: String::new() }
    }

    /// Whether its parts are within their bounds.
    pub fn check(&self) -> Result<(), NotBegun> {
        let wrong = |what: &str| Err(NotBegun::Unreadable(what.to_owned()));
        let (Then::Service(then) | Then::Dial(then)) = &self.then;
        let names = [Some(&self.target), Some(then), self.caller_id.as_ref()];
        let bad = |name: &&String| name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control);
        if let Some(bad) = names.into_iter().flatten().find(bad) {
            return wrong(&format!("{:?} is no target, number or service", bad.get(..32).unwrap_or(bad)));
        }
        if self.target.starts_with("service:") {
            return wrong("a service cannot be rung; ring somebody, and name the service that goes on with them");
        }
        if self.ring.is_zero() || self.ring > LONGEST_RING {
            return wrong("it rings for 1 to 300 seconds");
        }
        let is_map = |vars: &str| vars.trim_start().starts_with('{');
        if self.vars.len() > MAX_VARS || (!self.vars.is_empty() && !is_map(&self.vars)) {
            return wrong("what goes with it is a map, and at most 512 bytes long as JSON");
        }
        Ok(())
    }
}

/// Who is told whether a call was begun.
type Told = Box<dyn FnOnce(Result<CallId, NotBegun>) + Send>;

/// What is wanted, on its way to a shard. Dropped without a word it says that no call was begun.
pub struct Origination {
    /// What is wanted.
    pub wanted: Wanted,
    told: Option<Told>,
}

impl Origination {
    /// That is wanted, and this is told what came of it.
    pub fn new(wanted: Wanted, told: impl FnOnce(Result<CallId, NotBegun>) + Send + 'static) -> Self {
        Self { wanted, told: Some(Box::new(told)) }
    }

    /// Says what came of it.
    pub fn answer(mut self, answer: Result<CallId, NotBegun>) {
        if let Some(told) = self.told.take() {
            told(answer);
        }
    }
}

impl Drop for Origination {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            told(Err(NotBegun::Stopping));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_wanted_is_within_its_bounds() {
        let wanted = Wanted::new("user:alice", Then::Service("reception".into()));
        assert_eq!(wanted.check(), Ok(()));
        for wrong in [
            Wanted { target: String::new(), ..wanted.clone() },
            Wanted { target: "service:reception".into(), ..wanted.clone() },
            Wanted { target: "a\r\nb".into(), ..wanted.clone() },
            Wanted { ring: Duration::from_secs(301), ..wanted.clone() },
            Wanted { ring: Duration::ZERO, ..wanted.clone() },
            Wanted { vars: "[1]".into(), ..wanted.clone() },
            Wanted { vars: format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_VARS)), ..wanted.clone() },
            Wanted { then: Then::Dial("x".repeat(MAX_NAME + 1)), ..wanted.clone() },
        ] {
            assert!(matches!(wrong.check(), Err(NotBegun::Unreadable(_))), "{wrong:?}");
        }
    }

    #[test]
    fn whoever_cannot_be_reached_is_told_with_what_is_missing() {
        let told = |target: &str| NotBegun::Away(target.into()).to_string();
        assert_eq!(told("browser:alice"), "nobody can be reached at browser:alice now: no page of it is open");
        assert_eq!(told("102"), "nobody can be reached at 102 now: no phone and no page of it is registered");
        assert_eq!(NotBegun::Away("102".into()).word(), "unreachable");
    }

    #[test]
    fn eight_calls_may_follow_from_each_other_and_so_many_from_one() {
        let bounds = Bounds { begins: 2, ..Bounds::default() };
        let mut last = Lineage::default();
        for _ in 0..GENERATIONS {
            assert_eq!(last.may_begin(&bounds), Ok(()));
            last = last.next();
        }
        let told = last.may_begin(&bounds).map_err(|why| why.to_string()).expect_err("it is the last");
        assert!(told.ends_with("8 calls have each begun the next one, which is the limit"), "{told}");
        let mut first = Lineage::default();
        first.note_begun();
        assert_eq!(first.may_begin(&bounds), Ok(()));
        first.note_begun();
        let told = first.may_begin(&bounds).map_err(|why| why.to_string()).expect_err("it has begun two");
        assert!(told.ends_with("this call has begun 2 others, which is the limit (call_begins in [limits])"), "{told}");
    }

    #[test]
    fn who_wanted_a_call_hears_of_it_even_from_a_shard_that_has_ended() {
        let (tell, told) = mpsc::channel();
        let wanted = Wanted::new("user:alice", Then::Service("reception".into()));
        drop(Origination::new(wanted, move |answer| drop(tell.send(answer))));
        assert_eq!(told.iter().collect::<Vec<_>>(), [Err(NotBegun::Stopping)]);
    }
}
