//! Webhooks: what happens here, told to programs elsewhere over HTTP.
//!
//! ```text
//! calls, registrations, trunks ─told─▶ Webhooks (bounded, in memory) ─collect─▶ store ─deliver─▶ a receiver
//!                                                                                 │  2xx: forgotten
//!                                                                                 └─ else: again later; at last dead
//! ```
//!
//! Telling never waits: what finds no place is counted and lost. What has reached the store is not lost: it is tried until somebody
//! takes it, with longer and longer pauses, over a restart as well, and then lies there as dead until somebody sends it
//! again or a month has gone. So a receiver may hear something twice, by the same name; and since a late one is overtaken, the
//! name and the time say what came first. Who a receiver is, is said by the configuration alone.
//!
//! | file | what it knows |
//! |---|---|
//! | `event` | what is told, and its name |
//! | `delivery` | one request: signed, sent, judged |
//! | `watch` | who tells: calls, registrations, trunks |
//! | `work` | the tasks: collecting, delivering, forgetting |

mod delivery;
mod event;
mod watch;
mod work;

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

pub use delivery::{receiver, sign};
pub use event::{EVENTS, Pattern, UnknownEvent};
pub use watch::{ToldRecords, ToldRegistrations};
pub use work::{Unopened, run};

use crate::{metrics::Exposition, store::webhooks::Delivery};

/// Receivers in a configuration: each has a task and a connection.
pub const MOST_RECEIVERS: usize = 16;

/// Events that wait to be written: some seconds of a busy server.
const MOST_TOLD: usize = 20_000;

/// Deliveries that are kept, dead ones too. Beyond it nothing new is kept: somebody must look.
pub const MOST_KEPT: usize = 200_000;

/// After how long a delivery is tried again: a restart of the receiver, a weekend without it, and then no more.
pub const PAUSES: [Duration; 10] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(3 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// What `[webhooks]` says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who is told; none: nobody.
    pub urls: Vec<String>,
    /// What a delivery is signed with.
    pub secret: String,
    /// What they are told of.
    pub events: Vec<Pattern>,
}

/// A secret is never shown.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("urls", &self.urls).field("events", &self.events).finish_non_exhaustive()
    }
}

/// See the module.
pub struct Webhooks {
    settings: Settings,
    told: Mutex<VecDeque<Told>>,
    number: AtomicU64,
    /// How many are kept, as far as this process knows.
    kept: AtomicUsize,
    tally: Tally,
}

/// Something that happened.
struct Told {
    event: &'static str,
    at: SystemTime,
    facts: Value,
}

/// What became of deliveries.
#[derive(Debug, Default)]
struct Tally {
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    lost: AtomicU64,
}

impl Webhooks {
    /// Tells those receivers.
    pub fn new(settings: Settings) -> Self {
        let (told, kept) = (Mutex::default(), AtomicUsize::new(0));
        Self { settings, told, number: AtomicU64::new(0), kept, tally: Tally::default() }
    }

    /// Who is told.
    pub fn receivers(&self) -> &[String] {
        &self.settings.urls
    }

    /// Whether anybody wants to hear of that.
    pub fn wants(&self, event: &str) -> bool {
        !self.settings.urls.is_empty() && self.settings.events.iter().any(|pattern| pattern.takes(event))
    }

    /// Something has happened. Never waits; what finds no place is lost and counted.
    pub fn tell(&self, event: &'static str, at: SystemTime, facts: impl FnOnce() -> Value) {
        if !self.wants(event) {
            return;
        }
        let full = || self.tally.lost.fetch_add(self.settings.urls.len() as u64, Relaxed);
        if self.hold().len() >= MOST_TOLD {
            full();
            return;
        }
        let told = Told { event, at, facts: facts() };
        self.hold().push_back(told);
    }

    /// Somebody tries whether receivers hear.
    pub fn ping(&self, who: &str, at: SystemTime) {
        self.tell(event::PING, at, || json!({ "by": who }));
    }

