//! What services are asked outside of calls: over HTTP, by their schedule, by phones that register, by texts to a number.
//!
//! Each becomes a talk without ends: a call without legs, whose program answers by [`Errand::Reply`](crate::errand::Errand). Whoever asked
//! by SIP waits here with its request. A REGISTER is asked about when its password was right; a service that fails or is too slow leaves
//! nobody in.

use std::sync::Arc;
use std::time::Duration;

use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Contact, Draft, Name, Request};
use patchcord_sip::transaction::ServerId;
use serde_json::{Value, json};

use super::chronicle::Chronicle;
use super::ends::Whose;
use super::incoming::{Claimed, called, full_house, person};
use super::outgoing::Party;
use super::passing::Post;
use super::talk::Talk;
use super::texts::Writing;
use super::{Exchange, MAX_CALLS, Number, Served, Turn};
use crate::call::{self, Call, Verb};
use crate::door::{Moment, Refusal};
use crate::errand::Errand;
use crate::occasion::{Asking, Kind, NoAnswer, Occasion};
use crate::program::End;
use crate::redact::Redacted;
use crate::routing::{Ask, Caller, Endpoint, Person, Ticket, Verdict};
use crate::runtime::Wire;

/// When a phone may come back whose registration no service has judged.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// What a service is asked in a talk.
pub(super) struct Question {
    kind: Kind,
    /// Whether it has said nothing yet but yes to a phone.
    pub is_quiet: bool,
    asker: Option<Asker>,
}

/// Who waits for the answer.
enum Asker {
    Somebody(Asking),
    Phone(Box<Phone>),
}

/// Who reads a text.
enum Reader {
    Service(Arc<str>, Occasion, Vec<Ticket>),
    Phones(Writing),
}

/// A request of a phone that waits.
struct Phone {
    id: ServerId,
    request: Request,
    hop: Hop,
    /// The endpoint that registers.
    registers: Option<Arc<Endpoint>>,
}

impl Exchange {
    /// Somebody outside asks a service.
    pub(super) fn asked(&mut self, asking: Asking, wire: &mut Wire<'_>) {
        let (service, occasion) = (asking.service.clone(), asking.occasion.clone());
        self.begin_occasion(&service, occasion, Asker::Somebody(asking), Vec::new(), wire);
        self.deliver(wire);
    }

    /// A REGISTER: where the house has a service that hears of them, that one judges it.
    pub(super) fn registers(&mut self, id: ServerId, request: Request, hop: Hop, wire: &mut Wire<'_>) {
        let heard = self.front(Kind::Register).filter(|_| wishes_to_stay(&request));
        let Some(service) = heard else {
            let request = patchcord_sip::transaction::Heard::Request { id, request, hop };
            return crate::runtime::Desk::hear(&mut self.door, request, wire);
        };
        let moment = Moment::of(&hop, wire);
        match self.door.who_registers(&request, &moment) {
            Ok(endpoint) => {
                let about = registration(&endpoint, &request, &hop);
                let occasion = Occasion::new(Kind::Register, &endpoint.user, &about);
                let phone = Phone { id, request, hop, registers: Some(endpoint) };
                self.begin_occasion(&service, occasion, Asker::Phone(Box::new(phone)), Vec::new(), wire);
                self.deliver(wire);
            }
            Err(refusal) => self.respond(id, &request, Err(refusal), &moment, wire),
        }
    }

    /// A text outside of any call: for the service that its number leads to, or for that of the house.
    pub(super) fn written(&mut self, id: ServerId, request: Request, hop: Hop, wire: &mut Wire<'_>) {
        let moment = Moment::of(&hop, wire);
        match self.reader(&request, &moment) {
            Ok(Reader::Service(service, occasion, tickets)) => {
                let phone = Phone { id, request, hop, registers: None };
                self.begin_occasion(&service, occasion, Asker::Phone(Box::new(phone)), tickets, wire);
                self.deliver(wire);
            }
            Ok(Reader::Phones(writing)) => self.pass_text(id, request, &moment, &writing, wire),
            Err(refusal) => self.respond(id, &request, Err(refusal), &moment, wire),
        }
    }

