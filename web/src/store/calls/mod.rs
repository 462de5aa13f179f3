//! Calls: their records and journals, written in batches behind the calls, and found again.
//!
//! ```text
//! find       calls by what people ask for, within bounds
//! lead       which index leads to those
//! words      the index of words
//! forget     calls that are kept no longer
//! row        a record as rows, and back
//! statement  what is written with which values
//! ```
//!
//! Writing a batch twice is writing it once. A journal lies in pieces as it was handed out, because a row for each entry
//! would cost thirty times as many.

pub mod find;
mod forget;
mod lead;
mod row;
mod statement;
pub mod survey;
mod words;

use std::collections::{BTreeMap, HashSet};

use patchcord_engine::{
    journal::{Batch, CallId, Entry, LegRecord, MAX_PAGE, Page, Record, RecordShelf, Story},
    routing::{ShelfError, Shelved, Written},
};
use sqlx::{FromRow, QueryBuilder};
use tracing::warn;

use crate::store::{PATIENCE, Store, database::on_either, error::Told, failed};
use row::{CallRow, LegRow, Unreadable};
use statement::{CALL, CALL_AGAIN, LEG, PIECE, PIECE_AGAIN, bind, bind_call, bind_leg};

/// Rows of one statement. Twenty-six values at most each, so below the 32 766 values that SQLite takes.
const ROWS_PER_STATEMENT: usize = 500;

/// Beyond every call's id.
const NEWEST: &str = "~";

/// A piece of a journal, as it is written.
#[derive(FromRow)]
struct Piece {
    call_id: String,
    first_entry: i64,
    entries: String,
}

/// A piece of a journal, as it is found.
#[derive(FromRow)]
struct Found {
    first_entry: i64,
    entries: String,
}

