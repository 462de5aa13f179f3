//! CPU time of a call and of a registration, beside the floor: starts both servers in turn and lets SIPp call them.
//!
//! `calls [call|register] [--rate …] [--calls …] [--rounds …] [--warm …] [--scale]`. Each round measures the floor and then the server, so
//! that whatever else this machine does falls upon both. The server is measured in its steady state: transactions live
//! for 32 s, so it is loaded that long before its time is read, and what is counted includes the end of those that began
//! before. `--scale` measures each at a tenth of the rate beside the full one, for the same time.

use std::io;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use patchcord_bench::process::{Cpu, Pinned};
use patchcord_bench::sipp::{Load, Scenario, Sipp};
use patchcord_bench::spread::Spread;

/// The floor has no state; this much fills its caches.
const FLOOR_WARM_SECONDS: u32 = 2;

/// CPU time of a call beside the floor.
#[derive(Parser)]
struct Options {
    /// What is played.
    #[arg(value_enum, default_value = "call")]
    what: What,
    /// Calls begun each second.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Calls measured in each round, of each server.
    #[arg(long, default_value_t = 20_000)]
    calls: u32,
    /// How often both are measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load before the server is measured: longer than a transaction lives.
    #[arg(long, default_value_t = 36)]
    warm: u32,
    /// Compare a tenth of the rate with the full rate.
    #[arg(long)]
    scale: bool,
    /// Endpoints that register in turn.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// The core of the servers.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// The core of SIPp.
    #[arg(long, default_value_t = 1)]
    sipp_core: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Call,
    Register,
}

/// Whom SIPp calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Floor,
    Patchcord,
}

/// What one round of one server has cost.
struct Cost {
    cpu: Cpu,
    calls: u64,
    failed: u64,
    repeated: u64,
}

impl Cost {
    fn microseconds_a_call(&self) -> f64 {
        self.of(self.cpu.total())
    }

    fn of(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.calls as f64
    }

    fn line(&self) -> String {
        let (user, system) = (self.of(self.cpu.user), self.of(self.cpu.system));
        let mut again = String::new();
        if self.repeated > 0 || self.failed > 0 {
            again = format!(", {} messages sent again, {} calls given up", self.repeated, self.failed);
        }
        format!("{:6.2} µs (user {user:.1}, system {system:.1}{again})", self.microseconds_a_call())
    }
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut bench = Bench { sipp: Sipp::new(options.sipp_core, options.users)?, options };
    if bench.options.scale { bench.scale() } else { bench.beside_the_floor() }
}

struct Bench {
    options: Options,
    sipp: Sipp,
}

impl Bench {
    fn beside_the_floor(&mut self) -> io::Result<()> {
        let Options { rate, calls, rounds, core, sipp_core, .. } = self.options;
        println!("{calls} at {rate} a second, {rounds} rounds; servers on core {core}, SIPp on core {sipp_core}");
        let load = Load { rate, calls };
        let (mut floors, mut servers, mut ratios) = (Spread::default(), Spread::default(), Spread::default());
        for round in 1..=rounds {
            let floor = self.measure(Server::Floor, load)?;
            let server = self.measure(Server::Patchcord, load)?;
            let ratio = server.microseconds_a_call() / floor.microseconds_a_call();
            println!("round {round}  floor {}  patchcord {}  ratio {ratio:.2}", floor.line(), server.line());
            floors.add(floor.microseconds_a_call());
            servers.add(server.microseconds_a_call());
            ratios.add(ratio);
        }
        println!("floor      µs each: {floors}\npatchcord  µs each: {servers}\nratio             : {ratios}");
        Ok(())
    }

    fn scale(&mut self) -> io::Result<()> {
        let Options { rate, calls, rounds, .. } = self.options;
        let low = Load { rate: rate / 10, calls: calls / 10 };
        let full = Load { rate: low.rate * 10, calls: low.calls * 10 };
        println!("{} at {} a second beside {} at {}, {rounds} rounds", low.calls, low.rate, full.calls, full.rate);
        for server in [Server::Floor, Server::Patchcord] {
            let mut ratios = Spread::default();
            for round in 1..=rounds {
                let (at_low, at_full) = (self.measure(server, low)?, self.measure(server, full)?);
                let ratio = at_full.cpu.total().as_secs_f64() / at_low.cpu.total().as_secs_f64();
                println!(
                    "round {round}  {}  low {}  full {}  ratio {ratio:.2}",
                    server.name(),
                    at_low.line(),
                    at_full.line()
                );
                ratios.add(ratio);
            }
            println!("{}: CPU at ten times the load: {ratios}", server.name());
        }
        Ok(())
    }

    /// Loads a fresh server until it is in its steady state, then reads what a load costs.
    fn measure(&mut self, server: Server, load: Load) -> io::Result<Cost> {
        let Options { warm, users, core, what, .. } = self.options;
        let (scenario, users) = match what {
            What::Call => (Scenario::Call, 0),
            What::Register => (Scenario::Register, users),
        };
        let (arguments, warm) = match server {
            Server::Floor => (Vec::new(), warm.min(FLOOR_WARM_SECONDS)),
            Server::Patchcord => (vec!["127.0.0.1:0".to_owned(), users.to_string()], warm),
        };
        let process = Pinned::start(server.program(), &arguments, core)?;
        if warm > 0 {
            self.sipp.play(scenario, Load { calls: load.rate * warm, ..load }, process.addr)?;
        }
        let before = process.cpu()?;
        let count = self.sipp.play(scenario, load, process.addr)?;
        let cpu = process.cpu()?.since(before);
        Ok(Cost { cpu, calls: count.good, failed: count.failed, repeated: count.repeated })
    }
}

impl Server {
    fn program(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Patchcord => "uas",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Patchcord => "patchcord",
        }
    }
}
