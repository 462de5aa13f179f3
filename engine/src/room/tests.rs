//! What people notice of rooms.

use std::time::UNIX_EPOCH;

use super::*;
use crate::call::LegId;

mod door;
mod roles;

struct World {
    house: House,
    now: Instant,
    told: Vec<(u64, Told)>,
    sound: Vec<Sound>,
    others: Vec<Effect>,
}

impl World {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let now = Instant::now();
        Self { house: House::default(), now, told: Vec::new(), sound: Vec::new(), others: Vec::new() }
    }

    fn with(rules: Rules) -> Self {
        let mut world = Self::new();
        world.house.open("weekly", rules, world.now).expect("a room");
        world
    }

    fn place(call: u64) -> Place {
        Place { shard: 0, call, leg: LegId::FIRST }
    }

    fn settle(&mut self) {
        while let Some(effect) = self.house.poll() {
            match effect {
                Effect::Tell(place, told) => self.told.push((place.call, told)),
                Effect::Sound(sound) => self.sound.push(sound),
                other => self.others.push(other),
            }
        }
    }

    fn joins(&mut self, call: u64, join: Join) {
        let entrant = Entrant {
            place: Self::place(call),
            call: None,
            name: format!("caller {call}"),
            number: format!("10{call}"),
            source: format!("user:{call}"),
            unheard: None,
        };
        self.house.come(&join, &entrant, self.now, UNIX_EPOCH);
        self.settle();
    }

    fn says(&mut self, call: u64, asked: Asked) {
        self.house.hear(Self::place(call), asked, self.now);
        self.settle();
    }

    fn orders(&mut self, order: Order) -> Result<Reply, Refused> {
        let done = self.house.order("weekly", order, By::command_line(), (self.now, UNIX_EPOCH));
        self.settle();
        done
    }

    fn talks(&mut self, call: u64, talks: bool) {
        self.house.speaks(Self::place(call), talks.then_some(20), self.now);
        self.settle();
    }

    fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.house.wake(self.now);
        self.settle();
    }

    fn told(&mut self, call: u64) -> Vec<Told> {
        let told = self.told.iter().filter(|(to, _)| *to == call).map(|(_, told)| told.clone()).collect();
        self.told.retain(|(to, _)| *to != call);
        told
    }

    fn member(&self, call: u64) -> MemberView {
        let (room, id) = self.house.whereabouts(Self::place(call)).expect("it is in a room");
        let view = self.house.view(room, self.now).expect("the room");
        view.members.into_iter().find(|member| member.member == id).expect("a member")
    }

    fn past(&self) -> &Past {
        let past = self.others.iter().rev().find_map(|effect| match effect {
            Effect::Keep(past) => Some(&**past),
            _ => None,
        });
        past.expect("a room that is over")
    }
}

fn quiet() -> Rules {
    Rules { sounds: false, announce: Announce::Nothing, ..Rules::default() }
}

fn ask_pin(again: bool) -> Told {
    Told::AskPin { again, or_none: false }
}

fn weekly() -> Join {
    Join::to("weekly")
}

fn moderator() -> Join {
    Join { role: Role::Moderator, ..weekly() }
}

#[test]
fn a_room_is_made_by_the_first_who_comes_and_kept_when_the_last_has_gone() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    assert!(matches!(world.told(1)[..], [Told::In(_)]));
    world.joins(2, weekly());
    assert_eq!(world.house.view("weekly", world.now).map(|room| room.members.len()), Some(2));
    world.now += Duration::from_secs(60);
    world.says(1, Asked::Leave);
    world.now += Duration::from_secs(60);
    world.says(2, Asked::Leave);
    assert!(world.house.views(world.now).is_empty());
    let past = world.past();
    assert_eq!((past.room.as_str(), past.lasted_ms, past.most), ("weekly", 120_000, 2));
    let stays: Vec<_> = past.stays.iter().map(|stay| (stay.number.as_str(), stay.left_ms)).collect();
    assert_eq!(stays, [("101", Some(60_000)), ("102", Some(120_000))]);
    assert!(matches!(world.sound.last(), Some(Sound::Close(_))));
}

