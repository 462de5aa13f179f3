//! The server side of every request but INVITE, ACK and CANCEL: RFC 3261 §17.2.2 with the corrections of RFC 4320.
//!
//! A [`Server`] is told what was heard, what the owner answers and what time it is, and says what to do. It holds no
//! message and sends none. RFC 4320 forbids every provisional answer but 100, forbids 100 over unreliable transports
//! while the client still repeats quickly and demands it afterwards, and forbids 408: an answer after the client's
//! patience has ended would only wander about.
//!
//! ```text
//!                    │ request is told
//!                    ▼
//! again: nothing ┌ trying ┐ ── 200–699 from the owner: send ──┐
//!                └──▲ │ ▲─┘ ── 408, or 64·T1 passed ──┐       │
//!                     │ 100 from the owner, or T1     │       │
//!                     │ has doubled to T2: send 100   │       │
//!                     ▼                               ▼       │
//! again: send ┌ proceeding ┐ ── 408, or 64·T1 ──▶   over      │
//! 100 again   └────▲ ▲─────┘ ── 200–699: send ──┐     ▲       │
//!                                               ▼     │ J, or transport broken
//!                       again: send again ┌ completed ┐ ◀─────┘
//!                                         └────▲ ▲────┘
//! ```

use std::time::Instant;

use super::timers::Pace;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying { trying: Instant, give_up: Instant },
    Proceeding { give_up: Instant },
    Completed { over: Instant },
    Over,
}

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Send the owner's answer.
    Send,
    /// Send the last answer again.
    SendAgain,
    /// Send 100: the owner takes its time.
    SendTrying,
    /// The answer must not be sent: RFC 4320 forbids it.
    Withhold,
    /// The answer comes too late: another one has gone out.
    TooLate,
    /// The owner never answered and the client waits no longer.
    Unanswered,
    /// The answer cannot have arrived.
    Broken,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    state: State,
}

impl Server {
    /// The request has arrived and is told to the owner.
    pub fn start(pace: Pace<'_>, now: Instant) -> Self {
        Self { state: State::Trying { trying: now + pace.quiet(), give_up: now + pace.patience() } }
    }

    /// Whether nothing can happen any more.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the final answer has been given, or nobody waits for it any more.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Over)
    }

    /// When to call [`Server::wake`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { trying, give_up } => Some(trying.min(give_up)),
            State::Proceeding { give_up } => Some(give_up),
            State::Completed { over } => Some(over),
            State::Over => None,
        }
    }

    /// The owner answers.
    pub fn answer(&mut self, status: u16, pace: Pace<'_>, now: Instant) -> Step {
        match (self.state, status) {
            (State::Trying { give_up, .. }, 100) if pace.reliable => {
                self.state = State::Proceeding { give_up };
                Step::Send
            }
            (State::Trying { .. } | State::Proceeding { .. }, 100..200) => Step::Withhold,
            (State::Trying { .. } | State::Proceeding { .. }, 408) => {
                self.state = State::Over;
                Step::Withhold
            }
            (State::Trying { .. } | State::Proceeding { .. }, _) => {
                let over = now + pace.timer_j();
                self.state = if over > now { State::Completed { over } } else { State::Over };
                Step::Send
            }
            (State::Completed { .. } | State::Over, _) => Step::TooLate,
        }
    }

    /// The request arrived again.
    pub fn repeated(&self) -> Step {
        match self.state {
            State::Trying { .. } | State::Over => Step::Nothing,
            State::Proceeding { .. } | State::Completed { .. } => Step::SendAgain,
        }
    }

    /// The transport failed under an answer.
    pub fn broken(&mut self) -> Step {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => {
                self.state = State::Over;
                Step::Broken
            }
            State::Trying { .. } | State::Over => Step::Nothing,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Instant) -> Step {
        match self.state {
            State::Trying { give_up, .. } | State::Proceeding { give_up } if give_up <= now => {
                self.state = State::Over;
                Step::Unanswered
            }
            State::Trying { trying, give_up } if trying <= now => {
                self.state = State::Proceeding { give_up };
                Step::SendTrying
            }
            State::Completed { over } if over <= now => {
                self.state = State::Over;
                Step::Nothing
            }
            _ => Step::Nothing,
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
mod tests {
    use super::super::testing::{RELIABLE, SECOND, UNRELIABLE, wakes};
    use super::*;

    fn trying(pace: Pace<'_>) -> (Server, Instant) {
        let now = Instant::now();
        (Server::start(pace, now), now)
    }

    fn all_wakes(server: &mut Server, start: Instant) -> Vec<(u64, Step)> {
        wakes(server, start, |server| server.deadline(), |server, now| server.wake(now))
    }

    #[test]
    fn an_answer_is_sent_again_for_each_repetition_until_timer_j() {
        let (mut server, now) = trying(UNRELIABLE);

        assert_eq!(server.repeated(), Step::Nothing, "there is nothing to say yet");
        assert_eq!(server.answer(200, UNRELIABLE, now), Step::Send);
        assert_eq!(server.repeated(), Step::SendAgain);
        assert_eq!(server.answer(500, UNRELIABLE, now), Step::TooLate);
        assert_eq!(all_wakes(&mut server, now), [(32_000, Step::Nothing)]);
        assert!(server.is_over());
    }

    #[test]
    fn an_answer_over_a_reliable_transport_is_the_end() {
        let (mut server, now) = trying(RELIABLE);
        assert_eq!(server.answer(200, RELIABLE, now), Step::Send);
        assert!(server.is_over());
    }

    #[test]
    fn trying_is_said_by_itself_once_the_client_repeats_slowly_and_not_before() {
        let (mut server, now) = trying(UNRELIABLE);

        assert_eq!(server.answer(100, UNRELIABLE, now + SECOND), Step::Withhold);
        assert_eq!(server.wake(now + 3 * SECOND), Step::Nothing);
        assert_eq!(server.wake(now + 7 * SECOND / 2), Step::SendTrying);
        assert_eq!(server.repeated(), Step::SendAgain);
    }

    #[test]
    fn trying_may_be_said_at_any_time_over_a_reliable_transport_but_nothing_else_provisional() {
        let (mut server, now) = trying(RELIABLE);

        assert_eq!(server.answer(180, RELIABLE, now), Step::Withhold);
        assert_eq!(server.answer(100, RELIABLE, now), Step::Send);
        assert_eq!(server.answer(183, RELIABLE, now), Step::Withhold);
        assert_eq!(server.answer(202, RELIABLE, now), Step::Send);
    }

    #[test]
    fn a_408_is_never_sent() {
        let (mut server, now) = trying(UNRELIABLE);
        assert_eq!(server.answer(408, UNRELIABLE, now), Step::Withhold);
        assert!(server.is_over());
    }

    #[test]
    fn an_owner_that_never_answers_is_given_up_with_the_client() {
        let (mut server, start) = trying(UNRELIABLE);
        assert_eq!(all_wakes(&mut server, start), [(3500, Step::SendTrying), (32_000, Step::Unanswered)]);
        assert_eq!(server.answer(200, UNRELIABLE, start + 33 * SECOND), Step::TooLate);
    }

    #[test]
    fn a_transport_that_breaks_under_an_answer_ends_it() {
        let (mut server, now) = trying(UNRELIABLE);
        assert_eq!(server.broken(), Step::Nothing, "nothing was sent that could have failed");
        server.answer(200, UNRELIABLE, now);
        assert_eq!(server.broken(), Step::Broken);
        assert!(server.is_over());
    }
}
