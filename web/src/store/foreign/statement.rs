//! One statement of a script: what kind it is, and whether its values fit it.
//!
//! A statement is judged by its first word, so that nothing ends a transaction, opens another file or changes how the
//! connection behaves. With PostgreSQL the protocol takes one statement at a time; SQLite's driver would take several, so for
//! SQLite the text is read as SQLite reads it, to its end.

use serde_json::Value;

/// The longest statement.
const LONGEST: usize = 64 << 10;

/// Values of one statement.
const MOST_VALUES: usize = 200;

/// First words of what gives rows.
const ASKS: [&str; 4] = ["SELECT", "WITH", "VALUES", "TABLE"];

/// First words of what changes rows, and may give them as well.
const CHANGES: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"];

/// First words of what changes tables.
const MAKES: [&str; 4] = ["CREATE", "ALTER", "DROP", "TRUNCATE"];

/// Why a text is no statement for a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// Too long.
    #[error("the statement has {0} bytes, and {LONGEST} are the most")]
    Long(usize),
    /// Nothing there.
    #[error("there is no statement")]
    Empty,
    /// Another word than those that there are.
    #[error("{word} is no statement for {deed}; it takes {taken}")]
    Word {
        /// The word.
        word: String,
        /// What was asked for.
        deed: &'static str,
        /// What is taken.
        taken: String,
    },
    /// Something stands behind it.
    #[error("there is more than one statement; ask one after the other")]
    Several,
    /// A bracket, a quote or a comment is not closed.
    #[error("a quote is not closed")]
    Open,
    /// A place for a value that is not written as we do.
    #[error("{0:?} is no place for a value; write $1, $2 …")]
    Place(String),
    /// A place without a value.
    #[error("${place} has no value: {values} were given")]
    NoValue {
        /// Its number.
        place: usize,
        /// How many values there are.
        values: usize,
    },
    /// A value that is a list or a map.
    #[error("value {0} is a list or a map; write it as text with json::write")]
    Nested(usize),
    /// A number beyond 64 bits.
    #[error("value {0} is a number that no column holds")]
    Number(usize),
    /// Too many values.
    #[error("there are {0} values, and {MOST_VALUES} are the most")]
    Values(usize),
}

/// What is asked of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Query,
    Exec,
}

/// A statement without what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    pub text: &'a str,
    word: String,
}

impl<'a> Statement<'a> {
    /// Reads it as SQLite does.
    pub(super) fn of_sqlite(sql: &'a str, values: &[Value]) -> Result<Self, BadStatement> {
        let statement = Self::begun(sql, values)?;
        Ok(Self { text: bare(sql, |piece| place(piece, values.len()))?, ..statement })
    }

    /// Reads its beginning; the rest is the server's to judge.
    pub(super) fn of_postgres(sql: &'a str, values: &[Value]) -> Result<Self, BadStatement> {
        let statement = Self::begun(sql, values)?;
        // It has quotes that SQLite has not; what cannot be read goes there as it is.
        Ok(Self { text: bare(sql, |_| Ok(())).unwrap_or(sql), ..statement })
    }

    fn begun(sql: &'a str, values: &[Value]) -> Result<Self, BadStatement> {
        if sql.len() > LONGEST {
            return Err(BadStatement::Long(sql.len()));
        }
        // SQLite stops there, and PostgreSQL takes none.
        if sql.contains('\0') {
            return Err(BadStatement::Open);
        }
        if values.len() > MOST_VALUES {
            return Err(BadStatement::Values(values.len()));
        }
        for (index, value) in values.iter().enumerate() {
            match value {
                Value::Array(_) | Value::Object(_) => return Err(BadStatement::Nested(index + 1)),
                Value::Number(number) if number.as_i64().is_none() && number.is_u64() => {
                    return Err(BadStatement::Number(index + 1));
                }
                _ => {}
            }
        }
        let begin = skip(sql)?;
        let word: String = begin.chars().take_while(char::is_ascii_alphabetic).collect();
        match (word.is_empty(), begin.chars().next()) {
            (true, None) => Err(BadStatement::Empty),
            (true, Some(other)) => Ok(Self { text: sql, word: other.to_string() }),
            (false, _) => Ok(Self { text: sql, word: word.to_ascii_uppercase() }),
        }
    }

