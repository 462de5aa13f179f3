//! Values into a statement, and rows out of it.

use serde_json::{Map, Number, Value};
use sqlx::{
    Column, Decode, Encode, Postgres, Row, Sqlite, Type, TypeInfo, ValueRef,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, types::Oid},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::ForeignError;

/// Binds a value. What is neither a list nor a map was checked before.
pub(super) fn bind_sqlite<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    value: &'q Value,
) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Bool(bool) => query.bind(*bool),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => query.bind(whole),
            None => query.bind(number.as_f64()),
        },
        Value::String(text) => query.bind(text.as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => query.bind(None::<i64>),
    }
}

/// The same for PostgreSQL, where nothing has a type as well; the server finds which.
pub(super) fn bind_postgres<'q>(
    query: Query<'q, Postgres, PgArguments>,
    value: &'q Value,
) -> Query<'q, Postgres, PgArguments> {
    match value {
        Value::Bool(bool) => query.bind(*bool),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => query.bind(whole),
            None => query.bind(number.as_f64()),
        },
        Value::String(text) => query.bind(text.as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => query.bind(Nothing),
    }
}

/// NULL of whatever type the place for it has.
struct Nothing;

impl Type<Postgres> for Nothing {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Nothing {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// A row of SQLite, where each value has a type of its own. Bytes come as PostgreSQL tells them.
pub(super) fn of_sqlite(row: &SqliteRow) -> Result<Value, ForeignError> {
    let mut told = Map::new();
    for (index, column) in row.columns().iter().enumerate() {
        let value = row.try_get_raw(index)?;
        let kind = || ForeignError::Kind(column.name().to_owned());
        let name = value.type_info().name().to_owned();
        let value = match name.as_str() {
            _ if value.is_null() => Value::Null,
            "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map_err(|_| kind())?.into(),
            "REAL" => {
                let real = <f64 as Decode<Sqlite>>::decode(value).map_err(|_| kind())?;
                Number::from_f64(real).map(Value::Number).ok_or_else(kind)?
            }
            "TEXT" => <String as Decode<Sqlite>>::decode(value).map_err(|_| kind())?.into(),
            "BLOB" => {
                let bytes = <Vec<u8> as Decode<Sqlite>>::decode(value).map_err(|_| kind())?;
                format!("\\x{}", data_encoding::HEXLOWER.encode(&bytes)).into()
            }
            _ => return Err(kind()),
        };
        told.insert(column.name().to_owned(), value);
    }
    Ok(told.into())
}
