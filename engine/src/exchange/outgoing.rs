//! Calling somebody: the ways to a target, by whose rights, over which connection, and who is shown as the caller.
//!
//! A target is what a program writes: `user:alice` (or `user:101`, by its number), `browser:alice` (her browsers only), `forward:alice:102` (what alice forwards to, by her own rights; with the
//! reason, `forward:alice:busy:102`), an address or a number. Routing decides; this turns what it says into ways, and a way into a line.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchcord_media::sdp::{Codec, Format, Policy, policy::Protection};
use patchcord_sip::hop::Transport;
use patchcord_sip::uri::{Uri, escape_user};

use super::Turn;
use super::ends::{End, Way as Opening, Whose};
use super::forwarding::Forwarding;
use super::meeting::focused;
use super::passing::NEIGHBOUR;
use super::talk::Talk;
use crate::call::effect::{ByTrunk, Invitation, Through, Way};
use crate::call::event::{NotFound, Refused, Serving};
use crate::call::{Event, LegEvent, LegId, LineOrder};
use crate::line::{Line, LineTerms, Outward};
use crate::routing::{Ask, Because, Binding, Caller, Diverted, NO_FLOW, Person, Reach, Shown, Srtp, Trunk, Verdict};
use crate::routing::{Decision, Directory, Plan, Standing, in_order};
use crate::runtime::{SoundAddress, Wire};

/// Who began a call, as the called party sees it.
#[derive(Clone, Debug)]
pub(super) struct Party {
    /// Who it is, as far as we believe it.
    pub person: Person,
    /// Where it is at home, where that is not here.
    pub host: Option<Box<str>>,
    /// Whom it called, as the house writes it.
    pub called: Box<str>,
    /// How many more servers a call of it may pass.
    pub hops: u8,
    /// Whether it passes every limit.
    pub emergency: bool,
    /// Whether it asks for a way that is secure at each hop (`sips:`).
    pub secure: bool,
    /// Who had forwarded it before it came here, the first of them first.
    pub forwarded: Vec<Diverted>,
}

impl Party {
    /// As journals name it.
    pub fn shown(&self) -> crate::journal::Party {
        crate::journal::Party { number: self.person.number.clone(), name: self.person.name.clone() }
    }
}

/// What a leg is called with.
pub(super) struct Outset {
    opening: Opening,
    here: SoundAddress,
    contact: Arc<str>,
    routes: Vec<String>,
    pub whose: Whose,
    number: Option<Box<str>>,
}

