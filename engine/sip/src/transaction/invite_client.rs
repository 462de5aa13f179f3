//! The client side of an INVITE: RFC 3261 §17.1.1, with the Accepted state of RFC 6026 and CANCEL of §9.1.
//!
//! An [`InviteClient`] is told what was heard and what time it is, and says what to do. It holds no message and sends
//! none. Its owner hears exactly one end: a final response, [`Step::TimedOut`] or [`Step::Broken`].
//!
//! ```text
//!                    │ INVITE is sent
//!    A: send again   ▼
//!           ┌─── calling ───── B: timed out, or transport broken ────────────────────┐
//!           └──────▲ │ │ │                                                           │
//!                    │ │ └── 300–699: tell, ACK ─────────────────────────┐           │
//!                    │ └──── 2xx: tell ─────────────────────┐            │           │
//!        1xx: tell   │       CANCEL wanted: remember it     │            │           │
//!                    ▼                                      │            │           │
//!           ┌── proceeding ─── 2xx: tell ──────────────────▶│            │           │
//!           │      ▲ │    └─── 300–699: tell, ACK ──────────┼───────────▶│           │
//! 1xx: tell └──────┘ │                                      ▼            ▼           │
//! CANCEL wanted:     │ 64·T1 after CANCEL:   2xx again: ┌ accepted   completed ┐ 300–699 again:
//! send it            │ timed out             tell       └───▲ │        │ ▲─────┘ ACK again
//!                    ▼                                        │ M      │ D        │
//!                  over ◀─────────────────────────────────────┴────────┴──────────┘
//! ```

use std::time::Instant;

use super::timers::{Pace, Repeat};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling {
        repeat: Repeat,
        give_up: Instant,
        cancel_wanted: bool,
    },
    /// `give_up` runs once CANCEL has gone out: a far end that never ends the INVITE must not keep it alive.
    Proceeding {
        give_up: Option<Instant>,
    },
    Completed {
        over: Instant,
    },
    Accepted {
        over: Instant,
    },
    Over,
}

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Send the INVITE again.
    Send,
    /// Send CANCEL.
    Cancel,
    /// Tell the owner of this response.
    Tell,
    /// Tell the owner of this provisional response; CANCEL, which waited for it, may go out.
    TellAndCancel,
    /// Tell the owner of this final response and acknowledge it.
    TellAndAcknowledge,
    /// Acknowledge again; the owner knows.
    AcknowledgeAgain,
    /// A 2xx after the first one: the same again, or another branch of a fork.
    TellAgain,
    /// No answer came, or no end after CANCEL.
    TimedOut,
    /// The INVITE cannot have arrived.
    Broken,
    /// No further 2xx is waited for.
    Ended,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InviteClient {
    state: State,
}

impl InviteClient {
    /// The INVITE goes out now.
    pub fn start(pace: Pace<'_>, now: Instant) -> Self {
        let repeat = Repeat::new(pace, now);
        Self { state: State::Calling { repeat, give_up: now + pace.patience(), cancel_wanted: false } }
    }

