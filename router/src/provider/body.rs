//! The body of a provider's success. Its beginning has been read by then: of an event stream up to its first content, of
//! a whole answer all of it unless it is long. Until there a failure is one like any other, and nobody has been told
//! anything.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use super::coming::Coming;
use super::used::{used_by_stream, used_by_whole};
use super::{Attempted, ErrorReply, Patience, Reply, Surface, WirePolicy};
use crate::stream::{Beginning, Framer, StreamPolicy};

/// A body that is still to come, but for what was read of it already.
#[derive(Debug)]
pub(crate) struct ProviderBody {
    held: VecDeque<Bytes>,
    rest: Coming,
    again: Option<Again>,
    /// It broke, and is being asked for again.
    broken: Option<hyper::Error>,
}

/// Asks for the same answer so many times more.
pub(super) struct Again {
    pub(super) left: u32,
    pub(super) ask: Box<dyn Fn() -> Asking + Send + Sync>,
    /// The one that is under way.
    pub(super) asking: Option<Asking>,
}

pub(super) type Asking = Pin<Box<dyn Future<Output = Option<Coming>> + Send + Sync>>;

impl Again {
    /// The next answer, if there is one more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Coming>> {
        if self.asking.is_none() {
            let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
            self.left = left;
        }
        let asking = self.asking.get_or_insert_with(|| (self.ask)());
        let polled = asking.as_mut().poll(cx);
        if polled.is_ready() {
            self.asking = None;
        }
        polled
    }
}

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Again")
    }
}

/// What has begun with so much is passed on as it is.
const MOST_HELD: usize = 64 * 1024;

impl ProviderBody {
    /// What is asked for when the stream breaks.
    pub(super) fn set_again(&mut self, again: Again) {
        self.again = Some(again);
    }
}

/// Takes a success as the answer, as soon as it is one.
pub(super) async fn opened(
    response: Response<Incoming>,
    surface: Surface,
    policies: (&Arc<dyn StreamPolicy>, &dyn WirePolicy),
    begin: Instant,
    patience: Patience,
) -> Attempted<ProviderBody> {
    let (policy, wire) = policies;
    let is_stream = is_event_stream(response.headers());
    let (mut head, rest) = response.into_parts();
    wire.came(&mut head.headers);
    let rest = Coming::new(rest, wire);
    let body = ProviderBody { held: VecDeque::new(), rest, again: None, broken: None };
    if !policy.waits_for_content() {
        return Reply::Success(Response::from_parts(head, body)).into();
    }
    if is_stream {
        opened_stream(head, body, surface, begin + patience.first_content).await
    } else {
        opened_whole(head, body, surface, (policy.as_ref(), patience.idle)).await
    }
}

/// Takes a whole answer when it is one. An error is an error, whatever status it came with.
async fn opened_whole(
    head: Parts,
    mut body: ProviderBody,
    surface: Surface,
    (policy, idle): (&dyn StreamPolicy, Duration),
) -> Attempted<ProviderBody> {
    let mut held = BytesMut::new();
    loop {
        match timeout(idle, body.rest.frame()).await {
            Err(_) => return Reply::TimedOut.into(),
            Ok(Some(Err(_))) => return Reply::Unreachable.into(),
            Ok(Some(Ok(frame))) => held.extend(frame.into_data().ok()),
            Ok(None) => break,
        }
        if held.len() > MOST_HELD {
            body.held.push_back(held.freeze());
            return Reply::Success(Response::from_parts(head, body)).into();
        }
    }
    let held = held.freeze();
    let reply = match Beginning::of_whole(&held, surface) {
        Beginning::Nothing if policy.knows_answers() => Reply::Unreadable,
        Beginning::Nothing | Beginning::Begun => {
            body.held.push_back(held);
            return Reply::Success(Response::from_parts(head, body)).into();
        }
        Beginning::Failed(status, body) => {
            Reply::Error(ErrorReply { status, headers: as_error(head.headers), body })
        }
    };
    Attempted { used: used_by_whole(&held, surface), ..Attempted::from(reply) }
}

async fn opened_stream(
    head: Parts,
    mut body: ProviderBody,
    surface: Surface,
    deadline: Instant,
) -> Attempted<ProviderBody> {
    let reply = match begun(&mut body, surface, deadline).await {
        Ok(()) => return Reply::Success(Response::from_parts(head, body)).into(),
        Err(Failed::Unreachable) => Reply::Unreachable,
        Err(Failed::TimedOut) => Reply::TimedOut,
        Err(Failed::Told(status, body)) => {
            Reply::Error(ErrorReply { status, headers: as_error(head.headers), body })
        }
    };
    Attempted { used: used_by_stream(&body.held, surface), ..Attempted::from(reply) }
}

/// Why a stream never began.
enum Failed {
    Unreachable,
    TimedOut,
    Told(StatusCode, Bytes),
}

/// An error may stand at the end without the blank line that would make it an event.
fn failed_at_the_end(framer: &mut Framer, surface: Surface) -> Failed {
    match framer.rest().map(|rest| Beginning::of(&rest, surface)) {
        Some(Beginning::Failed(status, body)) => Failed::Told(status, body),
        _ => Failed::Unreachable,
    }
}

/// Waits until a stream has begun, and holds what has come of it by then.
async fn begun(body: &mut ProviderBody, surface: Surface, deadline: Instant) -> Result<(), Failed> {
    let (mut framer, mut held) = (Framer::default(), 0);
    loop {
        let frame = match timeout_at(deadline, body.rest.frame()).await {
            Err(_) => return Err(Failed::TimedOut),
            Ok(None) => return Err(failed_at_the_end(&mut framer, surface)),
            Ok(Some(Err(_))) => return Err(Failed::Unreachable),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        held += data.len();
        let is_readable = framer.push(&data).is_ok();
        body.held.push_back(data);
        while let Some(event) = framer.next() {
            match Beginning::of(&event, surface) {
                Beginning::Nothing => {}
                Beginning::Begun => return Ok(()),
                Beginning::Failed(status, body) => return Err(Failed::Told(status, body)),
            }
        }
        if !is_readable || held > MOST_HELD {
            return Ok(());
        }
    }
}

pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn as_error(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CACHE_CONTROL);
    headers
}

impl Body for ProviderBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(data) = self.held.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        loop {
            if let Some(error) = self.broken.take() {
                let Some(again) = &mut self.again else { return Poll::Ready(Some(Err(error))) };
                match again.poll_next(cx) {
                    Poll::Pending => {
                        self.broken = Some(error);
                        return Poll::Pending;
                    }
                    Poll::Ready(None) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(Some(rest)) => self.rest = rest,
                }
            }
            match Pin::new(&mut self.rest).poll_frame(cx) {
                Poll::Ready(Some(Err(error))) => self.broken = Some(error),
                polled => return polled,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held: usize = self.held.iter().map(Bytes::len).sum();
        let held = u64::try_from(held).unwrap_or(u64::MAX);
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(held));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}
