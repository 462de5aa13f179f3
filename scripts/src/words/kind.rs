//! What a value must be, and in which words a person is told that it is not.

use rhai::{Array, Dynamic, FnPtr, Map};

use super::shape::Shape;
use super::{Leg, Room, Span, small};

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// One prompt, or a list of them.
    Prompts,
    /// One target, or a list of them.
    Targets,
    /// One text, or a list of them.
    Strings,
    /// A list of texts.
    Texts,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A time with its unit.
    Time,
    /// Keys, as `"12#"`.
    Keys,
    /// A map.
    Map,
    /// A leg.
    Leg,
    /// A conference room, or its name.
    Room,
    /// Somebody in a conference room.
    Who,
    /// A function.
    Function,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text or a map: either names something.
    TextOrMap,
    /// What JSON knows: it can be kept and sent.
    Json,
    /// Whatever it is.
    Any,
}

/// How deep lists of prompts may be put into each other.
const DEPTH: usize = 8;

impl Kind {
    /// How a person is told what it must be.
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "text, as \"hello\"".into(),
            Self::Prompts => "the name of a prompt, or a list of names".into(),
            Self::Targets => "a target, as \"user:alice\", or a list of targets".into(),
            Self::Strings => "a text, as \"1\", or a list of texts".into(),
            Self::Texts => "a list of texts, as [\"a\", \"b\"]".into(),
            Self::Number => "a whole number".into(),
            Self::Flag => "true or false".into(),
            Self::Time => "a time with its unit, as 5.s() or 300.ms()".into(),
            Self::Keys => "keys, as \"12#\"".into(),
            Self::Map => "a map, as #{ name: value }".into(),
            Self::Leg => "a leg".into(),
            Self::Room => "a room, or its name, as \"weekly\"".into(),
            Self::Who => "a leg, the number of a member, or \"all\"".into(),
            Self::Function => "a function, as |leg| leg.tag(\"late\", true)".into(),
            Self::OneOf(words) => format!("one of \"{}\"", words.join("\", \"")),
            Self::TextOrMap => "text or a map".into(),
            Self::Json => small::KNOWN.into(),
            Self::Any => "a value".into(),
        }
    }

    /// Whether a value is so; else what is wrong with it.
    pub fn check(self, value: &Dynamic) -> Result<(), String> {
        let fits = match self {
            Self::Text => value.is_string(),
            Self::Prompts | Self::Targets | Self::Strings => texts_of(value).is_some_and(|texts| !texts.is_empty()),
            Self::Texts => value.is_array() && texts_of(value).is_some(),
            Self::Number => value.is_int(),
            Self::Flag => value.is_bool(),
            Self::Time if value.is_int() || value.is_float() => {
                return Err(format!(
                    "{value} has no unit; write {value}.s() for seconds or {value}.ms() for milliseconds"
                ));
            }
            Self::Time => value.is::<Span>(),
            Self::Keys => return keys(value),
            Self::Map => value.is::<Map>(),
            Self::Leg => value.is::<Leg>(),
            Self::Room => value.is::<Room>() || value.is_string(),
            Self::Who => value.is::<Leg>() || value.is_int() || value.to_string() == "all",
            Self::Function => value.is::<FnPtr>(),
            Self::OneOf(words) => {
                value.read_lock::<rhai::ImmutableString>().is_some_and(|text| words.contains(&text.as_str()))
            }
            Self::TextOrMap => value.is_string() || value.is::<Map>(),
            Self::Json => small::json_of(value).is_ok(),
            Self::Any => true,
        };
        if fits {
            return Ok(());
        }
        let ask = if value.is_unit() { "; ask first whether it is ()" } else { "" };
        Err(format!("it wants {}, and was given {}{ask}", self.wanted(), shown(value)))
    }
}

impl Kind {
    /// Whether what is known of a value can be so; else what is wrong with it.
    pub fn judge(self, shape: Shape) -> Result<(), String> {
        if self.may_be(shape) {
            return Ok(());
        }
        let what = shape.named();
        Err(match (self, shape) {
            (Self::Time, Shape::Number | Shape::Decimal) => {
                format!("{what} has no unit; write .s() behind it for seconds or .ms() for milliseconds")
            }
            _ => format!("it wants {}, and was given {what}", self.wanted()),
        })
    }

