//! Whose call an INVITE is: a trunk's by its address, an endpoint's by its password or by whoever vouches for its connection, a
//! guest's, a stranger's.
//!
//! Who is vouched for is asked for nothing and believed nothing else. Where a call of theirs leads is the plan's to say.

use std::sync::Arc;

use patchcord_sip::message::Request;
use patchcord_sip::uri::Uri;

use super::Exchange;
use super::ends::Whose;
use crate::door::{Moment, Refusal};
use crate::routing::{Caller, Decision, Guest, Verdict, Voucher};
use crate::switchboard::Proof;

/// As whom a guest calls the numbers that it was given: as a browser that no endpoint is tied to.
pub(super) const GUEST: Caller<'_> = Caller::Browser("guest");

impl Exchange {
    /// Who sends an INVITE, and where the plan leads them.
    pub(super) fn whose_call(
        &self,
        request: &Request,
        moment: &Moment,
        called: &str,
        decide: impl for<'a> Fn(Caller<'a>) -> Decision,
    ) -> Result<(Whose, Decision), Refusal> {
        let peer = moment.hop.peer.ip().to_canonical();
        let from = request.from()?.uri;
        if let Some(Voucher::Guest(guest)) = &moment.vouched {
            self.may_call(guest, called, moment)?;
            return Ok((Whose::Guest(guest.clone(), peer), decide(GUEST)));
        }
        let proven = |whose: Whose| {
            let decision = decide(whose.caller_over(moment.hop.transport));
            (whose, decision)
        };
        if moment.vouched.is_some() {
            return self.prove(request, &from, moment).map(proven);
        }
        if let Some(trunk) = self.board.plan().trunk_at(moment.hop.peer) {
            return Ok(proven(Whose::Trunk(trunk.clone())));
        }
        let stranger = decide(Caller::Stranger(peer));
        if self.says_it_is_ours(&from) || matches!(stranger.verdict, Verdict::Refused(_)) {
            return self.prove(request, &from, moment).map(proven);
        }
        Ok((Whose::Stranger(peer), stranger))
    }

    /// Whether a guest was given that number.
    fn may_call(&self, guest: &Arc<Guest>, called: &str, moment: &Moment) -> Result<(), Refusal> {
        guest.may_call(called, moment.wall).map_err(|not| Refusal::new(403, not.to_string()))
    }

    /// Whether whoever sends this says that it is one of ours: it is then no stranger, and proves it.
    fn says_it_is_ours(&self, from: &Uri<'_>) -> bool {
        let at_home = |domain: &str| from.host().is_some_and(|host| host.eq_ignore_ascii_case(domain));
        let known = |user: &str| self.board.directory.reached_by(user).is_some();
        self.board.domain().is_some_and(at_home) || from.user_text().is_some_and(|user| known(&user))
    }

    /// The endpoint that sends this, by its password.
    pub(super) fn prove(&self, request: &Request, from: &Uri<'_>, moment: &Moment) -> Result<Whose, Refusal> {
        let board = &self.board;
        match &moment.vouched {
            Some(Voucher::Endpoint(user)) => {
                let endpoint = board.directory.find(user);
                return endpoint.map(Whose::Endpoint).ok_or_else(|| Refusal::new(403, "The Endpoint Is Gone"));
            }
            Some(Voucher::Guest(_)) => return Err(Refusal::new(403, "Guests Take No Calls Over")),
            None => {}
        }
        match board.prove(request, board.realm(from), moment.now)? {
            Proof::Of(endpoint) => Ok(Whose::Endpoint(endpoint)),
            Proof::Missing { stale } => {
                Err(Refusal::challenged(board.challenges(from, stale, moment.random, moment.now)))
            }
            Proof::Wrong => {
                board.note_wrong(from, moment);
                Err(Refusal::new(403, "Wrong User Name Or Password"))
            }
        }
    }
}
