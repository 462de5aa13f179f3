//! One call in its turn: what it wants is done, what follows is told it, until nobody wants anything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use patchcord_media::shard::Order;
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Method, Request, Response};
use patchcord_sip::transaction::ServerId;

use super::chronicle::Chronicle;
use super::ends::{End, Whose};
use super::errands::Known;
use super::occasions::Question;
use super::originate::Begun;
use super::outgoing::{Party, terms};
use super::services::{Sorry, Straight};
use super::{Leash, Number, Sent, Turn};
use crate::call::event::Serving;
use crate::call::{Call, Effect, Ending, Event, LegEvent, LegId, LineOrder, Who};
use crate::journal::Way as Sender;
use crate::line::{Act, Cx, Line, Mark};
use crate::occasion::NoAnswer;
use crate::originate::Lineage;
use crate::program::{self, Program, Step, Wake};
use crate::routing::Ticket;
use crate::runtime::SendFault;

/// One call with all that belongs to it.
pub(super) struct Talk {
    pub number: Number,
    pub call: Call,
    pub program: Box<dyn Program>,
    /// What the service may do.
    pub leash: Option<Arc<Leash>>,
    /// When the call ends, whatever the service says.
    pub until: Option<Instant>,
    pub ends: Vec<End>,
    /// Who was there and has gone.
    pub parted: Vec<Known>,
    /// Who called.
    pub party: Party,
    pub due: Option<Instant>,
    /// The room that the call takes of the house's limits.
    pub tickets: Vec<Ticket>,
    /// Since when the call is over, and only its lines have something to say.
    pub over_since: Option<Instant>,
    /// The program ended by a fault.
    pub broke: bool,
    /// Somebody outside has ended it.
    pub stopped: bool,
    pub chronicle: Chronicle,
    /// What its service is asked where there is no call.
    pub question: Option<Box<Question>>,
    /// What is known of it where the house began it.
    pub originated: Option<Box<Begun>>,
    /// Where it stands among calls that begin each other.
    pub lineage: Lineage,
}

impl Talk {
    /// A call that nobody is in yet: its number and machine, who drives it and within which bounds, who calls and the room that
    /// this takes.
    pub fn new(
        (number, call): (Number, Call),
        (program, leash): (Box<dyn Program>, Option<Arc<Leash>>),
        (party, tickets): (Party, Vec<Ticket>),
        chronicle: Chronicle,
        now: Instant,
    ) -> Self {
        Self {
            number,
            call,
            program,
            until: leash.as_ref().and_then(|leash| leash.rules().longest).map(|longest| now + longest),
            leash,
            ends: Vec::new(),
            parted: Vec::new(),
            party,
            due: None,
            tickets,
            over_since: None,
            broke: false,
            stopped: false,
            chronicle,
            question: None,
            originated: None,
            lineage: Lineage::default(),
        }
    }

    pub fn end(&mut self, leg: LegId) -> Option<&mut End> {
        self.ends.iter_mut().find(|end| end.leg == leg)
    }

    /// Whether nothing of it is left.
    pub fn is_over(&self) -> bool {
        self.over_since.is_some() && self.ends.is_empty()
    }

    pub fn deadline(&self) -> Option<Instant> {
        let lines = self.ends.iter().filter_map(|end| end.line.deadline());
        let lines = lines.chain(self.ends.iter().filter_map(|end| end.pictures.deadline()));
        lines.chain(self.call.deadline()).chain(self.until).chain(self.chronicle.closes(self.over_since)).min()
    }

