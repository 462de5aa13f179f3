//! Legs that change their call: attended transfers, and phones that take the place of another one.
//!
//! A call never touches another one. What one wants of the other is posted, and delivered when the turn of the first is over:
//! a question, an answer, or the end of a leg with its line and its port.
//!
//! A leg cannot leave its shard. Who is to talk with somebody on another shard calls it there, in place of the leg that was
//! named (Replaces), from one of our sockets to another and with a pass of the party that transfers; the sound goes the same way.

use patchcord_sip::hop::Transport;
use patchcord_sip::message::Fault;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::Replaces;

use super::ends::{End, Whose};
use super::recording;
use super::talk::Talk;
use super::{Exchange, Number, Turn};
use crate::call::effect::{Through, Way};
use crate::call::event::{Meets, NotFound};
use crate::call::{Event, LegEvent, LegId, LineOrder};
use crate::line::{Act, Cx};
use crate::passes::Holder;
use crate::runtime::Wire;

/// Whom somebody calls who takes the place of a leg on another shard.
pub(super) const NEIGHBOUR: &str = "neighbour:";

/// The header that shows a pass.
pub(super) const PASS: &str = "Patchcord-Pass";

/// Something from one call to another.
pub(super) enum Post {
    /// Something to hear.
    Word(Event),
    /// A leg, and the number that it gets.
    Leg(Box<End>, LegId),
    /// It was begun, and does what it wants first.
    Begin,
}

impl Exchange {
    /// Delivers what was posted, and what follows from it.
    pub(super) fn deliver(&mut self, wire: &mut Wire<'_>) {
        while let Some((number, post)) = self.posted.pop_front() {
            match post {
                Post::Word(event) if self.talks.contains_key(&number) => {
                    self.turn_of(number, wire, |talk, turn| talk.call.hear(event, turn.now()));
                }
                Post::Word(Event::Give { call, as_leg, .. }) => {
                    self.posted.push_back((Number(call), Post::Word(Event::Taken(as_leg, false))));
                }
                Post::Begin => self.turn_of(number, wire, |_, _| ()),
                Post::Word(_) => {}
                Post::Leg(end, as_leg) if self.talks.contains_key(&number) => {
                    self.turn_of(number, wire, |talk, turn| talk.take_in(*end, as_leg, turn));
                }
                Post::Leg(end, _) => self.let_go(*end, wire),
            }
        }
    }

    /// Nobody wants a leg any more that was on its way: it is hung up.
    fn let_go(&mut self, mut end: End, wire: &mut Wire<'_>) {
        let (mut acts, now) = (Vec::new(), wire.now());
        let mut cx = Cx { now, tokens: wire.tokens(), acts: &mut acts };
        end.line.obey(LineOrder::HangUp { cause: 41, sip: None, words: None }, &mut cx);
        for act in acts {
            if let Act::Request(_, draft, lead) = act {
                end.send(draft, lead, wire);
            }
        }
        for port in [end.pictures.port(), end.port.take().map(|port| port.port)].into_iter().flatten() {
            // A port whose thread takes no orders ends with its thread.
            let _closed_or_ending = wire.plane().map(|plane| plane.order(port, patchcord_media::shard::Order::Close));
        }
        self.names.leave(&end);
    }

    /// The leg that a Replaces header names, where whoever says it may take its place.
    pub(super) fn may_replace(&self, replaces: &Replaces, whose: &Whose) -> Result<(Number, LegId), Fault> {
        let found = self.replaced(replaces).ok_or(Fault::new(481, "Call To Replace Does Not Exist"))?;
        let is_theirs = self.talks.get(&found.0).is_some_and(|talk| talk.is_of(found.1, whose));
        if is_theirs { Ok(found) } else { Err(Fault::new(403, "Only Who Talks May Take That Call Elsewhere")) }
    }

    /// The leg that a Replaces header names, where it is one of this shard.
    pub(super) fn replaced(&self, replaces: &Replaces) -> Option<(Number, LegId)> {
        self.names.dialog(replaces.dialog().local)
    }
}

impl Talk {
    /// Asks another call for whoever talks with a leg of it.
    pub fn take(&mut self, call: u64, leg: LegId, as_leg: LegId, turn: &mut Turn<'_, '_>) {
        let ask = Event::Give { leg, call: self.number.0, as_leg };
        turn.exchange.posted.push_back((Number(call), Post::Word(ask)));
    }

    /// Gives a leg away.
    pub fn give(&mut self, leg: Option<LegId>, call: u64, as_leg: LegId, turn: &mut Turn<'_, '_>) {
        let at = leg.and_then(|leg| self.ends.iter().position(|end| end.leg == leg));
        let post = match at {
            Some(at) => {
                let mut end = self.ends.swap_remove(at);
                recording::end_all(&mut end.recordings);
                if end.called.is_empty() && end.leg == LegId::FIRST {
                    end.called = self.party.person.number.clone();
                }
                Post::Leg(Box::new(end), as_leg)
            }
            None => Post::Word(Event::Taken(as_leg, false)),
        };
        turn.exchange.posted.push_back((Number(call), post));
    }

