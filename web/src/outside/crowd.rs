//! How many errands are under way, of all services and of one.
//!
//! Refuses what is over either limit: a service whose web server has become slow takes no place from the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Errands at once. Each holds a task, and perhaps a connection and an answer of a megabyte.
const MOST: usize = 1024;

/// Errands of one service at once.
const MOST_OF_ONE: usize = 256;

/// Who is outside.
#[derive(Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    entered: u64,
    refused: u64,
    of: HashMap<String, usize>,
}

/// A place for one errand, given back when it goes.
pub(super) struct Place {
    crowd: Crowd,
    service: String,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("{MOST} errands of scripts are under way already; try again later")]
    All,
    #[error(
        "{MOST_OF_ONE} errands of service {0} are under way already; see what answers so slowly, or ask with a shorter timeout"
    )]
    Service(String),
}

impl Crowd {
    /// A place for one errand of that service.
    pub(super) fn enter(&self, service: &str) -> Result<Place, Full> {
        let mut counts = self.counts();
        if counts.all >= MOST {
            counts.refused += 1;
            return Err(Full::All);
        }
        let of_service = counts.of.entry(service.to_owned()).or_default();
        if *of_service >= MOST_OF_ONE {
            counts.refused += 1;
            return Err(Full::Service(service.into()));
        }
        *of_service += 1;
        counts.all += 1;
        counts.entered += 1;
        Ok(Place { crowd: self.clone(), service: service.into() })
    }

    /// How many are outside now, how many ever were, and how many found no place.
    pub(super) fn told(&self) -> (usize, u64, u64) {
        let counts = self.counts();
        (counts.all, counts.entered, counts.refused)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole whatever happened to whoever changed them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts();
        counts.all -= 1;
        if let Some(of_service) = counts.of.get_mut(&self.service) {
            *of_service -= 1;
            if *of_service == 0 {
                counts.of.remove(&self.service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_service_takes_no_place_from_the_others() {
        let crowd = Crowd::default();
        let mut inside: Vec<_> = (0..MOST_OF_ONE).map(|_| crowd.enter("slow").expect("a place")).collect();
        assert_eq!(crowd.enter("slow").err(), Some(Full::Service("slow".into())));
        let other = crowd.enter("quick").expect("there is room for another");
        inside.pop();
        inside.push(crowd.enter("slow").expect("one went, so one may come"));
        drop((inside, other));
        let counts = crowd.counts();
        assert_eq!((counts.all, counts.of.len()), (0, 0), "nothing is kept of who has gone");
        drop(counts);
        assert_eq!(crowd.told(), (0, MOST_OF_ONE as u64 + 2, 1));
    }

    #[test]
    fn all_together_are_bounded() {
        let crowd = Crowd::default();
        let inside: Vec<_> = (0..MOST).map(|index| crowd.enter(&format!("s{}", index % 8)).expect("a place")).collect();
        assert_eq!(crowd.enter("ninth").err(), Some(Full::All));
        drop(inside);
        assert!(crowd.enter("ninth").is_ok());
    }
}
