//! What is found of a service: by reading it, and by its tests.

use std::collections::BTreeSet;

use patchcord_engine::runtime::clock;
use patchcord_scripts::{
    Edition,
    check::{Ground, check_on},
    imports::Module,
    shipped,
    testing::{Source, Sources},
};
use patchcord_web::versions::Findings;

use super::{ENDING, SOUNDS, ServiceRoom, TESTS, library, standing::millis};
use crate::server::trials::Came;

impl ServiceRoom {
    /// What `patchcord check` finds in a text that is served, missing prompts apart.
    pub fn faults_of(&self, edition: &Edition) -> Vec<String> {
        let library = |name: &str| self.module(name);
        let ground = Ground { has_prompt: &|_| true, library: &library, limits: self.shelf.limits() };
        let found = check_on(&edition.file, &edition.text, &ground);
        found.iter().filter(|fault| !fault.is_doubtful).map(ToString::to_string).collect()
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
    pub(super) fn try_out(&self, name: &str, text: &str, modules: &[Module]) -> Option<Came> {
        if shipped::service(name) == Some(text) {
            return None;
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

    /// That was found of what is served; nothing new where it was found before.
    pub fn found(&self, edition: &Edition, faults: u32, came: Option<Came>) {
        let Came { held, failed, .. } = came.unwrap_or_default();
        let findings = Findings { faults, held, failed, at_ms: millis(clock::wall()) };
        let known = self.standings.findings(&edition.name);
        if known.is_some_and(|known| Findings { at_ms: findings.at_ms, ..known } == findings) {
            return;
        }
        self.standings.found(&edition.name, findings);
        self.versions.found(&edition.name, edition.version, findings);
    }
}
