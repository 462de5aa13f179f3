//! Our standing with carriers: whom we register with, and who answers.
//!
//! One shard does it for the house. Each carrier is asked by OPTIONS whether it is there, and where the file says so we
//! register with it; what comes of both is told to all shards through the trunk's traffic. The machines that decide
//! ([`Health`], [`Enrolment`]) know no messages; here stands what they order in SIP.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_sip::dialog::{Opening, Outgoing};
use patchcord_sip::digest::{Asked, Challenge};
use patchcord_sip::hop::Transport;
use patchcord_sip::message::{Draft, Method, Name, Response};
use patchcord_sip::uri::{Uri, escape_user};

use super::outgoing::{bare, contact, transport_of};
use crate::redact::Redacted;
use crate::routing::{Enrolment, Health, Mishap, Order, Outcome, Plan, Reply, Standing, Step, Trunk, Turn};
use crate::runtime::{News, RequestId, Wire};
use crate::switchboard::Switchboard;

/// How often somebody looks whether a reload has changed the trunks.
const LOOK: Duration = Duration::from_secs(1);

/// The shard that speaks for the house.
const SPEAKER: usize = 0;

/// All carriers of the plan.
#[derive(Default)]
pub(super) struct Carriers {
    plan: Option<Arc<Plan>>,
    each: HashMap<Arc<str>, Carrier>,
    sent: HashMap<RequestId, (Arc<str>, Method)>,
    look: Option<Instant>,
}

struct Carrier {
    trunk: Arc<Trunk>,
    health: Health,
    enrolment: Option<Enrolment>,
    /// The REGISTER that is sent again and again: one Call-ID, rising numbers.
    opening: Option<Opening>,
    /// The challenge that came last: its line, whether a proxy asked, and how often it was answered.
    challenge: Option<(String, bool, u32)>,
    /// Which server is asked; the next after one that is silent.
    server: usize,
}

impl Carriers {
    /// When to wake it.
    pub fn deadline(&self) -> Option<Instant> {
        let each = self.each.values().flat_map(|carrier| {
            let enrolment = carrier.enrolment.as_ref().and_then(Enrolment::due);
            let health = carrier.trunk.is_asked.then(|| carrier.health.next());
            [health, enrolment].into_iter().flatten()
        });
        each.chain(self.look).min()
    }

    /// Asks whoever is due.
    pub fn wake(&mut self, board: &Switchboard, wire: &mut Wire<'_>) {
        let now = wire.now();
        if wire.shard() != SPEAKER || wire.is_stopping() {
            self.look = None;
            return self.each.clear();
        }
        if self.look.is_none_or(|look| look <= now) {
            self.look = Some(now + LOOK);
            self.follow(&board.plan(), now);
        }
        let names: Vec<_> = self.each.keys().cloned().collect();
        for name in names {
            let Some(carrier) = self.each.get_mut(&name) else { continue };
            if carrier.trunk.is_asked && carrier.health.next() <= now {
                carrier.health.asked(now);
                let draft = carrier.options(wire);
                self.send(name.clone(), Method::Options, draft, wire);
            }
            let Some(carrier) = self.each.get_mut(&name) else { continue };
            if carrier.enrolment.as_ref().and_then(Enrolment::due).is_some_and(|due| due <= now) {
                let step = carrier.enrolment.as_mut().map(|enrolment| enrolment.wake(now)).unwrap_or_default();
                self.step(&name, step, wire);
            }
        }
    }

    /// The plan has been replaced: trunks that are new are asked, and those that are gone are not.
    fn follow(&mut self, plan: &Arc<Plan>, now: Instant) {
        if self.plan.as_ref().is_some_and(|known| Arc::ptr_eq(known, plan)) {
            return;
        }
        self.plan = Some(plan.clone());
        self.each.retain(|name, _| plan.trunk(name).is_some());
        for trunk in plan.trunks() {
            match self.each.get_mut(&trunk.name) {
                Some(carrier) if carrier.trunk.register == trunk.register && carrier.trunk.servers == trunk.servers => {
                    carrier.trunk = trunk.clone();
                }
                _ => {
                    self.each.insert(trunk.name.clone(), Carrier::new(trunk.clone(), now));
                }
            }
        }
    }