#[test]
fn the_pin_is_asked_for_three_times_and_opens_the_door_as_what_it_says() {
    let pins = Rules { pin: Some("1234".into()), moderator_pin: Some("9999".into()), ..quiet() };
    let mut world = World::with(pins);
    world.joins(1, weekly());
    assert_eq!(world.told(1), [ask_pin(false)]);
    world.says(1, Asked::Pin("1".into()));
    world.says(1, Asked::Pin("12345".into()));
    assert_eq!(world.told(1), [ask_pin(true), ask_pin(true)]);
    world.joins(2, Join { pin: Some("9999".into()), ..weekly() });
    assert_eq!(world.member(2).role, Role::Moderator);
    world.says(1, Asked::Pin("".into()));
    assert_eq!(world.told(1), [Told::Out(Leaving::Denied(Denial::Pin))]);
    world.says(1, Asked::Pin("1234".into()));
    assert_eq!(world.told(1), [], "who was sent away is not asked again");
    world.joins(1, weekly());
    world.says(1, Asked::Pin("1234".into()));
    assert_eq!(world.member(1).role, Role::Speaker);
    world.says(1, Asked::Leave);
    world.says(2, Asked::Leave);
    let wrong = world.past().moments.iter().filter(|moment| moment.what == "wrong_pin").count();
    assert_eq!(wrong, 3, "guesses are in the record of the room");
}

#[test]
fn who_guesses_on_and_on_is_sent_away_unheard_and_nobody_else_is() {
    let mut world = World::with(Rules { pin: Some("1234".into()), ..quiet() });
    world.joins(9, Join { pin: Some("1234".into()), ..weekly() });
    for _ in 0..3 {
        world.joins(1, weekly());
        (0..3).for_each(|_| world.says(1, Asked::Pin("0000".into())));
    }
    world.told(1);
    world.joins(1, Join { pin: Some("1234".into()), ..weekly() });
    assert_eq!(world.told(1), [Told::Out(Leaving::Denied(Denial::Throttled))]);
    world.joins(2, Join { pin: Some("1234".into()), ..weekly() });
    assert!(matches!(world.told(2)[..], [Told::In(_)]));
    assert_eq!(world.house.counts().2, 9);
}

#[test]
fn whoever_guesses_in_many_calls_at_once_gets_no_further_than_in_one_after_the_other() {
    let mut world = World::with(Rules { pin: Some("1234".into()), ..quiet() });
    for call in 1..=5 {
        let entrant = Entrant {
            place: World::place(call),
            call: None,
            name: "Dave".into(),
            number: "104".into(),
            source: "user:dave".into(),
            unheard: None,
        };
        world.house.come(&weekly(), &entrant, world.now, UNIX_EPOCH);
    }
    for wrong in 0..9 {
        world.says(1 + wrong % 5, Asked::Pin("0000".into()));
    }
    world.told(5);
    world.says(5, Asked::Pin("1234".into()));
    assert_eq!(world.told(5), [Told::Out(Leaving::Denied(Denial::Throttled))]);
    assert_eq!(world.house.counts().2, 9);
}

#[test]
fn those_who_wait_for_a_moderator_come_in_with_the_moderator() {
    let mut world = World::with(Rules { wait_for: WaitFor::Moderator, end_with_moderator: true, ..quiet() });
    world.joins(1, weekly());
    world.joins(2, weekly());
    assert_eq!(world.told(1), [Told::Wait(Some("music".into()))]);
    assert!(world.sound.is_empty(), "nobody hears anybody");
    world.joins(3, moderator());
    assert!(matches!(world.told(1)[..], [Told::In(_)]) && matches!(world.told(3)[..], [Told::In(_)]));
    world.says(3, Asked::Leave);
    assert_eq!(world.told(1), [Told::Out(Leaving::Ended)], "the last moderator took the room along");
    assert!(world.house.views(world.now).is_empty());
}

