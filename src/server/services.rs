//! The services: texts from the folder of scripts and from the binary, published on one shelf and watched for changes.
//!
//! A file is served under its name without `.rhai`; one of the folder wins over one of the same name inside the binary. A file
//! that is broken leaves in place what was served under its name, also before a restart, and says where it is broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use patchcord_engine::exchange::{self, Services, built_in};
use patchcord_engine::routing::{Route, Target};
use patchcord_engine::runtime::clock;
use patchcord_scripts::{
    Digest, Edition, Host, Limits, Shelf,
    check::{Ground, check_on, imported},
    imports::Module,
    shipped,
    simulator::Stop,
};
use patchcord_web::{
    house::{Trouble, TroubleKind},
    outside::{RuleBook, Rules},
    store::versions::Numbered,
    versions::{Reason, Version, Versions},
};
use tokio::sync::watch;
use tracing::warn;

use super::{
    library,
    manifests::Manifests,
    trials::{Came, Trials},
};
use crate::config::{Environment, SOUNDS};
use standing::{Standings, trouble};

/// How often the folder is looked at: soon enough for somebody who saves and dials.
const LOOK_EACH: Duration = Duration::from_secs(1);

/// Files that are looked at in the folder; what lies there beyond them is told and not served.
const MOST_FILES: usize = 4_096;

/// How long a start runs tests of files that were changed since the last one. What is not tried by then is at the first look, and what
/// was served before is served until then.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// The ending of a service's file.
const ENDING: &str = ".rhai";

/// The ending of the name of a file that only tests.
const TESTS: &str = "_test";

/// What a look at the folder has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Services that are served in a new version.
    pub published: Vec<String>,
    /// Services that are served no more.
    pub withdrawn: Vec<String>,
    /// What is wrong, with file, line and column.
    pub broken: Vec<String>,
}

/// See the module. Clones are the same one.
#[derive(Clone)]
pub struct ServiceRoom {
    shelf: Arc<Shelf>,
    folder: PathBuf,
    manifests: Manifests,
    /// What was read last, by name.
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    versions: Arc<Versions>,
    trials: Arc<Trials>,
    standings: Arc<Standings>,
    /// The hash of what each service said last, as long as the server starts.
    last: Arc<Mutex<BTreeMap<String, Digest>>>,
    /// Those of them whose file says something else.
    doubtful: Arc<Mutex<Vec<String>>>,
}

/// What the store has of the services of the server before this one.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The numbers of their texts; of each service the one that was served last stands behind the others.
    pub versions: Vec<Numbered>,
    /// What their manifests said last.
    pub manifests: BTreeMap<String, String>,
}

impl From<Vec<Numbered>> for Before {
    fn from(versions: Vec<Numbered>) -> Self {
        Self { versions, manifests: BTreeMap::new() }
    }
}

/// What was read last of a service.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The text, or what was wrong with it.
    text: Option<Result<String, String>>,
    /// Why it is not served, as it was told last; or what its tests find wrong with it although it is.
    why: Option<String>,
    /// Whether it is served without its tests having been run: nothing was there before it.
    untried: bool,
    /// What `patchcord check` finds in what is served.
    flaw: Option<String>,
    /// How many faults it finds.
    faults: u32,
    /// Whether what is served was served before the restart, and comes from the store.
    kept: bool,
}

/// A text that is served from now on.
struct Served {
    /// As which version.
    edition: Arc<Edition>,
    /// What is wrong with it all the same, and how often: nothing was there before it.
    fault: Option<String>,
    faults: u32,
    /// What its tests say, where they were run.
    came: Option<Came>,
}

/// What is told of a service that is not right and is served.
fn all_the_same(why: &str) -> String {
    format!("{why}; it is served all the same")
}

