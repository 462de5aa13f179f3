//! The answer to a challenge, as a client sends it: Authorization and Proxy-Authorization.

use std::borrow::Cow;

use super::Algorithm;
use super::field;
use super::hash::{Hash, Quality};
use crate::message::Fault;
use crate::uri::unescape;

/// One set of credentials, borrowed from the message.
#[derive(Clone)]
pub struct Authorization<'a> {
    user: User<'a>,
    realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) uri: &'a str,
    pub(super) response: Hash,
    /// `None`: one that we do not speak.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) quality: Quality,
    pub(super) count_text: &'a str,
    /// 0 when there is none.
    pub(super) count: u32,
    pub(super) cnonce: &'a str,
}

/// How a client may write its name.
#[derive(Clone, Copy)]
enum User<'a> {
    Plain(&'a str),
    /// `username*=UTF-8''J%C3%A4s%C3%B8n`
    Extended(&'a str),
    /// `userhash=true`
    Hashed(&'a str),
}

const NAMES: [&str; 11] =
    ["username", "username*", "userhash", "realm", "nonce", "uri", "response", "algorithm", "qop", "nc", "cnonce"];

struct Fields<'a> {
    username: Option<&'a str>,
    extended: Option<&'a str>,
    userhash: Option<&'a str>,
    realm: Option<&'a str>,
    nonce: Option<&'a str>,
    uri: Option<&'a str>,
    response: Option<&'a str>,
    algorithm: Option<&'a str>,
    qop: Option<&'a str>,
    nc: Option<&'a str>,
    cnonce: Option<&'a str>,
}

impl<'a> Authorization<'a> {
    /// Reads one header line.
    pub fn parse(header: &'a str) -> Result<Self, Fault> {
        let values = field::read(header, NAMES).ok_or(Fault::bad("Authorization is not Digest"))??;
        let [username, extended, userhash, realm, nonce, uri, response, algorithm, qop, nc, cnonce] = values;
        Fields { username, extended, userhash, realm, nonce, uri, response, algorithm, qop, nc, cnonce }.finish()
    }

    /// The credentials for a realm among all lines of a header.
    ///
    /// Other realms and other schemes are passed over: they are for somebody else on the way, and where nothing is left
    /// the request is challenged. A line of Digest that cannot be read is a fault, whoever it is for.
    pub fn find(lines: impl Iterator<Item = &'a str>, realm: &str) -> Result<Option<Self>, Fault> {
        for line in lines.filter(|line| field::is_digest(line)) {
            let read = Self::parse(line)?;
            if read.realm() == realm {
                return Ok(Some(read));
            }
        }
        Ok(None)
    }

    /// The user name; `None` when the client hides it behind a hash, which we never ask for.
    pub fn user(&self) -> Option<Cow<'a, str>> {
        match self.user {
            User::Plain(name) => Some(field::plain(name)),
            User::Extended(name) => Some(unescape(name)),
            User::Hashed(_) => None,
        }
    }

    /// The algorithm of the answer; `None` when it is none that we speak.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The realm.
    pub fn realm(&self) -> Cow<'a, str> {
        field::plain(self.realm)
    }

    /// Whether these are the credentials of that user.
    pub(super) fn is_of(&self, user: &str) -> bool {
        match (self.user, self.algorithm) {
            (User::Hashed(hash), Some(algorithm)) => Hash::from_hex(hash)
                .is_some_and(|hash| hash.matches(&super::hash::user_hash(algorithm, user, &self.realm()))),
            _ => self.user().is_some_and(|name| name == user),
        }
    }
}

