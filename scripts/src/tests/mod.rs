//! Scripts, driven as the engine drives them: resumed with what happened, and looked at by what they say.

mod ends;
mod faults;
mod mistakes;
mod ours;
mod services;
mod verbs;

use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::call::event::Who;
use patchcord_engine::call::{Ending, Happening, LegId, Outcome, Status, Verb};
use patchcord_engine::errand::{Brought, Errand, Facts};
use patchcord_engine::program::{Program, Step, VerbId, Wake};
use patchcord_media::dtmf::{Key, Press, Via};

use crate::{Host, Limits, Script, Shelf};

/// What the tests take is counted as in the product.
#[global_allocator]
static ALLOCATOR: crate::memory::Weighed<std::alloc::System> = crate::memory::Weighed(std::alloc::System);

const CALLER: LegId = LegId::FIRST;

/// A script, and an engine that answers what every story asks first.
struct Told {
    script: Script,
    /// Lines that it wrote.
    log: Vec<(String, String)>,
    moments: u64,
}

impl Told {
    fn of(text: &str) -> Self {
        Self::within(text, Limits::default())
    }

    fn within(text: &str, limits: Limits) -> Self {
        let shelf = Arc::new(Shelf::new(limits));
        if let Err(broken) = shelf.publish("ivr", "ivr.rhai", text) {
            panic!("{broken}");
        }
        shelf.publish("voicemail", "voicemail.rhai", "fn on_invite(caller) {}").expect("a script");
        let host = Host::new(shelf);
        let (script, _) = host.script("ivr").expect("it was published");
        Self { script, log: Vec::new(), moments: 0 }
    }

    fn begin(&mut self) -> Step {
        self.wake(Wake::Begin(CALLER))
    }

    /// Resumes it, and answers what needs nobody.
    fn wake(&mut self, wake: Wake) -> Step {
        let mut step = self.script.resume(wake);
        loop {
            let (id, outcome) = match step {
                Step::Wants(id, Verb::Errand(errand)) if !matches!(*errand, Errand::Outside(_)) => {
                    let brought = match *errand {
                        Errand::Facts(_) => Brought::Facts(Some(Box::new(facts()))),
                        _ => {
                            self.moments += 1;
                            Brought::Moment { wall: Duration::from_secs(1_800_000_000), seed: 7 }
                        }
                    };
                    (id, Outcome::Brought(Box::new(brought)))
                }
                Step::Wants(id, Verb::Log(kind, text)) => {
                    self.log.push((kind, text));
                    (id, Outcome::Plain(Status::Ok))
                }
                other => return other,
            };
            step = self.script.resume(Wake::Result(id, outcome));
        }
    }

    fn answer(&mut self, to: &Step, outcome: Outcome) -> Step {
        let Step::Wants(id, _) = to else { panic!("{to:?} wants nothing") };
        self.wake(Wake::Result(*id, outcome))
    }

    fn status(&mut self, to: &Step, status: Status) -> Step {
        self.answer(to, Outcome::Plain(status))
    }

    fn key(&mut self, key: char) -> Step {
        let key = Key::of_char(key).expect("a key");
        let press = Press { key, duration: Duration::from_millis(120), via: Via::Rtp };
        self.wake(Wake::Heard(Happening::Key(CALLER, press)))
    }

    /// Lets it compute until it says something, with everybody there or gone; and how often it breathed.
    fn computes(&mut self, mut step: Step, alone: bool) -> (Step, usize) {
        let mut breaths = 0;
        while step == Step::Breathe {
            breaths += 1;
            step = self.wake(Wake::Breathed { alone });
        }
        (step, breaths)
    }

    fn leaves(&mut self, leg: LegId) -> Step {
        let ending = Ending { by: Who::Party, cause: 16, sip: Some(200), reason: "normal clearing".into() };
        self.wake(Wake::Heard(Happening::Left(leg, ending)))
    }
}

fn facts() -> Facts {
    Facts {
        call: "01KOWN".into(),
        from: "+33612345678".into(),
        to: "100".into(),
        number: "+33612345678".into(),
        name: "Ann".into(),
        headers: vec![("X-Order".into(), "12".into())],
        transport: "udp".into(),
        state: "ringing".into(),
        ..Facts::default()
    }
}

/// The verb that a step wants.
#[track_caller]
fn wanted(step: &Step) -> &Verb {
    match step {
        Step::Wants(_, verb) => verb,
        other => panic!("it wants no verb, but {other:?}"),
    }
}

fn id(step: &Step) -> VerbId {
    match step {
        Step::Wants(id, _) => *id,
        other => panic!("it wants no verb, but {other:?}"),
    }
}
