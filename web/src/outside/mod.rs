//! The world outside a call, as far as scripts reach it.
//!
//! A script asks by a noun and a JSON text, and gets a JSON text or an error in words; it never waits longer than it said.
//! What a service may reach is said by its manifest and looked up here for each ask, so it holds whatever the script says.
//!
//! ```text
//! Porter ──▶ place for one more? ──▶ noun
//!              store     values that stay, per service or shared      crate::store::shelf
//!              http      servers that the manifest names              crate::fetch::connect
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `rules` | what a service may reach |
//! | `crowd` | how many errands are under way, of all and of one service |
//! | `http` | asks of servers, redirects, bodies |
//! | `store` | keys, values and how long they stay |
//!
//! Nothing here knows of calls, of scripts or of who waits for an answer.

mod crowd;
mod http;
mod rules;
mod store;

use std::{sync::Arc, time::Duration};

use patchcord_engine::{
    errand::{Outside, Reply, World},
    runtime::clock,
};
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{runtime::Handle, sync::watch};

pub use rules::{Hosts, NoHost, RuleBook, Rules};

use crate::{
    fetch::{Reach, connect::Connect},
    problem::chain,
    store::Store,
};
use crowd::{Crowd, Place};

/// The longest text that is taken as an ask: the largest body that is sent, and what is around it.
const LONGEST_ASK: usize = 3 << 20;

/// The longest that any errand may take, whatever is said: a caller waits in silence or with music meanwhile.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(120);

/// How often lapsed values are taken away. Nobody sees them; they only take room.
const SWEEP_EACH: Duration = Duration::from_secs(60);

/// Who runs the errands of scripts. Clones are the same one.
#[derive(Clone)]
pub struct Porter {
    runtime: Handle,
    rooms: Arc<Rooms>,
}

struct Rooms {
    crowd: Crowd,
    rules: Arc<dyn RuleBook>,
    store: store::Values,
    http: http::Http,
}

/// What the porter works with.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Authorities that are trusted beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Why scripts reach nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// TLS cannot be set up.
    #[error("scripts cannot reach anything: TLS does not start")]
    Tls(#[from] rustls::Error),
}

/// Why an ask is not understood.
#[derive(Debug, thiserror::Error)]
enum Misasked {
    #[error("there is no {0:?} that a script could ask; there are store and http")]
    NoSuchNoun(String),
    #[error("the ask has {0} bytes, and {LONGEST_ASK} are the most")]
    TooLong(usize),
    #[error("the ask is not understood")]
    Unreadable(#[from] serde_json::Error),
}

impl Porter {
    /// One that works on that runtime, keeps values in that store and lets services do what those rules say.
    ///
    /// # Errors
    /// When TLS cannot be had. Nothing is asked of the network here.
    pub fn new(runtime: Handle, store: Store, rules: Arc<dyn RuleBook>, settings: Settings) -> Result<Self, Unopened> {
        let connect = Connect::new(Reach::default(), settings.authorities)?;
        let (store, http) = (store::Values::new(store), http::Http::new(&connect));
        Ok(Self { runtime, rooms: Arc::new(Rooms { crowd: Crowd::default(), rules, store, http }) })
    }

    /// Runs one errand, for as long as it may take, and gives its answer as JSON.
    ///
    /// # Errors
    /// In words for whoever wrote the script: what was refused or failed, and what can be done.
    pub async fn answer(&self, service: &str, noun: &str, ask: &str, patience: Duration) -> Result<String, String> {
        let place = self.rooms.crowd.enter(service).map_err(|full| full.to_string())?;
        self.rooms.run_in(place, service, noun, ask, patience).await
    }

    /// Takes away what has lapsed, until `stopped` says that it is over.
    pub async fn tidy(self, mut stopped: watch::Receiver<bool>) {
        let mut turn = tokio::time::interval(SWEEP_EACH);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = turn.tick() => self.rooms.store.sweep(clock::wall()).await,
            }
        }
    }
}

impl World for Porter {
    fn go(&self, errand: Outside, reply: Reply) {
        // Before there is a task for it: what waits here is bounded, too.
        let place = match self.rooms.crowd.enter(&errand.service) {
            Ok(place) => place,
            Err(full) => return reply.with(Err(full.to_string())),
        };
        let rooms = self.rooms.clone();
        self.runtime.spawn(async move {
            let Outside { service, noun, ask, patience } = errand;
            reply.with(rooms.run_in(place, &service, &noun, &ask, patience).await);
        });
    }
}

impl Rooms {
    async fn run_in(
        &self,
        _place: Place,
        service: &str,
        noun: &str,
        ask: &str,
        patience: Duration,
    ) -> Result<String, String> {
        let patience = patience.min(LONGEST_PATIENCE);
        let told = tokio::time::timeout(patience, self.run(service, noun, ask)).await;
        told.unwrap_or_else(|_| Err(format!("{noun}: no answer within {}", told_time(patience))))
    }

    async fn run(&self, service: &str, noun: &str, ask: &str) -> Result<String, String> {
        let rules = self.rules.rules(service).unwrap_or_default();
        match noun {
            "store" => told(noun, self.store.answer(service, ask, clock::wall()).await),
            "http" => told(noun, self.http.answer(&rules.hosts, ask).await),
            _ => Err(Misasked::NoSuchNoun(noun.into()).to_string()),
        }
    }
}

/// An answer as JSON, or why there is none under the name of what was asked.
fn told<E: std::error::Error>(noun: &str, answer: Result<Value, E>) -> Result<String, String> {
    answer.map(|answer| answer.to_string()).map_err(|error| format!("{noun}: {}", chain(&error)))
}

fn read<T: DeserializeOwned>(ask: &str) -> Result<T, Misasked> {
    if ask.len() > LONGEST_ASK {
        return Err(Misasked::TooLong(ask.len()));
    }
    Ok(serde_json::from_str(ask)?)
}

/// A time as people say it.
fn told_time(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{millis} ms"),
    }
}