impl<'a> Fields<'a> {
    fn finish(self) -> Result<Authorization<'a>, Fault> {
        let user = self.user()?;
        let (count_text, count, cnonce, quality) = self.use_of_nonce()?;
        let response = self.response.ok_or(Fault::bad("Credentials without response"))?;
        let algorithm = self.algorithm.map_or(Some(Algorithm::Md5), Algorithm::of);
        Ok(Authorization {
            user,
            realm: self.realm.ok_or(Fault::bad("Credentials without realm"))?,
            nonce: self.nonce.ok_or(Fault::bad("Credentials without nonce"))?,
            uri: self.uri.ok_or(Fault::bad("Credentials without uri"))?,
            response: Hash::from_hex(response).ok_or(Fault::bad("Bad response in credentials"))?,
            algorithm,
            quality,
            count_text,
            count,
            cnonce,
        })
    }

    fn user(&self) -> Result<User<'a>, Fault> {
        const BAD: Fault = Fault::bad("Bad username in credentials");
        let hashed = self.userhash.is_some_and(|hashed| hashed.eq_ignore_ascii_case("true"));
        match (self.username, self.extended) {
            (Some(name), None) if hashed => Ok(User::Hashed(name)),
            (Some(name), None) => Ok(User::Plain(name)),
            (None, Some(name)) if !hashed => {
                // RFC 8187: charset'language'text. Only UTF-8 is allowed (RFC 7616 §3.4).
                let mut parts = name.splitn(3, '\'');
                let charset = parts.next().ok_or(BAD)?;
                let text = parts.nth(1).ok_or(BAD)?;
                if charset.eq_ignore_ascii_case("UTF-8") { Ok(User::Extended(text)) } else { Err(BAD) }
            }
            (None, None) => Err(Fault::bad("Credentials without username")),
            _ => Err(BAD),
        }
    }

    /// Count, client nonce and quality: all of them or none.
    fn use_of_nonce(&self) -> Result<(&'a str, u32, &'a str, Quality), Fault> {
        let quality = match self.qop {
            None => return Ok(("", 0, "", Quality::Legacy)),
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Quality::Auth,
            Some(qop) if qop.eq_ignore_ascii_case("auth-int") => Quality::AuthInt,
            Some(_) => return Err(Fault::bad("Unknown qop in credentials")),
        };
        let count_text = self.nc.ok_or(Fault::bad("Credentials without nonce count"))?;
        let hex = count_text.len() == 8 && count_text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count = u32::from_str_radix(count_text, 16).ok().filter(|&count| hex && count > 0);
        let count = count.ok_or(Fault::bad("Bad nonce count in credentials"))?;
        let cnonce = self.cnonce.ok_or(Fault::bad("Credentials without client nonce"))?;
        Ok((count_text, count, cnonce, quality))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"Digest username="alice", realm="pbx", nonce="n", uri="sip:pbx", qop=auth, nc=0000000a, cnonce="c", response="8ca523f5e9506fed4657c9700eebdbec""#;

    #[test]
    fn usual_credentials_are_read() {
        let read = Authorization::parse(GOOD).unwrap();
        assert_eq!(read.user().as_deref(), Some("alice"));
        assert_eq!((read.realm().as_ref(), read.nonce, read.uri), ("pbx", "n", "sip:pbx"));
        assert_eq!((read.count, read.count_text, read.cnonce), (10, "0000000a", "c"));
        assert_eq!(read.algorithm, Some(Algorithm::Md5), "what no algorithm means");
    }

    #[test]
    fn each_field_that_misses_or_is_wrong_is_a_400_that_names_it() {
        for (from, to, phrase) in [
            ("username=\"alice\", ", "", "Credentials without username"),
            ("realm=\"pbx\", ", "", "Credentials without realm"),
            ("nonce=\"n\", ", "", "Credentials without nonce"),
            ("uri=\"sip:pbx\", ", "", "Credentials without uri"),
            (", response=\"8ca523f5e9506fed4657c9700eebdbec\"", "", "Credentials without response"),
            ("8ca523f5", "8ca523f", "Bad response in credentials"),
            ("8ca523f5", "8ca523fx", "Bad response in credentials"),
            ("nc=0000000a, ", "", "Credentials without nonce count"),
            ("nc=0000000a", "nc=00000000", "Bad nonce count in credentials"),
            ("nc=0000000a", "nc=a", "Bad nonce count in credentials"),
            ("nc=0000000a", "nc=+000000a", "Bad nonce count in credentials"),
            ("cnonce=\"c\", ", "", "Credentials without client nonce"),
            ("qop=auth", "qop=auth-conf", "Unknown qop in credentials"),
            ("realm=\"pbx\"", "realm=\"pbx\", realm=\"other\"", "Credentials name a field twice"),
            ("realm=\"pbx\"", "realm=\"pbx", "Bad credentials"),
            ("Digest", "Bearer", "Authorization is not Digest"),
        ] {
            let wrong = GOOD.replace(from, to);
            assert_ne!(wrong, GOOD);
            let fault = Authorization::parse(&wrong).err().expect(&wrong);
            assert_eq!((fault.status(), fault.phrase()), (400, phrase), "{wrong}");
        }
    }

    #[test]
    fn algorithms_we_do_not_speak_are_read_and_told_apart() {
        for (name, algorithm) in [
            ("md5", Some(Algorithm::Md5)),
            ("SHA-256", Some(Algorithm::Sha256)),
            ("MD5-sess", None),
            ("SHA-512-256", None),
        ] {
            let line = GOOD.replace("qop=auth", &format!("algorithm={name}, qop=auth"));
            assert_eq!(Authorization::parse(&line).unwrap().algorithm, algorithm, "{name}");
        }
    }

    #[test]
    fn names_may_be_escaped_extended_or_hashed() {
        let escaped = GOOD.replace("alice", r#"a\"b\\c"#);
        assert_eq!(Authorization::parse(&escaped).unwrap().user().as_deref(), Some(r#"a"b\c"#));

        let extended = GOOD.replace("username=\"alice\"", "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe");
        assert_eq!(Authorization::parse(&extended).unwrap().user().as_deref(), Some("Jäsøn Doe"));
        let latin = GOOD.replace("username=\"alice\"", "username*=ISO-8859-1''J%E4s");
        assert_eq!(Authorization::parse(&latin).err().map(Fault::status), Some(400));

        let hashed = super::super::hash::user_hash(Algorithm::Md5, "alice", "pbx");
        let hashed = GOOD.replace("\"alice\"", &format!("{}, userhash=true", hashed.hex().as_str()));
        let hashed = Authorization::parse(&hashed).unwrap();
        assert_eq!(hashed.user(), None);
        assert!(hashed.is_of("alice") && !hashed.is_of("bob"));
    }

    #[test]
    fn credentials_for_other_realms_and_schemes_are_passed_over() {
        let other = GOOD.replace("pbx", "elsewhere");
        let lines = ["NoOneKnowsThisScheme opaque-data=here", &other, GOOD];
        let found = Authorization::find(lines.into_iter(), "pbx").unwrap().unwrap();
        assert_eq!(found.uri, "sip:pbx");
        assert!(Authorization::find(lines.into_iter(), "nowhere").unwrap().is_none());
        let broken = Authorization::find(["Digest nonsense"].into_iter(), "pbx");
        assert_eq!(broken.err().map(Fault::status), Some(400));
    }
}
