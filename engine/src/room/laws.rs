//! What holds of rooms whatever happens, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;
use crate::call::LegId;

/// Something that may happen.
#[derive(Clone, Debug)]
enum Deed {
    Come { call: u64, room: usize, moderates: bool, pin: Option<bool> },
    Say(u64, Asked),
    Order(usize, Order),
    Talk(u64, bool),
    Wait(u64),
}

const NAMES: [&str; 3] = ["free", "pins", "waits"];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let call = 0..6_u64;
    let room = 0..NAMES.len();
    let asked = prop_oneof![
        any::<bool>().prop_map(|right| Asked::Pin(if right { "1234" } else { "0" }.into())),
        Just(Asked::Ready),
        Just(Asked::Leave),
        Just(Asked::Name(None)),
        any::<bool>().prop_map(Asked::Held),
        any::<bool>().prop_map(Asked::Recorded),
        (0..12_usize).prop_map(|at| Asked::Act(Action::words().nth(at).and_then(Action::of).expect("an action"))),
    ];
    let whom = prop_oneof![Just(Whom::All), (0..6_u64).prop_map(|call| Whom::Leg(place(call)))];
    let order = (whom, any::<bool>(), room.clone(), 0..12_u8).prop_map(|(whom, on, other, which)| match which {
        0 => Order::Mute(whom, on),
        1 => Order::Deaf(whom, on),
        2 => Order::Kick(whom),
        3 => Order::Aside(whom, on),
        4 => Order::Admit(whom),
        5 => Order::Lock(on),
        6 | 7 => Order::Move(whom, NAMES[other].into()),
        8 => Order::Merge(NAMES[other].into()),
        9 => Order::Role(whom, if on { Role::Moderator } else { Role::Listener }),
        10 => Order::Record(on),
        _ => Order::End,
    });
    let deed = prop_oneof![
        4 => (call.clone(), room.clone(), any::<bool>(), any::<Option<bool>>())
            .prop_map(|(call, room, moderates, pin)| Deed::Come { call, room, moderates, pin }),
        4 => (call.clone(), asked).prop_map(|(call, asked)| Deed::Say(call, asked)),
        3 => (room, order).prop_map(|(room, order)| Deed::Order(room, order)),
        2 => (call, any::<bool>()).prop_map(|(call, talks)| Deed::Talk(call, talks)),
        1 => (0..400_u64).prop_map(Deed::Wait),
    ];
    prop::collection::vec(deed, 1..80)
}

fn place(call: u64) -> Place {
    Place { shard: 0, call, leg: LegId::FIRST }
}

/// What the outside world believes by what it was told.
#[derive(Default)]
struct Believed {
    /// Calls that want to be somewhere and were not told that they are out.
    there: BTreeSet<u64>,
    /// In which room the sound of each member is.
    sound: BTreeMap<MemberId, RoomKey>,
    open: BTreeSet<RoomKey>,
    kept: BTreeSet<String>,
    /// Which calls were told that they are recorded.
    recorded: BTreeSet<u64>,
}

