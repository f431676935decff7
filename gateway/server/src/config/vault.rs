//! Where the journal is, how its payloads are sealed, and how long they stay: the
//! sections `[store]` and `[retention]`. Payloads in the clear, and records kept for
//! less than the law asks, are warned of; what contradicts itself is a fault.

use std::path::PathBuf;

use onepoint_store::{MasterKeys, Retention};
use zeroize::Zeroizing;

use super::section::Section;
use super::{ReadFile, file};

/// Days that records of transactions are kept at least: 3 years (E-Commerce Law, article 31).
const RECORD_DAYS: u64 = 1096;
/// Longest time of any kind, in days: a hundred years.
const DAYS_MAX: u64 = 36_525;

/// The journal's place and the keys of its payloads.
#[derive(Debug)]
pub(crate) struct StoreSettings {
    pub(crate) path: PathBuf,
    pub(crate) master_keys: Option<MasterKeys>,
}

pub(super) fn store(section: &Section<'_, '_>, read: ReadFile<'_>) -> Option<StoreSettings> {
    let path = section.path("path");
    let master_keys = match section.has("master_key") {
        true => master_keys(section, read),
        false => {
            section.warn(
                "master_key",
                "is missing: payloads are stored in the clear; put a line of \
                 `onepoint store new-key ID` into a file of its own and name the file here",
            );
            None
        }
    };
    section.finish();
    Some(StoreSettings { path: path?, master_keys })
}

fn master_keys(section: &Section<'_, '_>, read: ReadFile<'_>) -> Option<MasterKeys> {
    let text = Zeroizing::new(file(section, "master_key", read)?);
    match MasterKeys::parse(&text) {
        Ok(keys) => Some(keys),
        Err(error) => {
            section.fault("master_key", format!("{} [{}]", error.en(), error.code()));
            None
        }
    }
}

pub(super) fn retention(section: Option<Section<'_, '_>>) -> Retention {
    let Some(section) = section else { return Retention::DEFAULT };
    let days = |key: &str, least: u64, default: u64| {
        let days = section.number(key, least..=DAYS_MAX, default);
        u32::try_from(days).unwrap_or(u32::MAX)
    };
    let archive = days("archive_after_days", 0, 30);
    let unanswered = days("unanswered_after_days", 0, 180);
    let erase = section.has("erase_after_days").then(|| days("erase_after_days", 1, DAYS_MAX));
    if let Some(erase) = erase {
        if erase < archive {
            section.fault("erase_after_days", "must not be less than archive_after_days");
        } else if u64::from(erase) < RECORD_DAYS {
            let what = format!("records of transactions are to be kept for {RECORD_DAYS} days");
            section.warn("erase_after_days", what);
        }
    }
    section.finish();
    Retention::days(archive, unanswered, erase)
}
