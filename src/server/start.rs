//! Starts the server, room by room, and says what to do when one refuses.

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::SystemTime};

use patchcord_engine::{
    bans::Bans,
    exchange::Exchange,
    routing::{BindingShelf, PlanError},
    runtime::{self, Around, BindError, CertificateError, Keeper, Runtime, clock},
    spool::{self, Spool, SpoolError},
    switchboard::Switchboard,
};
use patchcord_scripts::{Limits, say::Language, shipped};
use patchcord_web::{
    accounts::{AccountError, Accounts},
    acme::{self, Answers},
    api::Rooms as Doors,
    bans, control, doors, failures,
    feed::{Announced, Feed},
    folder::{Hold, HoldError},
    outside::{self, Porter},
    past_rooms,
    people::{People, PeopleError},
    problem::chain,
    recordings,
    retention::{self, Forgotten, Kept},
    room_news,
    serve::{Place, Secure, serve},
    sounds::Sounds,
    store::{OpenError, Store},
    uploads::Offered,
    versions,
    webhooks::{self, ToldRecords, ToldRegistrations, Webhooks},
};
use rustls::pki_types::CertificateDer;
use tokio::{net::TcpListener, runtime::Handle, sync::watch, task::JoinHandle};
use tracing::info;

use super::{
    house::{Parts, Running},
    pulse,
    routes::{AddedRoutes, joined},
    services::{Before, ServiceRoom},
    sound::{self, Silenced},
    timers,
    trials::Trials,
    waiting,
};
use crate::{
    config::{Config, Environment},
    telemetry::Telemetry,
};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder is somebody else's, or of no use.
    #[error(transparent)]
    Folder(#[from] HoldError),
    /// The database does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// What lies in the store cannot be used.
    #[error("the endpoints cannot be loaded")]
    Endpoints(#[source] AccountError),
    /// Routes and trunks make no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Records of calls cannot be kept while the database is away.
    #[error("the spool cannot be used")]
    Spool(#[from] SpoolError),
    /// The same for bindings.
    #[error("the registrations cannot be loaded")]
    Bindings(#[source] patchcord_engine::routing::ShelfError),
    /// The same for versions of services.
    #[error("the versions of services cannot be loaded")]
    Versions(#[source] patchcord_engine::routing::ShelfError),
    /// The same for routes that were added.
    #[error("the routes cannot be loaded")]
    Routes(#[source] patchcord_engine::routing::ShelfError),
    /// There is no first login.
    #[error("the first login cannot be made")]
    People(#[from] PeopleError),
    /// HTTP cannot be served there.
    #[error("{place} cannot be listened on")]
    Web {
        /// Where.
        place: Place,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No control socket.
    #[error(transparent)]
    Control(#[from] control::BindError),
    /// No token for it.
    #[error("the control socket cannot be guarded")]
    Token(#[from] control::TokenError),
    /// Scripts can reach nothing.
    #[error(transparent)]
    Outside(#[from] outside::Unopened),
    /// There can be no sound.
    #[error(transparent)]
    Sound(#[from] Silenced),
    /// SIP cannot be served.
    #[error(transparent)]
    Sip(#[from] runtime::StartError),
    /// HTTP cannot show its certificate.
    #[error(transparent)]
    Shown(#[from] CertificateError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// The system gives no signals.
    #[error("signals cannot be heard")]
    Signals(#[source] std::io::Error),
}

impl StartError {
    /// The key of the configuration that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Folder(_) | Self::Control(_) | Self::Token(_) | Self::Spool(_) => "server.data",
            Self::Store(_)
            | Self::Endpoints(_)
            | Self::Bindings(_)
            | Self::Versions(_)
            | Self::Routes(_)
            | Self::People(_) => "database.url",
            Self::Web { .. } => "web.listen",
            Self::Shown(_) => "web.certificate",
            Self::Sound(error) => error.key(),
            Self::Plan(_) => "route",
            Self::Sip(runtime::StartError::Bind(_)) => "sip.listen",
            Self::Sip(runtime::StartError::Certificate(_)) => "tls.certificate",
            Self::Sip(_) | Self::Random(_) | Self::Signals(_) | Self::Outside(_) => "",
        }
    }

    /// What the person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Folder(error) => error.remedy().into(),
            Self::Store(error) => error.remedy(),
            Self::Endpoints(error) => error.remedy(),
            Self::People(error) => error.remedy().into(),
            Self::Bindings(_) | Self::Versions(_) | Self::Routes(_) => {
                "see that the database is whole, or restore it from a backup".into()
            }
            Self::Web { .. } => "stop who listens there, or choose another address in [web] listen".into(),
            Self::Shown(_) => {
                "correct the files that [web] names; without them the certificate of [tls] is shown".into()
            }
            Self::Sound(error) => error.remedy().into(),
            Self::Plan(_) => "correct [[route]] and [[trunk]]".into(),
            Self::Control(error) => error.remedy().into(),
            Self::Token(_) | Self::Spool(_) => "see that this user may write in the data folder".into(),
            Self::Sip(runtime::StartError::Bind(BindError::Refused(..))) => {
                "choose another address in [sip] listen".into()
            }
            Self::Sip(runtime::StartError::Bind(_)) => "correct [sip] listen".into(),
            Self::Sip(runtime::StartError::Certificate(_)) => {
                "correct the files that [tls] names; without [tls] a certificate is made".into()
            }
            Self::Sip(_) | Self::Random(_) | Self::Signals(_) | Self::Outside(_) => {
                "see the limits that this machine sets for the process".into()
            }
        }
    }
}

/// Where records of calls lie in the data folder while the database is away.
pub(super) const SPOOL_FOLDER: &str = "spool";

/// A running server, and what has to be ended.
pub struct Started {
    pub house: Arc<Running>,
    /// Who writes registrations, and who writes calls.
    pub writers: [JoinHandle<usize>; 2],
    pub doors: Vec<JoinHandle<()>>,
    pub hold: Hold,
    /// Name and password of the first person, when nobody could log in before.
    pub first_login: Option<(String, String)>,
}

/// The data folder, and the store as soon as its database answers. Whoever does not want to wait any longer drops it.
pub async fn take_data(config: &Config) -> Result<(Hold, Store), StartError> {
    // One provider for all who speak TLS; a second one is refused and would be the same.
    let _first_or_same = rustls::crypto::ring::default_provider().install_default();
    let hold = Hold::take(&config.data).await?;
    Ok((hold, waiting::open_store(config).await?))
}

/// Starts everything else; what was begun is let go of when something refuses.
pub async fn start(
    config: Config,
    environment: Environment,
    telemetry: Telemetry,
    stopped: watch::Receiver<bool>,
    (hold, store): (Hold, Store),
) -> Result<Started, StartError> {
    // It holds every room at once while it opens them.
    match Box::pin(open_rooms(config, environment, telemetry, stopped, (&hold, store))).await {
        Ok((house, writers, doors, first_login)) => Ok(Started { house, writers, doors, hold, first_login }),
        Err(error) => {
            control::leave(hold.folder());
            Err(error)
        }
    }
}

/// The house, who writes its registrations and its calls, who answers at its doors, and the first login.
type Rooms = (Arc<Running>, [JoinHandle<usize>; 2], Vec<JoinHandle<()>>, Option<(String, String)>);

async fn open_rooms(
    config: Config,
    environment: Environment,
    telemetry: Telemetry,
    stopped: watch::Receiver<bool>,
    (hold, store): (&Hold, Store),
) -> Result<Rooms, StartError> {
    let (board, accounts) = open_accounts(&config, &store).await?;
    let wall = clock::wall();
    let (registered, routes) = (restore(&store, &board, wall).await?, open_routes(&config, &store, &board).await?);
    let spool = Spool::open(&config.data.join(SPOOL_FOLDER), spool::MOST)?;

    let web = listen_for_http(&config.web.listen).await?;
    // Whoever finds the socket must find the token of this start.
    let (token, control) = (control::Token::make(hold.folder())?, control::bind(hold)?);
    let (recordings, kept) = (config.sound.recordings.as_path().into(), config.sound.kept);
    let (room, voices) = sound::open(&config)?;
    let services = read_services(&config, &store, &environment).await?;
    let (desks, on_shards) = (board.clone(), services.clone());
    let exchange = move |_shard| -> Box<dyn runtime::Desk> {
        Box::new(Exchange::with_services(desks.clone(), clock::now(), on_shards.on_shard()))
    };
    let refused = open_bans(&config, &store, &board).await?;
    let porter = open_porter(&config, &store, &board, &services)?;
    let around = Around { sound: Some(voices), world: Some(Arc::new(porter.clone())), bans: refused.clone() };
    let runtime = Runtime::start_with(config.runtime.clone(), around, exchange)?;

    let (webhooks, forgotten) = (Arc::new(Webhooks::new(config.webhooks.clone())), Arc::new(Forgotten::default()));
    let authorities = sound::authorities(&config)?;
    let telling = webhooks::run(webhooks.clone(), store.clone(), board.clone(), authorities.clone(), stopped.clone());
    let (sounds, (bucket, uploads)) = (prompts(&config), sound::uploads(&config)?);
    let (places, shown) = (web.iter().map(|(_, place)| *place).collect(), certificate_of_pages(&config, &runtime)?);
    let parts = Parts {
        accounts: accounts.clone(),
        store: store.clone(),
        routes,
        runtime: Arc::new(runtime),
        sound: room,
        services: services.clone(),
        porter: porter.clone(),
        webhooks: webhooks.clone(),
        forgotten: forgotten.clone(),
        uploads: uploads.clone(),
        telemetry,
        shown: shown.clone(),
    };
    let (fetching, proxies) = (config.web.acme.clone().map(|acme| (acme, authorities)), config.web.proxies.clone());
    let house = Arc::new(Running::new(config, environment, parts, places));
    let (people, feed) = (Arc::new(people_of(&store, &house)), Arc::new(Feed::new(wall)));
    let (first_login, answers) = (people.first(wall).await?, Arc::new(Answers::default()));
    let registrations = ToldRegistrations::new(store.clone(), webhooks.clone(), registered.into_iter());
    let records = Announced::new(store.clone(), feed.clone());
    let records = ToldRecords::new(Offered::new(records, uploads.clone()), board.clone(), webhooks.clone());
    let writers = open_writers(board, (registrations, records), spool, &stopped);
    let mut rooms = Doors::new(accounts, house.clone(), store, people, recordings, feed);
    (rooms.webhooks, rooms.sounds, rooms.proxies, rooms.uploads) = (webhooks, sounds, proxies, uploads.clone());
    let mut doors = vec![
        tokio::spawn(serve(control, control::routes(rooms.clone(), token), stopped.clone())),
        tokio::spawn(porter.tidy(stopped.clone())),
        tokio::spawn(tell(telling)),
    ];
    doors.extend(open_services(services, &house, &stopped));
    doors.extend(open_keepers(&rooms, (kept, forgotten), refused, &stopped));
    doors.extend(bucket.map(|bucket| tokio::spawn(uploads.keep(bucket, rooms.recordings.clone(), stopped.clone()))));
    doors.extend(web.into_iter().map(|listening| open_pages(listening, (&rooms, &answers), &shown, &stopped)));
    doors.extend(fetching.map(|fetching| open_fetching(fetching, answers, &house, &stopped)));
    Ok((house, writers, doors, first_login))
}

/// What scripts may use; numbers are spoken in English where nobody has taught the house to count in the language.
fn limits(config: &Config) -> Limits {
    let language = Language::of(&config.sound.language).unwrap_or_default();
    Limits { language, ..config.scripts.clone() }
}

/// The services, under the numbers that their texts had.
async fn read_services(config: &Config, store: &Store, environment: &Environment) -> Result<ServiceRoom, StartError> {
    let (sound, trials) = (&config.sound, Trials::new(config.sound.tests));
    let before = Before {
        versions: store.numbers_of_versions().await.map_err(StartError::Versions)?,
        manifests: store.manifests().await.map_err(StartError::Versions)?,
    };
    let services = ServiceRoom::open(&sound.scripts, limits(config), environment, trials, before);
    let mut kept = Vec::new();
    for name in services.doubtful() {
        kept.extend(store.last_version(&name).await.map_err(StartError::Versions)?.map(|last| (name, last)));
    }
    // Tests take a while, and whoever else starts here is not to wait for them.
    let settled = tokio::task::spawn_blocking({
        let services = services.clone();
        move || services.settle(kept)
    });
    settled.await.expect("it does not panic");
    services.warn_of_missing(&config.plan.routes);
    Ok(services)
}

/// Who watches the folder of services and keeps their versions, asks them at their moments, and sees whether each shard goes on.
fn open_services(services: ServiceRoom, house: &Arc<Running>, stopped: &watch::Receiver<bool>) -> [JoinHandle<()>; 4] {
    let (manifests, runtime, store) = (services.manifests(), house.runtime(), house.store().clone());
    [
        tokio::spawn(versions::keep(store, services.versions(), stopped.clone())),
        tokio::spawn(services.watch(stopped.clone())),
        tokio::spawn(timers::keep(manifests, runtime.clone(), stopped.clone())),
        tokio::spawn(pulse::keep(house.pulse().clone(), runtime.clone(), stopped.clone())),
    ]
}

/// Who fetches the certificate of pages and phones, and renews it.
fn open_fetching(
    (acme, authorities): (acme::Settings, Vec<CertificateDer<'static>>),
    answers: Arc<Answers>,
    house: &Arc<Running>,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let told = house.clone();
    tokio::spawn(acme::keep(acme, authorities, answers, move || told.show_renewed(), stopped.clone()))
}

/// Who keeps rooms that are over, bans, failures of registrations and deeds in the store, who forgets, and who draws what a crash cut off.
fn open_keepers(
    rooms: &Doors,
    (kept, forgotten): (Kept, Arc<Forgotten>),
    refused: Arc<Bans>,
    stopped: &watch::Receiver<bool>,
) -> [JoinHandle<()>; 8] {
    let drawing = recordings::draw_missing(rooms.recordings.clone(), runtime::clock::wall(), stopped.clone());
    let (store, board) = (rooms.store.clone(), rooms.accounts.board().clone());
    let told = (rooms.feed.clone(), rooms.webhooks.clone());
    let forgetting = retention::watch(store.clone(), rooms.recordings.clone(), kept, forgotten, stopped.clone());
    [
        tokio::spawn(room_news::watch(board.clone(), told, stopped.clone())),
        tokio::spawn(store.clone().watch(stopped.clone())),
        tokio::spawn(past_rooms::keep(store.clone(), board.clone(), stopped.clone())),
        tokio::spawn(failures::keep(store.clone(), board, stopped.clone())),
        tokio::spawn(bans::keep(store, refused, stopped.clone())),
        tokio::spawn(forgetting),
        tokio::spawn(drawing),
        tokio::spawn(rooms.people.write_late(stopped.clone())),
    ]
}

/// Where endpoints were when the last process ended, and what had failed; gives who they are.
async fn restore(store: &Store, board: &Switchboard, wall: SystemTime) -> Result<HashSet<String>, StartError> {
    let bindings = store.load_bindings(wall).await.map_err(StartError::Bindings)?;
    failures::restore(store, board).await.map_err(StartError::Bindings)?;
    let registered = bindings.iter().map(|binding| binding.user.clone()).collect();
    let restored = board.location.restore(bindings, clock::now(), wall);
    info!(endpoints = board.directory.count(), restored, "the store is open");
    Ok(registered)
}

/// The routes that were added, and the plan with them.
async fn open_routes(config: &Config, store: &Store, board: &Switchboard) -> Result<AddedRoutes, StartError> {
    let (plan, kept) = joined(&config.plan, store.routes().await.map_err(StartError::Routes)?);
    board.replan(plan)?;
    let routes = AddedRoutes::new(kept);
    for hindered in routes.hindered() {
        tracing::warn!("{hindered}");
    }
    Ok(routes)
}

/// Who is refused at every door, as far as that is kept.
async fn open_bans(config: &Config, store: &Store, board: &Arc<Switchboard>) -> Result<Arc<Bans>, StartError> {
    let (bans, wall) = (board.bans.clone(), clock::wall());
    bans.spare(config.runtime.local.clone());
    bans.restore(store.bans(wall).await.map_err(StartError::Bindings)?, wall);
    Ok(bans)
}

/// Who may open the dashboard, and who of them sees numbers.
fn people_of(store: &Store, house: &Running) -> People {
    let config = house.config();
    People::new(store.clone()).masked_for(config.sound.masking).keeping(&config.data)
}

/// Prompts that can be uploaded, and those that are shipped.
fn prompts(config: &Config) -> Sounds {
    let folder = config.sound.scripts.join(crate::config::SOUNDS);
    Sounds::new(folder, shipped::sound, shipped::sounds().map(str::to_owned))
}

/// Who writes registrations, and who writes calls.
fn open_writers(
    board: Arc<Switchboard>,
    (registrations, records): (ToldRegistrations<Store>, ToldRecords<Offered<Announced>>),
    spool: Spool,
    stopped: &watch::Receiver<bool>,
) -> [JoinHandle<usize>; 2] {
    let keeper = tokio::spawn(runtime::keep(board.clone(), Arc::new(registrations), stopped.clone()));
    let scribe = tokio::spawn(runtime::file_calls(board, Arc::new(records), spool, stopped.clone()));
    [keeper, scribe]
}

fn open_pages(
    (listener, place): (TcpListener, Place),
    (rooms, answers): (&Doors, &Arc<Answers>),
    shown: &Arc<Keeper>,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (routes, stopped) = (answers.beside(doors::doors(rooms.clone())), stopped.clone());
    match place.secure {
        true => tokio::spawn(serve(Secure::new(listener, shown.clone()), routes, stopped)),
        false => tokio::spawn(serve(listener, routes, stopped)),
    }
}

/// What `https:` shows: a certificate of its own, or what SIP shows.
fn certificate_of_pages(config: &Config, runtime: &Runtime) -> Result<Arc<Keeper>, CertificateError> {
    match config.web.certificate.clone() {
        Some(source) => Keeper::open(source).map(Arc::new),
        None => Ok(runtime.certificate()),
    }
}

/// Who runs the errands of scripts.
fn open_porter(
    config: &Config,
    store: &Store,
    board: &Arc<Switchboard>,
    services: &ServiceRoom,
) -> Result<Porter, StartError> {
    let settings = outside::Settings {
        authorities: sound::authorities(config)?,
        recordings: config.sound.recordings.clone(),
        mail: config.mail.clone(),
        mailboxes: config.mailboxes.clone(),
        board: Some(board.clone()),
    };
    Ok(Porter::new(Handle::current(), store.clone(), Arc::new(services.clone()), settings)?)
}

/// The endpoints of the file and of the store, and the switchboard that they register at.
pub async fn open_accounts(config: &Config, store: &Store) -> Result<(Arc<Switchboard>, Arc<Accounts>), StartError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(StartError::Random)?;
    let (domain, rules) = (config.domain.as_deref(), config.registrar.clone());
    let board = Arc::new(Switchboard::new(domain, rules, config.digests, secret, clock::now()));
    let accounts = Arc::new(Accounts::new(board.clone(), Arc::new(store.clone())));
    board.replan(config.plan.clone())?;
    board.rooms.fix(config.rooms.clone());
    board.rooms.keep_in(config.sound.recordings.clone());
    board.record_by(config.sound.recording.clone());
    board.bind(config.bounds);
    accounts.load(config.endpoints.clone()).await.map_err(StartError::Endpoints)?;
    Ok((board, accounts))
}

/// Tells receivers what happens. Without authorities there is no TLS, and the loader of prompts has said so already.
async fn tell(telling: impl Future<Output = Result<(), webhooks::Unopened>>) {
    if let Err(error) = telling.await {
        tracing::error!(why = chain(&error), "no receiver of webhooks is told anything");
    }
}

async fn listen_for_http(places: &[Place]) -> Result<Vec<(TcpListener, Place)>, StartError> {
    let mut listening = Vec::new();
    for &place in places {
        let refused = |source| StartError::Web { place, source };
        let listener = TcpListener::bind(place.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        listening.push((listener, Place { address, ..place }));
    }
    Ok(listening)
}

/// Where a start error would have been avoided: the file, or the name it would have.
pub fn blamed(file: Option<&PathBuf>) -> String {
    file.map_or_else(|| crate::config::FILE.to_owned(), |file| file.display().to_string())
}
