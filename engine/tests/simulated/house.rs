//! The server side: the real transactions and the real door, on one shard, without a socket.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use patchcord_engine::door::{Door, Moment};
use patchcord_engine::routing::{Binding, Digests, Endpoint, Origin, RegistrarRules};
use patchcord_engine::switchboard::Switchboard;
use patchcord_sip::digest::Credential;
use patchcord_sip::transaction::{Heard, Limits, Output, TimerSet, Transactions};
use patchcord_sip::{FlowId, Hop, Message};

use super::network::{Chance, Network};

/// The endpoints, and the password of both.
pub const USERS: [&str; 2] = ["alice", "bob"];
pub const PASSWORD: &str = "wonderland";
pub const ADDRESS: &str = "192.0.2.1:5060";

pub struct House {
    pub table: Transactions,
    pub door: Door,
    start: Instant,
    dice: Chance,
}

impl House {
    pub fn open(start: Instant, dice: Chance) -> Self {
        let digests = Digests::default();
        let board = Switchboard::new(None, RegistrarRules::default(), digests, [7; 32], start);
        let credential = || Credential::Password(PASSWORD.into());
        let endpoints = USERS.map(|user| Endpoint::new(user, credential(), Origin::Store));
        board.directory.put(endpoints.into()).expect("two endpoints fit");
        let table = Transactions::new(TimerSet::default(), Limits::default(), [1; 32], start);
        Self { table, door: Door::new(Arc::new(board), start), start, dice }
    }

    /// Everything the location holds of all endpoints.
    pub fn holds(&self, now: Instant) -> Vec<Binding> {
        USERS.iter().flat_map(|user| self.door.board().location.bindings(user, now)).collect()
    }

    pub fn receive(&mut self, message: Message, hop: Hop, now: Instant) {
        self.table.receive(message, hop, now);
    }

    pub fn flow_closed(&mut self, flow: FlowId) {
        self.table.flow_closed(flow);
        self.door.board().location.flow_closed(flow);
    }

    /// Carries out what the table says: sends, and lets the door answer. True when there was anything.
    pub fn settle(&mut self, network: &mut Network, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.table.poll() {
            busy = true;
            match output {
                Output::Send { hop, bytes, sender, .. } => {
                    if network.send(hop, bytes, now).is_err() {
                        // The phones listen nowhere, so there is no other way.
                        self.table.transport_failed(sender);
                    }
                }
                Output::Heard(Heard::Request { id, request, hop }) => {
                    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + (now - self.start);
                    let random = self.dice.number().to_le_bytes();
                    let moment = Moment { hop, now, wall, random, vouched: None };
                    let reply = self.door.answer(&request, &moment).to_tag("house");
                    let status = reply.status().expect("the door replies");
                    self.table.respond(id, status, reply.finish(), now);
                }
                Output::Heard(Heard::ReplyLost { .. }) => {}
                Output::Heard(other) => panic!("a registrar does not hear {other:?}"),
            }
        }
        busy
    }
}
