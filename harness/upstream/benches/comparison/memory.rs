//! Whether the memory of a simulated provider grows with the requests and the connections that it has had.

use std::error::Error;
use std::fs;

use scenario::Reply;

use crate::load::{Load, connect};
use crate::server::Server;
use crate::simulator::{Drain, simulator};

const FEW: u32 = 20_000;
const MANY: u32 = 200_000;
const FEW_CONNECTIONS: u32 = 1_000;
const MANY_CONNECTIONS: u32 = 10_000;
/// So much more may be in use after many than after few: less than eight bytes for each request.
const LIMIT: u64 = 1_024;

pub(crate) fn compare() -> Result<bool, Box<dyn Error>> {
    let server = Server::start(|ready| simulator(Drain::Looking, Reply::normal(), ready))?;
    let mut load = Load::open(&server)?;
    println!("KiB of memory in use by the process; limit of the growth: {LIMIT} KiB\n");
    println!("| after | requests | connections |\n|---|---|---|");
    load.send(FEW)?;
    let few = in_use()?;
    load.send(MANY - FEW)?;
    let many = in_use()?;
    open_and_close(&server, FEW_CONNECTIONS)?;
    let few_connections = in_use()?;
    open_and_close(&server, MANY_CONNECTIONS - FEW_CONNECTIONS)?;
    let many_connections = in_use()?;
    println!("| {FEW} requests, {FEW_CONNECTIONS} connections | {few} | {few_connections} |");
    println!("| {MANY} requests, {MANY_CONNECTIONS} connections | {many} | {many_connections} |\n");
    let kept = [(few, many), (few_connections, many_connections)]
        .into_iter()
        .all(|(few, many)| many.saturating_sub(few) <= LIMIT);
    println!("growth: {}", if kept { "within the limit" } else { "BROKEN" });
    Ok(kept)
}

/// Opens connections, sends a request on each, and closes them: some with the reply read, some before it has come.
fn open_and_close(server: &Server, connections: u32) -> Result<(), Box<dyn Error>> {
    for number in 0..connections {
        if number % 10 == 0 {
            let mut left = connect(&server.ready)?;
            std::io::Write::write_all(&mut left, b"POST /v1/chat/completions HTTP/1.1\r\ncontent-le")?;
            continue;
        }
        Load::open_so_many(server, 1)?.send(1)?;
    }
    Ok(())
}

/// What the process has in its memory, in KiB.
fn in_use() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
