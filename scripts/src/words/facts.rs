//! What is known of a leg: `leg.from`, `leg.headers`, `leg.state` …

use patchcord_engine::call::LegId;
use patchcord_engine::errand::Facts;
use rhai::{Dynamic, Engine, EvalAltResult, Map};

use super::Leg;
use super::given::wrong;
use super::shape::{Record, Shape, field};
use crate::scene::Scene;

/// A fact of a leg.
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub says: &'static str,
    /// As which value.
    pub gives: Shape,
    /// Where it may be `()`: when it is.
    pub unless: &'static str,
    /// Whether it changes while the leg lives.
    changes: bool,
    read: fn(&Facts) -> Dynamic,
}

/// All facts of a leg but its number and its variables.
pub const FACTS: &[Fact] = &[
    fact("from", "The number of whoever calls; empty where it is hidden.", TEXT, |facts| facts.from.clone().into()),
    fact("to", "The number that was called.", TEXT, |facts| facts.to.clone().into()),
    fact("number", "The number of the party at this leg.", TEXT, |facts| facts.number.clone().into()),
    fact("name", "The name that goes with it.", TEXT, |facts| facts.name.clone().into()),
    fact("headers", "The headers of the INVITE, by their names in small letters.", (Shape::Map, ""), headers),
    fact(
        "endpoint",
        "The endpoint at its other end, or ().",
        (MAYBE, "the party is no phone of this house"),
        |facts| text(facts.endpoint.as_deref()),
    ),
    fact("trunk", "The trunk at its other end, or ().", (MAYBE, "the party came by no trunk"), |facts| {
        text(facts.trunk.as_deref())
    }),
    fact("transport", "\"udp\", \"tcp\", \"tls\", \"ws\" or \"wss\".", TEXT, |facts| facts.transport.clone().into()),
    fact("browser", "Whether it is a browser: it speaks over WebSocket.", FLAG, |facts| {
        matches!(facts.transport.as_str(), "ws" | "wss").into()
    }),
    live("secure", "Whether its sound is encrypted.", FLAG, |facts| facts.secure.into()),
    live("codec", "The codec of its sound; empty before one was agreed on.", TEXT, |facts| facts.codec.clone().into()),
    live("state", "\"ringing\", \"answered\" or \"ended\".", TEXT, |facts| facts.state.clone().into()),
    live(
        "quality",
        "How its sound goes: #{ mos, loss, jitter_ms, round_trip_ms }, or ().",
        (Shape::Maybe(&QUALITY), "nothing was heard of the party yet"),
        quality,
    ),
];

/// What a fact is, and when it is `()`.
type Gives = (Shape, &'static str);

const TEXT: Gives = (Shape::Text, "");

const FLAG: Gives = (Shape::Flag, "");

const MAYBE: Shape = Shape::Maybe(&Shape::Text);

const QUALITY: Shape = Shape::Record(&Record {
    of: "the quality of a leg",
    fields: &[
        field("mos", Shape::Decimal),
        field("loss", Shape::Decimal),
        field("jitter_ms", Shape::Number),
        field("round_trip_ms", Shape::Number),
    ],
});

const fn fact(name: &'static str, says: &'static str, gives: Gives, read: fn(&Facts) -> Dynamic) -> Fact {
    Fact { name, says, gives: gives.0, unless: gives.1, changes: false, read }
}

const fn live(name: &'static str, says: &'static str, gives: Gives, read: fn(&Facts) -> Dynamic) -> Fact {
    Fact { name, says, gives: gives.0, unless: gives.1, changes: true, read }
}

fn text(value: Option<&str>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Into::into)
}

fn headers(facts: &Facts) -> Dynamic {
    let mut headers = Map::new();
    for (name, value) in &facts.headers {
        // Of a header that comes more than once, the first is what people mean.
        headers.entry(name.to_ascii_lowercase().into()).or_insert_with(|| value.clone().into());
    }
    headers.into()
}

fn quality(facts: &Facts) -> Dynamic {
    let Some(quality) = facts.quality else { return Dynamic::UNIT };
    let millis = |time: std::time::Duration| Dynamic::from(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    let mut map = Map::new();
    map.insert("mos".into(), Dynamic::from(f64::from(quality.mos_hundredths) / 100.0));
    map.insert("loss".into(), Dynamic::from(f64::from(quality.loss_permille) / 10.0));
    map.insert("jitter_ms".into(), millis(quality.jitter));
    map.insert("round_trip_ms".into(), millis(quality.round_trip));
    map.into()
}

/// Teaches Rhai the facts.
pub(super) fn register(engine: &mut Engine) {
    for fact in FACTS {
        engine.register_get(fact.name, |leg: &mut Leg| known(leg.0, fact));
    }
    engine.register_get("id", |leg: &mut Leg| i64::from(leg.0.0));
    engine.register_get_set(
        "vars",
        |leg: &mut Leg| Scene::current().map(|scene| scene.vars(leg.0)).unwrap_or_default(),
        |leg: &mut Leg, vars: Map| {
            if let Some(scene) = Scene::current() {
                scene.set_vars(leg.0, vars);
            }
        },
    );
    engine.register_fn("==", |a: Leg, b: Leg| a == b);
    engine.register_fn("!=", |a: Leg, b: Leg| a != b);
    engine.register_fn("to_string", |leg: &mut Leg| format!("leg {}", leg.0.0));
    engine.register_fn("to_debug", |leg: &mut Leg| format!("leg {}", leg.0.0));
}

fn known(leg: LegId, fact: &Fact) -> Result<Dynamic, Box<EvalAltResult>> {
    let outside = || wrong(rhai::Position::NONE, format!("`{}` is known only inside a call", fact.name));
    let scene = Scene::current().ok_or_else(outside)?;
    Ok((fact.read)(&scene.facts(leg, fact.changes)?))
}
