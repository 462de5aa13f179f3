//! One call of a script: its story, its side handlers, and how they end.
//!
//! ```text
//! Begin ─▶ on_invite on the story's strand ─▶ Wants … Result ─▶ … ─▶ Finished
//!                    Heard ─▶ on_dtmf, on_bye … on the side's strand, one after the other, while the story waits
//! ```
//!
//! A fault of the story goes to `on_error`, or to the house's apology; then the call ends and its record says where. A fault of
//! a side handler is written down, told to `on_error` where there is one, and the story goes on.

use std::collections::VecDeque;
use std::rc::Rc;

use patchcord_engine::call::verb::Handle;
use patchcord_engine::call::{Happening, LegId, Outcome, Status, Verb};
use patchcord_engine::occasion::Occasion;
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};
use rhai::{CallFnOptions, Dynamic, EvalAltResult, Scope};

use crate::fault::Fault;
use crate::fell;
use crate::handed::{body_map, error_map, key, wish_of};
use crate::host::Compiled;
use crate::occasion;
use crate::running::{Ended, Running};
use crate::scene::{self, KeyDoes, Later, Scene, Unwound};
use crate::strand::{Answer, Ask, Strand, Turn};
use crate::words::{self, Leg};

/// What is played to a caller whose script has failed, where it says nothing itself.
const APOLOGY: &str = "sorry-something-failed";

/// See the module.
pub struct Script {
    text: Rc<Compiled>,
    scene: Rc<Scene>,
    story: Option<Running>,
    side: Option<Running>,
    waiting: VecDeque<Happening>,
    /// Which strand asked for a breath.
    breathes: Option<Which>,
    /// What is to be written down, and as what: a fault of a side handler, or why a story has ended early.
    to_write: Option<(&'static str, String)>,
    last: u64,
    /// Whether there is no call, and nobody to be told of a fault.
    legless: bool,
    /// Whether everybody has gone.
    alone: bool,
    end: Ending,
}

/// How far the story has come to its end.
#[derive(Debug)]
enum Ending {
    /// It is told.
    Told,
    /// It has failed, and what there is to be said about it is being said: by the script, or by the house.
    Apology(String, bool),
    /// It has ended so, and the engine is to be told.
    Over(End),
    /// The engine knows.
    Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Story,
    Side,
}

impl Script {
    /// A script for one call.
    #[must_use]
    pub fn new(text: Rc<Compiled>) -> Self {
        let scene = Rc::new(Scene::new(text.service.clone(), text.limits.clone(), text.shelf.clone()));
        scene.watches.set(text.has("on_room", 2));
        Self {
            text,
            scene,
            story: None,
            side: None,
            waiting: VecDeque::new(),
            breathes: None,
            to_write: None,
            last: 0,
            legless: false,
            alone: false,
            end: Ending::Told,
        }
    }

    /// Begins the story.
    fn begin(&mut self, leg: LegId) -> Step {
        self.scene.first.set(leg);
        let scene = self.scene.clone();
        let text = self.text.clone();
        if !text.has("on_invite", 1) {
            let fault = Fault::of_file(&text.edition.file, "it has no fn on_invite(caller), which a call begins with");
            return self.failed(fault.to_string());
        }
        self.tell(move || {
            // What an INVITE says is known until it is answered: it is kept for the story.
            let vars = scene.facts(leg, true)?.vars;
            if let Some(vars) = text.engine.parse_json(&vars, true).ok().filter(|_| !vars.is_empty()) {
                scene.set_vars(leg, vars);
            }
            run(&text, "on_invite", vec![Dynamic::from(Leg(leg))])
        })
    }

    /// There is no call: the script is asked something, and what it gives back is the answer.
    fn asked(&mut self, occasion: Occasion) -> Step {
        self.legless = true;
        let (scene, text) = (self.scene.clone(), self.text.clone());
        self.tell(move || occasion::answer(&text, &scene, &occasion))
    }

    /// Starts the strand of the story.
    fn tell(&mut self, what: impl FnOnce() -> Ended + 'static) -> Step {
        self.scene.begin_strand();
        match Strand::begin(self.text.limits.memory, what) {
            Ok(strand) => {
                self.story = Some(Running::new(strand, false, false));
                self.drive(Which::Story, Answer::Go)
            }
            Err(error) => {
                self.end = Ending::Over(End::Fault(format!("there is no room for another script: {error}")));
                self.idle()
            }
        }
    }

