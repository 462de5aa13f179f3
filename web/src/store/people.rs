//! Users and tokens.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;
use sqlx::FromRow;

use crate::{
    people::{Rights, Role, Token, User},
    store::{
        PATIENCE, Store,
        database::on_either,
        failed,
        sessions::END_ALL,
        time::{from_millis, to_millis},
    },
};

#[derive(FromRow)]
struct UserRow {
    name: String,
    password_hash: String,
    role: String,
    created_at: i64,
    endpoint: Option<String>,
}

#[derive(FromRow)]
struct TokenRow {
    id: String,
    name: String,
    hash: Vec<u8>,
    scopes: String,
    made_by: String,
    person: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
}

impl UserRow {
    /// A role that this version does not know may do nothing, which is the least of them without its rights.
    fn read(self) -> Option<User> {
        let role: Role = self.role.parse().ok()?;
        let (name, hash, created) = (self.name, self.password_hash, from_millis(self.created_at));
        Some(User { name, hash, role, created, endpoint: self.endpoint })
    }
}

impl TokenRow {
    fn read(self) -> Token {
        Token {
            // A scope that this version does not know is not granted, and the others with it: nobody knows what was meant.
            rights: Rights::of_scopes(&self.scopes).unwrap_or_default(),
            hash: self.hash,
            id: self.id,
            name: self.name,
            made_by: self.made_by,
            person: self.person,
            created: from_millis(self.created_at),
            expires: self.expires_at.map(from_millis),
        }
    }
}

impl Store {
    /// The user of that name.
    pub async fn user(&self, name: &str) -> Result<Option<User>, ShelfError> {
        const ONE: &str = "SELECT name, password_hash, role, created_at, endpoint FROM users WHERE name = $1";
        self.within(PATIENCE, async {
            let row: Option<UserRow> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ONE).bind(name).fetch_optional(pool).await)
                    .map_err(failed)?;
            Ok(row.and_then(UserRow::read))
        })
        .await
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, ShelfError> {
        const ALL: &str = "SELECT name, password_hash, role, created_at, endpoint FROM users ORDER BY name";
        self.within(PATIENCE, async {
            let rows: Vec<UserRow> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)?;
            Ok(rows.into_iter().filter_map(UserRow::read).collect())
        })
        .await
    }

    /// Adds a user; says whether the name was free.
    pub async fn add_user(&self, user: &User) -> Result<bool, ShelfError> {
        const ADD: &str = "INSERT INTO users (name, password_hash, role, created_at, updated_at, endpoint) \
                           VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT (name) DO NOTHING";
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| {
                let add = sqlx::query(ADD).bind(&user.name).bind(&user.hash).bind(user.role.word());
                add.bind(to_millis(user.created))
                    .bind(&user.endpoint)
                    .execute(pool)
                    .await
                    .map(|done| done.rows_affected())
            });
            Ok(done.map_err(failed)? == 1)
        })
        .await
    }

    /// Gives a user another password or role, where they are named, and ends his sessions; says whether there is that user.
    pub async fn change_user(
        &self,
        name: &str,
        hash: Option<&str>,
        role: Option<Role>,
        now: SystemTime,
    ) -> Result<bool, ShelfError> {
        const CHANGE: &str = "UPDATE users SET password_hash = COALESCE($2, password_hash), \
                              role = COALESCE($3, role), updated_at = $4 WHERE name = $1";
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                let change = sqlx::query(CHANGE).bind(name).bind(hash).bind(role.map(Role::word));
                let done = change.bind(to_millis(now)).execute(&mut *turn).await?.rows_affected();
                sqlx::query(END_ALL).bind(name).execute(&mut *turn).await?;
                turn.commit().await?;
                Ok(done)
            }
            .await);
            Ok(done.map_err(failed)? == 1)
        })
        .await
    }

    /// Ties a user to an endpoint, or to none; says whether there is that user.
    pub async fn tie_user(&self, name: &str, endpoint: Option<&str>, now: SystemTime) -> Result<bool, ShelfError> {
        const TIE: &str = "UPDATE users SET endpoint = $2, updated_at = $3 WHERE name = $1";
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| {
                let tie = sqlx::query(TIE).bind(name).bind(endpoint).bind(to_millis(now));
                tie.execute(pool).await.map(|done| done.rows_affected())
            });
            Ok(done.map_err(failed)? == 1)
        })
        .await
    }

    /// Removes a user, his sessions and the tokens that go back to him; says how many those were, and nothing where there is no such user.
    pub async fn remove_user(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        const GO: &str = "DELETE FROM users WHERE name = $1";
        const TAKE_ALONG: &str = "DELETE FROM tokens WHERE person = $1";
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                let tokens = sqlx::query(TAKE_ALONG).bind(name).execute(&mut *turn).await?.rows_affected();
                let gone = sqlx::query(GO).bind(name).execute(&mut *turn).await?.rows_affected();
                if gone == 1 {
                    turn.commit().await?;
                }
                Ok((gone == 1).then_some(tokens))
            }
            .await);
            done.map_err(failed)
        })
        .await
    }

    /// The token of that id.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, ShelfError> {
        const ONE: &str =
            "SELECT id, name, hash, scopes, made_by, person, created_at, expires_at FROM tokens WHERE id = $1";
        self.within(PATIENCE, async {
            let row: Option<TokenRow> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ONE).bind(id).fetch_optional(pool).await)
                    .map_err(failed)?;
            Ok(row.map(TokenRow::read))
        })
        .await
    }

    /// All tokens, the newest first.
    pub async fn tokens(&self) -> Result<Vec<Token>, ShelfError> {
        const ALL: &str = "SELECT id, name, hash, scopes, made_by, person, created_at, expires_at FROM tokens \
                           ORDER BY created_at DESC, id";
        self.within(PATIENCE, async {
            let rows: Vec<TokenRow> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)?;
            Ok(rows.into_iter().map(TokenRow::read).collect())
        })
        .await
    }

    /// Keeps a new token.
    pub async fn add_token(&self, token: &Token) -> Result<(), ShelfError> {
        const ADD: &str = "INSERT INTO tokens (id, name, hash, scopes, made_by, person, created_at, expires_at) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let add = sqlx::query(ADD).bind(&token.id).bind(&token.name).bind(&token.hash);
                let add = add.bind(token.rights.to_string()).bind(&token.made_by);
                let add = add.bind(&token.person).bind(to_millis(token.created));
                add.bind(token.expires.map(to_millis)).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Removes a token; says whether there was one.
    pub async fn remove_token(&self, id: &str) -> Result<bool, ShelfError> {
        const GO: &str = "DELETE FROM tokens WHERE id = $1";
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| {
                sqlx::query(GO).bind(id).execute(pool).await.map(|done| done.rows_affected())
            });
            Ok(done.map_err(failed)? == 1)
        })
        .await
    }
}
