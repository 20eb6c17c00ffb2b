//! Faults in the relay of streams.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::Defect;
use crate::policy::Policies;
use crate::provider::Patience;
use crate::stream::StreamPolicy;

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "takes-a-head-for-success",
        about: "a stream counted as answered with its head, so that an error in its first event went \
                to the client although another provider could have answered",
        cites: "mlflow/mlflow#25262",
        switch_on: |sound| Policies { streams: Arc::new(HeadIsSuccess), ..sound },
    },
    Defect {
        name: "begins-broken-streams-again",
        about: "a stream that broke after content was asked for again, and its beginning was sent to \
                the client a second time",
        cites: "BerriAI/litellm#32835",
        switch_on: |sound| Policies { streams: Arc::new(FromTheTop), ..sound },
    },
    Defect {
        name: "ends-cut-streams-cleanly",
        about: "a stream that broke off got its end mark from the router, so that half an answer looked complete",
        cites: "Portkey-AI/gateway#1797, kortix-ai/suna#4821",
        switch_on: |sound| Policies { streams: Arc::new(EndsAnyway), ..sound },
    },
    Defect {
        name: "writes-with-few-writers",
        about: "a few writers served all streams, and a slow client kept the one that it had",
        cites: "BerriAI/litellm#6404",
        switch_on: |sound| Policies { streams: Arc::new(FewWriters::new()), ..sound },
    },
    Defect {
        name: "asks-again-without-end",
        about: "a stream that broke was asked for again and again, as fast as the provider answered",
        cites: "BerriAI/litellm#26015",
        switch_on: |sound| Policies { streams: Arc::new(WithoutEnd), ..sound },
    },
    Defect {
        name: "limits-the-whole-stream",
        about: "the time in which a stream has to begin was taken for that of the whole stream, so that long \
                answers were cut",
        cites: "BerriAI/litellm#19184",
        switch_on: |sound| Policies { streams: Arc::new(LimitsTheWhole), ..sound },
    },
    Defect {
        name: "takes-anything-for-an-answer",
        about: "whatever came with the status 200 was passed on as an answer, a page, half a document or nothing at all",
        cites: "Portkey-AI/gateway#267, BerriAI/litellm#40404",
        switch_on: |sound| Policies { streams: Arc::new(AnythingIsAnAnswer), ..sound },
    },
];

/// Takes a stream's head for a success.
pub(super) struct HeadIsSuccess;

impl StreamPolicy for HeadIsSuccess {
    fn waits_for_content(&self) -> bool {
        false
    }
}

/// Ends a stream as if it were complete, whatever became of it.
pub(super) struct EndsAnyway;

impl StreamPolicy for EndsAnyway {
    fn instead_of_a_break(&self) -> Option<Bytes> {
        Some(Bytes::from_static(b"data: [DONE]\n\n"))
    }
}

/// Asks for a broken stream again, and passes on what comes behind what came.
pub(super) struct FromTheTop;

impl StreamPolicy for FromTheTop {
    fn begins_again(&self) -> u32 {
        1
    }
}

/// Has a few writers for all streams, each of which is kept by the client that it writes to.
pub(super) struct FewWriters(Arc<Semaphore>);

const WRITERS: usize = 4;

impl FewWriters {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(WRITERS)))
    }
}

impl StreamPolicy for FewWriters {
    fn shared_writers(&self) -> Option<&Arc<Semaphore>> {
        Some(&self.0)
    }
}

/// Asks for a broken stream for as long as anybody wants it.
pub(super) struct WithoutEnd;

impl StreamPolicy for WithoutEnd {
    fn begins_again(&self) -> u32 {
        u32::MAX
    }
}

/// Gives a whole stream the time of its parts.
pub(super) struct LimitsTheWhole;

impl StreamPolicy for LimitsTheWhole {
    fn whole_within(&self, parts: &Patience) -> Option<Duration> {
        Some(parts.head.min(parts.first_content).min(parts.idle))
    }
}

/// Reads nothing of what it passes on.
pub(super) struct AnythingIsAnAnswer;

impl StreamPolicy for AnythingIsAnAnswer {
    fn knows_answers(&self) -> bool {
        false
    }
}
