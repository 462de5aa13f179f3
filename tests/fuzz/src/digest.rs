//! Credentials and challenges, one header value a line.

use std::sync::OnceLock;
use std::time::Instant;

use patchcord_sip::digest::{Account, Asked, Authorization, Challenge, Challenger, Credential, Rules};

/// Reads the lines as credentials and as challenges, and puts both to use.
pub fn digest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let password = Credential::Password("secret".into());
    let asked = Asked { method: "REGISTER", uri: "sip:example.org", body: b"body" };
    for line in text.lines() {
        if let Ok(given) = Authorization::parse(line) {
            refused(&given, asked, &password);
        }
        if let Ok(challenge) = Challenge::parse(line) {
            let _ = (challenge.realm().len(), challenge.nonce().len(), challenge.is_stale());
            if let Ok(answer) = challenge.answer("alice", &password, asked, 1, "0a4f113b") {
                let given = Authorization::parse(&answer).expect("our answers can be read");
                assert_eq!((given.user().as_deref(), given.realm()), (Some("alice"), challenge.realm()));
            }
        }
    }
    let _ = Authorization::find(text.lines(), "example.org").is_ok();
    let _ = Challenge::strongest(text.lines(), &password).is_ok();
}

/// Nobody guesses a nonce of a secret key.
fn refused(given: &Authorization<'_>, asked: Asked<'_>, credential: &Credential) {
    let now = start();
    let challenger = Challenger::new([7; 32], Rules { allow_legacy: true, ..Rules::default() }, now);
    let realm = given.realm();
    let user = given.user().unwrap_or_default();
    let account = Account { user: &user, realm: &realm, credential: Some(credential) };
    assert!(challenger.verify(&mut challenger.counts(8), given, asked, account, now).is_err());
    let _ = given.algorithm();
}

/// Any instant will do, but the standard library makes none without looking at the clock.
#[allow(clippy::disallowed_methods, reason = "nothing depends on the time, and there is no other way to an Instant")]
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}
