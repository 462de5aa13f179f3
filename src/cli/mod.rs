//! The command line: what people type, and what they read.
//!
//! ```text
//! words      the grammar, with an example for each command
//! outcome    how a command ends: text or JSON, and an exit code
//! client     speaks to a running server over its control socket
//! test, replay   tests of scripts; a past call against the scripts of today
//! endpoint, user, calls, originate, rooms, routes, bans, trunks, server, files   the other commands
//! store      the store, for a command that finds no server
//! ```
//!
//! A command that needs the running server asks it; one that needs only the store opens that itself when no server runs.

mod bans;
mod calls;
mod client;
mod endpoint;
mod files;
mod heard;
mod originate;
mod outcome;
mod replay;
mod room_story;
mod rooms;
mod routes;
mod server;
mod services;
mod store;
mod test;
mod trunks;
mod user;
mod words;

use std::{
    future::Future,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::config::{Config, Environment, Whereabouts};

use outcome::{Exit, Failure, Said};
use words::{Calls, CallsCommand, Command, EndpointCommand, Line, UserCommand};

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let line = Line::parse();
    let json = line.json;
    let ended = dispatch(line);
    outcome::tell(ended, json)
}

/// What each command may ask about.
struct Context {
    named: Option<PathBuf>,
    environment: Environment,
    verbose: bool,
    json: bool,
}

impl Context {
    fn config(&self) -> Result<Config, Failure> {
        self.config_at(self.named.as_deref())
    }

    /// Where the running server is: all that those need who only speak to it.
    fn data(&self) -> Result<PathBuf, Failure> {
        let found = Whereabouts::load(self.named.as_deref(), &self.environment);
        found.map(|found| found.data).map_err(Failure::from)
    }

    fn config_at(&self, named: Option<&Path>) -> Result<Config, Failure> {
        Config::load(named, &self.environment).map_err(Failure::from)
    }
}

fn dispatch(line: Line) -> Result<Said, Failure> {
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let context =
        Context { named: line.config, environment: environment.collect(), verbose: line.verbose, json: line.json };
    match line.command.unwrap_or(Command::Run) {
        Command::Run => block_on(server::run(context)),
        Command::Check { path } => files::check(&context, path),
        Command::Test(tests) => block_on(test::test(context, tests)),
        Command::Replay { call, with } => block_on(replay::replay(context, call, with)),
        Command::Init { folder } => files::init(&folder),
        Command::Endpoint(EndpointCommand::Add(add)) => block_on(endpoint::add(context, add)),
        Command::Endpoint(EndpointCommand::List) => block_on(endpoint::list(context)),
        Command::Endpoint(EndpointCommand::Remove { user }) => block_on(endpoint::remove(context, user)),
        Command::Endpoint(EndpointCommand::Password(word)) => block_on(endpoint::password(context, word)),
        Command::User(UserCommand::Add { name, role, password_stdin }) => {
            block_on(user::add(context, name, role, password_stdin))
        }
        Command::User(UserCommand::List) => block_on(user::list(context)),
        Command::User(UserCommand::Remove { name }) => block_on(user::remove(context, name)),
        Command::User(UserCommand::Password { name, password_stdin }) => {
            block_on(user::password(context, name, password_stdin))
        }
        Command::User(UserCommand::Endpoint { name, endpoint }) => block_on(user::endpoint(context, name, endpoint)),
        Command::Registrations => block_on(server::registrations(context)),
        Command::Calls(Calls { command: None, call: Some(call), .. }) => block_on(calls::show(context, call, false)),
        Command::Calls(Calls { command: None, call: None, limit }) => block_on(calls::list(context, limit)),
        Command::Calls(Calls { command: Some(CallsCommand::Show { call, sip }), .. }) => {
            block_on(calls::show(context, call, sip))
        }
        Command::Calls(Calls { command: Some(CallsCommand::Transfer { call, target, leg }), .. }) => {
            block_on(calls::transfer(context, call, target, leg))
        }
        Command::Calls(Calls { command: Some(CallsCommand::Hangup { call }), .. }) => {
            block_on(calls::hang_up(context, call))
        }
        Command::Originate(wish) => block_on(originate::originate(context, wish)),
        Command::Rooms { command } => block_on(rooms::rooms(context, command)),
        Command::Bans { command } => block_on(bans::bans(context, command)),
        Command::Trunks => block_on(trunks::trunks(context)),
        Command::Drain(drain) => block_on(trunks::drain(context, drain)),
        Command::Routes { command } => block_on(routes::routes(context, command)),
        Command::Status => block_on(server::status(context)),
        Command::Reload => block_on(server::reload(context)),
    }
}

/// Runs a command to its end. One thread will do: calls have threads of their own.
fn block_on(command: impl Future<Output = Result<Said, Failure>>) -> Result<Said, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(
            Exit::Unusable,
            format!("the system gives no event queue: {error}"),
            "see the limits of this process",
        )
    })?;
    let ended = runtime.block_on(Box::pin(command));
    // Threads that hang in the system are not waited for.
    runtime.shutdown_background();
    ended
}
