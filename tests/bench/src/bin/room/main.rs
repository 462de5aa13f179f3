//! What conference rooms cost, and what they do in real time.
//!
//! `room perfect|codecs|sizes|clean|crowd [--seconds 5] [--rounds 5]` start children on one core as `media` does; `room hour` is one
//! room over loopback whose speakers lose packets and whose clocks are wrong. `docs/performance.md` has the figures.

mod cost;
mod hour;

use std::error::Error;
use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use patchcord_bench::sound::role::Role;
use patchcord_bench::sound::served::serve;

#[derive(Parser)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
    /// Legs in all, where a child is not told otherwise.
    #[arg(long, default_value_t = 1000, global = true)]
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
    /// 500 members of one room and 1000 in rooms of ten, and whether those who are sampled hear it perfectly.
    Perfect,
    /// A room of 100 with Opus beside one with G.711, three talking in each.
    Codecs,
    /// A member of rooms of several sizes.
    Sizes,
    /// A member from whose voice noise is taken beside one as it is.
    Clean,
    /// A room that goes on, with 1 % of the packets lost and clocks that are wrong by 100 ppm.
    Hour {
        /// How long.
        #[arg(long, default_value_t = 60)]
        minutes: u64,
    },
    /// A child; started by the others.
    #[command(hide = true)]
    Child { role: Role, farm: SocketAddr },
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.what {
        What::Perfect => cost::perfect(&options),
        What::Codecs => cost::codecs(&options),
        What::Sizes => cost::sizes(&options),
        What::Clean => cost::clean(&options),
        What::Hour { minutes } => hour::run(minutes),
        What::Child { role, farm } => Ok(serve(role, options.legs, farm)?),
    }
}
