//! The server binary: command line, configuration, and the one place where the rooms are joined.
//!
//! ```text
//! cli         what people type, and what they read
//! config      one TOML file and the environment → checked values
//! server      joins store, engine and doors; starts, reloads and stops them
//! telemetry   what is logged, and how
//! ```
#![forbid(unsafe_code)]

mod cli;
mod config;
mod server;
mod telemetry;

use std::process::ExitCode;

use patchcord_scripts::memory::Weighed;

/// A call is some dozens of small pieces of memory, and a flood is millions, most of which go back to the system when it is
/// over; `docs/decisions/0002` says what it gains. It counts what scripts hold.
#[global_allocator]
static ALLOCATOR: Weighed<mimalloc::MiMalloc> = Weighed(mimalloc::MiMalloc);

fn main() -> ExitCode {
    // What a crowd of calls has left behind lies in a few bytes of most pages of 2 MiB; small ones go back to the system. A
    // kernel that knows no large pages refuses, and needs nothing of this.
    let _no_large_pages = rustix::thread::disable_transparent_huge_pages(true);
    cli::run()
}
