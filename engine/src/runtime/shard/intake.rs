//! What comes in: datagrams and whole messages on their way to the transactions.

use std::net::SocketAddr;

use bytes::Bytes;
use patchcord_sip::hop::{Hop, Transport};
use patchcord_sip::message::{Message, Method};

use super::{Core, Elsewhere, Shard, unavailable};
use crate::redact::Redacted;
use crate::runtime::stats::one_more;
use crate::runtime::stun::{self, Stun};
use crate::runtime::transport::flows::Way;
use crate::runtime::transport::udp::Datagrams;

/// Batches of datagrams that are taken in one go, before others have their turn. Under load the next one has arrived by the
/// time that a batch is worked off, and to ask for it costs a third of being woken for it.
const BATCHES: usize = 8;

/// Messages that are read before they are worked off: what one batch of datagrams brings.
pub(super) const INBOX: usize = 32;

impl Shard {
    /// Takes what a UDP socket has received, and what arrives while that is worked off. Tells whether there may be more.
    pub fn receive(&self, socket: &Datagrams) -> std::io::Result<bool> {
        for _ in 0..BATCHES {
            if self.receive_batch(socket)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn receive_batch(&self, socket: &Datagrams) -> std::io::Result<usize> {
        let mut core = self.core.borrow_mut();
        core.works.now = self.shared.clock.now();
        let received =
            socket.receive(&mut self.scratch.borrow_mut(), |datagram, hop| self.datagram(&mut core, datagram, hop));
        core.work_off();
        self.rest(&mut core);
        received
    }

    fn datagram(&self, core: &mut Core, datagram: Bytes, hop: Hop) {
        if self.shared.bans.refuses(hop.peer.ip(), hop.transport) {
            return;
        }
        match datagram.first() {
            // No SIP message starts with a byte of these; half of the keepalives do.
            None | Some(0..=b' ') if self.keepalive(core, &datagram, &hop) => {}
            _ => {
                if let Err(elsewhere) = self.message(core, datagram, hop) {
                    self.not_handed_over(core, elsewhere.message, hop);
                }
            }
        }
    }

    /// STUN, and the empty datagrams and line ends by which phones keep their NAT open. Tells whether it was one.
    fn keepalive(&self, core: &mut Core, datagram: &[u8], hop: &Hop) -> bool {
        if !stun::is_stun(datagram) {
            let is_blank = datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b'\0' | b' '));
            if is_blank {
                one_more(&self.counters.keepalives);
            }
            return is_blank;
        }
        match stun::read(datagram) {
            Stun::Request(transaction) => {
                one_more(&self.counters.keepalives);
                core.works.transports.say_raw(hop, &stun::answer(transaction, hop.peer));
            }
            Stun::Answer(transaction, seen) => self.shared.addresses.answer(transaction, seen),
            Stun::Other => one_more(&self.counters.malformed),
        }
        true
    }

    pub(super) fn message(&self, core: &mut Core, message: Bytes, hop: Hop) -> Result<(), Elsewhere> {
        self.counters.received(hop.transport);
        let spread = self.shared.spread();
        if !spread.is_single()
            && let Some(owner) = spread.owner_of(&message)
            && owner != self.index
        {
            self.shared.entrances[owner].try_pass(message, hop).map_err(|message| Elsewhere { owner, message })?;
            one_more(&self.counters.handed_over);
            return Ok(());
        }
        self.take(core, message, hop);
        Ok(())
    }

    pub(super) fn take(&self, core: &mut Core, message: Bytes, hop: Hop) {
        match Message::parse(message) {
            Ok(message) => {
                core.inbox.push((message, hop));
                if hop.transport.is_reliable() {
                    self.work_off_one(core, hop);
                } else if core.inbox.len() == INBOX {
                    core.work_off();
                }
            }
            Err(not_sip) => {
                one_more(&self.counters.malformed);
                core.works.transactions.not_sip();
                tracing::debug!(peer = %Redacted(hop.peer), error = %not_sip, "what came is no SIP");
            }
        }
    }

    /// A message that came over a connection is worked off at once, and says something of its connection.
    fn work_off_one(&self, core: &mut Core, hop: Hop) {
        let Some((message, _)) = core.inbox.last() else { return };
        if hop.transport == Transport::Tcp {
            self.note_alias(message, &hop);
        }
        // Nothing that comes this way can be answered where it should.
        let is_lost = matches!(message, Message::Request(request) if request.top_via().is_err());
        core.work_off();
        if is_lost {
            core.works.close(hop.flow);
        }
    }

    /// RFC 5923: the peer offers its connection for requests the other way. Only for its own address: otherwise anybody
    /// could draw another's calls to himself. Over TLS the address proves nothing, and phones have no certificates.
    fn note_alias(&self, message: &Message, hop: &Hop) {
        let Message::Request(request) = message else { return };
        let Ok(via) = request.top_via() else { return };
        if !via.alias() || via.address() != Some(hop.peer.ip()) {
            return;
        }
        if let Some(flow) = self.shared.flows.get(hop.flow) {
            let port = via.port().unwrap_or(hop.transport.default_port());
            let peer = SocketAddr::new(hop.peer.ip(), port);
            self.shared.flows.add_way(&flow, Way { transport: hop.transport, peer, name: None });
        }
    }

    pub(super) fn not_handed_over(&self, core: &mut Core, message: Bytes, hop: Hop) {
        one_more(&self.counters.not_handed_over);
        if let Ok(Message::Request(request)) = Message::parse(message)
            && *request.method() != Method::Ack
        {
            core.works.say(hop, unavailable(&request, hop.peer));
        }
    }
}

impl Core {
    /// Works off what has been read, in stages: each message through the transactions, and then what follows from all of
    /// them. So the code of a stage stays in the processor's cache for a whole batch.
    pub(super) fn work_off(&mut self) {
        let mut inbox = std::mem::take(&mut self.inbox);
        for (message, hop) in inbox.drain(..) {
            if matches!(&message, Message::Request(request) if *request.method() == Method::Cancel) {
                // Whether there is anything left to be cancelled depends on what came before.
                self.guard(Self::settle);
            }
            // A bug that one message wakes must not silence the shard for all others.
            self.guard(|core| core.works.transactions.receive(message, hop, core.works.now));
        }
        self.inbox = inbox;
        self.guard(Self::settle);
    }
}
