//! `mailbox`: what was left for people who did not answer.
//!
//! | ask | answer |
//! |---|---|
//! | `{do: "about", user}` | `{mail, pin}`: where its owner is written to, or `null`; whether it asks for a PIN |
//! | `{do: "save", user, file, from, ms}` | `{id}` |
//! | `{do: "count", user}` | `{unheard, heard, full}` |
//! | `{do: "list", user}` | `[{id, file, from, ms, at_ms, heard}]`, the unheard ones first, each kind from the oldest |
//! | `{do: "mark_heard", user, id, heard?}` | whether there is such a one |
//! | `{do: "delete", user, id}` | whether there was such a one; its recording goes, too |
//! | `{do: "pin", user, pin}` | `{status: "ok" \| "wrong" \| "locked" \| "none", tries_left?, locked_s?}` |
//!
//! `user` is the name of an endpoint, or its number. After three wrong PINs none is looked at for a quarter of an hour, whoever asks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use patchcord_engine::{
    asked::{self, LONGEST_MAILBOX, Unasked},
    routing::ShelfError,
    switchboard::Switchboard,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{
    Misasked, draw, read,
    recordings::{NoRecording, Recordings},
};
use crate::{
    problem::chain,
    store::{
        Store,
        voicemail::{Tried, Tries, Voicemail},
    },
};

/// Messages of one mailbox. Whoever has more does not listen to them.
const MOST_MESSAGES: usize = 100;

/// Three tries, then a quarter of an hour: four digits last for months.
const TRIES: Tries = Tries { most: 3, lock: Duration::from_secs(15 * 60) };

/// What the configuration says of a mailbox.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Where its owner is written to.
    pub mail: Option<String>,
    /// What has to be pressed to listen.
    pub pin: Option<String>,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").field("mail", &self.mail).field("pin", &self.pin.as_ref().map(|_| "***")).finish()
    }
}

/// The mailboxes of everybody who has one, by the name of the endpoint.
pub type Mailboxes = HashMap<String, Mailbox>;

/// What is left, and for whom.
pub(super) struct Voicemails {
    store: Store,
    recordings: Recordings,
    owners: Mutex<Arc<Mailboxes>>,
    board: Option<Arc<Switchboard>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    About { user: String },
    Save { user: String, file: String, from: String, ms: u64 },
    Count { user: String },
    List { user: String },
    MarkHeard { user: String, id: String, heard: Option<bool> },
    Delete { user: String, id: String },
    Pin { user: String, pin: String },
}

