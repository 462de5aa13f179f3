//! What a room can be told by those who run it, and what members do with keys.

use std::time::Instant;

use serde::Serialize;

use super::GATE_DB;
use super::by::By;
use super::keys::Action;
use super::meeting::{Meeting, Member, Out};
use super::past::ENDED;
use super::rules::{Join, Role};
use super::told::{Effect, Kind, Leaving, MemberId, Place, Told};
use super::view::{MemberView, RoomView};
use crate::call::LegId;

/// At this many decibels and below one does not hear another at all.
pub const SILENT: i8 = -60;

/// The most that anybody is made louder.
pub const LOUDEST: i8 = 12;

/// Pairs with a loudness of their own in one room: a coach and a few whisperers, as many as a mixer has.
pub const MAX_PAIRS: usize = 64;

/// A step of a member's own key.
const STEP: i8 = 3;

/// Whom an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// Everybody; where somebody is silenced or sent out, but for moderators.
    All,
    /// That one.
    Member(MemberId),
    /// The one at that leg.
    Leg(Place),
}

/// What a room can be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// That nobody hears somebody, or all again.
    Mute(Whom, bool),
    /// That somebody hears nobody, or all again.
    Deaf(Whom, bool),
    /// To send somebody out.
    Kick(Whom),
    /// To hold somebody out of the room, with music; or no longer.
    Aside(Whom, bool),
    /// To let in somebody who waits.
    Admit(Whom),
    /// That a hand is up, or down.
    Hand(Whom, bool),
    /// What somebody may do from now on.
    Role(Whom, Role),
    /// That only moderators come in, or everybody again.
    Lock(bool),
    /// To bring everybody to one loudness, or nobody any more.
    AutomaticGain(bool),
    /// How loud all hear somebody, in decibels.
    Gain(Whom, i8),
    /// To shut out whatever is quieter of somebody than so many decibels below the loudest, or nothing any more. What is for all
    /// is for those who come later, too.
    Gate(Whom, Option<i8>),
    /// To take noise out of what somebody says, or no longer; for all as above.
    Denoise(Whom, bool),
    /// How loud the first alone hears the second; [`SILENT`] is not at all, 0 as everybody does.
    Hears(Whom, Whom, i8),
    /// To bring somebody into another room.
    Move(Whom, String),
    /// To bring everybody of another room into this one.
    Merge(String),
    /// To let all, or one, hear prompts.
    Announce(Whom, Vec<String>),
    /// To record what all hear, or no longer.
    Record(bool),
    /// To call somebody and bring it in.
    Invite(String, Box<Join>),
    /// To end.
    End,
    /// To say who is in.
    Members,
    /// To say who has the floor.
    Floor,
    /// To say all of it.
    View,
}

impl Order {
    /// The same, with legs of a program's own call where they are.
    #[must_use]
    pub fn of_call(self, place: impl Fn(LegId) -> Place) -> Self {
        let at = |whom: Whom| match whom {
            Whom::Leg(leg) => Whom::Leg(place(leg.leg)),
            other => other,
        };
        match self {
            Self::Mute(whom, on) => Self::Mute(at(whom), on),
            Self::Deaf(whom, on) => Self::Deaf(at(whom), on),
            Self::Kick(whom) => Self::Kick(at(whom)),
            Self::Aside(whom, on) => Self::Aside(at(whom), on),
            Self::Admit(whom) => Self::Admit(at(whom)),
            Self::Hand(whom, up) => Self::Hand(at(whom), up),
            Self::Role(whom, role) => Self::Role(at(whom), role),
            Self::Gain(whom, gain) => Self::Gain(at(whom), gain),
            Self::Gate(whom, gate) => Self::Gate(at(whom), gate),
            Self::Denoise(whom, on) => Self::Denoise(at(whom), on),
            Self::Hears(one, other, gain) => Self::Hears(at(one), at(other), gain),
            Self::Move(whom, room) => Self::Move(at(whom), room),
            Self::Announce(whom, prompts) => Self::Announce(at(whom), prompts),
            other => other,
        }
    }
}

