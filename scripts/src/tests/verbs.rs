//! Verbs: what a script says, and what it hears.

use super::*;
use patchcord_engine::call::verb::{Handle, Strategy};
use patchcord_engine::program::End;

#[test]
fn a_menu_reads_as_if_it_waited() {
    let mut told = Told::of(
        r#"
        const MENU = "main-menu";
        fn on_invite(caller) {
            caller.answer();
            for attempt in 1..=3 {
                let answer = caller.gather(#{ prompt: global::MENU, digits: 1, timeout: 5.s() });
                switch answer.digits {
                    "1" => return connect(caller, ["user:alice", "user:bob"]),
                    _ => caller.play("not-understood")
                }
            }
            caller.play("goodbye");
        }
        fn connect(caller, targets) {
            let talk = caller.dial(targets, #{ ring: 20.s(), strategy: "one_by_one", screen: "press-1" });
            caller.tag("outcome", talk.status);
        }"#,
    );
    let answer = told.begin();
    assert_eq!(wanted(&answer), &Verb::Answer(CALLER));
    let gather = told.status(&answer, Status::Ok);
    let Verb::Gather(CALLER, rules) = wanted(&gather) else { panic!("{gather:?}") };
    assert_eq!((rules.min, rules.max, rules.timeout), (1, 1, Duration::from_secs(5)));
    assert_eq!(rules.prompt.as_ref().map(|play| play.prompts.clone()), Some(vec!["main-menu".to_owned()]));
    let wrong = told.answer(&gather, Outcome::Gathered { status: Status::Digits, digits: "7".into() });
    assert!(matches!(wanted(&wrong), Verb::Play(CALLER, play) if play.prompts == ["not-understood"]));
    let again = told.status(&wrong, Status::Done);
    let dial = told.answer(&again, Outcome::Gathered { status: Status::Digits, digits: "1".into() });
    let Verb::Dial(CALLER, rules) = wanted(&dial) else { panic!("{dial:?}") };
    assert_eq!(
        (&rules.targets[..], rules.strategy),
        (&["user:alice".to_owned(), "user:bob".to_owned()][..], Strategy::OneByOne)
    );
    assert_eq!(rules.screen.as_ref().map(|screen| screen.prompt.as_str()), Some("press-1"));
    let missed = Outcome::Dialled { status: Status::NoAnswer, leg: None, sip: 408, talk: Duration::ZERO };
    let tag = told.answer(&dial, missed);
    assert_eq!(wanted(&tag), &Verb::Tag("outcome".into(), "no_answer".into()));
    assert_eq!(told.status(&tag, Status::Ok), Step::Finished(End::Told));
}

#[test]
fn facts_are_read_like_values() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.tag("who", `${caller.name} ${caller.from} ${caller.headers["x-order"]} ${caller.endpoint == ()}`);
            caller.vars.tries = 2;
            caller.tag("vars", caller.vars.tries + caller.id);
        }"#,
    );
    let tag = told.begin();
    assert_eq!(wanted(&tag), &Verb::Tag("who".into(), "Ann +33612345678 12 true".into()));
    let tag = told.status(&tag, Status::Ok);
    assert_eq!(wanted(&tag), &Verb::Tag("vars".into(), "2".into()));
}

#[test]
fn lots_are_the_same_for_the_same_seed() {
    let draw = || {
        let mut told = Told::of(
            r#"fn on_invite(caller) { let a = rand::int(1, 6); let b = rand::int(1, 6); caller.tag("d", `${a}${b}`); }"#,
        );
        let tag = told.begin();
        assert_eq!(told.moments, 1, "the seed is asked for once");
        wanted(&tag).clone()
    };
    assert_eq!(draw(), draw());
    let Verb::Tag(_, drawn) = draw() else { panic!("a tag") };
    assert!(drawn.bytes().all(|digit| (b'1'..=b'6').contains(&digit)), "{drawn}");
}

#[test]
fn a_key_is_told_beside_the_story() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) { caller.answer(); caller.play("music", #{ loops: 0 }); }
        fn on_dtmf(leg, key) { leg.tag(key.digit, `${key.via} ${key.ms}`); leg.send_message("thanks"); }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    let tag = told.key('5');
    assert_eq!(wanted(&tag), &Verb::Tag("5".into(), "rtp 120".into()));
    assert_eq!(told.key('6'), Step::Waits, "one handler after the other");
    let message = told.status(&tag, Status::Ok);
    assert!(matches!(wanted(&message), Verb::SendMessage(CALLER, text) if text == "thanks"));
    let tag = told.status(&message, Status::Ok);
    assert_eq!(wanted(&tag), &Verb::Tag("6".into(), "rtp 120".into()));
    let message = told.status(&tag, Status::Ok);
    assert_eq!(told.status(&message, Status::Ok), Step::Waits);
    assert_eq!(told.status(&play, Status::Done), Step::Finished(End::Told));
}

#[test]
fn a_timer_does_its_work_while_the_story_goes_on() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.answer();
            let later = caller.after(10.s(), |leg| leg.tag("late", true));
            caller.play("music", #{ loops: 0 });
        }"#,
    );
    let answer = told.begin();
    let after = told.status(&answer, Status::Ok);
    assert_eq!(wanted(&after), &Verb::After(Duration::from_secs(10)));
    let play = told.answer(&after, Outcome::Handle(Handle(1)));
    assert!(matches!(wanted(&play), Verb::Play(..)));
    let tag = told.wake(Wake::Heard(Happening::Ended(Handle(1))));
    assert_eq!(wanted(&tag), &Verb::Tag("late".into(), "true".into()));
    assert_eq!(told.status(&tag, Status::Ok), Step::Waits);
}

