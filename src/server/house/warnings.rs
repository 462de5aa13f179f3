//! What is not as it should be and hinders nobody else from being served: told by `patchcord status` and on Home.

use std::{path::Path, sync::atomic::Ordering::Relaxed};

use patchcord_engine::{journal::Clerk, spool::ASIDE};

use super::Running;
use crate::server::start::SPOOL_FOLDER;

/// What hinders the house from keeping what happened.
pub(super) fn unwritten(clerk: &Clerk) -> Option<String> {
    let (spooled, held) = (clerk.tally.spool_bytes.load(Relaxed), clerk.tally.held_bytes.load(Relaxed));
    if held > 0 && clerk.tally.unspooled.load(Relaxed) {
        return Some(format!(
            "{held} bytes of calls lie in memory alone: neither the database nor the disk takes them, which may be full; the log says why"
        ));
    }
    (spooled > 0).then(|| format!("{spooled} bytes of calls wait in the spool for the store; the log says why"))
}

impl Running {
    /// All of it, in words. Whoever asks holds the configuration, which says where the data lies.
    pub(super) fn warnings(&self, data: &Path) -> Vec<String> {
        let mut warnings = self.parts.services.missing(self.board().plan().routes());
        let clerk = &self.board().clerk;
        let spooled = clerk.tally.spool_bytes.load(Relaxed);
        if spooled > 0 {
            let held = clerk.waiting_bytes() as u64 + clerk.tally.held_bytes.load(Relaxed);
            let (spooled, held) = (spooled.div_ceil(1 << 10), held.div_ceil(1 << 10));
            warnings.push(format!(
                "the database is away or slow: records of calls wait in the spool ({spooled} kB) and in memory ({held} kB); each \
                 is written once it answers"
            ));
        }
        let (damaged, aside) = (clerk.tally.spool_damaged.load(Relaxed), clerk.tally.spool_aside.load(Relaxed));
        if aside > 0 {
            let lost = match damaged {
                0 => "what lies there may be records of calls that were lost",
                1 => "what stood in one place is lost",
                _ => "what stood in some places is lost",
            };
            let files = if aside == 1 { "one file".to_owned() } else { format!("{aside} files") };
            let folder = data.join(SPOOL_FOLDER).join(ASIDE);
            warnings.push(format!(
                "the spool held {files} that nobody can read whole, and {lost}: look into {} and take them away",
                folder.display()
            ));
        }
        warnings
    }
}
