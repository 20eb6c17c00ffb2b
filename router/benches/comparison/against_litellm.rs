//! What the router's processor time for a request is to LiteLLM's.

use std::error::Error;

use crate::against_nginx::cpu_of_a_request;
use crate::client::Client;
use crate::rounds::{Table, within};
use crate::{peers, provider};

const ROUNDS: usize = 7;
const CONNECTIONS: usize = 50;
/// LiteLLM answers a few dozen requests a second, so it is asked less often; the clock counts hundredths of a second.
const REQUESTS_A_ROUND: [usize; 2] = [200, 20_000];
/// A twenty-fifth.
const MOST: f64 = 0.04;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let provider = provider::start()?;
    let proxies = [peers::litellm(provider)?, peers::router(provider)?];
    let client = Client::new()?;
    println!("Microseconds of processor time for a request, {CONNECTIONS} connections.\n");
    let table = Table::take(ROUNDS, ["LiteLLM", "router"], |column| {
        cpu_of_a_request(&client, &proxies[column], CONNECTIONS, REQUESTS_A_ROUND[column])
    })?;
    Ok(within("router / LiteLLM", table.median(|row| row[1] / row[0]), MOST))
}
