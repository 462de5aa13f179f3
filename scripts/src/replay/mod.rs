//! A past call against today's scripts: the script is told what the journal says that it was told, and each verb that it says is
//! held against the one that was said then.
//!
//! ```text
//! journal: gather ─▶ digits 1 ─▶ dial user:alice         script: gather ─▶ digits 1 ─▶ dial user:bob
//!                                └────────────── here it would have gone otherwise ──────────────┘
//! ```
//!
//! The options of a verb count as well as its name, and keys that were an answer then must be one today. Which answers of the world a
//! script asked for (a page, a row, a value of the store) is no part of a journal, so another question is not noticed.
//!
//! Nothing is done and no time passes. What a journal does not keep, as what stood in an INFO, is not told; where that ends a replay,
//! it says so rather than guess.
//!
//! | file | what it knows |
//! |---|---|
//! | `course` | the journal, read entry by entry: what the script is told next |
//! | `outcome` | a result of the journal as the outcome that a script is told |

mod course;
mod outcome;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use patchcord_engine::call::{LegId, Outcome, Status, Verb};
use patchcord_engine::errand::Errand;
use patchcord_engine::exchange::{Services, spoken, terms};
use patchcord_engine::journal::{Entry, LegNumber, MAX_TEXT, Record};
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};

use course::{Course, Next};

/// Steps of one replay, at most: ten times the entries that a journal may hold.
const MOST_STEPS: usize = 200_000;

/// Verbs that an apology of the house has, at most.
const APOLOGY: usize = 4;

/// How a replay ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The verbs that were said as then, in order.
    pub same: Vec<Said>,
    /// How it came to its end.
    pub end: Came,
}

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// All went as it did then.
    Through,
    /// From here on it would have gone otherwise.
    Otherwise {
        /// How long after the beginning of the call.
        at: Duration,
        /// What happened then.
        then: Said,
        /// What happens today.
        today: Said,
    },
    /// The journal does not hold what would have to be known; in words.
    Unknown(String),
}

/// Something that a script said or did, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In words.
    pub what: String,
    /// As `ivr.rhai:12`.
    pub place: Option<String>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24} {}", self.place.as_deref().unwrap_or("-"), self.what)
    }
}

impl Said {
    fn of(what: impl Into<String>, place: Option<String>) -> Self {
        Self { what: what.into(), place }
    }

    /// With the options of a verb.
    fn with(self, terms: &str) -> Self {
        Self { what: format!("{} ({terms})", self.what), ..self }
    }

    /// A verb in the words of a journal.
    fn verb(name: &str, leg: Option<u32>, arguments: &str, place: Option<String>) -> Self {
        let on = leg.filter(|leg| *leg != LegId::FIRST.0).map_or_else(String::new, |leg| format!(" leg {leg}"));
        Self::of(format!("{name}{on} {arguments}").trim_end(), place)
    }
}

/// Why a call cannot be replayed at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReplayed {
    /// It rang somebody straight away.
    #[error("no script answered this call")]
    NoScript,
    /// The script is no longer there.
    #[error("there is no script {0}")]
    Gone(String),
}

/// Replays a call.
///
/// # Errors
/// When no script answered it, or that is no longer there.
pub fn replay(services: &dyn Services, record: &Record, entries: &[Entry]) -> Result<Replayed, NotReplayed> {
    let name = record.service.as_deref().ok_or(NotReplayed::NoScript)?;
    let program = services.find(name).ok_or_else(|| NotReplayed::Gone(name.to_owned()))?.program;
    let course = Course::new(record, entries);
    let mut replay = Replay { services, program, course, same: Vec::new(), finished: false };
    let end = replay.run();
    Ok(Replayed { same: replay.same, end })
}

struct Replay<'a> {
    services: &'a dyn Services,
    program: Box<dyn Program>,
    course: Course<'a>,
    same: Vec<Said>,
    /// Whether its story has come to its end, and only ends of legs are told.
    finished: bool,
}

/// A replay goes on with this, or has come to that.
type Go = Result<Wake, Came>;