    fn may_be(self, shape: Shape) -> bool {
        if matches!(shape, Shape::Any | Shape::Maybe(_)) {
            return true;
        }
        match self {
            Self::Any => true,
            Self::Json => match shape {
                Shape::List(item) => self.may_be(*item),
                Shape::Leg | Shape::Handle | Shape::Wish | Shape::Room | Shape::Time | Shape::Function => false,
                _ => true,
            },
            Self::Text | Self::Keys | Self::OneOf(_) => shape == Shape::Text,
            Self::Prompts | Self::Targets | Self::Strings => match shape {
                Shape::List(item) => self.may_be(*item),
                other => other == Shape::Text,
            },
            Self::Texts => matches!(shape, Shape::List(item) if Self::Prompts.may_be(*item)),
            Self::Number => shape == Shape::Number,
            Self::Flag => shape == Shape::Flag,
            Self::Time => shape == Shape::Time,
            Self::Map => matches!(shape, Shape::Map | Shape::Record(_)),
            Self::Leg => shape == Shape::Leg,
            Self::Room => matches!(shape, Shape::Room | Shape::Text),
            Self::Who => matches!(shape, Shape::Leg | Shape::Number | Shape::Text),
            Self::Function => shape == Shape::Function,
            Self::TextOrMap => matches!(shape, Shape::Text | Shape::Map | Shape::Record(_)),
        }
    }
}

fn keys(value: &Dynamic) -> Result<(), String> {
    let Some(text) = value.read_lock::<rhai::ImmutableString>() else {
        return Err(format!("it wants {}, and was given {}", Kind::Keys.wanted(), shown(value)));
    };
    match text.chars().find(|key| patchcord_media::dtmf::Key::of_char(*key).is_none()) {
        None => Ok(()),
        Some(other) => Err(format!("{other:?} is no key: there are 0 to 9, *, #, and A to D")),
    }
}

/// The texts of a value: itself, or those of a list and of the lists in it.
pub fn texts_of(value: &Dynamic) -> Option<Vec<String>> {
    fn gather(value: &Dynamic, depth: usize, into: &mut Vec<String>) -> Option<()> {
        if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
            into.push(text.to_string());
            return Some(());
        }
        let list = value.read_lock::<Array>().filter(|_| depth > 0)?;
        list.iter().try_for_each(|value| gather(value, depth - 1, into))
    }
    let mut texts = Vec::new();
    gather(value, DEPTH, &mut texts)?;
    Some(texts)
}

/// A value as it is written down where texts are: Rhai knows nothing of ours but the names of their types.
pub(super) fn in_words(value: &Dynamic) -> String {
    let ours = value.type_name().strip_prefix("patchcord_").and_then(|path| path.rsplit("::").next());
    match (value.read_lock::<Span>(), value.read_lock::<Leg>(), ours) {
        (Some(span), ..) => span.to_string(),
        (_, Some(leg), _) => format!("leg {}", leg.0.0),
        (_, _, Some(kind)) => kind.to_lowercase(),
        _ => value.to_string(),
    }
}

/// A value as a person is shown it: short.
pub(super) fn shown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "()".into();
    }
    if let Some(time) = value.clone().try_cast::<Span>() {
        return time.to_string();
    }
    let (what, text) = match Shape::of(value) {
        Shape::Text => ("the text ", format!("{:?}", value.to_string())),
        Shape::Number | Shape::Decimal => ("the number ", value.to_string()),
        Shape::Flag => ("", value.to_string()),
        Shape::List(_) => ("the list ", written(value)),
        Shape::Map => ("the map ", written(value)),
        other => (other.named(), String::new()),
    };
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{what}{}…", &text[..at]),
        None => format!("{what}{text}"),
    }
}

/// A list or a map as it would be written.
pub(crate) fn written(value: &Dynamic) -> String {
    if let Some(list) = value.read_lock::<Array>() {
        return format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(", "));
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries: Vec<String> = map.iter().map(|(name, value)| format!("{name}: {}", written(value))).collect();
        return format!("#{{ {} }}", entries.join(", "));
    }
    match Shape::of(value) {
        Shape::Text => format!("{:?}", value.to_string()),
        Shape::Number | Shape::Decimal | Shape::Flag | Shape::Nothing => value.to_string(),
        Shape::Time => value.read_lock::<Span>().map_or_else(String::new, |time| time.to_string()),
        other => other.named().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_no_time() {
        let told = Kind::Time.check(&Dynamic::from(5_i64)).expect_err("it has no unit");
        assert_eq!(told, "5 has no unit; write 5.s() for seconds or 5.ms() for milliseconds");
        assert_eq!(Kind::Time.check(&Dynamic::from(Span::millis(5))), Ok(()));
    }

    #[test]
    fn lists_of_prompts_may_hold_lists_and_nothing_else() {
        let list = |values: Vec<Dynamic>| Dynamic::from_array(values);
        let nested = list(vec!["a".into(), list(vec!["b".into(), "c".into()])]);
        assert_eq!(texts_of(&nested), Some(vec!["a".into(), "b".into(), "c".into()]));
        assert!(Kind::Prompts.check(&list(vec![Dynamic::from(1_i64)])).is_err());
        assert!(Kind::Prompts.check(&list(vec![])).is_err());
    }

    #[test]
    fn what_is_no_key_is_named() {
        assert_eq!(Kind::Keys.check(&"12#".into()), Ok(()));
        assert_eq!(Kind::Keys.check(&"1x".into()), Err("'x' is no key: there are 0 to 9, *, #, and A to D".into()));
    }
}
