//! The side of ICE that checks (RFC 8445, "full"): what we do where we offered, or where the other side only answers.
//!
//! [`Checks`] has one socket of ours beneath it, so that a way is an address of theirs. It is told which addresses there are, which
//! checks came and what ours were answered; it says what to send when, and which way both sides have settled on. There is no frozen
//! way: of one stream with one component all ways may be tried at once, one every 50 ms.
//!
//! way: waiting ──its turn──▶ asked ──answer──▶ valid ──nominated──▶ chosen ──30 s without an answer──▶ lapsed
//!         ▲                    └──no answer──▶ failed
//!         └──────── a check comes from there ────┘

mod way;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ring::hmac;

use self::way::{Ask, State, Way, can_be_asked};
use super::stun::{self, Class, Draft, Message, Role, Transaction};
use crate::sdp::ice::{Candidate, Ice};

/// Ways that are looked at, the dearest first. A machine with many interfaces names thirty.
pub const MAX_WAYS: usize = 32;

/// A way begins to be tried so long after the one before (RFC 8445 §14.2).
const PACE: Duration = Duration::from_millis(50);

/// A way that works waits so long for dearer ones that may work, too.
const PATIENCE: Duration = Duration::from_millis(200);

/// How often we ask whether we may go on sending, and a fifth more or less (RFC 7675 §5.1).
const CONSENT_EVERY: Duration = Duration::from_secs(5);

/// Without an answer for so long we may not.
const CONSENT_LASTS: Duration = Duration::from_secs(30);

/// The chosen way has missed an answer; another one that works takes its place.
const SHAKY: Duration = Duration::from_secs(7);

/// RFC 8445 §5.1.2.1: what our end of a way is worth, and what theirs is that nobody named.
const OURS_WORTH: u32 = (126 << 24) | (0xffff << 8) | 255;
const UNNAMED_WORTH: u32 = (110 << 24) | (0xffff << 8) | 255;

/// The other side, as its description says it.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name.
    pub ufrag: String,
    /// Its password.
    pub pwd: String,
    /// Whether it only answers; then we decide, whoever offered.
    pub lite: bool,
    /// Where it may be, with what it thinks of each.
    pub candidates: Vec<(SocketAddr, u32)>,
}

impl Remote {
    /// As its description says.
    #[must_use]
    pub fn of(ice: &Ice) -> Self {
        let (ufrag, pwd) = (ice.ufrag.clone(), ice.pwd.clone());
        Self { ufrag, pwd, lite: ice.lite, candidates: addresses(&ice.candidates) }
    }
}

/// Those that can be asked of, with what their owner thinks of each. Names (`….local`) are known to a browser only, and it is found
/// by its own checks.
#[must_use]
pub fn addresses(candidates: &[Candidate]) -> Vec<(SocketAddr, u32)> {
    let sound = candidates.iter().filter(|candidate| candidate.component == 1);
    sound.filter_map(|candidate| Some((candidate.address()?, candidate.priority))).collect()
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Remote");
        shown
            .field("ufrag", &self.ufrag)
            .field("lite", &self.lite)
            .field("candidates", &self.candidates.len())
            .finish_non_exhaustive()
    }
}

/// What has come of something that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    Nothing,
    /// This way works: the other side has answered there.
    Works(SocketAddr),
    /// Sound goes there from now on.
    Chosen(SocketAddr),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing until [`Checks::deadline`].
    Nothing,
    /// What was written is to be sent there; more may be due.
    Send(SocketAddr),
    /// The other side answers no longer; nothing may be sent any more. Told once.
    Lapsed,
}

/// See the module.
pub struct Checks {
    /// By it the answers to its questions are told from those to others'; it leads each transaction.
    tag: u32,
    dice: hmac::Key,
    thrown: u64,
    is_controlling: bool,
    tie: u64,
    /// Our name.
    ours: String,
    theirs: Option<(Remote, hmac::Key)>,
    ways: Vec<Way>,
    /// Where the other side has chosen to go before we knew who that is.
    wished: Option<SocketAddr>,
    /// Those from where a check came, in turn.
    triggered: VecDeque<SocketAddr>,
    /// Before that no further way is tried.
    next: Option<Instant>,
    /// When the first one worked.
    worked: Option<Instant>,
    chosen: Option<SocketAddr>,
    consent: Option<Instant>,
}

