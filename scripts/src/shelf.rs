//! The shelf: which text is served under which name, and which version it is.
//!
//! One for the whole server. A text that is published is served to calls that begin after that; calls that run keep what they
//! began with. A text that is broken is not published, and what was there goes on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

use crate::fault::Fault;
use crate::imports::{self, Library, Module};
use crate::limits::Limits;
use crate::{check_text, engine};

/// Services at once: more than any house has numbers for.
const MOST: usize = 4_096;

/// Texts of one service whose numbers are known: more than anybody goes back to.
const KNOWN: usize = 64;

/// The whole hash of a text.
pub type Digest = [u8; 32];

/// A text that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The name of the service.
    pub name: String,
    /// Counted from 1. A text that was served before has the number that it had.
    pub version: u32,
    /// Of the text and of what it imports: the same text has the same one on every server.
    pub digest: Digest,
    /// The file, as errors name it.
    pub file: String,
    /// The text.
    pub text: Arc<str>,
    /// The modules that it imports, and those that they import, before whoever imports them.
    pub imports: Vec<Module>,
}

impl Edition {
    /// What went wrong in a run of it.
    pub(crate) fn fault(&self, limits: &Limits, error: &rhai::EvalAltResult) -> Fault {
        Fault::of_running(limits, &self.file, &|file| self.text_of(file), error)
    }

    /// The text of one of its files.
    fn text_of(&self, file: &str) -> Option<&str> {
        let module = || self.imports.iter().find(|module| module.file == file).map(|module| &*module.text);
        if file == self.file { Some(&self.text) } else { module() }
    }
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
    /// Which numbers were given, also of what is served no more.
    numbers: RwLock<BTreeMap<String, Numbers>>,
    limits: Limits,
}

/// The numbers of one service.
#[derive(Debug, Default)]
struct Numbers {
    /// The highest that was given.
    last: u32,
    /// Which text had which; the one that was published last stands behind.
    known: VecDeque<(Digest, u32)>,
}

impl Numbers {
    /// The number of a text: the one that it had, or the next.
    fn of(&mut self, digest: Digest) -> u32 {
        let had = self.known.iter().position(|(known, _)| *known == digest).and_then(|at| self.known.remove(at));
        let number = had.map_or(self.last.saturating_add(1), |(_, number)| number);
        self.remember(digest, number);
        number
    }

    fn remember(&mut self, digest: Digest, number: u32) {
        self.last = self.last.max(number);
        if self.known.len() >= KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((digest, number));
    }
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { editions: RwLock::default(), numbers: RwLock::default(), limits }
    }

    /// What scripts may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A text of that name had that number before this shelf was there. The one that was served last is told last.
    pub fn remember(&self, name: &str, digest: Digest, number: u32) {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        self.numbers_of(&mut numbers, name).remember(digest, number);
    }

    /// The numbers of a service. Where there are too many names, one makes room that is not served.
    fn numbers_of<'a>(&self, all: &'a mut BTreeMap<String, Numbers>, name: &str) -> &'a mut Numbers {
        if all.len() >= 2 * MOST && !all.contains_key(name) {
            let idle = all.keys().find(|known| self.find(known).is_none()).cloned();
            idle.map(|idle| all.remove(&idle));
        }
        all.entry(name.to_owned()).or_default()
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
        self.publish_if(name, (file, text), library, |_| true).map(|served| served.expect("any is wanted"))
    }

    /// The same where its hash is one that is wanted; `None` where it is not, and nothing has changed.
    ///
    /// # Errors
    /// When it, or what it imports, is broken.
    pub fn publish_if(
        &self,
        name: &str,
        (file, text): (&str, &str),
        library: Library<'_>,
        wanted: impl FnOnce(&Digest) -> bool,
    ) -> Result<Option<Arc<Edition>>, Broken> {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_fine) {
            return Err(Broken::Name(name.to_owned()));
        }
        let is_same = |edition: &Arc<Edition>| *edition.text == *text && edition.file == file;
        let before = self.find(name).filter(is_same);
        if let Some(same) = before.as_ref().filter(|same| same.imports.is_empty() && !text.contains("import")) {
            return Ok(Some(same.clone()));
        }
        let engine = engine(&self.limits);
        let ast = check_text(&engine, &self.limits, file, text)?;
        let imports = imports::gather(&engine, &self.limits, (file, &ast), library)?;
        if let Some(same) = before.filter(|same| same.imports == imports) {
            return Ok(Some(same));
        }
        let digest = digest_of(text, &imports);
        if !wanted(&digest) {
            return Ok(None);
        }
        let edition = Edition { name: name.into(), version: 0, digest, file: file.into(), text: text.into(), imports };
        imports::compile(&engine, &self.limits, &edition)?;
        self.place(edition).map(Some)
    }

    /// Puts a text that is right into its place, under its number.
    fn place(&self, mut edition: Edition) -> Result<Arc<Edition>, Broken> {
        // Always before the lock of editions, and none of those is held while it looks for a name that is not served.
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        let numbers = self.numbers_of(&mut numbers, &edition.name);
        let mut editions = self.editions.write().unwrap_or_else(PoisonError::into_inner);
        if editions.len() >= MOST && !editions.contains_key(&edition.name) {
            return Err(Broken::Full);
        }
        edition.version = numbers.of(edition.digest);
        let edition = Arc::new(edition);
        editions.insert(edition.name.clone(), edition.clone());
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
        self.editions.write().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }
}

