//! The requests of others: one entry each, found by fingerprint, ended by their machine.

use std::time::Instant;

use bytes::Bytes;

use super::invite_server::{InviteServer, Step as InviteStep};
use super::key::{Errand, Fingerprints, Identity, Key, Places};
use super::news::{Heard, Sender, ServerId};
use super::outbox::{Alarm, Outbox};
use super::reply::{WayBack, spelled, stateless};
use super::server::{Server, Step};
use super::slab::Slab;
use super::tally::Limits;
use crate::hop::Hop;
use crate::message::{Draft, Fault, Message, Method, Name, Request};
use crate::wheel::Handle;

#[derive(Clone, Copy, Debug)]
enum Machine {
    Invite(InviteServer),
    Other(Server),
}

/// What an entry keeps of the messages: never both.
enum Kept {
    /// The request, until there is an answer: 100 may have to be written from it.
    Request(Bytes),
    /// The last answer.
    Answer(Bytes),
    /// Nothing will be sent any more.
    Nothing,
}

struct Entry {
    machine: Machine,
    way: WayBack,
    kept: Kept,
    key: Key,
    errand: Option<Errand>,
    timer: Option<Handle>,
    cancelled: bool,
}

impl Kept {
    /// What it costs as long as it is kept.
    fn len(&self) -> usize {
        match self {
            Self::Request(bytes) | Self::Answer(bytes) => bytes.len(),
            Self::Nothing => 0,
        }
    }
}

