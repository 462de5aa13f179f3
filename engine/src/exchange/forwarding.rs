//! Calls that are sent on: a target that says whose rule it is, and what journals say of it.

use crate::call::LegId;
use crate::call::effect::FORWARD;
use crate::journal::{Forwarded, LegNumber};
use crate::routing::Because;

/// What `forward:alice:busy:102` says; without a reason she always forwards.
pub(super) struct Forwarding<'a> {
    pub owner: &'a str,
    pub because: Because,
    pub target: &'a str,
}

impl<'a> Forwarding<'a> {
    pub fn of(address: &'a str) -> Option<Self> {
        let (owner, rest) = address.strip_prefix(FORWARD)?.split_once(':')?;
        let reason = rest.split_once(':').and_then(|(word, target)| Some((Because::named(word)?, target)));
        let (because, target) = reason.unwrap_or((Because::Always, rest));
        Some(Self { owner, because, target })
    }
}

/// Who sent the call on to a target: that leg's phone, or the endpoint that it names.
pub(super) fn forwarded(by: Option<LegId>, address: &str) -> Forwarded {
    let said = Forwarding::of(address).filter(|_| by.is_none());
    Forwarded {
        by: said.as_ref().map(|said| said.owner.into()),
        leg: by.map(LegNumber::from),
        because: said.map_or("redirect", |said| said.because.word()).into(),
    }
}
