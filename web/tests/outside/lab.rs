//! A porter with a store of its own, and what it answers.

use std::{collections::HashMap, fs, path::PathBuf, sync::Arc, time::Duration};

use patchcord_web::{
    outside::{Porter, RuleBook, Rules, Settings},
    store::{Place, Store},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Handle;

/// Long enough for a machine that does many other things.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The rules of each service, by its name.
#[derive(Default)]
struct Book(HashMap<String, Rules>);

impl RuleBook for Book {
    fn rules(&self, service: &str) -> Option<Rules> {
        self.0.get(service).cloned()
    }
}

/// A house with nothing in it but a porter.
pub struct Lab {
    pub porter: Porter,
    pub store: Store,
    folder: TempDir,
}

impl Lab {
    /// One where service `ivr` may do what these rules say, and no other anything.
    pub async fn new(rules: Rules) -> Self {
        Self::with(rules, Settings::default()).await
    }

    /// One with a configuration.
    pub async fn with(rules: Rules, settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::parse("sqlite:patchcord.db", folder.path()).expect("a place");
        let store = Store::open(&place, folder.path()).await.expect("the store opens");
        let book = Book([("ivr".to_owned(), rules)].into());
        let recordings = folder.path().join("recordings");
        fs::create_dir(&recordings).expect("a folder");
        let settings = Settings { recordings, ..settings };
        let porter = Porter::new(Handle::current(), store.clone(), Arc::new(book), settings).expect("a porter");
        Self { porter, store, folder }
    }

    /// Where the recording of that name lies, if it is there.
    pub fn recording(&self, name: &str) -> PathBuf {
        self.folder.path().join("recordings").join(name)
    }

    /// Makes a recording of that name.
    pub fn record(&self, name: &str, bytes: &[u8]) {
        let path = self.recording(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    /// What `ivr` is answered.
    pub async fn ask(&self, noun: &str, ask: Value) -> Result<Value, String> {
        self.ask_as("ivr", noun, ask).await
    }

    pub async fn ask_as(&self, service: &str, noun: &str, ask: Value) -> Result<Value, String> {
        let answer = self.porter.answer(service, noun, &ask.to_string(), PATIENCE).await?;
        Ok(serde_json::from_str(&answer).expect("an answer is JSON"))
    }

    /// Why `ivr` is not answered.
    pub async fn refusal(&self, noun: &str, ask: Value) -> String {
        self.ask(noun, ask).await.expect_err("this is refused")
    }
}
