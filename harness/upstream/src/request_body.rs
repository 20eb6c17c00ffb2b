//! Reading the body of a request, up to a cap.

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A longer body than this is refused.
pub(crate) const LONGEST_BODY: usize = 8 * 1024 * 1024;

/// What came of a body, and why it is not all.
#[derive(Debug)]
pub(crate) struct Received {
    /// What came. It lives in hyper's buffer if it came in one piece, so it must not be kept.
    pub(crate) bytes: Bytes,
    /// Why the rest did not come.
    pub(crate) cut: Option<Cut>,
}

/// Why a body did not come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is too long.
    TooLong,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

/// Reads a body.
pub(crate) async fn receive(mut body: Incoming) -> Received {
    let announced = body.size_hint().lower();
    if announced > LONGEST_BODY as u64 {
        return Received { bytes: Bytes::new(), cut: Some(Cut::TooLong) };
    }
    let mut first = Bytes::new();
    let mut all = Vec::new();
    let cut = loop {
        let piece = match body.frame().await {
            None => break None,
            Some(Err(_)) => break Some(Cut::Broken),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if first.is_empty() && all.is_empty() {
            first = piece;
            if body.is_end_stream() {
                break None;
            }
            continue;
        }
        if all.is_empty() {
            // A caller that announces much and sends little does not make us reserve much.
            all.reserve((announced as usize).min(first.len() + piece.len() + 64 * 1024));
            all.extend_from_slice(&first);
        }
        if all.len() + piece.len() > LONGEST_BODY {
            break Some(Cut::TooLong);
        }
        all.extend_from_slice(&piece);
    };
    let bytes = if all.is_empty() { first } else { all.into() };
    Received { bytes, cut }
}
