//! `onepoint verify`: receipts, offline. Needs the file and the log key, no
//! network and no gateway; says every finding.

use std::io::IsTerminal;
use std::process::ExitCode;

use onepoint_proof::LogVerifier;
use onepoint_proof::receipt::{MAX_RECEIPT_BYTES, Report, VerifyOptions, verify_receipt};
use serde_json::json;

use super::{Failure, Outcome, read_input, read_text};
use crate::cli::VerifyArgs;
use crate::clock::Clock;
use crate::config::BODY_BYTES_MAX;

pub(crate) fn run(args: &VerifyArgs) -> Outcome {
    let key = log_key(&args.log_key)?;
    let message = args.message.as_deref().map(|path| read_input(path, BODY_BYTES_MAX));
    let message = message.transpose()?;
    let now_ms = Clock.now().as_millisecond();
    let options = VerifyOptions { message: message.as_deref(), now_ms: Some(now_ms) };
    let max = u64::try_from(MAX_RECEIPT_BYTES).unwrap_or(u64::MAX);
    let mut all_good = true;
    for path in &args.receipts {
        let bytes = read_input(path, max)?;
        let report = verify_receipt(&bytes, std::slice::from_ref(&key), &options);
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

/// The key itself, or a file that holds it.
fn log_key(text: &str) -> Result<LogVerifier, Failure> {
    let parsed = match LogVerifier::parse(text.trim()) {
        Ok(key) => return Ok(key),
        Err(_) if std::fs::metadata(text).is_ok() => {
            read_text(std::path::Path::new(text), 4096)?.trim().to_owned()
        }
        Err(_) => text.to_owned(),
    };
    LogVerifier::parse(&parsed).map_err(|error| {
        let hint = "give the verifier key (name+hash+base64) or the file that holds it, log.pub";
        Failure::usage("log-key-unusable", format!("--log-key: {error}"), hint)
    })
}
