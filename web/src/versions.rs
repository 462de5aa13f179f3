//! Texts that services had: on their way into the store, behind whoever serves them.
//!
//! A version is noted when its text begins to be served, and not again as long as it goes on, also over a restart. What cannot be written
//! waits here. Whoever wants to know which versions there were asks the store.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

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
    /// Why it is served.
    pub reason: Reason,
    /// Since when.
    pub since: SystemTime,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Versions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number that each service had last.
    last: HashMap<String, u32>,
    waiting: VecDeque<Version>,
}

impl Versions {
    /// Those of a server whose services had these numbers last.
    pub fn since(last: impl IntoIterator<Item = (String, u32)>) -> Self {
        Self(Mutex::new(State { last: last.into_iter().collect(), waiting: VecDeque::new() }))
    }

    /// A text is served from now on. One that was served last already goes on.
    pub fn note(&self, version: Version) {
        let mut state = self.hold();
        if state.last.insert(version.service.clone(), version.number) == Some(version.number) {
            return;
        }
        if state.waiting.len() >= MOST_WAITING
            && let Some(eldest) = state.waiting.pop_front()
        {
            warn!(
                service = eldest.service,
                version = eldest.name,
                "a version is not written: too many wait for the store"
            );
        }
        state.waiting.push_back(version);
    }

    /// How many are not written yet.
    pub fn waiting(&self) -> usize {
        self.hold().waiting.len()
    }

    fn first(&self) -> Vec<Version> {
        self.hold().waiting.iter().take(BATCH).cloned().collect()
    }

    /// These are written, or will never be.
    fn done(&self, written: &[Version]) {
        self.hold().waiting.retain(|version| !written.contains(version));
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let numbers: Vec<u32> = versions.first().iter().map(|version| version.number).collect();
        assert_eq!(numbers, [1, 1, 2]);
    }

    #[test]
    fn the_eldest_is_left_out_where_too_many_wait() {
        let versions = Versions::default();
        (1..=MOST_WAITING as u32 + 1).for_each(|number| versions.note(version("ivr", number)));
        assert_eq!((versions.waiting(), versions.first()[0].number), (MOST_WAITING, 2));
    }
}
