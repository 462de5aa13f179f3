//! Texts that services had: on their way into the store, behind whoever serves them.
//!
//! A version is noted when its text begins to be served, and not again as long as it goes on, also over a restart; so is what was found of
//! it, and that a service is served no more. What cannot be written waits here. Whoever wants to know which versions there were asks the store.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::store::Store;
use patchcord_engine::routing::ShelfError;

/// How often somebody looks whether one waits.
const EACH: Duration = Duration::from_secs(1);

/// Versions that wait, at most: at the first start every service has one. Beyond it the eldest is left out, and told.
pub const MOST_WAITING: usize = 8_192;

/// Versions in one turn of the database: texts are long.
const BATCH: usize = 50;

/// Why a text was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is inside the binary.
    Shipped,
    /// It lay in the folder when the server started.
    Found,
    /// It was saved while the server ran.
    Saved,
}

impl Reason {
    /// As the store and the API name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Found => "found",
            Self::Saved => "saved",
        }
    }

    /// What that word means; one of a later version was some saving.
    pub fn of_word(word: &str) -> Self {
        [Self::Shipped, Self::Found].into_iter().find(|reason| reason.word() == word).unwrap_or(Self::Saved)
    }
}

/// A text that is served from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The service.
    pub service: String,
    /// Its number: the same text has the same one.
    pub number: u32,
    /// As records name it.
    pub name: String,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// The text.
    pub text: Arc<str>,
    /// The modules that it imports, and those that they import.
    pub modules: Vec<Imported>,
    /// Why it is served.
    pub reason: Reason,
    /// Since when.
    pub since: SystemTime,
}

/// A file that a text imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// As it is imported: `shared/hours`.
    pub name: String,
    /// The file, as errors name it.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// What was found of a version: by reading it, and by its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Faults that `patchcord check` tells.
    pub faults: u32,
    /// Tests that hold.
    pub held: u32,
    /// Tests that fail, and files of tests that cannot be read.
    pub failed: u32,
    /// Since when that is so, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What is kept of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// This is served from then on.
    Served(Version),
    /// This was found of what it serves.
    Found {
        /// The service.
        service: String,
        /// The number of the version.
        number: u32,
        /// What.
        findings: Findings,
    },
    /// Its manifest says this from then on.
    Manifest {
        /// The service.
        service: String,
        /// What; nothing: there is none any more.
        text: Option<String>,
        /// Since when.
        since: SystemTime,
    },
    /// Nothing is served under that name any more: its file was deleted.
    Gone {
        /// The service.
        service: String,
        /// Since when.
        at: SystemTime,
    },
}