    /// Who reads a text, and what is told of it.
    fn reader(&self, request: &Request, moment: &Moment) -> Result<Reader, Refusal> {
        self.door.fits_message(request)?;
        let plan = self.board.plan();
        let target = request.uri()?;
        let number = called(&target).ok_or(Refusal::not_found())?;
        let claimed = Claimed::of(request)?;
        let claim = claimed.claim();
        let said = crate::routing::heard(&claim, plan.trunk_at(moment.hop.peer).is_some()).number;
        let decide = |caller: Caller<'_>| {
            let host = target.host();
            let ask = Ask { caller, called: &number, host, from: Some(&*said), emergency: false };
            plan.decide(&ask, &self.board.directory)
        };
        let (whose, decision) = self.whose_call(request, moment, &number, decide)?;
        let routed = match &decision.verdict {
            Verdict::Service(name) if self.services.hears(name, Kind::Message.handler()) => Some(name.clone()),
            _ => None,
        };
        let service = match (routed.or_else(|| self.front(Kind::Message)), &decision.verdict) {
            (Some(service), _) => service,
            (None, Verdict::Ring(_)) if matches!(whose, Whose::Guest(..)) => {
                return Err(Refusal::new(403, "Guests Only Call"));
            }
            (None, Verdict::Ring(users)) => {
                let person = person(&whose, &claim, decision.from.as_deref(), said);
                return Ok(Reader::Phones(Writing { users: users.clone(), person }));
            }
            (None, Verdict::Refused(denial)) => return Err(Refusal::new(denial.status(), denial.phrase())),
            (None, _) => return Err(Refusal::method_not_allowed()),
        };
        let tickets = whose.admit(&self.board, false, moment.now).map_err(|full| full_house(&full))?;
        let account = whose.account().unwrap_or_default();
        let (endpoint, trunk) = (account.strip_prefix("user:"), account.strip_prefix("trunk:"));
        let from = decision.from.as_deref().unwrap_or(&said).to_owned();
        let about = json!({
            "from": from, "to": &*decision.called, "endpoint": endpoint, "trunk": trunk,
            "name": claim.name, "content_type": request.get(Name::ContentType).unwrap_or("text/plain"),
            "body": String::from_utf8_lossy(request.body_bytes()),
        });
        Ok(Reader::Service(service, Occasion::new(Kind::Message, &from, &about), tickets.into_iter().collect()))
    }

    /// The service of the house, where it hears of such a thing.
    fn front(&self, kind: Kind) -> Option<Arc<str>> {
        let front = self.board.plan().front()?;
        self.services.hears(&front, kind.handler()).then_some(front)
    }

    /// Begins a talk without ends; it acts when it is delivered. Whoever asks is told at once where there can be none.
    fn begin_occasion(
        &mut self,
        service: &str,
        occasion: Occasion,
        asker: Asker,
        tickets: Vec<Ticket>,
        wire: &mut Wire<'_>,
    ) {
        let kind = occasion.kind;
        let (served, tickets) = match self.may_ask(service, &occasion, tickets, wire) {
            Ok(admitted) => admitted,
            Err(why) => return self.tell(kind, asker, Err(why), wire),
        };
        let Served { program, edition, leash } = served;
        let person = Person { number: occasion.from.as_str().into(), name: None, hidden: false, replaced: false };
        let called = service.into();
        let party =
            Party { person, host: None, called, hops: 0, emergency: false, secure: false, forwarded: Vec::new() };
        let chronicle = Chronicle::of_occasion(&party, service, edition, kind, wire);
        let longest = leash.as_ref().and_then(|leash| leash.rules().longest);
        let patience = longest.map_or(kind.patience(), |longest| longest.min(kind.patience()));
        let number = Number(self.next);
        self.next += 1;
        let origin = call::Origin::Occasion(Box::new(occasion));
        let announce = self.board.recording().announce.clone();
        let caller = call::Caller {
            call: number.0,
            origin,
            music: None,
            announce,
            transfers: false,
            bounds: self.board.bounds(),
        };
        let call = Call::begin(caller, wire.now());
        let talk = Talk::new((number, call), (program, leash), (party, tickets), chronicle, wire.now());
        let question = Question { kind, is_quiet: kind == Kind::Register, asker: Some(asker) };
        let talk = Talk { question: Some(Box::new(question)), until: Some(wire.now() + patience), ..talk };
        self.talks.insert(number, Box::new(talk));
        self.posted.push_back((number, Post::Begin));
    }

    fn may_ask(
        &self,
        service: &str,
        occasion: &Occasion,
        mut tickets: Vec<Ticket>,
        wire: &Wire<'_>,
    ) -> Result<(Served, Vec<Ticket>), NoAnswer> {
        occasion.check()?;
        if wire.is_stopping() {
            return Err(NoAnswer::Stopping);
        }
        if self.talks.len() >= MAX_CALLS || self.board.clerk.is_full() {
            return Err(NoAnswer::Full("the shard has no room".into()));
        }
        let served = self.services.find(service).ok_or_else(|| NoAnswer::NoService(service.to_owned()))?;
        let handler = occasion.kind.handler();
        if !self.services.hears(service, handler) {
            return Err(NoAnswer::NoHandler(service.to_owned(), handler));
        }
        if let Some(leash) = &served.leash {
            tickets.push(leash.enter(false).ok_or(NoAnswer::Full("the service is full".into()))?);
        }
        tickets.push(self.board.admit(false).map_err(|full| NoAnswer::Full(full.phrase().to_owned()))?);
        Ok((served, tickets))
    }

    /// Whoever asked hears what came of it.
    fn tell(&mut self, kind: Kind, asker: Asker, answer: Result<String, NoAnswer>, wire: &mut Wire<'_>) {
        match asker {
            Asker::Somebody(asking) => asking.answer(answer),
            Asker::Phone(phone) => {
                let Phone { id, request, hop, registers } = *phone;
                let moment = Moment::of(&hop, wire);
                if let Err(why) = &answer {
                    tracing::warn!(handler = kind.handler(), from = %Redacted(hop.peer), %why, "a phone was given no answer by a service");
                }
                let reply = match (judged(answer), registers) {
                    (Err(refusal), _) => Err(refusal),
                    (Ok(()), Some(endpoint)) => self.door.bind(&request, &endpoint, &moment),
                    (Ok(()), None) => Ok(Draft::reply(&request, hop.peer, 200)),
                };
                self.respond(id, &request, reply, &moment, wire);
            }
        }
    }

    pub(super) fn respond(
        &self,
        id: ServerId,
        request: &Request,
        answer: Result<Draft, Refusal>,
        moment: &Moment,
        wire: &mut Wire<'_>,
    ) {
        let reply = self.door.worded(answer, request, moment).to_tag(wire.tokens().tag().as_str());
        let status = reply.status().expect("a reply has a status");
        wire.respond(id, status, reply.finish());
    }
}