impl ServiceRoom {
    /// Publishes what lies in the folder and in the binary. The folder need not be there. Texts that were served before have the
    /// numbers that they had. Tests are run when somebody looks the next time: no start waits for them.
    pub fn open(folder: &Path, limits: Limits, environment: &Environment, trials: Trials, before: Before) -> Self {
        let (shelf, Before { versions: past, manifests: kept }) = (Arc::new(Shelf::new(limits)), before);
        past.iter().for_each(|past| shelf.remember(&past.service, past.digest, past.number));
        let latest: BTreeMap<&str, &Numbered> = past.iter().map(|past| (&*past.service, past)).collect();
        let served = || latest.values().filter(|past| !past.gone);
        let standings = Standings::default();
        served().for_each(|past| past.findings.into_iter().for_each(|found| standings.found(&past.service, found)));
        let versions = Arc::new(Versions::since(served().map(|past| (past.service.clone(), past.number))));
        let room = Self {
            shelf,
            folder: folder.into(),
            manifests: Manifests::of(folder.into(), environment.clone(), versions.clone(), kept),
            seen: Arc::default(),
            versions,
            trials: Arc::new(trials),
            standings: Arc::new(standings),
            last: Arc::new(Mutex::new(served().map(|past| (past.service.clone(), past.digest)).collect())),
            doubtful: Arc::default(),
        };
        room.read(Reason::Found);
        room
    }

