//! Records what a party says, in the foreground until something ends it, or in the background.
//!
//! ```text
//! beep ─▶ running ──key, silence, longest, hang-up──▶ closing ──the file is closed──▶ kept, too short, silence, failed
//! ```
//!
//! A recording outlives its leg by the moment in which its file is closed: who hangs up at the end of a message has left one.

use std::time::{Duration, Instant};

use patchcord_media::dtmf::Key;

use super::effect::{Effect, SoundOrder, SoundTag};
use super::event::Happening;
use super::play::{Owner, Playing};
use super::verb::{Handle, Outcome, Record, Status};
use super::work::{Back, Work};
use super::{Call, LegId, limits};
use crate::program::{VerbId, Wake};

/// What is heard before a recording.
const BEEP: &str = "tone::beep";

/// A recording in the foreground.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recording {
    rules: Record,
    /// Its name, from when it runs.
    tag: Option<SoundTag>,
    /// Whether a silence ended it.
    quiet: bool,
    /// Until when its file must be closed, from when it was stopped.
    closing: Option<Instant>,
}

impl Recording {
    pub fn deadline(&self) -> Option<Instant> {
        self.closing
    }

    pub fn ends_by(&self, key: Key) -> bool {
        self.tag.is_some() && self.closing.is_none() && self.rules.end.contains(&key)
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.closing.iter_mut()
    }

    fn judge(&self, closed: Result<(String, Duration), String>) -> Outcome {
        let (status, file, length) = match closed {
            Ok((_, length)) if length < self.rules.min => (Status::TooShort, None, length),
            // Silence alone is no message: what was said before it is.
            Ok((_, length)) if self.quiet && Some(length) <= self.rules.silence => (Status::Silence, None, length),
            Ok((file, length)) => (Status::Kept, Some(file), length),
            Err(_) => (Status::Failed, None, Duration::ZERO),
        };
        Outcome::Recorded { status, file, length }
    }
}

fn order(tag: SoundTag, rules: &Record) -> SoundOrder {
    let Record { max, silence, format, both, .. } = rules.clone();
    SoundOrder::Record { tag, format, both, silence, max }
}

impl Call {
    pub(super) fn begin_record(&mut self, verb: VerbId, id: LegId, rules: Record, now: Instant) {
        let beep = rules.beep;
        self.works.insert(verb, Work::Record(id, Recording { rules, tag: None, quiet: false, closing: None }));
        if beep {
            self.voice(id, Owner::Verb(verb), Playing::once(BEEP), now);
        } else {
            self.record_after_beep(verb, id, now);
        }
    }

    pub(super) fn record_after_beep(&mut self, verb: VerbId, id: LegId, _now: Instant) {
        let Some(tag) = self.here_mut(id).map(super::leg::Leg::new_tag) else { return };
        let Some(Work::Record(_, recording)) = self.works.get_mut(&verb) else { return };
        recording.tag = Some(tag);
        let order = order(tag, &recording.rules);
        self.sound(id, order);
    }

    pub(super) fn stop_recording(&mut self, verb: VerbId, now: Instant) {
        let Some(Work::Record(id, recording)) = self.works.get_mut(&verb) else { return };
        let (Some(tag), None) = (recording.tag, recording.closing) else { return };
        recording.closing = Some(now + limits::CLOSING);
        let id = *id;
        if self.here(id).is_some() {
            self.sound(id, SoundOrder::StopRecord(tag));
        }
    }

    /// The leg has gone: its port closes the file.
    pub(super) fn recording_lost(&mut self, verb: VerbId, now: Instant) {
        match self.works.get(&verb) {
            Some(Work::Record(_, Recording { tag: Some(_), .. })) => self.stop_recording(verb, now),
            _ => {
                let outcome = Outcome::Recorded { status: Status::Gone, file: None, length: Duration::ZERO };
                self.finish(verb, outcome, now);
            }
        }
    }

    pub(super) fn recording_due(&mut self, verb: VerbId, now: Instant) {
        let outcome = Outcome::Recorded { status: Status::Failed, file: None, length: Duration::ZERO };
        self.finish(verb, outcome, now);
    }

