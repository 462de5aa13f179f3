//! The running server as its doors see it: how it is, what it counted, what a reload changes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hyper::StatusCode;
use patchcord_engine::{
    exchange::may_call,
    journal::CallId,
    occasion::{Asking, NoAnswer, Occasion},
    originate::{NotBegun, Origination, Wanted},
    routing::{Route, Target, Voucher},
    runtime::{Keeper, MessageSocket, NotAdopted, Runtime, clock},
    switchboard::Switchboard,
};
use patchcord_sip::hop::Transport;
use patchcord_web::{
    accounts::Accounts,
    house::{Answer, House, Reloaded, Service, Status, Trouble},
    metrics::{Exposition, Kind},
    outside::Porter,
    phone::{Ice, Origins},
    problem::{Problem, chain},
    retention::Forgotten,
    routes::RouteBook,
    serve::{Ends, Place},
    store::Store,
    uploads::Uploads,
    webhooks::Webhooks,
    workshop::Workshop,
};

use super::{
    pulse::Pulse,
    routes::{AddedRoutes, joined},
    services::ServiceRoom,
    sound::SoundRoom,
    workshop::Bench,
};
use crate::{
    config::{Config, Environment},
    telemetry::Telemetry,
};

/// How long writing may fail before the server says that it is not ready: longer than a database needs to restart.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// What to do about a file that a reload does not take.
const CORRECT: &str = "correct that and reload again; the server goes on as it was";

/// The rooms that a running server is made of.
pub struct Parts {
    pub accounts: Arc<Accounts>,
    pub store: Store,
    pub routes: AddedRoutes,
    pub runtime: Arc<Runtime>,
    pub sound: SoundRoom,
    pub services: ServiceRoom,
    pub porter: Porter,
    pub webhooks: Arc<Webhooks>,
    pub forgotten: Arc<Forgotten>,
    pub uploads: Arc<Uploads>,
    pub telemetry: Telemetry,
    /// Who shows the certificate of HTTP.
    pub shown: Arc<Keeper>,
}

/// The running server.
pub struct Running {
    config: Mutex<Config>,
    environment: Environment,
    bench: Bench,
    parts: Parts,
    web: Vec<Place>,
    began: Instant,
    stopping: AtomicBool,
    /// One reload at a time: the later one must win.
    turn: tokio::sync::Mutex<()>,
    pulse: Arc<Pulse>,
}

impl Running {
    /// Those rooms, joined under that configuration.
    pub fn new(config: Config, environment: Environment, parts: Parts, web: Vec<Place>) -> Self {
        Self {
            config: Mutex::new(config),
            environment,
            bench: Bench::new(parts.services.clone()),
            parts,
            web,
            began: clock::now(),
            stopping: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
            pulse: Arc::default(),
        }
    }

