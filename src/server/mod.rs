//! Joins the rooms into a running server.
//!
//! ```text
//! data folder ─▶ store ─▶ switchboard, accounts ─▶ HTTP, control socket ─▶ sound ─▶ SIP
//!                             ▲                                                      │
//!                             └── reload                   registrations written behind
//! ```
//!
//! Everything that can be refused is refused before the first phone is heard; for a database that does not answer yet the start waits. The end comes in the other order: SIP first,
//! so that nothing changes while the last registrations are written, and sound last, when nobody is left who speaks.

mod house;
pub mod library;
mod manifests;
mod pulse;
mod routes;
mod services;
mod sound;
mod start;
mod timers;
mod trials;
mod waiting;
mod workshop;

use std::{
    io::{self, Write},
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tracing::{info, warn};

use patchcord_web::house::House;

use crate::{
    config::{Config, Environment},
    telemetry::Telemetry,
};

pub use services::no_service;
pub use start::{StartError, blamed, open_accounts};

use house::Running;
use start::Started;

/// How long calls and transactions under way may take to end. Phones repeat what is lost.
const GRACE: Duration = Duration::from_secs(2);

/// Longest that a stop takes, whatever hangs. Service managers kill after ninety seconds, some after ten.
const LONGEST_STOP: Duration = Duration::from_secs(20);

/// What the system sends a process whose file grows beyond what it may have (SIGXFSZ). Nobody who takes no notice of it lives on.
const FILE_TOO_LARGE: i32 = 25;

/// Serves until told to stop.
pub async fn run(config: Config, environment: Environment, telemetry: Telemetry, json: bool) -> Result<(), StartError> {
    let mut stopping = Signals::open()?;
    let mut reloading = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
    // Heard, so that writing fails as on a full disk, and calls go on; whoever writes says so.
    let _full = signal(SignalKind::from_raw(FILE_TOO_LARGE)).map_err(StartError::Signals)?;
    let (stop, stopped) = watch::channel(false);
    let data = tokio::select! {
        data = start::take_data(&config) => data?,
        // There is nothing to be ended yet.
        name = stopping.next() => {
            info!(signal = name, "stopped before the database was open");
            return Ok(());
        }
    };
    let mut started = start::start(config, environment, telemetry, stopped, data).await?;
    let house = started.house.clone();
    // Nobody may be reading; that is no reason not to serve.
    let login = started.first_login.take();
    let greeting = if json { in_json(&house, login) } else { greeting(&house, login) };
    let _read_or_not = io::stdout().write_all(greeting.as_bytes()).and_then(|()| io::stdout().flush());

    loop {
        tokio::select! {
            name = stopping.next() => {
                info!(signal = name, "stopping");
                break;
            }
            _ = reloading.recv() => reload(&house).await,
        }
    }
    tokio::select! {
        ended = timeout(LONGEST_STOP, end(started, stop)) => {
            if ended.is_err() {
                warn!("the stop took too long and was cut short");
            }
        }
        name = stopping.next() => warn!(signal = name, "told to stop again: not waiting any longer"),
    }
    info!("stopped");
    Ok(())
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn open() -> Result<Self, StartError> {
        let open = |kind| signal(kind).map_err(StartError::Signals);
        Ok(Self { terminate: open(SignalKind::terminate())?, interrupt: open(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

async fn reload(house: &Running) {
    match house.apply_configuration().await {
        Ok(done) => info!(applied = done.applied.join("; "), needs_restart = done.needs_restart.join("; "), "reloaded"),
        Err(problem) => warn!(reason = problem.detail, "not reloaded"),
    }
}

/// Stops taking, writes what is left, lets go.
async fn end(started: Started, stop: watch::Sender<bool>) {
    let Started { house, writers: [keeper, scribe], doors, hold, first_login: _ } = started;
    house.note_stopping();
    let runtime = house.runtime().clone();
    let silent = tokio::task::spawn_blocking(move || runtime.stop(GRACE));
    joined(silent, "SIP").await;
    stop.send_replace(true);
    joined(keeper, "writing registrations").await;
    joined(scribe, "writing calls").await;
    for door in doors {
        joined(door, "a door").await;
    }
    house.store().close().await;
    let sound = house.sound().clone();
    joined(tokio::task::spawn_blocking(move || sound.stop()), "sound").await;
    patchcord_web::control::leave(hold.folder());
}

async fn joined<T>(task: JoinHandle<T>, what: &str) {
    if let Err(error) = task.await {
        warn!(%error, "{what} had broken before it was stopped");
    }
}

/// How the server is, for a program that started it.
fn in_json(house: &Running, login: Option<(String, String)>) -> String {
    let mut said = serde_json::json!(house.status());
    if let Some((name, password)) = login {
        said["first_login"] = serde_json::json!({ "name": name, "password": password });
    }
    format!("{said}\n")
}

/// Where the server listens, and what to do next.
fn greeting(house: &Running, login: Option<(String, String)>) -> String {
    let mut text = format!("Patchcord {} is running.\n", env!("CARGO_PKG_VERSION"));
    for listen in house.runtime().bound() {
        text += &format!("  sip  {listen}\n");
    }
    for place in house.web() {
        text += &format!("  web  {}://{}/  (also /healthz, /readyz, /metrics)\n", place.scheme(), place.address);
    }
    if let Some((name, password)) = login {
        text += &format!("       log in as {name} with password {password}\n       It is not shown again.\n");
    }
    // Browsers give the microphone to pages under TLS and to those of this machine.
    if let Some(place) = house.web().iter().max_by_key(|place| place.secure) {
        let address = format!("{}://{}/phone", place.scheme(), place.address);
        text += &format!("  phone in a browser at {address}: 9196 echoes, 1000 answers\n");
    }
    text += &format!("  data {}\n", house.config().data.display());
    // As this process was called, so that the line can be pasted.
    let program = std::env::args().next().unwrap_or_else(|| "patchcord".into());
    let file = house.config().file.as_ref().filter(|file| file.as_os_str() != crate::config::FILE).cloned();
    let named = file.map(|file| format!(" -c {}", file.display())).unwrap_or_default();
    let next = match house.endpoints() {
        0 => format!(
            "No endpoint may register yet. Add the first:\n  {program} endpoint add alice --number 101{named}\n"
        ),
        1 => format!("1 endpoint may register. Add another:\n  {program} endpoint add bob{named}\n"),
        count => format!("{count} endpoints may register. Add another:\n  {program} endpoint add bob{named}\n"),
    };
    text + next.as_str()
}
