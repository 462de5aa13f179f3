//! The services: texts from the folder of scripts and from the binary, published on one shelf and watched for changes.
//!
//! A file is served under its name without `.rhai`; one of the folder wins over one of the same name inside the binary. A file
//! that is broken leaves in place what was served under its name, and says where it is broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use patchcord_engine::exchange::{self, Services, built_in};
use patchcord_engine::routing::{Route, Target};
use patchcord_engine::runtime::clock;
use patchcord_scripts::{
    Edition, Host, Limits, Shelf,
    check::{Ground, check_on, imported},
    imports::Module,
    shipped,
    testing::{Source, Sources},
};
use patchcord_web::{
    outside::{RuleBook, Rules},
    store::versions::Numbered,
    versions::{Reason, Version, Versions},
};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{library, manifests::Manifests, trials::Trials};
use crate::config::{Environment, SOUNDS};

/// How often the folder is looked at: soon enough for somebody who saves and dials.
const LOOK_EACH: Duration = Duration::from_secs(1);

/// Files that are looked at in the folder; what lies there beyond them is told and not served.
const MOST_FILES: usize = 4_096;

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
}

/// A text that is served from now on.
struct Served {
    /// As which version.
    version: String,
    /// What is wrong with it all the same: nothing was there before it.
    fault: Option<String>,
}

/// What is told of a service that is not right and is served.
fn all_the_same(why: &str) -> String {
    format!("{why}; it is served all the same")
}

