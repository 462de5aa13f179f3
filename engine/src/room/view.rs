//! Rooms as people see them: copies of what there is at one moment, for pages, programs and scripts.

use std::time::Instant;

use serde::Serialize;

use super::by::called;
use super::meeting::{Meeting, Member, Stage};
use super::past::millis;
use super::rules::Role;
use super::told::MemberId;
use crate::journal::CallId;

/// A room at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomView {
    /// Its name.
    pub name: String,
    /// The name of this life of it, under which it will be kept.
    pub id: String,
    /// When it was opened, in milliseconds since 1970, and for how long it has gone on.
    pub opened_ms: u64,
    /// See `opened_ms`.
    pub lasts_ms: u64,
    /// Members and whoever waits or is at the door, in the order in which they came.
    pub members: Vec<MemberView>,
    /// The most members that it may have.
    pub most: usize,
    /// Whether only moderators come in.
    pub locked: bool,
    /// Whether it is recorded.
    pub recording: bool,
    /// Whether somebody has to know a PIN to come in.
    pub has_pin: bool,
    /// Whether everybody is brought to one loudness.
    pub automatic_gain: bool,
    /// What is quieter than so many decibels below the loudest is not heard of whoever comes.
    pub gate_db: Option<i8>,
    /// Whether noise is taken out of what whoever comes says.
    pub denoise: bool,
    /// Who has the floor.
    pub floor: Option<MemberId>,
}

/// A member at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberView {
    /// Its number in the house; orders name it so.
    pub member: MemberId,
    /// Its name and number.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// Its call, and its leg there.
    pub call: Option<CallId>,
    /// See `call`.
    pub leg: u32,
    /// What it may do.
    pub role: Role,
    /// `door` (asked for a PIN or a name), `waiting`, `in`, or `aside` (held out of the room).
    pub state: &'static str,
    /// Whether nobody hears it.
    pub muted: bool,
    /// Whether it hears nobody.
    pub deaf: bool,
    /// Whether its party holds us.
    pub held: bool,
    /// For how long its hand has been up.
    pub hand_ms: Option<u64>,
    /// Whether it talks.
    pub talks: bool,
    /// How loud it is while it talks: 0 is the loudest, 127 silence (dB below the most).
    pub level: Option<u8>,
    /// For how long nothing at all has come from it, though it should send: its phone, or the way there, is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unheard_ms: Option<u64>,
    /// How much louder or quieter all hear it.
    pub gain_db: i8,
    /// What is quieter than so many decibels below the loudest is not heard of it.
    pub gate_db: Option<i8>,
    /// Whether noise is taken out of what it says.
    pub denoise: bool,
    /// For how long it has been here, and how long it has talked of that.
    pub here_ms: u64,
    /// See `here_ms`.
    pub talked_ms: u64,
}

impl MemberView {
    /// What it is called.
    #[must_use]
    pub fn called(&self) -> String {
        called(&self.name, &self.number)
    }
}

impl Meeting {
    /// As it is now.
    pub(super) fn view(&self, now: Instant) -> RoomView {
        RoomView {
            name: self.name.to_string(),
            id: self.past.id.clone(),
            opened_ms: self.past.opened_ms,
            lasts_ms: millis(self.at(now)),
            members: self.members.values().map(|member| self.view_of(member, now)).collect(),
            most: self.rules.most,
            locked: self.locked,
            recording: self.recording,
            has_pin: self.rules.asks(),
            automatic_gain: self.rules.automatic_gain,
            gate_db: self.rules.gate,
            denoise: self.rules.denoise,
            floor: self.floor,
        }
    }

    fn view_of(&self, member: &Member, now: Instant) -> MemberView {
        let since = |at: Instant| millis(now.saturating_duration_since(at));
        let talks_now = member.talks_since.map_or(0, since);
        MemberView {
            member: member.id,
            name: member.name.clone(),
            number: member.number.clone(),
            call: member.call,
            leg: member.place.leg.0,
            role: member.role,
            state: match member.stage {
                Stage::Pin { .. } | Stage::Naming => "door",
                Stage::Waiting => "waiting",
                Stage::Greeting => "in",
                Stage::In if member.aside => "aside",
                Stage::In => "in",
            },
            muted: member.is_muted(),
            deaf: member.deaf,
            held: member.held,
            hand_ms: member.hand.map(since),
            talks: member.talks_since.is_some(),
            level: member.level,
            // Who holds us is not to send.
            unheard_ms: member.unheard.filter(|_| !member.held).map(since),
            gain_db: member.gain_db,
            gate_db: member.gate,
            denoise: member.denoise,
            here_ms: since(member.came),
            talked_ms: self.past.talked_ms(member.id) + talks_now,
        }
    }
}
