//! What is wrong with what a text says: to which value, with which word, given what.

use std::collections::BTreeMap;

use rhai::{Dynamic, Expr, FnCallExpr, Position, Stmt};

use super::flow::Value;
use super::known::Rhai;
use super::written::{Literal, entries, is_map, spoken};
use super::{HasPrompt, near};
use crate::fault::Fault;
use crate::imports::Offered;
use crate::lints;
use crate::rehearsal::{Constants, misnamed, namesakes, nobody};
use crate::words::given::unknown;
use crate::words::kind::{Kind, texts_of};
use crate::words::shape::Shape;
use crate::words::{self, Of, Part, Word};

/// Words after which a leg hears and says nothing any more.
const LAST: &[&str] = &["hangup", "reject", "redirect"];

/// Words that need somebody there.
const NEEDS_PARTY: &[&str] =
    &["play", "gather", "record", "dial", "echo", "answer", "progress", "ring", "start_play", "join"];

/// Words and their parts that name one target.
const CALLED: &[(&str, &str)] = &[("transfer", "to"), ("originate", "target"), ("originate", "dial")];

/// What a text is held against, and what was found.
pub(super) struct Look<'a> {
    pub file: String,
    pub text: String,
    /// The names of its functions.
    pub functions: Vec<String>,
    /// What each module offers that it imports, by the name that it has here; none where that is not known.
    pub imported: BTreeMap<String, Option<Offered>>,
    pub has_prompt: HasPrompt<'a>,
    pub constants: Constants,
    pub faults: Vec<Fault>,
}

