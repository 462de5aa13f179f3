//! An INVITE outside any dialog: who sends it, whether they may, where it leads, and the talk that it becomes.
//!
//! ```text
//! fits? ─▶ whose: a trunk by its address, an endpoint by its password, a stranger ─▶ route ─▶ room? ─▶ Talk
//! ```
//!
//! Whoever has proved nothing gets refusals that are forgotten at once, so nobody can have an answer repeated to somebody
//! else; and everybody whom no route serves as a stranger is asked for a password first, so nobody learns which names there
//! are.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Fault, Name, NameAddr, Request};
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::{JOIN, joined};
use patchcord_sip::uri::{Scheme, Uri};

use super::chronicle::{Chronicle, HeardBy};
use super::ends::{End, Way, Whose};
use super::meeting::contact_of;
use super::outgoing::{Party, terms};
use super::passing::PASS;
use super::refusing::Refused;
use super::ringing::{Forwards, Ringing};
use super::services;
use super::talk::Talk;
use super::{Exchange, Leash, MAX_CALLS, Number, Served};
use crate::call::{self, Call, LegId};
use crate::door::{Moment, Refusal, is_emergency};
use crate::journal::Way as Sender;
use crate::line::{Line, Unfit};
use crate::program::Program;
use crate::routing::{Ask, Caller, Decision, Full, Ticket, Trunk, Verdict};
use crate::routing::{Claim, Person, Voucher, believe, forwarded_before, heard};
use crate::runtime::Wire;

/// When somebody may come back whom this shard has no room for.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What somebody hears whom this shard has no room for.
const NO_ROOM: &str = "No Room For Calls";

/// What a party hears that is put on hold: the prompt of that name.
pub(super) const HELD: &str = "music";

/// Hops that a call of ours has left where the caller says nothing of it (RFC 3261 §8.1.1.6).
pub(super) const USUAL_HOPS: u8 = 70;

/// The service whose calls are conferences.
const CONFERENCE: &str = "conference";

/// Who calls, what answers, and the room it takes.
struct Admitted {
    party: Party,
    whose: Whose,
    program: Box<dyn Program>,
    /// What answers, by name, and why that.
    heard_by: HeardBy,
    /// What it may do.
    leash: Option<Arc<Leash>>,
    /// The room that the call takes, as long as its story goes on.
    tickets: Vec<Ticket>,
    /// The room that the party takes, as long as it is there.
    own: Option<Ticket>,
}

impl Exchange {
    /// See the module.
    pub(super) fn invited(&mut self, id: ServerId, request: &Request, hop: &Hop, wire: &mut Wire<'_>) {
        let moment = Moment::of(hop, wire);
        let reply = |status| Draft::reply(request, hop.peer, status);
        let mut known = None;
        match self.admit(request, &moment, &mut known) {
            Ok(admitted) => {
                if let Err(unfit) = self.begin(id, request, hop, admitted, wire) {
                    let status = unfit.status();
                    self.board.tally.refused.count(status);
                    tracing::debug!(status, why = %unfit, "a call was refused");
                    let answer = unfit.write(reply(status));
                    // Who is told of a longer timer, or of a crossing, comes again at once.
                    if let Some(known) = known.filter(|_| ![422, 491].contains(&status)) {
                        let known = Refused { is_unfit: status < 500, ..known };
                        self.keep_refusal((request, hop), known, (status, &unfit.to_string(), answer.clone()), wire);
                    }
                    wire.refuse(id, answer);
                }
            }
            Err(refusal) => {
                if refusal.status() != 401 {
                    self.board.tally.refused.count(refusal.status());
                    tracing::debug!(status = refusal.status(), why = refusal.phrase(), "a call was refused");
                }
                let answer = refusal.write(reply(refusal.status()));
                match known.filter(|_| refusal.status() != 401) {
                    Some(known) => {
                        let answered = (refusal.status(), refusal.phrase(), answer.clone());
                        self.keep_refusal((request, hop), known, answered, wire);
                    }
                    // Nobody has asked yet who it is.
                    None if refusal.phrase() == NO_ROOM => self.board.calls_tally.unkept.note(wire.wall()),
                    None => {}
                }
                wire.refuse(id, answer);
            }
        }
    }

