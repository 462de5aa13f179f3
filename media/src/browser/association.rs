//! One DTLS association (RFC 5764): a handshake with a browser whose certificate the description named, and the keys of SRTP
//! that come of it. `rtc-dtls` speaks DTLS; this hands it datagrams and instants, and judges what comes out.
//!
//! waits ──flights──▶ secured (the keys, once) ──close_notify──▶ left
//!   └──wrong certificate, no common way, too much said──▶ failed
//!
//! Afterwards it goes on answering: a browser that missed our last flight asks again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{
    ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig, VerifyPeerCertificateFn,
};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::identity::{Identity, fits};
use crate::rtp::srtp::{Master, Suite};
use crate::sdp::dtls::Fingerprint;

/// The most bytes that an association hears before it is secured. A browser says some 2000, and as much again for each
/// repetition; rtc-dtls would keep two million.
const MOST_HEARD: usize = 64 * 1024;

/// The most datagrams that it hears once it is secured: repetitions and the goodbye.
const MOST_AFTERWARDS: usize = 64;

/// How long we wait before we say a flight again.
const REPEAT: Duration = Duration::from_secs(1);

/// What keys are asked for by (RFC 5764 §4.2).
const LABEL: &str = "EXTRACTOR-dtls_srtp";

/// The suites that we take, the best first.
const PROFILES: [SrtpProtectionProfile; 2] =
    [SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80];

/// Where the other side is, to `rtc-dtls`: which way datagrams really go is for ICE to say, and changes.
const THERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// Who begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We do.
    Begins,
    /// They do.
    Waits,
}

/// The keys of both directions.
#[derive(Debug)]
pub struct Keys {
    /// What we protect with.
    pub ours: Master,
    /// What they protect with.
    pub theirs: Master,
}

/// What a datagram has led to.
#[derive(Debug)]
pub enum Progress {
    /// Nothing yet, or nothing new.
    Waits,
    /// The keys.
    Secured(Box<Keys>),
    /// The other side says goodbye.
    Left,
}

/// Why there is no association.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Somebody else is there than the description said.
    #[error("the browser's certificate is not the one it described")]
    WrongCertificate,
    /// The two sides have no way of protecting sound in common.
    #[error("the browser offers no way of protecting sound that is known here")]
    NoSuite,
    /// The other side says more than a handshake needs.
    #[error("the browser's handshake is longer than {MOST_HEARD} bytes")]
    TooLong,
    /// It began and never came to an end.
    #[error("the browser did not finish its handshake in time")]
    TooSlow,
    /// It answers our checks no longer, so that nothing may be sent to it (RFC 7675).
    #[error("the browser did not answer for 30 s")]
    NoConsent,
    /// Something that is no DTLS, or an alert.
    #[error("the handshake with the browser failed: {0}")]
    Broken(String),
}

/// What the certificate that came is.
const UNSEEN: u8 = 0;
const RIGHT: u8 = 1;
const WRONG: u8 = 2;

/// See the module.
pub struct Association {
    endpoint: Endpoint,
    certificate: Arc<AtomicU8>,
    is_secured: bool,
    /// Bytes that were heard, and after the handshake datagrams.
    heard: usize,
}

impl Association {
    /// Begins, or waits for the other side to. One of `fingerprints` is its certificate's.
    ///
    /// # Errors
    /// When our own certificate cannot be used.
    pub fn new(identity: &Identity, role: Role, fingerprints: Vec<Fingerprint>, now: Instant) -> Result<Self, Failure> {
        let certificate = Arc::new(AtomicU8::new(UNSEEN));
        let config = Arc::new(config(identity, role, fingerprints, &certificate)?);
        let protocol = TransportProtocol::UDP;
        let mut association = match role {
            Role::Begins => Endpoint::new(THERE, protocol, None),
            Role::Waits => Endpoint::new(THERE, protocol, Some(Arc::clone(&config))),
        };
        if role == Role::Begins {
            association.connect(now, THERE, config, None).map_err(broken)?;
        }
        Ok(Self { endpoint: association, certificate, is_secured: false, heard: 0 })
    }

