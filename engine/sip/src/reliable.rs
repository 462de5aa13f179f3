//! Provisional responses that must arrive (RFC 3262): RSeq, RAck and PRACK on both sides.
//!
//! ```text
//! called    Reliable::send ──1xx with RSeq──▶ repeated after T1, 2 T1, 4 T1 … ──PRACK──▶ done
//!                                                       └──64 × T1──▶ GiveUp: refuse the INVITE
//! calling   Received::hear ──▶ Acknowledge: PRACK with RAck │ Duplicate, OutOfOrder: nothing
//! ```
//!
//! Neither side writes or sends messages: the owner keeps the bytes of the response and sends them again when told.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::message::scan::{number, trim};
use crate::message::{Fault, Method, Name, Request, Response};

/// The extension's name in Supported and Require.
pub const OPTION: &str = "100rel";

/// Where numbers start at the latest, so that they never wrap (RFC 3262 §3).
const LAST_START: u32 = (1 << 31) - 1;

/// How often T1 fits into the time after which an unacknowledged response ends the INVITE (§3).
const PATIENCE: u32 = 64;

/// Which response a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The number of the request that it answers.
    pub cseq: u32,
    /// The method of that request.
    pub method: Method,
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

impl FromStr for RAck {
    type Err = Fault;

    fn from_str(value: &str) -> Result<Self, Fault> {
        const BAD: Fault = Fault::bad("Bad RAck");
        let mut words = trim(value).split([' ', '\t']).filter(|word| !word.is_empty());
        let mut digits = || words.next().and_then(number).and_then(|number| u32::try_from(number).ok()).ok_or(BAD);
        let (rseq, cseq) = (digits()?, digits()?);
        let method = words.next().and_then(|method| Method::parse(method.as_bytes())).ok_or(BAD)?;
        if words.next().is_some() { Err(BAD) } else { Ok(Self { rseq, cseq, method }) }
    }
}

impl RAck {
    /// What a PRACK acknowledges; 400 when it does not say.
    pub fn of(prack: &Request) -> Result<Self, Fault> {
        prack.get(Name::RAck).ok_or(Fault::bad("Missing RAck"))?.parse()
    }
}

/// The called side: one response at a time waits for its PRACK.
#[derive(Clone, Debug)]
pub struct Reliable {
    invite: u32,
    next: u32,
    t1: Duration,
    waiting: Option<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    rseq: u32,
    /// `None` once the final response is out: a late PRACK is still good, but nothing is repeated.
    repeats: Option<Repeats>,
}

#[derive(Clone, Debug)]
struct Repeats {
    interval: Duration,
    next: Instant,
    give_up: Instant,
}

/// A reliable response has to wait until the one before it is acknowledged (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reliable response before is not acknowledged yet")]
pub struct NotYet;

/// What to do about a response that nobody has acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send it again, byte by byte.
    Repeat,
    /// Nobody will acknowledge it: refuse the INVITE with a 5xx (§3).
    GiveUp,
}

impl Reliable {
    /// For the INVITE of that number. Its first RSeq is drawn from `random`.
    pub fn new(invite: u32, random: u32, t1: Duration) -> Self {
        Self { invite, next: random % LAST_START + 1, t1, waiting: None }
    }

    /// Whether the INVITE wants and whether it demands reliable responses: `Some(true)` when it demands them.
    pub fn wanted(invite: &Request) -> Option<bool> {
        match (invite.requires(OPTION), invite.supports(OPTION)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// The RSeq for a response that is sent now with `Require: 100rel`.
    pub fn send(&mut self, now: Instant) -> Result<u32, NotYet> {
        if self.waiting.is_some() {
            return Err(NotYet);
        }
        let rseq = self.next;
        self.next += 1;
        let repeats = Repeats { interval: self.t1, next: now + self.t1, give_up: now + PATIENCE * self.t1 };
        self.waiting = Some(Waiting { rseq, repeats: Some(repeats) });
        Ok(rseq)
    }

    /// A PRACK: good for the response that waits, once; 481 for everything else (§3).
    pub fn hear(&mut self, rack: &RAck) -> Result<(), Fault> {
        let meant = self.waiting.as_ref().is_some_and(|waiting| waiting.rseq == rack.rseq);
        if !meant || rack.cseq != self.invite || rack.method != Method::Invite {
            return Err(Fault::new(481, "No Such Response"));
        }
        self.waiting = None;
        Ok(())
    }

    /// The final response is out: nothing is repeated any more.
    pub fn finish(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.repeats = None;
        }
    }

    /// Whether a response waits for its PRACK. A 2xx may not go out while that one carries an offer (§3).
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// When to call [`expire`](Self::expire).
    pub fn deadline(&self) -> Option<Instant> {
        let repeats = self.waiting.as_ref()?.repeats.as_ref()?;
        Some(repeats.next.min(repeats.give_up))
    }

    /// What is due by now.
    pub fn expire(&mut self, now: Instant) -> Option<Due> {
        let repeats = self.waiting.as_mut()?.repeats.as_mut()?;
        if now >= repeats.give_up {
            self.waiting = None;
            return Some(Due::GiveUp);
        }
        if now < repeats.next {
            return None;
        }
        // §3: without the ceiling of T2 that other responses have.
        repeats.interval *= 2;
        repeats.next = now + repeats.interval;
        Some(Due::Repeat)
    }
}

/// The calling side of one early dialog: which reliable responses it has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    last: Option<u32>,
}

