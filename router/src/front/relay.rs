//! Bodies of answers: whole ones of our own, and a provider's relayed frame by frame as it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::event_relay::EventRelay;
use crate::provider::{Busy, ProviderBody, is_event_stream};
use crate::rewrite::{Rewriter, Rewriting};
use crate::stream::TooLong;
use crate::tenants::Slot;

/// The body of any answer.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    kind: Kind,
    /// Held back for one turn, so that what was written before it is sent and not thrown away.
    broken: Option<RelayError>,
    /// What comes instead of a break.
    instead: Option<Bytes>,
    /// Who changes it as it leaves. Absent: nobody.
    rewriting: Option<Rewriting>,
    /// When it is broken off, whatever still comes.
    until: Option<Pin<Box<Sleep>>>,
    /// What is shared with other streams until this one is over.
    _shared: Option<OwnedSemaphorePermit>,
    /// The place of its request among the open ones of a tenant.
    slot: Option<Slot>,
    /// That a key is busy with it.
    _busy: Option<Busy>,
}

#[derive(Debug)]
enum Kind {
    Whole(Full<Bytes>),
    Relayed(Box<Relay<ProviderBody>>),
    Events(Box<EventRelay<ProviderBody>>),
    Passed(Box<Relay<Incoming>>),
}

impl ResponseBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::new(Kind::Whole(Full::new(bytes)))
    }

    pub(super) fn relayed(relay: Relay<ProviderBody>) -> Self {
        Self::new(Kind::Relayed(Box::new(relay)))
    }

    pub(super) fn events(relay: EventRelay<ProviderBody>) -> Self {
        Self::new(Kind::Events(Box::new(relay)))
    }

    /// An API's body, of whatever kind.
    pub(super) fn passed(relay: Relay<Incoming>) -> Self {
        Self::new(Kind::Passed(Box::new(relay)))
    }

    /// The same, holding what it shares with other streams.
    pub(super) fn sharing(self, shared: Option<OwnedSemaphorePermit>) -> Self {
        Self { _shared: shared, ..self }
    }

    /// The same, with a clean end after a break, behind these bytes.
    pub(super) fn ending_with(self, instead: Option<Bytes>) -> Self {
        Self { instead, ..self }
    }

    /// The same, broken off after this time.
    pub(super) fn within(self, most: Option<Duration>) -> Self {
        Self { until: most.map(|most| Box::pin(sleep(most))), ..self }
    }

    /// The same, changed as it leaves.
    pub(crate) fn rewritten(self, by: Box<dyn Rewriter>) -> Self {
        Self { rewriting: Some(Rewriting::by(by)), ..self }
    }

    /// Holds a place until the last byte has been taken.
    pub(super) fn hold(&mut self, mut slot: Slot) {
        if matches!(self.kind, Kind::Whole(_)) {
            slot.finish();
        }
        self.slot = Some(slot);
    }

    /// Keeps a key busy until the last byte has been taken.
    pub(super) fn keep_busy(&mut self, busy: Option<Busy>) {
        self._busy = busy;
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            broken: None,
            instead: None,
            rewriting: None,
            until: None,
            _shared: None,
            slot: None,
            _busy: None,
        }
    }
}

/// Why a relayed body cannot be completed. The client's connection is then broken off, never ended cleanly.
#[derive(Debug, Error)]
pub(crate) enum RelayError {
    #[error("the provider broke off")]
    Cut(#[source] hyper::Error),
    #[error("the provider fell silent")]
    Silent,
    #[error("the provider closed the connection before the end of the stream")]
    Unfinished,
    #[error("the provider reported an error inside of the stream")]
    Reported,
    #[error(transparent)]
    TooLong(TooLong),
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

    /// The same of a body whose end is known by its framing alone, also if it is an event stream.
    pub(super) fn of_any(body: B, silence: Duration) -> Self {
        Self { body, ending: Ending::Framed, silence, silent_until: Box::pin(sleep(silence)) }
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

impl ResponseBody {
    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        if let Some(error) = self.broken.take() {
            tracing::warn!(%error, "relayed answer broken off");
            return Poll::Ready(Some(Err(error)));
        }
        let is_late = self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready());
        if is_late {
            self.until = None;
        }
        let polled = match &mut self.kind {
            _ if is_late => Poll::Ready(Some(Err(RelayError::Silent))),
            Kind::Whole(body) => {
                return Pin::new(body)
                    .poll_frame(cx)
                    .map(|frame| frame.map(|frame| frame.map_err(|never| match never {})));
            }
            Kind::Relayed(relay) => relay.poll_relay(cx),
            Kind::Events(relay) => relay.poll_relay(cx),
            Kind::Passed(relay) => relay.poll_relay(cx),
        };
        match polled {
            Poll::Ready(Some(Err(error))) => {
                match self.instead.take() {
                    Some(instead) => self.kind = Kind::Whole(Full::new(instead)),
                    None => self.broken = Some(error),
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => {
                if let Some(mut slot) = self.slot.take() {
                    slot.finish();
                }
                Poll::Ready(None)
            }
            polled => polled,
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
        if self.rewriting.as_ref().is_some_and(Rewriting::has_ended) {
            return Poll::Ready(None);
        }
        let polled = self.poll_own(cx);
        match &mut self.rewriting {
            None => polled,
            Some(rewriting) => rewriting.polled(polled, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            _ if self.rewriting.is_some() => false,
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Relayed(relay) => {
                self.broken.is_none() && relay.body.is_end_stream() && relay.ending.is_complete()
            }
            Kind::Passed(relay) => self.broken.is_none() && relay.body.is_end_stream(),
            Kind::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            _ if self.rewriting.is_some() => SizeHint::default(),
            Kind::Whole(body) => body.size_hint(),
            Kind::Relayed(relay) => relay.body.size_hint(),
            Kind::Passed(relay) => relay.body.size_hint(),
            Kind::Events(_) => SizeHint::default(),
        }
    }
}

/// How a body shows that it is complete.
#[derive(Debug)]
enum Ending {
    /// An event stream: half of it may be framed as well as all of it, so the mark must have come.
    Mark { seen: usize },
    /// Any other body. By its length or its last chunk, which the HTTP code checks; or else nothing can be known.
    Framed,
}

/// The last event of an OpenAI stream.
const LAST_EVENT: &[u8] = b"data: [DONE]";

impl Ending {
    fn of(headers: &HeaderMap) -> Self {
        if is_event_stream(headers) { Self::Mark { seen: 0 } } else { Self::Framed }
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
            Self::Framed => true,
            Self::Mark { seen } => *seen == LAST_EVENT.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn stream() -> Ending {
        Ending::of(
            &[(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))].into_iter().collect(),
        )
    }

    #[test]
    fn a_stream_is_complete_only_after_its_last_event() {
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
