//! The shelf: which text is served under which name, and which version it is.
//!
//! One for the whole server. A text that is published is served to calls that begin after that; calls that run keep what they
//! began with. A text that is broken is not published, and what was there goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::imports::{self, Library, Module};
use crate::limits::Limits;
use crate::{check_text, engine};

/// Services at once: more than any house has numbers for.
const MOST: usize = 4_096;

/// A text that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The name of the service.
    pub name: String,
    /// Counted from 1, in the life of the server.
    pub version: u32,
    /// The beginning of the hash of the text and of what it imports: the same text has the same one on every server.
    pub hash: String,
    /// The file, as errors name it.
    pub file: String,
    /// The text.
    pub text: Arc<str>,
    /// The modules that it imports, and those that they import, before whoever imports them.
    pub imports: Vec<Module>,
}

/// Why a text was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is no script.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// No service can be called so.
    #[error("{0:?} cannot be the name of a service: it has small letters, digits, - and _, and at most 64 of them")]
    Name(String),
    /// There are too many.
    #[error("there are {MOST} services already")]
    Full,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shelf {
    editions: RwLock<BTreeMap<String, Arc<Edition>>>,
    /// The last version of what is served no more: made anew, its numbers go on.
    past: RwLock<BTreeMap<String, u32>>,
    limits: Limits,
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { editions: RwLock::default(), past: RwLock::default(), limits }
    }

    /// What scripts may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Serves a text under a name from now on. The same text as before stays the same version.
    ///
    /// # Errors
    /// When it is broken; what was served under the name is served on.
    pub fn publish(&self, name: &str, file: &str, text: &str) -> Result<Arc<Edition>, Broken> {
        self.publish_with(name, (file, text), &imports::of_house)
    }

    /// The same of a text that may import what is in that library. Other modules make another version.
    ///
    /// # Errors
    /// When it, or what it imports, is broken.
    pub fn publish_with(
        &self,
        name: &str,
        (file, text): (&str, &str),
        library: Library<'_>,
    ) -> Result<Arc<Edition>, Broken> {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_fine) {
            return Err(Broken::Name(name.to_owned()));
        }
        let is_same = |edition: &Arc<Edition>| *edition.text == *text && edition.file == file;
        let before = self.find(name).filter(is_same);
        if let Some(same) = before.as_ref().filter(|same| same.imports.is_empty() && !text.contains("import")) {
            return Ok(same.clone());
        }
        let engine = engine(&self.limits);
        let ast = check_text(&engine, &self.limits, file, text)?;
        let imports = imports::gather(&engine, &self.limits, (file, &ast), library)?;
        if let Some(same) = before.filter(|same| same.imports == imports) {
            return Ok(same);
        }
        let hash = hash_of(text, &imports);
        let mut edition =
            Edition { name: name.into(), version: 0, hash, file: file.into(), text: text.into(), imports };
        imports::compile(&engine, &self.limits, &edition)?;
        let mut editions = self.editions.write().unwrap_or_else(PoisonError::into_inner);
        if editions.len() >= MOST && !editions.contains_key(name) {
            return Err(Broken::Full);
        }
        let past = self.past.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        edition.version = editions.get(name).map(|edition| edition.version).or(past).map_or(1, |before| before + 1);
        let edition = Arc::new(edition);
        editions.insert(name.into(), edition.clone());
        Ok(edition)
    }

    /// What is served under a name.
    pub fn find(&self, name: &str) -> Option<Arc<Edition>> {
        self.editions.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All that is served, by name.
    pub fn all(&self) -> Vec<Arc<Edition>> {
        self.editions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Serves nothing under a name any more; calls that run go on.
    pub fn withdraw(&self, name: &str) -> bool {
        let gone = self.editions.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let Some(edition) = gone else { return false };
        let mut past = self.past.write().unwrap_or_else(PoisonError::into_inner);
        if past.len() >= MOST {
            past.pop_first();
        }
        past.insert(name.to_owned(), edition.version);
        true
    }
}

/// The beginning of the hash of a text, and of what it imports.
fn hash_of(text: &str, imports: &[Module]) -> String {
    let mut hash = Sha256::new_with_prefix(text);
    for module in imports {
        for part in [&*module.name, &*module.text] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

impl Edition {
    /// As records name it: `3 a1b2c3d4`.
    pub fn in_words(&self) -> String {
        format!("{} {}", self.version, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_text_leaves_the_one_before_in_its_place() {
        let shelf = Shelf::default();
        let first = shelf.publish("ivr", "ivr.rhai", "fn on_invite(caller) { caller.answer(); }").expect("a script");
        let broken = shelf.publish("ivr", "ivr.rhai", "fn on_invite(caller) { caller.answer( }");
        let told = broken.expect_err("it does not parse").to_string();
        assert!(told.starts_with("ivr.rhai:1:39: "), "{told}");
        assert_eq!(shelf.find("ivr"), Some(first.clone()));
        let second = shelf.publish("ivr", "ivr.rhai", "fn on_invite(caller) { }").expect("a script");
        assert_eq!((first.version, second.version), (1, 2));
        assert_ne!(first.hash, second.hash);
        assert_eq!(shelf.publish("ivr", "ivr.rhai", "fn on_invite(caller) { }"), Ok(second));
    }

    #[test]
    fn what_is_made_anew_goes_on_with_its_numbers() {
        let shelf = Shelf::default();
        let version =
            |shelf: &Shelf| shelf.publish("ivr", "ivr.rhai", "fn on_invite(c) {}").map(|edition| edition.version);
        assert_eq!(version(&shelf), Ok(1));
        assert!(shelf.withdraw("ivr") && !shelf.withdraw("ivr"));
        assert_eq!(version(&shelf), Ok(2));
        assert_eq!(version(&shelf), Ok(2));
    }

    #[test]
    fn statements_outside_of_functions_are_refused_with_their_place() {
        let shelf = Shelf::default();
        let told = shelf.publish("ivr", "ivr.rhai", "const A = 1;\nprint(A);\nfn on_invite(c) {}").expect_err("loose");
        assert!(told.to_string().starts_with("ivr.rhai:2:1: outside of functions"), "{told}");
        assert!(shelf.publish("../ivr", "ivr.rhai", "fn on_invite(c) {}").is_err());
    }
}