    /// Hears a datagram. What is to be sent then is in [`Association::datagram`], also after a failure.
    ///
    /// # Errors
    /// When there will be no association. A secured one does not fail any more.
    pub fn hear(&mut self, datagram: &[u8], now: Instant) -> Result<Progress, Failure> {
        self.heard += if self.is_secured { 1 } else { datagram.len() };
        if self.heard > if self.is_secured { MOST_AFTERWARDS } else { MOST_HEARD } {
            return if self.is_secured { Ok(Progress::Waits) } else { Err(Failure::TooLong) };
        }
        let heard = self.endpoint.read(now, THERE, None, BytesMut::from(datagram));
        if self.certificate.load(Ordering::Relaxed) == WRONG {
            return Err(Failure::WrongCertificate);
        }
        let events = match heard {
            Ok(events) => events,
            Err(_) if self.is_secured => return Ok(Progress::Waits),
            Err(Error::ErrServerNoMatchingSrtpProfile | Error::ErrClientNoMatchingSrtpProfile) => {
                return Err(Failure::NoSuite);
            }
            Err(error) => return Err(broken(error)),
        };
        let mut progress = Progress::Waits;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => {
                    progress = Progress::Secured(Box::new(self.keys()?));
                    (self.is_secured, self.heard) = (true, 0);
                }
                EndpointEvent::PeerClosed => progress = Progress::Left,
                _ => {}
            }
        }
        Ok(progress)
    }

    /// The next datagram to send.
    pub fn datagram(&mut self) -> Option<BytesMut> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message)
    }

    /// When it wants to be woken; `None`: not before something is heard.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&THERE).filter(|_| !self.is_secured)
    }

    /// It is time: what was not answered is said again.
    ///
    /// # Errors
    /// When it was said often enough.
    pub fn wake(&mut self, now: Instant) -> Result<(), Failure> {
        self.endpoint.handle_timeout(THERE, now).map_err(broken)
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        let _gone = self.endpoint.stop(now, THERE);
    }

    fn keys(&self) -> Result<Keys, Failure> {
        // The handshake asks for the certificate and for the proof of its key; this is where the house relies on it.
        if self.certificate.load(Ordering::Relaxed) != RIGHT {
            return Err(Failure::WrongCertificate);
        }
        let state = self.endpoint.get_connection_state(THERE).ok_or(Failure::NoSuite)?;
        let suite = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Suite::Gcm128,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Suite::AesCm128Sha1Tag80,
            _ => return Err(Failure::NoSuite),
        };
        let (key, salt) = (suite.key_length(), suite.salt_length());
        let secret = state.export_keying_material(LABEL, &[], 2 * (key + salt)).map_err(broken)?;
        let secret: &[u8] = secret.as_ref();
        let (keys, salts) = secret.split_at(2 * key);
        let master = |side: usize| {
            let whole = [&keys[side * key..][..key], &salts[side * salt..][..salt]].concat();
            Master::new(suite, &whole).map_err(|error| Failure::Broken(error.to_string()))
        };
        // The client's stand first.
        let (client, server) = (master(0)?, master(1)?);
        let (ours, theirs) = if state.is_client() { (client, server) } else { (server, client) };
        Ok(Keys { ours, theirs })
    }
}

