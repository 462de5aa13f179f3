//! The requests of ours: one entry each, found by the branch we gave it, ended by their machine.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;

use super::branch::Branch;
use super::client::{Client, Step};
use super::invite_client::{InviteClient, Step as InviteStep};
use super::news::{ClientId, Heard, Sender};
use super::outbox::{Alarm, Outbox};
use super::slab::Slab;
use super::tally::Full;
use crate::hop::{FlowId, Hop};
use crate::message::{Draft, Message, Method, Name, Request, Response};
use crate::tokens::Tokens;
use crate::wheel::Handle;

/// Hops that an ACK or CANCEL of ours may make (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u8 = 70;

enum Machine {
    Invite { machine: InviteClient, cancelling: Option<Box<Cancelling>> },
    Other { machine: Client, method: Method },
}

/// The CANCEL of an INVITE. It has the INVITE's branch, so it lives beside it, and goes with it: once the INVITE has
/// its end, nobody cares for the answer to its CANCEL.
struct Cancelling {
    /// Why, as the Reason header says it (RFC 3326).
    reason: Option<String>,
    /// Bytes and machine, once CANCEL has gone out.
    sent: Option<(Bytes, Client)>,
}

struct Entry {
    machine: Machine,
    hop: Hop,
    /// The request until it is answered; after a refusal of an INVITE its ACK.
    bytes: Bytes,
    secret: u64,
    timer: Option<Handle>,
}

impl Entry {
    fn deadline(&self) -> Option<Instant> {
        match &self.machine {
            Machine::Other { machine, .. } => machine.deadline(),
            Machine::Invite { machine, cancelling } => {
                let sent = cancelling.as_ref().and_then(|cancelling| cancelling.sent.as_ref());
                let cancel = sent.and_then(|(_, cancel)| cancel.deadline());
                [machine.deadline(), cancel].into_iter().flatten().min()
            }
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            Machine::Invite { machine, .. } => machine.is_over(),
            Machine::Other { machine, .. } => machine.is_over(),
        }
    }

    fn is_open(&self) -> bool {
        match &self.machine {
            Machine::Invite { machine, .. } => machine.is_open(),
            Machine::Other { machine, .. } => machine.is_open(),
        }
    }

    fn send_again(&self, id: ClientId, outbox: &mut Outbox) {
        outbox.tally.sent_repeated += 1;
        outbox.send(self.hop, self.bytes.clone(), Sender::Client(id));
    }

    /// Keeps nothing of a request that is not said again: it is answered, and only waits for what may still come.
    fn rest(&mut self) {
        let is_done = match &mut self.machine {
            Machine::Invite { machine, cancelling } => {
                cancelling.take_if(|_| !machine.is_open());
                machine.is_accepted()
            }
            Machine::Other { machine, .. } => !machine.is_open(),
        };
        if is_done {
            self.bytes = Bytes::new();
        }
    }

    /// Writes and sends the ACK of a refusal, and keeps it in place of the INVITE.
    fn acknowledge(&mut self, id: ClientId, response: &Response, outbox: &mut Outbox) {
        let Some(invite) = request_in(&self.bytes) else { return };
        let ack = follow_up(&invite, Method::Ack, response);
        self.bytes = ack.finish();
        outbox.send(self.hop, self.bytes.clone(), Sender::Client(id));
    }

    fn send_cancel(&mut self, id: ClientId, outbox: &mut Outbox, now: Instant) {
        let Machine::Invite { cancelling: Some(cancelling), .. } = &mut self.machine else { return };
        let Some(invite) = request_in(&self.bytes) else { return };
        let mut draft = follow_up(&invite, Method::Cancel, &invite);
        if let Some(reason) = &cancelling.reason {
            draft = draft.raw("Reason", reason);
        }
        let bytes = draft.finish();
        let machine = Client::start(Outbox::pace(&outbox.timers, self.hop), now);
        outbox.send(self.hop, bytes.clone(), Sender::Client(id));
        outbox.tell(Heard::CancelSent { id, cancel: bytes.clone() });
        cancelling.sent = Some((bytes, machine));
    }
}

pub(super) struct Clients {
    entries: Slab<Entry>,
    /// The entries over connections, which may close.
    flows: BTreeSet<(FlowId, u32)>,
    tokens: Tokens,
}

