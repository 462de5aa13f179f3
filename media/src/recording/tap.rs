//! The media thread's end of a recording, and the call's.
//!
//! The ring is two queues of fixed size: boxes with a frame in them go one way and come back empty, so that nothing is
//! allocated while the call runs. When no empty box is there the disk is behind: the frame is counted and left out, and the
//! time it would have taken is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use super::plan::{Format, Layout, Pause, Plan, Why};
use crate::frame::Rate;

/// Frames between the media thread and the disk: two seconds. A disk that hangs longer loses sound.
pub(super) const RING: usize = 100;
/// The clock of a recording: samples of 48 kHz, in which every codec's packets have a whole length.
pub(super) const CLOCK_HZ: u64 = 48_000;
/// A frame on that clock.
pub(super) const TICKS: u64 = CLOCK_HZ / 50;
/// The longest packet of Opus that is kept: one frame of the most bytes, three of a usual size.
const MAX_PACKET: usize = 1500;

/// What one box carries.
#[derive(Default)]
pub(super) struct Boxed {
    /// When it begins, on the clock of the recording.
    pub at: u64,
    pub heard: Vec<i16>,
    pub said: Vec<i16>,
    /// In place of both: a packet that is copied as it is.
    pub packet: Vec<u8>,
}

/// What both ends know.
pub(super) struct Shared {
    pub full: ArrayQueue<Box<Boxed>>,
    pub empty: ArrayQueue<Box<Boxed>>,
    paused: AtomicBool,
    /// Who asked for the end: 0 is nobody.
    asked: AtomicU8,
    /// The writer has ended it.
    pub over: AtomicBool,
    dropped: AtomicU64,
    /// How far the media thread is, on the clock.
    at: AtomicU64,
}

const HANGUP: u8 = 1;
const ASKED: u8 = 2;
const KEY: u8 = 3;

impl Shared {
    pub(super) fn new(plan: &Plan) -> Arc<Self> {
        let (full, empty) = (ArrayQueue::new(RING), ArrayQueue::new(RING));
        let said = if plan.layout == Layout::Heard { 0 } else { plan.rate.samples() };
        let packet = if takes_packets(plan) { MAX_PACKET } else { 0 };
        for _ in 0..RING {
            let room = Boxed {
                at: 0,
                heard: Vec::with_capacity(plan.rate.samples()),
                said: Vec::with_capacity(said),
                packet: Vec::with_capacity(packet),
            };
            // There are as many places as boxes.
            let _ = empty.push(Box::new(room));
        }
        Arc::new(Self {
            full,
            empty,
            paused: AtomicBool::new(false),
            asked: AtomicU8::new(0),
            over: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            at: AtomicU64::new(0),
        })
    }

    /// How far the media thread is. All boxes that begin before it are in the ring.
    pub(super) fn at(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// Whether the time that passes now is a pause.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// Frames that found no room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Why the near end is done: `None` while it is not.
    pub(super) fn ending(&self) -> Option<Why> {
        match self.asked.load(Ordering::Acquire) {
            ASKED => Some(Why::Asked),
            KEY => Some(Why::Key),
            HANGUP => Some(Why::Hangup),
            _ => None,
        }
    }

    /// The first to ask says why.
    fn ask(&self, why: u8) {
        let _ = self.asked.compare_exchange(0, why, Ordering::AcqRel, Ordering::Acquire);
    }
}

fn takes_packets(plan: &Plan) -> bool {
    plan.format == Format::OggOpus && plan.layout == Layout::Heard
}

/// Takes what a port hears and says. It is owned by the media thread; dropping it ends the recording.
pub struct Tap {
    shared: Arc<Shared>,
    rate: Rate,
    layout: Layout,
    pause: Pause,
    packets: bool,
    at: u64,
}

impl Tap {
    pub(super) fn new(plan: &Plan, shared: Arc<Shared>) -> Self {
        let packets = takes_packets(plan);
        Self { shared, rate: plan.rate, layout: plan.layout, pause: plan.pause, packets, at: 0 }
    }

    /// Whether it has ended and may be dropped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::Relaxed) || self.shared.ending().is_some()
    }

    /// Whether packets of Opus are taken as they are.
    #[must_use]
    pub fn takes_packets(&self) -> bool {
        self.packets
    }

    /// Whether it takes what the party is told, too.
    #[must_use]
    pub fn takes_said(&self) -> bool {
        self.layout != Layout::Heard
    }

    /// Takes the next 20 ms, at the rate of the plan. Nothing is silence; what is longer than a frame is cut.
    pub fn frame(&mut self, heard: &[i16], said: &[i16]) {
        let said = if self.layout == Layout::Heard { &[] } else { said };
        let most = self.rate.samples();
        let silent = heard.is_empty() && said.is_empty();
        self.take(TICKS, silent, |room| {
            room.heard.extend_from_slice(&heard[..heard.len().min(most)]);
            room.said.extend_from_slice(&said[..said.len().min(most)]);
        });
    }

    /// Takes a packet of Opus in place of a frame of what was heard. False when the recording takes none, or it is none.
    pub fn packet(&mut self, packet: &[u8]) -> bool {
        let Some(ticks) = super::ogg::ticks_of(packet) else { return false };
        if !self.packets || packet.len() > MAX_PACKET {
            return false;
        }
        self.take(ticks, false, |room| room.packet.extend_from_slice(packet));
        true
    }