impl Talk {
    /// Where a target is.
    pub fn locate(&self, address: &str, caller: Option<LegId>, turn: &Turn<'_, '_>) -> Result<Vec<Vec<Way>>, NotFound> {
        let board = &turn.exchange.board;
        let plan = board.plan();
        if address == NEIGHBOUR {
            return self.to_neighbour(caller, turn);
        }
        if let Some(service) = address.strip_prefix("service:") {
            // Nobody is called by that: it is as if the script said so itself.
            let there = turn.exchange.services.find(service).is_some();
            return Err(if there { NotFound::Service(Serving::named(service)) } else { NotFound::Unknown });
        }
        self.is_on_leash(address)?;
        if let Some(named) = address.strip_prefix("user:") {
            let endpoint = board.directory.reached_by(named).ok_or(NotFound::Unknown)?;
            return self.ring(&[endpoint.user.as_ref().into()], |_| true, turn);
        }
        if let Some(named) = address.strip_prefix("browser:") {
            let endpoint = board.directory.reached_by(named).ok_or(NotFound::Unknown)?;
            let is_browser = |binding: &Binding| matches!(binding.hop.transport, Transport::Ws | Transport::Wss);
            return self.ring(&[endpoint.user.as_ref().into()], is_browser, turn);
        }
        let forwarding = Forwarding::of(address);
        let decision = match &forwarding {
            Some(Forwarding { owner, target, .. }) => plan.forward(owner, target, &board.directory),
            None => self.decide(address, caller, &plan, &board.directory)?,
        };
        match decision.verdict {
            Verdict::Ring(users) => self.ring(&users, |_| true, turn),
            Verdict::Trunks(ways) => {
                if !decision.emergency && !self.may_talk_outside(turn) {
                    let why = "the service has talked through trunks for as long as its manifest allows today";
                    return Err(NotFound::Forbidden(why.into()));
                }
                let ways =
                    in_order(ways, |name| plan.trunk(name).map_or(Standing::Unknown, |trunk| trunk.traffic.standing()));
                let forwarded = forwarding.map(|said| (said.owner.to_owned(), said.because.word().to_owned()));
                let ways = ways.into_iter().flat_map(|way| {
                    let by = ByTrunk {
                        name: way.trunk.name.to_string(),
                        shown: way.caller.clone().map(String::from),
                        forwarded: forwarded.clone(),
                    };
                    let number = way.number.clone();
                    let servers: Vec<_> = way.trunk.servers.clone();
                    servers.into_iter().filter_map(move |server| {
                        Some(Way { uri: at_server(&number, &server)?, through: Through::Trunk(by.clone()) })
                    })
                });
                self.safe(ways.collect())
            }
            Verdict::Service(service) => Err(served(&service, &decision.called, forwarding.is_some())),
            // Whom operators name is rung by its number also where no route leads there from services.
            Verdict::Refused(_) if caller == Some(LegId::NONE) && board.directory.reached_by(address).is_some() => {
                let endpoint = board.directory.reached_by(address).ok_or(NotFound::Unknown)?;
                self.ring(&[endpoint.user.as_ref().into()], |_| true, turn)
            }
            Verdict::Refused(denial) => Err(NotFound::Forbidden(denial.to_string())),
        }
    }

    /// What the plan says of that address, asked by whoever pays. What an operator wants leads, too, where a party of the call could
    /// have called itself.
    fn decide(
        &self,
        address: &str,
        caller: Option<LegId>,
        plan: &Plan,
        directory: &Directory,
    ) -> Result<Decision, NotFound> {
        let uri = Uri::parse(address).ok().filter(|_| address.contains(':'));
        let called = uri.as_ref().and_then(super::incoming::called);
        let host = uri.as_ref().and_then(|uri| uri.host());
        let called = called.as_deref().unwrap_or(address);
        // Whom the manifest names the service calls by its own rights, whoever has called it.
        let named = self.leash.as_ref().is_some_and(|leash| leash.names(address));
        let payer = if named { Some(Caller::Service) } else { self.payer(caller, called) };
        let payer = payer.ok_or_else(|| NotFound::Forbidden("nobody asks for it".into()))?;
        let by = |caller| plan.decide(&Ask { host, ..Ask::new(caller, called) }, directory);
        let decision = by(payer);
        let leads = |decision: &Decision| !matches!(decision.verdict, Verdict::Refused(_));
        if leads(&decision) || caller != Some(LegId::NONE) {
            return Ok(decision);
        }
        let parties = self.ends.iter().filter(|end| matches!(end.whose, Whose::Endpoint(_)));
        Ok(parties.map(|end| by(end.caller_to(called))).find(leads).unwrap_or(decision))
    }

    /// Those of these ways that a call may take which has to be secure at each hop.
    fn safe(&self, mut ways: Vec<Way>) -> Result<Vec<Vec<Way>>, NotFound> {
        ways.retain(|way| !self.party.secure || is_secure(&way.uri));
        if ways.is_empty() && self.party.secure { Err(NotFound::Unreachable) } else { Ok(vec![ways]) }
    }

    /// Whether the manifest of the service lets it call that.
    fn is_on_leash(&self, address: &str) -> Result<(), NotFound> {
        let free = self.party.emergency || self.leash.as_ref().is_none_or(|leash| leash.may_dial(address));
        free.then_some(()).ok_or_else(|| NotFound::Forbidden("the manifest of the service does not name it".into()))
    }

