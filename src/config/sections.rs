//! Each section of the file, and what it becomes.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use patchcord_engine::{
    call::Bounds,
    routing::{Digests, PlanSettings, RegistrarRules},
    runtime::{
        Advertise, CertificateSource, Limits, Listen, Settings,
        settings::{AdvertiseFault, ListenFault},
    },
};
use patchcord_sip::digest::Algorithm;
use patchcord_sip::transaction;
use patchcord_web::store;
use tracing_subscriber::filter::LevelFilter;

use super::{
    Config,
    calling::{self, MOST_CALLS},
    endpoint, mail,
    problem::Wrong,
    room, route, scripts,
    section::Section,
    sound,
    tree::Environment,
    trunk, web, webhooks,
};

/// Where the data lies unless told otherwise.
const DATA: &str = "data";

/// The database in the data folder unless told otherwise.
const DATABASE: &str = "patchcord.db";

/// How long a start waits for a PostgreSQL that does not answer: as long as a machine may need to come up and to put its database in order.
const DATABASE_WAIT: Duration = Duration::from_secs(600);

/// Most threads that carry calls; a machine with more cores wants several servers.
const MAX_SHARDS: usize = 256;

/// Most of anything that is counted; beyond it somebody mistook the unit.
const MANY: usize = 100_000_000;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A level, or directives such as `info,patchcord_sip=debug`.
    pub level: String,
    /// How a line looks.
    pub format: Format,
    /// Whether numbers and addresses are shortened.
    pub redact: bool,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text, redact: true }
    }
}

/// Where relative paths of a file start.
pub fn base(file: Option<&Path>) -> &Path {
    file.and_then(Path::parent).unwrap_or(Path::new(""))
}

/// The data folder that `[server]` names.
pub fn data(server: &mut Section<'_>, base: &Path) -> PathBuf {
    base.join(server.take_text("data").map_or(DATA.into(), |(data, _)| data))
}

/// Reads every section.
pub fn read(top: &mut Section<'_>, file: Option<&Path>, environment: &Environment) -> Config {
    let base = base(file);
    let mut server = top.take_section("server");
    let data = data(&mut server, base);
    let domain = server.take_parsed("domain", domain).map(|(domain, _)| domain);
    let front = server.take_parsed("service", route::service).map(|(service, _)| service);
    server.close();

    let mut limits = top.take_section("limits");
    let registrar = registrar(&mut limits);
    let runtime_limits = runtime_limits(&mut limits);
    let prompt_bytes = sound::prompt_bytes(&mut limits);
    let scripts = scripts::limits(&mut limits);
    let bounds = bounds(&mut limits);

    let runtime = Settings {
        certificate: CertificateSource::MadeOnce { folder: data.clone(), names: domain.iter().cloned().collect() },
        limits: runtime_limits,
        ..Settings::default()
    };
    let mut section = top.take_section("sip");
    let digests = digests(&mut section).unwrap_or_default();
    let runtime = sip(&mut section, runtime);
    let runtime = tls(&mut top.take_section("tls"), base, runtime);
    let sound = sound::read(top, base, &data, prompt_bytes, environment);
    let mut web = web::read(&mut top.take_section("web"), base, &data, environment);
    let runtime = fetched(&mut web, runtime);
    let (database, database_wait) = database(&mut top.take_section("database"), base, &data);
    let log = log(&mut top.take_section("log"));
    let mail = mail::server(&mut top.take_section("mail"), domain.as_deref(), environment);
    let emergency = limits.take_list("emergency", calling::number);
    let emergency = emergency.unwrap_or_else(|| PlanSettings::default().emergency);
    let everybody = endpoint::Everybody { domain: domain.as_deref(), digests, emergency: &emergency };
    let (endpoints, mailboxes) = endpoint::read_all(top.take_sections("endpoint"), everybody, environment);
    let domain_of_plan = domain.as_deref().map(Into::into);
    let settings = PlanSettings { domain: domain_of_plan, front, emergency, ..PlanSettings::default() };
    let plan = plan(top, &mut limits, settings, environment);
    let rooms = room::read_all(top.take_sections("room"), environment);
    limits.close();
    let webhooks = webhooks::read(&mut top.take_section("webhooks"), environment);
    top.refuse_later("user");
    let file = file.map(Into::into);
    Config {
        file,
        data,
        domain,
        digests,
        runtime,
        registrar,
        sound,
        scripts,
        bounds,
        web,
        database,
        database_wait,
        log,
        endpoints,
        mailboxes,
        mail,
        plan,
        webhooks,
        rooms,
    }
}

