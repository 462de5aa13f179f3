//! What somebody meant who wrote a text that does not parse: the mistakes that people bring from other languages, known by what stands
//! at the place where the parser stops.
//!
//! Only what is certain enough to be worth a word; for everything else the parser's own words do.

use rhai::{LexError, ParseError, ParseErrorType, Position};

/// What was meant, where that can be told.
pub(crate) fn meant(text: &str, error: &ParseError) -> Option<String> {
    let at = error.position();
    let row: Vec<char> = text.lines().nth(at.line()?.checked_sub(1)?).unwrap_or_default().chars().collect();
    let place = at.position().unwrap_or(1).saturating_sub(1).min(row.len());
    let (before, behind): (String, String) = (row[..place].iter().collect(), row[place..].iter().collect());
    match error.err_type() {
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            Some("the text that begins here has no closing quote; write one behind it".into())
        }
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, _)) => symbol_of(symbol),
        ParseErrorType::BadInput(LexError::UnexpectedInput(sign)) if "“”„‘’«»".contains(sign.as_str()) => {
            Some("a text has straight quotes, as \"welcome\"".into())
        }
        ParseErrorType::UnknownOperator(sign) => sign_of(sign),
        ParseErrorType::Reserved(word) if word == "#" => Some("a comment begins with //, and options with #{".into()),
        ParseErrorType::Reserved(word) if before.ends_with("log::") => {
            let there_is = "log::info(text) and log::warn(text) write into the timeline of the call";
            Some(format!("there is no log::{word}; {there_is}"))
        }
        ParseErrorType::Reserved(word) => reserved(word).map(Into::into),
        ParseErrorType::FnDuplicatedDefinition(name, _) => {
            Some(format!("{name} is there twice; put what both do into one of them"))
        }
        ParseErrorType::FnMissingParams(name) => {
            Some(format!("what {name} takes stands in brackets behind its name, as fn {name}(caller) {{ … }}"))
        }
        ParseErrorType::FnMissingBody(name) => {
            Some(format!("what {name} does stands in braces, as fn {name}(…) {{ … }}"))
        }
        ParseErrorType::WrongFnDefinition => {
            Some("a function stands outside of others; close the one before it with }".into())
        }
        _ if has_bare_options(&before, &behind) => {
            Some("options are written #{ name: value }, with a # before the {".into())
        }
        ParseErrorType::MissingToken(token, why) => {
            let reserved = reserved_option(&before, &behind).or_else(|| missing(&before, &behind));
            reserved.or_else(|| lacks(token, why, &before, &behind, &text_before(text, at)))
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(sign)) if sign == "}" => one_too_many(),
        ParseErrorType::ExprExpected(what) if what.contains("literal") => switch_arm(&behind),
        _ if behind.starts_with('}') && before.trim().is_empty() => one_too_many(),
        _ => None,
    }
}

fn one_too_many() -> Option<String> {
    Some("this } closes nothing; leave it out, or write the { that it closes".into())
}

/// What stands before a place, in lines above it, where nothing stands before it in its own.
fn text_before(text: &str, at: Position) -> Option<(usize, &str)> {
    let line = at.line()?.saturating_sub(1);
    text.lines()
        .enumerate()
        .take(line)
        .filter(|(_, row)| !row.trim().is_empty())
        .last()
        .map(|(row, said)| (row + 1, said))
}

/// A sign that other languages have.
fn symbol_of(symbol: &str) -> Option<String> {
    Some(match symbol {
        "=" => "= gives a value, and == compares; write ==".into(),
        "->" => "a word is said to a leg with a dot, as caller.answer()".into(),
        ":=" => "a value is given by =, as let x = 1".into(),
        "===" => "what is equal is written ==".into(),
        "!==" => "what is not equal is written !=".into(),
        _ => return None,
    })
}

fn sign_of(sign: &str) -> Option<String> {
    Some(match sign {
        "++" => "one more is written += 1".into(),
        "--" => "one less is written -= 1, and a comment begins with //".into(),
        _ => return None,
    })
}

/// A word that the language keeps for itself, and that other languages have.
fn reserved(word: &str) -> Option<&'static str> {
    Some(match word {
        "var" => "a value of your own is made by let, as let x = 1",
        "null" | "nil" => "nothing is written ()",
        "await" | "async" | "spawn" | "go" | "thread" => {
            "each word waits by itself, and what goes on beside has a name that begins with start_; leave this out"
        }
        "print" => "a line is written by log::info(text)",
        "case" => "an arm of a switch is written \"1\" => …, without case",
        "--" | "++" => "one more is written += 1, one less -= 1, and a comment begins with //",
        _ => return None,
    })
}

/// An arm of a switch as other languages write it.
fn switch_arm(behind: &str) -> Option<String> {
    behind.trim_start().starts_with("case").then(|| "an arm of a switch is written \"1\" => …, without case".into())
}

/// What the parser misses there.
fn lacks(token: &str, why: &str, before: &str, behind: &str, above: &Option<(usize, &str)>) -> Option<String> {
    let next: String = behind.chars().take_while(|letter| letter.is_alphanumeric()).collect();
    let opens = before.trim().is_empty();
    let single = |sign: char| behind.starts_with(sign) && !behind.starts_with("==");
    Some(match (token, next.as_str()) {
        (_, "and") => "and is written &&".into(),
        (_, "or") => "or is written ||".into(),
        (_, "is") => "what is equal is written ==".into(),
        (_, "then") => "what is done then stands in braces: if … { … }".into(),
        ("catch", _) => "behind a try stands catch, as try { … } catch (err) { … }".into(),
        ("=>", _) if single(':') => "an arm of a switch is written \"1\" => …".into(),
        (",", _) if why.contains("switch") && single(';') => {
            "arms of a switch have commas between them, as \"1\" => one(), \"2\" => two()".into()
        }
        ("{", _) if single(':') => "what is done then stands in braces: { … }".into(),
        (":", _) if single('=') => "options have a colon, as #{ name: value }".into(),
        (",", _) if single(':') => {
            "options are written #{ name: value }, with #{ before the first and } behind the last".into()
        }
        (_, _) if single('=') => "= gives a value, and == compares; write ==".into(),
        ("}", _) if why.contains("map") && !next.is_empty() => {
            format!("`{next}` is a word of the language, and no name of an option")
        }
        ("}", _) if behind.is_empty() || opens => "a { was opened and is not closed; write a } where that ends".into(),
        (";", _) => match above.filter(|_| opens) {
            Some((line, said)) => format!("a ; is missing behind line {line}: {};", said.trim()),
            None => "a ; is missing before this".into(),
        },
        (",", _) if opens => {
            let line = above.map_or_else(String::new, |(line, _)| format!(", or behind line {line}"));
            format!("a ) or a , is missing before this{line}")
        }
        (",", _) => "a , is missing before this".into(),
        (")", _) => "a ) is missing before this".into(),
        _ => return None,
    })
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
