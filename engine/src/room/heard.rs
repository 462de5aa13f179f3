//! Twelve members in virtual time, each with a tone of its own. What the machine says of the sound is done to real mixers, and the
//! spectrum of what each member is given proves that it hears exactly whom it should.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;
use std::time::UNIX_EPOCH;

use patchcord_media::frame::Rate;
use patchcord_media::mixer::{Gain, Hears, Mixer, Rules as Mixed, Seat};
use proptest::prelude::*;

use super::*;
use crate::call::LegId;
use crate::rooms::factor;

const TWELVE: usize = 12;

/// Loud enough that no mixer takes it for a fan, and twelve of them fit into a sample.
const LOUD: f64 = 2500.0;

/// In a frame of 20 ms lie whole waves of each, so none of them is seen in the place of another one.
const STEP_HZ: f64 = 50.0;
const LOWEST_HZ: f64 = 400.0;

/// Frames until who begins and who ends has faded.
const FADED: usize = 4;

const ROOMS: [&str; 2] = ["weekly", "side"];

fn hz(who: usize) -> f64 {
    LOWEST_HZ + 3.0 * STEP_HZ * who as f64
}

fn place(who: usize) -> Place {
    Place { shard: 0, call: who as u64, leg: LegId::FIRST }
}

fn leg(who: usize) -> Whom {
    Whom::Leg(place(who))
}

fn quiet() -> Rules {
    Rules { sounds: false, announce: Announce::Nothing, ..Rules::default() }
}

/// The machine, and mixers that do what it says.
struct Stage {
    house: House,
    now: Instant,
    mixers: BTreeMap<RoomKey, Mixer>,
    seats: BTreeMap<MemberId, (RoomKey, Seat)>,
    frame: usize,
}

impl Stage {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let now = Instant::now();
        let (mixers, seats) = (BTreeMap::new(), BTreeMap::new());
        let mut stage = Self { house: House::default(), now, mixers, seats, frame: 0 };
        (0..TWELVE).for_each(|who| stage.comes(who));
        stage
    }

    fn comes(&mut self, who: usize) {
        let number = format!("{who}");
        let entrant = Entrant {
            place: place(who),
            call: None,
            name: number.clone(),
            source: number.clone(),
            number,
            unheard: None,
        };
        // A room that goes on keeps its own.
        self.house.open(ROOMS[0], quiet(), self.now).expect("a room");
        self.house.come(&Join::to(ROOMS[0]), &entrant, self.now, UNIX_EPOCH);
        self.settle();
        self.says(who, Asked::Ready);
    }

    fn says(&mut self, who: usize, asked: Asked) {
        self.house.hear(place(who), asked, self.now);
        self.settle();
    }

    fn orders(&mut self, room: &str, order: Order) -> Result<Reply, Refused> {
        let done = self.house.order(room, order, By::command_line(), (self.now, UNIX_EPOCH));
        self.settle();
        done
    }

    fn member(&self, who: usize) -> MemberId {
        self.house.whereabouts(place(who)).expect("it is in a room").1
    }

    fn settle(&mut self) {
        while let Some(effect) = self.house.poll() {
            if let Effect::Sound(sound) = effect {
                self.does(sound);
            }
        }
    }

    /// As the media plane does it.
    fn does(&mut self, sound: Sound) {
        match sound {
            Sound::Enter(member, room, automatic_gain) => {
                self.leaves(member);
                let rules = Mixed { automatic_gain, ..Mixed::default() };
                let mixer = self.mixers.entry(room).or_insert_with(|| Mixer::new(Rate::Narrow, rules));
                self.seats.insert(member, (room, mixer.enter().expect("a seat")));
            }
            Sound::Leave(member) => self.leaves(member),
            Sound::Muted(member, on) => self.at(member, |mixer, seat| mixer.mute(seat, on)),
            Sound::Deaf(member, on) => self.at(member, |mixer, seat| mixer.deafen(seat, on)),
            Sound::Gain(member, db) => self.at(member, |mixer, seat| mixer.set_gain(seat, factor(db))),
            Sound::Hears(listener, speaker, db) => {
                let ears = self.seats[&listener].1;
                self.at(speaker, |mixer, mouth| mixer.pair(mouth, ears, factor(db)).expect("room for a pair"));
            }
            Sound::Clean(..) => {}
            Sound::Ruled(room, automatic_gain) => {
                let rules = Mixed { automatic_gain, ..Mixed::default() };
                self.mixers.get_mut(&room).expect("its room").set_rules(rules);
            }
            Sound::Close(room) => {
                let left = self.mixers.remove(&room).map_or(0, |mixer| mixer.members());
                assert_eq!(left, 0, "a room is closed when nobody is in it");
            }
        }
    }

    fn at(&mut self, member: MemberId, change: impl FnOnce(&mut Mixer, Seat)) {
        let (room, seat) = self.seats[&member];
        change(self.mixers.get_mut(&room).expect("its room"), seat);
    }

    fn leaves(&mut self, member: MemberId) {
        if let Some((room, seat)) = self.seats.remove(&member) {
            self.mixers.get_mut(&room).expect("its room").leave(seat);
        }
    }

    /// What each of the twelve hears of each, as loud as it is: a few frames in which these speak.
    fn hears(&mut self, talks: &[bool; TWELVE]) -> Vec<[f64; TWELVE]> {
        let mut heard = vec![[0.0; TWELVE]; TWELVE];
        for _ in 0..=FADED {
            self.mixers.values_mut().for_each(Mixer::clear);
            let seats: Vec<_> = (0..TWELVE)
                .filter_map(|who| Some((who, *self.seats.get(&self.house.whereabouts(place(who))?.1)?)))
                .collect();
            for (who, (room, seat)) in &seats {
                let sound = if talks[*who] { tone(hz(*who), self.frame) } else { [0; 160] };
                self.mixers.get_mut(room).expect("its room").hear(*seat, &sound);
            }
            self.mixers.values_mut().for_each(Mixer::mix);
            for (who, (room, seat)) in &seats {
                let (mixer, mut sound) = (self.mixers.get_mut(room).expect("its room"), Vec::new());
                match mixer.hears(*seat) {
                    Hears::Nothing => {}
                    Hears::Shared => mixer.shared(&mut sound),
                    Hears::Own => mixer.own(*seat, &mut sound),
                }
                heard[*who] = std::array::from_fn(|other| loudness(&sound, hz(other)));
            }
            self.frame += 1;
        }
        heard
    }
}

