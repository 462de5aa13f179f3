//! Where the calls of an endpoint go when it cannot take them.
//!
//! A target is what somebody would dial (a number, an endpoint's name) or the name of a service. Several are tried one
//! after another. The endpoint forwards by its own rights: a target outside needs a route that it may use itself.

use std::{fmt, str::FromStr, time::Duration};

use super::{Because, check_user, is_dialable, plain};

/// Most targets of one kind; beyond it nobody waits any longer.
pub const MAX_FORWARDS: usize = 8;

/// How long an endpoint rings before its calls go on, unless told otherwise: five rings.
pub const DEFAULT_RING: Duration = Duration::from_secs(20);

/// Shortest and longest time to ring: below it nobody reaches a phone, above it nobody is still there.
pub const RING_RANGE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// Where calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Instead of ringing.
    pub always: Vec<Box<str>>,
    /// When it is busy or declines.
    pub busy: Vec<Box<str>>,
    /// When nobody answers within [`Self::after`].
    pub no_answer: Vec<Box<str>>,
    /// When it is registered nowhere.
    pub unreachable: Vec<Box<str>>,
    /// How long it rings.
    pub after: Duration,
}

impl Default for Forward {
    fn default() -> Self {
        let none = Vec::new;
        Self { always: none(), busy: none(), no_answer: none(), unreachable: none(), after: DEFAULT_RING }
    }
}

impl Forward {
    /// To whom it forwards for that reason, in this order.
    pub fn on(&self, because: Because) -> &[Box<str>] {
        match because {
            Because::Always => &self.always,
            Because::Busy => &self.busy,
            Because::NoAnswer => &self.no_answer,
            Because::Unreachable => &self.unreachable,
            // What a phone says itself is no rule of ours.
            Because::Deflected => &[],
        }
    }

    /// To whom it forwards for any reason.
    pub fn targets(&self) -> impl Iterator<Item = &Box<str>> {
        [&self.always, &self.busy, &self.no_answer, &self.unreachable].into_iter().flatten()
    }
}

/// Why a text is no forwarding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardFault {
    /// It can be neither dialled nor the name of an endpoint or a service.
    #[error("{0:?} is no number and no name")]
    Target(String),
    /// There are too many of one kind.
    #[error("there are more than {MAX_FORWARDS} of a kind")]
    TooMany,
    /// There is no such kind.
    #[error("{0:?} is not one of always, busy, no_answer, unreachable and after")]
    Kind(String),
    /// The time is none, or out of range.
    #[error("{0:?} is no number of seconds from 1 to 300")]
    Time(String),
}

/// A target as it is kept: a number without what people write between digits, or a name.
pub fn forward_target(text: &str) -> Result<Box<str>, ForwardFault> {
    let target = plain(text.trim());
    let fits = is_dialable(&target) || check_user(&target).is_ok();
    if fits { Ok(target.into()) } else { Err(ForwardFault::Target(text.into())) }
}

impl Forward {
    /// Whether it says anything but how long to ring.
    pub fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(_, targets)| targets.is_empty())
    }

    fn kinds(&self) -> [(&'static str, &Vec<Box<str>>); 4] {
        let Self { always, busy, no_answer, unreachable, after: _ } = self;
        [("always", always), ("busy", busy), ("no_answer", no_answer), ("unreachable", unreachable)]
    }
}

/// As `busy=voicemail no_answer=102,voicemail after=20`.
impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, targets) in self.kinds().iter().filter(|(_, targets)| !targets.is_empty()) {
            write!(f, "{kind}={} ", targets.join(","))?;
        }
        write!(f, "after={}", self.after.as_secs())
    }
}

impl FromStr for Forward {
    type Err = ForwardFault;

    fn from_str(text: &str) -> Result<Self, ForwardFault> {
        let mut forward = Self::default();
        for word in text.split_whitespace() {
            let (kind, value) = word.split_once('=').ok_or_else(|| ForwardFault::Kind(word.into()))?;
            let targets = match kind {
                "always" => &mut forward.always,
                "busy" => &mut forward.busy,
                "no_answer" => &mut forward.no_answer,
                "unreachable" => &mut forward.unreachable,
                "after" => {
                    let time = value.trim_end_matches('s').parse().map(Duration::from_secs);
                    let time = time.ok().filter(|time| RING_RANGE.contains(time));
                    forward.after = time.ok_or_else(|| ForwardFault::Time(value.into()))?;
                    continue;
                }
                _ => return Err(ForwardFault::Kind(kind.into())),
            };
            *targets = value.split(',').map(forward_target).collect::<Result<_, _>>()?;
            if targets.len() > MAX_FORWARDS {
                return Err(ForwardFault::TooMany);
            }
        }
        Ok(forward)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarding_is_read_as_it_is_written() {
        let text = "busy=voicemail no_answer=102,voicemail after=15";
        let forward: Forward = text.parse().expect("a fine forwarding");
        assert_eq!(forward.no_answer, ["102".into(), "voicemail".into()]);
        assert_eq!(forward.after, Duration::from_secs(15));
        assert_eq!(forward.to_string(), text);
        assert_eq!("".parse(), Ok(Forward::default()));
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let refused = |text: &str| text.parse::<Forward>().expect_err("no forwarding");
        assert_eq!(refused("busy=a@b"), ForwardFault::Target("a@b".into()));
        assert_eq!(refused("later=102"), ForwardFault::Kind("later".into()));
        assert_eq!(refused("after=0"), ForwardFault::Time("0".into()));
        assert_eq!(refused(&format!("busy={}", ["1"; MAX_FORWARDS + 1].join(","))), ForwardFault::TooMany);
        assert_eq!(forward_target("+49 (30) 123-456").as_deref(), Ok("+4930123456"));
    }
}
