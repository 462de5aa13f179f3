//! Variations of a test: the caller hangs up wherever the story waits, and what happens at once happens in other orders.

use super::suite::place_of;
use crate::simulator::{Point, When};

/// Variations of one test, at most: a test of a day's calls would have more than anybody waits for.
const MOST: usize = 2_000;

/// Orders that are tried of what happens at once.
const ORDERS: u64 = 8;

/// One way in which a test may also go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variation {
    /// Where the caller hangs up.
    pub hang_up: Option<(usize, Point, When)>,
    /// What the order of things of one instant is drawn from.
    pub orders: Option<u64>,
}

impl Variation {
    /// As somebody is told it.
    pub fn in_words(&self) -> String {
        let hang_up = self.hang_up.as_ref().map(|(_, point, when)| {
            let when = match when {
                When::AtOnce => "as soon as the story waits in",
                When::Halfway => "in the middle of",
                When::JustBefore => "just before the end of",
            };
            format!("the caller hangs up {when} {}", place_of(point))
        });
        let orders = self.orders.map(|orders| format!("what happens at once comes in order {orders}"));
        hang_up.into_iter().chain(orders).collect::<Vec<_>>().join(", and ")
    }
}

/// All that are tried of a test that met these points.
pub(super) fn variations(points: &[Point], choices: u32, seed: u64) -> Vec<Variation> {
    let shuffles = choices > 0;
    let orders = (0..ORDERS).filter(|_| shuffles).map(|number| Some(seed.wrapping_add(number)));
    let mut all: Vec<Variation> = orders.map(|orders| Variation { hang_up: None, orders }).collect();
    for (number, point) in points.iter().enumerate() {
        let waits = !point.waits.is_zero();
        let whens =
            [When::AtOnce, When::Halfway, When::JustBefore].into_iter().filter(|when| waits || *when == When::AtOnce);
        for when in whens {
            let hang_up = Some((number, point.clone(), when));
            all.push(Variation { hang_up: hang_up.clone(), orders: None });
            if shuffles {
                all.push(Variation { hang_up, orders: Some(seed.wrapping_add(number as u64)) });
            }
        }
    }
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_is_left_at_its_beginning_in_its_middle_and_at_its_end() {
        let point = |waits| Point { verb: "gather".into(), place: Some("ivr.rhai:4".into()), waits };
        let all = variations(&[point(Duration::from_secs(5)), point(Duration::ZERO)], 0, 1);
        let words: Vec<_> = all.iter().map(Variation::in_words).collect();
        assert_eq!(
            words,
            [
                "the caller hangs up as soon as the story waits in gather (ivr.rhai:4)",
                "the caller hangs up in the middle of gather (ivr.rhai:4)",
                "the caller hangs up just before the end of gather (ivr.rhai:4)",
                "the caller hangs up as soon as the story waits in gather (ivr.rhai:4)",
            ]
        );
        assert_eq!(variations(&[], 3, 1).len(), 8, "orders alone");
    }
}
