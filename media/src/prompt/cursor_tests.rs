//! Lists, loops, offsets, volumes, tones and music, frame by frame.

use super::*;
use crate::codec::Kind;
use proptest::prelude::*;

/// A sound whose frames hold their number.
fn numbered(first: i16, frames: usize) -> Arc<Sound> {
    let samples = (0..frames).flat_map(|frame| [first + frame as i16; 160]).collect();
    Arc::new(Sound::of_samples("numbered", Rate::Narrow, samples))
}

fn packets(frames: usize) -> Arc<Sound> {
    Arc::new(numbered(0, frames).encoded(Kind::L16(Rate::Narrow)).unwrap())
}

fn cursor(items: Vec<Item>, loops: Loops) -> Cursor {
    Cursor::new(items, Rate::Narrow, loops).unwrap()
}

/// The first sample of each frame, to the end or to a hundred.
fn heard(cursor: &mut Cursor) -> Vec<i16> {
    let (mut payload, mut samples, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    for slot in 0..100 {
        payload.clear();
        samples.clear();
        match cursor.next_frame(slot, &mut payload, &mut samples) {
            Step::Samples(rate) => {
                assert_eq!((samples.len(), payload.len()), (rate.samples(), 0));
                firsts.push(samples[0]);
            }
            Step::Payload => {
                assert!(samples.is_empty());
                firsts.push(i16::from_be_bytes([payload[0], payload[1]]));
            }
            Step::Ended => break,
        }
    }
    firsts
}

#[test]
fn a_list_is_played_in_order_and_as_often_as_wanted() {
    let list = || vec![Item::Sound(numbered(10, 2)), Item::Sound(packets(3)), Item::Tone(Rhythm::silence(40))];
    let once = [10, 11, 0, 1, 2, 0, 0];
    assert_eq!(heard(&mut cursor(list(), Loops::Times(1))), once);
    assert_eq!(heard(&mut cursor(list(), Loops::Times(2))), [once, once].concat());
    assert!(heard(&mut cursor(list(), Loops::Times(0))).is_empty());
    assert_eq!(heard(&mut cursor(list(), Loops::Forever)).len(), 100);
}

#[test]
fn a_list_that_holds_nothing_is_over_at_once() {
    for items in [vec![], vec![Item::Sound(numbered(0, 0)), Item::Music(numbered(0, 0))]] {
        let mut cursor = cursor(items, Loops::Forever);
        assert!(heard(&mut cursor).is_empty());
        assert!(cursor.has_ended());
    }
}

#[test]
fn it_begins_where_it_is_told_and_says_where_it_stands() {
    let list = || vec![Item::Sound(numbered(10, 4)), Item::Tone(Rhythm::silence(20)), Item::Sound(numbered(20, 4))];
    let from = |ms| cursor(list(), Loops::Times(1)).starting_at(Duration::from_millis(ms));
    assert_eq!(heard(&mut from(45)), [12, 13, 0, 20, 21, 22, 23]);
    assert_eq!(heard(&mut from(120)), [21, 22, 23]);
    assert!(heard(&mut from(500)).is_empty());

    let mut stopped = from(20);
    let (mut payload, mut samples) = (Vec::new(), Vec::new());
    for slot in 0..5 {
        stopped.next_frame(slot, &mut payload, &mut samples);
    }
    let at = stopped.position();
    assert_eq!((at.item, at.frame, at.played, at.offset()), (2, 1, 5, FRAME));
}

#[test]
fn it_stops_at_the_frame_it_is_told() {
    let mut cursor = cursor(vec![Item::Sound(numbered(0, 50))], Loops::Forever);
    cursor.stop_at(3);
    assert_eq!(heard(&mut cursor), [0, 1, 2]);
    assert_eq!(cursor.position().played, 3);
    cursor.stop_at(10);
    assert!(heard(&mut cursor).is_empty(), "what has ended stays so");
}

#[test]
fn a_volume_changes_samples_and_never_wraps_around() {
    let mut loud = cursor(vec![Item::Sound(numbered(20_000, 2)), Item::Sound(numbered(-20_000, 1))], Loops::Times(1));
    loud.set_volume(20.0).unwrap();
    assert_eq!(heard(&mut loud), [i16::MAX, i16::MAX, i16::MIN]);
    let mut soft = cursor(vec![Item::Sound(numbered(1000, 1))], Loops::Times(1));
    soft.set_volume(-20.0).unwrap();
    assert_eq!(heard(&mut soft), [100]);
}

#[test]
fn packets_have_one_volume_and_wild_volumes_are_refused() {
    let mut cursor = cursor(vec![Item::Sound(packets(1))], Loops::Times(1));
    assert_eq!(cursor.set_volume(0.0), Ok(()));
    assert_eq!(cursor.set_volume(-3.0), Err(Unplaylisted::PacketsAsTheyAre));
    assert_eq!(cursor.set_volume(21.0), Err(Unplaylisted::Volume(21.0)));
    assert!(cursor.set_volume(f32::NAN).is_err());
    let many = vec![Item::Tone(Rhythm::silence(20)); MAX_ITEMS + 1];
    assert_eq!(Cursor::new(many, Rate::Narrow, Loops::Forever).unwrap_err(), Unplaylisted::TooMany(257));
}

#[test]
fn music_stands_where_the_slot_says_for_everybody() {
    let music = numbered(0, 7);
    let (mut payload, mut samples) = (Vec::new(), Vec::new());
    let mut early = cursor(vec![Item::Music(Arc::clone(&music))], Loops::Times(1));
    let mut late = cursor(vec![Item::Music(music)], Loops::Times(1));
    for slot in 1000..1020 {
        samples.clear();
        early.next_frame(slot, &mut payload, &mut samples);
        if slot >= 1010 {
            late.next_frame(slot, &mut payload, &mut samples);
            assert_eq!(samples[0], samples[160], "both hear the same");
        }
        assert_eq!(samples[0], (slot % 7) as i16);
    }
}

#[test]
fn a_tone_starts_anew_in_each_turn() {
    let beep = Rhythm::named("beep", "").unwrap();
    let mut twice = cursor(vec![Item::Tone(beep)], Loops::Times(2));
    let (mut payload, mut samples) = (Vec::new(), Vec::new());
    while twice.next_frame(0, &mut payload, &mut samples) != Step::Ended {}
    assert_eq!(samples.len(), 2 * 20 * 160);
    assert_eq!(samples[..3200], samples[3200..]);
}

proptest! {
    #[test]
    fn every_frame_of_a_list_is_played_once_a_turn(lengths in prop::collection::vec(0_usize..5, 0..6), turns in 0_u32..4) {
        let items = lengths.iter().map(|&frames| Item::Sound(numbered(1, frames))).collect();
        let mut cursor = cursor(items, Loops::Times(turns));
        let all: usize = lengths.iter().sum::<usize>() * turns as usize;
        prop_assert_eq!(heard(&mut cursor).len(), all.min(100));
    }
}
