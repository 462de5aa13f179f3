//! What goes on while the script does: music, recordings of a whole talk, timers.

use std::time::Duration;

use patchcord_engine::call::verb::Handle;
use patchcord_engine::call::{LegId, Outcome, Verb};
use rhai::{Dynamic, Engine};

use super::given::Given;
use super::kind::Kind;
use super::shape::Shape;
use super::sound::{self, PLAY};
use super::{Answer, Leg, Of, Part, Word, part};
use crate::scene::Scene;

/// Something in the background, as a script has it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Its number.
    pub handle: Handle,
    /// The leg on which it was begun.
    pub leg: LegId,
    /// What it is.
    pub what: What,
}

/// What goes on in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Prompts.
    Playing,
    /// A recording.
    Recording,
    /// Time passes.
    Timer,
}

/// The longest that a timer may run.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

const RECORD: &[Part] = &[
    part(
        "channels",
        Kind::OneOf(&["both", "own"]),
        "Both sides, a channel each, or the party alone; \"both\" where it is missing.",
    ),
    part("max", Kind::Time, "The longest; 4 hours where it is missing."),
    part(
        "format",
        Kind::OneOf(&["wav", "opus"]),
        "What kind of file; that of [recordings] where it is missing, and \"wav\" without.",
    ),
];

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Leg,
        name: "start_play",
        takes: &[part("prompts", Kind::Prompts, "As of play.")],
        needs: 1,
        options: PLAY,
        ends: &[],
        gives: Shape::Maybe(&Shape::Handle),
        says: "Plays prompts in the background; gives a handle.",
        does: |given| {
            let play = sound::playing(given)?;
            start(given, What::Playing, |leg| Verb::StartPlay(leg, play))
        },
    },
    Word {
        of: Of::Leg,
        name: "start_record",
        takes: &[],
        needs: 0,
        options: RECORD,
        ends: &[],
        gives: Shape::Maybe(&Shape::Handle),
        says: "Records the leg in the background; gives a handle, which has `.file` and `.ms` when it has ended.",
        does: |given| {
            let both = given.text("channels").is_none_or(|channels| channels == "both");
            let rules = patchcord_engine::call::verb::Record {
                max: given.some_time("max", Duration::from_secs(4 * 3600))?.unwrap_or(Duration::from_secs(4 * 3600)),
                silence: None,
                end: Vec::new(),
                beep: false,
                min: Duration::ZERO,
                format: given.text("format"),
                both,
            };
            start(given, What::Recording, |leg| Verb::StartRecord(leg, rules))
        },
    },
    Word {
        of: Of::Leg,
        name: "after",
        takes: &[
            part("time", Kind::Time, "When, from now."),
            part(
                "then",
                Kind::Function,
                "What is done then, as |leg| leg.play(\"still-there\"); it runs as a side handler does.",
            ),
        ],
        needs: 2,
        options: &[],
        ends: &[],
        gives: Shape::Maybe(&Shape::Handle),
        says: "Does something later, while the story goes on; gives a handle.",
        does: |given| {
            let time = given.time("time", LONGEST)?.unwrap_or_default();
            let started = start(given, What::Timer, |_| Verb::After(time))?;
            if let (Some(held), Some(then)) = (started.clone().try_cast::<Held>(), given.function("then")) {
                given.scene()?.set_timer(held.handle, then, held.leg);
            }
            Ok(started)
        },
    },
    Word {
        of: Of::Background,
        name: "stop",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Ends it; what has ended already stays so. Of a recording it comes back when the file is closed: `.file` names it then.",
        does: |given| {
            let held = given.held();
            let scene = given.scene()?;
            scene.timer(held.handle);
            if scene.background(held.handle).is_none()
                && let closed @ Outcome::Recorded { .. } = scene.want(given, None, Verb::Stop(held.handle))?
            {
                scene.background_ended(held.handle, Some(closed));
            }
            Given::nothing()
        },
    },
    Word {
        of: Of::Background,
        name: "pause",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Leaves silence in a recording, so that a secret is not in it.",
        does: |given| pause(given, true),
    },
    Word {
        of: Of::Background,
        name: "resume",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Goes on recording.",
        does: |given| pause(given, false),
    },
];

fn start(given: &Given<'_>, what: What, verb: impl FnOnce(LegId) -> Verb) -> Answer {
    let Leg(leg) = given.leg();
    match given.scene()?.want(given, Some(leg), verb(leg))? {
        Outcome::Handle(handle) => Ok(Dynamic::from(Held { handle, leg, what })),
        _ => Given::nothing(),
    }
}

fn pause(given: &Given<'_>, paused: bool) -> Answer {
    let held = given.held();
    if held.what != What::Recording {
        return Err(given.wrong("only a recording can be paused"));
    }
    if given.scene()?.background(held.handle).is_none() {
        given.scene()?.want(given, None, Verb::PauseRecord(held.handle, paused))?;
    }
    Given::nothing()
}

/// Teaches Rhai what a handle tells.
pub(super) fn register(engine: &mut Engine) {
    for show in ["to_string", "to_debug"] {
        engine.register_fn(show, |held: &mut Held| match held.what {
            What::Playing => "prompts in the background",
            What::Recording => "a recording in the background",
            What::Timer => "a timer in the background",
        });
    }
    engine.register_get("running", |held: &mut Held| {
        Scene::current().is_some_and(|scene| scene.background(held.handle).is_none())
    });
    let of = |held: &Held| Scene::current().and_then(|scene| scene.background(held.handle).flatten());
    engine.register_get("file", move |held: &mut Held| match of(held) {
        Some(Outcome::Recorded { file: Some(file), .. }) => Dynamic::from(file),
        _ => Dynamic::UNIT,
    });
    engine.register_get("ms", move |held: &mut Held| match of(held) {
        Some(Outcome::Recorded { length, .. }) => i64::try_from(length.as_millis()).unwrap_or(i64::MAX),
        _ => 0,
    });
}
