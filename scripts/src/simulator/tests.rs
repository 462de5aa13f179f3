//! The simulator with services written in Rust: what a person at a telephone would notice, in virtual time.

use std::time::Duration;

use patchcord_engine::call::verb::{Dial, Gather, Outcome, Play, Record, Status, Verb};
use patchcord_engine::call::{Happening, LegId};
use patchcord_engine::errand::{Errand, Outside};
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};
use patchcord_media::dtmf::{Key, Via};
use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const CALLER: LegId = LegId::FIRST;

/// A story told by a function of what came of its last verb; its own counter says how far it is.
struct Told<F>(F, u64);

impl<F: FnMut(u64, &Outcome) -> Option<Verb>> Program for Told<F> {
    fn resume(&mut self, wake: Wake) -> Step {
        let outcome = match wake {
            Wake::Begin(_) => Outcome::Plain(Status::Ok),
            Wake::Result(_, outcome) => outcome,
            Wake::Heard(Happening::Left(..) | _) | Wake::Breathed { .. } => return Step::Waits,
            Wake::Gone | Wake::Occasion(_) => return Step::Finished(End::Told),
        };
        if matches!(outcome, Outcome::Plain(Status::Gone)) {
            return Step::Finished(End::Told);
        }
        self.1 += 1;
        match (self.0)(self.1, &outcome) {
            Some(verb) => Step::Wants(VerbId(self.1), verb),
            None => Step::Finished(End::Told),
        }
    }

    fn place(&self) -> Option<String> {
        Some(format!("told.rs:{}", self.1))
    }
}

fn told(tell: impl FnMut(u64, &Outcome) -> Option<Verb> + 'static) -> Box<dyn Program> {
    Box::new(Told(tell, 0))
}

fn play(names: &[&str]) -> Play {
    Play { prompts: names.iter().map(|&name| name.to_owned()).collect(), loops: 1, ..Play::default() }
}

fn one_key(prompt: &str) -> Verb {
    let gather = Gather {
        prompt: Some(play(&[prompt])),
        min: 1,
        max: 1,
        end: Vec::new(),
        timeout: 5 * SECOND,
        gap: 2 * SECOND,
        barge_in: true,
        tries: 1,
        invalid: None,
        accept: Vec::new(),
        clear_first: false,
        secret: false,
    };
    Verb::Gather(CALLER, Box::new(gather))
}

fn message() -> Verb {
    let (max, silence, min) = (60 * SECOND, Some(4 * SECOND), 2 * SECOND);
    let end = Key::of_char('#').into_iter().collect();
    Verb::Record(CALLER, Record { max, silence, end, beep: true, min, format: None, both: false })
}

/// A menu, an agent who rings for 20 s, and a message for whoever does not come.
fn ivr() -> Box<dyn Program> {
    told(|step, outcome| match (step, outcome) {
        (1, _) => Some(Verb::Answer(CALLER)),
        (2, _) => Some(one_key("main-menu")),
        (3, Outcome::Gathered { digits, .. }) if digits == "1" => {
            let targets = ["user:alice", "user:bob"].map(str::to_owned).to_vec();
            Some(Verb::Dial(CALLER, Box::new(Dial::new(targets, 20 * SECOND))))
        }
        (3, _) => Some(Verb::Play(CALLER, play(&["goodbye"]))),
        (4, Outcome::Dialled { status: Status::NoAnswer | Status::Busy, .. }) => {
            Some(Verb::Play(CALLER, play(&["nobody", "leave-message"])))
        }
        (5, _) => Some(message()),
        _ => None,
    })
}

fn service(name: &str) -> Option<Box<dyn Program>> {
    match name {
        "ivr" => Some(ivr()),
        "echo" => Some(told(|step, _| [Verb::Answer(CALLER), Verb::Echo(CALLER)].into_iter().nth(step as usize - 1))),
        "broken" => Some(told(|_, _| panic!("a bug of this service"))),
        "lookup" => Some(told(|step, outcome| match (step, outcome) {
            (1, _) => {
                let ask = json!({ "method": "GET", "url": "https://example.org/vip" }).to_string();
                let (service, noun, patience) = ("lookup".into(), "http".into(), 5 * SECOND);
                Some(Verb::Errand(Box::new(Errand::Outside(Outside { service, noun, ask, patience }))))
            }
            (2, Outcome::Brought(brought)) => Some(Verb::Tag("reply".into(), format!("{brought:?}"))),
            (3, _) => Some(Verb::Reject(CALLER, 486, None)),
            _ => None,
        })),
        _ => None,
    }
}

