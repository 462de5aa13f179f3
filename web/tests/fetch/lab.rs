//! Servers of our own on loopback, and what is asked of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::StreamExt;
use patchcord_media::prompt::{Bounds, Fetch, Fetched, Unfetched, Version};
use patchcord_web::fetch::{Reach, Settings, schemes};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Long enough for a machine that does many other things.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// What the tests fetch may be this large.
pub const BOUNDS: Bounds = Bounds { bytes: 10_000, time: PATIENCE, redirects: 3 };
/// What a slow server gets.
pub const SHORT: Bounds = Bounds { time: Duration::from_millis(300), ..BOUNDS };

/// A request as a server saw it: its line, and its headers.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub from: SocketAddr,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A server on loopback that answers as it is told and remembers what it was asked.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let router = Router::new().fallback(move |peer: axum::extract::ConnectInfo<SocketAddr>, request: Request| {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
            let asked = Seen { line: format!("{} {}", request.method(), request.uri()), headers, from: peer.0 };
            log.lock().unwrap().push(asked.clone());
            let answer = answer(&asked);
            async move { answer }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = axum::serve(listener, service) => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        Self { address, seen, end: Some(end), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// An answer with a status, headers and a body.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// A body that never ends, in pieces of a thousand bytes.
pub fn endless() -> Body {
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 1000])));
    Body::from_stream(pieces)
}

/// A body that begins and then says nothing more.
pub fn stalled() -> Body {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"RIFF"))]);
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

/// The fetchers with this machine's loopback allowed, but only one address of it.
pub fn fetchers() -> HashMap<String, Arc<dyn Fetch>> {
    fetchers_of(Settings { reach: Reach::and(vec!["127.0.0.1/32".parse().unwrap()]), ..Settings::default() })
}

pub fn fetchers_of(settings: Settings) -> HashMap<String, Arc<dyn Fetch>> {
    schemes(settings).unwrap()
}

/// Fetches what was never fetched.
pub fn fetch(fetchers: &HashMap<String, Arc<dyn Fetch>>, name: &str) -> Result<(Vec<u8>, Version), Unfetched> {
    let scheme = name.split_once("://").unwrap().0;
    match fetchers[scheme].fetch(name, None, &BOUNDS)? {
        Fetched::Bytes { bytes, version } => Ok((bytes, version)),
        Fetched::Same => panic!("no version was known"),
    }
}

/// Why a fetch gave nothing, as people are told.
pub fn refusal(fetchers: &HashMap<String, Arc<dyn Fetch>>, name: &str, bounds: &Bounds) -> Unfetched {
    let scheme = name.split_once("://").unwrap().0;
    fetchers[scheme].fetch(name, None, bounds).expect_err("this cannot be fetched")
}
