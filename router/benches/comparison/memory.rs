//! What the router has in its memory after many requests, and whether that grows with more of them.

use std::error::Error;

use crate::client::Client;
use crate::process::Process;
use crate::rounds::within;
use crate::{peers, provider};

const CONNECTIONS: usize = 50;
const REQUESTS: usize = 100_000;
/// What is asked beyond, in which the memory should not grow.
const MORE: usize = 200_000;
/// MiB.
const MOST: f64 = 50.0;
/// MiB: some five bytes for each request beyond.
const MOST_GROWTH: f64 = 1.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let provider = provider::start()?;
    let client = Client::new()?;
    println!("MiB in the router's memory.\n");
    println!("| | at rest | after {REQUESTS} requests | after {MORE} more |\n|---|---|---|---|");
    let plain = grown(&client, "router", &peers::router(provider)?)?;
    let with_books = grown(&client, "router with books", &peers::router_with_books(provider)?)?;
    println!();
    let mut kept = true;
    for (name, [many, more]) in [("router", plain), ("router with books", with_books)] {
        kept &= within(format!("MiB of the {name} after {REQUESTS} requests"), many, MOST);
        kept &= within(format!("MiB by which the {name} grew in {MORE} more"), more - many, MOST_GROWTH);
    }
    Ok(kept)
}

fn grown(client: &Client, name: &str, router: &Process) -> Result<[f64; 2], Box<dyn Error>> {
    let at_rest = mebibytes(router)?;
    let mut crowd = client.connect(router.address, CONNECTIONS)?;
    crowd.ask(REQUESTS)?;
    let many = mebibytes(router)?;
    crowd.ask(MORE)?;
    let more = mebibytes(router)?;
    println!("| {name} | {at_rest:.1} | {many:.1} | {more:.1} |");
    Ok([many, more])
}

/// What a program has in its memory.
pub(crate) fn mebibytes(process: &Process) -> Result<f64, Box<dyn Error>> {
    Ok(f64::from(u32::try_from(process.memory()?)?) / 1_024.0)
}