/// What comes of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// For how many it was done.
    Done {
        /// How many.
        done: usize,
    },
    /// Who is in.
    Members(Vec<MemberView>),
    /// Who has the floor.
    Floor(Option<MemberView>),
    /// The room.
    View(Box<RoomView>),
}

/// An order that was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such room.
    #[error("there is no room {0:?} now; a room is there as long as somebody is in it")]
    NoRoom(String),
    /// A name that no room can have.
    #[error("{0:?} is no name of a room: it has letters, digits, and the signs - _ . +, and at most 64 of them")]
    Name(String),
    /// Nobody of that number is in.
    #[error("nobody of that number is in the room")]
    NoMember,
    /// The other room takes no more.
    #[error("the room has as many members as it may have")]
    Full,
    /// There are enough rooms.
    #[error("there are {} rooms, which is the limit", super::rules::MAX_ROOMS)]
    Rooms,
    /// More pairs than a room may have.
    #[error("a room has at most {MAX_PAIRS} pairs with a loudness of their own")]
    Pairs,
    /// A gain that nobody can have.
    #[error("a gain may be from {SILENT} (not at all) to {LOUDEST} dB")]
    Gain,
    /// A gate that would shut out speech, or nothing.
    #[error("a gate may be from {} to {} dB", GATE_DB.start(), GATE_DB.end())]
    Gate,
    /// A PIN that nobody can press.
    #[error("a PIN has 1 to 16 digits")]
    Pin,
    /// A room of its own cannot be merged into itself.
    #[error("a room cannot be merged with itself")]
    Itself,
    /// More than the house can note now.
    #[error("too much waits to be done in rooms; try again")]
    Busy,
}

impl Meeting {
    /// Those whom an order is for.
    pub fn whom(&self, whom: Whom) -> Result<Vec<MemberId>, Refused> {
        match whom {
            Whom::All => Ok(self.members.keys().copied().collect()),
            Whom::Member(id) if self.members.contains_key(&id) => Ok(vec![id]),
            Whom::Leg(place) => self.at_place(place).map(|id| vec![id]).ok_or(Refused::NoMember),
            Whom::Member(_) => Err(Refused::NoMember),
        }
    }

    /// The same for what moderators are spared of where it is for all.
    fn spared(&self, whom: Whom) -> Result<Vec<MemberId>, Refused> {
        let mut all = self.whom(whom)?;
        if whom == Whom::All {
            all.retain(|id| self.members.get(id).is_some_and(|member| member.role != Role::Moderator));
        }
        Ok(all)
    }

    pub fn one(&self, whom: Whom) -> Result<MemberId, Refused> {
        self.whom(whom)?.first().copied().filter(|_| whom != Whom::All).ok_or(Refused::NoMember)
    }

