//! The stage of a test: endpoints and phones, the clock, the world outside, the records of what was played on it.
//!
//! A stage is handed about freely; all of its copies are the same one. What a test does takes as long as it says, in virtual
//! time; what it expects it waits for, within a bound.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use patchcord_engine::call::{Bounds, Call, Caller, LegId, Origin};
use patchcord_engine::exchange::Services;
use patchcord_engine::originate::{Lineage, Wanted};
use serde_json::Value;

use super::double::Reply;
use super::failure::Failure;
use super::house::House;
use super::lengths::Lengths;
use super::limits;
use super::party::{Fate, PartyId};
use super::phone::Phone;
use super::points::{Point, When};
use super::port::Port;
use super::postbox::Owner;
use super::records::{Chronicle, Closed};
use super::stop::Stop;
use super::tale::Line;
use super::talk::{End, Stage as LineStage, Talk};

/// How a stage is set.
pub struct Setting {
    /// Who answers calls, by name.
    pub services: Box<dyn Services>,
    /// The service that answers a number of which no test has said who does.
    pub service: Option<String>,
    /// What random numbers are drawn from.
    pub seed: u64,
    /// Things of the same instant come in an order drawn from this; without it, as they were caused.
    pub orders: Option<u64>,
    /// Folders of prompts: files there say how long they are.
    pub prompts: Vec<PathBuf>,
    /// A hang-up of the caller: at which point of the story, counted from 0, how it is known from an earlier run, and when.
    pub hang_up: Option<(usize, Point, When)>,
    /// Once this is said, nothing happens any more.
    pub stop: Stop,
}

impl Setting {
    /// With these services, and nothing else said.
    #[must_use]
    pub fn of(services: Box<dyn Services>) -> Self {
        Self {
            services,
            service: None,
            seed: 1,
            orders: None,
            prompts: Vec::new(),
            hang_up: None,
            stop: Stop::default(),
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Stage(Rc<RefCell<House>>);

impl Stage {
    /// A stage on which nothing has happened.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let lengths = Lengths::of(setting.prompts);
        let mut house = House::new(setting.services, setting.seed, setting.orders, lengths);
        house.service = setting.service;
        house.stop = setting.stop;
        house.points.plan = setting.hang_up.map(|(number, point, when)| point.plan(number, when));
        Self(Rc::new(RefCell::new(house)))
    }

    /// An endpoint of this house, or a number on the network; it rings and nobody answers, until something else is said.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Phone {
        let party = self.within(|house| {
            let party = house.party(name);
            // The number of an endpoint names it, too.
            if house.parties[party].name == name {
                let is_number = name.starts_with(|first: char| first == '+' || first.is_ascii_digit());
                house.parties[party].is_endpoint = !is_number;
            }
            party
        });
        Phone::new(self.clone(), party)
    }

    /// Somebody who calls, by its number.
    #[must_use]
    pub fn phone(&self, number: &str) -> Phone {
        let party = self.within(|house| house.party(number));
        Phone::new(self.clone(), party)
    }

    /// A number that rings several endpoints.
    pub fn group(&self, name: &str, members: &[&str]) {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.within(|house| house.groups.insert(name.to_owned(), members));
    }

    /// Has the house begin a call, as `patchcord originate` does.
    pub fn originate(&self, wanted: &Wanted) -> Result<(), Failure> {
        self.within(|house| {
            house
                .originate(wanted, Lineage::default())
                .map_err(|why| house.failure("a call to be begun", why.to_string()))?;
            house.pass(Duration::ZERO);
            Ok(())
        })
    }

    /// The service that would answer a number, where it is not there.
    #[must_use]
    pub fn lacks(&self, number: &str) -> Option<String> {
        self.within(|house| {
            // Whoever writes a name means a service of that name; any number may lead to the one beside the test.
            let is_name = number.starts_with(|letter: char| letter.is_alphabetic()) && !number.contains([':', '@']);
            let is_known = house.routes.contains_key(number) || house.names.contains_key(number);
            let is_named = is_name && !is_known;
            let service = if is_named { number.to_owned() } else { house.answering(number) };
            house.services.find(&service).is_none().then_some(service)
        })
    }

    /// The service that answers a number.
    pub fn route(&self, number: &str, service: &str) {
        self.within(|house| house.routes.insert(number.to_owned(), service.to_owned()));
    }

    /// How long a prompt is.
    pub fn prompt(&self, name: &str, length: Duration) {
        self.within(|house| house.lengths.told.insert(name.to_owned(), length));
    }

    /// There is no such prompt.
    pub fn without_prompt(&self, name: &str) {
        self.within(|house| house.lengths.missing.insert(name.to_owned()));
    }

    /// What is replied to a request, or to a query.
    pub fn replies(&self, reply: Reply) {
        self.within(|house| house.double.agree(reply));
    }

    /// What another noun of the world answers: JSON, or why it does not.
    pub fn outside(&self, noun: &str, answer: Result<String, String>) {
        self.within(|house| house.double.give(noun, answer));
    }

    /// Sets the time of day, as the time since 1970.
    pub fn at(&self, wall: Duration) {
        self.within(|house| house.wall = wall.saturating_sub(house.elapsed()));
    }

    /// The time of day.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.within(|house| house.wall_now())
    }

