//! What is asked of the scripts themselves: replays, tests made of calls, lints, tests and coverage. All of it runs beside the
//! calls, on a thread of its own, one at a time.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use patchcord_engine::journal::Story;
use patchcord_scripts::{
    Host,
    replay::{Came, Said, replay},
    simulator::{Setting, Stage},
    testing::{Source, Verdict, Wishes, run, test_of},
};
use patchcord_web::{
    house::Answer,
    problem::{Problem, chain},
    workshop::{Examined, Imagined, MadeTest, Replay, ReplayEnd, SaidThen, Tried, Workshop},
};

use super::{services::ServiceRoom, trials};
use crate::config::SOUNDS;

/// How much of a call that nobody makes is played: long enough for a menu that nobody answers.
const IMAGINED: Duration = Duration::from_secs(60);

/// See the module.
pub struct Bench {
    services: ServiceRoom,
    /// Tests take a core as long as they run: calls come first.
    turn: Arc<tokio::sync::Semaphore>,
}

impl Bench {
    /// A bench for these services.
    pub fn new(services: ServiceRoom) -> Self {
        Self { services, turn: Arc::new(tokio::sync::Semaphore::new(1)) }
    }

    /// Runs something that blocks when it is its turn.
    async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(ServiceRoom) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let stopping = |why: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).remedy("ask again");
        let turn = self.turn.clone().acquire_owned().await.map_err(|error| stopping(chain(&error)))?;
        let services = self.services.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(services);
            drop(turn);
            done
        });
        done.await.map_err(|error| stopping(chain(&error)))?
    }
}

impl Workshop for Bench {
    fn replay(&self, story: Story) -> Answer<'_, Result<Replay, Problem>> {
        Box::pin(self.alone(move |services| {
            let replayed = replay(&Host::new(services.shelf()), &story.record, &story.entries);
            let replayed = replayed.map_err(|error| {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
                    .remedy("calls that a script answered can be replayed")
            })?;
            let end = match replayed.end {
                Came::Through => ReplayEnd::Through,
                Came::Unknown(why) => ReplayEnd::Unknown(why),
                Came::Otherwise { at, then, today } => {
                    ReplayEnd::Otherwise { at, then: said(then), today: said(today) }
                }
            };
            Ok(Replay { same: replayed.same.into_iter().map(said).collect(), end })
        }))
    }

    fn test_of(&self, story: Story) -> Answer<'_, Result<MadeTest, Problem>> {
        Box::pin(self.alone(move |services| {
            let made = test_of(&story.record, &story.entries);
            let text = made.map_err(|error| {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
                    .remedy("its replay shows what the script does today")
            })?;
            let service = story.record.service.as_deref().unwrap_or_default().to_owned();
            let test = Source { name: format!("{service}_test"), file: format!("{service}_test.rhai"), text };
            let mut sources = services.sources();
            sources.tests = vec![test.clone()];
            let report = run(&sources, &patient(&services), &mut |_| {});
            let why = report.broken.first().cloned();
            let why = why.or_else(|| report.verdicts.iter().find_map(failure));
            Ok(MadeTest { service, text: test.text, ran: why.map_or(Ok(()), Err) })
        }))
    }

    fn imagine(&self, wanted: Imagined) -> Answer<'_, Result<String, Problem>> {
        Box::pin(self.alone(move |services| {
            let unlike = |why: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why);
            let host = Host::new(services.shelf());
            let prompts = vec![services.folder().join(SOUNDS)];
            let stage = Stage::new(Setting { prompts, stop: services.patience(), ..Setting::of(Box::new(host)) });
            stage.at(wanted.wall);
            stage.route(&wanted.called, &wanted.service);
            let caller = stage.phone(&wanted.caller).dials(&wanted.called);
            let told = caller.and_then(|caller| caller.after(IMAGINED));
            // A call that ended before, and a script that failed, stand in the ladder.
            if let Err(failure) = told {
                return Err(unlike(failure.to_string()));
            }
            Ok(stage.ladder())
        }))
    }

    fn examine(&self, service: String) -> Answer<'_, Result<Examined, Problem>> {
        Box::pin(self.alone(move |services| {
            let Some(edition) = services.shelf().find(&service) else {
                return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such service"));
            };
            let mut sources = services.sources();
            sources.tests = services.test_of(&service).into_iter().collect();
            let report = run(&sources, &patient(&services), &mut |_| {});
            let tried = |verdict: &Verdict| Tried {
                name: verdict.name.strip_prefix("test_").unwrap_or(&verdict.name).replace('_', " "),
                place: format!("{}:{}", verdict.file, verdict.line),
                failed: failure(verdict),
                lasted: verdict.lasted,
            };
            let ran = report.coverage.0.get(&edition.file);
            let lines = ran.map(|lines| lines.can.iter().map(|line| (*line, lines.ran.contains(line))).collect());
            let faults = services.faults_of(&edition);
            let failed = report.verdicts.iter().filter(|verdict| !verdict.failed.is_empty()).count();
            let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let came = trials::Came {
                held: count(report.verdicts.len() - failed),
                failed: count(failed + report.broken.len()),
                why: None,
            };
            services.found(&edition, count(faults.len()), Some(came));
            Ok(Examined {
                faults,
                tests: report.verdicts.iter().map(tried).collect(),
                broken: report.broken,
                lines: lines.unwrap_or_default(),
            })
        }))
    }
}

/// With an end to it.
fn patient(services: &ServiceRoom) -> Wishes {
    Wishes { stop: services.patience(), ..Wishes::default() }
}

fn failure(verdict: &Verdict) -> Option<String> {
    verdict.failed.first().map(|failed| format!("{}: {}\n{}", failed.place, failed.why, failed.ladder))
}

fn said(said: Said) -> SaidThen {
    SaidThen { what: said.what, place: said.place }
}
