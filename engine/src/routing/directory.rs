//! The endpoints there are: those of the configuration file, and those added by command.
//!
//! What the file names wins over the database and is read-only here. The directory holds no bindings (that is the
//! [`Location`](super::Location)) and checks no passwords (that is the digest); it only knows who exists.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, RwLock},
};

use patchcord_sip::digest::Credential;

use super::{admission::Gauge, calling::Calling, digests::Digests};

/// Most endpoints one server holds. At about half a kilobyte each this is 256 MB; more wants a second server.
pub const MAX_ENDPOINTS: usize = 500_000;

/// Longest user name: what fits every phone's account field, and any E.164 number with room to spare.
pub const MAX_USER: usize = 64;

/// An account that may register.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The user part of its address and the user name of its digest.
    pub user: Arc<str>,
    /// What proves that it is it.
    pub credential: Credential,
    /// What it is asked for to prove it; `None`: what the server asks of everybody.
    pub digests: Option<Digests>,
    /// The short number that rings it.
    pub number: Option<Box<str>>,
    /// What is agreed with it in calls.
    pub calling: Arc<Calling>,
    /// Its calls now. Outlives whatever else changes of it.
    pub busy: Gauge,
    /// Who said so.
    pub origin: Origin,
}

impl Endpoint {
    /// An endpoint of that name with nothing said about it but its password.
    pub fn new(user: &str, credential: Credential, origin: Origin) -> Self {
        let (calling, busy) = (Calling::usual(), Gauge::default());
        Self { user: user.into(), credential, digests: None, number: None, calling, busy, origin }
    }
}

/// Where an endpoint is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file: read-only for everybody else.
    File,
    /// In the store: added by command.
    Store,
}

/// Why the directory did not take or give up an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The configuration file names it, and what the file names wins.
    #[error("endpoint {user} is written in the configuration file; change it there")]
    OwnedByFile {
        /// The endpoint.
        user: String,
    },
    /// Another endpoint has this number.
    #[error("number {number} already rings endpoint {user}")]
    NumberTaken {
        /// The number asked for.
        number: String,
        /// Who has it.
        user: String,
    },
    /// Another endpoint's number is this name: whoever dials it would mean both.
    #[error("name {name} is the number of endpoint {user}")]
    NameIsNumber {
        /// The name asked for.
        name: String,
        /// Whose number it is.
        user: String,
    },
    /// Another endpoint's name is this number.
    #[error("number {number} is the name of another endpoint")]
    NumberIsName {
        /// The number asked for.
        number: String,
    },
    /// The name cannot stand in a SIP address, or would have to be escaped there.
    #[error("{user:?} cannot be a user name: 1 to {MAX_USER} letters, digits and - _ . + are allowed")]
    BadName {
        /// The name asked for.
        user: String,
    },
    /// The house is full.
    #[error("there are {MAX_ENDPOINTS} endpoints already")]
    Full,
}

/// Everybody who may register. Shared by all shards; looked up once per request, changed rarely.
#[derive(Debug, Default)]
pub struct Directory {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    endpoints: HashMap<Arc<str>, Arc<Endpoint>>,
    numbers: HashMap<Box<str>, Arc<str>>,
    /// How many endpoints are asked for what, in the order in which the kinds came up.
    asked: Vec<(Option<Digests>, usize)>,
}

/// Whether `user` can be the name of an endpoint: it must need no escaping in a SIP address.
pub fn check_user(user: &str) -> Result<(), DirectoryError> {
    let fits = !user.is_empty() && user.len() <= MAX_USER;
    let plain = user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
    if fits && plain { Ok(()) } else { Err(DirectoryError::BadName { user: user.into() }) }
}

impl Directory {
    /// The endpoint of that name.
    pub fn find(&self, user: &str) -> Option<Arc<Endpoint>> {
        self.read().endpoints.get(user).cloned()
    }

