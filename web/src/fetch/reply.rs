//! What is taken of an answer: its kind, its versions, its bytes up to the limit.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};

/// Room that is made for an announced length before anything came of it.
const FIRST_ROOM: usize = 1 << 20;
/// A version is kept as long as its sound; longer ones are not versions but something to fill memory with.
const MAX_TAG: usize = 256;

/// Kinds of which nothing could be played. `text/plain` is not among them: servers say it of files they do not know.
const NO_SOUND: [&str; 6] = ["text/", "image/", "font/", "multipart/", "message/", "model/"];
/// Kinds of applications that are no sound.
const NO_SOUND_EITHER: [&str; 8] = [
    "application/json",
    "application/xml",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/javascript",
    "application/problem+json",
    "application/xhtml+xml",
];

/// Why a body was not taken.
#[derive(Debug)]
pub(crate) enum Untaken<E> {
    /// It is longer than allowed.
    TooBig,
    /// It broke off.
    Broken(E),
}

/// The kind that the answer says it is, when that is plainly no sound.
pub(super) fn no_sound(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    plainly_no_sound(kind)
}

/// The kind, when it is plainly no sound.
pub(super) fn plainly_no_sound(kind: &str) -> Option<String> {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let no_sound = kind != "text/plain"
        && (NO_SOUND.iter().any(|family| kind.starts_with(family)) || NO_SOUND_EITHER.contains(&kind.as_str()));
    no_sound.then(|| kind.chars().take(MAX_TAG).collect())
}

/// The length that the answer announces.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// All bytes of a body, if they are not more than `limit`, announced or not.
pub(crate) async fn all_of<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    announced: Option<u64>,
    limit: usize,
) -> Result<Vec<u8>, Untaken<B::Error>> {
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Untaken::TooBig);
    }
    let mut bytes = Vec::with_capacity(announced.map_or(0, |length| FIRST_ROOM.min(length as usize)));
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(Untaken::Broken)?.into_data() else { continue };
        if piece.len() > limit - bytes.len() {
            return Err(Untaken::TooBig);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A header by which a version is known, if it is short enough to be kept.
pub(super) fn mark(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(HeaderValue::to_str)?.ok().filter(|mark| !mark.is_empty() && mark.len() <= MAX_TAG)
}

/// What stands for bytes, or for a text that is not to be shown.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&digest(&SHA256, bytes).as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_plainly_no_sound_is_told_apart() {
        for sound in ["audio/mpeg", "application/ogg", "application/octet-stream", "video/mp4", "text/plain", "", "?"] {
            assert_eq!(plainly_no_sound(sound), None, "{sound}");
        }
        for other in ["text/html; charset=utf-8", "Image/PNG", "application/JSON", "text/xml"] {
            assert!(plainly_no_sound(other).is_some(), "{other}");
        }
        assert_eq!(plainly_no_sound("Text/HTML; charset=utf-8").as_deref(), Some("text/html"));
    }

    #[test]
    fn a_mark_is_as_long_as_a_mark() {
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("\"1\""));
        assert_eq!(mark(&headers, hyper::header::ETAG), Some("\"1\""));
        headers.insert("etag", HeaderValue::from_str(&"x".repeat(MAX_TAG + 1)).unwrap());
        assert_eq!(mark(&headers, hyper::header::ETAG), None);
    }
}
