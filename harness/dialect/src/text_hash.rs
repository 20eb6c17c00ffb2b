//! A hash of delivered text, so that a row can say whether two texts are the same without holding them.
//!
//! It is 32-bit FNV-1a over the text's UTF-8 bytes: the same however the text was cut into pieces, plain or streamed.

/// Hashes a text that comes in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextHash(u32);

const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

impl Default for TextHash {
    fn default() -> Self {
        Self(OFFSET)
    }
}

impl TextHash {
    /// The hash of a whole text.
    #[must_use]
    pub fn of(text: &str) -> u32 {
        let mut hash = Self::default();
        hash.add(text);
        hash.value()
    }

    /// Takes in the next piece.
    pub fn add(&mut self, piece: &str) {
        self.0 = piece.bytes().fold(self.0, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    }

    /// The hash of the pieces so far.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        for (text, hash) in [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(TextHash::of(text), hash, "{text}");
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let mut hash = TextHash::default();
        for piece in ["fo", "", "ob", "ar"] {
            hash.add(piece);
        }
        assert_eq!(hash.value(), TextHash::of("foobar"));
    }
}
