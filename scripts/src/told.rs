//! What Rhai says of a script that has failed, in the words of the house: what was met, and what to do about it.
//!
//! Rhai names values by the types of its own language, and knows nothing of calls: that `talk.leg` is `()` because nobody answered stands in
//! the tables of the words.

use rhai::{Dynamic, EvalAltResult, Position};

use crate::check::near;
use crate::handlers::HANDLERS;
use crate::imports::CLOSURE;
use crate::words::kind::written;
use crate::words::shape::{Field, Shape};
use crate::words::{self, FACTS, Of};

/// A fault of the language in our words; `row` is the line of the text at whose place it arose.
pub(crate) fn in_words(error: &EvalAltResult, row: Option<&str>) -> Option<String> {
    let said = receiver(row, error.position());
    Some(match error {
        EvalAltResult::ErrorFunctionNotFound(signature, at) => {
            // What is called by way of a value that keeps it has its name nowhere there.
            let name = signature.split(" (").next().unwrap_or_default();
            missing(signature, said.as_deref().filter(|_| stands(row, *at, name)))
        }
        EvalAltResult::ErrorDotExpr(what, _) => field(what, said.as_deref())?,
        EvalAltResult::ErrorIndexingType(what, _) => {
            let whose = kind(what.split(" [").next().unwrap_or_default());
            match (whose, indexed(row, error.position())) {
                ("()", said) => nothing(said.as_deref(), "nothing can be taken out of it"),
                (other, _) => format!("{other} has nothing that is taken out by […]; lists, maps and texts have"),
            }
        }
        EvalAltResult::ErrorArrayBounds(0, index, _) => {
            format!("the list is empty, and there is no [{index}] in it; ask first: if !list.is_empty() {{ … }}")
        }
        EvalAltResult::ErrorArrayBounds(most, index, _) => {
            format!("the list has {}, from [0] to [{}], and no [{index}]", many(*most, "value"), most - 1)
        }
        EvalAltResult::ErrorStringBounds(0, index, _) => {
            format!("the text is empty, and there is no [{index}] in it; ask first: if text != \"\" {{ … }}")
        }
        EvalAltResult::ErrorStringBounds(most, index, _) => {
            format!("the text has {}, from [0] to [{}], and no [{index}]", many(*most, "letter"), most - 1)
        }
        EvalAltResult::ErrorBitFieldBounds(most, index, _) => format!("a number has {most} bits, and no [{index}]"),
        EvalAltResult::ErrorArithmetic(what, _) => arithmetic(what),
        EvalAltResult::ErrorMismatchDataType(wanted, given, _)
        | EvalAltResult::ErrorMismatchOutputType(wanted, given, _) => mismatch(kind(wanted), kind(given)),
        EvalAltResult::ErrorFor(_) => {
            "a for goes over a list, over numbers as in 1..=3, or over a text; this is none of them".into()
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => match name.strip_prefix("global::") {
            Some(constant) => {
                format!("there is no constant `{constant}`; write const {constant} = …; outside of the functions")
            }
            None => format!("nothing is called `{name}` here; write let {name} = …; before it"),
        },
        EvalAltResult::ErrorUnboundThis(_) => {
            "`this` is what a function is said to, as value.function(); here it was called without".into()
        }
        EvalAltResult::ErrorAssignmentToConstant(name, _) => {
            format!("`{name}` is a constant, and never changes; write let {name} = …; where it shall")
        }
        EvalAltResult::ErrorNonPureMethodCallOnConstant(name, _) => {
            let name = name.trim_start_matches("get$").trim_start_matches("set$");
            format!("`{name}` would change a constant; take a copy first, as let mine = global::NAME;")
        }
        EvalAltResult::ErrorModuleNotFound(name, _) => format!("there is no module `{name}`"),
        EvalAltResult::ErrorIndexNotFound(index, _) => {
            format!("nothing is found under {}; a map is asked by a text, and a list by a number", written(index))
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => format!("the map has no `{name}`"),
        EvalAltResult::ErrorRuntime(value, _) => thrown(value),
        _ => return None,
    })
}

/// What a script has thrown, or a word has said.
fn thrown(value: &Dynamic) -> String {
    match value.read_lock::<rhai::ImmutableString>() {
        Some(text) => text.to_string(),
        None if value.is_unit() => "it threw without saying why; write throw \"why\"".into(),
        None => written(value),
    }
}

/// `play ((), i64)`: no function of that name takes such values.
fn missing(signature: &str, said: Option<&str>) -> String {
    let (name, given) = signature.split_once(" (").unwrap_or((signature, ""));
    let given = given.strip_suffix(')').unwrap_or(given);
    let kinds: Vec<&str> = given.split(", ").filter(|given| !given.is_empty()).map(kind).collect();
    if name.starts_with(CLOSURE) {
        let given = if kinds.is_empty() { "no value".into() } else { kinds.join(", ") };
        return format!(
            "a function without a name was to be called with {given}, and takes something else; see what stands between its | |"
        );
    }
    if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        let said = kinds.join(" and ");
        return format!("there is no {name} for {said}{}", remedy(&kinds));
    }
    if let (Some(said), Some(&"()")) = (said, kinds.first()) {
        return nothing(Some(said), &format!("nothing can be said to it by `{name}`"));
    }
    let of_leg = words::all().any(|word| word.of == Of::Leg && word.name == name);
    match (said, &kinds[..]) {
        (_, ["()", ..]) if of_leg => format!("`{name}` is said to a leg, and this is ()"),
        (Some(_), [first, ..]) if of_leg => {
            format!("`{name}` is said to a leg, as caller.{name}(…), and this is {first}")
        }
        (None, _) if of_leg => format!("`{name}` is said to a leg, as caller.{name}(…)"),
        (Some(_), [first, rest @ ..]) => {
            let hint = close(first, name).map_or_else(String::new, |close| format!("; is `{close}` meant?"));
            let given = if rest.is_empty() { String::new() } else { format!(" for {}", rest.join(", ")) };
            format!("{first} has no function `{name}`{given}{hint}")
        }
        _ => {
            let of_house = words::all().filter(|word| word.of == Of::House).map(|word| word.name);
            let hint = near(name, of_house).map_or_else(String::new, |close| format!("; is `{close}` meant?"));
            let given = if kinds.is_empty() { "no value".into() } else { kinds.join(", ") };
            format!("there is no function `{name}` that takes {given}{hint}")
        }
    }
}

/// A word of such a value that may be meant.
fn close(kind: &str, name: &str) -> Option<&'static str> {
    let of = [(Shape::Leg, Of::Leg), (Shape::Room, Of::Room), (Shape::Wish, Of::Wish), (Shape::Handle, Of::Background)];
    let (_, of) = of.into_iter().find(|(shape, _)| shape.named() == kind)?;
    near(name, words::all().filter(|word| word.of == of).map(|word| word.name))
}

