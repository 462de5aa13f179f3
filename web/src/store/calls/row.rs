//! A record as the database keeps it: one row of the call, one of each leg.

use std::{borrow::Cow, num::TryFromIntError, time::Duration};

use patchcord_engine::journal::{Account, CallId, Cause, Direction, LegNumber, LegRecord, NoCallId, Party, Record};
use patchcord_sip::hop::UnknownTransport;
use sqlx::FromRow;

use super::lead::class_of;
use crate::store::time::{from_millis, to_millis};

/// A row of `calls`.
#[derive(FromRow)]
pub struct CallRow {
    pub id: String,
    pub began_at: i64,
    pub service: Option<String>,
    pub version: Option<String>,
    pub route: Option<String>,
    pub from_number: String,
    pub from_name: Option<String>,
    pub to_number: String,
    pub to_name: Option<String>,
    pub rang_us: Option<i64>,
    pub answered_us: Option<i64>,
    pub ended_us: Option<i64>,
    pub talk_us: i64,
    pub outcome: Option<String>,
    pub fault: Option<String>,
    #[sqlx(flatten)]
    pub end: EndColumns,
    pub tags: String,
    pub recordings: String,
    pub entries: i64,
    pub hung_up: Option<i64>,
    pub passed: Option<String>,
    pub length_class: Option<i64>,
    pub worst_mos: Option<i64>,
    pub parties: Option<String>,
}

/// A row of `legs`.
#[derive(FromRow)]
pub struct LegRow {
    pub call_id: String,
    pub position: i64,
    pub leg: i64,
    pub parent: Option<i64>,
    pub direction: String,
    pub account_kind: String,
    pub account: Option<String>,
    pub from_number: String,
    pub from_name: Option<String>,
    pub to_number: String,
    pub to_name: Option<String>,
    pub transport: String,
    pub peer: String,
    pub began_us: i64,
    pub rang_us: Option<i64>,
    pub early_media_us: Option<i64>,
    pub answered_us: Option<i64>,
    pub ended_us: Option<i64>,
    pub talk_us: Option<i64>,
    pub rooms: Option<String>,
    pub forwarded: Option<String>,
    pub told_recorded_us: Option<i64>,
    pub holds: i64,
    #[sqlx(flatten)]
    pub end: EndColumns,
    pub quality: Option<String>,
}

/// Why it ended, in either row.
#[derive(FromRow, Default)]
pub struct EndColumns {
    pub ended_by: Option<String>,
    pub q850: Option<i64>,
    pub sip: Option<i64>,
    pub reason: Option<String>,
    pub place: Option<String>,
}

