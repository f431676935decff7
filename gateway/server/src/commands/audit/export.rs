//! `onepoint audit export`: the entries of a period as files that stand for themselves,
//! with receipts when the store is at hand, and a manifest with the digest of each file.
//! The whole mirror is walked, so that what is exported is known to be of its tree.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use onepoint_proof::statement::Day;
use onepoint_proof::{Hash, Leaf};
use onepoint_store::{Reader, SqliteReader, StoreError};
use serde_json::{Value, json};

use super::finding::{Finding, Findings, Stop};
use super::mirror::Last;
use super::source::Source;
use super::store;
use super::walk::{Walk, bundles};
use crate::cli::audit::ExportArgs;
use crate::commands::{Failure, Outcome, make_folder, write_new};
use crate::trust::Trust;

/// Name and version of the manifest.
const FORMAT: &str = "onepoint-export/1";
/// Milliseconds of a day, and of UTC+8 against UTC.
const DAY_MS: i64 = 86_400_000;
const OFFSET_MS: i64 = 8 * 3_600_000;
/// Most entries of one export.
const ENTRIES_MAX: u64 = 1_000_000;

pub(crate) fn run(args: &ExportArgs) -> Outcome {
    let trust = Trust::read(&args.common.log_key, args.common.anchors.as_deref())?;
    let period = Period::read(&args.from, &args.to)?;
    let mut findings = Findings::new(args.common.json);
    let exported = export(args, &trust, period, &mut findings);
    findings.take(exported)?;
    findings.end()
}

/// From a moment, up to and without another; milliseconds since 1970.
#[derive(Clone, Copy)]
struct Period {
    from: i64,
    to: i64,
}

impl Period {
    fn read(from: &str, to: &str) -> Result<Period, Failure> {
        let (from, to) = (moment(from, false)?, moment(to, true)?);
        if from >= to {
            let message = "--from is not before --to".to_owned();
            return Err(Failure::usage("period-empty", message, "2026-11-01 to 2026-11-30"));
        }
        Ok(Period { from, to })
    }

    fn has(self, time_ms: i64) -> bool {
        (self.from..self.to).contains(&time_ms)
    }
}

/// A moment (RFC 3339), or a day in UTC+8: its beginning, or its end.
fn moment(text: &str, end: bool) -> Result<i64, Failure> {
    let day = |day: Day| if end { day.next() } else { day };
    let midnight = |day: Day| day.number() * DAY_MS - OFFSET_MS;
    let parsed = text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    let moment = Day::parse(text).map(|found| midnight(day(found))).or(parsed);
    moment.ok_or_else(|| {
        let hint = "a day (UTC+8) as 2026-11-24, or a moment as 2026-11-24T00:00:00Z";
        Failure::usage("moment-malformed", format!("{text} is no day and no moment"), hint)
    })
}

fn export(
    args: &ExportArgs,
    trust: &Trust,
    period: Period,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let last = Last::read(&args.mirror, trust)?;
    let source = Source::folder(&args.mirror);
    let reader = args.store.as_deref().map(store::open).transpose()?;
    let mut out = Export::begin(&args.output)?;
    let mut walk = Walk::new();
    let mut full = Vec::new();
    let mut indexes = Vec::new();
    for (bundle, width) in bundles(0, last.checkpoint.size) {
        for entry in source.entries(bundle, width)? {
            let index = walk.tiles.size();
            if let Some(leaf) =
                walk.take(&entry, &mut full, findings).filter(|l| period.has(l.time_ms))
            {
                if indexes.len() as u64 >= ENTRIES_MAX {
                    let hint = "export a shorter period";
                    let message = format!("more than {ENTRIES_MAX} entries");
                    return Err(Failure::usage("export-too-large", message, hint).into());
                }
                out.entry(index, &leaf, &entry)?;
                indexes.push(index);
            }
        }
        full.clear();
    }
    if walk.tiles.root() != last.checkpoint.root {
        let place = args.mirror.display().to_string();
        let found = walk.tiles.root();
        return Err(Finding::fail("mirror-damaged", place)
            .differs(&last.checkpoint.root, &found)
            .into());
    }
    out.finish_entries()?;
    out.file("checkpoint", &last.note)?;
    if let Some(reader) = &reader {
        out.receipts(reader, &indexes, findings)?;
    }
    let (first, until) = (indexes.first(), indexes.last());
    let moment = |ms| Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default();
    out.manifest(&json!({
        "format": FORMAT,
        "origin": last.checkpoint.origin,
        "size": last.checkpoint.size,
        "root": last.checkpoint.root.to_base64(),
        "from": moment(period.from),
        "to": moment(period.to),
        "entries": indexes.len(),
        "first": first,
        "last": until,
    }))?;
    findings.add(&Finding::pass("exported", format!("{} entries", indexes.len())));
    Ok(())
}

