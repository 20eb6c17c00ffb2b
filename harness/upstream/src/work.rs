//! What an upstream has to do and has done, for those that tell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dialect::Load;

/// The counts of one upstream.
#[derive(Debug, Default)]
pub(crate) struct Work {
    running: AtomicU64,
    answered: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

/// A request that is worked on, until it is dropped.
#[derive(Debug)]
pub(crate) struct AtWork {
    work: Arc<Work>,
    /// Tokens of the request and of its answer, if it is answered.
    answer: Option<(u64, u64)>,
}

impl Work {
    /// A request is worked on from now on.
    pub(crate) fn begin(self: &Arc<Self>) -> AtWork {
        self.running.fetch_add(1, Ordering::Relaxed);
        AtWork { work: Arc::clone(self), answer: None }
    }

    pub(crate) fn load(&self) -> Load {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Load {
            running: count(&self.running),
            answered: count(&self.answered),
            input_tokens: count(&self.input_tokens),
            output_tokens: count(&self.output_tokens),
        }
    }
}

impl AtWork {
    /// The request is answered, with so many tokens of its own and of the answer.
    pub(crate) fn answers(&mut self, used: (u64, u64)) {
        self.answer = Some(used);
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some((input, output)) = self.answer {
            self.work.answered.fetch_add(1, Ordering::Relaxed);
            self.work.input_tokens.fetch_add(input, Ordering::Relaxed);
            self.work.output_tokens.fetch_add(output, Ordering::Relaxed);
        }
        self.work.running.fetch_sub(1, Ordering::Relaxed);
    }
}