    fn take_in(&mut self, mut end: End, as_leg: LegId, turn: &mut Turn<'_, '_>) {
        turn.exchange.names.leave(&end);
        end.leg = as_leg;
        turn.exchange.names.enter_again(self.number, &end);
        self.ends.push(end);
        self.call.hear(Event::Taken(as_leg, true), turn.now());
    }

    /// Whether a leg is that account's: only who talks may go on talking elsewhere.
    pub fn is_of(&self, leg: LegId, whose: &Whose) -> bool {
        let owner = self.ends.iter().find(|end| end.leg == leg).map(|end| &end.whose);
        match (owner, whose) {
            (Some(Whose::Endpoint(owner)), Whose::Endpoint(asks)) => owner.user == asks.user,
            (Some(Whose::Trunk(owner)), Whose::Trunk(asks)) => owner.name == asks.name,
            _ => false,
        }
    }

    /// A party has called to take the place of a leg.
    pub fn take_place(&mut self, mut end: End, invite: ServerId, of: LegId, turn: &mut Turn<'_, '_>) {
        end.leg = self.call.next_leg();
        let leg = end.leg;
        turn.exchange.names.enter(self.number, &end);
        turn.exchange.names.enter_invite(self.number, &mut end, invite);
        self.ends.push(end);
        self.call.hear(Event::Replace { leg, of }, turn.now());
    }

    /// A party wants to be transferred: where it names a leg of this server, that leg is found.
    pub fn find_replaced(&self, by: LegId, event: LegEvent, turn: &Turn<'_, '_>) -> LegEvent {
        let LegEvent::Refer(mut wish) = event else { return event };
        if wish.replaces_elsewhere.is_none() {
            wish.meets = self.find_meeting(by, &wish, turn);
            if matches!(wish.meets, Some(Meets::Abroad(_))) {
                wish.to = NEIGHBOUR.to_owned();
            }
        }
        let replaces = wish.replaces_elsewhere.as_deref().and_then(|said| said.parse::<Replaces>().ok());
        let Some(replaces) = replaces else { return LegEvent::Refer(wish) };
        if let Some((number, leg)) = turn.exchange.replaced(&replaces) {
            wish.meets = self.place_of(by, (number, leg), turn);
            wish.replaces = Some((number.0, leg));
            wish.replaces_elsewhere = None;
        } else if turn.wire.neighbour_of(replaces.dialog().local).is_some() {
            wish.to = NEIGHBOUR.to_owned();
        }
        LegEvent::Refer(wish)
    }

    /// The place that whoever transfers has in a room by that leg, and gives to the one with whom it talks.
    fn place_of(&self, by: LegId, (number, leg): (Number, LegId), turn: &Turn<'_, '_>) -> Option<Meets> {
        let whose = &self.ends.iter().find(|end| end.leg == by)?.whose;
        let talk =
            if number == self.number { Some(self) } else { turn.exchange.talks.get(&number).map(|talk| &**talk) };
        let room = talk.filter(|talk| talk.is_of(leg, whose))?.call.room_of_leg(leg)?;
        // A member of a room that names another of its legs brings in whom it talks with there.
        self.call.room_of_leg(by).is_none().then_some(Meets::Place { call: number.0, leg, room })
    }

    /// The way to a leg on another shard, for a party of ours.
    pub fn to_neighbour(&self, caller: Option<LegId>, turn: &Turn<'_, '_>) -> Result<Vec<Vec<Way>>, NotFound> {
        let whose = self.ends.iter().find(|end| Some(end.leg) == caller).map(|end| &end.whose);
        let account = whose.and_then(Whose::account).ok_or(NotFound::Unknown)?;
        let (transport, at) = turn.wire.within().ok_or(NotFound::Unreachable)?;
        let transport = if transport == Transport::Udp { "" } else { ";transport=tcp" };
        Ok(vec![vec![Way { uri: format!("sip:replaced@{at}{transport}"), through: Through::Within(account) }]])
    }

    /// What shows another shard for whom we speak.
    pub fn pass_for(&self, way: &Way, whose: &Whose, turn: &mut Turn<'_, '_>) -> Option<(String, String)> {
        let Through::Within(_) = way.through else { return None };
        let holder = match whose {
            Whose::Endpoint(endpoint) => Holder::Endpoint(endpoint.user.as_ref().into()),
            Whose::Trunk(trunk) => Holder::Trunk(trunk.name.clone()),
            Whose::Stranger(_) | Whose::Guest(..) => return None,
        };
        let word = turn.wire.tokens().tag();
        turn.exchange.board.passes.issue(&word, holder, turn.now());
        Some((PASS.to_owned(), word.to_string()))
    }
}
