//! Bindings: where each endpoint can be reached, kept over a restart.

use std::{net::AddrParseError, num::TryFromIntError, time::SystemTime};

use patchcord_engine::{
    redact::Redacted,
    routing::{BindingChange, BindingRow, BindingShelf, ShelfError, Shelved, Written},
};
use patchcord_sip::hop::UnknownTransport;
use sqlx::{Connection, FromRow, QueryBuilder};
use tracing::warn;

use crate::store::{
    LOAD_PATIENCE, PATIENCE, Store,
    database::on_either,
    error::{Told, is_about_content},
    failed,
    time::{from_millis, to_millis},
};

/// Rows of one statement. Sixteen values each, so below the 32 766 values that SQLite takes.
const ROWS_PER_STATEMENT: usize = 500;

const INSERT: &str = "INSERT INTO bindings (endpoint, position, contact, instance, reg_id, q_thousandth, path, call_id, \
                      cseq, expires_at, transport, local, peer, flow_bound, user_agent, updated_at) ";

#[derive(FromRow)]
struct Stored {
    endpoint: String,
    position: i64,
    contact: String,
    instance: Option<String>,
    reg_id: Option<i64>,
    q_thousandth: i64,
    path: String,
    call_id: String,
    cseq: i64,
    expires_at: i64,
    transport: String,
    local: String,
    peer: String,
    flow_bound: bool,
    user_agent: Option<String>,
    updated_at: i64,
}