    fn may_talk_outside(&self, turn: &Turn<'_, '_>) -> bool {
        self.leash.as_ref().is_none_or(|leash| leash.may_talk(since_1970(turn.wire.wall())))
    }

    /// A leg has gone: what it talked through a trunk counts for the service.
    pub fn count_talk(&self, end: &End, turn: &Turn<'_, '_>) {
        if let (Some(leash), Some(since), Whose::Trunk(_)) = (&self.leash, end.talks_since, &end.whose) {
            leash.talked(turn.now().saturating_duration_since(since), since_1970(turn.wire.wall()));
        }
    }

    /// The phones of these that are wanted.
    fn ring(
        &self,
        users: &[Arc<str>],
        wanted: impl Fn(&Binding) -> bool,
        turn: &Turn<'_, '_>,
    ) -> Result<Vec<Vec<Way>>, NotFound> {
        let board = &turn.exchange.board;
        if !users.iter().any(|user| board.directory.find(user).is_some()) {
            return Err(NotFound::Unknown);
        }
        let mut branches = Vec::new();
        for user in users {
            let bindings = board.location.bindings(user, turn.now());
            let is_safe = |binding: &Binding| !self.party.secure || binding.hop.transport.is_secure();
            let wanted = |binding: &Binding| binding.reachable() && is_safe(binding) && wanted(binding);
            let bindings = bindings.into_iter().filter(wanted);
            branches.extend(bindings.map(|binding| {
                let through = Through::Binding(user.to_string(), 0);
                vec![Way { uri: binding.contact.into(), through }]
            }));
        }
        if branches.is_empty() { Err(NotFound::Unreachable) } else { Ok(branches) }
    }

    /// Calls somebody: makes the end of a new leg.
    pub fn invite(&mut self, leg: LegId, invitation: Invitation, turn: &mut Turn<'_, '_>) {
        let outset = match self.outset(&invitation.way, turn) {
            Ok(outset) => outset,
            Err((sip, reason)) => return self.not_called(leg, sip, reason, turn),
        };
        let board = &turn.exchange.board;
        let tickets = match outset.whose.admit(board, self.party.emergency, turn.now()) {
            Ok(ticket) => ticket.into_iter().collect(),
            Err(full) => return self.not_called(leg, full.status(), full.phrase().into(), turn),
        };
        let domain = turn.exchange.board.domain().map_or_else(|| host_of(outset.here.shown), str::to_owned);
        let tag = turn.wire.tag();
        let call_id = turn.wire.call_id(&domain);
        let shown = self.shown_to(&outset, &invitation, &domain, turn);
        let to = format!("<{}>", bare(&invitation.way.uri));
        let routes: Vec<&str> = outset.routes.iter().map(String::as_str).collect();
        let headers = shown.headers.into_iter().map(|(name, value)| (name.to_owned(), value));
        let headers = headers.chain(invitation.dial.headers.iter().cloned());
        let headers = headers.chain(self.referred_by(&invitation, &outset, &domain));
        let headers = headers.chain(self.pass_for(&invitation.way, &outset.whose, turn)).collect();
        // RFC 4579 §5.5: whoever is called into a conference reads so from the first message on.
        let room = self.originated.as_ref().and_then(|begun| begun.room.as_deref());
        let contact = room.map_or_else(|| outset.contact.clone(), |room| focused(&outset.contact, room).into());
        let outward = Outward {
            target: &invitation.way.uri,
            from: &shown.from,
            to: &to,
            call_id: &call_id,
            tag: &tag,
            contact,
            routes: &routes,
            hops: self.party.hops,
            headers,
        };
        let mut line_terms = LineTerms::clone(&terms(&outset.whose));
        let theirs = invitation.caller.and_then(|caller| self.end(caller)).map(|end| end.line.formats().to_vec());
        if let Some(theirs) = theirs.filter(|formats: &Vec<Format>| !formats.is_empty()) {
            line_terms.policy = line_terms.policy.towards(&theirs);
        }
        // A browser is called as one; a phone that speaks otherwise by a WebSocket has `srtp = "off"`.
        let is_phone = line_terms.policy.protection == Protection::Plain;
        if let (Opening::Along(hop), false) = (&outset.opening, is_phone)
            && matches!(hop.transport, Transport::Ws | Transport::Wss)
        {
            line_terms.policy.protection = Protection::Dtls;
        }
        let called = who(&invitation.way).into();
        let line = match Line::calling(outward, Arc::new(line_terms)) {
            Ok(line) => line,
            Err(fault) => return self.not_called(leg, 416, fault.to_string(), turn),
        };
        let Outset { here, whose, opening, .. } = outset;
        let end = End { tickets, called, ..End::new(leg, line, &tag, here, whose, opening) };
        turn.exchange.names.enter(self.number, &end);
        // Most calls have two ends for as long as they last: no room is kept for more.
        self.ends.reserve_exact(1);
        self.ends.push(end);
        let caller = invitation.caller;
        if self.has_place(leg, turn) {
            self.show_callers(leg, caller, turn);
            self.on_line(leg, turn, |line, cx| line.obey(LineOrder::Invite(Box::new(invitation)), cx));
        } else {
            self.drop_end(leg, turn);
            self.not_called(leg, 503, "no port for sound is free".into(), turn);
        }
    }

