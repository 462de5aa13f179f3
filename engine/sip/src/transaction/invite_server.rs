//! The server side of an INVITE: RFC 3261 §17.2.1 with the Accepted state of RFC 6026.
//!
//! An [`InviteServer`] is told what was heard, what the owner answers and what time it is, and says what to do. It
//! holds no message and sends none.
//!
//! RFC 3261 §13.3.1.4 makes the owner of the dialog repeat its 2xx until ACK comes, over reliable transports, too. The
//! owner would need a timer, the bytes and a look at every ACK for that, all of which stand here already; so by
//! answering with a 2xx the owner orders the repetition, the Accepted state carries it out, and the owner hears either
//! the ACK or that it is missing and BYE is due. A second 2xx from the owner before the ACK replaces the first.
//!
//! ```text
//!                     │ INVITE is told
//!                     ▼
//! INVITE again:  ┌ proceeding ┐ 1xx from the owner: send
//! answer again   └──▲ │ │ ▲───┘ nothing for 200 ms: send 100
//!                     │ │
//!   300–699: send     │ └── 2xx: send ──────────────────────┐
//!                     ▼                                     ▼
//! INVITE again: ┌ completed ┐ G: send again           ┌ accepted ┐ T1, doubling to T2: send again, until ACK
//! answer again  └──▲ │ │ ▲──┘                         └──▲ │ ▲───┘ ACK: tell; INVITE again: swallow
//!                 ACK│ └──── H: no ACK came ──┐            │ L: ended, or ACK is missing
//!                    ▼                        ▼            ▼
//!                confirmed ─────── I ──────▶ over ◀────────┘
//! ```
//!
//! A transport failure moves nothing (RFC 6026): the owner is told, and the next repetition may find another path.

use std::time::Instant;

use super::timers::{Pace, Repeat, TRYING_AFTER};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding { trying: Option<Instant> },
    Accepted { repeat: Repeat, over: Instant, acknowledged: bool },
    Completed { repeat: Repeat, give_up: Instant },
    Confirmed { over: Instant },
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
    /// Tell the owner of this ACK, the first of a 2xx; nothing is repeated any more.
    TellFirst,
    /// Tell the owner of this ACK of a 2xx.
    Tell,
    /// The answer comes too late: another one has gone out.
    TooLate,
    /// No ACK came for a 2xx: the owner has a dialog to end.
    AckMissing,
    /// No ACK came for a refusal.
    RefusalUnheard,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InviteServer {
    state: State,
}

impl InviteServer {
    /// The INVITE has arrived and is told to the owner.
    pub fn start(now: Instant) -> Self {
        Self { state: State::Proceeding { trying: Some(now + TRYING_AFTER) } }
    }

