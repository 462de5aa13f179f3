//! What a call of a function costs within a script: in a service, where each function remembers where it met a limit, and in the bare
//! language with the same words. The loop around it is measured alone, and taken off.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::call::LegId;
use patchcord_engine::program::{Program, Step, Wake};
use patchcord_engine::runtime::clock;
use patchcord_scripts::{Host, Limits, Shelf, engine};

use super::answered;

/// Calls of one round: as many as a script may make without a word, and some to spare.
const CALLS: u32 = 200_000;

/// Measures a few rounds, both ways in turn.
pub fn measure() -> Result<(), Box<dyn Error>> {
    let function = "fn next(n) { n + 1 }";
    let (with, without) = (looped("next(n)"), looped("n + 1"));
    let shelf = Arc::new(Shelf::default());
    for (name, body) in [("with", &with), ("without", &without)] {
        shelf.publish(name, &format!("{name}.rhai"), &format!("{function}\nfn on_invite(caller) {{ {body} }}"))?;
    }
    let (host, bare) = (Host::new(shelf), engine(&Limits { operations: u64::MAX, ..Limits::default() }));
    let plain = |body: &str| bare.compile(format!("{function}\n{body}"));
    let (plain_with, plain_without) = (plain(&with)?, plain(&without)?);
    for round in 1..=5 {
        let service = [host.script("with"), host.script("without")];
        let [with, without] =
            service.map(|script| script.map(|(script, _)| told(Box::new(script))).unwrap_or_default());
        let mut took = [Duration::ZERO; 2];
        for (took, ast) in took.iter_mut().zip([&plain_with, &plain_without]) {
            let began = clock::now();
            bare.eval_ast::<i64>(ast)?;
            *took = began.elapsed();
        }
        let each =
            |with: Duration, without: Duration| with.saturating_sub(without).as_secs_f64() * 1e9 / f64::from(CALLS);
        let (placed, plain) = (each(with, without), each(took[0], took[1]));
        println!(
            "round {round}  call of a function {placed:5.0} ns (bare {plain:5.0}, {:.2} ×)   the loop around it {:5.0} ns (bare {:5.0})",
            placed / plain,
            each(without, Duration::ZERO),
            each(took[1], Duration::ZERO),
        );
    }
    Ok(())
}

fn looped(what: &str) -> String {
    format!("let sum = 0; for n in 0..{CALLS} {{ sum = {what}; }} sum")
}

/// How long a script takes to its end, others never having their turn.
fn told(mut program: Box<dyn Program>) -> Duration {
    let began = clock::now();
    let mut step = answered(&mut *program, Wake::Begin(LegId::FIRST));
    while step == Step::Breathe {
        step = answered(&mut *program, Wake::Breathed { alone: false });
    }
    let took = began.elapsed();
    assert!(matches!(step, Step::Finished(_)), "it says nothing: {step:?}");
    took
}
