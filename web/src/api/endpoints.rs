//! Phones and browsers that may register, and where they can be reached.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use patchcord_engine::{
    routing::{Binding, Origin},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Rooms,
    ask::{Asked, Named, Said, line},
    wanted::at_most,
};
use crate::{
    accounts::{NewEndpoint, rules::Unfit},
    control::words::{Addition, Additions, CallWords, Endpoint, Endpoints, NewPassword, Registration, Registrations},
    json::Json,
    masking::{masked, told},
    people::{Asker, Right},
    problem::Problem,
};

/// Endpoints in one page of registrations, unless fewer are asked for.
const PAGE: usize = 1_000;

pub(super) async fn list(State(rooms): State<Rooms>, asker: Asker) -> Json<Endpoints> {
    let numbers = asker.rights.has(Right::ReadNumbers);
    let (board, now) = (rooms.accounts.board(), clock::now());
    let endpoints = board.directory.list().into_iter().map(|endpoint| Endpoint {
        reachable: board.location.is_reachable(&endpoint.user, now),
        user: endpoint.user.to_string(),
        number: endpoint.number.as_deref().map(|number| told(number, &asker)),
        digest: endpoint.digests.map(|digests| digests.to_string()),
        calling: shown((&*endpoint.calling).into(), numbers),
        source: match endpoint.origin {
            Origin::File => "file".into(),
            Origin::Store => "database".into(),
        },
        fault: None,
    });
    let damaged = rooms.accounts.damaged().into_iter().map(Endpoint::from);
    Json(Endpoints { endpoints: endpoints.chain(damaged).collect() })
}

/// Call settings, without the number that is shown and those that calls are forwarded to where who asks may not see them.
fn shown(mut calling: CallWords, numbers: bool) -> CallWords {
    calling.caller_id.iter_mut().filter(|_| !numbers).for_each(|shown| *shown = masked(shown));
    if let Some(forward) = calling.forward.as_mut().filter(|_| !numbers) {
        let kinds = [&mut forward.always, &mut forward.busy, &mut forward.no_answer, &mut forward.unreachable];
        kinds.into_iter().flatten().for_each(|target| *target = masked(target));
    }
    calling
}

pub(super) async fn add(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(additions): Said<Additions>,
) -> Result<StatusCode, Problem> {
    let shown = match &additions.endpoints[..] {
        [] => {
            let nobody = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "endpoints: nobody is to be added");
            return Err(nobody.remedy("name at least one"));
        }
        [one] => one.user.clone(),
        all => format!("{} endpoints", all.len()),
    };
    let new = additions.endpoints.into_iter().map(NewEndpoint::try_from).collect::<Result<Vec<_>, _>>();
    rooms
        .accounts
        .add(new.map_err(|unfit| Problem::from(crate::accounts::AccountError::from(unfit)))?, clock::wall())
        .await?;
    rooms.people.note(&asker, "added endpoint", &shown, clock::wall()).await;
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

pub(super) async fn password(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(user): Named<String>,
    Said(new): Said<NewPassword>,
) -> Result<StatusCode, Problem> {
    rooms.accounts.change_password(&user, new.password, clock::wall()).await?;
    rooms.people.note(&asker, "changed password of endpoint", &user, clock::wall()).await;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(user): Named<String>,
) -> Result<StatusCode, Problem> {
    rooms.accounts.remove(&user).await?;
    rooms.people.note(&asker, "removed endpoint", &user, clock::wall()).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

pub(super) async fn registrations(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(page): Asked<Page>,
) -> Result<Json<Registrations>, Problem> {
    line("after", &page.after)?;
    let numbers = asker.rights.has(Right::ReadNumbers);
    let (location, now) = (&rooms.accounts.board().location, clock::now());
    let most = at_most(page.limit, PAGE, PAGE)?;
    let found = location.page(&page.after, most, now);
    let next = (found.len() == most).then(|| found.last().map(|(user, _)| user.to_string())).flatten();
    let shown = |(user, held): (Arc<str>, Vec<Binding>)| {
        let show = move |binding: Binding| Registration {
            user: user.to_string(),
            transport: binding.hop.transport.to_string(),
            peer: binding.hop.peer.to_string(),
            reachable: binding.reachable(),
            expires_s: binding.left(now).as_secs(),
            contact: if numbers { binding.contact.into() } else { masked(&binding.contact) },
            user_agent: binding.user_agent.map(Into::into),
        };
        held.into_iter().map(show)
    };
    Ok(Json(Registrations { registrations: found.into_iter().flat_map(shown).collect(), next }))
}
