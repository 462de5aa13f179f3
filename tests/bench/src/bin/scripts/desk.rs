//! The server under measurement for calls through reception: the real runtime, exchange and media plane, and the shipped script or the
//! same story in Rust.
//!
//! `scripts desk addr:port callee:port script|rust`. Prompts are not there, so none is heard: what is measured is the story.

use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patchcord_bench::people;
use patchcord_bench::process::pass;
use patchcord_engine::call::verb::{Dial, Gather, Play, Ringback, Status, Verb};
use patchcord_engine::call::{LegId, Outcome};
use patchcord_engine::exchange::{Exchange, Services};
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};
use patchcord_engine::routing::{BindingRow, Endpoint, Origin, PlanSettings, Route, Source, Target};
use patchcord_engine::runtime::{
    CertificateSource, Desk, Listen, Runtime, Settings, Sound, SoundRules, clock, raise_descriptors,
};
use patchcord_engine::switchboard::Switchboard;
use patchcord_media::prompt::{self, Disk, Loader};
use patchcord_media::shard::{self, Plane};
use patchcord_scripts::{Host, Shelf, shipped};
use patchcord_sip::digest::Credential;
use patchcord_sip::hop::Transport;

/// More calls than descriptors allow: what is measured is not how calls are refused.
const MOST_CALLS: u32 = 100_000;

/// How often batches are taken, and how many at once, as the writer of calls takes them.
const TAKEN_EVERY: Duration = Duration::from_millis(200);
const TAKEN_AT_ONCE: usize = 4096;

/// See the module.
pub fn serve(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [addr, callee, kind] = arguments else { return Err("desk addr:port callee:port script|rust".into()) };
    let (addr, callee): (SocketAddr, SocketAddr) = (addr.parse()?, callee.parse()?);
    let board = Arc::new(people::switchboard(clock::now()));
    let extension = Endpoint {
        number: Some("101".into()),
        ..Endpoint::new("callee", Credential::Password(Arc::from("a password")), Origin::Store)
    };
    board.directory.put(vec![extension])?;
    board.replan(plan()?)?;
    bind(&board, addr, callee);
    let _as_many_as_there_are = raise_descriptors();
    let settings = Settings {
        listen: vec![Listen { transport: Transport::Udp, addr }],
        certificate: CertificateSource::MadeOnce { folder: std::env::temp_dir(), names: Vec::new() },
        shards: 1,
        ..Settings::default()
    };
    let shelf = Arc::new(Shelf::default());
    let text = shipped::service("reception").ok_or("there is no reception")?;
    shelf.publish("reception", "reception.rhai", text)?;
    let (desks, is_script) = (board.clone(), kind == "script");
    let desk = move |_| -> Box<dyn Desk> {
        let services: Box<dyn Services> = match is_script {
            true => Box::new(Host::new(shelf.clone())),
            false => Box::new(|_: &str| Some(Box::new(Reception::default()) as Box<dyn Program>)),
        };
        Box::new(Exchange::with_services(desks.clone(), clock::now(), services))
    };
    let runtime = Runtime::start_with(settings, Some(sound()?), desk)?;
    for place in runtime.bound() {
        println!("{}", place.addr);
    }
    loop {
        pass(TAKEN_EVERY)?;
        drop(board.clerk.hand_out(TAKEN_AT_ONCE));
    }
}

/// The number that SIPp calls, and the extension that it presses there.
fn plan() -> Result<PlanSettings, Box<dyn Error>> {
    let route = |number: &str, target| -> Result<Route, Box<dyn Error>> {
        Ok(Route { number: number.parse()?, from: vec![Source::Anyone], target, rewrite: None, origin: Origin::File })
    };
    let routes = vec![
        route(people::CALLED, Target::Service("reception".into()))?,
        route("101", Target::Endpoints(vec!["callee".into()]))?,
    ];
    Ok(PlanSettings {
        routes,
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
        user: "callee".to_owned(),
        contact: format!("sip:callee@{callee}"),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: Vec::new(),
        call_id: "bound-by-the-bench".to_owned(),
        cseq: 1,
        expires: wall + Duration::from_secs(24 * 3600),
        transport: Transport::Udp,
        local,
        peer: callee,
        flow_bound: false,
        user_agent: None,
        updated: wall,
    };
    board.location.restore(vec![row], now, wall);
}

/// One media thread, with the rank of the shard: both share the core.
fn sound() -> Result<Sound, Box<dyn Error>> {
    let settings = shard::Settings { threads: 1, pinned: false, ahead: false, ..shard::Settings::default() };
    let (plane, notices) = Plane::start(&settings)?;
    let disk = Arc::new(Disk::new(vec![std::env::temp_dir()]));
    let loader = Arc::new(Loader::start(prompt::Settings::default(), disk, HashMap::new())?);
    let rules = SoundRules { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..SoundRules::default() };
    Ok(Sound { plane, notices, loader, rules, recordings: None })
}

/// What reception does with a caller who presses an extension, in Rust.
#[derive(Default)]
struct Reception {
    said: u64,
    leg: Option<LegId>,
}

impl Program for Reception {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => self.leg = Some(leg),
            Wake::Result(_, Outcome::Dialled { .. } | Outcome::Plain(Status::Gone)) | Wake::Gone => {
                return Step::Finished(End::Told);
            }
            Wake::Result(_, Outcome::Gathered { status, digits }) if status != Status::Digits || digits != "101" => {
                return Step::Finished(End::Fault(format!("{status:?} {digits}")));
            }
            Wake::Result(..) => {}
            _ => return Step::Waits,
        }
        let Some(leg) = self.leg else { return Step::Waits };
        self.said += 1;
        let play = |prompt: &str| Verb::Play(leg, Play { prompts: vec![prompt.into()], loops: 1, ..Play::default() });
        let verb = match self.said {
            1 => Verb::Answer(leg),
            2 => play("welcome"),
            3 => Verb::Gather(leg, Box::new(menu())),
            4 => Verb::Tag("choice".into(), "101".into()),
            5 => play("one-moment"),
            6 => {
                let mut dial = Dial::new(vec!["user:101".into()], Duration::from_secs(20));
                dial.ringback = Ringback::Own("music".into());
                Verb::Dial(leg, Box::new(dial))
            }
            _ => return Step::Finished(End::Told),
        };
        Step::Wants(VerbId(self.said), verb)
    }
}

fn menu() -> Gather {
    let play = |prompt: &str| Play { prompts: vec![prompt.into()], loops: 1, ..Play::default() };
    Gather {
        prompt: Some(play("main-menu")),
        min: 1,
        max: 3,
        end: Vec::new(),
        timeout: Duration::from_secs(5),
        gap: Duration::from_millis(1500),
        barge_in: true,
        tries: 3,
        invalid: Some(play("not-understood")),
        accept: ["1", "2", "3", "4", "1xx"].map(str::to_owned).into(),
        clear_first: false,
        secret: false,
    }
}
