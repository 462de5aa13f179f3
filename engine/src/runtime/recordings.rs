//! Recordings of a shard's calls: begun for its desk, and told to it when their files are closed.
//!
//! The writer's threads know no tokio and no calls. What came of a recording goes through a queue in which it has its place
//! from the start, so that no end is ever lost. The desk names files within the folder of recordings and hears of them by
//! these names; only this room knows where the folder lies.
//!
//! ```text
//! Wire::record ─▶ Writer ══ file ══▶ queue ─▶ hear_recordings ─▶ Desk::hear_recording
//! ```

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use patchcord_media::recording::{Control, Outcome, Plan, Tap, Unrecorded, Writer};
use tokio::sync::mpsc;

use super::shard::Shard;

/// Recordings of one shard that are being written: one for each call of a very full server, and as many again.
const MOST: usize = 16_384;

/// Ends told at once.
const BATCH: usize = 64;

/// Who writes recordings, and where they lie.
#[derive(Clone)]
pub struct Recordings {
    /// The threads that write.
    pub writer: Arc<Writer>,
    /// The folder. It is there.
    pub folder: PathBuf,
}

/// A recording that was begun. Never used again on its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordTicket(u64);

/// Why no recording was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// There is nowhere to keep it.
    #[error("the server keeps no recordings")]
    NoFolder,
    /// Too many of this shard are being written.
    #[error("{MOST} recordings of this shard are being written already")]
    Full,
    /// The writer takes none.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
}

/// A recording on its way to the desk.
type Ended = (RecordTicket, Outcome);

/// The way from a shard to the writer.
pub(super) struct RecordingsAtShard {
    recordings: Recordings,
    ended: mpsc::Sender<Ended>,
    begun: u64,
}

/// What the task of a shard waits for.
pub(super) struct Ends(mpsc::Receiver<Ended>);

impl Recordings {
    /// What one shard works with, and what its task waits for.
    pub(super) fn open(self) -> (RecordingsAtShard, Ends) {
        let (ended, ends) = mpsc::channel(MOST);
        (RecordingsAtShard { recordings: self, ended, begun: 0 }, Ends(ends))
    }
}

impl RecordingsAtShard {
    /// Begins a recording whose path is within the folder.
    pub fn record(&mut self, plan: Plan) -> Result<(RecordTicket, Tap, Control), NotRecorded> {
        let Recordings { writer, folder } = &self.recordings;
        let place = self.ended.clone().try_reserve_owned().map_err(|_| NotRecorded::Full)?;
        self.begun += 1;
        let (ticket, name) = (RecordTicket(self.begun), plan.path.clone());
        let told = move |outcome: Outcome| drop(place.send((ticket, Outcome { path: name, ..outcome })));
        let plan = Plan { path: folder.join(&plan.path), ..plan };
        let (tap, control) = writer.record(plan, Box::new(told))?;
        Ok((ticket, tap, control))
    }

    /// Throws a recording away.
    pub fn discard(&self, name: &Path) {
        if let Err(error) = self.recordings.writer.discard(self.recordings.folder.join(name)) {
            tracing::warn!(name = %name.display(), %error, "a recording that nobody wants stays");
        }
    }
}

/// Makes a shard hear what came of its recordings.
pub(super) fn listen(shard: &Rc<Shard>, ends: Ends) {
    tokio::task::spawn_local(hear_recordings(shard.clone(), ends.0));
}

async fn hear_recordings(shard: Rc<Shard>, mut ends: mpsc::Receiver<Ended>) {
    let mut batch = Vec::new();
    while ends.recv_many(&mut batch, BATCH).await > 0 {
        for (ticket, outcome) in batch.drain(..) {
            shard.tell_desk(|desk, wire| desk.hear_recording(ticket, outcome, wire));
        }
    }
}
