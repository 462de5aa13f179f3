//! Recordings of legs: begun, paused and ended as their call wants, and what came of them.
//!
//! A file is named by its call, leg and tag, and by the service that made it, in a folder for each day, so that no two have the same,
//! the journal of the call leads to it, and its service finds it again. A port that closes ends what it records, and the file is kept; its end then finds the call, not the leg.
//! Whatever a disk does ends the recording and nothing else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use patchcord_media::recording::{Control, Format, Layout, Outcome, Plan, Why};
use patchcord_media::shard::{Order, PortId, Record};

use super::talk::Talk;
use super::{Exchange, Turn};
use crate::call::effect::{SoundOrder, SoundTag};
use crate::call::{LegEvent, LegId};
use crate::door::date::civil;
use crate::journal::CallId;
use crate::runtime::{RecordTicket, Wire};

const SECONDS_PER_DAY: u64 = 86_400;

/// How the house records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingRules {
    /// What parties hear when a recording of them begins; none where the house announces none.
    pub announce: Option<Arc<str>>,
    /// The kind of file where nobody says another: `wav` or `opus`; none: what is usual for each kind of recording.
    pub format: Option<Written>,
}

/// A kind of file that recordings are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Sixteen bits a sample.
    Wav,
    /// Ogg Opus: a tenth of that.
    Opus,
}

impl Written {
    /// Each by its word.
    pub const WORDS: [&'static str; 2] = ["wav", "opus"];

    /// By its word, which is the ending of its files.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Wav, Self::Opus].into_iter().find(|written| written.word() == word)
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Opus => "opus",
        }
    }

    pub(super) const fn format(self) -> Format {
        match self {
            Self::Wav => Format::Pcm16,
            Self::Opus => Format::OggOpus,
        }
    }
}

/// A recording of a leg that has not been told to end.
pub(super) struct Running(SoundTag, Control);

impl Exchange {
    /// A file was closed. Where its call has gone there is nobody to be told, and the file stays.
    pub(super) fn recorded(&mut self, ticket: RecordTicket, outcome: Outcome, wire: &mut Wire<'_>) {
        let Some(((number, leg), tag)) = self.recordings.remove(&ticket) else { return };
        self.with(number, wire, |talk, turn| talk.recorded(leg, tag, &outcome, turn));
    }
}

impl Talk {
    /// Begins a recording, or tells why there is none.
    pub fn record(&mut self, leg: LegId, port: PortId, order: SoundOrder, turn: &mut Turn<'_, '_>) {
        let SoundOrder::Record { tag, .. } = order else { return };
        if let Err(why) = self.try_record(leg, port, order, turn) {
            self.tell_leg(leg, LegEvent::Recorded(tag, Err(why)), turn);
        }
    }

    fn try_record(
        &mut self,
        leg: LegId,
        port: PortId,
        order: SoundOrder,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), String> {
        let SoundOrder::Record { tag, format, both, silence, max } = order else { return Ok(()) };
        let written = match format {
            Some(format) => Written::of(&format)
                .ok_or_else(|| format!("a recording is {}, and not {format:?}", Written::WORDS.join(" or ")))?,
            None => turn.exchange.board.recording().format.unwrap_or(Written::Wav),
        };
        let call = self.chronicle.journal.as_ref().map(crate::journal::Journal::call);
        let word = written.word();
        let ending = self.program.service().map_or_else(|| word.to_owned(), |service| format!("{service}.{word}"));
        let path = name(call.ok_or("the call is over")?, leg, tag, &ending, turn.wire.wall());
        let rate = self.rate(leg);
        let layout = if both { Layout::Both } else { Layout::Heard };
        let plan = Plan { layout, longest: max, silence, ..Plan::new(path.clone(), written.format(), rate) };
        let (ticket, tap, control) = turn.wire.record(plan).map_err(|unrecorded| unrecorded.to_string())?;
        turn.exchange.recordings.insert(ticket, ((self.number, leg), tag));
        self.end(leg).ok_or("the leg has gone")?.recordings.push(Running(tag, control));
        self.note_recording(leg, &path.to_string_lossy(), turn);
        // Where the order is not taken the tap goes with it, and that ends the recording like any other.
        self.order(port, Order::Record(Record { tap: Box::new(tap), rate }), turn);
        Ok(())
    }

