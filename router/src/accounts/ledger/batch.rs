//! Writes rows into the file, a batch at a time: all of it is in, or none.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ToSql;
use rusqlite::{Connection, Statement, named_params, params};

use super::handle::Entry;
use super::row::{NumberedRow, Row};
use super::{RowKind, RowState};
use crate::accounts::{BudgetWindow, MicroUsd, Tokens};

/// The statements of a connection that writes.
pub(super) struct BatchWriter<'c> {
    connection: &'c Connection,
    insert: Statement<'c>,
    spend: Statement<'c>,
    make_room: Statement<'c>,
    /// The latest time of any row, so that a clock that is set back does not mix up their order.
    booked: i64,
    /// So many rows there is room for. Absent: for all.
    most_rows: Option<i64>,
}

const INSERT: &str = "
INSERT INTO ledger (
    booked, id, kind, at, tenant, model, provider, provider_model, key, key_fingerprint, status, stream, attempts,
    input, cache_read, cache_write, output, reasoning, cost, state, caller_id, end_user, tags, prompt_end
) VALUES (
    :booked, :id, :kind, :at, :tenant, :model, :provider, :provider_model, :key, :key_fingerprint, :status, :stream,
    :attempts, :input, :cache_read, :cache_write, :output, :reasoning, :cost, :state, :caller_id, :end_user, :tags,
    :prompt_end
)";

/// What is spent in an earlier turn than the file knows of was spent of a budget that is over.
const SPEND: &str = "
INSERT INTO accounts (tenant, spent, turn, window_begin, window_length) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (tenant) DO UPDATE SET
    spent = excluded.spent + CASE
        WHEN excluded.turn > turn THEN 0
        ELSE min(spent, 9223372036854775807 - excluded.spent)
    END,
    turn = excluded.turn,
    window_begin = excluded.window_begin,
    window_length = excluded.window_length
WHERE excluded.turn >= turn";

impl<'c> BatchWriter<'c> {
    pub(super) fn new(connection: &'c Connection, most_rows: Option<i64>) -> rusqlite::Result<Self> {
        let latest =
            "SELECT coalesce(max(booked), 0) FROM ledger WHERE number = (SELECT max(number) FROM ledger)";
        Ok(Self {
            connection,
            insert: connection.prepare(INSERT)?,
            spend: connection.prepare(SPEND)?,
            make_room: connection.prepare("DELETE FROM ledger WHERE number <= ?1")?,
            booked: connection.query_row(latest, (), |row| row.get(0))?,
            most_rows,
        })
    }

    pub(super) fn write(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        // Given back by its drop when a step fails.
        let transaction = self.connection.unchecked_transaction()?;
        self.booked = self.booked.max(millis_of(SystemTime::now()));
        for entry in entries {
            insert(&mut self.insert, self.booked, &entry.row)?;
        }
        for ((tenant, turn), (spent, window)) in spent(entries) {
            let begin = window.map(|window| millis_of(window.begin));
            let length = window.map(|window| i64::try_from(window.length.as_millis()).unwrap_or(i64::MAX));
            self.spend.execute(params![tenant, count(spent.0), count(turn), begin, length])?;
        }
        if let Some(most) = self.most_rows {
            self.make_room.execute([self.connection.last_insert_rowid() - most])?;
        }
        transaction.commit()
    }
}

type Spent<'e> = BTreeMap<(&'e str, u64), (MicroUsd, Option<BudgetWindow>)>;

/// What the rows come to, by the tenant and the turn of its budget.
fn spent(entries: &[Entry]) -> Spent<'_> {
    let mut sums = Spent::new();
    for entry in entries {
        let (Some(spent), Some(tenant), Some(cost)) = (&entry.spent, &entry.row.tenant, entry.row.cost)
        else {
            continue;
        };
        let sum = sums.entry((tenant, spent.turn)).or_default();
        *sum = (sum.0.plus(cost), spent.window);
    }
    sums
}

fn insert(statement: &mut Statement<'_>, booked: i64, row: &Row) -> rusqlite::Result<usize> {
    let Tokens { input, cache_read, cache_write, output, reasoning } = row.tokens;
    // Most requests have none.
    let tags: &dyn ToSql = match row.tags.as_slice() {
        [] => &"[]",
        tags => &serde_json::to_string(tags).unwrap_or_default(),
    };
    statement.execute(named_params! {
        ":booked": booked,
        ":id": row.id,
        ":kind": row.kind.word(),
        ":at": millis_of(row.at),
        ":tenant": row.tenant,
        ":model": row.model,
        ":provider": row.provider,
        ":provider_model": row.provider_model,
        ":key": row.key,
        ":key_fingerprint": row.key_fingerprint,
        ":status": row.status,
        ":stream": row.stream,
        ":attempts": row.attempts,
        ":input": count(input),
        ":cache_read": count(cache_read),
        ":cache_write": count(cache_write),
        ":output": count(output),
        ":reasoning": count(reasoning),
        ":cost": row.cost.map(|cost| count(cost.0)),
        ":state": row.state.word(),
        ":caller_id": row.caller_id,
        ":end_user": row.end_user,
        ":tags": tags,
        ":prompt_end": row.prompt_end,
    })
}

/// The columns of a row as they are listed.
pub(super) const COLUMNS: &str = "number, booked, id, kind, at, tenant, model, provider, provider_model, key, \
     key_fingerprint, status, stream, attempts, input, cache_read, cache_write, output, reasoning, cost, state, \
     caller_id, end_user, tags, prompt_end";

/// Reads back what was written.
pub(super) fn row_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<NumberedRow> {
    let number = |name: &str| row.get::<_, i64>(name).map(i64::unsigned_abs);
    let word = |name: &str| row.get::<_, String>(name);
    let tokens = Tokens {
        input: number("input")?,
        cache_read: number("cache_read")?,
        cache_write: number("cache_write")?,
        output: number("output")?,
        reasoning: number("reasoning")?,
    };
    Ok(NumberedRow {
        number: number("number")?,
        booked: time_of(row.get("booked")?),
        row: Row {
            id: row.get("id")?,
            // Another program may have changed what it should not; then the words say the least.
            kind: RowKind::of_word(&word("kind")?).unwrap_or(RowKind::Exchange),
            at: time_of(row.get("at")?),
            tenant: row.get("tenant")?,
            model: row.get("model")?,
            provider: row.get("provider")?,
            provider_model: row.get("provider_model")?,
            key: row.get("key")?,
            key_fingerprint: row.get("key_fingerprint")?,
            status: row.get("status")?,
            stream: row.get("stream")?,
            attempts: row.get("attempts")?,
            tokens,
            cost: row.get::<_, Option<i64>>("cost")?.map(money_of),
            state: RowState::of_word(&word("state")?).unwrap_or(RowState::Unknown),
            caller_id: row.get("caller_id")?,
            end_user: row.get("end_user")?,
            tags: serde_json::from_str(&word("tags")?).unwrap_or_default(),
            prompt_end: row.get("prompt_end")?,
        },
    })
}

/// A count as SQLite keeps it. No sum of money or tokens that is real comes near the bound.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn money_of(micros: i64) -> MicroUsd {
    MicroUsd(micros.unsigned_abs())
}

/// A time in milliseconds of the era, which is what the file keeps.
pub(super) fn millis_of(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn time_of(millis: i64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.unsigned_abs())).unwrap_or(UNIX_EPOCH)
}
