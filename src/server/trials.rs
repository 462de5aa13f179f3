//! The tests of a service, run before a change of it is served: what its own `_test.rhai` finds wrong is not served.
//!
//! They run in virtual time on a thread of their own, which no call needs, and end within a bound. What came of them is kept as long as
//! neither the text nor its tests change: a folder that is looked at each second runs nothing twice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use patchcord_scripts::{
    imports::Module,
    simulator::Stop,
    testing::{Report, Source, Sources, Wishes, run},
};

/// How long the tests of one service may take: a hundred times what a usual suite does.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

/// How long they may take to stop: what a script and a test compute between two looks at the word.
const GRACE: Duration = Duration::from_secs(5);

/// The stack of tests: an expression of theirs may be deep.
const STACK: usize = 8 << 20;

/// Failures that are told of one service; the others come when these are mended.
const MOST_TOLD: usize = 3;

/// See the module.
#[derive(Debug, Default)]
pub struct Trials {
    /// Whether nothing is run.
    off: bool,
    /// What came of the last tests, by service: of which text, of which tests.
    judged: Mutex<BTreeMap<String, Judged>>,
}

/// Which text was tried by which tests, and what came of it.
type Judged = (String, Vec<Module>, Source, Result<(), String>);

impl Trials {
    /// Trials, or none where tests are not wanted.
    pub fn new(wanted: bool) -> Self {
        Self { off: !wanted, judged: Mutex::default() }
    }

    /// Whether a text holds what its tests expect of it; else which test fails, with file, line and column. The other services are as
    /// `sources` has them. Blocks for as long as tests may take.
    pub fn judge(
        &self,
        name: &str,
        (text, modules): (&str, &[Module]),
        test: Option<Source>,
        sources: impl FnOnce() -> Sources,
    ) -> Result<(), String> {
        let Some(test) = test.filter(|_| !self.off) else { return Ok(()) };
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., came)) =
            judged.get(name).filter(|(of, with, by, _)| of == text && with == modules && *by == test)
        {
            return came.clone();
        }
        let mut sources = sources();
        sources.services.retain(|source| source.name != name);
        sources.services.push(Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() });
        sources.tests = vec![test.clone()];
        let came = in_time(sources, name);
        judged.insert(name.into(), (text.into(), modules.into(), test, came.clone()));
        came
    }

    /// What came of the tests of a service need not be known any more.
    pub fn forget(&self, name: &str) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Runs a suite on a thread of its own, for as long as it may take.
fn in_time(sources: Sources, name: &str) -> Result<(), String> {
    let stop = Stop::default();
    let wishes = Wishes { stop: stop.clone(), ..Wishes::default() };
    let (tell, told) = mpsc::channel();
    let suite = move || {
        // Nobody may wait any more.
        let _heard = tell.send(verdict(&run(&sources, &wishes, &mut |_| {})));
    };
    let thread = thread::Builder::new().name("tests".into()).stack_size(STACK);
    if let Err(error) = thread.spawn(suite) {
        return Err(format!("the tests of {name} cannot be run: {error}"));
    }
    match told.recv_timeout(LONGEST) {
        Ok(came) => came,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(format!("the tests of {name} broke off; `patchcord test` shows where"))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => {
            stop.say();
            let within = format!(
                "the tests of {name} take longer than {} s; `patchcord test` shows which, [scripts] test = false serves without them",
                LONGEST.as_secs()
            );
            // The test that ran when it was stopped is the one that takes so long.
            match told.recv_timeout(GRACE) {
                Ok(Err(which)) => Err(format!("{within}; {which}")),
                _ => Err(within),
            }
        }
    }
}

/// What fails, in words.
fn verdict(report: &Report) -> Result<(), String> {
    let failed = report.verdicts.iter().filter_map(|verdict| Some((verdict, verdict.failed.first()?)));
    let failed = failed.map(|(verdict, failed)| format!("{}: {} fails: {}", failed.place, verdict.name, failed.why));
    let told: Vec<String> = report.broken.iter().cloned().chain(failed).collect();
    match told.len() {
        0 => Ok(()),
        count if count > MOST_TOLD => Err(format!("{}; and {} more", told[..MOST_TOLD].join("; "), count - MOST_TOLD)),
        _ => Err(told.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(text: &str) -> Option<Source> {
        Some(Source { name: "ivr_test".into(), file: "ivr_test.rhai".into(), text: text.into() })
    }

    #[test]
    fn what_tests_expect_is_held_against_the_text_and_each_is_run_once() {
        let trials = Trials::new(true);
        let test =
            "fn test_it_answers(t) {\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.is_answered();\n}";
        let right = "fn on_invite(caller) { caller.answer(); caller.sleep(9.s()); }";
        assert_eq!(trials.judge("ivr", (right, &[]), tests(test), Sources::default), Ok(()));
        let told =
            trials.judge("ivr", ("fn on_invite(caller) { caller.reject(486); }", &[]), tests(test), Sources::default);
        let told = told.expect_err("it rejects");
        assert!(told.starts_with("ivr_test.rhai:3:9: test_it_answers fails: "), "{told}");
        let never = || panic!("it was run before");
        let again = trials.judge("ivr", ("fn on_invite(caller) { caller.reject(486); }", &[]), tests(test), never);
        assert_eq!(again, Err(told));
        assert_eq!(trials.judge("ivr", (right, &[]), None, never), Ok(()), "it has no tests");
        assert_eq!(Trials::new(false).judge("ivr", ("", &[]), tests(test), never), Ok(()), "nobody wants them run");
    }

    #[test]
    fn a_test_that_does_not_parse_is_told_with_its_place() {
        let told = Trials::new(true).judge(
            "ivr",
            ("fn on_invite(caller) { }", &[]),
            tests("fn test_it(t) {"),
            Sources::default,
        );
        assert!(told.is_err_and(|told| told.starts_with("ivr_test.rhai:1:")));
    }
}
