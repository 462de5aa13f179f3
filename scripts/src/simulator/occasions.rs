//! What services are asked outside of calls, in the simulated house.

use patchcord_engine::call::{Bounds, Call, Caller, Origin};
use patchcord_engine::occasion::{NoAnswer, Occasion};

use super::failure::Failure;
use super::house::House;
use super::limits;
use super::records::Chronicle;
use super::stage::Stage;
use super::talk::Talk;

impl Stage {
    /// Asks a service something outside of any call, and waits for its answer: JSON, or the fault of its script.
    pub fn ask(&self, service: &str, occasion: &Occasion) -> Result<Result<String, String>, Failure> {
        let number = self.within(|house| house.ask(service, occasion))?;
        let closed = self.record_of(number)?;
        Ok(match (closed.answer, closed.fault) {
            (_, Some(fault)) => Err(fault),
            (Some(answer), None) => answer,
            (None, None) => Err(NoAnswer::Late.to_string()),
        })
    }
}

impl House {
    /// Begins a call without legs; gives its number.
    fn ask(&mut self, service: &str, occasion: &Occasion) -> Result<u64, Failure> {
        let handler = occasion.kind.handler();
        let expected = format!("{service} to hear of {handler}");
        if self.services.find(service).is_none() {
            return Err(self.failure(&expected, NoAnswer::NoService(service.to_owned()).to_string()));
        }
        if !self.services.hears(service, handler) {
            return Err(self.failure(&expected, NoAnswer::NoHandler(service.to_owned(), handler).to_string()));
        }
        if self.calls.len() >= limits::CALLS {
            return Err(self.failure("room for a call", format!("there are {} already", limits::CALLS)));
        }
        occasion.check().map_err(|why| self.failure(&expected, why.to_string()))?;
        self.begun += 1;
        let number = self.begun;
        self.tell(&occasion.from, format!("asks {service} ({handler})"), None);
        let chronicle = Chronicle::of_occasion(&occasion.from, service, occasion.kind, self);
        let origin = Origin::Occasion(Box::new(occasion.clone()));
        let machine = Call::begin(
            Caller { call: number, origin, music: None, announce: None, transfers: false, bounds: Bounds::default() },
            self.now,
        );
        let talk = Talk::new(number, service.to_owned(), service, machine, chronicle, self);
        self.calls.insert(number, Box::new(talk));
        self.with(number, |_, _| ());
        Ok(number)
    }
}
