//! `[[trunk]]`: carriers.

use std::{collections::HashMap, time::Duration};

use patchcord_engine::routing::{
    Account, DEFAULT_REGISTRATION, Identity, IdentityWord, MAX_SERVERS, MAX_TRUNKS, Trunk, UnknownWord, Whence,
    trunk_server,
};
use patchcord_sip::digest::Credential;
use patchcord_web::accounts::rules;

use super::{
    calling::{self, MOST_CALLS},
    endpoint::checked_password,
    problem::{Place, Wrong},
    rewriting,
    section::Section,
    tree::Environment,
};

/// Shortest and longest registration that is asked of a carrier.
const REGISTRATION: std::ops::RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(86_400);

/// Most new calls a second of one trunk; beyond it somebody mistook the unit.
const MOST_CALLS_PER_SECOND: usize = 10_000;

/// Reads them all; no two share a name or a network.
pub fn read_all(sections: Vec<Section<'_>>, environment: &Environment) -> Vec<Trunk> {
    let mut names = HashMap::new();
    let mut places: HashMap<Whence, String> = HashMap::new();
    let mut trunks = Vec::new();
    for mut section in sections {
        let place = section.place().clone();
        let Some(trunk) = read(&mut section, environment) else { continue };
        if names.insert(trunk.name.clone(), ()).is_some() {
            let wrong = Wrong::new(format!("{} stands there twice", trunk.name), "give one another name");
            section.object(&place, "name", wrong);
        }
        for whence in trunk.whence() {
            if let Some(other) = places.insert(whence, trunk.name.to_string()) {
                let reason = format!("{whence} belongs to {other} already; nobody could tell whose call it is");
                let (key, remedy) = match trunk.from.is_empty() {
                    true => ("servers", "write the port behind the address of each, or name other networks with from"),
                    false => ("from", "name other networks, or write a port behind the address"),
                };
                section.object(&place, key, Wrong::new(reason, remedy));
            }
        }
        if trunks.len() == MAX_TRUNKS {
            let reason = format!("there are more than {MAX_TRUNKS}");
            section.object(&place, "name", Wrong::new(reason, "start another server for the others"));
        }
        trunks.push(trunk);
    }
    trunks
}

fn read(section: &mut Section<'_>, environment: &Environment) -> Option<Trunk> {
    let place = section.place().clone();
    let has_name = section.has("name");
    let name = section.take_parsed("name", |text| rules::user(text).map(|()| text.to_owned()).map_err(name_unfit));
    let transport = transport(section);
    let server = |text: &str| {
        let remedy = "write a SIP address without a user, as in \"sip:sip.north.example\"";
        trunk_server(text, transport).ok_or_else(|| Wrong::new(format!("{text:?} is no server"), remedy))
    };
    let has_servers = section.has("servers");
    let servers = section.take_one_or_more("servers", server).unwrap_or_default();
    let network = |text: &str| {
        let remedy =
            "write a network, as in \"203.0.113.0/24\", or an address, as in \"203.0.113.5\" or \"203.0.113.5:5070\"";
        text.parse::<Whence>().map_err(|_| Wrong::new(format!("{text:?} is no network"), remedy))
    };
    let from = section.take_one_or_more("from", network).unwrap_or_default();
    let account = account(section, environment);
    let register = register(section, account.as_ref());
    let inward = rewriting::inward(&mut section.take_section("in"));
    let outward = rewriting::outward(&mut section.take_section("out"), inward.numbering.as_ref());
    let calls = section.take_number("calls", 1..=MOST_CALLS).map(|calls| calls as u32);
    let calls_per_second = section.take_number("calls_per_second", 1..=MOST_CALLS_PER_SECOND);
    let trunk = Trunk {
        account,
        register,
        from,
        inward,
        outward,
        identity: identity(section),
        caller_id: calling::caller_id(section),
        calls,
        calls_per_second: calls_per_second.map(|calls| calls as u32),
        is_asked: section.take_boolean("options").unwrap_or(true),
        srtp: calling::srtp(section).unwrap_or_default(),
        codecs: calling::codecs(section).unwrap_or_else(|| patchcord_engine::routing::Codec::USUAL.into()),
        ..Trunk::new(name.as_ref().map_or("", |(name, _)| name), servers)
    };
    section.close();
    if !has_name {
        section.object(&place, "name", Wrong::new("is missing", "write name = \"north\" or the like"));
    }
    if !has_servers {
        let wrong = Wrong::new("is missing", "write servers = [\"sip:sip.north.example\"] or the like");
        section.object(&place, "servers", wrong);
    }
    if has_servers && trunk.servers.len() > MAX_SERVERS {
        let reason = format!("there are more than {MAX_SERVERS}");
        section.object(&place, "servers", Wrong::new(reason, "name a domain that lists them by SRV"));
    }
    name.map(|_| trunk)
}