#[test]
fn a_recording_in_the_background_has_its_file_when_it_has_ended() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.answer();
            let tape = caller.start_record();
            tape.pause(); tape.resume();
            caller.sleep(1.s());
            caller.tag("file", `${tape.file} ${tape.ms} ${tape.running}`);
        }"#,
    );
    let answer = told.begin();
    let record = told.status(&answer, Status::Ok);
    assert!(matches!(wanted(&record), Verb::StartRecord(CALLER, rules) if rules.both));
    let pause = told.answer(&record, Outcome::Handle(Handle(4)));
    assert_eq!(wanted(&pause), &Verb::PauseRecord(Handle(4), true));
    let resume = told.status(&pause, Status::Ok);
    let sleep = told.status(&resume, Status::Ok);
    assert_eq!(told.wake(Wake::Heard(Happening::Recorded(Handle(4), kept()))), Step::Waits);
    let tag = told.status(&sleep, Status::Ok);
    assert_eq!(wanted(&tag), &Verb::Tag("file".into(), "2026-11-21/a.wav 1500 false".into()));
}

/// What comes of a recording in the background.
fn kept() -> Outcome {
    let file = Some("2026-11-21/a.wav".into());
    Outcome::Recorded { status: Status::Kept, file, length: Duration::from_millis(1500) }
}

#[test]
fn a_recording_that_is_stopped_has_its_file_in_the_next_line() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            let tape = caller.start_record();
            tape.stop();
            caller.tag("file", `${tape.file} ${tape.ms} ${tape.running}`);
            tape.stop();
            caller.tag("again", tape.ms);
        }"#,
    );
    let record = told.begin();
    let stop = told.answer(&record, Outcome::Handle(Handle(4)));
    assert_eq!(wanted(&stop), &Verb::Stop(Handle(4)));
    let tag = told.answer(&stop, kept());
    assert_eq!(wanted(&tag), &Verb::Tag("file".into(), "2026-11-21/a.wav 1500 false".into()));
    let again = told.status(&tag, Status::Ok);
    assert_eq!(wanted(&again), &Verb::Tag("again".into(), "1500".into()), "it is stopped, and nobody is asked");
}

#[test]
fn the_world_is_asked_in_json_and_answers_in_values() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            let reply = http::post("https://shop.example/orders", #{ json: #{ order: caller.headers["x-order"] }, timeout: 2.s() });
            caller.tag("state", reply.json.state);
            caller.tag("count", store::incr("calls"));
        }"#,
    );
    let post = told.begin();
    let Verb::Errand(errand) = wanted(&post) else { panic!("{post:?}") };
    let Errand::Outside(outside) = &**errand else { panic!("{errand:?}") };
    assert_eq!((outside.service.as_str(), outside.noun.as_str()), ("ivr", "http"));
    let ask: serde_json::Value = serde_json::from_str(&outside.ask).expect("JSON");
    assert_eq!((&ask["json"]["order"], &ask["timeout_ms"]), (&"12".into(), &2000.into()));
    let reply = r#"{"status":200,"headers":{},"body":"{\"state\":\"paid\"}"}"#;
    let brought = |answer| Outcome::Brought(Box::new(Brought::Answer(answer)));
    let tag = told.answer(&post, brought(Ok(reply.into())));
    assert_eq!(wanted(&tag), &Verb::Tag("state".into(), "paid".into()));
    let incr = told.status(&tag, Status::Ok);
    let tag = told.answer(&incr, brought(Ok("3".into())));
    assert_eq!(wanted(&tag), &Verb::Tag("count".into(), "3".into()));
}

#[test]
fn a_wish_to_be_transferred_is_answered_by_the_script() {
    use patchcord_engine::call::event::ReferWish;
    let mut told = Told::of(
        r#"
        fn on_invite(caller) { caller.answer(); caller.dial("user:bob"); }
        fn on_refer(leg, req) { if req.to.user.starts_with("00") { req.reject(603) } else { req.accept() } }"#,
    );
    let answer = told.begin();
    told.status(&answer, Status::Ok);
    let wish = |to: &str| ReferWish { to: to.into(), replaces: None, replaces_elsewhere: None, meets: None };
    let no = told.wake(Wake::Heard(Happening::Refer(LegId(1), wish("sip:0049@h"))));
    assert_eq!(wanted(&no), &Verb::RejectRefer(LegId(1), 603));
    told.status(&no, Status::Ok);
    let yes = told.wake(Wake::Heard(Happening::Refer(LegId(1), wish("sip:carol@h"))));
    assert_eq!(wanted(&yes), &Verb::AcceptRefer(LegId(1)));
    assert!(id(&no) != id(&yes));
}
