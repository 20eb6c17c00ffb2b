//! How something is sent, in the words of the load driver: when the client leaves, how slowly it reads and writes, how
//! it retries, how long it waits.

use std::time::Duration;

use load::{Leaving, Pace, Sdk, Sending};
use scenario::{ClientKind, Disconnect, Manner};

use crate::trial::traffic::Travel;

/// The manner of a step or phase. `contents` says into how many contents the scripted answer is cut.
pub(crate) fn sending(manner: &Manner, travel: &Travel<'_>, contents: u32) -> Sending {
    Sending {
        leaving: manner.disconnect.as_ref().map(|disconnect| leaving(disconnect, contents)),
        reads: manner.read.as_ref().map(|read| pace(read.bytes.bytes, read.every)),
        writes: manner.write.as_ref().map(|write| pace(write.bytes.bytes, write.every)),
        sdk: sdk(manner.client),
        seed: travel.road.seed,
    }
}

/// A request that is sent in a manner: to which instance, and with which patience.
pub(crate) fn in_manner(mut request: load::Request, manner: &Manner) -> load::Request {
    request.instance = Travel::instance(manner);
    request.patience = manner.patience.or(request.patience);
    request
}

fn pace(bytes: u64, every: Duration) -> Pace {
    Pace { bytes: usize::try_from(bytes).unwrap_or(usize::MAX), every }
}

fn leaving(disconnect: &Disconnect, contents: u32) -> Leaving {
    match disconnect {
        Disconnect::After(after) => Leaving::After(*after),
        Disconnect::Events(events) => Leaving::Contents(*events),
        Disconnect::Share(share) => {
            let contents = u64::from(contents) * u64::from(share.millionths) / 1_000_000;
            Leaving::Contents(u32::try_from(contents).unwrap_or(u32::MAX).max(1))
        }
    }
}

fn sdk(client: ClientKind) -> Option<Sdk> {
    match client {
        ClientKind::Plain => None,
        ClientKind::OpenaiPython => Some(Sdk::OpenaiPython),
        ClientKind::OpenaiPythonOld => Some(Sdk::OpenaiPythonOld),
        ClientKind::AnthropicPython => Some(Sdk::AnthropicPython),
        ClientKind::AnthropicPythonOld => Some(Sdk::AnthropicPythonOld),
        ClientKind::GoogleGenai => Some(Sdk::GoogleGenai),
    }
}
