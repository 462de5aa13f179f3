//! Whose turn it is: INVITEs and offers that may not cross (RFC 3261 §14, RFC 3264 §4, RFC 3311 §5).
//!
//! ```text
//! offer    none ──offer of one side──▶ open ──answer of the other, or its request fails──▶ none
//! INVITE   none ──begin──▶ under way ──final response──▶ none         UPDATE the same
//! ```
//!
//! The owner tells what it sends and hears, because only it sees the bodies; this only judges. A glare is settled by
//! waiting, and how long is [`glare_wait`]; the timer is the owner's.

use std::time::Duration;

use crate::message::Method;

/// A side of the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// This side.
    Ours,
    /// The other side.
    Theirs,
}

/// What is under way between the two sides. Three bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    invite: Option<Turn>,
    update: Option<Turn>,
    offer: Option<Offer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    by: Turn,
    /// Whether the request that carried it takes it along when it fails.
    carrier: Carrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Invite,
    Update,
    /// A PRACK, or a response.
    Other,
}

/// Why a request has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Ours is under way.
    #[error("a request of ours is under way")]
    Pending,
    /// Theirs is under way and not answered yet.
    #[error("their last request is not answered yet")]
    Unanswered,
}

impl Clash {
    /// The status for a request of the other side (RFC 3261 §14.2, RFC 3311 §5.2).
    pub const fn status(self) -> u16 {
        match self {
            Self::Pending => 491,
            Self::Unanswered => 500,
        }
    }

    /// The seconds of Retry-After that go with a 500: 0 to 10, at random (RFC 3261 §14.2). A 491 has none, as both sides
    /// draw their own wait.
    pub const fn retry_after(self, random: u64) -> Option<u64> {
        match self {
            Self::Pending => None,
            Self::Unanswered => Some(random % 11),
        }
    }
}

impl Turns {
    /// Whether a request of either side may begin now. Requests that neither negotiate nor invite always may.
    ///
    /// For a request of ours a clash means to wait; for one of theirs it is the answer.
    pub fn allow(&self, by: Turn, method: &Method, with_offer: bool) -> Result<(), Clash> {
        let busy = match method {
            Method::Invite => self.invite.or(self.update_with_offer()),
            Method::Update => self.update,
            _ => None,
        };
        let negotiates = with_offer || *method == Method::Invite;
        match busy.or(self.open_offer().filter(|_| negotiates)) {
            None => Ok(()),
            Some(Turn::Theirs) if by == Turn::Theirs => Err(Clash::Unanswered),
            Some(_) => Err(Clash::Pending),
        }
    }

    /// Begins a request of either side, or says why it may not begin.
    pub fn begin(&mut self, by: Turn, method: &Method, with_offer: bool) -> Result<(), Clash> {
        self.allow(by, method, with_offer)?;
        let carrier = match method {
            Method::Invite => {
                self.invite = Some(by);
                Carrier::Invite
            }
            Method::Update => {
                self.update = Some(by);
                Carrier::Update
            }
            _ => Carrier::Other,
        };
        if with_offer {
            self.offer = Some(Offer { by, carrier });
        }
        Ok(())
    }

    /// The final response to an INVITE or UPDATE went by. When it refuses, the offer of its request is void.
    pub fn finish(&mut self, method: &Method, status: u16) {
        let carrier = match method {
            Method::Invite => {
                self.invite = None;
                Carrier::Invite
            }
            Method::Update => {
                self.update = None;
                Carrier::Update
            }
            _ => return,
        };
        if status >= 300 {
            self.offer = self.offer.filter(|offer| offer.carrier != carrier);
        }
    }

    /// An offer went by in a response: a reliable 1xx or the 2xx of an INVITE without one.
    pub fn offered(&mut self, by: Turn) {
        self.offer = Some(Offer { by, carrier: Carrier::Other });
    }

    /// The answer went by, in whatever message.
    pub fn answered(&mut self) {
        self.offer = None;
    }

    /// Whose offer waits for its answer.
    pub fn open_offer(&self) -> Option<Turn> {
        self.offer.map(|offer| offer.by)
    }

    /// Whether we may send an INVITE now.
    pub fn may_invite(&self) -> bool {
        self.allow(Turn::Ours, &Method::Invite, true).is_ok()
    }

    /// Whether we may send an UPDATE with an offer now.
    pub fn may_update(&self) -> bool {
        self.allow(Turn::Ours, &Method::Update, true).is_ok()
    }

    fn update_with_offer(&self) -> Option<Turn> {
        self.update.filter(|_| self.offer.is_some_and(|offer| offer.carrier == Carrier::Update))
    }
}

