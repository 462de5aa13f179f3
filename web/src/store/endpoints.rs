//! Endpoints that were added by command, with their passwords sealed.

use patchcord_engine::routing::{
    Calling, Codec, DamagedEndpoint, EndpointRow, EndpointRows, EndpointShelf, ForwardFault, ShelfError, Shelved,
    UnknownDigest, UnknownWord,
};
use sqlx::{FromRow, QueryBuilder};

use crate::store::{
    LOAD_PATIENCE, PATIENCE, Store,
    database::on_either,
    failed,
    seal::Broken,
    time::{from_millis, to_millis},
};

/// Rows of one statement. Eleven values each, so far below the 32 766 values that SQLite takes.
const ROWS_PER_STATEMENT: usize = 500;

#[derive(FromRow)]
struct Stored {
    user_name: String,
    sealed_password: Vec<u8>,
    number: Option<String>,
    digests: Option<String>,
    codecs: Option<String>,
    srtp: Option<String>,
    calls: Option<i64>,
    caller_id: Option<String>,
    forward: Option<String>,
    created_at: i64,
    updated_at: i64,
}

/// What is wrong with a row that we did not write like this.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("its password does not open: {0}")]
    Password(#[from] Broken),
    #[error("its digest algorithms are none: {0}")]
    Digests(#[from] UnknownDigest),
    #[error("what is said of its calls is wrong: {0}")]
    Calls(#[from] UnknownWord),
    #[error("{0} is no number of calls")]
    Count(i64),
    #[error("its calls cannot be forwarded: {0}")]
    Forward(#[from] ForwardFault),
}

impl EndpointShelf for Store {
    fn load_endpoints(&self) -> Shelved<'_, EndpointRows> {
        Box::pin(self.within(LOAD_PATIENCE, async {
            const ALL: &str = "SELECT user_name, sealed_password, number, digests, codecs, srtp, calls, caller_id, \
                               forward, created_at, updated_at FROM endpoints ORDER BY user_name";
            let rows: Vec<Stored> =
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)?;
            let mut found = EndpointRows::default();
            for row in rows {
                let user = row.user_name.clone();
                match self.unsealed(row) {
                    Ok(row) => found.rows.push(row),
                    Err(reason) => found.damaged.push(DamagedEndpoint { user, reason: reason.to_string() }),
                }
            }
            Ok(found)
        }))
    }

    fn put_endpoints(&self, rows: Vec<EndpointRow>) -> Shelved<'_, ()> {
        Box::pin(self.within(PATIENCE, async move {
            let rows = rows.into_iter().map(|row| self.sealed(row)).collect::<Result<Vec<_>, _>>()?;
            on_either!(&self.database, |pool: Kind| async {
                let mut all_or_none = pool.begin().await?;
                for rows in rows.chunks(ROWS_PER_STATEMENT) {
                    QueryBuilder::<Kind>::new(
                        "INSERT INTO endpoints (user_name, sealed_password, number, digests, codecs, srtp, calls, \
                         caller_id, forward, created_at, updated_at) ",
                    )
                    .push_values(rows, |mut values, row| {
                        values
                            .push_bind(&row.user_name)
                            .push_bind(&row.sealed_password)
                            .push_bind(&row.number)
                            .push_bind(&row.digests)
                            .push_bind(&row.codecs)
                            .push_bind(&row.srtp)
                            .push_bind(row.calls)
                            .push_bind(&row.caller_id)
                            .push_bind(&row.forward)
                            .push_bind(row.created_at)
                            .push_bind(row.updated_at);
                    })
                    .push(
                        " ON CONFLICT (user_name) DO UPDATE SET sealed_password = excluded.sealed_password, \
                         number = excluded.number, digests = excluded.digests, codecs = excluded.codecs, \
                         srtp = excluded.srtp, calls = excluded.calls, caller_id = excluded.caller_id, \
                         forward = excluded.forward, updated_at = excluded.updated_at",
                    )
                    .build()
                    .persistent(false)
                    .execute(&mut *all_or_none)
                    .await?;
                }
                all_or_none.commit().await
            }
            .await)
            .map_err(failed)
        }))
    }

    fn remove_endpoint(&self, user: String) -> Shelved<'_, bool> {
        Box::pin(self.within(PATIENCE, async move {
            const REMOVE: &str = "DELETE FROM endpoints WHERE user_name = $1";
            let removed = on_either!(&self.database, |pool: Kind| {
                sqlx::query(REMOVE).bind(&user).execute(pool).await.map(|done| done.rows_affected())
            });
            Ok(removed.map_err(failed)? == 1)
        }))
    }
}

impl Store {
    fn sealed(&self, row: EndpointRow) -> Result<Stored, ShelfError> {
        let sealed = self.seal.close(&row.user, &row.password);
        // What is as usual is not written, so that it goes on being so.
        let (calling, usual) = (row.calling, Calling::default());
        Ok(Stored {
            sealed_password: sealed.map_err(|cause| ShelfError::Away(Box::new(cause)))?,
            user_name: row.user,
            number: row.number,
            digests: row.digests.map(|digests| digests.to_string()),
            codecs: (calling.codecs != usual.codecs).then(|| Codec::write(&calling.codecs)),
            srtp: (calling.srtp != usual.srtp).then(|| calling.srtp.to_string()),
            calls: calling.calls.map(Into::into),
            caller_id: calling.caller_id.map(Into::into),
            forward: (calling.forward != usual.forward).then(|| calling.forward.to_string()),
            created_at: to_millis(row.created),
            updated_at: to_millis(row.updated),
        })
    }

    fn unsealed(&self, row: Stored) -> Result<EndpointRow, Unusable> {
        let password = self.seal.open(&row.user_name, &row.sealed_password)?;
        let digests = row.digests.map(|text| text.parse()).transpose()?;
        let usual = Calling::default();
        let count = |calls: i64| u32::try_from(calls).map_err(|_| Unusable::Count(calls));
        let calling = Calling {
            codecs: row.codecs.map(|text| Codec::read(&text)).transpose()?.unwrap_or(usual.codecs),
            srtp: row.srtp.map(|text| text.parse()).transpose()?.unwrap_or(usual.srtp),
            calls: row.calls.map(count).transpose()?,
            caller_id: row.caller_id.map(Into::into),
            forward: row.forward.map(|text| text.parse()).transpose()?.unwrap_or(usual.forward),
        };
        Ok(EndpointRow {
            password,
            digests,
            calling,
            user: row.user_name,
            number: row.number,
            created: from_millis(row.created_at),
            updated: from_millis(row.updated_at),
        })
    }
}
