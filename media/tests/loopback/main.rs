//! The media plane through real sockets: every party speaks its own tone, and what it hears says who is heard, how loud,
//! with which gaps and how late.
//!
//! | file | what it knows |
//! |---|---|
//! | `stage` | a plane, its notices, and parties that speak and listen at the pace of real time |
//! | `party` | one party: a socket, a tone, and everything that came |
//! | `ears` | tones, loudness, gaps and delay of what was heard |
//! | `bridge`, `transcode` | what two parties must hear of each other, of one codec and of two |
//! | `seams` | members that begin and cease to speak |
//! | `pictures` | pictures that pass |
//! | `prompts`, `rooms`, `announcements`, `tapes` | what is heard of prompts, in rooms, and on recordings |
//! | `reports` | what both ends say about their streams |
//! | `lengths` | packets of 10, 30, 40 and 60 ms |
//! | `keys` | keys that are pressed, passed on, made anew |
//! | `weather` | bad networks, and a fault of ours |
//! | `browsers` | who comes by the socket that browsers share, and who does not |
//! | `safety` | who is refused: strangers, other addresses, packets without proof |

mod announcements;
mod bridge;
mod browsers;
mod ears;
mod keys;
mod lengths;
mod party;
mod pictures;
mod prompts;
mod reports;
mod rooms;
mod safety;
mod seams;
mod stage;
mod tapes;
mod transcode;
mod weather;
