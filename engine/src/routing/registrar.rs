//! REGISTER, as RFC 3261 §10.3 has it, with Path (RFC 3327) and flows (RFC 5626).
//!
//! The registrar is told who the phone is after its password was checked. It reads the request, changes the
//! [`Location`] whole or not at all, and says what stands now. It writes no message; the door does.
//!
//! A phone that comes back from a restart, or from another port, takes the place of what it had before. An endpoint that
//! holds as many bindings as it may gives up the one that was refreshed longest ago: who is here now is worth more than
//! who was.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use patchcord_sip::{
    hop::Hop,
    message::{Contact, Fault, Name, NameAddr, Request},
    uri::{MAX_URI, Scheme, Uri},
};

use super::{
    binding::{Binding, Reach},
    kept::{self, MAX_CALL_ID, MAX_INSTANCE, MAX_PATH},
    location::Location,
};

/// What a registrar allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrarRules {
    /// Shortest registration; shorter ones are answered 423. A minute keeps the smallest NATs open and the load bearable.
    pub min_expires: Duration,
    /// Longest registration; longer wishes are cut to it, so that a phone that has gone is not called for a day.
    pub max_expires: Duration,
    /// What a phone gets that does not ask.
    pub default_expires: Duration,
    /// Most bindings of one endpoint: every phone and browser of a busy person, and an end to what a stolen password fills.
    /// Beyond it the one that was refreshed longest ago gives way.
    pub contacts: usize,
}

impl Default for RegistrarRules {
    fn default() -> Self {
        Self {
            min_expires: Duration::from_secs(60),
            max_expires: Duration::from_secs(7200),
            default_expires: Duration::from_secs(3600),
            contacts: 10,
        }
    }
}

/// Why a REGISTER changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The request contradicts itself or the grammar.
    #[error(transparent)]
    Malformed(#[from] Fault),
    /// Too short a time was asked for.
    #[error("a registration lasts at least {least:?}")]
    TooBrief {
        /// The shortest that we take.
        least: Duration,
    },
    /// A later REGISTER of the same Call-ID was here already (§10.3 step 7).
    #[error("an older REGISTER came after a newer one")]
    OutOfOrder,
    /// One REGISTER asks for more bindings than the endpoint may hold.
    #[error("an endpoint holds at most {most} bindings")]
    TooMany {
        /// How many that is.
        most: usize,
    },
    /// A flow was asked for, but a proxy on the way would lose it (RFC 5626 §6).
    #[error("the first proxy does not keep flows")]
    NoOutbound,
}

/// What stands after a REGISTER.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// All bindings of the endpoint.
    pub bindings: Vec<Arc<Binding>>,
    /// Whether the phone's flow is kept as RFC 5626 has it.
    pub outbound: bool,
}

/// One binding that is asked for, or asked to go.
struct Wish<'a> {
    contact: &'a str,
    uri: Uri<'a>,
    instance: Option<&'a str>,
    reg_id: Option<u32>,
    q_thousandths: u16,
    lasts: Duration,
}

/// Everything a REGISTER asks.
enum Wishes<'a> {
    /// No Contact: only tell.
    Tell,
    /// `Contact: *`: all must go.
    Clear,
    /// These, whole or not at all.
    Bind(Vec<Wish<'a>>),
}

/// Serves one REGISTER of `user`, whose right to it was checked, and which came over `hop`.
pub fn register(
    location: &Location,
    rules: &RegistrarRules,
    user: &Arc<str>,
    request: &Request,
    hop: &Hop,
    now: Instant,
) -> Result<Registered, RegisterError> {
    let call_id = kept::fit(request.call_id()?, MAX_CALL_ID, kept::CALL_ID)?;
    let cseq = request.cseq()?.number;
    let wishes = read_wishes(request, rules)?;
    let path = read_path(request)?;
    let outbound = asks_outbound(request, &wishes);
    if outbound && !keeps_flow(request, &path) {
        return Err(RegisterError::NoOutbound);
    }
    let user_agent = request.get(Name::UserAgent).and_then(kept::user_agent);
    let stamp = Stamp { call_id, cseq, path, outbound, hop, user_agent, now };
    location.update(user, now, |held| {
        match &wishes {
            Wishes::Tell => {}
            Wishes::Clear => stamp.clear(held)?,
            Wishes::Bind(wishes) => stamp.bind_all(held, wishes, rules.contacts)?,
        }
        Ok(Registered { bindings: held.clone(), outbound })
    })
}

