//! Our side of ICE (RFC 8445): it answers checks, and where it is "full" makes some, too.
//!
//! An [`Agent`] is handed checks and the time. It answers those that prove that their sender read our description, and remembers
//! where they came from. It knows no sockets. Where it is lite it makes no checks, because it stands where everybody can reach it:
//! it follows the other side's choice among those ways, and of the thousand candidates that a description may name it
//! needs none, since whoever wants to be heard checks. Where it is full, [`Checks`] tries the ways and mostly chooses one.
//!
//! unknown address ──proven check or answer──▶ known ──nominated──▶ chosen ──another is chosen──▶ known

use std::net::SocketAddr;
use std::time::Instant;

use ring::hmac;

use super::checks::{Checks, Due, News, Remote};
use super::credentials::Credentials;
use super::stun::{Class, Draft, Message, Role};

/// The ways of one browser that are remembered: each interface of each family, before and behind its router. One more
/// takes the place of the one that was checked least lately.
pub const MAX_WAYS: usize = 8;

/// One way to the browser.
#[derive(Clone, Copy, Debug)]
struct Way {
    address: SocketAddr,
    checked: Instant,
}

/// Our name and what proves that somebody knows our password.
struct Proof {
    ufrag: String,
    key: hmac::Key,
}

/// See the module.
pub struct Agent {
    ours: Proof,
    /// What was ours before a restart; good until the new ones are used.
    former: Option<Proof>,
    theirs: Option<String>,
    ways: [Option<Way>; MAX_WAYS],
    chosen: Option<SocketAddr>,
    /// Where we are full.
    pub(super) checks: Option<Box<Checks>>,
}

/// What came of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    /// It proves nothing, or wants nothing; there is no answer.
    Ignored,
    /// It was refused, and the answer says why.
    Refused,
    /// It was answered.
    Answered(Change),
    /// It answers one of ours.
    Proved(Change),
}

/// What a check that was answered has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether its sender's address is a new one.
    pub is_new: bool,
    /// The address that gave way to it.
    pub forgotten: Option<SocketAddr>,
    /// Whether sound goes there from now on, and went elsewhere before.
    pub is_chosen: bool,
}

impl Agent {
    /// A lite agent that was described by these credentials and has heard of nobody.
    #[must_use]
    pub fn new(ours: &Credentials) -> Self {
        Self { ours: Proof::of(ours), former: None, theirs: None, ways: [None; MAX_WAYS], chosen: None, checks: None }
    }

    /// A full one, which decides unless the other side does. For `tag` and `seed` see [`Checks::new`].
    #[must_use]
    pub fn full(ours: &Credentials, tag: u32, seed: [u8; 16]) -> Self {
        let checks = Some(Box::new(Checks::new(&ours.ufrag, tag, seed)));
        Self { checks, ..Self::new(ours) }
    }

