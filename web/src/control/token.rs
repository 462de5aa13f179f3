//! The token that every request on the control socket carries.
//!
//! Made anew at each start and written for the server's user alone. It is compared in constant time and never logged.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ring::hmac;

/// The name of the token's file in the data folder.
pub const TOKEN_FILE: &str = "control.token";

const TOKEN_BYTES: usize = 32;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be written or read.
    #[error("token file {path} cannot be written or read", path = path.display())]
    File {
        /// The token's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Knows the token when it sees it, and cannot say it.
#[derive(Clone)]
pub struct Token {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Token {
    /// Makes a new token and writes it into the data folder.
    pub fn make(folder: &Path) -> Result<Self, TokenError> {
        let mut secrets = [0; 2 * TOKEN_BYTES];
        getrandom::fill(&mut secrets).map_err(TokenError::Random)?;
        let (token, key) = secrets.split_at(TOKEN_BYTES);
        let text: String = token.iter().map(|byte| format!("{byte:02x}")).collect();

        let path = folder.join(TOKEN_FILE);
        let draft = folder.join(format!("{TOKEN_FILE}.new"));
        let written = (|| {
            // A draft that was left behind may have any mode; ours is made with the right one.
            match fs::remove_file(&draft) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text.as_bytes())?;
            fs::rename(&draft, &path)
        })();
        written.map_err(|source| TokenError::File { path, source })?;

        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let tag = hmac::sign(&key, text.as_bytes());
        Ok(Self { key, tag })
    }

    /// Reads the token of the server that runs on that data folder.
    pub fn read(folder: &Path) -> Result<String, TokenError> {
        let path = folder.join(TOKEN_FILE);
        let text = fs::read_to_string(&path).map_err(|source| TokenError::File { path: path.clone(), source })?;
        // Whoever opens the file in an editor leaves a line end behind.
        let token = text.trim();
        if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(token.into());
        }
        let source = io::Error::new(io::ErrorKind::InvalidData, "it holds no token; the next start makes a new one");
        Err(TokenError::File { path, source })
    }

    /// Whether `shown` is the token. How long that takes says nothing about how much of it is right.
    pub fn is(&self, shown: &str) -> bool {
        hmac::verify(&self.key, shown.as_bytes(), self.tag.as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_token_of_this_start_is_the_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = Token::make(folder.path()).expect("a token");
        let old_text = Token::read(folder.path()).expect("written");
        assert!(old.is(&old_text));

        let new = Token::make(folder.path()).expect("another token");
        let new_text = Token::read(folder.path()).expect("written");
        assert!(new.is(&new_text) && !new.is(&old_text) && !new.is("") && !new.is(&new_text[1..]));
    }

    #[test]
    fn a_token_file_that_somebody_edited_is_read_or_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let token = Token::make(folder.path()).expect("a token");
        let path = folder.path().join(TOKEN_FILE);
        let text = Token::read(folder.path()).expect("written");

        fs::write(&path, format!("{text}\n")).expect("written");
        assert!(token.is(&Token::read(folder.path()).expect("a line end is no harm")));
        fs::write(&path, "two\nlines").expect("written");
        let refused = Token::read(folder.path()).expect_err("that is no token");
        assert!(std::error::Error::source(&refused).expect("a reason").to_string().contains("holds no token"));
    }

    #[test]
    fn the_token_is_for_the_servers_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(TOKEN_FILE);
        fs::write(&path, "left by somebody").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the mode is set");

        Token::make(folder.path()).expect("a token");
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    }
}
