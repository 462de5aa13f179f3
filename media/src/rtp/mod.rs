//! RTP and RTCP: packets, reports, sequence, jitter, quality, SRTP, latching, and the range of ports.
//!
//! Everything here is a value that is handed bytes and instants. Nothing opens a socket, reads a clock or draws a random
//! number; what the network sent is copied at most once, into room that is kept from packet to packet.
//!
//! | file | what it knows |
//! |---|---|
//! | [`packet`] | an RTP packet in somebody's buffer: reading it in place, writing its head, rewriting it |

pub mod packet;
