//! `[seal]`: the certificate and key that countersign the log's checkpoints, and the
//! certificate that will do so next.

use onepoint_certs::Certificate;

use super::section::Section;
use super::{ReadFile, file};
use crate::seal::{GatewaySeal, SealFault};

/// Reads the section: the seal, and the next certificate where one is named. Nothing of what
/// has faults.
pub(super) fn read(
    section: &Section<'_, '_>,
    files: ReadFile<'_>,
) -> (Option<GatewaySeal>, Option<Certificate>) {
    let certificate = file(section, "certificate", files);
    let key = file(section, "key", files).map(zeroize::Zeroizing::new);
    let next = section.has("next").then(|| next(section, files)).flatten();
    section.finish();
    let (Some(certificate), Some(key)) = (certificate, key) else { return (None, next) };
    let seal = match GatewaySeal::from_pem(&certificate, &key) {
        Ok(seal) => Some(seal),
        Err(SealFault::Certificate(what)) => {
            section.fault("certificate", what);
            None
        }
        Err(SealFault::Key(what)) => {
            section.fault("key", what);
            None
        }
    };
    (seal, next)
}

/// The certificate of the next seal: announced in the log, its key not needed yet.
fn next(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Certificate> {
    let pem = file(section, "next", files)?;
    let what = match Certificate::from_pem(&pem).map(|all| all.into_iter().next()) {
        Ok(Some(next)) => match crate::seal::unfit(&next) {
            None => return Some(next),
            Some(what) => what.to_owned(),
        },
        Ok(None) => "holds no certificate".to_owned(),
        Err(error) => error.to_string(),
    };
    section.fault("next", what);
    None
}