    /// Who calls, and what answers. Who it is stays `known` also when nothing does.
    fn admit(&self, request: &Request, moment: &Moment, known: &mut Option<Refused>) -> Result<Admitted, Refusal> {
        self.door.fits_call(request, moment)?;
        if self.talks.len() >= MAX_CALLS || self.board.clerk.is_full() {
            return Err(Refusal::unavailable(NO_ROOM, RETRY_AFTER));
        }
        let plan = self.board.plan();
        if request.has(Name::Replaces) || request.has(Name::of(JOIN)) {
            return self.admit_in_place(request, plan.trunk_at(moment.hop.peer).cloned(), moment);
        }
        let target = request.uri()?;
        let emergency = is_emergency(&target);
        let called = if emergency { Some(SOS.to_owned()) } else { called(&target) };
        let called = called.ok_or(Refusal::not_found())?;
        let claimed = Claimed::of(request)?;
        let claim = claimed.claim();
        let said = heard(&claim, plan.trunk_at(moment.hop.peer).is_some()).number;
        let decide = |caller: Caller<'_>| {
            let host = target.host().filter(|_| target.scheme() != Scheme::Tel);
            let ask = Ask { caller, called: &called, host, from: Some(&*said), emergency };
            plan.decide(&ask, &self.board.directory)
        };
        if let Some(Voucher::Guest(guest)) = &moment.vouched {
            // Whom the web server vouches for is known also where it may not call that.
            let whose = Whose::Guest(guest.clone(), moment.hop.peer.ip().to_canonical());
            *known = Some(Refused::of(whose, guest.person(), None));
        }
        let (whose, decision) = self.whose_call(request, moment, &called, decide)?;
        let person = person(&whose, &claim, decision.from.as_deref(), said);
        let route = plan.rule(&decision.why);
        *known = Some(Refused::of(whose.clone(), person.clone(), route.clone()));
        if self.has_come_back(request, &decision.called) {
            return Err(Refusal::new(482, "Loop Detected"));
        }
        let Served { program, edition, leash } = self.answering(&decision)?;
        let urgent = decision.emergency;
        let service = if let Verdict::Service(name) = &decision.verdict { Some(Box::from(&**name)) } else { None };
        let full = |leash: &Leash| leash.full(service.as_deref().unwrap_or_default());
        let room = leash.as_ref().map(|leash| leash.enter(urgent).ok_or_else(|| full(leash)));
        let room = room.transpose().map_err(|limit| {
            known.iter_mut().for_each(|known| known.limit = Some(limit.clone()));
            Refusal::unavailable("The Service Is Full", RETRY_AFTER)
        })?;
        let mut met = |full: Full| {
            known.iter_mut().for_each(|known| known.full = Some(full.clone()));
            full_house(&full)
        };
        let ticket = self.board.admit_call(urgent).map_err(&mut met)?;
        let own = whose.admit(&self.board, urgent, moment.now).map_err(&mut met)?;
        let tickets = room.into_iter().chain([ticket]).collect();
        let party = Party {
            person,
            host: matches!(whose, Whose::Stranger(_)).then(|| claimed.host.clone()).flatten(),
            called: decision.called,
            hops: request.max_forwards()?.unwrap_or(USUAL_HOPS).saturating_sub(1),
            emergency: decision.emergency,
            secure: target.is_sips(),
            forwarded: match &whose {
                Whose::Trunk(_) => forwarded_before(request.list(Name::of("Diversion"))),
                // Whoever is no carrier is not believed what it says of others.
                Whose::Endpoint(_) | Whose::Stranger(_) | Whose::Guest(..) => Vec::new(),
            },
        };
        let heard_by = HeardBy { service, version: edition, route, by_house: false };
        Ok(Admitted { party, whose, program, heard_by, leash, tickets, own })
    }

    /// Whether it is an INVITE of our own that calls what the call that sent it was called by: it would go round until its hops
    /// are spent. One that comes back for somebody else has been forwarded, and may.
    fn has_come_back(&self, request: &Request, called: &str) -> bool {
        let tag = request.from().ok().and_then(|from| from.tag());
        let sender = tag.and_then(|tag| self.names.dialog(tag));
        sender.and_then(|(number, _)| self.talks.get(&number)).is_some_and(|talk| *talk.party.called == *called)
    }

    /// Who takes the place of another phone needs no route: the call that it names is there, and whoever may know its name has
    /// proved who they are.
    fn admit_in_place(
        &self,
        request: &Request,
        trunk: Option<Arc<Trunk>>,
        moment: &Moment,
    ) -> Result<Admitted, Refusal> {
        let pass = request.get(Name::of(PASS)).and_then(|word| self.board.passes.take(word, moment.now));
        let trunk = trunk.filter(|_| moment.vouched.is_none());
        let pass = pass.map(|holder| Whose::of_holder(&holder, &self.board));
        let whose = match pass.or(trunk.map(|trunk| Some(Whose::Trunk(trunk)))) {
            Some(whose) => whose.ok_or(Refusal::new(481, "Who Transfers Is Gone"))?,
            None => self.prove(request, &request.from()?.uri, moment)?,
        };
        let own = whose.admit(&self.board, false, moment.now).map_err(|full| full_house(&full))?;
        let person = heard(&Claimed::of(request)?.claim(), false);
        let party = Party {
            person,
            host: None,
            called: Box::default(),
            hops: USUAL_HOPS,
            emergency: false,
            secure: false,
            forwarded: Vec::new(),
        };
        let program = Box::new(services::Sorry::because("it takes a place, and has no story"));
        let tickets = Vec::new();
        Ok(Admitted { party, whose, program, heard_by: HeardBy::default(), leash: None, tickets, own })
    }

    /// What answers a call that the plan has decided on.
    fn answering(&self, decision: &Decision) -> Result<Served, Refusal> {
        match &decision.verdict {
            Verdict::Service(name) => {
                self.services.find(name).ok_or_else(|| Refusal::new(480, format!("Service {name} Is Not Here")))
            }
            Verdict::Ring(users) => Ok(rust(self.ringing(users))),
            Verdict::Trunks(_) => Ok(rust(Ringing::out(&decision.called))),
            Verdict::Refused(denial) => Err(Refusal::new(denial.status(), denial.phrase())),
        }
    }

    /// What rings these; a single one forwards as it is told to.
    fn ringing(&self, users: &[Arc<str>]) -> Ringing {
        let forwards = match users {
            [user] => Forwards::from(user, &self.board.plan(), &self.board.directory),
            _ => Forwards::default(),
        };
        Ringing::new(users, forwards)
    }

    fn begin(
        &mut self,
        id: ServerId,
        request: &Request,
        hop: &Hop,
        admitted: Admitted,
        wire: &mut Wire<'_>,
    ) -> Result<(), Unfit> {
        let Admitted { party, whose, program, heard_by, leash, tickets, own } = admitted;
        let tag = wire.tag();
        let joined = joined(request)?.map(|joins| self.may_replace(&joins, &whose)).transpose()?;
        let room = joined.map(|(number, of)| self.meeting(number, of));
        // RFC 4579 §5: whoever calls a conference is told that it has called one, and where it is.
        let is_conference = heard_by.service.as_deref() == Some(CONFERENCE);
        let focus = room.as_deref().or(is_conference.then_some(&*party.called));
        let contact: Arc<str> = contact_of(focus, wire.contact_on(hop), hop.transport).into();
        let line = Line::called(request, id, hop, &tag, contact, terms(&whose))?;
        let replaced = line.replaces().map(|replaces| self.may_replace(replaces, &whose)).transpose()?;
        let mut end = End::new(LegId::FIRST, line, &tag, wire.sound_on(hop), whose, Way::Along(*hop));
        end.tickets.extend(own);
        if let Some((number, of)) = replaced {
            end.tickets.extend(tickets);
            self.with(number, wire, |talk, turn| talk.take_place(end, id, of, turn));
            return Ok(());
        }
        if let (Some((number, of)), Some(room)) = (joined, room) {
            end.tickets.extend(tickets);
            self.with(number, wire, |talk, turn| talk.join_in(end, id, (of, room), turn));
            return Ok(());
        }
        let number = Number(self.next);
        self.next += 1;
        self.names.enter(number, &end);
        self.names.enter_invite(number, &mut end, id);
        let chronicle = Chronicle::begin(&party, heard_by, wire);
        let caller = call::Caller {
            call: number.0,
            origin: call::Origin::Called,
            music: Some(HELD.to_owned()),
            announce: self.board.recording().announce.clone(),
            transfers: true,
            bounds: self.board.bounds(),
        };
        let call = Call::begin(caller, wire.now());
        let talk = Talk::new((number, call), (program, leash), (party, tickets), chronicle, wire.now());
        let talk = Talk { ends: vec![end], ..talk };
        self.board.calls_tally.begun.fetch_add(1, Relaxed);
        self.talks.insert(number, Box::new(talk));
        self.with(number, wire, |talk, turn| talk.log_message(LegId::FIRST, Sender::Theirs, request.bytes(), turn));
        Ok(())
    }
}

