//! A house with a store and two doors, and no SIP.

#[path = "fits.rs"]
mod fits;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use patchcord_engine::{
    journal::Story,
    routing::{BindingRow, Digests, Endpoint, Origin, RegistrarRules, Voucher},
    runtime::{MessageSocket, NotAdopted, clock},
    switchboard::Switchboard,
};
use patchcord_sip::{digest::Credential, hop::Transport};
use patchcord_web::{
    accounts::Accounts,
    api::Rooms,
    control::{self, SOCKET_FILE, Token},
    doors,
    feed::Feed,
    folder::Hold,
    house::{Answer, House, Reloaded, Service, Status, Trouble},
    metrics::Exposition,
    people::People,
    problem::Problem,
    serve::{Ends, serve},
    sounds::Sounds,
    store::{Place, Store},
    webhooks::{Settings, Webhooks},
    workshop::{Examined, Imagined, MadeTest, Replay, ReplayEnd, Tried, Workshop},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{OnceCell, mpsc, watch},
};

/// What a house says of itself in these tests.
pub struct Pretended {
    pub hindrances: Mutex<Vec<String>>,
    /// The services that it has, each with one test, which fails.
    pub services: Mutex<Vec<Service>>,
    /// What is wrong with them.
    pub troubles: Mutex<Vec<Trouble>>,
    adopted: mpsc::UnboundedSender<Adopted>,
    taken: tokio::sync::Mutex<mpsc::UnboundedReceiver<Adopted>>,
}

impl Default for Pretended {
    fn default() -> Self {
        let (adopted, taken) = mpsc::unbounded_channel();
        Self {
            hindrances: Mutex::default(),
            services: Mutex::default(),
            troubles: Mutex::default(),
            adopted,
            taken: taken.into(),
        }
    }
}

/// A connection that was handed over to speak SIP.
pub struct Adopted {
    pub socket: Box<dyn MessageSocket>,
    pub transport: Transport,
    pub ends: Ends,
}

impl House for Pretended {
    fn status(&self) -> Status {
        Status {
            version: "0.0.0".into(),
            pid: 1,
            uptime_s: 2,
            config: None,
            data: "data".into(),
            database: "sqlite:data/patchcord.db".into(),
            domain: None,
            listen: vec!["udp:127.0.0.1:5060".into()],
            web: vec![],
            endpoints: 0,
            registered: 0,
            bindings: 0,
            unwritten: 0,
            calls: 0,
            flows: 0,
            sound: patchcord_web::house::Sound::default(),
            hindrances: vec![],
            warnings: vec![],
        }
    }

    fn measure(&self, page: &mut Exposition) {
        page.gauge("endpoints", "Endpoints that may register", 7);
    }

    fn hindrances(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async { self.hindrances.lock().expect("nobody panics").clone() })
    }

    fn services(&self) -> Vec<Service> {
        self.services.lock().expect("nobody panics").clone()
    }

    fn troubles(&self) -> Vec<Trouble> {
        self.troubles.lock().expect("nobody panics").clone()
    }

    fn workshop(&self) -> Option<&dyn Workshop> {
        Some(self)
    }

    fn adopt(
        &self,
        socket: Box<dyn MessageSocket>,
        transport: Transport,
        ends: Ends,
        vouched: Option<Voucher>,
    ) -> Result<(), NotAdopted> {
        if vouched.is_some() {
            // Nobody speaks SIP here; whoever is vouched for is sent away.
            return Err(NotAdopted::Busy);
        }
        self.adopted.send(Adopted { socket, transport, ends }).map_err(|_| NotAdopted::Busy)
    }

    fn reload(&self) -> Answer<'_, Result<Reloaded, Problem>> {
        Box::pin(async {
            Ok(Reloaded {
                applied: vec!["nothing".into()],
                needs_restart: vec!["sip.listen".into()],
                broken: Vec::new(),
            })
        })
    }
}

