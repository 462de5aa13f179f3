//! The tests of a service, run before a change of it is served: what its own `_test.rhai` finds wrong is not served.
//!
//! They run in virtual time on a thread of their own, which no call needs, and end within a bound, or when the server stops. What came of them is kept as long as
//! neither the text nor its tests change: a folder that is looked at each second runs nothing twice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use patchcord_scripts::{
    imports::Module,
    simulator::{Stop, limits::LONGEST},
    testing::{Report, Source, Sources, Wishes, run},
};

/// How long they may take to stop: what a script and a test compute between two looks at the word, on a machine that has much to do.
const GRACE: Duration = Duration::from_secs(2);

/// The stack of tests: an expression of theirs may be deep.
const STACK: usize = 8 << 20;

/// Failures that are told of one service; the others come when these are mended.
const MOST_TOLD: usize = 3;

/// See the module.
#[derive(Debug)]
pub struct Trials {
    /// Whether nothing is run.
    off: bool,
    /// Said when the server stops.
    stop: Stop,
    /// How long the tests of one service may take.
    longest: Duration,
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
        Self { off: !wanted, stop: Stop::default(), longest: LONGEST, judged: Mutex::default() }
    }

    /// The same, where tests may take so long.
    #[cfg(test)]
    pub fn within(longest: Duration) -> Self {
        Self { longest, ..Self::new(true) }
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
        let came = in_time(sources, name, (self.patience(), self.longest));
        judged.insert(name.into(), (text.into(), modules.into(), test, came.clone()));
        Some(came)
    }

    /// The word that ends a suite: in its time, or when the server stops.
    pub fn patience(&self) -> Stop {
        self.stop.within(self.longest)
    }

    /// The server stops: what runs ends, and nothing new is run.
    pub fn stop(&self) {
        self.stop.say();
    }

    /// Whether the server stops.
    pub fn are_over(&self) -> bool {
        self.stop.is_said()
    }

    /// What came of the tests of a service need not be known any more.
    pub fn forget(&self, name: &str) {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Runs a suite on a thread of its own, until this is said.
fn in_time(sources: Sources, name: &str, (stop, longest): (Stop, Duration)) -> Came {
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
    let within = format!(
        "the tests of {name} take longer than {} s; `patchcord test` shows which, [scripts] test = false serves without them",
        longest.as_secs_f64()
    );
    match told.recv_timeout(longest + GRACE) {
        // The test that ran when it was stopped is the one that takes so long.
        Ok(Came { why: Some(which), held, failed }) if stop.is_said() => {
            Came { held, failed, why: Some(format!("{within}; {which}")) }
        }
        Ok(came) => came,
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Came::never(format!("the tests of {name} broke off; `patchcord test` shows where"))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Came::never(within),
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

    const ENDLESS: &str =
        "fn test_it(t) { loop { try { t.phone(\"1\").dials(\"ivr\"); t.advance(9.h()); } catch { } } }";

    const RIGHT: (&str, &[Module]) = ("fn on_invite(caller) { caller.answer(); caller.sleep(1.h()); }", &[]);

    #[test]
    fn tests_without_end_are_ended_in_their_time_and_told_with_their_line() {
        let trials = Trials::within(Duration::from_secs(1));
        let came = trials.judge("ivr", RIGHT, tests(ENDLESS), Sources::default).expect("it was tried");
        let told = came.why.expect("it has no end");
        assert!(told.starts_with("the tests of ivr take longer than 1 s; "), "{told}");
        assert!(told.contains("ivr_test.rhai:1:") && told.contains("goes on without end"), "{told}");
    }

    #[test]
    fn who_stops_ends_the_tests_that_run_and_no_other_one_begins() {
        let trials = Trials::new(true);
        let told = |came: Option<Came>| came.and_then(|came| came.why).expect("it has no end");
        let cut = thread::scope(|scope| {
            let judged = scope.spawn(|| told(trials.judge("ivr", RIGHT, tests(ENDLESS), Sources::default)));
            trials.stop();
            judged.join().expect("it is told")
        });
        assert!(cut.contains("it was stopped"), "{cut}");
        let next = told(trials.judge("other", RIGHT, tests("fn test_it(t) {}"), Sources::default));
        assert!(next.contains("test_it was not run: it was stopped"), "{next}");
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
