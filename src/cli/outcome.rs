//! How a command ends: what it says, and with which exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use patchcord_scripts::fault::Fault;
use patchcord_web::problem::Problem;
use serde_json::{Value, json};

use crate::config::Problems;

/// What a command says when it is done: for people, and for programs.
pub struct Said {
    pub text: String,
    pub json: Value,
}

impl Said {
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}

/// Exit codes that mean something; `patchcord --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The thing asked for is not there, is there already, or is not right.
    Refused = 1,
    /// Wrong command line or configuration, or the server cannot start.
    Unusable = 2,
    /// No server answers.
    NoServer = 3,
}

/// Why a command was not done.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    told: String,
    json: Value,
}

impl Failure {
    pub fn new(exit: Exit, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (reason, remedy) = (reason.into(), remedy.into());
        let json = json!({ "error": reason, "remedy": remedy });
        Self { exit, told: format!("{reason}\n    {remedy}"), json }
    }

    /// The same with another exit code.
    pub fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with more for programs.
    pub fn with_json(self, json: Value) -> Self {
        Self { json, ..self }
    }

    /// Tells it, and goes on.
    pub fn say(&self) {
        say(&mut io::stderr(), &format!("error: {}", self.told));
    }

    /// As people are told.
    #[cfg(test)]
    pub fn told(&self) -> &str {
        &self.told
    }

    /// With the file and the key that would have avoided it.
    pub fn blaming(file: &str, key: &str, reason: &str, remedy: &str) -> Self {
        let place = if key.is_empty() { String::new() } else { format!("{file}: {key}: ") };
        let json = json!({ "error": reason, "remedy": remedy, "file": file, "key": key });
        Self { exit: Exit::Unusable, told: format!("{place}{reason}\n    {remedy}"), json }
    }
}

impl Failure {
    /// What is wrong with services.
    pub fn of_faults(faults: &[Fault]) -> Self {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let shown = |fault: &Fault| json!({ "file": fault.file, "line": fault.line, "column": fault.column, "reason": fault.what, "warning": fault.is_doubtful });
        let problems: Vec<Value> = faults.iter().map(shown).collect();
        let json = json!({ "error": "services are wrong", "problems": problems });
        Self { exit: Exit::Refused, told: told.join("\n       "), json }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let json = json!({ "error": "the configuration is wrong", "problems": problems.shown() });
        Self { exit: Exit::Unusable, told: problems.to_string(), json }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let remedy = problem.remedy.unwrap_or_else(|| "the server's log may say more".into());
        Self::new(Exit::Refused, in_commands(&problem.detail), in_commands(&remedy))
    }
}

/// Where programs are sent to, and the command by which people see the same.
const COMMANDS: &[(&str, &str)] = &[
    ("/api/v1/calls", "`patchcord calls`"),
    ("/api/v1/records", "`patchcord calls`"),
    ("/api/v1/past-rooms", "`patchcord rooms past`"),
    ("/api/v1/rooms", "`patchcord rooms`"),
    ("/api/v1/endpoints", "`patchcord endpoint list`"),
    ("/api/v1/registrations", "`patchcord registrations`"),
    ("/api/v1/services", "`patchcord check`"),
    ("/api/v1/bans", "`patchcord bans list`"),
    ("/api/v1/routes", "`patchcord routes`"),
    ("/api/v1/openapi.json", "the command's --help"),
    ("/api/v1/sounds", "the folder of sounds"),
];

/// Words that are meant for programs, for whoever types commands.
fn in_commands(said: &str) -> String {
    COMMANDS.iter().fold(said.to_owned(), |said, (path, command)| said.replace(path, command))
}

/// Says it, and gives the exit code.
pub fn tell(ended: Result<Said, Failure>, json: bool) -> ExitCode {
    match ended {
        Ok(Said { text, .. }) if !json => {
            say(&mut io::stdout(), &text);
            ExitCode::SUCCESS
        }
        Ok(Said { json, .. }) => {
            say(&mut io::stdout(), &pretty(&json));
            ExitCode::SUCCESS
        }
        Err(Failure { exit, told, json: value }) => {
            let text = if json { pretty(&value) } else { format!("error: {told}") };
            say(&mut io::stderr(), &text);
            ExitCode::from(exit as u8)
        }
    }
}

fn pretty(value: &Value) -> String {
    patchcord_web::json::shielded(serde_json::to_string_pretty(value).expect("a value is JSON"))
}

fn say(to: &mut impl Write, text: &str) {
    if !text.is_empty() {
        // Whoever closed the pipe has read enough.
        let _read_or_not = writeln!(to, "{}", text.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_to_programs_is_told_to_people_in_commands() {
        let problem = Problem::new(hyper::StatusCode::NOT_FOUND, "the call does not go on");
        let told = Failure::from(problem.remedy("it may be over already; see /api/v1/calls")).told().to_owned();
        assert_eq!(told, "the call does not go on\n    it may be over already; see `patchcord calls`");
    }
}
