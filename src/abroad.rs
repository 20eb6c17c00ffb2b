//! A target that runs already: where it is, whose upstreams it has, and the instance that is configured for this harness.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;

use record::Verdict;
use run::{Abroad, FixedPorts, Foreign, Ignored, ScenarioPlan, SharedInstances};
use scenario::{ServiceUrl, Suite};
use target::Profile;

use crate::args::RunArgs;
use crate::settings::Refusal;

/// Where the target runs that nobody starts, if that is asked for.
pub(crate) fn abroad(args: &RunArgs, profile: &Profile) -> Result<Option<Abroad>, Refusal> {
    let of_profile = profile.says.start.url.as_ref();
    let variable = |name: &Option<String>| {
        name.as_ref().and_then(|name| std::env::var(name).ok()).filter(|value| !value.is_empty())
    };
    let (said, url) = match (&args.url, of_profile) {
        (Some(url), _) => ("--url".to_owned(), Some(url.clone())),
        (None, Some(running)) => match (variable(&running.variable), &running.variable) {
            (Some(url), Some(name)) => (name.clone(), Some(url)),
            _ => (String::new(), Some(running.default.to_string())),
        },
        (None, None) => (String::new(), None),
    };
    let Some(url) = url else {
        return match args.ports {
            Some(_) => Err(Refusal::misused(
                "`--ports` is for a target that runs already\n  = help: say where: `--url http://127.0.0.1:4000`",
            )),
            None => Ok(None),
        };
    };
    let address = address(&said, &url, args.allow_remote)?;
    let foreign = args.ports.is_none().then(|| match of_profile {
        Some(running) => Foreign { model: variable(&running.model), key: variable(&running.key) },
        None => Foreign::default(),
    });
    Ok(Some(Abroad { address, foreign }))
}

fn address(said: &str, text: &str, allow_remote: bool) -> Result<SocketAddr, Refusal> {
    let by = if said.is_empty() { String::new() } else { format!("{said}: ") };
    let url = ServiceUrl::parse(text).ok_or_else(|| {
        let help = "write `http://HOST:PORT`: nothing else of a URL would be heeded";
        Refusal::misused(format!("{by}`{}` is no address of a target\n  = help: {help}", text.escape_debug()))
    })?;
    if !url.is_loopback() && !allow_remote {
        return Err(Refusal::misused(format!(
            "{by}{url} is not on this machine\n  = help: add `--allow-remote` if that is meant"
        )));
    }
    let found = (url.host.as_str(), url.port).to_socket_addrs();
    let unknown = |error: &dyn std::fmt::Display| {
        Refusal::misused(format!("{by}{url} has no address that is known here: {error}"))
    };
    let addresses: Vec<SocketAddr> = found.map_err(|error| unknown(&error))?.collect();
    // Servers that listen on one of the two mostly listen on the older one.
    let older = addresses.iter().find(|address| address.is_ipv4());
    older.or_else(|| addresses.first()).copied().ok_or_else(|| unknown(&"nobody knows it"))
}

/// The instances that trials share: for a target that was configured beforehand, the one that it was configured for. Other trials
/// than its own cannot be run against it.
pub(crate) fn shared(
    args: &RunArgs,
    profile: &Profile,
    suite: &Suite,
    trials: &mut [ScenarioPlan],
) -> Result<SharedInstances, Refusal> {
    let Some(ports) = &args.ports else {
        // A target that runs is what it is.
        let starts = args.url.is_none() && profile.says.start.process.is_some();
        return Ok(if starts {
            SharedInstances::of(profile, suite, trials)
        } else {
            SharedInstances::default()
        });
    };
    let fixed = fixed(args, ports)?;
    let (shared, left_out) = SharedInstances::fixed(profile, suite, trials, &fixed).map_err(|needed| {
        Refusal::misused(format!(
            "`--ports {}-{}` are {} ports, and {needed} are needed\n  = help: give more, or select fewer scenarios",
            ports.start(),
            ports.end(),
            ports.clone().count()
        ))
    })?;
    leave_out(trials, &left_out);
    Ok(shared)
}

fn leave_out(trials: &mut [ScenarioPlan], left_out: &BTreeSet<String>) {
    let reason = "it needs an instance of its own, or settings that another scenario has otherwise, and the target runs already";
    for trial in trials.iter_mut().filter(|trial| left_out.contains(&trial.name)) {
        trial.ignored = Some(Ignored { verdict: Verdict::NotObservable, reason: reason.to_owned() });
    }
}

fn fixed(args: &RunArgs, ports: &RangeInclusive<u16>) -> Result<FixedPorts, Refusal> {
    let advertise = args.advertise.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
    let number = advertise.parse::<IpAddr>();
    let loopback =
        number.map_or_else(|_| advertise.eq_ignore_ascii_case("localhost"), |number| number.is_loopback());
    if !loopback && !args.allow_remote {
        return Err(Refusal::misused(format!(
            "with `--advertise {advertise}` others than this machine could reach the simulated providers\n  = help: add \
             `--allow-remote` if that is meant"
        )));
    }
    Ok(FixedPorts { ports: ports.clone(), advertise, loopback })
}

/// What reports tell of a target that runs already.
pub(crate) fn note(args: &RunArgs, abroad: &Abroad) -> String {
    let address = abroad.address;
    match (&abroad.foreign, &args.ports) {
        (Some(_), _) => format!(
            "the target runs at {address}, in front of upstreams that are its own: only what clients see was judged"
        ),
        (None, Some(ports)) => format!(
            "the target runs at {address}, configured for simulated providers at the ports {} to {}",
            ports.start(),
            ports.end()
        ),
        (None, None) => format!("the target runs at {address}"),
    }
}
