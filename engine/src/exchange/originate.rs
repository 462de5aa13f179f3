//! Calls that the house begins: who may be rung for whom, what goes on with whoever answers, and the room that it takes.
//!
//! What is wanted by people and programs is allowed what endpoints are; what a script wants, what its manifest names, or else what
//! its caller may call. The manifest of the service that goes on with the call holds as well. Whoever was rung has no more rights
//! than if it had called: a service that lets it dial lets it dial what it could have dialled.

use std::time::Instant;

use super::chronicle::{Chronicle, HeardBy};
use super::ends::Whose;
use super::incoming::{HELD, USUAL_HOPS};
use super::outgoing::Party;
use super::passing::Post;
use super::services::Connecting;
use super::talk::Talk;
use super::{Exchange, Leash, MAX_CALLS, Number, Served, Turn};
use crate::call::event::NotFound;
use crate::call::verb::Dial;
use crate::call::{self, Call, Event, LegId};
use crate::errand::Brought;
use crate::journal::CallId;
use crate::originate::{Lineage, NotBegun, Origination, Then, Wanted};
use crate::program::{Program, VerbId};
use crate::routing::{Caller, Person, plain};
use crate::runtime::Wire;
use crate::switchboard::Switchboard;
use std::sync::Arc;

/// What is known of a call that the house began.
pub(super) struct Begun {
    /// By whose rights the first one is rung.
    pays: Pays,
    /// Whether the house itself calls somebody for the one who answers.
    connects: bool,
    /// The conference room into which whoever answers comes.
    pub room: Option<Box<str>>,
    /// What the service is told.
    pub vars: String,
}

/// By whose rights.
#[derive(Clone, Debug)]
pub(super) enum Pays {
    /// What endpoints may call.
    House,
    /// What this one may.
    Of(Whose),
}

impl Pays {
    fn caller(&self) -> Caller<'_> {
        match self {
            Self::House => Caller::Service,
            Self::Of(whose) => whose.caller(),
        }
    }
}

/// Who wants a call.
struct Asker {
    pays: Pays,
    leash: Option<Arc<Leash>>,
    lineage: Lineage,
}

impl Exchange {
    /// Somebody outside wants a call.
    pub(super) fn wanted(&mut self, origination: Origination, wire: &mut Wire<'_>) {
        let asker = Asker { pays: Pays::House, leash: None, lineage: Lineage::default() };
        let begun = self.originate(&origination.wanted, asker, wire);
        if let Err(why) = &begun {
            tracing::info!(%why, "a call that was wanted was not begun");
        }
        origination.answer(begun);
        self.deliver(wire);
        self.count_legs();
    }

    /// Somebody is to be called for the house, and this program goes on with whoever answers.
    pub(super) fn call_for(
        &mut self,
        wanted: &Wanted,
        program: Box<dyn Program>,
        wire: &mut Wire<'_>,
    ) -> Result<(), NotBegun> {
        let asker = Asker { pays: Pays::House, leash: None, lineage: Lineage::default() };
        let number = Number(self.next);
        self.originate(wanted, asker, wire)?;
        if let Some(talk) = self.talks.get_mut(&number) {
            talk.program = program;
        }
        self.deliver(wire);
        self.count_legs();
        Ok(())
    }

    /// Begins a call; it acts when it is delivered.
    fn originate(&mut self, wanted: &Wanted, asker: Asker, wire: &mut Wire<'_>) -> Result<CallId, NotBegun> {
        wanted.check()?;
        if wire.is_stopping() {
            return Err(NotBegun::Stopping);
        }
        if self.talks.len() >= MAX_CALLS || self.board.clerk.is_full() {
            return Err(NotBegun::Full("the shard has no room for calls".into()));
        }
        let (service, Served { program, edition, leash }) = self.goes_on(wanted, &asker)?;
        let on_leash = |leash: &Arc<Leash>| leash.may_dial(&wanted.target);
        if !asker.leash.iter().chain(&leash).all(on_leash) {
            let why = "the manifest of the service does not name it".to_owned();
            return Err(NotBegun::Forbidden(wanted.target.clone(), why));
        }
        let room = leash.as_ref().map(|leash| leash.enter(false).ok_or(NotBegun::Full("the service is full".into())));
        let ticket = self.board.admit_call(false).map_err(|full| NotBegun::Full(full.phrase().to_owned()))?;
        let tickets = room.transpose()?.into_iter().chain([ticket]).collect();
        let party = party(wanted, service.as_deref());
        let chronicle =
            Chronicle::begin(&party, HeardBy { service, version: edition, route: None, by_house: true }, wire);
        let call = chronicle.journal.as_ref().map(crate::journal::Journal::call).ok_or(NotBegun::Stopping)?;
        let number = Number(self.next);
        let connects = matches!(wanted.then, Then::Dial(_));
        let begins = begin(number, wanted, &self.board, wire.now());
        let talk = Talk::new((number, begins), (program, leash), (party, tickets), chronicle, wire.now());
        let room = match &wanted.then {
            Then::Dial(target) => target.strip_prefix("room:").map(Into::into),
            Then::Service(_) => None,
        };
        let begun = Begun { pays: asker.pays, connects, room, vars: wanted.vars.clone() };
        let talk = Talk { originated: Some(Box::new(begun)), lineage: asker.lineage, ..talk };
        match talk.locate(&wanted.target, None, &Turn { exchange: self, wire }) {
            Err(NotFound::Forbidden(why)) => return Err(NotBegun::Forbidden(wanted.target.clone(), why)),
            Err(NotFound::Unknown | NotFound::Service(_)) => return Err(NotBegun::Nobody(wanted.target.clone())),
            Err(NotFound::Unreachable) => return Err(NotBegun::Away(wanted.target.clone())),
            // That it has no line free is what the record will say.
            Ok(_) | Err(NotFound::Busy) => {}
        }
        self.next += 1;
        self.board.calls_tally.begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.talks.insert(number, Box::new(talk));
        self.posted.push_back((number, Post::Begin));
        Ok(call)
    }

