//! The calls there are now, as everybody may see them who is on no shard: their records so far.
//!
//! A call tells of itself when something happens that its record is made of, a handful of times in its life; whoever looks
//! gets copies. A wish to hang one up, or to pass a party on, lies here until its shard looks, which is each quarter of a second.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use crate::{
    journal::{Account, CallId, Journal, LegNumber, Record, Standing},
    originate::MAX_NAME,
};

/// Wishes that wait: far more than anybody clicks in a quarter of a second.
const MOST_WISHES: usize = 1_000;

/// Beginnings and answers that wait for whoever listens: some seconds of a busy server.
const MOST_NEWS: usize = 10_000;

/// See the module.
#[derive(Default)]
pub struct LiveCalls {
    // As many as calls are admitted, and no more: each is taken out when its journal is closed.
    calls: Mutex<BTreeMap<CallId, Standing>>,
    wishes: Mutex<BTreeSet<CallId>>,
    transfers: Mutex<Vec<Transferring>>,
    brought: Mutex<Vec<Bringing>>,
    read: Mutex<BTreeSet<CallId>>,
    /// Whether somebody wants to be told, and what they were not told yet.
    listened: AtomicBool,
    news: Mutex<VecDeque<(Stage, Record)>>,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It began.
    Began,
    /// Somebody has answered.
    Answered,
}

/// Somebody wants a party of a call passed on, and is told whether that was begun.
pub struct Transferring {
    /// The call.
    pub call: CallId,
    /// The leg of the party; none: whoever has called.
    pub leg: Option<LegNumber>,
    /// To whom: `user:alice`, a number, `sip:…`.
    pub to: String,
    tell: Option<Tell>,
}

/// Whoever talks with that leg goes on in a room, without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bringing {
    /// The call.
    pub call: CallId,
    /// The leg of who brings it there.
    pub leg: LegNumber,
    /// The room.
    pub room: String,
}

/// Who hears which leg was begun for it, or why none.
type Tell = Box<dyn FnOnce(Result<LegNumber, NotTransferred>) + Send>;

/// Why nobody was passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTransferred {
    /// It has ended, or never was.
    #[error("the call does not go on")]
    NoCall,
    /// It has no such leg, or that has gone.
    #[error("the call has no such leg")]
    NoLeg,
    /// There is nobody who would be let go.
    #[error("the party talks with nobody")]
    NotTalking,
    /// It is under way.
    #[error("the party is being transferred already")]
    UnderWay,
    /// There is none of that name.
    #[error("nobody is called {0}")]
    Nobody(String),
    /// Known, and nowhere to be reached.
    #[error("{0} cannot be reached now")]
    Unreachable(String),
    /// No route or manifest allows it.
    #[error("{0} may not be called: {1}")]
    Forbidden(String, String),
    /// It is no party, and the call has another party whose story goes on.
    #[error("{0} leads to the service {1}, which cannot serve a party whose call is another one's story")]
    Service(String, String),
    /// What is wanted cannot be read.
    #[error("{0}")]
    Unreadable(&'static str),
    /// As many wishes wait as there may.
    #[error("too many transfers are asked for at once")]
    Full,
}

impl Transferring {
    /// That wish. `tell` is called once, from a shard's thread, and must not wait.
    pub fn new(
        call: CallId,
        leg: Option<LegNumber>,
        to: &str,
        tell: impl FnOnce(Result<LegNumber, NotTransferred>) + Send + 'static,
    ) -> Self {
        Self { call, leg, to: to.into(), tell: Some(Box::new(tell)) }
    }

    /// Tells which party is on its way, or why none is.
    pub(crate) fn tell(mut self, begun: Result<LegNumber, NotTransferred>) {
        if let Some(tell) = self.tell.take() {
            tell(begun);
        }
    }

    fn check(&self) -> Result<(), NotTransferred> {
        match self.to.trim() {
            "" => Err(NotTransferred::Unreadable("nobody is named to whom the party is passed on")),
            to if to.len() > MAX_NAME => Err(NotTransferred::Unreadable("that name is longer than any")),
            to if to.chars().any(char::is_control) => {
                Err(NotTransferred::Unreadable("a name has no control characters"))
            }
            _ => Ok(()),
        }
    }
}

