//! JSON as this house writes it: what somebody else has named himself may turn no line of a reader round.
//!
//! Letters that no eye sees and that make a line run the other way stand as `\\u202e` and the like. A program reads the same text; a
//! terminal or an editor that shows the file does not obey it.

use std::fmt::Write;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use patchcord_engine::journal::turns;
use serde::Serialize;

/// A value, as the body of an answer.
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], text(&self.0)).into_response()
    }
}

/// A value as JSON.
///
/// # Panics
/// Where it is none, as a map whose keys are no texts.
pub fn text<T: Serialize>(value: &T) -> String {
    shielded(serde_json::to_string(value).expect("what we say is JSON"))
}

/// JSON without letters that turn a line round: outside of texts there are none, and within them each can be written so.
pub fn shielded(json: String) -> String {
    if !json.contains(turns) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len() + 8), |mut shielded, letter| {
        match turns(letter) {
            true => write!(shielded, "\\u{:04x}", u32::from(letter)).expect("a text takes more"),
            false => shielded.push(letter),
        }
        shielded
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_turns_a_line_round_is_written_so_that_it_does_not_and_is_read_as_it_was() {
        let said = json!({ "name": "evil\u{202e}gnp.exe\u{2066}", "\u{200f}": ["\u{5d0}"] });
        let text = text(&said);
        assert!(text.contains("evil\\u202egnp.exe\\u2066") && !text.contains(turns), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), said);
    }
}
