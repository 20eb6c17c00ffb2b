//! A use of a key, counted against its limits at all routers that share.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::Script;

use crate::pool::UseLimit;
use crate::shared::{Link, PREFIX, Told};

static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("use.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));

/// A use whose tokens are not known yet.
#[derive(Debug)]
pub(super) struct SharedUse {
    link: Arc<Link>,
    /// Where the tokens of each window stand.
    tokens: Vec<String>,
    id: String,
}

impl SharedUse {
    /// Counts one more use of a key, or tells when there is room for it.
    pub(super) async fn begin(
        link: &Arc<Link>,
        key: &str,
        limits: &[UseLimit],
        tokens: u64,
    ) -> Told<Result<Self, Duration>> {
        let id = link.number();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut script = BEGIN.prepare_invoke();
        script.arg(&id).arg(tokens);
        let mut held = Vec::with_capacity(limits.len());
        for limit in limits {
            let of = |limit: Option<u64>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
            let (requests, tokens) = (of(limit.requests), of(limit.tokens));
            let window = format!("{PREFIX}uses:{key}:{}:{requests}:{tokens}", millis(limit.per));
            held.push(format!("{window}:tokens"));
            script.key(format!("{window}:ends")).key(&held[held.len() - 1]);
            script.arg(requests).arg(tokens).arg(millis(limit.counts_for()));
        }
        match link.call::<u64>(&script).await {
            Told::This(0) => Told::This(Ok(Self { link: Arc::clone(link), tokens: held, id })),
            Told::This(wait) => Told::This(Err(Duration::from_millis(wait))),
            Told::Nothing => Told::Nothing,
        }
    }

    /// Tells what it came to. Nobody waits for that.
    pub(super) fn settle(self, tokens: u64) {
        tokio::spawn(async move {
            let mut script = SETTLE.prepare_invoke();
            for held in &self.tokens {
                script.key(held);
            }
            script.arg(&self.id).arg(tokens);
            // Untold, what was set aside counts until it leaves the window.
            let _told = self.link.call_beside::<u64>(&script).await;
        });
    }
}
