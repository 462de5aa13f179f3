//! The end of a leg: its line, its port, and the names by which news find it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use patchcord_media::sdp::agreed::Sound;
use patchcord_media::shard::{Opened, PortId};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::Draft;
use patchcord_sip::transaction::ServerId;
use patchcord_sip::uri::Uri;

use super::outgoing::transport_of;
use super::pictures::Pictured;
use super::proof::GUEST;
use super::recording::Running;
use super::{Asked, Number, Place, Sent};
use crate::call::LegId;
use crate::errand::Quality;
use crate::line::{Lead, Line, Mark};
use crate::passes::Holder;
use crate::routing::{Caller, Endpoint, Full, Guest, Ticket, Trunk};
use crate::runtime::{SoundAddress, Wire};
use crate::switchboard::Switchboard;

/// Who is at the end of a leg.
#[derive(Clone, Debug)]
pub(super) enum Whose {
    /// An endpoint of ours.
    Endpoint(Arc<Endpoint>),
    /// A carrier.
    Trunk(Arc<Trunk>),
    /// Somebody else.
    Stranger(IpAddr),
    /// A guest that was given a few numbers, and where it is.
    Guest(Arc<Guest>, IpAddr),
}

impl Whose {
    /// As routing asks for it.
    pub fn caller(&self) -> Caller<'_> {
        match self {
            Self::Endpoint(endpoint) => Caller::Endpoint(&endpoint.user),
            Self::Trunk(trunk) => Caller::Trunk(&trunk.name),
            // Beyond the numbers that it was given, which it has called by now, a guest is a stranger.
            Self::Stranger(address) | Self::Guest(_, address) => Caller::Stranger(*address),
        }
    }

    /// The same for somebody who speaks to us over that: an endpoint over WebSocket is a browser.
    pub fn caller_over(&self, transport: Transport) -> Caller<'_> {
        match (self.caller(), transport) {
            (Caller::Endpoint(user), Transport::Ws | Transport::Wss) => Caller::Browser(user),
            (caller, _) => caller,
        }
    }
}

impl Whose {
    /// How it is named where a call knows only words.
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Endpoint(endpoint) => Some(format!("user:{}", endpoint.user)),
            Self::Trunk(trunk) => Some(format!("trunk:{}", trunk.name)),
            Self::Stranger(_) | Self::Guest(..) => None,
        }
    }

    /// Whom such a name means, if it is still there.
    pub fn of_account(account: &str, board: &Switchboard) -> Option<Self> {
        let holder = match account.split_once(':')? {
            ("user", user) => Holder::Endpoint(user.into()),
            ("trunk", name) => Holder::Trunk(name.into()),
            _ => return None,
        };
        Self::of_holder(&holder, board)
    }

    /// Who has shown a pass of ours, if it is still there.
    pub fn of_holder(holder: &Holder, board: &Switchboard) -> Option<Self> {
        match holder {
            Holder::Endpoint(user) => board.directory.find(user).map(Self::Endpoint),
            Holder::Trunk(name) => board.plan().trunk(name).cloned().map(Self::Trunk),
        }
    }

    /// Room for one more call of it.
    pub fn admit(&self, board: &Switchboard, urgent: bool, now: Instant) -> Result<Option<Ticket>, Full> {
        match self {
            Self::Endpoint(endpoint) => board.admit_endpoint(endpoint, urgent).map(Some),
            Self::Trunk(trunk) => trunk.admit(urgent, now).map(Some),
            Self::Stranger(address) => board.admit_stranger(*address, urgent).map(Some),
            Self::Guest(guest, _) => guest.enter().map(Some).ok_or(Full::Guest { limit: guest.calls }),
        }
    }
}

/// The way of a request that no dialog leads.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Along this one.
    Along(Hop),
    /// Wherever this address leads.
    To(String),
}