/// How long to wait after a 491 before the next try: who made the Call-ID 2.1 to 4 seconds, the other up to 2, in steps of
/// 10 ms, so that the two do not meet again (RFC 3261 §14.1).
pub const fn glare_wait(owns_call_id: bool, random: u64) -> Duration {
    if owns_call_id {
        Duration::from_millis(2100 + 10 * (random % 191))
    } else {
        Duration::from_millis(10 * (random % 201))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_invites_that_cross_are_both_refused_with_491() {
        let (mut caller, mut callee) = (Turns::default(), Turns::default());
        caller.begin(Turn::Ours, &Method::Invite, true).unwrap();
        callee.begin(Turn::Ours, &Method::Invite, true).unwrap();

        for side in [&mut caller, &mut callee] {
            let clash = side.begin(Turn::Theirs, &Method::Invite, true).unwrap_err();
            assert_eq!((clash.status(), clash.retry_after(7)), (491, None));
            side.finish(&Method::Invite, 491);
            assert!(side.may_invite(), "the refused offer is void");
        }
    }

    #[test]
    fn a_second_invite_before_the_first_is_answered_gets_500_with_a_time_to_wait() {
        let mut turns = Turns::default();
        turns.begin(Turn::Theirs, &Method::Invite, true).unwrap();

        let clash = turns.begin(Turn::Theirs, &Method::Invite, true).unwrap_err();
        assert_eq!(clash.status(), 500);
        assert!((0..1000).all(|random| clash.retry_after(random).is_some_and(|seconds| seconds <= 10)));
        assert_eq!(turns.begin(Turn::Ours, &Method::Invite, true), Err(Clash::Pending), "nor may we invite meanwhile");
        turns.answered();
        turns.finish(&Method::Invite, 200);
        assert_eq!(turns, Turns::default());
    }

    #[test]
    fn updates_without_an_offer_pass_beside_an_invite() {
        let mut turns = Turns::default();
        turns.begin(Turn::Ours, &Method::Invite, true).unwrap();
        assert_eq!(turns.begin(Turn::Theirs, &Method::Update, true), Err(Clash::Pending));
        assert_eq!(turns.begin(Turn::Theirs, &Method::Update, false), Ok(()), "a session refresh");
        assert_eq!(turns.begin(Turn::Theirs, &Method::Update, false), Err(Clash::Unanswered));
        assert_eq!(turns.begin(Turn::Theirs, &Method::Info, false), Ok(()));
        turns.finish(&Method::Update, 500);
        assert_eq!(turns.open_offer(), Some(Turn::Ours), "the INVITE's offer has nothing to do with it");
    }

    #[test]
    fn after_early_answer_both_may_update_while_the_invite_goes_on() {
        let mut turns = Turns::default();
        turns.begin(Turn::Ours, &Method::Invite, true).unwrap();
        assert!(!turns.may_update());
        turns.answered();
        assert!(turns.may_update() && !turns.may_invite());
        turns.begin(Turn::Theirs, &Method::Update, true).unwrap();
        assert!(!turns.may_update());
        turns.finish(&Method::Update, 488);
        assert!(turns.may_update());
    }

    #[test]
    fn an_offer_in_the_2xx_is_open_until_the_ack_answers_it() {
        let mut turns = Turns::default();
        turns.begin(Turn::Theirs, &Method::Invite, false).unwrap();
        turns.offered(Turn::Ours);
        turns.finish(&Method::Invite, 200);

        assert_eq!(turns.open_offer(), Some(Turn::Ours));
        assert_eq!(turns.begin(Turn::Theirs, &Method::Invite, true), Err(Clash::Pending));
        turns.answered();
        assert!(turns.may_invite());
    }

    #[test]
    fn the_two_sides_never_wait_equally_long() {
        let waits = |owns| (0..1000).map(move |random| glare_wait(owns, random));
        assert!(waits(true).all(|wait| (2100..=4000).contains(&wait.as_millis())));
        assert!(waits(false).all(|wait| wait.as_millis() <= 2000));
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[derive(Clone, Copy, Debug)]
    enum News {
        Try,
        Invite,
        Final(u16),
    }

    proptest! {
        /// As long as a message and its answer take less than the 100 ms between the two spans of waiting.
        #[test]
        fn after_one_glare_both_sides_get_their_invite_through(
            latency in 0..49_u32,
            ahead in 0..100_u32,
            randoms in proptest::collection::vec(any::<u64>(), 2..10),
        ) {
            let mut sides = [Turns::default(); 2];
            let (mut done, mut glares) = ([false; 2], [0; 2]);
            let mut randoms = randoms.into_iter().cycle();
            // Side 0 owns the Call-ID.
            let mut queue = vec![(Duration::ZERO, 0, News::Try), (ahead * MILLISECOND, 1, News::Try)];
            while let Some(next) = queue.iter().enumerate().min_by_key(|(_, (at, ..))| *at).map(|(next, _)| next) {
                let (now, side, news) = queue.swap_remove(next);
                let turns = &mut sides[side];
                match news {
                    News::Try if turns.begin(Turn::Ours, &Method::Invite, true).is_ok() => {
                        queue.push((now + latency * MILLISECOND, 1 - side, News::Invite));
                    }
                    News::Try => queue.push((now + MILLISECOND, side, News::Try)),
                    News::Invite => {
                        let status = match turns.begin(Turn::Theirs, &Method::Invite, true) {
                            Err(clash) => clash.status(),
                            Ok(()) => {
                                turns.answered();
                                turns.finish(&Method::Invite, 200);
                                200
                            }
                        };
                        queue.push((now + latency * MILLISECOND, 1 - side, News::Final(status)));
                    }
                    News::Final(200) => {
                        turns.answered();
                        turns.finish(&Method::Invite, 200);
                        done[side] = true;
                    }
                    News::Final(status) => {
                        prop_assert_eq!(status, 491);
                        turns.finish(&Method::Invite, status);
                        glares[side] += 1;
                        prop_assert!(glares[side] <= 1, "they meet once at most");
                        queue.push((now + glare_wait(side == 0, randoms.next().unwrap()), side, News::Try));
                    }
                }
            }
            prop_assert_eq!(done, [true; 2]);
            prop_assert_eq!(sides, [Turns::default(); 2]);
        }
    }
}
