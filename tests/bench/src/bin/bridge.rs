//! Calls from phone to phone through the real exchange, SIPp on both sides: what one costs beside a UAS call, what held ones
//! keep, and what a soak leaves.
//!
//! ```text
//! bridge cost  [--rate …] [--calls …] [--rounds …] [--warm …]   UAS, bridged and proven calls in turn; ratios
//! bridge held  [--held 1000,4000] [--rate …] [--calls …]        bytes a held call; cost of a call beside 100 and beside many
//! bridge soak  [--rate …] [--calls …]                           memory at 20 000 and at the end, gauges after 40 s of quiet
//! bridge delay [--rate …] [--calls …]                           INVITE to 200 with and without the server between
//! ```
//!
//! A bridged call always has a port for each leg: the exchange makes no call without sound, so its cost holds the media set-up.
//! The share of the media threads is printed beside it; opening the sockets falls to the shard. No RTP is sent. With `--mute` ports
//! are numbers without sockets: that is signalling alone.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use patchcord_bench::process::{Cpu, Pinned, pass};
use patchcord_bench::sipp::{Count, Load, Playing, Scenario, Sipp};
use patchcord_bench::spread::Spread;
use tempfile::TempDir;

/// Longer than any transaction over UDP lives: what stands then is the calls alone.
const QUIET: Duration = Duration::from_secs(40);

/// Calls that are held where few are, and before memory is read for the first time.
const FEW: u32 = 100;

/// Held calls are begun so fast, slow enough that none is lost on a busy machine.
const HELD_RATE: u32 = 250;

/// Calls after which a soak reads the memory that it must keep.
const SETTLED: u32 = 20_000;

/// Calls from phone to phone.
#[derive(Parser)]
struct Options {
    /// What is measured.
    #[arg(value_enum)]
    what: What,
    /// Calls begun each second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Calls measured in each round.
    #[arg(long, default_value_t = 5000)]
    calls: u32,
    /// How often.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Seconds of load before a server is measured.
    #[arg(long, default_value_t = 34)]
    warm: u32,
    /// How many calls are held, one step after the other. Each has four sockets, and the limit of descriptors is the least of both.
    #[arg(long, value_delimiter = ',', default_value = "1000,4000")]
    held: Vec<u32>,
    /// Endpoints that call in turn.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Ports without sockets and threads: signalling alone.
    #[arg(long)]
    mute: bool,
    /// The core of the servers.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// The core of SIPp.
    #[arg(long, default_value_t = 1)]
    sipp_core: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Cost,
    Held,
    Soak,
    Delay,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut bench = Bench { sipp: Sipp::new(options.sipp_core, options.users)?, options };
    match bench.options.what {
        What::Cost => bench.cost(),
        What::Held => bench.held(),
        What::Soak => bench.soak(),
        What::Delay => bench.delay(),
    }
}

/// The server, and whom it calls.
struct House {
    server: Pinned,
    gauges: PathBuf,
    _callee: Playing,
    _folder: TempDir,
}

impl House {
    fn gauges(&self) -> String {
        let text = std::fs::read_to_string(&self.gauges).unwrap_or_else(|error| error.to_string());
        text.trim().replace('\n', ", ")
    }

    fn gauge(&self, name: &str) -> Option<u64> {
        let text = std::fs::read_to_string(&self.gauges).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

/// What a round of one kind of call has cost.
struct Cost {
    cpu: Cpu,
    media: Cpu,
    count: Count,
}

impl Cost {
    fn each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.count.good.max(1) as f64
    }

    fn line(&self) -> String {
        let Count { failed, repeated, .. } = self.count;
        let [all, user, system, media] =
            [self.cpu.total(), self.cpu.user, self.cpu.system, self.media.total()].map(|time| self.each(time));
        format!(
            "{all:6.1} µs (user {user:.1}, system {system:.1}, media threads {media:.1}; {failed} failed, {repeated} sent again)"
        )
    }
}

struct Bench {
    options: Options,
    sipp: Sipp,
}

impl Bench {
    fn cost(&mut self) -> io::Result<()> {
        let Options { rate, calls, rounds, core, sipp_core, .. } = self.options;
        println!("{calls} at {rate} a second, {rounds} rounds; servers on core {core}, SIPp on core {sipp_core}");
        let (mut plain, mut proven) = (Spread::default(), Spread::default());
        for round in 1..=rounds {
            let uas = Pinned::start("uas", &["127.0.0.1:0".to_owned(), "0".to_owned()], core)?;
            let uas = self.measure(&uas, Scenario::Call)?;
            println!("round {round}  UAS     {}", uas.line());
            let each = uas.each(uas.cpu.total());
            for (name, scenario, ratios) in
                [("bridged", Scenario::Call, &mut plain), ("proven ", Scenario::Proven, &mut proven)]
            {
                let house = self.house()?;
                let cost = self.measure(&house.server, scenario)?;
                let ratio = cost.each(cost.cpu.total()) / each;
                ratios.add(ratio);
                let shard = cost.each(cost.cpu.total().saturating_sub(cost.media.total())) / each;
                println!("round {round}  {name} {}  ratio {ratio:.2}, without media threads {shard:.2}", cost.line());
            }
        }
        println!("bridged beside UAS: {plain}\nproven beside UAS : {proven}");
        Ok(())
    }

