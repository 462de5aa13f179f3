//! What a call of a word was given: checked against its table before the word sees it, so that a word only takes.

use std::time::Duration;

use patchcord_media::dtmf::Key;
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

use super::kind::texts_of;
use super::{Answer, Held, Leg, Of, Part, Room, Span, Wish, Word};
use crate::scene::{Scene, Unwound};

/// What a call of a word was given.
pub struct Given<'a> {
    word: &'static Word,
    context: &'a NativeCallContext<'a>,
    receiver: Option<Dynamic>,
    args: Vec<Dynamic>,
    options: Map,
}

impl<'a> Given<'a> {
    /// Checks what was given.
    pub fn of(
        word: &'static Word,
        context: &'a NativeCallContext<'a>,
        args: &mut [&mut Dynamic],
    ) -> Result<Self, Box<EvalAltResult>> {
        let mut args: Vec<Dynamic> = args.iter_mut().map(|arg| arg.flatten_clone()).collect();
        let receiver = (!matches!(word.of, Of::Module(_) | Of::House)).then(|| args.remove(0));
        let wrong = |what: String| Err(wrong(context.call_position(), what));
        let with_map = args.last().is_some_and(|last| last.is::<Map>());
        let has_options = !word.options.is_empty() && with_map && args.len() > word.needs;
        let options = if has_options { args.pop().map(Dynamic::cast::<Map>).unwrap_or_default() } else { Map::new() };
        if args.len() < word.needs || args.len() > word.takes.len() {
            return wrong(format!("{} was given {} values", word.written(), args.len()));
        }
        for (part, value) in word.takes.iter().zip(&args) {
            if let Err(why) = part.kind.check(value) {
                return wrong(format!("`{}` of {}: {why}", part.name, word.name));
            }
        }
        for (name, value) in &options {
            let Some(option) = word.options.iter().find(|option| option.name == name.as_str()) else {
                return wrong(unknown(word, name));
            };
            if let Err(why) = option.kind.check(value) {
                return wrong(format!("`{name}` of {}: {why}", word.name));
            }
        }
        Ok(Self { word, context, receiver, args, options })
    }

    /// The call on whose behalf this is.
    pub fn scene(&self) -> Result<std::rc::Rc<Scene>, Box<EvalAltResult>> {
        Scene::current().ok_or_else(|| self.wrong(format!("{} works only inside a call", self.word.written())))
    }

    /// An error that says what was wrong, at the place of the call.
    pub fn wrong(&self, what: impl Into<String>) -> Box<EvalAltResult> {
        wrong(self.context.call_position(), what.into())
    }

    /// What unwinds a script, with the place of the call: Rhai forgets it when it leaves a function by such an error.
    pub fn here(&self, error: &EvalAltResult) -> Box<EvalAltResult> {
        let token = match error {
            EvalAltResult::ErrorTerminated(token, _) => token.clone(),
            _ => Dynamic::UNIT,
        };
        let token = match token.read_lock::<Unwound>().as_deref() {
            Some(Unwound::TooFast(what, _)) => {
                Dynamic::from(Unwound::TooFast(what.clone(), self.context.call_position()))
            }
            _ => token.clone(),
        };
        EvalAltResult::ErrorTerminated(token, self.context.call_position()).into()
    }

    /// Where it was called, as `ivr.rhai:12`.
    pub fn place(&self) -> Option<String> {
        let line = self.context.call_position().line()?;
        // A function that was given to a word, as after, is called with no name of its file.
        match (self.context.call_source(), Scene::current()) {
            (Some(file), _) => Some(format!("{file}:{line}")),
            (None, Some(scene)) => Some(format!("{}.rhai:{line}", scene.service)),
            (None, None) => None,
        }
    }

    /// The leg whose word it is.
    pub fn leg(&self) -> Leg {
        self.receiver.clone().and_then(Dynamic::try_cast).expect("a word of a leg is called on a leg")
    }

    /// What runs in the background, whose word it is.
    pub fn held(&self) -> Held {
        self.receiver.clone().and_then(Dynamic::try_cast).expect("a word of a handle is called on one")
    }

