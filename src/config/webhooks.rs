//! `[webhooks]`: who is told over HTTP what happens here.

use patchcord_web::webhooks::{self, EVENTS, MOST_RECEIVERS, Pattern, SHORTEST_SECRET, Settings, UnknownEvent};

use super::{mail::one_of, problem::Wrong, section::Section, tree::Environment};

/// Reads `[webhooks]`; an empty one tells nobody.
pub fn read(section: &mut Section<'_>, environment: &Environment) -> Settings {
    let place = section.place().clone();
    let is_there = ["url", "secret", "secret_env", "events"].iter().any(|key| section.has(key));
    let (has_url, has_secret) = (section.has("url"), section.has("secret") || section.has("secret_env"));
    let urls = section.take_one_or_more("url", receiver).unwrap_or_default();
    if urls.len() > MOST_RECEIVERS {
        let wrong = Wrong::new(format!("names {} receivers", urls.len()), format!("name at most {MOST_RECEIVERS}"));
        section.object(&place, "url", wrong);
    }
    let secret = one_of(section, ["secret", "secret_env"], environment, secret);
    let events = section.take_one_or_more("events", event).unwrap_or_else(|| vec![Pattern::all()]);
    section.close();
    if !is_there {
        return Settings::default();
    }
    if !has_url {
        section.object(&place, "url", Wrong::new("is missing", "write url = \"https://crm.example.org/patchcord\""));
    }
    if !has_secret {
        let remedy =
            "write secret_env = \"WEBHOOK_SECRET\", and set that variable: receivers check the signature by it";
        section.object(&place, "secret_env", Wrong::new("is missing", remedy));
    }
    Settings { urls, secret: secret.unwrap_or_default(), events }
}

fn receiver(text: &str) -> Result<String, Wrong> {
    let wrong = || Wrong::new("it is no address of the web", "write it as in \"https://crm.example.org/patchcord\"");
    webhooks::receiver(text).ok_or_else(wrong)
}

fn secret(text: &str) -> Result<String, Wrong> {
    match text.len() {
        length if length < SHORTEST_SECRET => {
            Err(Wrong::new(format!("it has {length} letters"), format!("write {SHORTEST_SECRET} and more, by chance")))
        }
        _ => Ok(text.to_owned()),
    }
}

fn event(text: &str) -> Result<Pattern, Wrong> {
    text.parse().map_err(|error: UnknownEvent| {
        let known = EVENTS.iter().filter(|event| **event != "ping").copied().collect::<Vec<_>>().join(", ");
        Wrong::new(error.to_string(), format!("write one of {known}, a kind as \"call.*\", or \"*\""))
    })
}
