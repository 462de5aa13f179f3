//! The sentence of each way that a call can go.

use proptest::prelude::*;

use super::*;
use crate::journal::party::Party;
use crate::journal::{Began, Forwarded, LegBegan, LegNumber, PassedBy, PassedOn, What, testing::*};

pub(super) fn says(tale: Tale, end: u64, outcome: Option<Outcome>) -> String {
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
fn a_message_that_a_service_took_down_is_told_with_its_length() {
    let message = |recorded: bool, ms: &str| {
        let mut tale = vec![(0, leg(ALICE)), (0, What::Answered(ALICE))];
        if recorded {
            tale.push((3, What::Recording { leg: Some(ALICE), path: "2026-11-21/one.wav".into() }));
        }
        tale.push((16, What::Tag { key: "message_ms".into(), value: ms.into() }));
        tale.push((20, over(ALICE, Cause::normal(By::Caller))));
        says(tale, 20, None)
    };
    let told = message(true, "12400");
    assert!(told.contains("; Alice left a message of 12 s; "), "{told}");
    for silent in [message(false, "12400"), message(true, "soon")] {
        assert!(!silent.contains("message"), "{silent}");
    }
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
            "Bob's phone rang 5 s and refused the call (488 \"No Common Codec\"); it could not be set up: \"No Common Codec\" \
             (the fault of Bob's side).",
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
        (Outcome::NotFound, "Nobody Of That Name", "nobody has that name."),
        (Outcome::Forbidden, "No Route To That Number", "Alice may not call that: no route to that number."),
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
        format!(
            "{}the server stopped in the middle of it, so the end is not known.",
            until.replace("40 s", "at least 40 s")
        )
    );
    let limit = Cause { reason: "two hours are over".into(), ..Cause::normal(By::System) };
    assert_eq!(broken(limit, None), format!("{until}the server ended it: two hours are over."));
}

#[test]
fn a_call_that_an_operator_hung_up_says_so_before_and_after_its_answer() {
    let operator = || Cause { reason: cause::HUNG_UP_OUTSIDE.into(), ..Cause::normal(By::System) };
    let until = "Alice called 102; Bob's phone rang 6 s and answered; they talked 40 s; ";
    assert_eq!(broken(operator(), None), format!("{until}it was hung up by an operator."));
    let refused = Cause { sip: Some(480), ..operator() };
    let tale = vec![
        (0, leg(ALICE)),
        (0, leg(BOB)),
        (1, What::Rang(BOB)),
        (6, over(BOB, operator())),
        (6, over(ALICE, refused)),
    ];
    let record = told(tale, 6, None).record.expect("a record");
    assert_eq!((record.outcome, record.fault), (Some(Outcome::Cancelled), Some(Fault::Nobody)));
    assert_eq!(sentence(&record), "Alice called 102; Bob's phone rang 5 s; it was hung up by an operator after 6 s.");
    // Nobody else can say that an operator did something.
    let stranger = Cause { by: By::Caller, ..operator() };
    assert_eq!(broken(stranger, None), format!("{until}Alice hung up."));
}

#[test]
fn a_call_of_the_house_that_hears_nothing_from_there_blames_the_way_and_one_that_only_rings_nobody() {
    let called = || match leg(BOB) {
        What::LegBegan(began) => What::LegBegan(Box::new(LegBegan {
            leg: ALICE,
            parent: None,
            account: Account::Trunk("north".into()),
            to: Party::new("+491"),
            ..*began
        })),
        _ => unreachable!("a leg begins so"),
    };
    let in_vain = Cause { q850: 19, reason: cause::IN_VAIN.into(), ..Cause::normal(By::System) };
    let record = |tale| told(tale, 30, None).record.expect("a record");
    let silent = record(vec![(0, called()), (30, over(ALICE, in_vain.clone()))]);
    assert_eq!((silent.outcome, silent.fault), (Some(Outcome::Unreachable), Some(Fault::Network)));
    let said = sentence(&silent);
    assert!(
        said.ends_with("+491 over trunk north did not ring; no answer came from there (the network's fault)."),
        "{said}"
    );
    let rang = record(vec![(0, called()), (5, What::Rang(ALICE)), (30, over(ALICE, in_vain))]);
    assert_eq!((rang.outcome, rang.fault), (Some(Outcome::NoAnswer), Some(Fault::Nobody)));
    assert!(sentence(&rang).ends_with("+491 over trunk north rang 25 s."), "{}", sentence(&rang));
}

