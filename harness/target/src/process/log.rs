//! What a process prints: read line by line whatever the lines are like, without any key, in bounded memory.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::process::group::Output;
use crate::secrets::Secrets;

/// Longer lines are cut.
pub(super) const MOST_BYTES: usize = 4 * 1024;
/// So many of the last lines are kept.
pub(super) const MOST_LINES: usize = 100;
/// How long the output may stay open after the process has ended: something that left its group may hold it.
const LINGERS: Duration = Duration::from_millis(500);

/// Is given each line without its end and without any key. It is called where the output is read, and must not block.
pub type LogSink = Arc<dyn Fn(&str) + Send + Sync>;

/// A text of a line that somebody waits for, and whom to tell.
type Awaited = (String, oneshot::Sender<String>);

/// The log of one process.
#[derive(Clone)]
pub(super) struct Log {
    book: Arc<LogBook>,
    awaited: Arc<Mutex<Option<Awaited>>>,
}

/// What all processes of a target print.
pub(super) struct LogBook {
    secrets: Arc<Secrets>,
    sink: LogSink,
    last: Mutex<VecDeque<String>>,
}

impl LogBook {
    pub(super) fn new(secrets: Arc<Secrets>, sink: LogSink) -> Arc<Self> {
        Arc::new(Self { secrets, sink, last: Mutex::default() })
    }

    /// The last lines.
    pub(super) fn tail(&self) -> Vec<String> {
        self.last().iter().cloned().collect()
    }

    fn last(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks that read a process' output.
pub(super) struct Readers(JoinSet<()>);

impl Log {
    /// The log of one more process.
    pub(super) fn new(book: &Arc<LogBook>) -> Self {
        Self { book: Arc::clone(book), awaited: Arc::default() }
    }

    /// The first line from now on that holds a text.
    pub(super) fn line_with(&self, text: &str) -> oneshot::Receiver<String> {
        let (found, line) = oneshot::channel();
        *self.awaited() = Some((text.to_owned(), found));
        line
    }

    /// The last lines of all processes of the target.
    pub(super) fn tail(&self) -> Vec<String> {
        self.book.tail()
    }

    /// Reads a process' output until it ends.
    pub(super) fn read(&self, output: Output) -> io::Result<Readers> {
        let mut readers = JoinSet::new();
        if let Some(stdout) = output.0 {
            readers.spawn(self.clone().read_lines(tokio::process::ChildStdout::from_std(stdout)?));
        }
        if let Some(stderr) = output.1 {
            readers.spawn(self.clone().read_lines(tokio::process::ChildStderr::from_std(stderr)?));
        }
        Ok(Readers(readers))
    }

    async fn read_lines(self, output: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(output);
        let most = MOST_BYTES + self.book.secrets.longest();
        let mut line = Line::default();
        // A pipe that cannot be read has ended as well.
        while let Ok(buffer) = reader.fill_buf().await {
            if buffer.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', buffer);
            let piece = end.unwrap_or(buffer.len());
            line.push(&buffer[..piece], most);
            reader.consume(piece + usize::from(end.is_some()));
            if end.is_some() {
                self.take(std::mem::take(&mut line));
            }
        }
        if !line.bytes.is_empty() {
            self.take(line);
        }
    }

    fn take(&self, line: Line) {
        let line = line.shown(&self.book.secrets);
        (self.book.sink)(&line);
        if let Some((_, found)) = self.awaited().take_if(|(text, _)| line.contains(text.as_str())) {
            // Nobody waits any more if the start has failed for another reason.
            let _ = found.send(line.clone());
        }
        let mut last = self.book.last();
        if last.len() == MOST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }

    fn awaited(&self) -> MutexGuard<'_, Option<Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readers {
    /// Reads what is left of the output of a process that has ended.
    pub(super) async fn drain(&mut self) {
        // Whoever still holds the output open is no part of the target any more.
        let _ = tokio::time::timeout(LINGERS, self.drain_all()).await;
    }

    /// Reads the output until nobody can print any more.
    pub(super) async fn drain_all(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// A line whose end has not come yet.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    cut: bool,
}

impl Line {
    fn push(&mut self, piece: &[u8], most: usize) {
        let room = most - self.bytes.len();
        self.cut |= piece.len() > room;
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The line as it may be shown. Of a line that was cut, the end goes where half a key could stand.
    fn shown(mut self, secrets: &Secrets) -> String {
        if self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
        let mut bytes = secrets.replaced(self.bytes);
        if self.cut {
            bytes.truncate(bytes.len().saturating_sub(secrets.longest()).min(MOST_BYTES));
        } else if bytes.len() > MOST_BYTES {
            self.cut = true;
            bytes.truncate(MOST_BYTES);
        }
        let mut line = String::from_utf8_lossy(&bytes).into_owned();
        if self.cut {
            line.push('…');
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, secrets: &Secrets) -> String {
        let mut line = Line::default();
        for piece in text.as_bytes().chunks(7) {
            line.push(piece, MOST_BYTES + secrets.longest());
        }
        line.shown(secrets)
    }

    #[test]
    fn a_key_is_never_cut_in_half() {
        let secrets = Secrets::of([("first", "sk-0123456789abcdef")]);
        for before in MOST_BYTES - 20..MOST_BYTES + 40 {
            let line = shown(
                &format!("{}sk-0123456789abcdef and more{}", "x".repeat(before), "y".repeat(99)),
                &secrets,
            );
            assert!(!line.contains("sk-"), "{before}: {}", &line[before.min(line.len()) - 10..]);
            assert!(line.len() <= MOST_BYTES + "…".len());
        }
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        let secrets = Secrets::default();
        assert_eq!(shown("hello\r", &secrets), "hello");
        assert_eq!(shown("", &secrets), "");
        assert_eq!(shown(&"x".repeat(MOST_BYTES), &secrets), "x".repeat(MOST_BYTES));
        assert_eq!(shown(&"x".repeat(MOST_BYTES + 1), &secrets), "x".repeat(MOST_BYTES) + "…");
    }

    #[tokio::test]
    async fn lines_are_taken_whatever_they_are_made_of_and_the_last_ones_are_kept() {
        let log = Log::new(&LogBook::new(Arc::default(), Arc::new(|_| {})));
        let awaited = log.line_with("line 7");
        let mut text: Vec<u8> =
            (0..MOST_LINES + 50).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        text.extend_from_slice(b"\xff\x00 no text\nthe end has no end");
        log.clone().read_lines(text.as_slice()).await;
        assert_eq!(awaited.await.unwrap(), "line 7");
        let tail = log.tail();
        assert_eq!(tail.len(), MOST_LINES);
        assert_eq!(tail[tail.len() - 2..], ["\u{fffd}\0 no text", "the end has no end"]);
    }
}