fn remedy(kinds: &[&str]) -> &'static str {
    let has = |kind: Shape| kinds.contains(&kind.named());
    match () {
        () if has(Shape::Nothing) => "; ask first whether it is (), as if value != () { … }",
        () if has(Shape::Text) && has(Shape::Number) => "; parse_int(text) makes a number of it",
        () if has(Shape::Time) && has(Shape::Number) => "; a time has a unit, as 20.s()",
        () => "",
    }
}

/// `Unknown property 'x' - a getter is not registered for type 'y'`.
fn field(what: &str, said: Option<&str>) -> Option<String> {
    let mut quoted = what.split('\'').skip(1).step_by(2);
    let (name, of) = (quoted.next()?, quoted.next().map(kind)?);
    if of == "()" {
        let is_written = what.starts_with("No writable");
        let why = if is_written { format!("`{name}` cannot be put into it") } else { format!("it has no `{name}`") };
        return Some(nothing(said, &why));
    }
    if what.starts_with("No writable") && (of, name) == (Shape::Leg.named(), "vars") {
        return Some("`vars` of a leg is a map; write leg.vars = #{ name: value }".into());
    }
    if what.starts_with("No writable") {
        return Some(format!("`{name}` of {of} is read and never written"));
    }
    let shapes = [Shape::Leg, Shape::Handle, Shape::Wish, Shape::Room, Shape::Time];
    let names = shapes.into_iter().find(|shape| shape.named() == of).map(Shape::names).unwrap_or_default();
    let hint = near(name, names.iter().copied()).map_or_else(String::new, |close| format!("; is `{close}` meant?"));
    Some(format!("{of} has no `{name}`{hint}"))
}

/// That something is `()`, why, and how to ask.
fn nothing(said: Option<&str>, so: &str) -> String {
    let Some(said) = said else { return format!("this is (), and {so}; ask first: if value != () {{ … }}") };
    let why = because(said).map_or_else(String::new, |why| format!(" because {why}"));
    format!("`{said}` is (){why}, and {so}; ask first: if {said} != () {{ … }}")
}

