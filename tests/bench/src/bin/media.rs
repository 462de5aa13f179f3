//! What sound costs, on one core, as ratios beside a bare loop that handles the same packets.
//!
//! `media relay|ivr|rooms [--legs 2000] [--seconds 5] [--rounds 5]`. Each round starts the bare loop and the media plane in
//! turn, as children on one core, speaks to all legs from another, and takes the CPU time of the child. Allocations are
//! counted by the child between the beginning and the end of a round.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, Subcommand};
use patchcord_bench::counting::Counting;
use patchcord_bench::process::on_core;
use patchcord_bench::sound::cell::Cell;
use patchcord_bench::sound::farm::Farm;
use patchcord_bench::sound::role::{Counted, Role};
use patchcord_bench::sound::served::{Round, Running, Served, serve};
use patchcord_bench::sound::talkers::Talkers;
use patchcord_bench::spread::Spread;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
    /// Legs in all.
    #[arg(long, default_value_t = 2000, global = true)]
    legs: usize,
    /// Seconds of a round.
    #[arg(long, default_value_t = 5, global = true)]
    seconds: u64,
    /// Rounds.
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// The core of the child.
    #[arg(long, default_value_t = 0, global = true)]
    core: usize,
}

#[derive(Subcommand)]
enum What {
    /// Bridged legs beside a bare relay.
    Relay,
    /// Legs that hear a prompt beside a loop that sends packets.
    Ivr,
    /// Rooms of several sizes beside a loop that sends packets.
    Rooms,
    /// Bytes a leg, sockets included: bridged legs that have spoken for a while, in a memory cgroup.
    Memory,
    /// A child; started by the others.
    #[command(hide = true)]
    Child { role: Role, farm: SocketAddr },
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.what {
        What::Relay => beside(&options, Role::FloorRelay, Role::Relay, 100),
        What::Ivr => beside(&options, Role::FloorPackets, Role::Ivr, 100),
        What::Rooms => {
            for size in [10, 100, 500] {
                beside(&options, Role::FloorPackets, Role::Rooms(size), 30)?;
            }
            Ok(())
        }
        What::Memory => memory(&options),
        What::Child { role, farm } => Ok(serve(role, options.legs, farm)?),
    }
}

fn beside(options: &Options, floor: Role, role: Role, talking_percent: usize) -> Result<(), Box<dyn Error>> {
    let (mut bare, mut ours, mut ratio) = (Spread::default(), Spread::default(), Spread::default());
    for _ in 0..options.rounds {
        let round = |role| -> Result<Round, Box<dyn Error>> {
            let talkers = Talkers::Percent(talking_percent);
            let served = Served { role, legs: options.legs, core: options.core, talkers };
            Ok(served.round(Duration::from_secs(options.seconds), &[])?.0)
        };
        let (below, above) = (round(floor)?, round(role)?);
        bare.add(below.packet_us());
        ours.add(above.packet_us());
        ratio.add(above.packet_us() / below.packet_us());
        let Counted { allocations, packets_in, packets_out, late, ticks, own_encodes, shared_encodes } = above.counted;
        println!(
            "  {role}: {:.2} µs beside {:.2}; user {:?} system {:?} beside {:?} and {:?}; {packets_in} in {packets_out} out, \
             {allocations} allocations, {late} of {ticks} ticks late, {own_encodes} own and {shared_encodes} shared encodes",
            above.packet_us(),
            below.packet_us(),
            above.cpu.user,
            above.cpu.system,
            below.cpu.user,
            below.cpu.system
        );
    }
    println!("{role}, {} legs: µs a packet {ours}", options.legs);
    println!("{floor}: µs a packet {bare}");
    println!("ratio {ratio}");
    Ok(())
}

/// Few legs and many, each in a cell of their own; what the many take more, divided by how many more they are.
fn memory(options: &Options) -> Result<(), Box<dyn Error>> {
    for (name, role) in
        [("bridged", Role::Relay), ("listening to a prompt", Role::Ivr), ("in rooms of ten", Role::Rooms(10))]
    {
        let few = 100.min(options.legs / 2);
        let (small, large) = (weigh(role, few, options)?, weigh(role, options.legs, options)?);
        let each = (large.saturating_sub(small)) as f64 / (options.legs - few) as f64;
        println!("a leg, {name}: {each:.0} bytes, sockets included ({large} bytes in all with {} legs)", options.legs);
    }
    Ok(())
}

fn weigh(role: Role, legs: usize, options: &Options) -> Result<u64, Box<dyn Error>> {
    let cell = Cell::new(&format!("patchcord-bench-{}", std::process::id()))?;
    let mut farm = Farm::new()?;
    let enter = "echo $$ > \"$0\" && exec \"$@\"";
    let mut command = on_core(options.core, "sh".as_ref());
    command.args(["-c", enter]).arg(cell.door()).arg(std::env::current_exe()?);
    command.args(["--legs", &legs.to_string(), "child", &role.to_string(), &farm.place()?.to_string()]);
    let served = Running::begin(command)?;
    farm.speak_to(served.legs.clone(), role.kind(), Talkers::Percent(100));
    farm.run(Duration::from_secs(options.seconds))?;
    let bytes = cell.bytes()?;
    drop(served);
    Ok(bytes)
}
