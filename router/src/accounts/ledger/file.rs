//! Opens a ledger: an empty file becomes one, and whatever is none, or cannot be trusted, is refused.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow};

use super::batch::{money_of, time_of};
use super::place::TakenPlace;
use super::{LedgerError, LedgerPlace};
use crate::accounts::{BudgetWindow, KeptBalance};
use crate::splitmix::Splitmix;

/// A ledger's file, ready to be written to.
pub(super) struct LedgerFile {
    pub(super) writing: Connection,
    pub(super) balances: Vec<KeptBalance>,
    /// Tells it from the ledgers of other routers.
    pub(super) identity: u64,
    pub(super) taken: TakenPlace,
}

/// Tells a ledger from databases of other programs: "STLG" in ASCII.
const APPLICATION: i32 = 0x5354_4c47;
const VERSION: i32 = 1;
/// How long the pages of an old file are looked at before it is trusted.
const CHECKED_FOR: Duration = Duration::from_secs(2);
/// So many steps of SQLite's engine pass between two looks at the clock.
const STEPS: i32 = 10_000;
/// At so many pages in the log, 64 MiB, whoever writes moves them into the file, which takes as long as the disk does. Before,
/// they are moved beside the writing, but under traffic without a gap the log is never all moved.
const PAGES_IN_LOG: i32 = 16_000;

const TABLES: &str = "
CREATE TABLE ledger (
    number INTEGER PRIMARY KEY,
    booked INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    tenant TEXT,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_model TEXT NOT NULL,
    key TEXT,
    key_fingerprint TEXT,
    status INTEGER,
    stream INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost INTEGER,
    state TEXT NOT NULL,
    caller_id TEXT,
    end_user TEXT,
    tags TEXT NOT NULL,
    prompt_end TEXT
) STRICT;
CREATE INDEX ledger_by_id ON ledger (id);
CREATE INDEX ledger_by_tenant ON ledger (tenant);
CREATE TABLE accounts (
    tenant TEXT PRIMARY KEY,
    spent INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    window_begin INTEGER,
    window_length INTEGER
) STRICT, WITHOUT ROWID;
";

/// Files of before it have no such table.
const IDENTITY: &str = "CREATE TABLE IF NOT EXISTS identity (number INTEGER NOT NULL) STRICT";

impl LedgerFile {
    /// Opens the ledger at a place. `flushes` says whether each batch is to survive the end of the machine as well.
    pub(super) fn open(place: &LedgerPlace, flushes: bool) -> Result<Self, LedgerError> {
        let taken = place.take()?;
        let wrong = |error: rusqlite::Error| LedgerError::of(place.shown(), &error);
        let mut writing = taken.address.writing().map_err(wrong)?;
        // Asked first, since nothing is to be changed in a file of somebody else's.
        let (application, version) = marks(&writing).map_err(wrong)?;
        let is_new = is_empty(&writing).map_err(wrong)?;
        match (application, version) {
            (0, 0) if is_new => {}
            (APPLICATION, VERSION) => check(&mut writing, place)?,
            (APPLICATION, _) => return Err(LedgerError::Later { place: place.shown() }),
            _ => return Err(LedgerError::Foreign { place: place.shown() }),
        }
        if *place != LedgerPlace::Memory {
            let mode: String =
                writing.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).map_err(wrong)?;
            if mode != "wal" {
                let problem =
                    "the file system does not let SQLite share memory, as some network drives".to_owned();
                return Err(LedgerError::Failed { place: place.shown(), problem });
            }
        }
        prepare(&mut writing, is_new, flushes).map_err(wrong)?;
        let balances = balances(&writing).map_err(wrong)?;
        let identity = identity(&writing).map_err(wrong)?;
        Ok(Self { writing, balances, identity, taken })
    }
}

fn marks(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let mark = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((mark("application_id")?, mark("user_version")?))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let first = connection.query_row("SELECT 1 FROM sqlite_schema", (), |_| Ok(())).optional()?;
    Ok(first.is_none())
}

/// Sets the connection up and proves that the file can be written, by making the tables or writing its mark again.
fn prepare(connection: &mut Connection, is_new: bool, flushes: bool) -> rusqlite::Result<()> {
    // Without flushes a batch is the system's to write down, which it does also when the router is killed.
    connection.pragma_update(None, "synchronous", if flushes { "FULL" } else { "NORMAL" })?;
    connection.pragma_update(None, "wal_autocheckpoint", PAGES_IN_LOG)?;
    let transaction = connection.transaction()?;
    if is_new {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
    }
    transaction.execute_batch(IDENTITY)?;
    let number = Splitmix::from_system().next().cast_signed();
    transaction
        .execute("INSERT INTO identity SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM identity)", [number])?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn identity(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT number FROM identity", (), |row| row.get(0).map(i64::cast_unsigned))
}

/// Looks through the pages of an old file, for as long as is bearable at a start.
fn check(connection: &mut Connection, place: &LedgerPlace) -> Result<(), LedgerError> {
    let begin = Instant::now();
    let found = bounded(
        connection,
        move || begin.elapsed() > CHECKED_FOR,
        |connection| connection.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0)),
    );
    match found {
        Ok(word) if word == "ok" => Ok(()),
        Ok(problem) => Err(LedgerError::Damaged { place: place.shown(), problem }),
        // No fault was found in the time that it has.
        Err(error) if is_interrupted(&error) => Ok(()),
        Err(error) => Err(LedgerError::of(place.shown(), &error)),
    }
}

/// Runs something that is broken off when it has had its time.
pub(super) fn bounded<T>(
    connection: &mut Connection,
    is_over: impl FnMut() -> bool + Send + 'static,
    run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.progress_handler(STEPS, Some(is_over))?;
    let done = run(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    done
}

pub(super) fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

fn balances(connection: &Connection) -> rusqlite::Result<Vec<KeptBalance>> {
    let mut select =
        connection.prepare("SELECT tenant, spent, turn, window_begin, window_length FROM accounts")?;
    let balance = |row: &SqlRow<'_>| {
        let (begin, length): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        let window = begin.zip(length).map(|(begin, length)| BudgetWindow {
            begin: time_of(begin),
            length: Duration::from_millis(length.unsigned_abs()),
        });
        let turn = row.get::<_, i64>(2)?.unsigned_abs();
        Ok(KeptBalance { tenant: row.get(0)?, spent: money_of(row.get(1)?), turn, window })
    };
    select.query_map((), balance)?.collect()
}
