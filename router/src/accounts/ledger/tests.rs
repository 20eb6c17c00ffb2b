//! The ledger by itself: what is listed, what a file keeps, and which files are refused.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::*;
use crate::accounts::{BudgetWindow, KeptBalance, MicroUsd, Spent, Tokens};

/// Nothing here takes longer unless it hangs.
const SOON: Duration = Duration::from_secs(10);

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("router-ledger-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // One of an earlier process of the same number.
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    fn open(&self) -> (Ledger, Vec<KeptBalance>) {
        Ledger::open(LedgerPlace::File(self.file()), false).unwrap()
    }

    #[track_caller]
    fn refused(&self) -> String {
        Ledger::open(LedgerPlace::File(self.file()), false).unwrap_err().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that is left behind is only untidy.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn in_memory() -> Ledger {
    Ledger::open(LedgerPlace::Memory, false).unwrap().0
}

fn row(tenant: &str, model: &str) -> Row {
    Row {
        id: "req-1".to_owned(),
        kind: RowKind::Exchange,
        at: UNIX_EPOCH,
        tenant: Some(tenant.to_owned()),
        model: model.to_owned(),
        provider: "p".to_owned(),
        provider_model: "m".to_owned(),
        key: None,
        key_fingerprint: None,
        status: Some(200),
        stream: false,
        attempts: 1,
        tokens: Tokens::default(),
        cost: Some(MicroUsd(7)),
        state: RowState::Settled,
        caller_id: None,
        end_user: None,
        tags: Vec::new(),
        prompt_end: None,
    }
}

async fn page(ledger: &Ledger, query: Query) -> Page {
    ledger.page(query).await.unwrap()
}

fn numbers(page: &Page) -> (Vec<u64>, Option<u64>) {
    (page.rows.iter().map(|row| row.number).collect(), page.next)
}

fn all() -> Query {
    Query { limit: 1_000, ..Query::default() }
}

#[tokio::test]
async fn rows_come_in_pages_and_by_what_is_asked_for() {
    let folder = Folder::new();
    for ledger in [in_memory(), folder.open().0] {
        for at in 0..5 {
            let row = row(if at % 2 == 0 { "acme" } else { "globex" }, if at < 3 { "a" } else { "b" });
            let provider = if at == 4 { "q" } else { "p" };
            drop(ledger.record(Row { id: format!("r{at}"), provider: provider.to_owned(), ..row }, None));
        }
        let asked = async |text: &str, after, limit| {
            let mut query = Query { after, limit, ..Query::default() };
            for (name, value) in text.split_whitespace().filter_map(|pair| pair.split_once('=')) {
                let value = Some(value.to_owned());
                match name {
                    "tenant" => query.tenant = value,
                    "model" => query.model = value,
                    "provider" => query.provider = value,
                    _ => query.request_id = value,
                }
            }
            numbers(&page(&ledger, query).await)
        };
        assert_eq!(asked("", 0, 2).await, (vec![1, 2], Some(2)));
        assert_eq!(asked("", 2, 3).await, (vec![3, 4, 5], None));
        assert_eq!(asked("tenant=acme", 0, 2).await, (vec![1, 3], Some(3)));
        assert_eq!(asked("tenant=acme", 3, 2).await, (vec![5], None));
        assert_eq!(asked("tenant=acme model=b", 0, 9).await, (vec![5], None));
        assert_eq!(asked("provider=q", 0, 9).await, (vec![5], None));
        assert_eq!(asked("id=r1", 0, 9).await, (vec![2], None));
        assert_eq!(asked("id=r1 tenant=acme", 0, 9).await, (vec![], None));
        assert_eq!(asked("tenant=nobody", 0, 9).await, (vec![], None));
        assert_eq!(asked("", 99, 9).await, (vec![], None));
    }
}

#[tokio::test]
async fn rows_are_found_by_the_time_in_which_they_were_booked() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    for _ in 0..40 {
        drop(ledger.record(row("acme", "a"), None));
    }
    drop(page(&ledger, all()).await);
    drop(ledger);
    // Rows of a second each, with gaps where somebody has deleted some.
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .execute_batch("UPDATE ledger SET booked = number * 1000; DELETE FROM ledger WHERE number % 4 = 0")
        .unwrap();
    drop(connection);
    let (ledger, _) = folder.open();
    let at = |millis: Option<u64>| millis.map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
    for (since, until, expected) in [
        (None, Some(3_000), vec![1, 2]),
        (Some(3_000), Some(6_001), vec![3, 5, 6]),
        (Some(3_001), Some(5_000), vec![]),
        (Some(4_000), Some(4_000), vec![]),
        (Some(39_000), None, vec![39]),
        (Some(39_001), None, vec![]),
        (Some(0), Some(1_001), vec![1]),
        (Some(9_000), Some(5_000), vec![]),
    ] {
        let query = Query { since: at(since), until: at(until), ..all() };
        assert_eq!(numbers(&page(&ledger, query).await).0, expected, "{since:?} {until:?}");
    }
}

#[tokio::test]
async fn a_row_is_written_flat() {
    let ledger = in_memory();
    let whole = Row {
        kind: RowKind::FailedAttempt,
        tokens: Tokens { input: 1, cache_read: 2, cache_write: 3, output: 4, reasoning: 5 },
        tags: vec!["a".to_owned(), "\"b\"".to_owned()],
        state: RowState::Left,
        ..row("acme", "a")
    };
    ledger.record(whole, None).kept().await;
    let told = serde_json::to_value(page(&ledger, Query { limit: 1, ..Query::default() }).await).unwrap();
    let row = &told["rows"][0];
    assert_eq!((row["number"].as_u64(), row["cost"].as_u64()), (Some(1), Some(7)));
    assert_eq!(
        (row["at"].as_str(), row["state"].as_str(), row["kind"].as_str()),
        (Some("1970-01-01T00:00:00.000Z"), Some("left"), Some("failed_attempt"))
    );
    assert_eq!(
        row["tokens"],
        serde_json::json!({ "input": 1, "cache_read": 2, "cache_write": 3, "output": 4, "reasoning": 5 })
    );
    assert_eq!(row["tags"], serde_json::json!(["a", "\"b\""]));
    assert!(row["booked"].as_str().unwrap() > "2020" && row["caller_id"].is_null());
    assert!(told["next"].is_null() && told["waiting"] == 0);
}

#[tokio::test]
async fn amounts_beyond_what_a_file_holds_stay_at_its_bound() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    let huge = Row { cost: Some(MicroUsd(u64::MAX)), ..row("acme", "a") };
    for _ in 0..2 {
        drop(ledger.record(huge.clone(), Some(Spent { turn: 0, window: None })));
        assert_eq!(page(&ledger, all()).await.waiting, 0, "each in a batch of its own");
    }
    let most = MicroUsd(i64::MAX.unsigned_abs());
    assert_eq!(page(&ledger, all()).await.rows[1].row.cost, Some(most));
    drop(ledger);
    assert_eq!(folder.open().1[0].spent, most);
}

