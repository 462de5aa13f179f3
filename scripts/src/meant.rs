//! What somebody meant who wrote a text that does not parse: the mistakes that people bring from other languages, known by what stands
//! at the place where the parser stops.
//!
//! Only what is certain enough to be worth a word; for everything else the parser's own words do.

use rhai::{LexError, ParseError, ParseErrorType};

/// What was meant, where that can be told.
pub(crate) fn meant(text: &str, error: &ParseError) -> Option<String> {
    let at = error.position();
    let row: Vec<char> = text.lines().nth(at.line()?.checked_sub(1)?)?.chars().collect();
    let place = at.position().unwrap_or(1).saturating_sub(1).min(row.len());
    let (before, behind): (String, String) = (row[..place].iter().collect(), row[place..].iter().collect());
    match error.err_type() {
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            Some("the text that begins here has no closing quote; write one behind it".into())
        }
        ParseErrorType::Reserved(word) if word == "#" => Some("a comment begins with //, and options with #{".into()),
        _ if has_bare_options(&before, &behind) => {
            Some("options are written #{ name: value }, with a # before the {".into())
        }
        ParseErrorType::Reserved(word) if before.ends_with("log::") => {
            let there_is = "log::info(text) and log::warn(text) write into the timeline of the call";
            Some(format!("there is no log::{word}; {there_is}"))
        }
        ParseErrorType::MissingToken(..) => reserved_option(&before, &behind).or_else(|| missing(&before, &behind)),
        _ => None,
    }
}

/// `gather({ prompt: …`: a block where options are meant. The parser stops behind the first name.
fn has_bare_options(before: &str, behind: &str) -> bool {
    let name = before.trim_end().trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
    let opens = name.trim_end().strip_suffix('{').map(str::trim_end);
    behind.starts_with(':') && opens.is_some_and(|before| before.ends_with(['(', ',', '=']))
}

/// `#{ loop: 0 }`: a word of the language as the name of an option.
fn reserved_option(before: &str, behind: &str) -> Option<String> {
    let name: String = behind.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let is_name = !name.is_empty() && behind[name.len()..].trim_start().starts_with(':');
    let is_entry = before.trim_end().ends_with("#{") || before.trim_end().ends_with(',');
    if !is_name || !is_entry {
        return None;
    }
    let options = crate::words::all().flat_map(|word| word.options).map(|option| option.name);
    let near = crate::check::near(&name, options);
    let hint = near.map_or_else(|| format!("write it as \"{name}\": …"), |near| format!("is `{near}` meant?"));
    Some(format!("`{name}` is a word of the language and names no option; {hint}"))
}

/// Something is missing, by the parser, because of what stands there.
fn missing(before: &str, behind: &str) -> Option<String> {
    let word = |text: &str| text.chars().take_while(|letter| letter.is_alphanumeric()).collect::<String>();
    let last: String =
        before.trim_end().chars().rev().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let last: String = last.chars().rev().collect();
    let number =
        last.starts_with(|first: char| first.is_ascii_digit()) && last.bytes().all(|byte| byte.is_ascii_digit());
    match (last.as_str(), word(behind).as_str()) {
        (_, unit @ ("s" | "sec" | "seconds" | "ms" | "min" | "h")) if number && !before.ends_with(' ') => {
            let unit = if unit.starts_with("sec") { "s" } else { unit };
            Some(format!("a time is written {last}.{unit}()"))
        }
        ("function" | "def" | "func", _) => Some(format!("a function begins with fn, not with {last}")),
        ("elseif" | "elif" | "elsif", _) => Some(format!("{last} is written else if")),
        (_, wrong @ ("elseif" | "elif" | "elsif")) => Some(format!("{wrong} is written else if")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{check_text, engine, limits::Limits};

    fn told(text: &str) -> String {
        let limits = Limits::default();
        check_text(&engine(&limits), &limits, "ivr.rhai", text).map(drop).expect_err("it does not parse").to_string()
    }

    fn of_body(body: &str) -> String {
        told(&format!("fn on_invite(caller) {{\n  {body}\n}}"))
    }

    #[test]
    fn what_comes_from_other_languages_is_told_as_it_is_written_here() {
        for (body, said) in [
            (
                "caller.play(\"welcome);",
                "ivr.rhai:2:15: the text that begins here has no closing quote; write one behind it",
            ),
            (
                "caller.gather({ prompt: \"menu\", digits: 1 });",
                "ivr.rhai:2:25: options are written #{ name: value }, with a # before the {",
            ),
            (
                "caller.play(\"music\", #{ loop: 0 });",
                "ivr.rhai:2:27: `loop` is a word of the language and names no option; is `loops` meant?",
            ),
            (
                "log::debug(\"here\");",
                "ivr.rhai:2:8: there is no log::debug; log::info(text) and log::warn(text) write into the timeline of the call",
            ),
            ("caller.sleep(5s);", "ivr.rhai:2:17: a time is written 5.s()"),
            ("if a { caller.answer(); } elseif b { caller.ring(); }", "ivr.rhai:2:36: elseif is written else if"),
        ] {
            assert_eq!(of_body(body), said);
        }
        assert_eq!(
            told("# menu\nfn on_invite(caller) {}"),
            "ivr.rhai:1:1: a comment begins with //, and options with #{"
        );
        assert_eq!(
            told("function on_invite(caller) {\n}"),
            "ivr.rhai:1:10: a function begins with fn, not with function"
        );
        assert!(of_body("let x = 1 +;").contains("Unexpected"), "what is known to nobody is said by the parser");
    }
}
