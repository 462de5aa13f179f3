//! What is wrong with the configuration: where, which key, why, and what to write instead.
//!
//! Problems are collected, not returned one by one: whoever corrects a file wants to see all of them.

use std::{cell::RefCell, collections::BTreeSet, fmt};

use serde::Serialize;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file; lines and columns count from one.
    File {
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In this environment variable.
    Variable(String),
    /// Nowhere in particular: the whole file.
    Whole,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written.
    pub place: Place,
    /// The key, as in `sip.listen`; empty when the text is no TOML.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

/// Why a value cannot be taken; where it stands is known to whoever asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

impl Wrong {
    pub fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// Collects problems while the configuration is read.
#[derive(Debug, Default)]
pub struct Report {
    found: RefCell<Vec<Problem>>,
    asked: RefCell<BTreeSet<String>>,
}

impl Report {
    pub fn add(&self, place: &Place, key: impl Into<String>, wrong: Wrong) {
        let Wrong { reason, remedy } = wrong;
        self.found.borrow_mut().push(Problem { place: place.clone(), key: key.into(), reason, remedy });
    }

    /// Somebody looks for that key.
    pub fn note_asked(&self, key: String) {
        self.asked.borrow_mut().insert(key);
    }

    /// Every key that was looked for in a section which stands there once.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// What was collected, in the order of the file; `None` when nothing was.
    pub fn into_problems(self, file: String) -> Option<Problems> {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| a.place.cmp(&b.place));
        (!found.is_empty()).then_some(Problems { file, found })
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The file, as it was named.
    pub file: String,
    /// At least one.
    pub found: Vec<Problem>,
}

/// A problem as `--json` shows it.
#[derive(Serialize)]
pub struct Shown<'a> {
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    variable: Option<&'a str>,
    key: &'a str,
    reason: &'a str,
    remedy: &'a str,
}

impl Problems {
    /// A single problem that concerns the whole file.
    pub fn whole(file: String, wrong: Wrong) -> Self {
        let Wrong { reason, remedy } = wrong;
        Self { file, found: vec![Problem { place: Place::Whole, key: String::new(), reason, remedy }] }
    }

    /// For machines.
    pub fn shown(&self) -> Vec<Shown<'_>> {
        self.found.iter().map(|problem| problem.shown(&self.file)).collect()
    }
}

impl Problem {
    fn shown<'a>(&'a self, file: &'a str) -> Shown<'a> {
        let (line, column, variable) = match &self.place {
            Place::File { line, column } => (Some(*line), Some(*column), None),
            Place::Variable(name) => (None, None, Some(name.as_str())),
            Place::Whole => (None, None, None),
        };
        let file = variable.is_none().then_some(file);
        Shown { file, line, column, variable, key: &self.key, reason: &self.reason, remedy: &self.remedy }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.found.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &problem.place {
                Place::File { line, column } => write!(f, "{}:{line}:{column}: ", self.file)?,
                Place::Variable(name) => write!(f, "environment variable {name}: ")?,
                Place::Whole => write!(f, "{}: ", self.file)?,
            }
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            write!(f, "{}\n    {}", problem.reason, problem.remedy)?;
        }
        Ok(())
    }
}
