//! The commands that serve, or that ask the running server.

use std::io::{self, Write};

use hyper::Method;
use patchcord_web::{
    control::words::{Registration, Registrations},
    house::{Reloaded, Sound, Status},
    problem::chain,
};
use serde_json::json;

use super::{
    Context,
    client::{self, Client},
    endpoint::table,
    outcome::{Exit, Failure, Said},
};
use crate::{
    server::{self, blamed},
    telemetry::Telemetry,
};

/// `patchcord run`
pub async fn run(context: Context) -> Result<Said, Failure> {
    let config = context.config()?;
    let telemetry = Telemetry::start(&config.log);
    let file = blamed(config.file.as_ref());
    match server::run(config, context.environment, telemetry, context.json).await {
        Ok(()) => Ok(Said::new("", json!({ "stopped": true }))),
        Err(error) => Err(Failure::blaming(&file, error.key(), &chain(&error), &error.remedy())),
    }
}

/// `patchcord status`
pub async fn status(context: Context) -> Result<Said, Failure> {
    let status: Status = running(&context).await?.get("/api/v1/status").await?;
    let mut text =
        format!("Patchcord {} runs as process {} since {}.\n", status.version, status.pid, ago(status.uptime_s));
    let mut line = |name: &str, value: &str| text += &format!("  {name:<13} {value}\n");
    line("sip", &status.listen.join(", "));
    line("web", &status.web.join(", "));
    line("data", &status.data);
    line("database", &status.database);
    line("config", status.config.as_deref().unwrap_or("(none)"));
    line("domain", status.domain.as_deref().unwrap_or("(what the phone says)"));
    line("endpoints", &format!("{}, {} registered", status.endpoints, status.registered));
    line("registrations", &format!("{}, {} to be written", status.bindings, status.unwritten));
    line("calls", &status.calls.to_string());
    line("flows", &status.flows.to_string());
    line("sound", &sound(&status.sound));
    line("prompts", &format!("{} ready in {} KiB", status.sound.prompts, status.sound.prompt_bytes >> 10));
    for hindrance in &status.hindrances {
        line("NOT READY", hindrance);
    }
    for warning in &status.warnings {
        line("WARNING", warning);
    }
    Ok(Said::new(text, json!(status)))
}

/// The media threads in one line.
fn sound(sound: &Sound) -> String {
    let Sound { threads, ports, most_ports, rooms, load_permille, late_ticks, dropped, .. } = sound;
    let threads = if *threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
    let load = format!("{}.{} % busy", load_permille / 10, load_permille % 10);
    format!(
        "{ports} of {most_ports} ports, {rooms} rooms, {threads}, {load}, {late_ticks} ticks late, {dropped} dropped"
    )
}

/// `patchcord reload`
pub async fn reload(context: Context) -> Result<Said, Failure> {
    let done: Reloaded = running(&context).await?.order(Method::POST, "/api/v1/reload").await?;
    let mut text = format!("Applied: {}.\n", done.applied.join(", "));
    if !done.needs_restart.is_empty() {
        text += &format!("Needs a restart: {}.\n", done.needs_restart.join(", "));
    }
    if done.broken.is_empty() {
        return Ok(Said::new(text, json!(done)));
    }
    if !context.json {
        // Whoever closed the pipe has read enough.
        let _read_or_not = io::stdout().write_all(text.as_bytes());
    }
    let broken: String = done.broken.iter().map(|broken| format!("\nBroken: {broken}")).collect();
    let remedy = "correct that and reload again; what stands behind each is served until then";
    let reason = format!("not everything is served as it is written{broken}");
    Err(Failure::new(Exit::Refused, reason, remedy).with_json(json!(done)))
}

/// `patchcord registrations`
pub async fn registrations(context: Context) -> Result<Said, Failure> {
    let data = context.data()?;
    let mut all: Vec<Registration> = Vec::new();
    let mut path = "/api/v1/registrations".to_owned();
    loop {
        let client = Client::connect(&data).await?.ok_or_else(|| client::nobody(&data))?;
        let page: Registrations = client.get(&path).await?;
        all.extend(page.registrations);
        match page.next {
            // A user name needs no escaping: its letters are those of a plain query, but for the plus.
            Some(user) => path = format!("/api/v1/registrations?after={}", user.replace('+', "%2B")),
            None => break,
        }
    }
    let rows = all.iter().map(|found| {
        let expires = format!("{} s", found.expires_s);
        let reachable = if found.reachable { "yes" } else { "no" };
        [&found.user, &found.contact, &found.peer, &expires, reachable].map(str::to_owned)
    });
    let text = table(["ENDPOINT", "CONTACT", "FROM", "EXPIRES", "REACHABLE"], rows.collect());
    Ok(Said::new(text, json!({ "registrations": all })))
}

pub(super) async fn running(context: &Context) -> Result<Client, Failure> {
    let data = context.data()?;
    Client::connect(&data).await?.ok_or_else(|| client::nobody(&data))
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
