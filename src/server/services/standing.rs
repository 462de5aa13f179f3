//! How each service stands: what was found of what it serves, and what is wrong with its file.
//!
//! Behind a lock of its own, which is never held while a test runs: whoever asks for a page waits for nobody.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use patchcord_web::{
    house::{Spot, Trouble, TroubleKind},
    versions::Findings,
};

/// See the module.
#[derive(Debug, Default)]
pub struct Standings(Mutex<BTreeMap<String, Standing>>);

#[derive(Debug, Default)]
struct Standing {
    findings: Option<Findings>,
    /// What is wrong, why, and since when.
    wrong: Option<(TroubleKind, String, SystemTime)>,
}

impl Standings {
    /// That was found of what is served under a name.
    pub fn found(&self, name: &str, findings: Findings) {
        self.hold().entry(name.to_owned()).or_default().findings = Some(findings);
    }

    /// What was found last.
    pub fn findings(&self, name: &str) -> Option<Findings> {
        self.hold().get(name)?.findings
    }

    /// Something is wrong: from `since` on where it was not known before.
    pub fn wrong(&self, name: &str, kind: TroubleKind, why: &str, since: SystemTime) {
        let mut all = self.hold();
        let standing = all.entry(name.to_owned()).or_default();
        let before = standing.wrong.take().filter(|(of, known, _)| *of == kind && known == why);
        standing.wrong = Some(before.unwrap_or_else(|| (kind, why.to_owned(), since)));
    }

    /// Nothing is wrong any more.
    pub fn right(&self, name: &str) {
        if let Some(standing) = self.hold().get_mut(name) {
            standing.wrong = None;
        }
    }

    /// Another text is served: what was found of the one before says nothing of it.
    pub fn changed(&self, name: &str) {
        if let Some(standing) = self.hold().get_mut(name) {
            *standing = Standing::default();
        }
    }

    /// There is no service of that name any more.
    pub fn forget(&self, name: &str) {
        self.hold().remove(name);
    }

    /// All that is wrong; `served` tells the version that callers get.
    pub fn troubles(&self, served: impl Fn(&str) -> Option<String>) -> Vec<Trouble> {
        let all = self.hold();
        let told = |(name, standing): (&String, &Standing)| {
            let (kind, why, since) = standing.wrong.as_ref()?;
            Some(trouble(name, *kind, why, *since, served(name)))
        };
        all.iter().filter_map(told).collect()
    }

    fn hold(&self) -> MutexGuard<'_, BTreeMap<String, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the doors tell it.
pub fn trouble(name: &str, kind: TroubleKind, why: &str, since: SystemTime, served: Option<String>) -> Trouble {
    Trouble { service: name.into(), kind, served, why: why.into(), place: Spot::of(why), since_ms: millis(since) }
}

/// Milliseconds since 1970.
pub fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX))
}