    /// Lets time pass; everything that is due in it is done when it is.
    pub fn advance(&self, time: Duration) -> Result<(), Failure> {
        self.within(|house| {
            house.pass(time.min(limits::FARTHEST));
            house.rests()
        })
    }

    /// What the store keeps: for a service, or shared where the key says so.
    #[must_use]
    pub fn store(&self, service: &str, key: &str) -> Option<Value> {
        self.within(|house| house.double.stored(service, key, house.wall_now()).cloned())
    }

    /// Puts something into the store.
    pub fn keep(&self, service: &str, key: &str, value: Value) {
        self.within(|house| house.double.put(service, key, value));
    }

    /// What lies in a mailbox.
    #[must_use]
    pub fn mailbox(&self, user: &str) -> Vec<Value> {
        self.within(|house| house.double.postbox.messages(user))
    }

    /// What a mailbox is like; what is not said stays.
    pub fn set_mailbox(&self, user: &str, change: impl FnOnce(&mut Owner)) {
        self.within(|house| {
            let mut owner = house.double.postbox.owner(user);
            change(&mut owner);
            house.double.postbox.set_owner(user, owner);
        });
    }

    /// The letters that were sent.
    #[must_use]
    pub fn letters(&self) -> Vec<Value> {
        self.within(|house| house.double.letters.clone())
    }

    /// The requests that were made, as `GET https://…`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.within(|house| house.double.requests.clone())
    }

    /// The record of the last call that began: waits until it is over.
    pub fn record(&self) -> Result<Closed, Failure> {
        let last = self.within(|house| house.begun);
        self.record_of(last)
    }

    /// The record of a call by its number: waits until it is over.
    pub fn record_of(&self, number: u64) -> Result<Closed, Failure> {
        self.within(|house| {
            house.wait(|house| house.closed.iter().find(|closed| closed.number == number).cloned()).ok_or_else(|| {
                let owns = house.calls.get(&number).map(|talk| talk.call.owns().join("; "));
                house.failure("the call to be over", owns.unwrap_or_else(|| "there was no call".into()))
            })
        })
    }

    /// Fails with these words unless it is so.
    pub fn expect(&self, is_so: bool, what: &str) -> Result<(), Failure> {
        if is_so { Ok(()) } else { self.within(|house| Err(house.failure(what, "it is not so".into()))) }
    }

    /// Everybody hangs up and all comes to its end. What then is left, or was never right, in words; and the fault of each
    /// script that had one.
    #[must_use]
    pub fn clear(&self) -> Vec<String> {
        self.within(House::clear)
    }

    /// Faults of scripts so far.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.within(|house| house.closed.iter().flat_map(Closed::faults).cloned().collect())
    }

    /// The calls that are over, as they ended.
    #[must_use]
    pub fn closed(&self) -> Vec<Closed> {
        self.within(|house| house.closed.clone())
    }

    /// What scripts broke by until now is meant to be.
    pub fn forgive_faults(&self) {
        self.within(|house| house.forgiven = house.closed.iter().flat_map(Closed::faults).count());
    }

    /// Faults of scripts that no test has forgiven.
    #[must_use]
    pub fn unforgiven(&self) -> Vec<String> {
        let forgiven = self.within(|house| house.forgiven);
        self.faults().into_iter().skip(forgiven).collect()
    }

    /// That something was expected, and what was there instead.
    #[must_use]
    pub fn failure(&self, expected: &str, was: String) -> Failure {
        self.within(|house| house.failure(expected, was))
    }

    /// How long the test has gone on, in virtual time.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.within(|house| house.elapsed())
    }

    /// Where stories were suspended so far.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.within(|house| house.points.met.clone())
    }

    /// How often things of one instant could have come in another order.
    #[must_use]
    pub fn choices(&self) -> u32 {
        self.within(|house| house.agenda.choices())
    }

    /// What has happened, drawn for a terminal.
    #[must_use]
    pub fn ladder(&self) -> String {
        self.within(|house| house.tale.ladder())
    }

    /// What has happened, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.within(|house| house.tale.lines().cloned().collect())
    }

    pub(super) fn within<T>(&self, act: impl FnOnce(&mut House) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }
}

