//! What went wrong last when each endpoint wanted to register: for whoever asks why a phone cannot be reached.
//!
//! Only endpoints that there are have a place here, so that strangers fill nothing; and each has two: what failed where the endpoint is at home,
//! and what failed elsewhere. Whoever guesses its password from far away hides nothing of what the phone itself came to. It decides nothing. What has
//! changed is taken by whoever keeps it over restarts, so many at a time.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// Endpoints whose last failures are known. Beyond it the eldest ones are forgotten: nobody reads on so far.
pub const MOST: usize = 4_096;

/// How long the address that failed last counts as that of the phone, while nothing is registered: phones get another one each day.
const AT_HOME: Duration = Duration::from_secs(24 * 3600);

/// Longest reason that is kept: no header is repeated here for longer than it is read.
const LONGEST_WHY: usize = 256;

/// A REGISTER that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// From where.
    pub peer: SocketAddr,
    /// With which status.
    pub status: u16,
    /// And which words.
    pub why: Cow<'static, str>,
    /// How often it was refused since the endpoint last came in.
    pub times: u32,
}

/// What went wrong last for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// Where it is registered; while it is not, from the address that failed first.
    pub own: Option<Failure>,
    /// From anywhere else: the phone at another place, or a stranger.
    pub elsewhere: Option<Failure>,
}

/// Where a REGISTER came from, seen from where the endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameFrom {
    /// From an address where it is registered.
    Home,
    /// It is registered elsewhere.
    Elsewhere,
    /// It is registered nowhere.
    Unknown,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Failures(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    all: HashMap<Box<str>, Failed>,
    /// Whose failures are not written yet.
    unwritten: BTreeSet<Box<str>>,
}

impl Failed {
    fn latest(&self) -> Option<SystemTime> {
        self.own.iter().chain(&self.elsewhere).map(|failure| failure.at).max()
    }

    /// Whether a failure from there is one of the endpoint itself.
    fn is_own(&self, whence: CameFrom, peer: SocketAddr, at: SystemTime) -> bool {
        let holds = |own: &Failure| {
            own.peer.ip() != peer.ip() && own.times > 0 && at.duration_since(own.at).unwrap_or_default() < AT_HOME
        };
        match whence {
            CameFrom::Home => true,
            CameFrom::Elsewhere => false,
            CameFrom::Unknown => !self.own.as_ref().is_some_and(holds),
        }
    }
}

impl Failures {
    /// That endpoint was refused: `failure` says how; it is counted here.
    pub fn note(&self, user: &str, failure: Failure, whence: CameFrom) {
        let mut state = self.hold();
        let State { all, unwritten } = &mut *state;
        if all.len() >= MOST && !all.contains_key(user) {
            let eldest = all.iter().min_by_key(|(_, failed)| failed.latest()).map(|(user, _)| user.clone());
            if let Some(eldest) = eldest {
                all.remove(&eldest);
                unwritten.remove(&eldest);
            }
        }
        let failed = all.entry(user.into()).or_default();
        let place = match failed.is_own(whence, failure.peer, failure.at) {
            true => &mut failed.own,
            false => &mut failed.elsewhere,
        };
        let times = place.as_ref().map_or(0, |last| last.times).saturating_add(1);
        let why = match failure.why.char_indices().nth(LONGEST_WHY) {
            Some((end, _)) => failure.why[..end].to_owned().into(),
            None => failure.why,
        };
        *place = Some(Failure { times, why, ..failure });
        unwritten.insert(user.into());
    }

    /// That endpoint came in: what is noted stays, and a further failure is the first again.
    pub fn is_in(&self, user: &str) {
        let mut state = self.hold();
        let State { all, unwritten } = &mut *state;
        let Some(failed) = all.get_mut(user) else { return };
        for last in failed.own.iter_mut().chain(&mut failed.elsewhere).filter(|last| last.times > 0) {
            last.times = 0;
            unwritten.insert(user.into());
        }
    }

    /// What went wrong last, and whether it came in since.
    pub fn last(&self, user: &str) -> Failed {
        self.hold().all.get(user).cloned().unwrap_or_default()
    }

    /// What another process noted.
    pub fn restore(&self, kept: impl IntoIterator<Item = (String, Failed)>) {
        let kept = kept.into_iter().take(MOST).map(|(user, failed)| (user.into(), failed));
        self.hold().all.extend(kept);
    }

    /// Takes what is not written yet, of so many endpoints.
    pub fn take_changes(&self, most: usize) -> Vec<(String, Failed)> {
        let mut state = self.hold();
        let State { all, unwritten } = &mut *state;
        let users: Vec<Box<str>> = std::iter::from_fn(|| unwritten.pop_first()).take(most).collect();
        users.into_iter().filter_map(|user| all.get(&user).map(|failed| (user.into(), failed.clone()))).collect()
    }

