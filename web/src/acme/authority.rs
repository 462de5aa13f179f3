//! The talk with an authority: account, order, proof of each name, certificate.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, header, header::HeaderValue};
use hyper_util::client::legacy::Client;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, HttpClient,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{Answers, Settings};
use crate::fetch::{Reach, connect::Connect, reply, web::AGENT};

/// How long the authority may take to look at all names, and to write the certificate.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).timeout(Duration::from_secs(90));

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(30);

/// The largest answer: a chain of certificates, with room to spare.
const LARGEST: usize = 1 << 18;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Unfetched {
    /// Something cannot be written.
    #[error("{} cannot be written; the data folder must be writable", path.display())]
    Kept {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The authority says no, or is not there.
    #[error("the authority at {directory} did not {step}")]
    Authority {
        /// Which.
        directory: String,
        /// What it was asked to do.
        step: &'static str,
        /// Why.
        #[source]
        error: instant_acme::Error,
    },
    /// The authority asked and was not content.
    #[error(
        "the authority could not convince itself that {name} is ours: {why}; http://{name}/ must lead to an http: listener of \
         [web], at port 80"
    )]
    Unproven {
        /// Whom it asked for.
        name: String,
        /// What it says.
        why: String,
    },
    /// It knows no way of asking that we can answer.
    #[error("the authority does not ask {name} over HTTP (http-01), which is the one way that is answered here")]
    NoQuestion {
        /// Whom it would ask for.
        name: String,
    },
    /// The request for a certificate could not be written.
    #[error("no certificate can be asked for with these names")]
    Request(#[source] rcgen::Error),
    /// There is no way to anybody.
    #[error("TLS cannot be spoken")]
    Tls(#[from] rustls::Error),
}

/// The account as it is kept: it belongs to one authority only.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// Asks for a certificate; gives the chain and its key as PEM.
pub(super) async fn ask(
    settings: &Settings,
    authorities: &[CertificateDer<'static>],
    account: &Path,
    answers: &Answers,
) -> Result<String, Unfetched> {
    let failed = |step| {
        let directory = settings.directory.to_string();
        move |error| Unfetched::Authority { directory, step, error }
    };
    let account = open(settings, authorities, account).await?;
    let names: Vec<_> = settings.names.iter().map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(failed("take the order"))?;
    prove(&mut order, answers).await.map_err(|unproven| match unproven {
        Unproved::Failed(error) => failed("ask for the names")(error),
        Unproved::Other(unfetched) => unfetched,
    })?;
    let status = order.poll_ready(&PATIENCE).await.map_err(failed("look at the names in time"))?;
    if status != OrderStatus::Ready {
        let refused = refused(&mut order).await.map_err(failed("tell what is wrong"))?;
        return Err(refused);
    }
    let (request, key) = request(&settings.names).map_err(Unfetched::Request)?;
    order.finalize_csr(&request).await.map_err(failed("take the request"))?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(failed("give the certificate"))?;
    Ok(format!("{}\n{key}", chain.trim_end()))
}

/// The account that is kept for this authority, or a new one.
async fn open(settings: &Settings, authorities: &[CertificateDer<'static>], path: &Path) -> Result<Account, Unfetched> {
    let directory = settings.directory.to_string();
    let failed = |error| Unfetched::Authority { directory: directory.clone(), step: "open an account", error };
    let connect = Connect::new(Reach::anywhere(), authorities.to_vec())?;
    let builder = Account::builder_with_http(Box::new(Asker(connect.client())));
    let kept = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    if let Some(kept) = kept.filter(|kept| kept.directory == directory) {
        return builder.from_credentials(kept.credentials).await.map_err(failed);
    }
    let contact = settings.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<_> = contact.iter().map(String::as_str).collect();
    // Who writes `acme` into the configuration agrees to what the authority asks for; the documentation says so.
    let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&wanted, directory.clone(), None).await.map_err(failed)?;
    let kept = serde_json::to_vec(&Kept { directory: directory.clone(), credentials });
    let written = kept.map_err(io::Error::other).and_then(|kept| super::write(path, &kept));
    written.map_err(|error| Unfetched::Kept { path: path.to_owned(), error })?;
    Ok(account)
}

enum Unproved {
    Failed(instant_acme::Error),
    Other(Unfetched),
}

/// Lays out the words that the authority will ask for, and tells it to ask.
async fn prove(order: &mut Order, answers: &Answers) -> Result<(), Unproved> {
    let mut names = order.authorizations();
    while let Some(name) = names.next().await {
        let mut name = name.map_err(Unproved::Failed)?;
        // One that was proven a while ago still is.
        if name.status == AuthorizationStatus::Valid {
            continue;
        }
        let shown = name.identifier().to_string();
        let question = name.challenge(ChallengeType::Http01);
        let mut question = question.ok_or_else(|| Unproved::Other(Unfetched::NoQuestion { name: shown.clone() }))?;
        answers.put(&question.token, question.key_authorization().as_str());
        question.set_ready().await.map_err(|error| match error {
            // It looked at once.
            instant_acme::Error::Api(problem) => {
                Unproved::Other(Unfetched::Unproven { name: shown, why: problem.to_string() })
            }
            error => Unproved::Failed(error),
        })?;
    }
    Ok(())
}

/// Which name the authority was not content with, and what it says of it.
async fn refused(order: &mut Order) -> Result<Unfetched, instant_acme::Error> {
    let mut names = order.authorizations();
    while let Some(name) = names.next().await {
        let mut name = name?;
        let state = name.refresh().await?;
        let said = state.challenges.iter().find_map(|question| question.error.as_ref());
        if let Some(problem) = said {
            return Ok(Unfetched::Unproven { name: state.identifier().to_string(), why: problem.to_string() });
        }
    }
    Ok(Unfetched::Unproven { name: "a name".into(), why: "it does not say why".into() })
}

/// What we ask to be certified, and the key that goes with it.
fn request(names: &[String]) -> Result<(Vec<u8>, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut wanted = CertificateParams::new(names.to_vec())?;
    wanted.distinguished_name = DistinguishedName::new();
    Ok((wanted.serialize_request(&key)?.der().to_vec(), key.serialize_pem()))
}

/// Asks over the house's own connections, within its limits.
struct Asker(Client<Connect, BodyWrapper<Bytes>>);

impl HttpClient for Asker {
    fn request(
        &self,
        mut request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        let answer = self.0.request(request);
        Box::pin(async move {
            let whole = async {
                let (head, body) = answer.await.map_err(other)?.into_parts();
                let bytes = reply::all_of(body, reply::announced(&head.headers), LARGEST).await;
                let bytes = bytes.map_err(|_| other(io::Error::other("its answer broke off, or is too large")))?;
                Ok(BytesResponse::from(Response::from_parts(head, Full::new(Bytes::from(bytes)))))
            };
            let late = |_| other(io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"));
            tokio::time::timeout(QUESTION, whole).await.map_err(late)?
        })
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> instant_acme::Error {
    instant_acme::Error::Other(Box::new(error))
}
