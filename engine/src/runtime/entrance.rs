//! The way into a shard for the others, bounded in messages and in bytes.
//!
//! Datagrams and connections have half of the bytes each, so that neither can shut the other out. A datagram that finds no
//! room is refused. A connection waits with its message, and is not read meanwhile: what it would say next stays with its
//! peer.

use std::sync::Arc;

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::settings::Limits;
use super::transport::flows::Flow;
use super::transport::ws::MessageSocket;
use crate::occasion::Asking;
use crate::originate::Origination;

/// Ended connections that may wait to be told to a shard; those who tell wait then.
const CLOSINGS: usize = 256;

/// What a message counts at least: what it takes to carry one, however short it is.
const LEAST: usize = 1024;

/// What is passed to a shard.
pub(crate) enum Parcel {
    /// A message of a call that lives there, and the room that it takes until it is unpacked.
    Message(Bytes, Hop, OwnedSemaphorePermit),
    /// A connection that somebody else has accepted and upgraded.
    Adopted(Arc<Flow>, Hop, Box<dyn MessageSocket>),
    /// A call that is to be begun.
    Origination(Box<Origination>),
    /// A service that is to be asked.
    Asking(Box<Asking>),
}

/// See the module.
pub(crate) struct Entrance {
    parcels: mpsc::Sender<Parcel>,
    /// Connections that have ended. Whoever tells waits when many end at once: none may be forgotten, because somebody may
    /// have been reached over it.
    pub closings: mpsc::Sender<FlowId>,
    datagrams: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    /// Bytes that each of the two may hold.
    most: usize,
}

/// What the shard takes out at its end.
pub(crate) struct Inside {
    pub parcels: mpsc::Receiver<Parcel>,
    pub closings: mpsc::Receiver<FlowId>,
}

impl Entrance {
    pub fn new(limits: &Limits) -> (Self, Inside) {
        let (parcels, parcels_out) = mpsc::channel(limits.handed_over.max(1));
        let (closings, closings_out) = mpsc::channel(CLOSINGS);
        let most = (limits.handed_over_bytes / 2).clamp(LEAST, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let [datagrams, connections] = [(); 2].map(|()| Arc::new(Semaphore::new(most)));
        let inside = Inside { parcels: parcels_out, closings: closings_out };
        (Self { parcels, closings, datagrams, connections, most }, inside)
    }

    /// Passes a message in; gives it back when there is no room for it now.
    pub fn try_pass(&self, message: Bytes, hop: Hop) -> Result<(), Bytes> {
        match self.room(hop.transport).clone().try_acquire_many_owned(self.cost(&message)) {
            Ok(room) => self
                .parcels
                .try_send(Parcel::Message(message, hop, room))
                .map_err(|refused| content(refused.into_inner())),
            Err(_) => Err(message),
        }
    }

    /// Passes a message in as soon as there is room for it; gives it back when the shard has ended.
    pub async fn pass(&self, message: Bytes, hop: Hop) -> Result<(), Bytes> {
        match self.room(hop.transport).clone().acquire_many_owned(self.cost(&message)).await {
            Ok(room) => {
                let passed = self.parcels.send(Parcel::Message(message, hop, room)).await;
                passed.map_err(|ended| content(ended.0))
            }
            Err(_) => Err(message),
        }
    }

    /// Passes a connection in, if there is room for it.
    pub fn adopt(&self, flow: Arc<Flow>, hop: Hop, socket: Box<dyn MessageSocket>) -> bool {
        self.parcels.try_send(Parcel::Adopted(flow, hop, socket)).is_ok()
    }

    /// Passes in that a call is to be begun; where there is no room for that, whoever wants it is told.
    pub fn originate(&self, origination: Origination) {
        // What is given back is dropped, and says so itself.
        let _refused = self.parcels.try_send(Parcel::Origination(Box::new(origination)));
    }

    /// Passes in that a service is to be asked; where there is no room for that, whoever asks is told.
    pub fn ask(&self, asking: Asking) {
        // What is given back is dropped, and says so itself.
        let _refused = self.parcels.try_send(Parcel::Asking(Box::new(asking)));
    }

    /// Bytes of messages that wait here.
    pub fn waiting(&self) -> usize {
        2 * self.most - self.datagrams.available_permits() - self.connections.available_permits()
    }

    fn room(&self, transport: Transport) -> &Arc<Semaphore> {
        if transport.is_reliable() { &self.connections } else { &self.datagrams }
    }

    /// A message that is larger than all the room there is goes alone.
    fn cost(&self, message: &Bytes) -> u32 {
        message.len().max(LEAST).min(self.most) as u32
    }
}

fn content(parcel: Parcel) -> Bytes {
    match parcel {
        Parcel::Message(message, ..) => message,
        Parcel::Adopted(..) | Parcel::Origination(_) | Parcel::Asking(_) => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(transport: Transport) -> Hop {
        let at = "127.0.0.1:5060".parse().expect("an address");
        Hop { transport, flow: FlowId(1), local: at, peer: at }
    }

    fn entrance() -> (Entrance, Inside) {
        Entrance::new(&Limits { handed_over_bytes: 8 * LEAST, ..Limits::default() })
    }

    #[test]
    fn bytes_are_bounded_whatever_the_size_of_the_messages() {
        for size in [1, LEAST, 3000, 100_000] {
            let (entrance, _inside) = entrance();
            let message = Bytes::from(vec![b'x'; size]);
            let taken =
                (0..100).take_while(|_| entrance.try_pass(message.clone(), hop(Transport::Udp)).is_ok()).count();
            assert_eq!(taken, [4, 1][usize::from(size > LEAST)], "of {size} bytes each");
            assert!(entrance.waiting() <= 4 * LEAST);
        }
    }

    #[test]
    fn datagrams_and_connections_do_not_shut_each_other_out_and_what_is_unpacked_makes_room() {
        let (entrance, mut inside) = entrance();
        let message = Bytes::from(vec![b'x'; 4 * LEAST]);
        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Tcp)), Ok(()));
        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Tls)), Err(message.clone()));
        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Udp)), Ok(()));
        assert_eq!(entrance.waiting(), 8 * LEAST);

        drop(inside.parcels.try_recv().expect("the first is there"));

        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Udp)), Err(message.clone()));
        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Tls)), Ok(()));
    }

    #[tokio::test]
    async fn whoever_waits_for_room_gets_it() {
        let (entrance, mut inside) = entrance();
        let message = Bytes::from(vec![b'x'; 4 * LEAST]);
        assert_eq!(entrance.try_pass(message.clone(), hop(Transport::Tcp)), Ok(()));

        let unpack = async { drop(inside.parcels.recv().await) };
        let (passed, ()) = tokio::join!(entrance.pass(message.clone(), hop(Transport::Tcp)), unpack);

        assert_eq!((passed, entrance.waiting()), (Ok(()), 4 * LEAST));
        drop(inside);
        assert_eq!(entrance.waiting(), 0);
        assert_eq!(entrance.pass(message.clone(), hop(Transport::Tcp)).await, Err(message));
    }
}
