//! The scene of a script: what its host functions know of the call while it runs.
//!
//! Rhai calls a host function with values and nothing else, so the scene of whichever script runs on this thread is found here.
//! A scene asks the engine for everything by [`Scene::want`], remembers which legs have gone, and unwinds a script that speaks
//! to one of them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::call::verb::{Handle, Misuse};
use patchcord_engine::call::{Ending, LegId, Outcome, Status, Verb};
use patchcord_engine::errand::{Brought, Errand, Facts, Outside};
use patchcord_engine::exchange::built_in;
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, Position};

use crate::limits::Limits;
use crate::shelf::Shelf;
use crate::strand::{self, Answer, Ask};
use crate::words::given::{Given, wrong};
use crate::words::ours::made_by;

mod budget;

pub use budget::Paused;
use budget::Spent;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Scene>>> = const { RefCell::new(None) };
}

/// Why a script is unwound, uncatchably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwound {
    /// The party that it spoke to has gone, or the call is taken down.
    Gone,
    /// It has computed for too long without saying anything.
    Budget(u64),
    /// It has said more than anybody could hear, as this tells.
    TooFast(String, Position),
    /// Another service goes on.
    ContinueAs(String),
    /// It holds more memory than it may.
    Memory,
}

/// What a key does during a talk.
#[derive(Clone, Debug)]
pub enum KeyDoes {
    /// It ends the talk.
    End,
    /// This is done.
    Run(Later),
}

/// A function that is kept until something happens.
#[derive(Clone, Debug)]
pub struct Later {
    /// The function.
    pub then: FnPtr,
    /// The file whose line has given it to a word: it is looked for there first.
    pub file: String,
}

/// Recordings that a script has been told of: more than a mailbox holds.
const FILES: usize = 1_000;

/// What a script knows of its call.
pub struct Scene {
    /// The service that runs.
    pub service: Rc<str>,
    /// Its bounds.
    pub limits: Rc<Limits>,
    /// What else is served.
    shelf: Arc<Shelf>,
    /// The leg with which it began.
    pub first: Cell<LegId>,
    legs: RefCell<BTreeMap<LegId, LegState>>,
    /// What ran in the background and has ended, by its handle.
    ended: RefCell<HashMap<Handle, Option<Outcome>>>,
    /// What is to be done when a timer has run out, and for which leg.
    timers: RefCell<HashMap<Handle, (Later, LegId)>>,
    /// What keys do on a leg while it talks.
    keys: RefCell<BTreeMap<LegId, BTreeMap<char, KeyDoes>>>,
    /// Whether a key has ended the talk of a dial.
    pub ended_by_key: Cell<bool>,
    /// Recordings that it has made or was told of by a mailbox.
    files: RefCell<BTreeSet<String>>,
    place: RefCell<Option<String>>,
    /// The file of the function that was kept and runs beside the story: Rhai does not know it of one without a name.
    pub aside: RefCell<Option<String>>,
    /// The leg by which a verb waits that the engine knows no leg of, as `sleep`.
    waits_for: Cell<Option<LegId>>,
    /// Whether what runs lets time pass, and wants nothing else.
    sleeps: Cell<bool>,
    /// The leg that had gone when the script was unwound because of it.
    pub lost: Cell<Option<LegId>>,
    random: Cell<Option<u64>>,
    /// Whether what runs now is the story, and not a side handler.
    pub in_story: Cell<bool>,
    /// Whether everybody has gone for whom it could run.
    pub for_nobody: Cell<bool>,
    /// Whether it wants to hear what happens in conference rooms.
    pub watches: Cell<bool>,
    /// Operations at which the budget of the running strand began, and those at which it breathed last.
    spent: Cell<Spent>,
}

/// What is remembered of a leg.
#[derive(Default)]
struct LegState {
    gone: bool,
    outlived: bool,
    facts: Option<Facts>,
    vars: Map,
}

impl Scene {
    /// A scene of a call that begins.
    pub fn new(service: Rc<str>, limits: Rc<Limits>, shelf: Arc<Shelf>) -> Self {
        Self {
            service,
            limits,
            shelf,
            first: Cell::new(LegId::FIRST),
            legs: RefCell::default(),
            ended: RefCell::default(),
            timers: RefCell::default(),
            keys: RefCell::default(),
            ended_by_key: Cell::new(false),
            files: RefCell::default(),
            place: RefCell::default(),
            aside: RefCell::default(),
            waits_for: Cell::new(None),
            sleeps: Cell::new(false),
            lost: Cell::new(None),
            random: Cell::new(None),
            in_story: Cell::new(true),
            for_nobody: Cell::new(false),
            watches: Cell::new(false),
            spent: Cell::default(),
        }
    }

