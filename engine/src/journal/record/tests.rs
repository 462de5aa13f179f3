//! What a record says of whole calls, and the laws of the fold.

use proptest::prelude::*;

use super::*;
use crate::journal::{Batch, Hearing, QualitySample, testing::*};

fn record(batch: Batch) -> Record {
    *batch.record.expect("an end has a record")
}

fn refused(sip: u16, by: By) -> Record {
    let tale = vec![
        (0, leg(ALICE)),
        (0, leg(BOB)),
        (1, What::Rang(BOB)),
        (5, over(BOB, Cause::status(by, sip, 17, ""))),
        (5, over(ALICE, Cause::status(by, sip, 17, ""))),
    ];
    record(told(tale, 5, None))
}

#[test]
fn a_call_tells_when_it_rang_was_answered_talked_and_who_hung_up() {
    let record = record(told(good_call(), 130, None));

    assert_eq!((record.began, record.service.as_deref(), record.version.as_deref()), (wall(), Some("ring"), Some("7")));
    assert_eq!((record.rang, record.answered, record.ended), (Some(s(1)), Some(s(7)), Some(s(130))));
    assert_eq!((record.talk, record.outcome, record.fault), (s(123), Some(Outcome::Answered), Some(Fault::Nobody)));
    assert_eq!(record.end, Some(Cause::normal(By::Callee)), "the caller's leg only followed");
    let bob = record.leg(BOB).expect("Bob's leg");
    assert_eq!((bob.parent, bob.direction, bob.talk), (Some(ALICE), Direction::Outbound, Some(s(123))));
}

#[test]
fn whoever_hung_up_is_named_also_when_the_bridge_was_taken_apart_first() {
    let mut tale = good_call();
    tale.insert(7, (130, What::Unbridged(BOB)));
    tale.swap(8, 9);
    assert_eq!(record(told(tale, 130, None)).end, Some(Cause::normal(By::Callee)));
}

#[test]
fn a_script_that_goes_on_after_the_other_hung_up_ends_the_call_itself() {
    let mut tale = good_call();
    tale.pop();
    tale.push((160, over(ALICE, Cause::normal(By::Script))));
    let record = record(told(tale, 160, None));

    assert_eq!(record.end.map(|end| end.by), Some(By::Script));
    assert_eq!(record.talk, s(123), "nobody talks with a script");
}

#[test]
fn who_hangs_up_on_a_script_that_has_failed_hides_nothing_of_it() {
    let failed = What::Heard {
        leg: None,
        event: STORY_ENDED.into(),
        facts: crate::journal::Facts::NONE.with("fault", "ivr.rhai:3:12: no such word"),
    };
    let tale =
        vec![(0, leg(ALICE)), (1, What::Answered(ALICE)), (2, over(ALICE, Cause::normal(By::Caller))), (2, failed)];
    let record = record(told(tale, 2, Some(Outcome::Crashed)));
    assert_eq!((record.fault, record.end.as_ref().map(|end| end.by)), (Some(Fault::Script), Some(By::Script)));
    let sentence = crate::journal::sentence(&record);
    assert!(sentence.contains("the script failed: ivr.rhai:3:12"), "{sentence}");
}

#[test]
fn a_recording_that_was_thrown_away_is_not_in_the_record() {
    let recorded = |path: &str| What::Recording { leg: Some(ALICE), path: path.into() };
    let facts = crate::journal::Facts::NONE.with("file", "2026-11-21/a-0-1.wav");
    let thrown = What::Heard { leg: None, event: THROWN_AWAY.into(), facts };
    assert!(thrown.is_for_record(), "it is kept where other events are not");
    let tale = vec![
        (0, leg(ALICE)),
        (1, recorded("2026-11-21/a-0-1.wav")),
        (2, recorded("2026-11-21/a-0-2.wav")),
        (3, thrown),
        (4, over(ALICE, Cause::normal(By::Caller))),
    ];
    let record = record(told(tale, 4, None));
    assert_eq!(record.recordings, ["2026-11-21/a-0-2.wav".into()]);
}

