//! The data keys of a store: all of them under the current master key again.
//!
//! In: a transaction; out: wrapped keys replaced, so that the master key before can
//! be removed from its file. The data keys themselves, and the payloads under them,
//! stay as they are.

use rusqlite::{Connection, params};

use super::bodies::Bodies;
use super::{fault, rows};
use crate::StoreError;
use crate::retention::Rewrapped;

/// Wraps every data key that an older master key wraps by the current one. Dying within: the
/// transaction is not there, and both master keys are still needed.
pub(super) fn rewrap(on: &Connection, bodies: &Bodies) -> Result<Rewrapped, StoreError> {
    let vault = &bodies.vault;
    let current = vault.current_master().map(str::to_owned);
    let live = rows::live_keys(on).map_err(fault::write)?;
    let (mut wrapped, kept) = (0, u64::try_from(live.len()).unwrap_or(u64::MAX));
    for row in live.iter().filter(|row| Some(&row.key.master) != current.as_ref()) {
        let key = vault.unwrap(&row.key)?;
        let master = current.as_deref().unwrap_or_default();
        let again = vault.wrap(&key)?;
        let sql = "UPDATE data_key SET master = ?2, wrapped = ?3 WHERE id = ?1";
        on.prepare_cached(sql)
            .and_then(|mut update| update.execute(params![key.id(), master, again]))
            .map_err(fault::write)?;
        wrapped += 1;
    }
    Ok(Rewrapped { wrapped, keys: kept })
}