fn read_wishes<'a>(request: &'a Request, rules: &RegistrarRules) -> Result<Wishes<'a>, RegisterError> {
    let expires = request.expires();
    let mut wishes = Vec::new();
    let (mut star, mut bindings) = (false, 0);
    for contact in request.contacts() {
        match contact? {
            Contact::Star => star = true,
            Contact::Addr(contact) => wishes.push(read_wish(&contact, expires, rules)?),
        }
        // Before anything is looked up: a long list must not cost more than its length.
        bindings += usize::from(wishes.last().is_some_and(|wish| !wish.lasts.is_zero()));
        if bindings > rules.contacts {
            return Err(RegisterError::TooMany { most: rules.contacts });
        }
    }
    if star {
        let alone = wishes.is_empty() && request.contacts().count() == 1;
        return match expires {
            Some(0) if alone => Ok(Wishes::Clear),
            _ => Err(Fault::bad("Contact * Needs Expires 0 And No Other Contact").into()),
        };
    }
    if wishes.iter().filter(|wish| wish.reg_id.is_some() && !wish.lasts.is_zero()).count() > 1 {
        return Err(Fault::bad("More Than One Contact With reg-id").into());
    }
    Ok(if wishes.is_empty() { Wishes::Tell } else { Wishes::Bind(wishes) })
}

fn read_wish<'a>(
    contact: &NameAddr<'a>,
    expires: Option<u32>,
    rules: &RegistrarRules,
) -> Result<Wish<'a>, RegisterError> {
    let uri = contact.uri;
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return Err(Fault::bad("Contact Must Be A sip, sips Or tel Address").into());
    }
    let asked = contact.expires().or(expires).map_or(rules.default_expires, |s| Duration::from_secs(s.into()));
    if !asked.is_zero() && asked < rules.min_expires {
        return Err(RegisterError::TooBrief { least: rules.min_expires });
    }
    let instance = contact.instance().map(|said| kept::fit(said, MAX_INSTANCE, kept::INSTANCE)).transpose()?;
    Ok(Wish {
        contact: kept::fit(uri.as_str(), MAX_URI, kept::CONTACT)?,
        uri,
        instance,
        // RFC 5626 §6: a reg-id says nothing without the instance that it belongs to.
        reg_id: instance.and(contact.reg_id()),
        q_thousandths: preference(contact)?,
        lasts: asked.min(rules.max_expires),
    })
}

fn preference(contact: &NameAddr<'_>) -> Result<u16, Fault> {
    match contact.q() {
        None if contact.params.has("q") => Err(Fault::bad("Contact With A q That Is No Number From 0 To 1")),
        q => Ok(q.unwrap_or(1000)),
    }
}

/// Every Path entry must be an address: calls will be sent along it.
fn read_path(request: &Request) -> Result<Box<[Box<str>]>, Fault> {
    let mut room = MAX_PATH;
    let hops = request.paths().map(|hop| {
        let hop = kept::fit(hop?.as_str(), room, kept::PATH)?;
        room -= hop.len();
        Ok(hop.into())
    });
    hops.collect()
}

fn asks_outbound(request: &Request, wishes: &Wishes<'_>) -> bool {
    let flow = |wish: &Wish<'_>| wish.reg_id.is_some();
    matches!(wishes, Wishes::Bind(wishes) if wishes.iter().any(flow)) && request.supports("outbound")
}

/// Whether we are the phone's first hop, or the proxy that is marks its Path with `ob`.
fn keeps_flow(request: &Request, path: &[Box<str>]) -> bool {
    match path.last() {
        Some(nearest_to_the_phone) => nearest_to_the_phone.contains(";ob"),
        None => request.vias().count() == 1,
    }
}

/// What every binding of one REGISTER has in common.
struct Stamp<'a> {
    call_id: &'a str,
    cseq: u32,
    path: Box<[Box<str>]>,
    outbound: bool,
    hop: &'a Hop,
    user_agent: Option<Box<str>>,
    now: Instant,
}

