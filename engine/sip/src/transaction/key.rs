//! How a request finds its transaction: RFC 3261 §17.2.3.
//!
//! A transaction is known by a fingerprint of what the RFC compares, 128 bits under keys that nobody outside knows. So
//! a table keeps numbers instead of text, nobody can aim at one of its buckets, and two transactions with the same
//! fingerprint are not to be expected in the age of the universe.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use super::reply::WayBack;
use crate::hop::Hop;
use crate::message::{Fault, Method, Request, Via};

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
}

impl Fingerprints {
    /// Takes the fingerprints of a request that has passed its check.
    pub fn of(&self, request: &Request, hop: Hop) -> Result<Identity, Fault> {
        let via = request.top_via()?;
        let cseq = request.cseq()?;
        // ACK and CANCEL are matched as the INVITE they belong to.
        let method = match request.method() {
            Method::Ack | Method::Cancel => &Method::Invite,
            method => method,
        };
        let errand = (request.from()?.tag(), request.call_id()?, cseq.number, method.as_str());
        let key = if via.has_magic_branch() {
            let parts = (via.branch(), SentBy(via), method.as_str());
            Key { place: self.place.hash_one(&parts), proof: self.proof.hash_one(&parts) }
        } else {
            // RFC 2543: the branch means nothing, so everything that a repetition has in outbox counts. The To tag is
            // left out because ACK has one where its INVITE had none; the others differ already.
            let parts = (request.uri_text(), via.as_str(), errand);
            Key { place: self.place.hash_one(parts), proof: self.proof.hash_one(parts) }
        };
        Ok(Identity {
            key,
            errand: Errand(self.errand.hash_one(errand)),
            way: WayBack::of(&via, hop),
            inside_dialog: request.to()?.tag().is_some(),
        })
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

/// Host and port of sent-by, the host in any case.
struct SentBy<'a>(Via<'a>);

impl Hash for SentBy<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for chunk in self.0.host().as_bytes().chunks(32) {
            let mut lower = [0; 32];
            let lower = &mut lower[..chunk.len()];
            lower.copy_from_slice(chunk);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
        self.0.port().hash(state);
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
