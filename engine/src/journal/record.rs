//! The record of a call: what is left of its journal when somebody asks who called whom, how it came out and why it ended.
//!
//! It is a fold: entries in, one after the other, and nothing else. Entries that it has heard already change nothing, so
//! batches may come again; SIP messages, events and verbs never change it, so they may be missing.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{
    entry::{By, Cause, Direction, Entry, LegNumber, Notice, What},
    id::CallId,
    leg::{LegRecord, RoomStay},
    outcome::{Fault, Outcome},
    party::{Began, Party},
    passing::PassedOn,
    quality::Sums,
    stamps,
};

/// Legs in one record. A call that rings everybody has a few dozen; one that dials on and on is known by its first ones.
pub const MAX_LEGS: usize = 200;

/// Tags in one record; a later value of a known name still replaces the earlier.
pub const MAX_TAGS: usize = 64;

/// Stays of one leg in conference rooms.
const MAX_STAYS: usize = 64;

/// Transfers in one record.
pub const MAX_PASSED: usize = 32;

/// Recordings in one record.
pub const MAX_RECORDINGS: usize = 64;

/// A caller's leg that is ended this soon after its partner's ended because of it.
const FOLLOWS: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which call.
    pub call: CallId,
    /// When it began.
    #[serde(with = "stamps::millis", rename = "began_ms")]
    pub began: SystemTime,
    /// The service that heard it.
    pub service: Option<Box<str>>,
    /// Its version.
    pub version: Option<Box<str>>,
    /// The route that led to it.
    pub route: Option<Box<str>>,
    /// Who called.
    pub from: Party,
    /// Who was called.
    pub to: Party,
    /// The legs in the order they began; each names its parent, so they are a tree. The first is the caller's.
    pub legs: Vec<LegRecord>,
    /// When a phone rang first.
    #[serde(with = "stamps::maybe_micros", rename = "rang_us")]
    pub rang: Option<Duration>,
    /// When the first leg was answered.
    #[serde(with = "stamps::maybe_micros", rename = "answered_us")]
    pub answered: Option<Duration>,
    /// When it was over; none while it goes on.
    #[serde(with = "stamps::maybe_micros", rename = "ended_us")]
    pub ended: Option<Duration>,
    /// How long any two heard each other.
    #[serde(with = "stamps::micros", rename = "talk_us")]
    pub talk: Duration,
    /// How it came out; none while it goes on.
    pub outcome: Option<Outcome>,
    /// Whose fault it is that it went as it did.
    pub fault: Option<Fault>,
    /// Why it ended, and who wanted that.
    pub end: Option<Cause>,
    /// Who hung up, where a party did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hung_up: Option<LegNumber>,
    /// Transfers, done or tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<PassedOn>,
    /// What the script wrote into it.
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// Recordings that were made.
    pub recordings: Vec<Box<str>>,
    /// How many entries were noted, kept or not.
    pub entries: u32,
}

