//! What a refusal means in words, and which of several is the one that is told.

use crate::call::event::NotFound;
use crate::call::verb::Status;

/// How a target was lost: in words, and as a status of SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Verdict {
    pub status: Status,
    pub sip: u16,
}

impl Verdict {
    /// It rang in vain.
    pub const NO_ANSWER: Self = Self { status: Status::NoAnswer, sip: 480 };
    /// Nobody could say in time where it is.
    pub const NOT_FOUND: Self = Self { status: Status::Unreachable, sip: 408 };
    /// Somebody took it and did not say yes.
    pub const SCREENED: Self = Self { status: Status::Screened, sip: 603 };
    /// The call has as many legs as it may have.
    pub const NO_ROOM: Self = Self { status: Status::Unreachable, sip: 503 };
    /// It was sent on too often.
    pub const TOO_FAR: Self = Self { status: Status::Unreachable, sip: 482 };

    /// The meaning of a final response that is no answer.
    pub fn of_sip(sip: u16) -> Self {
        let status = match sip {
            486 | 600 => Status::Busy,
            408 | 480 | 487 => Status::NoAnswer,
            401 | 403 | 407 | 433 | 488 | 603 | 606..=608 => Status::Rejected,
            _ => Status::Unreachable,
        };
        Self { status, sip }
    }

    /// Why there is no way to it.
    pub fn of_nowhere(why: &NotFound) -> Self {
        match why {
            NotFound::Forbidden(_) => Self { status: Status::Forbidden, sip: 403 },
            NotFound::Unknown | NotFound::Service(_) => Self { status: Status::Unreachable, sip: 404 },
            NotFound::Unreachable => Self { status: Status::Unreachable, sip: 480 },
            NotFound::Busy => Self { status: Status::Busy, sip: 486 },
        }
    }

    /// The one of both that says more of the callees: what a person did before what a phone or the network says. Of equals
    /// the later one.
    pub fn better(self, later: Self) -> Self {
        if later.rank() >= self.rank() { later } else { self }
    }

    fn rank(self) -> u8 {
        match self.status {
            Status::Rejected | Status::Screened => 4,
            Status::Busy => 3,
            Status::NoAnswer => 2,
            Status::Unreachable => 1,
            _ => 0,
        }
    }
}

/// Whether another way to the same callee may do better: this one is broken, or said nothing.
pub(crate) fn tries_another_way(sip: u16) -> bool {
    sip == 408 || (500..600).contains(&sip)
}

/// Whether the callee has spoken for all phones that it has.
pub(crate) fn speaks_for_all(sip: u16) -> bool {
    (600..700).contains(&sip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(of: &[u16]) -> Verdict {
        of.iter().map(|&sip| Verdict::of_sip(sip)).reduce(Verdict::better).expect("some")
    }

    #[test]
    fn what_a_person_did_is_told_before_what_the_network_says() {
        assert_eq!(best(&[486, 408, 503]).status, Status::Busy);
        assert_eq!(best(&[503, 480, 404]), Verdict { status: Status::NoAnswer, sip: 480 });
        assert_eq!(best(&[603, 486]).status, Status::Rejected);
        assert_eq!(best(&[404, 503]), Verdict { status: Status::Unreachable, sip: 503 });
    }

    #[test]
    fn what_routing_forbids_is_told_only_where_nobody_could_be_asked() {
        let forbidden = Verdict::of_nowhere(&NotFound::Forbidden("no route".into()));
        assert_eq!(forbidden.better(Verdict::of_sip(503)).status, Status::Unreachable);
        assert_eq!(forbidden.status, Status::Forbidden);
    }
}
