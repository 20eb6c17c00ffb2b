//! Bodies of answers: whole ones of our own, and a provider's relayed frame by frame as it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

/// The body of any answer.
#[derive(Debug)]
pub(super) struct ResponseBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Relayed(Box<Relay<Incoming>>),
}

impl ResponseBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Full::new(bytes)))
    }

    pub(super) fn relayed(relay: Relay<Incoming>) -> Self {
        Self(Kind::Relayed(Box::new(relay)))
    }
}

/// Why a relayed body cannot be completed. The client's connection is then broken off, never ended cleanly.
#[derive(Debug, Error)]
pub(super) enum RelayError {
    #[error("the provider broke off")]
    Cut(#[source] hyper::Error),
    #[error("the provider fell silent")]
    Silent,
    #[error("the provider closed the connection before the end of the stream")]
    Unfinished,
}

/// A provider's body on its way through. One frame is held at a time: the next one is asked for only when the client
/// has taken the last, and dropping the relay aborts the provider's request.
#[derive(Debug)]
pub(super) struct Relay<B> {
    body: B,
    ending: Ending,
    silence: Duration,
    silent_until: Pin<Box<Sleep>>,
}

impl<B> Relay<B> {
    /// `silence` is how long the provider may send nothing before it is given up.
    pub(super) fn new(body: B, headers: &HeaderMap, silence: Duration) -> Self {
        Self { body, ending: Ending::of(headers), silence, silent_until: Box::pin(sleep(silence)) }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Relay<B> {
    fn poll_relay(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silent_until.as_mut().reset(Instant::now() + self.silence);
                if let Some(data) = frame.data_ref() {
                    self.ending.see(data);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(RelayError::Cut(error)))),
            Poll::Ready(None) if self.ending.is_complete() => Poll::Ready(None),
            Poll::Ready(None) => Poll::Ready(Some(Err(RelayError::Unfinished))),
            Poll::Pending => self.silent_until.as_mut().poll(cx).map(|()| Some(Err(RelayError::Silent))),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = RelayError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        match &mut self.0 {
            Kind::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Kind::Relayed(relay) => {
                let polled = relay.poll_relay(cx);
                if let Poll::Ready(Some(Err(error))) = &polled {
                    tracing::warn!(%error, "relayed answer broken off");
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Relayed(relay) => relay.body.is_end_stream() && relay.ending.is_complete(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Relayed(relay) => relay.body.size_hint(),
        }
    }
}

/// How a body shows that it is complete.
#[derive(Debug)]
enum Ending {
    /// By its length or its last chunk, which the HTTP code checks.
    Framed,
    /// An event stream that only the end of the connection ends: a cut looks the same, so the mark must have come.
    Mark { seen: usize },
    /// Any other body that only the end of the connection ends: nothing can be known.
    Unknown,
}

/// The last event of an OpenAI stream.
const LAST_EVENT: &[u8] = b"data: [DONE]";

impl Ending {
    fn of(headers: &HeaderMap) -> Self {
        let is_stream = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        if headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING) {
            Self::Framed
        } else if is_stream {
            Self::Mark { seen: 0 }
        } else {
            Self::Unknown
        }
    }

    /// Matches the mark across any split of the bytes.
    fn see(&mut self, data: &[u8]) {
        let Self::Mark { seen } = self else { return };
        for byte in data {
            if *seen == LAST_EVENT.len() {
                return;
            }
            // The mark's first byte occurs in it again only after `d`, so falling back to a match of one is enough.
            *seen = match *seen {
                at if LAST_EVENT[at] == *byte => at + 1,
                _ => usize::from(LAST_EVENT[0] == *byte),
            };
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Framed | Self::Unknown => true,
            Self::Mark { seen } => *seen == LAST_EVENT.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn stream() -> Ending {
        Ending::of(
            &[(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))].into_iter().collect(),
        )
    }

    #[test]
    fn a_stream_without_framing_is_complete_only_after_its_last_event() {
        let text = b"data: {}\n\ndadata: [DONE]\n\n";
        for split in 0..text.len() {
            let mut ending = stream();
            ending.see(&text[..split]);
            ending.see(&text[split..]);
            assert!(ending.is_complete(), "split at {split}");
        }
        let mut cut = stream();
        cut.see(b"data: {}\n\ndata: [DON");
        assert!(!cut.is_complete());
    }
}