/// What is wrong with a row that nobody here wrote like this.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Id(#[from] NoCallId),
    #[error("a number is out of its range")]
    Number(#[from] TryFromIntError),
    #[error("{0:?} is no word of a record")]
    Word(String),
    #[error("the transport is unknown")]
    Transport(#[from] UnknownTransport),
    #[error("a list is none")]
    List(#[from] serde_json::Error),
}

impl CallRow {
    pub fn of(record: &Record) -> Self {
        Self {
            id: record.call.to_string(),
            began_at: to_millis(record.began),
            service: maybe(&record.service),
            version: maybe(&record.version),
            route: maybe(&record.route),
            from_number: clean(&record.from.number),
            from_name: maybe(&record.from.name),
            to_number: clean(&record.to.number),
            to_name: maybe(&record.to.name),
            rang_us: record.rang.map(micros),
            answered_us: record.answered.map(micros),
            ended_us: record.ended.map(micros),
            talk_us: micros(record.talk),
            outcome: record.outcome.map(|outcome| outcome.to_string()),
            fault: record.fault.map(|fault| fault.to_string()),
            end: EndColumns::of(record.end.as_ref()),
            tags: serde_json::to_string(&record.tags).expect("pairs of texts are JSON"),
            recordings: serde_json::to_string(&record.recordings).expect("texts are JSON"),
            entries: record.entries.into(),
            hung_up: record.hung_up.map(|leg| leg.0.into()),
            passed: (!record.passed.is_empty())
                .then(|| serde_json::to_string(&record.passed).expect("transfers are JSON")),
            length_class: record.ended.map(|ended| class_of(micros(ended))),
            worst_mos: record.worst_mos().map(Into::into),
            parties: parties(record),
        }
    }

    /// The record, with these legs.
    pub fn read(self, legs: Vec<LegRecord>) -> Result<Record, Unreadable> {
        Ok(Record {
            call: self.id.parse()?,
            began: from_millis(self.began_at),
            service: self.service.map(Into::into),
            version: self.version.map(Into::into),
            route: self.route.map(Into::into),
            from: party(self.from_number, self.from_name),
            to: party(self.to_number, self.to_name),
            legs,
            rang: time(self.rang_us)?,
            answered: time(self.answered_us)?,
            ended: time(self.ended_us)?,
            talk: Duration::from_micros(self.talk_us.try_into()?),
            outcome: self.outcome.map(word).transpose()?,
            fault: self.fault.map(word).transpose()?,
            end: self.end.read()?,
            tags: serde_json::from_str(&self.tags)?,
            recordings: serde_json::from_str(&self.recordings)?,
            entries: self.entries.try_into()?,
            hung_up: self.hung_up.map(u32::try_from).transpose()?.map(LegNumber),
            passed: self.passed.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
        })
    }
}

impl LegRow {
    /// The rows of a record's legs.
    pub fn of(record: &Record) -> impl Iterator<Item = Self> {
        let call: String = record.call.to_string();
        (0..).zip(&record.legs).map(move |(position, leg)| Self::one(call.clone(), position, leg))
    }

    fn one(call_id: String, position: i64, leg: &LegRecord) -> Self {
        let (kind, account) = match &leg.account {
            Account::Endpoint(name) => ("endpoint", Some(clean(name))),
            Account::Trunk(name) => ("trunk", Some(clean(name))),
            Account::Stranger => ("stranger", None),
        };
        Self {
            call_id,
            position,
            leg: leg.leg.0.into(),
            parent: leg.parent.map(|parent| parent.0.into()),
            direction: leg.direction.to_string(),
            account_kind: kind.into(),
            account,
            from_number: clean(&leg.from.number),
            from_name: maybe(&leg.from.name),
            to_number: clean(&leg.to.number),
            to_name: maybe(&leg.to.name),
            transport: leg.transport.to_string(),
            peer: clean(&leg.peer),
            began_us: micros(leg.began),
            rang_us: leg.rang.map(micros),
            early_media_us: leg.early_media.map(micros),
            answered_us: leg.answered.map(micros),
            ended_us: leg.ended.map(micros),
            talk_us: leg.talk.map(micros),
            rooms: (!leg.rooms.is_empty()).then(|| serde_json::to_string(&leg.rooms).expect("stays are JSON")),
            forwarded: leg
                .forwarded
                .as_ref()
                .map(|by| serde_json::to_string(by).expect("texts are JSON").replace('\0', "\u{fffd}")),
            told_recorded_us: leg.told_recorded.map(micros),
            holds: leg.holds.into(),
            end: EndColumns::of(leg.cause.as_ref()),
            quality: leg.quality.map(|quality| serde_json::to_string(&quality).expect("numbers are JSON")),
        }
    }

    pub fn read(self) -> Result<LegRecord, Unreadable> {
        let account = match (self.account_kind.as_str(), self.account) {
            ("endpoint", Some(name)) => Account::Endpoint(name.into()),
            ("trunk", Some(name)) => Account::Trunk(name.into()),
            ("stranger", _) => Account::Stranger,
            _ => return Err(Unreadable::Word(self.account_kind)),
        };
        Ok(LegRecord {
            leg: LegNumber(self.leg.try_into()?),
            parent: self.parent.map(u32::try_from).transpose()?.map(LegNumber),
            direction: word(self.direction)?,
            account,
            from: party(self.from_number, self.from_name),
            to: party(self.to_number, self.to_name),
            transport: self.transport.parse()?,
            peer: self.peer.into(),
            began: Duration::from_micros(self.began_us.try_into()?),
            rang: time(self.rang_us)?,
            early_media: time(self.early_media_us)?,
            answered: time(self.answered_us)?,
            ended: time(self.ended_us)?,
            talk: time(self.talk_us)?,
            rooms: self.rooms.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            forwarded: self.forwarded.as_deref().map(serde_json::from_str).transpose()?,
            told_recorded: time(self.told_recorded_us)?,
            holds: self.holds.try_into()?,
            cause: self.end.read()?,
            quality: self.quality.as_deref().map(serde_json::from_str).transpose()?,
        })
    }
}

impl EndColumns {
    fn of(cause: Option<&Cause>) -> Self {
        let Some(cause) = cause else { return Self::default() };
        Self {
            ended_by: Some(cause.by.to_string()),
            q850: Some(cause.q850.into()),
            sip: cause.sip.map(Into::into),
            reason: Some(clean(&cause.reason)),
            place: maybe(&cause.place),
        }
    }

    fn read(self) -> Result<Option<Cause>, Unreadable> {
        let Some(by) = self.ended_by else { return Ok(None) };
        Ok(Some(Cause {
            by: word(by)?,
            q850: self.q850.unwrap_or_default().try_into()?,
            sip: self.sip.map(u16::try_from).transpose()?,
            reason: self.reason.unwrap_or_default().into(),
            place: self.place.map(Into::into),
        }))
    }
}

/// The call that a row is of.
pub fn call(id: &str) -> Result<CallId, Unreadable> {
    Ok(id.parse()?)
}

/// Text that either database holds: PostgreSQL takes no NUL.
fn clean(text: &str) -> String {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
    .into_owned()
}

fn maybe(text: &Option<Box<str>>) -> Option<String> {
    text.as_deref().map(clean)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn time(micros: Option<i64>) -> Result<Option<Duration>, Unreadable> {
    Ok(micros.map(u64::try_from).transpose()?.map(Duration::from_micros))
}

fn word<T: std::str::FromStr>(text: String) -> Result<T, Unreadable> {
    text.parse().map_err(|_| Unreadable::Word(text))
}

fn party(number: String, name: Option<String>) -> Party {
    Party { number: number.into(), name: name.map(Into::into) }
}

/// Whom a call rang on the way, in small letters.
fn parties(record: &Record) -> Option<String> {
    let rung = record.legs.iter().filter(|leg| leg.direction == Direction::Outbound);
    let one = |leg: &LegRecord| {
        let account = match &leg.account {
            Account::Endpoint(name) | Account::Trunk(name) => name,
            Account::Stranger => "",
        };
        format!("{account} {} {}", leg.to.number, leg.to.name.as_deref().unwrap_or_default())
    };
    let said: Vec<String> = rung.map(one).collect();
    (!said.is_empty()).then(|| clean(&said.join(" ").to_lowercase()))
}