    /// A recording was closed: one of a verb, or one in the background.
    pub(super) fn recorded(&mut self, id: LegId, tag: SoundTag, how: Result<(String, Duration), String>, now: Instant) {
        let outcome = self.works.iter().find_map(|(verb, work)| match work {
            Work::Record(leg, recording) if *leg == id && recording.tag == Some(tag) => {
                Some((*verb, recording.judge(how.clone())))
            }
            _ => None,
        });
        if let Some((verb, outcome)) = outcome {
            if let (Ok((file, _)), Outcome::Recorded { file: None, .. }) = (how, &outcome) {
                self.say(Effect::Discard(file));
            }
            return self.finish(verb, outcome, now);
        }
        let is_it = |back: &Back| matches!(back, Back::Record { leg, tag: name, .. } if (*leg, *name) == (id, tag));
        let back = self.backs.iter().find(|(_, back)| is_it(back)).map(|(handle, _)| *handle);
        if let Some(handle) = back {
            let outcome = match how {
                Ok((file, length)) => Outcome::Recorded { status: Status::Kept, file: Some(file), length },
                Err(_) => Outcome::Recorded { status: Status::Failed, file: None, length: Duration::ZERO },
            };
            self.back_recorded(handle, outcome, now);
        }
    }

    fn back_recorded(&mut self, handle: Handle, outcome: Outcome, now: Instant) {
        if self.backs.remove(&handle).is_none() {
            return;
        }
        self.tell(Wake::Heard(Happening::Recorded(handle, outcome.clone())));
        let stopped = self.works.iter().filter(|(_, work)| matches!(work, Work::Stop(of) if *of == handle));
        for verb in stopped.map(|(verb, _)| *verb).collect::<Vec<_>>() {
            self.finish(verb, outcome.clone(), now);
        }
    }

    /// Files that are not closed in time are not waited for.
    pub(super) fn wake_backs(&mut self, now: Instant) {
        let late = self.backs.iter().filter(|(_, back)| super::is_due(back.deadline(), now)).map(|(handle, _)| *handle);
        for handle in late.collect::<Vec<_>>() {
            if let Some(Back::Timer(_)) = self.backs.get(&handle) {
                self.backs.remove(&handle);
                self.tell(Wake::Heard(Happening::Ended(handle)));
                continue;
            }
            let outcome = Outcome::Recorded { status: Status::Failed, file: None, length: Duration::ZERO };
            self.back_recorded(handle, outcome, now);
        }
    }

    /// The files of a leg that has gone are being closed.
    pub(super) fn close_backs(&mut self, id: LegId, now: Instant) {
        for back in self.backs.values_mut() {
            if let Back::Record { leg, until, .. } = back
                && *leg == id
            {
                until.get_or_insert(now + limits::CLOSING);
            }
        }
    }

    /// Nobody has spoken for so long.
    pub(super) fn quiet(&mut self, id: LegId, tag: SoundTag, now: Instant) {
        let verb = self.works.iter_mut().find_map(|(verb, work)| match work {
            Work::Record(leg, recording) if *leg == id && recording.tag == Some(tag) => {
                recording.quiet = true;
                Some(*verb)
            }
            _ => None,
        });
        if let Some(verb) = verb {
            self.stop_recording(verb, now);
        }
    }

    pub(super) fn start_record(&mut self, id: LegId, rules: &Record) -> Handle {
        let handle = self.new_handle();
        if let Some(tag) = self.here_mut(id).map(super::leg::Leg::new_tag) {
            self.backs.insert(handle, Back::Record { leg: id, tag, both: rules.both, until: None });
            self.sound(id, order(tag, rules));
        }
        handle
    }

    /// Records what the party of a leg hears and says, a channel each, until it goes.
    pub(super) fn record_talk(&mut self, id: LegId) {
        let rules = Record {
            max: limits::TALK_RECORDED,
            silence: None,
            end: Vec::new(),
            beep: false,
            min: Duration::ZERO,
            format: None,
            both: true,
        };
        if self.backs.len() < self.caller.bounds.background {
            self.start_record(id, &rules);
        }
    }

    pub(super) fn new_handle(&mut self) -> Handle {
        self.next_handle += 1;
        Handle(self.next_handle)
    }
}
