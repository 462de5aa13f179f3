//! The media thread: clock, sockets, ports, bridges, rooms.
//!
//! Whoever owns calls holds the [`Plane`]: it opens ports, gives orders and reads what was counted. What happens is told
//! through [`Notices`]. Behind them run threads that own their ports outright; nobody else touches a port.
//!
//! | file | what it knows |
//! |---|---|
//! | `plane`, `settings`, `opening` | the face: start, open, order, stop; sockets bound to free numbers |
//! | `order`, `notice`, `counters` | what goes in, what comes out, what is counted |
//! | `thread`, `obey`, `traffic`, `rounds` | a thread: its loop, its orders, packets as they come, slots as they are due |
//! | `agree` | from what descriptions agreed on to what a port runs by |
//! | `port` | the sound end of a leg |
//! | `porch`, `gates`, `handshakes` | browsers: who comes by the sockets they share, how those are opened, DTLS on a thread of its own |
//! | `room`, `rooms` | one room: who sits where and what all share; the rooms of a thread |
//! | `placement`, `limits` | which thread a port lives on, and how many a machine carries |
//! | `slab`, `directory` | where ports live on a thread |
//! | `clock`, `poll`, `ring`, `rank`, `waste` | the slot clock, epoll, rings with a bell, core and rank, what is dropped elsewhere |

mod agree;
pub mod clock;
mod counters;
mod directory;
mod gates;
mod handshakes;
pub mod limits;
mod notice;
mod obey;
mod opening;
mod order;
mod peer;
mod placement;
mod plane;
mod poll;
mod porch;
mod port;
pub mod rank;
mod ring;
mod room;
mod rooms;
mod rounds;
mod settings;
mod slab;
mod thread;
mod traffic;
mod waste;

pub use agree::Unfit;
pub use counters::Tally;
pub use gates::OpenedBrowser;
pub use notice::{Heard, Notice, Quality, Totals};
pub use opening::{Open, OpenError, Opened};
pub use order::{
    Browser, Hearing, Keeper, Keys, MAX_HEARD, Order, Play, Played, PortId, Record, RoomId, RoomOrder, Speaking, Stand,
    Terms,
};
pub use placement::Weight;
pub use plane::{Notices, OrderError, Plane};
pub use port::{Guard, Pictures, Protection};
pub use settings::{Settings, StartError};
