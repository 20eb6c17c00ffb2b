//! The command line as it was typed: validated by itself, without a look at the world.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use scenario::{ContractVersion, Money, read_duration, read_money};

/// Proof that an LLM router keeps its promises when its providers misbehave.
#[derive(Debug, Parser)]
#[command(name = "stormproof", version, about, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios against a target and judge it
    Run(RunArgs),
    /// Read scenarios and tell everything that is wrong with them
    Check(PathArgs),
    /// Show that each rule turns red under each defect that it names, and write the kill matrix
    Prove(ProveArgs),
    /// Find out whether a target has what its profile claims, and claims what it has
    Probe(ProbeArgs),
    /// List trials with the rules that they prove
    List(ListArgs),
    /// Write the suite that is inside the command into a folder
    Export(ExportArgs),
    /// Write the configuration of a target that you start yourself, with simulated providers at known addresses
    Render(RenderArgs),
    /// Judge the evidence of a run again
    Judge(JudgeArgs),
    /// Say what a rule asks, what a scenario shows, or what a word of the language means
    Explain(ExplainArgs),
    /// Write the start of a scenario, a profile or a rule
    New(NewArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema(SchemaArgs),
    /// List the defects that can be switched on, with the rules that they break
    Defects,
    /// Run the reference router
    Router(RouterArgs),
    /// Serve the upstreams of a world for hand work
    Upstreams(UpstreamsArgs),
    /// Start a program that must not outlive its parent
    #[command(hide = true)]
    Guard(GuardArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PathArgs {
    /// Scenario files, or folders that hold them
    #[arg(value_name = "PATH", default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Scenario files, or folders that hold them [default: the suite inside the command]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Show what each rule and each row of the requirements is covered by, and fail if one is covered by nothing
    #[arg(long)]
    pub(crate) coverage: bool,

    /// The rows to be covered [default: those of the suite inside the command, where that one is listed]
    #[arg(long, value_name = "FILE", requires = "coverage")]
    pub(crate) requirements: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A folder that is empty or not there yet
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RunArgs {
    /// Scenario files or folders, whole trial names (FILE::CASE), or words that a trial's name must hold [default: the suite
    /// inside the command]
    #[arg(value_name = "PATH|NAME|FILTER")]
    pub(crate) what: Vec<String>,

    /// The profile of the target [default: the bundled reference router]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) target: Option<PathBuf>,

    /// Where the target runs already; it is not started then [default: what its profile says]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,

    /// The ports of the simulated providers that a target that runs already was configured for by `stormproof render`; without them
    /// its providers are its own, and only what clients see is judged
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    pub(crate) ports: Option<RangeInclusive<u16>>,

    /// The name or number by which such a target reaches this machine [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", requires = "ports")]
    pub(crate) advertise: Option<String>,

    /// Switch on a named defect of the target
    #[arg(long, value_name = "NAME")]
    pub(crate) defect: Option<String>,

    /// The seed of every draw [default: a new one; 1 with `--ports`]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Where evidence and reports go [default: reports/runs/TIME-SEED]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,

    /// Run only scenarios that bear this tag, or are of the stage of that name (repeatable)
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,

    /// Leave out scenarios that bear this tag, or are of the stage of that name (repeatable)
    #[arg(long, value_name = "TAG")]
    pub(crate) skip_tag: Vec<String>,

    /// Gate what needs a service that is not there, instead of failing
    #[arg(long)]
    pub(crate) skip_unavailable: bool,

    /// Let a run send to services that are not on this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// Fail if this stage is gated (repeatable)
    #[arg(long, value_name = "STAGE")]
    pub(crate) require: Vec<String>,

    /// Count a SHOULD that does not hold as a failure
    #[arg(long)]
    pub(crate) strict: bool,

    /// Let rules that came after this version of the contract only warn (1.0)
    #[arg(long, value_name = "VERSION", value_parser = contract)]
    pub(crate) contract: Option<ContractVersion>,

    /// Run only what did not pass in the last run
    #[arg(long)]
    pub(crate) last_failed: bool,

    /// Send no more requests than this in the whole run
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests: Option<u64>,

    /// Send nothing that may cost more than this in the whole run, by the prices of the scenarios (0.50 USD)
    #[arg(long, value_name = "MONEY", value_parser = money)]
    pub(crate) max_cost: Option<Money>,

    /// End the run after this time (90s, 10m)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_time: Option<Duration>,

    /// Tell what would run, how much would be sent and what it could cost, and start nothing
    #[arg(long, conflicts_with = "list")]
    pub(crate) dry_run: bool,

    /// Show exchanges and attempts as they happen
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Show the target's log as it is written
    #[arg(long)]
    pub(crate) follow: bool,

    #[command(flatten)]
    pub(crate) libtest: LibtestArgs,
}

impl RunArgs {
    /// The seed that was asked for, or that a target was configured with beforehand.
    pub(crate) fn known_seed(&self) -> Option<u64> {
        self.seed.or_else(|| self.ports.as_ref().map(|_| SEED_OF_RENDERED))
    }

    /// The options that decide what a run is, as they would be written.
    pub(crate) fn options(&self) -> Vec<String> {
        let ports = self.ports.as_ref().map(|ports| format!("{}-{}", ports.start(), ports.end()));
        let valued = [
            ("--seed", self.known_seed().map(|seed| seed.to_string())),
            ("--target", self.target.as_ref().map(|target| target.display().to_string())),
            ("--url", self.url.clone()),
            ("--ports", ports),
            ("--advertise", self.advertise.clone()),
            ("--defect", self.defect.clone()),
            ("--contract", self.contract.map(|contract| contract.to_string())),
        ];
        let tags = self.tag.iter().map(|tag| ("--tag", tag.clone()));
        let skipped = self.skip_tag.iter().map(|tag| ("--skip-tag", tag.clone()));
        let flags = [
            (self.strict, "--strict"),
            (self.skip_unavailable, "--skip-unavailable"),
            (self.allow_remote, "--allow-remote"),
        ];
        let valued = valued.into_iter().filter_map(|(option, value)| Some((option, value?)));
        let valued = valued.chain(tags).chain(skipped).flat_map(|(option, value)| [option.to_owned(), value]);
        valued.chain(flags.iter().filter(|(set, _)| *set).map(|(_, option)| (*option).to_owned())).collect()
    }
}

/// The seed by which a target is configured beforehand, where nobody chooses one.
const SEED_OF_RENDERED: u64 = 1;

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The profile of the target
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: PathBuf,

    /// Scenario files or folders, whole trial names or words that a trial's name must hold [default: the suite inside the command]
    #[arg(value_name = "PATH|NAME|FILTER")]
    pub(crate) what: Vec<String>,

    /// The ports of the simulated providers
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    pub(crate) ports: RangeInclusive<u16>,

    /// The name or number by which the target reaches this machine [default: 127.0.0.1]
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,

    /// The folder for the configuration
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,

    /// The port on which the target is going to listen
    #[arg(long, value_name = "PORT", default_value_t = 4000)]
    pub(crate) port: u16,

    /// The seed of every draw
    #[arg(long, value_name = "NUMBER", default_value_t = SEED_OF_RENDERED)]
    pub(crate) seed: u64,

    /// Take only scenarios that bear this tag, or are of the stage of that name (repeatable)
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,

    /// Leave out scenarios that bear this tag, or are of the stage of that name (repeatable)
    #[arg(long, value_name = "TAG")]
    pub(crate) skip_tag: Vec<String>,

    /// Let others than this machine reach the simulated providers
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

impl RenderArgs {
    /// The run that the configuration is for.
    pub(crate) fn as_run(&self) -> RunArgs {
        RunArgs {
            what: self.what.clone(),
            target: Some(self.profile.clone()),
            url: Some(format!("http://127.0.0.1:{}", self.port)),
            ports: Some(self.ports.clone()),
            advertise: self.advertise.clone(),
            seed: Some(self.seed),
            tag: self.tag.clone(),
            skip_tag: self.skip_tag.clone(),
            allow_remote: self.allow_remote,
            ..RunArgs::default()
        }
    }
}

/// What the standard test harness offers, by the same names.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of the standard test harness")]
pub(crate) struct LibtestArgs {
    /// List trials without running them
    #[arg(long)]
    pub(crate) list: bool,

    /// Filters must equal a trial's name
    #[arg(long)]
    pub(crate) exact: bool,

    /// Leave out trials whose name holds this (repeatable)
    #[arg(long, value_name = "FILTER")]
    pub(crate) skip: Vec<String>,

    /// How many trials run side by side [default: 16]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) test_threads: Option<u16>,

    /// How results are printed
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// One character for each trial
    #[arg(short, long, conflicts_with = "format")]
    pub(crate) quiet: bool,

    /// Run only trials that are ignored otherwise
    #[arg(long)]
    pub(crate) ignored: bool,

    /// Run ignored trials too
    #[arg(long)]
    pub(crate) include_ignored: bool,

    /// Accepted for the sake of scripts: nothing is captured
    #[arg(long, hide = true)]
    pub(crate) nocapture: bool,

    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for each trial
    Pretty,
    /// A character for each trial
    Terse,
    /// A JSON object for each event
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Scenario files, or folders that hold them [default: the suite inside the command]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// The profile of the target, which must have defects [default: the bundled reference router]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) target: Option<PathBuf>,

    /// Prove only what concerns this defect (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) defect: Vec<String>,

    /// Prove only what changed since this commit of git
    #[arg(long, value_name = "REF")]
    pub(crate) since: Option<String>,

    /// Run every scenario under every defect, not only those that concern it
    #[arg(long)]
    pub(crate) all: bool,

    /// The seed of every draw [default: a new one]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Where the matrix and the evidence go [default: reports/proofs/TIME-SEED]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,

    /// How many trials run side by side [default: 16]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) test_threads: Option<u16>,

    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The profile of the target [default: the bundled reference router]
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: Option<PathBuf>,

    /// The seed of every draw [default: a new one]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Where evidence and reports go [default: reports/probes/TIME-SEED]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,

    /// How the findings are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ProbeFormat::Text)]
    pub(crate) format: ProbeFormat,

    /// Tell why, for each probe that does not pass
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProbeFormat {
    /// A line for each capability
    #[default]
    Text,
    /// A JSON object
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// The folder of the run
    #[arg(value_name = "RUN", default_value = "reports/latest")]
    pub(crate) run: PathBuf,

    /// Write the reports of this judgement into a folder [default: write nothing]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A rule's id (ROT-001), a scenario's file, stem or title, or any word of the language (cooling)
    #[arg(value_name = "RULE|SCENARIO|WORD")]
    pub(crate) what: String,

    /// Scenario files or folders to look in, with their chapters of rules [default: scenarios, where there is such a folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// What to begin
    #[arg(value_enum, value_name = "KIND")]
    pub(crate) kind: NewKind,

    /// Its name: of a scenario or profile the file's, of a rule its id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The folder to write into [default: scenarios, or fixtures/targets for a profile]
    #[arg(long = "in", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// A scenario
    Scenario,
    /// A target's profile
    Profile,
    /// A rule of the contract
    Rule,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The kind of file
    #[arg(value_enum, value_name = "KIND", default_value_t = SchemaKind::Scenario)]
    pub(crate) kind: SchemaKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// A scenario
    Scenario,
    /// A chapter of rules
    Rules,
    /// A target's profile
    Profile,
}

#[derive(Debug, Args)]
pub(crate) struct RouterArgs {
    /// The router's configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// The address to listen on, instead of the configuration's; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// Switch on a named defect
    #[arg(long, value_name = "NAME")]
    pub(crate) defect: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpstreamsArgs {
    /// The file that holds the world: one that scenarios import, or a whole scenario
    #[arg(long, value_name = "FILE")]
    pub(crate) world: PathBuf,

    /// The case whose world is served, of a scenario with several
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,

    /// The address of the control API; the upstreams take the ports behind it [default: free ports of 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    pub(crate) listen: Option<ListenAddress>,

    /// Let upstreams listen at an address that is not loopback: whoever reaches it can use them
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// The seed of every key and draw [default: the scenario's, or a new one]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Write the exports to this file too, for `source`; it is removed at the end
    #[arg(long, value_name = "FILE")]
    pub(crate) exports: Option<PathBuf>,
}

fn contract(text: &str) -> Result<ContractVersion, &'static str> {
    ContractVersion::parse(text).ok_or("write two numbers, for example `1.0`")
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, &'static str> {
    let numbers =
        text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let ports = numbers.filter(|(first, last): &(u16, u16)| 0 < *first && first <= last);
    ports
        .map(|(first, last)| first..=last)
        .ok_or("write the first and the last port, for example `9100-9399`")
}

fn money(text: &str) -> Result<Money, &'static str> {
    read_money(text).ok_or("write an amount with its currency, for example `0.50 USD`")
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    read_duration(text).ok_or("write a number with a unit, for example `90s` or `10m`")
}

/// An address with a port, or without one for free ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress {
    pub(crate) ip: IpAddr,
    pub(crate) port: Option<u16>,
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self { ip: Ipv4Addr::LOCALHOST.into(), port: None }
    }
}

fn listen_address(text: &str) -> Result<ListenAddress, String> {
    let text = text.replacen("localhost", "127.0.0.1", 1);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(ListenAddress { ip: address.ip(), port: Some(address.port()).filter(|port| *port != 0) });
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse().map_err(|_| "write for example 127.0.0.1:9000, or 127.0.0.1 for free ports")?;
    Ok(ListenAddress { ip, port: None })
}

#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_no_port() {
        for (text, ip, port) in [
            ("127.0.0.1:9000", "127.0.0.1", Some(9_000)),
            ("127.0.0.1", "127.0.0.1", None),
            ("127.0.0.1:0", "127.0.0.1", None),
            ("localhost:80", "127.0.0.1", Some(80)),
            ("[::1]:9000", "::1", Some(9_000)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
        ] {
            let address = ListenAddress { ip: ip.parse().unwrap(), port };
            assert_eq!(listen_address(text), Ok(address), "{text}");
        }
        for wrong in ["", "9000", "example.com", "127.0.0.1:70000", "127.0.0.1:9000/"] {
            assert!(listen_address(wrong).is_err(), "{wrong}");
        }
    }
}