/// What an INVITE says of who sends it.
pub(super) struct Claimed {
    host: Option<Box<str>>,
    from: Option<String>,
    name: String,
    asserted: Option<String>,
    remote_party: Option<String>,
    privacy: Option<String>,
}

impl Claimed {
    pub(super) fn of(request: &Request) -> Result<Self, Fault> {
        let from = request.from()?;
        let user = |name: &'static str| {
            let value = request.get(Name::of(name))?;
            let address = NameAddr::parse(first_of(value)).ok()?;
            address.uri.user_text().map(|user| user.into_owned())
        };
        Ok(Self {
            host: from.uri.host().map(Into::into),
            from: from.uri.user_text().map(|user| user.into_owned()),
            name: from.display().into_owned(),
            asserted: user("P-Asserted-Identity").or_else(|| user("P-Preferred-Identity")),
            remote_party: user("Remote-Party-ID"),
            privacy: request.get(Name::of("Privacy")).map(str::to_owned),
        })
    }

    pub(super) fn claim(&self) -> Claim<'_> {
        Claim {
            from: self.from.as_deref(),
            name: Some(&*self.name).filter(|name| !name.is_empty()),
            asserted: self.asserted.as_deref(),
            remote_party: self.remote_party.as_deref(),
            privacy: self.privacy.as_deref(),
        }
    }
}