/// The hash of a text, and of what it imports.
fn digest_of(text: &str, imports: &[Module]) -> Digest {
    let mut hash = Sha256::new_with_prefix(text);
    for module in imports {
        for part in [&*module.name, &*module.text] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

/// A version, as records and pages name it: `3 a1b2c3d4`, with the beginning of its hash.
#[must_use]
pub fn in_words(number: u32, digest: &Digest) -> String {
    let [a, b, c, d, ..] = digest;
    format!("{number} {a:02x}{b:02x}{c:02x}{d:02x}")
}

impl Edition {
    /// As records name it: `3 a1b2c3d4`.
    pub fn in_words(&self) -> String {
        in_words(self.version, &self.digest)
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
        assert_ne!(first.digest, second.digest);
        assert_eq!(shelf.publish("ivr", "ivr.rhai", "fn on_invite(caller) { }"), Ok(second));
    }

    #[test]
    fn a_text_that_comes_back_has_its_number_again_and_another_one_the_next() {
        let shelf = Shelf::default();
        let version = |text: &str| shelf.publish("ivr", "ivr.rhai", text).map(|edition| edition.version);
        let (one, two, three) = ("fn on_invite(c) {}", "fn on_invite(c) { }", "fn on_invite(c) {  }");
        assert_eq!((version(one), version(one), version(two)), (Ok(1), Ok(1), Ok(2)));
        assert!(shelf.withdraw("ivr") && !shelf.withdraw("ivr"));
        assert_eq!((version(one), version(three), version(two)), (Ok(1), Ok(3), Ok(2)));
    }

    #[test]
    fn what_another_process_served_keeps_its_numbers() {
        let (before, after) = (Shelf::default(), Shelf::default());
        let text = |number: usize| format!("fn on_invite(c) {{ {} }}", " ".repeat(number));
        for number in 0..=KNOWN {
            let edition = before.publish("ivr", "ivr.rhai", &text(number)).expect("a script");
            after.remember("ivr", edition.digest, edition.version);
        }
        let version = |number| after.publish("ivr", "ivr.rhai", &text(number)).expect("a script").in_words();
        assert_eq!(version(KNOWN), before.find("ivr").expect("served").in_words());
        assert!(version(2).starts_with("3 ") && version(KNOWN + 1).starts_with(&format!("{} ", KNOWN + 2)));
        assert!(
            version(0).starts_with(&format!("{} ", KNOWN + 3)),
            "that one was forgotten; its number is given to nobody"
        );
    }

    #[test]
    fn statements_outside_of_functions_are_refused_with_their_place() {
        let shelf = Shelf::default();
        let told = shelf.publish("ivr", "ivr.rhai", "const A = 1;\nprint(A);\nfn on_invite(c) {}").expect_err("loose");
        assert!(told.to_string().starts_with("ivr.rhai:2:1: outside of functions"), "{told}");
        assert!(shelf.publish("../ivr", "ivr.rhai", "fn on_invite(c) {}").is_err());
    }
}