#[test]
fn a_locked_room_takes_moderators_only_and_a_full_one_nobody() {
    let mut world = World::with(Rules { most: 3, ..quiet() });
    world.joins(1, weekly());
    world.orders(Order::Lock(true)).expect("locked");
    world.joins(2, weekly());
    assert_eq!(world.told(2), [Told::Out(Leaving::Denied(Denial::Locked))]);
    world.joins(3, moderator());
    world.orders(Order::Lock(false)).expect("unlocked");
    world.joins(4, weekly());
    world.joins(5, weekly());
    assert_eq!(world.told(5), [Told::Out(Leaving::Denied(Denial::Full))]);
}

#[test]
fn names_are_recorded_at_the_door_and_said_to_those_who_are_in() {
    let mut world = World::with(Rules { sounds: false, announce: Announce::Name, ..Rules::default() });
    world.joins(1, weekly());
    assert_eq!(world.told(1), [Told::AskName]);
    world.says(1, Asked::Name(Some("2026/a.wav".into())));
    world.joins(2, weekly());
    world.says(2, Asked::Name(Some("2026/b.wav".into())));
    let prompts = |effect: &Effect| match effect {
        Effect::Announce { prompts, .. } => Some(prompts.clone()),
        _ => None,
    };
    let said: Vec<_> = world.others.iter().filter_map(prompts).collect();
    assert_eq!(said, [vec!["2026/b.wav".to_owned(), "room-joined".to_owned()]]);
}

#[test]
fn who_is_muted_deaf_held_or_aside_stands_so_in_the_sound() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.joins(2, weekly());
    let id = world.member(2).member;
    world.sound.clear();
    world.orders(Order::Mute(Whom::Member(id), true)).expect("muted");
    assert_eq!(world.sound, [Sound::Muted(id, true), Sound::Deaf(id, false)]);
    world.says(2, Asked::Held(true));
    assert_eq!(world.sound[2..], [Sound::Muted(id, true), Sound::Deaf(id, true)]);
    world.orders(Order::Mute(Whom::Member(id), false)).expect("unmuted");
    assert_eq!(world.sound[4..], [Sound::Muted(id, true), Sound::Deaf(id, true)], "its music is not heard");
    world.says(2, Asked::Held(false));
    assert_eq!(world.sound[6..], [Sound::Muted(id, false), Sound::Deaf(id, false)]);
    world.orders(Order::Aside(Whom::Leg(World::place(2)), true)).expect("aside");
    assert_eq!(world.member(2).state, "aside");
    assert!(world.told(2).contains(&Told::Aside(true, Some("music".into()))));
}

#[test]
fn a_storm_of_mutes_ends_as_the_last_word_said_and_its_record_stays_small() {
    const STORM: usize = 10_000;
    let mut world = World::with(quiet());
    world.joins(1, moderator());
    world.joins(2, weekly());
    let id = world.member(2).member;
    for number in 0..=STORM {
        let whom = if number % 3 == 0 { Whom::All } else { Whom::Member(id) };
        world.orders(Order::Mute(whom, number % 2 == 0)).expect("an order that is done");
        world.sound.drain(..world.sound.len().saturating_sub(2));
        world.told.clear();
    }
    // The last word was that it is muted; a moderator is spared by those that were for all.
    assert!(world.member(2).muted && !world.member(1).muted);
    assert_eq!(world.sound, [Sound::Muted(id, true), Sound::Deaf(id, false)]);
    world.orders(Order::End).expect("the end");
    let past = world.past();
    let noted = past.moments.len() as u64 + past.left_out;
    assert!(past.moments.len() <= 4000, "{} moments", past.moments.len());
    assert!(past.moments.len() < 4000 || noted > 4000, "what found no room is counted");
}

