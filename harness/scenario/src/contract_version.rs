//! The version of the contract: rules come with one, and a run can be judged by an older one.

use std::fmt;

/// A version of the contract, `1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContractVersion {
    major: u16,
    minor: u16,
}

impl ContractVersion {
    /// The version of a text such as `1.0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok());
        Some(Self { major: number(major)??, minor: number(minor)?? })
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers_and_orders_by_them() {
        let version = |text| ContractVersion::parse(text);
        assert!(version("1.9") < version("1.10") && version("1.10") < version("2.0"));
        assert_eq!(version("1.0").unwrap().to_string(), "1.0");
        for wrong in ["", "1", "1.", ".1", "1.0.0", "v1.0", "1.-1", "+1.0", "1.0 "] {
            assert_eq!(version(wrong), None, "{wrong:?}");
        }
    }
}
