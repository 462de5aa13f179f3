//! What the people of a story intend to do.

use std::time::Duration;

use patchcord_sip::Method;

use super::network::Chance;

/// Which kind of requests a story is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Requests,
    Invites,
}

/// One request and what both sides want to do about it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub method: Method,
    /// When it is asked, from the beginning.
    pub ask_at: Duration,
    /// When the other side says that it rings, after it heard of it.
    pub ring_after: Option<Duration>,
    /// When the other side answers, after it heard of it. It may never.
    pub answer_after: Option<Duration>,
    pub status: u16,
    /// When the asker gives up, after asking. Nobody lets it ring for ever.
    pub cancel_after: Option<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Plan {
    pub fn drawn(kind: Kind, chance: &mut Chance) -> Self {
        let invite = kind == Kind::Invites;
        let methods = [Method::Register, Method::Options, Method::Bye, Method::Message];
        let method = if invite { Method::Invite } else { methods[chance.below(4) as usize].clone() };
        let slowly = chance.one_of(&[SECOND / 10, SECOND, 5 * SECOND, 36 * SECOND]);
        let patience = if chance.percent(40) { chance.time(8 * SECOND) } else { 50 * SECOND };
        // Whoever serves may forget a request, but must not let an INVITE ring for ever.
        let never = invite.then_some(100 * SECOND);
        Self {
            method,
            ask_at: chance.time(3 * SECOND),
            ring_after: chance.percent(50).then(|| chance.time(SECOND / 2)),
            answer_after: if chance.percent(8) { never } else { Some(chance.time(slowly)) },
            status: chance.one_of(&[200, 200, 200, 202, 302, 401, 404, 486, 503, 603]),
            cancel_after: invite.then_some(patience),
        }
    }
}