    /// The scene of the script that runs on this thread.
    pub fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs something with this as the current scene.
    pub fn play<T>(self: &Rc<Self>, run: impl FnOnce() -> T) -> T {
        /// Puts back what was current, also when a script panics.
        struct Before(Option<Rc<Scene>>);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _before = Before(CURRENT.replace(Some(self.clone())));
        run()
    }

    /// Has a verb done on a leg, and waits for what comes of it.
    ///
    /// # Errors
    /// When the leg has gone and is not outlived, the script is unwound; a verb that does not fit is misuse.
    pub fn want(&self, given: &Given<'_>, leg: Option<LegId>, verb: Verb) -> Result<Outcome, Box<EvalAltResult>> {
        self.place.replace(given.place());
        // A side handler may say what needs no party, as a tag, of a leg that has gone.
        if self.in_story.get() && leg.is_some_and(|leg| self.is_gone(leg) && !self.is_outlived(leg)) {
            self.lost.set(leg);
            return Err(unwind(&Unwound::Gone));
        }
        // Who hangs up at the end of a message has left one: its file is being closed, and then the story goes on.
        self.waits_for.set(leg.filter(|_| !matches!(verb, Verb::Record(..))));
        self.sleeps.set(matches!(verb, Verb::Sleep(_)));
        let other = if let Verb::Bridge(_, other) = verb { Some(other) } else { None };
        let outcome = self.ask(verb).map_err(|error| given.here(&error))?;
        self.waits_for.set(None);
        if let Outcome::Recorded { file: Some(file), .. } = &outcome {
            self.has_file(file);
        }
        match outcome {
            Outcome::Misuse(misuse) => Err(given.wrong(misuse.to_string())),
            // Whom a party was to talk with has gone: the party itself is there, and hears what comes next.
            outcome if other.is_some_and(|other| self.is_gone(other) && !leg.is_some_and(|leg| self.is_gone(leg))) => {
                Ok(outcome)
            }
            outcome if outcome_is_gone(&outcome) && leg.is_some_and(|leg| !self.is_outlived(leg)) => {
                self.lost.set(leg);
                Err(unwind(&Unwound::Gone))
            }
            outcome => Ok(outcome),
        }
    }

    /// The same for a verb of which only the status counts.
    pub fn want_status(&self, given: &Given<'_>, leg: LegId, verb: Verb) -> Result<Status, Box<EvalAltResult>> {
        match self.want(given, Some(leg), verb)? {
            Outcome::Plain(status) => Ok(status),
            _ => Ok(Status::Ok),
        }
    }

    fn ask(&self, verb: Verb) -> Result<Outcome, Box<EvalAltResult>> {
        if !strand::is_running() {
            return Err(wrong(Position::NONE, "this works only inside a call".into()));
        }
        let spent = self.spent.get();
        let answer = strand::ask(Ask::Verb(verb));
        self.spent.set(Spent { since_verb: spent.now, since_breath: spent.now, alone_since: None, ..spent });
        match answer {
            Answer::Outcome(Outcome::Misuse(misuse @ Misuse::TooFast)) => {
                Err(unwind(&Unwound::TooFast(misuse.to_string(), Position::NONE)))
            }
            Answer::Outcome(outcome) => Ok(outcome),
            Answer::Go => Ok(Outcome::Plain(Status::Ok)),
            Answer::Unwind => Err(unwind(&Unwound::Gone)),
        }
    }

