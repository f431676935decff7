//! Findings of an audit, said as they are made: a line of text or of JSON each, with a
//! stable code, both languages, the place and what exactly was found. Out: the exit
//! code. Of one fault only so many are said; the rest is counted.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use onepoint_proof::{Hash, receipt};
use serde_json::json;

use crate::commands::{Failure, Outcome};

/// Most faults of one code that are said one by one.
const SAID_MAX: u64 = 20;

/// The outcome of one check.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) ok: bool,
    pub(crate) en: String,
    pub(crate) zh: String,
    /// Which file, tile, entry or size; may be empty.
    pub(crate) place: String,
    /// What exactly; may be empty. Not stable.
    pub(crate) detail: String,
}

impl Finding {
    /// A check that held.
    pub(crate) fn pass(code: &'static str, place: impl Into<String>) -> Finding {
        Finding::of(code, true, place.into())
    }

    /// A check that failed, with a sentence of this module.
    pub(crate) fn fail(code: &'static str, place: impl Into<String>) -> Finding {
        Finding::of(code, false, place.into())
    }

    /// A check that failed with an error that has its own sentences.
    pub(crate) fn error(
        code: &'static str,
        en: String,
        zh: String,
        place: impl Into<String>,
    ) -> Finding {
        Finding { code, ok: false, en, zh, place: place.into(), detail: String::new() }
    }

    /// With what exactly was found.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Finding {
        self.detail = detail.into();
        self
    }

    /// What was expected and what was found.
    pub(crate) fn differs(self, expected: &Hash, found: &Hash) -> Finding {
        self.detail(format!("expected {}, found {}", expected.to_hex(), found.to_hex()))
    }

    /// A finding of the receipt's verification.
    pub(crate) fn of_receipt(found: &receipt::Finding, place: impl Into<String>) -> Finding {
        Finding {
            code: found.code,
            ok: found.ok,
            en: found.en.clone(),
            zh: found.zh.clone(),
            place: place.into(),
            detail: found.detail.clone(),
        }
    }

    fn of(code: &'static str, ok: bool, place: String) -> Finding {
        let known = SENTENCES.iter().find(|(known, ..)| *known == code);
        let (en, zh) = known.map_or(("", ""), |(_, en, zh)| (*en, *zh));
        debug_assert!(known.is_some(), "no sentence for {code}");
        Finding { code, ok, en: en.to_owned(), zh: zh.to_owned(), place, detail: String::new() }
    }
}

/// Why a step of an audit went no further.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something outside failed, or the command line is wrong: nothing is said of the log.
    Outside(Failure),
    /// The log, the store or a file is at fault.
    Found(Box<Finding>),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Outside(failure)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Stop {
        Stop::Found(Box::new(finding))
    }
}

/// Says findings and remembers whether all held.
pub(crate) struct Findings {
    json: bool,
    colour: bool,
    failed: u64,
    of_code: BTreeMap<&'static str, u64>,
}

impl Findings {
    pub(crate) fn new(json: bool) -> Findings {
        let colour = !json && std::io::stdout().is_terminal();
        Findings { json, colour, failed: 0, of_code: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, finding: &Finding) {
        if !finding.ok {
            self.failed += 1;
            let said = self.of_code.entry(finding.code).or_default();
            *said += 1;
            if *said > SAID_MAX {
                return;
            }
        }
        if self.json {
            println!(
                "{}",
                json!({
                    "code": finding.code, "ok": finding.ok, "en": finding.en, "zh": finding.zh,
                    "place": finding.place, "detail": finding.detail,
                })
            );
            return;
        }
        let mark = match (finding.ok, self.colour) {
            (true, false) => "ok  ".to_owned(),
            (false, false) => "FAIL".to_owned(),
            (true, true) => "\x1b[32mok  \x1b[0m".to_owned(),
            (false, true) => "\x1b[31mFAIL\x1b[0m".to_owned(),
        };
        let place = if finding.place.is_empty() { "" } else { ": " };
        println!(
            "{mark} {}{place}{}: {} {}",
            finding.code, finding.place, finding.en, finding.detail
        );
        if !finding.ok {
            println!("     {}", finding.zh);
        }
    }

    /// Takes in how a step ended; a finding that stopped it counts.
    pub(crate) fn take<T>(&mut self, step: Result<T, Stop>) -> Result<Option<T>, Failure> {
        match step {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Found(finding)) => {
                self.add(&finding);
                Ok(None)
            }
            Err(Stop::Outside(failure)) => Err(failure),
        }
    }

