//! The caller's end of a connection as hyper sees it: it tells the connection what happens, and carries out what was decided of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::told_length::changed;
use super::{Connection, Fate, Wire};

/// The way to the caller as hyper sees it. Dropping it ends what is open on the connection.
#[derive(Debug)]
pub(crate) struct ConnectionIo {
    stream: Wire,
    connection: Arc<Connection>,
    /// How much has been written instead of a reply, or of a head that is told otherwise.
    written: usize,
    /// What goes out instead of a head, and how long that head is.
    head: Option<(Vec<u8>, usize)>,
}

/// What goes out where bytes are to come that are no HTTP.
const GARBAGE: &[u8] = b"\x00\x01\x02 this is no HTTP\r\n\r\n";

impl ConnectionIo {
    pub(crate) fn new(stream: Wire, connection: Arc<Connection>) -> Self {
        Self { stream, connection, written: 0, head: None }
    }

    /// Writes what goes out instead of the reply whose first bytes are given, then fails, so that hyper lets the connection go.
    fn poll_instead(
        &mut self,
        context: &mut Context<'_>,
        (fate, reply): (Fate, &[u8]),
    ) -> Poll<io::Result<usize>> {
        let bytes = match fate {
            Fate::Garbage => GARBAGE,
            Fate::HalfHead => {
                let head = memchr::memmem::find(reply, b"\r\n\r\n").unwrap_or(reply.len());
                &reply[..head / 2]
            }
            Fate::Reset | Fate::Close => &[],
        };
        while let Some(rest) = bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    /// Writes a head instead of the one that hyper wrote, and tells how long that one is.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some((head, length)) = &self.head else { return Poll::Ready(Ok(0)) };
        let handed = self.connection.now();
        while let Some(rest) = head.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
        }
        let length = *length;
        (self.head, self.written) = (None, 0);
        self.connection.sent_bytes(handed);
        Poll::Ready(Ok(length))
    }

    /// What becomes of bytes that hyper writes, if it is anything else than that they go out.
    fn poll_deviation(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        let (fate, length) = self.connection.deviation();
        if let Some(fate) = fate {
            return Some(self.poll_instead(context, (fate, bytes)));
        }
        if let Some(length) = length {
            self.head = changed(bytes, length);
        }
        self.head.is_some().then(|| self.poll_head(context))
    }

    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.connection.caller_left();
        }
        result
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled, room) = (buffer.filled().len(), buffer.remaining());
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > filled {
            self.connection.got_bytes();
        } else if result.is_ok() && room > 0 {
            self.connection.caller_left();
        }
        Poll::Ready(self.watch(result))
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(written) = self.poll_deviation(context, bytes) {
            return written.map(|result| self.watch(result));
        }
        let handed = self.connection.now();
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if result.is_ok() {
            self.connection.sent_bytes(handed);
        }
        Poll::Ready(self.watch(result))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        if let Some(written) = self.poll_deviation(context, first) {
            return written.map(|result| self.watch(result));
        }
        let handed = self.connection.now();
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        if result.is_ok() {
            self.connection.sent_bytes(handed);
        }
        Poll::Ready(self.watch(result))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all that it holds.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        if result.is_ok() {
            self.connection.sent_everything();
        }
        Poll::Ready(self.watch(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for ConnectionIo {
    fn drop(&mut self) {
        if self.connection.fate() == Some(Fate::Reset) {
            // Where the machine cannot do it the connection is closed, which is the next best.
            let _: io::Result<()> = self.stream.tcp().set_zero_linger();
        }
        self.connection.ended();
    }
}
