//! Wait hints: how long a reply asks its client to wait, written and read in every form.

mod duration;
mod form;
mod read;
mod timestamp;

pub use duration::go_duration;
pub(crate) use duration::whole_seconds;
pub use form::{Hint, HintForm};
pub use read::{HeaderHints, WaitHint, is_wait_hint, wait_hint, wait_hint_of};
pub(crate) use timestamp::next_second;
pub use timestamp::rfc3339;
