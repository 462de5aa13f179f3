//! The description of the API, made from the table of its doors.
//!
//! ```text
//! queries  what stands in paths and queries
//! bodies   what is sent
//! kinds    what each value may be
//! ```

mod bodies;
mod kinds;
mod queries;

use axum::Json;
use serde_json::{Map, Value, json};

use super::{DOORS, Door};

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
                "session": { "type": "apiKey", "in": "cookie", "name": crate::people::guard::COOKIE },
            },
            "schemas": { "Problem": {
                "type": "object",
                "required": ["status", "title", "detail"],
                "properties": {
                    "status": { "type": "integer" }, "title": { "type": "string" },
                    "detail": { "type": "string" }, "remedy": { "type": "string" },
                },
            } },
        },
    })
}

fn operation(door: &Door) -> Value {
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let mut operation = json!({
        "summary": door.does,
        "description": format!("Needs the right `{}`.", door.right.word()),
        "security": [{ "token": [] }, { "session": [] }],
        "parameters": queries::parameters(door),
        "responses": {
            "2XX": { "description": "Done." },
            "default": { "description": "Refused.", "content": { "application/problem+json": { "schema": problem } } },
        },
    });
    if let Some(body) = bodies::body(door) {
        operation["requestBody"] = body;
    }
    operation
}

#[cfg(test)]
mod tests {
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
}
