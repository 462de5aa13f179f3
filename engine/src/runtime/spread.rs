//! Which call lives where.
//!
//! A call lives on the shard that the hash of its Call-ID names, so that INVITE, ACK, CANCEL and BYE meet wherever they
//! came in. A phone that takes the place of another one (Replaces) or comes to two (Join) comes to the shard of the call that it names, and stays
//! there: the tags that we give say by their hash where their dialog lives, and by a mark that they are ours.
//!
//! ```text
//! INVITE with Replaces or Join ─▶ the tag of ours that it names ┐
//! request in a dialog  ─▶ the tag in To                 ├─ ours? its shard; else the Call-ID's
//! response             ─▶ the tag in From               ┘
//! ```
//!
//! Nothing that is read here has been checked: it tells messages apart and is good for nothing else.

use std::hash::{BuildHasher as _, RandomState};

use memchr::memchr;
use patchcord_sip::tokens::Tokens;

/// How often a word is drawn until its hash names a shard. With a hundred shards, all of these would miss once in ten
/// billion calls; the call would then only take a detour with each message.
const DRAWS: usize = 2300;

/// Letters of the mark: who guesses tags without knowing ours hits one in a million, and gains a detour.
const MARK: usize = 4;

/// Five bits a letter, as tags have them.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// See the module. Seeded anew at each start, so that nobody can aim all calls at one shard.
pub(crate) struct Spread {
    shards: usize,
    keys: RandomState,
}

impl Spread {
    /// Over so many.
    pub fn new(shards: usize) -> Self {
        Self { shards, keys: RandomState::new() }
    }

    /// Whether every call lives on the only shard.
    pub fn is_single(&self) -> bool {
        self.shards <= 1
    }

    /// The shard of a message; `None` for one without Call-ID, which whoever reads it may refuse.
    pub fn owner_of(&self, message: &[u8]) -> Option<usize> {
        let head = Head::of(message);
        head.ours()
            .and_then(|tag| self.shard_of_tag(tag))
            .or_else(|| head.call_id.map(|call_id| self.shard_of(call_id)))
    }

    /// The shard of a Call-ID.
    pub fn shard_of(&self, word: &[u8]) -> usize {
        if self.is_single() { 0 } else { (self.keys.hash_one(word) % self.shards as u64) as usize }
    }

    /// The shard of a dialog by our tag; `None` for a tag that we never gave.
    pub fn shard_of_tag(&self, tag: &[u8]) -> Option<usize> {
        let (word, mark) = tag.split_at_checked(tag.len().checked_sub(MARK)?)?;
        (mark == self.mark(word)).then(|| self.shard_of(word))
    }

    /// A Call-ID whose messages come to that shard.
    pub fn call_id(&self, tokens: &mut Tokens, host: &str, shard: usize) -> String {
        let mut call_id = tokens.call_id(host);
        for _ in 0..DRAWS {
            if self.shard_of(call_id.as_bytes()) == shard {
                break;
            }
            call_id = tokens.call_id(host);
        }
        call_id
    }

    /// A tag whose dialog lives on that shard.
    pub fn tag(&self, tokens: &mut Tokens, shard: usize) -> String {
        let mut word = tokens.tag();
        if self.is_single() {
            return word.to_string();
        }
        for _ in 0..DRAWS {
            if self.shard_of(word.as_bytes()) == shard {
                break;
            }
            word = tokens.tag();
        }
        let mark = self.mark(word.as_bytes());
        word.chars().chain(mark.into_iter().map(char::from)).collect()
    }

    fn mark(&self, word: &[u8]) -> [u8; MARK] {
        // The hash that names the shard is known to whoever sees many tags; this one must not be the same.
        let mut bits = self.keys.hash_one((word, "ours"));
        [(); MARK].map(|()| {
            let letter = LETTERS[(bits % 32) as usize];
            bits >>= 5;
            letter
        })
    }
}

/// What of a message's head says where it belongs.
#[derive(Default)]
struct Head<'a> {
    call_id: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    to: Option<&'a [u8]>,
    replaced: Option<&'a [u8]>,
    is_response: bool,
}

impl<'a> Head<'a> {
    fn of(message: &'a [u8]) -> Self {
        // Line ends before the start line are allowed; the first empty line behind it ends the head.
        let begin = message.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(message.len());
        let mut rest = &message[begin..];
        let mut head = Self { is_response: rest.starts_with(b"SIP/"), ..Self::default() };
        while let Some(end) = memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if line.trim_ascii().is_empty() {
                break;
            }
            let Some(colon) = memchr(b':', line) else { continue };
            head.note(line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        }
        head
    }

    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |long: &[u8], short: &[u8]| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short);
        if is(b"call-id", b"i") {
            self.call_id = self.call_id.or(Some(value).filter(|value| !value.is_empty()));
        } else if is(b"to", b"t") {
            self.to = param(value, b"tag");
        } else if is(b"from", b"f") {
            self.from = param(value, b"tag");
        } else if name.eq_ignore_ascii_case(b"replaces") || name.eq_ignore_ascii_case(b"join") {
            self.replaced = param(value, b"to-tag");
        }
    }

    /// The tag that is ours, if any of it is.
    fn ours(&self) -> Option<&'a [u8]> {
        if self.is_response { self.from } else { self.to.or(self.replaced) }
    }
}

