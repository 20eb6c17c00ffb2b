//! `stormproof probe`: whether a target has what its profile claims, and claims what it has. Each capability is shown by the smallest
//! traffic that shows it; the contract is another matter.

mod finding;
mod suite;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use record::{MOST_TRIES, RunRecord, TargetRecord, TrialRecord};
use report::terminal::{Palette, stories};
use run::{
    Bench, Caps, Engine, Exit, Gates, Outside, Planning, RunFolder, RunSettings, ScenarioPlan, Selection,
    SharedInstances, TEST_THREADS, plan,
};
use target::Profile;

use self::finding::{Finding, Probe, probes};
pub(crate) use self::suite::{of_command, suite};
use crate::args::{Color, ProbeArgs, ProbeFormat};
use crate::interrupt;
use crate::made::{SOURCE_SHA256, VERSION};
use crate::reports::{self, Heading};
use crate::settings::{Refusal, fresh_seed, read_profile, run_name};
use crate::terminal::{colours, renderer, say, tell};

/// Where probes are written if nothing else is said.
const PROBES: &str = "reports/probes";

/// Probes a target.
pub(crate) fn probe(args: &ProbeArgs) -> Exit {
    match Probing::resolve(args).and_then(|probing| probing.run(args)) {
        Ok(exit) => exit,
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

/// Probes with everything decided but their start.
struct Probing {
    bench: Arc<Bench>,
    profile: Arc<Profile>,
    probes: Vec<Probe>,
    heading: Heading,
    folder: PathBuf,
    stormproof: PathBuf,
}

impl Probing {
    fn resolve(args: &ProbeArgs) -> Result<Self, Refusal> {
        let stormproof = std::env::current_exe()
            .map_err(|error| Refusal::machine("the command's own program is not to be found", &error))?;
        let suite =
            suite().map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })?;
        let mut profile = read_profile(args.profile.as_deref())?;
        let outside =
            Outside::from_variables(&suite, |name| std::env::var(name).ok()).map_err(Refusal::misused)?;
        if let Some(within) = outside.health_timeout {
            profile.says.start.ready.within = within;
        }
        startable(&profile)?;
        let seed = args.seed.unwrap_or_else(fresh_seed);
        let (gates, selection) = (Gates::default(), Selection::default());
        let planning = Planning {
            profile: &profile,
            gates: &gates,
            outside: None,
            selection: &selection,
            seed,
            foreign: false,
            unstartable: None,
        };
        let trials = plan(&suite, &planning);
        let probes = probes(&suite, &profile, &trials);
        let started = SystemTime::now();
        let target = TargetRecord {
            name: profile.name().to_owned(),
            version: None,
            profile: args.profile.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            profile_sha256: profile.sha256(),
            defect: None,
        };
        let command = command(args, seed);
        Ok(Self {
            bench: Arc::new(Bench::of(suite, &profile, false)),
            profile: Arc::new(profile),
            probes,
            heading: Heading { started, seed, target, command, notes: Vec::new() },
            folder: args.reports.clone().unwrap_or_else(|| Path::new(PROBES).join(run_name(started, seed))),
            stormproof,
        })
    }

    fn run(mut self, args: &ProbeArgs) -> Result<Exit, Refusal> {
        let folder = self.make_folder()?;
        let engine = Engine::start(self.settings(folder.clone()))
            .map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
        interrupt::listen(engine.handle(), engine.stopper())
            .map_err(|error| Refusal::machine("signals cannot be handled", &error))?;
        self.heading.target.version = engine
            .target_version()
            .map_err(|error| Refusal::machine("the target tells no version", &error))?;
        reports::write_head(&folder, &self.heading, &self.bench)
            .map_err(|error| Refusal::machine("the probes cannot be kept", &error))?;
        let records = run_side_by_side(&engine, &self.plans(), self.threads());
        let run = reports::record(&self.heading, &self.bench, records, engine.interrupted());
        reports::write(&folder, &run)
            .map_err(|error| Refusal::machine("the reports cannot be written", &error))?;
        let findings: Vec<Finding> = self.probes.iter().map(|probe| probe.found(&run.trials)).collect();
        self.conclude(&findings, &run, args);
        Ok(exit(&findings, &run))
    }

    fn make_folder(&self) -> Result<RunFolder, Refusal> {
        let unwritten =
            |error| Refusal::machine(&format!("cannot write into `{}`", self.folder.display()), &error);
        let folder = RunFolder::create(&self.folder).map_err(unwritten)?;
        folder.clear().map_err(unwritten)?;
        self.bench.save(&folder).map_err(|error| Refusal::machine("the probes cannot be kept", &error))?;
        Ok(folder)
    }

    /// The settings of an ordinary run, so that its evidence can be judged again. Instances are not shared: each probe meets its target as it
    /// was started.
    fn settings(&self, folder: RunFolder) -> RunSettings {
        RunSettings {
            bench: Arc::clone(&self.bench),
            profile: Arc::clone(&self.profile),
            tool: (VERSION, SOURCE_SHA256),
            defect: None,
            patience: std::time::Duration::ZERO,
            skip_unavailable: false,
            caps: Caps::default(),
            folder,
            stormproof: self.stormproof.clone(),
            most_tries: MOST_TRIES,
            shared: SharedInstances::default(),
            abroad: None,
            watch: None,
            ended: None,
        }
    }

    fn plans(&self) -> Vec<&ScenarioPlan> {
        self.probes.iter().filter_map(|probe| probe.plan.as_ref().ok()).collect()
    }

    fn threads(&self) -> usize {
        let at_once = self.profile.says.start.at_once.as_ref();
        at_once.and_then(|at_once| usize::try_from(at_once.value).ok()).unwrap_or(TEST_THREADS)
    }

    fn conclude(&self, findings: &[Finding], run: &RunRecord, args: &ProbeArgs) {
        let told = self.told(findings, run, args);
        match args.format {
            ProbeFormat::Text => say(&(self.table(findings) + &told)),
            ProbeFormat::Json => {
                let findings: Vec<_> = findings.iter().map(Finding::json).collect();
                let (target, folder) = (&self.heading.target, self.folder.display().to_string());
                let whole = serde_json::json!({
                    "target": target.name, "version": target.version, "profile": target.profile, "seed": self.heading.seed,
                    "interrupted": run.interrupted, "reports": folder, "capabilities": findings,
                });
                say(&format!("{whole:#}\n"));
                tell(&told);
            }
        }
    }

    fn table(&self, findings: &[Finding]) -> String {
        let target = &self.heading.target;
        let version = target.version.as_ref().map_or_else(String::new, |version| format!(" ({version})"));
        let mut text = format!("target {}{version}, seed {}\n\n", target.name, self.heading.seed);
        text.extend(findings.iter().map(Finding::line));
        let advice: Vec<String> = findings.iter().filter_map(Finding::advice).collect();
        if !advice.is_empty() {
            text.push_str(&format!("\n{}\n", advice.join("\n")));
        }
        text + &format!("\nreports {}\n", self.folder.display())
    }

    /// The stories of what did not pass, where they are wanted; of a target that could not be tested in any case, but one of them is enough.
    fn told(&self, findings: &[Finding], run: &RunRecord, args: &ProbeArgs) -> String {
        let is_told =
            |trial: &&TrialRecord| findings.iter().any(|finding| finding.is_to_be_told(&trial.name));
        let blocked = |trial: &&TrialRecord| trial.verdict == record::Verdict::Blocked;
        let trials: Vec<TrialRecord> = match args.verbose {
            true => run.trials.iter().filter(is_told).cloned().collect(),
            false => run.trials.iter().find(blocked).cloned().into_iter().collect(),
        };
        if trials.is_empty() {
            return String::new();
        }
        let palette = if colours(Color::Auto) { Palette::colour() } else { Palette::plain() };
        format!("\n{}", stories(&RunRecord { trials, ..run.clone() }, &palette))
    }
}

