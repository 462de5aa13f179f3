//! Which tests there are, and what came of each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::exchange::{Served, Services};
use rhai::{AST, CallFnOptions, Engine, EvalAltResult, Position, Scope};

use super::coverage::{self, Coverage, Seen};
use super::explore::{Variation, variations};
use super::failed::Failed;
use super::words::{self, Test};
use crate::fault::Fault;
use crate::imports::{self, Module};
use crate::simulator::{Point, Setting, Stage, Stop, limits::LONGEST};
use crate::{Host, Limits, Shelf, shipped};

/// How a file of tests is called: the service's name, and this.
const ENDING: &str = "_test";

/// A text of scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name of the service, or of the file without its ending.
    pub name: String,
    /// The file, as it is told of.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// What a suite is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The services, beside those that are shipped; these win.
    pub services: Vec<Source>,
    /// The files of tests.
    pub tests: Vec<Source>,
    /// Folders of prompts.
    pub prompts: Vec<std::path::PathBuf>,
    /// What they may import, beside what comes with the house.
    pub modules: Vec<Module>,
    /// What they may use.
    pub limits: Limits,
}

/// What is wished of a run.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Only tests whose name holds this.
    pub filter: Option<String>,
    /// What random numbers are drawn from.
    pub seed: u64,
    /// Whether each test is tried again with hang-ups and other orders.
    pub explore: bool,
    /// Once this is said, the test that runs fails and no other one begins.
    pub stop: Stop,
    /// How long one test may take, for whoever waits; in an exploration, one variation of it.
    pub longest: Duration,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { filter: None, seed: 1, explore: false, stop: Stop::default(), longest: LONGEST }
    }
}

/// What came of one test.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Its file, and the line where it begins.
    pub file: String,
    /// The line.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// How it failed: once as it stands, or in variations.
    pub failed: Vec<Failed>,
    /// How many variations of it ran.
    pub variations: usize,
    /// How long it took, in virtual time.
    pub lasted: Duration,
}

/// What came of a suite.
#[derive(Debug, Default)]
pub struct Report {
    /// Of each test, in the order in which they ran.
    pub verdicts: Vec<Verdict>,
    /// Files that could not be run at all, and why.
    pub broken: Vec<String>,
    /// Which lines ran, of each service that was given.
    pub coverage: Coverage,
}

impl Report {
    /// Whether all went well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.broken.is_empty() && self.verdicts.iter().all(|verdict| verdict.failed.is_empty())
    }

    /// How many variations ran in all.
    #[must_use]
    pub fn variations(&self) -> usize {
        self.verdicts.iter().map(|verdict| verdict.variations).sum()
    }
}

/// Runs a suite; each verdict is told as soon as it is there.
pub fn run(sources: &Sources, wishes: &Wishes, told: &mut dyn FnMut(&Verdict)) -> Report {
    let mut report = Report::default();
    let bench = Bench::of(sources, wishes, &mut report.broken);
    for source in &sources.tests {
        let ast = match bench.engine.compile(&source.text) {
            Ok(ast) => ast,
            Err(error) => {
                report.broken.push(Fault::of_parsing(&source.file, &source.text, &error).to_string());
                continue;
            }
        };
        report.broken.extend(super::read::never_run(&source.file, &source.text, &ast).iter().map(ToString::to_string));
        for case in cases(source, &ast) {
            if let Some(why) = wishes.stop.why() {
                report.broken.push(format!("{}:{}: {} was not run: {why}", source.file, case.line, case.name));
                break;
            }
            if wishes.filter.as_ref().is_some_and(|filter| !case.name.contains(filter)) {
                continue;
            }
            let verdict = bench.judge(&case, wishes.explore);
            told(&verdict);
            report.verdicts.push(verdict);
        }
    }
    // What was not called yet is compiled for that, and the constants of its modules are seen to run.
    let services: Vec<_> = sources.services.iter().flat_map(|source| bench.asts_of(source)).collect();
    report.coverage = Coverage::of(services.into_iter(), &bench.seen.borrow());
    report
}

