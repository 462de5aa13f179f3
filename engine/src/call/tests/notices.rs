//! Who hears that it is recorded, and when.

use super::told::{CALLER, SECOND, Told, of};
use super::words::*;
use crate::call::effect::Note;
use crate::call::verb::{Dial, Record};
use crate::call::*;
use crate::program::VerbId;
use crate::room::{Asked, Join, MemberId, Told as FromRoom};

const ALICE: LegId = LegId(1);
const BOB: LegId = LegId(2);

/// Somebody calls a house that announces recordings in its own words, and is answered.
fn announcing() -> Told {
    let mut told = Told::announcing("we-record");
    let answer = told.wants(Verb::Answer(CALLER));
    told.leg(CALLER, LegEvent::Answered);
    assert_eq!(told.result(answer), Outcome::Plain(Status::Ok));
    told.orders.clear();
    told
}

fn recorded(both: bool) -> Verb {
    Verb::StartRecord(CALLER, Record { beep: false, both, ..message() })
}

/// Alice is dialled and answers.
fn talks_with_alice(told: &mut Told, record: bool) -> VerbId {
    let dialled = told.wants(Verb::Dial(CALLER, Box::new(Dial { record, ..targets(&["alice"]) })));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    dialled
}

/// Who was told so far, in the order in which they were.
fn were_told(told: &Told) -> Vec<LegId> {
    let told = told.notes.iter().filter_map(|note| match note {
        Note::ToldRecorded(leg) => Some(*leg),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_recording_that_begins_is_announced_and_the_story_goes_on_behind_it() {
    let mut told = announcing();
    told.wants(recorded(true));
    let menu = told.wants(gather(CALLER, four_keys()));
    assert_eq!(told.said(CALLER), ["record", "play we-record"]);
    assert_eq!(were_told(&told), []);
    told.passes(2 * SECOND);
    told.leg(CALLER, LegEvent::Played(effect::SoundTag(2), patchcord_media::shard::Played::Ended));
    assert_eq!(told.said(CALLER), ["play menu"]);
    assert_eq!(were_told(&told), [CALLER]);
    told.presses(CALLER, '4');
    told.presses(CALLER, '#');
    assert_eq!(told.result(menu), gathered(Status::Digits, "4"));
}

#[test]
fn both_parties_of_a_recorded_talk_hear_it_and_so_does_who_joins_later() {
    let mut told = announcing();
    told.wants(recorded(true));
    told.prompt_ends(CALLER);
    told.said(CALLER);
    talks_with_alice(&mut told, false);
    told.prompt_ends(ALICE);
    assert_eq!(told.said(ALICE), ["invite alice", "play we-record"]);
    assert_eq!(told.said(CALLER), ["bridge 1"], "the caller knows it already");
    assert_eq!(were_told(&told), [CALLER, ALICE]);
    told.hangs_up(ALICE);
    told.wants(dial(CALLER, &["bob"]));
    told.locates();
    told.leg(BOB, LegEvent::Answered);
    assert_eq!(told.said(BOB), ["invite bob", "play we-record"]);
}

#[test]
fn a_talk_that_is_dialled_to_be_recorded_is_announced_to_both_when_it_is_answered() {
    let mut told = announcing();
    talks_with_alice(&mut told, true);
    assert_eq!(told.said(ALICE), ["invite alice", "record", "play we-record"]);
    assert_eq!(told.said(CALLER), ["bridge 1", "play we-record"]);
}

#[test]
fn whose_own_voice_is_not_recorded_is_told_nothing() {
    let mut told = announcing();
    told.wants(recorded(false));
    told.prompt_ends(CALLER);
    talks_with_alice(&mut told, false);
    assert_eq!(told.said(ALICE), ["invite alice"]);
}

#[test]
fn who_is_called_and_has_not_answered_is_told_when_it_has() {
    let mut told = announcing();
    told.wants(recorded(true));
    told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::EarlyMedia);
    assert!(!told.said(ALICE).contains(&"play we-record".to_owned()));
    told.leg(ALICE, LegEvent::Answered);
    assert!(told.said(ALICE).contains(&"play we-record".to_owned()));
}

#[test]
fn a_message_is_announced_by_whoever_asks_for_it() {
    let mut told = announcing();
    told.wants(Verb::Record(CALLER, message()));
    assert_eq!(told.said(CALLER), ["play tone::beep"]);
}

#[test]
fn who_has_heard_it_of_its_service_does_not_hear_it_again() {
    let mut told = announcing();
    told.wants(play(CALLER, &["we-record"]));
    told.prompt_ends(CALLER);
    assert_eq!(were_told(&told), [], "nothing is recorded yet");
    told.wants(recorded(true));
    assert_eq!(told.said(CALLER), ["play we-record", "record"]);
    assert_eq!(were_told(&told), [CALLER]);
}

#[test]
fn words_that_are_cut_off_have_told_nobody() {
    let mut told = announcing();
    let stop_keys = vec![of('1')];
    told.wants(Verb::Play(CALLER, crate::call::verb::Play { stop_keys, ..prompts(&["we-record"]) }));
    told.presses(CALLER, '1');
    told.wants(recorded(true));
    assert_eq!(told.said(CALLER).last().map(String::as_str), Some("play we-record"));
}

#[test]
fn a_second_recording_is_announced_anew_and_one_beside_the_first_is_not() {
    let mut told = announcing();
    let first = told.wants(recorded(true));
    told.prompt_ends(CALLER);
    let second = told.wants(recorded(true));
    assert_eq!(told.said(CALLER), ["record", "play we-record", "record"]);
    for (started, tag) in [(first, 1), (second, 3)] {
        let Outcome::Handle(handle) = told.result(started) else { panic!("no handle") };
        told.wants(Verb::Stop(handle));
        let kept = Ok(("talk.wav".into(), SECOND));
        told.leg(CALLER, LegEvent::Recorded(effect::SoundTag(tag), kept));
    }
    told.wants(recorded(true));
    assert_eq!(told.said(CALLER), ["stop record", "stop record", "record", "play we-record"]);
}

#[test]
fn words_that_are_missing_are_said_as_the_house_ships_them_and_without_any_nothing_is_recorded() {
    let mut told = announcing();
    told.wants(recorded(true));
    let missing = |told: &mut Told, tag| {
        told.leg(CALLER, LegEvent::NotPlayed(effect::SoundTag(tag), "there is no such file".into()))
    };
    missing(&mut told, 2);
    assert_eq!(told.said(CALLER), ["record", "play we-record", "play call-recorded"]);
    missing(&mut told, 3);
    assert_eq!(told.said(CALLER), ["stop record"]);
    assert!(told.notes.contains(&Note::Unannounced(CALLER)));
    assert_eq!(were_told(&told), []);
}

#[test]
fn a_house_that_announces_nothing_says_nothing() {
    let mut told = Told::answered();
    told.wants(recorded(true));
    assert_eq!(told.said(CALLER), ["record"]);
    assert_eq!(were_told(&told), []);
}

#[test]
fn members_of_a_recorded_room_hear_it_each_for_itself() {
    let mut told = announcing();
    told.wants(Verb::Join(CALLER, Box::new(Join::to("weekly"))));
    told.hear(Event::Room(CALLER, FromRoom::In(MemberId(1))));
    told.hear(Event::Room(CALLER, FromRoom::Recorded(true)));
    told.prompt_ends(CALLER);
    assert_eq!(told.said(CALLER), ["play we-record"]);
    assert_eq!(were_told(&told), [CALLER]);
}

#[test]
fn a_room_is_told_that_the_call_of_a_member_records_what_it_hears() {
    let mut told = announcing();
    told.wants(recorded(true));
    told.prompt_ends(CALLER);
    told.wants(Verb::Join(CALLER, Box::new(Join::to("weekly"))));
    told.hear(Event::Room(CALLER, FromRoom::In(MemberId(1))));
    assert!(told.orders.contains(&Effect::Room(CALLER, Asked::Recorded(true))));
}