/// Why a value of that name may be `()`: where all of its name say the same.
fn because(said: &str) -> Option<&'static str> {
    let name = said.rsplit('.').next()?;
    let mut fields: Vec<&'static Field> = words::all().flat_map(|word| item(word.gives).fields()).collect();
    fields.extend(HANDLERS.iter().flat_map(|handler| handler.takes.iter().flat_map(|part| part.shape.fields())));
    fields.extend(Shape::Handle.fields());
    let mut whys: Vec<&'static str> =
        fields.iter().filter(|field| field.name == name).map(|field| field.unless).collect();
    whys.extend(FACTS.iter().filter(|fact| fact.name == name).map(|fact| fact.unless));
    // A name alone is a variable, which may be anything.
    let is_field = said.contains('.');
    whys.retain(|why| !why.is_empty());
    whys.dedup();
    match whys[..] {
        [why] if is_field => Some(why),
        _ => None,
    }
}

fn item(shape: Shape) -> Shape {
    match shape.surely() {
        Shape::List(item) => *item,
        other => other,
    }
}

/// What a type of Rhai is called here.
fn kind(name: &str) -> &'static str {
    match name.trim() {
        "()" => "()",
        "i64" => Shape::Number.named(),
        "f64" => Shape::Decimal.named(),
        "bool" => Shape::Flag.named(),
        "string" | "&str | ImmutableString | String" | "ImmutableString" => Shape::Text.named(),
        "array" => "a list",
        "map" => Shape::Map.named(),
        "Fn" => Shape::Function.named(),
        "char" => "a letter",
        "range" | "range=" => "a range of numbers",
        "blob" => "bytes",
        "Leg" => Shape::Leg.named(),
        "Time" => Shape::Time.named(),
        "Background" => Shape::Handle.named(),
        "Wish" => Shape::Wish.named(),
        "Room" => Shape::Room.named(),
        _ => Shape::Any.named(),
    }
}

fn mismatch(wanted: &str, given: &str) -> String {
    if wanted == Shape::Flag.named() {
        return format!("this decides, and is {given}, not true or false; compare it, as if value != ()");
    }
    format!("{wanted} is wanted here, and this is {given}")
}

fn arithmetic(what: &str) -> String {
    if let Some((_, sum)) = what.split_once(": ").filter(|(kind, _)| kind.contains("zero")) {
        return format!("{sum}: nothing can be divided by 0; ask first whether it is 0");
    }
    if let Some((_, text)) = what.split_once("Error parsing integer number '") {
        let text = text.split('\'').next().unwrap_or_default();
        return format!("{text:?} is no whole number; a text that shall be one has only digits");
    }
    if let Some((_, text)) = what.split_once("Error parsing floating-point number '") {
        let text = text.split('\'').next().unwrap_or_default();
        return format!("{text:?} is no number");
    }
    match what.split_once(": ") {
        Some((kind, sum)) if kind.contains("overflow") => format!("{sum}: what comes of it is too large for a number"),
        _ => what.to_owned(),
    }
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What stands before the dot of a field or a function at that place: `talk.leg` of `talk.leg.play(…)`.
fn receiver(row: Option<&str>, at: Position) -> Option<String> {
    before(row?, at.position()?).and_then(|before| before.strip_suffix('.').map(str::to_owned)).and_then(named)
}

/// What stands before the bracket.
fn indexed(row: Option<&str>, at: Position) -> Option<String> {
    before(row?, at.position()?).and_then(named)
}

/// Whether that stands at a place.
fn stands(row: Option<&str>, at: Position, what: &str) -> bool {
    let place = at.position().and_then(|column| column.checked_sub(1));
    row.zip(place).is_some_and(|(row, place)| row.chars().skip(place).collect::<String>().starts_with(what))
}

fn before(row: &str, column: usize) -> Option<String> {
    Some(row.chars().take(column.checked_sub(1)?).collect::<String>().trim_end().trim_end_matches('?').to_owned())
}

/// The names at the end of a text, with the dots between them; none where something is computed there.
fn named(text: String) -> Option<String> {
    let of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    let name = text.rsplit(|letter: char| !of_name(letter)).next().unwrap_or_default();
    let starts = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    (starts && !name.ends_with('.') && !text[..text.len() - name.len()].ends_with([')', ']'])).then(|| name.to_owned())
}
