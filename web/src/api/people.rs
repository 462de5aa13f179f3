//! Users, tokens and the audit log.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use patchcord_engine::{routing::ShelfError, runtime::clock};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use super::{
    Rooms,
    ask::{Asked, Named, Said},
    may_not,
    wanted::at_most,
};
use crate::{
    control::words::{
        Audit, DeedWords, MadeToken, NewToken, NewUser, TokenWords, Tokens, UserChange, UserWords, Users,
    },
    json::Json,
    masking::masked,
    people::{Asker, PeopleError, Right, Rights, Role, UnknownWord, guard::away},
    phone::{own, token},
    problem::{Problem, chain},
    store::MAX_DEEDS,
};

/// Deeds in a page, unless another number is asked for.
const USUAL: usize = 100;

/// Longest life of a token in days: beyond it somebody mistook the unit.
pub(super) const MOST_DAYS: u32 = 3650;

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        let status = match &error {
            PeopleError::Name(_) | PeopleError::Password(_) | PeopleError::NoScope => StatusCode::BAD_REQUEST,
            PeopleError::Beyond => StatusCode::FORBIDDEN,
            PeopleError::Exists(_) | PeopleError::LastAdmin(_) => StatusCode::CONFLICT,
            PeopleError::NotFound(_) => StatusCode::NOT_FOUND,
            PeopleError::Full => StatusCode::INSUFFICIENT_STORAGE,
            PeopleError::Shelf(ShelfError::Refused(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            PeopleError::Shelf(_) | PeopleError::Hash(_) | PeopleError::Random(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, chain(&error)).remedy(error.remedy())
    }
}

fn role(word: &str) -> Result<Role, Problem> {
    word.parse().map_err(|UnknownWord(word)| {
        Problem::new(StatusCode::BAD_REQUEST, format!("{word:?} is no role")).remedy("write admin, operator or viewer")
    })
}

pub(super) async fn users(State(rooms): State<Rooms>) -> Result<Json<Users>, Problem> {
    let users = rooms.people.users().await.map_err(|error| away(&error))?;
    Ok(Json(Users { users: users.iter().map(UserWords::from).collect() }))
}

pub(super) async fn add(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(new): Said<NewUser>,
) -> Result<StatusCode, Problem> {
    rooms.people.add(&asker, &new.name, new.password, role(&new.role)?, clock::wall()).await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn change(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(user): Named<String>,
    Said(change): Said<UserChange>,
) -> Result<StatusCode, Problem> {
    let role = change.role.as_deref().map(role).transpose()?;
    if change.password.is_none() && role.is_none() && change.endpoint.is_none() {
        let nothing = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing is to be changed");
        return Err(nothing.remedy("name password, role or endpoint"));
    }
    if let Some(endpoint) = change.endpoint {
        own::tie(&rooms, &asker, &user, Some(&*endpoint).filter(|endpoint| !endpoint.is_empty())).await?;
    }
    if change.password.is_some() || role.is_some() {
        rooms.people.change(&asker, &user, change.password, role, clock::wall()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(user): Named<String>,
) -> Result<StatusCode, Problem> {
    rooms.people.remove(&asker, &user, clock::wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn tokens(State(rooms): State<Rooms>) -> Result<Json<Tokens>, Problem> {
    let tokens = rooms.people.tokens().await.map_err(|error| away(&error))?;
    Ok(Json(Tokens { tokens: tokens.iter().map(TokenWords::from).collect() }))
}

/// A token of either kind.
pub(super) enum Wished {
    Browser(NewBrowserToken),
    Program(NewToken),
}

impl<'de> Deserialize<'de> for Wished {
    /// The kind is read first: what is wrong with the rest is then told of that kind.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut said = Map::<String, Value>::deserialize(deserializer)?;
        let wished = match said.remove("kind") {
            None => serde_json::from_value(said.into()).map(Self::Program),
            Some(kind) if kind == "browser" => serde_json::from_value(said.into()).map(Self::Browser),
            Some(kind) => {
                return Err(D::Error::custom(format_args!(
                    "{kind} is no kind of token: write \"browser\" for one of a guest's, or leave kind out for one of a program's"
                )));
            }
        };
        wished.map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBrowserToken {
    #[serde(default)]
    name: Option<String>,
    numbers: Vec<String>,
    #[serde(default)]
    expires: Option<u64>,
    #[serde(default)]
    calls: Option<u32>,
}

pub(super) async fn make_token(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(wished): Said<Wished>,
) -> Result<Response, Problem> {
    match wished {
        Wished::Browser(new) => {
            let NewBrowserToken { name, numbers, expires, calls } = new;
            let told = numbers.join(" ");
            let wish = token::Wish { name, numbers, expires, calls };
            let minted = token::mint(wish, &rooms.store.signer(), clock::wall()).map_err(|error| {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, chain(&error))
                    .remedy("write kind, numbers, and where you like name, expires in seconds and calls at once")
            })?;
            rooms.people.note(&asker, "minted a guest's token for", &told, clock::wall()).await;
            Ok((StatusCode::CREATED, Json(minted)).into_response())
        }
        Wished::Program(new) => Ok(make_program_token(&rooms, &asker, new).await?.into_response()),
    }
}

async fn make_program_token(
    rooms: &Rooms,
    asker: &Asker,
    new: NewToken,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    if !asker.rights.has(Right::ChangePeople) {
        return Err(may_not(Right::ChangePeople));
    }
    let rights: Rights = new.scopes.iter().map(|scope| scope.parse()).collect::<Result<_, UnknownWord>>().map_err(
        |UnknownWord(word)| {
            Problem::new(StatusCode::BAD_REQUEST, format!("{word:?} is no scope"))
                .remedy(format!("choose of {}", Rights::all()))
        },
    )?;
    let lasts = match new.days {
        None => None,
        Some(days) if (1..=MOST_DAYS).contains(&days) => Some(Duration::from_secs(u64::from(days) * 86_400)),
        Some(days) => {
            return Err(Problem::new(StatusCode::BAD_REQUEST, format!("{days} days are out of range"))
                .remedy(format!("write 1 to {MOST_DAYS}, or leave it out")));
        }
    };
    let token = rooms.people.make_token(asker, &new.name, rights, lasts, clock::wall()).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { token })))
}

pub(super) async fn remove_token(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(token): Named<String>,
) -> Result<StatusCode, Problem> {
    rooms.people.remove_token(&asker, &token, clock::wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    before: Option<i64>,
    limit: Option<usize>,
}

pub(super) async fn audit(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(page): Asked<Page>,
) -> Result<Json<Audit>, Problem> {
    let most = at_most(page.limit, USUAL, MAX_DEEDS)?;
    let mut deeds = rooms.people.deeds(page.before, most).await.map_err(|error| away(&error))?;
    if !asker.rights.has(Right::ReadNumbers) {
        deeds.iter_mut().for_each(|deed| deed.object = masked(&deed.object));
    }
    let next = (deeds.len() == most).then(|| deeds.last().map(|deed| deed.number)).flatten();
    Ok(Json(Audit { deeds: deeds.into_iter().map(DeedWords::from).collect(), next }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_token_is_told_of_the_kind_that_is_wished() {
        let wrong = |wish: Value| serde_json::from_value::<Wished>(wish).err().map(|error| error.to_string());
        assert_eq!(wrong(json!({ "kind": "browser", "numbers": ["1000"] })), None);
        assert_eq!(wrong(json!({ "name": "ci", "scopes": ["calls:read"] })), None);
        for (wish, words) in [
            (json!({ "kind": "brwoser", "numbers": ["1000"] }), "\"brwoser\" is no kind of token"),
            (json!({ "kind": 7 }), "7 is no kind of token"),
            (json!({ "kind": "browser", "numbers": "1000" }), "\"1000\""),
            (json!({ "kind": "browser", "numbers": ["1000"], "call": 1 }), "unknown field `call`"),
            (json!({ "kind": "browser" }), "missing field `numbers`"),
            (json!({ "name": "ci" }), "missing field `scopes`"),
        ] {
            let told = wrong(wish).expect("refused");
            assert!(told.contains(words), "{told}");
        }
    }
}
