//! Reads a request's body whole, with bounds on its size, its time and on all bodies together.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::answer::ApiError;
use crate::settings::RequestLimits;

/// What all requests together may hold, so that many large ones cannot exhaust the memory.
const MOST_BYTES_TOGETHER: usize = 512 * 1024 * 1024;

/// Bytes of request bodies held at this moment.
#[derive(Debug, Default)]
pub(super) struct BufferedBytes(AtomicUsize);

/// A body, counted for as long as it is held.
pub(super) struct CountedBody<'a> {
    bytes: Bytes,
    reservation: Reservation<'a>,
}

impl CountedBody<'_> {
    pub(super) fn bytes(&self) -> &Bytes {
        debug_assert_eq!(self.bytes.len(), self.reservation.bytes, "every held byte is counted");
        &self.bytes
    }
}

/// Reads the body to its end, within the limits.
pub(super) async fn read_whole(
    mut body: Incoming,
    buffered: &BufferedBytes,
    limits: RequestLimits,
) -> Result<CountedBody<'_>, ApiError> {
    let most = limits.body;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(ApiError::too_large(most));
    }
    let deadline = Instant::now() + limits.body_within;
    let mut reservation = Reservation { buffered, bytes: 0 };
    let mut read = BytesMut::new();
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| ApiError::body_too_slow())?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| ApiError::body_broken())?.into_data() else { continue };
        if read.len() + data.len() > most {
            return Err(ApiError::too_large(most));
        }
        reservation.grow(data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(CountedBody { bytes: read.freeze(), reservation })
}

/// A share of the memory for bodies, given back when dropped.
struct Reservation<'a> {
    buffered: &'a BufferedBytes,
    bytes: usize,
}

impl Reservation<'_> {
    fn grow(&mut self, by: usize) -> Result<(), ApiError> {
        self.bytes += by;
        if self.buffered.0.fetch_add(by, Ordering::Relaxed) + by > MOST_BYTES_TOGETHER {
            return Err(ApiError::too_much_at_once());
        }
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.buffered.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bodies_together_are_bounded_and_given_back() {
        let buffered = BufferedBytes::default();
        let mut first = Reservation { buffered: &buffered, bytes: 0 };
        first.grow(MOST_BYTES_TOGETHER).unwrap();
        let mut second = Reservation { buffered: &buffered, bytes: 0 };
        assert_eq!(second.grow(1).unwrap_err().status().as_u16(), 503);
        drop(second);
        drop(first);
        assert_eq!(buffered.0.load(Ordering::Relaxed), 0);
    }
}