fn plan(
    top: &mut Section<'_>,
    limits: &mut Section<'_>,
    default: PlanSettings,
    environment: &Environment,
) -> PlanSettings {
    let trunks = trunk::read_all(top.take_sections("trunk"), environment);
    let routes = route::read_all(top.take_sections("route"), &trunks);
    let mut calls = |key, default| limits.take_number(key, 1..=MOST_CALLS).map_or(default, |calls| calls as u32);
    let calls_per_stranger = calls("calls_per_stranger", default.calls_per_stranger);
    let (calls, calls_per_endpoint) =
        (calls("calls", default.calls), calls("calls_per_endpoint", default.calls_per_endpoint));
    PlanSettings { routes, trunks, calls, calls_per_endpoint, calls_per_stranger, ..default }
}

fn registrar(limits: &mut Section<'_>) -> RegistrarRules {
    let default = RegistrarRules::default();
    let mut take = |key| limits.take_duration(key, SECOND..=30 * DAY);
    let (min, wished, max) = (take("min_expires"), take("default_expires"), take("max_expires"));
    let min_expires = min.unwrap_or(default.min_expires.min(max.unwrap_or(Duration::MAX)));
    let max_expires = max.unwrap_or(default.max_expires.max(min_expires));
    let rules = RegistrarRules {
        min_expires,
        max_expires,
        default_expires: wished.unwrap_or(default.default_expires.max(min_expires).min(max_expires)),
        contacts: limits.take_number("contacts", 1..=1_000).unwrap_or(default.contacts),
    };
    if rules.min_expires > rules.default_expires || rules.default_expires > rules.max_expires {
        let reason = format!(
            "min_expires ({:?}), default_expires ({:?}) and max_expires ({:?}) are not in this order",
            rules.min_expires, rules.default_expires, rules.max_expires
        );
        let place = limits.place().clone();
        limits.object(&place, "default_expires", Wrong::new(reason, "write them so that none exceeds the next"));
    }
    rules
}

/// What `[limits]` says of how much a call may have.
fn bounds(limits: &mut Section<'_>) -> Bounds {
    let default = Bounds::default();
    let alone = limits.take_duration(Bounds::ALONE.0, Bounds::ALONE.1).unwrap_or(default.alone);
    let mut number = |(key, range), default| limits.take_number(key, range).unwrap_or(default);
    Bounds {
        legs: number(Bounds::LEGS, default.legs),
        targets: number(Bounds::TARGETS, default.targets),
        verbs: number(Bounds::VERBS, default.verbs),
        background: number(Bounds::BACKGROUND, default.background),
        words: number(Bounds::WORDS, default.words as usize) as u32,
        services: number(Bounds::SERVICES, default.services as usize) as u32,
        begins: number(Bounds::BEGINS, default.begins.into()) as u8,
        alone,
    }
}

fn runtime_limits(limits: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let per_neighbour = limits.take_number("connections_per_neighbour", 1..=MANY);
    let mut number = |key, default| limits.take_number(key, 1..=MANY).unwrap_or(default);
    let counted = Limits {
        connections: number("connections", default.connections),
        connections_per_source: number("connections_per_source", default.connections_per_source),
        connections_per_neighbour: per_neighbour,
        queued_messages: number("queued_messages", default.queued_messages),
        queued_bytes: number("queued_bytes", default.queued_bytes),
        unsaid_bytes: number("unsaid_bytes", default.unsaid_bytes),
        handed_over: number("handed_over", default.handed_over),
        handed_over_bytes: number("handed_over_bytes", default.handed_over_bytes),
        requests: number("requests", default.requests),
        resolutions: number("resolutions", default.resolutions),
        dns_answers: number("dns_answers", default.dns_answers as usize) as u64,
        dead_targets: number("dead_targets", default.dead_targets),
        socket_buffer: number("socket_buffer", default.socket_buffer),
        transactions: transaction::Limits {
            server: number("server_transactions", default.transactions.server),
            server_bytes: number("server_transaction_bytes", default.transactions.server_bytes),
            client: number("client_transactions", default.transactions.client),
        },
        ..default
    };
    let mut time = |key, default| limits.take_duration(key, SECOND..=HOUR).unwrap_or(default);
    Limits {
        idle: time("idle", counted.idle),
        half_message: time("half_message", counted.half_message),
        unacknowledged: time("unacknowledged", counted.unacknowledged),
        handshake: time("handshake", counted.handshake),
        connect: time("connect", counted.connect),
        connect_large: time("connect_large", counted.connect_large),
        resolution: time("resolution", counted.resolution),
        dead_target: time("dead_target", counted.dead_target),
        ..counted
    }
}