fn stage() -> Stage {
    let stage = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(service)) });
    // Some of them are shipped, and as long as they are.
    for prompt in ["main-menu", "goodbye", "leave-message"] {
        stage.prompt(prompt, 2 * SECOND);
    }
    stage
}

type Played = Result<(), Failure>;

#[test]
fn alice_is_silent_so_the_caller_reaches_voicemail() -> Played {
    let t = stage();
    let _alice = t.endpoint("alice").rings();
    let _bob = t.endpoint("bob").busy();
    let phone = t.phone("+33612345678").dials("+33100000000")?;
    phone.hears("main-menu")?.after(SECOND)?.presses("1")?;
    t.advance(20 * SECOND)?;
    phone.hears("leave-message")?.speaks(4 * SECOND)?.hangs_up()?;
    let record = t.record()?;
    assert!(record.outcomes().contains(&"voicemail".to_owned()), "{:?}", record.outcomes());
    assert_eq!((record.record.legs.len(), record.ended_by()), (3, "caller"));
    assert_eq!(t.clear(), [""; 0]);
    Ok(())
}

#[test]
fn a_callee_who_answers_and_the_caller_hear_each_other() -> Played {
    let t = stage();
    let alice = t.endpoint("alice").answers(5 * SECOND);
    let _bob = t.endpoint("bob").rings();
    let phone = t.phone("+33612345678").dials("ivr")?.hears("main-menu")?.presses("1")?;
    alice.is_ringing()?;
    phone.hears("alice")?.talks_to("alice")?;
    alice.talks_to("+33612345678")?.hears_nothing().expect_err("the caller is heard");
    alice.after(60 * SECOND)?.hangs_up()?;
    phone.is_hung_up()?;
    let record = phone.record()?;
    assert_eq!((record.ended_by(), record.record.talk), ("callee", 60 * SECOND));
    Ok(())
}

#[test]
fn a_failed_expectation_says_what_was_there_and_all_that_happened() -> Played {
    let t = stage();
    let phone = t.phone("+33612345678").dials("+33100000000")?;
    let failure = phone.hears("holiday-greeting").expect_err("there is none");
    assert!(failure.expected.contains("+33612345678 to hear holiday-greeting"), "{failure}");
    assert!(failure.was.contains("has no call any more; the house hung up"), "{failure}");
    for line in [
        "    0.000  +33612345678     calls +33100000000 (ivr)\n",
        "    0.000  ivr              gather main-menu: 1 to 1 digits                          told.rs:2\n",
        "    0.000  +33612345678     hears main-menu\n",
        "    7.000  ivr                ▸ timeout\n",
        "    9.000  +33612345678     is hung up\n",
    ] {
        assert!(failure.ladder.contains(line), "{line} is not in\n{}", failure.ladder);
    }
    Ok(())
}

#[test]
fn silence_ends_a_message_and_alone_is_none() -> Played {
    let t = stage();
    let _unregistered = (t.endpoint("alice").unregistered(), t.endpoint("bob").busy());
    let phone = t.phone("+33612345678").dials("100")?.hears("main-menu")?.presses("1")?;
    phone.hears("leave-message")?.hears("tone::beep")?.is_hung_up()?;
    let record = phone.record()?;
    assert_eq!(record.outcomes(), ["answered"]);
    assert!(t.ladder().contains("silence, 4.0 s"), "{}", t.ladder());
    Ok(())
}

#[test]
fn the_world_outside_answers_what_was_agreed_and_takes_its_time() -> Played {
    let t = stage();
    let answer = Ok(json!({ "status": 200, "headers": {}, "body": "yes" }));
    t.replies(Reply { to: "GET https://example.org/*".into(), answer, after: 3 * SECOND, once: false });
    let phone = t.phone("+33612345678").dials("lookup")?;
    t.advance(2 * SECOND)?;
    assert_eq!(t.requests(), ["GET https://example.org/vip"]);
    phone.is_rejected(486)?;
    let record = phone.record()?;
    assert!(record.tag("reply").is_some_and(|reply| reply.contains("yes")), "{record:?}");
    assert_eq!(record.record.ended, Some(3 * SECOND));
    Ok(())
}

#[test]
fn a_service_that_breaks_ends_its_call_and_says_so() -> Played {
    let t = stage();
    let phone = t.phone("+33612345678").dials("broken")?;
    phone.is_rejected(500)?;
    assert_eq!(t.faults(), ["the service broke"]);
    assert_eq!(phone.record()?.outcomes(), ["crashed"]);
    Ok(())
}

