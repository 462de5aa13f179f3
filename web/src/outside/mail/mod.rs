//! `mail`: letters to people, through the mail server of the configuration.
//!
//! `{to, subject, text, attach?}` → `{status: "sent"}`, or `{status: "waiting", why}` when the server did not take it yet. A
//! letter lies in the store before anything is sent, and is tried again there, with longer and longer pauses, over a restart as
//! well; so it may come twice, and is never lost in silence. What the server refuses for good is told at once. Attachments
//! are recordings, by name.
//!
//! ```text
//! letter   what is asked, within bounds, as MIME
//! server   where letters go, and how one is handed over
//! ```

mod letter;
mod server;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use patchcord_engine::routing::ShelfError;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tracing::{info, warn};

pub use letter::{BadAddress, Sender};
pub use server::{Login, MailServer, Safety};

use super::{
    Misasked, draw, read,
    recordings::{NoRecording, Recordings},
};
use crate::{
    problem::chain,
    store::{Store, letters::Letter as Waiting},
};
use letter::{BadLetter, Letter};
use server::{Refused, Way};

/// How long whoever asks waits for the server before they are told that the letter waits: a caller is on the line.
const WAIT: Duration = Duration::from_secs(8);

/// Letters that may wait. More means that the server has been away for long.
const MOST_WAITING: usize = 1_000;

/// Letters of one turn; the next turn comes soon.
const LETTERS_PER_TURN: usize = 20;

/// After how long a letter is tried again: for a restart of the server, for a day without one, and then no more.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(3_600),
    Duration::from_secs(3 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
];

/// Who sends letters. Clones are the same one.
#[derive(Clone)]
pub(super) struct Post(Arc<Desk>);

struct Desk {
    store: Store,
    recordings: Recordings,
    authorities: Vec<CertificateDer<'static>>,
    way: Mutex<Option<Arc<Way>>>,
    tally: Tally,
}

/// What became of letters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// A server took them.
    pub sent: AtomicU64,
    /// They wait, or waited.
    pub put_off: AtomicU64,
    /// No server will ever take them.
    pub given_up: AtomicU64,
}

