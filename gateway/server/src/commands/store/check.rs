//! `onepoint store check`: reads a whole journal, stopped or running, and tells
//! everything that does not agree. Exit 0 only when all of it does.

use std::process::ExitCode;

use onepoint_store::{CheckFinding, CheckOptions, Checked, MAX_FINDINGS, check};
use serde_json::json;

use super::failure;
use super::known::Known;
use crate::cli::store::copies::CheckArgs;
use crate::commands::Outcome;

pub(super) fn run(args: &CheckArgs) -> Outcome {
    let journal = &args.journal;
    let known = Known::read(journal.config.as_ref(), &journal.known)?;
    let folder = known.folder(journal.store.as_ref());
    let options = CheckOptions {
        folder: &folder,
        log_key: known.log_key.as_ref(),
        head: known.head.as_deref(),
        mirror: journal.known.mirror.as_deref(),
        master_keys: known.master_keys.as_ref(),
    };
    let told: fn(&CheckFinding) = if args.json { tell_json } else { tell };
    let checked = check(&options, &mut |finding| told(finding)).map_err(|e| failure(&e))?;
    if args.json {
        println!("{}", summary(&checked));
    } else {
        sum_up(&checked, &options);
    }
    Ok(if checked.ok() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(finding: &CheckFinding) {
    println!("FAULT {} [{}]", finding.place, finding.code);
    println!("      {}: {}", finding.en(), finding.detail);
    println!("      {}", finding.zh());
}

fn tell_json(finding: &CheckFinding) {
    println!(
        "{}",
        json!({
            "code": finding.code, "place": finding.place, "detail": finding.detail,
            "en": finding.en(), "zh": finding.zh(),
        })
    );
}

pub(super) fn summary(checked: &Checked) -> serde_json::Value {
    json!({
        "ok": checked.ok(), "findings": checked.findings, "origin": checked.origin,
        "facts": checked.facts, "erased": checked.erased, "checkpoints": checked.checkpoints,
        "tiles": checked.tiles, "payloads": checked.payloads, "rows": checked.rows,
        "segments": checked.segments, "root": checked.root.map(|root| root.to_base64()),
    })
}

fn sum_up(checked: &Checked, options: &CheckOptions<'_>) {
    let Checked { facts, erased, checkpoints, tiles, payloads, rows, segments, .. } = checked;
    println!(
        "log {}: {facts} facts ({erased} erased), {checkpoints} signed checkpoints, {tiles} tiles",
        checked.origin
    );
    println!(
        "{rows} messages, documents, deliveries and answers; {payloads} payloads; {segments} segments"
    );
    if let Some(root) = checked.root {
        println!("root {root}");
    }
    if options.log_key.is_none() {
        println!("no log key given: signatures were checked against the key in the journal itself");
    }
    if options.head.is_none() && options.mirror.is_none() {
        println!("neither head nor an auditor's copy given: a roll-back would not show");
    }
    if checked.findings > MAX_FINDINGS {
        println!("only the first {MAX_FINDINGS} faults are listed");
    }
    match checked.findings {
        0 => println!("everything agrees"),
        n => println!("{n} faults"),
    }
}
