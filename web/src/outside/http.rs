//! `http`: asks of servers elsewhere.
//!
//! `{method, url, headers?, body? | json?, timeout_ms?}` → `{status, headers, body}`. Only servers that the service's manifest
//! names are asked, and that holds for each redirect, too; those that a pattern lets in are only spoken to on the public
//! internet, judged by the address that is connected to. Whatever status an answer has, it is an answer. A body that is no
//! text is `null`.
//!
//! Connections are kept for a while and shared by all services. Neither what follows a question mark nor a password is told.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::client::legacy::{Client, Error as ClientError};
use patchcord_engine::asked::{self, LARGEST_BODY, Unasked};
use patchcord_media::prompt::shown;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    LONGEST_PATIENCE, Misasked, read,
    rules::{Allowed, Hosts},
    told_time,
};
use crate::{
    fetch::{
        Reach, Withheld,
        connect::{self, Connect, Unconnected},
        reply::{self, Untaken},
        web::{AGENT, MAX_ADDRESS, bare, is_web, login},
    },
    problem::chain,
};

/// How long an answer may take unless the ask says otherwise: a caller waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often an answer may send us elsewhere.
const REDIRECTS: usize = 3;

/// The way to servers elsewhere.
pub(super) struct Http {
    connect: Connect,
    public: Client<Connect, Full<Bytes>>,
    anywhere: Client<Connect, Full<Bytes>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    timeout_ms: Option<u64>,
}

