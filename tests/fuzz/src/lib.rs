//! Fuzz targets as plain functions: bytes in, a panic for a broken promise.
//!
//! `tests/replay.rs` runs each over its corpus on every test run. `cargo/` wraps them for campaigns with cargo-fuzz, on
//! any toolchain:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz/cargo message tests/fuzz/corpus/message tests/torture/rfc4475 -- -max_total_time=600
//! ```
//!
//! What a campaign finds goes, minimised, into the corpus and stays there.
#![forbid(unsafe_code)]

mod decoder;
mod digest;
mod message;
mod prompt;
mod rtcp;
mod rtp;
mod sdp;
mod srtp;
mod stream;
mod stun;
mod telephone_event;
mod uri;

pub use decoder::decoder;
pub use digest::digest;
pub use message::message;
pub use prompt::{prompt_aac, prompt_flac, prompt_m4a, prompt_mp3, prompt_opus, prompt_vorbis, prompt_wav};
pub use rtcp::rtcp;
pub use rtp::rtp;
pub use sdp::sdp;
pub use srtp::srtp;
pub use stream::stream;
pub use stun::stun;
pub use telephone_event::telephone_event;
pub use uri::uri;

/// Takes any bytes; panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus.
pub const TARGETS: [(&str, Target); 18] = [
    ("message", message),
    ("stream", stream),
    ("uri", uri),
    ("digest", digest),
    ("sdp", sdp),
    ("telephone_event", telephone_event),
    ("decoder", decoder),
    ("prompt_wav", prompt_wav),
    ("prompt_mp3", prompt_mp3),
    ("prompt_vorbis", prompt_vorbis),
    ("prompt_opus", prompt_opus),
    ("prompt_flac", prompt_flac),
    ("prompt_aac", prompt_aac),
    ("prompt_m4a", prompt_m4a),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("stun", stun),
];
