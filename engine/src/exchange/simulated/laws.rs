//! What may never happen, whatever the weather.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use patchcord_sip::message::{Message, Method};

use super::super::Exchange;
use super::town::{CARRIER, Town};
use crate::journal::Account;

/// What went wrong.
pub type Wrong = Result<(), String>;

pub fn law(holds: bool, words: impl FnOnce() -> String) -> Wrong {
    if holds { Ok(()) } else { Err(words()) }
}

/// What has come to the house and what it has answered, by the branch of the sender and the method.
#[derive(Default)]
pub struct Books {
    asked: BTreeSet<(String, String)>,
    answered: BTreeMap<(String, String), u16>,
    /// Requests of each kind that came.
    pub kinds: BTreeMap<String, u32>,
    /// Answers of each class that went.
    pub classes: BTreeMap<u16, u32>,
}

impl Books {
    /// Bytes come to the house.
    pub fn came(&mut self, bytes: &bytes::Bytes) {
        let Ok(Message::Request(request)) = Message::parse(bytes.clone()) else { return };
        if *request.method() == Method::Ack {
            return;
        }
        let method = request.method().as_str().to_owned();
        *self.kinds.entry(method.clone()).or_default() += 1;
        if let Ok(via) = request.top_via() {
            self.asked.insert((via.branch().unwrap_or_default().to_owned(), method));
        }
    }

    /// The house says something.
    pub fn went(&mut self, bytes: &bytes::Bytes) {
        let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else { return };
        let status = response.status().code();
        if status < 200 {
            return;
        }
        *self.classes.entry(status / 100).or_default() += 1;
        if let (Ok(via), Ok(cseq)) = (response.top_via(), response.cseq()) {
            let asked = (via.branch().unwrap_or_default().to_owned(), cseq.method.as_str().to_owned());
            self.answered.insert(asked, status);
        }
    }
}

/// After each step.
pub fn at_all_times(town: &Town) -> Wrong {
    let (_, panics) = town.house.transactions_and_panics();
    law(panics == 0, || "the desk broke".to_owned())?;
    let leaked = town.board.calls_tally.leaked_legs.load(Relaxed);
    law(leaked == 0, || format!("{leaked} legs have leaked"))
}

/// When everything is over.
pub fn in_the_end(town: &mut Town) -> Wrong {
    let left = town.house.with_desk(|desk: &mut Exchange, _| left(desk));
    law(left.is_empty(), || format!("left in the house: {}", left.join(", ")))?;
    let legs = town.board.calls_tally.legs.load(Relaxed);
    law(legs == 0, || format!("{legs} legs are counted, and none is there"))?;
    let calls = town.board.calls.count();
    law(calls == 0, || format!("{calls} calls take room, and none is there"))?;
    law(town.plane.ports() == 0, || format!("{} ports are open", town.plane.ports()))?;
    let (transactions, _) = town.house.transactions_and_panics();
    // Whether the carrier lives is asked again and again.
    let asks = u64::from(town.phones[CARRIER].is_deaf());
    law(transactions <= asks, || format!("{transactions} transactions are left"))?;
    let unanswered: Vec<_> =
        town.books.asked.iter().filter(|asked| !town.books.answered.contains_key(*asked)).collect();
    law(unanswered.is_empty(), || format!("never answered: {unanswered:?}"))?;
    let phones: Vec<String> =
        town.phones.iter().filter(|phone| !phone.is_deaf()).flat_map(|phone| phone.stages()).collect();
    law(phones.is_empty(), || format!("phones that still talk: {}", phones.join(", ")))?;
    records(town)
}

/// Whatever a desk still holds.
fn left(desk: &Exchange) -> Vec<String> {
    let counts = [
        ("calls", desk.talks.len()),
        ("names", desk.names.all()),
        ("prompts", desk.prompts.all()),
        ("recordings", desk.recordings.len()),
        ("errands", desk.errands.len()),
        ("alarms", desk.due.len()),
        ("letters", desk.posted.len()),
    ];
    let calls = desk.talks.values().map(|talk| {
        let legs: Vec<_> = talk.ends.iter().map(|end| format!("{:?}", end.line.stage())).collect();
        format!("call {} owns {:?}, legs {legs:?}", talk.number.0, talk.call.owns())
    });
    let counts = counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}"));
    counts.chain(calls).collect()
}

/// Each call has left one record, closed, with an end for each leg.
fn records(town: &Town) -> Wrong {
    let begun = town.board.calls_tally.begun.load(Relaxed);
    let batches = town.board.clerk.hand_out(usize::MAX);
    let closed: Vec<_> =
        batches.iter().filter_map(|batch| batch.record.as_ref()).filter(|record| record.outcome.is_some()).collect();
    let calls: BTreeSet<_> = closed.iter().map(|record| format!("{:?}", record.call)).collect();
    // Who is known and was refused before anything began leaves one, too.
    let refused: u64 = town.board.tally.refused.each().map(|(_, count)| count).sum();
    let kept = begun..=begun + refused;
    law(kept.contains(&(calls.len() as u64)), || format!("{kept:?} calls and refusals, {} records", calls.len()))?;
    for record in closed {
        let open: Vec<_> = record.legs.iter().filter(|leg| leg.ended.is_none()).map(|leg| leg.leg).collect();
        law(open.is_empty(), || format!("a record is closed and its legs {open:?} are not: {record:?}"))?;
        law(record.ended.is_some() && record.end.is_some(), || {
            format!("a record does not say how it ended: {record:?}")
        })?;
        let unknown = record.legs.iter().find(|leg| leg.peer.is_empty() && leg.account != Account::Stranger);
        law(unknown.is_none(), || format!("a record does not say where {unknown:?} was reached"))?;
        let lasted = record.lasted().unwrap_or_default();
        law(record.talk <= lasted, || format!("they talked longer than the call lasted: {record:?}"))?;
    }
    Ok(())
}

/// Laws are worth what they were tried on.
#[derive(Debug, Default)]
pub struct Tales {
    begun: u64,
    answered: u32,
    ended: u32,
    kinds: BTreeMap<String, u32>,
    classes: BTreeMap<u16, u32>,
}

impl Tales {
    pub fn note(&mut self, town: &Town) {
        self.begun += town.board.calls_tally.begun.load(Relaxed);
        self.answered += town.phones.iter().map(|phone| phone.answered).sum::<u32>();
        self.ended += town.phones.iter().map(|phone| phone.ended).sum::<u32>();
        for (kind, count) in &town.books.kinds {
            *self.kinds.entry(kind.clone()).or_default() += count;
        }
        for (class, count) in &town.books.classes {
            *self.classes.entry(*class).or_default() += count;
        }
    }

    /// Everything that can happen must have happened often.
    pub fn are_rich(&self) {
        for kind in ["INVITE", "BYE", "CANCEL", "REFER", "REGISTER", "PRACK"] {
            let count = self.kinds.get(kind).copied().unwrap_or_default();
            assert!(count >= 50, "only {count} × {kind}: {self:?}");
        }
        for class in [2, 4] {
            assert!(self.classes.get(&class).is_some_and(|count| *count >= 500), "too few {class}xx: {self:?}");
        }
        assert!(self.begun >= 1000 && self.answered >= 1000 && self.ended >= 1000, "too little happened: {self:?}");
    }
}
