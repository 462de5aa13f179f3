//! What a request says, read within limits; what is wrong with it is a problem document.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{Method, StatusCode, Uri, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{problem::Problem, sounds::LARGEST};

/// Longest name that a query may look for, in letters.
pub const LONGEST: usize = 200;

/// Whether a query may say that: text in one line, of bounded length.
pub fn line(name: &str, text: &str) -> Result<(), Problem> {
    match text.chars().count() <= LONGEST && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::BAD_REQUEST, format!("{name} is no text in one line"))
            .remedy(format!("write {LONGEST} letters at most"))),
    }
}

/// A JSON body.
pub struct Said<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // What kind of body it is, and whether it is as long as it may be.
        let request = Request::from_parts(parts.clone(), body);
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(rejection) => return Err(Problem::new(rejection.status(), rejection.body_text())),
        };
        let again_parts = parts.clone();
        let again = Request::from_parts(parts, bytes.clone().into());
        match Json::from_request(again, state).await {
            Ok(Json(said)) => Ok(Self(said)),
            Err(rejection) => match whole(&bytes) {
                Some(said) => Ok(Self(said)),
                None => {
                    let told = in_words(&rejection.body_text());
                    Err(Problem::new(rejection.status(), told).remedy(see(&again_parts.method, &again_parts.uri)))
                }
            },
        }
    }
}

/// Where it stands what a request may say.
fn see(method: &Method, uri: &Uri) -> String {
    format!("`{method} {}` in /api/v1/openapi.json describes what it takes", uri.path())
}

/// What the reader of JSON says, without the names that things have within this program.
fn in_words(told: &str) -> String {
    const HEADS: [&str; 3] = [
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to parse the request body as JSON: ",
        "Failed to deserialize query string: ",
    ];
    let told = HEADS.iter().find_map(|head| told.strip_prefix(head)).unwrap_or(told);
    let (said, place) = told.split_once(" at line ").unwrap_or((told, ""));
    let place =
        if place.is_empty() { String::new() } else { format!(" (line {})", place.replace(" column", ", column")) };
    const KINDS: [&str; 4] =
        ["expected struct ", "expected enum ", "expected internally tagged enum ", "expected tuple struct "];
    if KINDS.iter().any(|kind| said.contains(kind)) {
        let stands = ["sequence", "invalid length"].iter().any(|list| said.contains(list));
        let stands = if stands { "a list" } else { "something else" };
        return format!("{stands} stands where an object should stand, with the fields of its description{place}");
    }
    if said.starts_with("EOF ") {
        return format!("the JSON ends in the middle{place}");
    }
    // The reader says where it stands, and an unknown field says its name once more.
    let said = said.find(": unknown field").map_or(said, |at| &said[at + 2..]);
    let quoted = |start: &str| said.strip_prefix(start).and_then(|rest| rest.split('`').next());
    match (quoted("missing field `"), quoted("duplicate field `")) {
        (Some(field), _) => format!("the field `{field}` is missing{place}"),
        (_, Some(field)) => format!("`{field}` is said more than once; say it once{place}"),
        _ => format!("{}{place}", misfit(said).unwrap_or_else(|| said.to_owned())),
    }
}

/// What the reader of JSON says of something that stands where something else should stand.
fn misfit(said: &str) -> Option<String> {
    let (field, said) = match said.split_once(": invalid ") {
        Some((field, _)) if !field.is_empty() && !field.contains(' ') => {
            (format!("`{field}`: "), &said[field.len() + 2..])
        }
        _ => (String::new(), said),
    };
    if said.starts_with("expected ") || said.starts_with("EOF while") || said.starts_with("key must be") {
        return Some("this is no JSON".to_owned());
    }
    let rest = ["invalid type: ", "invalid value: "].iter().find_map(|head| said.strip_prefix(head))?;
    let (found, wanted) = rest.rsplit_once(", expected ")?;
    let found = match found.split_once(' ') {
        Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
        Some(("floating", value)) => value.trim_start_matches("point ").trim_matches('`').to_owned(),
        Some(("string", value)) => value.to_owned(),
        _ => match found {
            "null" => "nothing (null)".to_owned(),
            "map" => "an object".to_owned(),
            "sequence" => "a list".to_owned(),
            other => other.to_owned(),
        },
    };
    Some(format!("{field}{found} stands where {} should stand", kind(wanted)))
}

