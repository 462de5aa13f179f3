//! What Rhai knows of values: which functions take them, which fields they tell, what comes of an operator.
//!
//! It is asked of Rhai itself, by samples: a call of `sub_string(text, number)` is tried with a text and a number, and what there is not
//! is told as it would be in a call. So nothing here has to be kept in step with the language.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use patchcord_engine::call::LegId;
use patchcord_engine::call::event::ReferWish;
use patchcord_engine::call::verb::Handle;
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Scope};

use crate::words::shape::Shape;
use crate::words::{Held, Leg, Room, Span, What, Wish};

/// Words of the language that are written like functions.
const SYNTAX: &[&str] =
    &["call", "curry", "Fn", "eval", "print", "debug", "type_of", "is_def_var", "is_def_fn", "is_shared", "exit"];

/// More ways of trying a call are not gone: it may be right.
const WAYS: usize = 400;

/// What functions of Rhai give whose answer is always of one kind.
const GIVES: &[(&str, Shape)] = &[
    ("len", Shape::Number),
    ("is_empty", Shape::Flag),
    ("contains", Shape::Flag),
    ("starts_with", Shape::Flag),
    ("ends_with", Shape::Flag),
    ("index_of", Shape::Number),
    ("to_string", Shape::Text),
    ("to_debug", Shape::Text),
    ("to_upper", Shape::Text),
    ("to_lower", Shape::Text),
    ("sub_string", Shape::Text),
    ("split", Shape::List(&Shape::Text)),
    ("keys", Shape::List(&Shape::Text)),
    ("to_int", Shape::Number),
    ("to_float", Shape::Decimal),
    ("parse_int", Shape::Number),
    ("parse_float", Shape::Decimal),
    // These change what they are said to, and give nothing.
    ("trim", Shape::Nothing),
    ("replace", Shape::Nothing),
    ("make_upper", Shape::Nothing),
    ("make_lower", Shape::Nothing),
    ("push", Shape::Nothing),
    ("append", Shape::Nothing),
    ("clear", Shape::Nothing),
    ("ms", Shape::Time),
    ("s", Shape::Time),
    ("min", Shape::Time),
    ("h", Shape::Time),
    ("days", Shape::Time),
];

/// Functions of Rhai that are often meant, for whoever misspells one.
const NAMES: &[&str] = &[
    "all",
    "append",
    "chars",
    "clear",
    "contains",
    "dedup",
    "ends_with",
    "extract",
    "filter",
    "find",
    "for_each",
    "get",
    "index_of",
    "insert",
    "is_empty",
    "keys",
    "len",
    "make_lower",
    "make_upper",
    "map",
    "mixin",
    "pad",
    "parse_float",
    "parse_int",
    "pop",
    "push",
    "reduce",
    "remove",
    "replace",
    "reverse",
    "set",
    "shift",
    "some",
    "sort",
    "split",
    "starts_with",
    "sub_string",
    "to_float",
    "to_int",
    "to_json",
    "to_lower",
    "to_string",
    "to_upper",
    "trim",
    "truncate",
    "values",
    "abs",
    "max",
    "min",
    "round",
    "floor",
    "ceiling",
    "ms",
    "s",
    "h",
    "days",
];

/// What other languages call them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("length", "len"),
    ("size", "len"),
    ("count", "len"),
    ("add", "push"),
    ("substr", "sub_string"),
    ("slice", "sub_string"),
    ("strip", "trim"),
    ("upper", "to_upper"),
    ("lower", "to_lower"),
    ("to_upper_case", "to_upper"),
    ("to_lower_case", "to_lower"),
    ("uppercase", "to_upper"),
    ("lowercase", "to_lower"),
    ("includes", "contains"),
    ("has", "contains"),
    ("find", "index_of"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("minute", "min"),
    ("minutes", "min"),
    ("m", "min"),
    ("hour", "h"),
    ("hours", "h"),
    ("millis", "ms"),
    ("milliseconds", "ms"),
];

/// See the module.
pub(super) struct Rhai {
    engine: Engine,
    told: RefCell<HashMap<String, Told>>,
}

#[derive(Clone, Copy)]
struct Told {
    is_there: bool,
    /// What came of it, where each way gave the same.
    gives: Option<Shape>,
}

impl Rhai {
    pub fn new(engine: Engine) -> Self {
        Self { engine, told: RefCell::default() }
    }

    /// Whether it is a word of the language itself.
    pub fn is_syntax(name: &str) -> bool {
        SYNTAX.contains(&name)
    }