impl Believed {
    fn hear(&mut self, effect: Effect) -> Result<(), TestCaseError> {
        match effect {
            Effect::Tell(place, Told::Out(_)) => {
                self.there.remove(&place.call);
                self.recorded.remove(&place.call);
            }
            Effect::Tell(place, Told::Recorded(on)) => {
                let news = if on { self.recorded.insert(place.call) } else { self.recorded.remove(&place.call) };
                prop_assert!(news, "told again what it knew");
            }
            Effect::Sound(Sound::Enter(member, room, _)) => {
                self.open.insert(room);
                self.sound.insert(member, room);
            }
            Effect::Sound(Sound::Leave(member)) => {
                prop_assert!(self.sound.remove(&member).is_some(), "who leaves was in");
            }
            Effect::Sound(Sound::Close(room)) => {
                self.open.remove(&room);
                prop_assert!(!self.sound.values().any(|there| *there == room), "a room is closed over its members");
            }
            Effect::Keep(past) => {
                prop_assert!(past.stays.iter().all(|stay| stay.left_ms.is_some()));
                prop_assert!(self.kept.insert(past.id.clone()), "a room is kept once");
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the rooms look as the world believes.
    fn agrees(&self, house: &House, now: Instant) -> Result<(), TestCaseError> {
        let views = house.views(now);
        let mut seen = BTreeSet::new();
        for room in &views {
            prop_assert!(!room.members.is_empty(), "{} is empty", room.name);
            for member in &room.members {
                prop_assert!(seen.insert(member.member), "{:?} is in two rooms", member.member);
                let sounds = self.sound.contains_key(&member.member);
                let is_in = matches!(member.state, "in" | "aside");
                prop_assert!(is_in || !sounds, "who waits hears nobody");
            }
            let inside = room.members.iter().filter(|member| matches!(member.state, "in" | "aside")).count();
            prop_assert!(inside <= room.most, "{inside} in a room of {}", room.most);
        }
        prop_assert_eq!(seen.len(), self.there.len(), "who is out was told, and nobody else");
        prop_assert!(self.sound.keys().all(|member| seen.contains(member)), "a sound without its member");
        prop_assert_eq!(house.counts(), (views.len(), seen.len(), house.counts().2));
        Ok(())
    }
}

fn act(deed: Deed, house: &mut House, believed: &mut Believed, now: &mut Instant) {
    match deed {
        Deed::Come { call, room, moderates, pin } => {
            // A leg asks again only when it was told that it is out.
            if believed.there.insert(call) {
                let join = Join {
                    role: if moderates { Role::Moderator } else { Role::Speaker },
                    pin: pin.map(|right| if right { "1234" } else { "0" }.to_owned()),
                    watches: true,
                    ..Join::to(NAMES[room])
                };
                let (name, number) = (String::new(), call.to_string());
                let entrant = Entrant {
                    place: place(call),
                    call: None,
                    name,
                    number: number.clone(),
                    source: number,
                    unheard: None,
                };
                house.come(&join, &entrant, *now, UNIX_EPOCH);
            }
        }
        Deed::Say(call, asked) => {
            if asked == Asked::Leave {
                believed.there.remove(&call);
                believed.recorded.remove(&call);
            }
            house.hear(place(call), asked, *now);
        }
        Deed::Order(room, order) => drop(house.order(NAMES[room], order, By::command_line(), (*now, UNIX_EPOCH))),
        Deed::Talk(call, talks) => house.speaks(place(call), talks.then_some(30), *now),
        Deed::Wait(seconds) => {
            *now += Duration::from_secs(seconds);
            house.wake(*now);
        }
    }
}

proptest! {
    #[test]
    fn nobody_is_in_two_rooms_none_is_empty_and_everybody_is_told(deeds in deeds()) {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let mut now = Instant::now();
        let mut house = House::default();
        let quiet = Rules { sounds: false, most: 4, ..Rules::default() };
        let pins = Rules { pin: Some("1234".into()), longest: Some(Duration::from_secs(500)), ..quiet.clone() };
        let waits = Rules { wait_for: WaitFor::Moderator, end_with_moderator: true, sounds: true, ..quiet.clone() };
        let rooms = NAMES.map(str::to_owned).into_iter().zip([quiet, pins, waits]);
        house.fix(rooms);
        let mut believed = Believed::default();
        for deed in deeds {
            act(deed, &mut house, &mut believed, &mut now);
            while let Some(effect) = house.poll() {
                believed.hear(effect)?;
            }
            believed.agrees(&house, now)?;
        }
        for call in 0..6 {
            house.hear(place(call), Asked::Leave, now);
        }
        while let Some(effect) = house.poll() {
            believed.hear(effect)?;
        }
        prop_assert!(house.views(now).is_empty() && believed.sound.is_empty() && believed.open.is_empty());
        prop_assert!(house.sources.is_empty() && house.places.is_empty());
    }
}
