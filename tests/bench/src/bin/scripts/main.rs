//! What scripts cost: starting one, keeping one that waits, a verb there and back, and what others' verbs take beside one without an end.
//!
//! `scripts [count]`. The scripts are real, the engine is this file: it answers each verb at once, so that what is measured is the
//! host alone. Beside each figure stands a floor of the same run: a program written in Rust that wants the same verbs.
//!
//! `scripts functions` tells what a call of a function within a script costs beside the bare language.
//!
//! `scripts reception [rounds] [calls] [rate]` has SIPp call the shipped reception through the real exchange, and the same in Rust, in turn:
//! CPU time of the server for each call. `scripts desk …` is that server.

mod desk;
mod functions;
mod reception;

use std::collections::VecDeque;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::call::verb::{Gather, Outcome, Status, Verb};
use patchcord_engine::call::{Happening, LegId};
use patchcord_engine::errand::{Brought, Errand, Facts};
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};
use patchcord_engine::runtime::clock;
use patchcord_scripts::memory::Weighed;
use patchcord_scripts::{Host, Shelf};

/// The product's own.
#[global_allocator]
static ALLOCATOR: Weighed<mimalloc::MiMalloc> = Weighed(mimalloc::MiMalloc);

const MENU: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let answer = caller.gather(#{ prompt: "welcome", digits: 1, timeout: 5.s() });
    caller.tag("pressed", answer.digits);
}
fn on_dtmf(leg, key) {}
fn on_bye(leg, why) {}"#;

const RINGS: &str = "fn on_invite(caller) { for n in 0..1000 { caller.ring(); } }";

const GREEDY: &str = "fn on_invite(caller) { loop { let x = 1 + 1; } }";

/// The most that an operation can cost: the largest list there may be is copied for a function, again and again.
const LISTS: &str = r#"
fn on_invite(caller) {
    let rows = [];
    for row in 0..490 { rows.push([row, row, row]); }
    loop { width(rows); rows[7][1] = 2; }
}
fn width(rows) { rows.len }"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("desk") => return desk::serve(&arguments[1..]),
        Some("reception") => return reception::measure(&arguments[1..]),
        Some("functions") => return functions::measure(),
        _ => {}
    }
    let count: usize = arguments.first().map_or(Ok(10_000), |count| count.parse())?;
    let shelf = Arc::new(Shelf::default());
    for (name, text) in [("menu", MENU), ("rings", RINGS), ("greedy", GREEDY), ("lists", LISTS)] {
        shelf.publish(name, &format!("{name}.rhai"), text)?;
    }
    let host = Host::new(shelf);
    let begin = |name: &str| Box::new(host.script(name).expect("it was published").0) as Box<dyn Program>;
    println!("{count} scripts");

    // The first ones pay for the compilation and for the heap.
    let warm: Vec<_> = (0..100).map(|_| waiting(begin("menu"))).collect();
    drop(warm);
    for round in 1..=3 {
        let (scripts, took, kept) = keep(count, || begin("menu"));
        let (floor, floor_took, floor_kept) = keep(count, || Box::new(Menu::default()));
        let each = |took: Duration| took.as_secs_f64() * 1e6 / count as f64;
        println!(
            "round {round}  start {:6.2} µs (Rust {:5.2})   kept while it waits {:6.2} kB (Rust {:5.2})",
            each(took),
            each(floor_took),
            kept as f64 / count as f64 / 1000.0,
            floor_kept as f64 / count as f64 / 1000.0,
        );
        drop((scripts, floor));
    }
    for round in 1..=3 {
        let (took, ends) = one_for_one(count, || begin("menu"));
        let each = |took: Duration| took.as_secs_f64() * 1e6 / count as f64;
        println!("round {round}  start, when as many end {:6.2} µs, an end {:6.2} µs", each(took), each(ends));
    }
    for round in 1..=3 {
        let verbs = 1000 * 20;
        let script = there_and_back(20, || begin("rings"));
        let floor = there_and_back(20, || Box::new(Rings(0)));
        let each = |took: Duration| took.as_secs_f64() * 1e6 / f64::from(verbs);
        println!("round {round}  verb there and back {:5.2} µs (Rust {:5.2})", each(script), each(floor));
    }
    let alone = verbs_beside(begin, None);
    println!("verbs of others, alone                       {}", told(alone));
    for (name, what) in [("greedy", "beside loop {}"), ("lists", "beside a loop that copies its largest list")] {
        println!("verbs of others, {what:<43} {}", told(verbs_beside(begin, Some(name))));
    }
    Ok(())
}