    fn not_called(&mut self, leg: LegId, sip: u16, reason: String, turn: &Turn<'_, '_>) {
        let refused = Refused { sip, reason, elsewhere: Vec::new(), by_house: true };
        self.call.hear(Event::Leg(leg, LegEvent::Refused(refused)), turn.now());
    }

    /// The way's beginning: over which hop, from which address of ours.
    fn outset(&self, way: &Way, turn: &mut Turn<'_, '_>) -> Result<Outset, (u16, String)> {
        let board = turn.exchange.board.clone();
        match &way.through {
            Through::Binding(user, _) => {
                let endpoint = board.directory.find(user).ok_or((404, "Not Found".to_owned()))?;
                let bindings = board.location.bindings(user, turn.now());
                let binding = bindings.into_iter().find(|binding| *binding.contact == *way.uri);
                let binding = binding.ok_or((480, "Not Registered".to_owned()))?;
                let opening = opening_of(&binding, turn.wire).ok_or((480, "Its Connection Is Lost".to_owned()))?;
                let routes = binding.path.iter().map(ToString::to_string).collect();
                let whose = Whose::Endpoint(endpoint);
                Ok(outset(opening, &way.uri, routes, whose, None, turn.wire))
            }
            Through::Trunk(by) => {
                let trunk = board.plan().trunk(&by.name).cloned().ok_or((404, "No Such Trunk".to_owned()))?;
                let number = by.shown.as_deref().map(Into::into);
                let opening = Opening::To(way.uri.clone());
                Ok(outset(opening, &way.uri, Vec::new(), Whose::Trunk(trunk), number, turn.wire))
            }
            Through::Within(account) => {
                let whose = Whose::of_account(account, &board).ok_or((481, "Who Transfers Is Gone".to_owned()))?;
                let hop = turn.wire.hop_within().ok_or((503, "No Way To Another Shard".to_owned()))?;
                Ok(outset(Opening::Along(hop), &way.uri, Vec::new(), whose, None, turn.wire))
            }
            Through::Straight => Err((403, "No Route Leads There".to_owned())),
        }
    }

