//! What many calls were like, beside how they came out: how well they were heard, how many there were at once, and how services fare.

use std::time::SystemTime;

use patchcord_engine::{
    journal::{CallId, Quality},
    routing::ShelfError,
};

use super::find::LOOKED_AT;
use crate::store::{PATIENCE, Store, database::on_either, failed};

const QUALITIES: &str =
    "SELECT quality FROM legs WHERE call_id >= $1 AND quality IS NOT NULL ORDER BY call_id DESC LIMIT $2";
const TIMES: &str = "SELECT began_at, ended_us FROM calls WHERE id >= $1 ORDER BY id DESC LIMIT $2";
const SERVICES: &str = "SELECT service, version, COUNT(*), COUNT(CASE WHEN outcome IN ('failed', 'crashed', 'interrupted') THEN 1 END) \
                        FROM (SELECT service, version, outcome FROM calls WHERE id >= $1 ORDER BY id DESC LIMIT $2) AS latest \
                        WHERE service IS NOT NULL GROUP BY service, version ORDER BY 3 DESC";

/// From here on sound is good, and from there on it is fair (MOS, in hundredths).
const GOOD: u16 = 400;
const FAIR: u16 = 300;

/// What many calls were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Legs that were heard well, fairly, and badly: by the worse of both directions.
    pub heard: [u64; 3],
    /// The most calls at once.
    pub peak: u64,
    /// Services and their versions, the busiest first.
    pub services: Vec<Served>,
}

/// How a version of a service fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Its name.
    pub service: String,
    /// Its version, where it has one.
    pub version: Option<String>,
    /// Calls that it heard.
    pub calls: u64,
    /// Calls of them that failed, or were cut off.
    pub failed: u64,
}

impl Store {
    /// What calls were like since then; of very many, the latest.
    pub async fn health(&self, since: SystemTime) -> Result<Health, ShelfError> {
        type Rows = (Vec<String>, Vec<(i64, Option<i64>)>, Vec<(String, Option<String>, i64, i64)>);
        let from = CallId::new(since, 0).to_string();
        let (qualities, times, services): Rows = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| async {
                    let qualities = sqlx::query_scalar(QUALITIES).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?;
                    let times = sqlx::query_as(TIMES).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?;
                    Ok((qualities, times, sqlx::query_as(SERVICES).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?))
                }
                .await)
                .map_err(failed)
            })
            .await?;
        let mut health = Health { peak: peak(&times), ..Health::default() };
        for mos in qualities.iter().filter_map(|text| worse(&serde_json::from_str(text).ok()?)) {
            let at = if mos >= GOOD {
                0
            } else if mos >= FAIR {
                1
            } else {
                2
            };
            health.heard[at] += 1;
        }
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        health.services = services
            .into_iter()
            .map(|(service, version, calls, failed)| Served {
                service,
                version,
                calls: number(calls),
                failed: number(failed),
            })
            .collect();
        Ok(health)
    }
}

/// The worse of what was heard in both directions.
fn worse(quality: &Quality) -> Option<u16> {
    let tracks = [&quality.here, &quality.there].into_iter().flatten();
    tracks.filter_map(|track| track.mos_hundredths).min()
}

/// The most calls at once, of calls that began at a millisecond and lasted so many microseconds; those that go on last for ever.
fn peak(times: &[(i64, Option<i64>)]) -> u64 {
    let mut steps: Vec<(i64, i64)> = Vec::with_capacity(times.len() * 2);
    for (began, lasted) in times {
        steps.push((began.saturating_mul(1000), 1));
        steps.extend(lasted.map(|lasted| (began.saturating_mul(1000).saturating_add(lasted), -1)));
    }
    // Where one ends when another begins, the end is first.
    steps.sort_unstable();
    let (mut now, mut most) = (0_i64, 0_i64);
    for (_, step) in steps {
        now += step;
        most = most.max(now);
    }
    u64::try_from(most).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_calls_at_one_moment() {
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[(0, Some(5_000)), (5, Some(5_000)), (10, Some(1))]), 1, "one ends when the next begins");
        assert_eq!(peak(&[(0, Some(9_000)), (5, Some(5_000)), (8, None), (30, Some(1))]), 3);
    }
}