    /// Resumes a strand, and says what it wants.
    fn drive(&mut self, which: Which, answer: Answer) -> Step {
        let scene = self.scene.clone();
        let running = match which {
            Which::Story => self.story.as_mut(),
            Which::Side => self.side.as_mut(),
        };
        let Some(running) = running else { return self.idle() };
        running.waits = None;
        scene.go_on(running.paused);
        scene.in_story.set(which == Which::Story);
        scene.for_nobody.set(self.alone && !running.is_bye);
        fell::forget();
        let turn = scene.play(|| running.strand.resume(answer));
        running.paused = scene.pause();
        match turn {
            Turn::Asks(Ask::Verb(verb)) => {
                self.last += 1;
                let id = VerbId(self.last);
                running.waits = Some(id);
                if running.is_left && self.is_spoken_to(which) {
                    return self.drive(which, Answer::Unwind);
                }
                Step::Wants(id, verb)
            }
            Turn::Asks(Ask::Breath) => {
                self.breathes = Some(which);
                Step::Breathe
            }
            Turn::Ends(end) if which == Which::Story => {
                self.story = None;
                self.story_ended(end)
            }
            Turn::Ends(end) => {
                self.side = None;
                self.side_ended(end)
            }
        }
    }

    fn story_ended(&mut self, end: Ended) -> Step {
        let end = match end {
            Ok(_) => End::Told,
            Err(error) => match unwound(&error) {
                Some(Unwound::Gone) => {
                    self.told_of_lost();
                    End::Told
                }
                Some(Unwound::ContinueAs(service)) => End::ContinueAs(service),
                _ => {
                    let fault = self.text.fault(&error);
                    return self.failed(fault.to_string());
                }
            },
        };
        let end = match std::mem::replace(&mut self.end, Ending::Known) {
            Ending::Apology(fault, _) => End::Fault(fault),
            _ => end,
        };
        self.end = Ending::Over(end);
        self.leave_side()
    }

    /// The story is over, and the call ends with it: what a side handler still wants to say to somebody is not said. One that does
    /// other things, as telling a web server, comes to its end.
    fn leave_side(&mut self) -> Step {
        if let Some(side) = &mut self.side {
            side.is_left = true;
            if side.waits.is_some() && self.is_spoken_to(Which::Side) {
                return self.drive(Which::Side, Answer::Unwind);
            }
        }
        self.idle()
    }

    /// Whether a strand stands in a verb of a leg that was not outlived.
    fn is_spoken_to(&self, which: Which) -> bool {
        let running = if which == Which::Story { &self.story } else { &self.side };
        let leg = running.as_ref().and_then(|running| running.paused.waits_for);
        leg.is_some_and(|leg| !self.scene.is_outlived(leg))
    }

    /// A story that ends with its caller needs no word; one that spoke to somebody else who has gone does.
    fn told_of_lost(&mut self) {
        let first = self.scene.first.get();
        let lost = self.scene.lost.take().filter(|lost| *lost != first && !self.scene.is_gone(first));
        if let (Some(_), Some(place)) = (lost, self.scene.place()) {
            let why = "the party that was spoken to has gone, and so the story ends; say outlive() of its leg to go on";
            self.to_write = Some(("warn", format!("{place}: {why}")));
        }
    }

    /// The story has failed: `on_error`, or the house, says so to the caller.
    fn failed(&mut self, fault: String) -> Step {
        self.text.warn("a script failed", &fault);
        if self.legless {
            self.end = Ending::Over(End::Fault(fault));
            return self.idle();
        }
        let own = match std::mem::replace(&mut self.end, Ending::Known) {
            Ending::Apology(first, false) => {
                self.end = Ending::Over(End::Fault(first));
                return self.idle();
            }
            // Its own apology has failed, too: the house says it.
            Ending::Apology(first, true) => {
                self.end = Ending::Apology(format!("{first}; and on_error failed at {fault}"), false);
                false
            }
            _ => {
                let own = self.text.has("on_error", 2);
                self.end = Ending::Apology(fault.clone(), own);
                own
            }
        };
        let (text, scene, leg) = (self.text.clone(), self.scene.clone(), self.scene.first.get());
        self.tell(move || {
            if own {
                return run(&text, "on_error", vec![Dynamic::from(Leg(leg)), error_map(&fault).into()]);
            }
            apologise(&text, &scene, leg)
        })
    }

