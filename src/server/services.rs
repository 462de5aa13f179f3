//! The services: texts from the folder of scripts and from the binary, published on one shelf and watched for changes.
//!
//! A file is served under its name without `.rhai`; one of the folder wins over one of the same name inside the binary. A file
//! that is broken leaves in place what was served under its name, and says where it is broken.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use patchcord_engine::exchange::{Served, Services, built_in};
use patchcord_engine::routing::{Route, Target};
use patchcord_engine::runtime::clock;
use patchcord_scripts::{Host, Limits, Shelf, check::check, say::Language, shipped, testing::Source};
use patchcord_web::outside::{RuleBook, Rules};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{manifests::Manifests, workshop::Versions};
use crate::config::Environment;

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
    /// What was read last, by name: the text, or what was wrong with it.
    seen: Arc<Mutex<BTreeMap<String, Result<String, String>>>>,
    versions: Arc<Versions>,
}

impl ServiceRoom {
    /// Publishes what lies in the folder and in the binary. The folder need not be there. Numbers and dates are spoken in
    /// `language` where a script does not say; in English where nobody has taught the house to count in it.
    pub fn open(folder: &Path, language: &str, environment: &Environment) -> Self {
        let shelf =
            Arc::new(Shelf::new(Limits { language: Language::of(language).unwrap_or_default(), ..Limits::default() }));
        let manifests = Manifests::of(folder.into(), environment.clone());
        let room = Self { shelf, folder: folder.into(), manifests, seen: Arc::default(), versions: Arc::default() };
        room.look();
        room
    }

    /// Reads the folder again, and publishes what has changed.
    pub fn look(&self) -> Looked {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = Looked::default();
        let found = self.texts(&mut looked);
        for (name, text) in &found {
            if seen.get(name) == Some(text) {
                looked.broken.extend(self.trouble_with(name, text));
                continue;
            }
            match self.publish(name, text) {
                Ok(version) => {
                    info!(service = name, version, "a service is served");
                    looked.published.push(format!("{name} {version}"));
                }
                Err(why) => {
                    warn!(service = name, why, "a service is broken; what was served before goes on");
                    looked.broken.push(why);
                }
            }
        }
        let gone: Vec<String> = seen.keys().filter(|name| !found.contains_key(*name)).cloned().collect();
        for name in gone.into_iter().filter(|name| self.shelf.withdraw(name)) {
            info!(service = name, "a service is served no more");
            looked.withdrawn.push(name);
        }
        *seen = found;
        looked.broken.extend(self.manifests.look());
        looked
    }

    /// What is served on one shard.
    pub fn on_shard(&self) -> Box<dyn Services> {
        Box::new(OnShard { host: Host::new(self.shelf.clone()), manifests: self.manifests.clone() })
    }

