//! What a verification found, check by check.
//!
//! In: codes with details; out: findings in English and Chinese, and the
//! verdict over all of them. The verdict is good only when no check failed and
//! every check that matters was made.

use serde_json::{Value, json};

use crate::checkpoint::Checkpoint;
use crate::countersign::Countersigned;
use crate::fact::Fact;

/// Checks that must have been made, and passed, for a good verdict.
const REQUIRED: [&str; 16] = [
    "format",
    "fields",
    "level",
    "origin",
    "fact",
    "nonce",
    "leaf",
    "leaf-kind",
    "leaf-time",
    "commitment",
    "checkpoint",
    "checkpoint-origin",
    "inclusion",
    "log-key",
    "log-signature",
    "time",
];

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code: of the check when it passed, of the fault when it failed.
    pub code: &'static str,
    /// Whether the check passed.
    pub ok: bool,
    /// A sentence in English.
    pub en: String,
    /// A sentence in Chinese.
    pub zh: String,
    /// What exactly was found; may be empty. Not stable.
    pub detail: String,
}

impl Finding {
    /// A check that passed.
    #[must_use]
    pub fn pass(code: &'static str, detail: String) -> Finding {
        Finding::with_text(code, true, detail)
    }

    /// A check that failed, with a code of this crate.
    #[must_use]
    pub fn fail(code: &'static str, detail: String) -> Finding {
        Finding::with_text(code, false, detail)
    }

    /// A check that failed with an error that has its own sentences.
    #[must_use]
    pub fn error(code: &'static str, en: String, zh: String) -> Finding {
        Finding { code, ok: false, detail: String::new(), en, zh }
    }

    fn with_text(code: &'static str, ok: bool, detail: String) -> Finding {
        let (en, zh) = sentence(code);
        Finding { code, ok, en: en.to_owned(), zh: zh.to_owned(), detail }
    }

    /// As a JSON object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({
            "code": self.code,
            "ok": self.ok,
            "en": self.en,
            "zh": self.zh,
            "detail": self.detail,
        })
    }
}

/// All findings of a verification, in the order of the checks.
#[derive(Clone, Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    pub(super) fact: Option<Fact>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) countersigned: Option<Countersigned>,
}

impl Report {
    pub(super) fn new() -> Report {
        Report::default()
    }

    /// Whether all holds: no check failed, and none that matters was left out.
    #[must_use]
    pub fn ok(&self) -> bool {
        let passed = |code: &&str| self.findings.iter().any(|f| f.ok && f.code == *code);
        self.findings.iter().all(|f| f.ok) && REQUIRED.iter().all(passed)
    }

    /// All findings.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Codes of the checks that failed.
    pub fn faults(&self) -> impl Iterator<Item = &'static str> {
        self.findings.iter().filter(|f| !f.ok).map(|f| f.code)
    }

    /// Adds a check made elsewhere, such as that of the certificate chain.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The fact, when it could be read; to be believed only when [`Report::ok`].
    #[must_use]
    pub fn fact(&self) -> Option<&Fact> {
        self.fact.as_ref()
    }

    /// The checkpoint, when it could be read; to be believed only when [`Report::ok`].
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// The countersignature that verified with the first certificate of
    /// [`Report::chain`]; whether that certificate was to be trusted at that
    /// time is for the caller to check.
    #[must_use]
    pub fn countersigned(&self) -> Option<&Countersigned> {
        self.countersigned.as_ref()
    }

    /// The certificates in the receipt (DER), the gateway's first.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// As a JSON object: `ok` and `findings`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_value).collect();
        json!({ "ok": self.ok(), "findings": findings })
    }

    pub(super) fn pass(&mut self, code: &'static str, detail: impl Into<String>) {
        self.add(Finding::pass(code, detail.into()));
    }

    pub(super) fn fail(&mut self, code: &'static str, detail: impl Into<String>) {
        self.add(Finding::fail(code, detail.into()));
    }

    /// One finding for a check with an error that has its own sentences.
    pub(super) fn check<T, E>(
        &mut self,
        code: &'static str,
        outcome: Result<T, E>,
        fault: impl FnOnce(&E) -> Finding,
    ) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.pass(code, "");
                Some(value)
            }
            Err(error) => {
                self.add(fault(&error));
                None
            }
        }
    }
}

