//! How long a thousand simulated calls through a menu take: `cargo run --release -p patchcord-scripts --example thousand_calls`.
//!
//! Each rings two agents for twenty seconds and leaves a message; lines that run are counted, as `patchcord test` does. Nothing is
//! asserted but that the tests pass.

use std::time::Instant;

use patchcord_scripts::testing::{Source, Sources, Wishes, run};

/// Calls of one run.
const CALLS: usize = 1000;

/// Runs, of which the fastest is told beside the slowest.
const RUNS: usize = 5;

const IVR: &str = include_str!("../src/testing/tests/ivr.rhai");

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn main() {
    let tests: String = (0..CALLS).map(|number| TEST.replace("test_call", &format!("test_call_{number}"))).collect();
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources =
        Sources { services: vec![source("ivr", IVR)], tests: vec![source("ivr_test", &tests)], ..Sources::default() };
    let mut took: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            let report = run(&sources, &Wishes::default(), &mut |_| {});
            assert!(report.is_well() && report.verdicts.len() == CALLS, "{}", report.summary());
            began.elapsed().as_secs_f64()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!("{CALLS} simulated calls: {:.3} s at best, {:.3} s at worst of {RUNS} runs", took[0], took[RUNS - 1]);
}

const TEST: &str = r##"
fn test_call(t) {
    t.endpoint("alice").rings();
    t.endpoint("bob").busy();
    let phone = t.phone("+33612345678").dials("+33100000000");
    phone.hears("main-menu").after(800.ms()).presses("1");
    t.advance(20.s());
    phone.hears("leave-message").speaks(4.s()).hangs_up();
    t.record(#{ outcome: "voicemail", legs: 3, ended_by: "caller" });
}
"##;
