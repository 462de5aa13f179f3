//! The runtime over real sockets of the loopback: what peers see, transport by transport.
//!
//! No test sleeps; each waits for a fact, and fails when it does not come in time.

mod dns;
mod flows;
mod life;
mod net;
mod pictures;
mod places;
mod recordings;
mod shards;
mod sound;
mod streams;
mod stun;
mod support;
mod tls;
mod udp;
mod websocket;
