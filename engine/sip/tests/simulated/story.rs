//! What became of one request, as an onlooker writes it down who sees both sides and the wires.

use std::time::Instant;

use bytes::Bytes;
use patchcord_sip::transaction::{ClientId, ServerId};

use super::plan::Plan;

/// How a request ended for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered(u16),
    TimedOut,
    Unreachable,
}

/// The whole story of a request.
#[derive(Debug)]
pub struct Story {
    pub plan: Plan,
    pub asker: Asker,
    pub server: Server,
    pub wires: Wires,
}

/// What its asker saw and did.
#[derive(Debug, Default)]
pub struct Asker {
    pub id: Option<ClientId>,
    pub asked_at: Option<Instant>,
    pub cancelled_at: Option<Instant>,
    pub heard: Vec<u16>,
    pub ends: Vec<(End, Instant)>,
    pub ack: Option<Bytes>,
    pub closed: u32,
}

/// What its server saw and did.
#[derive(Debug, Default)]
pub struct Server {
    pub heard_at: Vec<Instant>,
    pub id: Option<ServerId>,
    pub request: Option<patchcord_sip::Request>,
    pub answers: Vec<(u16, Instant)>,
    pub cancelled: u32,
    pub acks: u32,
    pub ack_missing_at: Option<Instant>,
    pub reply_lost: bool,
}

/// What went over the wires: how often something was sent, and what arrived.
#[derive(Debug, Default)]
pub struct Wires {
    pub requests_sent: u32,
    pub cancels_sent: u32,
    pub acks_sent: u32,
    pub finals_sent: u32,
    pub requests_arrived: Vec<Instant>,
    pub finals_arrived: Vec<(u16, Instant)>,
    pub provisionals_arrived: u32,
    pub acks_arrived: Vec<Instant>,
}

impl Story {
    pub fn of(plan: Plan) -> Self {
        Self { plan, asker: Asker::default(), server: Server::default(), wires: Wires::default() }
    }
}