impl Record {
    /// The record that these entries make; none without the call's beginning.
    pub fn fold<'a>(call: CallId, entries: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        Fold::over(call, entries).map(|fold| fold.record)
    }

    /// The leg of that number.
    pub fn leg(&self, number: LegNumber) -> Option<&LegRecord> {
        self.legs.iter().find(|leg| leg.leg == number)
    }

    /// How long the caller was answered, by whomever; none while it goes on and where nobody answered.
    pub fn answered_for(&self) -> Option<Duration> {
        Some(self.ended?.saturating_sub(self.answered?))
    }

    /// The service that hears it now, or heard it last: the one that it came to, unless a party was passed on to another one.
    pub fn heard_by(&self) -> Option<&str> {
        let passed = self.passed.iter().rev().find(|passed| passed.is_served());
        passed.and_then(|passed| passed.service.as_deref()).or(self.service.as_deref())
    }

    /// How long it lasted; none while it goes on.
    pub fn lasted(&self) -> Option<Duration> {
        self.ended
    }

    /// Whether it is known how long it lasted. Where the server stopped in the middle of it, it lasted and was talked that long at
    /// least.
    pub fn length_is_known(&self) -> bool {
        self.outcome.is_some_and(|outcome| outcome != Outcome::Interrupted)
    }

    /// The last time of which an open record knows anything.
    pub(super) fn last_known(&self) -> Duration {
        let legs = self.legs.iter().flat_map(|leg| [Some(leg.began), leg.rang, leg.answered, leg.ended]);
        legs.flatten().max().unwrap_or_default()
    }

    /// This record of a call that nobody can tell more of.
    pub(super) fn interrupted(mut self, at: Duration) -> Self {
        let at = at.max(self.last_known());
        self.legs.iter_mut().for_each(|leg| {
            leg.ended.get_or_insert(at);
        });
        self.ended = Some(at);
        self.outcome = Some(Outcome::Interrupted);
        self.fault = Some(Fault::Server);
        self
    }

    /// Bytes that it takes in memory, nearly.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.service, &self.version, &self.route].into_iter().flatten();
        let tags = self.tags.iter().map(|(key, value)| 2 * size_of::<Box<str>>() + key.len() + value.len());
        let recordings = self.recordings.iter().map(|path| size_of::<Box<str>>() + path.len());
        size_of::<Self>()
            + texts.map(|text| text.len()).sum::<usize>()
            + self.legs.iter().map(LegRecord::weight).sum::<usize>()
            + self.passed.iter().map(PassedOn::weight).sum::<usize>()
            + tags.sum::<usize>()
            + recordings.sum::<usize>()
    }
}

/// How it is noted that a service has told its story.
pub const STORY_ENDED: &str = "story ended";

/// What a journal says of the service that goes on with a call.
pub const GOES_ON: &str = "goes on as";

/// That a key which was pressed before anything was asked was taken by somebody who wants no secret: which one it was is told now.
pub const KEY_TAKEN: &str = "key taken";

/// That nobody wants a recording: its file is there no more.
pub const THROWN_AWAY: &str = "recording thrown away";

/// A record while it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    record: Record,
    /// What of a leg is only needed while the fold goes on; beside the record's legs.
    ties: Vec<Tie>,
    /// The first party that hung up on another, or was lost, since two heard each other last; and its leg.
    parted: Option<(Duration, Cause, LegNumber)>,
    talking_since: Option<Duration>,
    /// What its service failed by, and where it stood, unless the one says the other.
    broke: Option<(Box<str>, Option<Box<str>>)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tie {
    partner: Option<(usize, Duration)>,
    /// When it heard a partner last.
    left: Option<Duration>,
    sums: Option<Box<Sums>>,
}

impl Fold {
    /// The fold over the first entry.
    pub fn begin(call: CallId, began: Began) -> Self {
        let Began { wall, service, version, route, from, to, by_house: _ } = began;
        let record = Record {
            call,
            began: wall,
            service,
            version,
            route,
            from,
            to,
            legs: Vec::new(),
            rang: None,
            answered: None,
            ended: None,
            talk: Duration::ZERO,
            outcome: None,
            fault: None,
            end: None,
            hung_up: None,
            passed: Vec::new(),
            tags: Vec::new(),
            recordings: Vec::new(),
            entries: 0,
        };
        Self { record, ties: Vec::new(), parted: None, talking_since: None, broke: None }
    }

