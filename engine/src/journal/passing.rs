//! Parties that were passed on, and calls that were sent on: what a journal and a record say of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{entry::LegNumber, facts::shorten, outcome::words, stamps};
use crate::call::effect::{Passed, Passer};

words! {
    /// Who passed a party on.
    PassedBy {
        /// Whom it talked with.
        Partner "partner",
        /// The same, having talked with the target before.
        Attending "attending",
        /// The service that hears the call.
        Script "script",
        /// Somebody outside: an operator.
        Operator "operator",
        /// Nobody: the target took the place itself.
        Target "target",
    }
}

/// A transfer, done or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOn {
    /// When it came to its end; in an entry nothing, which has its own time.
    #[serde(default, with = "stamps::micros", rename = "at_us", skip_serializing_if = "Duration::is_zero")]
    pub at: Duration,
    /// Who was passed on.
    pub leg: LegNumber,
    /// Whom it talked with before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LegNumber>,
    /// Whom it talks with now; itself where that is a service, none where that is in another call, or nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LegNumber>,
    /// The service that it talks with now, where that is one; in an entry nothing, behind which the service stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Box<str>>,
    /// Who wanted it.
    pub by: PassedBy,
    /// What came of it, as a status of SIP.
    pub sip: u16,
}

impl PassedOn {
    /// The leg that it talks with now, where that is one.
    pub fn partner(&self) -> Option<LegNumber> {
        self.to.filter(|to| *to != self.leg)
    }

    /// Whether a service has taken whoever was passed on.
    pub fn is_served(&self) -> bool {
        self.is_done() && self.to == Some(self.leg)
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.service.as_ref().map_or(0, |service| service.len())
    }

    /// Whether it came about.
    pub fn is_done(&self) -> bool {
        self.sip < 300
    }
}

impl From<Passed> for PassedOn {
    fn from(passed: Passed) -> Self {
        let by = match passed.by {
            Passer::Partner => PassedBy::Partner,
            Passer::Attending => PassedBy::Attending,
            Passer::Program => PassedBy::Script,
            Passer::Operator => PassedBy::Operator,
            Passer::Target => PassedBy::Target,
        };
        let Passed { leg, from, to, sip, .. } = passed;
        let (leg, from, to) = (leg.into(), from.map(LegNumber::from), to.map(LegNumber::from));
        Self { at: Duration::ZERO, leg, from, to, service: None, by, sip }
    }
}

/// Who sent a call on, so that a leg was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The endpoint whose rule it is; nothing where a phone said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Box<str>>,
    /// The leg whose phone said so (3xx).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegNumber>,
    /// When it does: `always`, `busy`, `no_answer`, `unreachable`, or `redirect`.
    pub because: Box<str>,
}

impl Forwarded {
    pub(super) fn shorten(&mut self) {
        self.by.iter_mut().for_each(shorten);
        shorten(&mut self.because);
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.by.as_ref().map_or(0, |by| by.len()) + self.because.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{By, Cause, Facts, GOES_ON, What, sentence, testing::*};

    #[test]
    fn the_service_that_a_party_is_passed_on_to_is_named() {
        let (from, to) = (Some(BOB), Some(ALICE));
        let passed =
            PassedOn { at: Duration::ZERO, leg: ALICE, from, to, service: None, by: PassedBy::Operator, sip: 200 };
        let goes_on = Facts::NONE.with("service", "voicemail");
        let mut tale = good_call();
        tale.truncate(7);
        tale.extend([
            (47, What::Passed(Box::new(passed))),
            (47, What::Heard { leg: None, event: GOES_ON.into(), facts: goes_on }),
            (47, What::Unbridged(ALICE)),
            (47, over(BOB, Cause::normal(By::System))),
            (60, over(ALICE, Cause::normal(By::Caller))),
        ]);
        let record = told(tale, 60, None).record.expect("a record");
        let said = sentence(&record);
        assert!(said.ends_with("an operator transferred Alice to service voicemail; Alice hung up."), "{said}");
        assert_eq!((record.heard_by(), record.service.as_deref()), (Some("voicemail"), Some("ring")));
    }
}
