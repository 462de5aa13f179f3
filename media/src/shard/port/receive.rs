//! What came from the party: taken, refused, or passed on.

use std::net::SocketAddr;

use super::{Moment, Port, Route};
use crate::codec::Kind;
use crate::rtp::packet::{Head, View};
use crate::shard::notice::{News, Notice};
use crate::shard::poll::Place;

/// Where a packet goes from here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// Nowhere: it was refused, or used up here.
    Nowhere,
    /// To the port at that place, as sound of this codec.
    Sound(Place, Head, Kind),
    /// Back where it came from.
    Back(Head, Kind),
    /// To the port at that place, as it is.
    Bytes(Place),
}

impl Port {
    /// Takes a datagram of the sound's socket; `from` is known while the socket is loose.
    pub fn take(&mut self, datagram: &[u8], from: Option<SocketAddr>, moment: Moment, news: &mut News) -> Onward {
        if let Route::Relay(partner) = self.route {
            if let Some(from) = from {
                self.rtp.hold_fast(from);
            }
            self.hear(moment, news);
            return Onward::Bytes(partner);
        }
        let Ok(view) = View::parse(datagram) else {
            self.totals.refused += 1;
            return Onward::Nowhere;
        };
        let head = view.head();
        let Some(kind) = self.kind_of(head.payload_type) else {
            self.totals.refused += 1;
            return Onward::Nowhere;
        };
        if let Some(from) = from
            && !self.admits(from, news)
        {
            self.totals.strangers += 1;
            return Onward::Nowhere;
        }
        self.hear(moment, news);
        match self.route {
            Route::Bridge(partner) => Onward::Sound(partner, head, kind),
            Route::Echo => Onward::Back(head, kind),
            Route::Nowhere | Route::Relay(_) => Onward::Nowhere,
        }
    }

    fn hear(&mut self, moment: Moment, news: &mut News) {
        self.totals.packets_in += 1;
        self.last_heard = moment.now;
        if self.is_silent {
            self.is_silent = false;
            self.tell(news, Notice::Resumed(self.id));
        }
    }

    fn kind_of(&self, payload_type: u8) -> Option<Kind> {
        let terms = self.terms.as_ref()?;
        terms.hearing.iter().find(|hearing| hearing.payload_type == payload_type).map(|hearing| hearing.kind)
    }

    fn admits(&mut self, from: SocketAddr, news: &mut News) -> bool {
        if self.rtp.is_settling() {
            return self.rtp.peer() == Some(from);
        }
        self.rtp.hold_fast(from);
        self.tell(news, Notice::Latched(self.id, from));
        true
    }
}
