//! One TOML file and the environment, read into checked values.
//!
//! ```text
//! tree      what was written, and where        (knows no key of ours)
//! section   takes keys out, refuses the rest
//! sections, endpoint, sound, mail  each section of the file → a value of the room that it belongs to
//! manifest  the file beside a service: what it may reach outside its calls
//! problem   file, key, reason, remedy; all of them at once
//! whereabouts   only where the running server is
//! ```
//!
//! An empty file is a working server: each default is the default of the room that it belongs to. Nothing is opened,
//! bound or resolved here; what the file names and is not there is told by the room that looks for it.

mod calling;
mod endpoint;
mod mail;
pub mod manifest;
mod problem;
mod rewriting;
mod room;
mod route;
mod scripts;
mod section;
mod sections;
mod sound;
#[cfg(test)]
mod tests;
mod tree;
mod trunk;
mod web;
mod webhooks;
mod whereabouts;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use patchcord_engine::{
    call::Bounds,
    room::Rules,
    routing::{Digests, Endpoint, PlanSettings, RegistrarRules},
    runtime::Settings,
};
use patchcord_scripts::Limits;
use patchcord_web::{
    outside::{MailServer, Mailboxes},
    store, webhooks as told,
};

pub use problem::{Place, Problem, Problems};
pub use route::{Unfit as UnfitRoute, read_added as read_added_route};
pub use sections::{Format, Log};
pub use sound::{SCRIPTS, SOUNDS, Sound};
pub use tree::Environment;
pub use web::Web;
pub use whereabouts::Whereabouts;

use problem::{Report, Wrong};
use section::Section;

/// The file that is read when none is named and it is there.
pub const FILE: &str = "patchcord.toml";

/// Largest configuration that is read; one with 10 000 endpoints has less than 1 MB.
const MAX_FILE: u64 = 64 << 20;

/// Everything that the server can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it was read from; `None` when there was no file.
    pub file: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// Realm and address-of-record domain; absent: whatever the phone says.
    pub domain: Option<String>,
    /// What everybody is asked for to prove themselves, unless an endpoint says otherwise.
    pub digests: Digests,
    /// Sockets, addresses, certificate.
    pub runtime: Settings,
    /// What the registrar allows.
    pub registrar: RegistrarRules,
    /// Ports and threads of sound, and where prompts lie.
    pub sound: Sound,
    /// What scripts may use.
    pub scripts: Limits,
    /// How much a call may have.
    pub bounds: Bounds,
    /// Where HTTP is served, and what browsers may.
    pub web: Web,
    /// The database.
    pub database: store::Place,
    /// How long a start waits for it while it does not answer.
    pub database_wait: Duration,
    /// What is logged, and how.
    pub log: Log,
    /// The endpoints that the file names.
    pub endpoints: Vec<Endpoint>,
    /// Where their mailboxes write to, and how one listens.
    pub mailboxes: Mailboxes,
    /// Where letters go.
    pub mail: Option<MailServer>,
    /// Who may call whom: routes, trunks, limits of calls.
    pub plan: PlanSettings,
    /// Who is told over HTTP what happens.
    pub webhooks: told::Settings,
    /// Conference rooms that the file names, and what they are like.
    pub rooms: Vec<(String, Rules)>,
}

impl Config {
    /// Reads the file that was named, or [`FILE`] here when it is there, or nothing; and the environment.
    pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Self, Problems> {
        let (file, text) = text_of(named)?;
        Self::read(file, &text, environment)
    }

    /// Reads a configuration's text; relative paths in it start where the file lies.
    pub fn read(file: Option<&Path>, text: &str, environment: &Environment) -> Result<Self, Problems> {
        let shown = shown_name(file);
        // What is no TOML was read in part only: what else seems wrong with it may not be.
        let syntax = Report::default();
        let mut table = tree::parse(text, &syntax);
        if let Some(problems) = syntax.into_problems(shown.clone()) {
            return Err(problems);
        }
        let report = Report::default();
        tree::overlay(&mut table, environment, &report);
        let named = tree::named_variables(&table);
        let mut top = Section::new("", Place::Whole, table, &report);
        let config = sections::read(&mut top, file, environment);
        top.close();
        tree::object_to_slips(environment, &report, |name| named.contains(name));
        report.into_problems(shown).map_or(Ok(config), Err)
    }
}

/// The file that was named, or [`FILE`] here when it is there, and what it says.
fn text_of(named: Option<&Path>) -> Result<(Option<&Path>, String), Problems> {
    let path = named.unwrap_or(Path::new(FILE));
    match read(path) {
        Ok(text) => Ok((Some(path), text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok((None, String::new())),
        Err(error) => {
            let wrong = Wrong::new(
                format!("cannot be read: {error}"),
                "name a file that is there with -c, or write one with `patchcord init`",
            );
            Err(Problems::whole(shown_name(Some(path)), wrong))
        }
    }
}

fn shown_name(file: Option<&Path>) -> String {
    file.unwrap_or(Path::new(FILE)).display().to_string()
}

fn read(path: &Path) -> io::Result<String> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {MAX_FILE} bytes")));
    }
    fs::read_to_string(path)
}