    /// Leaves silence in a recording, or goes on. One that has ended does neither.
    pub fn pause_recording(&mut self, leg: LegId, tag: SoundTag, pause: bool) {
        let running = self.end(leg).and_then(|end| end.recordings.iter().find(|running| running.0 == tag));
        match (running, pause) {
            (Some(Running(_, control)), true) => control.pause(),
            (Some(Running(_, control)), false) => control.resume(),
            (None, _) => {}
        }
    }

    /// Ends a recording; what came of it is told when its file is closed.
    pub fn stop_recording(&mut self, leg: LegId, tag: SoundTag) {
        let Some(end) = self.end(leg) else { return };
        for Running(_, control) in end.recordings.extract_if(.., |running| running.0 == tag) {
            control.end();
        }
    }

    /// Nobody wants a recording.
    pub fn discard_recording(&mut self, file: &str, turn: &mut Turn<'_, '_>) {
        turn.wire.discard_recording(file.as_ref());
        self.note_discarded(file, turn);
    }

    fn recorded(&mut self, leg: LegId, tag: SoundTag, outcome: &Outcome, turn: &Turn<'_, '_>) {
        if let Some(end) = self.end(leg) {
            end.recordings.retain(|running| running.0 != tag);
        }
        if outcome.dropped > 0 {
            tracing::warn!(frames = outcome.dropped, "a recording has gaps: its disk was too slow");
        }
        if outcome.why == Why::Silence {
            self.tell_leg(leg, LegEvent::Quiet(tag), turn);
        }
        let file = outcome.path.to_string_lossy().into_owned();
        let how = match fault(&outcome.why) {
            None => Ok((file, outcome.duration)),
            Some(fault) => {
                tracing::warn!(file, why = fault, "a recording was ended by its disk");
                Err(fault)
            }
        };
        self.tell_leg(leg, LegEvent::Recorded(tag, how), turn);
    }
}

/// Ends what is recorded of a leg that leaves its call.
pub(super) fn end_all(recordings: &mut Vec<Running>) {
    recordings.drain(..).for_each(|Running(_, control)| control.end());
}

/// Where the file lies, within the folder of recordings.
fn name(call: CallId, leg: LegId, tag: SoundTag, ending: &str, wall: SystemTime) -> PathBuf {
    format!("{}/{call}-{}-{}.{ending}", day(wall), leg.0, tag.0).into()
}

/// The folder of a day.
pub(super) fn day(wall: SystemTime) -> String {
    let days = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / SECONDS_PER_DAY);
    let (year, month, day) = civil(days);
    format!("{year:04}-{:02}-{day:02}", month + 1)
}

/// What a disk did to a recording, in words.
fn fault(why: &Why) -> Option<String> {
    match why {
        Why::DiskFull => Some("the disk is full; what was written until then is kept".into()),
        Why::Unwritable(reason) => Some(format!("the file cannot be written: {reason}")),
        Why::Hangup | Why::Asked | Why::Key | Why::Silence | Why::Longest => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_is_named_by_its_call_leg_and_tag_in_the_folder_of_its_day() {
        let call = CallId::new(UNIX_EPOCH, 1);
        let leap = UNIX_EPOCH + Duration::from_secs(1_709_251_199);
        let path = name(call, LegId(2), SoundTag(7), "opus", leap);
        assert_eq!(path, PathBuf::from(format!("2024-02-29/{call}-2-7.opus")));
    }

    #[test]
    fn only_the_disk_makes_a_recording_fail() {
        let kept = [Why::Hangup, Why::Asked, Why::Key, Why::Silence, Why::Longest];
        assert!(kept.iter().all(|why| fault(why).is_none()));
        assert!(fault(&Why::DiskFull).is_some_and(|why| why.starts_with("the disk is full")));
        let fault = fault(&Why::Unwritable("permission denied".into()));
        assert_eq!(fault.as_deref(), Some("the file cannot be written: permission denied"));
    }
}
