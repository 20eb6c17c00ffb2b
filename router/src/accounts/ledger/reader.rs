//! Lists rows, while others are written.

use std::time::{Duration, Instant, SystemTime};

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension};

use super::batch::{COLUMNS, millis_of, row_of};
use super::file::{bounded, is_interrupted};
use super::place::Address;
use super::row::NumberedRow;
use super::{Query, Unlisted};

/// Where rows are read.
#[derive(Debug)]
pub(super) struct Reader(Address);

/// A listing that looks at too many rows is broken off, rather than keep the next one waiting.
const LONGEST: Duration = Duration::from_secs(5);

type Listed = (Vec<NumberedRow>, Option<u64>);

impl Reader {
    pub(super) fn new(address: Address) -> Self {
        Self(address)
    }

    /// The oldest rows that a query asks for, and what to ask for next.
    pub(super) fn page(&self, query: &Query) -> Result<Listed, Unlisted> {
        let begin = Instant::now();
        let _passing = self.0.pass();
        let mut connection = self.0.reading().map_err(Unlisted::Failed)?;
        bounded(&mut connection, move || begin.elapsed() > LONGEST, |connection| page(connection, query))
            .map_err(|error| match error {
                error if is_interrupted(&error) => Unlisted::TooLong,
                error => Unlisted::Failed(error),
            })
    }
}

fn page(connection: &Connection, query: &Query) -> rusqlite::Result<Listed> {
    // One look at the file, whatever is written meanwhile.
    let transaction = connection.unchecked_transaction()?;
    let mut after = i64::try_from(query.after).unwrap_or(i64::MAX);
    if let Some(since) = query.since {
        after = after.max(first_booked_since(connection, since)? - 1);
    }
    let before =
        query.until.map(|until| first_booked_since(connection, until)).transpose()?.unwrap_or(i64::MAX);
    let one_more = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut conditions = String::from("number > ? AND number < ?");
    let mut values: Vec<&dyn ToSql> = vec![&after, &before];
    // With a request's id at hand nothing else is worth an index, which a plus keeps SQLite from.
    let tenant = if query.request_id.is_some() { "+tenant" } else { "tenant" };
    for (column, wanted) in [
        ("id", &query.request_id),
        (tenant, &query.tenant),
        ("model", &query.model),
        ("provider", &query.provider),
    ] {
        if let Some(wanted) = wanted {
            conditions.push_str(&format!(" AND {column} = ?"));
            values.push(wanted);
        }
    }
    values.push(&one_more);
    let select = format!("SELECT {COLUMNS} FROM ledger WHERE {conditions} ORDER BY number LIMIT ?");
    let mut select = connection.prepare(&select)?;
    let found = select.query_map(values.as_slice(), row_of)?;
    let mut rows: Vec<NumberedRow> = found.collect::<rusqlite::Result<_>>()?;
    drop(select);
    transaction.finish()?;
    let next = (rows.len() > query.limit).then(|| {
        rows.truncate(query.limit);
        rows.last().map_or(query.after, |last| last.number)
    });
    Ok((rows, next))
}

/// The number of the first row that was booked then or later, or one above all. Rows are booked in the order of their
/// numbers, so a few looks are enough.
fn first_booked_since(connection: &Connection, time: SystemTime) -> rusqlite::Result<i64> {
    let time = millis_of(time);
    let highest: i64 =
        connection.query_row("SELECT coalesce(max(number), 0) FROM ledger", (), |row| row.get(0))?;
    let mut next =
        connection.prepare("SELECT number, booked FROM ledger WHERE number >= ? ORDER BY number LIMIT 1")?;
    // All rows below the first number are earlier, and none from the second on is.
    let (mut low, mut high) = (0, highest + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> =
            next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((number, booked)) if booked < time => low = number + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
