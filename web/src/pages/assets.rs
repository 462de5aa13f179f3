//! Style sheet, scripts and icon: inside the binary, and named by what they hold, so that browsers keep them for ever.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{people::session, problem::Problem};

/// A file that pages name.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 7] = [
    Asset { name: "style.css", kind: "text/css; charset=utf-8", text: include_str!("assets/style.css") },
    Asset { name: "live.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/live.js") },
    Asset { name: "player.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/player.js") },
    Asset { name: "rooms.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/rooms.js") },
    Asset { name: "phone-page.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/phone-page.js") },
    Asset {
        name: "phone-check.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("assets/phone-check.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// What all of them hold, in a few letters.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: String = ASSETS.iter().map(|asset| asset.text).collect();
    data_encoding::HEXLOWER.encode(&session::hash(&all)[..6])
});

/// Where a page finds it.
pub fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

pub async fn give(Path((_version, name)): Path<(String, String)>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers =
                [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.text).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is no such file").into_response(),
    }
}
