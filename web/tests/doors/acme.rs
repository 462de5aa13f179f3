//! Certificates from an authority: asked for, proven, shown, kept, and why not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::runtime::{CertificateSource, Keeper};
use patchcord_web::acme::{Answers, Settings, Unfetched, fetch, file, keep};
use patchcord_web::serve::{Secure, serve};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;

use crate::authority::Authority;
use crate::lab::Lab;

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener at which the names are reached, and what it answers there.
async fn listening(lab: &Lab, answers: &Arc<Answers>) -> (std::net::SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve(listener, answers.beside(lab.doors()), stopped));
    (at, stop)
}

fn settings(authority: &Authority, folder: &Path, names: &[&str]) -> Settings {
    Settings {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        contact: Some("ops@example.org".into()),
        directory: authority.directory.parse().expect("an address"),
        folder: folder.join("acme"),
    }
}

/// Whether a browser that believes that authority alone believes what is shown there.
async fn is_believed(authority: &Authority, keeper: &Arc<Keeper>, name: &'static str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(Secure::new(listener, keeper.clone()), axum::Router::new(), stopped));
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.der().clone()).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(at).await.expect("connected");
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).expect("a name"), stream).await.is_ok()
}

#[tokio::test]
async fn a_certificate_is_fetched_shown_and_kept() {
    let (lab, answers, folder) =
        (Lab::new().await, Arc::new(Answers::default()), tempfile::tempdir().expect("a folder"));
    let (names_at, _stop) = listening(&lab, &answers).await;
    let authority = Authority::open(names_at).await;
    let names = ["pbx.example.org", "phones.example.org"];
    let wanted = settings(&authority, folder.path(), &names);
    let until = CertificateSource::MadeOnce { folder: folder.path().into(), names: Vec::new() };
    let source = CertificateSource::Fetched { folder: wanted.folder.clone(), until: Box::new(until) };
    let keeper = Arc::new(Keeper::open(source.clone()).expect("one is made until then"));
    assert!(!is_believed(&authority, &keeper, names[0]).await);

    let (tell, mut told) = mpsc::unbounded_channel();
    let (shown, (stop, stopped)) = (keeper.clone(), watch::channel(false));
    let renewed = move || tell.send(shown.reload()).expect("the test listens");
    let kept = tokio::spawn(keep(wanted.clone(), Vec::new(), answers.clone(), renewed, stopped));
    let shown = tokio::time::timeout(PATIENCE, told.recv()).await.expect("in time").expect("it was fetched");
    shown.expect("it is shown");
    assert!(is_believed(&authority, &keeper, names[0]).await && is_believed(&authority, &keeper, names[1]).await);
    assert!(!is_believed(&authority, &keeper, "else.example.org").await);
    stop.send(true).expect("it goes on");
    kept.await.expect("it ended");

    let mode = std::fs::metadata(file(&wanted.folder)).expect("it is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "its key is nobody else's");
    let again = Arc::new(Keeper::open(source).expect("it is read again"));
    assert!(is_believed(&authority, &again, names[0]).await, "a start needs no authority");
    assert_eq!(authority.desk.count(), (1, 1));
    fetch(&wanted, &[], &answers).await.expect("another");
    assert_eq!(authority.desk.count(), (1, 2), "by the same account");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_told_and_nothing_changes() {
    let (lab, answers, folder) =
        (Lab::new().await, Arc::new(Answers::default()), tempfile::tempdir().expect("a folder"));
    // Whoever is asked there knows nothing of it.
    let (elsewhere, _stop) = listening(&lab, &Arc::default()).await;
    let authority = Authority::open(elsewhere).await;
    let wanted = settings(&authority, folder.path(), &["pbx.example.org"]);
    let refused = fetch(&wanted, &[], &answers).await.expect_err("it is not ours");
    let Unfetched::Unproven { name, why } = &refused else { panic!("another fault: {refused}") };
    assert!(name == "pbx.example.org" && why.contains("the word at pbx.example.org is wrong"), "{refused}");
    assert!(refused.to_string().contains("http://pbx.example.org/ must lead to an http: listener"), "{refused}");
    assert!(!file(&wanted.folder).exists());
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let authority = Authority::open(nobody).await;
    let directory = format!("http://{nobody}/directory").parse().expect("an address");
    let wanted = Settings { directory, ..settings(&authority, folder.path(), &["pbx.example.org"]) };
    let refused = fetch(&wanted, &[], &Answers::default()).await.expect_err("nobody is there");
    assert!(
        refused.to_string().starts_with(&format!("the authority at http://{nobody}/directory did not open")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_word_that_nobody_asked_for_is_not_there() {
    let (lab, answers) = (Lab::new().await, Arc::new(Answers::default()));
    let (at, _stop) = listening(&lab, &answers).await;
    let mut stream = TcpStream::connect(at).await.expect("connected");
    let asked = "GET /.well-known/acme-challenge/..%2F..%2Fkey.pem HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}
