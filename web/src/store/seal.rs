//! Passwords in the database can be read only by whoever also has the key file.
//!
//! The digest needs each password in clear, for any realm, so hashing will not do. A [`Seal`] encrypts it with
//! ChaCha20-Poly1305 under a key that lies in the data folder, and binds it to its user: a sealed password moved to
//! another row does not open. It keeps nothing and logs nothing.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest, hmac,
};

/// The name of the key file in the data folder.
pub const KEY_FILE: &str = "secret.key";

const KEY_LEN: usize = 32;

/// What a fingerprint is made of beside the key, so that it is good for nothing else.
const FINGERPRINT: &[u8] = b"patchcord key fingerprint:";

/// The same for signatures.
const SIGNATURE: &[u8] = b"patchcord signatures:";

/// Bytes of a fingerprint: two keys that share one are out of the question.
const FINGERPRINT_LEN: usize = 16;

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or made.
    #[error("key file {path} cannot be read or made", path = path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others may read it.
    #[error("key file {path} may be read by others (mode {mode:04o})", path = path.display())]
    Open {
        /// The key file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("key file {path} does not hold {digits} hexadecimal digits", path = path.display(), digits = 2 * KEY_LEN)]
    NoKey {
        /// The key file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

impl SealError {
    /// What the person who starts the server can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::File { path, .. } => {
                format!("see that this user may read and write {}", path.parent().unwrap_or(path).display())
            }
            Self::Open { path, .. } => format!("chmod 600 {}", path.display()),
            Self::NoKey { path } => format!(
                "restore {} from a backup; without it the stored passwords are lost, and each endpoint needs a new one",
                path.display()
            ),
            Self::Random(_) => "see that /dev/urandom works".into(),
        }
    }
}

/// Why a sealed password does not open: another key, another user, or a damaged row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was sealed with another key or is damaged; add the endpoint again")]
pub struct Broken;

/// Seals and opens passwords with the key of this data folder.
pub struct Seal {
    key: LessSafeKey,
    fingerprint: String,
    signer: Signer,
}

/// Signs what is given away and shown again, with a key that is made of the key of this data folder.
#[derive(Clone)]
pub struct Signer(hmac::Key);

impl Signer {
    /// One whose key is made of those bytes.
    pub fn of(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, digest::digest(&digest::SHA256, &[SIGNATURE, key].concat()).as_ref()))
    }

    /// The signature under a text.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, text).as_ref().to_vec()
    }

    /// Whether that is our signature under it; it takes as long whatever is wrong.
    pub fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, text, signature).is_ok()
    }
}

impl Seal {
    /// The key of `data`, made when there is none.
    pub fn in_folder(data: &Path) -> Result<Self, SealError> {
        let path = data.join(KEY_FILE);
        let fail = |source| SealError::File { path: path.clone(), source };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_key(data, &path)?;
                fs::read_to_string(&path).map_err(fail)?
            }
            Err(error) => return Err(fail(error)),
        };
        let mode = fs::metadata(&path).map_err(fail)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SealError::Open { path, mode });
        }
        let bytes = unhex(text.trim_end()).ok_or(SealError::NoKey { path })?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).expect("the key has the length of the algorithm");
        let fingerprint = digest::digest(&digest::SHA256, &[FINGERPRINT, &bytes].concat());
        let signer = Signer::of(&bytes);
        Ok(Self { key: LessSafeKey::new(key), signer, fingerprint: hex(&fingerprint.as_ref()[..FINGERPRINT_LEN]) })
    }

    /// What tells this key from any other and gives nothing of it away.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Who signs with it.
    pub fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// `password`, readable only with this key and for this user: nonce, ciphertext, tag.
    pub fn close(&self, user: &str, password: &str) -> Result<Vec<u8>, SealError> {
        // 96 random bits: with the 2^32 passwords that the algorithm allows a key, two alike are out of the question.
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(SealError::Random)?;
        let mut sealed = password.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(user), &mut sealed)
            .expect("a password is shorter than 2^38 bytes");
        Ok([&nonce[..], &sealed].concat())
    }

    /// The password that was sealed for this user.
    pub fn open(&self, user: &str, sealed: &[u8]) -> Result<String, Broken> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken)?;
        let mut opened = sealed.to_vec();
        let password = self.key.open_in_place(nonce, Aad::from(user), &mut opened).map_err(|_| Broken)?;
        String::from_utf8(password.to_vec()).map_err(|_| Broken)
    }
}

/// Makes the key file whole or not at all, and leaves one alone that somebody else makes meanwhile.
fn make_key(data: &Path, path: &Path) -> Result<(), SealError> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key).map_err(SealError::Random)?;
    let draft = data.join(format!("{KEY_FILE}.{}", std::process::id()));
    let made = (|| {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        writeln!(file, "{}", hex(&key))?;
        file.sync_all()?;
        let linked = match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        fs::remove_file(&draft)?;
        linked?;
        // The name must be on the disk before the first password is sealed with what it names.
        File::open(data)?.sync_all()
    })();
    made.map_err(|source| SealError::File { path: path.into(), source })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; KEY_LEN]> {
    let mut bytes = [0; KEY_LEN];
    if text.len() != 2 * KEY_LEN || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_for_its_user_with_its_key_and_for_nobody_else() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let seal = Seal::in_folder(one.path()).expect("a key");
        let sealed = seal.close("alice", "pässword").expect("sealed");

        assert_eq!(seal.open("alice", &sealed).as_deref(), Ok("pässword"));
        assert_eq!(seal.open("bob", &sealed), Err(Broken));
        let reopened = Seal::in_folder(one.path()).expect("the same key");
        assert_eq!(reopened.open("alice", &sealed).as_deref(), Ok("pässword"));
        let stranger = Seal::in_folder(other.path()).expect("another key");
        assert_eq!(stranger.open("alice", &sealed), Err(Broken));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let seal = Seal::in_folder(folder.path()).expect("a key");
        let sealed = seal.close("alice", "secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(seal.open("alice", &damaged), Err(Broken), "byte {at} changed");
            assert_eq!(seal.open("alice", &sealed[..at]), Err(Broken), "cut at byte {at}");
        }
    }

    #[test]
    fn the_same_password_never_looks_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let seal = Seal::in_folder(folder.path()).expect("a key");
        assert_ne!(seal.close("alice", "secret").expect("sealed"), seal.close("alice", "secret").expect("sealed"));
    }

    #[test]
    fn the_key_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        Seal::in_folder(folder.path()).expect("a key");
        let path = folder.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).expect("the key file").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "the draft is still there");

        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("set the mode");
        let error = Seal::in_folder(folder.path()).err().expect("refused");
        assert_eq!(error.to_string(), format!("key file {} may be read by others (mode 0644)", path.display()));
        assert_eq!(error.remedy(), format!("chmod 600 {}", path.display()));
    }

    #[test]
    fn a_key_that_is_none_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(KEY_FILE);
        fs::write(&path, "not a key\n").expect("write");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set the mode");
        assert!(matches!(Seal::in_folder(folder.path()), Err(SealError::NoKey { .. })));
        assert_eq!(fs::read_to_string(&path).expect("read"), "not a key\n");
    }
}
