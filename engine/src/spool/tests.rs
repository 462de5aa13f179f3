//! What comes out of a spool is what went in, whatever happened to its files.

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn frame(text: &str) -> Vec<u8> {
    text.into()
}

/// Everything that lies there, taken out.
fn empty(spool: &mut Spool) -> Frames {
    let mut all = Frames::default();
    while let Some(frames) = spool.eldest().expect("it can be read") {
        all.whole.extend(frames.whole);
        all.damaged += frames.damaged;
        spool.forget(frames.segment).expect("it can be removed");
    }
    all
}

#[test]
fn what_was_spooled_comes_out_once_in_its_order_and_leaves_nothing_behind() {
    let folder = folder();
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    assert!(spool.is_empty() && !spool.has_left_behind());
    spool.append(&[frame("one"), frame("")]).expect("spooled");
    spool.append(&[frame("two")]).expect("spooled");
    assert!(!spool.is_empty() && !spool.has_left_behind());

    let expected = [frame("one"), frame(""), frame("two")];
    assert_eq!(spool.eldest().expect("read").expect("a segment").whole, expected, "not yet forgotten");
    spool.append(&[frame("meanwhile")]).expect("spooled");
    assert_eq!(empty(&mut spool).whole, [&expected[..], &[frame("meanwhile")]].concat());
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn another_process_finds_what_was_left_and_knows_it_from_its_own() {
    let folder = folder();
    Spool::open(folder.path(), MOST).expect("a spool").append(&[frame("old")]).expect("spooled");
    let mut spool = Spool::open(folder.path(), MOST).expect("the same");
    spool.append(&[frame("new")]).expect("spooled");

    assert!(spool.has_left_behind());
    let old = spool.eldest().expect("read").expect("a segment");
    assert_eq!(old.whole, [frame("old")]);
    spool.forget(old.segment).expect("removed");
    spool.forget(old.segment).expect("again, and nothing else goes");
    assert!(!spool.has_left_behind());
    assert_eq!(empty(&mut spool).whole, [frame("new")]);
}

#[test]
fn a_full_spool_says_so_and_keeps_what_it_has() {
    let folder = folder();
    let mut spool = Spool::open(folder.path(), 100).expect("a spool");
    spool.append(&[vec![b'x'; 70]]).expect("spooled");
    assert!(spool.is_nearly_full());
    let full = spool.append(&[vec![b'y'; 70]]).expect_err("no room");
    assert_eq!(full.to_string(), format!("the spool {} is full (100 bytes)", folder.path().display()));
    assert_eq!(empty(&mut spool).whole, [vec![b'x'; 70]]);
    spool.append(&[vec![b'y'; 70]]).expect("there is room again");
}

#[test]
fn many_frames_are_many_segments_each_small_enough_to_be_read_as_one() {
    let folder = folder();
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    for _ in 0..12 {
        spool.append(&[vec![7; 1 << 20]]).expect("spooled");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3);
    assert_eq!(empty(&mut spool).whole.len(), 12);
}

#[test]
fn nobody_else_may_read_who_called_whom() {
    let folder = folder();
    let inner = folder.path().join("spool");
    let mut spool = Spool::open(&inner, MOST).expect("a spool");
    spool.append(&[frame("alice called bob")]).expect("spooled");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let file = fs::read_dir(&inner).expect("the folder").next().expect("a file").expect("readable").path();
    assert_eq!((mode(&inner), mode(&file)), (0o700, 0o600));
}

#[test]
fn what_is_no_segment_is_put_aside_and_hurts_no_other() {
    let folder = folder();
    let strange = ["notes.txt", "3.spool", "99999999999999999999.spool", "+00000000001.spool"];
    for name in strange {
        fs::write(folder.path().join(name), name).expect("written");
    }
    fs::create_dir(folder.path().join("000000000009.spool")).expect("a folder");
    fs::write(folder.path().join(ALIVE), "0").expect("written");
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    assert_eq!(spool.count_aside(), strange.len() + 1);
    assert_eq!(fs::read_to_string(spool.aside().join("notes.txt")).expect("it is there still"), "notes.txt");
    assert!(folder.path().join(ALIVE).exists() && spool.is_empty());
    spool.append(&[frame("one")]).expect("spooled");

    // Of the same name again, and so many of them: the eldest go.
    for round in 0..2 * MOST_ASIDE {
        fs::write(folder.path().join("notes.txt"), format!("{round}")).expect("written");
        spool = Spool::open(folder.path(), MOST).expect("a spool");
    }
    assert!(spool.count_aside() <= MOST_ASIDE, "{}", spool.count_aside());
    assert_eq!(empty(&mut spool).whole, [frame("one")]);
}

#[test]
fn a_damaged_segment_is_told_and_put_aside_once_it_is_read() {
    let folder = folder();
    fs::write(folder.path().join("000000000003.spool"), "something else").expect("written");
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    let found = spool.eldest().expect("read").expect("a segment");
    assert_eq!((found.damaged, found.whole.len()), (1, 0));
    spool.set_aside(found.segment).expect("moved");
    spool.set_aside(found.segment).expect("again, and nothing else goes");
    assert!(spool.is_empty());
    let kept = fs::read_to_string(spool.aside().join("000000000003.spool"));
    assert_eq!(kept.expect("it is there still"), "something else");
}

fn segment(frames: &[Vec<u8>]) -> Vec<u8> {
    let folder = folder();
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    spool.append(frames).expect("spooled");
    fs::read(spool.path(0)).expect("the segment")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_write_that_was_cut_off_loses_only_what_it_had_not_finished(
        written in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..6),
        cut in 0..200usize,
    ) {
        let bytes = segment(&written);
        let cut = cut.min(bytes.len());
        let found = frames(&bytes[..cut]);
        prop_assert_eq!(&found.whole[..], &written[..found.whole.len()]);
        let ends: Vec<usize> = written.iter().scan(MAGIC.len(), |end, frame| {
            *end += HEAD + frame.len();
            Some(*end)
        }).collect();
        prop_assert_eq!(found.whole.len(), ends.iter().filter(|end| **end <= cut).count());
    }

    #[test]
    fn a_damaged_byte_is_never_taken_for_what_was_written(
        written in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..30), 1..6),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let mut bytes = segment(&written);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let found = frames(&bytes);
        prop_assert!(found.damaged > 0);
        prop_assert!(found.whole.iter().all(|frame| written.contains(frame)));
    }
}

#[test]
fn the_last_sign_of_life_is_found_by_the_next_process_and_is_no_segment() {
    let folder = folder();
    let mut spool = Spool::open(folder.path(), MOST).expect("a spool");
    assert_eq!(spool.last_alive(), None);
    for second in [1_800_000_000, 1_800_000_001] {
        spool.say_alive(UNIX_EPOCH + Duration::from_secs(second)).expect("said");
    }
    let next = Spool::open(folder.path(), MOST).expect("the same");
    assert_eq!(next.last_alive(), Some(UNIX_EPOCH + Duration::from_secs(1_800_000_001)));
    assert!(next.is_empty());
    fs::write(folder.path().join(ALIVE), "torn").expect("written");
    assert_eq!(next.last_alive(), None, "what cannot be read says nothing");
}
