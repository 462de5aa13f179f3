//! The server under measurement for calls from phone to phone: the real runtime, the real exchange, the real media plane.
//!
//! `bridge_desk addr:port callee:port gauges [endpoints] [mute]`. The first endpoint is bound to `callee` as if it had registered
//! from there, and whoever calls +4930123101 reaches it, strangers too: so a call may be the same messages as one to `uas`.
//! Who says that it is an endpoint proves it. What calls leave for the store is taken as the store takes it and dropped.
//! Each second the file `gauges` says how it stands, one `name value` a line. `mute` takes the media plane's place by one whose
//! ports have numbers and nothing else, no sockets and no threads: what is left is signalling, descriptions and the orders given.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use patchcord_bench::people;
use patchcord_bench::process::pass;
use patchcord_engine::exchange::Exchange;
use patchcord_engine::routing::{BindingRow, Origin, PlanSettings, Route, Source, Target};
use patchcord_engine::runtime::{
    CertificateSource, Desk, Listen, Runtime, Settings, Sound, SoundRules, clock, raise_descriptors,
};
use patchcord_engine::switchboard::Switchboard;
use patchcord_media::prompt::{self, Disk, Loader};
use patchcord_media::shard::{self, Plane};
use patchcord_sip::hop::Transport;

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// More calls than descriptors allow: what is measured is not how calls are refused.
const MOST_CALLS: u32 = 100_000;

/// How long the callee stays bound.
const BOUND: Duration = Duration::from_secs(24 * 3600);

/// How often batches are taken, and how many at once, as the writer of calls takes them.
const TAKEN_EVERY: Duration = Duration::from_millis(200);
const TAKEN_AT_ONCE: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    patchcord_bench::process::small_pages()?;
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing: addr:port callee:port gauges"));
    let (addr, callee): (SocketAddr, SocketAddr) = (next("our address")?.parse()?, next("the callee")?.parse()?);
    let gauges = next("the file for gauges")?;
    let endpoints = arguments.next().map_or(Ok(1), |count| count.parse::<usize>())?.max(1);
    let mute = match arguments.next().as_deref() {
        None => false,
        Some("mute") => true,
        Some(other) => return Err(format!("{other}: only `mute` stands behind the number of endpoints").into()),
    };
    let board = Arc::new(people::switchboard(clock::now()));
    people::invite(&board, endpoints)?;
    board.replan(plan()?)?;
    bind(&board, addr, callee);
    let _as_many_as_there_are = raise_descriptors();
    let settings = Settings {
        listen: vec![Listen { transport: Transport::Udp, addr }],
        certificate: CertificateSource::MadeOnce { folder: std::env::temp_dir(), names: Vec::new() },
        shards: 1,
        ..Settings::default()
    };
    let desks = board.clone();
    let desk = move |_| -> Box<dyn Desk> { Box::new(Exchange::new(desks.clone(), clock::now())) };
    let runtime = Runtime::start_with(settings, Some(sound(mute)?), desk)?;
    for place in runtime.bound() {
        println!("{}", place.addr);
    }
    let mut last = clock::now();
    loop {
        pass(TAKEN_EVERY)?;
        drop(board.clerk.hand_out(TAKEN_AT_ONCE));
        if clock::now().saturating_duration_since(last) >= Duration::from_secs(1) {
            last = clock::now();
            tell(&board, Path::new(&gauges))?;
        }
    }
}

/// One number that everybody may call.
fn plan() -> Result<PlanSettings, Box<dyn Error>> {
    let target = Target::Endpoints(vec![people::user(0).into()]);
    let route = Route {
        number: people::CALLED.parse()?,
        from: vec![Source::Anyone],
        target,
        rewrite: None,
        origin: Origin::File,
    };
    Ok(PlanSettings {
        routes: vec![route],
        calls: MOST_CALLS,
        calls_per_endpoint: MOST_CALLS,
        calls_per_stranger: MOST_CALLS,
        ..PlanSettings::default()
    })
}

/// Puts the callee where the store would have put it after a restart.
fn bind(board: &Switchboard, local: SocketAddr, callee: SocketAddr) {
    let (now, wall) = (clock::now(), clock::wall());
    let row = BindingRow {
        user: people::user(0),
        contact: format!("sip:callee@{callee}"),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: Vec::new(),
        call_id: "bound-by-the-bench".to_owned(),
        cseq: 1,
        expires: wall + BOUND,
        transport: Transport::Udp,
        local,
        peer: callee,
        flow_bound: false,
        user_agent: None,
        updated: wall,
    };
    board.location.restore(vec![row], now, wall);
}

/// One media thread, with the rank of the shard: both share the core. Or none.
fn sound(mute: bool) -> Result<Sound, Box<dyn Error>> {
    let settings = shard::Settings { threads: 1, pinned: false, ahead: false, ..shard::Settings::default() };
    let (plane, notices) = if mute {
        // Nothing is bound, so all numbers there are may be given.
        let settings = shard::Settings { numbers: (2, u16::MAX), most_ports: usize::from(u16::MAX), ..settings };
        Plane::mute(&settings, |_, _| ())?
    } else {
        Plane::start(&settings)?
    };
    let disk = Arc::new(Disk::new(vec![std::env::temp_dir()]));
    let loader = Arc::new(Loader::start(prompt::Settings::default(), disk, HashMap::new())?);
    let rules = SoundRules { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..SoundRules::default() };
    Ok(Sound { plane, notices, loader, rules, recordings: None })
}

/// Writes how it stands beside the file and then puts it in its place, so that nobody reads half of it.
fn tell(board: &Switchboard, gauges: &Path) -> Result<(), Box<dyn Error>> {
    let tally = &board.calls_tally;
    let mut text = String::new();
    writeln!(text, "calls {}", board.calls.count())?;
    writeln!(text, "legs {}", tally.legs.load(Relaxed))?;
    writeln!(text, "leaked_legs {}", tally.leaked_legs.load(Relaxed))?;
    writeln!(text, "begun {}", tally.begun.load(Relaxed))?;
    writeln!(text, "unwritten_bytes {}", board.clerk.waiting_bytes())?;
    for (status, count) in board.tally.refused.each() {
        writeln!(text, "refused_{status} {count}")?;
    }
    let beside = gauges.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, gauges)?;
    Ok(())
}
