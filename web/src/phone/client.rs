//! `/phone.js`: the module that a page embeds, from any site, to be a phone.
//!
//! It is written by hand in `client/phone.js`, with types for whoever programs by it (`/phone.js?typed`), and goes out without its
//! comments and indentation: there is nothing else to build. What it may do is decided where its socket says hello.

use std::sync::LazyLock;

use axum::{
    extract::RawQuery,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;

use crate::people::session;

/// As it was written.
const TYPED: &str = include_str!("client/phone.js");

/// As it goes out, and its name in caches.
static LEAN: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = lean(TYPED);
    let tag = format!("\"{}\"", HEXLOWER.encode(&session::hash(&text)[..8]));
    (text, tag)
});

/// Without lines that are comments and without indentation. The module has no text that goes over several lines.
fn lean(text: &str) -> String {
    let mut within = false;
    let lines = text.lines().map(str::trim).filter(|line| {
        let comment = within || line.starts_with("//") || line.starts_with("/**");
        within = (within || line.starts_with("/**")) && !line.ends_with("*/");
        !comment && !line.is_empty()
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// `GET /phone.js`
pub async fn give(RawQuery(query): RawQuery, asked: HeaderMap) -> Response {
    let (lean, tag) = &*LEAN;
    let shared = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        // A page keeps it, and asks whether it is still the same.
        (header::CACHE_CONTROL, "public, no-cache"),
        // Any page may embed it; what it may do is decided by its token.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    if query.as_deref() == Some("typed") {
        return (shared, TYPED).into_response();
    }
    let tagged = [(header::ETAG, tag.as_str())];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, shared, tagged).into_response();
    }
    (shared, tagged, lean.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a page waits for before it can ring.
    const MOST: usize = 15_000;

    #[test]
    fn the_module_is_small_and_keeps_every_line_that_does_something() {
        let text = lean(TYPED);
        assert!(text.len() < MOST, "{} bytes", text.len());
        assert!(
            text.contains("export class Talk extends EventTarget {") && text.contains("export const Patchcord = {")
        );
        assert!(!text.contains("/**") && !text.contains("@param"), "{text}");
        assert!(!TYPED.contains("/* "), "other comments than these are not taken out");
    }
}