#[test]
fn keys_of_moderators_do_nothing_for_others() {
    let mut world = World::with(Rules { sounds: true, announce: Announce::Nothing, ..Rules::default() });
    world.joins(1, moderator());
    world.says(1, Asked::Ready);
    world.joins(2, weekly());
    world.told(2);
    world.says(2, Asked::Act(Action::ToggleLock));
    assert_eq!(world.told(2), [Told::Say(vec!["room-not-allowed".into()])]);
    world.says(2, Asked::Act(Action::ToggleMute));
    world.says(2, Asked::Act(Action::RaiseHand));
    assert!(world.member(2).muted && world.member(2).hand_ms.is_some());
    world.says(1, Asked::Act(Action::ToggleMuteAll));
    assert!(!world.member(1).muted, "moderators are spared");
    world.joins(3, weekly());
    assert!(world.member(3).muted, "and who comes later is not");
    world.says(1, Asked::Act(Action::KickLast));
    assert!(world.told(3).contains(&Told::Out(Leaving::Kicked)));
    world.says(2, Asked::Act(Action::Leave));
    assert!(world.told(2).contains(&Told::Out(Leaving::Left)));
}

#[test]
fn the_floor_passes_when_its_holder_is_silent_and_the_record_knows_who_talked() {
    let mut world = World::with(Rules { talk_events: true, ..quiet() });
    world.joins(1, Join { watches: true, ..weekly() });
    world.joins(2, weekly());
    world.told(1);
    world.talks(1, true);
    world.now += Duration::from_secs(3);
    world.talks(2, true);
    let floor = |world: &World| world.house.view("weekly", world.now).expect("the room").floor;
    assert_eq!(floor(&world), Some(world.member(1).member));
    world.talks(1, false);
    assert_eq!(floor(&world), Some(world.member(2).member));
    let kinds: Vec<_> = world
        .told(1)
        .into_iter()
        .filter_map(|told| match told {
            Told::Happened(happened) => Some(happened.kind.word()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["talk_start", "floor", "talk_start", "talk_stop", "floor"]);
    world.now += Duration::from_secs(2);
    world.says(2, Asked::Leave);
    world.says(1, Asked::Leave);
    let talks: Vec<_> = world.past().stays.iter().map(|stay| (stay.talked_ms, stay.talks.clone())).collect();
    assert_eq!(talks, [(3000, vec![(0, 3000)]), (2000, vec![(3000, 5000)])]);
}

#[test]
fn members_move_with_what_was_said_of_them_and_rooms_merge() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.joins(2, weekly());
    world.orders(Order::Mute(Whom::Leg(World::place(2)), true)).expect("muted");
    world.orders(Order::Move(Whom::Leg(World::place(2)), "other".into())).expect("moved");
    assert!(world.told(2).contains(&Told::Moved("other".into())));
    assert!(world.member(2).muted, "it is muted there as well");
    assert_eq!(world.house.whereabouts(World::place(2)).map(|(name, _)| name), Some("other"));
    world.sound.clear();
    world.orders(Order::Merge("other".into())).expect("merged");
    assert_eq!(world.house.view("weekly", world.now).map(|room| room.members.len()), Some(2));
    assert!(world.house.view("other", world.now).is_none(), "nobody is left there");
    assert_eq!(world.past().why, "its members were brought into weekly");
    assert!(!world.sound.iter().any(|sound| matches!(sound, Sound::Leave(_))), "nobody is cut off on the way");
    assert_eq!(world.orders(Order::Merge("weekly".into())), Err(Refused::Itself));
    assert_eq!(world.orders(Order::Kick(Whom::Member(MemberId(99)))), Err(Refused::NoMember));
}

#[test]
fn a_room_of_a_bounded_length_is_warned_and_ends() {
    let mut world = World::with(Rules { longest: Some(Duration::from_secs(300)), ..quiet() });
    world.joins(1, weekly());
    world.waits(240);
    let warned =
        |effect: &Effect| matches!(effect, Effect::Announce { prompts, .. } if prompts == &["one-minute-left"]);
    assert!(world.others.iter().any(warned));
    world.waits(60);
    assert!(world.told(1).contains(&Told::Out(Leaving::Ended)));
}

#[test]
fn announcements_come_one_after_the_other_and_a_lost_end_does_not_silence_the_room() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    for prompt in ["a", "b", "c"] {
        world.orders(Order::Announce(Whom::All, vec![prompt.into()])).expect("said");
    }
    let said = |world: &World| {
        let prompts = world.others.iter().filter_map(|effect| match effect {
            Effect::Announce { prompts, room, tag, .. } => Some((prompts.concat(), *room, *tag)),
            _ => None,
        });
        prompts.collect::<Vec<_>>()
    };
    assert_eq!(said(&world).len(), 1);
    let (_, room, tag) = said(&world)[0].clone();
    world.house.announced(room, tag, world.now);
    world.settle();
    assert_eq!(said(&world).len(), 2);
    world.waits(120);
    assert_eq!(said(&world)[2].0, "c");
}

