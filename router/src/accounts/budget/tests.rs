//! Budgets by themselves, in virtual time.

use super::*;

fn account(budget: u64) -> Arc<Account> {
    Arc::new(Account::new(MicroUsd(budget), None))
}

async fn reserve(account: &Arc<Account>, amount: u64) -> Result<Reservation, BudgetRefusal> {
    account.reserve(MicroUsd(amount), &CountReservations).await
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_lets_nobody_in() {
    let account = account(100);
    let reservation = reserve(&account, 500).await.expect("money is left, whatever a request may cost");
    account.spend(MicroUsd(100));
    drop(reservation);
    assert_eq!(reserve(&account, 1).await.unwrap_err(), BudgetRefusal::Exceeded { fresh_in: None });
}

#[tokio::test(start_paused = true)]
async fn a_request_in_doubt_waits_for_those_under_way() {
    for (cost, expected) in [(10, None), (100, Some(BudgetRefusal::Exceeded { fresh_in: None }))] {
        let account = account(100);
        let first = reserve(&account, 100).await.unwrap();
        let second = tokio::spawn({
            let account = Arc::clone(&account);
            async move { reserve(&account, 100).await.err() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        account.spend(MicroUsd(cost));
        drop(first);
        assert_eq!(second.await.unwrap(), expected, "cost {cost}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_bounded() {
    let account = account(100);
    let _first = reserve(&account, 100).await.unwrap();
    let begin = Instant::now();
    assert_eq!(reserve(&account, 1).await.unwrap_err(), BudgetRefusal::Reserved);
    assert_eq!(begin.elapsed(), LONGEST_DOUBT);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_overdraw_by_no_more_than_one_request() {
    let account = account(1_000);
    account.spend(MicroUsd(990));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let account = Arc::clone(&account);
        clients.spawn(async move {
            let Ok(reservation) = reserve(&account, 50).await else { return 0 };
            tokio::time::sleep(Duration::from_millis(1)).await;
            account.spend(MicroUsd(50));
            drop(reservation);
            1
        });
    }
    assert_eq!(clients.join_all().await.into_iter().sum::<i32>(), 1);
    let balance = account.standing(Instant::now()).balance;
    assert_eq!((balance.spent, balance.reserved), (MicroUsd(1_040), MicroUsd(0)));
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_fresh_again_on_time_and_once_and_no_spend_is_lost() {
    let (second, begin) = (Duration::from_secs(1), Instant::now());
    let account = Arc::new(Account::new(MicroUsd(100), Some(second)));
    let across = reserve(&account, 60).await.unwrap();
    account.spend(MicroUsd(100));
    let refused = reserve(&account, 1).await.unwrap_err();
    assert_eq!(refused, BudgetRefusal::Exceeded { fresh_in: Some(second) });
    tokio::time::sleep_until(begin + second).await;
    // What is under way is settled in the window in which it ends.
    account.spend(MicroUsd(60));
    drop(across);
    let balance = account.standing(Instant::now()).balance;
    assert_eq!((balance.spent, balance.reserved), (MicroUsd(60), MicroUsd(0)));
    tokio::time::sleep_until(begin + second * 2 - Duration::from_millis(2)).await;
    assert_eq!(account.standing(Instant::now()).balance.spent, MicroUsd(60), "not before its time");
    tokio::time::sleep_until(begin + second * 7 / 2).await;
    account.spend(MicroUsd(1));
    assert_eq!(account.standing(Instant::now()).balance.spent, MicroUsd(1));
    tokio::time::sleep_until(begin + second * 4).await;
    assert_eq!(
        account.standing(Instant::now()).balance.spent,
        MicroUsd(0),
        "windows that nobody used count, too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_in_doubt_gets_its_answer_when_the_budget_is_fresh() {
    let second = Duration::from_secs(1);
    let account = Arc::new(Account::new(MicroUsd(100), Some(second)));
    account.spend(MicroUsd(50));
    let _under_way = reserve(&account, 50).await.unwrap();
    let begin = Instant::now();
    assert!(reserve(&account, 10).await.is_ok());
    assert_eq!(begin.elapsed(), second);
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_before_a_restart_counts_on() {
    let kept =
        |spent, window| KeptBalance { tenant: "acme".to_owned(), spent: MicroUsd(spent), turn: 7, window };
    let account = Arc::new(Account::following(&kept(100, None)));
    account.adjust(MicroUsd(100), None);
    assert!(reserve(&account, 1).await.is_err());
    assert_eq!(account.spend(MicroUsd(1)), Spent { turn: 7, window: None });
    let hour = Duration::from_secs(3_600);
    for (age, turn, is_let_in) in [(hour / 2, 7, false), (hour * 3 / 2, 8, true)] {
        let begin = std::time::SystemTime::now() - age;
        let window = Some(BudgetWindow { begin, length: hour });
        let account = Arc::new(Account::following(&kept(100, window)));
        account.adjust(MicroUsd(100), Some(hour));
        assert_eq!(reserve(&account, 1).await.is_ok(), is_let_in, "{age:?}");
        assert_eq!(account.spend(MicroUsd(1)).turn, turn, "{age:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn new_settings_leave_what_was_spent() {
    let account = account(100);
    account.spend(MicroUsd(100));
    account.adjust(MicroUsd(150), None);
    assert!(reserve(&account, 1).await.is_ok());
    account.adjust(MicroUsd(90), None);
    assert!(reserve(&account, 1).await.is_err());
}
