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
//! name and the time say what came first. Who a receiver is, is said by the configuration, or by an admin on the page.
//!
//! | file | what it knows |
//! |---|---|
//! | `event` | what is told, and its name |
//! | `receivers` | who is told of what |
//! | `delivery` | one request: signed, sent, judged |
//! | `watch` | who tells: calls, registrations, trunks |
//! | `work` | the tasks: collecting, delivering, forgetting |

mod delivery;
mod event;
mod receivers;
mod watch;
mod work;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

pub use delivery::{receiver, sign};
pub use event::{EVENTS, Pattern, UnknownEvent};
pub use receivers::Receiver;
pub use watch::{ToldRecords, ToldRegistrations};
pub use work::{Unopened, run};

use crate::{metrics::Exposition, store::webhooks::Delivery};

/// Receivers, of the configuration and others: each has a task and a connection.
pub const MOST_RECEIVERS: usize = 16;

/// Letters of a secret: fewer are guessed by whoever has one delivery in hand.
pub const SHORTEST_SECRET: usize = 16;

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
    receivers: RwLock<Arc<[Receiver]>>,
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
    /// The one receiver it is for; none: whoever wants it.
    only: Option<String>,
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
        let receivers = RwLock::new(receivers::configured(settings));
        Self { receivers, told, number: AtomicU64::new(0), kept, tally: Tally::default() }
    }

    /// Who is told: those of the configuration first.
    pub fn receivers(&self) -> Arc<[Receiver]> {
        self.receivers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these are told beside those of the configuration.
    pub fn tell_also(&self, added: Vec<Receiver>) {
        let mut receivers = self.receivers.write().unwrap_or_else(PoisonError::into_inner);
        *receivers = receivers::with(&receivers, added);
    }

    /// Whether anybody wants to hear of that.
    pub fn wants(&self, event: &str) -> bool {
        self.receivers().iter().any(|receiver| receiver.takes(event))
    }

    /// Something has happened. Never waits; what finds no place is lost and counted.
    pub fn tell(&self, event: &'static str, at: SystemTime, facts: impl FnOnce() -> Value) {
        self.tell_some(event, at, facts, None);
    }

    fn tell_some(&self, event: &'static str, at: SystemTime, facts: impl FnOnce() -> Value, only: Option<String>) {
        let want = self.wanted_by(event, only.as_deref()).len();
        if want == 0 {
            return;
        }
        if self.hold().len() >= MOST_TOLD {
            self.tally.lost.fetch_add(want as u64, Relaxed);
            return;
        }
        let told = Told { event, at, facts: facts(), only };
        self.hold().push_back(told);
    }

    /// The addresses of those who want to hear of that.
    fn wanted_by(&self, event: &str, only: Option<&str>) -> Vec<String> {
        let receivers = self.receivers();
        let meant = receivers.iter().filter(|receiver| only.is_none_or(|only| receiver.url == only));
        meant.filter(|receiver| receiver.takes(event)).map(|receiver| receiver.url.clone()).collect()
    }

    /// Somebody tries whether receivers hear: the one of that address, or all.
    pub fn ping(&self, who: &str, only: Option<&str>, at: SystemTime) {
        self.tell_some(event::PING, at, || json!({ "by": who }), only.map(str::to_owned));
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

    fn deliveries(&self, Told { event, at, facts, only }: Told) -> Vec<Delivery> {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let wanted_by = self.wanted_by(event, only.as_deref());
        let mut deliveries = Vec::with_capacity(wanted_by.len());
        for url in wanted_by {
            let id = name(ms, self.number.fetch_add(1, Relaxed));
            let body = json!({ "id": id, "event": event, "at_ms": ms, "data": &facts }).to_string();
            let event = event.to_owned();
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
    fn receivers_that_are_added_hear_what_they_want_and_stay_beside_those_of_the_configuration() {
        let webhooks = Webhooks::new(settings(&["call.*"]));
        let added = |id: &str, url: &str, event: &str| {
            let events = vec![event.parse().expect("an event")];
            Receiver { id: Some(id.into()), url: url.into(), secret: "other".into(), events }
        };
        webhooks.tell_also(vec![added("a", "http://three", "trunk.*"), added("b", "http://one", "*")]);
        let urls = |webhooks: &Webhooks| webhooks.collect(100).into_iter().map(|one| one.url).collect::<Vec<_>>();
        webhooks.tell("trunk.down", UNIX_EPOCH, || Value::Null);
        assert_eq!(urls(&webhooks), ["http://three"], "the configuration says of what http://one hears");
        webhooks.ping("me", Some("http://two"), UNIX_EPOCH);
        assert_eq!(urls(&webhooks), ["http://two"]);
        webhooks.tell_also(Vec::new());
        webhooks.tell("trunk.down", UNIX_EPOCH, || panic!("nobody wants it"));
        assert_eq!(webhooks.receivers().len(), 2);
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
        assert!(!format!("{:?}", Webhooks::new(settings).receivers()).contains("hunter2"));
    }
}