    fn side_ended(&mut self, end: Ended) -> Step {
        if let Err(error) = end
            && !matches!(unwound(&error), Some(Unwound::Gone))
        {
            let fault = match unwound(&error) {
                Some(Unwound::ContinueAs(_)) => "only the story can continue as another service".to_owned(),
                _ => self.text.fault(&error).to_string(),
            };
            self.text.warn("a side handler failed", &fault);
            self.to_write = Some(("fault", fault));
        }
        self.idle()
    }

    /// Goes on with whatever waits, or says that nothing does.
    fn idle(&mut self) -> Step {
        if let Some((kind, text)) = self.to_write.take() {
            self.last += 1;
            return Step::Wants(VerbId(self.last), Verb::Log(kind.into(), text));
        }
        while self.side.is_none() {
            let Some(happening) = self.waiting.pop_front() else { break };
            if let Some(step) = self.handle(happening) {
                return step;
            }
        }
        if self.side.is_none() && self.story.is_none() {
            return match std::mem::replace(&mut self.end, Ending::Known) {
                Ending::Over(end) => Step::Finished(end),
                other => {
                    self.end = other;
                    Step::Waits
                }
            };
        }
        Step::Waits
    }

    /// Something happened that no verb was waiting for.
    fn hear(&mut self, happening: Happening) -> Step {
        match &happening {
            Happening::Left(leg, _) => {
                self.scene.left(*leg);
                self.waiting.push_back(happening.clone());
                if let Some(step) = self.leave_sleepers(*leg) {
                    return step;
                }
            }
            Happening::Recorded(handle, outcome) => {
                self.scene.background_ended(*handle, Some(outcome.clone()));
                return self.idle();
            }
            // A wish must be heard; there is at most one on each leg.
            Happening::Refer(..) => self.waiting.push_back(happening),
            _ if self.waiting.len() < self.text.limits.waiting => self.waiting.push_back(happening),
            _ => tracing::debug!(service = &*self.text.service, "too much waits for a side handler; it is not told"),
        }
        self.idle()
    }

    /// A strand that waits for a leg that has gone is unwound; where the leg was outlived and it only sleeps, it is told so.
    fn leave_sleepers(&mut self, leg: LegId) -> Option<Step> {
        let outlived = self.scene.is_outlived(leg);
        let waits = |running: &&Running| running.waits.is_some() && running.paused.waits_for == Some(leg);
        let leaves = |running: &Option<Running>| {
            running.as_ref().filter(waits).is_some_and(|running| !outlived || running.paused.sleeps)
        };
        let (story, side) = (leaves(&self.story), leaves(&self.side));
        if !story && !side {
            return None;
        }
        // With the story its side handler is left, too.
        let which = if story && !(side && outlived) { Which::Story } else { Which::Side };
        let gone = Answer::Outcome(Outcome::Plain(Status::Gone));
        Some(self.drive(which, if outlived { gone } else { Answer::Unwind }))
    }

    /// Begins the side handler of something that happened; `None` where there is none.
    fn handle(&mut self, happening: Happening) -> Option<Step> {
        let first = self.scene.first.get();
        let leg = |leg: LegId| Dynamic::from(Leg(leg));
        let (name, values) = match happening {
            Happening::Key(at, press) if self.scene.key(at, press.key.as_char()).is_some() => {
                return Some(match self.scene.key(at, press.key.as_char())? {
                    KeyDoes::Run(then) => self.call_back(then, at),
                    KeyDoes::End => self.end_talk(at),
                });
            }
            Happening::Key(at, press) => ("on_dtmf", vec![leg(at), key(press).into()]),
            Happening::Info(at, kind, body) => ("on_info", vec![leg(at), body_map(kind, &body).into()]),
            Happening::Message(at, kind, body) => ("on_message", vec![leg(at), body_map(kind, &body).into()]),
            Happening::Room(at, happened) => ("on_room", vec![leg(at), words::happened(&happened).into()]),
            Happening::Held(at, held) => ("on_hold", vec![leg(at), held.into()]),
            Happening::Refer(at, wish) => ("on_refer", vec![leg(at), wish_of(at, &wish)]),
            Happening::Left(at, ending) => {
                let why = scene::why(&ending, at, first, self.scene.place());
                ("on_bye", vec![leg(at), why.into()])
            }
            Happening::Ended(handle) => return self.background_ended(handle),
            Happening::Recorded(..) => return None,
        };
        if !self.text.has(name, values.len()) {
            return None;
        }
        let text = self.text.clone();
        Some(self.beside(name == "on_bye", move || run(&text, name, values)))
    }

    fn background_ended(&mut self, handle: Handle) -> Option<Step> {
        self.scene.background_ended(handle, None);
        let (then, leg) = self.scene.timer(handle)?;
        Some(self.call_back(then, leg))
    }