fn tone(hz: f64, frame: usize) -> [i16; 160] {
    let step = TAU * hz / f64::from(Rate::Narrow.hz());
    std::array::from_fn(|at| (LOUD * (step * (frame * 160 + at) as f64).sin()).round() as i16)
}

/// The amplitude of a tone in a frame.
fn loudness(sound: &[i16], hz: f64) -> f64 {
    let step = TAU * hz / f64::from(Rate::Narrow.hz());
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in sound.iter().enumerate() {
        let (sin, cos) = (step * at as f64).sin_cos();
        re += f64::from(*sample) * cos;
        im += f64::from(*sample) * sin;
    }
    2.0 * f64::hypot(re, im) / sound.len().max(1) as f64
}

#[test]
fn everybody_is_brought_to_one_loudness_from_when_it_is_ordered_until_it_is_no_longer() {
    let mut stage = Stage::new();
    stage.orders(ROOMS[0], Order::Gain(leg(1), -12)).expect("quieter");
    let mut talks = [false; TWELVE];
    talks[1] = true;
    let heard = |stage: &mut Stage| {
        let levels = (0..60).map(|_| stage.hears(&talks)[0][1]);
        levels.last().unwrap_or_default()
    };
    let usual = heard(&mut stage);
    let done = |reply| assert_eq!(reply, Ok(Reply::Done { done: 1 }));
    done(stage.orders(ROOMS[0], Order::AutomaticGain(true)));
    assert_eq!(stage.orders(ROOMS[0], Order::AutomaticGain(true)), Ok(Reply::Done { done: 0 }));
    let even = heard(&mut stage);
    assert!(
        (even - usual).abs() > usual / 10.0,
        "{usual:.0} as it comes, {even:.0} when all are brought to one loudness"
    );
    done(stage.orders(ROOMS[0], Order::AutomaticGain(false)));
    let again = heard(&mut stage);
    assert!((again - usual).abs() < usual / 50.0, "{usual:.0} before, {again:.0} after");
}

