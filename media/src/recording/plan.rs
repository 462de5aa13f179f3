//! What is to be recorded, how it may end, and what came of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::frame::Rate;

/// The longest recording of all; 4 GiB of a wav in stereo at 48 kHz take longer.
pub const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// wav of 16 bits a sample: 16 kB a second for each channel at 8 kHz.
    Pcm16,
    /// wav of µ-law, half of that.
    Pcmu,
    /// wav of A-law, half of that.
    Pcma,
    /// Ogg Opus, some 2 to 4 kB a second.
    OggOpus,
}

/// Who is on which channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Only what the port heard: a message on a machine.
    Heard,
    /// What it heard and what it said, in one channel.
    Mixed,
    /// What it heard on the left, what it said on the right.
    Both,
}

impl Layout {
    /// How many channels the file has.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Heard | Self::Mixed => 1,
            Self::Both => 2,
        }
    }
}

/// What the file holds of the time in which a recording is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pause {
    /// Silence of that length: its times stay those of the call.
    #[default]
    Silence,
    /// Nothing: it is as long as what was recorded.
    Cut,
}

/// A recording that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where. The folder is made where it is not there, but none above it; the file is not there.
    pub path: PathBuf,
    /// The kind of file.
    pub format: Format,
    /// Who is on which channel.
    pub layout: Layout,
    /// The rate of the frames that the tap will be handed.
    pub rate: Rate,
    /// How long it may become; [`LONGEST`] is never passed.
    pub longest: Duration,
    /// Ends when nobody has spoken on the heard side for so long.
    pub silence: Option<Duration>,
    /// What becomes of pauses.
    pub pause: Pause,
}

impl Plan {
    /// Both parties on their own channel, as long as the call.
    #[must_use]
    pub fn new(path: PathBuf, format: Format, rate: Rate) -> Self {
        Self { path, format, layout: Layout::Both, rate, longest: LONGEST, silence: None, pause: Pause::default() }
    }
}

/// Why a recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The call or the port ended.
    Hangup,
    /// Somebody asked for it.
    Asked,
    /// A key was pressed that ends it.
    Key,
    /// Nobody spoke for as long as the plan says.
    Silence,
    /// It became as long as it may.
    Longest,
    /// The disk is full. What was written is kept.
    DiskFull,
    /// The file cannot be written, for this reason. What was written is kept.
    Unwritable(String),
}

/// What came of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Where it lies.
    pub path: PathBuf,
    /// Why it ended.
    pub why: Why,
    /// How long it plays.
    pub duration: Duration,
    /// The size of the file.
    pub bytes: u64,
    /// Frames that came too fast for the disk; each is 20 ms of silence in the file.
    pub dropped: u64,
}
