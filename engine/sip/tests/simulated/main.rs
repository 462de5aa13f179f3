//! Two tables of transactions talk over a network that loses, doubles, delays and reorders, in virtual time.
//!
//! Each seed is one story: a weather, some requests, owners who answer quickly, slowly or never, callers who give up,
//! connections that close. Whatever happens, the laws in `laws.rs` hold. A seed that breaks one is named, and
//! `PATCHCORD_SEED=<seed>` runs that one alone.
#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

mod laws;
mod network;
mod plan;
mod story;
mod world;

use patchcord_sip::Transport;
use plan::Kind;

/// Ten thousand stories in all.
const SEEDS: u64 = 2500;

fn tell(kind: Kind, transport: Transport) {
    let seeds = match std::env::var("PATCHCORD_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("PATCHCORD_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    };
    let mut tales = laws::Tales::default();
    for seed in seeds {
        let end = world::live(seed, kind, transport);
        if let Err(broken) = laws::hold(&end, &mut tales) {
            panic!("seed {seed}: {broken}\n{:#?}", end.stories);
        }
    }
    if std::env::var("PATCHCORD_SEED").is_err() {
        tales.are_rich(kind, transport);
    }
}

#[test]
fn requests_over_datagrams_end_once_and_rightly() {
    tell(Kind::Requests, Transport::Udp);
}

#[test]
fn invites_over_datagrams_end_once_and_rightly() {
    tell(Kind::Invites, Transport::Udp);
}

#[test]
fn requests_over_connections_end_once_and_rightly() {
    tell(Kind::Requests, Transport::Tcp);
}

#[test]
fn invites_over_connections_end_once_and_rightly() {
    tell(Kind::Invites, Transport::Tcp);
}