/// Refuses a target that is started by somebody else, or not at all.
fn startable(profile: &Profile) -> Result<(), Refusal> {
    if profile.says.start.process.is_none() {
        return Err(Refusal::misused(format!(
            "the profile of `{}` does not say how it is started, and each probe configures it anew\n  = help: name its command: \
             `start: {{ process: {{ command: [my-router] }} }}`",
            profile.name()
        )));
    }
    match target::missing_program(profile) {
        Some(program) => {
            let message = format!("error: `{program}` is not on this machine, so nothing was probed\n");
            Err(Refusal { message, exit: Exit::Blocked })
        }
        None => Ok(()),
    }
}

fn run_side_by_side(engine: &Engine, plans: &[&ScenarioPlan], threads: usize) -> Vec<TrialRecord> {
    let (waiting, records) = (Mutex::new(plans.iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(plan) = next else { return };
            // A trial that comes to no conclusion is run again alone, once those are over that run beside it.
            let record = engine.run(plan, || {});
            records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut records: Vec<TrialRecord> = records.into_inner().unwrap_or_else(PoisonError::into_inner);
    records.sort_by(|a, b| a.name.cmp(&b.name));
    records
}

fn exit(findings: &[Finding], run: &RunRecord) -> Exit {
    if run.interrupted.is_some() {
        return Exit::Interrupted;
    }
    let exits: Vec<Exit> = findings.iter().map(Finding::exit).collect();
    let decisive =
        [Exit::Blocked, Exit::Broken, Exit::Unproved].into_iter().find(|exit| exits.contains(exit));
    decisive.unwrap_or(Exit::Sound)
}

/// The command line that repeats it.
fn command(args: &ProbeArgs, seed: u64) -> String {
    let mut words = vec!["stormproof".to_owned(), "probe".to_owned()];
    words.extend(args.profile.as_ref().map(|profile| profile.display().to_string()));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    words.join(" ")
}
