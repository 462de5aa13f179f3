//! What a record says of one leg.

use std::time::Duration;

use patchcord_sip::hop::Transport;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Cause, Direction, LegBegan, LegNumber, transport},
    party::{Account, Party},
    passing::Forwarded,
    quality::Quality,
    stamps,
};

/// One leg of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Its number.
    pub leg: LegNumber,
    /// The leg on whose behalf it was begun.
    pub parent: Option<LegNumber>,
    /// Who called whom.
    pub direction: Direction,
    /// What we know the party as.
    pub account: Account,
    /// Who calls on it.
    pub from: Party,
    /// Who is called on it.
    pub to: Party,
    /// What its messages travelled by.
    #[serde(with = "transport")]
    pub transport: Transport,
    /// The party's address, masked.
    pub peer: Box<str>,
    /// When it began.
    #[serde(with = "stamps::micros", rename = "began_us")]
    pub began: Duration,
    /// When it rang first.
    #[serde(with = "stamps::maybe_micros", rename = "rang_us")]
    pub rang: Option<Duration>,
    /// When sound flowed before the answer.
    #[serde(with = "stamps::maybe_micros", rename = "early_media_us")]
    pub early_media: Option<Duration>,
    /// When it was answered.
    #[serde(with = "stamps::maybe_micros", rename = "answered_us")]
    pub answered: Option<Duration>,
    /// When it ended.
    #[serde(with = "stamps::maybe_micros", rename = "ended_us")]
    pub ended: Option<Duration>,
    /// How long it heard another leg; none when it never did.
    #[serde(with = "stamps::maybe_micros", rename = "talk_us")]
    pub talk: Option<Duration>,
    /// The conference rooms that it was in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomStay>,
    /// Who sent the call on to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Forwarded>,
    /// When it had heard first that it is recorded.
    #[serde(
        default,
        with = "stamps::maybe_micros",
        rename = "told_recorded_us",
        skip_serializing_if = "Option::is_none"
    )]
    pub told_recorded: Option<Duration>,
    /// How often the party put us on hold.
    pub holds: u32,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// How well it was heard.
    pub quality: Option<Quality>,
}

/// A stay of a leg in a conference room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStay {
    /// The name of the room.
    pub room: Box<str>,
    /// When it came in.
    #[serde(with = "stamps::micros", rename = "came_us")]
    pub came: Duration,
    /// When it was out; none while it is in.
    #[serde(with = "stamps::maybe_micros", rename = "left_us")]
    pub left: Option<Duration>,
}

impl LegRecord {
    /// A leg that begins then.
    pub(super) fn begin(began: &LegBegan, at: Duration) -> Self {
        Self {
            leg: began.leg,
            parent: began.parent,
            direction: began.direction,
            account: began.account.clone(),
            from: began.from.clone(),
            to: began.to.clone(),
            transport: began.transport,
            peer: began.peer.clone(),
            began: at,
            rang: None,
            early_media: None,
            answered: None,
            ended: None,
            talk: None,
            rooms: Vec::new(),
            forwarded: None,
            told_recorded: None,
            holds: 0,
            cause: None,
            quality: None,
        }
    }

    /// Bytes that it takes in memory, nearly.
    pub(super) fn weight(&self) -> usize {
        let cause = self.cause.as_ref().map_or(0, |cause| cause.reason.len());
        size_of::<Self>() + self.from.weight() + self.to.weight() + self.peer.len() + cause
    }
}
