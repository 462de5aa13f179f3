//! Two agents and the network between them, in a time of their own: which way they find, who decides, and what is too much.

use super::*;
use crate::browser::agent::{Agent, Checked};
use crate::browser::credentials::Credentials;
use crate::shard::clock::now;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);

fn at(place: u16) -> SocketAddr {
    ([192, 0, 2, 1], place).into()
}

fn credentials(name: &str) -> Credentials {
    Credentials { ufrag: name.into(), pwd: format!("{name} has a password that is long enough") }
}

fn described(name: &str, lite: bool, candidates: &[(u16, u32)]) -> Remote {
    let Credentials { ufrag, pwd } = credentials(name);
    Remote { ufrag, pwd, lite, candidates: candidates.iter().map(|(place, worth)| (at(*place), *worth)).collect() }
}

/// One of two: an agent, and where datagrams for it arrive. The first place is where its own come from.
struct Side {
    agent: Agent,
    places: Vec<u16>,
    /// How long what is sent to a place takes.
    delay: fn(u16) -> Duration,
    has_lapsed: bool,
}

struct Net {
    now: Instant,
    sides: [Side; 2],
    /// On the way: when it arrives, from where, to where.
    flying: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    /// Questions that were said: when, by whom, to where.
    said: Vec<(Instant, usize, SocketAddr)>,
}

fn full(name: &str, seed: u8, place: u16) -> Side {
    let agent = Agent::full(&credentials(name), seed.into(), [seed; 16]);
    Side { agent, places: vec![place], delay: |_| TICK, has_lapsed: false }
}

fn lite(name: &str, place: u16) -> Side {
    Side { agent: Agent::new(&credentials(name)), ..full(name, 0, place) }
}

impl Net {
    fn new(one: Side, other: Side) -> Self {
        Self { now: now(), sides: [one, other], flying: Vec::new(), said: Vec::new() }
    }

    /// A side learns who the other is.
    fn meet(&mut self, side: usize, theirs: &Remote) {
        self.sides[side].agent.meet(theirs, self.now);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += TICK;
            for side in 0..2 {
                self.wake(side);
            }
            let (due, later) = std::mem::take(&mut self.flying).into_iter().partition(|(when, ..)| *when <= self.now);
            self.flying = later;
            let due: Vec<_> = due;
            due.into_iter().for_each(|(_, from, to, bytes)| self.arrive(from, to, &bytes));
        }
    }

    fn wake(&mut self, side: usize) {
        // Nothing is due before its time: a thread sleeps until then.
        if self.sides[side].agent.deadline().is_none_or(|deadline| deadline > self.now) {
            return;
        }
        let mut bytes = Vec::new();
        loop {
            match self.sides[side].agent.wake(self.now, &mut bytes) {
                Due::Nothing => return,
                Due::Lapsed => self.sides[side].has_lapsed = true,
                Due::Send(there) => {
                    self.said.push((self.now, side, there));
                    self.send(side, there, bytes.clone());
                }
            }
        }
    }

    fn send(&mut self, side: usize, to: SocketAddr, bytes: Vec<u8>) {
        let (from, delay) = (at(self.sides[side].places[0]), self.sides[side].delay);
        self.flying.push((self.now + delay(to.port()), from, to, bytes));
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Some(side) = self.sides.iter().position(|side| side.places.contains(&to.port())) else { return };
        let message = Message::read(bytes).expect("a message");
        let mut answer = Vec::new();
        let checked = self.sides[side].agent.hear(&message, from, self.now, &mut answer);
        if !answer.is_empty() {
            assert!(matches!(checked, Checked::Answered(_) | Checked::Refused));
            // Answers come from where the question went.
            self.flying.push((self.now + TICK, to, from, answer));
        }
        self.wake(side);
    }

    fn chosen(&self) -> [Option<u16>; 2] {
        [0, 1].map(|side: usize| self.sides[side].agent.chosen().map(|there| there.port()))
    }

    fn decides(&self, side: usize) -> bool {
        self.sides[side].agent.checks.as_ref().is_some_and(|checks| checks.is_controlling())
    }
}