    /// Does an order that concerns no other room.
    pub fn obey(&mut self, order: Order, now: Instant, out: &mut Out) -> Result<Reply, Refused> {
        let done = match order {
            Order::Mute(whom, on) => {
                if whom == Whom::All {
                    self.hushed = on;
                }
                self.each(self.spared(whom)?, |room, id| room.mute(id, on, now, out))
            }
            Order::Deaf(whom, on) => self.each(self.whom(whom)?, |room, id| room.deafen(id, on, now, out)),
            Order::Aside(whom, on) => self.each(self.whom(whom)?, |room, id| room.hold_aside(id, on, now, out)),
            Order::Kick(whom) => self.each(self.spared(whom)?, |room, id| {
                room.noted("kicked", Some(id), true, "", now);
                room.put_out(id, Leaving::Kicked, now, out);
                true
            }),
            Order::Admit(whom) => {
                let who = self.whom(whom)?;
                if self.is_full() && who.iter().any(|id| self.members.get(id).is_some_and(Member::waits)) {
                    return Err(Refused::Full);
                }
                self.each(who, |room, id| room.let_in(id, now, out))
            }
            Order::Hand(whom, up) => self.each(self.whom(whom)?, |room, id| room.raise(id, up, now, out)),
            Order::Role(whom, role) => self.each(self.whom(whom)?, |room, id| room.appoint(id, role, now, out)),
            Order::Lock(on) => self.lock(on, now, out),
            Order::AutomaticGain(_) | Order::Gain(..) | Order::Gate(..) | Order::Denoise(..) | Order::Hears(..) => {
                self.sound(order, now, out)?
            }
            Order::Announce(whom, prompts) => self.say(whom, prompts, now, out)?,
            Order::Record(on) => {
                let changes = self.recording != on;
                self.record(on, now, out);
                usize::from(changes)
            }
            Order::Invite(target, join) => {
                self.noted("invited", None, true, &target, now);
                out.push_back(Effect::Invite { home: self.home, target, join });
                1
            }
            Order::End => {
                let members = self.members.len();
                self.noted(ENDED, None, true, "", now);
                self.end("somebody ended it", now, out);
                members
            }
            Order::Members => return Ok(Reply::Members(self.view(now).members)),
            Order::Floor => {
                let floor = self.floor;
                return Ok(Reply::Floor(
                    self.view(now).members.into_iter().find(|member| Some(member.member) == floor),
                ));
            }
            Order::View => return Ok(Reply::View(Box::new(self.view(now)))),
            // These are the house's: another room is in them.
            Order::Move(..) | Order::Merge(_) => 0,
        };
        Ok(Reply::Done { done })
    }

    pub fn each(&mut self, whom: Vec<MemberId>, mut act: impl FnMut(&mut Self, MemberId) -> bool) -> usize {
        whom.into_iter().filter(|id| act(self, *id)).count()
    }

    fn change(&mut self, id: MemberId, change: impl FnOnce(&mut Member) -> bool, out: &mut Out) -> bool {
        let changes = self.members.get_mut(&id).is_some_and(change);
        if changes {
            self.stand(id, out);
        }
        changes
    }

    fn deafen(&mut self, id: MemberId, on: bool, now: Instant, out: &mut Out) -> bool {
        let changes = self.change(id, |member| std::mem::replace(&mut member.deaf, on) != on, out);
        if changes {
            self.noted("deaf", Some(id), on, "", now);
        }
        changes
    }

    fn let_in(&mut self, id: MemberId, now: Instant, out: &mut Out) -> bool {
        let waits = self.admit(id, now, out);
        if waits {
            self.noted("let_in", Some(id), true, "", now);
        }
        waits
    }

    /// All hear that, or one alone.
    fn say(&mut self, whom: Whom, prompts: Vec<String>, now: Instant, out: &mut Out) -> Result<usize, Refused> {
        let said = prompts.join(", ");
        if whom == Whom::All {
            self.noted("announced", None, true, &said, now);
            self.announce(prompts, now, out);
            return Ok(self.count_in());
        }
        let id = self.one(whom)?;
        let place = self.place(id).ok_or(Refused::NoMember)?;
        self.noted("announced", Some(id), true, &said, now);
        out.push_back(Effect::Tell(place, Told::Say(prompts)));
        Ok(1)
    }

    fn mute(&mut self, id: MemberId, on: bool, now: Instant, out: &mut Out) -> bool {
        let changes = self.change(id, |member| std::mem::replace(&mut member.muted, on) != on, out);
        if changes {
            if on {
                self.falls_silent(id, now, out);
            }
            self.happened(Kind::Mute, Some(id), on, now, out);
            self.say_to(id, if on { "room-muted" } else { "room-unmuted" }, out);
        }
        changes
    }

