//! Where a response ends: by its length, by its chunks, or with its connection.

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the connection ends.
    UntilClose,
}

/// Where in a chunked body the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In a size line, with the size so far and whether its digits are over.
    Size { size: u64, digits: u8, extension: bool },
    /// In data, with what is left of it.
    Data(u64),
    /// At the line end behind data.
    DataEnd,
    /// In the trailer: whether the line so far is empty, and how many bytes there were.
    Trailer { empty: bool, bytes: u16 },
    /// Behind everything.
    Over,
}

/// The body is not as its framing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadFraming;

const MOST_TRAILER: u16 = 8 * 1024;
const MOST_SIZE_DIGITS: u8 = 15;

impl Framing {
    pub(super) const CHUNKED: Self = Self::Chunked(Chunk::Size { size: 0, digits: 0, extension: false });

    /// Whether the body is whole.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Over))
    }

    /// Whether the end of the connection ends the body soundly.
    pub(super) fn ends_with_connection(self) -> bool {
        self == Self::UntilClose
    }

    /// Takes bytes, hands on those of the body, and says how many were taken; fewer than all only if the body is over.
    pub(super) fn take<E: From<BadFraming>>(
        &mut self,
        bytes: &[u8],
        mut body: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        match self {
            Self::UntilClose => {
                body(bytes)?;
                Ok(bytes.len())
            }
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if taken > 0 {
                    body(&bytes[..taken])?;
                }
                Ok(taken)
            }
            Self::Chunked(chunk) => chunk.take(bytes, body),
        }
    }
}

impl Chunk {
    fn take<E: From<BadFraming>>(
        &mut self,
        bytes: &[u8],
        mut body: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::Over {
            if let Self::Data(left) = self {
                let taken = (bytes.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                body(&bytes[at..at + taken])?;
                at += taken;
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
            } else {
                *self = self.byte(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// The state behind a byte that is no data.
    fn byte(self, byte: u8) -> Result<Self, BadFraming> {
        match (self, byte) {
            (Self::Size { digits: 0, .. }, b'\r' | b'\n' | b';') => Err(BadFraming),
            (Self::Size { size: 0, .. }, b'\n') => Ok(Self::Trailer { empty: true, bytes: 0 }),
            (Self::Size { size, .. }, b'\n') => Ok(Self::Data(size)),
            (Self::Size { .. }, b'\r') => Ok(self),
            (Self::Size { size, digits, .. }, b';' | b' ') => {
                Ok(Self::Size { size, digits, extension: true })
            }
            (Self::Size { extension: true, .. }, _) => Ok(self),
            (Self::Size { size, digits, .. }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(BadFraming)?;
                if digits == MOST_SIZE_DIGITS {
                    return Err(BadFraming);
                }
                Ok(Self::Size { size: size * 16 + u64::from(digit), digits: digits + 1, extension: false })
            }
            (Self::DataEnd, b'\r') => Ok(self),
            (Self::DataEnd, b'\n') => Ok(Self::Size { size: 0, digits: 0, extension: false }),
            (Self::DataEnd, _) => Err(BadFraming),
            (Self::Trailer { empty: true, .. }, b'\n') => Ok(Self::Over),
            (Self::Trailer { bytes: MOST_TRAILER, .. }, _) => Err(BadFraming),
            (Self::Trailer { bytes, .. }, b'\n') => Ok(Self::Trailer { empty: true, bytes: bytes + 1 }),
            (Self::Trailer { empty, bytes }, b'\r') => Ok(Self::Trailer { empty, bytes: bytes + 1 }),
            (Self::Trailer { bytes, .. }, _) => Ok(Self::Trailer { empty: false, bytes: bytes + 1 }),
            (Self::Data(_) | Self::Over, _) => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a text in pieces of a size, and gives the body with what was left over.
    fn read(mut framing: Framing, text: &[u8], piece: usize) -> Result<(Vec<u8>, bool, usize), BadFraming> {
        let (mut body, mut taken) = (Vec::new(), 0);
        for part in text.chunks(piece) {
            let count = framing.take::<BadFraming>(part, |bytes| {
                body.extend_from_slice(bytes);
                Ok(())
            })?;
            taken += count;
            if count < part.len() {
                break;
            }
        }
        Ok((body, framing.is_over(), text.len() - taken))
    }

    #[test]
    fn a_chunked_body_is_read_however_it_is_split() {
        let text =
            b"4\r\nWiki\r\n6;note=x\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\nHTTP";
        for piece in 1..text.len() {
            let read = read(Framing::CHUNKED, text, piece).unwrap();
            assert_eq!((read.0.as_slice(), read.1), (b"Wikipedia in \r\n\r\nchunks.".as_slice(), true));
        }
        assert_eq!(read(Framing::CHUNKED, text, text.len()).unwrap().2, 4);
    }

    #[test]
    fn a_body_of_a_length_ends_there() {
        assert_eq!(read(Framing::Length(5), b"hello more", 3), Ok((b"hello".to_vec(), true, 5)));
        assert_eq!(read(Framing::Length(50), b"hello", 5), Ok((b"hello".to_vec(), false, 0)));
        assert!(Framing::Length(0).is_over());
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        for text in ["\r\n", "x\r\n", "4\r\nWikiX", ";\r\n", "1234567890123456\r\n", "-1\r\n"] {
            assert_eq!(read(Framing::CHUNKED, text.as_bytes(), 64), Err(BadFraming), "{text:?}");
        }
        let endless = [b"0\r\n".as_slice(), &b"a: b\r\n".repeat(5_000)].concat();
        assert_eq!(read(Framing::CHUNKED, &endless, 64), Err(BadFraming));
    }
}