impl Entry {
    fn deadline(&self) -> Option<Instant> {
        match &self.machine {
            Machine::Invite(machine) => machine.deadline(),
            Machine::Other(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.is_over(),
            Machine::Other(machine) => machine.is_over(),
        }
    }

    /// Keeps something else from now on; `held` counts what all entries keep.
    fn keep(&mut self, kept: Kept, held: &mut usize) {
        *held = *held - self.kept.len() + kept.len();
        self.kept = kept;
    }

    fn send_kept(&self, sender: Sender, outbox: &mut Outbox) {
        if let Kept::Answer(answer) = &self.kept {
            outbox.output.push_back(self.way.send(answer.clone(), sender));
            outbox.tally.answers_repeated += 1;
        }
    }

    /// Says 100 in the owner's place.
    fn send_trying(&mut self, sender: Sender, outbox: &mut Outbox) {
        let Kept::Request(request) = &self.kept else { return };
        // It was read once already, so it can be read again.
        let Ok(Message::Request(request)) = Message::parse(request.clone()) else { return };
        let answer = Draft::reply(&request, self.way.came_by.peer, 100).finish();
        outbox.output.push_back(self.way.send(answer.clone(), sender));
        self.keep(Kept::Answer(answer), &mut outbox.held);
    }
}

pub(super) struct Servers {
    entries: Slab<Entry>,
    by_key: Places,
    by_errand: Places,
    fingerprints: Fingerprints,
    /// Bytes that all entries together may keep.
    held_limit: usize,
}

impl Servers {
    pub fn new(limits: &Limits) -> Self {
        Self {
            entries: Slab::new(limits.server),
            by_key: Places::default(),
            by_errand: Places::default(),
            fingerprints: Fingerprints::default(),
            held_limit: limits.server_bytes,
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many requests still wait for their final answer, or it for its ACK. Looks at each.
    pub fn unsettled(&self) -> usize {
        let is_settled = |entry: &&Entry| match &entry.machine {
            Machine::Invite(machine) => machine.is_settled(),
            Machine::Other(machine) => machine.is_settled(),
        };
        self.entries.len() - self.entries.values().filter(is_settled).count()
    }

    /// A request arrived.
    pub fn receive(&mut self, mut request: Request, hop: Hop, outbox: &mut Outbox, now: Instant) {
        request.remember();
        let identity = match request.check().and_then(|()| self.fingerprints.of(&request, hop)) {
            Ok(identity) => identity,
            Err(fault) => return self.refuse_malformed(&request, hop, fault, outbox),
        };
        match request.method() {
            Method::Ack => self.acknowledge(request, hop, &identity, outbox, now),
            Method::Cancel => self.cancel(request, &identity, outbox),
            _ => match self.find(identity.key) {
                Some(index) => self.repeat(index, outbox),
                None => self.begin(request, hop, &identity, outbox, now),
            },
        }
    }

    fn find(&mut self, key: Key) -> Option<u32> {
        let index = *self.by_key.get(&key.place)?;
        let (_, entry) = self.entries.at(index)?;
        (entry.key == key).then_some(index)
    }

    /// A request that is no repetition: it becomes an entry, or is refused.
    fn begin(&mut self, request: Request, hop: Hop, identity: &Identity, outbox: &mut Outbox, now: Instant) {
        let is_invite = *request.method() == Method::Invite;
        if !identity.inside_dialog && self.by_errand.contains_key(&identity.errand.0) {
            // RFC 3261 §8.2.2.2: it was forked on its way and both branches end here.
            outbox.tally.merged += 1;
            return self.refuse(&request, identity, 482, outbox);
        }
        // A place that is taken though the key is another's would be a wonder; it costs that request a 503.
        let crowded = self.entries.is_full() || outbox.held + request.bytes().len() > self.held_limit;
        if crowded || self.by_key.contains_key(&identity.key.place) {
            outbox.tally.refused_full += 1;
            return self.refuse(&request, identity, 503, outbox);
        }
        let machine = if is_invite {
            Machine::Invite(InviteServer::start(now))
        } else {
            Machine::Other(Server::start(Outbox::pace(&outbox.timers, hop), now))
        };
        let mut entry = Entry {
            machine,
            way: identity.way,
            kept: Kept::Nothing,
            key: identity.key,
            errand: (is_invite || !identity.inside_dialog).then_some(identity.errand),
            timer: None,
            cancelled: false,
        };
        entry.keep(Kept::Request(request.bytes().clone()), &mut outbox.held);
        let (index, generation) = self.entries.next();
        let deadline = entry.deadline();
        outbox.arm(&mut entry.timer, deadline, Alarm::Server(index));
        self.by_key.insert(entry.key.place, index);
        if let Some(errand) = entry.errand {
            self.by_errand.insert(errand.0, index);
        }
        self.entries.insert(entry);
        outbox.tally.requests += 1;
        outbox.tell(Heard::Request { id: ServerId { index, generation }, request, hop });
    }

    /// The same request again: what was answered is answered again.
    fn repeat(&mut self, index: u32, outbox: &mut Outbox) {
        let Some((generation, entry)) = self.entries.at(index) else { return };
        outbox.tally.requests_repeated += 1;
        let again = match &entry.machine {
            Machine::Invite(machine) => machine.repeated() == InviteStep::SendAgain,
            Machine::Other(machine) => machine.repeated() == Step::SendAgain,
        };
        if again {
            entry.send_kept(Sender::Server(ServerId { index, generation }), outbox);
        }
    }

    /// An ACK: it ends a refusal here, or belongs to a 2xx, whose owner hears of it.
    fn acknowledge(&mut self, ack: Request, hop: Hop, identity: &Identity, outbox: &mut Outbox, now: Instant) {
        // The ACK of a refusal has the branch of its INVITE; the ACK of a 2xx has another and is known by its errand.
        let index = self.find(identity.key).or_else(|| self.by_errand.get(&identity.errand.0).copied());
        let Some((index, (generation, entry))) = index.and_then(|index| Some((index, self.entries.at(index)?))) else {
            if ack.to_tag().is_ok_and(|tag| tag == Some(&spelled(self.fingerprints.stateless_tag(identity.errand)))) {
                outbox.tally.acks_swallowed += 1;
            } else {
                outbox.tally.acks += 1;
                outbox.tell(Heard::Ack { id: None, request: ack, hop });
            }
            return;
        };
        let pace = Outbox::pace(&outbox.timers, entry.way.came_by);
        let step = match &mut entry.machine {
            Machine::Invite(machine) => machine.acknowledge(pace, now),
            Machine::Other(_) => InviteStep::Nothing,
        };
        match step {
            InviteStep::TellFirst | InviteStep::Tell => {
                entry.keep(Kept::Nothing, &mut outbox.held);
                outbox.tally.acks += 1;
                outbox.tell(Heard::Ack { id: Some(ServerId { index, generation }), request: ack, hop });
            }
            _ => outbox.tally.acks_swallowed += 1,
        }
        self.settle(index, outbox);
    }

    /// A CANCEL is answered without an entry of its own: whether its INVITE is known decides, each time again.
    fn cancel(&mut self, cancel: Request, identity: &Identity, outbox: &mut Outbox) {
        let index = self.find(identity.key);
        let Some((index, (generation, entry))) = index.and_then(|index| Some((index, self.entries.at(index)?))) else {
            outbox.tally.cancels_unknown += 1;
            return self.refuse(&cancel, identity, 481, outbox);
        };
        outbox.tally.cancels += 1;
        // RFC 3261 §9.2: the tag should be the one that the INVITE's answers carry.
        let tag = match &entry.kept {
            Kept::Answer(answer) => tag_in(answer),
            _ => None,
        };
        let tag = tag.unwrap_or_else(|| spelled(self.fingerprints.stateless_tag(identity.errand)));
        let answer = Draft::reply(&cancel, identity.way.came_by.peer, 200).to_tag(&tag).finish();
        outbox.output.push_back(identity.way.send(answer, Sender::Nobody));
        let open = matches!(&entry.machine, Machine::Invite(machine) if machine.is_open());
        if open && !std::mem::replace(&mut entry.cancelled, true) {
            outbox.tell(Heard::Cancelled { id: ServerId { index, generation }, cancel });
        }
    }

    /// Refuses a request that has passed its check, without keeping anything.
    fn refuse(&self, request: &Request, identity: &Identity, status: u16, outbox: &mut Outbox) {
        let tag = self.fingerprints.stateless_tag(identity.errand);
        let answer = stateless(request, identity.way.came_by, status, tag).finish();
        outbox.output.push_back(identity.way.send(answer, Sender::Nobody));
    }

    fn refuse_malformed(&mut self, request: &Request, hop: Hop, fault: Fault, outbox: &mut Outbox) {
        outbox.tally.malformed_requests += 1;
        let via = request.top_via();
        let way = match via {
            _ if *request.method() == Method::Ack => None,
            Ok(via) => Some(WayBack::of(&via, hop)),
            // Where it came from is all that is known.
            Err(_) if request.has(Name::Via) => Some(WayBack::to_source(hop)),
            Err(_) => None,
        };
        let Some(way) = way else {
            outbox.tally.malformed_unanswered += 1;
            return;
        };
        let tag = self.fingerprints.tag_of(request.bytes());
        let answer = stateless(request, hop, fault.status(), tag).phrase(fault.phrase()).finish();
        outbox.output.push_back(way.send(answer, Sender::Nobody));
    }

    /// The owner answers.
    pub fn respond(&mut self, id: ServerId, status: u16, bytes: Bytes, outbox: &mut Outbox, now: Instant) {
        let Some(entry) = self.entries.get_mut(id.index, id.generation) else {
            outbox.tally.answers_late += 1;
            return;
        };
        let pace = Outbox::pace(&outbox.timers, entry.way.came_by);
        let step = match &mut entry.machine {
            Machine::Invite(machine) => match machine.answer(status, pace, now) {
                InviteStep::Send => Step::Send,
                _ => Step::TooLate,
            },
            Machine::Other(machine) => machine.answer(status, pace, now),
        };
        match step {
            Step::Send => {
                outbox.output.push_back(entry.way.send(bytes.clone(), Sender::Server(id)));
                entry.keep(Kept::Answer(bytes), &mut outbox.held);
            }
            Step::Withhold => outbox.tally.answers_withheld += 1,
            _ => outbox.tally.answers_late += 1,
        }
        self.settle(id.index, outbox);
    }

    /// The owner refuses an INVITE and wants nothing kept of it.
    pub fn refuse_and_forget(&mut self, id: ServerId, reply: Draft, outbox: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(id.index, id.generation) else {
            outbox.tally.answers_late += 1;
            return;
        };
        let errand = entry.errand.expect("an INVITE is remembered by its errand");
        let answer = reply.to_tag(&spelled(self.fingerprints.stateless_tag(errand))).finish();
        outbox.output.push_back(entry.way.send(answer, Sender::Nobody));
        outbox.tally.refused_unkept += 1;
        self.remove(id.index, outbox);
    }

    /// The owner wants its 2xx repeated no more.
    pub fn stop_repeating(&mut self, id: ServerId, outbox: &mut Outbox, now: Instant) {
        let Some(entry) = self.entries.get_mut(id.index, id.generation) else { return };
        let pace = Outbox::pace(&outbox.timers, entry.way.came_by);
        if let Machine::Invite(machine) = &mut entry.machine
            && machine.is_accepted()
        {
            machine.acknowledge(pace, now);
            entry.keep(Kept::Nothing, &mut outbox.held);
            self.settle(id.index, outbox);
        }
    }

    /// An answer could not be sent.
    pub fn transport_failed(&mut self, id: ServerId, outbox: &mut Outbox) {
        let Some(entry) = self.entries.get_mut(id.index, id.generation) else { return };
        let lost = match &mut entry.machine {
            Machine::Invite(machine) => !machine.is_over(),
            Machine::Other(machine) => machine.broken() == Step::Broken,
        };
        if lost {
            outbox.tally.answers_lost += 1;
            outbox.tell(Heard::ReplyLost { id });
        }
        self.settle(id.index, outbox);
    }

    /// The timer of an entry has come up.
    pub fn wake(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some((generation, entry)) = self.entries.at(index) else { return };
        entry.timer = None;
        let id = ServerId { index, generation };
        let pace = Outbox::pace(&outbox.timers, entry.way.came_by);
        match &mut entry.machine {
            Machine::Invite(machine) => match machine.wake(pace, now) {
                InviteStep::SendAgain => entry.send_kept(Sender::Server(id), outbox),
                InviteStep::SendTrying => entry.send_trying(Sender::Server(id), outbox),
                InviteStep::AckMissing => {
                    outbox.tally.acks_missing += 1;
                    outbox.tell(Heard::AckMissing { id });
                }
                InviteStep::RefusalUnheard => outbox.tally.refusals_unheard += 1,
                _ => {}
            },
            Machine::Other(machine) => match machine.wake(now) {
                Step::SendTrying => entry.send_trying(Sender::Server(id), outbox),
                Step::Unanswered => outbox.tally.unanswered += 1,
                _ => {}
            },
        }
        self.settle(index, outbox);
    }

    /// After something happened to an entry: its timer is set anew, or it goes.
    fn settle(&mut self, index: u32, outbox: &mut Outbox) {
        let Some((_, entry)) = self.entries.at(index) else { return };
        if !entry.is_over() {
            let deadline = entry.deadline();
            return outbox.arm(&mut entry.timer, deadline, Alarm::Server(index));
        }
        self.remove(index, outbox);
    }

    fn remove(&mut self, index: u32, outbox: &mut Outbox) {
        let Some(mut entry) = self.entries.remove(index) else { return };
        outbox.arm(&mut entry.timer, None, Alarm::Server(index));
        entry.keep(Kept::Nothing, &mut outbox.held);
        self.by_key.remove(&entry.key.place);
        // A request on its way round a loop may have taken the errand over.
        if let Some(errand) = entry.errand
            && self.by_errand.get(&errand.0) == Some(&index)
        {
            self.by_errand.remove(&errand.0);
        }
        debug_assert_eq!(self.by_key.len(), self.entries.len(), "each entry has one key");
        debug_assert!(self.by_errand.len() <= self.entries.len(), "an errand is remembered for its request only");
    }
}

/// The To tag of an answer of ours.
fn tag_in(answer: &Bytes) -> Option<String> {
    match Message::parse(answer.clone()) {
        Ok(Message::Response(response)) => Some(response.to_tag().ok()??.to_owned()),
        _ => None,
    }
}
