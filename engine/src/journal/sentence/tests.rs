//! The sentence of each way that a call can go.

use proptest::prelude::*;

use super::*;
use crate::journal::{LegNumber, What, testing::*};

fn says(tale: Tale, end: u64, outcome: Option<Outcome>) -> String {
    sentence(&told(tale, end, outcome).record.expect("a record"))
}

/// Alice's call to Bob, refused by him with that status after ringing for five seconds.
fn refused(sip: u16, reason: &str, by: By) -> String {
    let cause = || Cause::status(by, sip, 17, reason);
    let tale =
        vec![(0, leg(ALICE)), (0, leg(BOB)), (1, What::Rang(BOB)), (6, over(BOB, cause())), (6, over(ALICE, cause()))];
    says(tale, 6, None)
}

/// A call that no leg was called for, ended so.
fn turned_away(outcome: Outcome, reason: &str) -> String {
    let cause = Cause { reason: reason.into(), ..Cause::normal(By::System) };
    says(vec![(0, leg(ALICE)), (0, over(ALICE, cause))], 0, Some(outcome))
}

/// The good call, which breaks off like this after forty seconds.
fn broken(cause: Cause, outcome: Option<Outcome>) -> String {
    let mut tale = good_call();
    tale.truncate(7);
    tale.push((47, over(ALICE, cause)));
    says(tale, 47, outcome)
}

#[test]
fn a_good_call_is_told_as_a_person_would() {
    assert_eq!(
        says(good_call(), 130, None),
        "Alice called 102; Bob's phone rang 6 s and answered; they talked 2 min 3 s; Bob hung up."
    );
    assert_eq!(
        broken(Cause::normal(By::Caller), None),
        "Alice called 102; Bob's phone rang 6 s and answered; they talked 40 s; Alice hung up."
    );
}

#[test]
fn what_did_not_come_about_says_why() {
    for (sip, reason, by, end) in [
        (486, "Busy Here", By::Callee, "Bob's phone was busy."),
        (480, "", By::Callee, "Bob's phone rang 5 s and did not answer."),
        (603, "Decline", By::Callee, "Bob's phone rang 5 s and declined."),
        (503, "", By::Callee, "Bob's phone rang 5 s and could not be reached."),
        (487, "", By::Caller, "Bob's phone rang 5 s; Alice gave up after 6 s."),
        (
            488,
            "No Common Codec",
            By::Callee,
            "Bob's phone rang 5 s and refused the call (488 No Common Codec); it could not be set up: No Common Codec (the \
             fault of Bob's side).",
        ),
    ] {
        assert_eq!(refused(sip, reason, by), format!("Alice called 102; {end}"), "{sip}");
    }
}

#[test]
fn a_call_that_reached_nobody_says_so_too() {
    for (outcome, reason, end) in [
        (Outcome::Busy, "", "Alice was told that it is busy."),
        (Outcome::NoAnswer, "", "nobody answered."),
        (Outcome::Rejected, "too many calls", "the call was declined: too many calls."),
        (Outcome::Unreachable, "102 is registered nowhere", "102 could not be reached: 102 is registered nowhere."),
        (Outcome::Cancelled, "", "Alice gave up after 0 s."),
        (Outcome::NotFound, "", "nobody has that number."),
        (Outcome::Forbidden, "no route says so", "Alice may not call that: no route says so."),
        (Outcome::Screened, "", "who was called did not take it."),
        (Outcome::Failed, "", "it could not be set up (the server's fault)."),
        (Outcome::Crashed, "", "a fault of the server ended it."),
        (Outcome::Interrupted, "", "the server stopped in the middle of it, so the end is not known."),
    ] {
        let expected = format!("Alice called 102; {end}");
        assert_eq!(turned_away(outcome, reason), expected);
    }
}