    /// The endpoint of ours that forwards the call along that way, as its trunk wants to read it.
    fn forwarder(&self, way: &Way, trunk: &Trunk, turn: &Turn<'_, '_>) -> Option<Diverted> {
        let Through::Trunk(ByTrunk { forwarded: Some((owner, because)), .. }) = &way.through else { return None };
        let endpoint = turn.exchange.board.directory.find(owner);
        let number = endpoint.and_then(|endpoint| endpoint.calling.caller_id.clone().or(endpoint.number.clone()));
        let by = number.map_or_else(|| owner.clone(), |number| trunk.outward.caller(&number));
        Some(Diverted { by: by.into(), because: Because::named(because)?, hidden: false })
    }

    /// Who is shown as the caller.
    fn shown_to(&self, outset: &Outset, invitation: &Invitation, domain: &str, turn: &Turn<'_, '_>) -> Shown {
        let Invitation { dial, way, caller, .. } = invitation;
        let mut person = self.person_of(*caller);
        person.hidden |= !dial.present;
        if let Some(number) = &dial.caller_id {
            person.number = number.as_str().into();
        }
        match &outset.whose {
            Whose::Trunk(trunk) => {
                let account = trunk.account.as_ref().map(|account| &*account.user);
                let wanted = dial.caller_id.as_deref().map(|number| trunk.outward.caller(number));
                let number = wanted.as_deref().or(outset.number.as_deref());
                // Who has an account there is an address of the carrier's.
                let theirs = || Uri::parse(&way.uri).ok().and_then(|uri| uri.host());
                let host = account.and_then(|_| theirs()).unwrap_or(domain);
                let mut shown = person.show_trunk(trunk.identity, number, account, host);
                let mut forwardings = self.party.forwarded.clone();
                forwardings.extend(self.forwarder(way, trunk, turn));
                shown.headers.extend(trunk.identity.tell(&forwardings, who(way), host));
                shown
            }
            Whose::Endpoint(_) | Whose::Stranger(_) | Whose::Guest(..) => {
                let abroad = self.party.host.as_deref().filter(|_| caller.is_none_or(|leg| self.called_us(leg)));
                person.show_inside(abroad.unwrap_or(domain))
            }
        }
    }
}

/// A number that leads to a service. What an endpoint forwards to leaves whom the party has called as it was: a mailbox is hers.
fn served(service: &str, called: &str, is_forwarded: bool) -> NotFound {
    let called = (!is_forwarded).then(|| called.to_owned());
    NotFound::Service(Serving { service: service.to_owned(), called })
}

fn since_1970(wall: SystemTime) -> Duration {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Who is called by a way: an endpoint, or a number.
fn who(way: &Way) -> &str {
    match &way.through {
        Through::Binding(user, _) => user,
        Through::Trunk(..) | Through::Within(_) | Through::Straight => {
            let rest = way.uri.split_once(':').map_or(&*way.uri, |(_, rest)| rest);
            rest.split('@').next().unwrap_or(rest)
        }
    }
}

fn outset(
    opening: Opening,
    uri: &str,
    routes: Vec<String>,
    whose: Whose,
    number: Option<Box<str>>,
    wire: &Wire<'_>,
) -> Outset {
    let (here, contact_at, transport) = match &opening {
        Opening::Along(hop) => (wire.sound_on(hop), wire.contact_on(hop), hop.transport),
        Opening::To(_) => {
            let uri = Uri::parse(uri).ok();
            let peer = uri.as_ref().and_then(Uri::address);
            let transport = uri.as_ref().map_or(Transport::Udp, transport_of);
            (wire.sound_for(peer), wire.contact_towards(peer, transport), transport)
        }
    };
    let contact = contact(contact_at, transport).into();
    Outset { opening, here, contact, routes, whose, number }
}

/// The hop or address by which a bound phone is reached; `None` when its connection is lost.
pub(super) fn opening_of(binding: &Binding, wire: &mut Wire<'_>) -> Option<Opening> {
    match binding.reach {
        Reach::Contact => {
            let first = binding.path.first().map_or(&*binding.contact, |first| bare_route(first));
            Some(Opening::To(first.to_owned()))
        }
        Reach::Source if binding.hop.flow == NO_FLOW => {
            wire.hop_to(binding.hop.transport, binding.hop.peer).map(Opening::Along)
        }
        Reach::Source => Some(Opening::Along(binding.hop)),
        Reach::Flow => wire.is_open(binding.hop.flow).then_some(Opening::Along(binding.hop)),
        Reach::Lost => None,
    }
}

pub(super) fn transport_of(uri: &Uri<'_>) -> Transport {
    match uri.transport().as_deref() {
        Some(name) if name.eq_ignore_ascii_case("tcp") => Transport::Tcp,
        Some(name) if name.eq_ignore_ascii_case("tls") => Transport::Tls,
        _ if uri.is_sips() => Transport::Tls,
        _ => Transport::Udp,
    }
}

/// Whether requests to that address go by a secure way.
fn is_secure(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| transport_of(&uri).is_secure())
}