    /// Reads the folder again, publishes what has changed and holds what its tests expect, and tells what is wrong. Blocks for as long as
    /// tests take.
    pub fn look(&self) -> Looked {
        let mut looked = self.read(Reason::Saved);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, seen) in seen.iter_mut().filter(|(_, seen)| seen.untried) {
            let Some(edition) = self.shelf.find(name) else { continue };
            if shipped::service(name) == Some(&*edition.text) {
                seen.untried = false;
                continue;
            }
            let came = self.try_out(name, &edition.text, &edition.imports);
            if self.trials.are_over() {
                break;
            }
            let why = came.as_ref().and_then(|came| came.why.clone());
            seen.untried = why.is_some();
            if why.is_none() || seen.why != why {
                if let Some(why) = &why {
                    warn!(
                        service = name,
                        why, "a service is served although its tests fail: nothing was there before it"
                    );
                    self.standings.wrong(name, TroubleKind::Served, why, self.saved(name));
                } else if seen.flaw.is_none() {
                    self.standings.right(name);
                }
                self.found(&edition, seen.faults, came);
            }
            seen.why = why;
            looked.broken.extend(seen.why.as_deref().map(all_the_same));
        }
        looked
    }

    fn read(&self, reason: Reason) -> Looked {
        let (mut seen, began) = (self.seen.lock().unwrap_or_else(PoisonError::into_inner), clock::now());
        let mut looked = Looked::default();
        let (found, was_listed) = self.texts(&mut looked);
        let mut last = std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner));
        let gone: BTreeSet<String> =
            seen.keys().chain(last.keys()).filter(|name| !found.contains_key(*name)).cloned().collect();
        last.retain(|name, _| found.contains_key(name));
        for name in &gone {
            self.withdraw(name, was_listed, &mut looked);
            seen.remove(name);
        }
        for (name, text) in found {
            if self.trials.are_over() {
                return looked;
            }
            let before = self.shelf.find(&name);
            let is_known = seen.get(&name).is_some_and(|seen| seen.text.as_ref() == Some(&text));
            if is_known && before.as_ref().is_some_and(|edition| self.is_still(edition, &text)) {
                looked.broken.extend(seen.get(&name).and_then(|seen| seen.flaw.as_deref()).map(all_the_same));
                continue;
            }
            let published = self.publish(&name, &text, (reason, began), last.get(&name));
            if published.is_err() && before.is_none() && last.contains_key(&name) {
                // What it said last is looked for before anything is told.
                self.doubtful.lock().unwrap_or_else(PoisonError::into_inner).push(name);
                continue;
            }
            if self.trials.are_over() {
                // Its tests were cut short, which says nothing of it.
                return looked;
            }
            let seen = seen.entry(name.clone()).or_default();
            seen.text = Some(text);
            match published {
                Ok(served) => self.note_served(&name, seen, (served, reason), before.is_none(), &mut looked),
                Err(why) => self.note_refused(&name, seen, (why, reason), before.as_deref(), &mut looked),
            }
        }
        looked.broken.extend(self.manifests.look());
        looked
    }

    /// Whether what is served is that text, with the modules that there are.
    fn is_still(&self, edition: &Edition, text: &Result<String, String>) -> bool {
        text.as_deref() == Ok(&*edition.text)
            && edition.imports.iter().all(|module| self.module(&module.name).as_ref() == Ok(&Some(module.clone())))
    }

    /// What is served on one shard.
    pub fn on_shard(&self) -> Box<dyn Services> {
        Box::new(OnShard { host: Host::new(self.shelf.clone()), manifests: self.manifests.clone() })
    }

    /// What is served, by name.
    pub fn all(&self) -> Vec<patchcord_web::house::Service> {
        let told = |edition: Arc<Edition>| patchcord_web::house::Service {
            name: edition.name.clone(),
            version: edition.in_words(),
            file: edition.file.clone(),
            text: edition.text.to_string(),
            findings: self.standings.findings(&edition.name),
            shipped: shipped::service(&edition.name) == Some(&*edition.text),
        };
        let mut all: Vec<_> = self.shelf.all().into_iter().map(told).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// What is wrong with them, by name.
    pub fn troubles(&self) -> Vec<Trouble> {
        let served = |name: &str| Some(self.shelf.find(name)?.in_words());
        let mut all = self.standings.troubles(served);
        let broken = self.manifests.broken().into_iter();
        all.extend(broken.map(|(name, why, since)| trouble(&name, TroubleKind::Manifest, &why, since, served(&name))));
        all.sort_by(|one, other| one.service.cmp(&other.service));
        all
    }

    /// Whether calls for it would be answered.
    pub fn is_served(&self, name: &str) -> bool {
        self.shelf.find(name).is_some() || built_in(name).is_some()
    }

    /// The routes that lead to services which are not there, in words.
    pub fn missing(&self, routes: &[Route]) -> Vec<String> {
        let missing = (1..).zip(routes).filter_map(|(number, route)| match &route.target {
            Target::Service(name) if !self.is_served(name) => Some((number, route, name)),
            _ => None,
        });
        missing.map(|(number, route, name)| no_service(number, &route.number.to_string(), name)).collect()
    }

    /// Writes them into the log: whoever calls there is refused.
    pub fn warn_of_missing(&self, routes: &[Route]) -> Vec<String> {
        let missing = self.missing(routes);
        missing.iter().for_each(|missing| warn!("{missing}"));
        missing
    }

    /// The manifests beside them.
    pub fn manifests(&self) -> Manifests {
        self.manifests.clone()
    }

    /// How many services there are.
    pub fn count(&self) -> usize {
        self.shelf.all().len()
    }

    /// Looks again and again, until `stopped` says that it is over.
    pub async fn watch(self, mut stopped: watch::Receiver<bool>) {
        let mut turn = tokio::time::interval(LOOK_EACH);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return self.trials.stop(),
                _ = turn.tick() => {
                    let room = self.clone();
                    // A folder on a network may take its time.
                    let looks = tokio::task::spawn_blocking(move || room.look());
                    tokio::select! {
                        // Tests that run end at that word; who stops does not wait for it.
                        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return self.trials.stop(),
                        looked = looks => {
                            if let Err(error) = looked {
                                warn!(%error, "the folder of services cannot be looked at");
                            }
                        }
                    }
                }
            }
        }
    }

    /// Serves a text, where it is one to be served; during a start, where nothing was served before, only what was served last.
    fn publish(
        &self,
        name: &str,
        text: &Result<String, String>,
        (reason, began): (Reason, Instant),
        last: Option<&Digest>,
    ) -> Result<Served, String> {
        let text = text.as_ref().map_err(Clone::clone)?;
        let file = self.file_of(name);
        if text.trim().is_empty() {
            // Somebody may be writing it at this moment.
            return Err(format!("{file}: is empty"));
        }
        let library = |name: &str| self.module(name);
        // A prompt may come later than the script that plays it.
        let ground = Ground { has_prompt: &|_| true, library: &library, limits: self.shelf.limits() };
        let mut found = check_on(&file, text, &ground);
        found.retain(|fault| !fault.is_doubtful);
        let (fault, faults) = (found.first().map(ToString::to_string), found.len().try_into().unwrap_or(u32::MAX));
        let (before, mut came) = (self.shelf.find(name), None);
        if before.is_some() {
            fault.clone().map_or(Ok(()), Err)?;
            if reason == Reason::Found && clock::now().saturating_duration_since(began) > START_PATIENCE {
                return Err(format!("{file}: its tests wait until the server has started"));
            }
            came = self.try_out(name, text, &imported(&file, text, &ground));
            came.as_ref().map_or(Ok(()), Came::verdict)?;
        }
        let is_ours = shipped::service(name) == Some(text);
        let wanted = |digest: &Digest| before.is_some() || is_ours || last.is_none_or(|last| last == digest);
        let edition = self.shelf.publish_if(name, (&file, text), &library, wanted);
        let edition = edition.map_err(|broken| broken.to_string())?;
        let edition = edition.ok_or_else(|| format!("{file}: is not what was served last"))?;
        Ok(Served { edition, fault, faults, came })
    }

    /// What is imported by that name.
    fn module(&self, name: &str) -> Result<Option<Module>, String> {
        let shown = |path: &Path| path.strip_prefix(&self.folder).unwrap_or(path).display().to_string();
        library::module(&self.folder, name, self.shelf.limits().file, shown)
    }

    /// The word that ends tests which take too long, or when the server stops.
    pub fn patience(&self) -> Stop {
        self.trials.patience()
    }

    /// What is served, for whoever tries it.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }

    /// Where services lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was served, on its way into the store.
    pub fn versions(&self) -> Arc<Versions> {
        self.versions.clone()
    }

    fn file_of(&self, name: &str) -> String {
        format!("{name}{ENDING}")
    }

    /// All texts by name: those of the binary, and over them those of the folder; and whether that could be listed.
    fn texts(&self, looked: &mut Looked) -> (BTreeMap<String, Result<String, String>>, bool) {
        let inside =
            shipped::services().filter_map(|name| Some((name.to_owned(), Ok(shipped::service(name)?.to_owned()))));
        let (mut texts, most): (BTreeMap<_, _>, _) = (inside.collect(), self.shelf.limits().file);
        let names = names_in(&self.folder);
        let was_listed = names.is_ok();
        match names {
            Ok(names) => texts.extend(names.into_iter().map(|name| {
                let path = self.folder.join(self.file_of(&name));
                let text = library::read(&path, most).map_err(|error| format!("{}: {error}", path.display()));
                (name, text)
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => looked.broken.push(format!("{}: {error}", self.folder.display())),
        }
        (texts, was_listed)
    }
}

/// A text that is served from now on.
fn version(edition: &Edition, reason: Reason) -> Version {
    let is_ours = shipped::service(&edition.name).is_some_and(|text| *edition.text == *text);
    Version {
        service: edition.name.clone(),
        number: edition.version,
        name: edition.in_words(),
        digest: edition.digest,
        text: edition.text.clone(),
        modules: edition.imports.iter().map(kept::imported).collect(),
        reason: if is_ours { Reason::Shipped } else { reason },
        since: clock::wall(),
    }
}

/// That a route leads nowhere.
pub fn no_service(route: usize, number: &str, service: &str) -> String {
    format!(
        "route {route} ({number}) leads to service {service}, which is not there; write {service}{ENDING}, or change the route"
    )
}

/// The services in a folder.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)?.take(MOST_FILES) {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(ENDING).filter(|name| !name.ends_with(TESTS) && !name.starts_with('.')) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// What answers calls on one shard: scripts, and where there is none of that name what the house has in Rust.
struct OnShard {
    host: Host,
    manifests: Manifests,
}

impl RuleBook for ServiceRoom {
    fn rules(&self, service: &str) -> Option<Rules> {
        let edition = self.shelf.find(service)?;
        // What comes with the house is ours: it may tell people of their messages.
        let is_ours = shipped::service(service).is_some_and(|text| *edition.text == *text);
        let without = || Rules { mail: is_ours, ..Rules::default() };
        Some(self.manifests.rules(service).unwrap_or_else(without))
    }
}

impl Services for OnShard {
    fn find(&self, name: &str) -> Option<exchange::Served> {
        let served = self.host.find(name).or_else(|| built_in(name).map(exchange::Served::from))?;
        Some(exchange::Served { leash: self.manifests.leash(name), ..served })
    }

    fn hears(&self, service: &str, handler: &str) -> bool {
        self.host.hears(service, handler)
    }
}

mod kept;
mod noting;
#[cfg(test)]
mod restarts;
mod standing;
#[cfg(test)]
mod tests;
mod trying;