impl Checks {
    /// One that decides, as whoever offers does. `tag` is its alone, `seed` nobody else's.
    #[must_use]
    pub fn new(ours: &str, tag: u32, seed: [u8; 16]) -> Self {
        let dice = hmac::Key::new(hmac::HMAC_SHA256, &seed);
        let mut checks = Self {
            tag,
            dice,
            thrown: 0,
            is_controlling: true,
            tie: 0,
            ours: ours.to_owned(),
            theirs: None,
            ways: Vec::new(),
            wished: None,
            triggered: VecDeque::new(),
            next: None,
            worked: None,
            chosen: None,
            consent: None,
        };
        checks.tie = checks.throw();
        checks
    }

    /// The tag that leads a transaction of ours.
    #[must_use]
    pub fn tag_of(transaction: Transaction) -> u32 {
        u32::from_be_bytes([transaction[0], transaction[1], transaction[2], transaction[3]])
    }

    /// Whether it is we who decide.
    #[must_use]
    pub fn is_controlling(&self) -> bool {
        self.is_controlling
    }

    /// How many ways are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ways.len()
    }

    /// Whether no way is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// The other side has described itself, for the first time or again. Other credentials begin everything anew, but for the chosen
    /// way, which carries the sound meanwhile. `known` are the addresses that checks came from before we knew whose they were.
    pub fn meet(&mut self, ours: &str, theirs: &Remote, known: impl Iterator<Item = SocketAddr>, now: Instant) {
        let is_anew =
            self.theirs.as_ref().is_none_or(|(before, _)| (&before.ufrag, &before.pwd) != (&theirs.ufrag, &theirs.pwd));
        self.is_controlling |= theirs.lite;
        if is_anew {
            self.ours = ours.to_owned();
            self.ways.clear();
            self.triggered.clear();
            (self.worked, self.consent) = (None, None);
            self.theirs = Some((Remote { candidates: Vec::new(), ..theirs.clone() }, stun::key(&theirs.pwd)));
            self.next = Some(now);
        }
        for (there, worth) in &theirs.candidates {
            self.learn(*there, *worth);
        }
        for there in known.filter(|_| is_anew) {
            self.learn(there, UNNAMED_WORTH);
            self.trigger(there);
        }
        // It is not said again.
        let wished = self.wished.take().and_then(|wished| self.ways.iter_mut().find(|way| way.there == wished));
        if let Some(way) = wished {
            way.is_wished = true;
        }
    }

    /// A further address of theirs, in the description or behind it. Those of the other family, and those where nobody is, are left
    /// to the caller to keep away.
    pub fn learn(&mut self, there: SocketAddr, worth: u32) {
        if !can_be_asked(there) || self.ways.iter().any(|way| way.there == there) {
            return;
        }
        let worth = self.worth(worth);
        if self.ways.len() == MAX_WAYS {
            let idle =
                self.ways.iter().enumerate().filter(|(_, way)| matches!(way.state, State::Waiting | State::Failed));
            let cheapest = idle.min_by_key(|(_, way)| (way.state != State::Failed, way.worth));
            let Some((at, _)) = cheapest.filter(|(_, way)| way.state == State::Failed || way.worth < worth) else {
                return;
            };
            let given_up = self.ways.swap_remove(at).there;
            self.triggered.retain(|there| *there != given_up);
        }
        self.ways.push(Way::new(there, worth));
    }

    /// RFC 8445 §6.1.2.3, with the one end of ours.
    fn worth(&self, theirs: u32) -> u64 {
        let (controlling, controlled) = if self.is_controlling { (OURS_WORTH, theirs) } else { (theirs, OURS_WORTH) };
        let (least, most) = (controlling.min(controlled), controlling.max(controlled));
        (u64::from(least) << 32) + 2 * u64::from(most) + u64::from(controlling > controlled)
    }

    /// Who decides, as the sender of a check sees it. False: it is to be told that it does not (487); otherwise we have given in
    /// where we had to.
    pub fn agrees(&mut self, role: Option<Role>) -> bool {
        let (theirs, is_theirs) = match role {
            Some(Role::Controlling(tie)) => (tie, true),
            Some(Role::Controlled(tie)) => (tie, false),
            None => return true,
        };
        if self.is_controlling != is_theirs {
            return true;
        }
        let is_ours = self.tie >= theirs;
        // RFC 8445 §7.3.1.1: the larger number decides who decides.
        if is_ours == self.is_controlling {
            return false;
        }
        self.turn_over();
        true
    }

    fn turn_over(&mut self) {
        self.is_controlling = !self.is_controlling;
    }

    /// A check came from there and was answered.
    pub fn came(&mut self, from: SocketAddr, worth: Option<u32>, is_choice: bool, now: Instant) -> News {
        if self.theirs.is_none() {
            if is_choice && !self.is_controlling {
                self.wished = Some(from);
            }
            return News::Nothing;
        }
        let is_shaky = self.is_shaky(now);
        self.learn(from, worth.unwrap_or(UNNAMED_WORTH));
        let is_choice = is_choice && !self.is_controlling;
        let Some(way) = self.ways.iter_mut().find(|way| way.there == from) else { return News::Nothing };
        way.is_wished |= is_choice;
        match way.state {
            State::Valid if is_choice => return self.choose(from),
            // Asked anew at once: what was lost on the way there was sent before the other side opened its door.
            State::Waiting | State::Failed | State::Asked => self.trigger(from),
            State::Valid if is_shaky && self.chosen != Some(from) => self.trigger(from),
            State::Valid => {}
        }
        News::Nothing
    }

    /// Whether the chosen way has missed an answer: the other side may have another network now.
    fn is_shaky(&self, now: Instant) -> bool {
        let chosen = self.ways.iter().find(|way| self.consent.is_some() && Some(way.there) == self.chosen);
        chosen.is_some_and(|chosen| !chosen.was_proved_within(SHAKY, now))
    }

    fn trigger(&mut self, there: SocketAddr) {
        if self.ways.iter().any(|way| way.there == there) && !self.triggered.contains(&there) {
            self.triggered.push_back(there);
        }
    }

    /// An answer to one of our checks.
    pub fn answered(&mut self, message: &Message<'_>, from: SocketAddr, now: Instant) -> News {
        let Some((_, key)) = &self.theirs else { return News::Nothing };
        let asked = |way: &&mut Way| way.there == from && way.is_asked(message.transaction);
        let Some(way) = self.ways.iter_mut().find(asked) else { return News::Nothing };
        if !message.is_proven_by(key) {
            return News::Nothing;
        }
        let Some(ask) = way.ask.take() else { return News::Nothing };
        if message.class == Class::Failure {
            if way.state == State::Asked {
                way.state = State::Failed;
            }
            if message.error == Some(487) && ask.is_controlling == self.is_controlling {
                // RFC 8445 §7.2.5.1: the other role, another number, and the same way again.
                self.turn_over();
                self.tie = self.throw();
                self.trigger(from);
            }
            return News::Nothing;
        }
        way.state = State::Valid;
        way.proved = Some(now);
        let is_agreed = if self.is_controlling { ask.nominates } else { way.is_wished };
        self.worked.get_or_insert(now);
        if is_agreed { self.choose(from) } else { News::Works(from) }
    }

    fn choose(&mut self, there: SocketAddr) -> News {
        if self.consent.is_some() && self.chosen == Some(there) {
            return News::Works(there);
        }
        self.chosen = Some(there);
        let proved = self.ways.iter().find(|way| way.there == there).and_then(|way| way.proved);
        self.consent = proved.map(|proved| proved + self.pause());
        // What works is kept in case this does not for ever; the rest has had its time.
        self.ways.retain(|way| way.state == State::Valid);
        self.triggered.clear();
        News::Chosen(there)
    }

    /// Five seconds, and a fifth more or less, so that a thousand parties do not ask at once.
    fn pause(&mut self) -> Duration {
        let spread = (self.throw() % 1000) as u32;
        CONSENT_EVERY * (800 + spread * 2 / 5) / 1000
    }

    /// When [`Checks::wake`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.theirs.as_ref()?;
        let asks = self.ways.iter().filter_map(|way| way.ask.as_ref().map(|ask| ask.due));
        let waits = !self.triggered.is_empty()
            || (self.consent.is_none() && self.ways.iter().any(|way| way.state == State::Waiting));
        let next = self.next.filter(|_| waits);
        let decides =
            self.worked.filter(|_| self.is_controlling && self.consent.is_none()).map(|worked| worked + PATIENCE);
        let decides = decides.filter(|_| !self.ways.iter().any(Way::is_nominated));
        asks.chain(next).chain(decides).chain(self.consent).min()
    }

    /// Does what is due: writes a check and says where it goes, until nothing is left.
    pub fn wake(&mut self, now: Instant, bytes: &mut Vec<u8>) -> Due {
        if self.theirs.is_none() {
            return Due::Nothing;
        }
        self.give_up(now);
        if let Some(at) = self.ways.iter().position(|way| way.is_due(now)) {
            let ask = self.ways[at].ask.as_mut().expect("it is due");
            ask.repeat(now);
            return Due::Send(self.write(at, bytes));
        }
        if let Some(at) = self.decision(now) {
            return Due::Send(self.ask(at, true, false, now, bytes));
        }
        if let Some(at) = self.next.is_some_and(|next| next <= now).then(|| self.turn()).flatten() {
            self.next = Some(now + PACE);
            return Due::Send(self.ask(at, false, false, now, bytes));
        }
        self.keep_consent(now, bytes)
    }

    /// Ways that never answered are no ways.
    fn give_up(&mut self, now: Instant) {
        for way in &mut self.ways {
            if way.ask.as_ref().is_some_and(|ask| ask.is_over(now)) {
                way.ask = None;
                if way.state == State::Asked {
                    way.state = State::Failed;
                }
            }
        }
    }

    /// The way that is to be nominated now.
    fn decision(&self, now: Instant) -> Option<usize> {
        let worked = self.worked.filter(|_| self.is_controlling && !self.ways.iter().any(Way::is_nominated))?;
        let valid = self.ways.iter().enumerate().filter(|(_, way)| way.state == State::Valid);
        if self.consent.is_some() {
            let others =
                valid.filter(|(_, way)| Some(way.there) != self.chosen && way.was_proved_within(PATIENCE, now));
            return others.max_by_key(|(_, way)| way.worth).filter(|_| self.is_shaky(now)).map(|(at, _)| at);
        }
        let (at, best) = valid.max_by_key(|(_, way)| way.worth)?;
        let open = |way: &Way| way.worth > best.worth && matches!(way.state, State::Waiting | State::Asked);
        (now >= worked + PATIENCE || !self.ways.iter().any(open)).then_some(at)
    }

    /// Whose turn it is to be tried.
    fn turn(&mut self) -> Option<usize> {
        while let Some(there) = self.triggered.pop_front() {
            let is_open = |way: &Way| way.state != State::Valid || self.consent.is_some();
            let found = self.ways.iter().position(|way| way.there == there && is_open(way));
            if found.is_some() {
                return found;
            }
        }
        let waiting =
            self.ways.iter().enumerate().filter(|(_, way)| way.state == State::Waiting && self.consent.is_none());
        waiting.max_by_key(|(_, way)| way.worth).map(|(at, _)| at)
    }

    fn keep_consent(&mut self, now: Instant, bytes: &mut Vec<u8>) -> Due {
        if self.consent.is_none_or(|consent| consent > now) {
            return Due::Nothing;
        }
        let Some(at) = self.ways.iter().position(|way| Some(way.there) == self.chosen) else { return Due::Nothing };
        if self.ways[at].proved.is_none_or(|proved| now.saturating_duration_since(proved) >= CONSENT_LASTS) {
            (self.consent, self.chosen) = (None, None);
            self.ways.clear();
            return Due::Lapsed;
        }
        self.consent = Some(now + self.pause());
        // Each question is a new one (RFC 7675 §5.1), and is said once.
        Due::Send(self.ask(at, false, true, now, bytes))
    }

    fn ask(&mut self, at: usize, nominates: bool, is_once: bool, now: Instant, bytes: &mut Vec<u8>) -> SocketAddr {
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&self.tag.to_be_bytes());
        transaction[4..].copy_from_slice(&self.throw().to_be_bytes());
        let way = &mut self.ways[at];
        way.ask = Some(Ask::new(transaction, self.is_controlling, nominates, is_once, now));
        if way.state != State::Valid {
            way.state = State::Asked;
        }
        self.write(at, bytes)
    }

    fn write(&self, at: usize, bytes: &mut Vec<u8>) -> SocketAddr {
        let way = &self.ways[at];
        let (Some((theirs, key)), Some(ask)) = (&self.theirs, &way.ask) else {
            unreachable!("only what is asked is written")
        };
        let role = if ask.is_controlling { Role::Controlling(self.tie) } else { Role::Controlled(self.tie) };
        let draft = Draft::new(Class::Request, ask.transaction, bytes).name(&theirs.ufrag, &self.ours);
        let draft = draft.role(role).priority(UNNAMED_WORTH);
        let draft = if ask.nominates { draft.use_candidate() } else { draft };
        draft.finish(key);
        way.there
    }

    fn throw(&mut self) -> u64 {
        self.thrown += 1;
        let thrown = hmac::sign(&self.dice, &self.thrown.to_be_bytes());
        u64::from_be_bytes(thrown.as_ref()[..8].try_into().expect("eight bytes of thirty-two"))
    }
}

#[cfg(test)]
mod tests;
