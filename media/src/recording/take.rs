//! One recording on its way from the ring to the disk.
//!
//! A [`Take`] is swept again and again by its thread: it empties the ring, fills the time between boxes with silence, and
//! once a second of sound writes what it has and makes the head of the file true, so that the file can be read whenever the
//! server dies. It ends by the rules of its plan or by the disk, and then keeps what was written.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ogg::{Ogg, ticks_of};
use super::peaks::Peaks;
use super::plan::{Format, LONGEST, Layout, Outcome, Plan, Why};
use super::tap::{Boxed, CLOCK_HZ, Shared, TICKS, duration_of};
use super::wav::Wav;
use crate::codec::voice::Ear;
use crate::codec::{Decoder, Kind};
use crate::frame::MAX_SAMPLES;

/// After so much sound the file is written and its head made true.
const FLUSH: u64 = CLOCK_HZ;
const SILENCE: [i16; MAX_SAMPLES] = [0; MAX_SAMPLES];

/// Where a recording is written.
pub(super) trait Medium: Write + Seek {
    /// Forgets everything behind so many bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

enum Body {
    Wav(Wav),
    Ogg(Box<Ogg>),
}

/// A recording.
pub(super) struct Take<M> {
    plan: Plan,
    shared: Arc<Shared>,
    medium: M,
    body: Body,
    peaks: Peaks,
    /// What has not been written yet.
    pending: Vec<u8>,
    /// Bytes in the file, and how many of them are its head.
    written: u64,
    head: u64,
    /// How much the file plays, with and without what is pending.
    at: u64,
    flushed: u64,
    longest: u64,
    ear: Ear,
    /// How long nobody has spoken.
    quiet: u64,
    /// Listens to copied packets.
    decoder: Option<Box<dyn Decoder>>,
    sound: Vec<i16>,
}

impl<M: Medium> Take<M> {
    /// Begins a file with its head.
    pub(super) fn new(plan: Plan, shared: Arc<Shared>, mut medium: M, serial: u32) -> io::Result<Self> {
        let channels = plan.layout.channels();
        let (body, head) = match Wav::new(plan.format, channels, plan.rate) {
            Some(wav) => {
                let head = wav.head(0);
                (Body::Wav(wav), head)
            }
            None => {
                let (ogg, heads) = Ogg::new(channels, plan.rate, serial);
                (Body::Ogg(Box::new(ogg)), heads)
            }
        };
        medium.write_all(&head)?;
        let longest = plan.longest.min(LONGEST).as_millis() as u64 * (CLOCK_HZ / 1000);
        let decoder = (plan.format == Format::OggOpus).then(|| Kind::Opus.decoder()).flatten();
        Ok(Self {
            peaks: Peaks::new(channels),
            pending: Vec::new(),
            written: head.len() as u64,
            head: head.len() as u64,
            at: 0,
            flushed: 0,
            ear: Ear::new(),
            quiet: 0,
            sound: Vec::new(),
            plan,
            shared,
            medium,
            body,
            longest,
            decoder,
        })
    }

    /// Takes all that has come, and says why it is over when it is.
    pub(super) fn sweep(&mut self) -> Option<Why> {
        // Read first: what was asked for the end, and the time up to which all boxes are in the ring.
        let (ending, upto) = (self.shared.ending(), self.shared.at());
        while let Some(room) = self.shared.full.pop() {
            let over = self.take(&room);
            // There are as many places as boxes.
            let _ = self.shared.empty.push(room);
            // Within the sweep, too: a writer that is behind loses no more at a kill than one that is not.
            let over = over.or_else(|| self.flush_in_time());
            if over.is_some() {
                return over;
            }
        }
        self.fill(upto).or(ending).or_else(|| self.flush_in_time())
    }

    /// Flushes when a second of sound is pending.
    fn flush_in_time(&mut self) -> Option<Why> {
        if self.at - self.flushed < FLUSH {
            return None;
        }
        self.flush().err().map(|error| told(&error))
    }

    fn take(&mut self, room: &Boxed) -> Option<Why> {
        if let Some(over) = self.fill(room.at) {
            return Some(over);
        }
        let ticks = if room.packet.is_empty() { TICKS } else { ticks_of(&room.packet).unwrap_or(TICKS) };
        if self.at + ticks > self.longest {
            return Some(Why::Longest);
        }
        if room.packet.is_empty() {
            self.take_frame(&room.heard, &room.said);
        } else {
            self.take_packet(&room.packet, ticks);
        }
        self.at += ticks;
        self.has_fallen_silent()
    }

