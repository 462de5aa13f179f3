//! Opus. SDP always writes two channels and 48 000 (RFC 7587); ours speaks mono.

use super::table::Row;
use crate::frame::Rate;

pub(super) const ROW: Row =
    Row { name: "opus", clock_hz: 48_000, rate: Rate::Full, channels: 2, payload_type: None, halves: None };
