//! Our certificate: made for one life of the process, vouched for by nobody but the description that names its fingerprint.

use std::sync::Arc;

use ring::digest;
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::{self, RTCCryptoProvider};

use crate::sdp::dtls::Fingerprint;

/// Whom the certificate names. Nobody reads it: browsers look at the fingerprint only.
const NAME: &str = "patchcord";

/// See the module.
#[derive(Clone)]
pub struct Identity {
    pub(super) certificate: Certificate,
    pub(super) provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

/// No certificate can be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate for browsers can be made: {0}")]
pub struct NoIdentity(String);

impl Identity {
    /// A new one, under a new ECDSA key on P-256.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn fresh() -> Result<Self, NoIdentity> {
        let provider = crypto_provider::default_provider().map_err(|error| NoIdentity(error.to_string()))?;
        let certificate = Certificate::generate_self_signed([NAME.to_owned()], provider.crypto());
        let certificate = certificate.map_err(|error| NoIdentity(error.to_string()))?;
        let fingerprint = print(&certificate.certificate[0]);
        Ok(Self { certificate, provider, fingerprint })
    }

    /// What a description says of it.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

fn print(certificate: &[u8]) -> Fingerprint {
    Fingerprint { hash: "sha-256".into(), bytes: digest::digest(&digest::SHA256, certificate).as_ref().into() }
}

/// Whether a certificate is the one that a fingerprint names. Hashes that can be forged prove nothing.
pub(super) fn fits(certificate: &[u8], fingerprint: &Fingerprint) -> bool {
    let hash = match fingerprint.hash.as_str() {
        "sha-256" => &digest::SHA256,
        "sha-384" => &digest::SHA384,
        "sha-512" => &digest::SHA512,
        _ => return false,
    };
    digest::digest(hash, certificate).as_ref() == fingerprint.bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_fits_its_own_fingerprint_and_no_other() {
        let [one, other] = [(); 2].map(|()| Identity::fresh().expect("a certificate"));
        let certificate = &one.certificate.certificate[0];
        assert!(fits(certificate, one.fingerprint()));
        assert!(!fits(certificate, other.fingerprint()));
        let weak = Fingerprint { hash: "sha-1".into(), ..one.fingerprint().clone() };
        assert!(!fits(certificate, &weak));
        assert_eq!(one.fingerprint().to_string().len(), "sha-256 ".len() + 32 * 3 - 1);
    }
}
