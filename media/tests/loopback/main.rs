//! The media plane through real sockets: every party speaks its own tone, and what it hears says who is heard, how loud,
//! with which gaps and how late.
//!
//! | file | what it knows |
//! |---|---|
//! | `stage` | a plane, its notices, and parties that speak and listen at the pace of real time |
//! | `party` | one party: a socket, a tone, and everything that came |
//! | `ears` | tones, loudness, gaps and delay of what was heard |
//! | `bridge`, `transcode` | what two parties must hear of each other, of one codec and of two |
//! | `prompts`, `rooms` | what is heard of prompts, and in rooms |

mod bridge;
mod ears;
mod party;
mod prompts;
mod rooms;
mod stage;
mod transcode;
