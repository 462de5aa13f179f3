//! Endpoints that people add, change and remove, while phones register or while no server runs.
//!
//! ```text
//! rules      what a name, a number and a password may be
//! Accounts   checks against the directory, then the store, then the directory
//! ```
//!
//! What the store did not take is not in the directory either. An endpoint that is removed, or whose password changes,
//! is reachable nowhere from then on. Accounts answers no phone and speaks no HTTP.

pub mod rules;

use std::{collections::HashSet, sync::Arc, time::SystemTime};

use patchcord_engine::{
    redact::Redacted,
    routing::{
        BindingChange, BindingShelf, Calling, DamagedEndpoint, Digests, DirectoryError, Endpoint, EndpointRow,
        EndpointRows, EndpointShelf, Origin, ShelfError,
    },
    switchboard::Switchboard,
};
use patchcord_sip::digest::Credential;
use tokio::sync::Mutex;
use tracing::{error, info};

use rules::Unfit;

/// An endpoint to be added.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// The user part of its address and the user name of its digest.
    pub user: String,
    /// What it proves itself with.
    pub password: String,
    /// The short number that rings it.
    pub number: Option<String>,
    /// What it is asked for to prove itself; `None`: what everybody is asked for.
    pub digests: Option<Digests>,
    /// What is agreed with it in calls.
    pub calling: Calling,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A name, number or password that cannot be one.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It is there already.
    #[error("endpoint {user} is there already")]
    Exists {
        /// Its name.
        user: String,
    },
    /// There is none of that name.
    #[error("there is no endpoint {user}")]
    NotFound {
        /// The name asked for.
        user: String,
    },
    /// The directory does not take it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Its number is for emergencies.
    #[error("number {number} is for emergencies")]
    Emergency {
        /// The number asked for.
        number: String,
    },
    /// The store does not take it.
    #[error("the store did not take it")]
    Shelf(#[from] ShelfError),
}

impl AccountError {
    /// What the person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unfit(unfit) => unfit.remedy(),
            Self::Exists { user } => format!("give it another password with `patchcord endpoint password {user}`"),
            Self::NotFound { .. } => "`patchcord endpoint list` shows those that are there".into(),
            Self::Directory(DirectoryError::OwnedByFile { .. }) => {
                "edit its [[endpoint]] there, then run `patchcord reload`".into()
            }
            Self::Directory(DirectoryError::NumberTaken { .. } | DirectoryError::NumberIsName { .. }) => {
                "choose another number".into()
            }
            Self::Directory(DirectoryError::BadName { .. } | DirectoryError::NameIsNumber { .. }) => {
                "choose another name".into()
            }
            Self::Emergency { .. } => "choose another number, or list the others as emergency in [limits]".into(),
            Self::Directory(DirectoryError::Full) => "remove some, or start another server".into(),
            Self::Shelf(ShelfError::Away(_)) => "see that the database runs and can be written, and try again".into(),
            Self::Shelf(ShelfError::Refused(_)) => {
                "the database says what it does not take; choose other values".into()
            }
        }
    }
}

/// What keeps endpoints and bindings.
pub trait Shelf: EndpointShelf + BindingShelf {}

impl<T: EndpointShelf + BindingShelf> Shelf for T {}

/// The endpoints of this server.
pub struct Accounts {
    board: Arc<Switchboard>,
    shelf: Arc<dyn Shelf>,
    /// Those of the store that cannot be used.
    damaged: std::sync::Mutex<Vec<DamagedEndpoint>>,
    /// One change at a time, so that store and directory see them in the same order.
    turn: Mutex<()>,
}

impl Accounts {
    /// Those of `board` and `shelf`; the directory is as it was until [`Accounts::load`].
    pub fn new(board: Arc<Switchboard>, shelf: Arc<dyn Shelf>) -> Self {
        Self { board, shelf, damaged: Default::default(), turn: Mutex::new(()) }
    }

    /// The switchboard that they register at.
    pub fn board(&self) -> &Arc<Switchboard> {
        &self.board
    }

    /// The endpoints of the store that cannot be used, by name. What the file or a command has put in their place is not
    /// among them.
    pub fn damaged(&self) -> Vec<DamagedEndpoint> {
        let damaged = self.damaged.lock().expect("nobody panics in there");
        damaged.iter().filter(|damaged| self.board.directory.find(&damaged.user).is_none()).cloned().collect()
    }

