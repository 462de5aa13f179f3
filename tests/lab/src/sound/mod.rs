//! What a phone says and hears.
//!
//! | file | what it knows |
//! |---|---|
//! | [`voice`] | the tone by which each phone is told from all others |
//! | [`speech`], [`mouth`] | what is said, and the packets of it |
//! | [`ear`], [`tape`] | packets of others, put where they belong in time |
//! | [`hearing`], [`fft`] | a stretch of tape: whom one hears, how loud, with which gaps |
//! | [`keypad`] | keys as sound |
//! | [`report`] | RTCP |
//! | [`shield`] | SRTP, when it was agreed |
//! | [`port`] | the socket of a call, between mouth, ear and network |
//! | [`wav`] | files |

pub(crate) mod ear;
pub(crate) mod fft;
pub(crate) mod hearing;
pub(crate) mod keypad;
pub(crate) mod mouth;
pub(crate) mod port;
pub(crate) mod report;
pub(crate) mod shield;
pub(crate) mod speech;
pub(crate) mod tape;
pub(crate) mod voice;
pub(crate) mod wav;
