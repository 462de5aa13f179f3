//! What a call of a word was given: checked against its table before the word sees it, so that a word only takes.

use std::cell::Cell;
use std::time::Duration;

use patchcord_media::dtmf::Key;
use rhai::{Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

use super::kind::{shown, texts_of};
use super::ours;
use super::{Answer, Held, Leg, Of, Part, Room, Span, Wish, Word};
use crate::scene::{Later, Scene, Unwound};

/// What a call of a word was given.
pub struct Given<'a> {
    word: &'static Word,
    context: Option<&'a NativeCallContext<'a>>,
    receiver: Option<Dynamic>,
    args: Vec<Dynamic>,
    options: Map,
    rehearsal: Option<Rehearsal>,
}

/// What is kept of a call that nobody makes: `check` asks a word what it says to what is written out in a script.
#[derive(Default)]
struct Rehearsal {
    /// What is computed, and so not known.
    unknown: Vec<&'static str>,
    /// Whether the word has looked at one of these: what it says from then on may be wrong.
    doubts: Cell<bool>,
    /// Whether what it said is about one value alone, and so is certain all the same.
    certain: Cell<bool>,
    /// Whether it came as far as to ask the call for something: all of its rules were kept.
    through: Cell<bool>,
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
        let with_map = args.last().is_some_and(|last| last.is::<Map>());
        let has_options = !word.options.is_empty() && with_map && args.len() > word.needs;
        let options = if has_options { args.pop().map(Dynamic::cast::<Map>).unwrap_or_default() } else { Map::new() };
        let given = Self { word, context: Some(context), receiver, args, options, rehearsal: None };
        given.fits().map_err(|what| given.wrong(what))?;
        let options = given.options.iter().filter_map(|(name, value)| {
            let option = word.options.iter().find(|option| option.name == name.as_str())?;
            Some((option, value))
        });
        ours::refusal(&given, word, word.takes.iter().zip(&given.args).chain(options)).map_or(Ok(given), Err)
    }

    /// What a word says to what stands in a script, by the rules that it has in a call; `None` where it may be right. What is
    /// computed there is `None`.
    pub fn rehearse(
        word: &'static Word,
        receiver: Option<Dynamic>,
        args: Vec<Option<Dynamic>>,
        options: Vec<(String, Option<Dynamic>)>,
    ) -> Option<String> {
        let unknown = word.takes.iter().zip(&args).filter(|(_, arg)| arg.is_none()).map(|(part, _)| part.name);
        let computed = |part: &&Part| options.iter().any(|(name, value)| name == part.name && value.is_none());
        let unknown = unknown.chain(word.options.iter().filter(computed).map(|part| part.name)).collect();
        let known = options.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
        let given = Self {
            word,
            context: None,
            receiver,
            args: args.into_iter().map(Option::unwrap_or_default).collect(),
            options: known.collect(),
            rehearsal: Some(Rehearsal { unknown, ..Rehearsal::default() }),
        };
        if let Err(what) = given.fits() {
            return Some(what);
        }
        let error = (word.does)(&given).err()?;
        let rehearsal = given.rehearsal.as_ref()?;
        let EvalAltResult::ErrorRuntime(what, _) = *error else { return None };
        let is_certain = rehearsal.certain.get() || !rehearsal.doubts.get();
        (is_certain && !rehearsal.through.get()).then(|| what.to_string())
    }

    /// Whether there is what the table wants, as far as it is known.
    fn fits(&self) -> Result<(), String> {
        let Self { word, args, .. } = self;
        if args.len() < word.needs || args.len() > word.takes.len() {
            let behind = args.get(word.takes.len()).filter(|_| !word.options.is_empty() && args.len() <= word.most());
            return Err(match behind {
                Some(behind) => {
                    format!("{} takes its options as a map, and was given {}", word.written(), shown(behind))
                }
                None => format!("{} was given {}", word.written(), counted(args.len(), "value")),
            });
        }
        for (part, value) in word.takes.iter().zip(args).filter(|(part, _)| !self.is_unknown(part.name)) {
            part.kind.check(value).map_err(|why| format!("`{}` of {}: {why}", part.name, word.name))?;
        }
        for (name, value) in &self.options {
            let option = word.options.iter().find(|option| option.name == name.as_str());
            let option = option.ok_or_else(|| unknown(word, name))?;
            option.kind.check(value).map_err(|why| format!("`{name}` of {}: {why}", word.name))?;
        }
        Ok(())
    }

    /// Whether nobody calls, and a word is only asked what it would say.
    pub fn is_rehearsed(&self) -> bool {
        self.rehearsal.is_some()
    }

    fn is_unknown(&self, name: &str) -> bool {
        self.rehearsal.as_ref().is_some_and(|rehearsal| rehearsal.unknown.contains(&name))
    }

    /// The call on whose behalf this is.
    pub fn scene(&self) -> Result<std::rc::Rc<Scene>, Box<EvalAltResult>> {
        if let Some(rehearsal) = &self.rehearsal {
            rehearsal.through.set(true);
            return Err(self.wrong("nobody calls"));
        }
        Scene::current().ok_or_else(|| self.wrong(format!("{} works only inside a call", self.word.written())))
    }

    /// An error that says what was wrong, at the place of the call.
    pub fn wrong(&self, what: impl Into<String>) -> Box<EvalAltResult> {
        wrong(self.at(), what.into())
    }

    /// Where it was called.
    fn at(&self) -> Position {
        self.context.map_or(Position::NONE, NativeCallContext::call_position)
    }

    /// The same of one value or option alone, whatever else was given.
    pub fn wrong_with(&self, name: &str, what: impl std::fmt::Display) -> Box<EvalAltResult> {
        self.certainly(format!("`{name}` of {}: {what}", self.word.name))
    }

    fn certainly(&self, what: String) -> Box<EvalAltResult> {
        if let Some(rehearsal) = &self.rehearsal {
            rehearsal.certain.set(true);
        }
        self.wrong(what)
    }

    /// What unwinds a script, with the place of the call: Rhai forgets it when it leaves a function by such an error.
    pub fn here(&self, error: &EvalAltResult) -> Box<EvalAltResult> {
        let token = match error {
            EvalAltResult::ErrorTerminated(token, _) => token.clone(),
            _ => Dynamic::UNIT,
        };
        let token = match token.read_lock::<Unwound>().as_deref() {
            Some(Unwound::TooFast(what, _)) => Dynamic::from(Unwound::TooFast(what.clone(), self.at())),
            _ => token.clone(),
        };
        EvalAltResult::ErrorTerminated(token, self.at()).into()
    }

    /// Where it was called, as `ivr.rhai:12`.
    pub fn place(&self) -> Option<String> {
        let line = self.context?.call_position().line()?;
        Some(format!("{}:{line}", self.file()?))
    }

    /// The file in which that is: what runs knows its own, be it a module's; a function that was given to a word is called without.
    fn file(&self) -> Option<String> {
        let own = self.context?.global_runtime_state().source().map(str::to_owned);
        own.or_else(|| {
            let scene = Scene::current()?;
            let aside = if scene.in_story.get() { None } else { scene.aside.borrow().clone() };
            Some(aside.unwrap_or_else(|| format!("{}.rhai", scene.service)))
        })
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
        if let Some(rehearsal) = self.rehearsal.as_ref().filter(|_| self.is_unknown(name)) {
            rehearsal.doubts.set(true);
        }
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
                let word = self.word.name;
                Err(self.certainly(format!("`{name}` of {word} is {number}; it may be from {least} to {most}")))
            }
            number => Ok(number),
        }
    }

    /// A time of at most so long; an error names the bound.
    pub fn time(&self, name: &str, most: Duration) -> Result<Option<Duration>, Box<EvalAltResult>> {
        match self.get(name).and_then(|value| value.clone().try_cast::<Span>()) {
            Some(Span(time)) if time > most => {
                let (word, time, most) = (self.word.name, Span(time), Span(most));
                Err(self.certainly(format!("`{name}` of {word} is {time}; the longest is {most}")))
            }
            time => Ok(time.map(|Span(time)| time)),
        }
    }

    /// A time in which something has to happen: of at most so long, and not of nothing.
    pub fn some_time(&self, name: &str, most: Duration) -> Result<Option<Duration>, Box<EvalAltResult>> {
        match self.time(name, most)? {
            Some(Duration::ZERO) => {
                let (word, most) = (self.word.name, Span(most));
                Err(self.certainly(format!("`{name}` of {word} is no time at all; it may be up to {most}")))
            }
            time => Ok(time),
        }
    }

    /// Keys.
    pub fn keys(&self, name: &str) -> Vec<Key> {
        self.text(name).unwrap_or_default().chars().filter_map(Key::of_char).collect()
    }

    /// A function, to be called later.
    pub fn function(&self, name: &str) -> Option<Later> {
        self.get(name).and_then(|value| value.clone().try_cast()).map(|then| self.later(then))
    }

    /// A function that is called later.
    pub fn later(&self, then: FnPtr) -> Later {
        Later { then, file: self.file().unwrap_or_default() }
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
                let near = crate::check::near(key, known.iter().copied());
                let hint =
                    near.map_or_else(|| format!("it knows {}", known.join(", ")), |near| format!("is `{near}` meant?"));
                return Err(self.wrong_with(name, format!("it has no `{key}`; {hint}")));
            };
            part.kind.check(value).map_err(|why| self.wrong_with(name, format!("`{key}`: {why}")))?;
        }
        Ok(())
    }
}

/// So many of something, in words.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
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
