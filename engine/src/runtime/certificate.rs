//! Our certificate: read from files or made once, and exchanged without dropping anybody.
//!
//! A [`Keeper`] answers every TLS handshake with what was loaded last. Connections that stand keep what they began with.
//! It does not watch the files: whoever is told to reload calls [`Keeper::reload`].

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::settings::{CertificateSource, Settings};

/// What a certificate that we made is called in the data folder.
const CERTIFICATE_FILE: &str = "certificate.pem";
/// What its key is called there.
const KEY_FILE: &str = "key.pem";

/// What a certificate that was fetched is called, chain and key in one, in the folder where it is kept.
pub const FETCHED_FILE: &str = "certificate.pem";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file with the certificate cannot be read.
    #[error("the certificate {path} cannot be read; it must be a PEM file with the chain, ours first")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is nothing in it.
    #[error("no certificate stands in {0}; it must be a PEM file with the chain, ours first")]
    Empty(PathBuf),
    /// The file with the key cannot be read.
    #[error("the key {path} cannot be read; it must be a PEM file with one private key without a password")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// They do not belong together, or the key is of a kind nobody knows.
    #[error("the certificate {certificate} and the key {key} cannot be used together")]
    Pair {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("no certificate could be made")]
    Make(#[source] rcgen::Error),
    /// The one that was made could not be kept.
    #[error("the certificate that was made could not be kept in {path}; the data folder must be writable")]
    Keep {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file with additional authorities cannot be read.
    #[error("the authorities in {path} cannot be read; it must be a PEM file with certificates")]
    Trust {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
}

/// Shows the certificate that was loaded last to whoever connects.
#[derive(Debug)]
pub struct Keeper {
    source: CertificateSource,
    current: ArcSwap<CertifiedKey>,
}

impl Keeper {
    /// Loads the certificate, and makes one first if that is what the source says and there is none.
    pub fn open(source: CertificateSource) -> Result<Self, CertificateError> {
        let current = ArcSwap::from_pointee(load(&source)?);
        Ok(Self { source, current })
    }

    /// Loads the certificate again. If that fails, the old one stays.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.current.store(load(&self.source)?.into());
        Ok(())
    }
}

impl ResolvesServerCert for Keeper {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// The certificates in a PEM file of authorities.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|source| CertificateError::Trust { path: path.to_owned(), source })
}

/// Whether the certificate, the key and the authorities that the settings name can be used. Makes and keeps nothing.
pub fn check_certificates(settings: &Settings) -> Result<(), CertificateError> {
    if let CertificateSource::Files { certificate, key } = &settings.certificate {
        read(certificate, key)?;
    }
    settings.trust.as_deref().map(authorities).transpose().map(drop)
}

fn load(source: &CertificateSource) -> Result<CertifiedKey, CertificateError> {
    match source {
        CertificateSource::Files { certificate, key } => read(certificate, key),
        CertificateSource::MadeOnce { folder, names } => {
            let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
            if !certificate.exists() || !key.exists() {
                make(names, folder, &certificate, &key)?;
            }
            read(&certificate, &key)
        }
        CertificateSource::Fetched { folder, until } => {
            let file = folder.join(FETCHED_FILE);
            if file.exists() { read(&file, &file) } else { load(until) }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|source| CertificateError::Certificate { path: certificate.to_owned(), source })?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    let private = private.map_err(|source| CertificateError::Key { path: key.to_owned(), source })?;
    let pair = CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider());
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    pair.map_err(|source| CertificateError::Pair { certificate, key, source })
}

fn make(names: &[String], folder: &Path, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
    let mut names: Vec<String> = names.iter().cloned().chain(own_names()).collect();
    names.sort_unstable();
    names.dedup();
    let (made, signing_key) = sign(names).map_err(CertificateError::Make)?;
    let keep = |path: &Path, text: String, mode| {
        write(path, &text, mode).map_err(|source| CertificateError::Keep { path: path.to_owned(), source })
    };
    fs::create_dir_all(folder).map_err(|source| CertificateError::Keep { path: folder.to_owned(), source })?;
    // The key first: whoever finds a certificate finds its key, too.
    keep(key, signing_key.serialize_pem(), 0o600)?;
    keep(certificate, made.pem(), 0o644)?;
    tracing::info!(certificate = %certificate.display(), "made a certificate; phones must be told to trust it");
    Ok(())
}

fn sign(names: Vec<String>) -> Result<(Certificate, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Patchcord");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((params.self_signed(&key)?, key))
}

/// What this machine may be called by phones that check: its name and its address towards the world.
fn own_names() -> Vec<String> {
    let machine = fs::read_to_string("/etc/hostname").map(|name| name.trim().to_owned());
    let usable = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    // An address of the documentation range: where it would go is where everything goes.
    let outward = super::address::ask_kernel(IpAddr::from([192, 0, 2, 1]));
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(machine.ok().filter(usable));
    names.extend((!outward.is_unspecified()).then(|| outward.to_string()));
    names
}

/// Writes beside the place first, so that nobody ever reads half a file.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(&draft)?;
    // A file left over from a crash would have kept its rights.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_once(folder: &Path) -> CertificateSource {
        CertificateSource::MadeOnce { folder: folder.to_owned(), names: vec!["pbx.example.org".into()] }
    }

    fn shown(keeper: &Keeper) -> CertificateDer<'static> {
        keeper.current.load().cert[0].clone()
    }

    #[test]
    fn a_certificate_is_made_once_and_then_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keeper::open(made_once(folder.path())).expect("one is made");
        let second = Keeper::open(made_once(folder.path())).expect("it is read");
        assert_eq!(shown(&first), shown(&second));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_key_that_was_made() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        Keeper::open(made_once(folder.path())).expect("one is made");
        let mode = fs::metadata(folder.path().join(KEY_FILE)).expect("there is a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_bad_certificate_is_refused_and_the_old_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let keeper = Keeper::open(made_once(folder.path())).expect("one is made");
        let before = shown(&keeper);

        fs::write(folder.path().join(CERTIFICATE_FILE), "nonsense").expect("it can be written");
        assert!(matches!(keeper.reload(), Err(CertificateError::Empty(_))));
        assert_eq!(shown(&keeper), before);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for folder in [&one, &other] {
            Keeper::open(made_once(folder.path())).expect("one is made");
        }
        let pair = CertificateSource::Files {
            certificate: one.path().join(CERTIFICATE_FILE),
            key: other.path().join(KEY_FILE),
        };
        assert!(matches!(Keeper::open(pair), Err(CertificateError::Pair { .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let source =
            CertificateSource::Files { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        let error = Keeper::open(source).expect_err("there is no such file");
        assert!(error.to_string().contains("/nowhere/cert.pem"));
    }
}
