//! The world outside a call, as far as scripts reach it.
//!
//! A script asks by a noun and a JSON text, and gets a JSON text or an error in words; it never waits longer than it said.
//! What a service may reach is said by its manifest and looked up here for each ask, so it holds whatever the script says.
//!
//! ```text
//! Porter ──▶ place for one more? ──▶ noun
//!              store     values that stay, per service or shared      crate::store::shelf
//!              http      servers that the manifest names              crate::fetch::connect
//!              db        the database that the manifest names        crate::store::foreign
//!              mail      letters through the configured server        crate::store::letters
//!              mailbox   what was left for people                     crate::store::voicemail
//!              registrar where endpoints are                          the engine's location
//!              token     what guests show who call from pages         crate::phone::token
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `rules` | what a service may reach |
//! | `crowd` | how many errands are under way, of all and of one service |
//! | `db` | statements and rows of other databases |
//! | `http` | asks of servers, redirects, bodies |
//! | `mail` | letters, and when they are tried again |
//! | `mailbox` | voicemail and its PINs |
//! | `recordings` | files of recordings, by name only |
//! | `registrar` | where an endpoint can be reached |
//! | `store` | keys, values and how long they stay |
//! | `token` | tokens of guests |
//!
//! Nothing here knows of calls, of scripts or of who waits for an answer.

mod crowd;
mod db;
mod http;
mod mail;
mod mailbox;
mod recordings;
mod registrar;
mod rules;
mod store;
mod token;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use patchcord_engine::{
    errand::{Outside, Reply, World},
    runtime::clock,
    switchboard::Switchboard,
};
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{runtime::Handle, sync::watch};

pub use mail::{BadAddress, Login, MailServer, Safety, Sender};
pub use mailbox::{Mailbox, Mailboxes};
pub use rules::{Database, Hosts, NoHost, RuleBook, Rules};

use crate::{
    fetch::{Reach, connect::Connect},
    metrics::Exposition,
    problem::chain,
    store::{Signer, Store},
};
use crowd::{Crowd, Place};

/// The longest text that is taken as an ask: the largest body that is sent, and what is around it.
const LONGEST_ASK: usize = 3 << 20;

/// The longest that any errand may take, whatever is said: a caller waits in silence or with music meanwhile.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(120);

/// How often lapsed values are taken away. Nobody sees them; they only take room.
const SWEEP_EACH: Duration = Duration::from_secs(60);

/// How often it is looked whether letters are due: their pauses are minutes.
const MAIL_EACH: Duration = Duration::from_secs(15);

/// Who runs the errands of scripts. Clones are the same one.
#[derive(Clone)]
pub struct Porter {
    runtime: Handle,
    rooms: Arc<Rooms>,
}

struct Rooms {
    crowd: Crowd,
    rules: Arc<dyn RuleBook>,
    store: store::Values,
    signer: Signer,
    db: db::Databases,
    http: http::Http,
    mail: mail::Post,
    mailbox: mailbox::Voicemails,
    board: Option<Arc<Switchboard>>,
}

/// What the porter works with.
#[derive(Clone, Default)]
pub struct Settings {
    /// Authorities that are trusted beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The folder of recordings.
    pub recordings: PathBuf,
    /// Where letters go.
    pub mail: Option<MailServer>,
    /// Who has a mailbox with a PIN, or is written to.
    pub mailboxes: Mailboxes,
    /// Where endpoints are registered.
    pub board: Option<Arc<Switchboard>>,
}

/// Why scripts reach nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// TLS cannot be set up.
    #[error("scripts cannot reach anything: TLS does not start")]
    Tls(#[from] rustls::Error),
}

