//! What a value is, as far as it is known before a call: what a word gives, what a handler is handed, what a leg tells.
//!
//! `check` reads a script by these, so that `key.digits` is told before anybody presses a key; and whoever meets `()` in a call
//! reads here why there was nothing.

use rhai::{Array, Dynamic};

use super::{FACTS, Held, Leg, Room, Span, Wish};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whatever it is.
    Any,
    /// `()`.
    Nothing,
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// A number with a point.
    Decimal,
    /// `true` or `false`.
    Flag,
    /// A time with its unit.
    Time,
    /// A function.
    Function,
    /// A list of such values.
    List(&'static Shape),
    /// A map of whatever a script or the world puts into it.
    Map,
    /// A map that has these fields and no others.
    Record(&'static Record),
    /// A leg.
    Leg,
    /// What goes on in the background.
    Handle,
    /// The wish of a party to be transferred.
    Wish,
    /// A conference room.
    Room,
    /// Such a value, or `()`.
    Maybe(&'static Shape),
}

/// The fields of a map that the house makes.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is, in a sentence: `what dial gives`.
    pub of: &'static str,
    /// What it has.
    pub fields: &'static [Field],
}

/// A field of a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// Where it may be `()`: when it is, in a sentence that begins with `because`.
    pub unless: &'static str,
}

/// How a word ended: a map has it under this name.
pub const STATUS: Field = field("status", Shape::Text);

/// A field that is always there.
pub const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, unless: "" }
}

/// A field that may be `()`, and when it is.
pub const fn may_be(name: &'static str, shape: &'static Shape, unless: &'static str) -> Field {
    Field { name, shape: Shape::Maybe(shape), unless }
}

/// What a word gives that ends with a status: that, and what comes with it.
macro_rules! gives {
    ($name:literal $(, $field:expr)* $(,)?) => {
        $crate::words::shape::Shape::Record(&$crate::words::shape::Record {
            of: concat!("what ", $name, " gives"),
            fields: &[$crate::words::shape::STATUS $(, $field)*],
        })
    };
}
pub(crate) use gives;

/// What runs in the background tells this.
const OF_HANDLE: &[Field] = &[
    field("running", Shape::Flag),
    may_be("file", &Shape::Text, "the recording has not ended, or nothing was kept of it; stop() ends it"),
    field("ms", Shape::Number),
];

const OF_WISH: &[Field] = &[
    field(
        "to",
        Shape::Record(&Record {
            of: "the `to` of a wish",
            fields: &[field("user", Shape::Text), field("host", Shape::Text), field("uri", Shape::Text)],
        }),
    ),
    field("replaces", Shape::Flag),
];

const OF_ROOM: &[Field] = &[field("name", Shape::Text)];

const OF_TIME: &[Field] = &[field("seconds", Shape::Number), field("millis", Shape::Number)];

impl Shape {
    /// What it is, in words.
    pub fn named(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Nothing => "()",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Decimal => "a number with a point",
            Self::Flag => "true or false",
            Self::Time => "a time",
            Self::Function => "a function",
            Self::List(_) => "a list",
            Self::Map => "a map",
            Self::Record(record) => record.of,
            Self::Leg => "a leg",
            Self::Handle => "what goes on in the background",
            Self::Wish => "the wish of a party",
            Self::Room => "a room",
            Self::Maybe(inner) => inner.named(),
        }
    }

    /// What it tells by a field of that name; `None` where that is not known here.
    pub fn field(self, name: &str) -> Option<Shape> {
        match self {
            Self::Leg => match name {
                "id" => Some(Self::Number),
                "vars" => Some(Self::Map),
                _ => FACTS.iter().find(|fact| fact.name == name).map(|fact| fact.gives),
            },
            other => other.fields().iter().find(|field| field.name == name).map(|field| field.shape),
        }
    }

    /// Its fields, but for those of a leg, which has facts.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Record(record) => record.fields,
            Self::Handle => OF_HANDLE,
            Self::Wish => OF_WISH,
            Self::Room => OF_ROOM,
            Self::Time => OF_TIME,
            Self::Maybe(inner) => inner.fields(),
            _ => &[],
        }
    }

    /// The names of all that it tells.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Leg => FACTS.iter().map(|fact| fact.name).chain(["id", "vars"]).collect(),
            other => other.fields().iter().map(|field| field.name).collect(),
        }
    }
}

impl Shape {
    /// What that value is.
    pub fn of(value: &Dynamic) -> Self {
        match value {
            _ if value.is_unit() => Self::Nothing,
            _ if value.is_string() => Self::Text,
            _ if value.is_int() => Self::Number,
            _ if value.is_float() => Self::Decimal,
            _ if value.is_bool() => Self::Flag,
            _ if value.is_array() => {
                let texts = value.read_lock::<Array>().is_some_and(|list| list.iter().all(Dynamic::is_string));
                Self::List(if texts { &Self::Text } else { &Self::Any })
            }
            _ if value.is_map() => Self::Map,
            _ if value.is_fnptr() => Self::Function,
            _ if value.is::<Span>() => Self::Time,
            _ if value.is::<Leg>() => Self::Leg,
            _ if value.is::<Held>() => Self::Handle,
            _ if value.is::<Wish>() => Self::Wish,
            _ if value.is::<Room>() => Self::Room,
            _ => Self::Any,
        }
    }

    /// What a value is that is one of two.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Maybe(inner), other) | (other, Self::Maybe(inner)) if other == Self::Nothing || other == *inner => {
                Self::Maybe(inner)
            }
            (Self::Nothing, one) | (one, Self::Nothing) => one.lasting().map_or(Self::Any, Self::Maybe),
            (Self::List(_), Self::List(_)) => Self::List(&Self::Any),
            (Self::Record(one), Self::Record(other)) if one.fields == other.fields => Self::Record(one),
            (Self::Map | Self::Record(_), Self::Map | Self::Record(_)) => Self::Map,
            _ => Self::Any,
        }
    }

    /// A list of such values.
    pub fn listed(self) -> Self {
        Self::List(self.lasting().unwrap_or(&Self::Any))
    }

    /// Without `()`.
    pub fn surely(self) -> Self {
        match self {
            Self::Maybe(inner) => *inner,
            other => other,
        }
    }

    fn lasting(self) -> Option<&'static Self> {
        Some(match self {
            Self::Text => &Self::Text,
            Self::Number => &Self::Number,
            Self::Decimal => &Self::Decimal,
            Self::Flag => &Self::Flag,
            Self::Time => &Self::Time,
            Self::Function => &Self::Function,
            Self::Map => &Self::Map,
            Self::Leg => &Self::Leg,
            Self::Handle => &Self::Handle,
            Self::Wish => &Self::Wish,
            Self::Room => &Self::Room,
            Self::List(Self::Text) => &Self::List(&Self::Text),
            _ => return None,
        })
    }
}
