//! Who is answered, who is not, and where sound goes.

use std::time::Duration;

use super::*;
use crate::browser::stun;
use crate::shard::clock::now;

const THEIRS: &str = "them";

fn at(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

fn credentials(name: &str) -> Credentials {
    Credentials { ufrag: name.into(), pwd: format!("{name} has a password that is long enough") }
}

fn named(ufrag: &str) -> Remote {
    Remote { ufrag: ufrag.into(), pwd: "a password that nobody asks for".into(), lite: false, candidates: Vec::new() }
}

/// A check for these credentials, as a browser writes it.
fn check(ours: &Credentials, shape: impl FnOnce(Draft<'_>) -> Draft<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let draft = Draft::new(Class::Request, [7; 12], &mut bytes).name(&ours.ufrag, THEIRS);
    shape(draft.role(Role::Controlling(1)).priority(5)).finish(&ours.key());
    bytes
}

fn hear(agent: &mut Agent, bytes: &[u8], from: SocketAddr, when: Instant) -> (Checked, Vec<u8>) {
    let mut answer = Vec::new();
    let message = Message::read(bytes).expect("a message");
    let checked = agent.hear(&message, from, when, &mut answer);
    (checked, answer)
}

#[test]
fn a_check_is_answered_with_the_address_it_came_from_under_our_password() {
    let ours = credentials("ours");
    let mut agent = Agent::new(&ours);
    agent.meet(&named(THEIRS), now());
    let (checked, answer) = hear(&mut agent, &check(&ours, |draft| draft), at(1), now());
    assert_eq!(checked, Checked::Answered(Change { is_new: true, ..Change::default() }));
    let answer = Message::read(&answer).expect("an answer");
    assert_eq!((answer.class, answer.transaction, answer.mapped), (Class::Success, [7; 12], Some(at(1))));
    assert!(answer.is_proven_by(&ours.key()));
    assert_eq!(agent.chosen(), None, "nobody has decided");
}

#[test]
fn sound_follows_the_choice_of_the_other_side() {
    let ours = credentials("ours");
    let mut agent = Agent::new(&ours);
    for port in [1, 2] {
        let (checked, _) = hear(&mut agent, &check(&ours, |draft| draft.use_candidate()), at(port), now());
        assert_eq!(checked, Checked::Answered(Change { is_new: true, is_chosen: true, forgotten: None }));
        assert_eq!(agent.chosen(), Some(at(port)));
    }
    let (checked, _) = hear(&mut agent, &check(&ours, |draft| draft), at(1), now());
    assert_eq!(checked, Checked::Answered(Change::default()));
    assert_eq!(agent.chosen(), Some(at(2)), "a check alone is no choice");
}

#[test]
fn who_proves_nothing_gets_no_answer() {
    let ours = credentials("ours");
    let mut agent = Agent::new(&ours);
    agent.meet(&named(THEIRS), now());
    let wrong = Credentials { pwd: "not the password that we have said".into(), ..ours.clone() };
    let stranger = {
        let mut bytes = Vec::new();
        Draft::new(Class::Request, [7; 12], &mut bytes).name("ours", "somebody").finish(&ours.key());
        bytes
    };
    let mut indication = Vec::new();
    Draft::new(Class::Indication, [7; 12], &mut indication).name("ours", THEIRS).finish(&ours.key());
    for bytes in [check(&wrong, |draft| draft), check(&credentials("others"), |draft| draft), stranger, indication] {
        assert_eq!(hear(&mut agent, &bytes, at(1), now()), (Checked::Ignored, Vec::new()));
    }
    assert!(!agent.knows(at(1)));
}

#[test]
fn who_wants_us_to_decide_or_to_understand_more_is_told_that_we_do_not() {
    let ours = credentials("ours");
    let mut agent = Agent::new(&ours);
    let mut follower = Vec::new();
    let draft = Draft::new(Class::Request, [7; 12], &mut follower).name("ours", THEIRS);
    draft.role(Role::Controlled(1)).finish(&ours.key());
    let (checked, answer) = hear(&mut agent, &follower, at(1), now());
    assert_eq!(checked, Checked::Refused);
    assert_eq!(Message::read(&answer).and_then(|answer| answer.error), Some(487));
    assert!(!agent.knows(at(1)));
}

#[test]
fn a_thousand_addresses_take_no_more_room_than_a_few_and_never_that_of_the_chosen() {
    let ours = credentials("ours");
    let (mut agent, start) = (Agent::new(&ours), now());
    hear(&mut agent, &check(&ours, |draft| draft.use_candidate()), at(1), start);
    let mut forgotten = 0;
    for port in 2..1000 {
        let when = start + Duration::from_millis(port.into());
        let (checked, _) = hear(&mut agent, &check(&ours, |draft| draft), at(port), when);
        let Checked::Answered(change) = checked else { panic!("{checked:?}") };
        forgotten += usize::from(change.forgotten.is_some());
    }
    assert_eq!((agent.addresses().count(), forgotten), (MAX_WAYS, 999 - MAX_WAYS));
    assert!(agent.knows(at(1)) && agent.knows(at(999)) && !agent.knows(at(2)));
}

#[test]
fn a_restart_keeps_the_way_and_the_old_name_until_the_new_one_is_used() {
    let (old, new) = (credentials("ours"), credentials("anew"));
    let mut agent = Agent::new(&old);
    agent.meet(&named(THEIRS), now());
    hear(&mut agent, &check(&old, |draft| draft.use_candidate()), at(1), now());
    assert_eq!(agent.restart(&new), None);
    agent.meet(&named("they have another name now"), now());
    assert_eq!(agent.chosen(), Some(at(1)));
    let (checked, _) = hear(&mut agent, &check(&old, |draft| draft), at(1), now());
    assert_eq!(checked, Checked::Answered(Change::default()), "the old way is still checked");
    agent.meet(&named(THEIRS), now());
    let (checked, _) = hear(&mut agent, &check(&new, |draft| draft.use_candidate()), at(9), now());
    assert!(matches!(checked, Checked::Answered(Change { is_chosen: true, .. })), "{checked:?}");
    assert_eq!(agent.names().collect::<Vec<_>>(), ["anew"]);
    assert_eq!(hear(&mut agent, &check(&old, |draft| draft), at(1), now()).0, Checked::Ignored);
}

#[test]
fn the_key_of_a_password_is_that_of_its_letters() {
    let ours = credentials("ours");
    let mut bytes = Vec::new();
    Draft::new(Class::Request, [1; 12], &mut bytes).finish(&stun::key(&ours.pwd));
    assert!(Message::read(&bytes).is_some_and(|message| message.is_proven_by(&ours.key())));
}
