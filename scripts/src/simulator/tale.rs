//! What has happened, line by line on one clock: a ladder for whoever wants to know why a test failed.
//!
//! ```text
//!     0.000  +33612345678   calls +33100000000
//!     0.000  ivr            gather on leg 0: 1 to 1 digits                    ivr.rhai:4
//!     0.000  +33612345678   hears main-menu
//! ```

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use super::limits;

/// Columns of the one who does something, and of what it does, before the place in a script.
const WHO: usize = 16;
const WHAT: usize = 56;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How long after the beginning of the test.
    pub at: Duration,
    /// Who: a phone, or a service.
    pub who: String,
    /// Did what.
    pub what: String,
    /// Where it stands, as `ivr.rhai:12`.
    pub place: Option<String>,
}

/// All of it, bounded: of a long one the last lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Tale {
    lines: VecDeque<Line>,
    lost: usize,
}

impl Tale {
    pub fn tell(&mut self, line: Line) {
        if self.lines.len() == limits::LINES {
            self.lines.pop_front();
            self.lost += 1;
        }
        self.lines.push_back(line);
    }

    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// The ladder, for a terminal.
    pub fn ladder(&self) -> String {
        let mut drawn = String::new();
        if self.lost > 0 {
            drawn += &format!("{:>9}  … {} lines before\n", "", self.lost);
        }
        for Line { at, who, what, place } in &self.lines {
            let place = place.as_deref().unwrap_or_default();
            let line = format!("{:>9.3}  {who:<WHO$} {what:<WHAT$} {place}", at.as_secs_f64());
            let _infallible = writeln!(drawn, "{}", line.trim_end());
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tale_keeps_its_end_and_says_how_much_is_missing() {
        let mut tale = Tale::default();
        for number in 0..limits::LINES + 3 {
            let (who, what) = ("alice".into(), format!("says {number}"));
            tale.tell(Line { at: Duration::ZERO, who, what, place: None });
        }
        assert!(tale.ladder().starts_with("           … 3 lines before\n    0.000  alice            says 3\n"));
        assert_eq!(tale.lines().count(), limits::LINES);
    }
}
