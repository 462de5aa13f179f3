//! What side handlers are handed, as values of a script: keys, bodies, wishes and faults.

use std::rc::Rc;

use patchcord_engine::call::LegId;
use patchcord_engine::call::event::ReferWish;
use patchcord_media::dtmf::{Press, Via};
use rhai::{Dynamic, Map};

use crate::words::Wish;

/// What `on_error` is told.
pub(crate) fn error_map(fault: &str) -> Map {
    Map::from([("text".into(), fault.into())])
}

/// A key as `on_dtmf` is told it.
pub(crate) fn key(press: Press) -> Map {
    let via = match press.via {
        Via::Rtp => "rtp",
        Via::Info => "info",
        Via::Inband => "inband",
    };
    Map::from([
        ("digit".into(), press.key.as_char().to_string().into()),
        ("ms".into(), i64::try_from(press.duration.as_millis()).unwrap_or(i64::MAX).into()),
        ("via".into(), via.into()),
    ])
}

/// What `on_info` and `on_message` are told.
pub(crate) fn body_map(kind: String, body: &[u8]) -> Map {
    let body = String::from_utf8_lossy(body).into_owned();
    Map::from([("content_type".into(), kind.into()), ("body".into(), body.into())])
}

/// The wish of a party, as a script has it: `req.to.user`, `req.to.uri`, `req.replaces`, and its words.
pub(crate) fn wish_of(leg: LegId, wish: &ReferWish) -> Dynamic {
    Dynamic::from(Wish { leg, said: Rc::new(wish.clone()) })
}