#[test]
fn who_is_full_finds_who_only_answers_and_decides() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    net.meet(1, &described("ours", false, &[(1, 5)]));
    net.meet(0, &described("theirs", true, &[(9, 7), (2, 5)]));
    net.run(SECOND);
    assert_eq!(net.chosen(), [Some(2), Some(1)]);
}

#[test]
fn two_that_both_want_to_decide_agree_on_who_does() {
    // Whose number is larger is chance; each of them has it once.
    let mut deciders = Vec::new();
    for seeds in [(1, 2), (2, 1), (3, 4), (4, 3)] {
        let mut net = Net::new(full("ours", seeds.0, 1), full("theirs", seeds.1, 2));
        net.meet(0, &described("theirs", false, &[(2, 5)]));
        net.meet(1, &described("ours", false, &[(1, 5)]));
        net.run(2 * SECOND);
        assert_eq!(net.chosen(), [Some(2), Some(1)], "{seeds:?}");
        assert_ne!(net.decides(0), net.decides(1), "{seeds:?}");
        deciders.push(net.decides(0));
    }
    assert!(deciders.contains(&true) && deciders.contains(&false), "{deciders:?}");
}

#[test]
fn a_party_that_nobody_named_is_found_by_its_own_checks() {
    // Its description has names only that a browser knows.
    let mut net = Net::new(full("ours", 1, 1), full("theirs", 2, 2));
    net.meet(1, &described("ours", false, &[(1, 5)]));
    net.run(SECOND);
    assert_eq!(net.chosen()[0], None, "we do not know yet who that is");
    net.meet(0, &described("theirs", false, &[]));
    net.run(2 * SECOND);
    assert_eq!(net.chosen(), [Some(2), Some(1)]);
}

#[test]
fn the_dearest_way_that_works_is_chosen_and_not_waited_for_too_long() {
    for (slow, expected) in [(100, 3), (1000, 2)] {
        let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
        net.sides[1].places.push(3);
        net.sides[0].delay = if slow == 100 {
            |to| if to == 3 { Duration::from_millis(100) } else { TICK }
        } else {
            |to| if to == 3 { SECOND } else { TICK }
        };
        net.meet(1, &described("ours", false, &[]));
        net.meet(0, &described("theirs", true, &[(2, 5), (3, 500)]));
        net.run(Duration::from_millis(500));
        assert_eq!(net.chosen(), [Some(expected), Some(1)], "{slow} ms");
    }
}

#[test]
fn a_thousand_candidates_are_a_few_ways_and_each_is_asked_a_few_times_at_a_walk() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    let thousand: Vec<_> = (1000..2000).map(|place| (place, place.into())).collect();
    net.meet(0, &described("theirs", true, &thousand));
    assert_eq!(net.sides[0].agent.checks.as_ref().map(|checks| checks.len()), Some(MAX_WAYS));
    net.run(60 * SECOND);
    assert!(net.said.len() <= MAX_WAYS * 5, "{} questions", net.said.len());
    let mut asked = std::collections::HashSet::new();
    let first: Vec<_> = net.said.iter().filter(|(_, _, there)| asked.insert(*there)).map(|(when, ..)| *when).collect();
    assert!(first.windows(2).all(|pair| pair[1] - pair[0] >= PACE), "one way every 50 ms");
    assert!(asked.contains(&at(1999)) && !asked.contains(&at(1000)), "the dearest of them");
    assert_eq!(net.sides[0].agent.deadline(), None, "then nothing is left to do");
}

#[test]
fn nothing_is_sent_to_groups_to_everybody_or_to_nobody() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    let mut theirs = described("theirs", true, &[(0, 9)]);
    for ip in ["224.0.0.251", "255.255.255.255", "0.0.0.0", "ff02::fb"] {
        theirs.candidates.push((SocketAddr::new(ip.parse().expect("an address"), 5), 9));
    }
    net.meet(0, &theirs);
    net.run(SECOND);
    assert_eq!(net.said, []);
}