    /// The wish whose word it is.
    pub fn wish(&self) -> Wish {
        self.receiver.clone().and_then(Dynamic::try_cast).expect("a word of a wish is called on one")
    }

    /// The room whose word it is.
    pub fn room(&self) -> Room {
        self.receiver.clone().and_then(Dynamic::try_cast).expect("a word of a room is called on one")
    }

    /// A value or an option by name; `None` where it was not given.
    pub fn get(&self, name: &str) -> Option<&Dynamic> {
        let at = self.word.takes.iter().position(|part| part.name == name);
        debug_assert!(at.is_some() || self.word.options.iter().any(|option| option.name == name), "{name} is declared");
        at.and_then(|at| self.args.get(at)).or_else(|| self.options.get(name)).filter(|value| !value.is_unit())
    }

    /// Text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| value.clone().into_string().ok())
    }

    /// Text that must be there: its place is one of those that a word needs.
    pub fn needed(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// The texts of a value that is one or a list.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.get(name).and_then(texts_of).unwrap_or_default()
    }

    /// A flag.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|value| value.as_bool().ok())
    }

    /// A number within bounds; an error names both.
    pub fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Box<EvalAltResult>> {
        match self.get(name).and_then(|value| value.as_int().ok()) {
            Some(number) if !(least..=most).contains(&number) => {
                Err(self.wrong(format!("`{name}` of {} is {number}; it may be from {least} to {most}", self.word.name)))
            }
            number => Ok(number),
        }
    }

    /// A time of at most so long; an error names the bound.
    pub fn time(&self, name: &str, most: Duration) -> Result<Option<Duration>, Box<EvalAltResult>> {
        match self.get(name).and_then(|value| value.clone().try_cast::<Span>()) {
            Some(Span(time)) if time > most => Err(self.wrong(format!(
                "`{name}` of {} is {}; the longest is {}",
                self.word.name,
                Span(time),
                Span(most)
            ))),
            time => Ok(time.map(|Span(time)| time)),
        }
    }

    /// Keys.
    pub fn keys(&self, name: &str) -> Vec<Key> {
        self.text(name).unwrap_or_default().chars().filter_map(Key::of_char).collect()
    }

    /// A function.
    pub fn function(&self, name: &str) -> Option<FnPtr> {
        self.get(name).and_then(|value| value.clone().try_cast())
    }

    /// A map.
    pub fn map(&self, name: &str) -> Option<Map> {
        self.get(name).and_then(|value| value.clone().try_cast())
    }

    /// Nothing, as an answer.
    pub fn nothing() -> Answer {
        Ok(Dynamic::UNIT)
    }

    /// Checks a map that is a value of its own, as the screen of a dial.
    pub fn inner(&self, name: &str, map: &Map, parts: &'static [Part]) -> Result<(), Box<EvalAltResult>> {
        for (key, value) in map {
            let Some(part) = parts.iter().find(|part| part.name == key.as_str()) else {
                let known: Vec<&str> = parts.iter().map(|part| part.name).collect();
                return Err(self.wrong(format!("`{name}` has no `{key}`; it knows {}", known.join(", "))));
            };
            part.kind.check(value).map_err(|why| self.wrong(format!("`{key}` of `{name}`: {why}")))?;
        }
        Ok(())
    }
}

/// An error of misuse, which a script may catch.
pub fn wrong(at: Position, what: String) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(what.into(), at).into()
}

/// What to say of an option that a word does not know.
pub fn unknown(word: &Word, name: &str) -> String {
    let known: Vec<&str> = word.options.iter().map(|option| option.name).collect();
    let near = known
        .iter()
        .filter(|known| strsim::damerau_levenshtein(known, name) <= 2)
        .min_by_key(|known| strsim::damerau_levenshtein(known, name));
    match near {
        Some(near) => format!("{} has no option `{name}`; is `{near}` meant?", word.name),
        None => format!("{} has no option `{name}`; it knows {}", word.name, known.join(", ")),
    }
}