impl Workshop for Pretended {
    fn replay(&self, _: Story) -> Answer<'_, Result<Replay, Problem>> {
        Box::pin(async { Ok(Replay { same: Vec::new(), end: ReplayEnd::Through }) })
    }

    fn test_of(&self, _: Story) -> Answer<'_, Result<MadeTest, Problem>> {
        Box::pin(async { Ok(MadeTest { service: "hello".into(), text: "fn test_it(t) {}".into(), ran: Ok(()) }) })
    }

    fn imagine(&self, wanted: Imagined) -> Answer<'_, Result<String, Problem>> {
        let told = self.services().into_iter().find(|service| service.name == wanted.service);
        Box::pin(async { Ok(told.map_or_else(String::new, |service| service.text)) })
    }

    fn examine(&self, service: String) -> Answer<'_, Result<Examined, Problem>> {
        let text =
            self.services().into_iter().find(|known| known.name == service).map_or_else(String::new, |it| it.text);
        let (name, place) = ("it calls".into(), "hello_test.rhai:1".into());
        let test = Tried { name, place, failed: Some(text.clone()), lasted: Duration::from_secs(1) };
        // What is wrong quotes a word of the text.
        let fault = format!("hello.rhai:1:6: nobody is called {}", text.split('"').nth(1).unwrap_or_default());
        Box::pin(async { Ok(Examined { faults: vec![fault], tests: vec![test], ..Examined::default() }) })
    }
}

/// A running house; its folder and its doors go with it.
pub struct Lab {
    pub board: Arc<Switchboard>,
    pub store: Store,
    pub house: Arc<Pretended>,
    pub people: Arc<People>,
    pub feed: Arc<Feed>,
    pub webhooks: Arc<Webhooks>,
    pub web: std::net::SocketAddr,
    rooms: Rooms,
    folder: TempDir,
    _hold: Hold,
    _stop: watch::Sender<bool>,
}

impl Lab {
    /// With one endpoint of the configuration file, `filed`.
    pub async fn new() -> Self {
        Self::telling(Settings::default()).await
    }

