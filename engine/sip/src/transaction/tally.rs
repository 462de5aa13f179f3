//! How much there may be, and what happened how often.

/// How many transactions one shard keeps at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of others. One over UDP stays for 32 s after its answer, so this is 32 times the requests a second: the
    /// default carries 15 000 a second at some 800 bytes each. Beyond it requests are refused with 503.
    pub server: usize,
    /// Requests of ours. One over UDP stays for 5 s after its answer, an INVITE for 32 s.
    pub client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { server: 500_000, client: 200_000 }
    }
}

/// No room for another request of ours: what was asked for gets 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests are under way")]
pub struct Full;

/// What happened how often, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Requests told to the owner.
    pub requests: u64,
    /// Requests that arrived again.
    pub requests_repeated: u64,
    /// Answers sent again, because the request came again or nothing came back.
    pub answers_repeated: u64,
    /// ACKs of a 2xx told to the owner.
    pub acks: u64,
    /// ACKs that were swallowed: they end a refusal.
    pub acks_swallowed: u64,
    /// CANCELs whose INVITE was found.
    pub cancels: u64,
    /// CANCELs that met no INVITE: 481.
    pub cancels_unknown: u64,
    /// Requests that arrived a second time on another way: 482.
    pub merged: u64,
    /// Requests refused because there was no room: 503.
    pub refused_full: u64,
    /// Requests refused because they were malformed.
    pub malformed_requests: u64,
    /// Malformed requests that could not even be refused.
    pub malformed_unanswered: u64,
    /// Malformed responses, which were dropped.
    pub malformed_responses: u64,
    /// Datagrams and frames that were no SIP at all.
    pub not_sip: u64,
    /// 2xx that were never acknowledged.
    pub acks_missing: u64,
    /// Refusals of an INVITE that were never acknowledged.
    pub refusals_unheard: u64,
    /// Requests whose owner did not answer before the client lost patience.
    pub unanswered: u64,
    /// Answers of the owner that came after another one, or to a request that is gone.
    pub answers_late: u64,
    /// Answers of the owner that RFC 4320 forbids.
    pub answers_withheld: u64,
    /// Answers that could not be sent.
    pub answers_lost: u64,
    /// Requests of ours.
    pub sent: u64,
    /// Requests of ours that were sent again.
    pub sent_repeated: u64,
    /// Requests of ours refused to the owner because there was no room.
    pub sent_full: u64,
    /// Responses told to the owner.
    pub responses: u64,
    /// Responses that came again and were swallowed.
    pub responses_repeated: u64,
    /// Responses to nothing we sent, which were dropped (RFC 6026 §8.9).
    pub responses_stray: u64,
    /// Requests of ours that nobody answered.
    pub timed_out: u64,
    /// Requests of ours that could not be sent.
    pub unreachable: u64,
}