/// The files of an export; the manifest comes last.
struct Export<'p> {
    folder: &'p Path,
    entries: Vec<u8>,
    files: Vec<Value>,
}

impl<'p> Export<'p> {
    fn begin(folder: &'p Path) -> Result<Export<'p>, Failure> {
        if folder.join("manifest.json").exists() {
            let message = format!("{} holds an export already", folder.display());
            return Err(Failure::usage("folder-not-empty", message, "choose a new folder"));
        }
        make_folder(folder)?;
        Ok(Export { folder, entries: Vec::new(), files: Vec::new() })
    }

    /// A line of `entries.jsonl`.
    fn entry(&mut self, index: u64, leaf: &Leaf, entry: &[u8]) -> Result<(), Failure> {
        let line = json!({
            "index": index,
            "kind": leaf.kind.as_str(),
            "time": Timestamp::from_millisecond(leaf.time_ms).map(|t| t.to_string()).unwrap_or_default(),
            "entry": String::from_utf8_lossy(entry),
        });
        // Writing into memory does not fail.
        writeln!(self.entries, "{line}")
            .map_err(|e| Failure::outside("file-unwritable", e.to_string(), ""))
    }

    fn finish_entries(&mut self) -> Result<(), Failure> {
        let entries = std::mem::take(&mut self.entries);
        self.file("entries.jsonl", &entries)
    }

    /// The receipts of these facts, against the store's latest checkpoint.
    fn receipts(
        &mut self,
        reader: &SqliteReader,
        indexes: &[u64],
        findings: &mut Findings,
    ) -> Result<(), Stop> {
        for index in indexes {
            let place = format!("fact {index}");
            match reader.receipt(*index) {
                Ok(Some(receipt)) => {
                    let text = receipt.to_json();
                    let text = text.map_err(|e| Finding::error(e.code(), e.en(), e.zh(), place))?;
                    self.file(&format!("receipts/{index}.receipt.json"), text.as_bytes())?;
                }
                Ok(None) => findings.add(&Finding::fail("receipt-missing", place)),
                Err(StoreError::FactErased { .. }) => {
                    findings.add(&Finding::pass("fact-erased", place));
                }
                Err(error @ StoreError::LogDamaged(_)) => {
                    findings.add(&Finding::error(error.code(), error.en(), error.zh(), place));
                }
                Err(error) => return Err(store::unreadable(&error).into()),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        let place = self.folder.join(path);
        make_folder(place.parent().unwrap_or(self.folder))?;
        write_new(&place, bytes)?;
        let sha256 = Hash::of(bytes).to_hex();
        self.files.push(json!({ "path": path, "bytes": bytes.len(), "sha256": sha256 }));
        Ok(())
    }

    fn manifest(mut self, about: &Value) -> Result<(), Failure> {
        let mut manifest = about.clone();
        if let Some(members) = manifest.as_object_mut() {
            members.insert("files".to_owned(), Value::from(std::mem::take(&mut self.files)));
        }
        write_new(&self.folder.join("manifest.json"), format!("{manifest:#}\n").as_bytes())
    }
}