    fn take(&mut self, ticks: u64, silent: bool, fill: impl FnOnce(&mut Boxed)) {
        if self.is_over() {
            return;
        }
        let paused = self.shared.paused.load(Ordering::Acquire);
        if paused && self.pause == Pause::Cut {
            return;
        }
        // What is silent or paused is the time between two boxes.
        if !silent && !paused {
            self.put(fill);
        }
        self.at += ticks;
        // After the box: whoever reads this finds all boxes before it in the ring.
        self.shared.at.store(self.at, Ordering::Release);
    }

    fn put(&mut self, fill: impl FnOnce(&mut Boxed)) {
        let Some(mut room) = self.shared.empty.pop() else {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        room.at = self.at;
        room.heard.clear();
        room.said.clear();
        room.packet.clear();
        fill(&mut room);
        // There are as many places as boxes.
        let _ = self.shared.full.push(room);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.ask(HANGUP);
    }
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much has been taken.
    pub duration: Duration,
    /// Frames that found no room.
    pub dropped: u64,
    /// Frames that the writer has not come to yet.
    pub waiting: usize,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it has ended.
    pub over: bool,
}

/// Pauses, resumes and ends a recording from any thread.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Shared>);

impl Control {
    /// Nothing of what is heard and said reaches the file until it is resumed; at most the frame being taken now still does.
    pub fn pause(&self) {
        self.0.paused.store(true, Ordering::Release);
    }

    /// Goes on.
    pub fn resume(&self) {
        self.0.paused.store(false, Ordering::Release);
    }

    /// Ends it.
    pub fn end(&self) {
        self.0.ask(ASKED);
    }

    /// Ends it because a key was pressed.
    pub fn end_by_key(&self) {
        self.0.ask(KEY);
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            duration: duration_of(self.0.at.load(Ordering::Relaxed)),
            dropped: self.0.dropped(),
            waiting: self.0.full.len(),
            paused: self.0.paused.load(Ordering::Relaxed),
            over: self.0.over.load(Ordering::Relaxed),
        }
    }
}

/// Ticks as time.
pub(super) fn duration_of(ticks: u64) -> Duration {
    Duration::from_micros(ticks * 1000 / (CLOCK_HZ / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(layout: Layout, pause: Pause) -> (Tap, Control) {
        let plan = Plan { layout, pause, ..Plan::new("a.opus".into(), Format::OggOpus, Rate::Narrow) };
        let shared = Shared::new(&plan);
        (Tap::new(&plan, Arc::clone(&shared)), Control(shared))
    }

    fn begins(control: &Control) -> Vec<u64> {
        std::iter::from_fn(|| control.0.full.pop()).map(|room| room.at / TICKS).collect()
    }

    #[test]
    fn a_disk_that_is_behind_costs_frames_and_never_waits() {
        let (mut tap, control) = tap(Layout::Both, Pause::Silence);
        for _ in 0..RING + 7 {
            tap.frame(&[1; 160], &[2; 160]);
        }
        let progress = control.progress();
        assert_eq!((progress.dropped, progress.duration), (7, Duration::from_millis(2140)));
        assert_eq!(begins(&control), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_boxes_are_never_made_larger() {
        let (mut tap, control) = tap(Layout::Both, Pause::Silence);
        let rooms: Vec<_> = std::iter::from_fn(|| control.0.empty.pop()).collect();
        let before: Vec<_> = rooms.iter().map(|room| (room.heard.as_ptr(), room.heard.capacity())).collect();
        rooms.into_iter().for_each(|room| drop(control.0.empty.push(room)));
        for _ in 0..RING {
            tap.frame(&[1; 1000], &[2; 1000]);
        }
        let after =
            std::iter::from_fn(|| control.0.full.pop()).map(|room| (room.heard.as_ptr(), room.heard.capacity()));
        assert_eq!(after.collect::<Vec<_>>(), before);
    }

    #[test]
    fn a_pause_keeps_its_time_or_not_as_planned_and_nothing_of_it_is_kept() {
        for (pause, wanted) in [(Pause::Silence, vec![0, 3]), (Pause::Cut, vec![0, 1])] {
            let (mut tap, control) = tap(Layout::Mixed, pause);
            tap.frame(&[1; 160], &[]);
            control.pause();
            assert!(control.progress().paused);
            tap.frame(&[9; 160], &[9; 160]);
            tap.frame(&[9; 160], &[9; 160]);
            control.resume();
            tap.frame(&[2; 160], &[]);
            assert_eq!(begins(&control), wanted, "{pause:?}");
        }
    }

    #[test]
    fn packets_are_taken_where_they_fit_and_count_by_their_length() {
        let (mut tap, control) = tap(Layout::Heard, Pause::Silence);
        assert!(tap.takes_packets());
        // 20 ms, 60 ms in three frames, and one of another kind of codec.
        assert!(tap.packet(&[0xf8, 0xff, 0xfe]));
        assert!(tap.packet(&[0xfb, 0x03, 0xff, 0xfe, 0xff]));
        assert!(!tap.packet(&[]));
        tap.frame(&[], &[5; 160]);
        tap.frame(&[5; 160], &[5; 160]);
        assert_eq!(begins(&control), [0, 1, 5]);
        let (mut tap, _) = super::tests::tap(Layout::Both, Pause::Silence);
        assert!(!tap.packet(&[0xf8, 0xff, 0xfe]), "one channel cannot be copied into two");
    }

    #[test]
    fn the_first_to_end_it_says_why() {
        let (mut tap, control) = tap(Layout::Both, Pause::Silence);
        control.end_by_key();
        control.end();
        assert!(tap.is_over());
        tap.frame(&[1; 160], &[]);
        drop(tap);
        assert_eq!(control.0.ending(), Some(Why::Key));
        assert!(begins(&control).is_empty());
    }
}
