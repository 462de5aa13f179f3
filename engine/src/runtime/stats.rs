//! What was counted. Each shard counts for itself; whoever asks gets the sum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use patchcord_sip::hop::Transport;
use patchcord_sip::transaction::Tally;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one shard. Only that shard writes most of them, so nobody waits for anybody.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            pub(crate) received: [AtomicU64; Transport::ALL.len()],
            pub(crate) sent: [AtomicU64; Transport::ALL.len()],
            /// As the transactions of the shard counted when it came to rest last.
            tally: Mutex<Tally>,
            $(pub(crate) $name: AtomicU64,)*
        }

        /// The sums over all shards at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            /// Messages that came, by transport in the order of [`Transport::ALL`].
            pub received: [u64; Transport::ALL.len()],
            /// Messages that went, in the same order.
            pub sent: [u64; Transport::ALL.len()],
            /// Connections that are open now.
            pub flows: u64,
            /// Bytes that wait now for peers that are slow to read.
            pub unsaid_bytes: u64,
            /// Bytes that wait now to be taken by the shard that their call lives on.
            pub waiting_bytes: u64,
            /// What the transactions counted.
            pub tally: Tally,
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            /// Adds what one shard counted.
            pub(crate) fn add(&mut self, counters: &Counters) {
                for (sum, counter) in self.received.iter_mut().zip(&counters.received) {
                    *sum += counter.load(Ordering::Relaxed);
                }
                for (sum, counter) in self.sent.iter_mut().zip(&counters.sent) {
                    *sum += counter.load(Ordering::Relaxed);
                }
                self.tally += *counters.tally.lock().unwrap_or_else(PoisonError::into_inner);
                $(self.$name += counters.$name.load(Ordering::Relaxed);)*
            }

            /// Each counter that has no transport, with its name.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                let now = [("flows", self.flows), ("unsaid_bytes", self.unsaid_bytes), ("waiting_bytes", self.waiting_bytes)];
                now.into_iter().chain([$((stringify!($name), self.$name),)*]).chain(self.tally.named())
            }
        }
    };
}

counters! {
    /// Datagrams and frames that were no SIP.
    malformed,
    /// Keepalives: empty datagrams, CRLF, STUN binding requests.
    keepalives,
    /// Messages that another shard was too far behind to take.
    not_handed_over,
    /// Messages given to the shard that their call lives on.
    handed_over,
    /// Messages of connections that had to wait until that shard had room.
    hand_overs_waited,
    /// Datagrams that the kernel did not take.
    unsent,
    /// Replies for which no connection could be found or made.
    undeliverable,
    /// Connections turned away because there were too many.
    crowded,
    /// Connections that never finished their TLS or WebSocket handshake.
    handshakes_failed,
    /// Connections of ours that could not be made.
    connects_failed,
    /// Connections closed because the peer did not read.
    slow_peers,
    /// Connections closed because nothing was said for too long.
    idle_closed,
    /// Connections closed because a message was begun and not finished.
    half_messages,
    /// Connections closed because what came could not be cut into messages.
    unframeable,
    /// Requests refused because the server is stopping.
    refused_stopping,
    /// Panics of a desk that were caught.
    panics,
    /// Requests that could not be sent because too many were under way.
    requests_refused,
    /// Names that could not be resolved.
    unresolved,
    /// Requests that went on to their next target.
    failovers,
    /// Notices of ports and rooms that the desk did not listen to.
    unheard_notices,
    /// Prompts that were ready and that the desk did not take.
    unheard_prompts,
    /// Ends of recordings told to a desk that did not listen.
    unheard_recordings,
    /// Answers to errands that the desk did not take.
    unheard_errands,
    /// Transactions that are open now.
    transactions,
}

impl Counters {
    pub(crate) fn received(&self, transport: Transport) {
        one_more(&self.received[place(transport)]);
    }

    pub(crate) fn sent(&self, transport: Transport) {
        one_more(&self.sent[place(transport)]);
    }
}

impl Counters {
    /// What the transactions counted, for whoever asks from elsewhere.
    pub(crate) fn publish(&self, tally: &Tally) {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner) = *tally;
    }
}

impl Stats {
    /// How many messages came by this transport.
    pub fn received_by(&self, transport: Transport) -> u64 {
        self.received[place(transport)]
    }

    /// How many messages went by this transport.
    pub fn sent_by(&self, transport: Transport) -> u64 {
        self.sent[place(transport)]
    }
}

/// Counts one.
pub(crate) fn one_more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

const fn place(transport: Transport) -> usize {
    transport as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transport_is_counted_in_its_own_place() {
        for (at, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(place(transport), at);
        }
    }

    #[test]
    fn the_sum_is_over_all_shards() {
        let (one, other) = (Counters::default(), Counters::default());
        one.received(Transport::Tls);
        other.received(Transport::Tls);
        one_more(&other.malformed);

        let mut stats = Stats::default();
        stats.add(&one);
        stats.add(&other);

        assert_eq!((stats.received_by(Transport::Tls), stats.malformed), (2, 1));
        assert_eq!(stats.named().find(|(name, _)| *name == "malformed"), Some(("malformed", 1)));
    }
}
