//! What the ladder of whole calls looks like.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::journal::{Batch, Began, Journal, LegBegan, Outcome, Rules, testing::*};

fn message(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn response(status: &str, method: &str, sdp: bool) -> Bytes {
    let body = if sdp { "v=0\r\n" } else { "" };
    message(&format!("SIP/2.0 {status}\r\nCSeq: 1 {method}\r\n\r\n{body}"))
}

fn drawn(batch: &Batch, columns: usize) -> String {
    ladder(batch.record.as_ref().expect("a record"), &batch.entries, columns)
}

/// Alice calls, Bob answers.
fn answered() -> Batch {
    let mut journal = Journal::begin(call(1), began(), Rules::default());
    journal.note(s(0), leg(ALICE));
    journal.note(s(0), leg(BOB));
    let invite = message("INVITE sip:102@h SIP/2.0\r\nTo: x\r\n\r\nv=0\r\n");
    journal.message(s(0), ALICE, Way::Theirs, &invite);
    journal.message(s(0), BOB, Way::Ours, &invite);
    journal.message(s(1), BOB, Way::Theirs, &response("180 Ringing", "INVITE", false));
    journal.message(s(1), ALICE, Way::Ours, &response("180 Ringing", "INVITE", false));
    journal.message(s(7), BOB, Way::Theirs, &response("200 OK", "INVITE", true));
    journal.message(s(130), BOB, Way::Theirs, &message("BYE sip:x SIP/2.0\r\n\r\n"));
    journal.end(s(130), Outcome::Answered)
}

#[test]
fn a_call_is_drawn_between_its_parties_with_us_in_the_middle() {
    let expected = "
                    Alice               Patchcord                bob
   0.000 s            │─── INVITE (sdp) ───▶│                     │
   0.000 s            │                     │─── INVITE (sdp) ───▶│
   1.000 s            │                     │◀── 180 (INVITE) ────│
   1.000 s            │◀── 180 (INVITE) ────│                     │
   7.000 s            │                     │◀ 200 (INVITE, sdp) ─│
 130.000 s            │                     │◀─────── BYE ────────│
";
    assert_eq!(format!("\n{}", drawn(&answered(), 80)), expected);
    assert!(expected.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn whom_the_house_has_called_stands_under_his_own_name() {
    let mut journal = Journal::begin(call(1), Began { by_house: true, ..began() }, Rules::default());
    journal.note(s(0), What::LegBegan(Box::new(LegBegan { leg: ALICE, parent: None, ..began_leg(BOB) })));
    journal.message(s(0), ALICE, Way::Ours, &message("INVITE sip:102@h SIP/2.0\r\n\r\n"));
    let batch = journal.end(s(1), Outcome::NoAnswer);
    assert!(drawn(&batch, 80).lines().next().is_some_and(|heads| heads.trim_start().starts_with("bob ")));
    let first = crate::journal::wording::words(&batch.entries[0].what);
    assert_eq!(first, "the server calls 102 as Alice, heard by service ring version 7, by route endpoint 102");
}

#[test]
fn many_legs_make_it_wider_and_keep_every_label_readable() {
    let mut journal = Journal::begin(call(1), began(), Rules::default());
    journal.note(s(0), leg(ALICE));
    for number in 1..7 {
        journal.note(s(0), leg(LegNumber(number)));
        journal.message(s(0), LegNumber(number), Way::Ours, &message("INVITE sip:x SIP/2.0\r\n\r\n"));
    }
    journal.message(s(0), LegNumber(99), Way::Theirs, &message("BYE sip:x SIP/2.0\r\n\r\n"));
    let drawn = drawn(&journal.end(s(1), Outcome::Failed), 80);
    assert_eq!(drawn.matches(" INVITE ").count(), 6, "{drawn}");
    assert!(drawn.lines().next().is_some_and(|heads| heads.ends_with("leg 99")), "{drawn}");
}

#[test]
fn a_call_without_messages_has_no_ladder_and_a_long_one_says_what_is_left_out() {
    let batch = told(good_call(), 130, None);
    assert_eq!(drawn(&batch, 80), "");
    let mut journal = Journal::begin(call(1), began(), Rules::default());
    for _ in 0..MAX_STEPS + 3 {
        journal.message(s(0), ALICE, Way::Theirs, &message("OPTIONS sip:x SIP/2.0\r\n\r\n"));
    }
    let drawn = drawn(&journal.end(s(1), Outcome::Failed), 80);
    assert_eq!(drawn.lines().count(), 1 + MAX_STEPS + 1);
    assert!(drawn.ends_with("… 3 messages more\n"));
}

proptest! {
    #[test]
    fn whatever_was_sent_is_one_line_of_the_ladder(texts in prop::collection::vec((any::<Vec<u8>>(), 0..4u32), 1..8), columns in 0..300usize) {
        let mut journal = Journal::begin(call(1), began(), Rules::default());
        for (text, number) in &texts {
            journal.message(s(0), LegNumber(*number), Way::Theirs, &Bytes::copy_from_slice(text));
        }
        let drawn = drawn(&journal.end(s(1), Outcome::Failed), columns);
        prop_assert_eq!(drawn.lines().count(), 1 + texts.len(), "{}", drawn);
    }
}
