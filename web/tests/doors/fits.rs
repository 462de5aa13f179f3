//! Whether an answer is what the description of the API says. Every answer of a door that a test hears is held against it.

use serde_json::Value;

/// Panics where it is not.
pub fn judge(document: &Value, method: &str, path: &str, body: &str) {
    let path = path.split('?').next().unwrap_or_default();
    let paths = document["paths"].as_object().expect("paths");
    let method = method.to_lowercase();
    let Some(door) = paths.iter().filter(|(known, _)| is_one_of(known, path)).find_map(|(_, door)| door.get(&method))
    else {
        panic!("{method} {path} is not described");
    };
    let schema = &door["responses"]["2XX"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{method} {path} answers JSON, and its description does not say so: {body}");
    let answer = serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {body}"));
    if let Err(why) = fits(document, schema, &answer, "") {
        panic!("{method} {path} answers what its description does not say: {why}: {body}");
    }
}

/// Whether a path is one of those with names of what varies in braces.
fn is_one_of(known: &str, path: &str) -> bool {
    let (known, path): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
    known.len() == path.len() && known.iter().zip(&path).all(|(known, part)| known.starts_with('{') || known == part)
}

/// Where it does not fit, and why.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let shape = document.pointer(name.trim_start_matches('#')).ok_or(format!("{name} is nowhere"))?;
        return fits(document, shape, value, at);
    }
    if let Some(kinds) = schema["anyOf"].as_array() {
        let mut all = kinds.iter().map(|kind| fits(document, kind, value, at));
        return all.find(Result::is_ok).unwrap_or_else(|| fits(document, &kinds[0], value, at));
    }
    let is_it = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64() || (value.is_i64() && schema["minimum"].is_null()),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("array") => value.is_array(),
        Some(_) => value.is_object(),
    };
    if !is_it || schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Err(format!("{at} is {value} and not {schema}"));
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(document, &schema["items"], item, &format!("{at}/{number}"))?;
    }
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    let fields = value.as_object().expect("an object, as was seen");
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        fields.get(required).ok_or_else(|| format!("{at}/{required} is missing"))?;
    }
    for (name, field) in fields {
        let kind = properties.get(name).ok_or_else(|| format!("{at}/{name} is not described"))?;
        fits(document, kind, field, &format!("{at}/{name}"))?;
    }
    Ok(())
}