fn name_unfit(_: rules::Unfit) -> Wrong {
    Wrong::new("it cannot be a name", "use 1 to 64 letters, digits and - _ . +")
}

fn transport(section: &mut Section<'_>) -> Option<&'static str> {
    let known = |text: &str| {
        let found = ["udp", "tcp", "tls"].into_iter().find(|name| *name == text);
        found.ok_or_else(|| Wrong::new(format!("{text:?} is no transport"), "use udp, tcp or tls"))
    };
    section.take_parsed("transport", known).map(|(transport, _)| transport)
}

fn identity(section: &mut Section<'_>) -> Identity {
    let place = section.place().clone();
    let word = |text: &str| {
        let remedy = "write \"pai\", \"rpid\" or \"from\", and beside it \"diversion\" or \"history-info\" in a list";
        text.parse().map_err(|unknown: UnknownWord| Wrong::new(unknown.to_string(), remedy))
    };
    let words = section.take_one_or_more("identity", word).unwrap_or_default();
    let mut identity = Identity::default();
    let mut said = 0;
    for word in words {
        match word {
            IdentityWord::By(by) => (identity.by, said) = (by, said + 1),
            IdentityWord::Diversion => identity.diversion = true,
            IdentityWord::HistoryInfo => identity.history_info = true,
        }
    }
    if said > 1 {
        let wrong = Wrong::new("names two headers for one thing", "keep one of \"pai\", \"rpid\" and \"from\"");
        section.object(&place, "identity", wrong);
    }
    identity
}

fn account(section: &mut Section<'_>, environment: &Environment) -> Option<Account> {
    let place = section.place().clone();
    let user = section.take_parsed("user", |text| match text.is_empty() || text.chars().any(char::is_whitespace) {
        true => Err(Wrong::new(format!("{text:?} cannot be a user name"), "write what the carrier calls you")),
        false => Ok(Box::from(text)),
    });
    let twice = section.has("password") && section.has("password_env");
    let password = section.take_parsed("password", checked_password);
    let from_environment = section.take_parsed("password_env", |name| match environment.get(name) {
        Some(found) => checked_password(found),
        None => {
            let reason = format!("environment variable {name} is not set");
            Err(Wrong::new(reason, format!("set {name} before the server starts")))
        }
    });
    if twice {
        section.object(&place, "password", Wrong::new("is given twice", "write one of password and password_env"));
    }
    let password: Option<(_, Place)> = password.or(from_environment);
    let credential = password.map(|(password, _)| Credential::Password(password));
    if user.is_none() && credential.is_some() {
        section.object(
            &place,
            "user",
            Wrong::new("is missing beside the password", "write what the carrier calls you"),
        );
    }
    Some(Account { user: user?.0, credential })
}

fn register(section: &mut Section<'_>, account: Option<&Account>) -> Option<Duration> {
    let place = section.place().clone();
    let wished = section.take_boolean("register").unwrap_or(false);
    let expires = section.take_duration("expires", REGISTRATION);
    if wished && account.is_none() {
        let wrong = Wrong::new("is missing beside register", "write what the carrier calls you");
        section.object(&place, "user", wrong);
    }
    if expires.is_some() && !wished {
        section.object(&place, "expires", Wrong::new("is of use only beside register = true", "remove it"));
    }
    wished.then_some(expires.unwrap_or(DEFAULT_REGISTRATION))
}
