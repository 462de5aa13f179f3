//! How much is enough: calls at once, and new calls a second.
//!
//! ```text
//! Gauge   how many there are now; whoever enters holds a Ticket, and a dropped Ticket gives its room back once
//! Pace    a token bucket of one second's worth
//! Full    which limit was met, and how the caller hears of it
//! ```
//!
//! Atomics only: they lie on the way of every call of every shard. A gauge outlives the settings that it is held
//! against, so a reload changes a limit and forgets no call. Emergencies enter always, and are counted.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::{Duration, Instant},
};

/// Calls at once of the whole server, unless told otherwise: what one machine with sound carries.
pub const DEFAULT_CALLS: u32 = 5_000;

/// Calls at once of an endpoint that says nothing of it: one for each of the phones that it may register, and far less
/// than a stolen password could cost.
pub const DEFAULT_ENDPOINT_CALLS: u32 = 10;

/// Calls at once from one address that nobody knows, unless told otherwise: a busy office that calls without an account, and few
/// of the ports that sound has.
pub const DEFAULT_STRANGER_CALLS: u32 = 20;

/// Strangers whose calls are counted at once. Were they all to call as much as they may, the server had long been full.
const MOST_STRANGERS: usize = 4_096;

/// When to come back to a full server or trunk: calls end every few seconds where there are so many of them.
const COME_BACK: Duration = Duration::from_secs(5);

/// When to come back to a server that is emptied: it is about to be restarted, which takes that long.
const COME_BACK_LATER: Duration = Duration::from_secs(30);

/// How many of something there are now. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU32>);

/// Room that somebody takes up, until it is dropped.
#[derive(Debug)]
#[must_use = "a ticket gives its room back when it is dropped"]
pub struct Ticket(Arc<AtomicU32>);