    /// Asks something outside of the call.
    pub fn outside(
        &self,
        given: &Given<'_>,
        noun: &str,
        ask: &serde_json::Value,
        patience: Duration,
    ) -> Result<serde_json::Value, Box<EvalAltResult>> {
        let outside = Outside { service: self.service.to_string(), noun: noun.into(), ask: ask.to_string(), patience };
        let answer = match self.want(given, None, Verb::Errand(Box::new(Errand::Outside(outside))))? {
            Outcome::Brought(brought) => match *brought {
                Brought::Answer(answer) => answer,
                Brought::Facts(_) | Brought::Moment { .. } | Brought::Begun(_) => {
                    Err("the house gave another answer".into())
                }
            },
            _ => Err("the call is being taken down".into()),
        };
        let answer = answer.map_err(|why| {
            // Whoever was asked may have said already who it is.
            let named = why.strip_prefix(noun).is_some_and(|rest| rest.starts_with(':'));
            given.wrong(if named { why } else { format!("{noun}: {why}") })
        })?;
        serde_json::from_str(&answer).map_err(|error| given.wrong(format!("{noun} gave no JSON: {error}")))
    }

    /// Says what whoever asked is answered.
    pub fn reply(&self, answer: String) -> Result<(), Box<EvalAltResult>> {
        self.ask(Verb::Errand(Box::new(Errand::Reply(answer)))).map(drop)
    }

    /// The time of day since 1970, and a number drawn for this.
    pub fn moment(&self, given: &Given<'_>) -> Result<(Duration, u64), Box<EvalAltResult>> {
        match self.want(given, None, Verb::Errand(Box::new(Errand::Moment)))? {
            Outcome::Brought(brought) => match *brought {
                Brought::Moment { wall, seed } => Ok((wall, seed)),
                _ => Err(given.wrong("the house gave no time")),
            },
            _ => Err(unwind(&Unwound::Gone)),
        }
    }

