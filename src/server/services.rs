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
use patchcord_scripts::{
    Host, Limits, Shelf,
    check::check,
    say::Language,
    shipped,
    testing::{Source, Sources},
};
use patchcord_web::outside::{RuleBook, Rules};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{manifests::Manifests, trials::Trials, workshop::Versions};
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
}

impl ServiceRoom {
    /// Publishes what lies in the folder and in the binary. The folder need not be there. Numbers and dates are spoken in
    /// `language` where a script does not say; in English where nobody has taught the house to count in it. Tests are run when somebody
    /// looks the next time: no start waits for them.
    pub fn open(folder: &Path, language: &str, environment: &Environment, trials: Trials) -> Self {
        let shelf =
            Arc::new(Shelf::new(Limits { language: Language::of(language).unwrap_or_default(), ..Limits::default() }));
        let manifests = Manifests::of(folder.into(), environment.clone());
        let trials = Arc::new(trials);
        let room =
            Self { shelf, folder: folder.into(), manifests, seen: Arc::default(), versions: Arc::default(), trials };
        room.read();
        room
    }

    /// Reads the folder again, publishes what has changed and holds what its tests expect, and tells what is wrong. Blocks for as long as
    /// tests take.
    pub fn look(&self) -> Looked {
        let mut looked = self.read();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, seen) in seen.iter_mut().filter(|(_, seen)| seen.untried) {
            let Some(Ok(text)) = &seen.text else { continue };
            let came = self.try_out(name, text);
            seen.untried = came.is_err();
            if let Err(why) = &came
                && seen.why.as_ref() != Some(why)
            {
                warn!(service = name, why, "a service is served although its tests fail: nothing was there before it");
            }
            seen.why = came.err();
            looked.broken.extend(seen.why.clone());
        }
        looked
    }

    fn read(&self) -> Looked {
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
                continue;
            }
            let published = self.publish(&name, &text);
            seen.text = Some(text);
            match published {
                Ok(version) => {
                    info!(service = name, version, "a service is served");
                    looked.published.push(format!("{name} {version}"));
                    (seen.why, seen.untried) = (None, before.is_none());
                    self.trials.forget(&name);
                }
                Err(why) => {
                    if seen.why.as_ref() != Some(&why) {
                        warn!(service = name, why, "a service is broken; what was served before goes on");
                    }
                    looked.broken.push(why.clone());
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
        if self.shelf.find(name).is_some_and(|edition| *edition.text != **text) {
            self.try_out(name, text)?;
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
        let edition = self.shelf.find(name)?;
        self.tests_of(name, &edition.text)
    }

    fn tests_of(&self, name: &str, text: &str) -> Option<Source> {
        let file = format!("{name}{TESTS}{ENDING}");
        let ours = || shipped::test(name).filter(|_| shipped::service(name) == Some(text)).map(str::to_owned);
        let text = read(&self.folder.join(&file)).ok().or_else(ours)?;
        Some(Source { name: format!("{name}{TESTS}"), file, text })
    }

    /// Runs the tests of a text. What comes with the house was tried before it left ours.
    fn try_out(&self, name: &str, text: &str) -> Result<(), String> {
        if shipped::service(name) == Some(text) {
            return Ok(());
        }
        self.trials.judge(name, text, self.tests_of(name, text), || self.sources())
    }

    /// What is served, as tests run it.
    pub fn sources(&self) -> Sources {
        let served = self.shelf.all().into_iter().map(|edition| Source {
            name: edition.name.clone(),
            file: edition.file.clone(),
            text: edition.text.to_string(),
        });
        Sources { services: served.collect(), tests: Vec::new(), prompts: vec![self.folder.join(SOUNDS)] }
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
        let room = ServiceRoom::open(folder.path(), "en", &Environment::new(), Trials::new(true));
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

    const ANSWERS: &str =
        "fn test_it_answers(t) {\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.is_answered();\n}";

    #[test]
    fn a_change_whose_own_test_fails_is_not_served_until_one_of_both_is_mended() {
        let (folder, room) = room();
        write(&folder, "ivr_test.rhai", ANSWERS);
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }");
        assert_eq!(room.look().broken, [""; 0]);
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
        let told = room.look().broken;
        assert!(told[0].starts_with("ivr_test.rhai:3:9: test_it_answers fails: "), "{told:?}");
        assert_eq!(room.look().broken, told, "it fails as before");
        let version = |room: &ServiceRoom| room.shelf.find("ivr").expect("it is served").version;
        assert_eq!(version(&room), 1);
        write(&folder, "ivr_test.rhai", &ANSWERS.replace("is_answered()", "is_rejected(486)"));
        let looked = room.look();
        assert_eq!((looked.published.len(), version(&room)), (1, 2), "{looked:?}");
    }

    #[test]
    fn what_nothing_stood_before_is_served_and_its_failing_test_is_told_until_it_is_mended() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, "ivr_test.rhai", ANSWERS);
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.reject(486); }");
        let room = ServiceRoom::open(folder.path(), "en", &Environment::new(), Trials::new(true));
        assert!(room.shelf.find("ivr").is_some());
        let told = room.look().broken;
        assert!(told[0].starts_with("ivr_test.rhai:3:9: "), "{told:?}");
        assert_eq!(room.look().broken, told);
        write(&folder, "ivr.rhai", "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }");
        assert_eq!((room.look().broken.len(), room.look().broken.len()), (0, 0));
    }
}
