//! Prompts over HTTP and HTTPS.
//!
//! A GET without compression, following redirects to HTTP and HTTPS up to the limit, never from HTTPS to HTTP. What was
//! fetched is known again by the server's entity tag and date, or by its bytes where the server gives neither. An address
//! may hold a name and password; they go to that server and nowhere else, and neither they nor what is asked after the
//! question mark is ever told.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use patchcord_media::prompt::{Bounds, Fetch, Fetched, Unfetched, Version, shown};
use percent_encoding::percent_decode_str;
use url::Url;

use super::connect::{self, Connect, Unconnected};
use super::reply::{self, Untaken};
use super::worker::{Undone, Worker};
use crate::problem::chain;

/// Longer addresses are refused by many servers.
pub(crate) const MAX_ADDRESS: usize = patchcord_engine::asked::LONGEST_ADDRESS;
/// Who asks.
pub(crate) const AGENT: &str = concat!("patchcord/", env!("CARGO_PKG_VERSION"));
/// What is wanted, and the rest as well: servers name sound as they like.
const ACCEPT: &str = "audio/*, application/ogg, */*;q=0.5";

/// Prompts over HTTP and HTTPS.
pub(super) struct Web {
    worker: Arc<Worker>,
    connect: Connect,
    client: Client<Connect, Empty<Bytes>>,
}

impl Web {
    pub(super) fn new(worker: Arc<Worker>, connect: Connect) -> Self {
        Self { worker, client: connect.client(), connect }
    }
}

impl Fetch for Web {
    fn fetch(&self, name: &str, known: Option<&Version>, bounds: &Bounds) -> Result<Fetched, Unfetched> {
        let teller = Teller { name: shown(name), bounds: *bounds };
        let question = Question {
            url: address(name).ok_or_else(|| teller.unreachable("that is no address of the web"))?,
            known: known.map(Known::read),
            teller: teller.clone(),
            connect: self.connect.clone(),
            client: self.client.clone(),
        };
        let fetched = self.worker.wait(bounds.time, question.ask());
        let fetched = fetched.unwrap_or_else(|undone| Err(teller.undone(undone)));
        match &fetched {
            Ok(Fetched::Same) => tracing::debug!(name = teller.name, "prompt is unchanged"),
            Ok(Fetched::Bytes { bytes, .. }) => {
                tracing::debug!(name = teller.name, bytes = bytes.len(), "prompt fetched")
            }
            Err(error) => tracing::debug!(%error, "prompt not fetched"),
        }
        fetched
    }
}

fn address(name: &str) -> Option<Url> {
    let url = Url::parse(name).ok().filter(|_| name.len() <= MAX_ADDRESS)?;
    (is_web(&url) && url.has_host()).then_some(url)
}

pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Tells failures under the name that may be shown.
#[derive(Clone)]
pub(super) struct Teller {
    pub name: String,
    pub bounds: Bounds,
}

impl Teller {
    pub(super) fn unreachable(&self, why: impl Into<String>) -> Unfetched {
        Unfetched::Unreachable { name: self.name.clone(), why: why.into() }
    }

    pub(super) fn forbidden(&self, why: impl Into<String>) -> Unfetched {
        Unfetched::Forbidden { name: self.name.clone(), why: why.into() }
    }

    pub(super) fn wrong_kind(&self, kind: String) -> Unfetched {
        Unfetched::WrongKind { name: self.name.clone(), kind }
    }

    pub(super) fn missing(&self, places: &str) -> Unfetched {
        Unfetched::Missing { name: self.name.clone(), places: places.to_owned() }
    }

    pub(super) fn undone(&self, undone: Undone) -> Unfetched {
        match undone {
            Undone::Late => Unfetched::Late { name: self.name.clone(), limit: self.bounds.time },
            Undone::Full | Undone::Ended => self.unreachable(undone.to_string()),
        }
    }

    pub(super) fn untaken<E: Error>(&self, untaken: Untaken<E>) -> Unfetched {
        match untaken {
            Untaken::TooBig => Unfetched::TooBig { name: self.name.clone(), limit: self.bounds.bytes },
            Untaken::Broken(error) => self.unreachable(chain(&error)),
        }
    }
}

