//! Event and Subscription-State: what they say.

use std::fmt;
use std::time::Duration;

use crate::message::scan::{is_token, number, trim};
use crate::message::{Fault, Headers, Name, Params};

/// What a subscription is about: a package such as `message-summary`, and an id where one dialog has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    /// The package with its templates, as it is written; compared byte by byte (§8.2.1).
    pub package: &'a str,
    /// Which of several subscriptions to it.
    pub id: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// What a SUBSCRIBE, NOTIFY or PUBLISH is about: 489 when it does not say (§7.2.1).
    pub fn of(headers: &'a Headers) -> Result<Self, Fault> {
        let value = headers.get(Name::Event).ok_or(Fault::new(489, "Bad Event"))?;
        let (package, params) = value.split_once(';').unwrap_or((value, ""));
        let package = trim(package);
        if !is_token(package.as_bytes()) {
            return Err(Fault::bad("Bad Event header"));
        }
        Ok(Self { package, id: Params::new(params).get("id").filter(|id| !id.is_empty()) })
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package)?;
        self.id.map_or(Ok(()), |id| write!(f, ";id={id}"))
    }
}

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Received, and not decided upon.
    Pending,
    /// Allowed.
    Active,
    /// Over.
    Terminated,
}

/// Why a subscription is over (§4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Moved elsewhere: subscribe again at once.
    Deactivated,
    /// Not now: subscribe again later.
    Probation,
    /// Not allowed any more.
    Rejected,
    /// Not refreshed in time.
    Timeout,
    /// Nobody has decided; try later.
    Giveup,
    /// What it was about is no more.
    NoResource,
    /// What it was about will never change.
    Invariant,
}

impl Reason {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Deactivated, "deactivated"),
        (Self::Probation, "probation"),
        (Self::Rejected, "rejected"),
        (Self::Timeout, "timeout"),
        (Self::Giveup, "giveup"),
        (Self::NoResource, "noresource"),
        (Self::Invariant, "invariant"),
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::ALL.iter().filter(|(reason, _)| reason == self).try_for_each(|(_, word)| f.write_str(word))
    }
}

/// When whoever was subscribed may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// At once.
    Now,
    /// After this time; without one, when it seems good.
    Later(Option<Duration>),
    /// Never: the answer would be the same.
    Never,
}

/// The value of a Subscription-State header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// How far it has come.
    pub phase: Phase,
    /// How long it lasts from now on.
    pub expires: Option<Duration>,
    /// Why it is over.
    pub reason: Option<Reason>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl SubscriptionState {
    /// What a NOTIFY says; 400 when it says nothing (§4.1.3 makes it mandatory). Phases that a later RFC may bring are
    /// active: something is told.
    pub fn of(notify: &Headers) -> Result<Self, Fault> {
        const BAD: Fault = Fault::bad("Bad Subscription-State");
        let value = notify.get(Name::SubscriptionState).ok_or(Fault::bad("Missing Subscription-State"))?;
        let (word, params) = value.split_once(';').unwrap_or((value, ""));
        let (word, params) = (trim(word), Params::new(params));
        let phase = match word {
            _ if word.eq_ignore_ascii_case("pending") => Phase::Pending,
            _ if word.eq_ignore_ascii_case("terminated") => Phase::Terminated,
            _ if is_token(word.as_bytes()) => Phase::Active,
            _ => return Err(BAD),
        };
        let seconds = |name: &str| match params.get(name) {
            None => Ok(None),
            Some(text) => {
                let seconds = number(text).and_then(|seconds| u32::try_from(seconds).ok()).ok_or(BAD)?;
                Ok(Some(Duration::from_secs(seconds.into())))
            }
        };
        let reason = params.get("reason").and_then(|said| {
            Reason::ALL.iter().find(|(_, word)| word.eq_ignore_ascii_case(said)).map(|(reason, _)| *reason)
        });
        Ok(Self { phase, expires: seconds("expires")?, reason, retry_after: seconds("retry-after")? })
    }

    /// What the end means for whoever was subscribed (§4.1.3).
    pub fn again(&self) -> Again {
        match self.reason {
            Some(Reason::Deactivated | Reason::Timeout) => Again::Now,
            Some(Reason::Rejected | Reason::NoResource | Reason::Invariant) => Again::Never,
            Some(Reason::Probation | Reason::Giveup) | None => Again::Later(self.retry_after),
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.phase {
            Phase::Pending => "pending",
            Phase::Active => "active",
            Phase::Terminated => "terminated",
        })?;
        if let Some(expires) = self.expires {
            write!(f, ";expires={}", expires.as_secs())?;
        }
        if let Some(reason) = self.reason {
            write!(f, ";reason={reason}")?;
        }
        self.retry_after.map_or(Ok(()), |after| write!(f, ";retry-after={}", after.as_secs()))
    }
}
