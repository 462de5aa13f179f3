//! RTP as values: packets, reports, sequence, jitter, quality, SRTP, latching, the range of ports.
