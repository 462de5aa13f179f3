//! A porter with a store of its own, and what it answers.

use std::{collections::HashMap, sync::Arc, time::Duration};

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
    _folder: TempDir,
}

impl Lab {
    /// One where service `ivr` may do what these rules say, and no other anything.
    pub async fn new(rules: Rules) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::parse("sqlite:patchcord.db", folder.path()).expect("a place");
        let store = Store::open(&place, folder.path()).await.expect("the store opens");
        let book = Book([("ivr".to_owned(), rules)].into());
        let porter = Porter::new(Handle::current(), store.clone(), Arc::new(book), Settings::default());
        Self { porter: porter.expect("a porter"), store, _folder: folder }
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