#[test]
fn consent_is_asked_for_again_and_again_and_lapses_when_nobody_answers() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    net.meet(0, &described("theirs", true, &[(2, 5)]));
    net.run(SECOND);
    net.said.clear();
    net.run(60 * SECOND);
    assert!((10..=15).contains(&net.said.len()), "{} questions in a minute", net.said.len());
    assert!(!net.sides[0].has_lapsed && net.chosen()[0] == Some(2));

    net.sides[1].places.clear();
    net.run(24 * SECOND);
    assert!(!net.sides[0].has_lapsed, "it may be a tunnel");
    net.run(12 * SECOND);
    assert!(net.sides[0].has_lapsed);
    net.said.clear();
    net.run(60 * SECOND);
    assert_eq!((net.chosen()[0], net.said.len()), (None, 0), "nothing is sent any more");
}

#[test]
fn a_party_that_comes_by_another_address_is_followed_when_the_old_one_is_quiet() {
    let mut net = Net::new(full("ours", 1, 1), full("theirs", 2, 2));
    net.meet(0, &described("theirs", false, &[(2, 5)]));
    net.meet(1, &described("ours", false, &[(1, 5)]));
    net.run(2 * SECOND);
    assert_eq!(net.chosen(), [Some(2), Some(1)]);
    // Its router forgot it: the same questions come from elsewhere, and the old place is nobody's.
    net.sides[1].places = vec![7];
    net.run(20 * SECOND);
    if net.decides(0) {
        assert_eq!(net.chosen()[0], Some(7));
    }
    assert!(!net.sides[0].has_lapsed && !net.sides[1].has_lapsed);
}

#[test]
fn answers_that_prove_nothing_or_come_from_elsewhere_are_none() {
    let ours = credentials("ours");
    let mut agent = Agent::full(&ours, 1, [1; 16]);
    let start = now();
    agent.meet(&described("theirs", true, &[(2, 5)]), start);
    let mut asked = Vec::new();
    assert_eq!(agent.wake(start, &mut asked), Due::Send(at(2)));
    let question = Message::read(&asked).expect("a question");
    assert_eq!((question.names(), question.role.is_some()), (Some(("theirs", "ours")), true));
    let theirs = credentials("theirs");
    assert!(question.is_proven_by(&theirs.key()));
    let answer = |transaction, key: &hmac::Key| {
        let mut bytes = Vec::new();
        Draft::new(Class::Success, transaction, &mut bytes).mapped(at(1)).finish(key);
        bytes
    };
    let right = answer(question.transaction, &theirs.key());
    for (bytes, from) in [
        (answer(question.transaction, &ours.key()), at(2)),
        (answer([9; 12], &theirs.key()), at(2)),
        (right.clone(), at(3)),
    ] {
        let message = Message::read(&bytes).expect("a message");
        assert_eq!(agent.hear(&message, from, start, &mut Vec::new()), Checked::Ignored);
    }
    let message = Message::read(&right).expect("a message");
    assert!(matches!(agent.hear(&message, at(2), start, &mut Vec::new()), Checked::Proved(_)));
}

#[test]
fn other_credentials_begin_anew_and_sound_goes_on_meanwhile() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    net.meet(0, &described("theirs", true, &[(2, 5)]));
    net.run(SECOND);
    assert_eq!(net.chosen(), [Some(2), Some(1)]);
    let (fresh, anew) = (credentials("fresh"), credentials("anew"));
    assert_eq!(net.sides[0].agent.restart(&fresh), None);
    net.sides[1].agent.restart(&anew);
    net.meet(1, &described("fresh", false, &[]));
    net.sides[1].places = vec![3];
    net.meet(0, &described("anew", true, &[(3, 5)]));
    assert_eq!(net.chosen()[0], Some(2), "until the new one is found");
    net.run(SECOND);
    assert_eq!(net.chosen(), [Some(3), Some(1)]);
    assert!(!net.sides[0].has_lapsed);
}

#[test]
fn candidates_that_come_later_are_tried_until_a_way_is_found() {
    let mut net = Net::new(full("ours", 1, 1), lite("theirs", 2));
    net.meet(0, &described("theirs", true, &[]));
    net.run(SECOND);
    net.sides[0].agent.learn(&[(at(2), 5)]);
    net.run(SECOND);
    assert_eq!(net.chosen(), [Some(2), Some(1)]);
    net.said.clear();
    net.sides[0].agent.learn(&[(at(8), 500)]);
    net.run(2 * SECOND);
    assert_eq!(net.said, [], "a way is there");
}
