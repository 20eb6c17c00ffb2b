//! The address in a line such as `listening on http://127.0.0.1:4000`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first address behind a text in a line. A target that listens everywhere is asked on loopback.
pub(super) fn address_in(line: &str, behind: &str) -> Option<SocketAddr> {
    let at = line.find(behind)? + behind.len();
    line[at..]
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '(' | ')'))
        .find_map(address)
}

fn address(word: &str) -> Option<SocketAddr> {
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    let word = word.split('/').next()?.trim_end_matches('.');
    let (host, port) = word.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let ip = match host.trim_start_matches('[').trim_end_matches(']') {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().ok()?,
    };
    let ip = match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_the_forms_in_which_servers_print_it() {
        for (line, address) in [
            ("listening on http://127.0.0.1:4000", Some("127.0.0.1:4000")),
            ("INFO listening on http://127.0.0.1:4000/v1 (press CTRL+C)", Some("127.0.0.1:4000")),
            ("listening on 0.0.0.0:8080.", Some("127.0.0.1:8080")),
            ("listening on localhost:8080", Some("127.0.0.1:8080")),
            ("listening on [::1]:8080", Some("[::1]:8080")),
            ("listening on http://[::]:8080/", Some("[::1]:8080")),
            ("listening on 10.0.0.1:80", Some("10.0.0.1:80")),
            ("127.0.0.1:1 listening on", None),
            ("listening on port 8080", None),
            ("listening on 127.0.0.1:0", None),
            ("listening on 127.0.0.1:99999", None),
            ("listening on http://", None),
        ] {
            assert_eq!(
                address_in(line, "listening on"),
                address.map(|address| address.parse().unwrap()),
                "{line}"
            );
        }
    }
}