#[tokio::test]
async fn in_memory_the_oldest_rows_make_room() {
    let ledger = in_memory();
    for _ in 0..3 {
        for _ in 0..40_000 {
            drop(ledger.record(row("acme", "a"), None));
        }
        while page(&ledger, Query { limit: 1, ..Query::default() }).await.waiting > 0 {}
    }
    let first = page(&ledger, Query { limit: 1, ..Query::default() }).await;
    assert_eq!(first.rows[0].number, 20_001);
    assert_eq!(ledger.standing().lost, 0);
}

#[tokio::test]
async fn a_file_keeps_its_rows_and_what_was_spent_in_the_latest_turn() {
    let folder = Folder::new();
    let window =
        Some(BudgetWindow { begin: UNIX_EPOCH + Duration::from_secs(5), length: Duration::from_secs(3) });
    let booked = [
        ("acme", Some(Spent { turn: 0, window: None })),
        ("acme", Some(Spent { turn: 0, window: None })),
        ("globex", Some(Spent { turn: 3, window: None })),
        ("globex", Some(Spent { turn: 4, window })),
        // Of a turn that is over: it came late.
        ("globex", Some(Spent { turn: 3, window: None })),
        ("globex", Some(Spent { turn: 4, window })),
        ("nobody", None),
    ];
    for round in 0..2u64 {
        let (ledger, _) = folder.open();
        for (tenant, spent) in booked {
            drop(ledger.record(row(tenant, "a"), spent));
        }
        drop(ledger);
        let (ledger, balances) = folder.open();
        let rows = page(&ledger, all()).await;
        assert_eq!(rows.rows.len(), booked.len() * usize::try_from(round + 1).unwrap());
        let spent = |times: u64| MicroUsd(7 * times * (round + 1));
        let kept = |tenant: &str, times, turn, window| KeptBalance {
            tenant: tenant.to_owned(),
            spent: spent(times),
            turn,
            window,
        };
        assert_eq!(balances, [kept("acme", 2, 0, None), kept("globex", 2, 4, window)]);
    }
}