impl Replay<'_> {
    fn run(&mut self) -> Came {
        let mut step = match self.course.beginning() {
            Ok(wake) => self.program.resume(wake),
            Err(why) => return Came::Unknown(why),
        };
        for _ in 0..MOST_STEPS {
            let wake = match step {
                Step::Breathe => Ok(Wake::Breathed { alone: self.course.is_left_alone() }),
                Step::Wants(id, verb) => self.wanted(id, verb),
                Step::Waits => self.goes_on(),
                Step::Finished(_) if self.finished => self.goes_on(),
                Step::Finished(end) => self.story_ended(&end),
            };
            match wake {
                Ok(wake) => step = self.program.resume(wake),
                Err(came) => return came,
            }
        }
        Came::Unknown(format!("it takes more than {MOST_STEPS} steps"))
    }

    /// The script wants something: the same as then?
    fn wanted(&mut self, id: VerbId, verb: Verb) -> Go {
        match &verb {
            // What is asked of the house changes nothing of the call, and need not be asked in the same place.
            Verb::Errand(errand) if matches!(**errand, Errand::Facts(_) | Errand::Moment) => {
                return Ok(Wake::Result(id, Outcome::Brought(Box::new(self.course.known(errand)))));
            }
            Verb::Log(..) => return Ok(Wake::Result(id, Outcome::Plain(Status::Ok))),
            _ => {}
        }
        let (name, leg, arguments) = spoken(&verb);
        let today = Said::verb(name, leg.map(|leg| leg.0), &arguments, self.program.place());
        match self.course.said() {
            Next::Verb(recorded) => {
                let then = Next::Verb(recorded).said();
                if then.what != today.what {
                    let today = self.fault_behind(id).unwrap_or(today);
                    return Err(self.otherwise(then, today));
                }
                if let (Some(told), Some(tells)) = (recorded.terms.as_deref(), terms(&verb))
                    && told != shortened(&tells)
                {
                    return Err(self.otherwise(then.with(told), today.with(&tells)));
                }
                self.same.push(today);
                self.course.begins(recorded.id, id, verb);
                self.goes_on()
            }
            // What it wants when its call has been taken down nobody has heard.
            other if other.is_from_outside() => Err(Came::Through),
            other => {
                let today = self.fault_behind(id).unwrap_or(today);
                Err(self.otherwise(other.said(), today))
            }
        }
    }

    /// The fault of a script that only says still that it is sorry: the verb has no place in its file.
    fn fault_behind(&mut self, mut id: VerbId) -> Option<Said> {
        let place = self.program.place();
        if place.as_deref().is_some_and(|place| place.contains(".rhai:")) {
            return None;
        }
        for _ in 0..APOLOGY {
            match self.program.resume(Wake::Result(id, Outcome::Plain(Status::Done))) {
                Step::Wants(next, _) => id = next,
                Step::Finished(End::Fault(why)) => return Some(Said::of(format!("breaks: {why}"), None)),
                _ => return None,
            }
        }
        None
    }

    /// What the script is told next.
    fn goes_on(&mut self) -> Go {
        match self.course.next() {
            Next::Told(wake) => Ok(wake),
            Next::Unknown(why) => Err(Came::Unknown(why)),
            Next::Over => Err(Came::Through),
            Next::Unlike { then, today } => {
                let place = self.program.place();
                Err(self.otherwise(Said::of(then, None), Said::of(today, place)))
            }
            Next::StoryEnded { .. } if self.finished => self.goes_on(),
            // Whom it called was a service, or led to one.
            Next::StoryEnded { serves: Some(service), .. } if self.course.calls_somebody() => self.serve(service),
            next if next.is_from_outside() => Err(Came::Through),
            other @ (Next::Verb(_) | Next::StoryEnded { .. }) => {
                let today = Said::of("waits", self.program.place());
                Err(self.otherwise(other.said(), today))
            }
        }
    }

    /// The story is over: was it then?
    fn story_ended(&mut self, end: &End) -> Go {
        let place = self.program.place();
        let today = match end {
            End::Told => Said::of("ends", place),
            End::Fault(why) => Said::of(format!("breaks: {why}"), place),
            End::ContinueAs(service) => Said::of(format!("goes on as {service}"), place),
        };
        match self.course.said() {
            then @ Next::StoryEnded { .. } if is_meant(&then.said().what, &today.what) => {
                if let Next::StoryEnded { serves: Some(service), .. } = then {
                    return self.serve(service);
                }
                self.finished = true;
                self.goes_on()
            }
            Next::Verb(_) if matches!(end, End::ContinueAs(_)) && self.course.was_handed_on_too_often() => {
                Err(Came::Through)
            }
            // A call that was taken down ended before the script could say so.
            Next::Over => Err(Came::Through),
            then if then.is_from_outside() => Err(Came::Through),
            other => Err(self.otherwise(other.said(), today)),
        }
    }

    fn serve(&mut self, service: &str) -> Go {
        let Some(served) = self.services.find(service) else {
            return Err(Came::Unknown(format!("it goes on as {service}, which is no longer there")));
        };
        self.program = served.program;
        Ok(Wake::Begin(self.course.changes_hands()))
    }

    fn otherwise(&self, then: Said, today: Said) -> Came {
        if self.course.is_masked {
            let what =
                format!("keys of a secret are not kept, and from here it depends on them: then {then}, today {today}");
            return Came::Unknown(what);
        }
        Came::Otherwise { at: self.course.at(), then, today }
    }
}

/// Whether both say the same of how a story ended. Where a file lies, and on which of its lines a fault stands, is no other course.
fn is_meant(then: &str, today: &str) -> bool {
    let (then, today) = (without_places(then), without_places(today));
    // A journal keeps so much of it, the places with the rest.
    then == today || then.len() + PLACES >= MAX_TEXT && today.starts_with(then.as_str())
}

/// What places in a text of a journal may take at most, where some of it was cut off.
const PLACES: usize = 256;

/// A text without the places of scripts in it.
fn without_places(text: &str) -> String {
    let is_place = |word: &&str| word.contains(".rhai:");
    text.split(' ').filter(|word| !is_place(word)).collect::<Vec<_>>().join(" ")
}

/// As much of it as a journal keeps.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

fn place(verb: &patchcord_engine::journal::Verb) -> Option<String> {
    verb.place.as_deref().map(str::to_owned)
}

/// The leg of an entry.
fn leg(number: LegNumber) -> LegId {
    LegId(number.0)
}
