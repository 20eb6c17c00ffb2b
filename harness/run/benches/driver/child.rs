//! The processes that take turns: each is this program again, in a role, with its task as an argument.

use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::task::{Drove, Task};
use crate::{driver, paced, process, reqwest_client};

/// Takes a role, in a process that was started for it.
pub(crate) fn be(role: &str, task: &str) -> Result<(), Box<dyn Error>> {
    let drove = match role {
        "server" => return paced::serve(),
        "driver" => driver::drive(&serde_json::from_str(task)?)?,
        "driver-with-provider" => driver::drive_with_provider(&serde_json::from_str(task)?)?,
        "reqwest" => reqwest_client::drive(&serde_json::from_str(task)?)?,
        _ => return Err("nobody knows this role".into()),
    };
    let drove = Drove { cpu_us: own_time().as_secs_f64() * 1e6, peak_kib: process::peak("self")?, ..drove };
    println!("{}", serde_json::to_string(&drove)?);
    Ok(())
}

/// Lets a process of its own do a task.
pub(crate) fn run(role: &str, task: &Task) -> Result<Drove, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .arg(format!("--as={role}"))
        .arg(serde_json::to_string(task)?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the process for `{role}` ended with {}", output.status).into());
    }
    let drove: Drove = serde_json::from_slice(&output.stdout)?;
    if let Some(folder) = &drove.folder {
        fs::remove_dir_all(folder)?;
    }
    Ok(drove)
}

/// The processor time of all threads of this process, from its start.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
