//! `patchcord user …`: asks the running server, or opens the store when none runs.

use std::path::Path;

use hyper::Method;
use patchcord_engine::runtime::clock;
use patchcord_web::{
    control::words::{NewUser, UserChange, UserWords, Users},
    people::{Asker, People, PeopleError, Role},
    problem::{Problem, chain},
};
use serde_json::json;

use super::{
    Context,
    client::Client,
    endpoint::{first_line, make_password, read_input, table},
    outcome::{Exit, Failure, Said},
    store::Opened,
};

/// `patchcord user add`
pub async fn add(context: Context, name: String, role: String, given: bool) -> Result<Said, Failure> {
    let (password, made) = password_of(given)?;
    match Client::connect(&context.data()?).await? {
        Some(client) => {
            let new = NewUser { name: name.clone(), password: password.clone(), role: role.clone() };
            client.tell(Method::POST, "/api/v1/users", Some(&new)).await?;
        }
        None => {
            let (named, secret, rank) = (name.clone(), password.clone(), parsed(&role)?);
            with_people(&context, async move |people| {
                people.add(&Asker::command_line(), &named, secret, rank, clock::wall()).await
            })
            .await?;
        }
    }
    let shown = made.then_some(password);
    let json = json!({ "added": name, "role": role, "password": shown });
    Ok(Said::new(format!("User {name} is added as {role}.\n{}", told(shown)), json))
}

/// `patchcord user list`
pub async fn list(context: Context) -> Result<Said, Failure> {
    let Users { users } = match Client::connect(&context.data()?).await? {
        Some(client) => client.get("/api/v1/users").await?,
        None => {
            let users = with_people(&context, async |people| Ok(people.users().await?)).await?;
            Users { users: users.iter().map(UserWords::from).collect() }
        }
    };
    let rows = users.iter().map(|user| {
        let endpoint = user.endpoint.clone().unwrap_or_default();
        [user.name.clone(), user.role.clone(), endpoint]
    });
    Ok(Said::new(table(["USER", "ROLE", "ENDPOINT"], rows.collect()), json!({ "users": users })))
}

/// `patchcord user remove`
pub async fn remove(context: Context, name: String) -> Result<Said, Failure> {
    match Client::connect(&context.data()?).await? {
        Some(client) => client.tell::<()>(Method::DELETE, &path(&name)?, None).await?,
        None => {
            let named = name.clone();
            with_people(&context, async move |people| {
                people.remove(&Asker::command_line(), &named, clock::wall()).await
            })
            .await?;
        }
    }
    Ok(Said::new(format!("User {name} is removed.\n"), json!({ "removed": name })))
}

/// `patchcord user password`
pub async fn password(context: Context, name: String, given: bool) -> Result<Said, Failure> {
    let (password, made) = password_of(given)?;
    match Client::connect(&context.data()?).await? {
        Some(client) => {
            let change = UserChange { password: Some(password.clone()), ..UserChange::default() };
            client.tell(Method::PUT, &path(&name)?, Some(&change)).await?;
        }
        None => {
            let (named, secret) = (name.clone(), password.clone());
            with_people(&context, async move |people| {
                people.change(&Asker::command_line(), &named, Some(secret), None, clock::wall()).await
            })
            .await?;
        }
    }
    let shown = made.then_some(password);
    let json = json!({ "changed": name, "password": shown });
    Ok(Said::new(format!("User {name} has another password.\n{}", told(shown)), json))
}

/// `patchcord user endpoint`
pub async fn endpoint(context: Context, name: String, endpoint: Option<String>) -> Result<Said, Failure> {
    let change = UserChange { endpoint: Some(endpoint.clone().unwrap_or_default()), ..UserChange::default() };
    match Client::connect(&context.data()?).await? {
        Some(client) => client.tell(Method::PUT, &path(&name)?, Some(&change)).await?,
        None => {
            let (named, tied) = (name.clone(), endpoint.clone());
            with_people(&context, async move |people| {
                people.tie(&Asker::command_line(), &named, tied.as_deref(), clock::wall()).await
            })
            .await?;
        }
    }
    let text = match &endpoint {
        Some(endpoint) => format!("User {name} calls as endpoint {endpoint} in the dashboard.\n"),
        None => format!("User {name} calls as no endpoint.\n"),
    };
    Ok(Said::new(text, json!({ "changed": name, "endpoint": endpoint })))
}

/// Does something with the people of the store, while no server runs.
async fn with_people<T>(
    context: &Context,
    order: impl AsyncFnOnce(&People) -> Result<T, PeopleError>,
) -> Result<T, Failure> {
    let Opened { store, hold: _until_closed, .. } = Opened::by(context).await?;
    let done = order(&People::new(store.clone())).await;
    store.close().await;
    done.map_err(|error| Problem::from(error).into())
}

/// The first line that was typed, or one of chance; and whether it is the latter.
fn password_of(given: bool) -> Result<(String, bool), Failure> {
    Ok(match given {
        true => (first_line(read_input(Path::new("-"))?), false),
        false => (make_password()?, true),
    })
}

fn told(made: Option<String>) -> String {
    made.map_or_else(String::new, |made| format!("  password {made}\nIt is not shown again.\n"))
}

fn parsed(role: &str) -> Result<Role, Failure> {
    role.parse().map_err(|error| Failure::new(Exit::Refused, chain(&error), "write admin, operator or viewer"))
}

/// A name that can stand in a path as it is; any other is nobody's.
fn path(name: &str) -> Result<String, Failure> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    match plain && !name.is_empty() && name != "." && name != ".." {
        true => Ok(format!("/api/v1/users/{name}")),
        false => {
            Err(Failure::new(Exit::Refused, format!("there is no user {name:?}"), "`patchcord user list` shows them"))
        }
    }
}