/// The first of the addresses in a line: up to a comma outside quotes and angle brackets. Carriers write two identities
/// into one line.
fn first_of(line: &str) -> &str {
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    let end = line.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => inside = true,
            b'>' if !quoted => inside = false,
            b',' => return !quoted && !inside,
            _ => {}
        }
        false
    });
    line[..end.unwrap_or(line.len())].trim()
}

fn rust(program: impl Program + 'static) -> Served {
    Served::from(Box::new(program) as Box<dyn Program>)
}

pub(super) fn full_house(full: &Full) -> Refusal {
    match full.retry_after() {
        Some(wait) => Refusal::unavailable(full.phrase(), wait),
        None => Refusal::new(full.status(), full.phrase()),
    }
}

/// Whom somebody calls who calls for help, whatever number that is here.
const SOS: &str = "sos";

/// Whom an address means: the user part without escapes, or the number of a `tel:` address.
pub(super) fn called(target: &Uri<'_>) -> Option<String> {
    match target.scheme() {
        Scheme::Tel => {
            let number = target.as_str().split_once(':')?.1;
            Some(number.split(';').next().unwrap_or_default().to_owned())
        }
        _ => target.user_text().map(|user| user.into_owned()),
    }
}

/// Who somebody is, as far as we believe it. `from` is the number as the house writes it, `said` as it was said.
pub(super) fn person(whose: &Whose, claim: &Claim<'_>, from: Option<&str>, said: Box<str>) -> Person {
    match whose {
        Whose::Endpoint(endpoint) => believe(endpoint, claim),
        Whose::Trunk(_) => Person { number: from.map_or(said, Into::into), ..heard(claim, true) },
        Whose::Stranger(_) => heard(claim, false),
        Whose::Guest(guest, _) => guest.person(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_of_a_line_ends_at_its_comma() {
        assert_eq!(first_of("<sip:1@h>, <tel:2>"), "<sip:1@h>");
        assert_eq!(first_of("\"A, \\\"B\\\", C\" <sip:1,2@h>;a=b , <tel:2>"), "\"A, \\\"B\\\", C\" <sip:1,2@h>;a=b");
        assert_eq!(first_of(""), "");
    }
}