    /// The same with receivers of webhooks.
    pub async fn telling(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::parse("sqlite:patchcord.db", folder.path()).expect("a place");
        let store = Store::open(&place, folder.path()).await.expect("a store");
        let rules = RegistrarRules::default();
        let board = Arc::new(Switchboard::new(None, rules, Digests::default(), [7; 32], clock::now()));
        let accounts = Arc::new(Accounts::new(board.clone(), Arc::new(store.clone())));
        let filed = Endpoint::new("filed", Credential::Password("x".into()), Origin::File);
        let filed = Endpoint { number: Some("900".into()), ..filed };
        accounts.load(vec![filed]).await.expect("loaded");

        let house = Arc::new(Pretended::default());
        let (stop, stopped) = watch::channel(false);
        let hold = Hold::take(folder.path()).await.expect("the folder is ours");
        let listener = control::bind(&hold).expect("a socket");
        let token = Token::make(folder.path()).expect("a token");
        let people = Arc::new(People::new(store.clone()));
        let feed = Arc::new(Feed::new(clock::wall()));
        let recordings = folder.path().join("recordings").into();
        let webhooks = Arc::new(Webhooks::new(settings));
        let mut rooms = Rooms::new(accounts, house.clone(), store.clone(), people.clone(), recordings, feed.clone());
        rooms.webhooks = webhooks.clone();
        rooms.proxies = std::iter::once("127.0.0.1/32".parse().expect("a network")).collect();
        rooms.sounds = Sounds::new(folder.path().join("sounds"), |_| None, std::iter::empty());
        tokio::spawn(serve(listener, control::routes(rooms.clone(), token), stopped.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let web = listener.local_addr().expect("an address");
        tokio::spawn(serve(listener, doors::doors(rooms.clone()), stopped));
        Self { board, feed, store, house, people, webhooks, web, rooms, folder, _hold: hold, _stop: stop }
    }

    /// What is served at the HTTP doors.
    pub fn doors(&self) -> axum::Router {
        doors::doors(self.rooms.clone())
    }

    /// The next connection that is handed over.
    pub async fn adopted(&self) -> Adopted {
        self.house.taken.lock().await.recv().await.expect("the house is there")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder().join(SOCKET_FILE)
    }

    /// Orders something over the control socket, with the right token.
    pub async fn order(&self, method: &str, path: &str, body: &str) -> Answered {
        let token = Token::read(self.folder()).expect("the token");
        self.order_with(&format!("Authorization: Bearer {token}\r\n"), method, path, body).await
    }

    /// The same with more headers.
    pub async fn order_as(&self, headers: &str, method: &str, path: &str, body: &str) -> Answered {
        let token = Token::read(self.folder()).expect("the token");
        self.order_with(&format!("Authorization: Bearer {token}\r\n{headers}"), method, path, body).await
    }

    /// The same with another header in place of the token.
    pub async fn order_with(&self, header: &str, method: &str, path: &str, body: &str) -> Answered {
        let stream = UnixStream::connect(self.socket()).await.expect("the socket answers");
        let answered = exchange(stream, header, method, path, body).await;
        self.judge(method, path, &answered).await;
        answered
    }

    /// What a door answers in JSON is what the description of the API says that it answers.
    async fn judge(&self, method: &str, path: &str, answered: &Answered) {
        static DOCUMENT: OnceCell<Value> = OnceCell::const_new();
        let told = answered.kind == "application/json" && (200..300).contains(&answered.status);
        let says = path.starts_with("/api/v1/") && path != "/api/v1/openapi.json" && !path.contains("/ask");
        // What is written piece by piece comes with the lengths of its pieces.
        if !told || !says || answered.header("transfer-encoding") == "chunked" {
            return;
        }
        let document = DOCUMENT.get_or_init(|| async {
            let token = Token::read(self.folder()).expect("the token");
            let stream = UnixStream::connect(self.socket()).await.expect("the socket answers");
            let header = format!("Authorization: Bearer {token}\r\n");
            exchange(stream, &header, "GET", "/api/v1/openapi.json", "").await.json()
        });
        fits::judge(document.await, method, path, &answered.body);
    }

    /// Asks for a page of the HTTP doors.
    pub async fn page(&self, method: &str, path: &str) -> Answered {
        let stream = TcpStream::connect(self.web).await.expect("the door answers");
        exchange(stream, "", method, path, "").await
    }

    /// Asks at the HTTP doors, with these headers and that body.
    pub async fn ask(&self, headers: &str, method: &str, path: &str, body: &str) -> Answered {
        let stream = TcpStream::connect(self.web).await.expect("the door answers");
        let answered = exchange(stream, headers, method, path, body).await;
        self.judge(method, path, &answered).await;
        answered
    }

    /// How many bindings the store keeps.
    pub async fn stored_bindings(&self) -> usize {
        use patchcord_engine::routing::BindingShelf;
        self.store.load_bindings(UNIX_EPOCH).await.expect("loaded").len()
    }

    /// Binds a phone of `user`, as a restart finds it.
    pub async fn bind(&self, user: &str) {
        use patchcord_engine::routing::{BindingChange, BindingShelf};
        let (now, wall) = (clock::now(), clock::wall());
        let row = binding(user, wall + Duration::from_secs(600));
        let change = BindingChange { user: user.into(), rows: vec![row.clone()] };
        self.store.write_bindings(vec![change]).await.expect("written");
        assert_eq!(self.board.location.restore(vec![row], now, wall), 1);
    }

    pub fn bindings_of(&self, user: &str) -> usize {
        let now: Instant = clock::now();
        self.board.location.bindings(user, now).len()
    }
}

fn binding(user: &str, expires: SystemTime) -> BindingRow {
    BindingRow {
        user: user.into(),
        contact: format!("sip:{user}@198.51.100.7:5062"),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: vec![],
        call_id: "c1".into(),
        cseq: 1,
        expires,
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        peer: "198.51.100.7:5062".parse().expect("an address"),
        flow_bound: false,
        user_agent: Some("Phone/1".into()),
        updated: UNIX_EPOCH,
    }
}

/// An answer, cut into what the tests look at.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub kind: String,
    pub head: String,
    pub body: String,
}

impl Answered {
    /// What a header says.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The detail of a problem document of that status.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.kind.as_str()), (status, "application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        problem["detail"].as_str().expect("a detail").to_owned()
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    header: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Answered {
    let kind = if header.contains("Content-Type") { "" } else { "Content-Type: application/json\r\n" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}{kind}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    // An answer may come, and the rest be refused, before all of the body is there.
    let _all_or_part = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _whole_or_reset = stream.read_to_end(&mut answer).await;
    // Files are asked for, too.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    Answered { status, kind: kind.into(), head: head.into(), body: body.into() }
}