impl House {
    /// A party calls a number or a service.
    pub fn call(&mut self, party: PartyId, number: &str) -> Result<(), Failure> {
        if self.calls.len() >= limits::CALLS {
            let most = limits::CALLS;
            return Err(self.failure("room for a call", format!("there are {most} already")));
        }
        let service = self.answering(number);
        self.begun += 1;
        let call = self.begun;
        let name = self.parties[party].name.clone();
        self.tell(&name, format!("calls {number} ({service})"), None);
        let chronicle = Chronicle::begin(&name, number, &service, self);
        let caller = Caller {
            call,
            origin: Origin::Called,
            music: Some("music".into()),
            announce: None,
            transfers: true,
            bounds: Bounds::default(),
        };
        let machine = Call::begin(caller, self.now);
        let mut talk = Talk::new(call, service, number, machine, chronicle, self);
        talk.ends.insert(LegId::FIRST, End { party, stage: LineStage::Calls, port: Port::default() });
        let them = &mut self.parties[party];
        them.fate = Fate::Calls;
        them.legs.push((call, LegId::FIRST));
        them.calls.push(call);
        them.taken = them.sounds.len();
        self.calls.insert(call, Box::new(talk));
        self.with(call, |_, _| ());
        self.pass(Duration::ZERO);
        Ok(())
    }

    fn answering(&self, number: &str) -> String {
        if let Some(routed) = self.routes.get(number) {
            return routed.clone();
        }
        match &self.service {
            Some(service) if self.services.find(number).is_none() => service.clone(),
            _ => number.to_owned(),
        }
    }

    /// Lets time pass, and leaves everything done that is due by then.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    /// Lets time pass until something is so, or for as long as a test waits.
    pub fn wait<T>(&mut self, look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        self.wait_for(limits::PATIENCE, look)
    }

    /// The same for so long.
    pub fn wait_for<T>(&mut self, patience: Duration, mut look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let until = self.now + patience;
        loop {
            // First everything that is due now: nobody looks between two things of one instant.
            while self.agenda.first().is_some_and(|at| at <= self.now) && self.step(self.now) {}
            if let Some(found) = look(self) {
                return Some(found);
            }
            if !self.step(until) {
                return None;
            }
        }
    }

    pub fn failure(&self, expected: &str, was: String) -> Failure {
        let stopped = self.stop.why().map(|why| ("the test to end", why));
        let (expected, was) = stopped.unwrap_or((expected, was));
        let was = if self.broken.is_empty() || self.broken.contains(&was) {
            was
        } else {
            format!("{was}; {}", self.broken.iter().cloned().collect::<Vec<_>>().join("; "))
        };
        Failure { at: self.elapsed(), expected: expected.to_owned(), was, ladder: self.tale.ladder() }
    }

    /// Whether nothing has broken.
    pub fn rests(&self) -> Result<(), Failure> {
        if self.broken.is_empty() { Ok(()) } else { Err(self.failure("all to go on", "it did not".into())) }
    }

    fn clear(&mut self) -> Vec<String> {
        let until = self.now + limits::REST;
        loop {
            let places: Vec<_> = (0..self.parties.len())
                .flat_map(|party| self.parties[party].legs.iter().map(move |place| (party, *place)).collect::<Vec<_>>())
                .collect();
            for (party, place) in places {
                self.deed(party, place, &super::house::Deed::HangsUp);
            }
            if !self.step(until) {
                break;
            }
        }
        if let Some(why) = self.stop.why() {
            return vec![why];
        }
        let mut left: Vec<String> = self.broken.iter().cloned().collect();
        left.extend(self.calls.values().map(|talk| format!("call {} goes on: {:?}", talk.number, talk.call.owns())));
        let closed = self.closed.len() as u64 + self.calls.len() as u64;
        if closed < self.begun {
            left.push(format!("{} calls have no record", self.begun - closed));
        }
        let legs = self.parties.iter().filter(|party| !party.legs.is_empty());
        left.extend(legs.map(|party| format!("{} still has a leg", party.name)));
        left
    }
}