impl Gauge {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// One more, if there are fewer than `limit`; or whatever there are, when it is `urgent`.
    pub fn enter(&self, limit: Option<u32>, urgent: bool) -> Option<Ticket> {
        let limit = limit.filter(|_| !urgent).unwrap_or(u32::MAX);
        let one_more = |count: u32| (count < limit).then(|| count + 1);
        self.0.fetch_update(AcqRel, Acquire, one_more).ok()?;
        Some(Ticket(self.0.clone()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

/// Calls at once by address, of those who have shown nothing but that.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<HashMap<IpAddr, Gauge>>);

impl Strangers {
    /// Room for one more call from there.
    pub fn enter(&self, address: IpAddr, limit: u32, urgent: bool) -> Option<Ticket> {
        let source = match address.to_canonical() {
            // One machine has all addresses of such a network.
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address => address,
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_STRANGERS && !known.contains_key(&source) {
            known.retain(|_, gauge| gauge.count() > 0);
            if known.len() >= MOST_STRANGERS {
                return None;
            }
        }
        known.entry(source).or_default().enter(Some(limit), urgent)
    }
}

/// New calls a second. A second's worth may come at once; after that they are spread.
#[derive(Debug, Default)]
pub struct Pace {
    /// Nanoseconds after the first call: until when all that was let through would have taken, evenly spread.
    spent_until: AtomicU64,
    first: OnceLock<Instant>,
}

impl Pace {
    /// Lets one through, or says when the next may come.
    pub fn take(&self, per_second: u32, now: Instant) -> Result<(), Duration> {
        const SECOND: u64 = 1_000_000_000;
        let each = SECOND / u64::from(per_second.max(1));
        let ahead = SECOND - each;
        let now = nanos(now.saturating_duration_since(*self.first.get_or_init(|| now)));
        let mut wait = 0;
        let step = |until: u64| {
            let until = until.max(now);
            wait = (until - now).saturating_sub(ahead);
            (wait == 0).then(|| until.saturating_add(each))
        };
        let taken = self.spent_until.fetch_update(AcqRel, Acquire, step);
        taken.map(drop).map_err(|_| Duration::from_nanos(wait))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Which limit a call met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The server has as many calls as it may have.
    #[error("the server has {limit} calls, as many as [limits] calls allows")]
    Server {
        /// How many that is.
        limit: u32,
    },
    /// The server takes no new calls until somebody says so.
    #[error("the server is draining and takes no new calls")]
    Draining,
    /// The endpoint has as many calls as it may have, called and calling together.
    #[error("endpoint {user} has {limit} calls, as many as it may have at once")]
    Endpoint {
        /// Which.
        user: Arc<str>,
        /// How many that is.
        limit: u32,
    },
    /// The trunk has as many calls as it may have.
    #[error("trunk {trunk} has {limit} calls, as many as it may have at once")]
    Trunk {
        /// Which.
        trunk: Arc<str>,
        /// How many that is.
        limit: u32,
    },
    /// The guest has as many calls as it was given.
    #[error("a guest has {limit} calls, as many as it may have at once")]
    Guest {
        /// How many that is.
        limit: u32,
    },
    /// So many calls come from one address that nobody knows.
    #[error("an address that nobody knows has {limit} calls, as many as [limits] calls_per_stranger allows")]
    Stranger {
        /// How many that is.
        limit: u32,
    },
    /// New calls of the trunk come too fast.
    #[error("trunk {trunk} may have {limit} new calls a second")]
    TrunkPace {
        /// Which.
        trunk: Arc<str>,
        /// How many that is.
        limit: u32,
        /// When the next may come.
        wait: Duration,
    },
}

impl Full {
    /// What the caller is answered.
    pub fn status(&self) -> u16 {
        match self {
            Self::Endpoint { .. } | Self::Guest { .. } => 486,
            Self::Server { .. }
            | Self::Draining
            | Self::Trunk { .. }
            | Self::Stranger { .. }
            | Self::TrunkPace { .. } => 503,
        }
    }

    /// What stands behind the status.
    pub fn phrase(&self) -> &'static str {
        match self {
            Self::Server { .. } => "Server Has All Its Calls",
            Self::Draining => "Server Takes No New Calls",
            Self::Endpoint { .. } => "Endpoint Has All Its Calls",
            Self::Guest { .. } => "The Token Has All Its Calls",
            Self::Trunk { .. } => "Trunk Has All Its Calls",
            Self::Stranger { .. } => "Your Address Has All Its Calls",
            Self::TrunkPace { .. } => "Trunk Takes No More Calls This Second",
        }
    }

    /// Seconds for Retry-After.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Endpoint { .. } | Self::Guest { .. } => None,
            Self::Server { .. } | Self::Trunk { .. } | Self::Stranger { .. } => Some(COME_BACK),
            Self::Draining => Some(COME_BACK_LATER),
            Self::TrunkPace { wait, .. } => Some(Duration::from_secs(wait.as_secs() + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        Instant::now()
    }

    #[test]
    fn a_ticket_gives_its_room_back_once() {
        let gauge = Gauge::default();
        let first = gauge.enter(Some(2), false).expect("there is room");
        let second = gauge.enter(Some(2), false).expect("there is room");
        assert!(gauge.enter(Some(2), false).is_none());
        assert_eq!(gauge.count(), 2);

        drop(first);
        assert_eq!(gauge.count(), 1);
        let third = gauge.clone().enter(Some(2), false).expect("one has left");
        drop((second, third));
        assert_eq!(gauge.count(), 0);
    }

    #[test]
    fn one_stranger_takes_no_more_than_his_share_and_the_next_has_his_own() {
        let strangers = Strangers::default();
        let at = |text: &str| text.parse().expect("an address");
        let first: Vec<_> = (0..3).filter_map(|_| strangers.enter(at("203.0.113.5"), 2, false)).collect();
        assert_eq!(first.len(), 2);
        assert!(strangers.enter(at("::ffff:203.0.113.5"), 2, false).is_none(), "the same in the other family");
        let emergency = strangers.enter(at("203.0.113.5"), 2, true).expect("help is never refused");
        let _other = strangers.enter(at("203.0.113.6"), 2, false).expect("somebody else");
        let network: Vec<_> = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
            .iter()
            .filter_map(|one| strangers.enter(at(one), 2, false))
            .collect();
        assert_eq!(network.len(), 2, "a network of IPv6 is one machine");
        drop((first, emergency));
        assert!(strangers.enter(at("203.0.113.5"), 2, false).is_some());
    }

    #[test]
    fn the_strangers_that_are_counted_are_bounded() {
        let strangers = Strangers::default();
        let at = |number: usize| IpAddr::from((0x0a00_0000 + number as u32).to_be_bytes());
        let held: Vec<_> = (0..MOST_STRANGERS).filter_map(|number| strangers.enter(at(number), 1, false)).collect();
        assert_eq!(held.len(), MOST_STRANGERS);
        assert!(strangers.enter(at(MOST_STRANGERS), 1, false).is_none());
        drop(held);
        assert!(strangers.enter(at(MOST_STRANGERS), 1, false).is_some(), "who has gone makes room");
    }

    #[test]
    fn an_emergency_enters_a_full_house_and_is_counted() {
        let gauge = Gauge::default();
        let usual = gauge.enter(Some(1), false).expect("there is room");
        let urgent = gauge.enter(Some(1), true).expect("an emergency");
        assert_eq!(gauge.count(), 2);
        drop(usual);
        assert!(gauge.enter(Some(1), false).is_none(), "the emergency takes the room up");
        drop(urgent);
        assert!(gauge.enter(Some(1), false).is_some());
    }

    #[test]
    fn a_limit_that_shrinks_lets_nobody_in_until_enough_have_left() {
        let gauge = Gauge::default();
        let tickets: Vec<_> = (0..3).map(|_| gauge.enter(Some(3), false).expect("there is room")).collect();
        assert!(gauge.enter(Some(1), false).is_none());
        drop(tickets);
        assert!(gauge.enter(Some(1), false).is_some());
    }

    #[test]
    fn threads_that_enter_and_leave_at_once_never_exceed_the_limit_and_leave_nothing() {
        let gauge = Gauge::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let ticket = gauge.enter(Some(2), false);
                        assert!(gauge.count() <= 2);
                        drop(ticket);
                    }
                });
            }
        });
        assert_eq!(gauge.count(), 0);
    }

