//! What phones intend: by seed, and by hand.

use std::time::Duration;

use super::phone::{Deed, Manner};
use super::town::{ALICE, BOB, CAROL, CARRIER, Chance, NAMES, Town, Weather};

const SECOND: Duration = Duration::from_secs(1);

/// Whom somebody calls.
const NUMBERS: [&str; 9] = ["101", "102", "103", "102", "200", "201", "+49309", "200", "999"];

/// Whom a carrier's party calls.
const FROM_OUTSIDE: [&str; 3] = ["+49301", "+49302", "+49999"];

/// The story of a seed.
pub fn of(seed: u64) -> Town {
    let mut chance = Chance(seed ^ 0xca11);
    let weather = match chance.below(4) {
        0 => Weather::CALM,
        _ => Weather {
            lost_percent: chance.below(41),
            twice_percent: chance.below(31),
            slowest: Duration::from_millis(chance.one_of(&[0, 5, 50, 400, 1500])),
        },
    };
    let mut town = Town::new(seed, weather);
    for phone in 0..NAMES.len() {
        town.phones[phone].manner = manner(&mut chance);
        let begins = town.start + chance.time(SECOND);
        if phone != CARRIER {
            town.phones[phone].will(begins, Deed::Register);
        }
        for _ in 0..1 + chance.below(5) {
            let at = town.start + 3 * SECOND + chance.time(40 * SECOND);
            let deed = deed(phone, &mut chance);
            town.phones[phone].will(at, deed);
            if matches!(deed, Deed::Call(_)) && chance.percent(70) {
                let later = at + chance.time(25 * SECOND);
                town.phones[phone].will(later, deed_in_call(&mut chance));
            }
        }
    }
    town
}

fn manner(chance: &mut Chance) -> Manner {
    let after = chance.time(8 * SECOND);
    match chance.below(12) {
        0..=6 => Manner::Answers(after),
        7 | 8 => Manner::Early(after),
        9 => Manner::Rings,
        10 => Manner::Refuses(chance.one_of(&[486, 603, 480, 404, 500, 503, 302])),
        _ => Manner::Silent,
    }
}

fn deed(phone: usize, chance: &mut Chance) -> Deed {
    match chance.below(20) {
        0..=11 if phone == CARRIER => Deed::Call(chance.one_of(&FROM_OUTSIDE)),
        0..=11 => Deed::Call(chance.one_of(&NUMBERS)),
        12 | 13 => Deed::HangUp,
        14 => Deed::Crash(chance.time(60 * SECOND)),
        15 if chance.percent(30) => Deed::Burn,
        _ => deed_in_call(chance),
    }
}

fn deed_in_call(chance: &mut Chance) -> Deed {
    match chance.below(10) {
        0..=3 => Deed::HangUp,
        4 => Deed::Hold(true),
        5 => Deed::Hold(false),
        6 | 7 => Deed::Transfer(chance.one_of(&["101", "102", "103", "200", "999"])),
        8 => Deed::TransferAttended,
        _ => Deed::HangUpAll,
    }
}

/// A short story in calm weather, its name, and who may leave it.
pub struct Short {
    pub name: &'static str,
    /// Milliseconds from the beginning, who, and what.
    deeds: &'static [(u64, usize, Deed)],
    /// How phones take calls; who is not named answers after a second.
    manners: &'static [(usize, Manner)],
    /// Who is in it.
    pub cast: &'static [usize],
    /// Before this many milliseconds everybody only registers.
    pub begins: u64,
}

impl Short {
    pub fn town(&self) -> Town {
        let mut town = Town::new(1, Weather::CALM);
        town.curfew = town.start + 12 * SECOND;
        for (phone, manner) in self.manners {
            town.phones[*phone].manner = *manner;
        }
        for phone in [ALICE, BOB, CAROL] {
            town.phones[phone].will(town.start, Deed::Register);
        }
        for (at, phone, deed) in self.deeds {
            let at = town.start + Duration::from_millis(*at);
            town.phones[*phone].will(at, *deed);
        }
        town
    }
}

/// What the explorer plays.
pub const SHORT: [Short; 9] = [
    Short {
        name: "a call, answered, held, resumed, and ended by the caller",
        deeds: &[
            (1000, ALICE, Deed::Call("102")),
            (3000, ALICE, Deed::Hold(true)),
            (4000, ALICE, Deed::Hold(false)),
            (5000, ALICE, Deed::HangUp),
        ],
        manners: &[],
        cast: &[ALICE, BOB],
        begins: 1000,
    },
    Short {
        name: "both hang up at once",
        deeds: &[(1000, ALICE, Deed::Call("102")), (4000, ALICE, Deed::HangUp), (4000, BOB, Deed::HangUp)],
        manners: &[],
        cast: &[ALICE, BOB],
        begins: 1000,
    },
    Short {
        name: "given up while it is answered",
        deeds: &[(1000, ALICE, Deed::Call("102")), (2070, ALICE, Deed::HangUp)],
        manners: &[],
        cast: &[ALICE, BOB],
        begins: 1000,
    },
    Short {
        name: "both hold at once",
        deeds: &[
            (1000, ALICE, Deed::Call("102")),
            (3000, ALICE, Deed::Hold(true)),
            (3000, BOB, Deed::Hold(true)),
            (5000, BOB, Deed::HangUp),
        ],
        manners: &[],
        cast: &[ALICE, BOB],
        begins: 1000,
    },
    Short {
        name: "transferred blindly by the caller",
        deeds: &[(1000, ALICE, Deed::Call("102")), (3000, ALICE, Deed::Transfer("103")), (6000, BOB, Deed::HangUp)],
        manners: &[],
        cast: &[ALICE, BOB, CAROL],
        begins: 1000,
    },
    Short {
        name: "transferred after a consultation",
        deeds: &[
            (1000, ALICE, Deed::Call("102")),
            (3000, ALICE, Deed::Hold(true)),
            (3500, ALICE, Deed::Call("103")),
            (6000, ALICE, Deed::TransferAttended),
            (8000, BOB, Deed::HangUp),
        ],
        manners: &[],
        cast: &[ALICE, BOB, CAROL],
        begins: 1000,
    },
    Short {
        name: "two ring, and the first who answers has it",
        deeds: &[(1000, CARRIER, Deed::Call("+49301")), (4000, CARRIER, Deed::HangUp)],
        manners: &[(ALICE, Manner::Early(Duration::from_secs(1))), (BOB, Manner::Answers(Duration::from_secs(1)))],
        cast: &[ALICE, BOB, CARRIER],
        begins: 1000,
    },
    Short {
        name: "out through the carrier, transferred back inside",
        deeds: &[
            (1000, ALICE, Deed::Call("+49309")),
            (3000, CARRIER, Deed::Transfer("102")),
            (3000, ALICE, Deed::Hold(true)),
            (6000, ALICE, Deed::HangUp),
        ],
        manners: &[],
        cast: &[ALICE, BOB, CARRIER],
        begins: 1000,
    },
    Short {
        name: "a transfer to somebody who refuses, and back",
        deeds: &[(1000, ALICE, Deed::Call("102")), (3000, ALICE, Deed::Transfer("103")), (6000, ALICE, Deed::HangUp)],
        manners: &[(CAROL, Manner::Refuses(486))],
        cast: &[ALICE, BOB, CAROL],
        begins: 1000,
    },
];
