//! G.722 at 64 kbit/s. Its clock on the wire says 8000 and its sound is 16 000 samples a second: RFC 3551 keeps that error
//! for the sake of those who made it first.

use super::table::Row;
use crate::frame::Rate;

pub(super) const ROW: Row =
    Row { name: "G722", clock_hz: 8000, rate: Rate::Wide, channels: 1, payload_type: Some(9), halves: None };
