//! `onepoint certs`: when what ends, and what would be refused on a day. Offline: the
//! configuration and the revocation lists that are at hand; nobody is asked.

use std::process::ExitCode;

use jiff::Timestamp;
use onepoint_certs::end_of_day;
use serde_json::json;

use super::check_config::print_faults;
use super::{Failure, Outcome};
use crate::calendar::refused::{Refused, refused};
use crate::calendar::watch::below;
use crate::calendar::{Calendar, Entry};
use crate::cli::certs::{CalendarArgs, CertsCommand};
use crate::clock::Clock;
use crate::config;
use crate::revocation::Revocation;

pub(crate) fn run(command: &CertsCommand) -> Outcome {
    let CertsCommand::Calendar(args) = command;
    let settings = match config::load(&args.config) {
        Ok(settings) => settings,
        Err(faults) => {
            print_faults(&faults);
            return Ok(ExitCode::from(2));
        }
    };
    let now = Clock.now();
    let known = Revocation::read(&settings.trust.revocation, now);
    let Some(day) = args.at else {
        let entries = Calendar::of(&settings).entries(&known.states(now));
        entries.iter().for_each(|entry| print_entry(entry, now, args));
        if !args.json {
            println!("{} entries; --at DAY shows what would be refused on a day", entries.len());
        }
        return Ok(ExitCode::SUCCESS);
    };
    let at = end_of_day(day).ok_or_else(|| {
        Failure::usage("day-out-of-range", format!("--at {day}"), "name a day of this era")
    })?;
    let found = refused(&settings, &known, at);
    found.iter().for_each(|one| print_refused(one, args));
    if !args.json {
        let and = "if nothing is renewed before";
        println!("{} refusals at the end of {day} (UTC+8), {and}", found.len());
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_entry(entry: &Entry, now: Timestamp, args: &CalendarArgs) {
    let days = entry.seconds_left(now).map(|seconds| seconds.div_euclid(86_400));
    let below = below(entry, now);
    if args.json {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let line = json!({
            "kind": entry.kind, "name": entry.name, "begins": time(entry.begins),
            "ends": time(entry.ends), "days_left": days, "below_days": below,
            "flows": entry.flows, "en": entry.en, "zh": entry.zh,
        });
        println!("{line}");
        return;
    }
    let ends = entry.ends.map_or_else(|| "never".to_owned(), |ends| ends.to_string());
    let left = days.map_or_else(|| "-".to_owned(), |days| format!("{days} d"));
    let mark = match below {
        None => "",
        Some(0) => "  HAS ENDED 已到期",
        Some(_) => "  ENDS SOON 即将到期",
    };
    println!("{ends:24} {left:>8}  {:11} {}{mark}", entry.kind, entry.name);
    println!("{:36}stops: {}", "", entry.en);
    println!("{:36}停止：{}", "", entry.zh);
}

fn print_refused(one: &Refused, args: &CalendarArgs) {
    if args.json {
        let line = json!({ "code": one.code, "who": one.who, "en": one.en, "zh": one.zh });
        println!("{line}");
        return;
    }
    println!("{:12} {} [{}]", one.who, one.en, one.code);
    println!("{:12} {}", "", one.zh);
}
