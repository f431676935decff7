//! What can go wrong with the journal, each with a stable code, a text in
//! English and Chinese, and whether the process may go on.
//!
//! In: faults of the database, of the folder, of the caller. Out: one enum that
//! names no database. Promise: [`StoreError::is_fatal`] is true exactly for
//! those after which nothing may be written until the process was restarted.

use std::path::{Path, PathBuf};

mod copy;

pub use copy::CopyError;

/// A boxed cause, from whatever database is behind the store.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A fault of the journal. Display prints this level only; `source()` the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store in the folder and the options do not allow to make one.
    #[error("no store in {}", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// The configured folder is something else.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What was configured.
        path: PathBuf,
    },
    /// The folder, or a file in it, cannot be written or made.
    #[error("cannot write in {}", path.display())]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: Cause,
    },
    /// Another process (or another writer in this one) holds the store.
    #[error("the store in {} is in use by another gateway", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The store was written by a newer version of this program.
    #[error("the store has version {found}, this program knows versions up to {known}")]
    Newer {
        /// Version found in the store.
        found: u32,
        /// Newest version this program knows.
        known: u32,
    },
    /// The file is there, but is not a store of this program.
    #[error("{} is not a store of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The store belongs to a log with another origin or another key.
    #[error("the store was written with log {what} `{stored}`, now configured is `{given}`")]
    LogKeyChanged {
        /// "origin" or "key".
        what: &'static str,
        /// What the store remembers.
        stored: String,
        /// What the process was started with.
        given: String,
    },
    /// Stored facts, tiles and checkpoint do not agree with each other.
    #[error("the log is damaged: {0}")]
    LogDamaged(String),
    /// A checkpoint with another root is there already for this size.
    #[error("a checkpoint of size {size} exists with another root")]
    LogFork {
        /// The size (number of leaves) in question.
        size: u64,
    },
    /// Fewer facts are stored than the log is known to have had.
    #[error(
        "{} says that the log had {known} facts, the journal has {have}", by.display()
    )]
    RolledBack {
        /// The head file or checkpoint that knows better.
        by: PathBuf,
        /// Facts that the log had.
        known: u64,
        /// Facts stored.
        have: u64,
        /// Time of the last fact stored, ms.
        since_ms: Option<i64>,
    },
    /// The head file of the log is gone.
    #[error("the head file {} is missing", path.display())]
    HeadMissing {
        /// Where it was.
        path: PathBuf,
    },
    /// Neither slot of the head file can be read.
    #[error("the head file {} is damaged", path.display())]
    HeadDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The head file is that of another log.
    #[error("the head file {} is of the log `{found}`, not of `{expected}`", path.display())]
    HeadOfAnotherLog {
        /// The file.
        path: PathBuf,
        /// The origin in it.
        found: String,
        /// Our origin.
        expected: String,
    },
    /// Another writer has opened the store since: this one must stop.
    #[error("another writer took over: our epoch is {ours}, the store's is {found}")]
    Fenced {
        /// The epoch of this writer.
        ours: u64,
        /// The epoch in the store.
        found: u64,
    },
    /// No room on the disk. Nothing of the transaction was kept; later ones may succeed.
    #[error("the disk is full")]
    DiskFull(#[source] Cause),
    /// Reading failed.
    #[error("reading the store failed")]
    Io(#[source] Cause),
    /// Writing or syncing failed: what is on disk is unknown. The process must exit and must
    /// not try again: after a failed fsync the page cache may show data that the disk lacks.
    #[error("writing the store failed; the process must stop")]
    Fatal(#[source] Cause),
    /// The database file itself is corrupt.
    #[error("the database file is damaged")]
    Damaged(#[source] Cause),
    /// A row is there already, or one that is referred to is missing.
    #[error("the row contradicts those stored: {0}")]
    Conflict(String),
    /// A value is outside its bounds.
    #[error("{field}: expected {expected}, found {found}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What it should have been.
        expected: String,
        /// What it was, shortened.
        found: String,
    },
    /// The caller gave its transaction up; the code is the caller's own.
    #[error("the transaction was given up: {reason}")]
    Abandoned {
        /// The caller's code.
        code: &'static str,
        /// The caller's reason.
        reason: String,
    },
    /// The name of the log's key is no origin for a log. The code is the checkpoint's own.
    #[error("the log's key cannot begin a log")]
    Origin(#[source] onepoint_proof::CheckpointError),
    /// A fact that cannot be a leaf. The code is the fact's own.
    #[error("the fact cannot be stored")]
    Fact(#[source] onepoint_proof::FactError),
    /// A backup, an auditor's copy or a checkpoint that was given. The code is its own.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A checkpoint or proof could not be made.
    #[error("making the proof failed")]
    Proof(#[source] Cause),
    /// The gateway's certificate or key does not countersign.
    #[error("the checkpoint cannot be countersigned")]
    Seal(#[source] Cause),
    /// Fact and nonce are erased: the leaf is all that is left.
    #[error("fact {index} is erased; its leaf is all that is left")]
    FactErased {
        /// Its index in the log.
        index: u64,
    },
    /// The system gave no random bytes for a nonce.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// A master key that the store needs is not among those given.
    #[error("data keys of the store are wrapped by master key `{master}`, which is not given")]
    MasterKeyMissing {
        /// The id of the master key.
        master: String,
    },
    /// A data key does not open under the master key of its name.
    #[error("data key {key} does not open under master key `{master}`")]
    DataKeyUnreadable {
        /// Number of the data key.
        key: i64,
        /// The id of the master key.
        master: String,
    },
    /// A stored payload is not what was stored. It is never handed out.
    #[error("payload {body} is damaged: {what}")]
    BodyDamaged {
        /// Number of the payload.
        body: i64,
        /// What does not agree.
        what: String,
    },
    /// A payload is gone, as the retention policy says. Its message, facts and receipts stay.
    #[error("payload {body} was erased on {} by policy", day(*.at_ms))]
    Erased {
        /// Number of the payload.
        body: i64,
        /// When, in milliseconds since 1970.
        at_ms: i64,
    },
    /// A segment file is missing, or is not what was written. Nothing of it is handed out.
    #[error("segment {segment} is damaged: {what}")]
    SegmentDamaged {
        /// The name of the segment: its SHA-256 in hex.
        segment: String,
        /// What does not agree.
        what: String,
    },
    /// Any other answer of the database.
    #[error("the database refused")]
    Backend(#[source] Cause),
}

impl StoreError {
    /// The stable code, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "store-missing",
            Self::NotAFolder { .. } => "store-not-a-folder",
            Self::NotWritable { .. } => "store-not-writable",
            Self::Locked { .. } => "store-locked",
            Self::Newer { .. } => "store-newer",
            Self::Foreign { .. } => "store-foreign",
            Self::LogKeyChanged { .. } => "store-log-key-changed",
            Self::LogDamaged(_) => "store-log-damaged",
            Self::LogFork { .. } => "store-log-fork",
            Self::RolledBack { .. } => "store-rolled-back",
            Self::HeadMissing { .. } => "store-head-missing",
            Self::HeadDamaged { .. } => "store-head-damaged",
            Self::HeadOfAnotherLog { .. } => "store-head-of-another-log",
            Self::Fenced { .. } => "store-fenced",
            Self::DiskFull(_) => "store-disk-full",
            Self::Io(_) => "store-io",
            Self::Fatal(_) => "store-fatal",
            Self::Damaged(_) => "store-damaged",
            Self::Conflict(_) => "store-conflict",
            Self::Invalid { .. } => "store-value-invalid",
            Self::Abandoned { code, .. } => code,
            Self::Origin(error) => error.code(),
            Self::Fact(error) => error.code(),
            Self::Copy(error) => error.code(),
            Self::Proof(_) => "store-proof",
            Self::Seal(_) => "store-seal-failed",
            Self::FactErased { .. } => "store-fact-erased",
            Self::NoRandomness => "store-no-randomness",
            Self::MasterKeyMissing { .. } => "store-master-key-missing",
            Self::DataKeyUnreadable { .. } => "store-data-key-unreadable",
            Self::BodyDamaged { .. } => "store-body-damaged",
            Self::Erased { .. } => "payload-erased",
            Self::SegmentDamaged { .. } => "store-segment-damaged",
            Self::Backend(_) => "store-backend",
        }
    }

    /// True when the process must exit without another try: what reached the disk is unknown,
    /// or this writer is no longer the only one, or what is stored contradicts itself. About the
    /// errors of the writer ([`crate::Ledger`], [`crate::Store`]); a reader's error is its own.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Fatal(_)
                | Self::Fenced { .. }
                | Self::Damaged(_)
                | Self::LogDamaged(_)
                | Self::LogFork { .. }
                | Self::RolledBack { .. }
                | Self::HeadMissing { .. }
                | Self::HeadDamaged { .. }
        )
    }

    /// English: what happened, and what to do where we know it.
    pub fn en(&self) -> String {
        match (self, self.hint()) {
            (Self::RolledBack { .. }, Some((en, _))) => {
                format!("{self}{}; {en}", self.missing(["missing are", "facts,", "to", "after"]))
            }
            (Self::Copy(error), _) => error.en(),
            (Self::Fact(error), _) => format!("{self}: {}", error.en()),
            (Self::Origin(error), _) => format!("{self}: {}", error.en()),
            (_, Some((en, _))) => format!("{self}; {en}"),
            (_, None) => self.to_string(),
        }
    }

    /// Chinese: what happened, and what to do where we know it.
    pub fn zh(&self) -> String {
        match (self, self.hint()) {
            (Self::RolledBack { .. }, Some((_, zh))) => {
                let missing = self.missing(["缺少", "条事实，序号", "至", "晚于"]);
                format!("{}{missing}；{zh}", self.zh_level())
            }
            (Self::Copy(error), _) => error.zh(),
            (Self::Fact(error), _) => format!("{}：{}", self.zh_level(), error.zh()),
            (Self::Origin(error), _) => format!("{}：{}", self.zh_level(), error.zh()),
            (_, Some((_, zh))) => format!("{}；{zh}", self.zh_level()),
            (_, None) => self.zh_level(),
        }
    }

    fn zh_level(&self) -> String {
        match self {
            Self::Missing { path } => format!("{} 中没有存储", path.display()),
            Self::NotAFolder { path } => format!("{} 不是文件夹", path.display()),
            Self::NotWritable { path, .. } => format!("无法写入 {}", path.display()),
            Self::Locked { path } => format!("{} 中的存储正被另一网关使用", path.display()),
            Self::Newer { found, known } => {
                format!("存储版本为 {found}，本程序最高支持版本 {known}")
            }
            Self::Foreign { path } => format!("{} 不是本程序的存储文件", path.display()),
            Self::LogKeyChanged { what, stored, given } => {
                let what = if *what == "origin" { "来源" } else { "密钥" };
                format!("存储所用日志{what}为 `{stored}`，现配置为 `{given}`")
            }
            Self::LogDamaged(what) => format!("日志已损坏：{what}"),
            Self::LogFork { size } => format!("大小为 {size} 的检查点已存在且根不同"),
            Self::RolledBack { by, known, have, .. } => {
                format!("{} 记载日志有 {known} 条事实，存储中只有 {have} 条", by.display())
            }
            Self::HeadMissing { path } => format!("日志头文件 {} 不存在", path.display()),
            Self::HeadDamaged { path } => format!("日志头文件 {} 已损坏", path.display()),
            Self::HeadOfAnotherLog { path, found, expected } => {
                let path = path.display();
                format!("日志头文件 {path} 属于日志 `{found}`，而非 `{expected}`")
            }
            Self::Fenced { ours, found } => {
                format!("另一写入者已接管：本方纪元 {ours}，存储纪元 {found}")
            }
            Self::DiskFull(_) => "磁盘已满".into(),
            Self::Io(_) => "读取存储失败".into(),
            Self::Fatal(_) => "写入存储失败，进程必须停止".into(),
            Self::Damaged(_) => "数据库文件已损坏".into(),
            Self::Conflict(what) => format!("与已存记录矛盾：{what}"),
            Self::Invalid { field, expected, found } => {
                format!("{field}：应为 {expected}，实为 {found}")
            }
            Self::Abandoned { reason, .. } => format!("事务已放弃：{reason}"),
            Self::Origin(_) => "日志密钥不能用于新的日志".into(),
            Self::Fact(_) => "事实无法存储".into(),
            Self::Copy(error) => error.zh(),
            Self::Proof(_) => "生成证明失败".into(),
            Self::Seal(_) => "检查点无法副署".into(),
            Self::FactErased { index } => format!("事实 {index} 已清除，仅存其叶"),
            Self::NoRandomness => "系统未提供随机数".into(),
            Self::MasterKeyMissing { master } => {
                format!("存储的数据密钥由主密钥 `{master}` 封装，而该主密钥未提供")
            }
            Self::DataKeyUnreadable { key, master } => {
                format!("数据密钥 {key} 无法用主密钥 `{master}` 解开")
            }
            Self::BodyDamaged { body, what } => format!("报文体 {body} 已损坏：{what}"),
            Self::Erased { body, at_ms } => {
                format!("报文体 {body} 已于 {} 按保留策略删除", day(*at_ms))
            }
            Self::SegmentDamaged { segment, what } => format!("归档段 {segment} 已损坏：{what}"),
            Self::Backend(_) => "数据库拒绝操作".into(),
        }
    }

    fn hint(&self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Missing { .. } => (
                "make one with `onepoint init`, or correct the path",
                "请用 `onepoint init` 创建，或更正路径",
            ),
            Self::NotWritable { .. } => ("check its owner and permissions", "请检查其属主与权限"),
            Self::Locked { .. } => (
                "stop the other gateway first, or give this one its own folder",
                "请先停止另一网关，或为本网关另设文件夹",
            ),
            Self::Newer { .. } => ("start the newer program", "请启动更新版本的程序"),
            Self::LogKeyChanged { .. } => (
                "a log keeps its origin and key for life: restore them, or begin a new store",
                "日志的来源与密钥终身不变：请恢复原值，或启用新的存储",
            ),
            Self::LogDamaged(_) | Self::Damaged(_) => (
                "do not write to it: keep a copy and restore a backup",
                "请勿再写入：保留副本并恢复备份",
            ),
            Self::MasterKeyMissing { .. } => (
                "put it back into the file of master keys; `onepoint store rewrap` makes it superfluous",
                "请将其放回主密钥文件；`onepoint store rewrap` 之后方可移除",
            ),
            Self::DataKeyUnreadable { .. } => (
                "another key may have this name now, or the store is damaged",
                "可能另一密钥用了此名，或存储已损坏",
            ),
            Self::BodyDamaged { .. } | Self::SegmentDamaged { .. } => {
                ("restore it from a backup", "请从备份恢复")
            }
            Self::LogFork { .. } => (
                "it may be a restored backup that is older than what was published",
                "可能恢复了早于已公布内容的备份",
            ),
            Self::RolledBack { .. } => (
                "an older copy of the journal was put in its place: put the newer one back, or \
                 complete it with `onepoint store restore --mirror`",
                "存储被较旧的副本替换：请放回较新的存储，或用 `onepoint store restore --mirror` 补全",
            ),
            Self::HeadMissing { .. } | Self::HeadDamaged { .. } => (
                "compare the journal with a checkpoint that somebody outside holds (`onepoint \
                 store check`), then make the file anew with `onepoint store head --accept`",
                "请先将存储与外部持有的检查点比对（`onepoint store check`），再用 `onepoint store head --accept` 重建",
            ),
            Self::HeadOfAnotherLog { .. } => (
                "give each log its own file in `[log] head`",
                "请在 `[log] head` 中为每个日志单独指定文件",
            ),
            Self::Seal(_) => (
                "check certificate and key under [seal]: P-256, or RSA of at least 2,048 bits",
                "请检查 [seal] 的证书与密钥：P-256，或不少于 2048 位的 RSA",
            ),
            Self::DiskFull(_) => ("make room; then send again", "请腾出空间后重新发送"),
            Self::Fatal(_) => (
                "what is on disk is only known after a restart, and this machine's page cache is not to be trusted until then",
                "重启后方知磁盘上的实际内容，此前本机页缓存不可信",
            ),
            _ => return None,
        })
    }

    /// Exactly which facts are missing after a rollback, with the words of a language.
    fn missing(&self, [missing, facts, to, after]: [&str; 4]) -> String {
        let Self::RolledBack { known, have, since_ms, .. } = self else { return String::new() };
        let (count, last) = (known.saturating_sub(*have), known.saturating_sub(1));
        let since = since_ms.and_then(onepoint_proof::fact::format_time);
        let since = since.map_or(String::new(), |time| format!(", {after} {time}"));
        format!(": {missing} {count} {facts} {have} {to} {last}{since}")
    }

    /// A file of an auditor's copy, and what is wrong with it.
    pub(crate) fn mirror(path: &Path, what: impl Into<String>) -> StoreError {
        CopyError::Mirror { path: path.to_path_buf(), what: what.into() }.into()
    }

    /// The caller's way to give a transaction up: nothing of it is kept.
    pub fn abandoned(code: &'static str, reason: impl Into<String>) -> Self {
        Self::Abandoned { code, reason: reason.into() }
    }
}

/// The day in the zone's time (UTC+8), as people write it.
fn day(time_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default();
    jiff::tz::offset(8).to_datetime(time).date().to_string()
}

#[cfg(test)]
mod tests;
