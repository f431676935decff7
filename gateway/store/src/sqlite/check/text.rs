//! What each finding means, in English and Chinese. The codes are kept for ever.

/// The codes with their sentences; what was found stands in the finding's detail.
const TEXTS: &[(&str, &str, &str)] = &[
    ("database-unreadable", "the database could not be read here", "数据库此处无法读取"),
    ("database-damaged", "the database file contradicts itself", "数据库文件自相矛盾"),
    (
        "schema-differs",
        "a table, index or trigger is not the one made",
        "表或索引或触发器与所建不同",
    ),
    ("reference-missing", "a row names another that is not there", "记录引用了不存在的记录"),
    ("log-identity-wrong", "origin and key of the log do not agree", "日志来源与密钥不一致"),
    ("log-key-differs", "the log was written with another key", "日志由另一密钥签署"),
    ("fact-missing", "facts of the log are missing", "日志中缺少事实"),
    ("fact-differs", "a fact is not what its leaf commits to", "事实与其叶子的承诺不符"),
    ("fact-time-back", "the times in the log go back", "日志中的时间倒退"),
    ("fact-not-signed", "facts stand behind the last checkpoint", "事实未被任何检查点覆盖"),
    ("root-differs", "the leaves do not lead to the signed root", "叶子未能得出已签署的根"),
    ("checkpoint-differs", "a checkpoint is not as it was signed", "检查点与签署时不同"),
    ("seal-differs", "the countersignature of a checkpoint does not hold", "检查点的副署不成立"),
    ("tile-missing", "a tile is missing", "缺少瓦片"),
    ("tile-differs", "a tile is not what its leaves lead to", "瓦片与其叶子不符"),
    ("tally-differs", "a day's count is not what the facts lead to", "某日计数与事实不符"),
    ("row-differs", "a row is not what the facts say", "记录与事实不符"),
    ("row-damaged", "a row is not as it was written", "记录与写入时不同"),
    ("delivery-differs", "a delivery is not as far as the facts say", "投递状态与事实不符"),
    ("counter-differs", "a counter is not the number of rows", "计数器与记录数不符"),
    ("payload-differs", "a payload is not what was received", "载荷与收到时不同"),
    ("payload-not-opened", "sealed payloads were not checked", "加密载荷未经检查"),
    ("segment-missing", "an archive segment is missing", "缺少归档段"),
    ("segment-differs", "an archive segment is not what it was", "归档段与写入时不同"),
    ("mirror-damaged", "the auditor's copy cannot be read", "审计副本无法读取"),
    ("mirror-differs", "the auditor's copy is not of this log", "审计副本与本日志不符"),
    ("store-rolled-back", "the log had more facts than are stored", "日志曾有更多事实"),
    ("store-log-fork", "the log had another root at that size", "日志在该大小时的根不同"),
    ("store-head-missing", "the head file is missing", "缺少日志头文件"),
    ("store-head-of-another-log", "the head file is of another log", "日志头文件属于另一日志"),
    ("head-slot-damaged", "a slot of the head file is damaged", "日志头文件的一个槽已损坏"),
    ("store-io", "a file could not be read", "文件无法读取"),
];

/// The sentences of a code.
pub(super) fn of(code: &str) -> (&'static str, &'static str) {
    let found = TEXTS.iter().find(|(known, ..)| *known == code);
    found.map_or(("something does not agree", "存在不一致"), |(_, en, zh)| (*en, *zh))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that the sources of the check give has its sentences, and none is left over.
    #[test]
    fn every_code_has_its_sentences() {
        let sources = [
            include_str!("../check.rs"),
            include_str!("bodies.rs"),
            include_str!("database.rs"),
            include_str!("log.rs"),
            include_str!("rows.rs"),
            include_str!("tally.rs"),
            include_str!("../../error.rs"),
        ]
        .concat();
        for (code, en, zh) in TEXTS {
            assert!(sources.contains(&format!("\"{code}\"")), "{code} is never given");
            assert!(!en.ends_with('.') && zh.chars().all(|c| c as u32 >= 0x4e00), "{code}");
        }
        for call in sources.split("find(").skip(1) {
            let code = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            let known = |code: &str| TEXTS.iter().any(|(known, ..)| *known == code);
            assert!(code.is_none_or(known), "{code:?} has no sentences");
        }
    }
}