#[test]
fn a_call_that_breaks_off_says_whose_fault_it_was() {
    let until = "Alice called 102; Bob's phone rang 6 s and answered; they talked 40 s; ";
    let silent = Cause { q850: 102, reason: "no sound for 30 s".into(), ..Cause::normal(By::System) };
    assert_eq!(broken(silent, None), format!("{until}it broke off: no sound for 30 s (the network's fault)."));
    let fault = Cause {
        q850: 127,
        reason: "unknown option".into(),
        place: Some("gather, ivr.rhai:12".into()),
        ..Cause::normal(By::Script)
    };
    assert_eq!(
        broken(fault, None),
        format!("{until}it broke off: unknown option (at gather, ivr.rhai:12) (the script's fault).")
    );
    assert_eq!(
        broken(Cause::normal(By::System), Some(Outcome::Interrupted)),
        format!("{until}the server stopped in the middle of it, so the end is not known.")
    );
    let limit = Cause { reason: "two hours are over".into(), ..Cause::normal(By::System) };
    assert_eq!(broken(limit, None), format!("{until}the server ended it: two hours are over."));
}

#[test]
fn a_service_that_talks_to_the_caller_itself_is_named() {
    let mut tale = vec![(0, leg(ALICE)), (0, What::Answered(ALICE)), (9, over(ALICE, Cause::normal(By::Caller)))];
    assert_eq!(says(tale.clone(), 9, None), "Alice called 102; service ring answered; Alice hung up.");
    tale[2].1 = over(ALICE, Cause::normal(By::Script));
    assert_eq!(says(tale, 9, None), "Alice called 102; service ring answered; the script ended it.");
}

#[test]
fn whoever_stopped_ringing_because_another_answered_is_told_so_and_many_are_counted() {
    let mut tale = vec![(0, leg(ALICE)), (0, leg(BOB))];
    tale.extend((2..8).map(|number| (0, leg(LegNumber(number)))));
    tale.extend((1..8).map(|number| (1, What::Rang(LegNumber(number)))));
    tale.extend([(4, What::Answered(LegNumber(2))), (4, What::Answered(ALICE))]);
    let elsewhere = Cause { q850: 26, ..Cause::status(By::System, 487, 26, "Call completed elsewhere") };
    tale.push((4, over(BOB, elsewhere)));
    let said = says(tale, 10, None);
    assert!(
        said.contains("Bob's phone rang 3 s and stopped: it was answered elsewhere; Bob's phone rang 3 s and answered")
    );
    assert!(said.ends_with("3 more were called; it ended."), "{said}");
}

#[test]
fn a_call_that_goes_on_says_so() {
    let mut journal = crate::journal::Journal::begin(call(1), began(), Default::default());
    journal.note(s(0), leg(ALICE));
    journal.note(s(0), leg(BOB));
    assert_eq!(sentence(journal.record()), "Alice called 102; Bob's phone is being called; nobody has answered yet.");
    journal.note(s(1), What::Rang(BOB));
    assert_eq!(sentence(journal.record()), "Alice called 102; Bob's phone rings; nobody has answered yet.");
    good_call().into_iter().skip(4).take(3).for_each(|(at, what)| journal.note(s(at), what));
    assert_eq!(sentence(journal.record()), "Alice called 102; Bob's phone rang 6 s and answered; it goes on.");
}

#[test]
fn lengths_are_said_as_people_say_them() {
    let millis = |millis| long(Duration::from_millis(millis));
    assert_eq!([millis(0), millis(20), millis(940), millis(59_900)], ["0 s", "0.1 s", "0.9 s", "59 s"]);
    assert_eq!([long(s(60)), long(s(123)), long(s(3600)), long(s(7500))], ["1 min", "2 min 3 s", "1 h", "2 h 5 min"]);
}

proptest! {
    #[test]
    fn a_strangers_words_are_one_line_and_cannot_drown_the_rest(name in any::<String>(), number in any::<String>()) {
        let party = Party::named(number.as_str(), name.as_str());
        let shown = shown(&party);
        prop_assert!(!shown.is_empty() && shown.len() <= NAME + "…".len(), "{}", shown);
        prop_assert!(!shown.contains(char::is_control));
    }
}
