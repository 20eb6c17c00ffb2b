//! What the router has in its memory while thousands of streams are open.

use std::error::Error;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::Client;
use crate::memory::mebibytes;
use crate::rounds::within;
use crate::{peers, provider};

const STREAMS: usize = 4_000;
/// Each stream has two connections; this program holds one end of both, and the router the others.
const FILES: u64 = 2 * 4_000 + 200;
/// How long a stream stays open, far beyond the measurement.
const MILLIS: u32 = 600_000;
/// MiB.
const MOST: f64 = 300.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < FILES) {
        return Err(format!("{FILES} files must be open at once: raise the limit with `ulimit -Hn`").into());
    }
    // What is started from here on has this limit, too.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    let provider = provider::start()?;
    let client = Client::new()?;
    println!("MiB in the router's memory.\n");
    println!("| | at rest | with {STREAMS} open streams |\n|---|---|---|");
    let mut kept = Vec::new();
    let routers =
        [("router", peers::router(provider)?), ("router with books", peers::router_with_books(provider)?)];
    for (name, router) in routers {
        let at_rest = mebibytes(&router)?;
        let streams = client.open_streams(router.address, STREAMS, MILLIS)?;
        let open = mebibytes(&router)?;
        println!("| {name} | {at_rest:.1} | {open:.1} |");
        kept.push((name, open));
        drop(streams);
    }
    println!();
    Ok(kept
        .into_iter()
        .map(|(name, open)| within(format!("MiB of the {name}"), open, MOST))
        .fold(true, |all, one| all & one))
}