/// A request that may be repeated elsewhere.
struct Question {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAsked {
    #[error(transparent)]
    Misasked(#[from] Misasked),
    #[error(transparent)]
    Unasked(#[from] Unasked),
    #[error("this service may not ask {host}: its manifest does not name it; add it to the hosts of http there")]
    NotNamed { host: String },
    #[error("{} is {}, and only a server that the manifest names in full may be there", .0.address, .0.what)]
    Inside(Withheld),
    #[error("timeout is from 1 ms to {}", told_time(LONGEST_PATIENCE))]
    Timeout,
    #[error("{url} did not answer within {}", told_time(*.within))]
    Late { url: String, within: Duration },
    #[error("{url} cannot be asked: {why}")]
    Unreachable { url: String, why: String },
    #[error("{url} answers with more than {LARGEST_BODY} bytes")]
    Large { url: String },
    #[error("{url} sends us elsewhere: {why}")]
    Elsewhere { url: String, why: &'static str },
}

impl Http {
    pub(super) fn new(connect: &Connect) -> Self {
        let (public, anywhere) = (connect.with(Reach::default()), connect.with(Reach::anywhere()));
        Self { public: public.client(), anywhere: anywhere.client(), connect: public }
    }

    pub(super) async fn answer(&self, hosts: &Hosts, ask: &str) -> Result<Value, NotAsked> {
        let ask: Ask = read(ask)?;
        let within = ask.timeout_ms.map_or(TIMEOUT, Duration::from_millis);
        if within.is_zero() || within > LONGEST_PATIENCE {
            return Err(NotAsked::Timeout);
        }
        asked::address(&ask.url)?;
        let url = Url::parse(&ask.url).ok().filter(|url| is_web(url) && url.has_host());
        let url = url.ok_or_else(|| Unasked::Address(shown(&ask.url)))?;
        let question = Question::of(ask)?;
        let answer = tokio::time::timeout(within, self.ask(hosts, &url, question));
        answer.await.unwrap_or_else(|_| Err(NotAsked::Late { url: shown(url.as_str()), within }))
    }

    /// Asks, and goes where it is sent.
    async fn ask(&self, hosts: &Hosts, url: &Url, mut question: Question) -> Result<Value, NotAsked> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS {
            let answer = self.send(hosts, &url, &question).await?;
            let Some(next) = elsewhere(&url, &answer)? else { return take(&url, &question, answer).await };
            question.turn(&url, &next, answer.status());
            url = next;
        }
        Err(NotAsked::Elsewhere { url: shown(url.as_str()), why: "again and again" })
    }

    async fn send(&self, hosts: &Hosts, url: &Url, question: &Question) -> Result<Response<Incoming>, NotAsked> {
        let allowed = hosts.judge(url);
        let allowed = allowed.ok_or_else(|| NotAsked::NotNamed { host: url.host_str().unwrap_or_default().into() })?;
        let no_address = || Unasked::Address(shown(url.as_str()));
        let target: Uri = bare(url).as_str().parse().map_err(|_| no_address())?;
        let mut request = Request::new(Full::new(question.body.clone()));
        *request.uri_mut() = target;
        *request.method_mut() = question.method.clone();
        *request.headers_mut() = question.headers.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(login) = login(url).filter(|_| !headers.contains_key(header::AUTHORIZATION)) {
            headers.insert(header::AUTHORIZATION, login);
        }
        if !self.connect.may_keep() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let client = if allowed == Allowed::Anywhere { &self.anywhere } else { &self.public };
        client.request(request).await.map_err(|error| refusal(url, &error))
    }
}

impl Question {
    fn of(ask: Ask) -> Result<Self, NotAsked> {
        asked::method(&ask.method)?;
        let method = match ask.method.to_ascii_uppercase().as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => Method::DELETE,
        };
        let mut headers = headers(&ask.headers)?;
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let json = ask.json.map(|json| json.to_string());
        asked::body(ask.body.as_ref().map(String::len), json.as_ref().map(String::len))?;
        let body = match (ask.body, json) {
            (Some(text), _) => {
                headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
                text
            }
            (None, Some(json)) => {
                headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
                json
            }
            (None, None) => String::new(),
        };
        Ok(Self { method, headers, body: body.into() })
    }

    /// Becomes what is asked at the next place: as browsers do it, and with nothing that was meant for the first one only.
    fn turn(&mut self, from: &Url, to: &Url, status: StatusCode) {
        let same = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !same && self.method != Method::HEAD {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers.remove(header::CONTENT_TYPE);
        }
        if from.origin() != to.origin() {
            let kept = [header::USER_AGENT, header::ACCEPT, header::CONTENT_TYPE];
            let kept = kept.into_iter().filter_map(|name| self.headers.remove(&name).map(|value| (name, value)));
            self.headers = kept.collect();
        }
    }
}

fn headers(said: &BTreeMap<String, String>) -> Result<HeaderMap, NotAsked> {
    asked::headers(said.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let mut headers = HeaderMap::new();
    for (given, value) in said {
        let wrong = || Unasked::Header(given.clone());
        let name = HeaderName::try_from(given.as_str()).map_err(|_| wrong())?;
        headers.insert(name, HeaderValue::try_from(value.as_str()).map_err(|_| wrong())?);
    }
    Ok(headers)
}

/// Where the answer sends us, if it does.
fn elsewhere(from: &Url, answer: &Response<Incoming>) -> Result<Option<Url>, NotAsked> {
    let moved = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let named = answer.headers().get(header::LOCATION).filter(|_| moved);
    // One that names no place is an answer like any other.
    let Some(named) = named else { return Ok(None) };
    let wrong = |why| NotAsked::Elsewhere { url: shown(from.as_str()), why };
    let to = named.to_str().ok().filter(|to| to.len() <= MAX_ADDRESS).and_then(|to| from.join(to).ok());
    let to = to.filter(|to| is_web(to) && to.has_host()).ok_or_else(|| wrong("to no address of the web"))?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(wrong("from https to http"));
    }
    Ok(Some(to))
}

async fn take(url: &Url, question: &Question, answer: Response<Incoming>) -> Result<Value, NotAsked> {
    let unreachable = |why: String| NotAsked::Unreachable { url: shown(url.as_str()), why };
    let (head, body) = answer.into_parts();
    let coding = head.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if !matches!(coding, None | Some(b"" | b"identity")) {
        return Err(unreachable("its answer is compressed, which was not asked for".into()));
    }
    // To HEAD a length is announced that does not come.
    let announced = reply::announced(&head.headers).filter(|_| question.method != Method::HEAD);
    let bytes = reply::all_of(body, announced, LARGEST_BODY).await.map_err(|untaken| match untaken {
        Untaken::TooBig => NotAsked::Large { url: shown(url.as_str()) },
        Untaken::Broken(error) => unreachable(chain(&error)),
    })?;
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let told = headers.entry(name.to_string()).or_default();
        // RFC 9110 §5.3: several lines of a header are one, with commas.
        if !told.is_empty() {
            told.push_str(", ");
        }
        told.push_str(&value);
    }
    let body = String::from_utf8(bytes).map_or(Value::Null, Value::String);
    Ok(json!({ "status": head.status.as_u16(), "headers": headers, "body": body }))
}

/// Why no answer came: what is forbidden is told apart from what does not work.
fn refusal(url: &Url, error: &ClientError) -> NotAsked {
    let why = match connect::failure(error) {
        Some(Unconnected::Withheld(withheld)) => return NotAsked::Inside(*withheld),
        Some(unconnected) => chain(unconnected),
        None => chain(error),
    };
    NotAsked::Unreachable { url: shown(url.as_str()), why }
}
