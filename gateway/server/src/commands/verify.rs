//! `onepoint verify`: receipts, offline. Needs the files, the log key and the
//! anchors of the gateway's certificate, no network and no gateway; says every finding.

use std::io::IsTerminal;
use std::process::ExitCode;

use onepoint_proof::receipt::{MAX_RECEIPT_BYTES, Report, VerifyOptions};
use serde_json::json;

use super::{Outcome, read_input};
use crate::cli::VerifyArgs;
use crate::clock::Clock;
use crate::config::BODY_BYTES_MAX;
use crate::trust::Trust;

pub(crate) fn run(args: &VerifyArgs) -> Outcome {
    let trust = Trust::read(&args.log_key, args.anchors.as_deref())?;
    let message = args.message.as_deref().map(|path| read_input(path, BODY_BYTES_MAX));
    let message = message.transpose()?;
    let now_ms = Clock.now().as_millisecond();
    let options = VerifyOptions { message: message.as_deref(), now_ms: Some(now_ms) };
    let max = u64::try_from(MAX_RECEIPT_BYTES).unwrap_or(u64::MAX);
    let mut all_good = true;
    for path in &args.receipts {
        let bytes = read_input(path, max)?;
        let report = trust.verify(&bytes, &options);
        all_good &= report.ok();
        if args.json {
            let findings = report.to_value();
            let findings = findings.get("findings");
            println!("{}", json!({ "file": path, "ok": report.ok(), "findings": findings }));
        } else {
            print(path, &report);
        }
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print(path: &std::path::Path, report: &Report) {
    let colour = std::io::stdout().is_terminal();
    let word = if report.ok() { "verified" } else { "NOT VERIFIED" };
    let painted = match (colour, report.ok()) {
        (false, _) => word.to_owned(),
        (true, true) => format!("\x1b[32m{word}\x1b[0m"),
        (true, false) => format!("\x1b[31m{word}\x1b[0m"),
    };
    println!("{}: {painted}", path.display());
    for finding in report.findings() {
        let mark = if finding.ok { "ok  " } else { "FAIL" };
        println!("  {mark} {}: {} {}", finding.code, finding.en, finding.detail);
        if !finding.ok {
            println!("       {}", finding.zh);
        }
    }
}