    fn send(&mut self, name: Arc<str>, method: Method, draft: Option<(Draft, String)>, wire: &mut Wire<'_>) {
        if let Some((draft, uri)) = draft {
            let id = wire.send_to(draft, &uri);
            self.sent.insert(id, (name, method));
        }
    }

    /// News of a request of ours; false when it is none.
    pub fn hear(&mut self, id: RequestId, news: &News, wire: &mut Wire<'_>) -> bool {
        let Some((name, method)) = self.sent.get(&id).cloned() else { return false };
        let answer = match news {
            News::Response { response, .. } if !response.status().is_final() => return true,
            News::Response { response, .. } => Some(response),
            News::Failed(_) => None,
            News::StrayResponse { .. } | News::Sent(_) | News::Ended => return true,
        };
        self.sent.remove(&id);
        let Some(carrier) = self.each.get_mut(&name) else { return true };
        if method == Method::Options {
            let outcome = answer.map_or(Outcome::Silence, |response| Outcome::Answer(response.status().code()));
            if !outcome.proves_life() {
                let status = answer.map(|response| response.status().code());
                carrier.trunk.traffic.mishappen(Mishap { at: wire.wall(), asked: "OPTIONS", status });
            }
            carrier.heard_of(outcome, wire.now());
            return true;
        }
        let reply = answer.map_or(Reply::Silence, |response| carrier.reply(response));
        let status = answer.map(|response| response.status().code());
        if reply == Reply::Silence {
            carrier.server = (carrier.server + 1) % carrier.trunk.servers.len().max(1);
        }
        let (now, chance) = (wire.now(), chance(wire));
        let step = carrier.enrolment.as_mut().map(|enrolment| enrolment.hear(reply, now, chance)).unwrap_or_default();
        if step.order.is_none() && !matches!(reply, Reply::Granted(_)) {
            carrier.trunk.traffic.mishappen(Mishap { at: wire.wall(), asked: "REGISTER", status });
        }
        self.step(&name, step, wire);
        true
    }

    fn step(&mut self, name: &Arc<str>, step: Step, wire: &mut Wire<'_>) {
        let Some(carrier) = self.each.get_mut(name) else { return };
        let registered = carrier.enrolment.as_ref().is_some_and(|enrolment| enrolment.is_registered(wire.now()));
        carrier.trunk.traffic.enrol(registered);
        match step.turn {
            Some(Turn::Registered) => tracing::info!(trunk = %name, "registered with the carrier"),
            Some(Turn::Lost { status }) => {
                tracing::warn!(trunk = %name, status, "no longer registered with the carrier")
            }
            None => {}
        }
        if let Some(Order::Register { expires, proving }) = step.order {
            let draft = carrier.register(expires, proving, wire);
            self.send(name.clone(), Method::Register, draft, wire);
        }
    }
}

/// From 0 up to 1.
fn chance(wire: &mut Wire<'_>) -> f64 {
    (wire.tokens().number() >> 11) as f64 / (1_u64 << 53) as f64
}

impl Carrier {
    fn new(trunk: Arc<Trunk>, now: Instant) -> Self {
        let enrolment = trunk.register.map(|wished| Enrolment::new(wished, now));
        Self { trunk, health: Health::new(now), enrolment, opening: None, challenge: None, server: 0 }
    }

    fn server(&self) -> Option<&str> {
        self.trunk.servers.get(self.server).map(|server| &**server)
    }

    fn user(&self) -> &str {
        self.trunk.account.as_ref().map_or("patchcord", |account| &account.user)
    }

    /// A request outside any dialog, and where it goes.
    fn open(&self, method: Method, wire: &mut Wire<'_>) -> Option<Opening> {
        let server = self.server()?;
        let uri = Uri::parse(server).ok()?;
        let transport = transport_of(&uri);
        let here = contact(wire.contact_towards(uri.address(), transport), transport);
        let user = escape_user(self.user()).into_owned();
        let ours = here.replacen("<sip:", &format!("<sip:{user}@"), 1);
        let of_record = format!("<sip:{user}@{}>", bare(server).split_once(':').map_or(server, |(_, host)| host));
        let call_id = wire.call_id(uri.host().unwrap_or("patchcord"));
        let tag = wire.tag();
        let say = Outgoing {
            method,
            target: server,
            from: &of_record,
            to: &of_record,
            contact: ours.into(),
            call_id: &call_id,
            tag: &tag,
            routes: &[],
        };
        Opening::new(say).ok()
    }

