//! From a request to whoever asks, and what he may.
//!
//! A program shows a bearer token, a person's browser a cookie. What a browser changes must come from a page of ours: a
//! request that another site began is refused, and one with a session carries its token of this session as well, in a
//! header or, from a form, in a field. Decides about no door: each says itself which right it asks for.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use patchcord_engine::{
    room::{By, Orderer},
    routing::ShelfError,
    runtime::clock,
};

use super::{Held, People, Rights, Session};
use crate::{
    problem::{Problem, chain},
    serve::Source,
};

/// The name of the cookie.
pub const COOKIE: &str = "patchcord";

/// The header that scripts of our pages send with what they change.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// What whoever may use the control socket is called.
const COMMAND_LINE: &str = "command line";

/// Longest cookie or token that is looked at.
const LONGEST: usize = 256;

/// Who asks.
#[derive(Clone)]
pub struct Asker {
    /// A user's name, `token …`, or who we are ourselves.
    pub name: String,
    /// From where.
    pub origin: String,
    /// What he may do.
    pub rights: Rights,
    /// The person that he is, or that his token goes back to; none: whoever holds the machine.
    pub person: Option<String>,
    /// The session of a person's browser.
    pub session: Option<Session>,
}

impl Asker {
    /// The server itself.
    pub fn server() -> Self {
        Self { name: "server".into(), origin: "start".into(), rights: Rights::all(), person: None, session: None }
    }

    /// Whoever may use the control socket, or opens the database without a server.
    pub fn command_line() -> Self {
        Self {
            name: COMMAND_LINE.into(),
            origin: "this machine".into(),
            rights: Rights::all(),
            person: None,
            session: None,
        }
    }

    /// As the records of rooms name whoever orders something there.
    pub fn orders(&self) -> By {
        match self.name.strip_prefix("token ") {
            Some(token) if self.session.is_none() => By::named(Orderer::Token, token),
            _ if self.is_command_line() => By::command_line(),
            _ => By::named(Orderer::Person, &self.name),
        }
    }

    fn is_command_line(&self) -> bool {
        self.session.is_none() && self.person.is_none() && self.name == COMMAND_LINE
    }

    pub(super) fn nobody(origin: String) -> Self {
        Self { name: "nobody".into(), origin, rights: Rights::default(), person: None, session: None }
    }

    pub(super) fn named(name: &str, origin: String) -> Self {
        Self { name: name.into(), origin, rights: Rights::default(), person: None, session: None }
    }
}

/// Whoever asks must be somebody.
impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| {
            Problem::new(StatusCode::UNAUTHORIZED, "nobody is logged in, and no token was shown")
                .remedy("log in at /login, or send a token as `Authorization: Bearer …`")
        })
    }
}

/// Finds out who asks, and refuses what other sites make a browser ask for.
pub async fn identify(
    State(people): State<Arc<People>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Response> {
    let origin = source(request.extensions()).to_string();
    let asker = match bearer(request.headers()) {
        Some(shown) => Some(by_token(&people, shown, origin).await.map_err(IntoResponse::into_response)?),
        None => {
            if !request.method().is_safe() {
                refuse_strangers(request.headers()).map_err(IntoResponse::into_response)?;
            }
            match cookie(request.headers()) {
                Some(cookie) => by_cookie(&people, cookie, origin).await.map_err(IntoResponse::into_response)?,
                None => None,
            }
        }
    };
    if let Some(asker) = asker {
        request.extensions_mut().insert(asker);
    }
    Ok(next.run(request).await)
}

/// What a person's script changes over the API carries the token of the session.
pub async fn signed(request: Request, next: Next) -> Result<Response, Problem> {
    let session = request.extensions().get::<Asker>().and_then(|asker| asker.session.as_ref());
    if let (Some(session), false) = (session, request.method() == Method::GET || request.method() == Method::HEAD) {
        let shown = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        if !shown.is_some_and(|shown| session.is_csrf(shown)) {
            return Err(forged());
        }
    }
    Ok(next.run(request).await)
}

/// What is said to a form or script that is none of ours.
pub fn forged() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "this does not come from a page of this session").remedy(
        "load the page again and repeat it; a script sends what its page has in `meta name=csrf` as X-CSRF-Token",
    )
}

/// Where a request comes from.
pub fn source(extensions: &axum::http::Extensions) -> Source {
    extensions.get().copied().unwrap_or(Source::Here)
}

/// What our cookie says.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value).filter(|value| value.len() <= LONGEST)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn by_token(people: &People, shown: &str, origin: String) -> Result<Asker, Problem> {
    let found = match shown.len() <= LONGEST {
        true => people.by_token(shown, clock::wall()).await.map_err(|error| away(&error))?,
        false => None,
    };
    let Some(Held { token, now: rights }) = found else {
        let detail = "the token is unknown, or it has lapsed, or the person who made it is not there any more";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, detail).remedy("make another with `POST /api/v1/tokens`"));
    };
    Ok(Asker { name: format!("token {}", token.name), origin, rights, person: token.person, session: None })
}

async fn by_cookie(people: &People, cookie: &str, origin: String) -> Result<Option<Asker>, Problem> {
    let found = people.by_cookie(cookie, clock::wall()).await.map_err(|error| away(&error))?;
    Ok(found.map(|(session, role)| Asker {
        name: session.user.clone(),
        origin,
        rights: people.rights(role),
        person: Some(session.user.clone()),
        session: Some(session),
    }))
}

/// Browsers say which site began a request; what is no browser says nothing and has no cookie that it did not mean.
fn refuse_strangers(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let ours = match (site, text(header::ORIGIN)) {
        (Some(site), _) if site != "same-origin" && site != "none" => false,
        (_, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(header::HOST)
        }
        (_, None) => true,
    };
    match ours {
        true => Ok(()),
        false => Err(forged()),
    }
}

/// The store cannot say who asks.
pub fn away(error: &ShelfError) -> Problem {
    let why = chain(error);
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let remedy = match () {
        () if says(&["is full", "No space left"]) => "make room on the disk that the database lies on",
        () if says(&["is locked"]) => {
            "another program holds the database, such as a backup or a sqlite3 shell; let it finish or end it"
        }
        () => "see that the database runs",
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn a_request_that_another_site_began_is_refused() {
        let host = ("host", "pbx.example.org");
        for good in [
            &[host][..],
            &[host, ("origin", "https://pbx.example.org")],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "https://pbx.example.org")],
            &[host, ("sec-fetch-site", "none")],
        ] {
            assert!(refuse_strangers(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[host, ("origin", "https://evil.example")][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "https://pbx.example.org.evil.example")],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "https://pbx.example.org")],
        ] {
            assert!(refuse_strangers(&headers(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let found = |value: &str| cookie(&headers(&[("cookie", value)])).map(str::to_owned);
        assert_eq!(found("a=b; patchcord=xyz; c=d").as_deref(), Some("xyz"));
        assert_eq!(found("xpatchcord=xyz"), None);
        assert_eq!(found(&format!("patchcord={}", "x".repeat(LONGEST + 1))), None);
    }
}
