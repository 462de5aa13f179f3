//! How a request finds its transaction: RFC 3261 §17.2.3.
//!
//! A transaction is known by a fingerprint of what the RFC compares, 128 bits under keys that nobody outside knows. So
//! a table keeps numbers instead of text, nobody can aim at one of its buckets, and two transactions with the same
//! fingerprint are not to be expected in the age of the universe.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::reply::WayBack;
use crate::hop::Hop;
use crate::message::{Fault, Method, Request};

/// The fingerprint of what makes a request the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The place in the table.
    pub place: u64,
    /// What must be equal as well.
    pub proof: u64,
}

/// The names of a dialog-to-be and the request in it: From tag, Call-ID, CSeq. The same on every way a forked request
/// takes to us, and in the ACK of a 2xx, which has another branch than its INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errand(pub u64);

/// What a request is matched by, and what else its Via and To say; each header is read once.
pub(super) struct Identity {
    pub key: Key,
    pub errand: Errand,
    pub way: WayBack,
    /// Whether it belongs to a dialog, or says so.
    pub inside_dialog: bool,
}

/// Whoever takes fingerprints. Each has its own keys, and so has each kind: tags are seen outside, and must not tell
/// anything about the places in a table.
#[derive(Default)]
pub(super) struct Fingerprints {
    place: RandomState,
    proof: RandomState,
    errand: RandomState,
    tag: RandomState,
    gathered: Gathered,
}

impl Fingerprints {
    /// Takes the fingerprints of a request that has passed its check.
    pub fn of(&mut self, request: &Request, hop: Hop) -> Result<Identity, Fault> {
        let via = request.top_via()?;
        let (cseq, _) = request.cseq_text()?;
        // ACK and CANCEL are matched as the INVITE they belong to.
        let method = match request.method() {
            Method::Ack | Method::Cancel => &Method::Invite,
            method => method,
        };
        let (text, kind) = (&mut self.gathered, method.as_str().as_bytes());
        let from_tag = request.from_tag()?.unwrap_or("");
        text.gather(cseq, [from_tag.as_bytes(), request.call_id()?.as_bytes(), kind]);
        let errand = Errand(text.hashed(&self.errand));
        if via.has_magic_branch() {
            let port = via.port().map_or(0, u32::from);
            text.gather(port, [via.branch().unwrap_or("").as_bytes(), kind, via.host().as_bytes()]);
            text.fold_last(via.host().len());
        } else {
            // RFC 2543: the branch means nothing, so everything that a repetition has in common counts. The To tag is
            // left out because ACK has one where its INVITE had none; the others differ already.
            text.go_on([request.uri_text().as_bytes(), via.as_str().as_bytes()]);
        }
        let key = Key { place: text.hashed(&self.place), proof: text.hashed(&self.proof) };
        Ok(Identity { key, errand, way: WayBack::of(&via, hop), inside_dialog: request.to_tag()?.is_some() })
    }

    /// The To tag of every answer that is given without a transaction: the same each time (RFC 3261 §8.2.7).
    pub fn stateless_tag(&self, errand: Errand) -> u64 {
        self.tag.hash_one(errand.0)
    }

    /// The tag for the refusal of a request whose names cannot be relied upon: the same for the same bytes.
    pub fn tag_of(&self, bytes: &[u8]) -> u64 {
        self.tag.hash_one(bytes)
    }
}

/// Pieces of text one behind the other, so that they are hashed in one go: a hash that is fed word by word costs several
/// times as much. The lengths stand before them, so that no two lists of pieces gather to the same bytes. The room is kept
/// from request to request; a message has at most 64 KiB, and so has it.
#[derive(Default)]
struct Gathered(Vec<u8>);

impl Gathered {
    /// A number and pieces, in place of what was there before.
    fn gather<const N: usize>(&mut self, number: u32, pieces: [&[u8]; N]) {
        self.0.clear();
        self.0.extend_from_slice(&number.to_le_bytes());
        self.go_on(pieces);
    }

    /// More pieces.
    fn go_on<const N: usize>(&mut self, pieces: [&[u8]; N]) {
        for piece in pieces {
            self.0.extend_from_slice(&(piece.len() as u32).to_le_bytes());
        }
        for piece in pieces {
            self.0.extend_from_slice(piece);
        }
    }

    /// Case makes no difference in the last piece, which is that long.
    fn fold_last(&mut self, len: usize) {
        let start = self.0.len() - len;
        self.0[start..].make_ascii_lowercase();
    }

    fn hashed(&self, key: &RandomState) -> u64 {
        let mut hasher = key.build_hasher();
        hasher.write(&self.0);
        hasher.finish()
    }
}

/// A map from fingerprints, which need no further hashing.
pub(super) type Places = HashMap<u64, u32, BuildHasherDefault<AsItIs>>;

/// Takes a number that is a hash already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are keys here");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
