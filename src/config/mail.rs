//! `[mail]` and the `mailbox` of an endpoint: where letters go, and who listens to what was left.

use std::net::IpAddr;

use patchcord_web::outside::{Login, MailServer, Mailbox, Safety, Sender};

use super::{
    problem::{Place, Wrong},
    section::Section,
    tree::Environment,
};

/// The name that letters are from in our domain, unless told otherwise.
const SENDER: &str = "patchcord";

/// Keys of a PIN: fewer are guessed, more are not remembered.
const PIN: std::ops::RangeInclusive<usize> = 4..=12;

/// Reads `[mail]`; an empty one sends nothing.
pub fn server(section: &mut Section<'_>, domain: Option<&str>, environment: &Environment) -> Option<MailServer> {
    let is_there =
        ["server", "port", "tls", "user", "password", "password_env", "from"].iter().any(|key| section.has(key));
    let place = section.place().clone();
    let has_server = section.has("server");
    let host = section.take_parsed("server", host).map(|(host, _)| host);
    let safety = section.take_parsed("tls", safety);
    let (safety, safety_place) = safety.unwrap_or((Safety::StartTls, place.clone()));
    let port = section.take_number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let has_from = section.has("from");
    let from = section.take_parsed("from", sender).map(|(from, _)| from);
    let login = login(section, environment);
    section.close();
    if !is_there {
        return None;
    }
    if !has_server {
        section.object(&place, "server", Wrong::new("is missing", "write server = \"smtp.example.org\""));
    }
    let ours = || domain.and_then(|domain| format!("{SENDER}@{domain}").parse().ok());
    let from = if has_from { from } else { ours() };
    if from.is_none() && !has_from {
        let remedy = "write from = \"pbx@example.org\", or set domain in [server]";
        section.object(&place, "from", Wrong::new("is missing", remedy));
    }
    let host = host?;
    if login.is_some() && safety == Safety::Open && !is_here(&host) {
        let wrong =
            Wrong::new("\"off\" would show the password to everybody on the way", "write \"starttls\" or \"tls\"");
        section.object(&safety_place, "tls", wrong);
    }
    Some(MailServer { host, port: port.unwrap_or(safety.port()), safety, login, from: from? })
}

/// Reads the `mailbox` of an endpoint, when it has one.
pub fn mailbox(endpoint: &mut Section<'_>, environment: &Environment) -> Option<Mailbox> {
    let is_there = endpoint.has("mailbox");
    let mut section = endpoint.take_section("mailbox");
    let mail = section.take_parsed("mail", |text| sender(text).map(|_| text.to_owned())).map(|(mail, _)| mail);
    let pin = one_of(&mut section, ["pin", "pin_env"], environment, pin);
    section.close();
    is_there.then_some(Mailbox { mail, pin })
}

fn login(section: &mut Section<'_>, environment: &Environment) -> Option<Login> {
    let place = section.place().clone();
    let given = section.has("password") || section.has("password_env");
    let user = section.take_text("user").map(|(user, _)| user);
    let password = one_of(section, ["password", "password_env"], environment, |text| match text {
        "" => Err(Wrong::new("it is empty", "write the password, or leave out user and password")),
        text => Ok(text.to_owned()),
    });
    match (user, password) {
        (Some(user), Some(password)) => Some(Login { user, password }),
        (Some(_), None) if !given => {
            let wrong = Wrong::new("has no password beside it", "write password_env too");
            section.object(&place, "user", wrong);
            None
        }
        (None, Some(_)) => {
            section.object(&place, "user", Wrong::new("is missing beside its password", "write user too"));
            None
        }
        // A password that was given and could not be read is told already.
        (_, None) => None,
    }
}

/// The value of the one key of both that is there: itself, or the name of the variable that has it.
pub fn one_of(
    section: &mut Section<'_>,
    [here, elsewhere]: [&'static str; 2],
    environment: &Environment,
    read: impl Fn(&str) -> Result<String, Wrong>,
) -> Option<String> {
    let place = section.place().clone();
    let both = section.has(here) && section.has(elsewhere);
    let written: Option<(String, Place)> = section.take_parsed(here, &read);
    let kept = section.take_parsed(elsewhere, |name| match environment.get(name) {
        Some(found) => read(found),
        None => {
            let reason = format!("environment variable {name} is not set");
            Err(Wrong::new(reason, format!("set {name} before the server starts")))
        }
    });
    if both {
        section.object(
            &place,
            here,
            Wrong::new(format!("is given twice, as {elsewhere} as well"), "remove one of them"),
        );
    }
    written.or(kept).map(|(value, _)| value)
}

fn host(text: &str) -> Result<String, Wrong> {
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label)) {
        return Ok(text.into());
    }
    let remedy = "write its name, as in \"smtp.example.org\"; the port has a key of its own";
    Err(Wrong::new(format!("{text:?} is no name of a server"), remedy))
}

/// Whether letters do not leave this machine on their way there.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn safety(text: &str) -> Result<Safety, Wrong> {
    match text {
        "starttls" => Ok(Safety::StartTls),
        "tls" => Ok(Safety::Tls),
        "off" => Ok(Safety::Open),
        _ => Err(Wrong::new(format!("{text:?} is no way to a mail server"), "write \"starttls\", \"tls\" or \"off\"")),
    }
}

fn sender(text: &str) -> Result<Sender, Wrong> {
    text.parse().map_err(|_| {
        let remedy = "write it as in \"pbx@example.org\" or \"Reception <pbx@example.org>\"";
        Wrong::new(format!("{text:?} is no mail address"), remedy)
    })
}

fn pin(text: &str) -> Result<String, Wrong> {
    if PIN.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.into());
    }
    // A wrong one is nearly a right one, so it is not shown.
    let remedy = format!("write {} to {} digits in quotes", PIN.start(), PIN.end());
    Err(Wrong::new("it is no PIN", remedy))
}
