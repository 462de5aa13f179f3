//! People who open the dashboard, and programs that speak to the API.
//!
//! ```text
//! role       rights, and the roles and scopes that bundle them
//! password   Argon2id, a few at once
//! session    who is logged in, by cookie
//! throttle   slows guessing down
//! guard      from a request to whoever asks, and what he may
//! tokens     what programs show, and what it is worth
//! remembered what the store said last of either, while it is away
//! late       deeds that wait for the store until they stand in the audit log
//! People     joins them over the store; each change goes into the audit log
//! ```
//!
//! Endpoints are others: they register by SIP and have accounts of their own.

pub mod guard;
mod late;
pub mod password;
mod remembered;
mod role;
pub mod session;
mod throttle;
mod tokens;

use std::{
    path::Path,
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use patchcord_engine::routing::ShelfError;
use tokio::sync::watch;
use tracing::{error, info, warn};

pub use guard::Asker;
pub use late::Late;
pub use role::{Masking, Right, Rights, Role, UnknownWord};
pub use session::Session;
pub use tokens::{Held, MAX_TOKENS, Token};

use crate::{serve::Source, store::Store};
use late::LateDeeds;
use password::{HashError, Hasher, Unfit, made};
use remembered::Remembered;
use session::Sessions;
use throttle::Throttle;

/// Users of a server, at most: they are loaded and shown as one list.
pub const MAX_USERS: usize = 1000;

/// Longest name of a user or a token.
pub const MAX_NAME: usize = 64;

/// What the first user is called.
const FIRST: &str = "admin";

/// Letters of the first password: a hundred bits.
const FIRST_LETTERS: usize = 20;

/// A person.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// What he logs in as.
    pub name: String,
    /// Of his password.
    pub hash: String,
    /// What he is here.
    pub role: Role,
    /// When he was added.
    pub created: SystemTime,
    /// The endpoint as which he calls and is called in the dashboard.
    pub endpoint: Option<String>,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// They are counted.
    pub number: i64,
    /// When.
    pub at: SystemTime,
    /// Who.
    pub who: String,
    /// From where.
    pub origin: String,
    /// What.
    pub deed: String,
    /// To what.
    pub object: String,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Name or password is wrong; which one is not told.
    #[error("name or password is wrong")]
    Wrong,
    /// Too many were.
    #[error("too many wrong passwords")]
    Slow(Duration),
    /// It could not be looked up.
    #[error("the store did not answer")]
    Shelf(#[from] ShelfError),
    /// It could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
}

/// Why people were not changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// That cannot be a name.
    #[error("{0:?} cannot be a name")]
    Name(String),
    /// That cannot be a password.
    #[error(transparent)]
    Password(#[from] Unfit),
    /// It is there already.
    #[error("{0} is there already")]
    Exists(String),
    /// There is none.
    #[error("there is no {0}")]
    NotFound(String),
    /// Nobody could change anything any more.
    #[error("{0} is the last admin")]
    LastAdmin(String),
    /// There are too many.
    #[error("there are as many as there may be")]
    Full,
    /// A token would do nothing.
    #[error("a token needs a scope")]
    NoScope,
    /// Nobody can give away what he does not have.
    #[error("nobody gives rights that he does not have")]
    Beyond,
    /// The store does not take it.
    #[error("the store did not take it")]
    Shelf(#[from] ShelfError),
    /// No hash could be made.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No chance.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

/// The people of this server.
pub struct People {
    store: Store,
    hasher: Hasher,
    sessions: Sessions,
    /// What the store said last of tokens.
    programs: Remembered<String, Held>,
    late: LateDeeds,
    throttle: Mutex<Throttle>,
    /// One change at a time: or else two admins could remove each other.
    turn: tokio::sync::Mutex<()>,
    masking: Masking,
}

impl People {
    /// Those of that store.
    pub fn new(store: Store) -> Self {
        let (hasher, sessions) = (Hasher::default(), Sessions::new(store.clone()));
        let (throttle, turn, masking) = (Mutex::default(), tokio::sync::Mutex::default(), Masking::default());
        let (programs, late) = (Remembered::default(), LateDeeds::default());
        Self { store, hasher, sessions, programs, late, throttle, turn, masking }
    }

    /// The same, with deeds kept in that folder which the store does not take just then. Blocks.
    pub fn keeping(self, folder: &Path) -> Self {
        Self { late: LateDeeds::in_folder(folder), ..self }
    }

    /// Writes deeds that wait into the audit log, as soon as the store takes them, until `stop` says that it is over.
    pub fn write_late(&self, stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
        self.late.clone().write_to(self.store.clone(), stop)
    }

    /// The same, with numbers masked for those.
    pub fn masked_for(self, masking: Masking) -> Self {
        Self { masking, ..self }
    }

    /// What somebody of that role may do here.
    pub fn rights(&self, role: Role) -> Rights {
        self.masking.rights(role)
    }

    /// Makes the first login where there is none yet; gives name and password, which nobody else will ever tell.
    pub async fn first(&self, now: SystemTime) -> Result<Option<(String, String)>, PeopleError> {
        if !self.store.users().await?.is_empty() {
            return Ok(None);
        }
        let password = made(FIRST_LETTERS)?;
        self.add(&Asker::server(), FIRST, password.clone(), Role::Admin, now).await?;
        Ok(Some((FIRST.into(), password)))
    }

    /// Logs somebody in; gives what the cookie says.
    pub async fn log_in(
        &self,
        name: &str,
        password: String,
        source: Source,
        (now, wall): (Instant, SystemTime),
    ) -> Result<String, LogInError> {
        let origin = source.to_string();
        if let Some(wait) = self.throttle().guess(source, name, now) {
            return Err(LogInError::Slow(wait));
        }
        let known = match self::name(name) {
            Ok(()) => match self.store.user(name).await {
                Ok(known) => known,
                Err(away) => {
                    self.throttle().was_none(source, name);
                    return Err(away.into());
                }
            },
            Err(_) => None,
        };
        let right = self.hasher.is(password, known.as_ref().map(|user| user.hash.clone())).await?;
        let Some(user) = known.filter(|_| right) else {
            warn!(%origin, "a log-in was refused");
            let shown = if self::name(name).is_ok() { name } else { "" };
            self.note(&Asker::nobody(origin), "was refused at log-in", shown, wall).await;
            return Err(LogInError::Wrong);
        };
        self.throttle().right(source, name);
        let cookie = self.sessions.begin(&user, wall).await?;
        info!(%origin, "somebody logged in");
        self.note(&Asker::named(&user.name, origin), "logged in", "", wall).await;
        Ok(cookie)
    }

    /// Whether that is the password of whoever asks; guesses are slowed down as at the door.
    pub async fn knows(&self, by: &Asker, password: String, source: Source, now: Instant) -> Result<bool, LogInError> {
        if let Some(wait) = self.throttle().guess(source, &by.name, now) {
            return Err(LogInError::Slow(wait));
        }
        let known = match self.store.user(&by.name).await {
            Ok(known) => known,
            Err(away) => {
                self.throttle().was_none(source, &by.name);
                return Err(away.into());
            }
        };
        let right = self.hasher.is(password, known.map(|user| user.hash)).await?;
        if right {
            self.throttle().right(source, &by.name);
        }
        Ok(right)
    }

    /// Ends a session.
    pub async fn log_out(&self, cookie: &str) -> Result<(), ShelfError> {
        self.sessions.end(cookie).await
    }

    /// Who has that cookie, and what he may do now.
    pub async fn by_cookie(&self, cookie: &str, wall: SystemTime) -> Result<Option<(Session, Role)>, ShelfError> {
        self.sessions.find(cookie, wall).await
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, ShelfError> {
        self.store.users().await
    }

    /// Adds a user.
    pub async fn add(
        &self,
        by: &Asker,
        name: &str,
        password: String,
        role: Role,
        now: SystemTime,
    ) -> Result<(), PeopleError> {
        self::name(name)?;
        password::check(&password)?;
        self.has_all(by, role)?;
        let _turn = self.turn.lock().await;
        if self.store.users().await?.len() >= MAX_USERS {
            return Err(PeopleError::Full);
        }
        let hash = self.hasher.hash(password).await?;
        if !self.store.add_user(&User { name: name.into(), hash, role, created: now, endpoint: None }).await? {
            return Err(PeopleError::Exists(format!("user {name}")));
        }
        self.note(by, "added user", &format!("{name} ({role})"), now).await;
        Ok(())
    }

    /// Gives a user another password or role. His sessions end.
    pub async fn change(
        &self,
        by: &Asker,
        name: &str,
        password: Option<String>,
        role: Option<Role>,
        now: SystemTime,
    ) -> Result<(), PeopleError> {
        password.as_deref().map(password::check).transpose()?;
        let _turn = self.turn.lock().await;
        // Whoever gives an admin another password is one from then on.
        let is = self.store.user(name).await?.map(|user| user.role);
        is.into_iter().chain(role).try_for_each(|role| self.has_all(by, role))?;
        if role.is_some_and(|role| role != Role::Admin) {
            self.spare_last_admin(name).await?;
        }
        let hash = match password {
            Some(password) => Some(self.hasher.hash(password).await?),
            None => None,
        };
        if !self.store.change_user(name, hash.as_deref(), role, now).await? {
            return Err(PeopleError::NotFound(format!("user {name}")));
        }
        self.sessions.forget();
        self.programs.forget_all();
        let what = match (hash, role) {
            (Some(_), None) => "changed password of".to_owned(),
            (None, Some(role)) => format!("made {role}"),
            _ => "changed".to_owned(),
        };
        self.note(by, &what, name, now).await;
        Ok(())
    }

    /// The endpoint that a user is tied to.
    pub async fn endpoint(&self, name: &str) -> Result<Option<String>, ShelfError> {
        Ok(self.store.user(name).await?.and_then(|user| user.endpoint))
    }

    /// Ties a user to an endpoint, or to none. Whether there is that endpoint is for whoever asks to see.
    pub async fn tie(
        &self,
        by: &Asker,
        name: &str,
        endpoint: Option<&str>,
        now: SystemTime,
    ) -> Result<(), PeopleError> {
        let _turn = self.turn.lock().await;
        if !self.store.tie_user(name, endpoint, now).await? {
            return Err(PeopleError::NotFound(format!("user {name}")));
        }
        let told = endpoint
            .map_or_else(|| format!("{name} to no endpoint"), |endpoint| format!("{name} to endpoint {endpoint}"));
        self.note(by, "tied user", &told, now).await;
        Ok(())
    }

    /// Removes a user. His sessions end, and the tokens that go back to him are removed.
    pub async fn remove(&self, by: &Asker, name: &str, now: SystemTime) -> Result<(), PeopleError> {
        let _turn = self.turn.lock().await;
        self.spare_last_admin(name).await?;
        let Some(tokens) = self.store.remove_user(name).await? else {
            return Err(PeopleError::NotFound(format!("user {name}")));
        };
        self.sessions.forget();
        self.programs.forget_all();
        self.store.forget_filters(name).await?;
        self.note(by, "removed user", name, now).await;
        if tokens > 0 {
            self.note(by, "removed tokens of", &format!("{name} ({tokens})"), now).await;
        }
        Ok(())
    }

    /// Notes in the audit log what somebody did. What was done is done, also where the log cannot be written just then: it waits in
    /// the data folder until it can.
    pub async fn note(&self, by: &Asker, deed: &str, object: &str, now: SystemTime) {
        let Err(error) = self.store.note_deed(&by.name, &by.origin, deed, object, now).await else { return };
        let at_ms = u64::try_from(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let (who, origin) = (by.name.clone(), by.origin.clone());
        let kept = self.late.keep(Late { at_ms, who, origin, deed: deed.into(), object: object.into() });
        match kept {
            Ok(true) => warn!(%error, deed, "the audit log takes nothing now; the deed waits"),
            Ok(false) => error!(%error, deed, "the audit log could not be written"),
            Err(why) => {
                error!(%error, %why, deed, "the audit log could not be written, and the deed waits in memory alone")
            }
        }
    }

    /// How many deeds wait to stand in the log.
    pub fn deeds_waiting(&self) -> usize {
        self.late.count()
    }

    /// What was done, the latest first.
    pub async fn deeds(&self, before: Option<i64>, most: usize) -> Result<Vec<Deed>, ShelfError> {
        self.store.deeds(before, most).await
    }

    /// Whether somebody may do all that a role may: nobody makes others mightier than himself.
    fn has_all(&self, by: &Asker, role: Role) -> Result<(), PeopleError> {
        let rights = self.rights(role);
        if by.rights.and(rights) == rights { Ok(()) } else { Err(PeopleError::Beyond) }
    }

    async fn spare_last_admin(&self, name: &str) -> Result<(), PeopleError> {
        let users = self.store.users().await?;
        let mut admins = users.iter().filter(|user| user.role == Role::Admin);
        match (admins.next(), admins.next()) {
            (Some(only), None) if only.name == name => Err(PeopleError::LastAdmin(name.into())),
            _ => Ok(()),
        }
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.throttle.lock().expect("nobody panics in there")
    }
}

/// Whether that can be a user's name: it stands in paths and pages as it is.
fn name(text: &str) -> Result<(), PeopleError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte));
    match plain && (1..=MAX_NAME).contains(&text.len()) && text != "." && text != ".." {
        true => Ok(()),
        false => Err(PeopleError::Name(text.into())),
    }
}

impl PeopleError {
    /// What the person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Name(_) => "use 1 to 64 letters, digits and - _ . @",
            Self::Password(Unfit::Short) => "use at least 10 letters; some words in a row are easily remembered",
            Self::Password(Unfit::Long) => "use 256 bytes at most",
            Self::Exists(_) => "choose another name",
            Self::NotFound(_) => "look at the list of those that are there",
            Self::LastAdmin(_) => "make somebody else admin first",
            Self::Full => "remove some",
            Self::NoScope => "name at least one scope, as in records:read",
            Self::Beyond => "name only scopes and roles whose rights you have yourself",
            Self::Shelf(_) => "see that the database runs and can be written, and try again",
            Self::Hash(_) | Self::Random(_) => "see the limits that this machine sets for the process",
        }
    }
}