    /// What it is configured by now.
    pub fn config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().expect("nobody panics while holding the configuration")
    }

    /// The shards.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.parts.runtime
    }

    /// Which shards do nothing any more.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// What every shard's door shares.
    pub fn board(&self) -> &Switchboard {
        self.parts.accounts.board()
    }

    /// Routes beside those of the file.
    pub fn added_routes(&self) -> &AddedRoutes {
        &self.parts.routes
    }

    /// Whoever changes the plan waits for it.
    pub fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }

    /// The service that a route leads to and that is not there.
    pub fn services_missing(&self, route: &Route) -> Option<Arc<str>> {
        match &route.target {
            Target::Service(name) if !self.parts.services.missing(std::slice::from_ref(route)).is_empty() => {
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// The media threads.
    pub fn sound(&self) -> &SoundRoom {
        &self.parts.sound
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Where HTTP is served.
    pub fn web(&self) -> &[Place] {
        &self.web
    }

    /// Since when no registration could be written.
    fn unwritten_for(&self) -> Option<Duration> {
        self.parts.accounts.board().keeping.failing_for(clock::now())
    }

    /// How many endpoints may register.
    pub fn endpoints(&self) -> usize {
        self.parts.accounts.board().directory.count()
    }

    /// From now on it is not ready.
    pub fn note_stopping(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// A certificate was fetched: from now on it is shown.
    pub fn show_renewed(&self) {
        let read = self.parts.runtime.reload_certificates().and_then(|()| self.parts.shown.reload());
        if let Err(error) = read {
            tracing::warn!(reason = chain(&error), "the certificate that was fetched is not shown");
        }
    }

    /// Reads the configuration again and applies what can change, or says what it did not.
    pub async fn apply_configuration(&self) -> Result<Reloaded, Problem> {
        let _turn = self.turn.lock().await;
        let file = self.config().file.clone();
        let fresh = Config::load(file.as_deref(), &self.environment)
            .map_err(|problems| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, problems.to_string()).remedy(CORRECT))?;
        self.parts
            .runtime
            .reload_certificates()
            .and_then(|()| self.parts.shown.reload())
            .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, chain(&error)))?;
        self.parts.accounts.load(fresh.endpoints.clone()).await.map_err(|error| {
            let problem = Problem::from(error);
            Problem { detail: format!("only the certificates are read again: {}", problem.detail), ..problem }
        })?;
        // It was checked when the file was read, so nothing is half applied.
        let (plan, kept) = joined(&fresh.plan, self.parts.routes.written());
        let routes = plan.routes.len();
        let replanned = self.board().replan(plan);
        replanned.map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, chain(&error)).remedy(CORRECT))?;
        self.parts.routes.replace(kept);
        self.board().rooms.fix(fresh.rooms.clone());
        self.board().record_by(fresh.sound.recording.clone());
        self.board().bind(fresh.bounds);
        self.parts.telemetry.change(&fresh.log);
        self.parts.porter.reconfigure(fresh.mail.clone(), fresh.mailboxes.clone());

        let services = self.parts.services.clone();
        let mut looked = tokio::task::spawn_blocking(move || services.look()).await.unwrap_or_default();
        looked.broken.extend(self.parts.services.warn_of_missing(self.board().plan().routes()));
        looked.broken.extend(self.parts.routes.hindered());

        let mut config = self.config();
        let needs_restart = differences(&config, &fresh);
        let (trunks, rooms) = (fresh.plan.trunks.len(), fresh.rooms.len());
        (config.endpoints, config.plan, config.rooms) = (fresh.endpoints, fresh.plan, fresh.rooms);
        config.sound.recording = fresh.sound.recording;
        config.bounds = fresh.bounds;
        (config.mail, config.mailboxes) = (fresh.mail, fresh.mailboxes);
        (config.web.origins, config.web.ice) = (fresh.web.origins, fresh.web.ice);
        (config.log.level, config.log.redact) = (fresh.log.level, fresh.log.redact);
        let applied = vec![
            format!("{} endpoints", self.endpoints()),
            format!("{routes} routes"),
            format!("{trunks} trunks"),
            format!("{rooms} rooms"),
            format!("{} services", self.parts.services.count()),
            "certificates".into(),
            format!("log level {}", config.log.level),
        ];
        Ok(Reloaded { applied, needs_restart, broken: looked.broken })
    }
}

/// The keys that differ and cannot change while the server runs.
fn differences(old: &Config, new: &Config) -> Vec<String> {
    let shown = |config: &Config| {
        let Config {
            file: _,
            data,
            domain,
            digests,
            runtime,
            registrar,
            sound,
            scripts,
            bounds: _,
            web,
            database,
            database_wait: _,
            log,
            endpoints: _,
            mailboxes: _,
            mail: _,
            plan: _,
            rooms: _,
            webhooks,
        } = config;
        [
            ("server.data", format!("{data:?}")),
            ("server.domain", format!("{domain:?}")),
            ("sip.digest", digests.to_string()),
            ("sip.listen", format!("{:?}", runtime.listen)),
            ("sip.advertise", format!("{:?}", runtime.advertise)),
            ("sip.local", format!("{:?}", runtime.local)),
            ("sip.dns", format!("{:?}", runtime.dns)),
            ("sip.shards", format!("{:?}", runtime.shards)),
            ("tls", format!("{:?} {:?}", runtime.certificate, runtime.trust)),
            ("limits", format!("{:?} {registrar:?} {} {scripts:?}", runtime.limits, sound.prompt_bytes)),
            ("media", format!("{:?} {:?} {:?}", sound.ports, sound.threads, sound.rules)),
            ("scripts", format!("{:?} {}", sound.scripts, sound.tests)),
            ("recordings.path", format!("{:?}", sound.recordings)),
            ("records.masking", sound.masking.word().into()),
            ("records.keep and recordings.keep", format!("{:?}", sound.kept)),
            // A secret is compared and never shown.
            (
                "sounds",
                format!(
                    "{:?} {:?} {:?}",
                    sound.store,
                    sound.reach,
                    sound.keys.as_ref().map(|keys| (&keys.id, &keys.secret))
                ),
            ),
            ("web", format!("{:?} {:?} {:?}", web.listen, web.certificate, web.acme)),
            // A secret is compared and never shown.
            ("webhooks", format!("{:?} {:?} {:?}", webhooks.urls, webhooks.secret, webhooks.events)),
            ("database.url", format!("{database:?}")),
            ("log.format", format!("{:?}", log.format)),
        ]
    };
    let pairs = shown(old).into_iter().zip(shown(new));
    pairs.filter(|(old, new)| old != new).map(|((key, _), _)| key.to_owned()).collect()
}