    /// What was told since the last time, a delivery for each receiver.
    fn collect(&self, most: usize) -> Vec<Delivery> {
        let told: Vec<Told> = {
            let mut waiting = self.hold();
            let some = most.min(waiting.len());
            waiting.drain(..some).collect()
        };
        told.into_iter().flat_map(|told| self.deliveries(told)).collect()
    }

    fn deliveries(&self, Told { event, at, facts }: Told) -> Vec<Delivery> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let mut deliveries = Vec::with_capacity(self.settings.urls.len());
        for url in &self.settings.urls {
            let id = name(ms, self.number.fetch_add(1, Relaxed));
            let body = json!({ "id": id, "event": event, "at_ms": ms, "data": &facts }).to_string();
            let (url, event) = (url.clone(), event.to_owned());
            deliveries.push(Delivery { id, url, event, body, made: at, tries: 0, next: Some(at), why: None });
        }
        deliveries
    }

    /// How it goes.
    pub fn measure(&self, page: &mut Exposition) {
        let Tally { delivered, failed, dead, lost } = &self.tally;
        page.gauge("webhooks_kept", "Deliveries that no receiver has taken yet", self.kept.load(Relaxed) as u64);
        page.gauge("webhooks_told", "Events that wait to be written", self.hold().len() as u64);
        for (name, help, counter) in [
            ("webhooks_delivered", "Deliveries that were taken", delivered),
            ("webhooks_failed", "Tries that were not taken", failed),
            ("webhooks_dead", "Deliveries that are tried no more", dead),
            ("webhooks_lost", "Deliveries that found no place", lost),
        ] {
            page.counter(name, help, counter.load(Relaxed));
        }
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, VecDeque<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that no other delivery has, and that sorts by time. Two starts within a millisecond differ by chance.
fn name(ms: u64, number: u64) -> String {
    let mut drawn = [0; 6];
    // Without chance the number still tells those of one process apart.
    let _without_chance = getrandom::fill(&mut drawn);
    format!("{ms:011x}{:04x}{}", number & 0xffff, data_encoding::HEXLOWER.encode(&drawn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(events: &[&str]) -> Settings {
        let events = events.iter().map(|event| event.parse().expect("an event")).collect();
        Settings { urls: vec!["http://one".into(), "http://two".into()], secret: "s".into(), events }
    }

    #[test]
    fn each_receiver_gets_what_it_wants_by_a_name_that_sorts() {
        let webhooks = Webhooks::new(settings(&["call.*"]));
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        webhooks.tell("call.ended", at(1), || json!({ "call": "a" }));
        webhooks.tell("trunk.down", at(2), || panic!("nobody wants it, so nobody is asked"));
        webhooks.tell("call.ended", at(3), || json!({ "call": "b" }));
        let all = webhooks.collect(100);
        let urls: Vec<_> = all.iter().map(|delivery| &*delivery.url).collect();
        assert_eq!(urls, ["http://one", "http://two", "http://one", "http://two"]);
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id), "{all:#?}");
        let body: Value = serde_json::from_str(&all[0].body).expect("JSON");
        assert_eq!(
            (&body["event"], &body["data"]["call"], &body["id"]),
            (&"call.ended".into(), &"a".into(), &all[0].id.clone().into())
        );
        assert!(webhooks.collect(100).is_empty());
    }

    #[test]
    fn whoever_tells_too_much_loses_it_and_it_is_counted() {
        let webhooks = Webhooks::new(settings(&["*"]));
        (0..MOST_TOLD + 5).for_each(|_| webhooks.tell("call.ended", UNIX_EPOCH, || Value::Null));
        assert_eq!((webhooks.hold().len(), webhooks.tally.lost.load(Relaxed)), (MOST_TOLD, 10));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let settings = Settings { secret: "hunter2".into(), ..settings(&["*"]) };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
