//! What the outside of the sandbox knows: what senders sent and were told, what
//! departments did and were told, the receipts and checkpoints they hold. In come
//! records while the gateway lives and dies; they go to a file of JSON lines at once,
//! so that the checker reads what was known, and nothing the gateway says later.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::Failure;

/// Name of the file in the sandbox.
pub(super) const FILE: &str = "evidence.jsonl";

/// One thing that somebody outside knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(super) enum Record {
    /// A letter was sent for the first time.
    Sent { letter: u64, party: String, guid: String, sha256: String, expected: Expected },
    /// The gateway answered it.
    Answer { letter: u64, answer: Answer },
    /// The log's checkpoint, as anybody may fetch it.
    Checkpoint { note: String },
    /// A department was given a delivery for the first time, and acted on these keys.
    Effect { department: String, delivery: String, message: String, keys: Vec<String> },
    /// The gateway told a department that its answer is recorded.
    Recorded { department: String, answer: String, message: String, sha256: String },
    /// A sender was given a department's answer with its receipts.
    Notice { party: String, delivery: String, message: String, receipts: Vec<Value> },
    /// The gateway said what it must not say.
    Strange { text: String },
}

/// What a letter must come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expected {
    /// Accepted, but for these documents; a duplicate when it was durable before.
    Accepted { but: Vec<usize> },
    /// Refused with this code.
    Refused { code: String },
}

/// The gateway's answer to a letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) verdict: String,
    pub(super) code: String,
    /// The gateway's id of the message.
    pub(super) id: String,
    /// Each document, whether it was accepted.
    pub(super) documents: Vec<bool>,
    pub(super) receipts: Vec<Value>,
}

/// Collects records from any thread.
#[derive(Debug)]
pub(super) struct Evidence {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: BufWriter<File>,
    fresh: Vec<Record>,
    failed: Option<std::io::Error>,
}

impl Evidence {
    pub(super) fn create(folder: &Path) -> Result<Evidence, Failure> {
        let file = File::create_new(folder.join(FILE)).map_err(|error| unusable(&error))?;
        let inner = Inner { file: BufWriter::new(file), fresh: Vec::new(), failed: None };
        Ok(Evidence { inner: Mutex::new(inner) })
    }

    pub(super) fn add(&self, record: Record) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_writer(&mut inner.file, &record)
            .map_err(std::io::Error::from)
            .and_then(|()| inner.file.write_all(b"\n"));
        if let Err(error) = written {
            inner.failed.get_or_insert(error);
        }
        inner.fresh.push(record);
    }

    /// What came since the last call; all of it is in the file then.
    pub(super) fn fresh(&self) -> Result<Vec<Record>, Failure> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = inner.file.flush();
        match inner.failed.take().map_or(flushed, Err) {
            Ok(()) => Ok(std::mem::take(&mut inner.fresh)),
            Err(error) => Err(unusable(&error)),
        }
    }
}

/// Reads the records of a sandbox, one by one.
pub(super) fn read(
    folder: &Path,
    mut each: impl FnMut(Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = File::open(folder.join(FILE)).map_err(|error| unusable(&error))?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| unusable(&error))?;
        let record = serde_json::from_str(&line).map_err(|error| unusable(&error.into()))?;
        each(record)?;
    }
    Ok(())
}

fn unusable(error: &std::io::Error) -> Failure {
    let hint = "name a sandbox that `onepoint selftest crash --keep` left, on a disk with room";
    Failure::outside("evidence-unusable", format!("{FILE}: {error}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = std::env::temp_dir().join(format!("onepoint-evidence-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let evidence = Evidence::create(&folder).unwrap();
        let refused = Expected::Refused { code: "guid-conflict".to_owned() };
        let record = |letter, expected| Record::Sent {
            letter,
            party: "platform".to_owned(),
            guid: "G".to_owned(),
            sha256: "00".to_owned(),
            expected,
        };
        let written = [record(1, refused), record(2, Expected::Accepted { but: vec![3] })];
        written.iter().for_each(|record| evidence.add(record.clone()));
        assert_eq!(evidence.fresh().unwrap(), written);
        assert_eq!(evidence.fresh().unwrap(), []);
        let mut found = Vec::new();
        read(&folder, |record| {
            found.push(record);
            Ok(())
        })
        .unwrap();
        assert_eq!(found, written);
        std::fs::write(folder.join(FILE), "{\"what\":\"nonsense\"}\n").unwrap();
        let failure = read(&folder, |_| Ok(())).unwrap_err();
        assert_eq!(failure.code, "evidence-unusable");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Evidence::create(&folder).unwrap_err().code, "evidence-unusable");
    }
}
