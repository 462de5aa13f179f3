//! The real binary against real peers: what a person with a telephone would notice.