    fn take_frame(&mut self, heard: &[i16], said: &[i16]) {
        self.listen(heard, TICKS);
        let length = self.plan.rate.samples();
        let (mut left, mut right) = ([0; MAX_SAMPLES], [0; MAX_SAMPLES]);
        left[..heard.len()].copy_from_slice(heard);
        right[..said.len()].copy_from_slice(said);
        if self.plan.layout == Layout::Mixed {
            left.iter_mut().zip(right).for_each(|(heard, said)| *heard = heard.saturating_add(said));
        }
        let channels = &[&left[..length], &right[..length]][..self.plan.layout.channels()];
        self.peaks.frame(channels);
        match &mut self.body {
            Body::Wav(wav) => wav.write(channels, &mut self.pending),
            Body::Ogg(ogg) => ogg.frame(channels),
        }
    }

    fn take_packet(&mut self, packet: &[u8], ticks: u64) {
        self.sound.clear();
        if let Some(decoder) = &mut self.decoder
            && decoder.decode(packet, &mut self.sound).is_err()
        {
            // It goes into the file as it came; whoever plays it hears what it is.
            self.sound.resize(ticks as usize, 0);
        }
        let sound = std::mem::take(&mut self.sound);
        for frame in sound.chunks(TICKS as usize) {
            self.listen(frame, frame.len() as u64);
            self.peaks.frame(&[frame]);
        }
        self.sound = sound;
        if let Body::Ogg(ogg) = &mut self.body {
            ogg.packet(packet, ticks);
        }
    }

    /// Fills the time up to there with silence.
    fn fill(&mut self, upto: u64) -> Option<Why> {
        while self.at + TICKS <= upto {
            if self.at + TICKS > self.longest {
                return Some(Why::Longest);
            }
            // A pause is not the caller's silence.
            if !self.shared.is_paused() {
                self.quiet += TICKS;
            }
            let channels = &[&SILENCE[..self.plan.rate.samples()]; 2][..self.plan.layout.channels()];
            self.peaks.frame(channels);
            match &mut self.body {
                Body::Wav(wav) => wav.write(channels, &mut self.pending),
                Body::Ogg(ogg) => ogg.silence(),
            }
            self.at += TICKS;
            if let Some(over) = self.has_fallen_silent() {
                return Some(over);
            }
        }
        None
    }

    fn listen(&mut self, heard: &[i16], ticks: u64) {
        let speaks = !heard.is_empty() && self.ear.hear(heard).speech;
        self.quiet = if speaks { 0 } else { self.quiet + ticks };
    }

    fn has_fallen_silent(&self) -> Option<Why> {
        let silence = self.plan.silence?;
        (duration_of(self.quiet) >= silence).then_some(Why::Silence)
    }

    /// Writes what is pending, then a head that knows of it.
    fn flush(&mut self) -> io::Result<()> {
        if let Body::Ogg(ogg) = &mut self.body {
            ogg.put_pages(&mut self.pending);
        }
        self.medium.write_all(&self.pending)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.flushed = self.at;
        self.make_head_true()
    }

    fn make_head_true(&mut self) -> io::Result<()> {
        let Body::Wav(wav) = &self.body else { return Ok(()) };
        // The longest recording of the widest format stays below what the head can say.
        let head = wav.head(u32::try_from(self.written - self.head).unwrap_or(u32::MAX));
        self.medium.seek(SeekFrom::Start(0))?;
        self.medium.write_all(&head)?;
        self.medium.seek(SeekFrom::Start(self.written))?;
        Ok(())
    }

    /// Closes the file and says what came of it; beside that, the peaks.
    pub(super) fn finish(mut self, why: Why) -> (Outcome, Peaks) {
        self.shared.over.store(true, Ordering::Release);
        let lost = matches!(why, Why::DiskFull | Why::Unwritable(_));
        let mut why = why;
        if !lost {
            if let Body::Ogg(ogg) = &mut self.body {
                ogg.finish(&mut self.pending);
            }
            if let Err(error) = self.flush() {
                why = told(&error);
            }
        }
        if matches!(why, Why::DiskFull | Why::Unwritable(_)) {
            // The disk may not even take this; then the head of a second ago is still true.
            let _ = self.keep_what_was_written();
        }
        let outcome = Outcome {
            why,
            duration: duration_of(self.flushed),
            bytes: self.written,
            dropped: self.shared.dropped(),
            path: self.plan.path,
        };
        (outcome, self.peaks)
    }

    /// After a write that failed in its middle: whole samples and whole pages stay, and the head says how many.
    fn keep_what_was_written(&mut self) -> io::Result<()> {
        if let Body::Wav(wav) = &self.body {
            let block = wav.block() as u64;
            let there = self.medium.seek(SeekFrom::End(0))?.max(self.head);
            let blocks = (there - self.head) / block;
            self.written = self.head + blocks * block;
            self.flushed = blocks * CLOCK_HZ / u64::from(self.plan.rate.hz());
        }
        self.medium.cut(self.written)?;
        self.make_head_true()
    }
}

fn told(error: &io::Error) -> Why {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Why::DiskFull,
        _ => Why::Unwritable(error.to_string()),
    }
}

#[cfg(test)]
#[path = "take_tests.rs"]
mod tests;
