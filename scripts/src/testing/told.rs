//! A report for people, for machines that read JUnit, and as JSON.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::suite::{Report, Verdict};
use super::{Coverage, Failed, Lines};

/// Lines that are named as missed, at most.
const MISSED: usize = 12;

impl Verdict {
    /// One line, as the suite runs.
    #[must_use]
    pub fn line(&self) -> String {
        let mark = if self.failed.is_empty() { "ok  " } else { "FAIL" };
        let variations = match self.variations {
            0 => String::new(),
            1 => ", 1 variation".into(),
            many => format!(", {many} variations"),
        };
        let name = self.name.strip_prefix("test_").unwrap_or(&self.name).replace('_', " ");
        format!("{mark}  {}:{}  {name}  ({:.1} s{variations})", self.file, self.line, self.lasted.as_secs_f64())
    }
}

impl Report {
    /// What failed, with its ladder, what was covered, and a summary in the last line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut told = String::new();
        for broken in &self.broken {
            told += &format!("{broken}\n\n");
        }
        for verdict in &self.verdicts {
            for failed in &verdict.failed {
                told += &failure(verdict, failed);
            }
        }
        told += &covered(&self.coverage);
        let failed = self.verdicts.iter().filter(|verdict| !verdict.failed.is_empty()).count();
        let _infallible = write!(told, "{}", counted(self.verdicts.len(), "test"));
        if self.variations() > 0 {
            let _infallible = write!(told, ", {}", counted(self.variations(), "variation"));
        }
        let _infallible = write!(told, ", {failed} failed");
        if !self.broken.is_empty() {
            let _infallible = write!(told, ", {} could not be read", counted(self.broken.len(), "file"));
        }
        told.push('\n');
        told
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let tests = self.verdicts.iter().map(|verdict| {
            let failed = verdict.failed.iter().map(|failed| {
                json!({
                    "place": failed.place, "why": failed.why, "variation": failed.variation, "ladder": failed.ladder,
                })
            });
            json!({
                "file": verdict.file, "line": verdict.line, "name": verdict.name, "variations": verdict.variations,
                "virtual_ms": u64::try_from(verdict.lasted.as_millis()).unwrap_or(u64::MAX),
                "failed": failed.collect::<Vec<_>>(),
            })
        });
        let coverage = self.coverage.0.iter().map(|(file, lines)| {
            json!({ "file": file, "ran": lines.ran.len(), "can": lines.can.len(), "missed": lines.missed().collect::<Vec<_>>() })
        });
        json!({
            "tests": tests.collect::<Vec<_>>(), "broken": self.broken, "variations": self.variations(),
            "coverage": coverage.collect::<Vec<_>>(), "well": self.is_well(),
        })
    }

    /// The same as JUnit writes it. Times are those of the simulator: how long the calls would have taken.
    #[must_use]
    pub fn junit(&self) -> String {
        let failures = self.verdicts.iter().filter(|verdict| !verdict.failed.is_empty()).count();
        let (tests, errors) = (self.verdicts.len(), self.broken.len());
        let mut told = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"patchcord\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{}\">\n",
            seconds(self.verdicts.iter().map(|verdict| verdict.lasted).sum())
        );
        for verdict in &self.verdicts {
            let (name, file, line) = (xml(&verdict.name), xml(&verdict.file), verdict.line);
            let time = seconds(verdict.lasted);
            let _infallible = writeln!(
                told,
                "  <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\" time=\"{time}\">"
            );
            for failed in &verdict.failed {
                let (message, text) = (xml(&failed.why), xml(&failure(verdict, failed)));
                let _infallible = writeln!(told, "    <failure message=\"{message}\">{text}</failure>");
            }
            told += "  </testcase>\n";
        }
        for broken in &self.broken {
            let broken = xml(broken);
            let _infallible = writeln!(told, "  <system-err>{broken}</system-err>");
        }
        told + "</testsuite>\n"
    }
}

fn failure(verdict: &Verdict, failed: &Failed) -> String {
    let variation = failed.variation.as_deref().map_or_else(String::new, |how| format!("\n    when {how}"));
    let ladder: String = failed.ladder.lines().map(|line| format!("    {line}\n")).collect();
    format!("{}: {}\n    {}{variation}\n{ladder}\n", failed.place, verdict.name, failed.why)
}

fn covered(coverage: &Coverage) -> String {
    let mut told = String::new();
    for (file, lines) in coverage.0.iter().filter(|(_, lines)| !lines.ran.is_empty()) {
        let share = 100 * lines.ran.len() / lines.can.len();
        let _infallible = writeln!(told, "{share:>4} % of {file}{}", missed(lines));
    }
    if !told.is_empty() {
        let untouched: Vec<&str> =
            coverage.0.iter().filter(|(_, lines)| lines.ran.is_empty()).map(|(file, _)| file.as_str()).collect();
        if !untouched.is_empty() {
            let _infallible = writeln!(told, "   not run: {}", untouched.join(", "));
        }
        let (ran, can) = coverage.sum();
        told = format!("Lines that ran: {ran} of {can}\n{told}\n");
    }
    told
}

fn missed(lines: &Lines) -> String {
    let missed: Vec<String> = lines.missed().map(|line| line.to_string()).collect();
    match missed.len() {
        0 => String::new(),
        many if many > MISSED => format!("; not {} and {} more", missed[..MISSED].join(", "), many - MISSED),
        _ => format!("; not {}", missed.join(", ")),
    }
}

/// A time as JUnit writes it.
fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn counted(many: usize, what: &str) -> String {
    if many == 1 { format!("1 {what}") } else { format!("{many} {what}s") }
}

/// Text within XML: also of what no XML may hold.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' | '\t' => safe.push(letter),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}