#[test]
fn a_call_that_a_manifest_has_no_room_for_is_told_by_its_limit() {
    let limit = "the manifest of front lets it have 1 call at once";
    let end =
        Cause { by: By::Script, q850: crate::call::cause::NO_ROOM, sip: Some(503), reason: limit.into(), place: None };
    let record = record(told(vec![(0, leg(ALICE)), (0, over(ALICE, end))], 0, Some(Outcome::Failed)));
    assert_eq!(record.fault, Some(Fault::Script));
    let sentence = crate::journal::sentence(&record);
    assert_eq!(sentence, format!("Alice called 102; it could not be set up: {limit} (the script's fault)."));
}

#[test]
fn what_a_script_failed_by_is_told_also_where_the_house_refused_the_call_for_it() {
    let failed = |facts: crate::journal::Facts, end: Cause| {
        let broke = What::Heard { leg: None, event: STORY_ENDED.into(), facts };
        record(told(vec![(0, leg(ALICE)), (1, over(ALICE, end)), (1, broke)], 2, Some(Outcome::Crashed)))
    };
    let facts = || crate::journal::Facts::NONE.with("fault", "ivr.rhai:3:12: no such word");
    let refused = Cause { reason: "The Service Failed".into(), ..Cause::status(By::Script, 500, 41, "") };
    for end in [refused, Cause::normal(By::Script), Cause::normal(By::System)] {
        let record = failed(facts(), end);
        assert_eq!(record.fault, Some(Fault::Script));
        let sentence = crate::journal::sentence(&record);
        assert_eq!(sentence, "Alice called 102; the script failed: ivr.rhai:3:12: no such word.");
    }
    let facts = crate::journal::Facts::NONE.with("fault", "it went on for too long").with("place", "ivr.rhai:9");
    let sentence = crate::journal::sentence(&failed(facts, Cause::normal(By::Caller)));
    assert_eq!(sentence, "Alice called 102; the script failed: it went on for too long (at ivr.rhai:9).");
}

#[test]
fn a_talk_that_ends_because_somebody_was_lost_says_so_and_not_that_its_story_ended() {
    let ends = |why: Cause| {
        let mut tale = good_call();
        tale.truncate(7);
        tale.push((60, over(BOB, why)));
        tale.push((60, over(ALICE, Cause { reason: crate::call::cause::TOLD.into(), ..Cause::normal(By::Script) })));
        let record = record(told(tale, 60, None));
        (record.hung_up, crate::journal::sentence(&record).rsplit("; ").next().unwrap_or_default().to_owned())
    };
    let silent = Cause { q850: 41, reason: "no sound came for 60 s".into(), ..Cause::normal(By::System) };
    assert_eq!(ends(silent), (None, "it broke off: no sound came for 60 s (the network's fault).".into()));
    let limit = Cause { reason: "the longest talk that is allowed was over".into(), ..Cause::normal(By::System) };
    assert_eq!(ends(limit), (None, "the server ended it: the longest talk that is allowed was over.".into()));
}

#[test]
fn what_was_not_answered_is_called_what_the_status_says() {
    for (sip, by, outcome) in [
        (486, By::Callee, Outcome::Busy),
        (480, By::Callee, Outcome::NoAnswer),
        (408, By::System, Outcome::NoAnswer),
        (487, By::Caller, Outcome::Cancelled),
        (603, By::Callee, Outcome::Rejected),
        (404, By::System, Outcome::NotFound),
        (403, By::System, Outcome::Forbidden),
        (503, By::Callee, Outcome::Unreachable),
        (488, By::Callee, Outcome::Failed),
    ] {
        let record = refused(sip, by);
        assert_eq!((record.outcome, record.answered, record.talk), (Some(outcome), None, s(0)), "{sip}");
    }
    assert_eq!(refused(488, By::Callee).fault, Some(Fault::Callee));
    assert_eq!(refused(403, By::System).fault, Some(Fault::Caller));
    assert_eq!(refused(500, By::Script).fault, Some(Fault::Script));
}

