//! What the journal and the rules cost: processor time for each request of a simulated provider, against a bare hyper server
//! that reads the same body and writes the same bytes.

use std::error::Error;

use scenario::Reply;

use crate::bare::bare;
use crate::load::{Load, sample_reply};
use crate::rounds::Rounds;
use crate::server::Server;
use crate::simulator::{Drain, simulator};

const ROUNDS: usize = 15;
const REQUESTS_A_ROUND: u32 = 32_000;
const LIMIT: f64 = 1.3;

pub(crate) fn compare() -> Result<bool, Box<dyn Error>> {
    let looked_at = Server::start(|ready| simulator(Drain::Looking, Reply::normal(), ready))?;
    let waited_for = Server::start(|ready| simulator(Drain::Waiting, Reply::normal(), ready))?;
    let (length, reply) = sample_reply(&looked_at)?;
    let servers = [Server::start(move |ready| bare(reply, ready))?, looked_at, waited_for];
    let mut loads = servers.iter().map(Load::open).collect::<Result<Vec<_>, _>>()?;
    println!("Microseconds of processor time for a request with a reply of {length} bytes.");
    println!("A: rows drained every 2 ms, as in a run; B: rows waited for.\n");
    let rounds = Rounds::run(ROUNDS, ["bare", "simulator A", "simulator B"], |index| {
        loads[index].cost(&servers[index], REQUESTS_A_ROUND)
    })?;
    rounds.tell("simulator B / bare", (2, 0), None);
    Ok(rounds.tell("simulator A / bare", (1, 0), Some(LIMIT)))
}