impl Ask {
    /// Whose mailbox it is about.
    fn user(&mut self) -> &mut String {
        match self {
            Self::About { user }
            | Self::Save { user, .. }
            | Self::Count { user }
            | Self::List { user }
            | Self::MarkHeard { user, .. }
            | Self::Delete { user, .. }
            | Self::Pin { user, .. } => user,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMailbox {
    #[error(transparent)]
    Misasked(#[from] Misasked),
    #[error(transparent)]
    Name(#[from] Unasked),
    #[error("the mailbox of {user} is full with {MOST_MESSAGES} messages; ask count before you record")]
    Full { user: String },
    #[error(transparent)]
    Recording(#[from] NoRecording),
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl Voicemails {
    pub(super) fn new(
        store: Store,
        recordings: Recordings,
        owners: Mailboxes,
        board: Option<Arc<Switchboard>>,
    ) -> Self {
        Self { store, recordings, owners: Mutex::new(Arc::new(owners)), board }
    }

    /// The configuration has changed.
    pub(super) fn set_owners(&self, owners: Mailboxes) {
        *self.owners.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(owners);
    }

    /// Who is named by a number has one mailbox all the same.
    fn call_by_name(&self, user: &mut String) {
        let endpoint = self.board.as_ref().and_then(|board| board.directory.reached_by(user));
        if let Some(endpoint) = endpoint {
            *user = endpoint.user.to_string();
        }
    }

    fn owner(&self, user: &str) -> Mailbox {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(user).cloned().unwrap_or_default()
    }

    pub(super) async fn answer(&self, ask: &str, now: SystemTime) -> Result<Value, NoMailbox> {
        let mut ask: Ask = read(ask)?;
        self.call_by_name(ask.user());
        match ask {
            Ask::About { user } => {
                let Mailbox { mail, pin } = self.owner(&user);
                Ok(json!({ "mail": mail, "pin": pin.is_some() }))
            }
            Ask::Save { user, file, from, ms } => self.save(&user, file, from, ms, now).await,
            Ask::Count { user } => {
                let count = self.store.count_voicemails(&user).await?;
                let full = count.unheard + count.heard >= MOST_MESSAGES;
                Ok(json!({ "unheard": count.unheard, "heard": count.heard, "full": full }))
            }
            Ask::List { user } => Ok(self.store.voicemails(&user, MOST_MESSAGES).await?.iter().map(told).collect()),
            Ask::MarkHeard { user, id, heard } => {
                Ok(self.store.mark_voicemail(&user, &id, heard.unwrap_or(true)).await?.into())
            }
            Ask::Delete { user, id } => self.delete(&user, &id).await,
            Ask::Pin { user, pin } => self.try_pin(&user, &pin, now).await,
        }
    }

    async fn save(&self, user: &str, file: String, from: String, ms: u64, now: SystemTime) -> Result<Value, NoMailbox> {
        asked::mailbox(user)?;
        let (recordings, name) = (self.recordings.clone(), file.clone());
        spawn_blocking(move || recordings.find(&name)).await.map_err(Misasked::from)??;
        let from = from.chars().filter(|c| !c.is_control()).take(LONGEST_MAILBOX).collect();
        let length = Duration::from_millis(ms);
        let message = Voicemail { id: draw()?, file, from, length, left: now, heard: false };
        if !self.store.leave_voicemail(user, &message, MOST_MESSAGES).await? {
            return Err(NoMailbox::Full { user: user.into() });
        }
        Ok(json!({ "id": message.id }))
    }

    async fn delete(&self, user: &str, id: &str) -> Result<Value, NoMailbox> {
        let Some((file, is_last)) = self.store.remove_voicemail(user, id).await? else { return Ok(false.into()) };
        if is_last {
            let (recordings, name) = (self.recordings.clone(), file.clone());
            match spawn_blocking(move || recordings.remove(&name)).await.map_err(Misasked::from)? {
                Ok(()) | Err(NoRecording::Gone(_)) => {}
                // It is out of the mailbox; whoever keeps the disk has to know that its sound is still there.
                Err(error) => warn!(file, why = chain(&error), "the recording of a deleted voicemail stays"),
            }
        }
        Ok(true.into())
    }

    async fn try_pin(&self, user: &str, pin: &str, now: SystemTime) -> Result<Value, NoMailbox> {
        let Some(right) = self.owner(user).pin else { return Ok(json!({ "status": "none" })) };
        let tried = self.store.try_pin(user, is_same(pin.as_bytes(), right.as_bytes()), TRIES, now).await?;
        Ok(match tried {
            Tried::Right => json!({ "status": "ok" }),
            Tried::Wrong(left) => json!({ "status": "wrong", "tries_left": left }),
            Tried::Locked(rest) => json!({ "status": "locked", "locked_s": rest.as_millis().div_ceil(1000) as u64 }),
        })
    }
}

/// Whether both are the same, in a time that says nothing of where they differ.
fn is_same(given: &[u8], right: &[u8]) -> bool {
    given.len() == right.len() && given.iter().zip(right).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn told(message: &Voicemail) -> Value {
    let Voicemail { id, file, from, length, left, heard } = message;
    let at = left.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    json!({ "id": id, "file": file, "from": from, "ms": length.as_millis() as u64, "at_ms": at, "heard": heard })
}