/// The version that is known: where it was found at last, and by what it is told from the next.
struct Known {
    place: String,
    tag: String,
    modified: String,
    /// Of the bytes, where the server gives neither.
    print: String,
}

impl Known {
    fn read(version: &Version) -> Self {
        let mut parts = version.0.split('\n').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Self { place: next(), tag: next(), modified: next(), print: next() }
    }

    fn of(url: &Url, answer: &Response<Incoming>) -> Self {
        let mark = |name| reply::mark(answer.headers(), name).unwrap_or_default().to_owned();
        let (tag, modified) = (mark(header::ETAG), mark(header::LAST_MODIFIED));
        Self { place: place(url), tag, modified, print: String::new() }
    }

    fn written(&self) -> Version {
        let Self { place, tag, modified, print } = self;
        Version(format!("{place}\n{tag}\n{modified}\n{print}").into())
    }

    fn has_mark(&self) -> bool {
        !(self.tag.is_empty() && self.modified.is_empty())
    }
}

/// Stands for an address without what is asked there: signed addresses differ each time in that.
fn place(url: &Url) -> String {
    reply::fingerprint(format!("{}{}", url.origin().ascii_serialization(), url.path()).as_bytes())
}

/// One file that is wanted.
struct Question {
    url: Url,
    known: Option<Known>,
    teller: Teller,
    connect: Connect,
    client: Client<Connect, Empty<Bytes>>,
}

impl Question {
    async fn ask(mut self) -> Result<Fetched, Unfetched> {
        let login = login(&self.url).map(|login| (self.url.origin(), login));
        let mut url = self.url.clone();
        for _ in 0..=self.teller.bounds.redirects {
            let login = login.as_ref().filter(|(origin, _)| *origin == url.origin()).map(|(_, login)| login);
            // Another place may by chance call another file by the same mark.
            let known = self.known.take_if(|known| known.place == place(&url) && known.has_mark());
            let answer = self.get(&url, login, known.as_ref()).await?;
            match answer.status() {
                StatusCode::OK => return self.take(&url, answer).await,
                StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::Same),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => url = self.elsewhere(&url, &answer)?,
                StatusCode::NOT_FOUND | StatusCode::GONE => {
                    return Err(self.teller.missing(url.host_str().unwrap_or_default()));
                }
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    return Err(self.teller.forbidden(format!("the server answers {status}")));
                }
                status => return Err(self.teller.unreachable(format!("the server answers {status}"))),
            }
            // What was known of one place is of no use at the next, unless that is the one it came from.
            self.known = self.known.or(known);
        }
        let redirects = self.teller.bounds.redirects;
        Err(self.teller.unreachable(format!("the server sends us elsewhere more than {redirects} times")))
    }

    async fn get(
        &self,
        url: &Url,
        login: Option<&HeaderValue>,
        known: Option<&Known>,
    ) -> Result<Response<Incoming>, Unfetched> {
        let no_address = || self.teller.unreachable("that is no address of the web");
        let uri: Uri = bare(url).as_str().parse().map_err(|_| no_address())?;
        let mut request = Request::get(uri)
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, ACCEPT)
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(login) = login {
            request = request.header(header::AUTHORIZATION, login);
        }
        let marks =
            known.map(|known| [(header::IF_NONE_MATCH, &known.tag), (header::IF_MODIFIED_SINCE, &known.modified)]);
        for (name, mark) in marks.into_iter().flatten().filter(|(_, mark)| !mark.is_empty()) {
            request = request.header(name, mark);
        }
        if !self.connect.may_keep() {
            request = request.header(header::CONNECTION, "close");
        }
        let request = request.body(Empty::new()).map_err(|_| no_address())?;
        self.client.request(request).await.map_err(|error| refusal(&self.teller, &error))
    }

    /// Where the answer sends us, if we go there.
    fn elsewhere(&self, from: &Url, answer: &Response<Incoming>) -> Result<Url, Unfetched> {
        let named = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let to = named.filter(|to| to.len() <= MAX_ADDRESS).and_then(|to| from.join(to).ok());
        let to = to.ok_or_else(|| self.teller.unreachable("the server sends us elsewhere without saying where"))?;
        if !is_web(&to) {
            return Err(self.teller.forbidden(format!("the server sends us to a {} address", to.scheme())));
        }
        if from.scheme() == "https" && to.scheme() == "http" {
            return Err(self.teller.forbidden("the server sends us from https to http"));
        }
        Ok(to)
    }

    async fn take(&self, url: &Url, answer: Response<Incoming>) -> Result<Fetched, Unfetched> {
        if let Some(kind) = reply::no_sound(answer.headers()) {
            return Err(self.teller.wrong_kind(kind));
        }
        let coding = answer.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
        if !matches!(coding, None | Some(b"" | b"identity")) {
            return Err(self.teller.unreachable("the server sends it compressed, which was not asked for"));
        }
        let mut version = Known::of(url, &answer);
        let announced = reply::announced(answer.headers());
        let taken = reply::all_of(answer.into_body(), announced, self.teller.bounds.bytes).await;
        let bytes = taken.map_err(|untaken| self.teller.untaken(untaken))?;
        if !version.has_mark() {
            version.print = reply::fingerprint(&bytes);
            if self.known.as_ref().is_some_and(|known| known.print == version.print) {
                return Ok(Fetched::Same);
            }
        }
        Ok(Fetched::Bytes { bytes, version: version.written() })
    }
}

