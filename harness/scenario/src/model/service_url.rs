//! The address of a real service, as a scenario or the environment says it: plain HTTP at a host, and nothing behind it.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook};

/// Where a real service is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceUrl {
    /// A name or a number, without the brackets that a number of IPv6 has in a URL.
    pub host: String,
    /// 80 where the URL says none.
    pub port: u16,
}

impl ServiceUrl {
    /// Reads `http://HOST` or `http://HOST:PORT`. A path, a password or TLS is refused: nothing here would heed it.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(number) => {
                let (host, behind) = number.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) })
            }
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let letter = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        let is_host = !host.is_empty() && host.chars().all(letter);
        let port = port.map_or(Some(80), |port| port.parse().ok()).filter(|port| *port != 0)?;
        is_host.then(|| Self { host: host.to_owned(), port })
    }

    /// Whether nothing leaves the machine that goes there.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let number = self.host.parse::<IpAddr>();
        number.map_or_else(|_| self.host.eq_ignore_ascii_case("localhost"), |number| number.is_loopback())
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "http://[{host}]:{port}")
        } else {
            write!(f, "http://{host}:{port}")
        }
    }
}

impl Read for ServiceUrl {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let text = String::read(node, problems)?;
        let url = Self::parse(&text);
        if url.is_none() {
            let problem =
                Problem::new(node.span, format!("`{}` is no address of a service", text.escape_debug()));
            problems.push(problem.help("write `http://HOST` or `http://HOST:PORT`: `http://localhost:8080`"));
        }
        url
    }

    fn schema(_: &mut SchemaBook) -> Value {
        json!({ "type": "string", "pattern": "^http://[^/@?#]+/?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (url, read) in [
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost:4000/", Some("http://localhost:4000")),
            ("http://registry.example", Some("http://registry.example:80")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("http://[::1]", Some("http://[::1]:80")),
            ("https://127.0.0.1", None),
            ("127.0.0.1:80", None),
            ("http://127.0.0.1:80/v1", None),
            ("http://name:word@127.0.0.1:80", None),
            ("http://127.0.0.1:0", None),
            ("http://127.0.0.1:70000", None),
            ("http://::1:80", None),
            ("http://[localhost]:80", None),
            ("http://", None),
            ("", None),
        ] {
            assert_eq!(ServiceUrl::parse(url).map(|url| url.to_string()).as_deref(), read, "{url}");
        }
    }

    #[test]
    fn only_what_stays_on_the_machine_is_loopback() {
        for (url, is_loopback) in [
            ("http://localhost", true),
            ("http://127.8.0.1", true),
            ("http://[::1]", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(ServiceUrl::parse(url).unwrap().is_loopback(), is_loopback, "{url}");
        }
    }
}