/// English and Chinese sentence of each code that is not an error's own.
fn sentence(code: &str) -> (&'static str, &'static str) {
    match code {
        "format" => ("the file is a receipt of a known format", "文件是已知格式的回执"),
        "fields" => ("the receipt has only known members", "回执只含已知成员"),
        "level" => ("the receipt's level is one this verifier checks", "回执级别可由本程序核验"),
        "origin" => ("the receipt names a log", "回执指明了日志"),
        "fact" => ("the fact is well-formed", "事实格式正确"),
        "nonce" => ("the nonce has 32 bytes", "随机数为 32 字节"),
        "leaf" => ("the log entry is well-formed", "日志条目格式正确"),
        "leaf-kind" => ("fact and log entry are of one kind", "事实与日志条目类别一致"),
        "leaf-time" => ("fact and log entry have one time", "事实与日志条目时间一致"),
        "commitment" => ("the log entry commits to this fact", "日志条目承诺的正是此事实"),
        "index" => ("the index is a whole number", "序号是整数"),
        "proof" => ("the proof is a list of hashes", "证明是哈希列表"),
        "checkpoint" => ("the checkpoint is well-formed", "检查点格式正确"),
        "checkpoint-origin" => ("the checkpoint is of the named log", "检查点属于所指日志"),
        "inclusion" => ("the entry is in the log of this checkpoint", "条目包含在该检查点的日志中"),
        "log-key" => ("a trusted key of the named log is at hand", "持有该日志的可信公钥"),
        "log-signature" => ("the log signed the checkpoint", "检查点由该日志签名"),
        "chain" => ("the certificates are readable", "证书可读"),
        "countersignature-none" => {
            ("the checkpoint is not countersigned with a certificate", "检查点没有证书副署")
        }
        "countersignature" => {
            ("the gateway's certificate countersigned the checkpoint", "检查点由网关证书副署")
        }
        "time" => ("the times are plausible", "时间合理"),
        "digest" => ("the fact's digests are well-formed", "事实中的摘要格式正确"),
        "message" => ("the message is the one in the fact", "报文与事实相符"),
        _ => fault_sentence(code),
    }
}

fn fault_sentence(code: &str) -> (&'static str, &'static str) {
    match code {
        "receipt-too-large" => ("the file is larger than 1 MiB", "文件超过 1 MiB"),
        "receipt-not-json" => (
            "the file is not a JSON object of the kind receipts are made of",
            "文件不是回执所用的 JSON 对象",
        ),
        "receipt-format-unsupported" => (
            "the file is not a receipt of format onepoint-receipt/1",
            "文件不是 onepoint-receipt/1 格式的回执",
        ),
        "receipt-field-unknown" => ("the receipt has an unknown member", "回执含有未知成员"),
        "level-unsupported" => (
            "the receipt's level is missing or not one this verifier checks",
            "回执级别缺失或本程序不能核验",
        ),
        "origin-malformed" => {
            ("the receipt's origin is missing or no log name", "回执的来源缺失或不是日志名")
        }
        "nonce-malformed" => {
            ("the nonce is missing or not base64 of 32 bytes", "随机数缺失或不是 32 字节的 base64")
        }
        "leaf-kind-differs" => {
            ("the fact is of another kind than the log entry", "事实与日志条目类别不一致")
        }
        "leaf-time-differs" => {
            ("the fact has another time than the log entry", "事实与日志条目时间不一致")
        }
        "commitment-differs" => {
            ("the log entry commits to another fact or nonce", "日志条目承诺的是别的事实或随机数")
        }
        "index-malformed" => {
            ("the index is missing or not a whole number from 0", "序号缺失或不是非负整数")
        }
        "proof-malformed" => (
            "the proof is missing or not a list of base64 hashes",
            "证明缺失或不是 base64 哈希列表",
        ),
        "log-unknown" => ("none of the given keys is of the named log", "所给公钥都不属于所指日志"),
        "chain-malformed" => (
            "the chain is missing or not a list of base64 certificates",
            "证书链缺失或不是 base64 证书列表",
        ),
        "time-too-early" => ("the fact is dated before 2020", "事实日期早于 2020 年"),
        "time-in-future" => ("the fact is dated in the future", "事实日期在未来"),
        "countersignature-too-early" => {
            ("the countersignature is dated before the fact", "副署时间早于事实时间")
        }
        "digest-malformed" => (
            "the fact's digests are not lower-case hexadecimal of 32 bytes",
            "事实中的摘要不是 32 字节的小写十六进制",
        ),
        "message-digest-missing" => (
            "the fact names no SHA-256 digest to compare the message with",
            "事实中没有可与报文比对的 SHA-256 摘要",
        ),
        "message-differs" => ("the message is not the one in the fact", "报文与事实不符"),
        _ => ("the check failed", "检查未通过"),
    }
}