#[tokio::test]
async fn a_receipt_is_over_when_the_row_is_in_the_file() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    let connection = Connection::open(folder.file()).unwrap();
    for count in 1..=20u32 {
        ledger.record(row("acme", "a"), None).kept().await;
        let found: u32 = connection.query_row("SELECT count(*) FROM ledger", (), |row| row.get(0)).unwrap();
        assert_eq!(found, count);
    }
    assert_eq!(ledger.standing().unconfirmed, 0);
}

#[tokio::test]
async fn while_it_cannot_be_written_rows_wait_and_nobody_waits_for_them() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begin = Instant::now();
    for _ in 0..100 {
        ledger.record(row("acme", "a"), None).kept().await;
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "only the first one waited");
    let standing = ledger.standing();
    assert_eq!((standing.word(), standing.waiting, standing.unconfirmed), ("behind", 100, 1));
    until(|| ledger.standing().word() == "failing").await;
    assert!(ledger.standing().problem.unwrap().contains("locked"));
    assert_eq!(page(&ledger, all()).await.rows.len(), 0, "a listing goes on, and does not wait for ever");
    other.execute_batch("COMMIT").unwrap();
    until(|| ledger.standing().is_well()).await;
    let listed = page(&ledger, all()).await;
    assert_eq!((listed.rows.len(), listed.waiting, ledger.standing().lost), (100, 0, 0));
}

async fn until(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_ledger_that_is_dropped_while_it_cannot_be_written_does_not_hang() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    drop(ledger.record(row("acme", "a"), None));
    let begin = Instant::now();
    drop(ledger);
    assert!(begin.elapsed() < SOON);
}

#[test]
fn a_file_is_one_routers_alone_and_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let (first, _) = folder.open();
    assert!(folder.refused().contains("another router writes to the ledger"), "{}", folder.refused());
    for entry in std::fs::read_dir(&folder.0).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    drop(first);
    drop(folder.open());
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    for _ in 0..2_000 {
        drop(ledger.record(row("acme", "a"), None));
    }
    drop(ledger);
    let whole = std::fs::read(folder.file()).unwrap();
    assert!(whole.len() > 100_000);
    let mut holed = whole.clone();
    holed[40_000..80_000].fill(0xff);
    for damaged in [&whole[..whole.len() / 2], &holed, b"no database, but a text that somebody wrote in here"]
    {
        std::fs::write(folder.file(), damaged).unwrap();
        let refused = folder.refused();
        assert!(refused.contains("is damaged") && refused.contains("bring back a copy"), "{refused}");
        assert_eq!(std::fs::read(folder.file()).unwrap(), damaged);
    }
}

#[test]
fn a_file_of_another_program_or_of_a_later_version_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let change = |path: &Path, text: &str| Connection::open(path).unwrap().execute_batch(text).unwrap();
    change(&folder.file(), "PRAGMA user_version = 2");
    assert!(folder.refused().contains("of a later version of the router"), "{}", folder.refused());
    std::fs::remove_file(folder.file()).unwrap();
    change(&folder.file(), "CREATE TABLE accounts (name TEXT)");
    assert!(folder.refused().contains("is a database of another program"), "{}", folder.refused());
}

#[test]
fn a_file_that_another_program_has_locked_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(folder.refused().contains("another program has locked the ledger"), "{}", folder.refused());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_with_a_way_out() {
    let folder = Folder::new();
    let file = folder.file();
    std::fs::write(&file, "").unwrap();
    for place in [folder.0.join("not/there/ledger.db"), file.join("below-a-file.db"), folder.0.clone()] {
        let refused = Ledger::open(LedgerPlace::File(place.clone()), false).unwrap_err().to_string();
        assert!(refused.contains(&place.display().to_string()), "{refused}");
        assert!(refused.contains("cannot be") && refused.contains("`path: \":memory:\"`"), "{refused}");
    }
}

#[tokio::test]
async fn times_that_go_back_do_not_mix_up_the_order_of_rows() {
    let folder = Folder::new();
    let (ledger, _) = folder.open();
    ledger.record(row("acme", "a"), None).kept().await;
    drop(ledger);
    let later = SystemTime::now() + Duration::from_secs(3_600);
    let millis = later.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let change = format!("UPDATE ledger SET booked = {millis}");
    Connection::open(folder.file()).unwrap().execute_batch(&change).unwrap();
    let (ledger, _) = folder.open();
    ledger.record(row("acme", "a"), None).kept().await;
    let rows = page(&ledger, all()).await.rows;
    assert!(rows[0].booked <= rows[1].booked);
}