/// What to do about a provisional response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is an ordinary one.
    NotReliable,
    /// It is new and the next in order: use it and send a PRACK with this RAck.
    Acknowledge(RAck),
    /// It was here before; its PRACK is on the way.
    Duplicate,
    /// One before it is missing: neither use nor acknowledge it, it will be repeated (§4).
    OutOfOrder,
}

impl Received {
    /// Sorts a provisional response of this early dialog.
    pub fn hear(&mut self, response: &Response) -> Result<Order, Fault> {
        let status = response.status();
        if status == 100 || !status.is_provisional() || !response.requires(OPTION) {
            return Ok(Order::NotReliable);
        }
        const BAD: Fault = Fault::bad("Bad RSeq");
        let rseq = response.get(Name::RSeq).and_then(number).ok_or(BAD)?;
        let rseq = u32::try_from(rseq).ok().filter(|&rseq| rseq > 0).ok_or(BAD)?;
        match self.last {
            Some(last) if rseq <= last => return Ok(Order::Duplicate),
            Some(last) if rseq != last + 1 => return Ok(Order::OutOfOrder),
            // The first one sets the start.
            _ => self.last = Some(rseq),
        }
        let cseq = response.cseq()?;
        Ok(Order::Acknowledge(RAck { rseq, cseq: cseq.number, method: cseq.method }))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
mod tests {
    use super::*;
    use crate::message::Message;
    use proptest::prelude::*;

    const T1: Duration = Duration::from_millis(500);

    fn rack(rseq: u32, cseq: u32) -> RAck {
        RAck { rseq, cseq, method: Method::Invite }
    }

    fn ringing(headers: &str) -> Response {
        let text = format!(
            "SIP/2.0 183 X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 314 INVITE\r\n{headers}\r\n"
        );
        let Message::Response(response) = Message::parse(text.into()).unwrap() else { panic!("a response") };
        response
    }

    #[test]
    fn a_response_is_repeated_at_doubling_intervals_until_64_t1_have_passed() {
        let start = Instant::now();
        let mut reliable = Reliable::new(1, 41, T1);
        assert_eq!(reliable.send(start), Ok(42));
        let mut repeats = Vec::new();
        let end = loop {
            let now = reliable.deadline().unwrap();
            match reliable.expire(now).unwrap() {
                Due::Repeat => repeats.push((now - start).as_millis()),
                Due::GiveUp => break now,
            }
        };
        assert_eq!(repeats, [500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(end - start, 64 * T1);
        assert_eq!(reliable.deadline(), None);
    }

    #[test]
    fn a_prack_stops_the_repeating_and_is_good_once() {
        let start = Instant::now();
        let mut reliable = Reliable::new(7, 0, T1);
        let rseq = reliable.send(start).unwrap();
        assert_eq!(reliable.expire(start + T1 / 2), None);

        assert_eq!(reliable.hear(&rack(rseq, 7)), Ok(()));
        assert_eq!((reliable.deadline(), reliable.is_waiting()), (None, false));
        assert_eq!(reliable.hear(&rack(rseq, 7)).map_err(Fault::status), Err(481));
    }

    #[test]
    fn a_prack_for_another_response_or_request_gets_481() {
        let mut reliable = Reliable::new(7, 0, T1);
        let rseq = reliable.send(Instant::now()).unwrap();
        let other = RAck { method: Method::Update, ..rack(rseq, 7) };
        for wrong in [rack(rseq + 1, 7), rack(rseq, 8), other] {
            assert_eq!(reliable.hear(&wrong).map_err(Fault::status), Err(481), "{wrong}");
        }
        assert!(reliable.is_waiting());
    }

    #[test]
    fn the_second_response_waits_for_the_prack_of_the_first_and_counts_one_up() {
        let now = Instant::now();
        let mut reliable = Reliable::new(7, u32::MAX, T1);
        let first = reliable.send(now).unwrap();
        assert_eq!(reliable.send(now), Err(NotYet));
        reliable.hear(&rack(first, 7)).unwrap();
        assert_eq!(reliable.send(now), Ok(first + 1));
    }

    #[test]
    fn after_the_final_response_nothing_is_repeated_but_a_late_prack_is_still_good() {
        let now = Instant::now();
        let mut reliable = Reliable::new(7, 0, T1);
        let rseq = reliable.send(now).unwrap();
        reliable.finish();
        assert_eq!((reliable.deadline(), reliable.expire(now + 100 * T1)), (None, None));
        assert_eq!(reliable.hear(&rack(rseq, 7)), Ok(()));
    }

    #[test]
    fn the_caller_acknowledges_each_once_and_in_order() {
        let mut received = Received::default();
        let mut hear = |rseq: u32| received.hear(&ringing(&format!("Require: 100rel\r\nRSeq: {rseq}\r\n"))).unwrap();

        assert_eq!(hear(988_789), Order::Acknowledge(rack(988_789, 314)));
        assert_eq!(hear(988_789), Order::Duplicate);
        assert_eq!(hear(988_791), Order::OutOfOrder);
        assert_eq!(hear(988_790), Order::Acknowledge(rack(988_790, 314)));
        assert_eq!(hear(988_791), Order::Acknowledge(rack(988_791, 314)));
        assert_eq!(hear(5), Order::Duplicate);
    }

    #[test]
    fn ordinary_responses_are_not_acknowledged_and_broken_numbers_are_faults() {
        let mut received = Received::default();
        assert_eq!(received.hear(&ringing("RSeq: 5\r\n")), Ok(Order::NotReliable), "no Require");
        for wrong in ["", "RSeq: 0\r\n", "RSeq: 4294967296\r\n", "RSeq: x\r\n"] {
            let response = ringing(&format!("Require: 100rel\r\n{wrong}"));
            assert_eq!(received.hear(&response).map_err(Fault::status), Err(400), "{wrong}");
        }
        assert_eq!(received, Received::default());
    }

    #[test]
    fn racks_are_read_as_they_are_written() {
        assert_eq!("776656 1 INVITE".parse(), Ok(rack(776_656, 1)));
        assert_eq!("  776656\t 1  INVITE ".parse(), Ok(rack(776_656, 1)));
        for wrong in ["", "1", "1 2", "1 2 INVITE x", "-1 2 INVITE", "1 2 IN@VITE", "99999999999 1 INVITE"] {
            assert_eq!(wrong.parse::<RAck>().map_err(Fault::status), Err(400), "{wrong}");
        }
    }

    #[test]
    fn an_invite_tells_whether_it_wants_or_demands_reliable_responses() {
        for (headers, wanted) in
            [("", None), ("Supported: timer, 100rel\r\n", Some(false)), ("Require: 100REL\r\n", Some(true))]
        {
            let text = format!("INVITE sip:b@b SIP/2.0\r\n{headers}\r\n");
            let Message::Request(invite) = Message::parse(text.into()).unwrap() else { panic!("a request") };
            assert_eq!(Reliable::wanted(&invite), wanted, "{headers}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_lost_or_overtaken_the_caller_uses_each_response_once_and_in_order(
            start in any::<u32>(),
            arrivals in proptest::collection::vec(0..6_u32, 0..60),
        ) {
            let mut reliable = Reliable::new(314, start, T1);
            let now = Instant::now();
            let first = reliable.send(now).unwrap();
            let mut received = Received::default();
            let mut used = Vec::new();
            // The first response sets the start, so it is the one that arrives first.
            for offset in std::iter::once(0).chain(arrivals) {
                let rseq = first + offset;
                let heard = received.hear(&ringing(&format!("Require: 100rel\r\nRSeq: {rseq}\r\n"))).unwrap();
                if let Order::Acknowledge(rack) = heard {
                    prop_assert_eq!(rack.to_string().parse::<RAck>().unwrap(), rack.clone());
                    prop_assert_eq!(reliable.hear(&rack), Ok(()));
                    used.push(rseq);
                    prop_assert_eq!(reliable.send(now), Ok(rseq + 1));
                }
            }
            let expected: Vec<_> = (first..).take(used.len()).collect();
            prop_assert_eq!(used, expected);
        }
    }
}
