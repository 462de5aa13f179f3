//! The endpoint of a person: as whom he calls and is called in the dashboard.
//!
//! An admin ties people to endpoints. Whoever may make endpoints himself and has none makes one by a button on the phone's page: named
//! after him, at the first free number from 100 on. So a fresh server can be called from its own pages at once.

use patchcord_engine::{routing::Calling, runtime::clock};

use crate::{
    accounts::NewEndpoint,
    api::Rooms,
    people::{Asker, Right, guard::away, password::made},
    problem::Problem,
};

/// Numbers that endpoints of people are made at: the house's own.
const NUMBERS: std::ops::Range<u16> = 100..200;

/// Letters of a password that nobody types.
const PASSWORD_LETTERS: usize = 32;

/// The endpoint of whoever asks.
pub async fn endpoint_of(rooms: &Rooms, asker: &Asker) -> Result<Option<String>, Problem> {
    let Some(session) = &asker.session else { return Ok(None) };
    rooms.people.endpoint(&session.user).await.map_err(|error| away(&error))
}

/// Whether whoever asks may make one for himself.
pub fn may_make(asker: &Asker) -> bool {
    asker.session.is_some() && asker.rights.has(Right::ChangeEndpoints) && asker.rights.has(Right::ChangePeople)
}

/// The endpoint of whoever asks; makes one where he may and has none.
pub async fn make(rooms: &Rooms, asker: &Asker) -> Result<Option<String>, Problem> {
    let tied = endpoint_of(rooms, asker).await?;
    let Some(session) = asker.session.as_ref().filter(|_| tied.is_none() && may_make(asker)) else { return Ok(tied) };
    let directory = &rooms.accounts.board().directory;
    // `@` stands in names of people and not in those of endpoints.
    let user = session.user.replace('@', "-at-");
    if directory.find(&user).is_none() {
        let number = NUMBERS.map(|number| number.to_string()).find(|number| directory.reached_by(number).is_none());
        let random = |error: getrandom::Error| Problem::from(crate::people::PeopleError::from(error));
        let password = made(PASSWORD_LETTERS).map_err(random)?;
        let calling = Calling::default();
        let new = NewEndpoint { user: user.clone(), password, number, digests: None, calling };
        rooms.accounts.add(vec![new], clock::wall()).await?;
        rooms.people.note(asker, "added endpoint", &user, clock::wall()).await;
    }
    rooms.people.tie(asker, &session.user, Some(&user), clock::wall()).await?;
    Ok(Some(user))
}

/// Ties a person to an endpoint that is there, or to none.
pub async fn tie(rooms: &Rooms, asker: &Asker, person: &str, endpoint: Option<&str>) -> Result<(), Problem> {
    if let Some(endpoint) = endpoint.filter(|endpoint| rooms.accounts.board().directory.find(endpoint).is_none()) {
        let error = crate::accounts::AccountError::NotFound { user: endpoint.into() };
        return Err(error.into());
    }
    Ok(rooms.people.tie(asker, person, endpoint, clock::wall()).await?)
}
