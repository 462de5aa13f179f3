//! What was heard live and what a ledger gives again are the same samples.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::*;

/// The round of a media thread in which the room opens.
const FIRST: u64 = 1000;

/// A room in which whatever is heard is kept, by who hears it and in which round.
struct Live {
    mixer: Mixer,
    seats: BTreeMap<u64, Seat>,
    heard: BTreeMap<(u64, u64), Vec<i16>>,
    ledger: Vec<u8>,
    round: u64,
}

impl Live {
    fn new(rules: Rules) -> Self {
        let mut mixer = Mixer::new(Rate::Narrow, rules);
        assert!(mixer.keep_ledger());
        Self { mixer, seats: BTreeMap::new(), heard: BTreeMap::new(), ledger: Vec::new(), round: FIRST }
    }

    fn enter(&mut self, who: u64) {
        if !self.seats.contains_key(&who) {
            let seat = self.mixer.enter().expect("room");
            self.mixer.name(seat, who);
            self.seats.insert(who, seat);
        }
    }

    fn leave(&mut self, who: u64) {
        if let Some(seat) = self.seats.remove(&who) {
            self.mixer.leave(seat);
        }
    }

    /// A round as a media thread makes it: these speak, so loud.
    fn round(&mut self, voices: &[(u64, i16)]) {
        self.mixer.begin_round(self.round);
        let samples = self.mixer.rate().samples();
        for (who, level) in voices {
            let sound: Vec<i16> = (0..samples).map(|at| if at % 7 < 4 { *level } else { *level / -3 }).collect();
            if let Some(seat) = self.seats.get(who) {
                self.mixer.hear(*seat, &sound);
            }
        }
        self.mixer.mix();
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        self.mixer.shared(&mut shared);
        for (who, seat) in &self.seats {
            let heard = match self.mixer.hears(*seat) {
                Hears::Nothing => vec![0; samples],
                Hears::Shared => shared.clone(),
                Hears::Own => {
                    self.mixer.own(*seat, &mut own);
                    own.clone()
                }
            };
            self.heard.insert((*who, self.round), heard);
        }
        self.mixer.clear();
        self.round += 1;
        assert!(self.mixer.fetch_ledger(&mut self.ledger));
    }

    /// What the ledger says that somebody heard, by the round.
    fn again(&self, who: u64) -> BTreeMap<(u64, u64), Vec<i16>> {
        let mut heard = BTreeMap::new();
        let read = replay(&*self.ledger, who, |round, _, sound| {
            heard.insert((who, FIRST + round), sound.to_vec());
            ControlFlow::Continue(())
        });
        assert_eq!(read, Ok(()));
        heard
    }

    /// All that somebody heard live.
    fn of(&self, who: u64) -> BTreeMap<(u64, u64), Vec<i16>> {
        self.heard.iter().filter(|((known, _), _)| *known == who).map(|(at, sound)| (*at, sound.clone())).collect()
    }
}

#[test]
fn what_bob_heard_is_given_again_sample_by_sample() {
    let mut room = Live::new(Rules { automatic_gain: true, ..Rules::default() });
    [1, 2, 3].into_iter().for_each(|who| room.enter(who));
    for number in 0..100i16 {
        room.round(&[(1, 3000), (3, 900 + number), (2, if number > 60 { 12_000 } else { 0 })]);
        match number {
            20 => room.mixer.set_gain(room.seats[&3], Gain(9000)),
            30 => room.mixer.mute(room.seats[&1], true),
            40 => room.mixer.mute(room.seats[&1], false),
            50 => room.mixer.pair(room.seats[&3], room.seats[&2], Gain::NONE).expect("a pair"),
            70 => room.leave(3),
            80 => room.mixer.set_rate(Rate::Wide),
            _ => {}
        }
    }
    let again = room.again(2);
    assert_eq!(again.len(), 100);
    assert!(again.values().flatten().any(|sample| *sample != 0), "he heard something");
    assert_eq!(again, room.of(2));
    assert_eq!(room.again(3), room.of(3), "until she left");
    assert_eq!(room.again(9), BTreeMap::new(), "nobody of that name");
}