    /// Whether nothing can happen any more.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the owner still has to give a final answer.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the caller has acknowledged the final answer, or nobody waits for that any more.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Accepted { acknowledged: true, .. } | State::Confirmed { .. } | State::Over)
    }

    /// Whether a 2xx is out.
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// When to call [`InviteServer::wake`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Proceeding { trying } => trying,
            State::Accepted { repeat, over, .. } => repeat.or(over),
            State::Completed { repeat, give_up } => repeat.or(give_up),
            State::Confirmed { over } => Some(over),
            State::Over => None,
        }
    }

    /// The owner answers.
    pub fn answer(&mut self, status: u16, pace: Pace<'_>, now: Instant) -> Step {
        // The 2xx is repeated over reliable transports, too: another hop behind this one may be lossy.
        let repeat = Repeat { at: Some(now + pace.timers.t1), wait: pace.timers.t1 };
        match (&mut self.state, status) {
            (State::Proceeding { trying }, 100..200) => {
                *trying = None;
                Step::Send
            }
            (State::Proceeding { .. }, 200..300) => {
                self.state = State::Accepted { repeat, over: now + pace.patience(), acknowledged: false };
                Step::Send
            }
            (State::Proceeding { .. }, _) => {
                self.state = State::Completed { repeat: Repeat::new(pace, now), give_up: now + pace.patience() };
                Step::Send
            }
            (State::Accepted { acknowledged: false, .. }, 200..300) => Step::Send,
            _ => Step::TooLate,
        }
    }

    /// The INVITE arrived again.
    pub fn repeated(&self) -> Step {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => Step::SendAgain,
            State::Accepted { .. } | State::Confirmed { .. } | State::Over => Step::Nothing,
        }
    }

    /// An ACK arrived.
    pub fn acknowledge(&mut self, pace: Pace<'_>, now: Instant) -> Step {
        match &mut self.state {
            State::Completed { .. } => {
                let over = now + pace.wandering();
                self.state = if over > now { State::Confirmed { over } } else { State::Over };
                Step::Nothing
            }
            State::Accepted { acknowledged, repeat, .. } => {
                repeat.at = None;
                if std::mem::replace(acknowledged, true) { Step::Tell } else { Step::TellFirst }
            }
            State::Proceeding { .. } | State::Confirmed { .. } | State::Over => Step::Nothing,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, pace: Pace<'_>, now: Instant) -> Step {
        match &mut self.state {
            State::Proceeding { trying: trying @ Some(_) } if *trying <= Some(now) => {
                *trying = None;
                Step::SendTrying
            }
            State::Accepted { over, acknowledged, .. } if *over <= now => {
                let step = if *acknowledged { Step::Nothing } else { Step::AckMissing };
                self.state = State::Over;
                step
            }
            State::Completed { give_up, .. } if *give_up <= now => {
                self.state = State::Over;
                Step::RefusalUnheard
            }
            State::Confirmed { over } if *over <= now => {
                self.state = State::Over;
                Step::Nothing
            }
            State::Accepted { repeat, .. } | State::Completed { repeat, .. } if repeat.is_due(now) => {
                repeat.again(pace.doubled(repeat.wait), now);
                Step::SendAgain
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

    fn proceeding() -> (InviteServer, Instant) {
        let now = Instant::now();
        (InviteServer::start(now), now)
    }

    fn all_wakes(server: &mut InviteServer, start: Instant, pace: Pace<'_>) -> Vec<(u64, Step)> {
        wakes(server, start, |server| server.deadline(), |server, now| server.wake(pace, now))
    }

    /// T1 after the answer, then pauses that double up to T2.
    const REPETITIONS: [u64; 10] = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

    #[test]
    fn a_slow_owner_makes_the_caller_hear_trying_once_after_200_ms() {
        let (mut server, start) = proceeding();
        assert_eq!(all_wakes(&mut server, start, UNRELIABLE), [(200, Step::SendTrying)]);
        assert!(server.is_open(), "an owner may let it ring as long as it likes");
    }

    #[test]
    fn a_quick_owner_makes_trying_needless() {
        let (mut server, start) = proceeding();
        assert_eq!(server.answer(180, UNRELIABLE, start), Step::Send);
        assert_eq!(server.deadline(), None);
        assert_eq!(server.repeated(), Step::SendAgain);
    }

    #[test]
    fn a_refusal_is_repeated_until_the_ack_and_further_acks_are_swallowed_for_t4() {
        let (mut server, now) = proceeding();

        assert_eq!(server.answer(486, UNRELIABLE, now), Step::Send);
        assert_eq!(server.wake(UNRELIABLE, now + SECOND / 2), Step::SendAgain);
        assert_eq!(server.repeated(), Step::SendAgain);
        assert_eq!(server.acknowledge(UNRELIABLE, now + SECOND), Step::Nothing);
        assert_eq!(server.acknowledge(UNRELIABLE, now + SECOND), Step::Nothing);
        assert_eq!(server.repeated(), Step::Nothing);
        assert_eq!(all_wakes(&mut server, now, UNRELIABLE), [(6000, Step::Nothing)]);
        assert!(server.is_over());
    }

    #[test]
    fn a_refusal_that_nobody_acknowledges_is_repeated_ten_times_and_given_up() {
        let (mut server, start) = proceeding();
        server.answer(404, UNRELIABLE, start);

        let told = all_wakes(&mut server, start, UNRELIABLE);
        assert_eq!(told[..10], REPETITIONS.map(|at| (at, Step::SendAgain)));
        assert_eq!(told[10..], [(32_000, Step::RefusalUnheard)]);
        assert!(server.is_over());
    }

    #[test]
    fn a_refusal_over_a_reliable_transport_is_said_once_and_ends_with_the_ack() {
        let (mut server, now) = proceeding();
        server.answer(404, RELIABLE, now);

        assert_eq!(server.deadline(), Some(now + 32 * SECOND));
        assert_eq!(server.acknowledge(RELIABLE, now), Step::Nothing);
        assert!(server.is_over());
    }

    #[test]
    fn a_2xx_is_repeated_until_the_ack_over_every_transport() {
        for pace in [UNRELIABLE, RELIABLE] {
            let (mut server, now) = proceeding();

            assert_eq!(server.answer(200, pace, now), Step::Send);
            assert_eq!(server.repeated(), Step::Nothing, "the repetition is on its own clock");
            assert_eq!(server.wake(pace, now + SECOND / 2), Step::SendAgain);
            assert_eq!(server.acknowledge(pace, now + SECOND), Step::TellFirst);
            assert_eq!(server.acknowledge(pace, now + 2 * SECOND), Step::Tell);
            assert_eq!(server.repeated(), Step::Nothing);
            assert_eq!(all_wakes(&mut server, now, pace), [(32_000, Step::Nothing)]);
            assert!(server.is_over());
        }
    }

    #[test]
    fn a_2xx_that_nobody_acknowledges_is_repeated_ten_times_and_its_ack_is_missing() {
        let (mut server, start) = proceeding();
        server.answer(200, RELIABLE, start);

        let told = all_wakes(&mut server, start, RELIABLE);
        assert_eq!(told[..10], REPETITIONS.map(|at| (at, Step::SendAgain)));
        assert_eq!(told[10..], [(32_000, Step::AckMissing)]);
    }

    #[test]
    fn only_a_2xx_may_follow_a_2xx_and_nothing_a_refusal() {
        let (mut server, now) = proceeding();
        server.answer(200, UNRELIABLE, now);
        assert_eq!(server.answer(200, UNRELIABLE, now), Step::Send);
        assert_eq!(server.answer(487, UNRELIABLE, now), Step::TooLate);
        assert_eq!(server.answer(180, UNRELIABLE, now), Step::TooLate);

        let (mut server, now) = proceeding();
        server.answer(487, UNRELIABLE, now);
        assert_eq!(server.answer(200, UNRELIABLE, now), Step::TooLate);
    }

    #[test]
    fn an_ack_before_any_answer_says_nothing() {
        let (mut server, now) = proceeding();
        assert_eq!(server.acknowledge(UNRELIABLE, now), Step::Nothing);
        assert!(server.is_open());
    }
}
