//! Waiting for a fact with a deadline. Never waits for time to pass.

use std::time::Duration;

use tokio::time::{interval, timeout};

/// How long a scenario waits for one fact before it calls it missing: long for a machine, short for a person.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often a fact is asked for when nobody tells of it by itself.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);

/// Asks until the answer is there; panics with the name of the fact when it does not come.
pub async fn eventually<T>(fact: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut rhythm = interval(BETWEEN_QUESTIONS);
        loop {
            rhythm.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    let answer = timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain: {fact}"))
}