/// The end of one leg.
pub(super) struct End {
    pub leg: LegId,
    pub line: Line,
    /// The port of its sound, once there is one.
    pub port: Option<Opened>,
    /// Where its sound is taken.
    pub here: SoundAddress,
    /// Who it is, as far as rights and limits go.
    pub whose: Whose,
    /// The way by which its first request goes.
    pub opening: Way,
    /// What both descriptions agreed on.
    pub agreed: Option<Arc<Sound>>,
    /// Its pictures, where they may pass.
    pub pictures: Pictured,
    /// Whether its keys are listened for in its sound.
    pub hears_tones: bool,
    /// What is being recorded of it.
    pub recordings: Vec<Running>,
    /// Requests on their way.
    pub sent: Vec<(Mark, Sent)>,
    /// INVITEs of the party that may still be cancelled, or want their ACK.
    pub invites: Vec<ServerId>,
    /// The tag of its dialog, ours.
    pub tag: Box<str>,
    /// The connection that the party is reached by.
    pub flow: Option<FlowId>,
    /// The room that it takes of limits; given back when it goes.
    pub tickets: Vec<Ticket>,
    /// Who hears it and is heard by it.
    pub partner: Option<LegId>,
    /// The number or name of whoever was called there; empty for a party that called us.
    pub called: Box<str>,
    /// Since when a party that was called has answered.
    pub talks_since: Option<Instant>,
    /// Since when nothing at all has come from its party, where that is long.
    pub unheard: Option<Instant>,
    /// How its sound went when that was last told.
    pub quality: Option<Box<Quality>>,
    /// The call has heard that it is gone.
    pub gone: bool,
}

impl End {
    /// The end of a leg whose line is this, reached by that way.
    pub fn new(leg: LegId, line: Line, tag: &str, here: SoundAddress, whose: Whose, opening: Way) -> Self {
        let flow = match &opening {
            Way::Along(hop) if hop.transport.is_reliable() => Some(hop.flow),
            Way::Along(_) | Way::To(_) => None,
        };
        Self {
            leg,
            line,
            port: None,
            here,
            whose,
            opening,
            agreed: None,
            pictures: Pictured::default(),
            hears_tones: false,
            recordings: Vec::new(),
            sent: Vec::new(),
            invites: Vec::new(),
            tag: tag.into(),
            flow,
            tickets: Vec::new(),
            partner: None,
            called: Box::default(),
            unheard: None,
            quality: None,
            talks_since: None,
            gone: false,
        }
    }

    /// The name or number of the party.
    pub fn named(&self) -> Box<str> {
        match &self.whose {
            _ if !self.called.is_empty() => self.called.clone(),
            Whose::Endpoint(endpoint) => endpoint.user.as_ref().into(),
            Whose::Trunk(_) | Whose::Stranger(_) | Whose::Guest(..) => {
                let party = Uri::parse(self.line.address()).ok().and_then(|uri| Some(uri.user_text()?.into_owned()));
                party.unwrap_or_default().into()
            }
        }
    }

    /// As whom routing takes the party at this end when that number is to be called for it.
    pub fn caller_to(&self, called: &str) -> Caller<'_> {
        match (&self.whose, &self.opening) {
            (Whose::Guest(guest, _), _) if guest.names(called) => GUEST,
            (whose, Way::Along(hop)) => whose.caller_over(hop.transport),
            (whose, Way::To(_)) => whose.caller(),
        }
    }

    /// The way of a request that its line leads so. A connection that has closed leads nowhere any more; then the address
    /// must do.
    pub fn way(&self, lead: Lead, wire: &Wire<'_>) -> Way {
        match lead {
            Lead::Opening => self.opening.clone(),
            Lead::Hop(hop) if wire.is_open(hop.flow) => Way::Along(hop),
            Lead::Hop(_) => Way::To(self.line.address().to_owned()),
            Lead::Uri(uri) => Way::To(uri),
        }
    }

    /// Sends a request; `None` where there is no room for another one.
    pub fn send(&self, draft: Draft, lead: Lead, wire: &mut Wire<'_>) -> Option<Sent> {
        match self.way(lead, wire) {
            Way::Along(hop) => wire.request(draft, hop).ok().map(Sent::Along),
            Way::To(uri) => Some(Sent::To(wire.send_to(draft, &uri))),
        }
    }

    /// The way of an ACK, which is sent once and cannot wait for a name: where it cannot go to an address, it goes where the
    /// answer came from.
    pub fn hop_of(&self, lead: Lead, wire: &mut Wire<'_>) -> Option<Hop> {
        let uri = match self.way(lead, wire) {
            Way::Along(hop) => return Some(hop),
            Way::To(uri) => uri,
        };
        let there = Uri::parse(&uri).ok().and_then(|uri| {
            let transport = transport_of(&uri);
            Some((transport, SocketAddr::new(uri.address()?, uri.port().unwrap_or(transport.default_port()))))
        });
        match there {
            Some((transport, peer)) => wire.hop_to(transport, peer),
            None => self.line.hop().copied(),
        }
    }
}

