//! Where a response ends: by its length, by its chunks, or with its connection.

use httparse::Header;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the connection ends.
    UntilClose,
}

/// Where in a chunked body the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In the digits of a size, with the size so far.
    Size { size: u64, digits: u8 },
    /// Behind them, in what may follow until the line's end.
    Extension { size: u64, bytes: u16 },
    /// At the line feed that ends a size line.
    SizeEnd(u64),
    /// In data, with what is left of it.
    Data(u64),
    /// At the carriage return behind data.
    DataReturn,
    /// At the line feed behind data.
    DataEnd,
    /// In the trailer, with the bytes of it so far and of its present line.
    Trailer { bytes: u16, line: u16 },
    /// At the line feed that ends a line of the trailer, with the same.
    TrailerEnd { bytes: u16, line: u16 },
    /// Behind everything.
    Over,
}

/// The body is not as its framing says, or its framing says nothing sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadFraming;

const MOST_TRAILER: u16 = 8 * 1024;
const MOST_EXTENSION: u16 = 4 * 1024;
/// More would overflow the size, and no chunk is that long.
const MOST_SIZE_DIGITS: u8 = 15;

impl Framing {
    pub(crate) const CHUNKED: Self = Self::Chunked(Chunk::LINE);

    /// How a response's head says that its body ends. Lengths that disagree and codings that nobody asked for are refused:
    /// whoever guesses there reads one response as two.
    pub(crate) fn of(status: u16, headers: &[Header<'_>]) -> Result<Self, BadFraming> {
        let (mut length, mut chunked) = (None, false);
        for header in headers {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadFraming);
                }
                chunked = true;
            } else if header.name.eq_ignore_ascii_case("content-length") {
                let said = decimal(value).ok_or(BadFraming)?;
                if length.is_some_and(|length| length != said) {
                    return Err(BadFraming);
                }
                length = Some(said);
            }
        }
        Ok(match (status, chunked, length) {
            (204 | 304, ..) => Self::Length(0),
            (_, true, _) => Self::CHUNKED,
            (_, false, Some(length)) => Self::Length(length),
            (_, false, None) => Self::UntilClose,
        })
    }

    /// Whether the body is whole.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Over))
    }

    /// Whether the end of the connection ends the body soundly.
    pub(crate) fn ends_with_connection(self) -> bool {
        self == Self::UntilClose
    }

    /// Takes bytes, hands on those of the body, and says how many were taken; fewer than all only if the body is over.
    pub(crate) fn take<E: From<BadFraming>>(
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
    const LINE: Self = Self::Size { size: 0, digits: 0 };

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
                    *self = Self::DataReturn;
                }
            } else {
                *self = self.after(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// The state behind a byte that is no data.
    fn after(self, byte: u8) -> Result<Self, BadFraming> {
        match (self, byte) {
            (Self::Size { size, digits: 1.. } | Self::Extension { size, .. }, b'\r') => {
                Ok(Self::SizeEnd(size))
            }
            (Self::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => Ok(Self::Extension { size, bytes: 0 }),
            (Self::Size { size, digits }, _) if digits < MOST_SIZE_DIGITS => {
                let digit = char::from(byte).to_digit(16).ok_or(BadFraming)?;
                Ok(Self::Size { size: size * 16 + u64::from(digit), digits: digits + 1 })
            }
            (Self::Extension { size, bytes }, _) if byte != b'\n' && bytes < MOST_EXTENSION => {
                Ok(Self::Extension { size, bytes: bytes + 1 })
            }
            (Self::SizeEnd(0), b'\n') => Ok(Self::Trailer { bytes: 0, line: 0 }),
            (Self::SizeEnd(size), b'\n') => Ok(Self::Data(size)),
            (Self::DataReturn, b'\r') => Ok(Self::DataEnd),
            (Self::DataEnd, b'\n') => Ok(Self::LINE),
            (Self::Trailer { bytes, line }, b'\r') => Ok(Self::TrailerEnd { bytes, line }),
            (Self::Trailer { bytes, line }, _) if byte != b'\n' && bytes < MOST_TRAILER => {
                Ok(Self::Trailer { bytes: bytes + 1, line: line + 1 })
            }
            (Self::TrailerEnd { line: 0, .. }, b'\n') => Ok(Self::Over),
            (Self::TrailerEnd { bytes, .. }, b'\n') => Ok(Self::Trailer { bytes, line: 0 }),
            _ => Err(BadFraming),
        }
    }
}

/// Digits alone: the standard parser would take a sign too.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
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
        let texts = [
            "\r\n",
            "x\r\n",
            ";\r\n",
            "4\n",
            "4\r4\r\n",
            "4\r\nWikiX",
            "4\r\nWiki\n",
            "1234567890123456\r\n",
            "-1\r\n",
            "0\r\n\n",
        ];
        for text in texts {
            assert_eq!(read(Framing::CHUNKED, text.as_bytes(), 64), Err(BadFraming), "{text:?}");
        }
    }

    #[test]
    fn neither_an_extension_nor_a_trailer_goes_on_for_ever() {
        for text in [[b"0\r\n".as_slice(), &b"a: b\r\n".repeat(5_000)].concat(), b"4;".repeat(5_000)] {
            assert_eq!(read(Framing::CHUNKED, &text, 64), Err(BadFraming));
        }
    }

    #[test]
    fn the_head_decides_where_the_body_ends() {
        type Fields = &'static [(&'static str, &'static str)];
        let cases: [(u16, Fields, Result<Framing, BadFraming>); 11] = [
            (200, &[], Ok(Framing::UntilClose)),
            (200, &[("Content-Length", "7")], Ok(Framing::Length(7))),
            (200, &[("content-length", "7"), ("content-length", "7")], Ok(Framing::Length(7))),
            (200, &[("content-length", "7"), ("content-length", "8")], Err(BadFraming)),
            (200, &[("content-length", "+7")], Err(BadFraming)),
            (200, &[("content-length", "")], Err(BadFraming)),
            (200, &[("content-length", "99999999999999999999")], Err(BadFraming)),
            (200, &[("content-length", "7"), ("Transfer-Encoding", "Chunked")], Ok(Framing::CHUNKED)),
            (200, &[("transfer-encoding", "gzip, chunked")], Err(BadFraming)),
            (204, &[], Ok(Framing::Length(0))),
            (304, &[("content-length", "7")], Ok(Framing::Length(0))),
        ];
        for (status, fields, expected) in cases {
            let headers: Vec<Header<'_>> =
                fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
            assert_eq!(Framing::of(status, &headers), expected, "{status} {fields:?}");
        }
    }
}