/// Why an ask is not understood.
#[derive(Debug, thiserror::Error)]
enum Misasked {
    #[error("there is no {0:?} that a script could ask; there are db, http, mail, mailbox, registrar, store and token")]
    NoSuchNoun(String),
    #[error("the ask has {0} bytes, and {LONGEST_ASK} are the most")]
    TooLong(usize),
    #[error("the ask is not understood")]
    Unreadable(#[from] serde_json::Error),
    #[error("the work for it stumbled")]
    Stumbled(#[from] tokio::task::JoinError),
    #[error("the system gives no random numbers")]
    NoLuck(#[from] getrandom::Error),
}

impl Porter {
    /// One that works on that runtime, keeps values in that store and lets services do what those rules say.
    ///
    /// # Errors
    /// When TLS cannot be had. Nothing is asked of the network here.
    pub fn new(runtime: Handle, store: Store, rules: Arc<dyn RuleBook>, settings: Settings) -> Result<Self, Unopened> {
        let Settings { authorities, recordings, mail, mailboxes, board } = settings;
        let connect = Connect::new(Reach::default(), authorities.clone())?;
        let recordings = recordings::Recordings::new(recordings);
        let rooms = Rooms {
            crowd: Crowd::default(),
            rules,
            db: db::Databases::default(),
            http: http::Http::new(&connect),
            mail: mail::Post::new(store.clone(), recordings.clone(), authorities, mail),
            mailbox: mailbox::Voicemails::new(store.clone(), recordings, mailboxes, board.clone()),
            board,
            signer: store.signer(),
            store: store::Values::new(store),
        };
        Ok(Self { runtime, rooms: Arc::new(rooms) })
    }

    /// The configuration has changed: where letters go from now on, and who has a mailbox.
    pub fn reconfigure(&self, mail: Option<MailServer>, mailboxes: Mailboxes) {
        self.rooms.mail.set_server(mail);
        self.rooms.mailbox.set_owners(mailboxes);
    }

    /// Runs one errand, for as long as it may take, and gives its answer as JSON.
    ///
    /// # Errors
    /// In words for whoever wrote the script: what was refused or failed, and what can be done.
    pub async fn answer(&self, service: &str, noun: &str, ask: &str, patience: Duration) -> Result<String, String> {
        let place = self.rooms.crowd.enter(service).map_err(|full| full.to_string())?;
        self.rooms.run_in(place, service, noun, ask, patience).await
    }

    /// What was counted, for whoever watches.
    pub fn measure(&self, page: &mut Exposition) {
        let (now, entered, refused) = self.rooms.crowd.told();
        page.gauge("script_errands_underway", "Errands of scripts that are under way", now as u64);
        page.counter("script_errands", "Errands of scripts outside their calls", entered);
        page.counter("script_errands_refused", "Errands refused because too many were under way", refused);
        let mail::Tally { sent, put_off, given_up } = self.rooms.mail.tally();
        page.counter("letters_sent", "Letters that a mail server took", sent.load(Relaxed));
        page.counter("letters_put_off", "Times that a letter was not taken and waits on", put_off.load(Relaxed));
        page.counter("letters_given_up", "Letters that no mail server will take", given_up.load(Relaxed));
    }

    /// Takes away what has lapsed and sends letters that wait, until `stopped` says that it is over.
    pub async fn tidy(self, mut stopped: watch::Receiver<bool>) {
        let interval = |each| {
            let mut turns = tokio::time::interval(each);
            turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            turns
        };
        let (mut sweep, mut mail) = (interval(SWEEP_EACH), interval(MAIL_EACH));
        let sweeping = async {
            loop {
                sweep.tick().await;
                self.rooms.store.sweep(clock::wall()).await;
            }
        };
        let mailing = async {
            loop {
                mail.tick().await;
                self.rooms.mail.turn(clock::wall()).await;
            }
        };
        // A server that takes its time for a letter holds up neither the other work nor the end.
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {}
            () = sweeping => {}
            () = mailing => {}
        }
    }

    /// Tries the letters again that are due at that moment.
    pub async fn send_letters(&self, now: SystemTime) {
        self.rooms.mail.turn(now).await;
    }
}

impl World for Porter {
    fn go(&self, errand: Outside, reply: Reply) {
        // Before there is a task for it: what waits here is bounded, too.
        let place = match self.rooms.crowd.enter(&errand.service) {
            Ok(place) => place,
            Err(full) => return reply.with(Err(full.to_string())),
        };
        let rooms = self.rooms.clone();
        self.runtime.spawn(async move {
            let Outside { service, noun, ask, patience } = errand;
            reply.with(rooms.run_in(place, &service, &noun, &ask, patience).await);
        });
    }
}

impl Rooms {
    async fn run_in(
        &self,
        _place: Place,
        service: &str,
        noun: &str,
        ask: &str,
        patience: Duration,
    ) -> Result<String, String> {
        let patience = patience.min(LONGEST_PATIENCE);
        let told = tokio::time::timeout(patience, self.run(service, noun, ask)).await;
        told.unwrap_or_else(|_| Err(format!("{noun}: no answer within {}", told_time(patience))))
    }

    async fn run(&self, service: &str, noun: &str, ask: &str) -> Result<String, String> {
        let rules = self.rules.rules(service).unwrap_or_default();
        match noun {
            "store" => told(noun, self.store.answer(service, ask, clock::wall()).await),
            "db" => told(noun, self.db.answer(service, rules.database, ask).await),
            "http" => told(noun, self.http.answer(&rules.hosts, ask).await),
            "mail" => told(noun, self.mail.answer(service, rules.mail, ask, clock::wall()).await),
            "mailbox" => told(noun, self.mailbox.answer(ask, clock::wall()).await),
            "token" => told(noun, token::answer(&self.signer, &rules.guests, ask, clock::wall())),
            "registrar" => told(noun, registrar::answer(self.board.as_deref(), ask, clock::now())),
            _ => Err(Misasked::NoSuchNoun(noun.into()).to_string()),
        }
    }
}

/// An answer as JSON, or why there is none under the name of what was asked.
fn told<E: std::error::Error>(noun: &str, answer: Result<Value, E>) -> Result<String, String> {
    answer.map(|answer| answer.to_string()).map_err(|error| format!("{noun}: {}", chain(&error)))
}

fn read<T: DeserializeOwned>(ask: &str) -> Result<T, Misasked> {
    if ask.len() > LONGEST_ASK {
        return Err(Misasked::TooLong(ask.len()));
    }
    Ok(serde_json::from_str(ask)?)
}

/// A name that nothing else has.
fn draw() -> Result<String, Misasked> {
    let mut drawn = [0; 16];
    getrandom::fill(&mut drawn)?;
    Ok(data_encoding::HEXLOWER.encode(&drawn))
}

/// A time as people say it.
fn told_time(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{millis} ms"),
    }
}
