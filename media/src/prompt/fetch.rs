//! Where the bytes of a prompt come from.
//!
//! A [`Fetch`] brings the bytes of one kind of name: files of this machine ([`super::Disk`]), an object store, the web. The
//! last two speak HTTP, which needs a client with a runtime of its own; this crate has neither, so whoever joins the house
//! implements the trait for them and keeps to the limits that are handed in.

use std::time::Duration;

/// Says which version of a file was fetched: a size and a time, an entity tag. It is compared and not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub Box<str>);

/// What came of asking.
#[derive(Debug)]
pub enum Fetched {
    /// It is still the version that was known.
    Same,
    /// All its bytes.
    Bytes {
        /// The file.
        bytes: Vec<u8>,
        /// Which version of it.
        version: Version,
    },
}

/// How much may be fetched, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a file.
    pub bytes: usize,
    /// From the question to the last byte. A caller waits in silence meanwhile.
    pub time: Duration,
    /// How often an answer may send us elsewhere.
    pub redirects: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: super::Limits::default().bytes, time: Duration::from_secs(10), redirects: 3 }
    }
}

/// Brings the bytes of a prompt. Called on a thread of the loader, which waits for it.
pub trait Fetch: Send + Sync {
    /// Brings the file of that name, or says that it is still the version known.
    ///
    /// # Errors
    /// When there is none, it may not be had, or it keeps no limit.
    fn fetch(&self, name: &str, known: Option<&Version>, bounds: &Bounds) -> Result<Fetched, Unfetched>;
}

/// Why a file could not be fetched. Every message names the file and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfetched {
    /// Nothing of that name.
    #[error("{name} is not there (looked in {places}): upload it, or correct the name")]
    Missing {
        /// The file.
        name: String,
        /// Where it was looked for.
        places: String,
    },
    /// A name that leads out of the folders, or a place that refuses us.
    #[error("{name} may not be read ({why}): put it into a folder of prompts")]
    Forbidden {
        /// The file.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// More bytes than allowed.
    #[error("{name} is larger than the {limit} bytes allowed: make it shorter, or store it as mp3 or Opus")]
    TooBig {
        /// The file.
        name: String,
        /// The size allowed.
        limit: usize,
    },
    /// It took too long.
    #[error("{name} did not come within {} s: look at the server it comes from", limit.as_secs())]
    Late {
        /// The file.
        name: String,
        /// The time allowed.
        limit: Duration,
    },
    /// An answer of a kind that is no sound.
    #[error("{name} is {kind} and no sound: correct the address")]
    WrongKind {
        /// The file.
        name: String,
        /// What the server says it is.
        kind: String,
    },
    /// The place answers with an error, or not at all.
    #[error("{name} cannot be fetched ({why}): look at the place it comes from")]
    Unreachable {
        /// The file.
        name: String,
        /// What was answered.
        why: String,
    },
    /// A name of a kind that nobody here fetches.
    #[error("{name} cannot be fetched: nothing is configured for {scheme} addresses")]
    NoSuchScheme {
        /// The file.
        name: String,
        /// What stands before the colon.
        scheme: String,
    },
}
