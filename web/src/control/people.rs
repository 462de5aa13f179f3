//! What is said of users, tokens and deeds.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::people::{Deed, Held, Rights, User};

/// Who may open the dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// By name.
    pub users: Vec<UserWords>,
}

/// A user, without his password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserWords {
    /// What he logs in as.
    pub name: String,
    /// `admin`, `operator` or `viewer`.
    pub role: String,
    /// The endpoint as which he calls in the dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// When he was added: milliseconds since 1970, UTC.
    pub created_ms: u64,
}

/// A user to be added.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What he logs in as.
    pub name: String,
    /// His password.
    pub password: String,
    /// `admin`, `operator` or `viewer`.
    pub role: String,
}

/// What is to be other of a user.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// Another password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Another role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Another endpoint to call as; an empty one: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Tokens of programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// The newest first.
    pub tokens: Vec<TokenWords>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenWords {
    /// By which it is removed.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do now: no more than whom it goes back to.
    pub scopes: Vec<String>,
    /// What it was made to do, beyond that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asleep: Vec<String>,
    /// Who made it.
    pub made_by: String,
    /// The person whom it goes back to; absent: whoever holds the machine.
    #[serde(default)]
    pub person: Option<String>,
    /// When: milliseconds since 1970, UTC.
    pub created_ms: u64,
    /// Until when it is taken; absent: until it is removed.
    pub expires_ms: Option<u64>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// How many days it is taken; absent: until it is removed.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeToken {
    /// Its text, which is told this once.
    pub token: String,
}

/// A page of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The latest first.
    pub deeds: Vec<DeedWords>,
    /// Ask on before this one; absent: this was the last page.
    pub next: Option<i64>,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeedWords {
    /// They are counted.
    pub number: i64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// Who.
    pub who: String,
    /// From where.
    pub origin: String,
    /// What.
    pub deed: String,
    /// To what.
    pub object: String,
}

impl From<&User> for UserWords {
    fn from(user: &User) -> Self {
        let (name, endpoint) = (user.name.clone(), user.endpoint.clone());
        Self { name, role: user.role.to_string(), endpoint, created_ms: millis(user.created) }
    }
}

impl From<&Held> for TokenWords {
    fn from(Held { token, now }: &Held) -> Self {
        let words = |rights: Rights| rights.to_string().split_whitespace().map(str::to_owned).collect();
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            scopes: words(*now),
            asleep: words(token.rights.without(*now)),
            made_by: token.made_by.clone(),
            person: token.person.clone(),
            created_ms: millis(token.created),
            expires_ms: token.expires.map(millis),
        }
    }
}

impl From<Deed> for DeedWords {
    fn from(deed: Deed) -> Self {
        let Deed { number, at, who, origin, deed, object } = deed;
        Self { number, at_ms: millis(at), who, origin, deed, object }
    }
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
