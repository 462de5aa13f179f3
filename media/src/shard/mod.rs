//! The media thread: clock, sockets, ports, bridges, rooms.
//!
//! Whoever owns calls holds the [`Plane`]: it opens ports, gives orders and reads what was counted. What happens is told
//! through [`Notices`]. Behind them run threads that own their ports outright; nobody else touches a port.
//!
//! | file | what it knows |
//! |---|---|
//! | `plane` | the face: start, open, order, stop |
//! | `order`, `notice`, `counters` | what goes in, what comes out, what is counted |
//! | `thread`, `obey`, `traffic`, `rounds` | a thread: its loop, its orders, packets as they come, slots as they are due |
//! | `port` | the sound end of a leg |
//! | `placement`, `limits` | which thread a port lives on, and how many a machine carries |
//! | `slab`, `directory` | where ports live on a thread |
//! | `clock`, `poll`, `ring`, `rank`, `waste` | the slot clock, epoll, rings with a bell, core and rank, what is dropped elsewhere |

pub mod clock;
mod counters;
mod directory;
pub mod limits;
mod notice;
mod obey;
mod order;
mod placement;
mod plane;
mod poll;
mod port;
mod rank;
mod ring;
mod rounds;
mod slab;
mod thread;
mod traffic;
mod waste;

pub use counters::Tally;
pub use notice::{Notice, Totals};
pub use order::{Hearing, Keys, MAX_HEARD, Order, PortId, Speaking, Terms};
pub use placement::Weight;
pub use plane::{Notices, Open, OpenError, Opened, OrderError, Plane, Settings, StartError};