    /// Fills the directory with the endpoints of the file and of the store. Whoever is gone is reachable no more.
    pub async fn load(&self, file: Vec<Endpoint>) -> Result<(), AccountError> {
        let _turn = self.turn.lock().await;
        let EndpointRows { rows, damaged } = self.shelf.load_endpoints().await?;
        for DamagedEndpoint { user, reason } in &damaged {
            error!(endpoint = %Redacted(user), reason, "an endpoint of the store cannot be used and is left out");
        }
        *self.damaged.lock().expect("nobody panics in there") = damaged;
        let stored = rows.into_iter().map(endpoint).collect();
        for user in self.board.directory.replace_file(file, stored)? {
            self.board.location.forget(&user);
        }
        Ok(())
    }

    /// Adds all of these, or none.
    pub async fn add(&self, new: Vec<NewEndpoint>, now: SystemTime) -> Result<(), AccountError> {
        let _turn = self.turn.lock().await;
        let mut names = HashSet::new();
        for NewEndpoint { user, password, number, calling, .. } in &new {
            rules::user(user)?;
            rules::password(password)?;
            number.as_deref().map(rules::number).transpose()?;
            rules::calling(calling)?;
            if let Some(number) = number.as_ref().filter(|number| self.board.plan().is_emergency(number)) {
                return Err(AccountError::Emergency { number: number.clone() });
            }
            if self.board.directory.find(user).is_some() || !names.insert(user) {
                return Err(AccountError::Exists { user: user.clone() });
            }
        }
        let row = |new: NewEndpoint| {
            let NewEndpoint { user, password, number, digests, calling } = new;
            EndpointRow { user, password, number, digests, calling, created: now, updated: now }
        };
        self.put(new.into_iter().map(row).collect()).await
    }

    /// Gives an endpoint another password. Phones that have the old one are reachable no more.
    pub async fn change_password(&self, user: &str, password: String, now: SystemTime) -> Result<(), AccountError> {
        rules::password(&password)?;
        let _turn = self.turn.lock().await;
        let known = self.board.directory.find(user).ok_or_else(|| AccountError::NotFound { user: user.into() })?;
        let row = EndpointRow {
            user: user.into(),
            password,
            number: known.number.as_deref().map(Into::into),
            digests: known.digests,
            calling: (*known.calling).clone(),
            created: now,
            updated: now,
        };
        self.put(vec![row]).await?;
        info!(endpoint = %Redacted(user), "password changed");
        self.forget_bindings(user).await
    }

    /// Removes an endpoint and where it can be reached.
    pub async fn remove(&self, user: &str) -> Result<(), AccountError> {
        let _turn = self.turn.lock().await;
        match self.board.directory.find(user) {
            None if self.damaged().iter().any(|damaged| damaged.user == user) => {}
            None => return Err(AccountError::NotFound { user: user.into() }),
            Some(known) if known.origin == Origin::File => {
                return Err(DirectoryError::OwnedByFile { user: user.into() }.into());
            }
            Some(_) => {}
        }
        self.shelf.remove_endpoint(user.into()).await?;
        self.board.directory.remove(user)?;
        self.damaged.lock().expect("nobody panics in there").retain(|damaged| damaged.user != user);
        info!(endpoint = %Redacted(user), "endpoint removed");
        self.forget_bindings(user).await
    }

    async fn put(&self, rows: Vec<EndpointRow>) -> Result<(), AccountError> {
        let endpoints: Vec<_> = rows.iter().cloned().map(endpoint).collect();
        self.board.directory.would_take(&endpoints)?;
        self.shelf.put_endpoints(rows).await?;
        Ok(self.board.directory.put(endpoints)?)
    }

    /// Also in the store: when no server runs, nobody writes behind the location.
    async fn forget_bindings(&self, user: &str) -> Result<(), AccountError> {
        self.board.location.forget(user);
        let none = BindingChange { user: user.into(), rows: Vec::new() };
        Ok(self.shelf.write_bindings(vec![none]).await.map(drop)?)
    }
}

fn endpoint(row: EndpointRow) -> Endpoint {
    let usual = Calling::usual();
    Endpoint {
        digests: row.digests,
        number: row.number.map(Into::into),
        calling: if row.calling == *usual { usual } else { row.calling.into() },
        ..Endpoint::new(&row.user, Credential::Password(row.password.into()), Origin::Store)
    }
}