/// Why a letter is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSent {
    #[error(transparent)]
    Misasked(#[from] Misasked),
    #[error("this service may not send mail: its manifest does not allow it; write mail = true there")]
    NotAllowed,
    #[error(
        "no mail server is configured; write [mail] with server = \"smtp.example.org\" and from = \"pbx@example.org\" in patchcord.toml"
    )]
    NoServer,
    #[error(transparent)]
    Letter(#[from] BadLetter),
    #[error(transparent)]
    Recording(#[from] NoRecording),
    #[error("{MOST_WAITING} letters wait already; see why the mail server takes none")]
    Full,
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error("the mail server refuses the letter for good")]
    Refused(#[source] Refused),
}

impl Post {
    pub(super) fn new(
        store: Store,
        recordings: Recordings,
        authorities: Vec<CertificateDer<'static>>,
        server: Option<MailServer>,
    ) -> Self {
        let post =
            Self(Arc::new(Desk { store, recordings, authorities, way: Mutex::default(), tally: Tally::default() }));
        post.set_server(server);
        post
    }

    /// What became of letters.
    pub(super) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// The configuration has changed. What waits goes to the new server.
    pub(super) fn set_server(&self, server: Option<MailServer>) {
        let way = server.map(|server| Arc::new(Way::new(server, self.0.authorities.clone())));
        *self.0.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    pub(super) async fn answer(
        &self,
        service: &str,
        is_allowed: bool,
        ask: &str,
        now: SystemTime,
    ) -> Result<Value, NotSent> {
        let letter: Letter = read(ask)?;
        if !is_allowed {
            return Err(NotSent::NotAllowed);
        }
        let way = self.0.way().ok_or(NotSent::NoServer)?;
        letter.check()?;
        // What cannot be attached is told now, and not by a log tomorrow.
        self.0.attachments(&letter).await?;
        let text = serde_json::to_string(&letter).map_err(Misasked::from)?;
        let next = now + PAUSES[0];
        let waiting = Waiting { id: draw()?, service: service.into(), text, tries: 1, next, written: now };
        if !self.0.store.keep_letter(&waiting, MOST_WAITING).await? {
            return Err(NotSent::Full);
        }
        // Whoever asks may lose patience; what was begun is brought to its end.
        let desk = self.0.clone();
        let sent = tokio::spawn(async move { desk.send(&way, &letter, &waiting).await });
        match tokio::time::timeout(WAIT, sent).await {
            Ok(sent) => match sent.map_err(Misasked::from)? {
                Ok(()) => Ok(json!({ "status": "sent" })),
                Err(Unsent::Later(why)) => Ok(json!({ "status": "waiting", "why": why })),
                Err(Unsent::Never(why)) => Err(why),
            },
            Err(_) => Ok(json!({ "status": "waiting", "why": "the mail server takes its time" })),
        }
    }

    /// Tries what is due again. Without a server it goes on waiting.
    pub(super) async fn turn(&self, now: SystemTime) {
        if let Some(way) = self.0.way()
            && let Err(error) = self.0.turn(&way, now).await
        {
            warn!(why = chain(&error), "letters that wait cannot be looked for");
        }
    }
}

/// Why a letter did not go.
enum Unsent {
    /// It is tried again.
    Later(String),
    /// It is not.
    Never(NotSent),
}

impl Desk {
    fn way(&self) -> Option<Arc<Way>> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn turn(&self, way: &Way, now: SystemTime) -> Result<(), ShelfError> {
        for waiting in self.store.due_letters(now, LETTERS_PER_TURN).await? {
            // Noted before it is tried: a letter that ends the process must not do so each minute.
            let next = PAUSES.get(waiting.tries).map(|pause| now + *pause);
            self.store.put_off_letter(&waiting.id, waiting.tries + 1, next.unwrap_or(now)).await?;
            let sent = match serde_json::from_str(&waiting.text).map_err(Misasked::from) {
                Ok(letter) => self.send(way, &letter, &waiting).await,
                Err(damaged) => {
                    self.store.remove_letter(&waiting.id).await?;
                    Err(Unsent::Never(damaged.into()))
                }
            };
            let (service, tries) = (&waiting.service, waiting.tries + 1);
            match (sent, next) {
                (Ok(()), _) => info!(service, tries, "a letter that waited was sent"),
                (Err(Unsent::Later(why)), Some(_)) => info!(service, tries, why, "a letter waits on"),
                (Err(Unsent::Later(why)), None) => {
                    self.store.remove_letter(&waiting.id).await?;
                    self.tally.given_up.fetch_add(1, Relaxed);
                    warn!(service, tries, why, "a letter is given up: nobody took it for a day");
                }
                (Err(Unsent::Never(why)), _) => {
                    warn!(service, tries, why = chain(&why), "a letter is given up");
                }
            }
        }
        Ok(())
    }

    /// Hands a letter over; it goes out of the store unless it is to be tried again.
    async fn send(&self, way: &Way, letter: &Letter, waiting: &Waiting) -> Result<(), Unsent> {
        let handed = match self.attachments(letter).await {
            Ok(attached) => way.hand_over(letter, attached, &waiting.id, waiting.written).await,
            Err(error) => return Err(Unsent::Never(self.forget(waiting, error).await)),
        };
        match handed {
            Ok(()) => {
                self.tally.sent.fetch_add(1, Relaxed);
                // Should the store be away now, the letter goes once more: twice is better than never.
                if let Err(error) = self.store.remove_letter(&waiting.id).await {
                    warn!(why = chain(&error), "a letter was sent and may be sent again");
                }
                Ok(())
            }
            Err(refused) if refused.is_final() => {
                Err(Unsent::Never(self.forget(waiting, NotSent::Refused(refused)).await))
            }
            Err(refused) => {
                self.tally.put_off.fetch_add(1, Relaxed);
                Err(Unsent::Later(chain(&refused)))
            }
        }
    }

    async fn forget(&self, waiting: &Waiting, why: NotSent) -> NotSent {
        self.tally.given_up.fetch_add(1, Relaxed);
        match self.store.remove_letter(&waiting.id).await {
            Ok(()) => why,
            Err(error) => error.into(),
        }
    }

    async fn attachments(&self, letter: &Letter) -> Result<Vec<Vec<u8>>, NotSent> {
        let (recordings, names) = (self.recordings.clone(), letter.attach.clone());
        let read = move || recordings.read(&names, letter::LARGEST_ATTACHMENTS);
        Ok(tokio::task::spawn_blocking(read).await.map_err(Misasked::from)??)
    }
}
