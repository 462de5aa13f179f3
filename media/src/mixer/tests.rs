//! What members of a room hear.

use proptest::prelude::*;

use super::*;

/// Everybody speaks a number of his own; what is heard says who is in it.
struct Room {
    mixer: Mixer,
    seats: Vec<Seat>,
}

impl Room {
    fn of(members: usize, rules: Rules) -> Self {
        let mut mixer = Mixer::new(Rate::Narrow, rules);
        let seats = (0..members).map(|_| mixer.enter().expect("room")).collect();
        Self { mixer, seats }
    }

    /// One round in which these members speak, so loud.
    fn round(&mut self, voices: &[(usize, i16)]) {
        self.mixer.clear();
        for (member, level) in voices {
            self.mixer.hear(self.seats[*member], &[*level; 160]);
        }
        self.mixer.mix();
    }

    /// The same, until everybody has faded in.
    fn rounds(&mut self, voices: &[(usize, i16)]) {
        (0..3).for_each(|_| self.round(voices));
    }

    fn heard_by(&mut self, member: usize) -> i16 {
        let mut sound = Vec::new();
        match self.mixer.hears(self.seats[member]) {
            Hears::Nothing => return 0,
            Hears::Shared => self.mixer.shared(&mut sound),
            Hears::Own => self.mixer.own(self.seats[member], &mut sound),
        }
        sound[159]
    }
}

#[test]
fn everybody_hears_everybody_else() {
    let mut room = Room::of(4, Rules::default());
    room.rounds(&[(0, 1000), (1, 2000), (2, 4000)]);
    let heard: Vec<_> = (0..4).map(|member| room.heard_by(member)).collect();
    assert_eq!(heard, [6000, 5000, 3000, 7000]);
}

#[test]
fn silent_members_hear_the_same_and_share_it() {
    let mut room = Room::of(3, Rules::default());
    room.rounds(&[(0, 1000), (1, 0), (2, 50)]);
    let hears = room.seats.iter().map(|seat| room.mixer.hears(*seat)).collect::<Vec<_>>();
    assert_eq!(hears, [Hears::Own, Hears::Shared, Hears::Shared]);
}

#[test]
fn a_silent_room_costs_nobody_an_encode() {
    let mut room = Room::of(3, Rules::default());
    room.rounds(&[(0, 3), (1, 0)]);
    assert!(room.seats.iter().all(|seat| room.mixer.hears(*seat) == Hears::Nothing));
}

#[test]
fn who_begins_and_who_ends_is_faded() {
    let mut room = Room::of(2, Rules::default());
    let mut sound = Vec::new();
    room.round(&[(0, 8000)]);
    room.mixer.shared(&mut sound);
    assert!(sound[0] <= 50 && sound[159] == 8000 && sound.is_sorted());
    room.rounds(&[(0, 8000)]);
    room.mixer.mute(room.seats[0], true);
    room.round(&[(0, 8000)]);
    room.mixer.shared(&mut sound);
    assert!(sound[0] >= 7900 && sound[159] == 0 && sound.is_sorted_by(|one, other| one >= other));
    room.round(&[(0, 8000)]);
    assert_eq!(room.mixer.hears(room.seats[1]), Hears::Nothing);
}

#[test]
fn the_muted_are_not_heard_and_hear_with_the_silent() {
    let mut room = Room::of(3, Rules::default());
    room.mixer.mute(room.seats[0], true);
    room.rounds(&[(0, 1000), (1, 2000)]);
    assert_eq!([room.heard_by(0), room.heard_by(1), room.heard_by(2)], [2000, 0, 2000]);
    assert_eq!(room.mixer.hears(room.seats[0]), Hears::Shared);
}

#[test]
fn the_deaf_hear_nobody_and_are_heard() {
    let mut room = Room::of(2, Rules::default());
    room.mixer.deafen(room.seats[0], true);
    room.rounds(&[(0, 1000), (1, 2000)]);
    assert_eq!([room.heard_by(0), room.heard_by(1)], [0, 1000]);
}

#[test]
fn a_coach_is_heard_by_the_agent_only() {
    let (agent, customer, coach) = (0, 1, 2);
    let mut room = Room::of(3, Rules::default());
    room.mixer.pair(room.seats[coach], room.seats[customer], Gain::NONE).expect("room for a pair");
    room.rounds(&[(agent, 1000), (customer, 2000), (coach, 4000)]);
    let heard = [room.heard_by(agent), room.heard_by(customer), room.heard_by(coach)];
    assert_eq!(heard, [6000, 1000, 3000]);
    room.mixer.pair(room.seats[coach], room.seats[customer], Gain::UNITY).expect("the pair is known");
    room.rounds(&[(agent, 1000), (customer, 2000), (coach, 4000)]);
    assert_eq!(room.heard_by(customer), 5000);
}

#[test]
fn a_member_is_as_loud_as_was_said() {
    let mut room = Room::of(3, Rules::default());
    room.mixer.set_gain(room.seats[0], Gain(2048));
    room.rounds(&[(0, 4000), (1, 1000)]);
    assert_eq!([room.heard_by(0), room.heard_by(1), room.heard_by(2)], [1000, 2000, 3000]);
}

