//! The media plane with one thread, and many legs on it.

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::sync::Arc;

use patchcord_media::clean::Cleaner;
use patchcord_media::codec::Kind;
use patchcord_media::mixer::Rules;
use patchcord_media::prompt::{Cursor, Item, Loops, Sound, Unplaylisted};
use patchcord_media::shard::{
    Keys, Notices, Open, OpenError, Order, OrderError, Plane, Play, PortId, Settings, StartError, Tally, Terms, Weight,
};

use super::farm::payload_type;
use super::role::{Counted, Role};
use crate::counting;

/// Why there are no legs to measure.
#[derive(Debug, thiserror::Error)]
pub enum NoLegs {
    /// The media threads cannot start.
    #[error("the media plane does not start")]
    Start(#[from] StartError),
    /// No port, or no room.
    #[error("the media plane takes no more")]
    Open(#[from] OpenError),
    /// An order was not taken.
    #[error("an order was not taken")]
    Order(#[from] OrderError),
    /// The prompt cannot be played.
    #[error("the prompt cannot be played")]
    Prompt(#[from] Unplaylisted),
}

/// The legs of a child.
pub struct Legs {
    plane: Plane,
    _notices: Vec<Notices>,
    /// Where they hear sound.
    pub places: Vec<SocketAddr>,
}

impl Legs {
    /// Opens so many legs towards the farm and joins them as the role says.
    ///
    /// # Errors
    /// When the plane takes no more.
    pub fn open(role: Role, count: usize, farm: SocketAddr) -> Result<Self, NoLegs> {
        // The load limit is for calls; a bench wants to see what happens beyond it.
        let settings = Settings {
            threads: 1,
            pinned: false,
            most_ports: count,
            most_load_permille: u64::MAX,
            ..Settings::default()
        };
        let (plane, notices) = Plane::start(&settings)?;
        let (mut places, mut ports) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let wanted = Open {
                address: farm.ip(),
                listener: 0,
                reports: true,
                weight: Weight(1),
                beside: ports.last().copied(),
            };
            let opened = plane.open(&wanted)?;
            plane.order(opened.port, Order::Tune(Box::new(terms(role, farm))))?;
            places.push(opened.rtp);
            ports.push(opened.port);
            // A burst of thousands would fill the ring of orders.
            while plane.tally().ports < ports.len() as u64 {
                std::thread::yield_now();
            }
        }
        join(&plane, role, &ports)?;
        Ok(Self { plane, _notices: notices, places })
    }

    /// What the media plane counted.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.plane.tally()
    }

    /// What was counted.
    #[must_use]
    pub fn count(&self) -> Counted {
        let tally = self.plane.tally();
        Counted {
            allocations: counting::count_of_allocations(),
            packets_in: tally.packets_in,
            packets_out: tally.packets_out,
            late: tally.late_ticks,
            ticks: tally.ticks,
            own_encodes: tally.own_encodes,
            shared_encodes: tally.shared_encodes,
        }
    }
}

fn join(plane: &Plane, role: Role, ports: &[PortId]) -> Result<(), NoLegs> {
    match role {
        Role::Relay => {
            for pair in ports.chunks_exact(2) {
                plane.order(pair[0], Order::Bridge(pair[1]))?;
            }
        }
        Role::Ivr => {
            let prompt = Arc::new(prompt().encoded(Kind::Pcmu).expect("PCMU is spoken"));
            for port in ports {
                let items = vec![Item::Sound(Arc::clone(&prompt))];
                let cursor = Box::new(Cursor::new(items, Kind::Pcmu.rate(), Loops::Forever)?);
                plane.order(*port, Order::Play(Play { cursor, kind: Some(Kind::Pcmu), tag: 0 }))?;
            }
        }
        Role::Rooms(size) | Role::OpusRooms(size) | Role::CleanRooms(size) => {
            for members in ports.chunks(size) {
                let room = plane.open_room(0, Rules::default(), members.first().copied())?;
                for member in members {
                    plane.order(*member, Order::Enter(room))?;
                    if matches!(role, Role::CleanRooms(_)) {
                        plane.order(*member, Order::Clean(Cleaner::new(None, true)))?;
                    }
                }
            }
        }
        Role::Idle | Role::FloorRelay | Role::FloorPackets => {}
    }
    Ok(())
}

fn terms(role: Role, farm: SocketAddr) -> Terms {
    let kind = role.kind();
    let keys_in = Some(Keys { payload_type: 101, clock_hz: kind.clock_hz() });
    Terms { remote: Some(farm), keys_in, ..Terms::plain(kind, payload_type(kind)) }
}

/// Ten seconds of a tone.
fn prompt() -> Sound {
    let rate = Kind::Pcmu.rate();
    let sample = |number: u32| (8000.0 * (TAU * 440.0 * f64::from(number) / f64::from(rate.hz())).sin()) as i16;
    Sound::of_samples("tone", rate, (0..10 * rate.hz()).map(sample).collect())
}