    /// What is served, by name.
    pub fn all(&self) -> Vec<patchcord_web::house::Service> {
        let told = |edition: Arc<patchcord_scripts::Edition>| patchcord_web::house::Service {
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

    fn publish(&self, name: &str, text: &Result<String, String>) -> Result<String, String> {
        let text = text.as_ref().map_err(Clone::clone)?;
        let file = self.file_of(name);
        if text.trim().is_empty() {
            // Somebody may be writing it at this moment.
            return Err(format!("{file}: is empty"));
        }
        // A prompt may come later than the script that plays it.
        if let Some(fault) = check(&file, text, &|_| true).first() {
            if self.shelf.find(name).is_some_and(|edition| *edition.text != **text) {
                return Err(fault.to_string());
            }
            // Nothing was served before: a service that is right in most places is better than none.
            warn!(service = name, %fault, "a service is served in which `patchcord check` finds a fault");
        }
        let edition = self.shelf.publish(name, &file, text).map_err(|broken| broken.to_string())?;
        self.versions.note(&edition, clock::wall());
        Ok(edition.in_words())
    }

    /// What is served, for whoever tries it.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }

    /// Where services lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What was served since the start.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The tests of a service: those beside it, and for one of ours those that it comes with. Blocks.
    pub fn test_of(&self, name: &str) -> Option<Source> {
        let file = format!("{name}{TESTS}{ENDING}");
        let edition = self.shelf.find(name)?;
        let ours = || shipped::test(name).filter(|_| shipped::service(name) == Some(&*edition.text)).map(str::to_owned);
        let text = read(&self.folder.join(&file)).ok().or_else(ours)?;
        Some(Source { name: format!("{name}{TESTS}"), file, text })
    }

    /// Whether what was seen before is still broken.
    fn trouble_with(&self, name: &str, text: &Result<String, String>) -> Option<String> {
        let served = self.shelf.find(name);
        match text {
            Err(why) => Some(why.clone()),
            Ok(text) if served.is_some_and(|edition| *edition.text == **text) => None,
            Ok(_) => self.publish(name, text).err(),
        }
    }

    fn file_of(&self, name: &str) -> String {
        format!("{name}{ENDING}")
    }

    /// All texts by name: those of the binary, and over them those of the folder.
    fn texts(&self, looked: &mut Looked) -> BTreeMap<String, Result<String, String>> {
        let inside =
            shipped::services().filter_map(|name| Some((name.to_owned(), Ok(shipped::service(name)?.to_owned()))));
        let mut texts: BTreeMap<_, _> = inside.collect();
        match names_in(&self.folder) {
            Ok(names) => texts.extend(names.into_iter().map(|name| {
                let path = self.folder.join(self.file_of(&name));
                let text = read(&path).map_err(|error| format!("{}: {error}", path.display()));
                (name, text)
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => looked.broken.push(format!("{}: {error}", self.folder.display())),
        }
        texts
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

fn read(path: &Path) -> io::Result<String> {
    let most = Limits::default().file as u64;
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let length = found.len();
    if length > most {
        return Err(io::Error::other(format!("it has {length} bytes; a script has at most {most}")));
    }
    fs::read_to_string(path)
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
    fn find(&self, name: &str) -> Option<Served> {
        let served = self.host.find(name).or_else(|| built_in(name).map(Served::from))?;
        Some(Served { leash: self.manifests.leash(name), ..served })
    }

    fn hears(&self, service: &str, handler: &str) -> bool {
        self.host.hears(service, handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> (tempfile::TempDir, ServiceRoom) {
        let folder = tempfile::tempdir().expect("a folder");
        let room = ServiceRoom::open(folder.path(), "en", &Environment::new());
        (folder, room)
    }

    fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
        fs::write(folder.path().join(name), text).expect("it is written");
    }

    #[test]
    fn a_file_is_served_when_it_is_saved_and_no_more_when_it_is_gone() {
        let (folder, room) = room();
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
        write(&folder, "ivr_test.rhai", "fn test_it(t) {}");
        let looked = room.look();
        assert_eq!(looked.published.len(), 1, "{looked:?}");
        assert!(looked.published[0].starts_with("ivr 1 "), "{looked:?}");
        assert_eq!(room.look(), Looked::default());
        fs::remove_file(folder.path().join("ivr.rhai")).expect("it was there");
        assert_eq!(room.look().withdrawn, ["ivr"]);
        assert!(room.on_shard().find("ivr").is_none());
    }

    #[test]
    fn a_service_reaches_what_its_manifest_says_and_one_of_ours_may_write_letters() {
        let (folder, room) = room();
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
        room.look();
        let may_mail = |name: &str| room.rules(name).map(|rules| rules.mail);
        assert_eq!((may_mail("ivr"), may_mail("voicemail"), may_mail("nobody")), (Some(false), Some(true), None));
        write(&folder, "ivr.toml", "mail = true");
        assert_eq!(room.look(), Looked::default());
        assert_eq!(may_mail("ivr"), Some(true));
        write(&folder, "voicemail.rhai", "fn on_invite(caller) { caller.answer(); }");
        write(&folder, "ivr.toml", "mail = maybe");
        assert!(room.look().broken[0].contains("ivr.toml:1:8: "), "{:?}", room.look());
        assert_eq!((may_mail("ivr"), may_mail("voicemail")), (Some(true), Some(false)), "that one is no longer ours");
    }

    #[test]
    fn a_broken_file_says_where_and_the_one_before_is_served_until_it_is_mended() {
        let (folder, room) = room();
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); }");
        room.look();
        write(&folder, "ivr.rhai", "fn on_invite(caller) {\n  caller.answer(\n}");
        let looked = room.look();
        assert!(looked.broken[0].starts_with("ivr.rhai:3:1: "), "{looked:?}");
        assert_eq!(room.look().broken, looked.broken, "it is still broken");
        assert!(room.on_shard().find("ivr").expect("it is served").edition.is_some_and(|it| it.starts_with("1 ")));
        write(&folder, "ivr.rhai", "fn on_invite(caller) {\n}");
        assert!(room.look().published[0].starts_with("ivr 2 "));
    }

    #[test]
    fn a_change_that_check_finds_wrong_is_not_served_and_neither_is_an_empty_file() {
        let (folder, room) = room();
        let right = "fn on_invite(caller) { caller.answer(); caller.gather(#{ prompt: \"menu\" }); }";
        write(&folder, "ivr.rhai", right);
        let first = room.look().published;
        write(&folder, "ivr.rhai", &right.replace("prompt", "promt"));
        let told = room.look().broken;
        assert!(told[0].contains("ivr.rhai:1:") && told[0].contains("promt"), "{told:?}");
        write(&folder, "ivr.rhai", " \n");
        assert_eq!(room.look().broken, ["ivr.rhai: is empty"]);
        assert_eq!(first, [format!("ivr {}", room.shelf.find("ivr").expect("it is served").in_words())]);
        write(&folder, "new.rhai", "");
        room.look();
        assert!(room.shelf.find("new").is_none());
        write(&folder, "wrong.rhai", &right.replace("prompt", "promt"));
        room.look();
        assert!(room.shelf.find("wrong").is_some(), "nothing was there before");
    }
}