/// The address without what is not sent in it.
pub(crate) fn bare(url: &Url) -> Url {
    let mut bare = url.clone();
    // Both only fail where there is no host.
    let _name = bare.set_username("");
    let _password = bare.set_password(None);
    bare.set_fragment(None);
    bare
}

/// The name and password of an address, as they are sent.
pub(crate) fn login(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", data_encoding::BASE64.encode(&plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Why no answer came: what the configuration forbids is told apart from what does not work.
fn refusal(teller: &Teller, error: &(dyn Error + 'static)) -> Unfetched {
    match connect::failure(error) {
        Some(Unconnected::Withheld(withheld)) => teller.forbidden(withheld.to_string()),
        Some(unconnected) => teller.unreachable(chain(unconnected)),
        None => teller.unreachable(chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_version_is_read_as_it_was_written() {
        let known = Known { place: "p".into(), tag: "W/\"1\"".into(), modified: String::new(), print: String::new() };
        let read = Known::read(&known.written());
        assert_eq!(
            (read.place, read.tag, read.modified, read.print),
            ("p".into(), known.tag, known.modified, known.print)
        );
        let foreign = Known::read(&Version("160-1234".into()));
        assert!(!foreign.has_mark(), "a version of another place asks for nothing");
    }

    #[test]
    fn a_password_is_sent_as_a_header_and_not_in_the_address() {
        let asked = url("https://ann:p%40ss@example.com/a.wav?x=1#top");
        assert_eq!(bare(&asked).as_str(), "https://example.com/a.wav?x=1");
        assert_eq!(login(&asked).unwrap(), "Basic YW5uOnBAc3M=");
        assert_eq!(login(&url("https://example.com/")), None);
    }

    #[test]
    fn one_place_is_one_place_whatever_is_asked_there() {
        assert_eq!(place(&url("https://a.example/x?sig=1")), place(&url("https://ann@a.example:443/x?sig=2#y")));
        assert_ne!(place(&url("https://a.example/x")), place(&url("https://a.example/y")));
        assert_ne!(place(&url("https://a.example/x")), place(&url("http://a.example/x")));
    }

    #[test]
    fn what_is_no_address_of_the_web_is_not_asked() {
        for wrong in ["http://", "https:///a.wav", "http://exa mple.com/", "ftp://example.com/a.wav", "http://[::1/"] {
            assert!(address(wrong).is_none_or(|url| url.host_str() == Some("a.wav")), "{wrong}");
        }
        assert!(address(&format!("http://example.com/{}", "x".repeat(MAX_ADDRESS))).is_none());
    }
}