/// The algorithms of a `digest` key: one, or both.
pub fn digests(section: &mut Section<'_>) -> Option<Digests> {
    let algorithm = |name: &str| {
        Algorithm::of(name).ok_or_else(|| {
            let remedy = "write \"md5\", \"sha-256\", or [\"sha-256\", \"md5\"] for both";
            Wrong::new(format!("{name:?} is no digest algorithm"), remedy)
        })
    };
    let place = section.place().clone();
    let found = section.take_one_or_more("digest", algorithm)?;
    let digests = Digests::of(found);
    if digests.is_none() {
        section.object(&place, "digest", Wrong::new("is empty", "name at least one algorithm"));
    }
    digests
}

fn sip(section: &mut Section<'_>, default: Settings) -> Settings {
    let network = |text: &str| {
        let remedy = "write a network, as in \"10.0.0.0/8\" or \"fd00::/8\"";
        text.parse().map_err(|_| Wrong::new(format!("{text:?} is no network"), remedy))
    };
    let resolver = |text: &str| {
        let with_port = text.parse().or_else(|_| text.parse().map(|address: IpAddr| (address, 53).into()));
        let remedy = "write an address, with a port unless it is 53, as in \"127.0.0.1:5353\"";
        with_port.map_err(|_| Wrong::new(format!("{text:?} is no address of a name server"), remedy))
    };
    let settings = Settings {
        listen: section.take_list("listen", listen).unwrap_or(default.listen),
        advertise: section.take_parsed("advertise", advertise).map_or(default.advertise, |(found, _)| found),
        local: section.take_list("local", network).unwrap_or(default.local),
        dns: section.take_list("dns", resolver).unwrap_or(default.dns),
        shards: section.take_number("shards", 1..=MAX_SHARDS).unwrap_or(default.shards),
        ..default
    };
    let place = section.place().clone();
    if settings.listen.is_empty() {
        section.object(&place, "listen", Wrong::new("is empty", "name at least one, as in [\"udp:0.0.0.0:5060\"]"));
    }
    for (index, listen) in settings.listen.iter().enumerate() {
        if listen.addr.port() != 0 && settings.listen[..index].contains(listen) {
            section.object(&place, "listen", Wrong::new(format!("\"{listen}\" stands there twice"), "remove one"));
        }
        let streams = |one: &Listen| one.transport.is_reliable() && one.addr == listen.addr && one != listen;
        if let Some(other) = settings.listen[..index].iter().find(|one| listen.transport.is_reliable() && streams(one))
            && listen.addr.port() != 0
        {
            let reason = format!("\"{listen}\" wants the port of \"{other}\"");
            section.object(&place, "listen", Wrong::new(reason, "give one of them another port"));
        }
    }
    section.close();
    settings
}

fn listen(text: &str) -> Result<Listen, Wrong> {
    text.parse().map_err(|fault| match fault {
        ListenFault::NoTransport => {
            let example = match (text.parse::<SocketAddr>(), text.parse::<u16>()) {
                (Ok(address), _) => address.to_string(),
                (_, Ok(port)) => format!("0.0.0.0:{port}"),
                _ => "0.0.0.0:5060".into(),
            };
            Wrong::new(format!("{text:?} names no transport"), format!("write \"udp:{example}\" or \"tcp:{example}\""))
        }
        ListenFault::UnknownTransport(name) => {
            Wrong::new(format!("{name:?} is no transport"), "use udp, tcp, tls, ws or wss")
        }
        ListenFault::NotAnAddress(address) => Wrong::new(
            format!("{address:?} is no address with a port"),
            "write for example 0.0.0.0:5060, or [::]:5060 for IPv6",
        ),
    })
}

