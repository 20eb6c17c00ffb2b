//! What the command is: its version, and the hash of the source that it was made of.

/// The version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The SHA-256 over the names and texts of the source files, in hexadecimal digits.
pub(crate) const SOURCE_SHA256: &str = env!("STORMPROOF_SOURCE_SHA256");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_has_a_hash() {
        assert!(SOURCE_SHA256.len() == 64 && SOURCE_SHA256.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
