//! How much there may be, and what happened how often.

/// How many transactions one shard keeps at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of others. One over UDP stays for 32 s after its answer, so this is 32 times the requests a second: the
    /// default carries 15 000 a second at some 800 bytes each. Beyond it requests are refused with 503.
    pub server: usize,
    /// Bytes that requests of others and our answers to them may hold together. A usual one holds 500 over its 32 s, so
    /// this is 8 000 requests a second; a stranger who sends the largest messages there are gets no further, either.
    pub server_bytes: usize,
    /// Requests of ours. One over UDP stays for 5 s after its answer, an INVITE for 32 s.
    pub client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { server: 500_000, server_bytes: 128 << 20, client: 200_000 }
    }
}

/// No room for another request of ours: what was asked for gets 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests are under way")]
pub struct Full;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened how often, since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Tally {
            /// Each count with its name.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((concat!("transactions_", stringify!($name)), self.$name),)*].into_iter()
            }
        }

        impl std::ops::AddAssign for Tally {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

tally! {
    /// Requests told to the owner.
    requests,
    /// Requests that arrived again.
    requests_repeated,
    /// Answers sent again, because the request came again or nothing came back.
    answers_repeated,
    /// ACKs of a 2xx told to the owner.
    acks,
    /// ACKs that were swallowed: they end a refusal.
    acks_swallowed,
    /// CANCELs whose INVITE was found.
    cancels,
    /// CANCELs that met no INVITE: 481.
    cancels_unknown,
    /// Requests that arrived a second time on another way: 482.
    merged,
    /// Requests refused because there was no room: 503.
    refused_full,
    /// INVITEs refused by the owner of which nothing was kept.
    refused_unkept,
    /// Requests refused because they were malformed.
    malformed_requests,
    /// Malformed requests that could not even be refused.
    malformed_unanswered,
    /// Malformed responses, which were dropped.
    malformed_responses,
    /// Datagrams and frames that were no SIP at all.
    not_sip,
    /// 2xx that were never acknowledged.
    acks_missing,
    /// Refusals of an INVITE that were never acknowledged.
    refusals_unheard,
    /// Requests whose owner did not answer before the client lost patience.
    unanswered,
    /// Answers of the owner that came after another one, or to a request that is gone.
    answers_late,
    /// Answers of the owner that RFC 4320 forbids.
    answers_withheld,
    /// Answers that could not be sent.
    answers_lost,
    /// Requests of ours.
    sent,
    /// Requests of ours that were sent again.
    sent_repeated,
    /// Requests of ours refused to the owner because there was no room.
    sent_full,
    /// Responses told to the owner.
    responses,
    /// Responses that came again and were swallowed.
    responses_repeated,
    /// Responses to nothing we sent, which were dropped (RFC 6026 §8.9).
    responses_stray,
    /// Requests of ours that nobody answered.
    timed_out,
    /// Requests of ours that could not be sent.
    unreachable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_two_shards_add_up_under_their_names() {
        let mut sum = Tally { requests: 2, merged: 1, ..Tally::default() };
        sum += Tally { requests: 3, ..Tally::default() };

        assert_eq!((sum.requests, sum.merged, sum.acks), (5, 1, 0));
        assert_eq!(sum.named().find(|(name, _)| *name == "transactions_requests"), Some(("transactions_requests", 5)));
    }
}
