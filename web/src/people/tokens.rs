//! What programs show, and what it is worth.
//!
//! A token may do what its scopes say, and never more than the person whom it goes back to may now: who made it, or who made the token that
//! made it. It goes with that person, and sleeps where the person's role has less. One that was made on the machine itself goes back to
//! nobody, because whoever holds the machine may do everything.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use patchcord_engine::routing::ShelfError;

use super::{Asker, MAX_NAME, People, PeopleError, Rights, password::made, session::hash};

/// Tokens, at most: they are loaded and shown as one list.
pub const MAX_TOKENS: usize = 1000;

/// Letters of a token's public part and of its secret.
const TOKEN_LETTERS: (usize, usize) = (10, 52);

/// What every token begins with, so that scanners of leaked secrets know one.
const TOKEN_MARK: &str = "pat_";

/// What a program shows instead of a password; the secret itself is nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// By which people know it.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Of its secret.
    pub hash: Vec<u8>,
    /// What its scopes say.
    pub rights: Rights,
    /// Who made it.
    pub made_by: String,
    /// Whom it goes back to; none: whoever holds the machine.
    pub person: Option<String>,
    /// When.
    pub created: SystemTime,
    /// Until when it is taken; none: until it is removed.
    pub expires: Option<SystemTime>,
}

/// A token, and what it may do now.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// The token.
    pub token: Token,
    /// What is left of its scopes.
    pub now: Rights,
}

impl Token {
    /// What it may do, where its person may do that now; none: there is no such person.
    fn now(&self, persons: Option<Rights>) -> Rights {
        match (&self.person, persons) {
            (None, _) => self.rights,
            (Some(_), Some(persons)) => self.rights.and(persons),
            (Some(_), None) => Rights::default(),
        }
    }
}

impl People {
    /// The token that a program shows, as far as it is worth anything. Where the store does not answer, what it said last is believed
    /// for a while, as of people who are logged in.
    pub async fn by_token(&self, shown: &str, wall: SystemTime) -> Result<Option<Held>, ShelfError> {
        let Some((id, secret)) = shown.strip_prefix(TOKEN_MARK).and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        if id.len() > MAX_NAME {
            return Ok(None);
        }
        // Hashes are compared, so how long that takes says nothing about the secret.
        let right = |token: &Token| token.hash == hash(secret) && token.expires.is_none_or(|expires| wall < expires);
        let known = match self.held(id).await {
            Ok(Some(held)) => {
                self.programs.keep(id.to_owned(), &held, wall);
                Some(held)
            }
            Ok(None) => {
                self.programs.forget(&id.to_owned());
                None
            }
            Err(away) => Some(self.programs.last(&id.to_owned(), wall).ok_or(away)?),
        };
        Ok(known.filter(|held| right(&held.token)))
    }

    /// What the store says of a token, and of the person whom it goes back to.
    async fn held(&self, id: &str) -> Result<Option<Held>, ShelfError> {
        let Some(token) = self.store.token(id).await? else { return Ok(None) };
        let Some(person) = &token.person else { return Ok(Some(Held { now: token.rights, token })) };
        let known = self.store.user(person).await?;
        Ok(known.map(|user| Held { now: token.now(Some(self.rights(user.role))), token }))
    }

    /// All tokens, the newest first.
    pub async fn tokens(&self) -> Result<Vec<Held>, ShelfError> {
        let users = self.store.users().await?;
        let rights: HashMap<String, Rights> =
            users.into_iter().map(|user| (user.name, self.rights(user.role))).collect();
        let persons = |token: &Token| token.person.as_ref().and_then(|person| rights.get(person)).copied();
        let held = |token: Token| Held { now: token.now(persons(&token)), token };
        Ok(self.store.tokens().await?.into_iter().map(held).collect())
    }

    /// Makes a token; gives its text, which nobody else will ever tell.
    pub async fn make_token(
        &self,
        by: &Asker,
        label: &str,
        rights: Rights,
        lasts: Option<Duration>,
        now: SystemTime,
    ) -> Result<String, PeopleError> {
        if label.trim().is_empty() || label.chars().count() > MAX_NAME || label.chars().any(char::is_control) {
            return Err(PeopleError::Name(label.into()));
        }
        if rights == Rights::default() {
            return Err(PeopleError::NoScope);
        }
        if rights.and(by.rights) != rights {
            return Err(PeopleError::Beyond);
        }
        let _turn = self.turn.lock().await;
        if self.store.tokens().await?.len() >= MAX_TOKENS {
            return Err(PeopleError::Full);
        }
        let (id, secret) = (made(TOKEN_LETTERS.0)?, made(TOKEN_LETTERS.1)?);
        let expires = lasts.and_then(|lasts| now.checked_add(lasts));
        let (hash, made_by, person) = (hash(&secret).to_vec(), by.name.clone(), by.person.clone());
        let text = format!("{TOKEN_MARK}{id}_{secret}");
        let token = Token { id, name: label.trim().into(), hash, rights, made_by, person, created: now, expires };
        self.store.add_token(&token).await?;
        self.note(by, "made token", &format!("{} ({})", token.name, token.rights), now).await;
        Ok(text)
    }

    /// Removes a token.
    pub async fn remove_token(&self, by: &Asker, id: &str, now: SystemTime) -> Result<(), PeopleError> {
        let _turn = self.turn.lock().await;
        if !self.store.remove_token(id).await? {
            return Err(PeopleError::NotFound(format!("token {id}")));
        }
        self.programs.forget(&id.to_owned());
        self.note(by, "removed token", id, now).await;
        Ok(())
    }
}