/// How the twelve stand, as whoever gave the orders believes.
#[derive(Clone)]
struct Believed {
    room: [usize; TWELVE],
    talks: [bool; TWELVE],
    muted: [bool; TWELVE],
    deaf: [bool; TWELVE],
    /// Held out of the room, and who holds it on his phone.
    aside: [bool; TWELVE],
    held: [bool; TWELVE],
    gain: [i8; TWELVE],
    pairs: BTreeMap<(usize, usize), i8>,
}

impl Believed {
    fn new() -> Self {
        let (none, all) = ([false; TWELVE], [true; TWELVE]);
        let (room, gain) = ([0; TWELVE], [0; TWELVE]);
        Self { room, talks: all, muted: none, deaf: none, aside: none, held: none, gain, pairs: BTreeMap::new() }
    }

    /// How loud one is to another one.
    fn loudness(&self, listener: usize, speaker: usize) -> f64 {
        let apart = [self.aside, self.held].iter().any(|out| out[listener] || out[speaker]);
        let silent = !self.talks[speaker] || self.muted[speaker] || self.deaf[listener];
        if listener == speaker || apart || silent || self.room[listener] != self.room[speaker] {
            return 0.0;
        }
        let pair = self.pairs.get(&(listener, speaker)).copied().unwrap_or(0);
        let weight = |db: i8| f64::from(factor(db).0) / f64::from(Gain::UNITY.0);
        LOUD * weight(self.gain[speaker]) * weight(pair)
    }

    fn goes(&mut self, who: usize, room: usize) {
        if std::mem::replace(&mut self.room[who], room) != room {
            self.pairs.retain(|(one, other), _| *one != who && *other != who);
        }
    }

    fn agrees(&self, stage: &mut Stage) -> Result<(), TestCaseError> {
        let heard = stage.hears(&self.talks);
        for (listener, levels) in heard.iter().enumerate() {
            for (speaker, level) in levels.iter().enumerate() {
                let wanted = self.loudness(listener, speaker);
                prop_assert!(
                    (level - wanted).abs() < LOUD / 50.0,
                    "{listener} hears {speaker} at {level:.0} and should at {wanted:.0}"
                );
            }
        }
        Ok(())
    }
}

/// Something that is ordered, of whom.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Mute(usize, bool),
    Deaf(usize, bool),
    Aside(usize, bool),
    Held(usize, bool),
    Gain(usize, i8),
    Hears(usize, usize, i8),
    Move(usize, usize),
    Merge(usize),
    Talk(usize, bool),
    /// Hangs up and calls again.
    Again(usize),
}

