//! Calls of a text: whose function or word each is, what it is given, and what comes of it.

use rhai::{Expr, FnCallExpr, Position};

use super::flow::{Flow, Value};
use super::known::Rhai;
use super::look::{in_words, list_of};
use super::near;
use crate::words::shape::Shape;
use crate::words::{self, Of, Word};

/// Functions of Rhai that leave what they are said to as it is.
const PURE: &[&str] = &[
    "len",
    "is_empty",
    "contains",
    "index_of",
    "filter",
    "map",
    "all",
    "some",
    "find",
    "find_map",
    "reduce",
    "for_each",
    "get",
    "keys",
    "values",
    "to_string",
    "to_debug",
    "to_json",
    "starts_with",
    "ends_with",
    "sub_string",
    "extract",
];

/// Functions of Rhai that hand each item of a list to a function.
const EACH: &[&str] = &["filter", "map", "all", "some", "find", "find_map", "index_of", "drain", "retain"];

impl Flow<'_> {
    /// `connect(…)`, `http::get(…)`, `a + b`.
    pub fn called(&mut self, call: &FnCallExpr, at: Position) -> Value {
        let name = call.name.as_str();
        if !call.namespace.is_empty() {
            return self.of_module(call, at);
        }
        if name == "curry" {
            self.bound(call);
            return Some(Shape::Function);
        }
        let word = words::all().find(|word| word.of == Of::House && word.name == name);
        let values = self.values(&call.args, None);
        if call.op_token.is_some() {
            return self.operator(call, &values, at);
        }
        if let Some(gives) = self.hand(self.file, name, &values) {
            return gives;
        }
        if let Some(word) = word {
            self.said(word, &call.args, &values, at, true);
            return Some(word.gives);
        }
        // What is said to a leg may be written as `play(caller, "welcome")`.
        if let Some((word, rest)) = values.first().and_then(|first| Some((word_of((*first)?, name)?, &call.args[1..])))
        {
            self.said(word, rest, &values[1..], at, true);
            return Some(word.gives);
        }
        if let Some(root) = call.args.first().filter(|_| !PURE.contains(&name)) {
            self.opened(root);
        }
        let shapes = known(&values);
        if Rhai::is_syntax(name) {
            self.kept_by_name(call);
            return Some(Shape::Any);
        }
        if self.waits(&values) {
            return None;
        }
        if self.rhai.takes(name, &shapes) {
            return Some(self.rhai.gives(name, &shapes));
        }
        if self.judges {
            let what = self.unknown(name, &shapes);
            self.look().wrong(at, what);
        }
        Some(Shape::Any)
    }

    /// `leg.play(…)`, `text.sub_string(…)`.
    pub fn method(&mut self, receiver: Value, call: &FnCallExpr, at: Position, root: &Expr) -> Value {
        let name = call.name.as_str();
        let word = receiver.and_then(|receiver| word_of(receiver, name));
        // Whose word it is decides what functions among the values are handed.
        if self.waits(&[receiver]) {
            return None;
        }
        let handed = match receiver.map(Shape::surely) {
            Some(Shape::Leg) => word.map(|_| Shape::Leg),
            Some(Shape::List(item)) if EACH.contains(&name) => Some(*item),
            _ => None,
        };
        let values = self.values(&call.args, handed);
        // A function of the script that is said to a value has it as `this`.
        let own = self.hand(self.file, name, &values);
        if let Some(gives) = own {
            self.changed_by_another(root);
            return gives;
        }
        if let Some(word) = word {
            self.said(word, &call.args, &values, at, true);
            if let Some(receiver) = receiver.filter(|_| self.judges) {
                self.doubted(receiver, name, root, at);
                self.held(root, &call.args);
                self.handed_to_word(&call.args);
            }
            return Some(word.gives);
        }
        let Some(receiver) = receiver.filter(|receiver| *receiver != Shape::Any) else {
            self.perhaps(call, &values, at);
            return Some(Shape::Any);
        };
        if Rhai::is_syntax(name) && matches!(receiver.surely(), Shape::Any | Shape::Map | Shape::Function) {
            return Some(Shape::Any);
        }
        if self.waits(&values) {
            return None;
        }
        let shapes: Vec<Shape> = [receiver].into_iter().chain(known(&values)).collect();
        if !Rhai::is_syntax(name) && self.rhai.takes(name, &shapes) {
            if !PURE.contains(&name) {
                self.opened(root);
            }
            return Some(match (name, receiver) {
                ("filter", Shape::List(_)) => receiver,
                _ => self.rhai.gives(name, &shapes),
            });
        }
        // A map may hold a function.
        let field = receiver.field(name);
        let may_hold = receiver == Shape::Map || matches!(field, Some(Shape::Any | Shape::Function));
        if self.judges && !may_hold {
            let what = self.no_method(receiver, name, &shapes, root);
            self.look().wrong(at, what);
        }
        Some(Shape::Any)
    }

    /// What is said to a value of which nothing is known: a word of a leg, where nothing else is called so.
    fn perhaps(&mut self, call: &FnCallExpr, values: &[Value], at: Position) {
        let name = call.name.as_str();
        let word = words::all().find(|word| word.of == Of::Leg && word.name == name);
        if let Some(word) = word.filter(|_| self.own(self.file, name).is_empty()) {
            self.said(word, &call.args, values, at, false);
        }
    }

    fn said(&mut self, word: &'static Word, args: &[Expr], values: &[Value], at: Position, certain: bool) {
        if !self.judges {
            return;
        }
        // What stands in the options was told when the map was read.
        let named = match args.last() {
            Some(Expr::Map(entries, _)) => {
                self.judges = false;
                let named = entries.0.iter().map(|(name, value)| (name.name.to_string(), self.value(value))).collect();
                self.judges = true;
                named
            }
            _ => Vec::new(),
        };
        self.look().word(word, args, &known(values), &named, at, certain);
    }

    /// `http::get(…)`, or a function of a module that is imported.
    fn of_module(&mut self, call: &FnCallExpr, at: Position) -> Value {
        let (module, name) = (call.namespace.root(), call.name.as_str());
        let values = self.values(&call.args, None);
        if let Some(file) = self.files[self.file].imported.get(module).copied() {
            if self.judges {
                self.look().of_import(call, at);
            }
            return file.and_then(|file| self.hand(file, name, &values)).unwrap_or(Some(Shape::Any));
        }
        let is_of = |word: &&Word| matches!(word.of, Of::Module(of) if of == module);
        let word = words::all().filter(is_of).find(|word| word.name == name);
        if let Some(word) = word {
            self.said(word, &call.args, &values, at, true);
            return Some(word.gives);
        }
        if self.judges {
            let is_there = words::all().any(|word| is_of(&word));
            self.look().no_word_of_module(call, is_there, at);
        }
        Some(Shape::Any)
    }

    /// `a + b`, `!a`.
    fn operator(&mut self, call: &FnCallExpr, values: &[Value], at: Position) -> Value {
        if self.waits(values) {
            return None;
        }
        let (name, shapes) = (call.name.as_str(), known(values));
        if self.judges {
            self.look().compared(call, &shapes, at);
        }
        match self.rhai.operator(name, &shapes) {
            Ok(gives) => Some(gives),
            Err(()) => {
                if self.judges {
                    self.look().no_operator(name, &shapes, at);
                }
                Some(Shape::Any)
            }
        }
    }

    /// A function that there is not, or not for such values.
    fn unknown(&self, name: &str, shapes: &[Shape]) -> String {
        if self.named(name).is_some() {
            return format!("`{name}` is a value, and no function; one that is kept in it is called by {name}.call(…)");
        }
        let own = self.own(self.file, name);
        if let Some(takes) = own.first() {
            return format!("{name} takes {}, and is given {}", in_words(*takes), in_words(shapes.len()));
        }
        if let Some(word) = words::all().find(|word| word.of == Of::Leg && word.name == name) {
            return format!("`{name}` is said to a leg, as caller.{}(…): nobody is named here", word.name);
        }
        if let Some(what) = self.other_values(name, shapes, false) {
            return what;
        }
        let of_house = words::all().filter(|word| word.of == Of::House).map(|word| word.name);
        let own = self.names(self.file);
        let close = near(name, own.iter().copied().chain(of_house)).or_else(|| self.rhai.near(name, shapes));
        if let Some(close) = close {
            return format!("there is no function `{name}`; is `{close}` meant?");
        }
        let of_leg = words::all().filter(|word| word.of == Of::Leg).map(|word| word.name);
        match near(name, of_leg) {
            Some(close) => format!("there is no function `{name}`; is caller.{close}(…) meant?"),
            None if name == "not" => "not is written !, as if !found { … }".into(),
            None => format!("there is no function `{name}`; write fn {name}({}) {{ … }}", list_of(shapes.len())),
        }
    }

    fn no_method(&self, receiver: Shape, name: &str, shapes: &[Shape], root: &Expr) -> String {
        let sure = receiver.surely();
        let own = self.own(self.file, name);
        if let Some(takes) = own.first() {
            return format!("{name} takes {}, and is given {}", in_words(*takes), in_words(shapes.len() - 1));
        }
        let whose = of_shape(sure);
        if let Some(of) = whose {
            let words: Vec<&str> = words::all().filter(|word| word.of == of).map(|word| word.name).collect();
            let hint = match near(name, words.iter().copied()) {
                Some(close) => format!("; is `{close}` meant?"),
                None if sure.names().contains(&name) => format!("; `{name}` is read without brackets"),
                None if of == Of::Leg => String::new(),
                None => format!("; it knows {}", words.join(", ")),
            };
            return format!("{} has no word `{name}`{hint}", sure.named());
        }
        let what = match sure {
            Shape::Record(record) => record.of,
            other => other.named(),
        };
        if sure.names().contains(&name) {
            return format!("`{name}` of {what} is read without brackets");
        }
        if let Some(what) = self.other_values(name, shapes, true) {
            return what;
        }
        if words::all().any(|word| word.of == Of::Leg && word.name == name) {
            let to = match (root, receiver.field("leg")) {
                (Expr::Variable(named, ..), Some(_)) => format!("{}.leg.{name}(…)", named.1),
                _ => format!("caller.{name}(…)"),
            };
            return format!("`{name}` is said to a leg, as {to}, and this is {what}");
        }
        match self.rhai.near(name, shapes) {
            Some(close) => format!("{what} has no function `{name}`; is `{close}` meant?"),
            None if matches!(sure, Shape::Number | Shape::Decimal) => {
                format!("{what} has no function `{name}`; a time is written with s(), ms(), min(), h() or days()")
            }
            None => format!("{what} has no function `{name}`"),
        }
    }

    /// A function of Rhai that takes other values than those.
    fn other_values(&self, name: &str, shapes: &[Shape], is_method: bool) -> Option<String> {
        let given = &shapes[usize::from(is_method)..];
        let mut others = vec![Shape::Any; shapes.len()];
        if is_method {
            others[0] = shapes[0];
        }
        if self.rhai.takes(name, &others) {
            let said: Vec<&str> = shapes.iter().map(|shape| shape.surely().named()).collect();
            return Some(match (is_method, &said[..]) {
                (true, [] | [_]) => return None,
                (true, [first, rest @ ..]) => {
                    format!("`{name}` of {first} does not take {}", rest.join(", "))
                }
                (false, _) => format!("{name} does not take {}", said.join(", ")),
            });
        }
        let first: Vec<Shape> = shapes.first().filter(|_| is_method).copied().into_iter().collect();
        let counts = (0..3).filter(|count| {
            let values: Vec<Shape> = first.iter().copied().chain(vec![Shape::Any; *count]).collect();
            self.rhai.takes(name, &values)
        });
        let counts: Vec<String> = counts.map(in_words).collect();
        (!counts.is_empty())
            .then(|| format!("{name} takes {}, and is given {}", counts.join(" or "), in_words(given.len())))
    }
}

/// The word of that name that such a value has.
fn word_of(value: Shape, name: &str) -> Option<&'static Word> {
    let of = of_shape(value.surely())?;
    words::all().find(|word| word.of == of && word.name == name)
}

/// Whose words such a value has.
fn of_shape(value: Shape) -> Option<Of> {
    match value {
        Shape::Leg => Some(Of::Leg),
        Shape::Handle => Some(Of::Background),
        Shape::Wish => Some(Of::Wish),
        Shape::Room => Some(Of::Room),
        _ => None,
    }
}

/// What is not known is anything.
fn known(values: &[Value]) -> Vec<Shape> {
    values.iter().map(|value| value.unwrap_or(Shape::Any)).collect()
}
