//! The routes of the control socket.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State},
    http::{StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::Response,
    routing::{get, post, put},
};
use patchcord_engine::{
    journal::RecordShelf,
    routing::{Binding, Origin},
    runtime::clock,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Token, records,
    words::{Addition, Additions, CallWords, Endpoint, Endpoints, NewPassword, Registration, Registrations},
};
use crate::{
    accounts::{Accounts, NewEndpoint, rules::Unfit},
    doors::{nothing_here, wrong_method},
    house::{House, Reloaded, Status},
    problem::Problem,
};

/// Largest body of a request: a hundred thousand endpoints added at once.
pub const MAX_BODY: usize = 16 << 20;

/// Endpoints in one page of registrations, unless fewer are asked for.
const PAGE: usize = 1_000;

#[derive(Clone)]
struct Rooms {
    accounts: Arc<Accounts>,
    house: Arc<dyn House>,
}

pub(super) fn routes(
    accounts: Arc<Accounts>,
    house: Arc<dyn House>,
    records: Arc<dyn RecordShelf>,
    token: Token,
) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/endpoints", get(list).post(add))
        .route("/api/v1/endpoints/{user}", axum::routing::delete(remove))
        .route("/api/v1/endpoints/{user}/password", put(password))
        .route("/api/v1/registrations", get(registrations))
        .route("/api/v1/reload", post(reload))
        .with_state(Rooms { accounts, house })
        .merge(records::routes(records))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(token, check))
}

/// Lets nobody past who does not carry the token.
async fn check(State(token): State<Token>, request: Request, next: Next) -> Result<Response, Problem> {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match shown.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(shown) if token.is(shown) => Ok(next.run(request).await),
        _ => {
            let detail = "the request carries no token, or that of another start";
            Err(Problem::new(StatusCode::UNAUTHORIZED, detail)
                .remedy("send the text of control.token as a bearer token"))
        }
    }
}

async fn status(State(rooms): State<Rooms>) -> Json<Status> {
    let hindrances = rooms.house.hindrances().await;
    Json(Status { hindrances, ..rooms.house.status() })
}

async fn list(State(rooms): State<Rooms>) -> Json<Endpoints> {
    let (board, now) = (rooms.accounts.board(), clock::now());
    let endpoints = board.directory.list().into_iter().map(|endpoint| Endpoint {
        reachable: board.location.is_reachable(&endpoint.user, now),
        user: endpoint.user.to_string(),
        number: endpoint.number.as_deref().map(Into::into),
        digest: endpoint.digests.map(|digests| digests.to_string()),
        calling: (&*endpoint.calling).into(),
        source: match endpoint.origin {
            Origin::File => "file".into(),
            Origin::Store => "database".into(),
        },
        fault: None,
    });
    let damaged = rooms.accounts.damaged().into_iter().map(Endpoint::from);
    Json(Endpoints { endpoints: endpoints.chain(damaged).collect() })
}

async fn add(State(rooms): State<Rooms>, Said(additions): Said<Additions>) -> Result<StatusCode, Problem> {
    let new = additions.endpoints.into_iter().map(NewEndpoint::try_from).collect::<Result<Vec<_>, _>>();
    rooms
        .accounts
        .add(new.map_err(|unfit| Problem::from(crate::accounts::AccountError::from(unfit)))?, clock::wall())
        .await?;
    Ok(StatusCode::CREATED)
}

impl TryFrom<Addition> for NewEndpoint {
    type Error = Unfit;

    fn try_from(addition: Addition) -> Result<Self, Unfit> {
        let Addition { user, password, number, digest, codecs, srtp, calls, caller_id, forward } = addition;
        let digests = digest.as_deref().map(str::parse).transpose().map_err(Unfit::Digest)?;
        let calling = CallWords { codecs, srtp, calls, caller_id, forward }.try_into()?;
        Ok(Self { user, password, number, digests, calling })
    }
}

async fn password(
    State(rooms): State<Rooms>,
    Path(user): Path<String>,
    Said(new): Said<NewPassword>,
) -> Result<StatusCode, Problem> {
    rooms.accounts.change_password(&user, new.password, clock::wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(State(rooms): State<Rooms>, Path(user): Path<String>) -> Result<StatusCode, Problem> {
    rooms.accounts.remove(&user).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

async fn registrations(State(rooms): State<Rooms>, Asked(page): Asked<Page>) -> Json<Registrations> {
    let (location, now) = (&rooms.accounts.board().location, clock::now());
    let most = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let found = location.page(&page.after, most, now);
    let next = (found.len() == most).then(|| found.last().map(|(user, _)| user.to_string())).flatten();
    let shown = |(user, held): (Arc<str>, Vec<Binding>)| {
        let show = move |binding: Binding| Registration {
            user: user.to_string(),
            transport: binding.hop.transport.to_string(),
            peer: binding.hop.peer.to_string(),
            reachable: binding.reachable(),
            expires_s: binding.left(now).as_secs(),
            contact: binding.contact.into(),
            user_agent: binding.user_agent.map(Into::into),
        };
        held.into_iter().map(show)
    };
    Json(Registrations { registrations: found.into_iter().flat_map(shown).collect(), next })
}

async fn reload(State(rooms): State<Rooms>) -> Result<Json<Reloaded>, Problem> {
    rooms.house.reload().await.map(Json)
}

/// A JSON body; what is wrong with it is a problem document.
struct Said<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(said)) => Ok(Self(said)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

/// The query of a request; what is wrong with it is a problem document.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}