    /// Whether it is of the kind that was asked for.
    pub(super) fn check(&self, deed: Deed) -> Result<(), BadStatement> {
        let (name, taken) = match deed {
            Deed::Query => ("db::query", [&ASKS[..], &CHANGES[..]].concat()),
            Deed::Exec => ("db::exec", [&CHANGES[..], &["WITH"], &MAKES[..]].concat()),
        };
        match taken.contains(&self.word.as_str()) {
            true => Ok(()),
            false => Err(BadStatement::Word { word: self.word.clone(), deed: name, taken: taken.join(", ") }),
        }
    }

    /// Whether its first word says that it changes something. One that hides it fails at a database that is only read.
    pub(super) fn changes(&self, deed: Deed) -> bool {
        deed == Deed::Exec || CHANGES.contains(&self.word.as_str())
    }
}

/// A text without the semicolon at its end and what stands behind that, once each place for a value was judged.
fn bare(sql: &str, judge: impl Fn(&str) -> Result<(), BadStatement>) -> Result<&str, BadStatement> {
    let mut rest = sql;
    while let Some(piece) = piece(rest)? {
        rest = &rest[piece.len()..];
        match piece.as_bytes()[0] {
            b';' if skip(rest)?.is_empty() => return Ok(&sql[..sql.len() - rest.len() - 1]),
            b';' => return Err(BadStatement::Several),
            b'$' | b'?' | b':' | b'@' | b'#' => judge(piece)?,
            _ => {}
        }
    }
    Ok(sql)
}

/// Whether a place for a value is written as we do, and has one.
fn place(piece: &str, values: usize) -> Result<(), BadStatement> {
    let number = piece.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok()).filter(|number| *number > 0);
    match number {
        None => Err(BadStatement::Place(piece.into())),
        Some(place) if place > values => Err(BadStatement::NoValue { place, values }),
        Some(_) => Ok(()),
    }
}

/// What stands behind blanks and comments.
fn skip(mut text: &str) -> Result<&str, BadStatement> {
    loop {
        text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c', '\u{feff}']);
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(comment) = text.strip_prefix("/*") {
            let end = comment.find("*/").ok_or(BadStatement::Open)?;
            text = &comment[end + 2..];
        } else {
            return Ok(text);
        }
    }
}

/// The next piece of a text: a blank, a comment, something in quotes, a word, a place for a value, or a sign.
fn piece(text: &str) -> Result<Option<&str>, BadStatement> {
    let Some(first) = text.chars().next() else { return Ok(None) };
    let behind = skip(text)?;
    let length = match first {
        _ if behind.len() < text.len() => text.len() - behind.len(),
        '\'' | '"' | '`' => quoted(text, first)?,
        '[' => text.find(']').ok_or(BadStatement::Open)? + 1,
        '$' | '?' | ':' | '@' | '#' => first.len_utf8() + word(&text[first.len_utf8()..]),
        _ if is_of_word(first) => word(text),
        _ => first.len_utf8(),
    };
    Ok(Some(&text[..length]))
}

/// How long something in quotes is, in which two quotes are one.
fn quoted(text: &str, quote: char) -> Result<usize, BadStatement> {
    let mut end = 1;
    loop {
        end += text[end..].find(quote).ok_or(BadStatement::Open)? + 1;
        if !text[end..].starts_with(quote) {
            return Ok(end);
        }
        end += 1;
    }
}

fn is_of_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || sign == '$' || !sign.is_ascii()
}

