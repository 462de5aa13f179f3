//! Sound: RTP, codecs, keys, prompts, recording, bridging and mixing. Knows no SIP and no calls.
//!
//! Whoever owns calls gives commands to a media thread ([`shard`]) and hears notices from it; a thread owns its ports
//! outright. Everything that can be a value is one: the codecs, the jitter buffer, the keys, the mixer and the descriptions
//! of sessions are handed bytes and instants, so they are tested without sockets and without waiting.
//!
//! | room | what it knows |
//! |---|---|
//! | [`frame`] | 20 ms of sound and its rates |
//! | [`sdp`] | offer and answer: which codec, which address, which keys |
//! | [`rtp`] | packets, reports, sequence, jitter, quality, SRTP, latching, the range of ports |
//! | [`codec`] | one file a codec, and the table of them; resampling, concealment |
//! | [`tone`] | sines in a cadence |
//! | [`dtmf`] | keys by RFC 4733 and in the sound, heard and sent |
//! | [`prompt`] | files and tones made ready to be played |
//! | [`recording`] | sound written to files |
//! | [`browser`] | how a browser is met: checks, handshakes, keys |
//! | [`clean`] | noise taken out of what a member of a room says |
//! | [`mixer`] | the arithmetic of a room |
//! | [`shard`] | the media thread: clock, sockets, ports, bridges, rooms |

pub mod browser;
pub mod clean;
pub mod codec;
pub mod dtmf;
pub mod frame;
pub mod mixer;
pub mod prompt;
pub mod recording;
pub mod rtp;
pub mod sdp;
pub mod shard;
pub mod tone;
