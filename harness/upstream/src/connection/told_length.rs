//! The head of a reply whose body's length is told otherwise than hyper tells it.

use scenario::BodyLength;

/// The name of the header, as hyper writes it.
const CONTENT_LENGTH: &[u8] = b"\r\ncontent-length: ";

/// What goes out instead of the head with which the bytes begin, and how many of them that is; nothing where there is nothing
/// to change.
pub(super) fn changed(bytes: &[u8], length: BodyLength) -> Option<(Vec<u8>, usize)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let line = memchr::memmem::find(&bytes[..end], CONTENT_LENGTH)?;
    let digits = line + CONTENT_LENGTH.len();
    let behind = memchr::memchr(b'\r', &bytes[digits..]).map(|length| digits + length)?;
    let whole: u64 = std::str::from_utf8(&bytes[digits..behind]).ok()?.parse().ok()?;
    let mut head = bytes[..line].to_vec();
    match length {
        BodyLength::Usual | BodyLength::Chunked => return None,
        BodyLength::UntilClose => {}
        BodyLength::Half => {
            head.extend_from_slice(CONTENT_LENGTH);
            head.extend_from_slice((whole / 2).to_string().as_bytes());
        }
    }
    head.extend_from_slice(&bytes[behind..end + 4]);
    Some((head, end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_left_out_or_halved_and_the_body_is_left_alone() {
        let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nx: y\r\n\r\ncontent-length: 4\r\n\r\n";
        for (length, expected) in [
            (BodyLength::UntilClose, Some("HTTP/1.1 200 OK\r\nx: y\r\n\r\n")),
            (BodyLength::Half, Some("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx: y\r\n\r\n")),
            (BodyLength::Usual, None),
        ] {
            let found = changed(reply, length);
            assert_eq!(found.as_ref().map(|(head, _)| std::str::from_utf8(head).unwrap()), expected);
            assert!(found.is_none_or(|(_, consumed)| consumed == 45));
        }
        assert_eq!(
            changed(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\ncontent-length: 4\r\n\r\n", BodyLength::Half),
            None
        );
        assert_eq!(changed(b"HTTP/1.1 200 OK\r\ncontent-", BodyLength::Half), None);
    }
}
