//! Takes on a disk of the test's own, which may be full or break.

use std::io::Cursor;
use std::time::Duration;

use super::*;
use crate::frame::Rate;
use crate::recording::Control;
use crate::recording::tap::Tap;

/// A disk of so many bytes.
struct Disk {
    file: Cursor<Vec<u8>>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.saturating_sub(self.file.position() as usize).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.file.write(&bytes[..room])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Medium for &mut Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.get_mut().truncate(length as usize);
        Ok(())
    }
}

fn disk(room: usize) -> Disk {
    Disk { file: Cursor::new(Vec::new()), room }
}

fn plan(format: Format, layout: Layout) -> Plan {
    Plan { layout, ..Plan::new("test".into(), format, Rate::Narrow) }
}

fn begin(plan: Plan, disk: &mut Disk) -> (Take<&mut Disk>, Tap, Control) {
    let shared = Shared::new(&plan);
    let tap = Tap::new(&plan, Arc::clone(&shared));
    let control = Control(Arc::clone(&shared));
    (Take::new(plan, shared, disk, 1).unwrap(), tap, control)
}

/// The 16-bit samples behind a head of 44 bytes, after checking that the head knows them.
fn samples(file: &[u8]) -> Vec<i16> {
    assert_eq!(u32::from_le_bytes(file[40..44].try_into().unwrap()) as usize, file.len() - 44);
    assert_eq!(u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize, file.len() - 8);
    file[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// Speaks for so many frames, sweeping as a thread would.
fn speak(take: &mut Take<&mut Disk>, tap: &mut Tap, frames: usize) -> Option<Why> {
    for n in 0..frames {
        let loud = (n % 7) as i16 * 1000;
        tap.frame(&[loud; 160], &[-loud; 160]);
        if n % 5 == 4 {
            let over = take.sweep();
            if over.is_some() {
                return over;
            }
        }
    }
    take.sweep()
}

#[test]
fn both_parties_stand_on_their_own_channel_or_are_mixed() {
    for (layout, wanted) in
        [(Layout::Both, vec![5, -3, 5, -3]), (Layout::Mixed, vec![2, 2]), (Layout::Heard, vec![5, 5])]
    {
        let mut disk = disk(1 << 20);
        let (mut take, mut tap, control) = begin(plan(Format::Pcm16, layout), &mut disk);
        tap.frame(&[5; 160], &[-3; 160]);
        control.end();
        let why = take.sweep().unwrap();
        let (outcome, _) = take.finish(why);
        assert_eq!((outcome.why, outcome.duration), (Why::Asked, Duration::from_millis(20)));
        let samples = samples(disk.file.get_ref());
        assert_eq!((samples.len(), &samples[..wanted.len()]), (160 * layout.channels(), &wanted[..]));
    }
}

#[test]
fn a_file_whose_writer_dies_is_true_up_to_the_last_second() {
    let mut disk = disk(1 << 20);
    let (mut take, mut tap, _control) = begin(plan(Format::Pcm16, Layout::Heard), &mut disk);
    assert_eq!(speak(&mut take, &mut tap, 130), None);
    drop(take);
    assert_eq!(samples(disk.file.get_ref()).len(), 2 * 8000);
}

#[test]
fn a_full_disk_ends_it_and_keeps_what_was_written() {
    for format in [Format::Pcm16, Format::Pcmu, Format::OggOpus] {
        let mut disk = disk(20_001);
        let (mut take, mut tap, control) = begin(plan(format, Layout::Both), &mut disk);
        let why = (0..100).find_map(|_| speak(&mut take, &mut tap, 50)).unwrap();
        assert_eq!(why, Why::DiskFull, "{format:?}");
        let (outcome, _) = take.finish(why);
        assert!(control.progress().over && tap.is_over());
        let file = disk.file.get_ref();
        assert_eq!(outcome.bytes, file.len() as u64, "{format:?}");
        match format {
            Format::Pcm16 => {
                assert_eq!(samples(file).len() % 2, 0);
                assert!(file.len() > 19_990, "all the disk has is used");
                assert!(outcome.duration > Duration::from_millis(600));
            }
            Format::Pcmu => assert_eq!((file.len() - 58) % 2, 0),
            _ => assert!(outcome.duration >= Duration::from_secs(2), "{:?}", outcome.duration),
        }
    }
}

#[test]
fn it_becomes_no_longer_than_planned_also_in_silence() {
    for speaks in [true, false] {
        let mut disk = disk(1 << 20);
        let longest = Duration::from_millis(1010);
        let (mut take, mut tap, _control) = begin(Plan { longest, ..plan(Format::Pcm16, Layout::Heard) }, &mut disk);
        let why = if speaks {
            speak(&mut take, &mut tap, 90)
        } else {
            (0..90).for_each(|_| tap.frame(&[], &[]));
            take.sweep()
        };
        let (outcome, _) = take.finish(why.unwrap());
        assert_eq!((outcome.why, outcome.duration), (Why::Longest, Duration::from_secs(1)));
        assert_eq!(samples(disk.file.get_ref()).len(), 8000);
    }
}

/// 20 ms of a voice: a tone that is there and gone.
fn voice(frame: usize) -> Vec<i16> {
    let loud = if frame % 12 < 8 { 8000.0 } else { 0.0 };
    (0..160).map(|n| ((n as f32 * 0.4).sin() * loud) as i16).collect()
}

#[test]
fn silence_of_the_heard_side_ends_it_and_a_pause_does_not() {
    let mut disk = disk(1 << 20);
    let silence = Some(Duration::from_secs(2));
    let (mut take, mut tap, control) = begin(Plan { silence, ..plan(Format::Pcm16, Layout::Both) }, &mut disk);
    for frame in 0..200 {
        tap.frame(&voice(frame), &[]);
        assert_eq!(take.sweep(), None, "somebody speaks, {frame}");
    }
    control.pause();
    for _ in 0..300 {
        tap.frame(&[7; 160], &[7; 160]);
        assert_eq!(take.sweep(), None, "it is paused");
    }
    control.resume();
    let ended = (0..200).find(|_| {
        // Our own prompt is no voice of the caller.
        tap.frame(&[], &voice(1));
        take.sweep() == Some(Why::Silence)
    });
    assert!((80..=110).contains(&ended.unwrap()), "{ended:?}");
}

#[test]
fn what_is_said_in_a_pause_is_nowhere_in_the_file() {
    let mut disk = disk(1 << 20);
    let (mut take, mut tap, control) = begin(plan(Format::Pcm16, Layout::Both), &mut disk);
    tap.frame(&[1; 160], &[1; 160]);
    control.pause();
    (0..60).for_each(|_| tap.frame(&[999; 160], &[999; 160]));
    control.resume();
    tap.frame(&[2; 160], &[2; 160]);
    drop(tap);
    let why = take.sweep().unwrap();
    let (outcome, peaks) = take.finish(why);
    assert_eq!((outcome.why, outcome.duration), (Why::Hangup, Duration::from_millis(62 * 20)));
    let samples = samples(disk.file.get_ref());
    assert_eq!((samples[0], samples[61 * 320]), (1, 2));
    assert!(samples[320..61 * 320].iter().all(|&sample| sample == 0));
    assert!(peaks.finish()[10..].iter().all(|&peak| peak <= 1));
}

#[test]
fn frames_that_were_dropped_are_silence_of_their_length() {
    let mut disk = disk(1 << 20);
    let (mut take, mut tap, control) = begin(plan(Format::Pcm16, Layout::Heard), &mut disk);
    (0..130).for_each(|_| tap.frame(&[5; 160], &[]));
    take.sweep();
    tap.frame(&[6; 160], &[]);
    control.end();
    let why = take.sweep().unwrap();
    let (outcome, _) = take.finish(why);
    assert_eq!(outcome.dropped, 30);
    let samples = samples(disk.file.get_ref());
    assert_eq!((samples[100 * 160 - 1], samples[100 * 160], samples[130 * 160]), (5, 0, 6));
}
