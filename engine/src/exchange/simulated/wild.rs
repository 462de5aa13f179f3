//! A service that says one verb after the other, whatever came of the last: what a script could do at its worst.

use std::time::Duration;

use super::town::Chance;
use crate::call::verb::{Dial, Gather, Play, Ringback, Strategy, Transfer, Verb};
use crate::call::{Happening, LegId, Outcome};
use crate::program::{End, Program, Step, VerbId, Wake};

/// Verbs of one story.
const MOST: u64 = 12;

pub struct Wild {
    chance: Chance,
    legs: Vec<LegId>,
    said: u64,
    under_way: u32,
    over: bool,
}

impl Wild {
    pub fn of(seed: u64) -> Self {
        Self { chance: Chance(seed), legs: Vec::new(), said: 0, under_way: 0, over: false }
    }

    fn dial(&mut self) -> Dial {
        let all = ["user:alice", "user:bob", "user:carol", "101", "+49309", "sip:nobody@198.51.100.99"];
        let targets = (0..=self.chance.below(3)).map(|_| self.chance.one_of(&all).to_owned()).collect();
        let steps = Strategy::Steps(Duration::from_secs(2));
        Dial {
            strategy: self.chance.one_of(&[Strategy::All, Strategy::OneByOne, steps]),
            ringback: if self.chance.percent(50) { Ringback::Pass } else { Ringback::Phone },
            max_talk: self.chance.percent(30).then_some(Duration::from_secs(20)),
            ..Dial::new(targets, Duration::from_secs(5 + self.chance.below(20)))
        }
    }

    fn verb(&mut self) -> Verb {
        let leg = self.legs[self.chance.below(self.legs.len() as u64) as usize];
        let first = self.legs[0];
        match self.chance.below(20) {
            0 => Verb::Ring(leg),
            1 => Verb::Progress(leg),
            2 | 3 => Verb::Answer(leg),
            4 => Verb::Play(leg, Play { prompts: vec!["tone::milliwatt".into()], loops: 1, ..Play::default() }),
            5 => Verb::Gather(leg, Box::new(keys())),
            6..=9 => Verb::Dial(first, Box::new(self.dial())),
            10 => Verb::CallOut(Box::new(self.dial())),
            11 => Verb::Bridge(first, leg),
            12 => Verb::Unbridge(leg),
            13 => Verb::Hold(leg, None),
            14 => Verb::Unhold(leg),
            15 => Verb::Transfer(leg, self.transfer()),
            16 => Verb::Refer(leg, "sip:101@192.0.2.1".into()),
            17 => Verb::Echo(leg),
            18 => Verb::HangUp(leg, 16),
            _ => Verb::Sleep(Duration::from_millis(self.chance.below(4000))),
        }
    }

    fn transfer(&mut self) -> Transfer {
        Transfer {
            to: self.chance.one_of(&["101", "102", "+49309"]).to_owned(),
            attended: self.chance.percent(40),
            return_on_fail: self.chance.percent(50),
        }
    }

    fn go_on(&mut self) -> Step {
        if self.said >= MOST || self.over {
            self.over = true;
            return Step::Finished(End::Told);
        }
        self.said += 1;
        self.under_way += 1;
        let verb = if self.said == 1 && self.chance.percent(60) { Verb::Answer(self.legs[0]) } else { self.verb() };
        Step::Wants(VerbId(self.said), verb)
    }
}

/// Nobody presses any.
fn keys() -> Gather {
    Gather {
        prompt: None,
        min: 1,
        max: 4,
        end: Vec::new(),
        timeout: Duration::from_secs(3),
        gap: Duration::from_secs(2),
        barge_in: true,
        tries: 2,
        invalid: None,
        accept: Vec::new(),
        clear_first: false,
        secret: false,
    }
}

impl Program for Wild {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => self.legs.push(leg),
            Wake::Result(_, outcome) => {
                self.under_way -= 1;
                if let Outcome::Dialled { leg: Some(leg), .. } = outcome
                    && !self.legs.contains(&leg)
                {
                    self.legs.push(leg);
                }
            }
            Wake::Heard(Happening::Refer(leg, _)) if !self.over => {
                self.said += 1;
                self.under_way += 1;
                let verb = if self.chance.percent(70) { Verb::AcceptRefer(leg) } else { Verb::RejectRefer(leg, 603) };
                return Step::Wants(VerbId(self.said), verb);
            }
            // One thing at a time, and sometimes two.
            Wake::Heard(_) if self.under_way > 0 || self.over || self.chance.percent(80) => return Step::Waits,
            Wake::Heard(_) | Wake::Breathed { .. } => {}
            Wake::Gone | Wake::Occasion(_) => {
                self.over = true;
                return Step::Finished(End::Told);
            }
        }
        if self.over {
            return Step::Finished(End::Told);
        }
        self.go_on()
    }
}