    /// Whether a function of that name takes such values.
    pub fn takes(&self, name: &str, values: &[Shape]) -> bool {
        let given: Vec<String> = (0..values.len()).map(|number| format!("a{number}")).collect();
        self.tried(name, &format!("{name}({})", given.join(", ")), values).is_there
    }

    /// What an operator makes of two values: `Err` where there is no such operator for them.
    pub fn operator(&self, name: &str, values: &[Shape]) -> Result<Shape, ()> {
        let told = match values {
            [_, _] => self.tried(name, &format!("a0 {name} a1"), values),
            [_] => self.tried(name, &format!("{name} a0"), values),
            _ => return Ok(Shape::Any),
        };
        if told.is_there { Ok(told.gives.unwrap_or(Shape::Any)) } else { Err(()) }
    }

    /// Whether such a value tells something by that name.
    pub fn tells(&self, value: Shape, name: &str) -> bool {
        self.tried(name, &format!("a0.{name}"), &[value]).is_there
    }

    /// What a function of Rhai gives, where that is known.
    pub fn gives(&self, name: &str, values: &[Shape]) -> Shape {
        // What is not known may be something with a function of its own by that name.
        let is_known = values.first().is_some_and(|first| !matches!(first, Shape::Any | Shape::Maybe(_)));
        // The lesser of two has the name of a unit.
        let fits = |gives: Shape| gives != Shape::Time || values.len() == 1;
        let known = GIVES.iter().find(|(known, gives)| *known == name && fits(*gives)).filter(|_| is_known);
        known.map_or(Shape::Any, |(_, gives)| *gives)
    }

    /// A function that may be meant by a name that none has, for such values.
    pub fn near(&self, name: &str, values: &[Shape]) -> Option<&'static str> {
        let bare = |name: &str| name.replace('_', "").to_lowercase();
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| bare(other) == bare(name)).map(|(_, ours)| *ours);
        let same = || NAMES.iter().copied().find(|known| bare(known) == bare(name));
        let first = values.first().copied().unwrap_or(Shape::Any);
        let any = |count: usize| [&[first][..], &vec![Shape::Any; count]].concat();
        let there = |known: &&str| (0..3).any(|count| self.takes(known, &any(count)));
        if let Some(known) = elsewhere.or_else(same).filter(there) {
            return Some(known);
        }
        let fits = |known: &&&str| self.takes(known, values);
        let distance = |known: &&&str| strsim::damerau_levenshtein(known, name);
        // Of a short name, two letters are half of it.
        let most = if name.len() > 4 { 2 } else { 1 };
        let close = NAMES.iter().filter(|known| distance(known) <= most && known.len() > 2);
        close.filter(fits).min_by_key(distance).copied()
    }

    fn tried(&self, name: &str, written: &str, values: &[Shape]) -> Told {
        let key = format!("{written} {values:?}");
        if let Some(told) = self.told.borrow().get(&key) {
            return *told;
        }
        let told = self.tries(name, written, values);
        self.told.borrow_mut().insert(key, told);
        told
    }

    fn tries(&self, name: &str, written: &str, values: &[Shape]) -> Told {
        let ways: Vec<Vec<Dynamic>> = values.iter().map(|value| samples(*value)).collect();
        if ways.iter().map(Vec::len).product::<usize>() > WAYS {
            return Told { is_there: true, gives: None };
        }
        let (mut is_there, mut gives, mut one) = (false, None, true);
        let mut way = vec![0; ways.len()];
        loop {
            let mut scope = Scope::new();
            for (number, (samples, at)) in ways.iter().zip(&way).enumerate() {
                scope.push_dynamic(format!("a{number}"), samples[*at].clone());
            }
            match self.engine.eval_expression_with_scope::<Dynamic>(&mut scope, written) {
                Ok(value) => {
                    let shape = Shape::of(&value);
                    one &= gives.is_none_or(|gives| gives == shape);
                    (is_there, gives) = (true, Some(shape));
                }
                Err(error) if is_missing(name, &error) => {}
                Err(_) => is_there = true,
            }
            let Some(next) = (0..way.len()).find(|at| way[*at] + 1 < ways[*at].len()) else { break };
            way[next] += 1;
            way[..next].fill(0);
        }
        Told { is_there, gives: gives.filter(|_| one) }
    }
}

/// Whether an error says that there is nothing of that name for such values.
fn is_missing(name: &str, error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => signature.starts_with(&format!("{name} (")),
        EvalAltResult::ErrorDotExpr(..) | EvalAltResult::ErrorIndexingType(..) => true,
        _ => false,
    }
}

