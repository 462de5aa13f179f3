//! Three-way calls (RFC 5359 §2.7, RFC 4579): which room those meet in who talk already, who may bring others there, and how a
//! party is told that it is in a conference.
//!
//! Only who talks may let others join: an INVITE with Join is of the account that has the leg which it names, and so is the leg
//! that a REFER with Join names. Into a room that is there already only who is in it may bring somebody by REFER.

use std::fmt::Display;
use std::net::SocketAddr;

use patchcord_sip::hop::Transport;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::Replaces;
use patchcord_sip::uri::{Uri, escape_user};

use super::ends::{End, Way, Whose};
use super::outgoing::contact;
use super::passing::Post;
use super::talk::Talk;
use super::{Exchange, Number, Turn};
use crate::call::event::{Meets, ReferWish};
use crate::call::{Event, LegId};
use crate::journal::Journal;
use crate::room::{Announce, Rules, is_name};

impl Exchange {
    /// The room in which those go on who talk on a leg: named after their call, so that no two are one.
    pub(super) fn meeting(&self, number: Number, leg: LegId) -> String {
        self.talks.get(&number).map_or_else(|| format!("{MEETING}{}", number.0), |talk| talk.meeting(leg))
    }
}

impl Talk {
    /// See [`Exchange::meeting`].
    fn meeting(&self, leg: LegId) -> String {
        match self.chronicle.journal.as_ref().map(Journal::call) {
            Some(call) => meeting_of(call, leg),
            None => meeting_of(self.number.0, leg),
        }
    }

    /// A party has called to join two who talk.
    pub fn join_in(&mut self, mut end: End, invite: ServerId, (of, room): (LegId, String), turn: &mut Turn<'_, '_>) {
        end.leg = self.call.next_leg();
        let leg = end.leg;
        turn.exchange.names.enter(self.number, &end);
        turn.exchange.names.enter_invite(self.number, &mut end, invite);
        self.ends.push(end);
        self.call.hear(Event::JoinIn { leg, of, room }, turn.now());
    }

    /// Somebody of another call is asked into a room.
    pub fn meet(&mut self, call: u64, (leg, room, comes): (LegId, String, bool), turn: &mut Turn<'_, '_>) {
        turn.exchange.posted.push_back((Number(call), Post::Word(Event::Meet { leg, room, comes })));
    }

    /// A party brings those with whom it talks in two calls into one room, and is in it by this leg; the other one is hung up.
    /// Nothing is done where it has no other call: who talks on a shard of its own comes a moment later.
    pub fn merge(&mut self, leg: LegId, turn: &Turn<'_, '_>) -> Result<String, String> {
        let whose = self.ends.iter().find(|end| end.leg == leg && !end.gone).map(|end| &end.whose);
        let Some(Whose::Endpoint(endpoint)) = whose else {
            return Err("only an endpoint of this house has two calls".into());
        };
        if self.call.may_pass_on(leg).is_err() {
            return Err("it talks with nobody here".into());
        }
        let room = self.meeting(leg);
        let ours = self.chronicle.journal.as_ref().map(Journal::call);
        if !turn.exchange.board.live.bring(ours, &endpoint.user, &room) {
            return Err("it talks with nobody in another call".into());
        }
        self.call.hear(Event::Meet { leg, room, comes: true }, turn.now());
        Ok("null".to_owned())
    }

    /// What a party wants who asks for a transfer into a room: those who talk on a leg that it names, or the room that it is in.
    pub fn find_meeting(&self, by: LegId, wish: &ReferWish, turn: &Turn<'_, '_>) -> Option<Meets> {
        let whose = &self.ends.iter().find(|end| end.leg == by)?.whose;
        if let Some(Meets::Unfound(said)) = &wish.meets {
            let unfound = Some(Meets::Unfound(said.clone()));
            let Ok(joins) = said.parse::<Replaces>() else { return unfound };
            let Some((number, leg)) = turn.exchange.replaced(&joins) else {
                let abroad = turn.wire.neighbour_of(joins.dialog().local).map(|_| Meets::Abroad(said.clone()));
                return abroad.or(unfound);
            };
            let talk =
                if number == self.number { Some(self) } else { turn.exchange.talks.get(&number).map(|talk| &**talk) };
            let talk = talk.filter(|talk| talk.is_of(leg, whose));
            return talk.map(|talk| Meets::Talk { call: number.0, leg, room: talk.meeting(leg) }).or(unfound);
        }
        let target = Uri::parse(&wish.to).ok()?;
        let name = target.user_text().filter(|name| is_name(name))?;
        let view = turn.exchange.board.rooms.find(&name, turn.now())?;
        let Whose::Endpoint(endpoint) = whose else { return None };
        let own = [Some(&*endpoint.user), endpoint.number.as_deref(), endpoint.calling.caller_id.as_deref()];
        let is_in = view.members.iter().any(|member| own.contains(&Some(&*member.number)));
        is_in.then(|| Meets::Room(name.into_owned()))
    }

    /// The party of a leg is told that it is in a room.
    pub fn focus(&mut self, leg: LegId, room: &str, turn: &mut Turn<'_, '_>) {
        let Some(end) = self.ends.iter().find(|end| end.leg == leg) else { return };
        let hop = match &end.opening {
            Way::Along(hop) => Some(*hop),
            Way::To(_) => end.line.hop().copied(),
        };
        let Some(hop) = hop else { return };
        let contact = contact_of(Some(room), turn.wire.contact_on(&hop), hop.transport);
        self.on_line(leg, turn, |line, cx| line.focus(contact.into(), cx));
    }
}

/// How the rooms are called in which those go on who talked before.
const MEETING: &str = "meeting-";

/// The room in which those go on who talk on a leg of a call.
#[must_use]
pub fn meeting_of(call: impl Display, leg: LegId) -> String {
    format!("{MEETING}{call}-{}", leg.0)
}

/// What such a room is like: nobody has called a conference, so nothing is said of one. `None` for any other room.
#[must_use]
pub fn rules_of(room: &str) -> Option<Rules> {
    let quiet = Rules { sounds: false, announce: Announce::Nothing, music: None, ..Rules::default() };
    room.starts_with(MEETING).then_some(quiet)
}

/// Our Contact value; in a conference the address of it.
pub(super) fn contact_of(room: Option<&str>, at: SocketAddr, transport: Transport) -> String {
    let plain = contact(at, transport);
    room.map_or_else(|| plain.clone(), |room| focused(&plain, room))
}

/// The same as the address of a conference.
pub(super) fn focused(plain: &str, room: &str) -> String {
    format!("{};isfocus", plain.replacen("sip:", &format!("sip:{}@", escape_user(room)), 1))
}
