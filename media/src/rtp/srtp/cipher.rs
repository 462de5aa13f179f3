//! Session keys, and what is done with them to the bytes of one packet. Knows places and lengths, no counts.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use super::{Master, Suite};

/// Bytes of the key under which tags are made (RFC 3711 §8.2).
const TAG_KEY: usize = 20;

/// What a session key is for; each direction has two of these, one for sound and one for reports.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Sound,
    Reports,
}

/// The session keys for one purpose.
pub(super) enum Cipher {
    Counter { aes: Aes128, salt: [u8; 14], tag: Hmac<Sha1> },
    Gcm { key: LessSafeKey, salt: [u8; 12] },
}

impl Cipher {
    /// Makes session keys of a master key (RFC 3711 §4.3; the key is never changed while it lasts).
    pub(super) fn new(master: &Master, purpose: Purpose) -> Self {
        let labels = match purpose {
            Purpose::Sound => [0, 1, 2],
            Purpose::Reports => [3, 4, 5],
        };
        let mut key = [0; 32];
        let key = &mut key[..master.suite.key_length()];
        derive(master, labels[0], key);
        match master.suite {
            Suite::AesCm128Sha1Tag80 | Suite::AesCm128Sha1Tag32 => {
                let (mut tag, mut salt) = ([0; TAG_KEY], [0; 14]);
                derive(master, labels[1], &mut tag);
                derive(master, labels[2], &mut salt);
                Self::counter(key, salt, &tag)
            }
            Suite::Gcm128 | Suite::Gcm256 => {
                let mut salt = [0; 12];
                derive(master, labels[2], &mut salt);
                Self::gcm(key, salt)
            }
        }
    }

    /// Counter mode under these session keys.
    pub(super) fn counter(key: &[u8], salt: [u8; 14], tag: &[u8]) -> Self {
        let aes = Aes128::new_from_slice(key).expect("the key of this suite has 16 bytes");
        let tag = <Hmac<Sha1> as KeyInit>::new_from_slice(tag).expect("any key will do");
        Self::Counter { aes, salt, tag }
    }

    /// GCM under these session keys.
    pub(super) fn gcm(key: &[u8], salt: [u8; 12]) -> Self {
        let algorithm = if key.len() == 32 { &AES_256_GCM } else { &AES_128_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the key is as long as its suite wants");
        Self::Gcm { key: LessSafeKey::new(key), salt }
    }

    /// Encrypts `body` or decrypts it, which is the same.
    pub(super) fn count(aes: &Aes128, salt: &[u8; 14], ssrc: u32, index: u64, body: &mut [u8]) {
        let mut start = [0; 16];
        start[..14].copy_from_slice(salt);
        mix(&mut start[4..8], &ssrc.to_be_bytes());
        mix(&mut start[8..14], &index.to_be_bytes()[2..]);
        let core = ctr::CtrCore::<&Aes128, ctr::flavors::Ctr128BE>::inner_iv_init(aes, &start.into());
        core.apply_keystream_partial(body.into());
    }

    /// The tag over `parts`.
    pub(super) fn tag(tag: &Hmac<Sha1>, packet: &[u8], cycles: &[u8]) -> [u8; 20] {
        tag.clone().chain_update(packet).chain_update(cycles).finalize().into_bytes().into()
    }

    /// Whether `shown`, the beginning of a tag, is right; takes the same time for every wrong one.
    pub(super) fn proves(tag: &Hmac<Sha1>, packet: &[u8], cycles: &[u8], shown: &[u8]) -> bool {
        tag.clone().chain_update(packet).chain_update(cycles).verify_truncated_left(shown).is_ok()
    }

    /// The number used once of RFC 7714 §8.1 and §9.1: SSRC and index over the salt.
    pub(super) fn nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
        let mut nonce = *salt;
        mix(&mut nonce[2..6], &ssrc.to_be_bytes());
        mix(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// What is only proven, not hidden, under GCM.
    pub(super) fn open(bytes: &[u8]) -> Aad<&[u8]> {
        Aad::from(bytes)
    }
}

fn mix(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

/// Session key material for `label` (RFC 3711 §4.3.1, RFC 7714 §11): counter mode under the master key.
fn derive(master: &Master, label: u8, out: &mut [u8]) {
    let mut start = [0; 16];
    start[..14].copy_from_slice(&master.salt);
    start[7] ^= label;
    out.fill(0);
    match master.suite {
        Suite::Gcm256 => blocks(&aes::Aes256::new_from_slice(master.key()).expect("32 bytes"), start, out),
        _ => blocks(&Aes128::new_from_slice(master.key()).expect("16 bytes"), start, out),
    }
}

/// The key stream that starts at `start`.
fn blocks<A: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>>(aes: &A, mut start: [u8; 16], out: &mut [u8]) {
    for (count, out) in out.chunks_mut(16).enumerate() {
        start[15] = count as u8;
        let mut block = start.into();
        aes.encrypt_block(&mut block);
        out.copy_from_slice(&block[..out.len()]);
    }
}
