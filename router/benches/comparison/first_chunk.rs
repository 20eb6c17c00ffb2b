//! What the router adds to the time until a stream's first word has come.

use std::error::Error;

use crate::client::{Client, request};
use crate::rounds::{Table, median, within};
use crate::{peers, provider};

const ROUNDS: usize = 21;
const STREAMS_A_ROUND: usize = 100;
/// How long a stream goes on behind its first word.
const MILLIS: u32 = 2;
/// Microseconds.
const MOST: f64 = 1_000.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let provider = provider::start()?;
    let (router, with_books) = (peers::router(provider)?, peers::router_with_books(provider)?);
    let client = Client::new()?;
    let request = request(Some(MILLIS));
    let addresses = [provider, router.address, with_books.address];
    println!(
        "Microseconds until the first word at the median, {STREAMS_A_ROUND} streams a round, one after the other.\n"
    );
    let table = Table::take(ROUNDS, ["provider", "router", "router with books"], |column| {
        let mut connection = client.open(addresses[column])?;
        let took = (0..STREAMS_A_ROUND).map(|_| client.first_chunk(&mut connection, &request));
        let took = took.collect::<Result<Vec<_>, _>>()?;
        Ok(median(took.into_iter().map(|took| took.as_secs_f64() * 1e6).collect()))
    })?;
    let added = [1, 2].map(|column| table.median(|row| row[column] - row[0]));
    let kept = within("microseconds added by the router", added[0], MOST);
    Ok(within("microseconds added by the router with books", added[1], MOST) && kept)
}
