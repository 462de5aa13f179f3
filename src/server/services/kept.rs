//! What a service said before a restart, served again where its file is not fit to be served.
//!
//! ```text
//! open: the file as it is ── the text that was served last? ──yes──▶ served
//!                                   │ no: another one, or none that can be read
//!                                   ▼
//! settle: the last text from the store is served ─▶ the file is judged as a change of it: check, tests ─▶ served or refused
//! ```
//!
//! So a restart changes nothing of what may be served: a file that was refused before it is refused after it.

use patchcord_scripts::imports::Module;
use patchcord_web::{
    store::versions::Kept,
    versions::{Imported, Reason},
};
use tracing::{info, warn};

use super::{ServiceRoom, version};

impl ServiceRoom {
    /// Services whose file is not what was served last: they wait for [`Self::settle`].
    pub fn doubtful(&self) -> Vec<String> {
        self.doubtful.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Serves what those services said last, and then looks at their files as at any change.
    pub fn settle(&self, kept: Vec<(String, Kept)>) {
        self.doubtful.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        for (name, kept) in kept {
            match self.serve_again(&name, &kept) {
                Ok(version) => {
                    info!(service = name, version, "a service begins with what it said before the restart");
                    let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    seen.entry(name).or_default().kept = true;
                }
                Err(why) => warn!(service = name, why, "what a service said before the restart cannot be served"),
            }
        }
        self.read(Reason::Found);
    }

    fn serve_again(&self, name: &str, kept: &Kept) -> Result<String, String> {
        let modules: Option<Vec<Module>> = kept.modules.as_ref().map(|modules| modules.iter().map(module).collect());
        let library = |wanted: &str| match &modules {
            Some(modules) => patchcord_scripts::imports::among(modules)(wanted),
            None => self.module(wanted),
        };
        let file = self.file_of(name);
        let edition = self.shelf.publish_with(name, (&file, &kept.text), &library);
        let edition = edition.map_err(|broken| broken.to_string())?;
        self.versions.note(version(&edition, Reason::Found));
        Ok(edition.in_words())
    }
}

fn module(imported: &Imported) -> Module {
    Module { name: imported.name.clone(), file: imported.file.clone(), text: imported.text.as_str().into() }
}

/// A module, as the store keeps it.
pub(super) fn imported(module: &Module) -> Imported {
    Imported { name: module.name.clone(), file: module.file.clone(), text: module.text.to_string() }
}
