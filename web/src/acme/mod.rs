//! Certificates that an authority gives for our names (ACME, RFC 8555): fetched, shown, and renewed before they run out.
//!
//! The authority asks each name over HTTP for a word that it has given us (`http-01`), so one of `[web] listen` must be reached
//! at port 80 of each name. What was fetched lies in one file, chain and key, that is replaced whole; until there is one,
//! the certificate that the server made is shown. Nobody waits for any of this: a certificate that stands stays in use
//! until a newer one is there.

mod answers;
mod authority;
mod paper;

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use patchcord_engine::runtime::clock;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use url::Url;

pub use answers::Answers;
pub use authority::Unfetched;

use crate::problem::chain;
use paper::Paper;

/// Where certificates come from unless the configuration says otherwise.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Names in one certificate, as many as most authorities put into one.
pub const MOST_NAMES: usize = 100;

/// The account with the authority.
const ACCOUNT_FILE: &str = "account.json";

/// How long to wait after a failure, the first, the second and so on. Authorities count failures by the hour, and then refuse.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(3 * 3_600),
    Duration::from_secs(12 * 3_600),
];

/// How often is looked whether it is time: clocks are set, machines sleep.
const LOOK: Duration = Duration::from_secs(3_600);

/// Whose certificates, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The names that browsers and phones know us by.
    pub names: Vec<String>,
    /// Whom the authority writes to when something is wrong.
    pub contact: Option<String>,
    /// The authority's directory.
    pub directory: Url,
    /// Where the account and the certificate are kept.
    pub folder: PathBuf,
}

impl Settings {
    /// The file that holds what was fetched, the chain and its key.
    pub fn file(&self) -> PathBuf {
        file(&self.folder)
    }
}

/// The file that holds what was fetched, in the folder where it is kept.
pub fn file(folder: &Path) -> PathBuf {
    folder.join(patchcord_engine::runtime::FETCHED_FILE)
}

/// Sees to it that there is a certificate, until `stop` says so. `renewed` is told of each new one. `authorities` are believed
/// beside those of the system, when the directory is asked.
pub async fn keep(
    settings: Settings,
    authorities: Vec<CertificateDer<'static>>,
    answers: Arc<Answers>,
    renewed: impl Fn(),
    mut stop: watch::Receiver<bool>,
) {
    let mut failures = 0;
    loop {
        let due = match Paper::open(&settings.file()) {
            Ok(paper) if paper.names_all(&settings.names) => paper.due(),
            // There is none, or it is for other names.
            Ok(_) | Err(_) => SystemTime::UNIX_EPOCH,
        };
        let left = due.duration_since(clock::wall()).unwrap_or_default();
        let pause = match left {
            Duration::ZERO => match fetch(&settings, &authorities, &answers).await {
                Ok(()) => {
                    tracing::info!(names = settings.names.join(" "), "a certificate was fetched");
                    renewed();
                    failures = 0;
                    LOOK
                }
                Err(unfetched) => {
                    let pause = PAUSES[failures.min(PAUSES.len() - 1)];
                    failures += 1;
                    let minutes = pause.as_secs() / 60;
                    tracing::warn!(
                        names = settings.names.join(" "),
                        reason = chain(&unfetched),
                        "no certificate was given; the one at hand stays in use, and in {minutes} min it is asked for again"
                    );
                    pause
                }
            },
            left => left.min(LOOK),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Whoever could say so has gone.
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Asks for a certificate once, whatever is there already. `authorities` are believed beside those of the system.
pub async fn fetch(
    settings: &Settings,
    authorities: &[CertificateDer<'static>],
    answers: &Answers,
) -> Result<(), Unfetched> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder);
    made.map_err(|error| Unfetched::Kept { path: settings.folder.clone(), error })?;
    let given = authority::ask(settings, authorities, &settings.folder.join(ACCOUNT_FILE), answers).await;
    answers.clear();
    let path = settings.file();
    write(&path, given?.as_bytes()).map_err(|error| Unfetched::Kept { path, error })
}

/// Replaces a file whole, readable for nobody else.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(fresh, path)
}