impl RecordShelf for Store {
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written> {
        Box::pin(async move {
            let mut written = Written::default();
            // As with bindings: what the database refuses keeps no other call from being written.
            let mut parts: Vec<_> = batches.chunks(ROWS_PER_STATEMENT).rev().collect();
            while let Some(part) = parts.pop() {
                match self.within(PATIENCE, self.write_calls(part)).await {
                    Ok(()) => {}
                    Err(ShelfError::Refused(_)) if part.len() > 1 => {
                        let (front, back) = part.split_at(part.len() / 2);
                        parts.extend([back, front]);
                    }
                    Err(ShelfError::Refused(error)) => {
                        let code = error.downcast_ref().and_then(Told::code).unwrap_or("none");
                        let call = part.first().map(|batch| batch.call);
                        warn!(?call, code, "the database refuses a piece of a call for what it holds; it is not kept");
                        written.refused += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(written)
        })
    }

    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>> {
        const OPEN: &str = "SELECT * FROM calls WHERE outcome IS NULL ORDER BY id LIMIT $1";
        Box::pin(self.within(PATIENCE, async move {
            let most = most.min(ROWS_PER_STATEMENT) as i64;
            let rows: Vec<CallRow> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(OPEN).bind(most).fetch_all(pool).await)
                    .map_err(failed)?;
            let records = self.with_legs(rows).await?;
            let mut journals = self.journals(&records).await?;
            let mut entries = |record: &Record| journals.remove(&record.call.to_string()).unwrap_or_default();
            let stories = records.into_iter().map(|record| Story { entries: entries(&record), record });
            Ok(stories.collect())
        }))
    }

    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>> {
        const CALL: &str = "SELECT * FROM calls WHERE id = $1";
        const JOURNAL: &str = "SELECT first_entry, entries FROM journal WHERE call_id = $1 ORDER BY first_entry";
        Box::pin(self.within(PATIENCE, async move {
            let id = call.to_string();
            let (row, pieces): (Option<CallRow>, Vec<Found>) = on_either!(&self.database, |pool: Kind| async {
                let row = sqlx::query_as(CALL).bind(&id).fetch_optional(pool).await?;
                Ok((row, sqlx::query_as(JOURNAL).bind(&id).fetch_all(pool).await?))
            }
            .await)
            .map_err(failed)?;
            let Some(row) = row else { return Ok(None) };
            let record = self.with_legs(vec![row]).await?.pop();
            Ok(record.map(|record| Story { record, entries: entries(&id, pieces) }))
        }))
    }

    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>> {
        const PAGE: &str = "SELECT * FROM calls WHERE id < $1 ORDER BY id DESC LIMIT $2";
        Box::pin(self.within(PATIENCE, async move {
            let before = page.before.map_or_else(|| NEWEST.to_owned(), |call| call.to_string());
            let most = page.most.min(MAX_PAGE) as i64;
            let rows = on_either!(&self.database, |pool: Kind| sqlx::query_as(PAGE)
                .bind(&before)
                .bind(most)
                .fetch_all(pool)
                .await)
            .map_err(failed)?;
            self.with_legs(rows).await
        }))
    }
}

impl Store {
    /// Writes all of these or none.
    async fn write_calls(&self, batches: &[Batch]) -> Result<(), ShelfError> {
        let records = latest(batches);
        let calls: Vec<CallRow> = records.values().map(|record| CallRow::of(record)).collect();
        let pieces: Vec<Piece> = batches.iter().filter(|batch| !batch.entries.is_empty()).map(piece).collect();
        on_either!(&self.database, |pool: Kind| async {
            let mut all_or_none = pool.begin().await?;
            let mut changed: HashSet<String> = HashSet::new();
            for rows in calls.chunks(ROWS_PER_STATEMENT) {
                let mut insert = QueryBuilder::<Kind>::new(CALL);
                insert.push_values(rows, |mut values, row| bind_call!(values, row));
                let insert = insert.push(CALL_AGAIN).build_query_scalar::<String>().persistent(false);
                changed.extend(insert.fetch_all(&mut *all_or_none).await?);
            }
            let told = records.values().filter(|record| changed.contains(&record.call.to_string()));
            let legs: Vec<LegRow> = told.flat_map(|record| LegRow::of(record)).collect();
            if !changed.is_empty() {
                let mut forget = QueryBuilder::<Kind>::new("DELETE FROM legs WHERE call_id IN (");
                let mut ids = forget.separated(", ");
                for id in &changed {
                    ids.push_bind(id);
                }
                forget.push(")").build().persistent(false).execute(&mut *all_or_none).await?;
            }
            let over = calls.iter().filter(|row| row.outcome.is_some() && changed.contains(&row.id));
            let over: Vec<_> = over.filter_map(|row| words::of(&records, row)).collect();
            words::enter(&over, &mut all_or_none).await?;
            for rows in legs.chunks(ROWS_PER_STATEMENT) {
                let mut insert = QueryBuilder::<Kind>::new(LEG);
                insert.push_values(rows, |mut values, row| bind_leg!(values, row));
                insert.build().persistent(false).execute(&mut *all_or_none).await?;
            }
            for rows in pieces.chunks(ROWS_PER_STATEMENT) {
                let mut insert = QueryBuilder::<Kind>::new(PIECE);
                insert.push_values(rows, |mut values, row| {
                    bind!(values: &row.call_id, row.first_entry, &row.entries);
                });
                insert.push(PIECE_AGAIN).build().persistent(false).execute(&mut *all_or_none).await?;
            }
            all_or_none.commit().await
        }
        .await)
        .map_err(failed)
    }

    /// The records of these rows, in their order; one that cannot be read is left out.
    /// The journals of these calls, by their ids.
    async fn journals(&self, records: &[Record]) -> Result<BTreeMap<String, Vec<Entry>>, ShelfError> {
        if records.is_empty() {
            return Ok(BTreeMap::new());
        }
        let pieces: Vec<Piece> = on_either!(&self.database, |pool: Kind| {
            let mut find =
                QueryBuilder::<Kind>::new("SELECT call_id, first_entry, entries FROM journal WHERE call_id IN (");
            let mut ids = find.separated(", ");
            for record in records {
                ids.push_bind(record.call.to_string());
            }
            let find = find.push(") ORDER BY call_id, first_entry").build_query_as().persistent(false);
            find.fetch_all(pool).await
        })
        .map_err(failed)?;
        let mut by_call: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for Piece { call_id, first_entry, entries: text } in pieces {
            let read = entries(&call_id, vec![Found { first_entry, entries: text }]);
            by_call.entry(call_id).or_default().extend(read);
        }
        Ok(by_call)
    }

    async fn with_legs(&self, rows: Vec<CallRow>) -> Result<Vec<Record>, ShelfError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let legs: Vec<LegRow> = on_either!(&self.database, |pool: Kind| {
            let mut find = QueryBuilder::<Kind>::new("SELECT * FROM legs WHERE call_id IN (");
            let mut ids = find.separated(", ");
            for row in &rows {
                ids.push_bind(&row.id);
            }
            let find = find.push(") ORDER BY call_id, position").build_query_as().persistent(false);
            find.fetch_all(pool).await
        })
        .map_err(failed)?;
        let mut by_call: BTreeMap<String, Vec<LegRecord>> = BTreeMap::new();
        for row in legs {
            let call = row.call_id.clone();
            if let Some(leg) = told(&call, row.read()) {
                by_call.entry(call).or_default().push(leg);
            }
        }
        let records = rows.into_iter().filter_map(|row| {
            let id = row.id.clone();
            let legs = by_call.remove(&id).unwrap_or_default();
            told(&id, row.read(legs))
        });
        Ok(records.collect())
    }
}

/// The last record of each call: one statement must not change a row twice.
fn latest(batches: &[Batch]) -> BTreeMap<CallId, &Record> {
    let mut latest: BTreeMap<CallId, &Record> = BTreeMap::new();
    for record in batches.iter().filter_map(|batch| batch.record.as_deref()) {
        let known = latest.entry(record.call).or_insert(record);
        if known.outcome.is_none() && record.entries >= known.entries {
            *known = record;
        }
    }
    latest
}

fn piece(batch: &Batch) -> Piece {
    let entries = serde_json::to_string(&batch.entries).expect("entries are JSON");
    Piece { call_id: batch.call.to_string(), first_entry: batch.first.into(), entries }
}

/// All entries of the pieces, in their order; a damaged piece is left out, and the numbers tell that it is missing.
fn entries(call: &str, pieces: Vec<Found>) -> Vec<Entry> {
    let read = pieces.into_iter().filter_map(|Found { first_entry, entries }| {
        let read = serde_json::from_str::<Vec<Entry>>(&entries);
        read.inspect_err(|error| warn!(call, first_entry, %error, "a piece of a journal cannot be read")).ok()
    });
    read.flatten().collect()
}

/// What was read, or a line in the log: a damaged row hurts no other.
fn told<T>(call: &str, read: Result<T, Unreadable>) -> Option<T> {
    read.inspect_err(|error| warn!(call, %error, "a call's row cannot be read")).ok()
}