fn act(deed: Deed, stage: &mut Stage, believed: &mut Believed) -> Result<(), TestCaseError> {
    let room = |who: usize, believed: &Believed| ROOMS[believed.room[who]];
    let done = match deed {
        Deed::Mute(who, on) => {
            believed.muted[who] = on;
            stage.orders(room(who, believed), Order::Mute(leg(who), on))
        }
        Deed::Deaf(who, on) => {
            believed.deaf[who] = on;
            stage.orders(room(who, believed), Order::Deaf(leg(who), on))
        }
        Deed::Aside(who, on) => {
            believed.aside[who] = on;
            stage.orders(room(who, believed), Order::Aside(leg(who), on))
        }
        Deed::Gain(who, db) => {
            believed.gain[who] = db;
            stage.orders(room(who, believed), Order::Gain(leg(who), db))
        }
        Deed::Hears(listener, speaker, db) => {
            let both = believed.room[listener] == believed.room[speaker] && listener != speaker;
            let done = stage.orders(room(listener, believed), Order::Hears(leg(listener), leg(speaker), db));
            if !both {
                prop_assert!(done.is_err() || listener == speaker, "one hears another of another room");
                return Ok(());
            }
            believed.pairs.insert((listener, speaker), db);
            done
        }
        Deed::Move(who, to) => {
            let done = stage.orders(room(who, believed), Order::Move(leg(who), ROOMS[to].into()));
            believed.goes(who, to);
            done
        }
        Deed::Merge(into) => {
            let others: BTreeSet<usize> = (0..TWELVE).filter(|who| believed.room[*who] != into).collect();
            let done = stage.orders(ROOMS[into], Order::Merge(ROOMS[1 - into].into()));
            if others.is_empty() || others.len() == TWELVE {
                prop_assert!(done.is_err(), "one of both rooms is not there");
                return Ok(());
            }
            others.into_iter().for_each(|who| believed.goes(who, into));
            done
        }
        Deed::Held(who, on) => {
            believed.held[who] = on;
            stage.says(who, Asked::Held(on));
            return Ok(());
        }
        Deed::Talk(who, on) => {
            believed.talks[who] = on;
            stage.house.speaks(place(who), on.then_some(20), stage.now);
            stage.settle();
            return Ok(());
        }
        Deed::Again(who) => {
            stage.says(who, Asked::Leave);
            stage.comes(who);
            believed.goes(who, 1 - believed.room[who]);
            believed.goes(who, 0);
            let fresh = Believed::new();
            (believed.muted[who], believed.deaf[who]) = (fresh.muted[who], fresh.deaf[who]);
            (believed.aside[who], believed.held[who]) = (fresh.aside[who], fresh.held[who]);
            believed.gain[who] = 0;
            return Ok(());
        }
    };
    prop_assert!(done.is_ok(), "{deed:?}: {done:?}");
    Ok(())
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (who, room) = (0..TWELVE, 0..ROOMS.len());
    let db = prop_oneof![Just(SILENT), Just(-12), Just(-6), Just(0)];
    let one = (who.clone(), any::<bool>(), 0..5_u8).prop_map(|(who, on, which)| match which {
        0 => Deed::Mute(who, on),
        1 => Deed::Deaf(who, on),
        2 => Deed::Aside(who, on),
        3 => Deed::Held(who, on),
        _ => Deed::Talk(who, on),
    });
    let deed = prop_oneof![
        5 => one,
        1 => (who.clone(), db.clone()).prop_map(|(who, db)| Deed::Gain(who, db)),
        3 => (who.clone(), who.clone(), db).prop_map(|(one, other, db)| Deed::Hears(one, other, db)),
        3 => (who.clone(), room.clone()).prop_map(|(who, room)| Deed::Move(who, room)),
        1 => room.prop_map(Deed::Merge),
        1 => who.prop_map(Deed::Again),
    ];
    prop::collection::vec(deed, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_ordered_twelve_hear_exactly_whom_they_should_as_loud_as_was_said(deeds in deeds()) {
        let (mut stage, mut believed) = (Stage::new(), Believed::new());
        for deed in deeds {
            act(deed, &mut stage, &mut believed)?;
            believed.agrees(&mut stage)?;
        }
    }
}

#[test]
fn twelve_hear_exactly_the_others_through_mute_deafen_gains_moves_a_merge_and_changes_of_talkers() {
    use Deed::{Aside, Deaf, Gain, Hears, Held, Merge, Move, Mute, Talk};

    let story = [
        vec![],
        vec![Mute(0, true), Mute(7, true)],
        vec![Mute(0, false), Deaf(1, true)],
        vec![Mute(7, false), Deaf(1, false), Aside(2, true), Held(3, true)],
        vec![Aside(2, false), Held(3, false), Gain(4, -12)],
        vec![Gain(4, 0), Hears(5, 6, SILENT), Hears(6, 5, SILENT), Hears(8, 9, -6)],
        vec![Move(5, 1)],
        vec![Move(0, 1), Move(6, 1), Mute(6, true)],
        (0..6).map(|who| Talk(who, false)).collect(),
        vec![Merge(0)],
        vec![Mute(6, false), Talk(0, true)],
        vec![Merge(0), Move(11, 1), Merge(1)],
    ];
    let (mut stage, mut believed) = (Stage::new(), Believed::new());
    let ids: Vec<MemberId> = (0..TWELVE).map(|who| stage.member(who)).collect();
    for (chapter, deeds) in story.into_iter().enumerate() {
        for deed in deeds {
            act(deed, &mut stage, &mut believed).unwrap_or_else(|why| panic!("chapter {chapter}: {why}"));
        }
        believed.agrees(&mut stage).unwrap_or_else(|why| panic!("chapter {chapter}: {why}"));
    }
    assert_eq!(believed.room, [1; TWELVE], "all are in the other room");
    assert_eq!((0..TWELVE).map(|who| stage.member(who)).collect::<Vec<_>>(), ids, "and are who they were");
}