fn word(text: &str) -> usize {
    text.find(|sign| !is_of_word(sign)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn judged(sql: &str, values: usize) -> Result<Statement<'_>, BadStatement> {
        let statement = Statement::of_sqlite(sql, &vec![json!(1); values])?;
        statement.check(Deed::Query)?;
        Ok(statement)
    }

    #[test]
    fn one_statement_is_read_to_its_end_as_sqlite_reads_it() {
        for sql in [
            "SELECT 1",
            " -- who\n /* what; */ select ';' AS \"a;b\", [c;d], `e;f` FROM t WHERE x = 'it''s; $9' ;  -- end ; here",
            "WITH a AS (SELECT $1) SELECT a$1 FROM a;",
            "VALUES (1);/* ; */",
            "SELECT a$2 FROM größe WHERE b='' AND c=$1",
        ] {
            assert!(judged(sql, 1).is_ok(), "{sql}: {:?}", judged(sql, 1));
        }
        assert_eq!(judged("SELECT 1 ; ", 0).expect("one").text, "SELECT 1 ");
        for sql in [
            "SELECT 1; ATTACH 'x' AS y",
            "SELECT ';'; SELECT 2",
            "SELECT 1;;",
            "SELECT 1;--\nSELECT 2",
            "SELECT '\\'; DROP TABLE t; --'",
        ] {
            assert_eq!(judged(sql, 0), Err(BadStatement::Several), "{sql}");
        }
        for sql in ["SELECT 'a", "SELECT \"a", "SELECT [a", "SELECT 1 /* a", "SELECT `a``", "SELECT 1\0; ATTACH"] {
            assert_eq!(judged(sql, 0), Err(BadStatement::Open), "{sql}");
        }
    }

    #[test]
    fn only_what_a_script_may_do_is_taken() {
        for sql in [
            "ATTACH DATABASE '/etc/x' AS y",
            "PRAGMA journal_mode = OFF",
            "/* SELECT */ VACUUM INTO '/tmp/x'",
            "BEGIN",
            "(SELECT 1)",
            "EXPLAIN SELECT 1",
            "DROP TABLE t",
        ] {
            assert!(matches!(judged(sql, 0), Err(BadStatement::Word { .. })), "{sql}");
        }
        let told = judged("pragma x", 0).expect_err("no").to_string();
        assert_eq!(
            told,
            "PRAGMA is no statement for db::query; it takes SELECT, WITH, VALUES, TABLE, INSERT, UPDATE, DELETE, REPLACE, MERGE"
        );
        assert_eq!(
            judged(" ; ", 0).map(|_| ()),
            Err(BadStatement::Word {
                word: ";".into(),
                deed: "db::query",
                taken: "SELECT, WITH, VALUES, TABLE, INSERT, UPDATE, DELETE, REPLACE, MERGE".into()
            })
        );
        assert_eq!(judged("-- nothing", 0), Err(BadStatement::Empty));
    }

    #[test]
    fn each_place_has_its_value() {
        assert!(judged("SELECT $1, $2, $1", 2).is_ok());
        assert_eq!(judged("SELECT $3", 2), Err(BadStatement::NoValue { place: 3, values: 2 }));
        for place in ["$0", "?", "?1", ":name", "@name", "$name", "$99999999999999999999", "#1"] {
            assert_eq!(judged(&format!("SELECT {place}"), 9), Err(BadStatement::Place(place.into())));
        }
        let of = |value: Value| Statement::of_postgres("SELECT $1", &[value]).map(|_| ());
        assert_eq!(of(json!([1])), Err(BadStatement::Nested(1)));
        assert_eq!(of(json!({"a": 1})), Err(BadStatement::Nested(1)));
        assert_eq!(of(json!(u64::MAX)), Err(BadStatement::Number(1)));
        assert_eq!(of(json!(1.5)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_judged(sql in "(SELECT )?[a-z0-9 ;'\"\\[\\]`$?:@/*\\-\nü]{0,40}", values in 0_usize..3) {
            if let Ok(statement) = judged(&sql, values) {
                prop_assert!(sql.starts_with(statement.text));
            }
        }
    }
}
