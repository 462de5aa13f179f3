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
type Judged = (String, Vec<Module>, Source, Came);

/// What came of the tests of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Tests that hold.
    pub held: u32,
    /// Tests that fail, and files that cannot be read.
    pub failed: u32,
    /// What fails, with file, line and column.
    pub why: Option<String>,
}

impl Came {
    /// They could not be run to their end.
    fn never(why: String) -> Self {
        Self { held: 0, failed: 1, why: Some(why) }
    }

    /// Whether the text is one to be served; why not, otherwise.
    pub fn verdict(&self) -> Result<(), String> {
        self.why.clone().map_or(Ok(()), Err)
    }
}

impl Trials {
    /// Trials, or none where tests are not wanted.
    pub fn new(wanted: bool) -> Self {
        Self { off: !wanted, judged: Mutex::default() }
    }

    /// What the tests of a text say to it, `None` where there are none or nobody wants them run. The other services are as `sources` has
    /// them. Blocks for as long as tests may take.
    pub fn judge(
        &self,
        name: &str,
        (text, modules): (&str, &[Module]),
        test: Option<Source>,
        sources: impl FnOnce() -> Sources,
    ) -> Option<Came> {
        let test = test.filter(|_| !self.off)?;
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., came)) =
            judged.get(name).filter(|(of, with, by, _)| of == text && with == modules && *by == test)
        {
            return Some(came.clone());
        }
        let mut sources = sources();
        sources.services.retain(|source| source.name != name);
        sources.services.push(Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() });
        sources.tests = vec![test.clone()];
        let came = in_time(sources, name);
        judged.insert(name.into(), (text.into(), modules.into(), test, came.clone()));
        Some(came)
    }

    /// What came of the tests of a service need not be known any more.
    pub fn forget(&self, name: &str) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Runs a suite on a thread of its own, for as long as it may take.
fn in_time(sources: Sources, name: &str) -> Came {
    let stop = Stop::default();
    let wishes = Wishes { stop: stop.clone(), ..Wishes::default() };
    let (tell, told) = mpsc::channel();
    let suite = move || {
        // Nobody may wait any more.
        let _heard = tell.send(verdict(&run(&sources, &wishes, &mut |_| {})));
    };
    let thread = thread::Builder::new().name("tests".into()).stack_size(STACK);
    if let Err(error) = thread.spawn(suite) {
        return Came::never(format!("the tests of {name} cannot be run: {error}"));
    }
    match told.recv_timeout(LONGEST) {
        Ok(came) => came,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Came::never(format!("the tests of {name} broke off; `patchcord test` shows where"))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => {
            stop.say();
            let within = format!(
                "the tests of {name} take longer than {} s; `patchcord test` shows which, [scripts] test = false serves without them",
                LONGEST.as_secs()
            );
            // The test that ran when it was stopped is the one that takes so long.
            match told.recv_timeout(GRACE) {
                Ok(Came { why: Some(which), held, failed }) => {
                    Came { held, failed, why: Some(format!("{within}; {which}")) }
                }
                _ => Came::never(within),
            }
        }
    }
}

/// What holds, and what fails, in words.
fn verdict(report: &Report) -> Came {
    let failed = report.verdicts.iter().filter_map(|verdict| Some((verdict, verdict.failed.first()?)));
    let failed = failed.map(|(verdict, failed)| format!("{}: {} fails: {}", failed.place, verdict.name, failed.why));
    let told: Vec<String> = report.broken.iter().cloned().chain(failed).collect();
    let held = report.verdicts.iter().filter(|verdict| verdict.failed.is_empty()).count();
    let why = match told.len() {
        0 => None,
        count if count > MOST_TOLD => Some(format!("{}; and {} more", told[..MOST_TOLD].join("; "), count - MOST_TOLD)),
        _ => Some(told.join("; ")),
    };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Came { held: count(held), failed: count(told.len()), why }
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
        let holds = Some(Came { held: 1, failed: 0, why: None });
        assert_eq!(trials.judge("ivr", (right, &[]), tests(test), Sources::default), holds);
        let came =
            trials.judge("ivr", ("fn on_invite(caller) { caller.reject(486); }", &[]), tests(test), Sources::default);
        let came = came.expect("it was tried");
        assert_eq!((came.held, came.failed), (0, 1));
        let told = came.why.as_deref().expect("it rejects");
        assert!(told.starts_with("ivr_test.rhai:3:9: test_it_answers fails: "), "{told}");
        let never = || panic!("it was run before");
        let again = trials.judge("ivr", ("fn on_invite(caller) { caller.reject(486); }", &[]), tests(test), never);
        assert_eq!(again.as_ref(), Some(&came));
        assert_eq!(trials.judge("ivr", (right, &[]), None, never), None, "it has no tests");
        assert_eq!(Trials::new(false).judge("ivr", ("", &[]), tests(test), never), None, "nobody wants them run");
    }

    #[test]
    fn a_test_that_does_not_parse_is_told_with_its_place() {
        let told = Trials::new(true).judge(
            "ivr",
            ("fn on_invite(caller) { }", &[]),
            tests("fn test_it(t) {"),
            Sources::default,
        );
        let told = told.and_then(|came| came.why).expect("it is told");
        assert!(told.starts_with("ivr_test.rhai:1:"), "{told}");
    }
}