    #[test]
    fn a_seconds_worth_may_come_at_once_and_then_they_are_spread() {
        let (pace, start) = (Pace::default(), start());
        for _ in 0..5 {
            assert_eq!(pace.take(5, start), Ok(()));
        }
        let wait = pace.take(5, start).expect_err("the sixth is too many");
        assert_eq!(wait, Duration::from_millis(200));
        assert!(pace.take(5, start + wait - Duration::from_millis(1)).is_err());
        assert_eq!(pace.take(5, start + wait), Ok(()));
        assert!(pace.take(5, start + wait).is_err());
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let pace = Full::TrunkPace { trunk: "north".into(), limit: 5, wait: Duration::from_millis(200) };
        assert_eq!((pace.status(), pace.retry_after()), (503, Some(Duration::from_secs(1))));
        let endpoint = Full::Endpoint { user: "alice".into(), limit: 4 };
        assert_eq!((endpoint.status(), endpoint.retry_after()), (486, None));
        assert_eq!(endpoint.to_string(), "endpoint alice has 4 calls, as many as it may have at once");
        let server = Full::Server { limit: 5_000 };
        assert_eq!((server.status(), server.retry_after()), (503, Some(Duration::from_secs(5))));
    }

    proptest! {
        /// In whatever rhythm they come, no stretch of time lets more through than its share and one second's worth.
        #[test]
        fn no_stretch_of_time_lets_too_many_through(
            per_second in 1..50_u32,
            steps in proptest::collection::vec(0..400_u64, 1..200),
        ) {
            let (pace, start) = (Pace::default(), start());
            let mut at = Duration::ZERO;
            let mut through = Vec::new();
            for step in steps {
                at += Duration::from_millis(step);
                if pace.take(per_second, start + at).is_ok() {
                    through.push(at);
                }
            }
            for (first, from) in through.iter().enumerate() {
                for (last, to) in through.iter().enumerate().skip(first) {
                    let share = f64::from(per_second) * (*to - *from).as_secs_f64() + f64::from(per_second);
                    prop_assert!((last - first + 1) as f64 <= share + 1e-6);
                }
            }
        }
    }
}