    /// A line hears or does something, and what follows from it is done.
    pub fn on_line(&mut self, leg: LegId, turn: &mut Turn<'_, '_>, act: impl FnOnce(&mut Line, &mut Cx<'_>)) {
        let Some(at) = self.ends.iter().position(|end| end.leg == leg) else { return };
        let mut acts = Vec::new();
        let now = turn.now();
        let mut cx = Cx { now, tokens: turn.wire.tokens(), acts: &mut acts };
        act(&mut self.ends[at].line, &mut cx);
        for what in acts {
            self.act(at, what, turn);
        }
        self.tune_pictures(leg, turn);
    }

    fn act(&mut self, at: usize, act: Act, turn: &mut Turn<'_, '_>) {
        let end = &mut self.ends[at];
        match act {
            Act::Respond(id, status, bytes) => {
                let leg = end.leg;
                self.log_message(leg, Sender::Ours, &bytes, turn);
                turn.wire.respond(id, status, bytes);
            }
            Act::StopRepeating(id) => turn.wire.stop_repeating(id),
            Act::Request(mark, draft, lead) => {
                let leg = end.leg;
                let sent = end.send(draft, lead, turn.wire);
                match sent {
                    Some(sent) => {
                        turn.exchange.names.enter_sent(self.number, end, mark, sent);
                        // What goes to an address is told of as it goes, to one target after the other.
                        if let Sent::Along(id) = sent
                            && let Some(bytes) = turn.wire.sent_as(id)
                        {
                            self.log_message(leg, Sender::Ours, &bytes, turn);
                        }
                    }
                    None => {
                        self.failed(leg, mark, SendFault::Full, turn);
                    }
                }
            }
            Act::Cancel(mark, reason) => match end.sent.iter().find(|(of, _)| *of == mark) {
                Some((_, Sent::Along(id))) => turn.wire.cancel(*id, reason.as_deref()),
                Some((_, Sent::To(id))) => turn.wire.cancel_sent(*id, reason.as_deref()),
                None => {}
            },
            Act::Ack(mark, draft, lead) => {
                let leg = end.leg;
                let Some(hop) = end.hop_of(lead, turn.wire) else { return };
                let bytes = turn.wire.send_ack(draft, hop);
                end.line.acknowledged(mark, bytes.clone());
                self.log_message(leg, Sender::Ours, &bytes, turn);
            }
            Act::AckAgain(bytes, lead) => {
                let Some(hop) = end.hop_of(lead, turn.wire) else { return };
                turn.wire.send_again(bytes, hop);
            }
            Act::Tune(sound, before) => self.tune(at, sound, before.as_deref(), turn),
            Act::Restart(ours) => {
                let Some(port) = self.ends[at].port else { return };
                self.order(port.port, Order::Restart(ours), turn);
            }
            Act::Learn(addresses) => {
                let Some(port) = self.ends[at].port.filter(|_| self.ends[at].line.is_browser()) else { return };
                self.order(port.port, Order::Learn(addresses), turn);
            }
            Act::Tell(event) => self.tell(at, event, turn),
        }
    }

    fn tell(&mut self, at: usize, event: LegEvent, turn: &mut Turn<'_, '_>) {
        let calls = !self.called_us(self.ends[at].leg);
        let end = &mut self.ends[at];
        if matches!(event, LegEvent::Answered) && calls {
            end.talks_since.get_or_insert(turn.now());
        }
        if matches!(event, LegEvent::Ended(_) | LegEvent::Refused(_)) {
            end.gone = true;
            end.tickets.clear();
            self.count_talk(&self.ends[at], turn);
            self.close_port(at, turn);
        }
        let leg = self.ends[at].leg;
        match event {
            // A key that came by the line is told by the port, which hears the other ways, too: once.
            LegEvent::Key(press) if self.pressed(at, press, turn) => {}
            event => {
                self.relay(at, &event, turn);
                let event = self.find_replaced(leg, event, turn);
                self.call.hear(Event::Leg(leg, event), turn.now());
            }
        }
    }

    /// What two who are joined write to each other beside the sound.
    fn relay(&mut self, at: usize, event: &LegEvent, turn: &mut Turn<'_, '_>) {
        let Some(partner) = self.ends[at].partner else { return };
        let order = match event {
            LegEvent::Info(kind, body) => LineOrder::Info(kind.clone(), body.clone()),
            LegEvent::Message(kind, body) if kind.starts_with("text/plain") => {
                LineOrder::Message(String::from_utf8_lossy(body).into_owned())
            }
            _ => return,
        };
        self.on_line(partner, turn, |line, cx| line.obey(order, cx));
    }

    /// A connection has closed. Who talks may come back by another one; who has not answered yet, or waits for an answer, is
    /// not waited for.
    pub fn flow_lost(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        let Some(end) = self.end(leg).filter(|end| !end.gone && !end.line.is_up()) else { return };
        let ending = Ending { by: Who::Party, cause: 27, sip: None, reason: "its connection was lost".to_owned() };
        let leg = end.leg;
        self.call.hear(Event::Leg(leg, LegEvent::Unusable(ending)), turn.now());
    }

    /// Does what the call wants, until it wants nothing.
    pub fn settle(&mut self, turn: &mut Turn<'_, '_>) {
        while let Some(effect) = self.call.poll() {
            self.effect(effect, turn);
        }
        self.match_pictures(turn);
        self.match_holds(turn);
        self.sweep(turn);
    }

    fn effect(&mut self, effect: Effect, turn: &mut Turn<'_, '_>) {
        match effect {
            Effect::Resume(wake) => self.resume(wake, turn),
            Effect::Line(leg, LineOrder::Invite(invitation)) => self.invite(leg, *invitation, turn),
            Effect::Line(leg, LineOrder::Introduce(other)) => self.introduce(leg, other, turn),
            Effect::Line(leg, LineOrder::Focus(room)) => self.focus(leg, &room, turn),
            Effect::Meet { call, leg, room, comes } => self.meet(call, (leg, room, comes), turn),
            Effect::Line(leg, order) => self.obey(leg, order, turn),
            Effect::Sound(leg, order) => self.sound(leg, order, turn),
            Effect::Locate { verb, target, address, caller } => {
                let found = self.locate(&address, caller, turn);
                self.call.hear(Event::Located(verb, target, found), turn.now());
            }
            Effect::Take { call, leg, as_leg } => self.take(call, leg, as_leg, turn),
            Effect::Give { leg, call, as_leg } => self.give(leg, call, as_leg, turn),
            Effect::Serve(serving, leg) => self.serve(serving, leg, turn),
            Effect::Apologise(why) => self.program = Box::new(Sorry::after(&*self.program, &why)),
            Effect::Errand(verb, errand) => self.errand(verb, *errand, turn),
            Effect::Room(leg, asked) => self.room_asked(leg, asked, turn),
            Effect::Discard(file) => self.discard_recording(&file, turn),
            Effect::Note(note) => self.note(note, turn),
            Effect::Over => {
                self.over_since = Some(turn.now());
                self.tickets.clear();
            }
        }
    }

    fn obey(&mut self, leg: LegId, order: LineOrder, turn: &mut Turn<'_, '_>) {
        let needs_sound = matches!(order, LineOrder::Progress | LineOrder::Answer | LineOrder::Hold(_));
        if needs_sound && !self.has_place(leg, turn) {
            // No port: what was to be heard cannot be, and the caller hears why.
            if !matches!(order, LineOrder::Hold(_)) {
                self.on_line(leg, turn, Line::has_no_room);
            }
            return;
        }
        if matches!(order, LineOrder::Answer | LineOrder::Progress) {
            self.prefer_the_partners(leg);
            self.show_partners(leg, turn);
        }
        self.on_line(leg, turn, |line, cx| line.obey(order, cx));
    }

    /// A caller who is answered because somebody else has answered is answered with what that one took, so that nothing has
    /// to be transcoded.
    fn prefer_the_partners(&mut self, leg: LegId) {
        let took = self.ends.iter().filter(|end| end.leg != leg).find(|end| end.agreed.is_some());
        let Some(took) = took.map(|end| end.line.formats().to_vec()) else { return };
        if let Some(end) = self.end(leg) {
            let policy = terms(&end.whose).policy.after(&took);
            end.line.set_policy(policy);
        }
    }

    fn resume(&mut self, wake: Wake, turn: &mut Turn<'_, '_>) {
        let program = &mut self.program;
        // A bug in a program ends its call and no other.
        let step = catch_unwind(AssertUnwindSafe(|| program.resume(wake)));
        let step = step.unwrap_or_else(|_| {
            tracing::error!(call = self.number.0, "a service broke; its call ends");
            Step::Finished(program::End::Fault("the service broke".into()))
        });
        self.call.hear(Event::Program(step), turn.now());
    }

    /// Another service goes on with the call, which is that leg's from now on.
    fn serve(&mut self, serving: Serving, leg: LegId, turn: &mut Turn<'_, '_>) {
        let service = &*serving.service;
        self.passed_to(leg, serving.called.as_deref());
        let missing =
            || Box::new(Sorry::after(&*self.program, &format!("there is no service {service}"))) as Box<dyn Program>;
        let served = turn.exchange.services.find(service).unwrap_or_else(|| missing().into());
        self.note_edition(service, &served, turn);
        if let Some(leash) = &served.leash {
            // Whoever is talked with already is not turned away: it only counts.
            self.tickets.extend(leash.enter(true));
            let longest = leash.rules().longest.map(|longest| turn.now() + longest);
            self.until = [self.until, longest].into_iter().flatten().min();
        }
        self.leash = served.leash;
        self.program = served.program;
    }

    pub fn wake(&mut self, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        let late: Vec<_> = self.ends.iter().filter(|end| end.line.deadline().is_some_and(|due| due <= now)).collect();
        for leg in late.into_iter().map(|end| end.leg).collect::<Vec<_>>() {
            self.on_line(leg, turn, |line, cx| line.wake(cx));
        }
        if self.until.take_if(|until| *until <= now).is_some() {
            let reason = "the longest call that the service may have was over".to_owned();
            let ending = Ending { by: Who::System, cause: 16, sip: Some(408), reason };
            self.stopped = true;
            self.call.hear(Event::End(ending), now);
        }
        if self.call.deadline().is_some_and(|due| due <= now) {
            self.call.wake(now);
        }
        if self.chronicle.closes(self.over_since).is_some_and(|due| due <= now) {
            self.close_journal(turn);
            self.put_away();
        }
    }

    /// It is over, and a line of it only waits for late answers of a fork, for half a minute: at two thousand calls a second
    /// what a talk needs must not wait with it.
    fn put_away(&mut self) {
        self.program = Box::new(Straight::told());
        self.call.put_away();
        for end in &mut self.ends {
            end.line.put_away();
            end.agreed = None;
        }
    }

    /// A leg never came about.
    pub fn drop_end(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        if let Some(at) = self.ends.iter().position(|end| end.leg == leg) {
            self.close_port(at, turn);
            turn.exchange.names.leave(&self.ends.swap_remove(at));
        }
    }

    /// Ends that are over leave.
    fn sweep(&mut self, turn: &mut Turn<'_, '_>) {
        let mut at = 0;
        while at < self.ends.len() {
            if self.ends[at].gone && self.ends[at].line.is_over() {
                self.close_port(at, turn);
                let end = self.ends.swap_remove(at);
                turn.exchange.names.leave(&end);
                self.remember(&end);
            } else {
                at += 1;
            }
        }
    }

    /// Nothing of it is left: its room is free again.
    pub fn leave(mut self: Box<Self>, turn: &mut Turn<'_, '_>) {
        turn.exchange.prompts.forget(self.number);
        self.answer_question(Err(NoAnswer::Late), turn);
        self.close_journal(turn);
    }

    /// A request of the party inside its dialog.
    pub fn asked(&mut self, leg: LegId, id: ServerId, request: &Request, hop: &Hop, turn: &mut Turn<'_, '_>) {
        if *request.method() == Method::Invite {
            let number = self.number;
            if let Some(end) = self.end(leg) {
                turn.exchange.names.enter_invite(number, end, id);
            }
        }
        self.log_message(leg, Sender::Theirs, request.bytes(), turn);
        let is_guest = self.ends.iter().any(|end| end.leg == leg && matches!(end.whose, Whose::Guest(..)));
        if is_guest && *request.method() == Method::Refer {
            // A guest may call whom it was given; who else is called is for those to say whom it has called.
            let refusal = Draft::reply(request, hop.peer, 403).phrase("Guests Do Not Transfer");
            return turn.wire.respond(id, 403, refusal.finish());
        }
        if self.asks_to_show(leg, (id, request, hop), turn) {
            return;
        }
        self.on_line(leg, turn, |line, cx| line.request(id, request, hop, cx));
    }

    pub fn acknowledged(&mut self, leg: LegId, ack: &Request, turn: &mut Turn<'_, '_>) {
        self.log_message(leg, Sender::Theirs, ack.bytes(), turn);
        self.on_line(leg, turn, |line, cx| line.ack(ack, cx));
    }

    pub fn cancelled(&mut self, leg: LegId, id: ServerId, cancel: &Request, turn: &mut Turn<'_, '_>) {
        self.log_message(leg, Sender::Theirs, cancel.bytes(), turn);
        if self.shows_no_more(leg, id, turn) {
            return;
        }
        self.on_line(leg, turn, |line, cx| line.cancelled(id, cancel, cx));
    }

    pub fn ack_missing(&mut self, leg: LegId, id: ServerId, turn: &mut Turn<'_, '_>) {
        self.on_line(leg, turn, |line, cx| line.ack_missing(id, cx));
    }

    pub fn responded(
        &mut self,
        leg: LegId,
        mark: Mark,
        response: &Response,
        hop: &Hop,
        stray: bool,
        turn: &mut Turn<'_, '_>,
    ) {
        self.log_message(leg, Sender::Theirs, response.bytes(), turn);
        self.on_line(leg, turn, |line, cx| match stray {
            false => line.response(mark, response, hop, cx),
            true => line.stray(mark, response, hop, cx),
        });
    }

    pub fn failed(&mut self, leg: LegId, mark: Mark, fault: SendFault, turn: &mut Turn<'_, '_>) {
        self.on_line(leg, turn, |line, cx| line.failed(mark, fault.status(), cx));
    }

    pub fn forks_over(&mut self, leg: LegId, mark: Mark, turn: &mut Turn<'_, '_>) {
        self.on_line(leg, turn, |line, _| line.forks_over(mark));
    }

    /// Somebody outside ends it, for a cause of Q.850: no fault of its program.
    pub fn stop(&mut self, reason: &str, cause: u8, turn: &mut Turn<'_, '_>) {
        self.stopped = true;
        // Who is not answered yet is refused with the status that the cause means; in a BYE there is none.
        let ending = Ending { by: Who::System, cause, sip: None, reason: reason.to_owned() };
        self.call.hear(Event::End(ending), turn.now());
    }
}