impl Note {
    /// The service that it is about.
    fn service(&self) -> &str {
        match self {
            Self::Served(Version { service, .. })
            | Self::Found { service, .. }
            | Self::Manifest { service, .. }
            | Self::Gone { service, .. } => service,
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Versions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number that each service had last.
    last: HashMap<String, u32>,
    waiting: VecDeque<Note>,
}

impl Versions {
    /// Those of a server whose services had these numbers last.
    pub fn since(last: impl IntoIterator<Item = (String, u32)>) -> Self {
        Self(Mutex::new(State { last: last.into_iter().collect(), waiting: VecDeque::new() }))
    }

    /// A text is served from now on. One that was served last already goes on.
    pub fn note(&self, version: Version) {
        let mut state = self.hold();
        if state.last.insert(version.service.clone(), version.number) != Some(version.number) {
            state.push(Note::Served(version));
        }
    }

    /// Whether that was served last.
    pub fn is_last(&self, service: &str, number: u32) -> bool {
        self.hold().last.get(service) == Some(&number)
    }

    /// That was found of a version.
    pub fn found(&self, service: &str, number: u32, findings: Findings) {
        let same = |note: &Note| matches!(note, Note::Found { service: of, number: which, .. } if of == service && *which == number);
        let mut state = self.hold();
        // What waits of it is overtaken.
        state.waiting.retain(|note| !same(note));
        state.push(Note::Found { service: service.into(), number, findings });
    }

    /// Its manifest says that from then on; nothing: there is none any more.
    pub fn manifest(&self, service: &str, text: Option<&str>, since: SystemTime) {
        let mut state = self.hold();
        // What waits of it is overtaken.
        state.waiting.retain(|note| !matches!(note, Note::Manifest { service: of, .. } if of == service));
        state.push(Note::Manifest { service: service.into(), text: text.map(str::to_owned), since });
    }

    /// Nothing is served under that name any more.
    pub fn gone(&self, service: &str, at: SystemTime) {
        let mut state = self.hold();
        if state.last.remove(service).is_some() {
            state.push(Note::Gone { service: service.into(), at });
        }
    }

    /// How many are not written yet.
    pub fn waiting(&self) -> usize {
        self.hold().waiting.len()
    }

    fn first(&self) -> Vec<Note> {
        self.hold().waiting.iter().take(BATCH).cloned().collect()
    }

    /// These are written, or will never be.
    fn done(&self, written: &[Note]) {
        self.hold().waiting.retain(|note| !written.contains(note));
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, note: Note) {
        if self.waiting.len() >= MOST_WAITING
            && let Some(eldest) = self.waiting.pop_front()
        {
            warn!(service = eldest.service(), "a version is not written: too many wait for the store");
        }
        self.waiting.push_back(note);
    }
}

/// Writes them, until `stopped` says that it is over; then what is left once more.
pub async fn keep(store: Store, versions: Arc<Versions>, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        let failed = !write(&store, &versions).await;
        match (failed, away) {
            (true, false) => warn!("versions of services cannot be written; they wait"),
            (false, true) => info!("versions of services are written again"),
            _ => {}
        }
        away = failed;
        if last {
            return;
        }
    }
}

/// Writes all that wait; says whether nothing is left.
pub async fn write(store: &Store, versions: &Versions) -> bool {
    loop {
        let batch = versions.first();
        if batch.is_empty() {
            return true;
        }
        match store.keep_versions(&batch).await {
            Ok(()) => versions.done(&batch),
            // What the database does not want to have it will not want later.
            Err(error @ ShelfError::Refused(_)) => {
                warn!(%error, versions = batch.len(), "versions of services are not kept");
                versions.done(&batch);
            }
            Err(ShelfError::Away(_)) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn version(service: &str, number: u32) -> Version {
        Version {
            service: service.into(),
            number,
            name: format!("{number} 01020304"),
            digest: [number as u8; 32],
            text: "fn on_invite(caller) {}".into(),
            modules: Vec::new(),
            reason: Reason::Saved,
            since: UNIX_EPOCH,
        }
    }

    #[test]
    fn a_text_that_goes_on_is_noted_once_also_over_a_restart_and_one_that_comes_back_again() {
        let versions = Versions::since([("ivr".to_owned(), 2)]);
        versions.note(version("ivr", 2));
        versions.note(version("team", 1));
        versions.note(version("team", 1));
        assert_eq!(versions.waiting(), 1);
        versions.note(version("ivr", 1));
        versions.note(version("ivr", 2));
        assert_eq!(served(&versions), [1, 1, 2]);
    }

    /// The numbers that wait.
    fn served(versions: &Versions) -> Vec<u32> {
        let number = |note: &Note| match note {
            Note::Served(version) => version.number,
            _ => 0,
        };
        versions.first().iter().map(number).collect()
    }

    #[test]
    fn what_comes_back_under_its_number_after_it_was_gone_is_noted_again() {
        let versions = Versions::since([("ivr".to_owned(), 2)]);
        versions.gone("ivr", UNIX_EPOCH);
        versions.gone("ivr", UNIX_EPOCH);
        versions.note(version("ivr", 2));
        assert_eq!(served(&versions), [0, 2]);
    }

    #[test]
    fn what_was_found_last_of_a_version_is_what_waits() {
        let versions = Versions::default();
        for failed in 0..3 {
            versions.found("ivr", 1, Findings { faults: 0, held: 2, failed, at_ms: 5 });
        }
        let told = versions.first();
        assert!(matches!(told[..], [Note::Found { findings: Findings { failed: 2, .. }, .. }]), "{told:?}");
    }

    #[test]
    fn the_eldest_is_left_out_where_too_many_wait() {
        let versions = Versions::default();
        (1..=MOST_WAITING as u32 + 1).for_each(|number| versions.note(version("ivr", number)));
        assert_eq!((versions.waiting(), served(&versions)[0]), (MOST_WAITING, 2));
    }
}
