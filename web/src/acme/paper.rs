//! A certificate on disk: whose it is, and when it wants to be renewed.

use std::{
    io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::{extensions::GeneralName, prelude::*};

/// What its first certificate says.
#[derive(Debug)]
pub(super) struct Paper {
    names: Vec<String>,
    begins: SystemTime,
    ends: SystemTime,
}

impl Paper {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let first = CertificateDer::from_pem_file(path).map_err(io::Error::other)?;
        let (_, read) = X509Certificate::from_der(&first).map_err(io::Error::other)?;
        let time = |time: ASN1Time| UNIX_EPOCH + Duration::from_secs(time.timestamp().try_into().unwrap_or_default());
        let listed = read.subject_alternative_name().map_err(io::Error::other)?;
        let names = listed.iter().flat_map(|listed| &listed.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        let validity = read.validity();
        Ok(Self { names: names.collect(), begins: time(validity.not_before), ends: time(validity.not_after) })
    }

    /// Whether it is for each of these.
    pub(super) fn names_all(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.contains(&name.to_ascii_lowercase()))
    }

    /// When the next one is wanted: when a third of its time is left, which is what authorities advise.
    pub(super) fn due(&self) -> SystemTime {
        let lasts = self.ends.duration_since(self.begins).unwrap_or_default();
        self.begins + lasts * 2 / 3
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn it_is_renewed_when_a_third_of_its_time_is_left_and_for_other_names_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("certificate.pem");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["PBX.example.org".into()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        std::fs::write(&path, params.self_signed(&key).expect("one").pem()).expect("written");

        let paper = Paper::open(&path).expect("it is read");
        assert_eq!(paper.due(), date_time_ymd(2026, 3, 2), "sixty of ninety days");
        assert!(paper.names_all(&["pbx.example.org".into()]));
        assert!(!paper.names_all(&["pbx.example.org".into(), "phones.example.org".into()]));
        std::fs::write(&path, "no certificate").expect("written");
        assert!(Paper::open(&path).is_err());
    }
}
