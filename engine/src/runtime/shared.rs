//! What the shards of one runtime have in common, and how they pass each other what is not theirs.
//! With one shard nothing is ever passed.

use std::net::SocketAddr;
use std::sync::Arc;

use patchcord_sip::hop::{FlowId, Transport};

use super::address::Addresses;
use super::clock::{self, Clock};
use super::entrance::Entrance;
use super::settings::{Listen, Settings};
use super::spread::Spread;
use super::stats::Counters;
use super::transport::flows::{Crowded, Flow, Flows};
use super::transport::tls::Tls;
use crate::bans::Bans;
use crate::redact::Redacted;
use crate::routing::Voucher;
use crate::seldom::Seldom;

/// What the shards have in common.
pub(crate) struct Shared {
    pub clock: Clock,
    pub settings: Settings,
    /// The listeners, now that their ports are known.
    pub bound: Vec<Listen>,
    pub addresses: Addresses,
    pub bans: Arc<Bans>,
    pub flows: Flows,
    pub tls: Tls,
    /// One for each shard.
    pub entrances: Vec<Entrance>,
    pub counters: Vec<Arc<Counters>>,
    /// A source that is turned away is worth a line in the log, and a flood of it is worth no more.
    turned_away: Seldom,
    spread: Spread,
}

impl Shared {
    pub fn new(
        settings: Settings,
        bound: Vec<Listen>,
        tls: Tls,
        (entrances, bans): (Vec<Entrance>, Arc<Bans>),
        start: u32,
    ) -> Self {
        let addresses = Addresses::new(settings.advertise.clone(), settings.local.clone(), bound.clone());
        let flows = Flows::new(settings.limits.clone(), start);
        let counters = entrances.iter().map(|_| Arc::default()).collect();
        let spread = Spread::new(entrances.len());
        Self {
            clock: Clock::default(),
            settings,
            bound,
            addresses,
            bans,
            flows,
            tls,
            entrances,
            counters,
            turned_away: Seldom::default(),
            spread,
        }
    }

    /// Takes in a connection that a peer made. Neighbours have a limit of their own: a proxy in front of us brings the
    /// phones of a whole town from one address.
    pub fn accept(
        &self,
        transport: Transport,
        peer: SocketAddr,
        vouched: Option<Voucher>,
    ) -> Result<Arc<Flow>, Crowded> {
        let accepted = self.flows.accept(transport, peer, self.addresses.is_local(peer.ip()), vouched);
        if let Err(crowded) = &accepted
            && let Some(unsaid) = self.turned_away.say(clock::now())
        {
            tracing::warn!(peer = %Redacted(peer.ip()), why = %crowded, unsaid, "connection turned away");
        }
        accepted
    }

    /// Who spreads the calls over the shards.
    pub fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Tells every shard that a connection has closed.
    pub async fn closed(&self, flow: FlowId) {
        for entrance in &self.entrances {
            // A shard that has ended has nobody left who would want to know.
            let _ended = entrance.closings.send(flow).await;
        }
    }
}
