//! How something is sent, in the words of the load driver: when the client leaves, how slowly it reads, how it retries.

use load::{Leaving, Sdk, Sending, SlowReader};
use scenario::{ClientKind, Disconnect, Manner};

use crate::trial::traffic::Travel;

/// The manner of a step or phase. `contents` says into how many contents the scripted answer is cut.
pub(crate) fn sending(manner: &Manner, travel: &Travel<'_>, contents: u32) -> Sending {
    Sending {
        leaving: manner.disconnect.as_ref().map(|disconnect| leaving(disconnect, contents)),
        slow: manner.read.as_ref().map(|read| SlowReader {
            bytes: usize::try_from(read.bytes.bytes).unwrap_or(usize::MAX),
            every: read.every,
        }),
        sdk: sdk(manner.client),
        seed: travel.road.seed,
    }
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
        ClientKind::GoogleGenai => Some(Sdk::GoogleGenai),
    }
}
