//! Pictures that pass between two legs which both have them.
//!
//! Nothing here understands pictures, so one leg is offered what the other one has, and both get what came of it:
//!
//! ```text
//! caller offers ─▶ callee is offered the same ─▶ callee takes one ─▶ caller is answered with that one ─▶ ports are joined
//! party offers in mid-call ─▶ its offer waits ─▶ partner is offered the same, and says yes or no ─▶ the party is answered
//! ```
//!
//! Where no partner has pictures there are none: a service, a prompt and a room answer such a line with port 0. Who had some
//! and has no partner for them any more is asked to send and expect none, and asked again when there is one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::sdp::Format;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::sdp::fmtp;
use patchcord_media::shard::{Open, OpenError, Opened, Order, PortId, Terms, Weight};
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Request};
use patchcord_sip::transaction::ServerId;

use super::Turn;
use super::talk::Talk;
use crate::call::LegId;
use crate::line::ShownAt;

/// How long an offer waits for what the partner says to the same: somebody may be asked whether to be seen.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pictures of a leg.
#[derive(Default)]
pub(super) struct Pictured {
    port: Option<Box<Opened>>,
    /// What the port was told last.
    tuned: Option<Arc<Sound>>,
    /// Whose pictures it is shown.
    looks_at: Option<PortId>,
    /// Whether it was shown any.
    has_looked: bool,
    /// An offer of the party that waits for what the partner says.
    asks: Option<Box<Asks>>,
}

/// A re-INVITE that would show pictures.
struct Asks {
    id: ServerId,
    request: Request,
    hop: Hop,
    partner: LegId,
    until: Instant,
}

impl Pictured {
    /// Its port, where there is one.
    pub fn port(&self) -> Option<PortId> {
        self.port.as_ref().map(|port| port.port)
    }

    /// Until when an offer of the party waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.asks.as_ref().map(|asks| asks.until)
    }
}

impl Talk {
    /// A party that is called is offered the pictures that its caller has.
    pub(super) fn show_callers(&mut self, leg: LegId, caller: Option<LegId>, turn: &mut Turn<'_, '_>) {
        let caller = caller.and_then(|caller| self.end(caller));
        let formats = caller.map(|end| end.line.pictures_offered().to_vec()).unwrap_or_default();
        self.show(leg, &formats, turn);
    }

    /// A caller that is answered because somebody else has answered gets the pictures that this one took.
    pub(super) fn show_partners(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        let Some(end) = self.end(leg).filter(|end| end.pictures.port.is_none()) else { return };
        if end.line.pictures_offered().is_empty() {
            return;
        }
        let others = || self.ends.iter().filter(|end| end.leg != leg && !end.gone);
        // What others would take who have not answered counts as long as nobody has.
        let is_answered = others().any(|end| end.line.is_up());
        let took = others().filter(|end| end.line.is_up() == is_answered).filter_map(|end| end.line.pictures());
        let took = took.into_iter().find_map(|pictures| pictures.send.first()).cloned();
        self.show(leg, took.as_slice(), turn);
    }

    /// Pictures of these formats are offered to a leg, or taken from it, with its next description. Whether they will be.
    fn show(&mut self, leg: LegId, formats: &[Format], turn: &mut Turn<'_, '_>) -> bool {
        let (Some(kbit), Some(plane), false) = (turn.wire.picture_kbit(), turn.wire.plane(), formats.is_empty()) else {
            return false;
        };
        let listener = turn.wire.listener();
        let Some(end) = self.end(leg) else { return false };
        let Some(sound) = end.port else { return false };
        let is_browser = end.line.is_browser();
        let wanted = Open {
            address: if is_browser { end.here.exact } else { end.here.bind },
            listener,
            reports: true,
            weight: Weight::PICTURES,
            beside: Some(sound.port),
        };
        let shown = end.here.shown;
        let at = |socket: std::net::SocketAddr| std::net::SocketAddr::new(shown, socket.port());
        let opened: Result<_, OpenError> = match is_browser {
            true => plane.open_pictures(&wanted, sound).map(|(opened, source)| (opened, ShownAt::Beside(source))),
            false => plane.open(&wanted).map(|opened| (opened, ShownAt::Ports(at(opened.rtp), opened.rtcp.map(at)))),
        };
        match opened {
            Ok((opened, place)) => {
                let before = end.pictures.port.replace(Box::new(opened));
                end.pictures.tuned = None;
                if let Some(before) = before {
                    self.order(before.port, Order::Close, turn);
                }
                self.on_line(leg, turn, |line, cx| line.show(formats, kbit, place, cx));
                true
            }
            // A call without pictures is better than none.
            Err(error) => {
                tracing::warn!(%error, "a call has no pictures");
                false
            }
        }
    }

    /// What was agreed of a leg's pictures holds for its port.
    pub(super) fn tune_pictures(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        let Some(at) = self.ends.iter().position(|end| end.leg == leg) else { return };
        let end = &mut self.ends[at];
        if end.line.pictures() == end.pictures.tuned.as_ref() {
            return;
        }
        let (agreed, kbit) = (end.line.pictures().cloned(), turn.wire.picture_kbit());
        let before = std::mem::replace(&mut end.pictures.tuned, agreed.clone());
        let (Some(agreed), Some(port), Some(kbit)) = (agreed, end.pictures.port(), kbit) else { return };
        match Terms::of_pictures(&agreed, before.as_deref(), kbit) {
            Ok(terms) => self.order(port, Order::Tune(Box::new(terms)), turn),
            Err(unfit) => tracing::debug!(%unfit, "pictures cannot pass"),
        }
        if before.is_none() {
            self.note_pictures(leg, &agreed, turn);
        }
    }

