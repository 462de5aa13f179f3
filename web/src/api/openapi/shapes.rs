//! The shapes of what is answered, as `shapes.txt` says them: a short notation that people read as well.
//!
//! Tests hold every answer of the doors against it, so it is as true as they are many.

use patchcord_engine::journal::{By, Fault, Outcome};
use serde_json::{Map, Value, json};

use super::kinds::{one_of, or_null};

const SHAPES: &str = include_str!("shapes.txt");

/// A shape, as others refer to it.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// All shapes by name.
pub fn all() -> Map<String, Value> {
    let blocks = SHAPES.split("\n\n").filter(|block| !block.starts_with('#'));
    blocks
        .map(|block| {
            let (name, fields) = block.split_once('\n').expect("a name and fields below it");
            (name.to_owned(), shape(fields))
        })
        .collect()
}

fn shape(fields: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields.lines().filter(|line| !line.trim().is_empty()) {
        let (name, said) = field.trim().split_once(": ").expect("a name and a kind");
        let (kind, words) = said.split_once("  ").map_or((said, None), |(kind, words)| (kind, Some(words)));
        let mut schema = kind_of(kind);
        if let Some(words) = words {
            schema["description"] = json!(words);
        }
        match name.strip_suffix('?') {
            Some(name) => drop(properties.insert(name.to_owned(), schema)),
            None => {
                required.push(name);
                properties.insert(name.to_owned(), schema);
            }
        }
    }
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn kind_of(kind: &str) -> Value {
    if let Some(kind) = kind.strip_suffix('?') {
        return or_null(&kind_of(kind));
    }
    if let Some(items) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({ "type": "array", "items": kind_of(items) });
    }
    match kind {
        "text" => json!({ "type": "string" }),
        "count" => json!({ "type": "integer", "minimum": 0 }),
        "whole" => json!({ "type": "integer" }),
        "number" => json!({ "type": "number" }),
        "yes" => json!({ "type": "boolean" }),
        "any" => json!({}),
        "outcome" => one_of(Outcome::ALL.iter().map(|word| word.word())),
        "fault" => one_of(Fault::ALL.iter().map(|word| word.word())),
        "by" => one_of(By::ALL.iter().map(|word| word.word())),
        words if words.contains('|') => json!({ "type": "string", "enum": words.split('|').collect::<Vec<_>>() }),
        shape => named(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let leads = fields.get("$ref").and_then(Value::as_str);
                found.extend(leads.and_then(|to| to.rsplit('/').next()).map(str::to_owned));
                fields.values().for_each(|field| names(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }

    #[test]
    fn whatever_a_shape_leads_to_is_there() {
        let all = all();
        assert!(all.len() > 50, "{} shapes", all.len());
        let mut found = Vec::new();
        all.values().for_each(|shape| names(shape, &mut found));
        for name in found {
            assert!(all.contains_key(&name), "no shape is called {name:?}");
        }
    }

    #[test]
    fn a_field_may_be_missing_or_null_and_says_what_it_is() {
        let told = shape("    call?: text?  which\n    legs: [count]\n    from: Party");
        assert_eq!(told["required"], json!(["legs", "from"]));
        assert_eq!(told["properties"]["call"]["anyOf"][1], json!({ "type": "null" }));
        assert_eq!(told["properties"]["call"]["description"], "which");
        assert_eq!(told["properties"]["legs"]["items"], json!({ "type": "integer", "minimum": 0 }));
        assert_eq!(told["properties"]["from"]["$ref"], "#/components/schemas/Party");
    }
}
