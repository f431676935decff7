//! `onepoint selftest`: the gateway proves itself on this machine, with nothing but this
//! binary. `crash` kills a gateway in a sandbox at every commit point in turn and at
//! random moments, starts it again, and lets an independent reader compare the journal
//! with what senders and departments know. `check` is that reader alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use onepoint_proof::LogVerifier;
use onepoint_store::{MasterKeys, Retention, SqliteReader, StoreError};
use serde_json::json;

use super::{Failure, Outcome, read_text};
use crate::cli::selftest::{CheckArgs, CrashArgs, RetainArgs, Selftest, SelftestArgs};
use crate::clock::{Clock, monotonic};
use crate::fault::{POINTS, Point};

mod check;
mod crash;
mod desks;
mod evidence;
mod letters;
mod plan;
mod rules;
mod sandbox;
mod senders;

use check::Checker;
use crash::{Crash, Deaths};
use rules::{Rule, Tally};

/// The death that no place of the code knows.
const KILLED: &str = "SIGKILL";
/// The journal in the sandbox, as `init` names it.
const JOURNAL: &str = "journal";
/// Its master keys.
const MASTER_KEYS: &str = "pki/store.key";

pub(crate) fn run(args: &SelftestArgs) -> Outcome {
    match &args.what {
        Selftest::Crash(args) => crash(args),
        Selftest::Check(args) => check(args),
        Selftest::Retain(args) => retain(args),
    }
}

/// The child that dies in housekeeping: what a gateway does step by step when it is idle.
fn retain(args: &RetainArgs) -> Outcome {
    let settings = super::store::settings(&args.config)?;
    // Messages whose departments have answered; others are still waited for.
    let policy = Retention::days(0, 180, args.erase.then_some(0));
    super::store::retain_all(&settings, &policy)?;
    Ok(ExitCode::SUCCESS)
}

fn crash(args: &CrashArgs) -> Outcome {
    let started = monotonic();
    let now = Clock.now();
    // Any number will do; it is printed, so that the same may be drawn again.
    let seed = args.seed.unwrap_or_else(|| now.as_microsecond().unsigned_abs() % 1_000_000);
    let sandbox = sandbox::Sandbox::make(args.keep.as_deref(), now)?;
    let mut crash = Crash::new(&sandbox, seed)?;
    super::runtime()?.block_on(crash.runs(args.runs))?;
    let (mut tally, facts) = full(sandbox.folder())?;
    // Only whoever watched the processes knows whether they came up, and something may have
    // been broken for a while.
    tally.add(crash.tally());
    let seconds = started.elapsed().as_secs_f64();
    let good = tally.good();
    if args.json {
        println!(
            "{}",
            json!({
                "good": good, "runs": args.runs, "seed": seed, "seconds": seconds, "facts": facts,
                "deaths": crash.deaths(), "rules": tally.value(),
            })
        );
    } else {
        println!("{} runs, seed {seed}, {seconds:.1} s, {facts} facts\n", args.runs);
        println!("{}\n{}", deaths_text(crash.deaths()), tally.text());
        say_verdict(good);
        if args.keep.is_some() {
            println!("The sandbox is kept in {}", sandbox.folder().display());
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn check(args: &CheckArgs) -> Outcome {
    let (tally, facts) = full(&args.folder)?;
    if args.json {
        println!("{}", json!({ "good": tally.good(), "facts": facts, "rules": tally.value() }));
    } else {
        println!("{facts} facts\n\n{}", tally.text());
        say_verdict(tally.good());
    }
    Ok(if tally.good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn say_verdict(good: bool) {
    let verdict = if good { "All of it holds." } else { "NOT ALL OF IT HOLDS." };
    println!("{verdict}");
}

/// Where it died, how often.
fn deaths_text(deaths: &Deaths) -> String {
    let mut text = format!("{:<20} {:>6}  {}\n", "died at", "deaths", "on disk then; what follows");
    let count = |deaths: &BTreeMap<&str, u64>, name| deaths.get(name).copied().unwrap_or(0);
    for point in &POINTS {
        let note = if point.broker { " (needs a broker: not visited here)" } else { "" };
        let deaths = count(deaths, point.name);
        let Point { name, durable, then, .. } = point;
        text.push_str(&format!("{name:<20} {deaths:>6}  {durable}; {then}{note}\n"));
    }
    let deaths = count(deaths, KILLED);
    text.push_str(&format!(
        "{KILLED:<20} {deaths:>6}  what was committed; whoever has no answer sends again\n"
    ));
    text
}

/// The whole sandbox by a fresh checker: the tally, and how many facts there are.
fn full(folder: &Path) -> Result<(Tally, usize), Failure> {
    let mut checker = new_checker(folder)?;
    let checked = full_check(folder, &mut checker);
    let facts = checker.facts();
    match checked? {
        Ok(()) => Ok((checker.tally, facts)),
        // What cannot be read cannot be right.
        Err(error) => {
            let mut tally = checker.tally;
            tally.broken(Rule::Kept, format!("the journal cannot be read: {}", error.en()));
            Ok((tally, facts))
        }
    }
}

fn full_check(folder: &Path, checker: &mut Checker) -> Result<Result<(), StoreError>, Failure> {
    let reader = match open_journal(folder) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = checker.read_log(&reader, Clock.now().as_millisecond()) {
        return Ok(Err(error));
    }
    evidence::read(folder, |record| {
        checker.take(&record);
        Ok(())
    })?;
    Ok(checker.settle(&reader))
}

/// The journal of a sandbox, with what opens its payloads.
fn open_journal(folder: &Path) -> Result<SqliteReader, StoreError> {
    // Without them, or with others, every payload is a finding.
    let keys = read_text(&folder.join(MASTER_KEYS), 4096).ok();
    let keys = keys.and_then(|text| MasterKeys::parse(&text).ok());
    SqliteReader::open_with(&folder.join(JOURNAL), 1, keys)
}

fn new_checker(folder: &Path) -> Result<Checker, Failure> {
    let text = read_text(&folder.join("pki/log.pub"), 4096)?;
    let key = LogVerifier::parse(text.trim()).map_err(|error| {
        let message = format!("pki/log.pub: {error}");
        Failure::usage("log-key-unusable", message, "name a sandbox of `onepoint selftest crash`")
    })?;
    Ok(Checker::new(key))
}
