//! `stormproof prove`: every defect is switched on once, and each rule that names it must turn red. What comes out is the kill
//! matrix.

mod since;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use record::{DefectRecord, HealthyRecord, MOST_TRIES, PROOF_FORMAT, ProofRecord, TargetRecord, TrialRecord};
use report::proof;
use report::terminal::Palette;
use run::{
    Bench, Caps, Conduct, Engine, Exit, Gates, Planning, ProofPlan, ProofRun, ProofScope, RunFolder,
    RunSettings, Selection, SharedInstances, Stopper, TEST_THREADS, defect_record, healthy_record, plan,
    plan_proof,
};
use scenario::{ServiceDefect, nearest};
use target::Profile;

use crate::args::ProveArgs;
use crate::interrupt;
use crate::made::{SOURCE_SHA256, VERSION};
use crate::released::{self, read_suite};
use crate::reports::{self, Heading};
use crate::settings::{Refusal, fresh_seed, read_profile, run_name};
use crate::terminal::{colours, renderer, say, tell};

/// Where proofs are written if nothing else is said.
const PROOFS: &str = "reports/proofs";
/// The run without a defect, in the proof's folder.
const HEALTHY: &str = "healthy";

/// Proves scenarios able to fail.
pub(crate) fn prove(args: &ProveArgs) -> Exit {
    match Proof::resolve(args).and_then(Proof::run) {
        Ok(exit) => exit,
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

/// A proof with everything decided but its start.
struct Proof {
    bench: Arc<Bench>,
    profile: Arc<Profile>,
    rules: BTreeSet<String>,
    runs: Vec<ProofRun>,
    heading: Heading,
    folder: PathBuf,
    stormproof: PathBuf,
    threads: usize,
    palette: Palette,
}

/// What the runs of a proof left, by the names of the defects.
#[derive(Default)]
struct Left {
    healthy: HealthyRecord,
    defects: BTreeMap<String, DefectRecord>,
    /// Why something could not be written.
    unwritten: Option<io::Error>,
}

impl Proof {
    fn resolve(args: &ProveArgs) -> Result<Self, Refusal> {
        let stormproof = std::env::current_exe()
            .map_err(|error| Refusal::machine("the command's own program is not to be found", &error))?;
        let gates = Gates::from_variables(|name| std::env::var(name).ok()).map_err(Refusal::misused)?;
        let suite = read_suite(&args.paths)
            .map_err(|error| Refusal { message: error.draw(&renderer()), exit: Exit::Misused })?;
        let profile = read_profile(args.target.as_deref())?;
        if profile.defects().is_none() {
            return Err(Refusal::misused(format!("target `{}` has no defects to switch on", profile.name())));
        }
        let scope = scope(args, &suite)?;
        let seed = args.seed.unwrap_or_else(fresh_seed);
        let selection = Selection::default();
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
        let ProofPlan { rules, runs } = plan_proof(&suite, &trials, &scope);
        if runs.iter().all(|run| run.defect.is_none()) {
            let message = "nothing to prove: no defect concerns what was selected\n".to_owned();
            // Where nothing changed, everything is as proved as before.
            let exit = if args.since.is_some() { Exit::Sound } else { Exit::NothingSelected };
            return Err(Refusal { message, exit });
        }
        let started = SystemTime::now();
        let target = TargetRecord {
            name: profile.name().to_owned(),
            version: None,
            profile: args.target.as_ref().map_or_else(String::new, |path| path.display().to_string()),
            profile_sha256: profile.sha256(),
            defect: None,
        };
        Ok(Self {
            // A SHOULD that does not hold is as red as a MUST.
            bench: Arc::new(Bench::of(suite, &profile, true)),
            heading: Heading { started, seed, target, command: command(args, seed), notes: Vec::new() },
            folder: args.reports.clone().unwrap_or_else(|| Path::new(PROOFS).join(run_name(started, seed))),
            profile: Arc::new(profile),
            rules,
            runs,
            stormproof,
            threads: args.test_threads.map_or(TEST_THREADS, usize::from),
            palette: if colours(args.color) { Palette::colour() } else { Palette::plain() },
        })
    }

    fn run(self) -> Result<Exit, Refusal> {
        let unwritten =
            |error| Refusal::machine(&format!("cannot write into `{}`", self.folder.display()), &error);
        fs::create_dir_all(&self.folder).map_err(unwritten)?;
        let stopper = Stopper::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
        interrupt::listen(runtime.handle(), stopper.clone())
            .map_err(|error| Refusal::machine("signals cannot be handled", &error))?;
        self.announce();
        let left = Mutex::new(Left::default());
        let conduct = Conduct {
            threads: self.threads,
            stopper: stopper.clone(),
            settings: &|run| self.settings(run),
            ended: &|run, engine, records| self.ended(run, engine, records, &left),
        };
        conduct.run(&self.runs).map_err(|error| Refusal::machine("the proof", &error))?;
        let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = left.unwritten {
            return Err(unwritten(error));
        }
        let proof = self.record(left.healthy, left.defects, stopper.interrupted());
        self.write(&proof).map_err(unwritten)?;
        say(&format!(
            "\n{}",
            proof::proof_summary(&proof, &self.folder.display().to_string(), &self.palette)
        ));
        Ok(match (&proof.interrupted, proof.gaps().is_empty()) {
            (Some(_), _) => Exit::Interrupted,
            (None, true) => Exit::Sound,
            (None, false) => Exit::Broken,
        })
    }

    fn announce(&self) {
        let under = self.runs.iter().filter(|run| run.defect.is_some());
        let (defects, trials, further) = under.fold((0, 0, 0), |(runs, trials, further), run| {
            (runs + 1, trials + run.trials.len(), further + run.further.len())
        });
        let healthy: usize =
            self.runs.iter().filter(|run| run.defect.is_none()).map(|run| run.trials.len()).sum();
        say(&format!(
            "defects: {defects}; trials under them: {trials}, and up to {further} more where those do not tell; without: {healthy}\n\n"
        ));
    }

    fn folder_of(&self, run: &ProofRun) -> PathBuf {
        self.folder.join(run.defect.as_deref().unwrap_or(HEALTHY))
    }

    /// The settings of one of the runs: each is a run like any other, with evidence that can be judged again.
    fn settings(&self, run: &ProofRun) -> io::Result<RunSettings> {
        let folder = RunFolder::create(&self.folder_of(run))?;
        folder.clear()?;
        self.bench.save(&folder).map_err(io::Error::other)?;
        Ok(RunSettings {
            bench: Arc::clone(&self.bench),
            profile: Arc::clone(&self.profile),
            tool: (VERSION, SOURCE_SHA256),
            defect: run.defect.clone(),
            patience: Duration::ZERO,
            skip_unavailable: false,
            caps: Caps::default(),
            folder,
            stormproof: self.stormproof.clone(),
            most_tries: MOST_TRIES,
            shared: SharedInstances::default(),
            abroad: None,
            watch: None,
            ended: None,
        })
    }

    fn ended(&self, run: &ProofRun, engine: &Engine, records: Vec<TrialRecord>, left: &Mutex<Left>) {
        let ended = match &run.defect {
            None => Ended::Healthy(healthy_record(&records)),
            Some(defect) => {
                let record = defect_record(run, &about(defect), &records);
                // A run that somebody ended found out nothing.
                if engine.interrupted().is_none() {
                    say(&proof::defect_line(&record, &self.palette));
                }
                Ended::Defect(DefectRecord { folder: Some(defect.clone()), ..record })
            }
        };
        let mut heading = self.heading.clone();
        heading.target.defect.clone_from(&run.defect);
        let run_record = reports::record(&heading, &self.bench, records, engine.interrupted());
        let written = reports::write(&engine.settings().folder, &run_record);
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ended::Healthy(healthy) => left.healthy = healthy,
            Ended::Defect(record) => drop(left.defects.insert(record.name.clone(), record)),
        }
        if let Err(error) = written {
            left.unwritten = Some(error);
        }
    }

    fn record(
        &self,
        healthy: HealthyRecord,
        mut defects: BTreeMap<String, DefectRecord>,
        interrupted: Option<String>,
    ) -> ProofRecord {
        let mut rules = reports::rules(&self.bench);
        rules.retain(|rule| self.rules.contains(&rule.id));
        // A defect none of whose trials can be run here left nothing.
        for run in &self.runs {
            if let Some(name) = &run.defect {
                let nothing = || defect_record(run, &about(name), &[]);
                defects.entry(name.clone()).or_insert_with(nothing);
            }
        }
        ProofRecord {
            format: PROOF_FORMAT,
            tool: VERSION.to_owned(),
            tool_sha256: SOURCE_SHA256.to_owned(),
            suite_sha256: released::sha256().to_owned(),
            edited: released::edited(&self.bench.suite).into_iter().map(str::to_owned).collect(),
            started: humantime::format_rfc3339_seconds(self.heading.started).to_string(),
            took_ms: self
                .heading
                .started
                .elapsed()
                .map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            seed: self.heading.seed,
            target: self.heading.target.clone(),
            command: self.heading.command.clone(),
            interrupted,
            rules,
            healthy,
            defects: defects.into_values().collect(),
        }
    }

    fn write(&self, proof: &ProofRecord) -> io::Result<()> {
        let json = proof::json(proof).map_err(io::Error::other)?;
        for (name, text) in [
            ("matrix.json", json),
            ("matrix.md", proof::markdown(proof)),
            ("matrix.html", proof::html(proof)),
        ] {
            reports::replace(&self.folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }
}

/// What a run came to.
enum Ended {
    Healthy(HealthyRecord),
    Defect(DefectRecord),
}

fn scope(args: &ProveArgs, suite: &scenario::Suite) -> Result<ProofScope, Refusal> {
    let bundled = args.target.is_none();
    let known: Vec<String> = if bundled {
        let services = ServiceDefect::ALL.iter().map(|(name, ..)| (*name).to_owned());
        router::defects().map(|defect| defect.name.to_owned()).chain(services).collect()
    } else {
        Vec::new()
    };
    let named = suite.rules.iter().flat_map(|known| &known.rule.killed_by);
    let names: Vec<&str> = named.chain(&known).map(String::as_str).collect();
    if let Some(wrong) = args.defect.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        let help = nearest(wrong, &names).map_or_else(
            || "`stormproof defects` lists those of the bundled router".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Refusal::misused(format!("no rule names a defect `{wrong}`\n  = help: {help}")));
    }
    let changed = match &args.since {
        Some(since) => since::changed(suite, since)?,
        None => None,
    };
    Ok(ProofScope { defects: args.defect.clone(), known, changed, all: args.all })
}

/// What a defect does, where it is one that is known here.
fn about(name: &str) -> String {
    let of_router = router::defects().find(|defect| defect.name == name).map(|defect| defect.about);
    let of_service =
        || ServiceDefect::ALL.iter().find(|(word, ..)| *word == name).map(|(_, _, about)| *about);
    of_router.or_else(of_service).unwrap_or_default().to_owned()
}

/// The command line that repeats a proof.
fn command(args: &ProveArgs, seed: u64) -> String {
    let mut words = vec!["stormproof".to_owned(), "prove".to_owned()];
    words.extend(args.paths.iter().map(|path| path.display().to_string()));
    words.extend(args.defect.iter().flat_map(|defect| ["--defect".to_owned(), defect.clone()]));
    words.extend(args.since.iter().flat_map(|since| ["--since".to_owned(), since.clone()]));
    words.extend(["--seed".to_owned(), seed.to_string()]);
    if let Some(target) = &args.target {
        words.extend(["--target".to_owned(), target.display().to_string()]);
    }
    if args.all {
        words.push("--all".to_owned());
    }
    words.join(" ")
}