#[test]
fn a_service_that_is_not_there_is_named() -> Played {
    let t = Stage::new(Setting::of(Box::new(service)));
    t.phone("+33612345678").dials("nowhere")?.is_rejected(500)?;
    assert_eq!(t.faults(), ["there is no service nowhere"]);
    Ok(())
}

#[test]
fn keys_count_by_each_way_in_which_they_come() -> Played {
    for via in [Via::Rtp, Via::Info, Via::Inband] {
        let t = stage();
        let alice = t.endpoint("alice").answers(Duration::ZERO);
        let phone = t.phone("+33612345678").dials("ivr")?.hears("main-menu")?.presses_by("1", via)?;
        phone.talks_to("alice")?;
        phone.presses_by("42", via)?;
        alice.hears_keys("42")?;
    }
    Ok(())
}

#[test]
fn whoever_is_sent_on_talks_to_the_one_it_was_sent_to() -> Played {
    let t = stage();
    let alice = t.endpoint("alice").answers(Duration::ZERO);
    let carol = t.endpoint("carol").answers(2 * SECOND);
    let phone = t.phone("+33612345678").dials("ivr")?.hears("main-menu")?.presses("1")?.talks_to("alice")?;
    alice.transfers_to("user:carol")?.is_told_of_transfer(200)?;
    phone.talks_to("carol")?;
    carol.hangs_up()?;
    phone.is_hung_up()?;
    assert_eq!(t.clear(), [""; 0]);
    Ok(())
}

#[test]
fn who_holds_lets_the_other_hear_music() -> Played {
    let t = stage();
    let alice = t.endpoint("alice").answers(Duration::ZERO);
    let phone = t.phone("+33612345678").dials("ivr")?.hears("main-menu")?.presses("1")?.talks_to("alice")?;
    alice.holds(true)?;
    phone.hears("music")?;
    alice.holds(false)?;
    phone.hears("alice")?.talks_to("alice")?;
    Ok(())
}

#[test]
fn an_echo_is_ones_own_voice_and_nothing_is_left_of_it() -> Played {
    let t = stage();
    let phone = t.phone("+33612345678").dials("echo")?.hears("itself")?;
    phone.after(3600 * SECOND)?.hangs_up()?;
    assert_eq!(phone.record()?.record.ended, Some(3600 * SECOND));
    assert_eq!(t.clear(), [""; 0]);
    Ok(())
}

/// The same story with a hang-up of the caller at that point.
fn hung_up(number: usize, point: &Point, when: When, orders: Option<u64>) -> Stage {
    let hang_up = Some((number, point.clone(), when));
    let setting = Setting { service: Some("ivr".into()), hang_up, orders, ..Setting::of(Box::new(service)) };
    let t = Stage::new(setting);
    // Whatever it expects may not come: only what is left afterwards counts.
    drop(voicemail(&t));
    t
}

fn voicemail(t: &Stage) -> Played {
    let _alice = (t.endpoint("alice").rings(), t.endpoint("bob").answers_and_presses("1"));
    let phone = t.phone("+33612345678").dials("+33100000000")?.hears("main-menu")?.presses("1")?;
    phone.talks_to("bob")?.after(SECOND)?;
    t.endpoint("bob").hangs_up()?;
    Ok(())
}

#[test]
fn whoever_hangs_up_at_whatever_point_leaves_nothing_behind() -> Played {
    let t = stage();
    voicemail(&t)?;
    let points = t.points();
    assert_eq!(points.iter().map(|point| &*point.verb).collect::<Vec<_>>(), ["answer", "gather", "dial"]);
    for (number, point) in points.iter().enumerate() {
        for when in [When::AtOnce, When::Halfway, When::JustBefore] {
            for orders in [None, Some(1), Some(2), Some(3)] {
                let t = hung_up(number, point, when, orders);
                assert_eq!(t.clear(), [""; 0], "{when:?} at {point:?}:\n{}", t.ladder());
                let ended_by = t.record()?.ended_by();
                assert!(["caller", "callee", "script"].contains(&ended_by), "{ended_by}\n{}", t.ladder());
            }
        }
    }
    Ok(())
}

#[test]
fn the_same_seed_tells_the_same_tale() {
    let tale = |orders| {
        let t = Stage::new(Setting { service: Some("ivr".into()), orders, ..Setting::of(Box::new(service)) });
        let told = voicemail(&t).map_err(|failure| failure.to_string());
        (told, t.ladder())
    };
    for orders in [None, Some(7), Some(8)] {
        assert_eq!(tale(orders), tale(orders));
    }
}