/// Values of a kind, to try a call by.
fn samples(shape: Shape) -> Vec<Dynamic> {
    let leg = LegId::FIRST;
    let one = match shape {
        Shape::Any => {
            let each = [
                Shape::Nothing,
                Shape::Text,
                Shape::Number,
                Shape::Decimal,
                Shape::Flag,
                Shape::Time,
                Shape::Function,
                Shape::List(&Shape::Any),
                Shape::Map,
                Shape::Leg,
                Shape::Handle,
                Shape::Wish,
                Shape::Room,
            ];
            let rest =
                [Dynamic::from('a'), Dynamic::from(0..1_i64), Dynamic::from(0..=1_i64), Dynamic::from(vec![0_u8])];
            return each.into_iter().flat_map(samples).chain(rest).collect();
        }
        Shape::Maybe(inner) => {
            let mut both = samples(*inner);
            both.push(Dynamic::UNIT);
            return both;
        }
        Shape::Nothing => Dynamic::UNIT,
        Shape::Text => "1".into(),
        Shape::Number => Dynamic::from(1_i64),
        Shape::Decimal => Dynamic::from(1.5_f64),
        Shape::Flag => true.into(),
        Shape::Time => Dynamic::from(Span(Duration::from_secs(1))),
        Shape::Function => FnPtr::new("sample").map(Dynamic::from).unwrap_or_default(),
        Shape::List(_) => Dynamic::from_array(Vec::new()),
        Shape::Map | Shape::Record(_) => Dynamic::from_map(rhai::Map::new()),
        Shape::Leg => Dynamic::from(Leg(leg)),
        Shape::Handle => Dynamic::from(Held { handle: Handle(1), leg, what: What::Playing }),
        Shape::Wish => {
            let said = ReferWish { to: String::new(), replaces: None, replaces_elsewhere: None, meets: None };
            Dynamic::from(Wish { leg, said: Rc::new(said) })
        }
        Shape::Room => Dynamic::from(Room("sample".into())),
    };
    vec![one]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::words::FACTS;

    fn rhai() -> Rhai {
        Rhai::new(crate::engine(&Limits::default()))
    }

    #[test]
    fn what_is_said_of_functions_of_rhai_is_so() {
        let rhai = rhai();
        for name in NAMES {
            assert!((1..4).any(|count| rhai.takes(name, &vec![Shape::Any; count])), "{name} is no function");
        }
        for (name, _) in GIVES {
            for first in [Shape::Text, Shape::Number, Shape::Decimal, Shape::List(&Shape::Any), Shape::Map, Shape::Time]
            {
                for rest in [&[][..], &[Shape::Any], &[Shape::Any, Shape::Any]] {
                    let values = [&[first], rest].concat();
                    let written: Vec<String> = (0..values.len()).map(|number| format!("a{number}")).collect();
                    let told = rhai.tried(name, &format!("{name}({})", written.join(", ")), &values);
                    let gives = rhai.gives(name, &values);
                    let kind = |shape: Shape| std::mem::discriminant(&shape);
                    let same = |gave: Shape| gives == Shape::Any || kind(gave) == kind(gives);
                    assert!(told.gives.is_none_or(same), "{name} of {values:?} gives {:?}", told.gives);
                }
            }
        }
    }

    #[test]
    fn what_values_of_the_house_tell_is_what_the_tables_say() {
        let rhai = rhai();
        for shape in [Shape::Leg, Shape::Handle, Shape::Wish, Shape::Room, Shape::Time] {
            for name in shape.names() {
                assert!(rhai.tells(shape, name), "{} has no {name}", shape.named());
            }
            assert!(!rhai.tells(shape, "nonsense"));
        }
        assert_eq!(Shape::Leg.names().len(), FACTS.len() + 2);
    }

    #[test]
    fn operators_are_known_by_what_they_take() {
        let rhai = rhai();
        assert_eq!(rhai.operator("+", &[Shape::Text, Shape::Number]), Ok(Shape::Text));
        assert_eq!(rhai.operator("+", &[Shape::Time, Shape::Time]), Ok(Shape::Time));
        assert_eq!(rhai.operator("-", &[Shape::Text, Shape::Number]), Err(()));
        assert!(rhai.operator("-", &[Shape::Any, Shape::Number]).is_ok());
        assert!(rhai.takes("sub_string", &[Shape::Text, Shape::Number]));
        assert!(!rhai.takes("sub_string", &[Shape::Number, Shape::Number]));
        assert_eq!(rhai.near("lenn", &[Shape::Text]), Some("len"));
    }
}