    /// What goes on with whoever answers.
    fn goes_on(&self, wanted: &Wanted, asker: &Asker) -> Result<(Option<Box<str>>, Served), NotBegun> {
        match &wanted.then {
            Then::Service(name) => {
                let served = self.services.find(name).ok_or_else(|| NotBegun::NoService(name.clone()))?;
                Ok((Some(name.as_str().into()), served))
            }
            Then::Dial(target) => {
                let program: Box<dyn Program> = Box::new(Connecting::to(target));
                Ok((None, Served { leash: asker.leash.clone(), ..Served::from(program) }))
            }
        }
    }
}

fn begin(number: Number, wanted: &Wanted, board: &Switchboard, now: Instant) -> Call {
    let mut dial = Dial::new(vec![wanted.target.clone()], wanted.ring);
    dial.caller_id.clone_from(&wanted.caller_id);
    let caller = call::Caller {
        call: number.0,
        origin: call::Origin::Originated(Box::new(dial)),
        music: Some(HELD.to_owned()),
        announce: board.recording().announce.clone(),
        transfers: true,
        bounds: board.bounds(),
    };
    Call::begin(caller, now)
}

/// As whom the house calls: by the number that was said, or under the name of what goes on.
fn party(wanted: &Wanted, service: Option<&str>) -> Party {
    let (Then::Service(then) | Then::Dial(then)) = &wanted.then;
    let then = service.unwrap_or(then.strip_prefix("user:").unwrap_or(then));
    let number = wanted.caller_id.as_deref().map_or_else(|| then.into(), |number| plain(number).into());
    let person = Person { number, name: None, hidden: false, replaced: false };
    let named = ["user:", "browser:"].into_iter().find_map(|kind| wanted.target.strip_prefix(kind));
    let called = named.unwrap_or(&wanted.target);
    Party {
        person,
        host: None,
        called: called.into(),
        hops: USUAL_HOPS,
        emergency: false,
        secure: false,
        forwarded: Vec::new(),
    }
}

impl Talk {
    /// A script wants a call of its own.
    pub fn originate(&mut self, verb: VerbId, wanted: &Wanted, turn: &mut Turn<'_, '_>) {
        let begun = self.may_begin(wanted).and_then(|asker| turn.exchange.originate(wanted, asker, turn.wire));
        if begun.is_ok() {
            self.lineage.note_begun();
        }
        self.call.hear(Event::Brought(verb, Box::new(Brought::Begun(begun))), turn.now());
    }

    fn may_begin(&self, wanted: &Wanted) -> Result<Asker, NotBegun> {
        self.lineage.may_begin(&self.call.bounds())?;
        let (Then::Dial(target) | Then::Service(target)) = &wanted.then;
        let also = matches!(wanted.then, Then::Dial(_)).then_some(target);
        let named = |target: &String| self.leash.as_ref().is_some_and(|leash| leash.names(target));
        let pays = if [Some(&wanted.target), also].into_iter().flatten().all(named) {
            Pays::House
        } else {
            Pays::Of(self.whose_call().ok_or_else(|| {
                let why = "nobody asks for it, and no manifest of the service names it".to_owned();
                NotBegun::Forbidden(wanted.target.clone(), why)
            })?)
        };
        Ok(Asker { pays, leash: self.leash.clone(), lineage: self.lineage.next() })
    }

    /// Whoever began the call, as far as rights go.
    fn whose_call(&self) -> Option<Whose> {
        let first = self.call.first();
        self.ends.iter().find(|end| end.leg == first).map(|end| end.whose.clone())
    }

    /// By whose rights somebody is called, for that leg or for nobody.
    pub fn payer(&self, leg: Option<LegId>, called: &str) -> Option<Caller<'_>> {
        if let Some(begun) = self.originated.as_ref().filter(|_| self.call.is_unbegun()) {
            return Some(begun.pays.caller());
        }
        if leg == Some(LegId::NONE) {
            return Some(Pays::House.caller());
        }
        let leg = leg.unwrap_or(self.call.first());
        let end = self.ends.iter().find(|end| end.leg == leg)?;
        match (&self.originated, &end.whose) {
            (_, Whose::Endpoint(_)) | (None, _) => Some(end.caller_to(called)),
            (Some(begun), _) if begun.connects => Some(begun.pays.caller()),
            (Some(_), whose) => Some(whose.caller()),
        }
    }

    /// Whether the party of that leg is the one who called us.
    pub fn called_us(&self, leg: LegId) -> bool {
        leg == LegId::FIRST && self.originated.is_none()
    }
}
