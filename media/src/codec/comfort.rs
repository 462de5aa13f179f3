//! Comfort noise by RFC 3389: how loud the quiet is, while nobody speaks.

use super::table::Row;
use crate::frame::Rate;

pub(super) const ROW: Row =
    Row { name: "CN", clock_hz: 8000, rate: Rate::Narrow, channels: 1, payload_type: Some(13), halves: None };
