//! What a look at the folder came to: told to the log, to whoever looks, to the pages and to the store.

use std::{fs, time::SystemTime};

use patchcord_engine::runtime::clock;
use patchcord_scripts::{Edition, shipped};
use patchcord_web::{house::TroubleKind, versions::Reason};
use tracing::{info, warn};

use super::{Looked, Seen, Served, ServiceRoom, all_the_same, version};

impl ServiceRoom {
    /// The file of a service is gone.
    pub(super) fn withdraw(&self, name: &str, was_listed: bool, looked: &mut Looked) {
        self.trials.forget(name);
        self.standings.forget(name);
        // A folder that cannot be read has not lost its files.
        if was_listed {
            self.versions.gone(name, clock::wall());
        }
        if self.shelf.withdraw(name) {
            info!(service = name, "a service is served no more");
            looked.withdrawn.push(name.to_owned());
        }
    }

    pub(super) fn note_served(
        &self,
        name: &str,
        seen: &mut Seen,
        (served, reason): (Served, Reason),
        is_first: bool,
        looked: &mut Looked,
    ) {
        let Served { edition, fault, faults, came } = served;
        let words = edition.in_words();
        info!(service = name, version = words, "a service is served");
        match self.versions.is_last(name, edition.version) {
            true => self.standings.right(name),
            false => self.standings.changed(name),
        }
        if let Some(fault) = &fault {
            // Nothing was served before: a service that is right in most places is better than none.
            warn!(service = name, fault, "a service is served in which `patchcord check` finds a fault");
            self.standings.wrong(name, TroubleKind::Served, fault, self.saved(name));
            looked.broken.push(all_the_same(fault));
        }
        self.versions.note(version(&edition, reason));
        // What nothing was there before is tried at the next look, and what comes with the house was before it left ours.
        if !is_first && shipped::service(name) != Some(&*edition.text) {
            self.found(&edition, faults, came);
        }
        looked.published.push(format!("{name} {words}"));
        (seen.flaw, seen.faults, seen.kept) = (fault, faults, false);
        (seen.why, seen.untried) = (None, is_first);
        self.trials.forget(name);
    }

    pub(super) fn note_refused(
        &self,
        name: &str,
        seen: &mut Seen,
        (why, reason): (String, Reason),
        before: Option<&Edition>,
        looked: &mut Looked,
    ) {
        let left = match before {
            Some(edition) if seen.kept => format!("version {} from before the restart is served", edition.version),
            Some(edition) => format!("version {} is served as before", edition.version),
            None => format!("nothing is served as {name}"),
        };
        if seen.why.as_ref() != Some(&why) {
            warn!(service = name, why, left, "a service is broken");
        }
        let kind = if seen.kept { TroubleKind::Restored } else { TroubleKind::Refused };
        // What lies there at a start was not saved now.
        let since = if reason == Reason::Found { self.saved(name) } else { clock::wall() };
        self.standings.wrong(name, kind, &why, since);
        looked.broken.push(format!("{why}; {left}"));
        (seen.why, seen.untried) = (Some(why), false);
    }

    /// When the file of a service was changed last, as far as the system tells.
    pub(super) fn saved(&self, name: &str) -> SystemTime {
        let changed = fs::metadata(self.folder.join(self.file_of(name))).and_then(|found| found.modified());
        changed.unwrap_or_else(|_| clock::wall()).min(clock::wall())
    }
}
