//! Words in calls: an index of each three letters that follow each other, of calls that are over.
//!
//! It leads to calls in which all of them stand somewhere; whether they stand there as they were asked for is looked at in the calls
//! themselves. SQLite keeps it as a table of FTS5 whose rows have numbers in the order of calls, and looks them through from the
//! newest on ([`look`]). PostgreSQL keeps the threes of each call in an array with an index (GIN), which needs no extension that
//! somebody would have to allow; it leads to all calls at once, as the beginning of a number does ([`led_to`]).

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
};

use patchcord_engine::journal::{CallId, Record};
use patchcord_engine::routing::ShelfError;
use sqlx::{Postgres, QueryBuilder, Sqlite, SqlitePool, Transaction};

use super::{
    CallRow, NEWEST,
    find::{Looked, Part, Wanted, say},
    lead::Source,
    row::call,
};
use crate::store::failed;

/// Letters of an index entry.
const LETTERS: usize = 3;

/// Entries that are looked for: what has all of those has the rest nearly always, too.
const MOST_ENTRIES: usize = 24;

/// Calls that the index leads to and that are looked at in one order, and how many orders a page has.
const CHUNK: i64 = 500;
const CHUNKS: usize = 8;

/// Bits of an id behind the letters of its number.
const BEHIND: u32 = 30;

/// Letters of an id that its number says.
const NUMBERED: usize = 14;

/// The number of a call in the index.
fn number(call: CallId) -> i64 {
    i64::try_from(call.bits() >> BEHIND).unwrap_or(i64::MAX)
}

/// The letters that a number stands for.
fn letters(number: i64) -> String {
    let id = CallId::of_bits(u128::from(number.unsigned_abs()) << BEHIND).to_string();
    id[..NUMBERED].to_owned()
}

/// Each three letters that follow each other in small letters, so many at most.
fn threes(text: &str, most: usize) -> Vec<String> {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    letters.windows(LETTERS).take(most).map(|three| three.iter().collect()).collect()
}

/// What is looked for in the index of SQLite; none where the text is too short to be led to.
pub fn entries(text: &str) -> Option<String> {
    let entries = threes(text, MOST_ENTRIES);
    let quoted = entries.iter().map(|three| format!("\"{}\"", three.replace('"', "\"\"")));
    (!entries.is_empty()).then(|| quoted.collect::<Vec<_>>().join(" AND "))
}

/// Stands in no text that is looked for: a filter has no control characters.
const BETWEEN: &str = "\u{1f}";

/// What PostgreSQL is asked for the calls in which all of that stands somewhere.
pub fn led_to(text: &str) -> [Part; 3] {
    let asked = "SELECT call_id FROM calls_words WHERE threes @> string_to_array(";
    [Part::Sql(asked), Part::Text(threes(text, MOST_ENTRIES).join(BETWEEN)), Part::Sql(", chr(31))")]
}

/// A call, and what of it can be found by words.
pub fn of(records: &BTreeMap<CallId, &Record>, row: &CallRow) -> Option<(CallId, String)> {
    let call = call(&row.id).ok().filter(|call| records.contains_key(call))?;
    let maybe = |text: &Option<String>| text.clone().unwrap_or_default();
    let said = [
        row.from_number.clone(),
        maybe(&row.from_name),
        row.to_number.clone(),
        maybe(&row.to_name),
        maybe(&row.service),
        maybe(&row.end.reason),
        row.tags.clone(),
        maybe(&row.parties),
    ];
    Some((call, said.join(" ").to_lowercase()))
}

/// The transaction, where it is one of that database.
fn turn<'a, Kind: sqlx::Database, That: sqlx::Database>(
    turn: &'a mut Transaction<'static, Kind>,
) -> Option<&'a mut Transaction<'static, That>> {
    (turn as &mut dyn Any).downcast_mut()
}

/// Enters calls that are over.
pub async fn enter<Kind: sqlx::Database>(
    rows: &[(CallId, String)],
    all_or_none: &mut Transaction<'static, Kind>,
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(super::ROWS_PER_STATEMENT) {
        if let Some(turn) = turn::<_, Sqlite>(all_or_none) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO calls_words (rowid, words) ");
            insert.push_values(rows, |mut values, (call, words)| {
                values.push_bind(number(*call)).push_bind(words);
            });
            insert.build().persistent(false).execute(&mut **turn).await?;
        } else if let Some(turn) = turn::<_, Postgres>(all_or_none) {
            let mut insert = QueryBuilder::<Postgres>::new("INSERT INTO calls_words (call_id, threes) ");
            insert.push_values(rows, |mut values, (call, words)| {
                let threes: BTreeSet<String> = threes(words, usize::MAX).into_iter().collect();
                values.push_bind(call.to_string()).push_bind(threes.into_iter().collect::<Vec<_>>());
            });
            insert.push(" ON CONFLICT (call_id) DO UPDATE SET threes = excluded.threes");
            insert.build().persistent(false).execute(&mut **turn).await?;
        }
    }
    Ok(())
}

