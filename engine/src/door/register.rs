//! REGISTER at the door: who says so, may they, and what stands afterwards.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use patchcord_sip::{
    message::{Draft, Name, Request},
    uri::{Scheme, Uri},
};

use super::{
    Moment,
    date::Date,
    refusal::{Refusal, SUPPORTED},
};
use crate::{
    redact::Redacted,
    routing::{Binding, Endpoint, RegisterError, Registered, Voucher, register},
    switchboard::{Proof, Switchboard},
};

/// How often a phone should show that its flow is alive (RFC 5626 §4.4.1): under the two minutes that NATs grant UDP,
/// and long enough to cost nothing.
const FLOW_TIMER_S: u32 = 100;

/// Room for the parameters of a usual contact.
const USUAL_PARAMS: usize = 16;

/// Serves a REGISTER; gives back the 200, or why not.
pub(super) fn serve(board: &Switchboard, request: &Request, moment: &Moment) -> Result<Draft, Refusal> {
    let endpoint = who(board, request, moment)?;
    bind(board, request, &endpoint, moment)
}

/// The endpoint that a REGISTER is of, which may send it.
pub(super) fn who(board: &Switchboard, request: &Request, moment: &Moment) -> Result<Arc<Endpoint>, Refusal> {
    let target = request.uri()?;
    if !board.serves_domain(target.host().unwrap_or_default()) {
        return Err(Refusal::new(404, "Not A Domain Of This Server"));
    }
    let address = request.to()?;
    let endpoint = prove(board, request, &address.uri, moment)?;
    match (address.uri.scheme(), address.uri.user_text()) {
        (Scheme::Sip | Scheme::Sips, Some(user)) if user == *endpoint.user => {}
        (Scheme::Sip | Scheme::Sips, Some(_)) => return Err(Refusal::new(403, "An Endpoint Registers Only Itself")),
        _ => return Err(Refusal::new(404, "No Such Address Of Record Here")),
    }
    Ok(endpoint)
}

/// Does what a REGISTER of that endpoint wishes.
pub(super) fn bind(
    board: &Switchboard,
    request: &Request,
    endpoint: &Endpoint,
    moment: &Moment,
) -> Result<Draft, Refusal> {
    let registered = register(&board.location, &board.rules, &endpoint.user, request, &moment.hop, moment.now)?;
    board.tally.registered.fetch_add(1, Relaxed);
    board.failures.is_in(&endpoint.user);
    tracing::debug!(endpoint = %Redacted(&endpoint.user), bindings = registered.bindings.len(), "registered");
    Ok(accepted(request, &registered, moment))
}

/// The endpoint that sends this, by its password.
pub(super) fn prove(
    board: &Switchboard,
    request: &Request,
    to: &Uri<'_>,
    moment: &Moment,
) -> Result<Arc<Endpoint>, Refusal> {
    if !board.serves_domain(to.host().unwrap_or_default()) {
        return Err(Refusal::new(404, "No Such Address Of Record Here"));
    }
    match &moment.vouched {
        Some(Voucher::Endpoint(user)) => {
            return board.directory.find(user).ok_or_else(|| Refusal::new(403, "The Endpoint Is Gone"));
        }
        Some(Voucher::Guest(_)) => return Err(Refusal::new(403, "Guests Do Not Register")),
        None => {}
    }
    let realm = board.realm(to);
    match board.prove(request, realm, moment.now)? {
        Proof::Of(endpoint) => Ok(endpoint),
        Proof::Missing { stale } => Err(Refusal::challenged(board.challenges(to, stale, moment.random, moment.now))),
        Proof::Wrong => {
            board.note_wrong(to, moment);
            Err(Refusal::new(403, "Wrong User Name Or Password"))
        }
    }
}

fn accepted(request: &Request, registered: &Registered, moment: &Moment) -> Draft {
    let reply = Draft::reply(request, moment.hop.peer, 200);
    let bindings = registered.bindings.iter();
    let mut reply = bindings.fold(reply, |reply, binding| reply.text(Name::Contact, &contact(binding, moment.now)));
    for path in request.list(Name::Path) {
        reply = reply.text(Name::Path, path);
    }
    if registered.outbound {
        reply = reply.header(Name::Require, "outbound").header(Name::Other("Flow-Timer"), FLOW_TIMER_S);
    }
    reply.text(Name::Supported, SUPPORTED).text(Name::Date, &Date(moment.wall).text())
}

/// A binding as the 200 lists it (§10.3 step 8), with the whole seconds that are left.
fn contact(binding: &Binding, now: Instant) -> String {
    let mut value = String::with_capacity(binding.contact.len() + USUAL_PARAMS);
    value.extend(["<", &*binding.contact, ">"]);
    // Writing into memory cannot fail.
    let _ = match binding.q_thousandths {
        1000 => Ok(()),
        q => write!(value, ";q=0.{q:03}"),
    };
    if let Some(instance) = &binding.instance {
        value.extend([";+sip.instance=\"", instance, "\""]);
    }
    if let Some(reg_id) = binding.reg_id {
        let _ = write!(value, ";reg-id={reg_id}");
    }
    let _ = write!(value, ";expires={}", binding.left(now).as_secs());
    value
}

impl From<RegisterError> for Refusal {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Malformed(fault) => fault.into(),
            RegisterError::TooBrief { least } => Self::interval_too_brief(least.as_secs()),
            RegisterError::OutOfOrder => Self::new(500, "An Older REGISTER Came After A Newer One"),
            RegisterError::TooMany { most } => Self::new(403, format!("Too Many Contacts, At Most {most} Are Held")),
            RegisterError::NoOutbound => Self::new(439, "First Hop Lacks Outbound Support"),
        }
    }
}
