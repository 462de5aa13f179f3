//! The client side of every request but INVITE and ACK: RFC 3261 §17.1.2.
//!
//! A [`Client`] is told what was heard and what time it is, and says what to do. Its owner hears exactly one end: a
//! final response, [`Step::TimedOut`] or [`Step::Broken`]. CANCEL runs on it, too.
//!
//! ```text
//!                │ request is sent
//!                ▼
//! E: send ┌── trying ────── F: timed out, or transport broken ────┐
//! again   └────▲ │ └─────── 200–699: tell ───────────┐            │
//!      1xx: tell │                                   ▼            │
//! E: send        ▼                              ┌ completed ┐     │
//! again,  ┌─ proceeding ─── 200–699: tell ─────▶│           │     │
//! 1xx:    └────▲   └─────── F, or broken ──┐    └───▲ │─────┘     │
//! tell                                     │  late    │ K         │
//!                                          ▼  responses▼          ▼
//!                                        over ◀───────┴───────────┘
//! ```

use std::time::Instant;

use super::timers::{Pace, Repeat};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying { repeat: Repeat, give_up: Instant },
    Proceeding { repeat: Repeat, give_up: Instant },
    Completed { over: Instant },
    Over,
}

/// What to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Send the request again.
    Send,
    /// Tell the owner of this response.
    Tell,
    /// No final response came.
    TimedOut,
    /// The request cannot have arrived.
    Broken,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    state: State,
}

impl Client {
    /// The request goes out now.
    pub fn start(pace: Pace<'_>, now: Instant) -> Self {
        Self { state: State::Trying { repeat: Repeat::new(pace, now), give_up: now + pace.patience() } }
    }

    /// Whether nothing can happen any more.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the owner still waits for the end.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }

    /// When to call [`Client::wake`].
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { repeat, give_up } | State::Proceeding { repeat, give_up } => repeat.or(give_up),
            State::Completed { over } => Some(over),
            State::Over => None,
        }
    }

    /// A response arrived.
    pub fn hear(&mut self, status: u16, pace: Pace<'_>, now: Instant) -> Step {
        match (self.state, status) {
            (State::Trying { repeat, give_up } | State::Proceeding { repeat, give_up }, 100..200) => {
                self.state = State::Proceeding { repeat, give_up };
                Step::Tell
            }
            (State::Trying { .. } | State::Proceeding { .. }, 200..700) => {
                let over = now + pace.wandering();
                self.state = if over > now { State::Completed { over } } else { State::Over };
                Step::Tell
            }
            _ => Step::Nothing,
        }
    }

    /// The transport failed.
    pub fn broken(&mut self) -> Step {
        let was_open = self.is_open();
        self.state = State::Over;
        if was_open { Step::Broken } else { Step::Nothing }
    }

    /// Time has passed.
    pub fn wake(&mut self, pace: Pace<'_>, now: Instant) -> Step {
        match &mut self.state {
            State::Trying { give_up, .. } | State::Proceeding { give_up, .. } if *give_up <= now => {
                self.state = State::Over;
                Step::TimedOut
            }
            State::Trying { repeat, .. } if repeat.is_due(now) => {
                repeat.again(pace.doubled(repeat.wait), now);
                Step::Send
            }
            State::Proceeding { repeat, .. } if repeat.is_due(now) => {
                repeat.again(pace.timers.t2, now);
                Step::Send
            }
            State::Completed { over } if *over <= now => {
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

    fn trying(pace: Pace<'_>) -> (Client, Instant) {
        let now = Instant::now();
        (Client::start(pace, now), now)
    }

    fn all_wakes(client: &mut Client, start: Instant, pace: Pace<'_>) -> Vec<(u64, Step)> {
        wakes(client, start, |client| client.deadline(), |client, now| client.wake(pace, now))
    }

    #[test]
    fn an_unanswered_request_is_repeated_with_pauses_up_to_t2_and_times_out() {
        let (mut client, start) = trying(UNRELIABLE);
        let sent = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map(|at| (at, Step::Send));

        let told = all_wakes(&mut client, start, UNRELIABLE);
        assert_eq!(told[..10], sent);
        assert_eq!(told[10..], [(32_000, Step::TimedOut)]);
        assert!(client.is_over());
    }

    #[test]
    fn a_reliable_transport_repeats_nothing() {
        let (mut client, start) = trying(RELIABLE);
        assert_eq!(all_wakes(&mut client, start, RELIABLE), [(32_000, Step::TimedOut)]);
    }

    #[test]
    fn a_provisional_response_slows_the_repetitions_down_but_not_the_end() {
        let (mut client, start) = trying(UNRELIABLE);
        assert_eq!(client.hear(100, UNRELIABLE, start), Step::Tell);

        let told = all_wakes(&mut client, start, UNRELIABLE);
        assert_eq!(told[..3], [(500, Step::Send), (4500, Step::Send), (8500, Step::Send)]);
        assert_eq!(told.last(), Some(&(32_000, Step::TimedOut)));
    }

    #[test]
    fn a_final_response_is_told_once_and_its_repetitions_are_swallowed_for_t4() {
        let (mut client, now) = trying(UNRELIABLE);

        assert_eq!(client.hear(200, UNRELIABLE, now + SECOND), Step::Tell);
        assert_eq!(client.hear(200, UNRELIABLE, now + 2 * SECOND), Step::Nothing);
        assert_eq!(client.hear(100, UNRELIABLE, now + 2 * SECOND), Step::Nothing);
        assert!(!client.is_open());
        assert_eq!(all_wakes(&mut client, now, UNRELIABLE), [(6000, Step::Nothing)]);
        assert!(client.is_over());
    }

    #[test]
    fn a_final_response_over_a_reliable_transport_ends_at_once() {
        let (mut client, now) = trying(RELIABLE);
        client.hear(100, RELIABLE, now);

        assert_eq!(client.hear(404, RELIABLE, now), Step::Tell);
        assert!(client.is_over());
    }

    #[test]
    fn a_broken_transport_is_an_end_only_before_the_answer() {
        let (mut client, _) = trying(UNRELIABLE);
        assert_eq!(client.broken(), Step::Broken);
        assert_eq!(client.broken(), Step::Nothing);

        let (mut client, now) = trying(UNRELIABLE);
        client.hear(200, UNRELIABLE, now);
        assert_eq!(client.broken(), Step::Nothing);
    }
}
