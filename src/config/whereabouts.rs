//! Where the running server is to be found, for those who only want to speak to it.
//!
//! Nothing but `server.data` is judged: a command in a second terminal need not have the server's environment, and a
//! slip elsewhere in a file that somebody edits is for the server to tell, when it reads it.

use std::path::{Path, PathBuf};

use super::{
    problem::{Place, Problems, Report},
    section::Section,
    sections, shown_name, text_of,
    tree::{self, Environment, Node, Table, Value},
};

/// Where the running server is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The data folder, with the control socket in it.
    pub data: PathBuf,
}

impl Whereabouts {
    /// As [`Config::load`](super::Config::load) finds it.
    pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let (file, text) = text_of(named)?;
        Self::read(file, &text, environment)
    }

    /// As [`Config::read`](super::Config::read) finds it, of a text that may be wrong elsewhere.
    pub fn read(file: Option<&Path>, text: &str, environment: &Environment) -> Result<Self, Problems> {
        let elsewhere = Report::default();
        let mut table = tree::parse(text, &elsewhere);
        tree::overlay(&mut table, environment, &elsewhere);
        let server = match table.remove("server").map(|entry| entry.node) {
            Some(Node { value: Value::Table(server), .. }) => server,
            _ => Table::new(),
        };
        let report = Report::default();
        let data = sections::data(&mut Section::new("server", Place::Whole, server, &report), sections::base(file));
        report.into_problems(shown_name(file)).map_or(Ok(Self { data }), Err)
    }
}