fn advertise(text: &str) -> Result<Advertise, Wrong> {
    let remedy = "write the public IP address, or \"stun:host:port\" to ask a server for it";
    text.parse().map_err(|fault| match fault {
        AdvertiseFault::NotAnAddress(text) => Wrong::new(format!("{text:?} is no IP address"), remedy),
        AdvertiseFault::Nowhere(address) => Wrong::new(format!("nobody can send to {address}"), remedy),
        AdvertiseFault::NotAPort(port) => Wrong::new(format!("{port:?} is no port"), remedy),
    })
}

/// What was fetched is shown wherever no file is given; phones and browsers know us by the same names.
fn fetched(web: &mut web::Web, runtime: Settings) -> Settings {
    let Some(acme) = &web.acme else { return runtime };
    let until = Box::new(runtime.certificate.clone());
    let fetched = CertificateSource::Fetched { folder: acme.folder.clone(), until };
    match runtime.certificate {
        CertificateSource::Files { .. } => {
            web.certificate = Some(fetched);
            runtime
        }
        _ => Settings { certificate: fetched, ..runtime },
    }
}

fn tls(section: &mut Section<'_>, base: &Path, settings: Settings) -> Settings {
    let mut path = |key| section.take_text(key).map(|(path, place)| (base.join(path), place));
    let (certificate, key, trust) = (path("certificate"), path("key"), path("trust"));
    let certificate = match (certificate, key) {
        (Some((certificate, _)), Some((key, _))) => CertificateSource::Files { certificate, key },
        (Some((_, place)), None) => {
            section.object(&place, "key", Wrong::new("is missing beside certificate", "name the key's PEM file too"));
            settings.certificate
        }
        (None, Some((_, place))) => {
            let wrong = Wrong::new("is missing beside key", "name the certificate's PEM file too");
            section.object(&place, "certificate", wrong);
            settings.certificate
        }
        (None, None) => settings.certificate,
    };
    section.close();
    Settings { certificate, trust: trust.map(|(trust, _): (PathBuf, _)| trust).or(settings.trust), ..settings }
}

fn database(section: &mut Section<'_>, base: &Path, data: &Path) -> (store::Place, Duration) {
    let read = |url: &str| {
        store::Place::parse(url, base).map_err(|error| {
            let shown = if url.contains('@') { "it".into() } else { format!("{url:?}") };
            Wrong::new(format!("{shown} {error}"), error.remedy())
        })
    };
    let found = section.take_parsed("url", read).map(|(place, _)| place);
    let wait = section.take_duration("wait", Duration::ZERO..=DAY).unwrap_or(DATABASE_WAIT);
    section.close();
    (found.unwrap_or_else(|| store::Place::Sqlite(data.join(DATABASE))), wait)
}

fn log(section: &mut Section<'_>) -> Log {
    let default = Log::default();
    let level = |text: &str| {
        let known = |directive: &str| {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            level.trim().parse::<LevelFilter>().is_ok() && !level.trim().is_empty()
        };
        let remedy = "write error, warn, info, debug or trace, or per room as in \"info,patchcord_engine=debug\"";
        match text.split(',').find(|directive| !known(directive)) {
            None => Ok(text.to_owned()),
            Some(directive) => Err(Wrong::new(format!("{directive:?} names no level"), remedy)),
        }
    };
    let format = |text: &str| match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(Wrong::new(format!("{text:?} is no format"), "write \"text\" or \"json\"")),
    };
    let log = Log {
        level: section.take_parsed("level", level).map_or(default.level, |(found, _)| found),
        format: section.take_parsed("format", format).map_or(default.format, |(found, _)| found),
        redact: section.take_boolean("redact").unwrap_or(default.redact),
    };
    section.close();
    log
}

/// A realm goes between quotes into headers and its host part into addresses: letters, digits, dots and dashes.
fn domain(text: &str) -> Result<String, Wrong> {
    let label =
        |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if text.len() <= 253 && (text.split('.').all(label) || text.parse::<IpAddr>().is_ok()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Wrong::new(format!("{text:?} is no domain"), "write a name, as in \"example.org\""))
    }
}
