//! Who holds how many connections, and who must go when there is no room.
//!
//! A newcomer is always let in: it takes the place of the oldest connection of its own source when that holds as many
//! as it may, or else of whoever holds the most. So those who only sit there can keep nobody out for longer than an
//! answer takes.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use tokio::task::{AbortHandle, Id};

/// Connections at once on one socket. Pages and probes take a handful; each is a file descriptor that a call could want.
pub const CONNECTIONS: usize = 256;

/// Connections at once from one place in the network: a browser opens six, a proxy some more.
pub const PER_SOURCE: usize = 32;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// This machine: a command, a probe, or a proxy in front of everybody, which may hold all the places there are.
    Here,
    /// Elsewhere; of IPv6 the network, because one machine has all its addresses.
    Elsewhere(IpAddr),
}

impl Source {
    /// The source that has this address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Here,
            IpAddr::V6(address) => {
                const NETWORK: u128 = u128::MAX << 64;
                Self::Elsewhere(Ipv6Addr::from_bits(address.to_bits() & NETWORK).into())
            }
            address => Self::Elsewhere(address),
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Here => CONNECTIONS,
            Self::Elsewhere(_) => PER_SOURCE,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.pad("this machine"),
            Self::Elsewhere(address) => address.fmt(f),
        }
    }
}

/// The connections of one socket, the oldest of each source first.
#[derive(Default)]
pub struct Guests {
    held: HashMap<Source, VecDeque<AbortHandle>>,
    whose: HashMap<Id, Source>,
}

impl Guests {
    /// A connection begins; ends another when there is no room for both.
    pub fn enter(&mut self, source: Source, connection: AbortHandle) {
        let of_source = self.held.get(&source).map_or(0, VecDeque::len);
        let goes = if of_source >= source.most() {
            Some(source)
        } else if self.whose.len() >= CONNECTIONS {
            self.held.iter().max_by_key(|(_, held)| held.len()).map(|(source, _)| *source)
        } else {
            None
        };
        if let Some(oldest) = goes.and_then(|source| self.held.get(&source)?.front().cloned()) {
            self.leave(oldest.id());
            oldest.abort();
        }
        self.whose.insert(connection.id(), source);
        self.held.entry(source).or_default().push_back(connection);
    }

    /// A connection has ended.
    pub fn leave(&mut self, connection: Id) {
        let Some(source) = self.whose.remove(&connection) else { return };
        if let Some(held) = self.held.get_mut(&source) {
            held.retain(|other| other.id() != connection);
            if held.is_empty() {
                self.held.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinSet;

    use super::*;

    fn elsewhere(host: u8) -> Source {
        Source::of([198, 51, 100, host].into())
    }

    /// Which of `entering`, by their place in the row, must go.
    async fn gone(entering: impl IntoIterator<Item = Source>) -> Vec<usize> {
        let (mut guests, mut connections) = (Guests::default(), JoinSet::new());
        let ids: Vec<Id> = entering
            .into_iter()
            .map(|source| {
                let connection = connections.spawn(pending::<()>());
                let id = connection.id();
                guests.enter(source, connection);
                id
            })
            .collect();
        assert_eq!(guests.whose.len(), guests.held.values().map(VecDeque::len).sum::<usize>());
        ids.iter().enumerate().filter(|(_, id)| !guests.whose.contains_key(id)).map(|(at, _)| at).collect()
    }

    #[tokio::test]
    async fn one_source_may_hold_so_many_and_then_replaces_its_own() {
        let many = std::iter::repeat_n(elsewhere(1), PER_SOURCE + 2);
        assert_eq!(gone([elsewhere(2)].into_iter().chain(many)).await, [1, 2]);
    }

    #[tokio::test]
    async fn when_all_places_are_taken_whoever_holds_the_most_makes_room() {
        let few = (0..3).map(|_| elsewhere(1));
        let crowd = std::iter::repeat_n(Source::Here, CONNECTIONS - 3);
        assert_eq!(gone(few.chain(crowd).chain([elsewhere(2), Source::Here])).await, [3, 4]);
    }

    #[tokio::test]
    async fn whoever_leaves_makes_room_for_the_next() {
        let (mut guests, mut connections) = (Guests::default(), JoinSet::new());
        for _ in 0..10 * PER_SOURCE {
            let connection = connections.spawn(pending::<()>());
            guests.enter(elsewhere(1), connection.clone());
            guests.leave(connection.id());
            assert!(!connection.is_finished());
        }
        assert!(guests.held.is_empty() && guests.whose.is_empty());
    }

    #[test]
    fn a_machine_is_one_source_whatever_address_it_takes() {
        let of = |address: &str| Source::of(address.parse().expect("an address"));
        assert_eq!(of("::ffff:127.0.0.1"), Source::Here);
        assert_eq!(of("::1"), Source::Here);
        assert_eq!(of("::ffff:198.51.100.1"), elsewhere(1));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
