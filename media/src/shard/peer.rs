//! Another thread that has a part of a room, as one part sees it: what came from there and was not heard yet.
//!
//! Each thread mixes each 20 ms by its own timer. On a machine that lets threads wait, two sums may come between two rounds, and
//! none between the next two. The first that is missed cannot be helped; from then on one sum is kept waiting, so that the next
//! one that is late is not missed, and no longer than until all have come in time for a while.

use std::collections::VecDeque;

use super::room::Partial;
use crate::frame::Rate;

/// Sums that may wait: with more, those who hear them would hear them too late.
pub(crate) const WAITING: usize = 3;

/// Rounds in which a sum waited in vain until it waits no more: five seconds.
const CALM: u16 = 250;

/// See the module.
pub(crate) struct Peer {
    pub thread: usize,
    /// The widest sound of its members, when it last said so.
    pub widest: Rate,
    waiting: VecDeque<Box<Partial>>,
    /// Rounds since one found nothing left behind it.
    calm: u16,
}

impl Peer {
    pub fn new(thread: usize) -> Self {
        Self { thread, widest: Rate::Narrow, waiting: VecDeque::with_capacity(WAITING + 1), calm: 0 }
    }

    /// A sum has come; gives back the one that it is too late for.
    pub fn keep(&mut self, partial: Box<Partial>) -> Option<Box<Partial>> {
        self.widest = partial.widest;
        self.waiting.push_back(partial);
        if self.waiting.len() > WAITING { self.waiting.pop_front() } else { None }
    }

    /// The sum for this round, and one that is left out because none has been late for a while.
    pub fn take(&mut self) -> (Option<Box<Partial>>, Option<Box<Partial>>) {
        let Some(partial) = self.waiting.pop_front() else {
            self.calm = 0;
            return (None, None);
        };
        if self.waiting.is_empty() {
            self.calm = 0;
            return (Some(partial), None);
        }
        self.calm += 1;
        if self.calm < CALM {
            return (Some(partial), None);
        }
        self.calm = 0;
        (self.waiting.pop_front(), Some(partial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(number: i32) -> Box<Partial> {
        let mut partial = Partial::empty();
        partial.sums[0] = number;
        partial
    }

    fn heard(peer: &mut Peer) -> Option<i32> {
        peer.take().0.map(|partial| partial.sums[0])
    }

    #[test]
    fn two_sums_between_two_rounds_are_both_heard_and_the_next_one_may_be_late() {
        let mut peer = Peer::new(1);
        assert_eq!(heard(&mut peer), None);
        for number in [1, 2] {
            assert!(peer.keep(sum(number)).is_none());
        }
        assert_eq!([heard(&mut peer), heard(&mut peer)], [Some(1), Some(2)]);
        for number in 3..100 {
            // Late by up to a round, in turn.
            if number % 2 == 1 {
                assert!(peer.keep(sum(number)).is_none());
                assert!(peer.keep(sum(number + 1)).is_none());
            }
            assert_eq!(heard(&mut peer), Some(number));
        }
    }

    #[test]
    fn what_comes_all_at_once_is_heard_as_late_as_three_rounds_and_no_later() {
        let mut peer = Peer::new(1);
        let late: Vec<_> = (0..10).filter_map(|number| peer.keep(sum(number))).map(|partial| partial.sums[0]).collect();
        assert_eq!(late, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(heard(&mut peer), Some(7));
    }

    #[test]
    fn a_sum_that_waits_in_vain_for_seconds_is_left_out() {
        let mut peer = Peer::new(1);
        peer.keep(sum(0));
        let mut left_out = 0;
        for number in 1..=i32::from(CALM) + 10 {
            peer.keep(sum(number));
            let (now, late) = peer.take();
            left_out += usize::from(late.is_some());
            let behind = number - now.expect("one a round").sums[0];
            assert_eq!(behind, i32::from(left_out == 0), "at {number}");
        }
        assert_eq!(left_out, 1);
    }
}