    /// The names by which checks may ask for it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [Some(&self.ours), self.former.as_ref()].into_iter().flatten().map(|proof| proof.ufrag.as_str())
    }

    /// Where sound goes.
    #[must_use]
    pub fn chosen(&self) -> Option<SocketAddr> {
        self.chosen
    }

    /// Whether a check came from there.
    #[must_use]
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.ways.iter().flatten().any(|way| way.address == address)
    }

    /// Every address that a check came from.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.ways.iter().flatten().map(|way| way.address)
    }

    /// Who they are, as their description says it.
    pub fn meet(&mut self, theirs: &Remote, now: Instant) {
        if self.theirs.as_deref() != Some(&theirs.ufrag) {
            self.theirs = Some(theirs.ufrag.clone());
        }
        let known = self.ways.iter().flatten().map(|way| way.address);
        if let Some(checks) = &mut self.checks {
            checks.meet(&self.ours.ufrag, theirs, known, now);
        }
    }

    /// Where they may be as well, and what they think of it.
    pub fn learn(&mut self, candidates: &[(SocketAddr, u32)]) {
        if let Some(checks) = &mut self.checks {
            candidates.iter().for_each(|(there, worth)| checks.learn(*there, *worth));
        }
    }

    /// When [`Agent::wake`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.checks.as_ref()?.deadline()
    }

    /// Does what is due; see [`Checks::wake`].
    pub fn wake(&mut self, now: Instant, bytes: &mut Vec<u8>) -> Due {
        let due = self.checks.as_mut().map_or(Due::Nothing, |checks| checks.wake(now, bytes));
        if due == Due::Lapsed {
            self.chosen = None;
        }
        due
    }

    /// Begins anew under other credentials; the old ones are good until the first check by the new ones, and what was
    /// chosen carries the sound until another way is. Gives back the name that is good no longer.
    pub fn restart(&mut self, ours: &Credentials) -> Option<String> {
        let before = std::mem::replace(&mut self.ours, Proof::of(ours));
        self.former.replace(before).map(|proof| proof.ufrag)
    }

    /// Hears a message that came from there at that time, and writes the answer where there is one.
    pub fn hear(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant, answer: &mut Vec<u8>) -> Checked {
        answer.clear();
        if matches!(message.class, Class::Success | Class::Failure) {
            return self.hear_answer(message, from, now);
        }
        let Some((ours, theirs)) = message.names().filter(|_| message.class == Class::Request) else {
            return Checked::Ignored;
        };
        let is_current = self.ours.ufrag == ours;
        let proof =
            if is_current { Some(&self.ours) } else { self.former.as_ref().filter(|proof| proof.ufrag == ours) };
        let Some(proof) = proof.filter(|proof| message.is_proven_by(&proof.key)) else { return Checked::Ignored };
        // Whose description we have asks under its own name; after a restart under one that we may not have yet.
        if is_current && self.theirs.as_deref().is_some_and(|known| known != theirs) {
            return Checked::Ignored;
        }
        let transaction = message.transaction;
        if let Some(unknown) = message.unknown {
            let draft = Draft::new(Class::Failure, transaction, answer);
            draft.error(420, "Unknown Attribute").unknown(unknown).finish(&proof.key);
            return Checked::Refused;
        }
        let agrees = match &mut self.checks {
            // Who answers checks only never decides.
            None => !matches!(message.role, Some(Role::Controlled(_))),
            Some(checks) => checks.agrees(message.role),
        };
        if !agrees {
            Draft::new(Class::Failure, transaction, answer).error(487, "Role Conflict").finish(&proof.key);
            return Checked::Refused;
        }
        Draft::new(Class::Success, transaction, answer).mapped(from).finish(&proof.key);
        if is_current {
            self.former = None;
        }
        let is_choice = match &mut self.checks {
            None => message.use_candidate,
            Some(checks) => checks.came(from, message.priority, message.use_candidate, now) == News::Chosen(from),
        };
        Checked::Answered(self.note(from, is_choice, now))
    }

    fn hear_answer(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> Checked {
        match self.checks.as_mut().map_or(News::Nothing, |checks| checks.answered(message, from, now)) {
            News::Nothing => Checked::Ignored,
            News::Works(there) => Checked::Proved(self.note(there, false, now)),
            News::Chosen(there) => Checked::Proved(self.note(there, true, now)),
        }
    }

    fn note(&mut self, from: SocketAddr, is_choice: bool, now: Instant) -> Change {
        let mut change = Change::default();
        let known = self.ways.iter_mut().flatten().find(|way| way.address == from);
        match known {
            Some(way) => way.checked = now,
            None => {
                change.is_new = true;
                change.forgotten = self.remember(Way { address: from, checked: now });
            }
        }
        if is_choice && self.chosen != Some(from) {
            self.chosen = Some(from);
            change.is_chosen = true;
        }
        change
    }

    /// Remembers a way; the address that had to be forgotten for it.
    fn remember(&mut self, way: Way) -> Option<SocketAddr> {
        if let Some(free) = self.ways.iter_mut().find(|place| place.is_none()) {
            *free = Some(way);
            return None;
        }
        let chosen = self.chosen;
        let others = self.ways.iter_mut().flatten().filter(|other| Some(other.address) != chosen);
        let oldest = others.min_by_key(|other| other.checked)?;
        Some(std::mem::replace(oldest, way).address)
    }
}

impl Proof {
    fn of(credentials: &Credentials) -> Self {
        Self { ufrag: credentials.ufrag.clone(), key: credentials.key() }
    }
}

#[cfg(test)]
mod tests;
