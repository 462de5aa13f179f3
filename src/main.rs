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

/// A call is some dozens of small pieces of memory, and a flood is millions, most of which go back to the system when it is
/// over; `docs/decisions/0002` says what it gains.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