/// Whoever waits is told, also where nobody looks any more.
impl Drop for Transferring {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(Err(NotTransferred::NoCall));
        }
    }
}

impl LiveCalls {
    /// The latest calls, at most so many, as they stand at that moment: with the talk of those who talk.
    pub fn latest(&self, most: usize, wall: SystemTime) -> Vec<Record> {
        hold(&self.calls).values().rev().take(most).map(|call| as_of(call, wall)).collect()
    }

    /// The same, and how many there are at that moment: one look, so that both say the same.
    pub fn census(&self, most: usize, wall: SystemTime) -> (usize, Vec<Record>) {
        let calls = hold(&self.calls);
        (calls.len(), calls.values().rev().take(most).map(|call| as_of(call, wall)).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        hold(&self.calls).len()
    }

    /// One call as it stands at that moment, if it goes on.
    pub fn find(&self, call: CallId, wall: SystemTime) -> Option<Record> {
        hold(&self.calls).get(&call).map(|call| as_of(call, wall))
    }

    /// Whether it goes on.
    pub fn goes_on(&self, call: CallId) -> bool {
        hold(&self.calls).contains_key(&call)
    }

    /// How many entries it had when it told of itself last.
    pub fn noted(&self, call: CallId) -> Option<u32> {
        hold(&self.calls).get(&call).map(|call| call.noted)
    }

    /// Somebody wants that call to end. Says whether it goes on, and can be told.
    pub fn hang_up(&self, call: CallId) -> bool {
        let goes_on = hold(&self.calls).contains_key(&call);
        let mut wishes = hold(&self.wishes);
        goes_on && (wishes.contains(&call) || (wishes.len() < MOST_WISHES && wishes.insert(call)))
    }

    /// Somebody reads what is kept of that call: it is to hand out what it has noted since.
    pub fn read(&self, call: CallId) {
        let goes_on = hold(&self.calls).contains_key(&call);
        let mut read = hold(&self.read);
        if goes_on && read.len() < MOST_WISHES {
            read.insert(call);
        }
    }

    /// Whether that wish waits still: afterwards the call has told what it knows, and handed out what it had noted.
    pub fn waits_to_be_read(&self, call: CallId) -> bool {
        hold(&self.read).contains(&call)
    }

    /// Somebody wants a party of a call passed on; told by the wish itself, at once where it cannot be.
    pub fn transfer(&self, wish: Transferring) {
        if let Err(why) = wish.check() {
            return wish.tell(Err(why));
        }
        if !self.goes_on(wish.call) {
            return wish.tell(Err(NotTransferred::NoCall));
        }
        let mut transfers = hold(&self.transfers);
        if transfers.len() >= MOST_WISHES {
            drop(transfers);
            return wish.tell(Err(NotTransferred::Full));
        }
        transfers.push(wish);
    }

    /// An endpoint wants whoever talks with it in the latest of its other calls to come into a room. Whether it talks with anybody
    /// there, and that call can be told.
    pub(crate) fn bring(&self, ours: Option<CallId>, user: &str, room: &str) -> bool {
        let calls = hold(&self.calls);
        let mut others = calls.values().rev().map(Standing::record).filter(|record| Some(record.call) != ours);
        let found = others.find_map(|record| {
            let up = || record.legs.iter().filter(|leg| leg.answered.is_some() && leg.ended.is_none());
            let its = up().find(|leg| matches!(&leg.account, Account::Endpoint(known) if **known == *user))?;
            (up().count() > 1).then_some((record.call, its.leg))
        });
        drop(others);
        drop(calls);
        let Some((call, leg)) = found else { return false };
        let mut brought = hold(&self.brought);
        let has_room = brought.len() < MOST_WISHES;
        if has_room {
            brought.push(Bringing { call, leg, room: room.to_owned() });
        }
        has_room
    }

    /// What a call says of itself by now.
    pub(crate) fn tell(&self, journal: &Journal) {
        let record = journal.record();
        let before = hold(&self.calls).insert(record.call, journal.standing());
        if !self.listened.load(Relaxed) {
            return;
        }
        let was_answered = before.as_ref().is_some_and(|before| before.record().answered.is_some());
        let mut news = hold(&self.news);
        for (stage, is_new) in
            [(Stage::Began, before.is_none()), (Stage::Answered, record.answered.is_some() && !was_answered)]
        {
            // Whoever listens and looks seldom misses something, and calls go on.
            if is_new && news.len() < MOST_NEWS {
                news.push_back((stage, record.clone()));
            }
        }
    }

    /// From now on somebody wants to be told when calls begin and are answered.
    pub fn listen(&self) {
        self.listened.store(true, Relaxed);
    }

    /// What has happened since the last time, in order.
    pub fn take_news(&self) -> VecDeque<(Stage, Record)> {
        std::mem::take(&mut *hold(&self.news))
    }

    /// A call is over.
    pub(crate) fn end(&self, call: CallId) {
        hold(&self.calls).remove(&call);
        hold(&self.wishes).remove(&call);
        hold(&self.read).remove(&call);
        hold(&self.brought).retain(|wish| wish.call != call);
        // Told behind the lock: whoever waits may look here again.
        let gone: Vec<_> = hold(&self.transfers).extract_if(.., |wish| wish.call == call).collect();
        drop(gone);
    }

    /// Who of these calls is to come into rooms, each told once.
    pub(crate) fn brought(&self, is_ours: impl Fn(CallId) -> bool) -> Vec<Bringing> {
        hold(&self.brought).extract_if(.., |wish| is_ours(wish.call)).collect()
    }

    /// The transfers that somebody wants in these calls, each told once.
    pub(crate) fn transfers(&self, mut is_ours: impl FnMut(CallId) -> bool) -> Vec<Transferring> {
        let mut transfers = hold(&self.transfers);
        transfers.extract_if(.., |wish| is_ours(wish.call)).collect()
    }

    /// Those of these calls that somebody reads.
    pub(crate) fn read_now(&self, calls: impl Iterator<Item = CallId>) -> Vec<CallId> {
        let read = hold(&self.read);
        if read.is_empty() {
            return Vec::new();
        }
        calls.filter(|call| read.contains(call)).collect()
    }

    /// Those have told what they know.
    pub(crate) fn were_read(&self, calls: &[CallId]) {
        if !calls.is_empty() {
            hold(&self.read).retain(|call| !calls.contains(call));
        }
    }

    /// Those of these calls that somebody wants to end, each told once.
    pub(crate) fn wished(&self, calls: impl Iterator<Item = CallId>) -> Vec<CallId> {
        let mut wishes = hold(&self.wishes);
        if wishes.is_empty() {
            return Vec::new();
        }
        calls.filter(|call| wishes.remove(call)).collect()
    }
}

/// A call that goes on, at that moment.
fn as_of(call: &Standing, wall: SystemTime) -> Record {
    call.so_far(wall.duration_since(call.record().began).unwrap_or_default())
}

/// Whoever panics elsewhere leaves whole records behind.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::journal::{Began, Party, Rules, testing};