#[test]
fn only_the_loudest_are_heard_and_who_is_heard_keeps_its_place() {
    let mut room = Room::of(4, Rules { most_talkers: 2, ..Rules::default() });
    room.rounds(&[(0, 1000), (1, 2000), (2, 4000)]);
    assert_eq!(room.mixer.talkers(), [room.seats[1], room.seats[2]]);
    room.rounds(&[(0, 2500), (1, 2000), (2, 4000)]);
    assert_eq!(room.mixer.talkers(), [room.seats[1], room.seats[2]], "a little louder is not enough");
    room.rounds(&[(0, 9000), (1, 2000), (2, 4000)]);
    assert_eq!(room.mixer.talkers(), [room.seats[0], room.seats[2]]);
}

#[test]
fn an_announcement_is_heard_by_all() {
    let mut room = Room::of(2, Rules::default());
    room.rounds(&[(0, 1000)]);
    room.mixer.clear();
    room.mixer.hear(room.seats[0], &[1000; 160]);
    room.mixer.announce(&[500; 160]);
    room.mixer.mix();
    assert_eq!([room.heard_by(0), room.heard_by(1)], [500, 1500]);
}

#[test]
fn two_halves_of_a_room_hear_each_other_a_round_later() {
    let (mut here, mut there) = (Room::of(2, Rules::default()), Room::of(2, Rules::default()));
    let mut partial = vec![0; 160];
    for _ in 0..4 {
        there.round(&[(0, 3000)]);
        here.mixer.clear();
        here.mixer.hear(here.seats[0], &[1000; 160]);
        here.mixer.add_partial(&partial);
        here.mixer.mix();
        partial = there.mixer.partial().to_vec();
    }
    assert_eq!([here.heard_by(0), here.heard_by(1)], [3000, 4000]);
    assert_eq!(here.mixer.partial()[159], 1000, "what came from there does not go back");
}

#[test]
fn automatic_gain_brings_a_whisper_up() {
    let mut room = Room::of(2, Rules { automatic_gain: true, ..Rules::default() });
    (0..500).for_each(|_| room.round(&[(0, 1000)]));
    assert!(room.heard_by(1) > 1800);
}

#[test]
fn automatic_gain_begins_and_ends_while_somebody_speaks() {
    let mut room = Room::of(2, Rules::default());
    (0..100).for_each(|_| room.round(&[(0, 1000)]));
    assert_eq!(room.heard_by(1), 1000);
    room.mixer.set_rules(Rules { automatic_gain: true, ..Rules::default() });
    (0..500).for_each(|_| room.round(&[(0, 1000)]));
    assert!(room.heard_by(1) > 1800);
    room.mixer.set_rules(Rules::default());
    room.round(&[(0, 1000)]);
    assert_eq!(room.heard_by(1), 1000, "and nobody stays as loud as it was made");
}

#[test]
fn a_frame_of_another_rate_is_not_heard() {
    let mut room = Room::of(2, Rules::default());
    room.mixer.hear(room.seats[0], &[1000; 320]);
    room.mixer.mix();
    assert_eq!(room.heard_by(1), 0);
}

#[test]
fn a_room_of_wider_sound_is_mixed_at_its_rate() {
    let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
    let (one, other) = (mixer.enter().expect("room"), mixer.enter().expect("room"));
    mixer.set_rate(Rate::Full);
    for _ in 0..3 {
        mixer.clear();
        mixer.hear(one, &[700; 960]);
        mixer.mix();
    }
    let mut sound = Vec::new();
    mixer.shared(&mut sound);
    assert_eq!((sound.len(), sound[959]), (960, 700));
    assert_eq!(mixer.hears(other), Hears::Shared);
}

#[test]
fn a_full_room_says_so() {
    let mut mixer = Mixer::new(Rate::Narrow, Rules::default());
    let seats: Vec<_> = (0..MAX_MEMBERS).map(|_| mixer.enter().expect("room")).collect();
    assert_eq!(mixer.enter(), Err(Full::Members));
    mixer.leave(seats[7]);
    assert_eq!(mixer.enter(), Ok(seats[7]));
    for listener in &seats[..MAX_PAIRS] {
        mixer.pair(seats[100], *listener, Gain::NONE).expect("room for a pair");
    }
    assert_eq!(mixer.pair(seats[100], seats[101], Gain::NONE), Err(Full::Pairs));
}

proptest! {
    #[test]
    fn the_mix_is_the_sum_of_the_others(levels in proptest::collection::vec(200..1800_i16, 1..14)) {
        let mut room = Room::of(levels.len(), Rules::default());
        let voices: Vec<_> = levels.iter().copied().enumerate().collect();
        room.rounds(&voices);
        let all: i32 = levels.iter().map(|level| i32::from(*level)).sum();
        for (member, level) in voices {
            prop_assert_eq!(i32::from(room.heard_by(member)), all - i32::from(level));
        }
    }

    #[test]
    fn whatever_is_said_the_same_frames_make_the_same_mix(
        frames in proptest::collection::vec((0..3_usize, any::<i16>()), 1..60)
    ) {
        let (mut one, mut other) = (Room::of(3, Rules::default()), Room::of(3, Rules::default()));
        for voice in frames {
            one.round(&[voice]);
            other.round(&[voice]);
            let heard: Vec<_> = (0..3).map(|member| (one.heard_by(member), other.heard_by(member))).collect();
            prop_assert!(heard.iter().all(|(one, other)| one == other));
        }
    }
}
