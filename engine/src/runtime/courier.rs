//! Carries a request to an address: finds its places, tries one after the other, tells how it ended.
//!
//! The desk sees one request and one end; the courier sees a transaction for each place it tries (RFC 3263 §4.3). A place
//! that says 503, says nothing or cannot be reached is passed over, and remembered for a while.
//!
//! send_to ──name──▶ resolving ──places──▶ trying ──answer──▶ told
//!    └──number─────────────────────────────▲  └──503, silence, unreachable──▶ next place, or failed

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use patchcord_sip::hop::{Hop, Transport};
use patchcord_sip::message::{Draft, Method, Response};
use patchcord_sip::transaction::{ClientId, Full, Heard};
use patchcord_sip::uri::Uri;
use tokio::time::timeout;

use super::desk::{News, RequestId, SendFault};
use super::dns::{self, DeadTargets, Found, Records, Spoken, Target, Wanted};
use super::settings::Limits;
use super::stats::one_more;
use super::transport::flows::Way;
use super::works::Works;

/// RFC 3261 §18.1.1: larger requests do not go by UDP when the way there may be narrower.
const LARGEST_BY_UDP: usize = 1300;

/// What the Via that the transaction adds takes at most: an IPv6 address, a port and a branch.
const VIA_ROOM: usize = 130;

/// See the module.
pub(crate) struct Courier {
    limits: Limits,
    spoken: Spoken,
    records: Rc<dyn Records>,
    next: u64,
    sent: HashMap<RequestId, Box<Sending>>,
    /// How many of these are INVITEs that were accepted: each stays half a minute longer, for the other branches of its fork, and
    /// is no longer under way. The limit of the transactions holds for it.
    accepted: usize,
    by_client: HashMap<ClientId, RequestId>,
    /// Who waits for the same name asks for it once.
    resolving: HashMap<Wanted, Vec<RequestId>>,
    dead: DeadTargets,
    news: VecDeque<(RequestId, News)>,
}

struct Sending {
    /// What is sent, until it is accepted: then no other place is tried.
    draft: Option<Draft>,
    places: VecDeque<Place>,
    trying: Option<(ClientId, Place)>,
    /// How the last place failed: what is told when there is no other.
    fault: SendFault,
    refusal: Option<(Response, Hop)>,
    cancelled: bool,
    accepted: bool,
}

impl Sending {
    /// Whether it is an INVITE that nobody has accepted.
    fn is_invite(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.method() == Some(&Method::Invite))
    }
}

#[derive(Clone, Debug)]
struct Place {
    target: Target,
    /// How long a connection may take to be made.
    patience: Duration,
    /// It is tried over a connection that stood already, which the peer may have closed in the same moment.
    reuses: bool,
}