    /// Those could not be written.
    pub fn give_back(&self, changes: Vec<(String, Failed)>) {
        let mut state = self.hold();
        let State { all, unwritten } = &mut *state;
        let still = changes.into_iter().filter(|(user, _)| all.contains_key(user.as_str()));
        unwritten.extend(still.map(|(user, _)| user.into_boxed_str()));
    }

    fn hold(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const HOME: &str = "192.0.2.9:5060";
    const FAR: &str = "203.0.113.66:5060";

    fn fails(failures: &Failures, user: &str, (peer, whence): (&str, CameFrom), second: u64) {
        let (at, why) = (UNIX_EPOCH + Duration::from_secs(second), "Wrong User Name Or Password".into());
        let peer = peer.parse().expect("an address");
        failures.note(user, Failure { at, peer, status: 403, why, times: 0 }, whence);
    }

    fn times(failures: &Failures, user: &str) -> (u32, u32) {
        let Failed { own, elsewhere } = failures.last(user);
        let times = |failure: Option<Failure>| failure.map_or(0, |failure| failure.times);
        (times(own), times(elsewhere))
    }

    #[test]
    fn failures_are_counted_until_the_phone_comes_in_and_the_last_stays_known() {
        let failures = Failures::default();
        fails(&failures, "alice", (HOME, CameFrom::Unknown), 1);
        fails(&failures, "alice", (HOME, CameFrom::Unknown), 2);
        assert_eq!(times(&failures, "alice"), (2, 0));
        failures.is_in("alice");
        let last = failures.last("alice").own.expect("still known");
        assert_eq!((last.times, last.at), (0, UNIX_EPOCH + Duration::from_secs(2)));
        fails(&failures, "alice", (HOME, CameFrom::Unknown), 3);
        assert_eq!(times(&failures, "alice"), (1, 0));
        assert_eq!(failures.last("bob"), Failed::default());
    }

    #[test]
    fn whoever_guesses_from_elsewhere_hides_nothing_of_what_the_phone_came_to() {
        let failures = Failures::default();
        fails(&failures, "alice", (HOME, CameFrom::Home), 1);
        fails(&failures, "alice", (FAR, CameFrom::Elsewhere), 2);
        // Also while the phone is out: its address failed first.
        fails(&failures, "alice", (FAR, CameFrom::Unknown), 3);
        let Failed { own, elsewhere } = failures.last("alice");
        let (own, elsewhere) = (own.expect("the phone's"), elsewhere.expect("the stranger's"));
        assert_eq!((own.peer.to_string().as_str(), own.times), (HOME, 1));
        assert_eq!((elsewhere.peer.to_string().as_str(), elsewhere.times), (FAR, 2));
        // A day later nobody knows where the phone is.
        fails(&failures, "alice", (FAR, CameFrom::Unknown), 2 + AT_HOME.as_secs());
        assert_eq!(failures.last("alice").own.expect("the phone's").peer.to_string(), FAR);
    }

    #[test]
    fn the_eldest_makes_place_for_one_too_many() {
        let failures = Failures::default();
        for number in 0..=MOST as u64 {
            fails(&failures, &format!("u{number}"), (HOME, CameFrom::Unknown), number);
        }
        assert_eq!(failures.last("u0"), Failed::default());
        assert!(failures.last("u1").own.is_some() && failures.last(&format!("u{MOST}")).own.is_some());
        assert_eq!(failures.take_changes(usize::MAX).len(), MOST);
    }

    #[test]
    fn what_has_changed_is_taken_once_and_so_many_at_a_time() {
        let failures = Failures::default();
        for user in ["alice", "bob", "carol"] {
            fails(&failures, user, (HOME, CameFrom::Unknown), 1);
        }
        let first = failures.take_changes(2);
        assert_eq!(first.iter().map(|(user, _)| &**user).collect::<Vec<_>>(), ["alice", "bob"]);
        assert_eq!(failures.take_changes(2).len(), 1);
        failures.give_back(first);
        assert_eq!(failures.take_changes(9).len(), 2);
        failures.is_in("alice");
        failures.is_in("alice");
        failures.is_in("nobody");
        let again = failures.take_changes(9);
        assert_eq!(again.len(), 1);

        let after = Failures::default();
        after.restore(again);
        assert_eq!((times(&after, "alice"), after.take_changes(9).len()), ((0, 0), 0));
        assert!(after.last("alice").own.is_some());
    }

    #[test]
    fn a_reason_is_kept_as_far_as_anybody_reads() {
        let failures = Failures::default();
        let (at, peer) = (UNIX_EPOCH, HOME.parse().expect("an address"));
        let failure = Failure { at, peer, status: 403, why: "ä".repeat(2 * LONGEST_WHY).into(), times: 0 };
        failures.note("alice", failure, CameFrom::Unknown);
        assert_eq!(failures.last("alice").own.expect("noted").why.chars().count(), LONGEST_WHY);
    }
}
