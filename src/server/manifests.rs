//! The manifests beside the services, read again whenever the folder is looked at.
//!
//! One that is broken leaves in place what it said before, also before a restart, and says where it is broken; a service without one reaches nothing
//! outside its calls. What is served from within the binary is ours, and may write letters where a mail server is configured.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use patchcord_engine::{
    exchange::{Leash, LeashRules},
    runtime::clock,
};
use patchcord_web::{outside::Rules, versions::Versions};
use tracing::{info, warn};

use crate::config::{
    Environment, manifest,
    manifest::{Manifest, Timer},
};

/// The ending of a manifest.
const ENDING: &str = ".toml";

/// The largest manifest that is read.
const LARGEST: u64 = 64 << 10;

/// Files that are looked at in the folder, as with the services themselves.
const MOST_FILES: usize = 4_096;

/// See the module. Clones are the same ones.
#[derive(Clone)]
pub struct Manifests {
    folder: PathBuf,
    environment: Arc<Environment>,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    /// On their way into the store.
    versions: Arc<Versions>,
    /// What the store has of those before the restart, until the first look.
    kept: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What was read last, and what of it counts.
struct Known {
    text: Result<String, String>,
    leash: Arc<Leash>,
    reach: Rules,
    timers: Vec<Timer>,
    /// Whether it was ever whole.
    was_read: bool,
    /// Why it is broken, and since when.
    broken: Option<(String, SystemTime)>,
}

impl Default for Known {
    /// Whose first manifest is broken may do nothing.
    fn default() -> Self {
        let nothing = LeashRules { dial: Some(Vec::new()), ..LeashRules::default() };
        Self {
            text: Err(String::new()),
            leash: Arc::new(Leash::new(nothing)),
            reach: Rules::default(),
            timers: Vec::new(),
            was_read: false,
            broken: None,
        }
    }
}

impl Known {
    /// That counts from now on.
    fn hold(&mut self, manifest: Manifest) {
        let Manifest { leash, reach, timers } = manifest;
        self.leash.change(leash);
        (self.reach, self.timers, self.was_read) = (reach, timers, true);
    }
}

impl Manifests {
    /// Those of that folder, which need not be there. Nothing is read yet. `kept` is what they said before a restart.
    pub fn of(
        folder: PathBuf,
        environment: Environment,
        versions: Arc<Versions>,
        kept: BTreeMap<String, String>,
    ) -> Self {
        let (environment, kept) = (Arc::new(environment), Arc::new(Mutex::new(kept)));
        Self { folder, environment, known: Arc::default(), versions, kept }
    }

    /// Reads the folder again; gives what is wrong, with file, line and column.
    pub fn look(&self) -> Vec<String> {
        let names = match self.names() {
            Ok(names) => names,
            // Whoever looks for services there tells it.
            Err(_) => return Vec::new(),
        };
        let mut known = self.known();
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        for gone in known.keys().chain(kept.keys()).filter(|name| !names.contains(name)) {
            self.versions.manifest(gone, None, clock::wall());
        }
        known.retain(|name, _| names.contains(name));
        for name in names {
            let text = self.text(&name);
            let known = known.entry(name.clone()).or_insert_with(|| self.before(&name, kept.get(&name)));
            if known.text == text {
                continue;
            }
            let read = text.clone().and_then(|text| self.read(&name, &text));
            match read {
                Ok(manifest) => {
                    info!(service = name, "a manifest is read");
                    known.hold(manifest);
                    known.broken = None;
                    if kept.get(&name) != text.as_ref().ok() {
                        self.versions.manifest(&name, text.as_deref().ok(), clock::wall());
                    }
                }
                Err(why) => {
                    match !known.was_read {
                        true => warn!(
                            service = name,
                            why, "a manifest is broken; until it is mended its service may call nobody"
                        ),
                        false => warn!(service = name, why, "a manifest is broken; what it said before holds"),
                    }
                    known.broken = Some((why, clock::wall()));
                }
            }
            known.text = text;
        }
        known.values().filter_map(|known| Some(known.broken.as_ref()?.0.clone())).collect()
    }

    fn read(&self, name: &str, text: &str) -> Result<Manifest, String> {
        let file = self.folder.join(format!("{name}{ENDING}"));
        manifest::read(&file, text, &self.environment).map_err(|problems| problems.to_string())
    }

    /// What holds before its file is read: what it said before the restart.
    fn before(&self, name: &str, kept: Option<&String>) -> Known {
        let mut before = Known::default();
        match kept.map(|text| self.read(name, text)) {
            Some(Ok(manifest)) => before.hold(manifest),
            Some(Err(why)) => warn!(service = name, why, "what a manifest said before the restart holds no more"),
            None => {}
        }
        before
    }

    /// Those that are broken: of which service, why, since when.
    pub fn broken(&self) -> Vec<(String, String, SystemTime)> {
        let known = self.known();
        let told = |(name, known): (&String, &Known)| {
            let (why, since) = known.broken.clone()?;
            Some((name.clone(), why, since))
        };
        known.iter().filter_map(told).collect()
    }

    /// What that service may reach.
    pub fn rules(&self, service: &str) -> Option<Rules> {
        self.known().get(service).map(|known| known.reach.clone())
    }

    /// All timers, with the service that each is of.
    pub fn timers(&self) -> Vec<(String, Timer)> {
        let known = self.known();
        known.iter().flat_map(|(name, known)| known.timers.iter().map(|timer| (name.clone(), timer.clone()))).collect()
    }

    /// What it may do in its calls; `None` where no manifest says.
    pub fn leash(&self, service: &str) -> Option<Arc<Leash>> {
        self.known().get(service).map(|known| known.leash.clone())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST_FILES) {
            let name = entry?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(ENDING).filter(|name| !name.starts_with('.')).map(str::to_owned));
        }
        Ok(names)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(format!("{name}{ENDING}"));
        let told = |error: io::Error| format!("{}: {error}", path.display());
        let found = fs::metadata(&path).map_err(told)?;
        if !found.is_file() {
            return Err(format!("{}: it is no regular file", path.display()));
        }
        let length = found.len();
        if length > LARGEST {
            return Err(format!("{}: it has {length} bytes; a manifest has at most {LARGEST}", path.display()));
        }
        fs::read_to_string(&path).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_manifest_leaves_what_it_said_before_and_one_that_is_gone_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let versions = Arc::new(Versions::default());
        let manifests = Manifests::of(folder.path().into(), Environment::new(), versions.clone(), BTreeMap::new());
        let write = |text: &str| fs::write(folder.path().join("ivr.toml"), text).expect("written");
        assert!(manifests.look().is_empty() && manifests.rules("ivr").is_none());
        write("mail = true\n");
        assert!(manifests.look().is_empty());
        assert!(manifests.rules("ivr").is_some_and(|rules| rules.mail));
        write("mail = 1\n");
        for _ in 0..2 {
            let broken = manifests.look();
            assert!(
                broken.len() == 1 && broken[0].contains("ivr.toml:1:8: mail: 1 is not true or false"),
                "{broken:?}"
            );
            assert!(manifests.rules("ivr").is_some_and(|rules| rules.mail), "what it said before holds");
        }
        write("mail = false\n");
        assert!(manifests.look().is_empty());
        assert!(manifests.rules("ivr").is_some_and(|rules| !rules.mail));
        fs::remove_file(folder.path().join("ivr.toml")).expect("removed");
        manifests.look();
        assert!(manifests.rules("ivr").is_none());
        assert_eq!(versions.waiting(), 1, "the store is told the last of it");
    }
}
