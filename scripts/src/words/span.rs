//! Times with their unit: `20.s()`, `800.ms()`, `2.min()`, `1.h()`.

use std::fmt;
use std::time::Duration;

use rhai::Engine;

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// The longest time that can be written: a year.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl Span {
    /// So many thousandths of a second.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The time that is written as a number and a unit.
    pub fn written(count: &rhai::Dynamic, unit: &str) -> Option<Self> {
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let count = count.as_float().or_else(|_| count.as_int().map(|count| count as f64)).ok()?;
        Self::of(count, *unit).ok()
    }

    fn of(count: f64, unit: f64) -> Result<Self, Box<rhai::EvalAltResult>> {
        let seconds = count * unit;
        if seconds.is_nan() || seconds < 0.0 || seconds > LONGEST.as_secs_f64() {
            return Err(format!("{count} is no time: there are times from 0 to a year").into());
        }
        Ok(Self(Duration::from_secs_f64(seconds)))
    }
}

/// The units, in seconds.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86_400.0)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(60_000) && millis > 0 {
            write!(f, "{} min", millis / 60_000)
        } else if millis.is_multiple_of(1000) {
            write!(f, "{} s", millis / 1000)
        } else {
            write!(f, "{millis} ms")
        }
    }
}

/// Teaches Rhai times.
pub fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Span>("Time");
    for (name, unit) in UNITS {
        engine.register_fn(name, move |count: i64| Span::of(count as f64, unit));
        engine.register_fn(name, move |count: f64| Span::of(count, unit));
    }
    engine.register_get("seconds", |span: &mut Span| i64::try_from(span.0.as_secs()).unwrap_or(i64::MAX));
    engine.register_get("millis", |span: &mut Span| i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX));
    engine.register_fn("+", |a: Span, b: Span| Span((a.0.saturating_add(b.0)).min(LONGEST)));
    engine.register_fn("-", |a: Span, b: Span| Span(a.0.saturating_sub(b.0)));
    engine.register_fn("*", |a: Span, count: i64| Span::of(a.0.as_secs_f64(), count as f64));
    engine.register_fn("==", |a: Span, b: Span| a == b);
    engine.register_fn("!=", |a: Span, b: Span| a != b);
    engine.register_fn("<", |a: Span, b: Span| a < b);
    engine.register_fn(">", |a: Span, b: Span| a > b);
    engine.register_fn("<=", |a: Span, b: Span| a <= b);
    engine.register_fn(">=", |a: Span, b: Span| a >= b);
    engine.register_fn("to_string", |span: &mut Span| span.to_string());
    engine.register_fn("to_debug", |span: &mut Span| span.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(script: &str) -> Result<Span, String> {
        let mut engine = Engine::new();
        register(&mut engine);
        engine.eval::<Span>(script).map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_is_its_number_and_its_unit() {
        assert_eq!(eval("20.s()"), Ok(Span::millis(20_000)));
        assert_eq!(eval("1.5.min() + 250.ms()"), Ok(Span::millis(90_250)));
        assert_eq!(eval("2.h() - 1.days()"), Ok(Span::millis(0)));
        assert!(eval("(-1).s()").expect_err("no such time").contains("from 0 to a year"));
        assert!(eval("99999999999.h()").expect_err("too long").contains("from 0 to a year"));
    }

    #[test]
    fn a_time_is_shown_by_its_largest_whole_unit() {
        assert_eq!(
            [Span::millis(800), Span::millis(20_000), Span::millis(120_000)].map(|span| span.to_string()),
            ["800 ms", "20 s", "2 min"]
        );
    }
}
