//! Sound written to files, off the media thread.
//!
//! A media thread holds a [`Tap`] and hands it what a port heard and said, 20 ms at a time; the tap copies it into a bounded
//! ring and never waits. The [`Writer`]'s threads empty the rings and write. A disk that is too slow costs frames, which are
//! counted and become silence of their length; a disk that is full ends the recording and keeps what was written. Neither is
//! felt by the call.
//!
//! port ──frame──▶ [`Tap`] ═ring═▶ writer thread ──▶ file, its head made true each second
//!                    ▲                   └──▶ peaks beside it at the end, and [`Outcome`] to whoever asked
//! call ──[`Control`]─┘ pause, resume, end
//!
//! The file has its final name from the start, and an existing one is never written over; the peaks appear when it is
//! finished. While a recording is paused the file goes on in silence, so that its times stay those of the call's journal, or
//! stands still, as the [`Plan`] says: in neither case does anything of what was said reach the writer.
//!
//! | file | what it knows |
//! |---|---|
//! | `plan` | what is to be recorded, how it may end, what came of it |
//! | `tap` | the media thread's end, and the call's |
//! | `wav`, `ogg` | the two kinds of files, as bytes |
//! | `copied` | packets of Opus on their way into a file, in their order and at their time |
//! | `peaks` | how loud it was, for pictures |
//! | `head`, `drawn` | a file that is read again: what is true of it, and its peaks where their writer died |
//! | `take` | one recording on its way from the ring to the disk |
//! | `writer` | the threads |
//! | `scribe` | the ledger of a room, on a thread of its own |

mod copied;
mod drawn;
mod head;
mod ogg;
mod peaks;
mod plan;
mod scribe;
mod take;
mod tap;
mod wav;
mod writer;

pub(crate) use copied::Copied;
pub use drawn::draw_beside;
pub use head::{FRONT, Form, Head, NoHead};
pub use peaks::{PER_SECOND, Peaks};
pub use plan::{Format, Layout, Outcome, Pause, Plan, Why};
pub use scribe::{LedgerTold, Ledgered, Scribe};
pub use tap::{Control, Progress, Tap};
pub use wav::wav_of;
pub use writer::{Told, Unrecorded, Writer};
