//! Calls for the tests of this room: Alice calls, Bob's phone rings, and what becomes of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchcord_sip::hop::Transport;

use super::*;

/// The caller's leg.
pub const ALICE: LegNumber = LegNumber(0);
/// The leg that rings Bob.
pub const BOB: LegNumber = LegNumber(1);

/// When the calls of the tests begin.
pub fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

/// A call's id that no other has.
pub fn call(chance: u64) -> CallId {
    CallId::new(wall(), chance)
}

/// So many seconds.
pub fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Alice calls 102.
pub fn began() -> Began {
    Began {
        service: Some("ring".into()),
        version: Some("7".into()),
        route: Some("endpoint 102".into()),
        ..Began::new(wall(), Party::named("alice", "Alice"), Party::new("102"))
    }
}

/// Alice's leg, or Bob's.
pub fn leg(leg: LegNumber) -> What {
    What::LegBegan(Box::new(began_leg(leg)))
}

/// The beginning of either.
pub fn began_leg(leg: LegNumber) -> LegBegan {
    let inbound = leg == ALICE;
    LegBegan {
        leg,
        parent: (!inbound).then_some(ALICE),
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        account: Account::Endpoint(if inbound { "alice".into() } else { "bob".into() }),
        from: Party::named("alice", "Alice"),
        to: Party::new("102"),
        transport: if inbound { Transport::Udp } else { Transport::Tls },
        peer: "198.51.…#1a2b".into(),
    }
}

/// The end of a leg.
pub fn over(leg: LegNumber, cause: Cause) -> What {
    What::LegEnded { leg, cause: Box::new(cause) }
}

/// What happens between a beginning and an end, with the seconds at which it does.
pub type Tale = Vec<(u64, What)>;

/// The journal of a tale, ended as its legs say or as is told.
pub fn told(tale: Tale, end: u64, outcome: Option<Outcome>) -> Batch {
    let mut journal = Journal::begin(call(1), began(), Rules::default());
    for (at, what) in tale {
        journal.note(s(at), what);
    }
    let outcome = outcome.unwrap_or(journal.outcome());
    journal.end(s(end), outcome)
}

/// Bob answers after six seconds and hangs up after two minutes and three.
pub fn good_call() -> Tale {
    vec![
        (0, leg(ALICE)),
        (0, leg(BOB)),
        (1, What::Rang(BOB)),
        (1, What::Rang(ALICE)),
        (7, What::Answered(BOB)),
        (7, What::Answered(ALICE)),
        (7, What::Bridged(ALICE, BOB)),
        (130, over(BOB, Cause::normal(By::Callee))),
        (130, over(ALICE, Cause::normal(By::Script))),
    ]
}
