//! What a media thread counts, for everybody to read.
//!
//! The thread counts in plain numbers of its own ([`Tally`]) and publishes them once a tick; whoever reads sees each number
//! whole, and all of them at most a tick old.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the tally, its atomic twin and what is read of it, field by field the same.
macro_rules! counters {
    ($($(#[doc = $about:literal])* $name:ident,)*) => {
        /// Counters of a thread, as it counts them and as they are read.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Tally {
            $($(#[doc = $about])* pub $name: u64,)*
        }

        impl Tally {
            /// Each number with its name and what it counts.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($about),*).trim_ascii(), self.$name),)*].into_iter()
            }
        }

        /// The same in atomics.
        #[derive(Default)]
        pub(crate) struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            /// Shows the thread's numbers to everybody.
            pub fn publish(&self, tally: &Tally) {
                $(self.$name.store(tally.$name, Ordering::Relaxed);)*
            }

            /// The numbers as they were published last.
            pub fn read(&self) -> Tally {
                Tally { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl std::ops::Add for Tally {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }
        }
    };
}

counters! {
    /// Packets that came from parties and were taken.
    packets_in,
    /// Packets that went to them.
    packets_out,
    /// Packets that could not leave: the party is unreachable, or the queue of the socket is full.
    unsent,
    /// Datagrams from strangers.
    strangers,
    /// Datagrams that were no packet, or of a kind nobody agreed on.
    refused,
    /// Packets that came in time and had nowhere to go.
    dropped,
    /// Checks of browsers that were answered, and their answers to ours.
    checks,
    /// Checks of ours.
    checks_made,
    /// Messages of STUN that named nobody here or proved nothing.
    checks_refused,
    /// Handshakes of browsers that came by no checked way, or faster than they can be served.
    handshakes_refused,
    /// Ticks of the slot clock.
    ticks,
    /// Microseconds by which ticks were served after their time, all together.
    behind_us,
    /// Ticks that were served more than a slot late.
    late_ticks,
    /// Ticks that were skipped because the thread was too far behind.
    overruns,
    /// Ports that a fault of ours ended.
    deaths,
    /// Notices that nobody will hear.
    lost_notices,
    /// Ports that live now.
    ports,
    /// Rooms that live now.
    rooms,
    /// Frames encoded for one listener alone.
    own_encodes,
    /// Frames encoded once for all silent listeners of a codec.
    shared_encodes,
    /// Share of the last second that was spent working, in thousandths.
    load_permille,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_and_adds_up() {
        let counters = Counters::default();
        let tally = Tally { packets_in: 3, ports: 2, ..Tally::default() };
        counters.publish(&tally);
        assert_eq!(counters.read(), tally);
        assert_eq!((tally + tally).packets_in, 6);
        assert_eq!(tally.named().find(|named| named.0 == "ports"), Some(("ports", "Ports that live now.", 2)));
    }
}
