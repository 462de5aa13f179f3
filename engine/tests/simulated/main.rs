//! Phones register at the real door through a network that loses, doubles, delays, reorders and replays, in virtual
//! time.
//!
//! Each seed is one story: a weather, some phones of two endpoints, what they intend, thieves who guess, connections
//! that close. Whatever happens, the laws in `laws.rs` hold: what a phone believes is what the location holds. A seed
//! that breaks one is named, and `PATCHCORD_SEED=<seed>` runs that one alone.
#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

mod house;
mod laws;
#[path = "../../sip/tests/simulated/network.rs"]
mod network;
mod phone;
mod town;

use patchcord_sip::Transport;

/// Ten thousand stories in all.
const SEEDS: u64 = 2500;

fn tell(first: u64, transport: Transport) {
    let alone = std::env::var("PATCHCORD_SEED").ok().map(|seed| seed.parse().expect("PATCHCORD_SEED is a number"));
    let seeds = alone.map_or(first..first + SEEDS, |seed: u64| seed..seed + 1);
    let mut tales = laws::Tales::default();
    for seed in seeds {
        if let Err(broken) = town::live(seed, transport, &mut tales) {
            panic!("seed {seed}: {broken}");
        }
    }
    if alone.is_none() {
        tales.are_rich(transport);
    }
}

#[test]
fn phones_on_datagrams_believe_what_the_location_holds() {
    tell(0, Transport::Udp);
}

#[test]
fn more_phones_on_datagrams_believe_what_the_location_holds() {
    tell(SEEDS, Transport::Udp);
}

#[test]
fn phones_on_connections_believe_what_the_location_holds() {
    tell(0, Transport::Tcp);
}

#[test]
fn phones_on_secure_connections_believe_what_the_location_holds() {
    tell(SEEDS, Transport::Tls);
}
