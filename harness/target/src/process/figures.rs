//! What a process with all that it started uses, as the kernel tells it below `/proc`.

use std::fs;
use std::io;
use std::path::Path;

use rustix::param::{clock_ticks_per_second, page_size};

/// What a process group uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Bytes of resident memory.
    pub(crate) memory: u64,
    /// Microseconds of the processor, those of children that have ended included.
    pub(crate) cpu_us: u64,
    pub(crate) descriptors: u32,
    pub(crate) sockets: u32,
    pub(crate) threads: u32,
}

/// What the kernel tells of one process in its `stat`.
struct Stat {
    state: char,
    group: u32,
    ticks: u64,
    threads: u32,
    pages: u64,
}

/// What the group of a process uses; `None` if nobody is left of it, or the kernel does not tell.
pub(crate) fn figures_of(group: u32) -> Option<Figures> {
    let mut sum = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let number = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        if !number {
            continue;
        }
        // A process may end while it is looked at, and is then left out.
        let Some(stat) = read_stat(&entry.path()).filter(|stat| stat.group == group) else { continue };
        let Ok((descriptors, sockets)) = descriptors(&entry.path().join("fd")) else { continue };
        let sum: &mut Figures = sum.get_or_insert_default();
        sum.memory += stat.pages * page_size() as u64;
        sum.cpu_us += stat.ticks.saturating_mul(1_000_000) / clock_ticks_per_second().max(1);
        sum.descriptors += descriptors;
        sum.sockets += sockets;
        sum.threads += stat.threads;
    }
    sum
}

/// Whether a process that was told to stop does not run any more. One that waits in the kernel stops before it leaves it; a
/// shell waits there for a child that was itself stopped before it became another program.
pub(super) fn is_stopped(pid: u32) -> bool {
    let stat = read_stat(Path::new(&format!("/proc/{pid}")));
    stat.is_none_or(|stat| matches!(stat.state, 'T' | 't' | 'D' | 'Z' | 'X'))
}

fn read_stat(process: &Path) -> Option<Stat> {
    stat(&fs::read_to_string(process.join("stat")).ok()?)
}

/// Reads the line of `stat`. The program's name stands in parentheses, and may hold some itself.
fn stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The first field behind the name is the third of proc(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    let count = |field: usize| number(field).map(|number| u64::try_from(number).unwrap_or(0));
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: u32::try_from(number(5)?).ok()?,
        ticks: count(14)? + count(15)? + count(16)? + count(17)?,
        threads: u32::try_from(count(20)?).ok()?,
        pages: count(24)?,
    })
}

fn descriptors(folder: &Path) -> io::Result<(u32, u32)> {
    let (mut all, mut sockets) = (0, 0);
    for entry in fs::read_dir(folder)? {
        // One that is closed meanwhile is open no more.
        let Ok(link) = fs::read_link(entry?.path()) else { continue };
        all += 1;
        sockets += u32::from(link.to_string_lossy().starts_with("socket:"));
    }
    Ok((all, sockets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_line_is_read_whatever_the_program_is_called() {
        let line = "77 (a) b (c) T 1 70 70 0 -1 4194560 100 0 0 0 7 3 2 1 20 0 5 0 12345 1000000 250 18446744073709551615 1 1";
        let stat = stat(line).unwrap();
        assert_eq!((stat.state, stat.group, stat.ticks, stat.threads, stat.pages), ('T', 70, 13, 5, 250));
        for wrong in ["", "77 (a", "77 (a) T 1", "77 (a) T 1 x 70 0 -1"] {
            assert!(super::stat(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nobody_uses_nothing() {
        assert_eq!(figures_of(u32::MAX), None);
    }
}