    /// Whether nothing can happen any more.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the owner still waits for the end.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    /// Whether a 2xx has come: further ones of its fork may follow.
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// When to call [`InviteClient::wake`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { repeat, give_up, .. } => repeat.or(give_up),
            State::Proceeding { give_up } => give_up,
            State::Completed { over } | State::Accepted { over } => Some(over),
            State::Over => None,
        }
    }

    /// A response arrived.
    pub fn hear(&mut self, status: u16, pace: Pace<'_>, now: Instant) -> Step {
        match (self.state, status) {
            (State::Calling { cancel_wanted: true, .. }, 100..200) => {
                self.state = State::Proceeding { give_up: Some(now + pace.patience()) };
                Step::TellAndCancel
            }
            (State::Calling { .. }, 100..200) => {
                self.state = State::Proceeding { give_up: None };
                Step::Tell
            }
            (State::Proceeding { .. }, 100..200) => Step::Tell,
            (State::Calling { .. } | State::Proceeding { .. }, 200..300) => {
                self.state = State::Accepted { over: now + pace.patience() };
                Step::Tell
            }
            (State::Calling { .. } | State::Proceeding { .. }, 300..700) => {
                let over = now + pace.timer_d();
                self.state = if over > now { State::Completed { over } } else { State::Over };
                Step::TellAndAcknowledge
            }
            (State::Completed { .. }, 300..700) => Step::AcknowledgeAgain,
            (State::Accepted { .. }, 200..300) => Step::TellAgain,
            _ => Step::Nothing,
        }
    }

    /// The owner wants the INVITE to end. CANCEL waits for a sign that the INVITE has arrived.
    pub fn cancel(&mut self, pace: Pace<'_>, now: Instant) -> Step {
        match &mut self.state {
            State::Calling { cancel_wanted, .. } => {
                *cancel_wanted = true;
                Step::Nothing
            }
            State::Proceeding { give_up: give_up @ None } => {
                *give_up = Some(now + pace.patience());
                Step::Cancel
            }
            _ => Step::Nothing,
        }
    }

    /// The transport failed. While calling and proceeding that is the end; afterwards the owner has heard one.
    pub fn broken(&mut self) -> Step {
        match self.state {
            State::Calling { .. } | State::Proceeding { .. } => {
                self.state = State::Over;
                Step::Broken
            }
            State::Completed { .. } => {
                self.state = State::Over;
                Step::Nothing
            }
            State::Accepted { .. } | State::Over => Step::Nothing,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Instant) -> Step {
        match &mut self.state {
            State::Calling { give_up, .. } | State::Proceeding { give_up: Some(give_up) } if *give_up <= now => {
                self.state = State::Over;
                Step::TimedOut
            }
            State::Calling { repeat, .. } if repeat.is_due(now) => {
                // Timer A doubles without end; B stops it.
                repeat.again(repeat.wait * 2, now);
                Step::Send
            }
            State::Completed { over } if *over <= now => {
                self.state = State::Over;
                Step::Nothing
            }
            State::Accepted { over } if *over <= now => {
                self.state = State::Over;
                Step::Ended
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

    fn calling(pace: Pace<'_>) -> (InviteClient, Instant) {
        let now = Instant::now();
        (InviteClient::start(pace, now), now)
    }

    fn all_wakes(client: &mut InviteClient, start: Instant) -> Vec<(u64, Step)> {
        wakes(client, start, |client| client.deadline(), |client, now| client.wake(now))
    }

    #[test]
    fn an_unanswered_invite_is_sent_seven_times_over_an_unreliable_transport_and_times_out() {
        let (mut client, start) = calling(UNRELIABLE);
        let sent = [500, 1500, 3500, 7500, 15_500, 31_500].map(|at| (at, Step::Send));

        let told = all_wakes(&mut client, start);
        assert_eq!(told[..6], sent);
        assert_eq!(told[6..], [(32_000, Step::TimedOut)]);
        assert!(client.is_over());
    }

    #[test]
    fn an_unanswered_invite_is_sent_once_over_a_reliable_transport_and_times_out() {
        let (mut client, start) = calling(RELIABLE);
        assert_eq!(all_wakes(&mut client, start), [(32_000, Step::TimedOut)]);
    }

    #[test]
    fn a_provisional_response_ends_the_repetitions_and_the_waiting_for_an_answer() {
        let (mut client, now) = calling(UNRELIABLE);

        assert_eq!(client.hear(180, UNRELIABLE, now), Step::Tell);
        assert_eq!(client.hear(183, UNRELIABLE, now), Step::Tell);
        assert_eq!(client.deadline(), None);
        assert_eq!(client.wake(now + 1000 * SECOND), Step::Nothing, "how long a phone may ring is the owner's to say");
    }

    #[test]
    fn a_refusal_is_told_once_and_acknowledged_each_time_until_timer_d() {
        let (mut client, now) = calling(UNRELIABLE);

        assert_eq!(client.hear(486, UNRELIABLE, now), Step::TellAndAcknowledge);
        assert_eq!(client.hear(486, UNRELIABLE, now), Step::AcknowledgeAgain);
        assert_eq!(client.hear(180, UNRELIABLE, now), Step::Nothing, "a late ringing says nothing");
        assert_eq!(client.hear(200, UNRELIABLE, now), Step::Nothing);
        assert_eq!(all_wakes(&mut client, now), [(32_000, Step::Nothing)]);
        assert!(client.is_over());
    }

    #[test]
    fn a_refusal_over_a_reliable_transport_ends_at_once() {
        let (mut client, now) = calling(RELIABLE);
        client.hear(100, RELIABLE, now);

        assert_eq!(client.hear(302, RELIABLE, now), Step::TellAndAcknowledge);
        assert!(client.is_over());
    }

    #[test]
    fn every_2xx_is_told_until_timer_m_even_over_a_reliable_transport() {
        for pace in [UNRELIABLE, RELIABLE] {
            let (mut client, now) = calling(pace);

            assert_eq!(client.hear(200, pace, now), Step::Tell);
            assert_eq!(client.hear(200, pace, now + SECOND), Step::TellAgain);
            assert_eq!(client.hear(202, pace, now + 2 * SECOND), Step::TellAgain, "another branch of a fork");
            assert_eq!(client.hear(487, pace, now + 2 * SECOND), Step::Nothing);
            assert_eq!(all_wakes(&mut client, now), [(32_000, Step::Ended)]);
            assert_eq!(client.hear(200, pace, now + 33 * SECOND), Step::Nothing);
        }
    }

    #[test]
    fn a_cancel_waits_for_the_first_provisional_response() {
        let (mut client, now) = calling(UNRELIABLE);

        assert_eq!(client.cancel(UNRELIABLE, now), Step::Nothing);
        assert_eq!(client.hear(100, UNRELIABLE, now + SECOND), Step::TellAndCancel);
        assert_eq!(client.cancel(UNRELIABLE, now + SECOND), Step::Nothing, "once is enough");
        assert_eq!(client.hear(487, UNRELIABLE, now + SECOND), Step::TellAndAcknowledge);
    }

    #[test]
    fn a_cancel_while_ringing_goes_out_at_once() {
        let (mut client, now) = calling(UNRELIABLE);
        client.hear(180, UNRELIABLE, now);

        assert_eq!(client.cancel(UNRELIABLE, now), Step::Cancel);
        assert_eq!(client.cancel(UNRELIABLE, now), Step::Nothing);
    }

    #[test]
    fn a_cancelled_invite_that_nobody_ends_times_out() {
        let (mut client, now) = calling(UNRELIABLE);
        client.hear(180, UNRELIABLE, now);
        client.cancel(UNRELIABLE, now + SECOND);

        assert_eq!(all_wakes(&mut client, now), [(33_000, Step::TimedOut)]);
    }

    #[test]
    fn a_cancel_after_the_answer_does_nothing() {
        for status in [200, 486] {
            let (mut client, now) = calling(UNRELIABLE);
            client.hear(status, UNRELIABLE, now);
            assert_eq!(client.cancel(UNRELIABLE, now), Step::Nothing);
        }
    }

    #[test]
    fn an_answer_that_overtakes_the_cancel_wins() {
        let (mut client, now) = calling(UNRELIABLE);
        client.cancel(UNRELIABLE, now);

        assert_eq!(client.hear(200, UNRELIABLE, now), Step::Tell);
        assert_eq!(all_wakes(&mut client, now), [(32_000, Step::Ended)]);
    }

    #[test]
    fn a_broken_transport_ends_an_open_invite_and_is_silent_afterwards() {
        let (mut client, now) = calling(RELIABLE);
        assert_eq!(client.broken(), Step::Broken);
        assert!(client.is_over());
        assert_eq!(client.broken(), Step::Nothing);
        assert_eq!(client.hear(200, RELIABLE, now), Step::Nothing);

        let (mut client, now) = calling(UNRELIABLE);
        client.hear(486, UNRELIABLE, now);
        assert_eq!(client.broken(), Step::Nothing, "the owner has heard its end");
        assert!(client.is_over());

        let (mut client, now) = calling(UNRELIABLE);
        client.hear(200, UNRELIABLE, now);
        assert_eq!(client.broken(), Step::Nothing);
        assert_eq!(client.hear(200, UNRELIABLE, now), Step::TellAgain, "nothing was sent that could have failed");
    }
}
