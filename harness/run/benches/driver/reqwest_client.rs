//! A plain client on reqwest, as somebody writes it who measures streams: a task for each, and the clock started in it.

use std::error::Error;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::driver::unmarked;
use crate::task::{Drove, Task, Traffic};

const CONTENT: &[u8] = br#""content":""#;

/// Reads so many streams at once.
pub(crate) fn drive(task: &Task) -> Result<Drove, Box<dyn Error>> {
    let Traffic::Streams(streams) = task.traffic else { return Err("it reads streams alone".into()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let url = format!("http://{}{}", task.to, task.path);
    let first_contents = runtime.block_on(async {
        let client = reqwest::Client::builder().tcp_nodelay(true).build()?;
        let mut reading = JoinSet::new();
        for _ in 0..streams {
            reading.spawn(read(client.clone(), url.clone()));
        }
        let mut told = Vec::new();
        while let Some(read) = reading.join_next().await {
            told.extend(read??);
        }
        Ok::<_, Box<dyn Error>>(told)
    })?;
    let (cpu_us, peak_kib, figures, folder, evidence, achieved) = (0.0, 0, None, None, 0, None);
    Ok(Drove { requests: streams, cpu_us, peak_kib, figures, folder, evidence, achieved, first_contents })
}

/// Reads one stream to its end, and tells when its first content came. It looks for that alone: no event is parsed.
async fn read(client: reqwest::Client, url: String) -> Result<Option<f64>, reqwest::Error> {
    let began = Instant::now();
    let mut response = client.get(url).header("x-request", unmarked()).send().await?.error_for_status()?;
    let mut first = None;
    while let Some(chunk) = response.chunk().await? {
        if first.is_none() && chunk.windows(CONTENT.len()).any(|window| window == CONTENT) {
            first = Some(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(first)
}