#[test]
fn all_leave_while_something_is_said_and_its_end_says_nothing_to_those_who_come_later() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.joins(2, weekly());
    for prompt in ["a", "b"] {
        world.orders(Order::Announce(Whom::All, vec![prompt.into()])).expect("said");
    }
    let said = |world: &World| {
        let announced = world.others.iter().filter_map(|effect| match effect {
            Effect::Announce { room, tag, .. } => Some((*room, *tag)),
            _ => None,
        });
        announced.collect::<Vec<_>>()
    };
    let [(room, tag)] = said(&world)[..] else { panic!("one after the other") };
    world.says(1, Asked::Leave);
    world.says(2, Asked::Leave);
    assert_eq!(world.sound.last(), Some(&Sound::Close(room)), "nobody is left to hear it");
    assert_eq!((world.house.counts().0, world.past().why.as_str()), (0, "everybody has left"));
    assert_eq!(world.house.deadline(), None, "and nothing is waited for");

    world.joins(3, weekly());
    world.house.announced(room, tag, world.now);
    world.settle();
    world.waits(120);
    assert_eq!(said(&world).len(), 1, "what waited to be said went with its room");
}

#[test]
fn the_door_asks_nobody_twice_who_is_in_a_room_already() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.told(1);
    world.joins(1, Join::to("other"));
    assert_eq!(world.told(1), [Told::Out(Leaving::Denied(Denial::Busy))]);
    world.joins(2, Join::to("../etc"));
    assert_eq!(world.told(2), [Told::Out(Leaving::Denied(Denial::Name))]);
    assert_eq!(world.house.views(world.now).len(), 1);
}

#[test]
fn each_member_is_told_when_the_room_comes_to_be_recorded_and_who_comes_later_too() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.says(1, Asked::Ready);
    world.told(1);
    world.orders(Order::Record(true)).expect("it is recorded");
    assert_eq!(world.told(1), [Told::Recorded(true)]);
    world.joins(2, weekly());
    world.says(2, Asked::Ready);
    assert!(world.told(2).contains(&Told::Recorded(true)));
    world.orders(Order::Record(false)).expect("no longer");
    assert_eq!((world.told(1), world.told(2)), (vec![Told::Recorded(false)], vec![Told::Recorded(false)]));
}

#[test]
fn who_records_what_it_hears_records_everybody() {
    let mut world = World::with(quiet());
    for call in [1, 2] {
        world.joins(call, weekly());
        world.says(call, Asked::Ready);
        world.told(call);
    }
    world.says(1, Asked::Recorded(true));
    assert_eq!((world.told(1), world.told(2)), (vec![Told::Recorded(true)], vec![Told::Recorded(true)]));
    world.says(1, Asked::Leave);
    assert_eq!(world.told(2), [Told::Recorded(false)]);
}

#[test]
fn a_room_whose_calls_tell_their_parties_does_not_say_it_to_all() {
    let said = |tell: bool| {
        let mut world = World::new();
        world.house.let_calls_tell(tell);
        world
            .house
            .open("weekly", Rules { record: true, announce: Announce::Nothing, ..Rules::default() }, world.now)
            .expect("a room");
        world.joins(1, weekly());
        world.says(1, Asked::Ready);
        world.others.iter().any(|effect| matches!(effect, Effect::Announce { .. }))
    };
    assert!(said(false) && !said(true));
}

#[test]
fn a_room_is_recorded_from_its_first_member_on_also_when_that_is_greeted() {
    let mut world = World::with(Rules { record: true, ..Rules::default() });
    world.joins(1, weekly());
    world.says(1, Asked::Ready);
    assert!(world.others.iter().any(|effect| matches!(effect, Effect::Record { on: true, .. })));
}
