//! The verdict over a receipt.
//!
//! In: the file's bytes, the keys of trusted logs, and what else is known; out:
//! every finding. Nothing panics, nothing is skipped silently: a check whose
//! members could not be read is left out, but their own finding has failed.

use super::fields::{self, Fields};
use super::finding::{Finding, Report};
use crate::checkpoint::SignedCheckpoint;
use crate::countersign::verify_countersignature;
use crate::fact::Fact;
use crate::hash::{HASH_BYTES, Hash};
use crate::leaf::commitment;
use crate::note::{LogVerifier, NoteError};
use crate::proof::verify_inclusion;

/// Earliest time of a fact that is believed: 2020-01-01T00:00:00Z.
pub const EARLIEST_TIME_MS: i64 = 1_577_836_800_000;
/// How far two clocks may differ: five minutes.
pub const CLOCK_TOLERANCE_MS: i64 = 300_000;

/// What a verifier knows besides the receipt and the log's keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions<'m> {
    /// The message as it was sent, to be compared with the fact's digest.
    pub message: Option<&'m [u8]>,
    /// The present, milliseconds since 1970-01-01T00:00:00Z; without it a fact
    /// may be dated in the future.
    pub now_ms: Option<i64>,
}

/// Checks a receipt file against the keys of trusted logs and reports every
/// finding. The certificate that countersigned the checkpoint is not checked
/// against anchors here: see [`Report::countersigned`].
#[must_use]
pub fn verify_receipt(bytes: &[u8], keys: &[LogVerifier], options: &VerifyOptions<'_>) -> Report {
    let mut report = Report::new();
    let Some(fields) = fields::read(bytes, &mut report) else { return report };
    check_leaf(&fields, &mut report);
    check_log(&fields, keys, &mut report);
    check_countersignature(&fields, &mut report);
    if let Some((fact, _)) = &fields.fact {
        check_time(fact, options.now_ms, &mut report);
        check_message(fact, options.message, &mut report);
    }
    report.fact = fields.fact.map(|(fact, _)| fact);
    report.checkpoint = fields.checkpoint.map(|signed| signed.checkpoint().clone());
    report.chain = fields.chain.unwrap_or_default();
    report
}

/// One finding for a plain comparison.
fn compare(report: &mut Report, same: bool, check: &'static str, fault: &'static str) {
    if same {
        report.pass(check, "");
    } else {
        report.fail(fault, "");
    }
}

/// The leaf says of the fact what it has to say.
fn check_leaf(fields: &Fields, report: &mut Report) {
    let (Some((fact, bytes)), Some(leaf)) = (&fields.fact, &fields.leaf) else { return };
    compare(report, *fact.kind() == leaf.kind, "leaf-kind", "leaf-kind-differs");
    compare(report, fact.time_ms() == leaf.time_ms, "leaf-time", "leaf-time-differs");
    if let Some(nonce) = &fields.nonce {
        let same = commitment(nonce, bytes) == leaf.commitment;
        compare(report, same, "commitment", "commitment-differs");
    }
}

/// The leaf is in the tree that the log signed.
fn check_log(fields: &Fields, keys: &[LogVerifier], report: &mut Report) {
    if let (Some(origin), Some(signed)) = (&fields.origin, &fields.checkpoint) {
        let same = signed.checkpoint().origin == *origin;
        compare(report, same, "checkpoint-origin", "checkpoint-of-another-log");
    }
    if let (Some(leaf), Some(index), Some(proof), Some(signed)) =
        (&fields.leaf, fields.index, &fields.proof, &fields.checkpoint)
    {
        let head = signed.checkpoint();
        let verdict = verify_inclusion(&leaf.hash(), index, head.size, proof, &head.root);
        report.check("inclusion", verdict, |e| Finding::error(e.code(), e.en(), e.zh()));
    }
    let Some(origin) = &fields.origin else { return };
    let known: Vec<&LogVerifier> = keys.iter().filter(|key| key.name() == origin).collect();
    compare(report, !known.is_empty(), "log-key", "log-unknown");
    if let (false, Some(signed)) = (known.is_empty(), &fields.checkpoint) {
        let verdict = check_signatures(signed, &known);
        report.check("log-signature", verdict, |e| Finding::error(e.code(), e.en(), e.zh()));
    }
}

/// At least one known key of the log signed, and no signature of one is wrong.
fn check_signatures(signed: &SignedCheckpoint, known: &[&LogVerifier]) -> Result<(), NoteError> {
    let mut missing = None;
    let mut good = false;
    for key in known {
        match signed.note().verify(key) {
            Ok(()) => good = true,
            Err(error @ NoteError::NotSigned { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if !good => Err(error),
        _ => Ok(()),
    }
}

/// The certificate, if there is one, signed the checkpoint too.
fn check_countersignature(fields: &Fields, report: &mut Report) {
    let (Some(chain), Some(signed)) = (&fields.chain, &fields.checkpoint) else { return };
    let Some(certificate) = chain.first() else {
        report.pass("countersignature-none", "");
        return;
    };
    let verdict = verify_countersignature(signed, certificate);
    report.countersigned =
        report.check("countersignature", verdict, |e| Finding::error(e.code(), e.en(), e.zh()));
}

fn check_time(fact: &Fact, now_ms: Option<i64>, report: &mut Report) {
    let time = fact.time_ms();
    let latest = |clock: i64| clock.saturating_add(CLOCK_TOLERANCE_MS);
    let countersigned = report.countersigned.as_ref().map(|signed| signed.time_ms);
    if time < EARLIEST_TIME_MS {
        report.fail("time-too-early", "");
    } else if now_ms.is_some_and(|now| time > latest(now)) {
        report.fail("time-in-future", "");
    } else if countersigned.is_some_and(|signed| time > latest(signed)) {
        report.fail("countersignature-too-early", "");
    } else {
        report.pass("time", "");
    }
}

fn check_message(fact: &Fact, message: Option<&[u8]>, report: &mut Report) {
    let Ok(digest) = read_digests(fact) else {
        report.fail("digest-malformed", "");
        return;
    };
    report.pass("digest", "");
    let Some(message) = message else { return };
    match digest {
        None => report.fail("message-digest-missing", ""),
        Some(digest) => {
            let same = Hash::of(message).to_hex() == digest;
            compare(report, same, "message", "message-differs");
        }
    }
}

/// SHA-256 of the message, if the fact names it; an error when `digest` or
/// `content` is there but not as documented.
fn read_digests(fact: &Fact) -> Result<Option<&str>, ()> {
    let is_hex = |text: &str| {
        text.len() == 2 * HASH_BYTES
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if let Some(content) = fact.get("content") {
        content.as_str().filter(|text| is_hex(text)).ok_or(())?;
    }
    let Some(digest) = fact.get("digest") else { return Ok(None) };
    let Some(sha256) = digest.as_object().ok_or(())?.get("sha256") else { return Ok(None) };
    sha256.as_str().filter(|text| is_hex(text)).map(Some).ok_or(())
}
