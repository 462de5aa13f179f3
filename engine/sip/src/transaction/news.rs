//! What the transactions say: what is to be sent, and what the owner hears.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::hop::Hop;
use crate::message::{Request, Response};

/// A request that somebody sent us and that we answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// A request that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Whose message is being sent; handed back when it could not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A request of ours, or its ACK or CANCEL.
    Client(ClientId),
    /// An answer of ours.
    Server(ServerId),
    /// Nobody keeps a state for it: an ACK of a 2xx, or a refusal of what never became a transaction.
    Nobody,
}

/// What comes out.
#[derive(Clone, Debug)]
pub enum Output {
    /// Bytes to be sent.
    Send {
        /// Which way.
        hop: Hop,
        /// Where to go when the connection of `hop` is gone (RFC 3261 §18.2.2); only answers have such a place.
        otherwise: Option<SocketAddr>,
        /// The whole message.
        bytes: Bytes,
        /// Who wants to know when it cannot be sent.
        sender: Sender,
    },
    /// News for the owner.
    Heard(Heard),
}

/// What the owner hears.
///
/// A request is told once, however often it arrives. Of each request we sent, one end is told: a final response,
/// `TimedOut` or `Unreachable`. An INVITE whose end was a 2xx is followed by `Ended` when no other 2xx is waited for.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A new request, which has passed [`Request::check`]. It wants an answer by
    /// [`respond`](super::Transactions::respond).
    Request {
        /// What to answer to.
        id: ServerId,
        /// The request.
        request: Request,
        /// Where it came from.
        hop: Hop,
    },
    /// An ACK of a 2xx, or of nothing we know.
    Ack {
        /// The INVITE whose 2xx is no longer repeated, if it was one of ours.
        id: Option<ServerId>,
        /// The ACK.
        request: Request,
        /// Where it came from.
        hop: Hop,
    },
    /// The caller gave up. CANCEL has been answered; the INVITE still wants its 487.
    Cancelled {
        /// The INVITE.
        id: ServerId,
        /// The CANCEL, which may say why.
        cancel: Request,
    },
    /// A response: any number of provisional ones, at most one final one.
    Response {
        /// The request it answers.
        id: ClientId,
        /// The response.
        response: Response,
        /// Where it came from.
        hop: Hop,
    },
    /// Another 2xx to an INVITE that has had one: the same again, which wants its ACK again, or another branch of a
    /// fork, which wants ACK and BYE. The To tag tells them apart.
    StrayResponse {
        /// The INVITE it answers.
        id: ClientId,
        /// The response.
        response: Response,
        /// Where it came from.
        hop: Hop,
    },
    /// A CANCEL of ours has gone out. It is sent once the INVITE is known to have arrived, so maybe long after it was wanted.
    CancelSent {
        /// The INVITE.
        id: ClientId,
        /// The CANCEL.
        cancel: Bytes,
    },
    /// No final response came.
    TimedOut {
        /// The request.
        id: ClientId,
    },
    /// The transport failed before the end.
    Unreachable {
        /// The request.
        id: ClientId,
    },
    /// No further 2xx to this INVITE is waited for; its id names nothing any more.
    Ended {
        /// The INVITE.
        id: ClientId,
    },
    /// Nobody acknowledged our 2xx: the dialog wants a BYE (RFC 3261 §13.3.1.4).
    AckMissing {
        /// The INVITE.
        id: ServerId,
    },
    /// Our answer could not be sent.
    ReplyLost {
        /// The request it answered.
        id: ServerId,
    },
}
