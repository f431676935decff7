//! `onepoint store`: what an operator does to a journal. What writes takes the
//! writer's lock, so that it is refused while a gateway runs.

use std::process::ExitCode;

use onepoint_store::{
    MasterKeys, Retained, Retention, SqliteOptions, SqliteReader, SqliteStore, Store, StoreError,
    StoreStats, Volume,
};
use serde_json::{Value, json};

use super::check_config::print_faults;
use super::{Failure, Outcome};
use crate::cli::store::{NewKeyArgs, StoreArgs, StoreCommand};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::fault;

mod check;
mod copies;
mod known;

pub(super) use known::settings;

pub(crate) fn run(command: &StoreCommand) -> Outcome {
    match command {
        StoreCommand::Stats(args) => with_settings(args, stats),
        StoreCommand::Archive(args) => with_settings(args, archive),
        StoreCommand::Rewrap(args) => with_settings(args, rewrap),
        StoreCommand::NewKey(args) => new_key(args),
        StoreCommand::Check(args) => check::run(args),
        StoreCommand::Backup(args) => copies::back_up(args),
        StoreCommand::Restore(args) => copies::put_back(args),
        StoreCommand::Head(args) => copies::head(args),
    }
}

/// Loads the configuration, then goes on with it.
fn with_settings(args: &StoreArgs, work: impl FnOnce(&Settings, &StoreArgs) -> Outcome) -> Outcome {
    match config::load(&args.config) {
        Ok(settings) => work(&settings, args),
        Err(faults) => {
            print_faults(&faults);
            Ok(ExitCode::from(2))
        }
    }
}

/// A fault of the journal as a command's failure.
pub(crate) fn failure(error: &StoreError) -> Failure {
    let exit = if error.is_fatal() { 4 } else { 3 };
    Failure { code: error.code(), message: error.en(), hint: String::new(), exit }
}

/// The journal for writing; it must be there.
fn writer(settings: &Settings) -> Result<SqliteStore, Failure> {
    let now_ms = Clock.now().as_millisecond();
    let mut options = SqliteOptions::new(&settings.store, now_ms);
    options.create = false;
    options.master_keys.clone_from(&settings.master_keys);
    options.passing = fault::point;
    SqliteStore::open(&options).map_err(|error| failure(&error))
}

fn stats(settings: &Settings, args: &StoreArgs) -> Outcome {
    let reader = SqliteReader::open(&settings.store, 1).map_err(|error| failure(&error))?;
    let stats = reader.stats().map_err(|error| failure(&error))?;
    if args.json {
        println!("{}", stats_value(&stats));
    } else {
        print_stats(&stats);
    }
    Ok(ExitCode::SUCCESS)
}

fn stats_value(stats: &StoreStats) -> Value {
    let volume = |volume: &Volume| json!({"payloads": volume.payloads, "bytes": volume.bytes});
    let keys = stats.data_keys.iter().map(|(master, keys)| (master.clone(), json!(keys)));
    let counts = &stats.counts;
    json!({
        "version": stats.version,
        "messages": {"accepted": counts.accepted, "refused": counts.refused},
        "deliveries": {
            "pending": counts.pending, "relayed": counts.relayed, "delivered": counts.delivered,
        },
        "answers": counts.answers,
        "facts": counts.facts,
        "payloads": {
            "here": volume(&stats.here),
            "archived": volume(&stats.archived),
            "erased": volume(&stats.erased),
            "in_the_clear": stats.in_the_clear,
            "not_closed": stats.not_closed,
        },
        "segments": {"count": stats.segments, "bytes": stats.segment_bytes},
        "data_keys": {
            "by_master": keys.collect::<serde_json::Map<_, _>>(),
            "destroyed": stats.destroyed_keys,
        },
        "files": {
            "database_bytes": stats.database_bytes,
            "free_bytes": stats.free_bytes,
            "write_ahead_bytes": stats.write_ahead_bytes,
        },
    })
}

fn print_stats(stats: &StoreStats) {
    let counts = &stats.counts;
    println!("messages    {} accepted, {} refused", counts.accepted, counts.refused);
    println!(
        "deliveries  {} pending, {} relayed, {} delivered; {} answers",
        counts.pending, counts.relayed, counts.delivered, counts.answers
    );
    println!("log         {} facts", counts.facts);
    let volumes = [("here", &stats.here), ("archived", &stats.archived), ("erased", &stats.erased)];
    for (place, volume) in volumes {
        println!("payloads    {} {place}, {} bytes", volume.payloads, volume.bytes);
    }
    println!("            {} in the clear", stats.in_the_clear);
    println!("            {} messages old enough for the archive, not closed", stats.not_closed);
    println!("segments    {}, {} bytes", stats.segments, stats.segment_bytes);
    for (master, keys) in &stats.data_keys {
        println!("data keys   {keys} under master key {master}");
    }
    println!("            {} destroyed", stats.destroyed_keys);
    println!(
        "files       {} bytes, {} of them free; write-ahead log {} bytes",
        stats.database_bytes, stats.free_bytes, stats.write_ahead_bytes
    );
    println!("tables      version {}", stats.version);
}

/// Follows a policy until there is nothing more to do.
pub(super) fn retain_all(settings: &Settings, policy: &Retention) -> Result<Retained, Failure> {
    let mut store = writer(settings)?;
    let mut sum = Retained::default();
    loop {
        let now_ms = Clock.now().as_millisecond();
        let step = store.retain(policy, now_ms);
        sum.add(step.map_err(|error| failure(&error))?);
        store.maintain().map_err(|error| failure(&error))?;
        if !sum.more {
            return Ok(sum);
        }
    }
}

fn archive(settings: &Settings, args: &StoreArgs) -> Outcome {
    let sum = retain_all(settings, &settings.retention)?;
    let damaged: Vec<i64> = sum.damaged.iter().map(|body| body.0).collect();
    if args.json {
        let value = json!({
            "archived": sum.archived, "segments": sum.segments, "segment_bytes": sum.segment_bytes,
            "erased": sum.erased, "keys_destroyed": sum.keys_destroyed, "swept": sum.swept,
            "damaged": damaged,
        });
        println!("{value}");
    } else {
        println!("archived {} payloads in {} segments", sum.archived, sum.segments);
        println!("erased {} payloads, destroyed {} data keys", sum.erased, sum.keys_destroyed);
        if sum.swept > 0 {
            println!("removed {} files that an earlier run had left", sum.swept);
        }
        damaged.iter().for_each(|body| println!("payload {body} is damaged and was left alone"));
    }
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn rewrap(settings: &Settings, args: &StoreArgs) -> Outcome {
    let Some(master_keys) = &settings.master_keys else {
        let hint = "add `master_key = \"FILE\"` under [store]";
        return Err(Failure::usage(
            "master-key-none",
            "no file of master keys is configured",
            hint,
        ));
    };
    let done = writer(settings)?.rewrap().map_err(|error| failure(&error))?;
    let current = master_keys.current();
    if args.json {
        println!("{}", json!({"master": current, "wrapped": done.wrapped, "keys": done.keys}));
    } else {
        println!("{} of {} data keys wrapped anew by {current}", done.wrapped, done.keys);
        println!("the other master keys are not needed any more, except for older backups");
    }
    Ok(ExitCode::SUCCESS)
}

fn new_key(args: &NewKeyArgs) -> Outcome {
    let line = MasterKeys::generate_line(&args.id).map_err(|error| {
        Failure::usage(error.code(), error.en(), "choose another name, for instance m2")
    })?;
    print!("{}", *line);
    Ok(ExitCode::SUCCESS)
}
