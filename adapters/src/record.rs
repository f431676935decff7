//! Fields of a document into a department's own record, by a table: the name there, how the
//! value is taken, the field here. What no table names does not go in, so that a department
//! keeps what it needs and nothing about persons that it does not.

use serde_json::Value;

use crate::MappingError;
use crate::declaration::Fields;
use crate::office::Record;

/// How a value is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum As {
    /// Text that must be there.
    Text,
    /// Text that may be there.
    MaybeText,
    /// A decimal, as a string with the digits as declared.
    Decimal,
    /// A decimal that may be there.
    MaybeDecimal,
    /// A day, `YYYY-MM-DD`.
    Day,
    /// A day that may be there.
    MaybeDay,
    /// A time of the zone, RFC 3339.
    Time,
}

/// Name in the record, how, field of the document.
pub(crate) type Column = (&'static str, As, &'static str);

/// The fields that a table names.
///
/// # Errors
/// When one that must be there is not, or a value is not what the table says.
pub(crate) fn record(fields: &Fields<'_>, table: &[Column]) -> Result<Record, MappingError> {
    let mut record = Record::new();
    for (name, how, field) in table {
        let there = fields.optional(field).is_some();
        let value = match how {
            As::Text => fields.required(field)?,
            As::Decimal => fields.decimal(field)?,
            As::Day => fields.day(field)?,
            As::Time => fields.time(field)?,
            As::MaybeText | As::MaybeDecimal | As::MaybeDay if !there => continue,
            As::MaybeText => fields.required(field)?,
            As::MaybeDecimal => fields.decimal(field)?,
            As::MaybeDay => fields.day(field)?,
        };
        record.insert((*name).to_owned(), value.into());
    }
    Ok(record)
}

/// The same of each line.
///
/// # Errors
/// As [`record`].
pub(crate) fn records(lines: &[Fields<'_>], table: &[Column]) -> Result<Value, MappingError> {
    lines.iter().map(|line| Ok(Value::Object(record(line, table)?))).collect()
}

/// A table of the head, with one of the lines under the name `lines`.
///
/// # Errors
/// As [`record`].
pub(crate) fn whole(
    one: &crate::declaration::Declaration<'_>,
    head: &[Column],
    lines: (&str, &[Column]),
) -> Result<Record, MappingError> {
    let mut record = record(&one.head, head)?;
    record.insert(lines.0.to_owned(), records(&one.lines, lines.1)?);
    Ok(record)
}
