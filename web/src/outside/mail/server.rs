//! Where letters go, and how one is handed over.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use rustls::pki_types::CertificateDer;
use tokio::{sync::OnceCell, task::spawn_blocking};

use super::letter::{BadLetter, Letter, Sender};

/// How long the server may take for one letter, less than the first pause: nobody tries the same letter twice at once.
const ATTEMPT: Duration = Duration::from_secs(45);

/// How long it may take for one line.
const LINE: Duration = Duration::from_secs(20);

/// The mail server of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is kept from others.
    pub safety: Safety,
    /// How we show it who we are.
    pub login: Option<Login>,
    /// Whom letters are from.
    pub from: Sender,
}

/// How the way to the server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// TLS from the first byte.
    Tls,
    /// TLS after the greeting, or nothing is sent.
    StartTls,
    /// Not at all.
    Open,
}

impl Safety {
    /// Where servers listen for it.
    pub fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::Open => 25,
        }
    }
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The way to a server. What TLS needs is read when it is wanted first, because that takes its time.
pub(super) struct Way {
    server: MailServer,
    authorities: Vec<CertificateDer<'static>>,
    transport: OnceCell<Transport>,
}

/// Why the server did not take a letter.
#[derive(Debug, thiserror::Error)]
pub(in crate::outside) enum Refused {
    #[error(transparent)]
    Letter(#[from] BadLetter),
    #[error("TLS to mail server {host} cannot be set up")]
    Tls {
        host: String,
        #[source]
        source: smtp::Error,
    },
    #[error("mail server {host} did not take it within {}", super::super::told_time(ATTEMPT))]
    Late { host: String },
    #[error("mail server {host}")]
    Said {
        host: String,
        #[source]
        source: smtp::Error,
    },
    #[error("the work for it stumbled")]
    Stumbled(#[from] tokio::task::JoinError),
}

impl Refused {
    /// Whether trying again is of no use.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Letter(_) => true,
            // What it says of our password is about the configuration, which may be corrected: 530, 534, 535, 538.
            Self::Said { source, .. } => {
                let about_login = source.status().is_some_and(|code| (530..540).contains(&u16::from(code)));
                source.is_permanent() && !about_login
            }
            Self::Tls { .. } | Self::Late { .. } | Self::Stumbled(_) => false,
        }
    }
}

impl Way {
    pub(super) fn new(server: MailServer, authorities: Vec<CertificateDer<'static>>) -> Self {
        Self { server, authorities, transport: OnceCell::new() }
    }

    /// Hands a letter over to the server.
    pub(super) async fn hand_over(
        &self,
        letter: &Letter,
        attached: Vec<Vec<u8>>,
        id: &str,
        written: SystemTime,
    ) -> Result<(), Refused> {
        let host = || self.server.host.clone();
        let message = letter.written(&self.server.from, attached, id, written)?;
        let transport = self.transport.get_or_try_init(|| self.open()).await?;
        match tokio::time::timeout(ATTEMPT, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(source)) => Err(Refused::Said { host: host(), source }),
            Err(_) => Err(Refused::Late { host: host() }),
        }
    }

    async fn open(&self) -> Result<Transport, Refused> {
        let MailServer { host, port, safety, login, from } = self.server.clone();
        let authorities = self.authorities.clone();
        let tls = move || match safety {
            Safety::Open => Ok(Tls::None),
            Safety::Tls => parameters(host, authorities).map(Tls::Wrapper),
            Safety::StartTls => parameters(host, authorities).map(Tls::Required),
        };
        let tls = spawn_blocking(tls).await?;
        let tls = tls.map_err(|source| Refused::Tls { host: self.server.host.clone(), source })?;
        let transport = Transport::builder_dangerous(&self.server.host)
            .port(port)
            .tls(tls)
            .timeout(Some(LINE))
            .hello_name(ClientId::Domain(from.domain().to_owned()));
        let login = login.map(|login| Credentials::new(login.user, login.password));
        Ok(match login {
            Some(login) => transport.credentials(login).build(),
            None => transport.build(),
        })
    }
}

fn parameters(host: String, authorities: Vec<CertificateDer<'static>>) -> Result<TlsParameters, smtp::Error> {
    let mut parameters = TlsParameters::builder(host);
    for authority in authorities {
        parameters = parameters.add_root_certificate(Certificate::from_der(authority.to_vec())?);
    }
    parameters.build()
}
