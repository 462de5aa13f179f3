//! The schedules of services: at each moment that a manifest names, its service is asked.
//!
//! A moment that passed while the server was away is not made up for. A service that still works on one is not asked again: the next one
//! is left out, and told in the log.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use patchcord_engine::{
    occasion::{Asking, Kind, Occasion},
    runtime::{Runtime, clock},
};
use serde_json::json;
use tokio::sync::watch;
use tracing::{info, warn};

use super::manifests::Manifests;
use crate::config::manifest::Timer;

/// How often it is looked whether a moment has come: as exact as a schedule is.
const LOOK_EACH: Duration = Duration::from_secs(1);

/// What is known of each timer, by service and name.
type Known = BTreeMap<(String, String), Waiting>;

/// A timer that waits for its moment.
struct Waiting {
    /// As the manifest had it.
    timer: Timer,
    /// The next moment, since 1970; `None`: there is none any more.
    next: Option<Duration>,
    /// Whether its service works on one.
    works: Arc<AtomicBool>,
}

/// Asks services at their moments, until `stopped` says that it is over.
pub async fn keep(manifests: Manifests, runtime: Arc<Runtime>, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(LOOK_EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = Known::new();
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            _ = turn.tick() => {
                for (service, name, works) in due(&mut known, manifests.timers(), since_1970(clock::wall())) {
                    ask(&runtime, &service, &name, works);
                }
            }
        }
    }
}

fn since_1970(wall: SystemTime) -> Duration {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whose moment has come.
fn due(known: &mut Known, timers: Vec<(String, Timer)>, now: Duration) -> Vec<(String, String, Arc<AtomicBool>)> {
    let mut there = Known::new();
    let mut come = Vec::new();
    for (service, timer) in timers {
        let key = (service, timer.name.clone());
        let same = known.remove(&key).filter(|waiting| waiting.timer == timer);
        let mut waiting =
            same.unwrap_or_else(|| Waiting { next: timer.schedule.next(now), timer, works: Arc::default() });
        if waiting.next.is_some_and(|next| next <= now) {
            come.push((key.0.clone(), key.1.clone(), waiting.works.clone()));
            waiting.next = waiting.timer.schedule.next(now);
        }
        there.insert(key, waiting);
    }
    *known = there;
    come
}

fn ask(runtime: &Runtime, service: &str, name: &str, works: Arc<AtomicBool>) {
    if works.swap(true, Relaxed) {
        return warn!(service, timer = name, "the service still works on the last one; this one is left out");
    }
    info!(service, timer = name, "a timer runs");
    let occasion = Occasion::new(Kind::Timer, &format!("timer {name}"), &json!(name));
    let (of, timer) = (service.to_owned(), name.to_owned());
    runtime.ask(Asking::new(service, occasion, move |answer| {
        works.store(false, Relaxed);
        if let Err(why) = answer {
            warn!(service = of, timer, %why, "a timer failed");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcord_scripts::time::Schedule;

    fn timer(seconds: u64) -> Timer {
        Timer { name: "often".into(), schedule: Schedule::each(Duration::from_secs(seconds)) }
    }

    #[test]
    fn a_timer_comes_at_its_moment_and_not_before_and_a_changed_one_begins_anew() {
        let mut known = Known::new();
        let mut come = |each: u64, now: u64| {
            let timers = vec![("crm".to_owned(), timer(each))];
            due(&mut known, timers, Duration::from_secs(now)).len()
        };
        assert_eq!([come(60, 61), come(60, 119), come(60, 120), come(60, 121), come(60, 180)], [0, 0, 1, 0, 1]);
        assert_eq!(come(60, 1000), 1, "what passed meanwhile comes once");
        assert_eq!([come(10, 1001), come(10, 1009), come(10, 1010)], [0, 0, 1]);
        assert_eq!(due(&mut known, Vec::new(), Duration::from_secs(2000)).len(), 0);
        assert!(known.is_empty());
    }
}