fn config(
    identity: &Identity,
    role: Role,
    fingerprints: Vec<Fingerprint>,
    seen: &Arc<AtomicU8>,
) -> Result<HandshakeConfig, Failure> {
    let seen = Arc::clone(seen);
    let judge: VerifyPeerCertificateFn = Arc::new(move |certificates, _| {
        let first = certificates.first();
        let is_right = first.is_some_and(|first| fingerprints.iter().any(|print| fits(first, print)));
        seen.store(if is_right { RIGHT } else { WRONG }, Ordering::Relaxed);
        if is_right { Ok(()) } else { Err(Error::ErrInvalidCertificate) }
    });
    ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(&identity.provider))
        .with_certificates(vec![identity.certificate.clone()])
        .with_srtp_protection_profiles(PROFILES.to_vec())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_flight_interval(REPEAT)
        // No authority vouches for a browser; the fingerprint does.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(judge))
        .build(role == Role::Begins, None)
        .map_err(broken)
}

fn broken(error: Error) -> Failure {
    Failure::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::clock::now;

    /// Carries everything that either side has to say, until both are silent; what each came to.
    fn shake(one: &mut Association, other: &mut Association) -> [Result<Option<Box<Keys>>, Failure>; 2] {
        let mut came = [Ok(None), Ok(None)];
        for _ in 0..16 {
            let sent: [Vec<_>; 2] =
                [&mut *one, &mut *other].map(|side| std::iter::from_fn(|| side.datagram()).collect());
            for (place, side) in [&mut *other, &mut *one].into_iter().enumerate() {
                for datagram in &sent[place] {
                    match side.hear(datagram, now()) {
                        Ok(Progress::Secured(keys)) => came[1 - place] = Ok(Some(keys)),
                        Ok(_) => {}
                        Err(failure) => came[1 - place] = Err(failure),
                    }
                }
            }
        }
        came
    }

    fn pair(browser_knows: &Identity, we_know: &Identity) -> (Association, Association) {
        let [ours, browsers] = [browser_knows, we_know];
        let waiting = Association::new(ours, Role::Waits, vec![browsers.fingerprint().clone()], now());
        let begins = Association::new(browsers, Role::Begins, vec![ours.fingerprint().clone()], now());
        (waiting.expect("a certificate"), begins.expect("a certificate"))
    }

    fn identities() -> [Identity; 2] {
        [(); 2].map(|()| Identity::fresh().expect("a certificate"))
    }

    #[test]
    fn both_sides_come_to_the_same_keys() {
        let [ours, browsers] = identities();
        let (mut waiting, mut beginning) = pair(&ours, &browsers);
        let [here, there] = shake(&mut waiting, &mut beginning).map(|came| came.expect("no failure").expect("keys"));
        assert!(here.ours == there.theirs && here.theirs == there.ours && here.ours != here.theirs);
        assert_eq!(here.ours.suite(), Suite::Gcm128);
        beginning.close(now());
        let goodbye = beginning.datagram().expect("a goodbye");
        assert!(matches!(waiting.hear(&goodbye, now()), Ok(Progress::Left)));
    }

    #[test]
    fn another_certificate_than_the_described_one_is_refused() {
        let [ours, browsers] = identities();
        let [described, _] = identities();
        let mut waiting =
            Association::new(&ours, Role::Waits, vec![described.fingerprint().clone()], now()).expect("a certificate");
        let mut beginning =
            Association::new(&browsers, Role::Begins, vec![ours.fingerprint().clone()], now()).expect("a certificate");
        let [here, there] = shake(&mut waiting, &mut beginning);
        assert_eq!(here.err(), Some(Failure::WrongCertificate));
        assert!(!matches!(there, Ok(Some(_))), "it gets no keys");
    }

    #[test]
    fn who_says_more_than_a_handshake_needs_is_refused() {
        let [ours, browsers] = identities();
        let (mut waiting, _) = pair(&ours, &browsers);
        // The first piece of a message of sixteen megabytes, again and again.
        let mut piece = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 4, 12, 1, 255, 255, 255, 0, 0, 0, 0, 0, 0, 4, 0];
        piece.resize(25 + 1024, 0);
        let mut last = None;
        for number in 0..200_u8 {
            piece[10] = number;
            last = waiting.hear(&piece, now()).err();
        }
        assert_eq!(last, Some(Failure::TooLong));
    }
}