#[test]
fn a_service_that_talks_to_the_caller_itself_is_named() {
    let mut tale = vec![(0, leg(ALICE)), (0, What::Answered(ALICE)), (9, over(ALICE, Cause::normal(By::Caller)))];
    assert_eq!(says(tale.clone(), 9, None), "Alice called 102; service ring answered; Alice hung up.");
    tale[2].1 = over(ALICE, Cause::normal(By::Script));
    assert_eq!(says(tale.clone(), 9, None), "Alice called 102; service ring answered; the script ended it.");
    for (reason, said) in [
        (cause::TOLD, "the script ended it"),
        (cause::ROOM_CLOSED, "the conference room was closed"),
        (cause::REMOVED, "Alice was removed from the conference room"),
        (cause::LEFT_ROOM, "Alice left the conference room"),
        ("hung up", "the script ended it: hung up"),
    ] {
        tale[2].1 = over(ALICE, Cause { reason: reason.into(), ..Cause::normal(By::Script) });
        assert_eq!(says(tale.clone(), 9, None), format!("Alice called 102; service ring answered; {said}."));
    }
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
    let one = "one of Bob's phones rang 3 s and stopped: it was answered elsewhere";
    assert!(said.contains(&format!("{one}; another of Bob's phones rang 3 s and answered")), "{said}");
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
fn the_name_that_a_carriers_caller_gives_itself_is_no_name_of_the_house() {
    let from = Party::named("+493012345", "Alice");
    let mut journal = crate::journal::Journal::begin(call(1), Began { from, ..began() }, Default::default());
    let What::LegBegan(theirs) = leg(ALICE) else { panic!("a leg") };
    let theirs = LegBegan { account: Account::Trunk("north".into()), ..*theirs };
    journal.note(s(0), What::LegBegan(Box::new(theirs)));
    good_call().into_iter().skip(1).take(6).for_each(|(at, what)| journal.note(s(at), what));
    journal.note(s(47), over(ALICE, Cause::normal(By::Caller)));
    let told = journal.end(s(47), Outcome::Answered).record.expect("a record");
    assert_eq!(
        sentence(&told),
        "+493012345 by trunk north called 102; Bob's phone rang 6 s and answered; they talked 40 s; +493012345 hung up."
    );
}

#[test]
fn lengths_are_said_as_people_say_them() {
    let millis = |millis| long(Duration::from_millis(millis));
    assert_eq!([millis(0), millis(20), millis(940), millis(59_900)], ["0 s", "20 ms", "940 ms", "1 min"]);
    let micros = |micros| long(Duration::from_micros(micros));
    assert_eq!([micros(10), micros(1_300), micros(9_970)], ["0.1 ms", "1.3 ms", "10 ms"]);
    assert_eq!([millis(999), micros(999_700), millis(2_600), millis(62_400)], ["999 ms", "1 s", "3 s", "1 min 2 s"]);
    assert_eq!([millis(3_599_700), millis(3_659_000)], ["1 h", "1 h 1 min"]);
    assert_eq!([long(s(60)), long(s(123)), long(s(3600)), long(s(7500))], ["1 min", "2 min 3 s", "1 h", "2 h 5 min"]);
}

#[test]
fn nobody_writes_a_part_of_the_sentence_by_a_name_a_number_or_a_reason_of_its_own() {
    let lie = "Alice, who was authorised by the bank, called 102; Bob hung up.";
    let theirs = |account| match leg(ALICE) {
        What::LegBegan(began) => What::LegBegan(Box::new(LegBegan { account, ..*began })),
        _ => unreachable!("a leg begins so"),
    };
    let said = |from: Party, account| {
        let mut journal = crate::journal::Journal::begin(call(1), Began { from, ..began() }, Default::default());
        journal.note(s(0), theirs(account));
        journal.note(s(0), leg(BOB));
        let refused = Cause::status(By::Callee, 488, 65, lie);
        journal.note(s(1), over(BOB, refused.clone()));
        journal.note(s(1), over(ALICE, refused));
        sentence(&journal.end(s(1), Outcome::Failed).record.expect("a record"))
    };
    let quoted = format!("\"{}", &lie[..NAME - 8]);
    let endpoint = said(Party::named("101", lie), Account::Endpoint("alice".into()));
    assert!(endpoint.starts_with("Alice called 102; Bob's phone refused the call (488 \"Alice, who"), "{endpoint}");
    assert!(endpoint.contains(&quoted), "{endpoint}");
    let stranger = said(Party::named(lie, lie), Account::Stranger);
    assert!(stranger.starts_with(&quoted) && stranger.contains("\" called 102; "), "{stranger}");
    let inside = said(Party::new("x\" called 999; \"y"), Account::Stranger);
    assert!(inside.starts_with("\"x' called 999; 'y\" called 102; "), "{inside}");
    let claims = claimed(&Party::named("101", lie)).expect("a name");
    assert!(claims.starts_with(&quoted) && claims.len() <= NAME + "\"…\"".len(), "{claims}");
    assert_eq!(claimed(&Party::named("alice", "Alice")), None);
}

#[test]
fn a_call_that_came_while_the_server_was_drained_says_so_and_blames_no_network() {
    let drained = Cause { reason: cause::DRAINING.into(), ..Cause::status(By::System, 503, cause::CONGESTED, "") };
    let tale = vec![(0, leg(ALICE)), (0, over(ALICE, drained))];
    let record = told(tale, 0, Some(Outcome::Failed)).record.expect("a record");
    assert_eq!(record.fault, Some(Fault::Server));
    assert_eq!(sentence(&record), "Alice called 102; the server was draining and took no new calls.");
}

proptest! {
    #[test]
    fn a_strangers_words_are_one_line_and_cannot_drown_the_rest(name in any::<String>(), number in any::<String>()) {
        let party = Party::named(number.as_str(), name.as_str());
        let shown = shown(&party);
        prop_assert!(!shown.is_empty() && shown.len() <= NAME + "\"\u{2068}…\u{2069}\"".len(), "{}", shown);
        prop_assert!(!shown.contains(char::is_control));
    }
}

const CAROL: LegNumber = LegNumber(2);

/// Carol's leg, called for Alice.
fn carol() -> What {
    let What::LegBegan(mut began) = leg(BOB) else { unreachable!("a leg begins so") };
    (began.leg, began.account, began.to) = (CAROL, Account::Endpoint("carol".into()), Party::new("103"));
    What::LegBegan(began)
}

/// Bob passes Alice on to Carol, or tries to.
fn passes(by: PassedBy, to: Option<LegNumber>, sip: u16) -> What {
    What::Passed(Box::new(PassedOn { at: Duration::ZERO, leg: ALICE, from: Some(BOB), to, service: None, by, sip }))
}

/// Alice and Bob have talked for forty seconds; and then this.
fn after_forty(rest: Tale) -> String {
    let mut tale = good_call();
    tale.truncate(7);
    let end = rest.last().map_or(47, |(at, _)| *at);
    tale.extend(rest);
    says(tale, end, None)
}

const TALKED: &str = "Alice called 102; Bob's phone rang 6 s and answered; they talked 40 s; ";

/// Carol is rung at 47 and answers at 50; what follows is told.
fn passed_on(by: PassedBy) -> String {
    after_forty(vec![
        (47, carol()),
        (48, What::Rang(CAROL)),
        (50, What::Answered(CAROL)),
        (50, passes(by, Some(CAROL), 200)),
        (50, What::Unbridged(BOB)),
        (50, What::Bridged(ALICE, CAROL)),
        (50, over(BOB, Cause { reason: "transferred".into(), ..Cause::normal(By::Callee) })),
        (62, over(CAROL, Cause::normal(By::Callee))),
        (62, over(ALICE, Cause { reason: "the other party has gone".into(), ..Cause::normal(By::Callee) })),
    ])
}

#[test]
fn who_transferred_whom_to_whom_is_told_and_how_long_those_talked() {
    let until = "Alice called 102; Bob's phone rang 6 s and answered; they talked 43 s; ";
    for (by, who) in [
        (PassedBy::Partner, "Bob transferred Alice to Carol, who talked 12 s"),
        (PassedBy::Attending, "Bob transferred Alice to Carol, who talked 12 s"),
        (PassedBy::Script, "the script transferred Alice to Carol, who talked 12 s"),
        (PassedBy::Operator, "an operator transferred Alice to Carol, who talked 12 s"),
        (PassedBy::Target, "Carol took the place of Bob and talked 12 s"),
    ] {
        assert_eq!(passed_on(by), format!("{until}{who}; Carol hung up."));
    }
}

#[test]
fn a_transfer_that_failed_says_whose_phone_did_not_take_it() {
    let busy = Cause::status(By::Callee, 486, 17, "Busy Here");
    let said = after_forty(vec![
        (45, carol()),
        (46, over(CAROL, busy)),
        (46, passes(PassedBy::Partner, None, 486)),
        (47, over(ALICE, Cause::normal(By::Caller))),
    ]);
    assert_eq!(said, format!("{TALKED}Bob tried to transfer Alice, but Carol's phone was busy; Alice hung up."));
    let said =
        after_forty(vec![(46, passes(PassedBy::Partner, None, 481)), (47, over(ALICE, Cause::normal(By::Caller)))]);
    assert_eq!(said, format!("{TALKED}Bob tried to transfer Alice, but it failed (481); Alice hung up."));
}

#[test]
fn who_is_given_to_another_call_has_not_hung_up() {
    let gone = |by| Cause { reason: "transferred".into(), ..Cause::normal(by) };
    let given = PassedOn {
        at: Duration::ZERO,
        leg: BOB,
        from: Some(ALICE),
        to: None,
        service: None,
        by: PassedBy::Attending,
        sip: 200,
    };
    let said = after_forty(vec![
        (47, What::Passed(Box::new(given))),
        (47, over(BOB, gone(By::Caller))),
        (47, over(ALICE, gone(By::Caller))),
    ]);
    assert_eq!(said, format!("{TALKED}Alice transferred Bob into another call."));
}

#[test]
fn a_caller_who_transfers_ends_nothing_for_those_who_stay() {
    let given = PassedOn {
        at: Duration::ZERO,
        leg: BOB,
        from: Some(ALICE),
        to: Some(CAROL),
        service: None,
        by: PassedBy::Partner,
        sip: 200,
    };
    let said = after_forty(vec![
        (47, carol()),
        (47, What::Answered(CAROL)),
        (47, What::Passed(Box::new(given))),
        (47, What::Unbridged(ALICE)),
        (47, What::Bridged(BOB, CAROL)),
        (47, over(ALICE, Cause { reason: "transferred".into(), ..Cause::normal(By::Caller) })),
        (57, over(BOB, Cause::normal(By::Callee))),
        (57, over(CAROL, Cause::normal(By::Caller))),
    ]);
    assert_eq!(said, format!("{TALKED}Alice transferred Bob to Carol, who talked 10 s; Bob hung up."));
}

#[test]
fn whoever_sent_a_call_on_is_named() {
    let by_rule = Forwarded { by: Some("bob".into()), leg: None, because: "busy".into() };
    let by_phone = Forwarded { by: None, leg: Some(BOB), because: "redirect".into() };
    for (sip, reason, forwarded, told) in [
        (486, "Busy Here", by_rule, "Bob's phone was busy"),
        (302, "Moved Temporarily", by_phone, "Bob's phone sent the call elsewhere"),
    ] {
        let said = says(
            vec![
                (0, leg(ALICE)),
                (0, leg(BOB)),
                (1, over(BOB, Cause::status(By::Callee, sip, 17, reason))),
                (1, carol()),
                (1, What::Forwarded { leg: CAROL, forwarded: Box::new(forwarded) }),
                (2, What::Rang(CAROL)),
                (5, What::Answered(CAROL)),
                (5, What::Answered(ALICE)),
                (5, What::Bridged(ALICE, CAROL)),
                (9, over(ALICE, Cause::normal(By::Caller))),
            ],
            9,
            None,
        );
        let rest = "forwarded by Bob, Carol's phone rang 3 s and answered; they talked 4 s; Alice hung up.";
        assert_eq!(said, format!("Alice called 102; {told}; {rest}"));
    }
}

#[test]
fn two_phones_of_one_person_are_told_of_once() {
    let other = |number| match leg(BOB) {
        What::LegBegan(began) => What::LegBegan(Box::new(LegBegan { leg: LegNumber(number), ..*began })),
        _ => unreachable!("a leg begins so"),
    };
    let elsewhere = || Cause { q850: 16, sip: None, ..Cause::normal(By::Caller) };
    let mut tale = vec![(0, leg(ALICE)), (0, leg(BOB)), (0, other(2))];
    tale.extend([(3, over(BOB, elsewhere())), (3, over(LegNumber(2), elsewhere()))]);
    tale.push((3, over(ALICE, Cause::status(By::Caller, 487, 16, ""))));
    let said = says(tale.clone(), 3, None);
    assert_eq!(said, "Alice called 102; Bob's phone did not ring; Alice gave up after 3 s.");
    tale.insert(3, (1, What::Rang(LegNumber(2))));
    assert_eq!(says(tale, 3, None), "Alice called 102; Bob's phone rang 2 s; Alice gave up after 3 s.");
}

#[test]
fn what_a_party_owed_is_its_fault_and_what_we_lack_is_ours() {
    let owed = Cause { q850: 111, reason: "nobody acknowledged the answer".into(), ..Cause::normal(By::Caller) };
    assert_eq!(
        says(vec![(0, leg(ALICE)), (32, over(ALICE, owed))], 32, None),
        "Alice called 102; it could not be set up: nobody acknowledged the answer (the fault of Alice's side)."
    );
    let full = || Cause::status(By::System, 503, 34, "no port for sound is free");
    assert_eq!(
        says(vec![(0, leg(ALICE)), (0, over(ALICE, full()))], 0, None),
        "Alice called 102; it could not be set up: no port for sound is free (the server's fault)."
    );
    let refused = Cause::status(By::Script, 503, 41, "The Other Side Has Failed");
    let tale = vec![(0, leg(ALICE)), (0, leg(BOB)), (0, over(BOB, full())), (0, over(ALICE, refused))];
    let record = told(tale, 0, None).record.expect("a record");
    assert_eq!(record.fault, Some(Fault::Server));
    assert_eq!(sentence(&record), "Alice called 102; Bob's phone was not called: no port for sound is free.");
}

#[test]
fn nobody_but_the_callee_is_to_blame_for_a_phone_that_says_nothing() {
    let silent = Cause::status(By::Callee, 408, 102, "nobody answered");
    let refused = Cause::status(By::Script, 480, 18, "Nobody Answers");
    let tale = vec![(0, leg(ALICE)), (0, leg(BOB)), (9, over(BOB, silent)), (9, over(ALICE, refused))];
    assert_eq!(told(tale, 9, None).record.expect("a record").fault, Some(Fault::Callee));
}

#[test]
fn who_forwards_in_a_circle_is_named_and_not_the_script() {
    let circle = Cause::status(By::Script, 482, 25, "Calls Are Forwarded In A Circle: 122 to 123 to 122");
    let record = told(vec![(0, leg(ALICE)), (0, over(ALICE, circle))], 0, None).record.expect("a record");
    assert_eq!(record.fault, Some(Fault::Callee));
    assert_eq!(
        sentence(&record),
        "Alice called 102; it could not be set up: Calls Are Forwarded In A Circle: 122 to 123 to 122 (the fault of 102's side)."
    );
}

#[test]
fn whoever_writes_from_the_right_stays_within_his_quotes() {
    let party = Party::named("+49301", "\u{202e}gnp.exe \u{202c}العربية");
    assert_eq!(claimed(&party).as_deref(), Some("\"\u{2068}gnp.exe  العربية\u{2069}\""));
    assert_eq!(claimed(&Party::named("+49301", "Eva Müller")).as_deref(), Some("\"Eva Müller\""));
}