    /// The last line, and the exit code.
    pub(crate) fn end(self) -> Outcome {
        let unsaid = self.of_code.iter().filter(|(_, n)| **n > SAID_MAX);
        let unsaid: BTreeMap<_, _> = unsaid.map(|(code, n)| (*code, n - SAID_MAX)).collect();
        let ok = self.failed == 0;
        if self.json {
            println!("{}", json!({ "ok": ok, "failed": self.failed, "unsaid": unsaid }));
        } else {
            for (code, more) in unsaid {
                println!("     {code}: {more} more");
            }
            println!("{}", if ok { "all holds" } else { "DOES NOT HOLD" });
        }
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// Code, English, Chinese.
const SENTENCES: &[(&str, &str, &str)] = &[
    ("checkpoint", "the log signed this checkpoint", "检查点由该日志签名"),
    ("checkpoint-missing", "the log shows no checkpoint", "日志没有给出检查点"),
    (
        "consistency",
        "the log continues the tree of the mirror's last checkpoint",
        "日志延续了镜像上次检查点的树",
    ),
    ("countersignature-none", "the checkpoint is not countersigned", "检查点没有证书副署"),
    (
        "countersignature",
        "the gateway's certificate countersigned the checkpoint",
        "检查点由网关证书副署",
    ),
    (
        "countersignature-certificates-missing",
        "the log does not show the certificates of its countersignature",
        "日志没有给出副署证书",
    ),
    ("entries", "every entry is where the tree has it", "所有条目与树一致"),
    ("entries-missing", "the log does not show entries it signed for", "日志缺少已签名的条目"),
    (
        "entries-changed",
        "an entry is another than the mirror has in its place",
        "条目与镜像中同一位置的条目不同",
    ),
    (
        "entry-wrong",
        "an entry is not the one that its tile has the hash of",
        "条目与瓦片中的哈希不符",
    ),
    ("time-backwards", "a leaf is older than the one before it", "叶子时间早于前一叶子"),
    ("times", "the times of the leaves never go back", "叶子时间从不倒退"),
    ("tile-missing", "the log does not show a tile of its tree", "日志缺少树的瓦片"),
    ("tile-wrong", "a tile is not the one that the entries lead to", "瓦片与条目推算的不符"),
    ("tiles", "every tile is the one that the entries lead to", "所有瓦片与条目一致"),
    ("root", "the entries lead to the signed root", "条目推出已签名的根"),
    (
        "root-mismatch",
        "neither the entries nor the tiles lead to the signed root",
        "条目和瓦片都推不出已签名的根",
    ),
    (
        "log-split",
        "FORK: the log signed two roots for one size; both checkpoints are kept as evidence",
        "日志分叉：同一大小签了两个不同的根，两个检查点均已留证",
    ),
    (
        "log-forked",
        "FORK: the log signed a tree that does not continue its own earlier one; both are kept as evidence",
        "日志分叉：新签名的树不延续先前的树，两个检查点均已留证",
    ),
    (
        "log-shrunk",
        "the log shows a checkpoint smaller than one it signed before; both are kept as evidence",
        "日志给出的检查点小于先前签名的检查点，两者均已留证",
    ),
    ("mirror-damaged", "the mirror is not what its checkpoint says", "镜像与其检查点不符"),
    ("mirror-written", "the mirror holds the log up to here", "镜像已保存至此"),
    (
        "split-view",
        "SPLIT VIEW: the two copies are no copies of one log",
        "两个副本不属于同一日志视图",
    ),
    ("copies-agree", "one copy continues the other", "一个副本延续另一个副本"),
    (
        "copies-differ",
        "the copies show different entries in one place",
        "两个副本在同一位置的条目不同",
    ),
    ("fact-missing", "the store lacks a fact of its log", "库中缺少日志的事实"),
    ("fact-wrong", "a stored fact is not what its leaf commits to", "库中事实与其叶子的承诺不符"),
    ("facts", "every stored fact leads to its leaf", "库中所有事实与叶子一致"),
    (
        "message-missing",
        "the message that a fact is about is not in the store",
        "库中缺少事实所指的报文",
    ),
    ("message-without-facts", "a stored message has no fact in the log", "库中有报文没有对应事实"),
    ("messages", "every stored message has its facts", "库中所有报文都有对应事实"),
    ("checkpoints", "every signed checkpoint is of this tree", "所有已签名检查点都属于这棵树"),
    (
        "store-behind-mirror",
        "the store is shorter than the log that the mirror has seen",
        "库比镜像所见的日志短",
    ),
    (
        "store-differs-from-mirror",
        "the store's log is another than the one the mirror has seen",
        "库中的日志与镜像所见的不同",
    ),
    (
        "statement-wrong",
        "a completeness statement is not what the facts of the day come to",
        "完整性声明与当日事实不符",
    ),
    ("receipt", "the receipt verifies and is of this log's tree", "回执核验通过且属于此日志"),
    ("receipt-missing", "there is no receipt of this fact", "没有此事实的回执"),
    (
        "not-entitled",
        "this identity may not see the fact, which says nothing of the log",
        "此身份无权查看该事实，不能据此判断日志",
    ),
    ("receipt-of-another-fact", "the receipt is of another index", "回执属于另一序号"),
    (
        "fact-erased",
        "the fact was erased by retention; its leaf is still in the log",
        "事实已按保存期清除，其叶子仍在日志中",
    ),
    ("exported", "the period was written, the manifest last", "该时段已导出，清单最后写入"),
    ("statement", "the receipt is a completeness statement that verifies", "完整性声明核验通过"),
    ("statement-malformed", "the receipt is no completeness statement", "该回执不是完整性声明"),
    ("list", "the list is the one that the statement stands for", "清单与声明一致"),
    ("list-malformed", "the list cannot be read", "清单无法读取"),
    ("list-count", "the list has another number of facts than the statement", "清单数量与声明不符"),
    (
        "list-ends",
        "the list has another first or last index than the statement",
        "清单首末序号与声明不符",
    ),
    (
        "list-running",
        "the list leads to another running hash than the statement",
        "清单的累计哈希与声明不符",
    ),
    (
        "list-missing",
        "only the day's list can tell whether this fact is in it",
        "需要当日清单才能判断",
    ),
    ("receipt-listed", "the fact is in the list", "事实在清单中"),
    (
        "receipt-not-of-this-day",
        "the receipt is not known to be of this participant and day, and was passed over",
        "该回执不能认定属于该参与方当日，已略过",
    ),
    (
        "omission-proven",
        "OMISSION PROVEN: the fact has a receipt of this participant and day, and the statement leaves it out",
        "遗漏已证实：该事实有回执，却未计入声明",
    ),
];