impl Clients {
    pub fn new(limit: usize, tokens: Tokens) -> Self {
        Self { entries: Slab::new(limit), flows: BTreeSet::new(), tokens }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many requests still wait for their end. Looks at each.
    pub fn unsettled(&self) -> usize {
        self.entries.values().filter(|entry| entry.is_open()).count()
    }

    /// Sends a request.
    pub fn request(
        &mut self,
        draft: Draft,
        hop: Hop,
        sent_by: &str,
        outbox: &mut Outbox,
        now: Instant,
    ) -> Result<ClientId, Full> {
        let method = draft.method().expect("a request is drafted as a request").clone();
        assert!(!matches!(method, Method::Ack | Method::Cancel), "ACK and CANCEL have ways of their own");
        if self.entries.is_full() {
            outbox.tally.sent_full += 1;
            return Err(Full);
        }
        let (index, generation) = self.entries.next();
        let id = ClientId { index, generation };
        let secret = self.tokens.number();
        let bytes = with_via(draft, hop, sent_by, Branch { index, secret });
        let pace = Outbox::pace(&outbox.timers, hop);
        let machine = match method {
            Method::Invite => Machine::Invite { machine: InviteClient::start(pace, now), cancelling: None },
            method => Machine::Other { machine: Client::start(pace, now), method },
        };
        let mut entry = Entry { machine, hop, bytes: bytes.clone(), secret, timer: None };
        let deadline = entry.deadline();
        outbox.arm(&mut entry.timer, deadline, Alarm::Client(index));
        self.entries.insert(entry);
        if hop.transport.is_reliable() {
            self.flows.insert((hop.flow, index));
        }
        outbox.tally.sent += 1;
        outbox.send(hop, bytes, Sender::Client(id));
        Ok(id)
    }

    /// Sends the ACK of a 2xx, which is a transaction to nobody. Returns the bytes, which are sent again when the 2xx
    /// comes again.
    pub fn send_ack(&mut self, draft: Draft, hop: Hop, sent_by: &str, outbox: &mut Outbox) -> Bytes {
        assert_eq!(draft.method(), Some(&Method::Ack), "only an ACK is sent without waiting for an answer");
        // A place that no response can name: nobody answers an ACK.
        let branch = Branch { index: u32::MAX, secret: self.tokens.number() };
        let bytes = with_via(draft, hop, sent_by, branch);
        outbox.send(hop, bytes.clone(), Sender::Nobody);
        bytes
    }

    /// A request as it went out, until it is answered.
    pub fn sent_as(&mut self, id: ClientId) -> Option<Bytes> {
        self.entries.get_mut(id.index, id.generation).map(|entry| entry.bytes.clone()).filter(|bytes| !bytes.is_empty())
    }

    /// The owner wants an INVITE to end.
    pub fn cancel(&mut self, id: ClientId, reason: Option<&str>, outbox: &mut Outbox, now: Instant) {
        let Some(entry) = self.entries.get_mut(id.index, id.generation) else { return };
        let pace = Outbox::pace(&outbox.timers, entry.hop);
        let Machine::Invite { machine, cancelling } = &mut entry.machine else { return };
        let step = machine.cancel(pace, now);
        if cancelling.is_none() && machine.is_open() {
            *cancelling = Some(Box::new(Cancelling { reason: reason.map(str::to_owned), sent: None }));
        }
        if step == InviteStep::Cancel {
            entry.send_cancel(id, outbox, now);
        }
        self.settle(id.index, outbox);
    }

    /// A response arrived.
    pub fn receive(&mut self, mut response: Response, hop: Hop, outbox: &mut Outbox, now: Instant) {
        response.remember();
        if response.check().is_err() || response.vias().nth(1).is_some() {
            // RFC 3261 §8.1.3.3: one with a second Via was meant for somebody behind us, and there is nobody.
            outbox.tally.malformed_responses += 1;
            return;
        }
        let branch = response.top_via().ok().and_then(|via| Branch::parse(via.branch()?));
        let found = branch.and_then(|branch| {
            let (generation, entry) = self.entries.at(branch.index)?;
            (entry.secret == branch.secret).then_some((ClientId { index: branch.index, generation }, entry))
        });
        let (Some((id, entry)), Ok(cseq)) = (found, response.cseq()) else {
            outbox.tally.responses_stray += 1;
            return;
        };
        let pace = Outbox::pace(&outbox.timers, entry.hop);
        let status = response.status().code();
        match (&mut entry.machine, cseq.method) {
            (Machine::Invite { machine, .. }, Method::Invite) => {
                let step = machine.hear(status, pace, now);
                Self::obey(entry, id, step, response, hop, outbox, now);
            }
            (Machine::Invite { cancelling: Some(cancelling), .. }, Method::Cancel) => {
                if let Some((_, machine)) = &mut cancelling.sent {
                    machine.hear(status, pace, now);
                }
            }
            (Machine::Other { machine, method }, answered) if *method == answered => {
                match machine.hear(status, pace, now) {
                    Step::Tell => {
                        outbox.tally.responses += 1;
                        outbox.tell(Heard::Response { id, response, hop });
                    }
                    _ => outbox.tally.responses_repeated += 1,
                }
            }
            _ => outbox.tally.responses_stray += 1,
        }
        self.settle(id.index, outbox);
    }

    fn obey(
        entry: &mut Entry,
        id: ClientId,
        step: InviteStep,
        response: Response,
        hop: Hop,
        outbox: &mut Outbox,
        now: Instant,
    ) {
        match step {
            InviteStep::TellAgain => {
                outbox.tally.responses += 1;
                return outbox.tell(Heard::StrayResponse { id, response, hop });
            }
            InviteStep::AcknowledgeAgain => {
                outbox.tally.responses_repeated += 1;
                return outbox.send(entry.hop, entry.bytes.clone(), Sender::Client(id));
            }
            InviteStep::TellAndAcknowledge => entry.acknowledge(id, &response, outbox),
            InviteStep::Tell | InviteStep::TellAndCancel => {}
            _ => {
                outbox.tally.responses_repeated += 1;
                return;
            }
        }
        outbox.tally.responses += 1;
        outbox.tell(Heard::Response { id, response, hop });
        if step == InviteStep::TellAndCancel {
            entry.send_cancel(id, outbox, now);
        }
    }

    /// A message of this request could not be sent.
    pub fn transport_failed(&mut self, id: ClientId, outbox: &mut Outbox) {
        if self.entries.get_mut(id.index, id.generation).is_some() {
            self.break_off(id.index, outbox);
        }
    }

    /// A connection has closed: whatever still waits for its end over it has it now.
    ///
    /// A server may open a connection of its own to answer (RFC 3261 §18.2.2), but not to a phone behind a NAT, and
    /// whoever rings it wants to know at once. A 2xx that comes in spite of this meets no transaction.
    pub fn flow_closed(&mut self, flow: FlowId, outbox: &mut Outbox) {
        let all = (flow, 0)..=(flow, u32::MAX);
        while let Some((_, index)) = self.flows.range(all.clone()).next().copied() {
            self.flows.remove(&(flow, index));
            let open = self.entries.at(index).is_some_and(|(_, entry)| entry.is_open());
            if open {
                self.break_off(index, outbox);
            }
        }
    }

    fn break_off(&mut self, index: u32, outbox: &mut Outbox) {
        let Some((generation, entry)) = self.entries.at(index) else { return };
        let broken = match &mut entry.machine {
            Machine::Invite { machine, .. } => machine.broken() == InviteStep::Broken,
            Machine::Other { machine, .. } => machine.broken() == Step::Broken,
        };
        if broken {
            outbox.tally.unreachable += 1;
            outbox.tell(Heard::Unreachable { id: ClientId { index, generation } });
        }
        self.settle(index, outbox);
    }

    /// The timer of an entry has come up.
    pub fn wake(&mut self, index: u32, outbox: &mut Outbox, now: Instant) {
        let Some((generation, entry)) = self.entries.at(index) else { return };
        entry.timer = None;
        let id = ClientId { index, generation };
        let pace = Outbox::pace(&outbox.timers, entry.hop);
        let (send, timed_out) = match &mut entry.machine {
            Machine::Other { machine, .. } => {
                let step = machine.wake(pace, now);
                (step == Step::Send, step == Step::TimedOut)
            }
            Machine::Invite { machine, cancelling } => {
                let sent = cancelling.as_mut().and_then(|cancelling| cancelling.sent.as_mut());
                if let Some((bytes, cancel)) = sent
                    && cancel.wake(pace, now) == Step::Send
                {
                    outbox.tally.sent_repeated += 1;
                    outbox.send(entry.hop, bytes.clone(), Sender::Client(id));
                }
                let step = machine.wake(now);
                if step == InviteStep::Ended {
                    outbox.tell(Heard::Ended { id });
                }
                (step == InviteStep::Send, step == InviteStep::TimedOut)
            }
        };
        if send {
            entry.send_again(id, outbox);
        }
        if timed_out {
            outbox.tally.timed_out += 1;
            outbox.tell(Heard::TimedOut { id });
        }
        self.settle(index, outbox);
    }

    /// After something happened to an entry: its timer is set anew, or it goes.
    fn settle(&mut self, index: u32, outbox: &mut Outbox) {
        let Some((_, entry)) = self.entries.at(index) else { return };
        if !entry.is_over() {
            entry.rest();
            let deadline = entry.deadline();
            return outbox.arm(&mut entry.timer, deadline, Alarm::Client(index));
        }
        let Some(mut entry) = self.entries.remove(index) else { return };
        outbox.arm(&mut entry.timer, None, Alarm::Client(index));
        self.flows.remove(&(entry.hop.flow, index));
        debug_assert!(self.flows.len() <= self.entries.len(), "a connection is remembered for its requests only");
    }
}

fn with_via(draft: Draft, hop: Hop, sent_by: &str, branch: Branch) -> Bytes {
    draft.via(hop.transport, sent_by, &branch.to_string()).finish()
}

/// A request of ours, read again.
fn request_in(bytes: &Bytes) -> Option<Request> {
    match Message::parse(bytes.clone()) {
        Ok(Message::Request(request)) => Some(request),
        _ => None,
    }
}

/// The ACK of a refused INVITE, or its CANCEL (RFC 3261 §17.1.1.3, §9.1): the same way, the same names, and the To of
/// whichever message says best who is meant.
fn follow_up(invite: &Request, method: Method, to: &crate::message::Headers) -> Draft {
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    let cseq = format!("{number} {method}");
    Draft::request(method, invite.uri_text())
        .copy_first(invite, Name::Via)
        .copy(invite, Name::Route)
        .header(Name::MaxForwards, MAX_FORWARDS)
        .copy(invite, Name::From)
        .copy(to, Name::To)
        .copy(invite, Name::CallId)
        .header(Name::CSeq, cseq)
}