/// How long verbs of a script take while another one computes: on a shard it has a turn between any two of them.
fn verbs_beside(begin: impl Fn(&str) -> Box<dyn Program>, other: Option<&str>) -> Vec<Duration> {
    let mut other = other.map(|name| {
        let mut other = begin(name);
        let step = answered(&mut *other, Wake::Begin(LegId::FIRST));
        assert_eq!(step, Step::Breathe, "it computes");
        other
    });
    let mut took = Vec::new();
    for _ in 0..2 {
        let mut script = begin("rings");
        let mut step = script.resume(Wake::Begin(LegId::FIRST));
        while let Step::Wants(id, _) = step {
            let began = clock::now();
            if let Some(other) = &mut other
                && other.resume(Wake::Breathed { alone: false }) != Step::Breathe
            {
                break;
            }
            step = script.resume(Wake::Result(id, Outcome::Plain(Status::Ok)));
            took.push(began.elapsed());
        }
    }
    took.sort();
    took
}

fn told(took: Vec<Duration>) -> String {
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
    format!("{:.0} µs at the median, {:.0} at p99, {:.0} at worst", at(0.5), at(0.99), at(1.0))
}

/// So many programs that wait for keys, how long they took to come there, and what they hold.
fn keep(count: usize, begin: impl Fn() -> Box<dyn Program>) -> (Vec<Box<dyn Program>>, Duration, usize) {
    let mut kept = Vec::with_capacity(count);
    let (before, began) = (resident(), clock::now());
    for _ in 0..count {
        kept.push(waiting(begin()));
    }
    let took = began.elapsed();
    (kept, took, resident().saturating_sub(before))
}

/// How many calls are held where as many end as begin.
const HELD: usize = 200;

/// How long so many programs took to come to their keys, and how long to be ended there, where for each that begins another one
/// ends: a server that has been up for a while.
fn one_for_one(count: usize, begin: impl Fn() -> Box<dyn Program>) -> (Duration, Duration) {
    let mut held: VecDeque<_> = (0..HELD).map(|_| waiting(begin())).collect();
    let (mut took, mut ends) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..count {
        let began = clock::now();
        drop(held.pop_front());
        let ended = clock::now();
        ends += ended - began;
        held.push_back(waiting(begin()));
        took += ended.elapsed();
    }
    (took, ends)
}

/// Resumes a program until it waits for keys.
fn waiting(mut program: Box<dyn Program>) -> Box<dyn Program> {
    let step = answered(&mut *program, Wake::Begin(LegId::FIRST));
    assert!(matches!(step, Step::Wants(_, Verb::Gather(..))), "{step:?}");
    program
}

/// Resumes it, and answers all but gathers.
fn answered(program: &mut dyn Program, wake: Wake) -> Step {
    let mut step = program.resume(wake);
    loop {
        let (id, outcome) = match &step {
            Step::Wants(id, Verb::Errand(errand)) => (*id, Outcome::Brought(Box::new(brought(errand)))),
            Step::Wants(_, Verb::Gather(..)) | Step::Waits | Step::Breathe | Step::Finished(_) => return step,
            Step::Wants(id, _) => (*id, Outcome::Plain(Status::Ok)),
        };
        step = program.resume(Wake::Result(id, outcome));
    }
}

fn brought(errand: &Errand) -> Brought {
    match errand {
        Errand::Facts(_) => Brought::Facts(Some(Box::new(Facts { from: "+33612345678".into(), ..Facts::default() }))),
        _ => Brought::Moment { wall: Duration::ZERO, seed: 1 },
    }
}

fn there_and_back(programs: u32, begin: impl Fn() -> Box<dyn Program>) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..programs {
        let mut program = begin();
        let began = clock::now();
        black_box(answered(&mut *program, Wake::Begin(LegId::FIRST)));
        took += began.elapsed();
    }
    took
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096
}

/// The menu in Rust.
#[derive(Default)]
struct Menu(u64);

impl Program for Menu {
    fn resume(&mut self, wake: Wake) -> Step {
        if let Wake::Heard(Happening::Left(..)) = wake {
            return Step::Finished(End::Told);
        }
        self.0 += 1;
        let verb = match self.0 {
            1 => Verb::Answer(LegId::FIRST),
            _ => Verb::Gather(LegId::FIRST, Box::new(rules())),
        };
        Step::Wants(VerbId(self.0), verb)
    }
}

fn rules() -> Gather {
    Gather {
        prompt: None,
        min: 1,
        max: 1,
        end: Vec::new(),
        timeout: Duration::from_secs(5),
        gap: Duration::from_secs(3),
        barge_in: true,
        tries: 1,
        invalid: None,
        accept: Vec::new(),
        clear_first: false,
        secret: false,
    }
}

/// A thousand verbs in Rust.
struct Rings(u64);

impl Program for Rings {
    fn resume(&mut self, _: Wake) -> Step {
        self.0 += 1;
        if self.0 > 1000 { Step::Finished(End::Told) } else { Step::Wants(VerbId(self.0), Verb::Ring(LegId::FIRST)) }
    }
}
