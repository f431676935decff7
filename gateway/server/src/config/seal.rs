//! `[seal]`: the certificate and key that countersign the log's checkpoints.

use super::section::Section;
use super::{ReadFile, file};
use crate::seal::{GatewaySeal, SealFault};

/// Reads the section; `None` when there were faults.
pub(super) fn read(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<GatewaySeal> {
    let certificate = file(section, "certificate", files);
    let key = file(section, "key", files).map(zeroize::Zeroizing::new);
    section.finish();
    match GatewaySeal::from_pem(&certificate?, &key?) {
        Ok(seal) => Some(seal),
        Err(SealFault::Certificate(what)) => {
            section.fault("certificate", what);
            None
        }
        Err(SealFault::Key(what)) => {
            section.fault("key", what);
            None
        }
    }
}
