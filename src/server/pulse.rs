//! Whether each shard still does anything: one on which something never comes back serves no call any more, and says nothing of it.
//!
//! Scripts are stopped every few thousand operations, so none should hold its shard; this is for what nobody thought of. Each shard is asked
//! a question that every shard can answer at once, and where no answer comes, the log, `/readyz` and the metrics say so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use patchcord_engine::{
    occasion::{Asking, Kind, Occasion},
    runtime::{Runtime, clock},
};
use serde_json::Value;
use tokio::sync::watch;
use tracing::{error, info};

/// How often each is asked.
const ASK_EACH: Duration = Duration::from_secs(5);

/// How long an answer may take: far longer than any turn, and shorter than a caller waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which shards do not answer.
#[derive(Debug, Default)]
pub struct Pulse {
    /// One bit for each shard that is silent; what lies beyond is not told apart.
    silent: AtomicU64,
}

impl Pulse {
    /// The shards that have not answered for too long.
    pub fn silent(&self) -> Vec<usize> {
        let bits = self.silent.load(Relaxed);
        (0..64).filter(|shard| bits & (1 << shard) != 0).collect()
    }

    fn note(&self, shard: usize, is_silent: bool) {
        let bit = 1 << shard.min(63);
        match is_silent {
            true => self.silent.fetch_or(bit, Relaxed),
            false => self.silent.fetch_and(!bit, Relaxed),
        };
    }
}

/// What was asked of one shard.
#[derive(Default)]
struct Beat {
    /// Since when it owes an answer.
    owes: Option<Instant>,
    answered: Arc<AtomicU64>,
    asked: u64,
}

/// What is to be said of a shard.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    FallsSilent,
    IsBack,
}

impl Beat {
    /// Looks whether it has answered; whether it is to be asked again, and what there is to say.
    fn look(&mut self, now: Instant, was_silent: bool) -> (bool, Says) {
        let answered = self.answered.load(Relaxed) == self.asked;
        match self.owes {
            _ if answered => {
                self.owes = Some(now);
                self.asked += 1;
                (true, if was_silent { Says::IsBack } else { Says::Nothing })
            }
            Some(since) if !was_silent && now.saturating_duration_since(since) >= PATIENCE => {
                (false, Says::FallsSilent)
            }
            _ => (false, Says::Nothing),
        }
    }
}

/// Asks each shard again and again, until `stopped` says that it is over.
pub async fn keep(pulse: Arc<Pulse>, runtime: Arc<Runtime>, mut stopped: watch::Receiver<bool>) {
    let mut beats: Vec<Beat> = (0..runtime.shards()).map(|_| Beat::default()).collect();
    let mut turn = tokio::time::interval(ASK_EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            _ = turn.tick() => {}
        }
        let silent = pulse.silent();
        for (shard, beat) in beats.iter_mut().enumerate() {
            let (ask, says) = beat.look(clock::now(), silent.contains(&shard));
            match says {
                Says::Nothing => {}
                Says::FallsSilent => {
                    error!(shard, "a shard does nothing any more: its calls hang, and new ones on it are not answered");
                    pulse.note(shard, true);
                }
                Says::IsBack => {
                    info!(shard, "a shard goes on");
                    pulse.note(shard, false);
                }
            }
            if ask {
                let (answered, asked) = (beat.answered.clone(), beat.asked);
                // No service has an empty name: the shard says so at once, and that it says anything is the answer.
                let nobody = Occasion::new(Kind::Timer, "pulse", &Value::Null);
                runtime.ask_on(shard, Asking::new("", nobody, move |_| answered.store(asked, Relaxed)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_owes_an_answer_for_too_long_is_told_once_and_when_it_is_back() {
        let start = clock::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut beat = Beat::default();
        assert_eq!(beat.look(at(0), false), (true, Says::Nothing), "it is asked");
        assert_eq!(beat.look(at(5), false), (false, Says::Nothing));
        assert_eq!(beat.look(at(15), false), (false, Says::FallsSilent));
        assert_eq!(beat.look(at(20), true), (false, Says::Nothing), "once is enough");
        beat.answered.store(beat.asked, Relaxed);
        assert_eq!(beat.look(at(25), true), (true, Says::IsBack));
        beat.answered.store(beat.asked, Relaxed);
        assert_eq!(beat.look(at(30), false), (true, Says::Nothing));
        let pulse = Pulse::default();
        pulse.note(3, true);
        assert_eq!(pulse.silent(), [3]);
        pulse.note(3, false);
        assert!(pulse.silent().is_empty());
    }
}