impl Talk {
    /// The program answers what it was asked.
    pub fn reply(&mut self, answer: String, turn: &mut Turn<'_, '_>) -> Result<String, String> {
        if self.question.as_ref().is_none_or(|question| question.asker.is_none()) {
            return Err("nobody waits for an answer".into());
        }
        self.answer_question(Ok(answer), turn);
        Ok("null".into())
    }

    /// Whoever asked is told, once.
    pub fn answer_question(&mut self, answer: Result<String, NoAnswer>, turn: &mut Turn<'_, '_>) {
        let Some(question) = &mut self.question else { return };
        question.is_quiet &= answer.as_ref().is_ok_and(|answer| judged(Ok(answer.clone())).is_ok());
        let kind = question.kind;
        if let Some(asker) = question.asker.take() {
            turn.exchange.tell(kind, asker, answer, turn.wire);
        }
    }

    /// Its story has ended: who has no answer by then hears why.
    pub fn story_told(&mut self, end: &End, turn: &mut Turn<'_, '_>) {
        if let End::Fault(why) = end {
            let answer = if self.stopped { NoAnswer::Late } else { NoAnswer::Broke(why.clone()) };
            self.answer_question(Err(answer), turn);
        }
    }

    /// The program says something; what is more than looking at the clock is worth a record.
    pub fn note_said(&mut self, verb: &Verb) {
        let says = !matches!(verb, Verb::Errand(errand) if matches!(**errand, Errand::Moment | Errand::Reply(_)));
        if let Some(question) = self.question.as_mut().filter(|_| says) {
            question.is_quiet = false;
        }
    }
}

/// What a service says to a phone: yes, or a status. One that fails is no yes.
fn judged(answer: Result<String, NoAnswer>) -> Result<(), Refusal> {
    let answer = match answer {
        Ok(answer) => serde_json::from_str::<Value>(&answer).unwrap_or(Value::Bool(false)),
        Err(NoAnswer::Broke(_)) => return Err(Refusal::unavailable("The Service Has Failed", RETRY_AFTER)),
        Err(_) => return Err(Refusal::unavailable("The Service Does Not Answer", RETRY_AFTER)),
    };
    let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
    match status {
        200..300 => Ok(()),
        400..700 => Err(Refusal::new(status, answer["reason"].as_str().unwrap_or("Refused By The Service").to_owned())),
        _ => Err(Refusal::new(500, "The Service Answers Nonsense")),
    }
}

/// Whether a REGISTER asks to be reached from now on, and not only to be told or to go.
fn wishes_to_stay(request: &Request) -> bool {
    let expires = request.expires();
    let stays = |contact| match contact {
        Ok(Contact::Addr(contact)) => contact.expires().or(expires) != Some(0),
        Ok(Contact::Star) | Err(_) => false,
    };
    request.contacts().any(stays)
}

/// What a service is told of a registration.
fn registration(endpoint: &Endpoint, request: &Request, hop: &Hop) -> Value {
    let contact = request.list(Name::Contact).next().unwrap_or_default();
    json!({
        "user": &*endpoint.user, "number": endpoint.number.as_deref(), "contact": contact,
        "user_agent": request.get(Name::of("User-Agent")).unwrap_or_default(),
        "transport": hop.transport.uri_name(), "address": hop.peer.ip().to_canonical().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_let_in_by_a_clear_yes_and_by_nothing_else() {
        let status = |answer: &str| judged(Ok(answer.into())).err().map(|refusal| refusal.status());
        assert_eq!(status("{\"status\":200}"), None);
        assert_eq!(status("{\"status\":403,\"reason\":\"Not Today\"}"), Some(403));
        for nonsense in ["", "null", "true", "{\"status\":\"200\"}", "{\"status\":99999}", "{\"status\":100}"] {
            assert_eq!(status(nonsense), Some(500), "{nonsense}");
        }
        let broken = judged(Err(NoAnswer::Broke("ivr.rhai:1:1: no".into()))).expect_err("it is no yes");
        assert_eq!((broken.status(), broken.phrase()), (503, "The Service Has Failed"));
        assert!(judged(Err(NoAnswer::Late)).is_err_and(|refusal| refusal.status() == 503));
    }
}