/// A kind of value, as people name it.
fn kind(wanted: &str) -> String {
    let whole = |from: i128, to: i128| format!("a whole number from {from} to {to}");
    match wanted {
        "i8" => whole(i8::MIN.into(), i8::MAX.into()),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" | "u128" => "a whole number, not below 0,".to_owned(),
        "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a string" | "a borrowed string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        other => other.to_owned(),
    }
}

/// The same body where each number without a fraction is a whole one: JSON knows no other kind of 57 than 57.0.
fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut said = serde_json::from_slice(bytes).ok()?;
    let changed = make_whole(&mut said);
    changed.then(|| serde_json::from_value(said).ok()).flatten()
}

/// Whether there was a number to change.
fn make_whole(said: &mut Value) -> bool {
    /// Beyond it a fraction's numbers are not counted one by one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match said {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(found) if found.fract() == 0.0 && found.abs() <= EXACT => {
                *said = Value::from(found as i64);
                true
            }
            _ => false,
        },
        Value::Array(all) => all.iter_mut().fold(false, |changed, one| make_whole(one) | changed),
        Value::Object(all) => all.values_mut().fold(false, |changed, one| make_whole(one) | changed),
        _ => false,
    }
}

/// The query of a request.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => {
                let told = in_words(&rejection.body_text());
                Err(Problem::new(rejection.status(), told).remedy(see(&parts.method, &parts.uri)))
            }
        }
    }
}

/// What varies in the path of a request.
pub struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

/// A body as it is.
pub struct Sent(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let most = LARGEST >> 20;
                let problem = Problem::new(rejection.status(), format!("the body has more than {most} MB"));
                Err(problem.remedy(format!("send {most} MB at most; as Opus or MP3 that is hours")))
            }
            Err(rejection) => Err(Problem::new(rejection.status(), rejection.body_text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_is_told_without_names_of_this_program() {
        const HEAD: &str = "Failed to deserialize the JSON body into the target type: ";
        let told = |said: &str| in_words(&format!("{HEAD}{said} at line 1 column 2"));
        let expected =
            "a list stands where an object should stand, with the fields of its description (line 1, column 2)";
        assert_eq!(told("invalid length 0, expected struct NewBan with 3 elements"), expected);
        assert_eq!(told("invalid type: sequence, expected struct NewBan"), expected);
        assert_eq!(told("missing field `reason`"), "the field `reason` is missing (line 1, column 2)");
        assert_eq!(in_words("duplicate field `tag`"), "`tag` is said more than once; say it once");
        for (said, words) in [
            (
                "db: invalid value: integer `400`, expected i8",
                "`db`: 400 stands where a whole number from -128 to 127 should stand",
            ),
            (
                "member: invalid type: string \"x\", expected u64",
                "`member`: \"x\" stands where a whole number, not below 0, should stand",
            ),
            ("on: invalid type: integer `1`, expected a boolean", "`on`: 1 stands where true or false should stand"),
            ("do: invalid type: map, expected a string", "`do`: an object stands where a text should stand"),
            ("expected ident", "this is no JSON"),
        ] {
            assert_eq!(told(said), format!("{words} (line 1, column 2)"));
        }
        assert_eq!(in_words("unknown field `a`, expected `b` or `c`"), "unknown field `a`, expected `b` or `c`");
        assert_eq!(
            told("foo: unknown field `foo`, expected `b`"),
            "unknown field `foo`, expected `b` (line 1, column 2)"
        );
        let number = told("for_s: invalid value: floating point `1e+99`, expected u64");
        assert_eq!(number, "`for_s`: 1e+99 stands where a whole number, not below 0, should stand (line 1, column 2)");
        let list = told("scopes: invalid type: string \"records:read\", expected a sequence");
        assert_eq!(list, "`scopes`: \"records:read\" stands where a list should stand (line 1, column 2)");
        assert_eq!(
            in_words("EOF while parsing an object at line 1 column 1"),
            "the JSON ends in the middle (line 1, column 1)"
        );
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let read = |text: &str| whole::<BTreeMap<String, Vec<u32>>>(text.as_bytes());
        assert_eq!(read(r#"{"days": [57.0, 1e2, 3]}"#), Some([("days".to_owned(), vec![57, 100, 3])].into()));
        for wrong in [r#"{"days": [57.5]}"#, r#"{"days": [-1.0]}"#, r#"{"days": [1e300]}"#, "{", "[]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