/// An address as the host of a SIP address.
pub(super) fn host_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Our Contact value.
pub(super) fn contact(at: SocketAddr, transport: Transport) -> String {
    match transport {
        Transport::Udp => format!("<sip:{at}>"),
        Transport::Tcp => format!("<sip:{at};transport=tcp>"),
        Transport::Tls => format!("<sip:{at};transport=tls>"),
        Transport::Ws | Transport::Wss => format!("<sip:{at};transport=ws>"),
    }
}

/// An address without its parameters and headers, as To has it.
pub(super) fn bare(uri: &str) -> &str {
    uri.split([';', '?']).next().unwrap_or(uri)
}

/// The address inside a Path value.
fn bare_route(path: &str) -> &str {
    path.trim().trim_start_matches('<').split('>').next().unwrap_or(path)
}

/// A number at a server of a carrier.
fn at_server(number: &str, server: &str) -> Option<String> {
    let (scheme, rest) = server.split_once(':')?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    Some(format!("{scheme}:{}@{host}", escape_user(number)))
}

/// The terms of whoever is at an end.
pub(super) fn terms(whose: &Whose) -> Arc<LineTerms> {
    /// Those of all whom we do not know.
    static STRANGERS: LazyLock<Arc<LineTerms>> =
        LazyLock::new(|| Arc::new(terms_of(&crate::routing::Codec::USUAL, Srtp::Offered)));
    match whose {
        Whose::Endpoint(endpoint) => Arc::new(terms_of(&endpoint.calling.codecs, endpoint.calling.srtp)),
        Whose::Trunk(trunk) => {
            let account = trunk.account.as_ref();
            let credentials = account.and_then(|account| Some((account.user.to_string(), account.credential.clone()?)));
            Arc::new(LineTerms { credentials, ..terms_of(&trunk.codecs, trunk.srtp) })
        }
        Whose::Stranger(_) | Whose::Guest(..) => STRANGERS.clone(),
    }
}

fn terms_of(codecs: &[crate::routing::Codec], srtp: Srtp) -> LineTerms {
    let mut policy = Policy::new(codecs.iter().flat_map(|codec| codec_of(*codec)));
    policy.protection = match srtp {
        Srtp::Required => Protection::Sdes,
        Srtp::Offered => Protection::Offered,
        Srtp::Off => Protection::Plain,
    };
    LineTerms::new(policy)
}

/// A codec as descriptions name it.
fn codec_of(codec: crate::routing::Codec) -> Vec<Codec> {
    use crate::routing::Codec as Named;
    match codec {
        Named::Opus => vec![Codec::OPUS],
        Named::G722 => vec![Codec::G722],
        Named::Pcma => vec![Codec::PCMA],
        Named::Pcmu => vec![Codec::PCMU],
        Named::L16 => vec![Codec::named("L16", 16_000, 1), Codec::named("L16", 8000, 1)],
        Named::G729 => vec![Codec::G729],
        Named::Amr => vec![Codec::AMR],
        Named::AmrWb => vec![Codec::AMR_WB],
    }
}