/// These services, and those that are shipped where none of these has their name. What cannot be published is told.
pub fn shelf_of(sources: &Sources, broken: &mut Vec<String>) -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::new(sources.limits.clone()));
    let (services, library) = (&sources.services, imports::among(&sources.modules));
    let own = |name: &str| services.iter().any(|source| source.name == name);
    for name in shipped::services().filter(|name| !own(name)) {
        let text = shipped::service(name).unwrap_or_default();
        if let Err(error) = shelf.publish(name, &format!("{name}.rhai"), text) {
            broken.push(error.to_string());
        }
    }
    for source in services {
        if let Err(error) = shelf.publish_with(&source.name, (&source.file, &source.text), &library) {
            broken.push(error.to_string());
        }
    }
    shelf
}

/// The calls of all tests of a suite, and the services that they were played with.
#[cfg(test)]
pub(crate) fn calls_of(sources: &Sources) -> (Rc<Host>, Vec<crate::simulator::Closed>) {
    let bench = Bench::of(sources, &Wishes::default(), &mut Vec::new());
    let mut calls = Vec::new();
    for source in &sources.tests {
        let ast = bench.engine.compile(&source.text).expect("a test parses");
        for case in cases(source, &ast) {
            let (stage, _) = bench.play(&case, None);
            drop(stage.clear());
            calls.extend(stage.closed());
        }
    }
    (bench.bare, calls)
}

/// One test.
struct Case<'a> {
    source: &'a Source,
    ast: &'a AST,
    name: String,
    line: usize,
}

/// The tests of a file, as they stand in it.
fn cases<'a>(source: &'a Source, ast: &'a AST) -> Vec<Case<'a>> {
    let tests =
        ast.iter_functions().filter(|function| function.name.starts_with("test_") && function.params.len() == 1);
    let names = tests.map(|function| function.name.to_owned());
    let mut cases: Vec<_> = names.map(|name| Case { line: line_of(&source.text, &name), source, ast, name }).collect();
    cases.sort_by_key(|case| case.line);
    cases
}