/// A parameter behind an address, or behind a Call-ID.
fn param<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let behind = value.iter().rposition(|byte| *byte == b'>').map_or(value, |at| &value[at..]);
    let mut params = behind.split(|byte| *byte == b';').skip(1);
    params.find_map(|param| {
        let equals = memchr(b'=', param)?;
        param[..equals].trim_ascii().eq_ignore_ascii_case(name).then(|| param[equals + 1..].trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::seeded([7; 32])
    }

    #[test]
    fn the_call_id_is_found_in_every_spelling() {
        for head in ["Call-ID: abc@d", "CALL-id :abc@d", "i:abc@d  ", "i : abc@d"] {
            let message = format!("\r\nINVITE sip:a SIP/2.0\r\nTo: <sip:i:b@c>\r\n{head}\r\nCSeq: 1 INVITE\r\n\r\n");
            assert_eq!(Head::of(message.as_bytes()).call_id, Some(&b"abc@d"[..]), "{head}");
        }
    }

    #[test]
    fn a_call_id_in_the_body_or_none_at_all_is_none() {
        let call_id = |message: &'static [u8]| Head::of(message).call_id;
        assert_eq!(call_id(b"INVITE sip:a SIP/2.0\r\nTo: <sip:b>\r\n\r\nCall-ID: abc\r\n"), None);
        assert_eq!(call_id(b"INVITE sip:a SIP/2.0\r\nCall-ID:\r\n\r\n"), None);
        assert_eq!(call_id(b"\r\n\r\n"), None);
        assert_eq!(call_id(b""), None);
    }

    #[test]
    fn the_same_call_always_lives_on_the_same_shard_and_calls_spread() {
        let spread = Spread::new(4);
        let mut calls = [0; 4];
        for number in 0..400 {
            let call_id = format!("{number}@host");
            assert_eq!(spread.shard_of(call_id.as_bytes()), spread.shard_of(call_id.as_bytes()));
            calls[spread.shard_of(call_id.as_bytes())] += 1;
        }
        // Forty-one of four hundred in one shard of four would be eight deviations away from a hundred.
        assert!(calls.into_iter().all(|calls| calls > 40), "{calls:?}");
    }

    #[test]
    fn what_belongs_to_a_dialog_of_ours_comes_where_the_dialog_lives_whatever_its_call_id() {
        let (spread, mut tokens) = (Spread::new(5), tokens());
        for shard in 0..5 {
            let tag = spread.tag(&mut tokens, shard);
            for message in [
                format!(
                    "BYE sip:a SIP/2.0\r\nCall-ID: 1@h\r\nFrom: <sip:b>;tag=x\r\nTo: \"A>\" <sip:a;tag=z>;tag={tag}\r\n\r\n"
                ),
                format!("ACK sip:a SIP/2.0\r\nt: sip:a@h;x=y; TAG = {tag} ;u\r\ni: 2@h\r\n\r\n"),
                format!("SIP/2.0 200 OK\r\nf:<sip:b>;tag={tag}\r\nTo: <sip:a>;tag=theirs\r\nCall-ID: 3@h\r\n\r\n"),
                format!(
                    "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: 4@h\r\nReplaces: 5@h;from-tag=q;to-tag={tag}\r\n\r\n"
                ),
            ] {
                assert_eq!(spread.owner_of(message.as_bytes()), Some(shard), "{message}");
            }
        }
    }

    #[test]
    fn a_tag_that_we_never_gave_leads_nowhere() {
        let (spread, mut tokens) = (Spread::new(5), tokens());
        let tag = spread.tag(&mut tokens, 3);
        for strange in ["", "abc", "theirs", &tag[1..], &tag.to_uppercase()] {
            assert_eq!(spread.shard_of_tag(strange.as_bytes()), None, "{strange}");
            let bye = format!("BYE sip:a SIP/2.0\r\nCall-ID: 1@h\r\nTo: <sip:a>;tag={strange}\r\n\r\n");
            assert_eq!(spread.owner_of(bye.as_bytes()), Some(spread.shard_of(b"1@h")), "{strange}");
        }
        assert_eq!(Spread::new(1).tag(&mut tokens, 0).len(), 16, "nobody needs a mark on the only shard");
    }
}
