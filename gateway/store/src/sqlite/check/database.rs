//! The database file itself: pages, indexes against their tables, references.
//!
//! In: a connection; out: findings with table, page and byte offset where SQLite
//! names them. What SQLite does not sum (the values of a row) others check.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::Run;
use crate::sqlite::{rows, schema};

/// Most faults that SQLite is asked to list.
const MAX_FAULTS: u32 = 1000;

/// The tables, indexes and triggers against those that this program makes: a condition that was
/// altered in their text would let through what it is there to refuse.
pub(super) fn schema(run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
    let made = Connection::open_in_memory()?;
    schema::migrate(&made, 0, 0)?;
    let (expected, found) = (objects(&made)?, objects(on)?);
    for (name, text) in &expected {
        if found.get(name) != Some(text) {
            let place = run.at(format!("sqlite_schema {name}"));
            run.find("schema-differs", place, "it is missing, or its text is another");
        }
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        let place = run.at(format!("sqlite_schema {name}"));
        run.find("schema-differs", place, "this program does not make it");
    }
    Ok(())
}

/// Type and name of everything in a database, with the rest of its row.
fn objects(on: &Connection) -> Result<BTreeMap<String, String>, rusqlite::Error> {
    let sql = "SELECT type || ' ' || name, tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema";
    let mut statement = on.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

pub(super) fn pages(run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
    let page_bytes: u64 = on.query_row("PRAGMA page_size", [], |row| rows::unsigned(row, 0))?;
    let mut statement = on.prepare(&format!("PRAGMA integrity_check({MAX_FAULTS})"))?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let text: String = row.get(0)?;
        if text == "ok" {
            continue;
        }
        let offset = page_of(&text).map(|page| page.saturating_sub(1).saturating_mul(page_bytes));
        let place = offset.map_or(String::new(), |offset| format!("byte {offset}"));
        let place = run.at(place);
        run.find("database-damaged", place.trim_end_matches([':', ' ']), text);
    }
    let mut statement = on.prepare("PRAGMA foreign_key_check")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (table, id, parent): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or(String::new(), |id| format!(" row {id}"));
        let place = run.at(format!("table {table}{id}"));
        run.find("reference-missing", place, format!("names a row of {parent} that is not there"));
    }
    Ok(())
}

/// Tables of one row, which is row 1: SQLite does not look at a condition on a row's number.
pub(super) fn single_rows(run: &mut Run<'_>, on: &Connection) -> Result<(), rusqlite::Error> {
    for table in ["writer", "log_identity", "closed_day"] {
        let sql = format!("SELECT one FROM {table} WHERE one <> 1");
        let mut statement = on.prepare(&sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let place = run.at(format!("table {table} row {}", row.get::<_, i64>(0)?));
            run.find("row-damaged", place, "its number is not 1, the only one there is");
        }
    }
    Ok(())
}

/// The page that SQLite's text names.
fn page_of(text: &str) -> Option<u64> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.by_ref().find(|word| word.eq_ignore_ascii_case("page"))?;
    words.find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn the_page_is_found_in_what_sqlite_says() {
        assert_eq!(page_of("Tree 5 page 17 cell 3: Rowid 4 out of order"), Some(17));
        assert_eq!(page_of("Page 9: never used"), Some(9));
        assert_eq!(page_of("row 3 missing from index message_guid"), None);
    }
}