/// The line on which a function begins.
fn line_of(text: &str, function: &str) -> usize {
    let begins = |line: &str| {
        let name = line.trim_start().strip_prefix("fn ").map(str::trim_start);
        name.and_then(|rest| rest.strip_prefix(function)).is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    text.lines().position(begins).map_or(0, |line| line + 1)
}

/// What all tests of a suite share: the compiled services, and the language of tests.
struct Bench {
    /// Whose lines are counted, and whose are not.
    watched: Rc<Host>,
    bare: Rc<Host>,
    seen: Rc<RefCell<Seen>>,
    engine: Engine,
    /// Where the test that runs was last.
    last: Rc<Cell<Position>>,
    seed: u64,
    prompts: Vec<std::path::PathBuf>,
    stop: Stop,
    longest: Duration,
    /// That of the test that runs, for what it computes itself.
    running: Rc<RefCell<Stop>>,
}

/// The host of a bench, for one stage.
struct Shared(Rc<Host>);

impl Services for Shared {
    fn find(&self, name: &str) -> Option<Served> {
        self.0.find(name)
    }

    fn hears(&self, service: &str, handler: &str) -> bool {
        self.0.hears(service, handler)
    }
}

impl Bench {
    fn of(sources: &Sources, wishes: &Wishes, broken: &mut Vec<String>) -> Self {
        let shelf = shelf_of(sources, broken);
        let seen = Rc::new(RefCell::new(Seen::default()));
        let watched = Rc::new(Host::watched(shelf.clone(), |engine| coverage::watch(engine, seen.clone())));
        let bare = Rc::new(Host::new(shelf));
        let (mut engine, last) = (words::engine(), Rc::new(Cell::new(Position::NONE)));
        coverage::follow(&mut engine, last.clone());
        let running = Rc::new(RefCell::new(wishes.stop.clone()));
        words::end_with(&mut engine, running.clone());
        let Wishes { seed, stop, longest, .. } = wishes.clone();
        Self { watched, bare, seen, engine, last, seed, prompts: sources.prompts.clone(), stop, longest, running }
    }

    /// What a service can run, and what its modules can; nothing of one that is broken.
    fn asts_of(&self, source: &Source) -> Vec<(String, AST)> {
        let ast = self.watched.ast(&source.name).filter(|ast| ast.source() == Some(source.file.as_str()));
        let Some(ast) = ast else { return Vec::new() };
        let mut asts = vec![(source.file.clone(), ast)];
        asts.extend(self.watched.imported(&source.name));
        asts
    }

    fn judge(&self, case: &Case<'_>, explore: bool) -> Verdict {
        let (stage, ran) = self.play(case, None);
        let lasted = stage.elapsed();
        let mut failed: Vec<Failed> = ran.err().into_iter().collect();
        let left = stage.clear();
        if failed.is_empty() {
            failed.extend(broken(case, &stage, left, &[]));
        }
        let mut verdict = Verdict {
            file: case.source.file.clone(),
            line: case.line,
            name: case.name.clone(),
            failed,
            variations: 0,
            lasted,
        };
        if explore && verdict.failed.is_empty() {
            self.explore(case, &stage, &mut verdict);
        }
        verdict
    }

    /// The same test in all its variations: nothing may be left behind in any of them.
    fn explore(&self, case: &Case<'_>, plain: &Stage, verdict: &mut Verdict) {
        let known = plain.faults();
        for variation in variations(&plain.points(), plain.choices(), self.seed) {
            if self.stop.is_said() {
                return;
            }
            verdict.variations += 1;
            // Whatever the test expects may not come about now; what counts is what is left.
            let (stage, _) = self.play(case, Some(&variation));
            let left = stage.clear();
            if let Some(failed) = broken(case, &stage, left, &known) {
                verdict.failed.push(Failed { variation: Some(variation.in_words()), ..failed });
                return;
            }
        }
    }

    /// Plays a test on a stage of its own.
    fn play(&self, case: &Case<'_>, variation: Option<&Variation>) -> (Stage, Result<(), Failed>) {
        let service = case.source.name.strip_suffix(ENDING).unwrap_or(&case.source.name);
        let host = if variation.is_some() { &self.bare } else { &self.watched };
        let hang_up = variation.and_then(|variation| variation.hang_up.clone());
        let stop = self.stop.within(self.longest);
        self.running.replace(stop.clone());
        let stage = Stage::new(Setting {
            service: Some(service.to_owned()),
            seed: self.seed,
            orders: variation.and_then(|variation| variation.orders),
            prompts: self.prompts.clone(),
            hang_up,
            stop,
            ..Setting::of(Box::new(Shared(host.clone())))
        });
        let test = Test { stage: stage.clone(), service: service.to_owned() };
        let options = CallFnOptions::new().eval_ast(true).rewind_scope(true);
        let ran: Result<rhai::Dynamic, Box<EvalAltResult>> =
            self.engine.call_fn_with_options(options, &mut Scope::new(), case.ast, &case.name, (test,));
        let last = self.last.get();
        let ran = ran.map(drop).map_err(|error| Failed::of(&case.source.file, case.line, last, &error, stage.ladder()));
        (stage, ran)
    }
}

/// What is wrong on a stage where everybody has left.
fn broken(case: &Case<'_>, stage: &Stage, left: Vec<String>, known: &[String]) -> Option<Failed> {
    let faults = stage.unforgiven().into_iter().filter(|fault| !known.contains(fault));
    let faults = faults.map(|fault| format!("a script broke: {fault}"));
    let all: Vec<String> = left.into_iter().chain(faults).collect();
    let place = format!("{}:{}", case.source.file, case.line);
    let why = (!all.is_empty()).then(|| all.join("; "))?;
    Some(Failed { place, why, ladder: stage.ladder(), variation: None })
}

/// Where a story waits, in words.
pub(super) fn place_of(point: &Point) -> String {
    let at = point.place.as_deref().map_or_else(String::new, |place| format!(" ({place})"));
    format!("{}{at}", point.verb)
}