/// How news find their end.
#[derive(Default)]
pub(super) struct Names {
    dialogs: HashMap<Box<str>, Place>,
    invites: HashMap<ServerId, Place>,
    sent: HashMap<Sent, Asked>,
    ports: HashMap<PortId, Place>,
    flows: HashMap<FlowId, Vec<Place>>,
}

impl Names {
    pub fn dialog(&self, tag: &str) -> Option<Place> {
        self.dialogs.get(tag).copied()
    }

    pub fn invite(&self, id: ServerId) -> Option<Place> {
        self.invites.get(&id).copied()
    }

    pub fn sent(&self, sent: Sent) -> Option<Asked> {
        self.sent.get(&sent).copied()
    }

    pub fn port(&self, port: PortId) -> Option<Place> {
        self.ports.get(&port).copied()
    }

    /// Whether a party is reached over a connection.
    pub fn talks_over(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    /// The legs that are reached over a connection.
    pub fn legs_over(&self, flow: FlowId) -> Vec<Place> {
        self.flows.get(&flow).cloned().unwrap_or_default()
    }

    /// How many names are known, of whatever kind.
    #[cfg(test)]
    pub fn all(&self) -> usize {
        self.dialogs.len() + self.invites.len() + self.sent.len() + self.ports.len() + self.flows.len()
    }

    /// How many legs there are.
    pub fn legs(&self) -> usize {
        self.dialogs.len()
    }

    /// A new end can be found by its dialog.
    pub fn enter(&mut self, number: Number, end: &End) {
        self.dialogs.insert(end.tag.clone(), (number, end.leg));
        if let Some(flow) = end.flow {
            self.flows.entry(flow).or_default().push((number, end.leg));
        }
    }

    /// An end belongs to another call now, with all that it waits for.
    pub fn enter_again(&mut self, number: Number, end: &End) {
        self.enter(number, end);
        let place = (number, end.leg);
        self.invites.extend(end.invites.iter().map(|id| (*id, place)));
        self.sent.extend(end.sent.iter().map(|(mark, sent)| (*sent, (number, end.leg, *mark))));
        self.ports.extend(end.port.iter().map(|port| (port.port, place)));
    }

    /// An INVITE of a party may be cancelled.
    pub fn enter_invite(&mut self, number: Number, end: &mut End, id: ServerId) {
        end.invites.push(id);
        self.invites.insert(id, (number, end.leg));
    }

    /// A request is on its way.
    pub fn enter_sent(&mut self, number: Number, end: &mut End, mark: Mark, sent: Sent) {
        end.sent.push((mark, sent));
        self.sent.insert(sent, (number, end.leg, mark));
    }

    /// A port is open.
    pub fn enter_port(&mut self, number: Number, leg: LegId, port: PortId) {
        self.ports.insert(port, (number, leg));
    }

    /// Nothing more comes of a request.
    pub fn forget_sent(&mut self, sent: Sent) -> Option<Asked> {
        self.sent.remove(&sent)
    }

    /// A port is closed.
    pub fn forget_port(&mut self, port: PortId) {
        self.ports.remove(&port);
    }

    /// An end is gone.
    pub fn leave(&mut self, end: &End) {
        let place = self.dialogs.remove(&end.tag);
        for id in &end.invites {
            self.invites.remove(id);
        }
        for (_, sent) in &end.sent {
            self.sent.remove(sent);
        }
        if let Some(port) = &end.port {
            self.ports.remove(&port.port);
        }
        if let Some(flow) = end.flow
            && let Some(places) = self.flows.get_mut(&flow)
        {
            if let Some(at) = places.iter().position(|there| Some(*there) == place) {
                places.swap_remove(at);
            }
            if places.is_empty() {
                self.flows.remove(&flow);
            }
        }
    }
}
