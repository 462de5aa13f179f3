//! Calls that the simulated house begins, for a script or for a test: whoever answers is the caller of the service.

use patchcord_engine::call::event::NotFound;
use patchcord_engine::call::verb::Dial;
use patchcord_engine::call::{Bounds, Call, Caller, Origin};
use patchcord_engine::exchange::Connecting;
use patchcord_engine::journal::CallId;
use patchcord_engine::originate::{Lineage, NotBegun, Then, Wanted};

use super::house::{Due, House, Stream};
use super::limits;
use super::records::Chronicle;
use super::talk::Talk;

impl Talk {
    /// A script wants a call of its own.
    pub fn begin(&mut self, wanted: &Wanted, house: &mut House) -> Result<CallId, NotBegun> {
        self.lineage.may_begin(&self.call.bounds())?;
        let begun = house.originate(wanted, self.lineage.next())?;
        self.lineage.note_begun();
        Ok(begun)
    }
}

impl House {
    /// Begins a call, which stands there among those that begin each other; it acts when others have had their turn.
    pub fn originate(&mut self, wanted: &Wanted, lineage: Lineage) -> Result<CallId, NotBegun> {
        wanted.check()?;
        if self.calls.len() >= limits::CALLS {
            return Err(NotBegun::Full(format!("a test has at most {} calls at once", limits::CALLS)));
        }
        let (Then::Service(service) | Then::Dial(service)) = &wanted.then;
        if matches!(wanted.then, Then::Service(_)) && self.services.find(service).is_none() {
            return Err(NotBegun::NoService(service.clone()));
        }
        match self.locate(&wanted.target) {
            Err(NotFound::Forbidden(why)) => return Err(NotBegun::Forbidden(wanted.target.clone(), why)),
            Err(NotFound::Unknown | NotFound::Service(_)) => return Err(NotBegun::Nobody(wanted.target.clone())),
            Err(NotFound::Unreachable) => return Err(NotBegun::Away(wanted.target.clone())),
            Ok(_) | Err(NotFound::Busy) => {}
        }
        self.begun += 1;
        let number = self.begun;
        let named = ["user:", "browser:"].into_iter().find_map(|kind| wanted.target.strip_prefix(kind));
        let called = named.unwrap_or(&wanted.target);
        let from = wanted.caller_id.as_deref().unwrap_or(service);
        self.tell("the house", format!("begins a call to {called} ({service})"), None);
        let chronicle = Chronicle::begin(from, called, service, self);
        let call = chronicle.call();
        let mut dial = Dial::new(vec![wanted.target.clone()], wanted.ring);
        dial.caller_id.clone_from(&wanted.caller_id);
        let origin = Origin::Originated(Box::new(dial));
        let caller = Caller {
            call: number,
            origin,
            music: Some("music".into()),
            announce: None,
            transfers: true,
            bounds: Bounds::default(),
        };
        let machine = Call::begin(caller, self.now);
        let mut talk = Talk::new(number, service.clone(), called, machine, chronicle, self);
        if let Then::Dial(other) = &wanted.then {
            talk.program = Box::new(Connecting::to(other));
        }
        talk.vars.clone_from(&wanted.vars);
        talk.lineage = lineage;
        talk.originated = Some(from.to_owned());
        talk.due = Some(self.put(self.now, Stream::Call(number), Due::Wake(number)));
        self.calls.insert(number, Box::new(talk));
        Ok(call)
    }
}
