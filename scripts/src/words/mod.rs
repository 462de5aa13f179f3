//! The words of a script: one table says of each what it takes, which options it knows, how it ends and what it is for.
//!
//! The table drives all that follows from a word: it is registered with Rhai from here, `check` reads a script against it, and
//! the reference in `docs/words.md` is written from it. So a word cannot exist in one of them alone. Whoever is called with
//! something that a word does not take hears what it takes, by name and with an example.
//!
//! | file | nouns |
//! |---|---|
//! | `kind`, `given`, `shape` | what a value must be; what a call of a word was given; what it gives |
//! | `leg`, `sound`, `dialling`, `pass` | a leg: its state, what is heard, who is called, who is passed on |
//! | `room`, `room_keys` | conference rooms, and what keys do in them |
//! | `facts` | what is known of a leg |
//! | `background` | what goes on while the script does: recordings, music, timers |
//! | `said` | numbers, dates and hours: `say::` as prompts, `time::` by the clock on a wall |
//! | `mailbox`, `ours` | messages that were left; whose a recording is |
//! | `world`, `small` | `store http db mail …`; `time rand json log` |

mod background;
mod dialling;
mod facts;
pub mod given;
pub mod kind;
mod leg;
mod mailbox;
mod originate;
pub(crate) mod ours;
mod pass;
mod room;
mod room_keys;
mod said;
pub mod shape;
pub(crate) mod small;
mod sound;
mod span;
mod world;

use std::any::TypeId;

use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, Map, Module, NativeCallContext, RhaiFunc};

pub use background::{Held, What};
pub use facts::FACTS;
use given::Given;
use kind::Kind;
pub use leg::Leg;
pub use pass::Wish;
pub use room::{Room, happened};
use shape::Shape;
pub use span::{Span, register as times};

/// What a host function answers.
pub type Answer = Result<Dynamic, Box<EvalAltResult>>;

/// One word.
pub struct Word {
    /// Whose it is.
    pub of: Of,
    /// Its name.
    pub name: &'static str,
    /// What stands between its parentheses, in order.
    pub takes: &'static [Part],
    /// How many of these must be there.
    pub needs: usize,
    /// What may stand in a map behind them.
    pub options: &'static [Part],
    /// How it may end: the statuses of the map that it gives; empty where it gives something else.
    pub ends: &'static [&'static str],
    /// What it gives back.
    pub gives: Shape,
    /// What it does, in a sentence.
    pub says: &'static str,
    /// Does it.
    pub does: fn(&Given<'_>) -> Answer,
}

/// A part of what a word takes.
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What it must be.
    pub kind: Kind,
    /// What it is for, and what counts where it is missing.
    pub says: &'static str,
}

/// Whose a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// `leg.word(…)`.
    Leg,
    /// `handle.word(…)`: what runs in the background.
    Background,
    /// `req.word(…)`: the wish of a party to be transferred.
    Wish,
    /// `room.word(…)`.
    Room,
    /// `module::word(…)`.
    Module(&'static str),
    /// `word(…)`: asked of the house.
    House,
}

/// All words.
pub fn all() -> impl Iterator<Item = &'static Word> {
    [
        leg::WORDS,
        sound::WORDS,
        dialling::WORDS,
        pass::WORDS,
        said::WORDS,
        background::WORDS,
        world::WORDS,
        small::WORDS,
        mailbox::WORDS,
        originate::WORDS,
        room::WORDS,
    ]
    .into_iter()
    .flatten()
}

/// A part of a word's table.
pub(crate) const fn part(name: &'static str, kind: Kind, says: &'static str) -> Part {
    Part { name, kind, says }
}

/// Teaches Rhai the words.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Leg>("Leg");
    engine.register_type_with_name::<Held>("Background");
    engine.register_type_with_name::<Wish>("Wish");
    span::register(engine);
    facts::register(engine);
    background::register(engine);
    pass::register(engine);
    room::register(engine);
    let mut modules: Vec<(&'static str, Module)> = Vec::new();
    for word in all() {
        let receiver = match word.of {
            Of::Leg => Some(TypeId::of::<Leg>()),
            Of::Background => Some(TypeId::of::<Held>()),
            Of::Wish => Some(TypeId::of::<Wish>()),
            Of::Room => Some(TypeId::of::<Room>()),
            Of::Module(_) | Of::House => None,
        };
        // One more than it takes, and fewer: whoever gives these hears from us what it takes.
        for count in 0..=word.most() + 1 {
            let types = receiver.into_iter().chain(std::iter::repeat_n(TypeId::of::<Dynamic>(), count));
            let types: Vec<TypeId> = types.collect();
            match word.of {
                Of::Module(module) => {
                    let at = modules.iter().position(|(name, _)| *name == module).unwrap_or_else(|| {
                        modules.push((module, Module::new()));
                        modules.len() - 1
                    });
                    let does = RhaiFunc::Method {
                        func: rhai::Shared::new(
                            move |context: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| {
                                call(word, context.as_ref().expect("a word is called in a context"), args)
                            },
                        ),
                        has_context: true,
                        is_pure: true,
                        is_volatile: true,
                    };
                    FuncRegistration::new(word.name).set_into_module_raw(&mut modules[at].1, types, does);
                }
                _ => {
                    engine.register_raw_fn(word.name, types, move |context, args| call(word, &context, args));
                }
            }
        }
    }
    for (name, module) in modules {
        engine.register_static_module(name, module.into());
    }
}

fn call(word: &'static Word, context: &NativeCallContext<'_>, args: &mut [&mut Dynamic]) -> Answer {
    let given = Given::of(word, context, args)?;
    (word.does)(&given)
}

impl Word {
    /// The most arguments that it takes.
    pub fn most(&self) -> usize {
        self.takes.len() + usize::from(!self.options.is_empty())
    }

    /// How it is written, as `leg.play(prompts, #{ stop_keys, volume })`.
    pub fn written(&self) -> String {
        let mut inside: Vec<String> = self.takes.iter().map(|part| part.name.to_owned()).collect();
        if !self.options.is_empty() {
            let options: Vec<&str> = self.options.iter().map(|option| option.name).collect();
            inside.push(format!("#{{ {} }}", options.join(", ")));
        }
        format!("{}{}({})", self.of.prefix(), self.name, inside.join(", "))
    }
}

impl Of {
    /// What stands before a word of it.
    pub fn prefix(self) -> String {
        match self {
            Self::Leg => "leg.".into(),
            Self::Background => "handle.".into(),
            Self::Wish => "req.".into(),
            Self::Room => "room.".into(),
            Self::Module(module) => format!("{module}::"),
            Self::House => String::new(),
        }
    }
}

/// The map of a status and what goes with it.
fn ended(status: &str, with: impl IntoIterator<Item = (&'static str, Dynamic)>) -> Dynamic {
    let mut map = Map::new();
    map.insert("status".into(), status.into());
    map.extend(with.into_iter().map(|(name, value)| (name.into(), value)));
    map.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_there_twice_and_each_is_described() {
        let mut seen = std::collections::HashSet::new();
        for word in all() {
            assert!(seen.insert((format!("{:?}", word.of), word.name)), "{} is there twice", word.written());
            assert!(word.says.ends_with('.'), "{} is not described", word.written());
            assert!(word.needs <= word.takes.len(), "{}", word.written());
            for part in word.takes.iter().chain(word.options) {
                assert!(part.says.ends_with('.'), "{} of {} is not described", part.name, word.written());
            }
        }
    }
}