    fn held(&mut self) -> io::Result<()> {
        let house = self.house()?;
        let few = self.hold(&house, FEW)?;
        self.beside_held(&house, FEW)?;
        drop((few, house));
        // A house of its own: what short calls have left to the allocator would be counted as the held ones'.
        let house = self.house()?;
        let mut playing = vec![self.hold(&house, FEW)?];
        let (mut held, mut before) = (FEW, house.server.resident()?);
        for step in self.options.held.clone() {
            playing.push(self.hold(&house, step.saturating_sub(held))?);
            let resident = house.server.resident()?;
            let each = (resident as f64 - before as f64) / f64::from(step - held);
            println!("{step} held: {resident} bytes resident; {each:.0} each of the last {}", step - held);
            (held, before) = (step, resident);
        }
        self.beside_held(&house, held)?;
        println!("{}", house.gauges());
        Ok(())
    }

    fn soak(&mut self) -> io::Result<()> {
        let Options { rate, calls, .. } = self.options;
        let house = self.house()?;
        let settled = SETTLED.min(calls / 2);
        let mut sum = [0; 3];
        let mut done = 0;
        while done < calls {
            let part = if done == 0 { settled } else { settled.min(calls - done) };
            let count = self.play(&house.server, Scenario::Call, Load { rate, calls: part })?;
            done += part;
            sum = [sum[0] + count.good, sum[1] + count.failed, sum[2] + count.repeated];
            println!("after {done}: {} bytes resident; {}", house.server.resident()?, house.gauges());
        }
        pass(QUIET)?;
        println!("{} good, {} failed, {} messages sent again at {rate} a second", sum[0], sum[1], sum[2]);
        println!("after {QUIET:?} of quiet: {} bytes resident; {}", house.server.resident()?, house.gauges());
        Ok(())
    }

    fn delay(&mut self) -> io::Result<()> {
        let Options { rate, calls, .. } = self.options;
        let load = Load { rate, calls };
        let address = free_address()?;
        let callee = self.sipp.answer_at(address)?;
        let straight = self.sipp.play(Scenario::Call, load, address)?;
        drop(callee);
        let house = self.house()?;
        let through = self.play(&house.server, Scenario::Call, load)?;
        println!(
            "INVITE to 200 at {rate} a second: {:?} straight, {:?} through",
            straight.answered_in, through.answered_in
        );
        Ok(())
    }

    /// What calls cost beside held ones, less what these cost by themselves.
    fn beside_held(&mut self, house: &House, held: u32) -> io::Result<()> {
        let (rate, calls) = (self.options.rate, self.options.calls);
        let span = Duration::from_secs(u64::from(calls.div_ceil(rate)));
        let before = house.server.cpu()?;
        pass(span)?;
        let idle = house.server.cpu()?.since(before);
        let cost = self.measure(&house.server, Scenario::Call)?;
        let alone = cost.each(cost.cpu.total().saturating_sub(idle.total()));
        println!("beside {held} held: {}; {alone:.1} µs without {idle:?} of the held in {span:?}", cost.line());
        Ok(())
    }

    fn measure(&mut self, server: &Pinned, scenario: Scenario) -> io::Result<Cost> {
        let Options { rate, calls, warm, .. } = self.options;
        if warm > 0 {
            self.play(server, scenario, Load { rate, calls: rate * warm })?;
        }
        let (before, media_before) = (server.cpu()?, server.cpu_of_threads("media-")?);
        let count = self.play(server, scenario, Load { rate, calls })?;
        let media = server.cpu_of_threads("media-")?.since(media_before);
        Ok(Cost { cpu: server.cpu()?.since(before), media, count })
    }

    fn play(&mut self, server: &Pinned, scenario: Scenario, load: Load) -> io::Result<Count> {
        let count = self.sipp.play(scenario, load, server.addr)?;
        if count.failed > 0 {
            println!("{} of {} failed: {}", count.failed, load.calls, self.sipp.complaints());
        }
        Ok(count)
    }

    /// Holds as many calls more, until only the calls stand.
    fn hold(&mut self, house: &House, calls: u32) -> io::Result<Playing> {
        let before = house.gauge("calls ").unwrap_or_default();
        let playing = self.sipp.hold(Load { rate: HELD_RATE, calls }, house.server.addr)?;
        pass(Duration::from_secs(u64::from(calls / HELD_RATE)) + QUIET)?;
        match house.gauge("calls ") {
            Some(standing) if standing == before + u64::from(calls) => Ok(playing),
            _ => {
                let stands = house.gauges();
                Err(io::Error::other(format!("{calls} more than {before} calls were to stand, not: {stands}")))
            }
        }
    }

    /// A fresh server, and somebody who answers.
    fn house(&mut self) -> io::Result<House> {
        let folder = TempDir::with_prefix("patchcord-bench-")?;
        let gauges = folder.path().join("gauges");
        let (here, callee) = (free_address()?, free_address()?);
        let users = self.options.users.to_string();
        let mut arguments = vec![here.to_string(), callee.to_string(), gauges.display().to_string(), users];
        arguments.extend(self.options.mute.then(|| "mute".to_owned()));
        let server = Pinned::start("bridge_desk", &arguments, self.options.core)?;
        let playing = self.sipp.answer_at(callee)?;
        Ok(House { server, gauges, _callee: playing, _folder: folder })
    }
}

/// An address that nobody else has by now.
fn free_address() -> io::Result<SocketAddr> {
    UdpSocket::bind("127.0.0.1:0")?.local_addr()
}