    /// Tells a member what was done with it, where the room speaks at all.
    fn say_to(&self, id: MemberId, prompt: &str, out: &mut Out) {
        if self.rules.sounds
            && let Some(member) = self.members.get(&id).filter(|member| member.is_in())
        {
            out.push_back(Effect::Tell(member.place, Told::Say(vec![prompt.to_owned()])));
        }
    }

    fn hold_aside(&mut self, id: MemberId, on: bool, now: Instant, out: &mut Out) -> bool {
        let music = self.rules.music.clone();
        let is_in = self.members.get(&id).is_some_and(Member::is_in);
        let changes = is_in && self.change(id, |member| std::mem::replace(&mut member.aside, on) != on, out);
        if changes && let Some(place) = self.place(id) {
            if on {
                self.falls_silent(id, now, out);
            }
            out.push_back(Effect::Tell(place, Told::Aside(on, music)));
            self.noted("aside", Some(id), on, "", now);
        }
        changes
    }

    fn raise(&mut self, id: MemberId, up: bool, now: Instant, out: &mut Out) -> bool {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.is_in()) else { return false };
        if member.hand.is_some() == up {
            return false;
        }
        member.hand = up.then_some(now);
        self.happened(Kind::Hand, Some(id), up, now, out);
        true
    }

    fn appoint(&mut self, id: MemberId, role: Role, now: Instant, out: &mut Out) -> bool {
        let changes = self.change(id, |member| std::mem::replace(&mut member.role, role) != role, out);
        if changes {
            if role == Role::Listener {
                self.falls_silent(id, now, out);
            }
            self.tell_keys(id, out);
            self.noted("role", Some(id), true, role.word(), now);
        }
        changes
    }

    fn lock(&mut self, on: bool, now: Instant, out: &mut Out) -> usize {
        let changes = std::mem::replace(&mut self.locked, on) != on;
        if changes {
            self.happened(Kind::Lock, None, on, now, out);
        }
        usize::from(changes)
    }

    /// A member's key.
    pub fn act(&mut self, id: MemberId, action: Action, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get(&id).filter(|member| member.is_in()) else { return };
        if !action.is_for(member.role) {
            return self.say_to(id, "room-not-allowed", out);
        }
        let (me, muted, deaf) = (Whom::Member(id), member.muted, member.deaf);
        let (hand, gain) = (member.hand.is_some(), member.gain_db);
        self.by = Some(By::member(id, member.called()));
        let order = match action {
            Action::ToggleMute => Order::Mute(me, !muted),
            Action::ToggleDeaf => Order::Deaf(me, !deaf),
            Action::RaiseHand => {
                self.say_to(id, if hand { "room-hand-down" } else { "room-hand-up" }, out);
                Order::Hand(me, !hand)
            }
            Action::Leave => return self.put_out(id, Leaving::Left, now, out),
            Action::Louder => Order::Gain(me, (gain + STEP).min(LOUDEST)),
            Action::Quieter => Order::Gain(me, (gain - STEP).max(-LOUDEST)),
            Action::ToggleLock => {
                self.say_to(id, if self.locked { "room-unlocked" } else { "room-locked" }, out);
                Order::Lock(!self.locked)
            }
            Action::ToggleMuteAll => Order::Mute(Whom::All, !self.hushed),
            Action::ToggleRecord => Order::Record(!self.recording),
            Action::Admit => Order::Admit(Whom::All),
            Action::KickLast => {
                let last = self.members.values().filter(|member| member.is_in() && member.id != id);
                let Some(last) = last.max_by_key(|member| member.came) else { return };
                Order::Kick(Whom::Member(last.id))
            }
            Action::End => Order::End,
        };
        match self.obey(order, now, out) {
            Err(Refused::Full) => self.say_to(id, "room-denied-full", out),
            // What a member asks of itself is there to be done.
            done => debug_assert!(done.is_ok(), "{done:?}"),
        }
    }
}
