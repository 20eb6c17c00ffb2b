//! The address of a Redis, whose password is never shown.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::secret::Secret;

/// Where a Redis is, and who asks there.
#[derive(Clone)]
pub(crate) struct RedisAddress {
    written: Secret,
    info: ConnectionInfo,
}

const EXAMPLE: &str = "write one such as `redis://user:password@host:6379/0`";

impl RedisAddress {
    /// Reads an address, or says what is wrong without a word of it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(written) = Secret::trimmed(text) else { return Err(format!("no address: {EXAMPLE}")) };
        let text = written.reveal();
        if text.starts_with("rediss://") {
            let problem = "`rediss://` is not spoken: TLS to a Redis is not built in; write `redis://`, or put a tunnel \
                           in between";
            return Err(problem.to_owned());
        }
        let Some(rest) = text.strip_prefix("redis://") else {
            return Err(format!("not the address of a Redis: {EXAMPLE}"));
        };
        if rest.contains(['?', '#']) {
            return Err(format!("an address of a Redis has nothing behind its database: {EXAMPLE}"));
        }
        // What the reader says of a wrong one may show parts of it.
        let wrong = || {
            format!(
                "not the address of a Redis: {EXAMPLE}; what stands for itself in a password is `%40`-encoded"
            )
        };
        let info = text.into_connection_info().map_err(|_| wrong())?;
        match info.addr() {
            ConnectionAddr::Tcp(host, _) if !host.is_empty() && info.redis_settings().db() >= 0 => {}
            _ => return Err(wrong()),
        }
        Ok(Self { written, info })
    }

    pub(super) fn info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl fmt::Display for RedisAddress {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis://{}/{}", self.info.addr(), self.info.redis_settings().db())
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for RedisAddress {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for RedisAddress {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379/0"),
            ("redis://some.host:7000/3", "redis://some.host:7000/3"),
            ("redis://joe:tops3cret@some.host:7000/3", "redis://some.host:7000/3"),
            ("redis://:top%40s3cret@some.host", "redis://some.host:6379/0"),
        ] {
            let address = RedisAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), format!("{address:?}").as_str()), (shown, shown));
        }
        let password =
            |text| RedisAddress::parse(text).unwrap().info.redis_settings().password().map(str::to_owned);
        assert_eq!(password("redis://:top%40s3cret@some.host").as_deref(), Some("top@s3cret"));
    }

    #[test]
    fn what_is_none_is_refused_without_showing_it() {
        for (text, expected) in [
            ("", "no address"),
            ("some.tops3cret.host:6379", "not the address of a Redis"),
            ("http://joe:tops3cret@some.host", "not the address of a Redis"),
            ("rediss://joe:tops3cret@some.host", "TLS to a Redis is not built in"),
            ("redis://joe:tops3cret@some.host/first", "not the address of a Redis"),
            ("redis://joe:tops3cret@", "not the address of a Redis"),
            ("redis://joe:tops3cret@some.host/0?protocol=resp3", "nothing behind its database"),
            ("redis://joe:tops3cret@some.host:99999", "not the address of a Redis"),
        ] {
            let problem = RedisAddress::parse(text).unwrap_err();
            assert!(problem.contains(expected) && !problem.contains("tops3cret"), "{text}: {problem}");
        }
    }
}
