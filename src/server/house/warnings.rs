//! What is not as it should be and hinders nobody else from being served: told by `patchcord status` and on Home.

use std::sync::atomic::Ordering::Relaxed;

use super::Running;

impl Running {
    /// All of it, in words.
    pub(super) fn warnings(&self) -> Vec<String> {
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
        warnings
    }
}
