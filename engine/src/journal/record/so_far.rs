//! The record of a call that goes on, as if it were looked at now: with the talk of those who talk.

use std::time::Duration;

use super::{Entry, Fold, Record};
use crate::journal::CallId;

impl Record {
    /// The worst that any leg was heard over its life, in either direction: a MOS in hundredths.
    pub fn worst_mos(&self) -> Option<u16> {
        let heard = self.legs.iter().filter_map(|leg| leg.quality).flat_map(|quality| [quality.here, quality.there]);
        heard.flatten().filter_map(|track| track.mos_hundredths).min()
    }

    /// The record that these entries make so long after the call began; none without the call's beginning. A record of a call that goes
    /// on counts talk when it ends; this one counts that of now as well.
    pub fn so_far<'a>(call: CallId, entries: impl IntoIterator<Item = &'a Entry>, at: Duration) -> Option<Self> {
        Fold::over(call, entries).map(|fold| fold.so_far(at))
    }
}

impl Fold {
    /// The record so long after the call began, with the talk of those who talk.
    pub fn so_far(mut self, at: Duration) -> Record {
        if self.record.outcome.is_some() {
            return self.record;
        }
        let since = |then: Duration| at.saturating_sub(then);
        for (leg, tie) in self.record.legs.iter_mut().zip(&self.ties) {
            let talks = tie.partner.map(|(_, then)| then);
            let stays = leg.rooms.last().filter(|stay| stay.left.is_none()).map(|stay| stay.came);
            for then in [talks, stays].into_iter().flatten() {
                *leg.talk.get_or_insert(Duration::ZERO) += since(then);
            }
        }
        self.record.talk += self.talking_since.map(since).unwrap_or_default();
        self.record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, LegNumber, Rules, testing::*};

    #[test]
    fn a_call_that_goes_on_is_told_with_the_talk_of_now() {
        let mut journal = Journal::begin(call(1), began(), Rules::default());
        good_call().into_iter().take(7).for_each(|(at, what)| journal.note(s(at), what));
        let entries = journal.drain().expect("a batch").entries;
        let talked = |at| {
            let record = Record::so_far(call(1), &entries, s(at)).expect("a record");
            let of = |leg: LegNumber| record.leg(leg).and_then(|leg| leg.talk);
            (record.talk, of(ALICE), of(BOB))
        };
        assert_eq!(talked(20), (s(13), Some(s(13)), Some(s(13))));
        assert_eq!(talked(30).0, s(23));
        let over = [&entries[..], &journal.end(s(40), crate::journal::Outcome::Answered).entries].concat();
        let ended = Record::so_far(call(1), &over, s(99)).expect("a record");
        assert_eq!((ended.talk, ended.ended), (s(33), Some(s(40))), "what is over is told as it was");
    }
}