#[test]
fn a_transfer_is_one_record_whose_talk_counts_each_second_once() {
    let carol = LegNumber(2);
    let mut tale = good_call();
    tale.truncate(7);
    tale.extend([
        (20, What::Unbridged(BOB)),
        (20, leg(carol)),
        (25, What::Answered(carol)),
        (25, What::Bridged(ALICE, carol)),
        (25, over(BOB, Cause::normal(By::Callee))),
        (60, over(ALICE, Cause::normal(By::Caller))),
    ]);
    let record = record(told(tale, 60, None));

    let talks: Vec<_> = record.legs.iter().map(|leg| leg.talk).collect();
    assert_eq!((record.talk, talks), (s(48), vec![Some(s(48)), Some(s(13)), Some(s(35))]));
    assert_eq!(record.end, Some(Cause::normal(By::Caller)));
    assert_eq!(record.leg(carol).and_then(|leg| leg.ended), Some(s(60)), "what stands ends with the call");
}

#[test]
fn a_dead_network_and_a_dead_server_are_nobody_elses_fault() {
    let ended = |cause, outcome| {
        let mut tale = good_call();
        tale.truncate(7);
        tale.push((40, over(ALICE, cause)));
        record(told(tale, 40, outcome)).fault
    };
    let silent = Cause { q850: 102, reason: "no sound for 30 s".into(), ..Cause::normal(By::System) };
    assert_eq!(ended(silent, None), Some(Fault::Network));
    assert_eq!(ended(Cause::normal(By::System), Some(Outcome::Crashed)), Some(Fault::Server));
    assert_eq!(ended(Cause::normal(By::Script), Some(Outcome::Crashed)), Some(Fault::Script));
    assert_eq!(ended(Cause { q850: 41, ..Cause::normal(By::Script) }, None), Some(Fault::Network));
    assert_eq!(ended(Cause { q850: 127, ..Cause::normal(By::Script) }, None), Some(Fault::Script));
}

#[test]
fn entries_about_legs_that_never_began_say_nothing() {
    let stranger = LegNumber(9);
    let tale = vec![
        (0, leg(ALICE)),
        (1, What::Answered(stranger)),
        (1, What::Bridged(ALICE, stranger)),
        (2, What::Bridged(ALICE, ALICE)),
        (2, What::Unbridged(stranger)),
        (3, over(stranger, Cause::normal(By::Callee))),
    ];
    let record = record(told(tale, 4, None));
    assert_eq!((record.legs.len(), record.talk, record.legs[0].talk), (1, s(0), None));
}

fn anything() -> impl Strategy<Value = What> {
    let number = || (0..5u32).prop_map(LegNumber);
    let cause = || {
        let by = prop::sample::select(By::ALL);
        (by, 1..128u8, prop::option::of(400..700u16)).prop_map(|(by, q850, sip)| Cause {
            q850,
            sip,
            ..Cause::normal(by)
        })
    };
    let sample = (0..1000u16, 0..100u64).prop_map(|(lost_permille, millis)| {
        let heard =
            Hearing { lost_permille, jitter: Duration::from_millis(millis), mos_hundredths: Some(lost_permille) };
        Notice::Sampled(Box::new(QualitySample { here: Some(heard), ..QualitySample::default() }))
    });
    prop_oneof![
        3 => number().prop_map(leg),
        1 => number().prop_map(What::Rang),
        1 => number().prop_map(What::EarlyMedia),
        2 => number().prop_map(What::Answered),
        3 => (number(), number()).prop_map(|(one, other)| What::Bridged(one, other)),
        1 => number().prop_map(What::Unbridged),
        1 => number().prop_map(What::Held),
        1 => number().prop_map(What::ToldRecorded),
        1 => (number(), sample).prop_map(|(leg, notice)| What::Media { leg, notice }),
        2 => (number(), cause()).prop_map(|(leg, cause)| over(leg, cause)),
        1 => ("[ab]", "[xy]").prop_map(|(key, value)| What::Tag { key: key.into(), value: value.into() }),
        1 => Just(What::Heard { leg: None, event: "key".into(), facts: Default::default() }),
    ]
}