impl BindingShelf for Store {
    fn load_bindings(&self, now: SystemTime) -> Shelved<'_, Vec<BindingRow>> {
        Box::pin(self.within(LOAD_PATIENCE, async move {
            const LIVE: &str = "SELECT endpoint, position, contact, instance, reg_id, q_thousandth, path, call_id, \
                                cseq, expires_at, transport, local, peer, flow_bound, user_agent, updated_at \
                                FROM bindings WHERE expires_at > $1 ORDER BY endpoint, position";
            // Those of endpoints that never came back would lie here for ever.
            const LAPSED: &str = "DELETE FROM bindings WHERE expires_at <= $1";
            let now = to_millis(now);
            let rows: Vec<Stored> = on_either!(&self.database, |pool: Kind| async {
                sqlx::query(LAPSED).bind(now).execute(pool).await?;
                sqlx::query_as(LIVE).bind(now).fetch_all(pool).await
            }
            .await)
            .map_err(failed)?;
            Ok(rows.into_iter().filter_map(readable).collect())
        }))
    }

    fn write_bindings(&self, changes: Vec<BindingChange>) -> Shelved<'_, Written> {
        Box::pin(async move {
            let mut written = Written::default();
            // What one phone said must not keep the others from being written: a batch that the database refuses is
            // written in halves, down to the change that it means.
            let mut batches = vec![latest(changes)];
            while let Some(mut batch) = batches.pop() {
                match self.within(PATIENCE, self.write_batch(&batch)).await {
                    Ok(refused) => written.refused += refused,
                    Err(ShelfError::Refused(_)) if batch.len() > 1 => {
                        batches.push(batch.split_off(batch.len() / 2));
                        batches.push(batch);
                    }
                    Err(ShelfError::Refused(error)) => {
                        written.refused += batch
                            .iter()
                            .map(|change| complain(&change.user, error.downcast_ref().and_then(Told::code)))
                            .count();
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(written)
        })
    }
}

impl Store {
    /// Writes these changes or none; a change that stands alone, without the rows that the database refuses. Gives back
    /// how many those are.
    async fn write_batch(&self, changes: &[BindingChange]) -> Result<usize, ShelfError> {
        let rows: Vec<Stored> = changes.iter().flat_map(|change| stored(&change.rows)).collect();
        let alone = changes.len() == 1;
        on_either!(&self.database, |pool: Kind| async {
            let mut refused = 0;
            let mut all_or_none = pool.begin().await?;
            for changes in changes.chunks(ROWS_PER_STATEMENT) {
                let mut forget = QueryBuilder::<Kind>::new("DELETE FROM bindings WHERE endpoint IN (");
                let mut users = forget.separated(", ");
                for change in changes {
                    users.push_bind(&change.user);
                }
                forget.push(")").build().persistent(false).execute(&mut *all_or_none).await?;
            }
            for rows in rows.chunks(if alone { 1 } else { ROWS_PER_STATEMENT }) {
                let mut insert = QueryBuilder::<Kind>::new(INSERT);
                insert.push_values(rows, |mut values, row| {
                    values
                        .push_bind(&row.endpoint)
                        .push_bind(row.position)
                        .push_bind(&row.contact)
                        .push_bind(&row.instance)
                        .push_bind(row.reg_id)
                        .push_bind(row.q_thousandth)
                        .push_bind(&row.path)
                        .push_bind(&row.call_id)
                        .push_bind(row.cseq)
                        .push_bind(row.expires_at)
                        .push_bind(&row.transport)
                        .push_bind(&row.local)
                        .push_bind(&row.peer)
                        .push_bind(row.flow_bound)
                        .push_bind(&row.user_agent)
                        .push_bind(row.updated_at);
                });
                // A savepoint: PostgreSQL takes nothing more after an error until what met it is rolled back.
                let mut step = all_or_none.begin().await?;
                match insert.build().persistent(false).execute(&mut *step).await {
                    Ok(_) => step.commit().await?,
                    Err(error) if alone && is_about_content(&error) => {
                        step.rollback().await?;
                        refused += rows.iter().map(|row| complain(&row.endpoint, Told::from(&error).code())).count();
                    }
                    Err(error) => return Err(error),
                }
            }
            all_or_none.commit().await.map(|()| refused)
        }
        .await)
        .map_err(failed)
    }
}

/// Tells that something of an endpoint is not kept. Not in the database's own words: they may repeat the phone's.
fn complain(endpoint: &str, code: Option<&str>) {
    let code = code.unwrap_or("none");
    warn!(endpoint = %Redacted(endpoint), code, "the database refuses a binding for what it holds; it is not kept");
}

/// Only the last change of each endpoint: an earlier one says nothing that it does not replace.
fn latest(changes: Vec<BindingChange>) -> Vec<BindingChange> {
    let mut by_user = std::collections::BTreeMap::new();
    for change in changes {
        by_user.insert(change.user.clone(), change);
    }
    by_user.into_values().collect()
}

fn stored(rows: &[BindingRow]) -> impl Iterator<Item = Stored> {
    (0..).zip(rows).map(|(position, row)| Stored {
        endpoint: row.user.clone(),
        position,
        contact: row.contact.clone(),
        instance: row.instance.clone(),
        reg_id: row.reg_id.map(i64::from),
        q_thousandth: i64::from(row.q_thousandths),
        path: serde_json::to_string(&row.path).expect("a list of texts is JSON"),
        call_id: row.call_id.clone(),
        cseq: i64::from(row.cseq),
        expires_at: to_millis(row.expires),
        transport: row.transport.to_string(),
        local: row.local.to_string(),
        peer: row.peer.to_string(),
        flow_bound: row.flow_bound,
        user_agent: row.user_agent.clone(),
        updated_at: to_millis(row.updated),
    })
}

/// A damaged row is one phone that must register again; it keeps no other from being reachable.
fn readable(row: Stored) -> Option<BindingRow> {
    let (endpoint, position) = (row.endpoint.clone(), row.position);
    let told = |error: &Unreadable| warn!(endpoint = %Redacted(endpoint), position, %error, "a binding cannot be read");
    read(row).inspect_err(told).ok()
}

/// What is wrong with a row that the registrar did not write like this.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("a number is out of its range")]
    Number(#[from] TryFromIntError),
    #[error("the path is no list")]
    Path(#[from] serde_json::Error),
    #[error("the transport is unknown")]
    Transport(#[from] UnknownTransport),
    #[error("an address cannot be read")]
    Address(#[from] AddrParseError),
}

fn read(row: Stored) -> Result<BindingRow, Unreadable> {
    Ok(BindingRow {
        user: row.endpoint,
        contact: row.contact,
        instance: row.instance,
        reg_id: row.reg_id.map(u32::try_from).transpose()?,
        q_thousandths: row.q_thousandth.try_into()?,
        path: serde_json::from_str(&row.path)?,
        call_id: row.call_id,
        cseq: row.cseq.try_into()?,
        expires: from_millis(row.expires_at),
        transport: row.transport.parse()?,
        local: row.local.parse()?,
        peer: row.peer.parse()?,
        flow_bound: row.flow_bound,
        user_agent: row.user_agent,
        updated: from_millis(row.updated_at),
    })
}