    /// The endpoint which that name or that short number means; names win.
    pub fn reached_by(&self, user_or_number: &str) -> Option<Arc<Endpoint>> {
        let inner = self.read();
        let by_number = || inner.numbers.get(user_or_number).and_then(|user| inner.endpoints.get(user));
        inner.endpoints.get(user_or_number).or_else(by_number).cloned()
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<Arc<Endpoint>> {
        let mut all: Vec<_> = self.read().endpoints.values().cloned().collect();
        all.sort_unstable_by(|a, b| a.user.cmp(&b.user));
        all
    }

    /// What the `lot`th endpoint would be asked for, of all in an order that only their numbers of each kind decide.
    ///
    /// Whoever asks for a name that nobody has draws a lot by that name and is asked the same: otherwise a challenge
    /// unlike the usual one would tell that its endpoint exists.
    pub fn asked_by_lot(&self, lot: impl FnOnce() -> u64) -> Option<Digests> {
        let inner = self.read();
        if let [] | [_] = *inner.asked {
            return inner.asked.first().and_then(|(digests, _)| *digests);
        }
        let mut place = (lot() % inner.endpoints.len().max(1) as u64) as usize;
        for (digests, count) in &inner.asked {
            match place.checked_sub(*count) {
                Some(rest) => place = rest,
                None => return *digests,
            }
        }
        None
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.read().endpoints.len()
    }

    /// Adds or replaces endpoints of the store: all of them, or none and the reason.
    pub fn put(&self, endpoints: Vec<Endpoint>) -> Result<(), DirectoryError> {
        let mut inner = self.inner.write().expect("the directory is not poisoned");
        inner.check(&endpoints)?;
        for endpoint in endpoints {
            inner.insert(endpoint);
        }
        Ok(())
    }

    /// Whether [`Self::put`] would take these; the store is asked to keep them in between.
    pub fn would_take(&self, endpoints: &[Endpoint]) -> Result<(), DirectoryError> {
        self.read().check(endpoints)
    }

    /// Forgets an endpoint of the store; false when there was none.
    pub fn remove(&self, user: &str) -> Result<bool, DirectoryError> {
        let mut inner = self.inner.write().expect("the directory is not poisoned");
        match inner.endpoints.get(user) {
            Some(found) if found.origin == Origin::File => Err(DirectoryError::OwnedByFile { user: user.into() }),
            Some(_) => {
                inner.forget(user);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Takes a new set of the file's endpoints, after a reload: those it no longer names give way to the store's
    /// endpoint of that name, handed in as `stored`. Gives back who is gone or has another password, so that what they
    /// bound can go too.
    pub fn replace_file(&self, file: Vec<Endpoint>, stored: Vec<Endpoint>) -> Result<Vec<Arc<str>>, DirectoryError> {
        let mut fresh = Inner::default();
        fresh.check(&file)?;
        for endpoint in file {
            fresh.insert(endpoint);
        }
        for endpoint in stored {
            // The file wins over the store, for names and for numbers.
            let shadowed = fresh.endpoints.contains_key(&endpoint.user);
            if !shadowed && fresh.endpoints.len() < MAX_ENDPOINTS {
                let free = |number: &str| !fresh.numbers.contains_key(number) && !fresh.endpoints.contains_key(number);
                let number = endpoint.number.clone().filter(|number| free(number));
                fresh.insert(Endpoint { number, ..endpoint });
            }
        }
        let mut inner = self.inner.write().expect("the directory is not poisoned");
        for (user, known) in &mut fresh.endpoints {
            if let Some(before) = inner.endpoints.get(user) {
                Arc::make_mut(known).busy = before.busy.clone();
            }
        }
        let same = |known: &Endpoint| {
            fresh.endpoints.get(&known.user).is_some_and(|fresh| fresh.credential == known.credential)
        };
        let gone = inner.endpoints.values().filter(|known| !same(known)).map(|known| known.user.clone()).collect();
        *inner = fresh;
        Ok(gone)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().expect("the directory is not poisoned")
    }
}

impl Inner {
    fn check(&self, endpoints: &[Endpoint]) -> Result<(), DirectoryError> {
        let mut fresh_numbers: HashMap<&str, &str> = HashMap::new();
        let fresh_names: HashSet<&str> = endpoints.iter().map(|endpoint| &*endpoint.user).collect();
        let mut added = 0;
        for endpoint in endpoints {
            check_user(&endpoint.user)?;
            let mut others = self.numbers.get(&*endpoint.user).filter(|user| ***user != *endpoint.user).into_iter();
            if let Some(user) = others.find(|user| !fresh_names.contains(&***user)) {
                return Err(DirectoryError::NameIsNumber { name: endpoint.user.to_string(), user: user.to_string() });
            }
            match self.endpoints.get(&endpoint.user) {
                Some(known) if known.origin == Origin::File => {
                    return Err(DirectoryError::OwnedByFile { user: endpoint.user.to_string() });
                }
                Some(_) => {}
                None => added += 1,
            }
            if let Some(number) = endpoint.number.as_deref() {
                let holder = self.numbers.get(number).map(|user| &**user);
                let holder = holder.or_else(|| fresh_numbers.get(number).copied());
                if let Some(user) = holder.filter(|user| *user != &*endpoint.user) {
                    return Err(DirectoryError::NumberTaken { number: number.into(), user: user.into() });
                }
                let is_name = fresh_names.contains(number) || self.endpoints.contains_key(number);
                if is_name && number != &*endpoint.user {
                    return Err(DirectoryError::NumberIsName { number: number.into() });
                }
                fresh_numbers.insert(number, &endpoint.user);
            }
        }
        if self.endpoints.len() + added > MAX_ENDPOINTS { Err(DirectoryError::Full) } else { Ok(()) }
    }

    fn insert(&mut self, mut endpoint: Endpoint) {
        // Whatever it was copied from: its calls are its own.
        endpoint.busy = self.endpoints.get(&endpoint.user).map(|before| before.busy.clone()).unwrap_or_default();
        self.forget(&endpoint.user);
        if let Some(number) = &endpoint.number {
            self.numbers.insert(number.clone(), endpoint.user.clone());
        }
        match self.asked.iter_mut().find(|(digests, _)| *digests == endpoint.digests) {
            Some((_, count)) => *count += 1,
            None => self.asked.push((endpoint.digests, 1)),
        }
        self.endpoints.insert(endpoint.user.clone(), Arc::new(endpoint));
    }

    fn forget(&mut self, user: &str) {
        let Some(known) = self.endpoints.remove(user) else { return };
        if let Some(place) = self.asked.iter().position(|(digests, _)| *digests == known.digests) {
            self.asked[place].1 -= 1;
            if self.asked[place].1 == 0 {
                self.asked.remove(place);
            }
        }
        if let Some(number) = &known.number {
            self.numbers.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(user: &str, number: Option<&str>, origin: Origin) -> Endpoint {
        let credential = Credential::Password("secret".into());
        let number = number.map(Into::into);
        Endpoint { number, ..Endpoint::new(user, credential, origin) }
    }

    #[test]
    fn an_endpoint_is_found_by_its_name_and_by_its_number() {
        let directory = Directory::default();
        directory.put(vec![endpoint("alice", Some("101"), Origin::Store)]).expect("alice is new");

        assert_eq!(&*directory.reached_by("101").expect("alice rings at 101").user, "alice");
        assert_eq!(&*directory.reached_by("alice").expect("alice has a name").user, "alice");
        assert!(directory.reached_by("102").is_none());
    }

    #[test]
    fn a_number_rings_one_endpoint_only() {
        let directory = Directory::default();
        directory.put(vec![endpoint("alice", Some("101"), Origin::Store)]).expect("alice is new");

        let taken = DirectoryError::NumberTaken { number: "101".into(), user: "alice".into() };
        assert_eq!(directory.put(vec![endpoint("bob", Some("101"), Origin::Store)]), Err(taken.clone()));
        assert!(directory.find("bob").is_none());

        let both = vec![endpoint("carol", Some("7"), Origin::Store), endpoint("dave", Some("7"), Origin::Store)];
        assert_eq!(directory.put(both), Err(DirectoryError::NumberTaken { number: "7".into(), user: "carol".into() }));
        assert_eq!(directory.count(), 1, "all or none");
    }

    #[test]
    fn a_name_that_is_anothers_number_is_refused_like_two_equal_numbers() {
        let directory = Directory::default();
        directory.put(vec![endpoint("100", Some("100"), Origin::Store)]).expect("its own name may be its number");
        directory.put(vec![endpoint("101", None, Origin::Store)]).expect("101 is new");
        directory.put(vec![endpoint("alice", Some("102"), Origin::Store)]).expect("alice is new");

        let name = DirectoryError::NameIsNumber { name: "102".into(), user: "alice".into() };
        assert_eq!(directory.put(vec![endpoint("102", None, Origin::Store)]), Err(name));
        let number = DirectoryError::NumberIsName { number: "101".into() };
        assert_eq!(directory.put(vec![endpoint("bob", Some("101"), Origin::Store)]), Err(number));
        let both = vec![endpoint("7", None, Origin::Store), endpoint("dave", Some("7"), Origin::Store)];
        assert_eq!(directory.put(both), Err(DirectoryError::NumberIsName { number: "7".into() }));
        let moves = vec![endpoint("alice", Some("103"), Origin::Store), endpoint("102", None, Origin::Store)];
        assert_eq!(directory.put(moves), Ok(()), "the number is given up in the same order");
    }

    #[test]
    fn a_changed_number_is_free_for_the_next() {
        let directory = Directory::default();
        directory.put(vec![endpoint("alice", Some("101"), Origin::Store)]).expect("alice is new");
        directory.put(vec![endpoint("alice", Some("102"), Origin::Store)]).expect("alice moves");
        directory.put(vec![endpoint("bob", Some("101"), Origin::Store)]).expect("101 is free");

        assert_eq!(&*directory.reached_by("101").expect("bob rings at 101").user, "bob");
    }

    #[test]
    fn lots_fall_as_often_as_endpoints_are_asked_for_each_kind() {
        let directory = Directory::default();
        assert_eq!(directory.asked_by_lot(|| 7), None, "nobody there: as everybody");
        let strong = "sha-256".parse().ok();
        let alice = Endpoint { digests: strong, ..endpoint("alice", None, Origin::Store) };
        let others = ["bob", "carol"].map(|user| endpoint(user, None, Origin::Store));
        directory.put([vec![alice.clone()], others.to_vec()].concat()).expect("three endpoints");
        let drawn: Vec<_> = (0..6).map(|lot| directory.asked_by_lot(|| lot)).collect();
        assert_eq!(drawn, [strong, None, None, strong, None, None]);

        directory.put(vec![Endpoint { digests: None, ..alice }]).expect("alice changes");
        assert!((0..6).all(|lot| directory.asked_by_lot(|| lot).is_none()));
        assert_eq!(directory.remove("alice"), Ok(true));
        assert!((0..6).all(|lot| directory.asked_by_lot(|| lot).is_none()));
    }

    #[test]
    fn what_the_file_names_is_read_only_and_wins() {
        let directory = Directory::default();
        let (file, stored) = (endpoint("alice", Some("1"), Origin::File), endpoint("alice", Some("2"), Origin::Store));
        directory.replace_file(vec![file], vec![stored.clone()]).expect("a fine file");

        assert_eq!(directory.find("alice").expect("alice is there").origin, Origin::File);
        assert_eq!(directory.remove("alice"), Err(DirectoryError::OwnedByFile { user: "alice".into() }));
        assert_eq!(directory.put(vec![stored]), Err(DirectoryError::OwnedByFile { user: "alice".into() }));
    }

    #[test]
    fn a_reload_tells_who_is_gone_and_lets_the_store_shine_through() {
        let directory = Directory::default();
        let file = vec![endpoint("alice", None, Origin::File), endpoint("bob", None, Origin::File)];
        directory.replace_file(file, Vec::new()).expect("a fine file");

        let gone = directory.replace_file(Vec::new(), vec![endpoint("alice", None, Origin::Store)]).expect("fine");

        assert_eq!(gone, vec![Arc::from("bob")]);
        assert_eq!(directory.find("alice").expect("alice is in the store").origin, Origin::Store);
    }

    #[test]
    fn a_reload_with_another_password_tells_whose_phones_must_prove_themselves_again() {
        let directory = Directory::default();
        let alice = endpoint("alice", None, Origin::File);
        directory.replace_file(vec![alice.clone()], Vec::new()).expect("a fine file");

        assert_eq!(directory.replace_file(vec![alice.clone()], Vec::new()), Ok(Vec::new()));
        let changed = Endpoint { credential: Credential::Password("another".into()), ..alice };
        assert_eq!(directory.replace_file(vec![changed], Vec::new()), Ok(vec![Arc::from("alice")]));
    }

    #[test]
    fn a_name_that_a_sip_address_cannot_carry_plainly_is_refused() {
        for bad in ["", "al ice", "a@b", "ünal", "a;b", "<a>", &"x".repeat(MAX_USER + 1)] {
            assert_eq!(check_user(bad), Err(DirectoryError::BadName { user: bad.into() }));
        }
        for good in ["alice", "101", "+4930123", "a.b-c_d"] {
            assert_eq!(check_user(good), Ok(()));
        }
    }
}
