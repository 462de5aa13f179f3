//! Transactions: each request once, each answer for as long as it takes to arrive.
//!
//! A [`Transactions`] is the table of one shard. Messages and instants go in, [`Output`]s come out by
//! [`poll`](Transactions::poll): bytes to send and news for the owner. It opens no socket and reads no clock; its owner
//! sleeps until [`deadline`](Transactions::deadline) and then calls [`wake`](Transactions::wake).
//!
//! ```text
//! Message ──receive──▶ clients ──branch──▶ invite_client, client ──┐
//!             │                                                    ├──▶ poll: Send, Heard
//!             └──────▶ servers ──key─────▶ invite_server, server ──┘
//!                             └─ malformed, merged, no room: an answer without a transaction
//! ```
//!
//! The four machines decide (a file each, as RFC 3261 §17 draws them with the corrections of RFC 6026 and RFC 4320); the
//! two tables keep the bytes, find the transaction of a message and carry out what its machine says. What a request
//! means, who may send it and where the answer to a name is found are not known here. How long a phone may ring (timer C)
//! and loops are the owner's business, too.
//!
//! Everything is bounded by [`Limits`]; one timer a transaction, on one [`Wheel`].

mod branch;
mod client;
mod clients;
mod invite_client;
mod invite_server;
mod key;
mod news;
mod outbox;
mod reply;
mod server;
mod servers;
mod slab;
mod tally;
#[cfg(test)]
mod testing;
mod timers;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

pub use news::{ClientId, Heard, Output, Sender, ServerId};
pub use tally::{Full, Limits, Tally};
pub use timers::TimerSet;

use crate::hop::{FlowId, Hop};
use crate::message::{Draft, Message};
use crate::tokens::Tokens;
use crate::wheel::Wheel;
use clients::Clients;
use outbox::{Alarm, Outbox};
use servers::Servers;

/// The transactions of one shard.
pub struct Transactions {
    servers: Servers,
    clients: Clients,
    outbox: Outbox,
    /// Timers up to here are being served by `poll`.
    woken: Option<Instant>,
}

impl Transactions {
    /// An empty table. The same seed makes the same branches.
    pub fn new(timers: TimerSet, limits: Limits, seed: [u8; 32], now: Instant) -> Self {
        let wheel = Wheel::new(now, limits.server + limits.client);
        Self {
            servers: Servers::new(&limits),
            clients: Clients::new(limits.client, Tokens::seeded(seed)),
            outbox: Outbox { timers, wheel, output: VecDeque::new(), tally: Tally::default(), held: 0 },
            woken: None,
        }
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Whether there is no transaction.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many transactions somebody still waits for. The others only answer what may come again, and may be given up
    /// when a server stops. Looks at each transaction, so it is not for every message.
    pub fn unsettled(&self) -> usize {
        self.servers.unsettled() + self.clients.unsettled()
    }

    /// What happened how often.
    pub fn tally(&self) -> &Tally {
        &self.outbox.tally
    }

    /// When to call [`Transactions::wake`]; `None` when nothing waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.woken.or_else(|| self.outbox.wheel.deadline())
    }

    /// A message arrived.
    pub fn receive(&mut self, message: Message, hop: Hop, now: Instant) {
        match message {
            Message::Request(request) => self.servers.receive(request, hop, &mut self.outbox, now),
            Message::Response(response) => self.clients.receive(response, hop, &mut self.outbox, now),
        }
    }

    /// Something arrived that is no SIP. It is counted, and that is all that can be done about it.
    pub fn not_sip(&mut self) {
        self.outbox.tally.not_sip += 1;
    }

    /// Answers a request. A 2xx to an INVITE is repeated until its ACK comes or [`Heard::AckMissing`] is told.
    pub fn respond(&mut self, id: ServerId, status: u16, bytes: Bytes, now: Instant) {
        self.servers.respond(id, status, bytes, &mut self.outbox, now);
    }

    /// Refuses an INVITE of which nothing is known, and forgets it (RFC 3261 §8.2.7): the answer goes out once, under a
    /// To tag by which its ACK is known and swallowed, and the same INVITE again is told again. So nobody can have an
    /// answer repeated to somebody else until that one acknowledges it.
    pub fn refuse(&mut self, id: ServerId, reply: Draft) {
        self.servers.refuse_and_forget(id, reply, &mut self.outbox);
    }

    /// Stops the repetition of a 2xx without its ACK, because its dialog has ended.
    pub fn stop_repeating(&mut self, id: ServerId, now: Instant) {
        self.servers.stop_repeating(id, &mut self.outbox, now);
    }

    /// Sends a request, under a Via of ours with `sent_by` as the place for answers. Not for ACK and CANCEL.
    pub fn request(&mut self, draft: Draft, hop: Hop, sent_by: &str, now: Instant) -> Result<ClientId, Full> {
        self.clients.request(draft, hop, sent_by, &mut self.outbox, now)
    }

    /// A request of ours as it went out, until it is answered.
    pub fn sent_as(&mut self, id: ClientId) -> Option<Bytes> {
        self.clients.sent_as(id)
    }

    /// Ends an INVITE of ours: CANCEL goes out as soon as the INVITE is known to have arrived. `reason` is what the
    /// Reason header says (RFC 3326), as in `SIP;cause=200;text="Call completed elsewhere"`. The end is told as for every
    /// request: a 487, a 2xx that was quicker, or `TimedOut`.
    pub fn cancel(&mut self, id: ClientId, reason: Option<&str>, now: Instant) {
        self.clients.cancel(id, reason, &mut self.outbox, now);
    }

    /// Sends the ACK of a 2xx. Returns its bytes for [`Transactions::send_again`].
    pub fn send_ack(&mut self, draft: Draft, hop: Hop, sent_by: &str) -> Bytes {
        self.clients.send_ack(draft, hop, sent_by, &mut self.outbox)
    }

    /// Sends an ACK of a 2xx again, because the 2xx came again.
    pub fn send_again(&mut self, ack: Bytes, hop: Hop) {
        self.outbox.send(hop, ack, Sender::Nobody);
    }

    /// A message could not be sent, and there is no other way.
    pub fn transport_failed(&mut self, sender: Sender) {
        match sender {
            Sender::Client(id) => self.clients.transport_failed(id, &mut self.outbox),
            Sender::Server(id) => self.servers.transport_failed(id, &mut self.outbox),
            Sender::Nobody => {}
        }
    }

    /// A connection has closed. Answers that still have to go over it name the place to go otherwise.
    pub fn flow_closed(&mut self, flow: FlowId) {
        self.clients.flow_closed(flow, &mut self.outbox);
    }

    /// Time has passed. What that means comes out of [`Transactions::poll`].
    pub fn wake(&mut self, now: Instant) {
        self.woken = Some(now);
    }

    /// The next thing to do. Call it until there is nothing, after everything else.
    ///
    /// Timers are served one by one as their outputs are taken, so no crowd of timers makes a long queue.
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outbox.output.pop_front() {
                return Some(output);
            }
            let now = self.woken?;
            match self.outbox.wheel.expire(now) {
                Some(Alarm::Server(index)) => self.servers.wake(index, &mut self.outbox, now),
                Some(Alarm::Client(index)) => self.clients.wake(index, &mut self.outbox, now),
                None => self.woken = None,
            }
        }
    }
}