    /// The next random number of this call.
    pub fn random(&self, given: &Given<'_>) -> Result<u64, Box<EvalAltResult>> {
        let state = match self.random.get() {
            Some(state) => state,
            None => self.moment(given)?.1,
        };
        // SplitMix64: a script draws lots, not keys.
        let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(Some(state));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    /// What is known of a leg. What it said when it called is kept, what may change is asked again.
    pub fn facts(&self, leg: LegId, anew: bool) -> Result<Facts, Box<EvalAltResult>> {
        let known = self.legs.borrow().get(&leg).and_then(|leg| leg.facts.clone());
        if let Some(known) = known.filter(|_| !anew || self.is_gone(leg)) {
            return Ok(known);
        }
        let brought = match self.ask(Verb::Errand(Box::new(Errand::Facts(leg))))? {
            Outcome::Brought(brought) => *brought,
            _ => Brought::Facts(None),
        };
        let mut legs = self.legs.borrow_mut();
        let state = legs.entry(leg).or_default();
        match brought {
            Brought::Facts(Some(facts)) => {
                let headers = state.facts.take().map(|known| known.headers).unwrap_or_default();
                let headers = if facts.headers.is_empty() { headers } else { facts.headers.clone() };
                state.facts = Some(Facts { headers, ..*facts });
            }
            _ => {
                let ended = Facts { state: "ended".into(), ..state.facts.take().unwrap_or_default() };
                state.facts = Some(ended);
            }
        }
        Ok(state.facts.clone().unwrap_or_default())
    }

    /// The script's own variables of a leg.
    pub fn vars(&self, leg: LegId) -> Map {
        self.legs.borrow().get(&leg).map(|leg| leg.vars.clone()).unwrap_or_default()
    }

    /// Sets them.
    pub fn set_vars(&self, leg: LegId, vars: Map) {
        self.legs.borrow_mut().entry(leg).or_default().vars = vars;
    }

    /// From now on the end of that leg does not end the story.
    pub fn outlive(&self, leg: LegId) {
        self.legs.borrow_mut().entry(leg).or_default().outlived = true;
    }

    /// Whether the story goes on without the leg.
    pub fn is_outlived(&self, leg: LegId) -> bool {
        self.legs.borrow().get(&leg).is_some_and(|leg| leg.outlived)
    }

    /// Whether it goes on without any leg.
    fn outlives_any(&self) -> bool {
        self.legs.borrow().values().any(|leg| leg.outlived)
    }

    /// A recording that it has made, or was told of by a mailbox.
    pub fn has_file(&self, name: &str) {
        let mut files = self.files.borrow_mut();
        if files.len() >= FILES {
            // The oldest day goes first.
            files.pop_first();
        }
        files.insert(name.to_owned());
    }

    /// Whether it may have the recording of that name.
    ///
    /// # Errors
    /// When the call is being taken down.
    pub fn may_have(&self, name: &str) -> Result<bool, Box<EvalAltResult>> {
        let (call, service) = made_by(name);
        if service == Some(&*self.service) || self.files.borrow().contains(name) {
            return Ok(true);
        }
        let own = self.facts(self.first.get(), false)?.call;
        Ok(!own.is_empty() && call == own)
    }

    /// Whether a service of that name can go on with the call.
    pub fn is_served(&self, service: &str) -> bool {
        self.shelf.find(service).is_some() || built_in(service).is_some()
    }

    /// Whether the leg has gone.
    pub fn is_gone(&self, leg: LegId) -> bool {
        self.legs.borrow().get(&leg).is_some_and(|leg| leg.gone)
    }

    /// The leg has gone.
    pub fn left(&self, leg: LegId) {
        let mut legs = self.legs.borrow_mut();
        let state = legs.entry(leg).or_default();
        state.gone = true;
        if let Some(facts) = &mut state.facts {
            facts.state = "ended".into();
        }
    }

    /// A timer was set.
    pub fn set_timer(&self, handle: Handle, then: Later, leg: LegId) {
        self.timers.borrow_mut().insert(handle, (then, leg));
    }

    /// What a timer that has run out was set for.
    pub fn timer(&self, handle: Handle) -> Option<(Later, LegId)> {
        self.timers.borrow_mut().remove(&handle)
    }

    /// What keys do on a leg from now on; where they do nothing, on_dtmf is told of them.
    pub fn set_keys(&self, leg: LegId, keys: BTreeMap<char, KeyDoes>) {
        match keys.is_empty() {
            true => self.keys.borrow_mut().remove(&leg),
            false => self.keys.borrow_mut().insert(leg, keys),
        };
    }

    /// What a key does on a leg.
    pub fn key(&self, leg: LegId, key: char) -> Option<KeyDoes> {
        self.keys.borrow().get(&leg)?.get(&key).cloned()
    }

    /// What ran in the background is over.
    pub fn background_ended(&self, handle: Handle, outcome: Option<Outcome>) {
        if let Some(Outcome::Recorded { file: Some(file), .. }) = &outcome {
            self.has_file(file);
        }
        self.ended.borrow_mut().insert(handle, outcome);
    }

    /// What came of what ran in the background; `None` while it runs.
    pub fn background(&self, handle: Handle) -> Option<Option<Outcome>> {
        self.ended.borrow().get(&handle).cloned()
    }

    /// Where the script stood when it last wanted something.
    pub fn place(&self) -> Option<String> {
        self.place.borrow().clone()
    }
}

/// Where a leg that has ended is kept in words for `on_bye`.
pub fn why(ending: &Ending, leg: LegId, first: LegId, place: Option<String>) -> Map {
    use patchcord_engine::call::Who;
    let party = |own: bool| if (leg == first) == own { "caller" } else { "callee" };
    let by = match ending.by {
        Who::Party => party(true),
        Who::Other => party(false),
        Who::Program => "script",
        Who::System => "system",
    };
    let mut why = Map::new();
    why.insert("by".into(), by.into());
    why.insert("cause".into(), Dynamic::from(i64::from(ending.cause)));
    why.insert("sip".into(), Dynamic::from(i64::from(ending.sip.unwrap_or(0))));
    why.insert("reason".into(), ending.reason.clone().into());
    why.insert("at".into(), place.unwrap_or_default().into());
    why
}

/// The error that unwinds a script, uncatchably.
pub fn unwind(why: &Unwound) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(token(why), Position::NONE).into()
}

/// What ends a script that holds more memory than it may.
pub fn too_much() -> Dynamic {
    token(&Unwound::Memory)
}

/// What ends the constants of a module that compute for too long.
pub fn too_long(operations: u64) -> Dynamic {
    token(&Unwound::Budget(operations))
}

fn token(why: &Unwound) -> Dynamic {
    Dynamic::from(why.clone())
}

fn outcome_is_gone(outcome: &Outcome) -> bool {
    let status = match outcome {
        Outcome::Plain(status)
        | Outcome::Gathered { status, .. }
        | Outcome::Recorded { status, .. }
        | Outcome::Dialled { status, .. }
        | Outcome::Joined { status, .. }
        | Outcome::Transferred { status, .. } => *status,
        Outcome::Handle(_) | Outcome::Brought(_) | Outcome::Misuse(_) => return false,
    };
    status == Status::Gone
}