impl ServiceRoom {
    /// Publishes what lies in the folder and in the binary. The folder need not be there. Texts that were served before have the
    /// numbers of `past`. Tests are run when somebody looks the next time: no start waits for them.
    pub fn open(folder: &Path, limits: Limits, environment: &Environment, trials: Trials, past: Vec<Numbered>) -> Self {
        let shelf = Arc::new(Shelf::new(limits));
        let manifests = Manifests::of(folder.into(), environment.clone());
        past.iter().for_each(|past| shelf.remember(&past.service, past.digest, past.number));
        let versions = Arc::new(Versions::since(past.into_iter().map(|past| (past.service, past.number))));
        let trials = Arc::new(trials);
        let room = Self { shelf, folder: folder.into(), manifests, seen: Arc::default(), versions, trials };
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
            let came = self.try_out(name, &edition.text, &edition.imports);
            seen.untried = came.is_err();
            if let Err(why) = &came
                && seen.why.as_ref() != Some(why)
            {
                warn!(service = name, why, "a service is served although its tests fail: nothing was there before it");
            }
            seen.why = came.err();
            looked.broken.extend(seen.why.as_deref().map(all_the_same));
        }
        looked
    }

    fn read(&self, reason: Reason) -> Looked {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = Looked::default();
        let found = self.texts(&mut looked);
        let gone: Vec<String> = seen.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        for name in &gone {
            seen.remove(name);
            self.trials.forget(name);
            if self.shelf.withdraw(name) {
                info!(service = name, "a service is served no more");
                looked.withdrawn.push(name.clone());
            }
        }
        for (name, text) in found {
            let before = self.shelf.find(&name);
            let seen = seen.entry(name.clone()).or_default();
            let is_known = seen.text.as_ref() == Some(&text);
            if is_known && before.as_ref().is_some_and(|edition| text.as_deref() == Ok(&*edition.text)) {
                let edition = before.as_deref().expect("it was looked at");
                if edition.imports.iter().all(|module| self.module(&module.name).as_ref() == Ok(&Some(module.clone())))
                {
                    looked.broken.extend(seen.flaw.as_deref().map(all_the_same));
                    continue;
                }
            }
            let published = self.publish(&name, &text, reason);
            seen.text = Some(text);
            match published {
                Ok(Served { version, fault }) => {
                    info!(service = name, version, "a service is served");
                    if let Some(fault) = &fault {
                        // Nothing was served before: a service that is right in most places is better than none.
                        warn!(service = name, fault, "a service is served in which `patchcord check` finds a fault");
                        looked.broken.push(all_the_same(fault));
                    }
                    seen.flaw = fault;
                    looked.published.push(format!("{name} {version}"));
                    (seen.why, seen.untried) = (None, before.is_none());
                    self.trials.forget(&name);
                }
                Err(why) => {
                    let left = match &before {
                        Some(edition) => format!("version {} is served as before", edition.version),
                        None => format!("nothing is served as {name}"),
                    };
                    if seen.why.as_ref() != Some(&why) {
                        warn!(service = name, why, left, "a service is broken");
                    }
                    looked.broken.push(format!("{why}; {left}"));
                    (seen.why, seen.untried) = (Some(why), false);
                }
            }
        }
        looked.broken.extend(self.manifests.look());
        looked
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
        };
        let mut all: Vec<_> = self.shelf.all().into_iter().map(told).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The routes that lead to services which are not there, in words.
    pub fn missing(&self, routes: &[Route]) -> Vec<String> {
        let served = |name: &str| self.shelf.find(name).is_some() || built_in(name).is_some();
        let missing = (1..).zip(routes).filter_map(|(number, route)| match &route.target {
            Target::Service(name) if !served(name) => Some((number, route, name)),
            _ => None,
        });
        missing.map(|(number, route, name)| no_service(number, &route.number.to_string(), name)).collect()
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
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
                _ = turn.tick() => {
                    let room = self.clone();
                    // A folder on a network may take its time.
                    if let Err(error) = tokio::task::spawn_blocking(move || room.look()).await {
                        warn!(%error, "the folder of services cannot be looked at");
                    }
                }
            }
        }
    }

    fn publish(&self, name: &str, text: &Result<String, String>, reason: Reason) -> Result<Served, String> {
        let text = text.as_ref().map_err(Clone::clone)?;
        let file = self.file_of(name);
        if text.trim().is_empty() {
            // Somebody may be writing it at this moment.
            return Err(format!("{file}: is empty"));
        }
        let library = |name: &str| self.module(name);
        // A prompt may come later than the script that plays it.
        let ground = Ground { has_prompt: &|_| true, library: &library, limits: self.shelf.limits() };
        let fault = check_on(&file, text, &ground).first().map(ToString::to_string);
        let before = self.shelf.find(name);
        if before.is_some() {
            fault.clone().map_or(Ok(()), Err)?;
            self.try_out(name, text, &imported(&file, text, &ground))?;
        }
        let edition = self.shelf.publish_with(name, (&file, text), &library).map_err(|broken| broken.to_string())?;
        self.versions.note(version(&edition, reason));
        Ok(Served { version: edition.in_words(), fault })
    }

    /// What `patchcord check` finds in a text that is served, missing prompts apart.
    pub fn faults_of(&self, edition: &Edition) -> Vec<String> {
        let library = |name: &str| self.module(name);
        let ground = Ground { has_prompt: &|_| true, library: &library, limits: self.shelf.limits() };
        check_on(&edition.file, &edition.text, &ground).iter().map(ToString::to_string).collect()
    }

    /// What is imported by that name.
    fn module(&self, name: &str) -> Result<Option<Module>, String> {
        let shown = |path: &Path| path.strip_prefix(&self.folder).unwrap_or(path).display().to_string();
        library::module(&self.folder, name, self.shelf.limits().file, shown)
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

    /// The tests of a service: those beside it, and for one of ours those that it comes with. Blocks.
    pub fn test_of(&self, name: &str) -> Option<Source> {
        let edition = self.shelf.find(name)?;
        self.tests_of(name, &edition.text)
    }

    fn tests_of(&self, name: &str, text: &str) -> Option<Source> {
        let file = format!("{name}{TESTS}{ENDING}");
        let ours = || shipped::test(name).filter(|_| shipped::service(name) == Some(text)).map(str::to_owned);
        let text = library::read(&self.folder.join(&file), self.shelf.limits().file).ok().or_else(ours)?;
        Some(Source { name: format!("{name}{TESTS}"), file, text })
    }

    /// Runs the tests of a text. What comes with the house was tried before it left ours.
    fn try_out(&self, name: &str, text: &str, modules: &[Module]) -> Result<(), String> {
        if shipped::service(name) == Some(text) {
            return Ok(());
        }
        let sources = || {
            let mut sources = self.sources();
            sources.modules.retain(|module| !modules.iter().any(|new| new.name == module.name));
            sources.modules.extend_from_slice(modules);
            sources
        };
        self.trials.judge(name, (text, modules), self.tests_of(name, text), sources)
    }

    /// What is served, as tests run it.
    pub fn sources(&self) -> Sources {
        let all = self.shelf.all();
        let modules: BTreeSet<Module> = all.iter().flat_map(|edition| edition.imports.iter().cloned()).collect();
        let served = all.iter().map(|edition| Source {
            name: edition.name.clone(),
            file: edition.file.clone(),
            text: edition.text.to_string(),
        });
        Sources {
            services: served.collect(),
            modules: modules.into_iter().collect(),
            prompts: vec![self.folder.join(SOUNDS)],
            limits: self.shelf.limits().clone(),
            ..Sources::default()
        }
    }

    fn file_of(&self, name: &str) -> String {
        format!("{name}{ENDING}")
    }

    /// All texts by name: those of the binary, and over them those of the folder.
    fn texts(&self, looked: &mut Looked) -> BTreeMap<String, Result<String, String>> {
        let inside =
            shipped::services().filter_map(|name| Some((name.to_owned(), Ok(shipped::service(name)?.to_owned()))));
        let (mut texts, most): (BTreeMap<_, _>, _) = (inside.collect(), self.shelf.limits().file);
        match names_in(&self.folder) {
            Ok(names) => texts.extend(names.into_iter().map(|name| {
                let path = self.folder.join(self.file_of(&name));
                let text = library::read(&path, most).map_err(|error| format!("{}: {error}", path.display()));
                (name, text)
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => looked.broken.push(format!("{}: {error}", self.folder.display())),
        }
        texts
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

#[cfg(test)]
mod tests;