    /// The fold over these entries; none without the call's beginning.
    pub fn over<'a>(call: CallId, entries: impl IntoIterator<Item = &'a Entry>) -> Option<Self> {
        let mut entries = entries.into_iter();
        let first = entries.next()?;
        let What::Began(began) = &first.what else { return None };
        let mut fold = Self::begin(call, (**began).clone());
        fold.hear(first);
        entries.for_each(|entry| fold.hear(entry));
        Some(fold)
    }

    /// The record by now.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether this end is of a leg that is known and stands, or of the call.
    pub fn awaits(&self, end: &What) -> bool {
        match end {
            What::LegEnded { leg, .. } => self.record.leg(*leg).is_some_and(|leg| leg.ended.is_none()),
            _ => self.record.outcome.is_none(),
        }
    }

    /// How the call came out, by what its legs say.
    pub fn outcome(&self) -> Outcome {
        if let Some(outcome) = self.record.outcome {
            return outcome;
        }
        if self.record.answered.is_some() {
            return Outcome::Answered;
        }
        let first = self.record.legs.first().and_then(|leg| leg.cause.as_ref());
        if first.is_some_and(|cause| cause.by_operator().is_some()) {
            return Outcome::Cancelled;
        }
        match first.map(|cause| (cause.sip, cause.by)) {
            Some((Some(status), by)) => Outcome::of_status(status, by, self.record.rang.is_some()),
            Some((None, By::Caller)) if !first.is_some_and(Cause::is_normal) => Outcome::Failed,
            Some((None, By::Caller)) => Outcome::Cancelled,
            Some((None, By::Callee | By::Script)) => Outcome::Rejected,
            Some((None, By::System)) if first.is_some_and(Cause::is_in_vain) => match self.record.rang {
                Some(_) => Outcome::NoAnswer,
                None => Outcome::Unreachable,
            },
            Some((None, By::System)) | None => Outcome::Failed,
        }
    }

    /// Takes one entry in.
    pub fn hear(&mut self, entry: &Entry) {
        if entry.number < self.record.entries || self.record.outcome.is_some() {
            return;
        }
        self.record.entries = entry.number.saturating_add(1);
        let at = entry.at;
        match &entry.what {
            What::LegBegan(began) if self.record.legs.len() < MAX_LEGS && self.place(began.leg).is_none() => {
                self.record.legs.reserve_exact(1);
                self.record.legs.push(LegRecord::begin(began, at));
                self.ties.reserve_exact(1);
                self.ties.push(Tie::default());
            }
            What::Tag { key, value } => self.tag(key, value),
            What::Passed(passed) if self.record.passed.len() < MAX_PASSED => {
                self.record.passed.push(PassedOn { at, ..(**passed).clone() });
            }
            What::Recording { path, .. } if self.record.recordings.len() < MAX_RECORDINGS => {
                self.record.recordings.push(path.clone());
            }
            What::Heard { leg: None, event, facts } if event == THROWN_AWAY => {
                self.record.recordings.retain(|path| Some(&**path) != facts.get("file"));
            }
            What::Heard { leg: None, event, facts } if event == GOES_ON => {
                let passed = self.record.passed.last_mut().filter(|passed| passed.is_served());
                if let Some(passed) = passed.filter(|passed| passed.service.is_none()) {
                    passed.service = facts.get("service").map(Into::into);
                }
            }
            What::Heard { leg: None, event, facts } if event == STORY_ENDED => {
                self.broke = facts.get("fault").map(|fault| (fault.into(), facts.get("place").map(Into::into)));
            }
            What::Ended(outcome) => self.end(at, *outcome),
            What::Bridged(one, other) => self.bridge(at, *one, *other),
            what => self.hear_leg(at, what),
        }
    }

    /// What concerns one leg that there is.
    fn hear_leg(&mut self, at: Duration, what: &What) {
        let Some(place) = what.leg().and_then(|leg| self.place(leg)) else { return };
        let by_house = self.record.legs.first().is_some_and(|leg| leg.direction == Direction::Outbound);
        let leg = &mut self.record.legs[place];
        match what {
            What::Rang(_) => {
                leg.rang.get_or_insert(at);
                self.record.rang.get_or_insert(at);
            }
            What::EarlyMedia(_) => {
                leg.early_media.get_or_insert(at);
            }
            What::Answered(_) => {
                leg.answered.get_or_insert(at);
                // Of a call that the house began, whoever answers is its caller, also when it is not the first that was tried.
                let first = place == 0 || (leg.parent.is_none() && by_house);
                if first {
                    self.record.answered.get_or_insert(at);
                }
            }
            What::ToldRecorded(_) => {
                leg.told_recorded.get_or_insert(at);
            }
            What::Held(_) => leg.holds = leg.holds.saturating_add(1),
            What::Media { notice: Notice::Sampled(sample), .. } => {
                let sums = self.ties[place].sums.get_or_insert_default();
                sums.add(sample);
                leg.quality = sums.quality();
            }
            What::Unbridged(_) => self.part(at, place),
            What::EnteredRoom { room, .. } => self.enter_room(at, place, room),
            What::LeftRoom(_) => self.leave_room(at, place),
            What::Forwarded { forwarded, .. } => leg.forwarded = Some((**forwarded).clone()),
            What::LegEnded { cause, .. } if leg.ended.is_none() => {
                leg.ended = Some(at);
                leg.cause = Some((**cause).clone());
                // Some take the bridge apart before they say that a leg of it has ended.
                let tie = &self.ties[place];
                let spoke = tie.partner.is_some() || tie.left.is_some_and(|left| at.saturating_sub(left) <= FOLLOWS);
                let by_other = !matches!(cause.by, By::Script);
                // Whoever transferred the others has not hung up on them.
                let left = self.record.passed.iter().any(|passed| passed.is_done() && passed.from == Some(leg.leg));
                if spoke && by_other && !left && self.parted.is_none() {
                    self.parted = Some((at, (**cause).clone(), leg.leg));
                }
                self.part(at, place);
                self.leave_room(at, place);
            }
            _ => {}
        }
    }

    fn place(&self, number: LegNumber) -> Option<usize> {
        // Legs are numbered as they begin, so most stand where their number says.
        let guess = number.0 as usize;
        match self.record.legs.get(guess) {
            Some(leg) if leg.leg == number => Some(guess),
            _ => self.record.legs.iter().position(|leg| leg.leg == number),
        }
    }

    fn bridge(&mut self, at: Duration, one: LegNumber, other: LegNumber) {
        let (Some(one), Some(other)) = (self.place(one), self.place(other)) else { return };
        if one == other || [one, other].iter().any(|place| self.record.legs[*place].ended.is_some()) {
            return;
        }
        self.part(at, one);
        self.part(at, other);
        for (here, there) in [(one, other), (other, one)] {
            self.ties[here].partner = Some((there, at));
            self.record.legs[here].talk.get_or_insert(Duration::ZERO);
        }
        self.talking_since.get_or_insert(at);
        self.parted = None;
    }

    /// Ends the bridge that this leg is in.
    fn part(&mut self, at: Duration, place: usize) {
        let Some((partner, since)) = self.ties[place].partner.take() else { return };
        self.ties[partner].partner = None;
        for place in [place, partner] {
            self.ties[place].left = Some(at);
            *self.record.legs[place].talk.get_or_insert(Duration::ZERO) += at.saturating_sub(since);
        }
        self.stop_talk(at);
    }

    fn enter_room(&mut self, at: Duration, place: usize, room: &str) {
        self.leave_room(at, place);
        let leg = &mut self.record.legs[place];
        if leg.ended.is_none() && leg.rooms.len() < MAX_STAYS {
            leg.rooms.push(RoomStay { room: room.into(), came: at, left: None });
            leg.talk.get_or_insert(Duration::ZERO);
            self.talking_since.get_or_insert(at);
        }
    }

    /// Ends the stay of a leg in a room. Time in rooms is time of talk.
    fn leave_room(&mut self, at: Duration, place: usize) {
        let leg = &mut self.record.legs[place];
        let Some(stay) = leg.rooms.last_mut().filter(|stay| stay.left.is_none()) else { return };
        stay.left = Some(at);
        *leg.talk.get_or_insert(Duration::ZERO) += at.saturating_sub(stay.came);
        self.stop_talk(at);
    }

    /// Nobody talks with anybody any more.
    fn stop_talk(&mut self, at: Duration) {
        let in_room = |leg: &LegRecord| leg.rooms.last().is_some_and(|stay| stay.left.is_none());
        if self.ties.iter().all(|tie| tie.partner.is_none())
            && !self.record.legs.iter().any(in_room)
            && let Some(since) = self.talking_since.take()
        {
            self.record.talk += at.saturating_sub(since);
        }
    }

    fn tag(&mut self, key: &str, value: &str) {
        let tags = &mut self.record.tags;
        match tags.iter().position(|(known, _)| &**known == key) {
            Some(place) => tags[place].1 = value.into(),
            None if tags.len() < MAX_TAGS => tags.push((key.into(), value.into())),
            None => {}
        }
    }

    fn end(&mut self, at: Duration, outcome: Outcome) {
        (0..self.ties.len()).for_each(|place| self.part(at, place));
        (0..self.record.legs.len()).for_each(|place| self.leave_room(at, place));
        self.record.legs.iter_mut().for_each(|leg| {
            leg.ended.get_or_insert(at);
        });
        self.record.end = self.why_ended();
        let by = self.record.end.as_ref().map(|end| end.by);
        let by_party = |why: &Cause| why.by != By::System && Some(why.by) == by;
        let parted =
            self.parted.as_ref().filter(|(parted, why, _)| by_party(why) && at.saturating_sub(*parted) <= FOLLOWS);
        self.record.hung_up = parted.map(|(_, _, leg)| *leg);
        // Whatever ended the legs of a script that has failed, its own apology or a party that hung up, hides nothing of that.
        if let Some((reason, place)) = self.broke.take().filter(|_| outcome == Outcome::Crashed) {
            self.record.end = Some(Cause { by: By::Script, q850: 41, sip: Some(500), reason, place });
        }
        self.record.ended = Some(at);
        self.record.outcome = Some(outcome);
        let fault = Fault::of(outcome, self.blamed());
        self.record.fault = Some(self.unfit().filter(|_| fault == Fault::Server).unwrap_or(fault));
    }

    /// Whose it is that a party does not keep to what it has described, as a browser whose certificate is another one: we could only
    /// end that.
    fn unfit(&self) -> Option<Fault> {
        let does_not_fit = |why: &Cause| (why.by, why.q850, why.sip) == (By::System, 88, Some(488));
        let at = self.record.legs.iter().position(|leg| leg.cause.as_ref().is_some_and(does_not_fit))?;
        Some(if at == 0 { Fault::Caller } else { Fault::Callee })
    }

    /// Why the call ended: what the caller's leg says. Where that only follows another party, or has gone by a transfer, what the
    /// others say.
    fn why_ended(&self) -> Option<Cause> {
        let first = self.record.legs.first()?;
        let (when, cause) = (first.ended?, first.cause.as_ref());
        let passed = self.record.passed.iter().any(|passed| passed.is_done() && passed.from == Some(first.leg));
        let follows = |parted: &Duration| when.saturating_sub(*parted) <= FOLLOWS;
        let led = |cause: &Cause| matches!(cause.by, By::Script | By::System);
        match &self.parted {
            Some((_, why, _)) if passed => Some(why.clone()),
            Some((parted, why, _)) if cause.is_some_and(led) && follows(parted) => Some(why.clone()),
            _ if passed => {
                let last = self.record.legs.iter().filter(|leg| leg.cause.is_some()).max_by_key(|leg| leg.ended);
                last.and_then(|leg| leg.cause.clone())
            }
            _ => cause.cloned(),
        }
    }

    /// Whose doing it is judged by: where the script only said what became of those whom it called, what they said.
    fn blamed(&self) -> Option<&Cause> {
        let end = self.record.end.as_ref()?;
        if self.record.answered.is_some() || end.by != By::Script {
            return Some(end);
        }
        let refused = |leg: &&LegRecord| leg.direction == Direction::Outbound && leg.answered.is_none();
        let mut said = self.record.legs.iter().rev().filter(refused).filter_map(|leg| leg.cause.as_ref());
        Some(said.find(|cause| cause.sip.is_some_and(|sip| sip >= 400 && sip != 487)).unwrap_or(end))
    }
}

mod so_far;
#[cfg(test)]
mod tests;