/// Takes the calls from one to another out.
pub async fn forget<Kind: sqlx::Database>(
    first: &str,
    last: &str,
    all_or_none: &mut Transaction<'static, Kind>,
) -> Result<(), sqlx::Error> {
    let (Ok(first), Ok(last)) = (call(first), call(last)) else { return Ok(()) };
    if let Some(turn) = turn::<_, Sqlite>(all_or_none) {
        let gone = sqlx::query("DELETE FROM calls_words WHERE rowid >= $1 AND rowid <= $2");
        gone.bind(number(first)).bind(number(last)).execute(&mut **turn).await?;
    } else if let Some(turn) = turn::<_, Postgres>(all_or_none) {
        let gone = sqlx::query("DELETE FROM calls_words WHERE call_id >= $1 AND call_id <= $2");
        gone.bind(first.to_string()).bind(last.to_string()).execute(&mut **turn).await?;
    }
    Ok(())
}

/// A page of the calls that the index leads to.
pub async fn look(
    pool: &SqlitePool,
    wanted: &Wanted,
    entries: &str,
    (before, most): (Option<CallId>, usize),
) -> Result<Looked, ShelfError> {
    let mut end = wanted.end(before);
    let rest = wanted.looked_at(Source::All);
    let mut rows: Vec<CallRow> = Vec::new();
    let mut lowest = None;
    for _ in 0..CHUNKS {
        let from = call(&end).map_or(i64::MAX, number);
        let found: Vec<i64> = sqlx::query_scalar(
            "SELECT rowid FROM calls_words WHERE calls_words MATCH $1 AND rowid <= $2 ORDER BY rowid DESC LIMIT $3",
        )
        .bind(entries)
        .bind(from)
        .bind(CHUNK)
        .fetch_all(pool)
        .await
        .map_err(failed)?;
        if !found.is_empty() {
            let mut find = QueryBuilder::<Sqlite>::new("WITH found (letters) AS (");
            find.push_values(&found, |mut values, number| {
                values.push_bind(letters(*number));
            });
            find.push(
                ") SELECT calls.* FROM found CROSS JOIN calls ON id >= letters || '000000' AND id <= letters || 'zzzzzz' WHERE ",
            );
            // The letters lead to a call; bounds of the page would lead SQLite past all that lies between.
            wanted.between(&end).iter().chain(&rest).for_each(|part| match part {
                Part::Sql("id < ") => drop(find.push("+id < ")),
                Part::Sql(" AND id >= ") => drop(find.push(" AND +id >= ")),
                part => say!(find, part),
            });
            find.push(" ORDER BY id DESC LIMIT ").push_bind((most - rows.len()) as i64);
            let some: Vec<CallRow> = find.build_query_as().persistent(false).fetch_all(pool).await.map_err(failed)?;
            rows.extend(some);
        }
        lowest = found.last().filter(|_| found.len() as i64 == CHUNK).map(|last| format!("{}000000", letters(*last)));
        match &lowest {
            Some(lowest) if rows.len() < most => end.clone_from(lowest),
            _ => break,
        }
    }
    // Those that go on stand in no index, and are few.
    let mut open = QueryBuilder::<Sqlite>::new("SELECT * FROM calls WHERE outcome IS NULL AND ");
    wanted.between(&wanted.end(before)).iter().chain(&rest).for_each(|part| say!(open, part));
    if let Some(lowest) = &lowest {
        open.push(" AND id >= ").push_bind(lowest.clone());
    }
    open.push(" ORDER BY id DESC LIMIT ").push_bind(most as i64);
    let open: Vec<CallRow> = open.build_query_as().persistent(false).fetch_all(pool).await.map_err(failed)?;
    if !open.is_empty() {
        rows.extend(open);
        rows.sort_by(|one, other| other.id.cmp(&one.id));
        rows.truncate(most);
    }
    Ok((rows, lowest.filter(|lowest| **lowest < *NEWEST)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_numbers_of_calls_have_their_order_and_lead_back_to_them() {
        let call = |second, chance| CallId::new(UNIX_EPOCH + Duration::from_secs(second), chance);
        let calls = [call(1_700_000_000, 7 << 40), call(1_795_000_000, 0), call(1_795_000_000, 3 << 45)];
        assert!(calls.map(number).is_sorted());
        for call in calls {
            assert!(call.to_string().starts_with(&letters(number(call))), "{call}");
        }
    }

    #[test]
    fn what_is_looked_for_is_each_three_letters_of_the_text() {
        assert_eq!(entries("Bob!").as_deref(), Some("\"bob\" AND \"ob!\""));
        assert_eq!(entries("a\"b").as_deref(), Some("\"a\"\"b\""));
        assert_eq!(entries("ab"), None);
        assert_eq!(entries(&"x".repeat(500)).map(|all| all.matches("AND").count()), Some(MOST_ENTRIES - 1));
    }
}