impl Courier {
    pub fn new(limits: Limits, spoken: Spoken, records: Rc<dyn Records>) -> Self {
        let dead = DeadTargets::new(limits.dead_targets, limits.dead_target);
        Self {
            limits,
            spoken,
            records,
            next: 0,
            sent: HashMap::new(),
            accepted: 0,
            by_client: HashMap::new(),
            resolving: HashMap::new(),
            dead,
            news: VecDeque::new(),
        }
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether everything under way has had its answer.
    pub fn is_settled(&self) -> bool {
        self.resolving.is_empty()
    }

    /// The next thing to tell the desk.
    pub fn next_news(&mut self) -> Option<(RequestId, News)> {
        self.news.pop_front()
    }

    fn tell(&mut self, id: RequestId, news: News) {
        self.news.push_back((id, news));
    }

    fn fail(&mut self, id: RequestId, fault: SendFault) {
        self.forget(id);
        self.tell(id, News::Failed(fault));
    }

    fn forget(&mut self, id: RequestId) {
        let Some(sending) = self.sent.remove(&id) else { return };
        self.accepted -= usize::from(sending.accepted);
        if let Some((client, _)) = sending.trying {
            self.by_client.remove(&client);
        }
    }

    /// The places of a request, those that failed lately behind the others.
    fn places(&self, mut targets: Vec<Target>, draft: &Draft, now: std::time::Instant) -> VecDeque<Place> {
        self.dead.last(&mut targets, now);
        let place = |target, patience| Place { target, patience, reuses: false };
        let has_udp = targets.iter().any(|target| target.transport == Transport::Udp);
        let is_large = has_udp && draft.finish().len() + VIA_ROOM > LARGEST_BY_UDP;
        let mut places = VecDeque::with_capacity(targets.len());
        for target in targets {
            if is_large && target.transport == Transport::Udp {
                let by_tcp = Target { transport: Transport::Tcp, ..target.clone() };
                places.push_back(place(by_tcp, self.limits.connect_large));
            }
            places.push_back(place(target, self.limits.connect));
        }
        places
    }
}

impl Works {
    /// See [`super::desk::Wire::send_to`].
    pub fn send_to(&mut self, draft: Draft, uri: &str) -> RequestId {
        let id = RequestId(self.courier.next);
        self.courier.next += 1;
        if self.courier.sent.len() - self.courier.accepted >= self.courier.limits.requests {
            one_more(&self.counters.requests_refused);
            self.courier.fail(id, SendFault::Full);
            return id;
        }
        let Some(wanted) = Uri::parse(uri).ok().and_then(|uri| Wanted::of(&uri).ok()) else {
            self.courier.fail(id, SendFault::NoTarget);
            return id;
        };
        let fault = SendFault::Unresolved;
        let mut sending = Box::new(Sending {
            draft: None,
            places: VecDeque::new(),
            trying: None,
            fault,
            refusal: None,
            cancelled: false,
            accepted: false,
        });
        match wanted.by_number(|transport| self.courier.spoken.speaks(transport)) {
            Some(target) => {
                sending.places = self.courier.places(vec![target], &draft, self.now);
                sending.draft = Some(draft);
                self.courier.sent.insert(id, sending);
                self.try_next(id);
            }
            None => {
                sending.draft = Some(draft);
                self.courier.sent.insert(id, sending);
                self.look_up(id, wanted);
            }
        }
        id
    }

    /// See [`super::desk::Wire::cancel_sent`].
    pub fn cancel_sent(&mut self, id: RequestId, reason: Option<&str>) {
        let Some(sending) = self.courier.sent.get_mut(&id) else { return };
        sending.cancelled = true;
        sending.places.clear();
        match &sending.trying {
            Some((client, _)) if sending.is_invite() => {
                self.transactions.cancel(*client, reason, self.now);
            }
            Some(_) => {}
            None => self.courier.fail(id, SendFault::Cancelled),
        }
    }

    fn look_up(&mut self, id: RequestId, wanted: Wanted) {
        if let Some(waiting) = self.courier.resolving.get_mut(&wanted) {
            return waiting.push(id);
        }
        if self.courier.resolving.len() >= self.courier.limits.resolutions {
            one_more(&self.counters.requests_refused);
            return self.courier.fail(id, SendFault::Full);
        }
        self.courier.resolving.insert(wanted.clone(), vec![id]);
        let (records, spoken, shard) = (self.courier.records.clone(), self.courier.spoken, self.shard.clone());
        let patience = self.courier.limits.resolution;
        tokio::task::spawn_local(async move {
            let found = timeout(patience, dns::resolve(&*records, &wanted, spoken)).await;
            if let Some(shard) = shard.upgrade() {
                shard.with_works(|works| works.found(&wanted, found.ok().flatten()));
            }
        });
    }

    fn found(&mut self, wanted: &Wanted, found: Option<Found>) {
        if found.is_none() {
            one_more(&self.counters.unresolved);
        }
        for id in self.courier.resolving.remove(wanted).unwrap_or_default() {
            // It may have been cancelled meanwhile.
            let Some(sending) = self.courier.sent.get(&id) else { continue };
            let Some(found) = &found else {
                self.courier.fail(id, SendFault::Unresolved);
                continue;
            };
            let targets = found.targets(|below| self.tokens.number() % below);
            let Some(draft) = &sending.draft else { continue };
            let places = self.courier.places(targets, draft, self.now);
            if let Some(sending) = self.courier.sent.get_mut(&id) {
                sending.places = places;
            }
            self.try_next(id);
        }
    }

