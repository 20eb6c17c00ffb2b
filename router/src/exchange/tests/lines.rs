//! Requests that wait in line for a key.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::pool::UseLimit;

static TWO_A_SECOND: [UseLimit; 1] =
    [UseLimit { requests: Some(2), tokens: None, per: Duration::from_secs(1) }];

/// Many requests at one moment to one key that may be used twice a second: what each is told, and when.
async fn told_to_many(count: usize, queue: Option<QueueSettings>) -> Vec<(String, u128)> {
    let mut world = World::new(1, 0, |_, _| ok());
    world.claim =
        Some(Claim { model: "chat", limits: &TWO_A_SECOND, headroom: None, predicts: None, most_tokens: 0 });
    world.queue = queue.map(Queue::new);
    let (world, begin) = (Arc::new(world), Instant::now());
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let world = Arc::clone(&world);
        clients.spawn(async move { (told(&world.ask().await), begin.elapsed().as_millis() / 100) });
    }
    let mut told = clients.join_all().await;
    told.sort();
    told
}

fn counted(told: &[(String, u128)], wanted: &str, tenths: std::ops::RangeInclusive<u128>) -> usize {
    told.iter().filter(|(word, at)| word == wanted && tenths.contains(at)).count()
}

#[tokio::test(start_paused = true)]
async fn so_many_wait_in_line_and_the_others_are_refused_at_once() {
    let wait = Duration::from_millis(1_500);
    let told = told_to_many(10, Some(QueueSettings { max: 3, wait })).await;
    assert_eq!(counted(&told, "success", 0..=0), 2, "{told:?}");
    assert_eq!(counted(&told, "QueueFull", 0..=0), 5, "{told:?}");
    assert_eq!(counted(&told, "success", 10..=12), 2, "{told:?}");
    // The third in line is told as soon as it is known that its time will not do.
    assert_eq!(counted(&told, "Limited", 10..=12), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_line_nobody_waits_and_nobody_waits_for_what_comes_too_late() {
    for queue in [None, Some(QueueSettings { max: 9, wait: Duration::from_millis(500) })] {
        let told = told_to_many(6, queue).await;
        assert_eq!((counted(&told, "success", 0..=0), counted(&told, "Limited", 0..=0)), (2, 4), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_in_line_is_served_in_time_and_those_who_leave_make_room() {
    let set = QueueSettings { max: 8, wait: Duration::from_secs(60) };
    let told = told_to_many(10, Some(set)).await;
    assert_eq!(counted(&told, "success", 0..=50), 10, "{told:?}");
    let mut world = World::new(1, 0, |_, _| ok());
    world.claim =
        Some(Claim { model: "chat", limits: &TWO_A_SECOND, headroom: None, predicts: None, most_tokens: 0 });
    world.queue = Some(Queue::new(QueueSettings { max: 1, ..set }));
    for _ in 0..2 {
        world.ask().await;
    }
    for _ in 0..3 {
        tokio::time::timeout(Duration::from_millis(100), world.ask()).await.unwrap_err();
    }
    assert_eq!(told_of(&world).await, "success");
}

async fn told_of<F: Fn(&str, Instant) -> Reply<()> + Send + Sync>(world: &World<F>) -> String {
    told(&world.ask().await)
}
