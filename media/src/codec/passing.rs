//! Payloads that are named and never opened here: they go from leg to leg when both have them.
//!
//! Keys stand among them because SDP lists them like a codec; who understands them is [`crate::dtmf`].

use super::table::Row;
use crate::frame::Rate;

const fn passed(name: &'static str, rate: Rate, payload_type: Option<u8>) -> Row {
    Row { name, clock_hz: rate.hz(), rate, channels: 1, payload_type, halves: None }
}

pub(super) const G729: Row = passed("G729", Rate::Narrow, Some(18));
pub(super) const AMR: Row = passed("AMR", Rate::Narrow, None);
pub(super) const AMR_WB: Row = passed("AMR-WB", Rate::Wide, None);

pub(super) const VP8: Row = pictures("VP8");
pub(super) const H264: Row = pictures("H264");

/// Every payload of pictures counts time so.
const fn pictures(name: &'static str) -> Row {
    Row { clock_hz: 90_000, ..passed(name, Rate::Narrow, None) }
}

pub(super) const KEYS_8: Row = keys(Rate::Narrow);
pub(super) const KEYS_16: Row = keys(Rate::Wide);
pub(super) const KEYS_48: Row = keys(Rate::Full);

const fn keys(rate: Rate) -> Row {
    passed("telephone-event", rate, None)
}