    fn call(second: u64) -> Journal {
        let began = Began::new(at(second), Party::new("alice"), Party::new("102"));
        Journal::begin(CallId::new(at(second), 1), began, Rules::default())
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_call_is_seen_from_its_beginning_to_its_end() {
        let live = LiveCalls::default();
        let [one, two] = [call(1), call(2)];
        live.tell(&one);
        live.tell(&two);
        live.tell(&one);
        let [first, second] = [&one, &two].map(|call| call.record().clone());
        assert_eq!(live.latest(10, at(9)), [second.clone(), first]);
        assert_eq!(live.latest(1, at(9)), std::slice::from_ref(&second));
        assert_eq!((live.census(1, at(9)), live.count()), ((2, vec![second]), 2));
        live.end(one.call());
        assert_eq!(live.find(one.call(), at(9)), None);
        assert!(!live.goes_on(one.call()) && live.goes_on(two.call()));
    }

    #[test]
    fn those_who_talk_have_talked_until_now() {
        let mut journal = Journal::begin(testing::call(1), testing::began(), Rules::default());
        let told = testing::good_call().into_iter().take(7);
        told.for_each(|(second, what)| journal.note(Duration::from_secs(second), what));
        let (live, began) = (LiveCalls::default(), journal.record().began);
        live.tell(&journal);
        let talk = |second| {
            let now = live.find(journal.call(), began + Duration::from_secs(second)).expect("it goes on");
            (now.talk, now.legs[0].talk)
        };
        let seconds = Duration::from_secs;
        assert_eq!(talk(20), (seconds(13), Some(seconds(13))));
        assert_eq!(talk(30), (seconds(23), Some(seconds(23))), "it grows while nothing happens");
        assert_eq!(live.noted(journal.call()), Some(journal.record().entries));
    }

    #[test]
    fn who_wants_a_transfer_is_told_whatever_becomes_of_the_call() {
        let live = LiveCalls::default();
        let [one, two] = [call(1), call(2)];
        live.tell(&one);
        let (tell, told) = std::sync::mpsc::channel();
        let wish = |call, to| {
            let tell = tell.clone();
            Transferring::new(call, None, to, move |begun| drop(tell.send(begun)))
        };
        live.transfer(wish(two.call(), "103"));
        assert_eq!(told.try_recv(), Ok(Err(NotTransferred::NoCall)));
        live.transfer(wish(one.call(), " "));
        assert!(matches!(told.try_recv(), Ok(Err(NotTransferred::Unreadable(_)))));
        live.transfer(wish(one.call(), "103"));
        assert!(live.transfers(|call| call == two.call()).is_empty());
        let mut ours = live.transfers(|call| call == one.call());
        ours.pop().expect("it waits").tell(Ok(LegNumber(0)));
        assert_eq!(told.try_recv(), Ok(Ok(LegNumber(0))));
        live.transfer(wish(one.call(), "103"));
        live.end(one.call());
        assert_eq!(told.try_recv(), Ok(Err(NotTransferred::NoCall)));
        live.tell(&one);
        (0..=MOST_WISHES).for_each(|_| live.transfer(wish(one.call(), "103")));
        assert_eq!(told.try_recv(), Ok(Err(NotTransferred::Full)));
    }

    #[test]
    fn whoever_reads_a_call_knows_when_it_has_told_what_it_knows() {
        let live = LiveCalls::default();
        let [one, two] = [call(1), call(2)];
        live.tell(&one);
        live.read(one.call());
        live.read(two.call());
        assert!(live.waits_to_be_read(one.call()) && !live.waits_to_be_read(two.call()));
        assert_eq!(live.read_now([two.call()].into_iter()), []);
        assert_eq!(live.read_now([one.call(), two.call()].into_iter()), [one.call()]);
        assert!(live.waits_to_be_read(one.call()), "it is about to tell");
        live.were_read(&[one.call()]);
        assert!(!live.waits_to_be_read(one.call()));
        live.read(one.call());
        live.end(one.call());
        assert!(!live.waits_to_be_read(one.call()), "nobody waits for what is over");
    }

    #[test]
    fn a_wish_is_told_once_to_whoever_has_the_call_and_to_nobody_behind_its_end() {
        let live = LiveCalls::default();
        let [one, two] = [call(1), call(2)];
        live.tell(&one);
        assert!(live.hang_up(one.call()) && live.hang_up(one.call()) && !live.hang_up(two.call()));
        assert_eq!(live.wished([two.call()].into_iter()), []);
        assert_eq!(live.wished([one.call(), two.call()].into_iter()), [one.call()]);
        assert_eq!(live.wished([one.call()].into_iter()), []);
        live.hang_up(one.call());
        live.end(one.call());
        assert_eq!(live.wished([one.call()].into_iter()), []);
    }
}
