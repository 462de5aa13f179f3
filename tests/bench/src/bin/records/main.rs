//! Records that are stored beside running calls: whether the sound of those is served later for it, and whether all is stored.
//!
//! `records [--legs 400] [--rate 2000] [--seconds 20] [--rounds 3] [--folder …]`. A child carries the legs, bridged two and two, on
//! one media thread, and stores calls of usual journals in SQLite through the real writer. A farm speaks to all legs
//! throughout. Each round is a time without storing and a time with it; at the end all calls are read back.

mod house;
mod tale;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use clap::{Parser, Subcommand};
use patchcord_bench::process::{cpu_of_threads, resident};
use patchcord_bench::sound::farm::Farm;
use patchcord_bench::sound::talkers::Talkers;
use patchcord_media::codec::Kind;

use house::Counts;

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Until everybody is latched, and until a rate is kept.
const WARM: Duration = Duration::from_secs(6);

/// How long what waits may take to be written at the end, in steps.
const STEP: Duration = Duration::from_millis(500);
const STEPS: usize = 240;

/// The threads whose CPU time is told.
const THREADS: [&str; 4] = ["media-", "scribe", "sqlx-sqlite", "calls"];

#[derive(Parser)]
struct Options {
    /// Legs, bridged two and two.
    #[arg(long, default_value_t = 400)]
    legs: usize,
    /// Calls that are stored each second.
    #[arg(long, default_value_t = 2000)]
    rate: u64,
    /// Seconds of each part of a round.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the database is made and taken away again; on a disk, or what is measured is memory.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// The child; started by the bench.
    #[command(hide = true)]
    Child { farm: SocketAddr },
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::parse();
    match options.what {
        Some(What::Child { farm }) => {
            patchcord_bench::process::small_pages()?;
            house::serve(options.legs, farm, &options.folder)
        }
        None => measure(&options),
    }
}

struct Served {
    child: Child,
    ask: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
}

impl Served {
    fn line(&mut self) -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        Ok(line)
    }

    /// From now on so many calls a second; what was counted until now.
    fn rate(&mut self, rate: u64) -> Result<Counts, Box<dyn Error + Send + Sync>> {
        writeln!(self.ask.as_mut().ok_or("the child is not asked any more")?, "{rate}")?;
        let line = self.line()?;
        house::read(&line).filter(|counts| !counts.is_empty()).ok_or_else(|| format!("the child said {line:?}").into())
    }

    /// CPU time of each kind of thread, in seconds.
    fn cpu(&self) -> Result<[f64; THREADS.len()], Box<dyn Error + Send + Sync>> {
        let mut seconds = [0.0; THREADS.len()];
        for (place, names) in THREADS.iter().enumerate() {
            seconds[place] = cpu_of_threads(self.child.id(), names)?.total().as_secs_f64();
        }
        Ok(seconds)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the child cannot be ended: {error}");
        }
    }
}

fn measure(options: &Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::TempDir::with_prefix_in("patchcord-bench-", &options.folder)?;
    let mut farm = Farm::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--legs", &options.legs.to_string(), "--folder"]).arg(folder.path());
    command.args(["child", &farm.place()?.to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let ask = child.stdin.take();
    let told = BufReader::new(child.stdout.take().ok_or("a pipe from the child")?);
    let mut served = Served { child, ask, told };
    let legs = served.line()?.split_whitespace().map(str::parse).collect::<Result<Vec<SocketAddr>, _>>()?;
    farm.speak_to(legs, Kind::Pcmu, Talkers::Percent(100));
    println!(
        "{} legs of G.711, bridged; {} calls a second stored, {} s without and {} s with them in each round",
        options.legs, options.rate, options.seconds, options.seconds
    );
    for round in 1..=options.rounds {
        for rate in [0, options.rate] {
            served.rate(rate)?;
            farm.run(WARM)?;
            part(round, rate, &mut served, &mut farm, options)?;
        }
    }
    let mut counts = served.rate(0)?;
    for _ in 0..STEPS {
        if counts["standing"] + counts["waiting"] == 0 {
            break;
        }
        farm.run(STEP)?;
        counts = served.rate(0)?;
    }
    println!(
        "at the end {} bytes wait; {} batches written, {} refused, {} through the spool, {} entries left out",
        counts["waiting"], counts["written"], counts["refused"], counts["spooled"], counts["left_out"]
    );
    drop(served.ask.take());
    println!("{}", served.line()?.trim());
    Ok(())
}

/// One part of a round: with storing or without.
fn part(
    round: usize,
    rate: u64,
    served: &mut Served,
    farm: &mut Farm,
    options: &Options,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (before, cpu) = (served.rate(rate)?, served.cpu()?);
    farm.run(Duration::from_secs(options.seconds))?;
    let (after, cpu_after) = (served.rate(rate)?, served.cpu()?);
    let since = |name: &str| after[name] - before[name];
    let percent = |place: usize| (cpu_after[place] - cpu[place]) / options.seconds as f64 * 100.0;
    let shares: Vec<_> =
        THREADS.iter().enumerate().map(|(place, name)| format!("{name} {:.1} %", percent(place))).collect();
    println!(
        "round {round}, {rate:4} a second: ticks {:.0} µs behind on average, {} of {} more than 5 ms, {} skipped; {} packets in, \
         {} out",
        since("behind_us") as f64 / since("ticks").max(1) as f64,
        since("late"),
        since("ticks"),
        since("skipped"),
        since("came"),
        since("went"),
    );
    println!(
        "    {} calls ended, {} batches written, {} through the spool; {:.1} MB wait, {:.1} MB at most; {:.0} MB resident; {}",
        since("ended"),
        since("written"),
        since("spooled"),
        after["waiting"] as f64 / 1e6,
        after["most_waiting"] as f64 / 1e6,
        resident(served.child.id())? as f64 / 1e6,
        shares.join(", ")
    );
    Ok(())
}