    fn options(&self, wire: &mut Wire<'_>) -> Option<(Draft, String)> {
        let opening = self.open(Method::Options, wire)?;
        Some((opening.draft().header(Name::Accept, "application/sdp"), self.server()?.to_owned()))
    }

    fn register(&mut self, expires: Duration, proving: bool, wire: &mut Wire<'_>) -> Option<(Draft, String)> {
        match &mut self.opening {
            Some(opening) => opening.again(),
            None => self.opening = Some(self.open(Method::Register, wire)?),
        }
        let cnonce = wire.tokens().tag();
        let opening = self.opening.as_ref()?;
        let mut draft = opening.draft().header(Name::Expires, expires.as_secs());
        if draft.get(Name::Contact).is_none() {
            draft = draft.text(Name::Contact, &self.contact(wire)?);
        }
        let account = self.trunk.account.as_ref();
        let proof = account.and_then(|account| Some((&*account.user, account.credential.as_ref()?)));
        if let (true, Some((user, credential)), Some((line, proxy, count))) = (proving, proof, &mut self.challenge) {
            *count += 1;
            let asked = Asked { method: "REGISTER", uri: opening.target(), body: b"" };
            let answer = Challenge::parse(line).and_then(|asks| asks.answer(user, credential, asked, *count, &cnonce));
            let name = if *proxy { Name::ProxyAuthorization } else { Name::Authorization };
            draft = draft.text(name, &answer.ok()?);
        }
        Some((draft, self.server()?.to_owned()))
    }

    fn contact(&self, wire: &Wire<'_>) -> Option<String> {
        let uri = Uri::parse(self.server()?).ok()?;
        let transport: Transport = transport_of(&uri);
        let here = contact(wire.contact_towards(uri.address(), transport), transport);
        Some(here.replacen("<sip:", &format!("<sip:{}@", escape_user(self.user())), 1))
    }

    /// What a final answer to a REGISTER means.
    fn reply(&mut self, response: &Response) -> Reply {
        let status = response.status();
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        match status.code() {
            200..300 => Reply::Granted(self.granted(response)),
            code @ (401 | 407) => {
                let proxy = code == 407;
                let header = if proxy { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
                let credential = self.trunk.account.as_ref().and_then(|account| account.credential.as_ref());
                let Some(credential) = credential else { return refused(code, response) };
                let Ok((line, challenge)) = Challenge::strongest_line(response.all(header), credential) else {
                    return refused(code, response);
                };
                let (line, stale) = (line.to_owned(), challenge.is_stale());
                self.challenge = Some((line, proxy, 0));
                Reply::Challenged { stale }
            }
            423 => Reply::TooBrief(response.min_expires().map_or(Duration::ZERO, seconds)),
            code => refused(code, response),
        }
    }

    /// How long we are registered: what stands at our Contact, or else in Expires.
    fn granted(&self, response: &Response) -> Duration {
        let user = escape_user(self.user());
        let ours = response.contacts().flatten().filter_map(|contact| contact.addr());
        let ours = ours.filter(|addr| addr.uri.user() == Some(&*user)).find_map(|addr| addr.expires());
        let seconds = ours.or(response.expires()).map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds.into()));
        if seconds.is_zero() { self.trunk.register.unwrap_or_default() } else { seconds }
    }

    fn heard_of(&mut self, outcome: Outcome, now: Instant) {
        if let Some(standing) = self.health.hear(outcome, now) {
            let (trunk, server) = (&*self.trunk.name, Redacted(self.server().unwrap_or_default()));
            match standing {
                Standing::Down => tracing::warn!(trunk, %server, "the carrier does not answer"),
                _ => tracing::info!(trunk, %server, "the carrier answers"),
            }
            self.trunk.traffic.stand(standing);
        }
    }
}

fn refused(status: u16, response: &Response) -> Reply {
    let retry_after = response.retry_after().map(|seconds| Duration::from_secs(seconds.into()));
    Reply::Refused { status, retry_after }
}
