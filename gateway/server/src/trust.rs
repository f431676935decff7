//! What somebody offline trusts: keys of logs, anchors of certificates. In:
//! receipts, chains of countersignatures; out: findings, each with a stable code
//! and both languages. `verify` and `audit` judge alike, since both ask here.
//! FORMATS.md, "Verification", is the source of each rule and code.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{Certificate, ChainError, TrustAnchors};
use onepoint_proof::LogVerifier;
use onepoint_proof::receipt::{CLOCK_TOLERANCE_MS, Finding, Report, VerifyOptions, verify_receipt};

use crate::commands::sign::PEM_MAX;
use crate::commands::{Failure, read_text};

/// Longest file of a verifier key, bytes.
const KEY_FILE_MAX: u64 = 4096;

/// Keys and anchors.
pub(crate) struct Trust {
    pub(crate) keys: Vec<LogVerifier>,
    /// Without them a certificate cannot be checked, and that is a fault.
    pub(crate) anchors: Option<TrustAnchors>,
}

impl Trust {
    /// Reads a log's verifier key (or the file that holds it), and the file of anchors.
    ///
    /// # Errors
    /// `log-key-unusable`, `anchors-unusable`, and those of reading files.
    pub(crate) fn read(key: &str, anchors: Option<&Path>) -> Result<Trust, Failure> {
        let anchors = anchors.map(|path| {
            TrustAnchors::from_pem(&read_text(path, PEM_MAX)?).map_err(|error| {
                let message = format!("{}: {}", path.display(), error.en());
                Failure::usage("anchors-unusable", message, "give CA certificates as PEM")
            })
        });
        Ok(Trust { keys: vec![log_key(key)?], anchors: anchors.transpose()? })
    }

    /// Every finding about a receipt, that of the certificate's chain included.
    pub(crate) fn verify(&self, bytes: &[u8], options: &VerifyOptions<'_>) -> Report {
        let mut report = verify_receipt(bytes, &self.keys, options);
        // A countersignature that does not verify is a fault already.
        if let Some(time_ms) = report.countersigned().map(|signed| signed.time_ms) {
            let finding = self.certificate(report.chain(), time_ms);
            report.add(finding);
        }
        report
    }

    /// The finding about the certificate that countersigned (the first of `chain`,
    /// DER) at `time_ms`.
    pub(crate) fn certificate(&self, chain: &[Vec<u8>], time_ms: i64) -> Finding {
        let Some(anchors) = &self.anchors else {
            let en =
                "the chain of the countersigning certificate was not checked: no anchors given";
            return fault(
                "chain-not-checked",
                en.to_owned(),
                "未给出信任锚，副署证书链未核验".to_owned(),
            );
        };
        match check_certificate(anchors, chain, time_ms) {
            Ok(detail) => Finding {
                code: "certificate",
                ok: true,
                en: "the countersigning certificate leads to an anchor and was valid then"
                    .to_owned(),
                zh: "副署证书可追溯到信任锚，且当时有效".to_owned(),
                detail,
            },
            Err(finding) => finding,
        }
    }
}

fn fault(code: &'static str, en: String, zh: String) -> Finding {
    Finding::error(code, en, zh)
}

/// The rules, in the order of FORMATS.md. What comes out is whose certificate it is
/// and the anchor it leads to.
fn check_certificate(
    anchors: &TrustAnchors,
    chain: &[Vec<u8>],
    time_ms: i64,
) -> Result<String, Finding> {
    let (first, others) =
        chain.split_first().map_or((&[][..], &[][..]), |(f, o)| (f.as_slice(), o));
    let leaf = Certificate::from_der(first.to_vec()).map_err(|error| {
        let zh = format!("副署证书无法读取：{}", error.zh());
        fault("certificate-unreadable", format!("it cannot be read: {}", error.en()), zh)
    })?;
    let moment = moment(&leaf, time_ms)?;
    let untrusted = |error: ChainError| fault("certificate-untrusted", error.en(), error.zh());
    // Without issuers only what the certificate says of itself can be called its usage.
    let alone = anchors.verify_chain(&leaf, &[], moment, SignedDuration::ZERO);
    if let Err(error @ (ChainError::CaAsEndEntity { .. } | ChainError::WrongUsage { .. })) = alone {
        return Err(fault("certificate-usage", error.en(), error.zh()));
    }
    let readable = |der: &Vec<u8>| Certificate::from_der(der.clone()).ok();
    let issuers: Vec<Certificate> = others.iter().filter_map(readable).collect();
    let chain = anchors.verify_chain(&leaf, &issuers, moment, SignedDuration::ZERO);
    let chain = chain.map_err(untrusted)?;
    Ok(format!("{}; {}", leaf.subject(), chain.anchor().subject()))
}

/// The moment at which the chain has to hold: the time, or when that is outside the
/// certificate's validity by no more than the tolerance, the edge of it.
fn moment(leaf: &Certificate, time_ms: i64) -> Result<Timestamp, Finding> {
    let tolerance = CLOCK_TOLERANCE_MS / 1000;
    let time = time_ms.div_euclid(1000);
    let (from, until) = (leaf.not_before().as_second(), leaf.not_after().as_second());
    let shown = Timestamp::from_second(time).unwrap_or(Timestamp::UNIX_EPOCH);
    if time < from.saturating_sub(tolerance) {
        let at = leaf.not_before();
        let en = format!("the certificate is valid from {at}, it countersigned at {shown}");
        let zh = format!("副署证书自 {at} 起生效，副署时间为 {shown}");
        return Err(fault("certificate-not-yet-valid", en, zh));
    }
    if time > until.saturating_add(tolerance) {
        let at = leaf.not_after();
        let en = format!("the certificate expired at {at}, it countersigned at {shown}");
        let zh = format!("副署证书已于 {at} 过期，副署时间为 {shown}");
        return Err(fault("certificate-expired", en, zh));
    }
    // A certificate that ends before it begins is judged at its end, where its chain fails.
    Ok(Timestamp::from_second(time.max(from).min(until)).unwrap_or(shown))
}

/// The key itself, or a file that holds it.
pub(crate) fn log_key(text: &str) -> Result<LogVerifier, Failure> {
    let parsed = match LogVerifier::parse(text.trim()) {
        Ok(key) => return Ok(key),
        Err(_) if std::fs::metadata(text).is_ok() => {
            read_text(Path::new(text), KEY_FILE_MAX)?.trim().to_owned()
        }
        Err(_) => text.to_owned(),
    };
    LogVerifier::parse(&parsed).map_err(|error| {
        let hint = "give the verifier key (name+hash+base64) or the file that holds it, log.pub";
        Failure::usage("log-key-unusable", format!("--log-key: {error}"), hint)
    })
}