mod measures;
mod warnings;

impl House for Running {
    fn status(&self) -> Status {
        let board = self.parts.accounts.board();
        let config = self.config();
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: clock::now().saturating_duration_since(self.began).as_secs(),
            config: config.file.as_ref().map(|file| file.display().to_string()),
            data: config.data.display().to_string(),
            database: config.database.to_string(),
            domain: config.domain.clone(),
            listen: self.parts.runtime.bound().iter().map(ToString::to_string).collect(),
            web: self.web.iter().map(ToString::to_string).collect(),
            endpoints: board.directory.count(),
            registered: board.location.endpoints(),
            bindings: board.location.count(),
            unwritten: board.location.unwritten(),
            calls: self.parts.accounts.board().calls.count(),
            flows: self.parts.runtime.stats().flows,
            sound: self.parts.sound.status(),
            hindrances: Vec::new(),
            warnings: self.warnings(&config.data),
        }
    }

    fn is_served(&self, service: &str) -> bool {
        self.parts.services.is_served(service)
    }

    fn measure(&self, page: &mut Exposition) {
        let board = self.parts.accounts.board();
        page.gauge("endpoints", "Endpoints that may register", board.directory.count() as u64);
        page.gauge("registered_endpoints", "Endpoints that are registered", board.location.endpoints() as u64);
        page.gauge("registrations", "Bindings that endpoints hold", board.location.count() as u64);
        let waiting = board.location.unwritten() as u64;
        page.gauge("registrations_unwritten", "Endpoints whose bindings wait for the store", waiting);
        let failing = self.unwritten_for().unwrap_or_default().as_secs();
        page.gauge("registrations_unwritable_seconds", "Seconds since writing to the store began to fail", failing);
        let refused = board.keeping.refused();
        page.counter("registrations_refused_by_store", "Bindings left out for what they hold", refused);
        let tally = &board.tally;
        page.counter("registers_served", "REGISTER requests that were served", tally.registered.load(Relaxed));
        page.counter("challenges", "Challenges sent", tally.challenged.load(Relaxed));
        page.counter("wrong_credentials", "Requests with wrong credentials", tally.wrong_credentials.load(Relaxed));
        let refused: Vec<_> = tally.refused.each().map(|(status, count)| ("status", status, count)).collect();
        page.family(Kind::Counter, "refused", "Requests turned away, by status", &refused);

        page.gauge("bans", "Addresses and networks that are refused", board.bans.count() as u64);
        let turned: Vec<_> = board.bans.counted().into_iter().map(|(over, count)| ("transport", over, count)).collect();
        page.family(
            Kind::Counter,
            "banned_refused",
            "Messages, connections and requests of whoever is banned",
            &turned,
        );
        measures::calls(board, page);
        self.parts.porter.measure(page);
        self.parts.webhooks.measure(page);
        self.parts.forgotten.measure(page);
        self.parts.uploads.measure(page);
        let silent = self.pulse.silent().len() as u64;
        page.gauge("silent_shards", "Shards that do nothing any more; more than 0 is a bug", silent);

        let stats = self.parts.runtime.stats();
        let by_transport = |count: &dyn Fn(Transport) -> u64| Transport::ALL.map(|t| ("transport", t, count(t)));
        let received = by_transport(&|transport| stats.received_by(transport));
        page.family(Kind::Counter, "sip_messages_received", "SIP messages that came", &received);
        let sent = by_transport(&|transport| stats.sent_by(transport));
        page.family(Kind::Counter, "sip_messages_sent", "SIP messages that went", &sent);
        for (name, value) in stats.named() {
            match name {
                "flows" => page.gauge("flows", "Connections that stand", value),
                "unsaid_bytes" => page.gauge("unsaid_bytes", "Bytes that wait for peers slow to read", value),
                "waiting_bytes" => page.gauge("waiting_bytes", "Bytes that wait for another shard", value),
                "transactions" => page.gauge("transactions", "Transactions that are open", value),
                name => page.counter(&format!("sip_{name}"), &name.replace('_', " "), value),
            }
        }
        self.parts.sound.measure(page);
        let uptime = clock::now().saturating_duration_since(self.began).as_secs();
        page.gauge("uptime_seconds", "Seconds since the start", uptime);
    }

    fn hindrances(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async {
            let mut found = Vec::new();
            if self.stopping.load(Relaxed) {
                found.push("the server is stopping".to_owned());
            }
            if self.board().is_draining() {
                found.push(
                    "the server is draining and takes no new calls; `patchcord drain --undo` ends that".to_owned(),
                );
            }
            let silent = self.pulse.silent().into_iter();
            found.extend(silent.map(|shard| format!("shard {shard} does nothing any more; the log says since when")));
            match self.parts.store.reachable().await {
                Err(error) => found.push(chain(&error)),
                // It answers, and yet nothing is kept: a full disk, a lost right, a fault of ours.
                Ok(()) => found.extend(self.unwritten_for().filter(|since| *since >= WRITE_PATIENCE).map(|since| {
                    format!("registrations could not be written for {} s; the log says why", since.as_secs())
                })),
            }
            found.extend(warnings::unwritten(&self.board().clerk));
            found
        })
    }

    fn services(&self) -> Vec<Service> {
        self.parts.services.all()
    }

    fn troubles(&self) -> Vec<Trouble> {
        self.parts.services.troubles()
    }

    fn workshop(&self) -> Option<&dyn Workshop> {
        Some(&self.bench)
    }

    fn routes(&self) -> Option<&dyn RouteBook> {
        Some(self)
    }

    fn adopt(
        &self,
        socket: Box<dyn MessageSocket>,
        transport: Transport,
        ends: Ends,
        vouched: Option<Voucher>,
    ) -> Result<(), NotAdopted> {
        self.parts.runtime.adopt(socket, transport, (ends.local, ends.peer), vouched)
    }

    fn origins(&self) -> Origins {
        self.config().web.origins.clone()
    }

    fn originate(&self, wanted: Wanted) -> Answer<'_, Result<CallId, NotBegun>> {
        let (tell, told) = tokio::sync::oneshot::channel();
        // Who does not wait any more is not told.
        self.parts.runtime.originate(Origination::new(wanted, move |begun| drop(tell.send(begun))));
        Box::pin(async { told.await.unwrap_or(Err(NotBegun::Stopping)) })
    }

    fn may_be_called(&self, target: &str) -> Result<(), NotBegun> {
        may_call(self.parts.accounts.board(), target)
    }

    fn prepare_prompt(&self, name: String) -> Answer<'_, Result<(), String>> {
        let sound = self.parts.sound.clone();
        Box::pin(async move {
            let prepared = tokio::task::spawn_blocking(move || sound.prepare(&name)).await;
            prepared.unwrap_or_else(|error| Err(error.to_string()))
        })
    }

    fn ask(&self, service: String, occasion: Occasion) -> Answer<'_, Result<String, NoAnswer>> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.parts.runtime.ask(Asking::new(&service, occasion, move |answer| drop(tell.send(answer))));
        Box::pin(async { told.await.unwrap_or(Err(NoAnswer::Stopping)) })
    }

    fn ice(&self) -> Ice {
        self.config().web.ice.clone()
    }

    fn reload(&self) -> Answer<'_, Result<Reloaded, Problem>> {
        Box::pin(self.apply_configuration())
    }
}
