//! The demo's auditor: saves every receipt, verifies all of them offline with
//! `onepoint verify`, alters one byte of one and shows that it fails.

use std::path::Path;

use serde_json::Value;

use super::cases::Case;
use super::processes::finish;
use super::talk::{Talk, Told};
use crate::commands::{Failure, write_new};
use crate::intake::Carrier;
use crate::json::Look;

/// How to verify, before the names of receipts.
const VERIFY: [&str; 6] =
    ["verify", "--json", "--log-key", "pki/log.pub", "--anchors", "pki/ca.pem"];

/// What was saved.
pub(crate) struct Evidence {
    /// Names of the receipt files, relative to the folder.
    files: Vec<String>,
}

/// What the verification came to.
pub(crate) struct Proof {
    pub(crate) receipts: usize,
    pub(crate) verified: usize,
    /// What `verify` says of the altered one.
    pub(crate) altered: String,
    pub(crate) altered_fails: bool,
}

/// Fetches the receipts of every message and saves messages and receipts.
pub(crate) fn save(
    runtime: &tokio::runtime::Runtime,
    talk: &Talk,
    cases: &[Case],
    told: &[Told],
    folder: &Path,
) -> Result<Evidence, Failure> {
    let mut files = Vec::new();
    for (n, (case, told)) in cases.iter().zip(told).enumerate() {
        let n = n + 1;
        let end = match Carrier::of_body(&case.body) {
            Carrier::Xml => "xml",
            _ => "jws",
        };
        write_new(&folder.join(format!("messages/{n:03}.{end}")), &case.body)?;
        // A duplicate's receipts are those of the original.
        if told.verdict == "duplicate" || told.message.is_empty() {
            continue;
        }
        let receipts = runtime.block_on(talk.receipts(case, &told.message))?;
        for (k, receipt) in receipts.iter().enumerate() {
            let kind = receipt.at("fact").at("kind").as_str().unwrap_or("fact");
            let name = format!("receipts/{n:03}-{:02}-{kind}.receipt.json", k + 1);
            write_new(&folder.join(&name), &pretty(receipt))?;
            files.push(name);
        }
    }
    Ok(Evidence { files })
}

fn pretty(receipt: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(receipt).unwrap_or_default()
}

/// Verifies all of them, and one that was altered.
pub(crate) fn verify(folder: &Path, evidence: &Evidence) -> Result<Proof, Failure> {
    let mut args = VERIFY.to_vec();
    args.extend(evidence.files.iter().map(String::as_str));
    let (_, text) = finish(&args, folder)?;
    let verified = text.lines().filter(|line| is_ok(line)).count();
    let (altered, altered_fails) = alter(folder, evidence)?;
    Ok(Proof { receipts: evidence.files.len(), verified, altered, altered_fails })
}

fn is_ok(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|report| report.at("ok") == true)
}

/// Changes one byte of the first receipt's fact: the message digest it vouches for.
fn alter(folder: &Path, evidence: &Evidence) -> Result<(String, bool), Failure> {
    let Some(first) = evidence.files.first() else {
        return Ok(("there was no receipt to alter".to_owned(), false));
    };
    let text = crate::commands::read_text(&folder.join(first), 1 << 20)?;
    let marker = "\"sha256\": \"";
    let Some((before, after)) = text.split_once(marker) else {
        return Ok(("the receipt names no digest".to_owned(), false));
    };
    let mut digest = after.chars();
    let other = if digest.next() == Some('0') { '1' } else { '0' };
    let altered = format!("{before}{marker}{other}{}", digest.as_str());
    let name = "receipts/altered.receipt.json";
    write_new(&folder.join(name), altered.as_bytes())?;
    let (code, out) = finish(&[&VERIFY, &[name][..]].concat(), folder)?;
    let report: Value =
        serde_json::from_str(out.lines().next().unwrap_or_default()).unwrap_or_default();
    let findings = report.items("findings").to_vec();
    let finding = findings.iter().find(|finding| finding.at("ok") == false);
    let said =
        finding.map_or_else(String::new, |f| format!("{}: {}", f.text("code"), f.text("en")));
    Ok((said, code == 1))
}
