//! The description of the API, made from the table of its doors.
//!
//! ```text
//! queries  what stands in paths and queries
//! bodies   what is sent
//! answers  what is answered, and where that leads
//! kinds    what each value may be
//! routes   what a route says
//! shapes   what answers consist of
//! ```

mod answers;
mod bodies;
mod kinds;
mod queries;
mod routes;
mod shapes;

use crate::json::Json;
use serde_json::{Map, Value, json};

use super::{DOORS, Door};
use crate::people::guard;

/// `GET /api/v1/openapi.json`
pub(super) async fn give() -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for door in DOORS {
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        path[door.method] = operation(door);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Patchcord", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": guard::COOKIE },
                "page": {
                    "type": "apiKey", "in": "header", "name": guard::CSRF_HEADER,
                    "description": "With a session: what the pages of this session carry in `meta name=\"csrf\"`.",
                },
            },
            "schemas": shapes::all(),
        },
    })
}

fn operation(door: &Door) -> Value {
    let problem = shapes::named("Problem");
    let session = match door.method {
        "get" => json!({ "session": [] }),
        _ => json!({ "session": [], "page": [] }),
    };
    let mut operation = json!({
        "summary": door.does,
        "description": format!("Needs the right `{}`.", door.right.word()),
        "security": [{ "token": [] }, session],
        "parameters": queries::parameters(door),
        "responses": {
            "2XX": answers::done(door),
            "default": { "description": "Refused.", "content": { "application/problem+json": { "schema": problem } } },
        },
    });
    for (method, path, status, why) in REFUSALS {
        if (*method, *path) == (door.method, door.path) {
            operation["responses"][*status] = operation["responses"]["default"].clone();
            operation["responses"][*status]["description"] = json!(why);
        }
    }
    if let Some(body) = bodies::body(door) {
        operation["requestBody"] = body;
    }
    operation
}

/// Refusals of what is right as it stands: by which door, with which status, and when.
const REFUSALS: &[(&str, &str, &str, &str)] = &[
    ("post", "/api/v1/originate", "409", "Whom it names is registered nowhere now, and has no page open."),
    ("post", "/api/v1/originate", "503", "The server is stopping or drained, or as many calls go on as may."),
    ("put", "/api/v1/sounds/{name}", "413", "The file is larger than a prompt may be."),
    (
        "put",
        "/api/v1/sounds/{name}",
        "415",
        "The file is no sound of wav, aiff, mp3, ogg, flac, m4a, aac, Opus or webm.",
    ),
];

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    /// Every schema within that one.
    fn schemas<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.contains_key("type").then_some(value));
                fields.values().for_each(|field| schemas(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| schemas(item, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_is_sent_is_described_with_its_bounds() {
        let document = document();
        let mut asked = Vec::new();
        for operation in document["paths"].as_object().expect("paths").values().flat_map(|path| path.as_object()) {
            operation.values().for_each(|door| schemas(&door["parameters"], &mut asked));
            operation.values().for_each(|door| schemas(&door["requestBody"], &mut asked));
        }
        assert!(asked.len() > 100, "{} schemas", asked.len());
        for schema in asked {
            let bounds: &[&str] = match schema["type"].as_str() {
                Some("string") => &["pattern", "maxLength", "enum", "format"],
                Some("integer") => &["maximum"],
                _ => continue,
            };
            assert!(bounds.iter().any(|bound| schema.get(bound).is_some()), "without bounds: {schema}");
        }
    }

    #[test]
    fn each_door_stands_in_it_once_with_all_that_varies_in_its_path() {
        let document = document();
        for door in DOORS {
            let told = &document["paths"][door.path][door.method];
            assert_eq!(told["summary"], door.does);
            let varies = door.path.matches('{').count();
            let named = told["parameters"].as_array().expect("parameters");
            assert_eq!(named.iter().filter(|named| named["in"] == "path").count(), varies, "{}", door.path);
        }
    }

    /// The files of Rust below a folder.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
            match entry.path() {
                below if below.is_dir() => sources(&below, found),
                file if file.extension().is_some_and(|kind| kind == "rs") => found.push(file),
                _ => {}
            }
        }
    }

    #[test]
    fn no_door_of_the_api_is_mounted_beside_the_table() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        assert!(files.len() > 100, "{} files", files.len());
        let mounted = concat!("route(", "\"/api/");
        for file in files {
            let text = fs::read_to_string(&file).expect("text");
            assert!(!text.contains(mounted), "{} mounts a door that the description does not know", file.display());
        }
    }
}
