//! The door as a desk: it sits on a shard, answers at once, and sweeps the location now and then.

use std::time::{Duration, Instant};

use patchcord_sip::{
    hop::FlowId,
    message::{Method, Request},
    transaction::Heard,
};

use super::{Door, Moment};
use crate::{
    redact::Redacted,
    runtime::{Desk, Wire},
};

/// How often a stripe of the location is swept: the whole table in sixteen seconds.
const SWEEP_EVERY: Duration = Duration::from_millis(250);

impl Desk for Door {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        // Everything is answered finally and at once, so that neither an ACK nor a CANCEL finds anything left to do,
        // and the door sends no requests whose answers it could hear.
        let Heard::Request { id, request, hop } = heard else { return };
        let moment = Moment::of(&hop, wire);
        let reply = span(&request).in_scope(|| self.answer(&request, &moment));
        if *request.method() == Method::Invite {
            // All of them are refused so far, and none has proved where it came from.
            return wire.refuse(id, reply);
        }
        let reply = reply.to_tag(wire.tokens().tag().as_str());
        let status = reply.status().expect("a reply has a status");
        wire.respond(id, status, reply.finish());
    }

    fn flow_closed(&mut self, flow: FlowId, wire: &mut Wire<'_>) {
        // When we stop it is we who close: the phone has not gone, and its binding is kept over the restart.
        if !wire.is_stopping() {
            self.board.location.flow_closed(flow);
        }
    }

    fn needs(&self, flow: FlowId) -> bool {
        self.board.location.is_reached_by(flow)
    }

    fn deadline(&self) -> Option<Instant> {
        self.next_sweep
    }

    fn wake(&mut self, wire: &mut Wire<'_>) {
        let lapsed = self.board.location.sweep(wire.now());
        if lapsed > 0 {
            tracing::debug!(lapsed, "bindings lapsed");
        }
        self.next_sweep = Some(wire.now() + SWEEP_EVERY);
    }
}

/// Names the request in whatever is logged about it. A Call-ID often ends with the phone's address; its beginning is
/// enough to find it by.
fn span(request: &Request) -> tracing::Span {
    let id = || request.call_id().unwrap_or_default().split('@').next().unwrap_or_default();
    let user = || request.to().ok().and_then(|to| to.uri.user_text()).unwrap_or_default();
    match request.method() {
        Method::Register => tracing::debug_span!("registration", endpoint = %Redacted(user()), id = id()),
        method => tracing::debug_span!("request", %method, id = id()),
    }
}
