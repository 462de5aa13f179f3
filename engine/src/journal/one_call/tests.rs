//! When a journal hands out what, and what it keeps past its bounds.

use super::*;
use crate::journal::{By, Cause, MAX_LEGS, MAX_TAGS, MAX_TEXT, testing::*};

fn journal() -> Journal {
    Journal::begin(call(1), began(), Rules::default())
}

fn invite() -> Bytes {
    Bytes::from_static(b"INVITE sip:102@example.org SIP/2.0\r\nAuthorization: Digest nonce=\"n\"\r\n\r\n")
}

fn numbers(batch: &Batch) -> Vec<u32> {
    batch.entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn a_short_call_is_one_batch_with_its_record() {
    let mut journal = journal();
    journal.note(s(0), leg(ALICE));
    journal.message(s(0), ALICE, Way::Theirs, &invite());
    assert!(!journal.is_due());
    let batch = journal.end(s(3), Outcome::Cancelled);

    assert_eq!((batch.first, numbers(&batch)), (0, vec![0, 1, 2, 3]));
    let record = batch.record.expect("a record");
    assert_eq!((record.outcome, record.entries), (Some(Outcome::Cancelled), 4));
}

#[test]
fn an_answer_is_told_at_once_and_the_row_is_open() {
    let mut journal = journal();
    for (at, what) in good_call().into_iter().take(6) {
        assert!(!journal.is_due());
        journal.note(s(at), what);
    }
    assert!(journal.is_due(), "it is answered");
    let row = journal.drain().and_then(|batch| batch.record).expect("an open row");
    assert_eq!((row.answered, row.outcome, row.ended), (Some(s(7)), None, None));
    assert!(!journal.is_due() && journal.drain().is_none(), "once");
}

#[test]
fn what_is_recorded_is_named_at_once_and_nothing_waits_for_long() {
    let mut journal = journal();
    good_call().into_iter().take(7).for_each(|(at, what)| journal.note(s(at), what));
    journal.drain().expect("the answer");
    journal.note(s(8), What::Recording { leg: None, path: "day/one.wav".into() });
    assert!(journal.is_due());
    let row = journal.drain().and_then(|batch| batch.record).expect("an open row");
    assert_eq!((row.recordings.len(), row.outcome), (1, None));
    for at in [10, 20, 39] {
        journal.note(s(at), What::Held(BOB));
        assert!(!journal.is_due());
    }
    journal.note(s(40), What::Resumed(BOB));
    assert!(journal.is_due(), "and not for more than half a minute, however much there is to write");
    assert_eq!(journal.drain().map(|batch| (batch.entries.len(), batch.record.is_some())), Some((4, false)));
}

#[test]
fn a_row_is_open_before_the_first_entry_is_kept_and_again_at_the_answer() {
    let mut journal = journal();
    let first = journal.drain().expect("the beginning");
    assert!(first.record.is_some_and(|row| row.answered.is_none()));
    journal.note(s(1), leg(ALICE));
    assert!(journal.drain().expect("an entry").record.is_none());
    journal.note(s(2), What::Answered(ALICE));
    assert!(journal.drain().expect("an answer").record.is_some_and(|row| row.answered.is_some()));
}

#[test]
fn a_long_talk_is_handed_out_piece_by_piece_and_nothing_of_it_stays() {
    let mut journal = journal();
    journal.note(s(0), leg(ALICE));
    let mut seen = Vec::new();
    for n in 0..1000u64 {
        journal.message(s(n), ALICE, Way::Ours, &invite());
        if journal.is_due() {
            let batch = journal.drain().expect("it is due");
            assert_eq!(batch.first as usize, seen.len());
            seen.extend(numbers(&batch));
            assert!(journal.is_empty() && journal.waiting.capacity() == 0);
        }
    }
    seen.extend(numbers(&journal.end(s(1000), Outcome::Answered)));
    assert!(seen.iter().copied().eq(0..1003));
}

#[test]
fn past_its_bounds_a_journal_keeps_the_record_and_tells_the_gap() {
    let mut journal = journal();
    let mut entries = journal.drain().expect("the beginning").entries;
    journal.note(s(0), leg(ALICE));
    journal.note(s(0), leg(BOB));
    for _ in 0..MAX_ENTRIES + 500 {
        journal.message(s(1), ALICE, Way::Theirs, &invite());
    }
    for (at, what) in good_call().into_iter().skip(4) {
        journal.note(s(at), what);
    }
    let kept = journal.kept;
    let last = journal.end(s(130), Outcome::Answered);
    entries.extend(last.entries);

    assert_eq!(entries.len() as u32, kept + 1);
    let record = last.record.expect("a record");
    assert_eq!((record.talk, record.end.as_ref().map(|end| end.by)), (s(123), Some(By::Callee)));
    assert_eq!(record.entries, 3 + MAX_ENTRIES + 500 + 5 + 1, "kept or not");
    assert_eq!(Record::fold(record.call, &entries), Some(*record));
}

#[test]
fn a_call_that_never_stops_is_bounded_in_everything_and_still_ends() {
    let mut journal = journal();
    let mut entries = 0;
    let long = "x".repeat(10_000);
    for n in 0..MAX_NEEDED + 10_000 {
        journal.note(
            s(1),
            match n % 4 {
                0 => crate::journal::testing::leg(LegNumber(n)),
                1 => What::Tag { key: format!("{n}").into(), value: long.as_str().into() },
                2 => over(LegNumber(n), Cause::normal(By::Callee)),
                _ => What::Held(LegNumber(n - 3)),
            },
        );
        entries += journal.is_due().then(|| journal.drain()).flatten().map_or(0, |batch| batch.entries.len());
    }
    assert!(entries as u32 <= MAX_NEEDED, "{entries}");
    let record = journal.end(s(2), Outcome::Failed).record.expect("a record");
    assert_eq!((record.legs.len(), record.tags.len()), (MAX_LEGS, MAX_TAGS));
    assert!(record.tags.iter().all(|(_, value)| value.len() <= MAX_TEXT));
    assert_eq!(record.outcome, Some(Outcome::Failed));
}

#[test]
fn messages_are_kept_only_where_the_rules_say_so() {
    let mut journal = Journal::begin(call(1), began(), Rules { messages: false, message_bodies: false });
    journal.message(s(0), ALICE, Way::Theirs, &invite());
    assert_eq!(journal.end(s(1), Outcome::Failed).entries.len(), 2);
}

#[test]
fn a_call_that_only_talks_keeps_its_record_and_little_else() {
    let mut journal = journal();
    for (at, what) in good_call().into_iter().take(7) {
        journal.note(s(at), what);
    }
    journal.drain();
    let kept = size_of::<Journal>() + size_of::<Fold>() - size_of::<Record>() + journal.record().weight();
    assert!(kept < 2048, "{kept} bytes");
}

#[test]
fn what_comes_after_the_end_is_kept_and_changes_the_record_no_more() {
    let mut journal = journal();
    good_call().into_iter().for_each(|(at, what)| journal.note(s(at), what));
    let closed = journal.close(s(130), Outcome::Answered).expect("its end");
    let record = closed.record.expect("a record");
    assert_eq!((record.ended, record.outcome), (Some(s(130)), Some(Outcome::Answered)));

    journal.message(s(162), ALICE, Way::Theirs, &invite());
    let late = journal.close(s(162), Outcome::Failed).expect("what came late");
    assert_eq!((late.first, late.entries.len(), late.record), (record.entries, 1, None));
    assert_eq!(journal.record(), &*record);
    assert!(journal.close(s(163), Outcome::Failed).is_none());
}