fn any_tale() -> impl Strategy<Value = Vec<(u64, What)>> {
    prop::collection::vec((0..3u64, anything()), 0..60).prop_map(|steps| {
        let mut at = 0;
        let tell = |(pause, what)| {
            at += pause;
            (at, what)
        };
        steps.into_iter().map(tell).collect()
    })
}

proptest! {
    #[test]
    fn any_split_into_batches_makes_the_same_record(tale in any_tale(), cuts in prop::collection::vec(any::<bool>(), 60)) {
        let mut journal = crate::journal::Journal::begin(call(1), began(), Default::default());
        let mut entries: Vec<Entry> = Vec::new();
        for ((at, what), cut) in tale.into_iter().zip(cuts) {
            journal.note(s(at), what);
            if cut {
                entries.extend(journal.drain().map(|batch| batch.entries).unwrap_or_default());
            }
        }
        let last = journal.end(s(1000), Outcome::Answered);
        entries.extend(last.entries);
        prop_assert_eq!(Record::fold(call(1), &entries), last.record.map(|record| *record));
    }

    #[test]
    fn a_batch_that_comes_again_changes_nothing(tale in any_tale(), from in 0..30usize, to in 30..70usize) {
        let entries = told(tale, 1000, None).entries;
        let (from, to) = (from.min(entries.len()), to.min(entries.len()));
        let again = entries[..to].iter().chain(&entries[from..to]).chain(&entries[to..]);
        prop_assert_eq!(Record::fold(call(1), again), Record::fold(call(1), &entries));
    }

    #[test]
    fn what_the_record_is_not_made_of_may_be_missing(tale in any_tale()) {
        let mut entries = told(tale, 1000, None).entries;
        let whole = Record::fold(call(1), &entries);
        entries.retain(|entry| entry.what.is_for_record());
        prop_assert_eq!(Record::fold(call(1), &entries), whole);
    }

    #[test]
    fn nobody_talks_longer_than_the_call_lasts_and_never_alone(tale in any_tale()) {
        let record = record(told(tale, 1000, None));
        prop_assert!(record.talk <= s(1000));
        let legs: Duration = record.legs.iter().filter_map(|leg| leg.talk).sum();
        prop_assert!(legs >= 2 * record.talk, "{legs:?} in legs, {:?} in all", record.talk);
        prop_assert!(record.legs.iter().all(|leg| leg.ended.is_some() && leg.talk.is_none_or(|talk| talk <= s(1000))));
    }

    #[test]
    fn a_record_and_its_entries_are_read_as_they_are_written(tale in any_tale()) {
        let batch = told(tale, 1000, None);
        let written = serde_json::to_vec(&batch).expect("JSON");
        prop_assert_eq!(serde_json::from_slice::<Batch>(&written).expect("read"), batch);
    }
}

#[test]
fn a_party_that_hangs_up_is_the_caller_on_the_first_leg_and_a_callee_on_any_other() {
    use crate::call::{Ending, LegId, Who};

    let ending = |by| Ending { by, cause: 16, sip: None, reason: "normal clearing".into() };
    let by = |leg, who| Cause::of(LegId(leg), &ending(who)).by;
    assert_eq!([by(0, Who::Party), by(3, Who::Party)], [By::Caller, By::Callee]);
    assert_eq!([by(0, Who::Program), by(3, Who::System)], [By::Script, By::System]);
}