    /// Tries the next place, and tells the end when there is none.
    fn try_next(&mut self, id: RequestId) {
        loop {
            let Some(sending) = self.courier.sent.get_mut(&id) else { return };
            let (Some(mut place), Some(draft)) = (sending.places.pop_front(), &sending.draft) else {
                return match sending.refusal.take() {
                    Some((response, hop)) => {
                        self.courier.forget(id);
                        self.courier.tell(id, News::Response { response, hop });
                    }
                    None => {
                        let fault = sending.fault;
                        self.courier.fail(id, fault);
                    }
                };
            };
            let draft = draft.clone();
            let Target { transport, peer, name } = place.target.clone();
            let way = Way { transport, peer, name };
            place.reuses = transport.is_reliable() && self.shared.flows.find(&way).is_some();
            let Some(hop) = self.transports.hop_to(way, place.patience, self.now) else {
                sending.fault = SendFault::Unreachable;
                continue;
            };
            return match self.request(draft, hop) {
                Ok(client) => {
                    self.courier.by_client.insert(client, id);
                    let bytes = self.transactions.sent_as(client);
                    bytes.into_iter().for_each(|bytes| self.courier.tell(id, News::Sent(bytes)));
                    if let Some(sending) = self.courier.sent.get_mut(&id) {
                        sending.trying = Some((client, place));
                    }
                }
                Err(Full) => self.courier.fail(id, SendFault::Full),
            };
        }
    }

    /// News of a transaction: those of the courier's end here.
    pub fn courier_hears(&mut self, heard: Heard) -> Option<Heard> {
        let client = match &heard {
            Heard::Response { id, .. }
            | Heard::StrayResponse { id, .. }
            | Heard::CancelSent { id, .. }
            | Heard::TimedOut { id }
            | Heard::Unreachable { id }
            | Heard::Ended { id } => *id,
            _ => return Some(heard),
        };
        let Some(&id) = self.courier.by_client.get(&client) else { return Some(heard) };
        match heard {
            Heard::Response { response, hop, .. } => self.answered(id, response, hop),
            Heard::StrayResponse { response, hop, .. } => self.courier.tell(id, News::StrayResponse { response, hop }),
            Heard::CancelSent { cancel, .. } => self.courier.tell(id, News::Sent(cancel)),
            Heard::TimedOut { .. } => self.failed(id, SendFault::TimedOut),
            Heard::Unreachable { .. } => self.failed(id, SendFault::Unreachable),
            Heard::Ended { .. } => {
                self.courier.forget(id);
                self.courier.tell(id, News::Ended);
            }
            other => return Some(other),
        }
        None
    }

    fn answered(&mut self, id: RequestId, response: Response, hop: Hop) {
        let Some(sending) = self.courier.sent.get_mut(&id) else { return };
        let status = response.status();
        if let Some((_, place)) = &sending.trying {
            let retry_after = response.retry_after().map(|seconds| Duration::from_secs(seconds.into()));
            match status == 503 {
                true => self.courier.dead.failed(&place.target, retry_after, self.now),
                false => self.courier.dead.answered(&place.target),
            }
        }
        if status == 503 {
            sending.refusal = Some((response, hop));
            return self.go_on(id);
        }
        // An accepted INVITE may be accepted again, by another branch of its fork.
        if sending.accepted || (sending.is_invite() && status.is_success()) {
            self.courier.accepted += usize::from(!mem::replace(&mut sending.accepted, true));
            (sending.draft, sending.places) = (None, VecDeque::new());
        } else if status.is_final() {
            self.courier.forget(id);
        }
        self.courier.tell(id, News::Response { response, hop });
    }

    fn failed(&mut self, id: RequestId, fault: SendFault) {
        let Some(sending) = self.courier.sent.get_mut(&id) else { return };
        sending.fault = fault;
        sending.refusal = None;
        let again = fault == SendFault::Unreachable && !sending.cancelled;
        if let Some((client, place)) = sending.trying.take_if(|(_, place)| again && place.reuses) {
            // The connection was old, and says nothing about whether a new one can be made.
            self.courier.by_client.remove(&client);
            sending.places.push_front(place);
            return self.try_next(id);
        }
        // Who was cancelled and says nothing is not to blame.
        if let Some((_, place)) = &sending.trying
            && !sending.cancelled
        {
            self.courier.dead.failed(&place.target, None, self.now);
        }
        self.go_on(id);
    }

    fn go_on(&mut self, id: RequestId) {
        let Some(sending) = self.courier.sent.get_mut(&id) else { return };
        if let Some((client, _)) = mem::take(&mut sending.trying) {
            self.courier.by_client.remove(&client);
        }
        if !sending.places.is_empty() {
            one_more(&self.counters.failovers);
        }
        self.try_next(id);
    }
}