#[test]
fn who_has_heard_enough_is_told_no_more_and_a_long_ledger_is_read_in_pieces() {
    let mut room = Live::new(Rules::default());
    [1, 2].into_iter().for_each(|who| room.enter(who));
    (0..4000).for_each(|_| room.round(&[(1, 5000)]));
    assert!(room.ledger.len() > PIECE);
    assert_eq!(room.again(2), room.of(2));
    let mut heard = Vec::new();
    let read = replay(&*room.ledger, 2, |round, _, _| {
        heard.push(round);
        if round < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert_eq!((read, heard), (Ok(()), vec![0, 1, 2]));
}

#[test]
fn a_ledger_begins_with_its_room() {
    let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
    assert!(!mixer.fetch_ledger(&mut Vec::new()), "nobody asked for one");
    mixer.enter().expect("room");
    assert!(!mixer.keep_ledger(), "what it remembers is not written down");
}

#[test]
fn a_torn_ledger_gives_what_stands_before_and_says_where_it_broke() {
    let mut room = Live::new(Rules::default());
    room.enter(1);
    room.enter(2);
    (0..5).for_each(|_| room.round(&[(1, 5000)]));
    let whole = room.ledger.len();
    let mut rounds = Vec::new();
    for length in [0, 5, whole / 2, whole - 1] {
        let mut told = 0;
        let read = replay(&room.ledger[..length], 2, |_, _, _| {
            told += 1;
            ControlFlow::Continue(())
        });
        assert!(matches!(read, Err(Torn::At(at)) if at <= length) || read == Err(Torn::Title), "{read:?}");
        rounds.push(told);
    }
    assert_eq!((rounds[0], rounds[3]), (0, 4), "all but the last round");
    let mut other = room.ledger.clone();
    other[TITLE.len()] = b'?';
    assert_eq!(replay(&*other, 2, |_, _, _| ControlFlow::Continue(())), Err(Torn::At(TITLE.len())));
}

#[test]
fn a_ledger_that_nobody_fetches_is_given_up_and_not_kept_for_ever() {
    let mut mixer = Mixer::new(Rate::Full, Rules::default());
    mixer.keep_ledger();
    let seat = mixer.enter().expect("room");
    (0..10_000).for_each(|_| mixer.hear(seat, &[1; 960]));
    let mut out = Vec::new();
    assert!(!mixer.fetch_ledger(&mut out));
    assert!(out.len() < MOST_WAITING + 4096);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_happens_in_a_room_is_given_again(
        story in proptest::collection::vec((0..10u8, 0..6u64, 0..6u64, any::<i16>()), 1..80),
        most_talkers in 1..4usize,
        automatic_gain: bool,
    ) {
        let mut room = Live::new(Rules { most_talkers, automatic_gain });
        for (deed, who, other, number) in story {
            let gain = Gain(number.unsigned_abs().min(Gain::MOST.0));
            let (seat, others) = (room.seats.get(&who).copied(), room.seats.get(&other).copied());
            match (deed, seat, others) {
                (0 | 1, ..) => room.enter(who),
                (2, ..) => room.leave(who),
                (3, Some(seat), _) => room.mixer.set_gain(seat, gain),
                (4, Some(seat), _) => room.mixer.mute(seat, number % 2 == 0),
                (5, Some(seat), _) => room.mixer.deafen(seat, number % 2 == 0),
                (6, Some(seat), Some(others)) => prop_assert!(room.mixer.pair(seat, others, gain).is_ok()),
                (7, Some(seat), _) => {
                    room.mixer.pair_guest(77, seat, gain).expect("few");
                    room.mixer.hear_guest(77, &vec![number / 2; room.mixer.rate().samples()]);
                    room.mixer.add_partial(&vec![i32::from(number); room.mixer.rate().samples()]);
                }
                (8, ..) => room.mixer.announce(&vec![number; room.mixer.rate().samples()]),
                (9, ..) => room.mixer.set_rate(if number > 0 { Rate::Wide } else { Rate::Narrow }),
                _ => {}
            }
            room.round(&[(who, number), (other, number / 2), (0, 9000)]);
        }
        for who in 0..6 {
            prop_assert_eq!(room.again(who), room.of(who));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = replay(&*bytes, 1, |_, _, _| ControlFlow::Continue(()));
        bytes.splice(0..0, *TITLE);
        let _ = replay(&*bytes, 1, |_, _, _| ControlFlow::Continue(()));
    }
}
