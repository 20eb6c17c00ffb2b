//! What the router adds to a request, beside what nginx adds as a plain reverse proxy in front of the same provider.

use std::error::Error;

use crate::client::Client;
use crate::process::Process;
use crate::rounds::{Table, median, within};
use crate::{peers, provider};

const LATENCY_ROUNDS: usize = 31;
const REQUESTS_A_ROUND: usize = 500;
const CPU_ROUNDS: usize = 11;
const CPU_REQUESTS_A_ROUND: usize = 20_000;
const CONNECTIONS: usize = 50;
/// What the router adds may be so many times what nginx adds, in latency and in processor time.
const MOST: f64 = 3.0;

pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let provider = provider::start()?;
    let (nginx, router) = (peers::nginx(provider)?, peers::router(provider)?);
    let with_books = peers::router_with_books(provider)?;
    let client = Client::new()?;

    println!(
        "Microseconds of a request at the median, one connection, {REQUESTS_A_ROUND} requests a round.\n"
    );
    let addresses = [provider, nginx.address, router.address, with_books.address];
    let table =
        Table::take(LATENCY_ROUNDS, ["provider", "nginx", "router", "router with books"], |column| {
            let took = client.connect(addresses[column], 1)?.ask(REQUESTS_A_ROUND)?;
            Ok(median(took.into_iter().map(|took| took.as_secs_f64() * 1e6).collect()))
        })?;
    let added = |column: usize| table.median(|row| row[column] - row[0]);
    println!("added: nginx {:.1}, router {:.1}, with books {:.1}", added(1), added(2), added(3));
    let ratio = |of: usize| table.median(|row| (row[of] - row[0]) / (row[1] - row[0]));
    let mut kept = within("added by the router / added by nginx", ratio(2), MOST);
    println!("with books: {:.2}\n", ratio(3));

    println!(
        "Microseconds of processor time for a request, {CONNECTIONS} connections, {CPU_REQUESTS_A_ROUND} requests a round.\n"
    );
    let proxies = [&nginx, &router, &with_books];
    let table = Table::take(CPU_ROUNDS, ["nginx", "router", "router with books"], |column| {
        cpu_of_a_request(&client, proxies[column], CONNECTIONS, CPU_REQUESTS_A_ROUND)
    })?;
    kept &= within("router / nginx", table.median(|row| row[1] / row[0]), MOST);
    println!("with books: {:.2}", table.median(|row| row[2] / row[0]));
    Ok(kept)
}

/// The microseconds of its own time that a proxy spends on a request.
pub(crate) fn cpu_of_a_request(
    client: &Client,
    proxy: &Process,
    connections: usize,
    requests: usize,
) -> Result<f64, Box<dyn Error>> {
    let mut crowd = client.connect(proxy.address, connections)?;
    let before = proxy.time()?;
    let answered = crowd.ask(requests)?.len();
    let spent = proxy.time()? - before;
    Ok(spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(answered)?))
}