    /// Pictures follow the sound: those of two who are joined pass from one to the other where both have them, and nobody
    /// else's go anywhere.
    pub(super) fn match_pictures(&mut self, turn: &mut Turn<'_, '_>) {
        if self.ends.iter().all(|end| end.pictures.port.is_none() && end.pictures.asks.is_none()) {
            return;
        }
        for leg in self.ends.iter().map(|end| end.leg).collect::<Vec<_>>() {
            self.answer_asked(leg, turn);
            self.match_one(leg, turn);
        }
    }

    fn match_one(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        let Some(at) = self.ends.iter().position(|end| end.leg == leg && !end.gone) else { return };
        let end = &self.ends[at];
        let is_settled = end.line.is_up() && !end.line.is_changing_pictures();
        if is_settled && end.pictures.tuned.is_none() {
            // Offered and not taken, or taken away.
            self.close_pictures(at, turn);
            self.ends[at].line.hide();
            return;
        }
        let (Some(port), partner) = (end.pictures.port(), end.partner) else { return };
        let partner = partner.and_then(|partner| self.ends.iter().find(|end| end.leg == partner && !end.gone));
        let seen = partner.filter(|partner| agree(&end.pictures, &partner.pictures));
        let sight = seen.and_then(|partner| partner.pictures.port());
        let is_alone = partner.is_none_or(|partner| partner.line.is_up() && !partner.line.is_changing_pictures());
        let had = end.pictures.has_looked || partner.is_some();
        if sight != end.pictures.looks_at {
            let order = sight.map_or(Order::Part, Order::Bridge);
            self.order(port, order, turn);
            let pictures = &mut self.ends[at].pictures;
            (pictures.looks_at, pictures.has_looked) = (sight, pictures.has_looked || sight.is_some());
        }
        // Before anybody was seen it is not known yet who will be.
        let look = sight.is_some();
        if is_settled && (look || (is_alone && had)) {
            self.on_line(leg, turn, |line, cx| line.look(look, cx));
        }
    }

    /// Closes the port of a leg's pictures.
    pub(super) fn close_pictures(&mut self, at: usize, turn: &mut Turn<'_, '_>) {
        let pictures = std::mem::take(&mut self.ends[at].pictures);
        self.ends[at].pictures.asks = pictures.asks;
        if let Some(port) = pictures.port {
            self.order(port.port, Order::Close, turn);
        }
    }

    /// A party wants to show pictures in mid-call: its partner is offered the same first, and it waits. Whether it does.
    pub(super) fn asks_to_show(
        &mut self,
        leg: LegId,
        (id, request, hop): (ServerId, &Request, &Hop),
        turn: &mut Turn<'_, '_>,
    ) -> bool {
        let Some(end) = self.end(leg).filter(|end| end.pictures.asks.is_none()) else { return false };
        let (formats, partner) = (end.line.wants_to_show(request), end.partner);
        let Some(partner) = partner.filter(|_| !formats.is_empty()) else { return false };
        let is_ready = |end: &&mut super::ends::End| end.line.is_up() && end.pictures.asks.is_none();
        let Some(other) = self.end(partner).filter(is_ready) else { return false };
        // A partner that has pictures, and lost whoever it showed them to, has said already which.
        if other.line.pictures().is_none() {
            if other.line.is_changing_pictures() || !self.show(partner, &formats, turn) {
                return false;
            }
            self.on_line(partner, turn, |line, cx| line.offer_pictures(cx));
        }
        let until = turn.now() + PATIENCE;
        let Some(end) = self.end(leg) else { return false };
        end.pictures.asks = Some(Box::new(Asks { id, request: request.clone(), hop: *hop, partner, until }));
        true
    }

    /// The partner has said what it takes, or nobody waits for it any more: the party is answered.
    fn answer_asked(&mut self, leg: LegId, turn: &mut Turn<'_, '_>) {
        let Some(end) = self.end(leg) else { return };
        let (Some(asks), is_up) = (end.pictures.asks.take(), end.line.is_up()) else { return };
        let partner = self.ends.iter().find(|end| end.leg == asks.partner && !end.gone);
        let is_late = asks.until <= turn.now();
        let is_open = partner.is_some_and(|partner| partner.line.is_changing_pictures());
        if is_open && !is_late && is_up {
            if let Some(end) = self.end(leg) {
                end.pictures.asks = Some(asks);
            }
            return;
        }
        let took = partner.and_then(|partner| partner.line.pictures()).and_then(|pictures| pictures.send.first());
        let took = took.cloned();
        self.show(leg, took.as_slice(), turn);
        let Asks { id, request, hop, .. } = *asks;
        self.on_line(leg, turn, |line, cx| line.request(id, &request, &hop, cx));
    }

    /// The party has given up an offer that waits; whether it was that.
    pub(super) fn shows_no_more(&mut self, leg: LegId, id: ServerId, turn: &mut Turn<'_, '_>) -> bool {
        let Some(end) = self.end(leg) else { return false };
        let Some(asks) = end.pictures.asks.take_if(|asks| asks.id == id) else { return false };
        let reply = Draft::reply(&asks.request, asks.hop.peer, 487).to_tag(end.line.tag());
        turn.wire.respond(id, 487, reply.finish());
        true
    }
}

/// Whether two legs have the same pictures.
fn agree(one: &Pictured, other: &Pictured) -> bool {
    let format = |pictured: &Pictured| pictured.tuned.as_ref().and_then(|pictures| pictures.send.first().cloned());
    let (Some(one), Some(other)) = (format(one), format(other)) else { return false };
    one.codec == other.codec && fmtp::agree(&one.codec, one.parameters.as_deref(), other.parameters.as_deref())
}
