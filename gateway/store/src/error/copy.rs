//! What can be wrong with copies of a store: backups, auditors' copies, and the
//! checkpoints that somebody outside holds. One code each, with what to do.

use std::path::PathBuf;

/// A fault of a copy, or of the place where one is to go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is no manifest in the folder.
    #[error("no backup in {}", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A file of a backup is not what it was when it was written.
    #[error("the backup is damaged: {}: {what}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The backup has a format that this program does not know.
    #[error("the backup has format `{found}`, expected `{expected}`")]
    Format {
        /// The format found.
        found: String,
        /// The one known.
        expected: &'static str,
    },
    /// The backup is of another log.
    #[error("the backup is of the log key {found}, given is {given}")]
    OtherLog {
        /// Key of the backup.
        found: String,
        /// Key given.
        given: String,
    },
    /// A file of an auditor's copy cannot be read or is not what it should be.
    #[error("the auditor's copy is damaged: {}: {what}", path.display())]
    Mirror {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The entries of an auditor's copy do not lead to its checkpoint from what is stored.
    #[error("the auditor's copy in {} does not continue this log", path.display())]
    MirrorDiffers {
        /// The folder.
        path: PathBuf,
    },
    /// A checkpoint that was given cannot be read, or is not signed by the log's key.
    #[error("{} is no checkpoint of this log: {what}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Something is in the place of the restored store.
    #[error("there is something in {} already", path.display())]
    PlaceTaken {
        /// The folder.
        path: PathBuf,
    },
    /// The check of what was restored found something.
    #[error("the check found {findings} faults, the first: {first}")]
    CheckFailed {
        /// How many.
        findings: u64,
        /// The first one.
        first: String,
    },
    /// Files that the backup needs went while it was made.
    #[error("archive segments went while the backup was made")]
    Moving,
}

impl CopyError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBackup { .. } => "store-backup-missing",
            Self::Backup { .. } => "store-backup-damaged",
            Self::Format { .. } => "store-backup-unsupported",
            Self::OtherLog { .. } => "store-backup-of-another-log",
            Self::Mirror { .. } => "store-mirror-damaged",
            Self::MirrorDiffers { .. } => "store-mirror-differs",
            Self::Checkpoint { .. } => "store-checkpoint-unusable",
            Self::PlaceTaken { .. } => "store-place-taken",
            Self::CheckFailed { .. } => "store-check-failed",
            Self::Moving => "store-backup-interrupted",
        }
    }

    /// English: what happened, and what to do.
    pub fn en(&self) -> String {
        format!("{self}; {}", self.hint().0)
    }

    /// Chinese: what happened, and what to do.
    pub fn zh(&self) -> String {
        let what = match self {
            Self::NoBackup { path } => format!("{} 中没有备份", path.display()),
            Self::Backup { path, what } => format!("备份已损坏：{}：{what}", path.display()),
            Self::Format { found, expected } => format!("备份格式为 `{found}`，应为 `{expected}`"),
            Self::OtherLog { found, given } => format!("备份属于日志密钥 {found}，所给为 {given}"),
            Self::Mirror { path, what } => format!("审计副本已损坏：{}：{what}", path.display()),
            Self::MirrorDiffers { path } => {
                format!("{} 中的审计副本不是本日志的延续", path.display())
            }
            Self::Checkpoint { path, what } => {
                format!("{} 不是本日志的检查点：{what}", path.display())
            }
            Self::PlaceTaken { path } => format!("{} 中已有内容", path.display()),
            Self::CheckFailed { findings, first } => {
                format!("检查发现 {findings} 处问题，首个为：{first}")
            }
            Self::Moving => "备份期间归档段被移除".into(),
        };
        format!("{what}；{}", self.hint().1)
    }

    fn hint(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoBackup { .. } => (
                "name the folder that has manifest.json in it",
                "请指定含有 manifest.json 的文件夹",
            ),
            Self::Backup { .. } | Self::CheckFailed { .. } => {
                ("take an older backup, and keep this one", "请改用更早的备份，并保留此备份")
            }
            Self::Format { .. } => ("use the program that wrote it", "请使用写入该备份的程序"),
            Self::OtherLog { .. } => ("give the key of this log", "请提供该日志的密钥"),
            Self::Mirror { .. } | Self::MirrorDiffers { .. } => {
                ("ask another auditor for a copy", "请向其他审计方索取副本")
            }
            Self::Checkpoint { .. } => {
                ("give the checkpoint as it was published", "请提供原样公布的检查点")
            }
            Self::PlaceTaken { .. } => {
                ("move it away first: nothing is overwritten", "请先移走：不会覆盖任何内容")
            }
            Self::Moving => ("try again", "请重试"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_code_and_both_texts() {
        let (path, what) = (PathBuf::from("p"), String::from("x"));
        let all = [
            CopyError::NoBackup { path: path.clone() },
            CopyError::Backup { path: path.clone(), what: what.clone() },
            CopyError::Format { found: what.clone(), expected: "y" },
            CopyError::OtherLog { found: what.clone(), given: what.clone() },
            CopyError::Mirror { path: path.clone(), what: what.clone() },
            CopyError::MirrorDiffers { path: path.clone() },
            CopyError::Checkpoint { path: path.clone(), what: what.clone() },
            CopyError::PlaceTaken { path },
            CopyError::CheckFailed { findings: 2, first: what },
            CopyError::Moving,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(CopyError::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in all {
            assert!(error.code().starts_with("store-"), "{error:?}");
            assert!(!error.en().ends_with('.') && error.en().contains("; "), "{}", error.en());
            assert!(error.zh().chars().any(|c| c as u32 >= 0x4e00), "{}", error.zh());
        }
    }
}