impl Stamp<'_> {
    fn clear(&self, held: &mut Vec<Arc<Binding>>) -> Result<(), RegisterError> {
        held.iter().try_for_each(|binding| self.follows(binding))?;
        held.clear();
        Ok(())
    }

    /// Grants every wish; of several that mean the same binding, the last.
    fn bind_all(&self, held: &mut Vec<Arc<Binding>>, wishes: &[Wish<'_>], most: usize) -> Result<(), RegisterError> {
        let mut standing: Vec<_> = held.drain(..).map(Standing::Old).collect();
        wishes.iter().try_for_each(|wish| self.bind(&mut standing, wish))?;
        while standing.len() > most {
            let worth = |old: &Binding| (old.reachable(), old.updated);
            let olds = standing.iter().enumerate().filter_map(|(at, one)| Some((at, one.old()?)));
            // One REGISTER asks for no more than there may be, so there is an old one to give way.
            let Some((at, _)) = olds.min_by_key(|(_, old)| worth(old)) else { break };
            standing.remove(at);
        }
        held.extend(standing.into_iter().map(|(Standing::Old(binding) | Standing::Fresh(binding))| binding));
        Ok(())
    }

    fn bind(&self, standing: &mut Vec<Standing>, wish: &Wish<'_>) -> Result<(), RegisterError> {
        let known = standing.iter().position(|one| is_same(one.binding(), wish));
        if let Some(Standing::Old(old)) = known.map(|known| &standing[known]) {
            self.follows(old)?;
        }
        if wish.lasts.is_zero() {
            known.map(|known| standing.remove(known));
            return Ok(());
        }
        let fresh = Arc::new(self.binding(wish));
        match known {
            Some(known) => standing[known] = Standing::Fresh(fresh),
            None => {
                let gives_way = |one: &Standing| one.old().is_some_and(|old| has_come_back(old, &fresh, &wish.uri));
                standing.iter().filter(|one| gives_way(one)).try_for_each(|one| self.follows(one.binding()))?;
                standing.retain(|one| !gives_way(one));
                standing.push(Standing::Fresh(fresh));
            }
        }
        Ok(())
    }

    /// §10.3 step 7: within one Call-ID only a higher CSeq may change a binding.
    fn follows(&self, binding: &Binding) -> Result<(), RegisterError> {
        let late = *binding.call_id == *self.call_id && self.cseq <= binding.cseq;
        if late { Err(RegisterError::OutOfOrder) } else { Ok(()) }
    }

    fn binding(&self, wish: &Wish<'_>) -> Binding {
        let outbound = self.outbound && wish.reg_id.is_some();
        Binding {
            contact: wish.contact.into(),
            instance: wish.instance.map(Into::into),
            reg_id: wish.reg_id,
            q_thousandths: wish.q_thousandths,
            path: self.path.clone(),
            call_id: self.call_id.into(),
            cseq: self.cseq,
            expires: self.now + wish.lasts,
            updated: self.now,
            hop: *self.hop,
            reach: match self.path.is_empty() {
                true => Reach::of(wish.uri.host().unwrap_or_default(), wish.uri.port(), self.hop, outbound),
                // A proxy stands between: its Path leads to the phone, whatever its Contact says.
                false => Reach::Contact,
            },
            user_agent: self.user_agent.clone(),
        }
    }
}

/// A binding that stood before this REGISTER, or that it has made.
enum Standing {
    Old(Arc<Binding>),
    Fresh(Arc<Binding>),
}

impl Standing {
    fn binding(&self) -> &Binding {
        match self {
            Self::Old(binding) | Self::Fresh(binding) => binding,
        }
    }

    fn old(&self) -> Option<&Binding> {
        match self {
            Self::Old(binding) => Some(binding),
            Self::Fresh(_) => None,
        }
    }
}

/// Whether a wish means this binding: the same flow of the same phone, or else the same address.
fn is_same(binding: &Binding, wish: &Wish<'_>) -> bool {
    match (wish.instance, wish.reg_id) {
        (Some(instance), Some(reg_id)) => {
            binding.instance.as_deref() == Some(instance) && binding.reg_id == Some(reg_id)
        }
        _ => {
            *binding.contact == *wish.contact || Uri::parse(&binding.contact).is_ok_and(|uri| uri.equivalent(&wish.uri))
        }
    }
}

/// Whether a phone whose binding at `uri` is new stands where `old` stood: it lost that with our restart, or it has been
/// started anew (RFC 5626 §4.1: its instance outlives that, its Call-ID does not), or it was moved to another port or
/// address. A phone that names its flows says itself which one it means.
fn has_come_back(old: &Binding, fresh: &Binding, uri: &Uri<'_>) -> bool {
    if old.reach == Reach::Lost && is_same_phone(old, fresh) {
        return true;
    }
    let same_instance = fresh.instance.is_some() && old.instance == fresh.instance;
    let unnamed = old.reg_id.is_none() && fresh.reg_id.is_none();
    let was_moved = || Uri::parse(&old.contact).is_ok_and(|old| differs_by_place_only(&old, uri));
    same_instance && unnamed && (old.call_id != fresh.call_id || was_moved())
}

fn differs_by_place_only(one: &Uri<'_>, other: &Uri<'_>) -> bool {
    let way = |uri: &Uri<'_>| uri.transport().map(|transport| transport.to_ascii_lowercase());
    one.scheme() == other.scheme() && one.user_text() == other.user_text() && way(one) == way(other)
}

fn is_same_phone(old: &Binding, fresh: &Binding) -> bool {
    match (&old.instance, &fresh.instance) {
        (Some(old), Some(fresh)) => old == fresh,
        _ => old.peer().ip() == fresh.peer().ip() && old.user_agent == fresh.user_agent,
    }
}

#[cfg(test)]
mod tests;
