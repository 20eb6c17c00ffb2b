//! The shape of a stream: how its text is cut, where its usage stands.

use std::num::NonZeroU32;

use crate::stream::Framing;

/// How a stream is cut into events and written. The default is what the provider itself would send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamShape {
    /// Whether the request asked for the usage, where the dialect asks.
    pub include_usage: bool,
    /// Whether the request asked for the usage on every event. With `usage: usual` it stands there then.
    pub continuous_usage: bool,
    /// Into how many contents the text is cut, but never into more than it has characters; one for each word if missing.
    pub contents: Option<NonZeroU32>,
    /// Where the usage stands.
    pub usage: UsagePlace,
    /// Whether something that says nothing stands between the events: a ping, or a comment where the dialect has none.
    pub pings: bool,
    /// How lines are written.
    pub framing: Framing,
}

/// Where the usage of a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UsagePlace {
    /// Where the provider puts it, if the request asks for it.
    #[default]
    Usual,
    /// On every event of the answer, counting up.
    EveryEvent,
    /// Only on the last event with content, or on that of the finish if there is no content.
    LastContent,
    /// Only on the event that tells why the answer ended.
    Finish,
    /// Nowhere.
    Nowhere,
}

impl StreamShape {
    /// Where the usage stands, as the request asked for it.
    pub(crate) fn usage_place(&self) -> UsagePlace {
        match self.usage {
            UsagePlace::Usual if self.continuous_usage => UsagePlace::EveryEvent,
            place => place,
        }
    }
}