impl Look<'_> {
    pub fn wrong(&mut self, at: Position, what: impl Into<String>) {
        self.faults.push(Fault::at(&self.file, at, what));
    }

    fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|known| known == name)
    }

    /// What is written to: most values of the house are read alone, and of a leg only its variables are the script's.
    pub fn written(&mut self, receiver: Shape, name: &str, at: Position) {
        let (what, how) = match receiver.surely() {
            Shape::Leg if name == "vars" => return,
            Shape::Leg => (
                "a leg",
                "what is the script's own is kept as caller.vars = #{ … }, or said by caller.tag(name, value)"
                    .to_owned(),
            ),
            Shape::Any | Shape::Map | Shape::Record(_) => return,
            other => (other.named(), "what is the script's own is kept in a map, as let mine = #{ … }".to_owned()),
        };
        self.wrong(at, format!("`{name}` of {what} is read and never written; {how}"));
    }

    /// A field that is read.
    pub fn property(&mut self, rhai: &Rhai, name: &str, receiver: Shape, at: Position) {
        let sure = receiver.surely();
        let what = match sure {
            Shape::Any | Shape::Map => return,
            Shape::Record(record) => {
                if record.fields.iter().any(|field| field.name == name) {
                    return;
                }
                record.of
            }
            other if rhai.tells(other, name) => return,
            other => other.named(),
        };
        let names = sure.names();
        let word = words::all().find(|word| {
            word.name == name
                && matches!(
                    (word.of, sure),
                    (Of::Leg, Shape::Leg)
                        | (Of::Wish, Shape::Wish)
                        | (Of::Room, Shape::Room)
                        | (Of::Background, Shape::Handle)
                )
        });
        let hint = match (word, near(name, names.iter().copied()), sure) {
            (Some(_), ..) => format!("; `{name}` is a word, and is said with brackets: {name}(…)"),
            (_, Some(near), _) => format!("; is `{near}` meant?"),
            (_, None, Shape::Leg) => format!("; there are {}", names.join(", ")),
            (_, None, _) if names.is_empty() => {
                rhai.near(name, &[sure]).map_or_else(String::new, |near| format!("; is {near}() meant?"))
            }
            _ => format!("; it has {}", names.join(", ")),
        };
        self.wrong(at, format!("{what} has no `{name}`{hint}"));
    }

    /// What an `if`, a `while`, an `&&` or an `||` decides by.
    pub fn decided(&mut self, value: Shape, at: Position) {
        let how = match (value, value.surely()) {
            (_, Shape::Any | Shape::Flag) => return,
            (Shape::Maybe(_), _) => "compare it with (), as if value != ()",
            (_, Shape::Text) => "compare it, as if text != \"\"",
            (_, Shape::Number | Shape::Decimal) => "compare it, as if number > 0",
            (_, Shape::Record(record)) if record.fields.iter().any(|field| field.name == "status") => {
                "compare how it ended, as if talk.status == \"answered\""
            }
            _ => "compare it with something",
        };
        let or = if matches!(value, Shape::Maybe(_)) { " or ()" } else { "" };
        self.wrong(at, format!("this decides, and is {}{or}, not true or false; {how}", value.surely().named()));
    }

    /// What a `for` goes over.
    pub fn gone_over(&mut self, value: Shape, at: Position) {
        let how = match value.surely() {
            Shape::Any | Shape::List(_) | Shape::Text => return,
            Shape::Number => "; so many times is for n in 1..=number",
            Shape::Map | Shape::Record(_) => "; for name in map.keys() goes over its names",
            _ => "",
        };
        let what = value.surely().named();
        self.wrong(
            at,
            format!("a for goes over a list, over numbers as in 1..=3, or over a text, and this is {what}{how}"),
        );
    }

    /// What a `switch` looks at, where its arms are of another kind.
    pub fn switched(&mut self, value: Shape, of: &Expr, at: Position) {
        let arms = lints::arms(&self.text, at);
        for arm in arms {
            let is_number = arm.is_number();
            let what = match value {
                Shape::Text if is_number => {
                    format!("a text is never the number {}; write \"{}\" with quotes", arm.said, arm.said)
                }
                Shape::Number if !is_number => {
                    format!("a number is never the text {:?}; write it without quotes", arm.said)
                }
                Shape::Record(record) => {
                    let field = ["status"].into_iter().find(|name| value.field(name).is_some());
                    let how = field.map_or_else(String::new, |field| {
                        let name = super::written::variable(of).unwrap_or("it");
                        format!("; how it ended is {name}.{field}")
                    });
                    format!("{} is a map, and none of these{how}", record.of)
                }
                _ => return,
            };
            self.wrong(arm.at, what);
            if matches!(value, Shape::Record(_)) {
                return;
            }
        }
    }

    /// `a == b`, where both can never be equal.
    pub fn compared(&mut self, call: &FnCallExpr, shapes: &[Shape], at: Position) {
        let [one, other] = *shapes else { return };
        let equals = ["==", "!="].contains(&call.name.as_str());
        if !equals && !["<", ">", "<=", ">="].contains(&call.name.as_str()) || alike(one, other) {
            return;
        }
        let record = |shape: Shape| match shape {
            Shape::Record(record) => Some(record),
            _ => None,
        };
        if let (Some(record), Shape::Text) | (Some(record), Shape::Number) = (record(one), other) {
            let name = call.args.first().and_then(super::written::variable).unwrap_or("it");
            let is_ended = record.fields.iter().any(|field| field.name == "status");
            let how = match is_ended {
                true => format!("; how it ended is {name}.status"),
                false => format!("; it has {}", shapes[0].names().join(", ")),
            };
            return self.wrong(at, format!("`{name}` is a map, and never equal to {}{how}", other.named()));
        }
        let how = match (one, other) {
            (Shape::Text, Shape::Number) if equals => {
                let number = call.args.get(1).and_then(|number| number.get_literal_value(None));
                number.map_or_else(String::new, |number| format!("; write \"{number}\" with quotes"))
            }
            (Shape::Text, Shape::Number) => "; parse_int(text) makes a number of it".into(),
            (Shape::Number, Shape::Text) => "; a number has no quotes".into(),
            (Shape::Time, Shape::Number) | (Shape::Number, Shape::Time) => "; a time has a unit, as 20.s()".into(),
            _ => String::new(),
        };
        let never = if equals { "is never equal to" } else { "cannot be held against" };
        self.wrong(at, format!("{} {never} {}{how}", one.named(), other.named()));
    }

    /// `a - b`, for which there is nothing.
    pub fn no_operator(&mut self, name: &str, shapes: &[Shape], at: Position) {
        let said: Vec<&str> = shapes.iter().map(|shape| shape.surely().named()).collect();
        let how = match (shapes.contains(&Shape::Text), shapes.contains(&Shape::Time)) {
            (true, _) if shapes.contains(&Shape::Number) => "; parse_int(text) makes a number of it",
            (_, true) if shapes.contains(&Shape::Number) => "; a time has a unit, as 20.s()",
            _ => "",
        };
        let what = match &said[..] {
            [one] => format!("{one} has no {name} before it"),
            _ => format!("there is no {name} for {}", said.join(" and ")),
        };
        self.wrong(at, what + how);
    }

    /// `hours::is_open(…)`: a function of a module that is imported.
    pub fn of_import(&mut self, call: &FnCallExpr, at: Position) {
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let Some(Some(offered)) = self.imported.get(module) else { return };
        let takes: Vec<usize> =
            offered.functions.iter().filter(|(known, _)| known == name).map(|(_, takes)| *takes).collect();
        let known = || offered.functions.iter().map(|(name, _)| name.as_str());
        let what = if takes.is_empty() {
            let hint = match near(name, known()) {
                Some(near) => format!("is {module}::{near}(…) meant?"),
                None => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
            };
            format!("the module {module} has no function `{name}`; {hint}")
        } else if !takes.contains(&call.args.len()) {
            format!("{module}::{name} takes {}, and is given {}", in_words(takes[0]), in_words(call.args.len()))
        } else {
            return;
        };
        self.wrong(at, what);
    }

    /// `time::foo(…)`, or `tiem::now()`.
    pub fn no_word_of_module(&mut self, call: &FnCallExpr, is_there: bool, at: Position) {
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let of_module = |module: &str| {
            let is_of = |word: &&'static Word| matches!(word.of, Of::Module(of) if of == module);
            words::all().filter(is_of).map(|word| word.name).collect::<Vec<_>>()
        };
        if is_there {
            let known = of_module(module).join(", ");
            return self.wrong(at, format!("{module} has no word `{name}`; it knows {known}"));
        }
        let modules = words::all().filter_map(|word| match word.of {
            Of::Module(module) => Some(module),
            _ => None,
        });
        let near = near(module, modules.chain(self.imported.keys().map(String::as_str)));
        let hint = match near {
            Some(near) => format!("; is `{near}` meant?"),
            None if module == "global" => format!("; a function is called by its name, as {name}(…)"),
            None => format!("; write import \"shared/{module}\" as {module}; for one of your own"),
        };
        self.wrong(at, format!("there is no module `{module}`{hint}"));
    }

    /// Whether what a word is given is right, as far as it is known.
    pub fn word(
        &mut self,
        word: &'static Word,
        args: &[Expr],
        given: &[Shape],
        named: &[(String, Value)],
        at: Position,
        certain: bool,
    ) {
        let before = self.faults.len();
        if certain && (args.len() < word.needs || args.len() > word.most()) {
            return self.wrong(at, format!("{} is given {} here", word.written(), in_words(args.len())));
        }
        let options = args.last().filter(|last| is_map(last) && !word.options.is_empty() && args.len() > word.needs);
        let values = args.len() - usize::from(options.is_some());
        if certain {
            for ((part, value), shape) in word.takes.iter().zip(&args[..values]).zip(given) {
                self.value(word, part, value, *shape);
            }
        }
        let known = |name: &str| word.options.iter().find(|option| option.name == name);
        for (name, value, at) in options.map(|options| entries(options, at)).unwrap_or_default() {
            let Some(option) = known(&name) else {
                self.wrong(at, unknown(word, &name));
                continue;
            };
            match value {
                Literal::Value(value) => self.literal(word, option, &value, at),
                Literal::Computed => {
                    let shape = named.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value);
                    self.fits(word, option, shape.unwrap_or(Shape::Any), at);
                }
            }
        }
        if certain && let (Some(shape), Some(value)) = (given.get(word.takes.len()), args.get(word.takes.len())) {
            let may_be = matches!(shape.surely(), Shape::Any | Shape::Map | Shape::Record(_));
            if !may_be && self.constants.value(value).is_none() {
                let what = shape.surely().named();
                self.wrong(
                    value.position(),
                    format!("{} takes its options as a map, and was given {what}", word.written()),
                );
            }
        }
        if self.faults.len() == before {
            self.refused(word, args, at, certain);
        }
    }

    /// What the word itself would say to this in a call.
    fn refused(&mut self, word: &'static Word, args: &[Expr], at: Position, certain: bool) {
        let refusal = self.constants.refusal(word, args, at);
        let may_be_another = || namesakes(word).any(|word| self.constants.refusal(word, args, at).is_none());
        if let Some((place, what)) = refusal.filter(|_| certain || !may_be_another()) {
            self.wrong(if place.is_none() { at } else { place }, what);
        }
    }

    fn value(&mut self, word: &Word, part: &Part, value: &Expr, shape: Shape) {
        if let Some(literal) = value.get_literal_value(None) {
            self.literal(word, part, &literal, value.position());
        } else if let Expr::Array(list, _) = value {
            for text in list.iter().filter_map(|item| item.get_literal_value(None)) {
                match part.kind {
                    Kind::Prompts => self.prompts(&text, value.position()),
                    Kind::Targets => self.targets(&text, value.position()),
                    _ => {}
                }
            }
        } else if self.constants.value(value).is_none() {
            self.fits(word, part, shape, value.position());
        }
    }

    /// What a variable holds, where it can never be what a word wants.
    fn fits(&mut self, word: &Word, part: &Part, shape: Shape, at: Position) {
        if let Err(why) = part.kind.judge(shape) {
            self.wrong(at, format!("`{}` of {}: {why}", part.name, word.name));
        }
    }

    fn literal(&mut self, word: &Word, part: &Part, value: &Dynamic, at: Position) {
        if let Err(why) = part.kind.check(value) {
            return self.wrong(at, format!("`{}` of {}: {why}", part.name, word.name));
        }
        if part.kind == Kind::Targets || CALLED.contains(&(word.name, part.name)) {
            self.targets(value, at);
        }
        if part.kind == Kind::Prompts || ["ringback", "music", "screen", "filler"].contains(&part.name) {
            self.prompts(value, at);
        }
    }

    /// Whether somebody can be called by the targets that are written there.
    fn targets(&mut self, value: &Dynamic, at: Position) {
        for target in texts_of(value).unwrap_or_default() {
            if let Some(why) = nobody(&target) {
                self.wrong(at, why);
            }
        }
    }

    /// Whether the prompts that are written there are there.
    fn prompts(&mut self, value: &Dynamic, at: Position) {
        for name in texts_of(value).unwrap_or_default() {
            let elsewhere = name.contains("::") || name.contains("://") || ["pass", "phone"].contains(&name.as_str());
            if let Some(why) = misnamed(&name) {
                self.wrong(at, why);
            } else if !elsewhere && !(self.has_prompt)(&name) {
                self.wrong(at, format!("there is no prompt {name:?}; put {name}.wav, .mp3, .ogg, .flac or .opus into the folder of sounds"));
            }
        }
    }

    /// What is said to a party behind its end, in the same row of statements.
    pub fn row(&mut self, statements: &[Stmt]) {
        let mut ended: Option<(String, &'static str)> = None;
        for (leg, word, at) in statements.iter().filter_map(spoken) {
            if let Some((gone, by)) = &ended
                && *gone == leg
                && NEEDS_PARTY.contains(&word.as_str())
            {
                self.wrong(at, format!("{leg}.{word} comes behind {leg}.{by}, which ends the leg"));
            }
            if let Some(last) = LAST.iter().find(|last| **last == word && !self.has_function(last)) {
                ended = Some((leg, last));
            }
        }
    }
}

/// Whether values of two kinds may be equal.
fn alike(one: Shape, other: Shape) -> bool {
    let is_open = |shape: Shape| matches!(shape, Shape::Any | Shape::Nothing | Shape::Maybe(_) | Shape::Function);
    let class = |shape: Shape| match shape {
        Shape::Decimal => Shape::Number,
        Shape::Record(_) => Shape::Map,
        Shape::List(_) => Shape::List(&Shape::Any),
        other => other,
    };
    is_open(one) || is_open(other) || class(one) == class(other)
}

pub(super) fn in_words(count: usize) -> String {
    match count {
        0 => "no value".into(),
        1 => "1 value".into(),
        count => format!("{count} values"),
    }
}

/// Names for so many values: `a, b`.
pub(super) fn list_of(count: usize) -> String {
    let names: Vec<String> = ('a'..='z').take(count).map(String::from).collect();
    names.join(", ")
}
