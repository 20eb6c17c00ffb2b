//! A provider's event stream on its way through, event by event: read, counted, and written for the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

use super::relay::RelayError;
use super::settlement::Settlement;
use crate::accounts::Counted;
use crate::known_keys::KnownKeys;
use crate::stream::{Event, Framer, Passage, Step};
use crate::usage::Tally;

/// One stream. The next bytes are asked for only when the client has taken the last, and dropping the relay aborts the
/// provider's request. Only the stream's own end mark ends it cleanly.
pub(super) struct EventRelay<B> {
    body: B,
    framer: Framer,
    carrying: Carrying,
    /// Open until the stream is over.
    settlement: Option<Settlement>,
    status: u16,
    silence: Duration,
    silent_until: Pin<Box<Sleep>>,
    /// Written and not yet taken.
    out: BytesMut,
    end: Option<End>,
    /// Over when the stream is in the ledger. The last of it is held back until then.
    booked: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// What events are carried over with.
pub(super) struct Carrying {
    pub(super) passage: Box<dyn Passage>,
    pub(super) tally: Tally,
    /// None of which may be among what is written.
    pub(super) known_keys: Arc<KnownKeys>,
}

/// What follows when everything written has been taken.
enum End {
    Clean,
    Broken(RelayError),
}

impl Carrying {
    fn carry(&mut self, event: &Event, out: &mut BytesMut) -> Step {
        let place = out.len();
        let step = self.passage.take(event, &mut self.tally, out);
        self.known_keys.take_out_behind(place, out);
        step
    }
}

impl<B> EventRelay<B> {
    /// `silence` is how long the provider may send nothing of its answer before it is given up.
    pub(super) fn new(
        body: B,
        carrying: Carrying,
        settlement: Settlement,
        status: u16,
        silence: Duration,
    ) -> Self {
        Self {
            body,
            framer: Framer::default(),
            carrying,
            settlement: Some(settlement),
            status,
            silence,
            silent_until: Box::pin(sleep(silence)),
            out: BytesMut::new(),
            end: None,
            booked: None,
        }
    }

    /// Carries over the events that are whole by now.
    fn carry(&mut self) {
        while let Some(event) = self.framer.next() {
            match self.carrying.carry(&event, &mut self.out) {
                Step::Onward => self.silent_until.as_mut().reset(Instant::now() + self.silence),
                Step::Idle => {}
                Step::Finished => {
                    // Booked before the client can see the end, and may ask what it cost.
                    self.close(Tally::completed);
                    self.end = Some(End::Clean);
                    return;
                }
                Step::Failed => return self.break_off(RelayError::Reported),
            }
        }
    }

    /// What is left may be an event, and in some dialects the end is no event.
    fn end_of_bytes(&mut self) {
        if let Some(rest) = self.framer.rest()
            && self.carrying.carry(&rest, &mut self.out) == Step::Failed
        {
            return self.break_off(RelayError::Reported);
        }
        let place = self.out.len();
        let step = self.carrying.passage.end(&mut self.carrying.tally, &mut self.out);
        self.carrying.known_keys.take_out_behind(place, &mut self.out);
        match step {
            Step::Finished => {
                self.close(Tally::completed);
                self.end = Some(End::Clean);
            }
            Step::Failed => self.break_off(RelayError::Reported),
            Step::Onward | Step::Idle => self.break_off(RelayError::Unfinished),
        }
    }

    fn break_off(&mut self, error: RelayError) {
        self.close(Tally::broken_off);
        self.end = Some(End::Broken(error));
    }

    fn close(&mut self, counted: impl FnOnce(&Tally) -> Counted) {
        if let Some(settlement) = self.settlement.take() {
            let booked = settlement.close(self.status, counted(&self.carrying.tally));
            self.booked = Some(Box::pin(booked.receipt.kept()));
        }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> EventRelay<B> {
    pub(super) fn poll_relay(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayError>>> {
        loop {
            if let Some(booked) = &mut self.booked {
                ready!(booked.as_mut().poll(cx));
                self.booked = None;
            }
            if !self.out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(self.out.split().freeze()))));
            }
            match self.end.take() {
                Some(End::Clean) => {
                    self.end = Some(End::Clean);
                    // When the provider's own end has come as well its connection can be used again.
                    let _end = Pin::new(&mut self.body).poll_frame(cx);
                    return Poll::Ready(None);
                }
                Some(End::Broken(error)) => return Poll::Ready(Some(Err(error))),
                None => {}
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    match self.framer.push(&data) {
                        Ok(()) => self.carry(),
                        Err(too_long) => self.break_off(RelayError::TooLong(too_long)),
                    }
                }
                Poll::Ready(Some(Err(error))) => self.break_off(RelayError::Cut(error)),
                Poll::Ready(None) => self.end_of_bytes(),
                Poll::Pending => match self.silent_until.as_mut().poll(cx) {
                    Poll::Ready(()) => self.break_off(RelayError::Silent),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

impl<B> Drop for EventRelay<B> {
    /// Still open means that the client left.
    fn drop(&mut self) {
        self.close(Tally::left);
    }
}

impl<B> std::fmt::Debug for EventRelay<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventRelay").field("status", &self.status).finish_non_exhaustive()
    }
}