    /// A key ends the talk of a leg; its dial then comes back.
    fn end_talk(&mut self, leg: LegId) -> Step {
        self.scene.ended_by_key.set(true);
        self.last += 1;
        Step::Wants(VerbId(self.last), Verb::Unbridge(leg))
    }

    /// Runs a function that was given to a word, beside the story.
    fn call_back(&mut self, later: Later, leg: LegId) -> Step {
        let (text, scene) = (self.text.clone(), self.scene.clone());
        self.beside(false, move || {
            let Later { then, file } = later;
            scene.aside.replace(Some(file.clone()));
            let home = text.home(then.fn_name(), &file)?;
            let takes = home.values(then.fn_name()).saturating_sub(then.curry().len());
            match takes {
                0 => then.call(&text.engine, &home.0, ()),
                _ => then.call(&text.engine, &home.0, (Leg(leg),)),
            }
        })
    }

    /// Starts a side strand.
    fn beside(&mut self, is_bye: bool, what: impl FnOnce() -> Ended + 'static) -> Step {
        self.scene.begin_strand();
        match Strand::begin(self.text.limits.memory, what) {
            Ok(strand) => {
                self.side = Some(Running::new(strand, is_bye, matches!(self.end, Ending::Over(_))));
                self.drive(Which::Side, Answer::Go)
            }
            Err(error) => {
                self.to_write = Some(("fault", format!("there is no room for a side handler: {error}")));
                self.idle()
            }
        }
    }

    fn result(&mut self, id: VerbId, outcome: Outcome) -> Step {
        let waits = |running: &Option<Running>| running.as_ref().is_some_and(|running| running.waits == Some(id));
        if waits(&self.story) {
            self.drive(Which::Story, Answer::Outcome(outcome))
        } else if waits(&self.side) {
            self.drive(Which::Side, Answer::Outcome(outcome))
        } else {
            // What a strand wanted that has been unwound since.
            self.idle()
        }
    }
}

impl Program for Script {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => self.begin(leg),
            Wake::Occasion(occasion) => self.asked(*occasion),
            Wake::Result(id, outcome) => self.result(id, outcome),
            Wake::Heard(happening) => self.hear(happening),
            Wake::Breathed { alone } => {
                self.alone = alone && !self.legless;
                match self.breathes.take() {
                    Some(which) => self.drive(which, Answer::Go),
                    None => self.idle(),
                }
            }
            Wake::Gone => {
                let scene = self.scene.clone();
                scene.play(|| {
                    self.side = None;
                    self.story = None;
                });
                self.waiting.clear();
                self.end = Ending::Known;
                Step::Finished(End::Told)
            }
        }
    }

    fn place(&self) -> Option<String> {
        self.scene.place()
    }

    fn service(&self) -> Option<&str> {
        Some(&self.text.service)
    }

    fn asks_secrets(&self) -> bool {
        self.text.asks_secrets
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let scene = self.scene.clone();
        scene.play(|| {
            self.side = None;
            self.story = None;
        });
    }
}

/// Runs a function of the text.
pub(crate) fn run(text: &Compiled, name: &str, values: Vec<Dynamic>) -> Ended {
    let options = CallFnOptions::new().eval_ast(true).rewind_scope(true);
    text.engine.call_fn_with_options(options, &mut Scope::new(), &text.ast, name, values)
}

/// What the house says where a script has failed and says nothing itself.
fn apologise(text: &Compiled, scene: &Scene, leg: LegId) -> Ended {
    if scene.is_gone(leg) {
        return Ok(Dynamic::UNIT);
    }
    let says = match scene.facts(leg, true)?.state.as_str() {
        "answered" => format!("fn sorry(leg) {{ leg.play(\"{APOLOGY}\") }}"),
        "ringing" => "fn sorry(leg) { leg.reject(500, \"The Service Failed\") }".to_owned(),
        _ => return Ok(Dynamic::UNIT),
    };
    let mut apology = text.engine.compile(says).expect("the house's apology is a script");
    apology.set_source("the house");
    let options = CallFnOptions::new().eval_ast(false);
    text.engine.call_fn_with_options(options, &mut Scope::new(), &apology, "sorry", (Leg(leg),))
}

/// Why a script was unwound, where it was.
fn unwound(error: &EvalAltResult) -> Option<Unwound> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => unwound(inner),
        EvalAltResult::ErrorTerminated(token, _) => token.clone().try_cast(),
        _ => None,
    }
}
