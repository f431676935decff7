//! What is said of a document, and the forms in which it is said: receipts of the norm,
//! receipts and results of the zone, bills. In come status, text and further fields; out
//! goes one return of an answer. Times and guids are made here, the same on every attempt.

use jiff::Timestamp;

use crate::MappingError;
use crate::answer::{self, Writer};
use crate::declaration::Declaration;
use crate::office::Office;
use crate::shape::ZONE;

/// Statuses of the norm that more than one department gives (2022-05, `returnStatus`); the
/// zone's own answers have the same.
pub(crate) mod status {
    pub(crate) const IN_WORK: &str = "2";
    pub(crate) const REFUSED: &str = "100";
    pub(crate) const STORED: &str = "120";
    pub(crate) const REVIEW: &str = "300";
    pub(crate) const CONCLUDED: &str = "399";
    pub(crate) const INSPECTION: &str = "500";
    pub(crate) const RELEASED: &str = "800";
}

/// A field of an answer.
pub(crate) type Field = (&'static str, String);

/// What a department says of one document in one answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) form: &'static Form,
    /// Empty in a form that has none.
    pub(crate) status: &'static str,
    pub(crate) info: String,
    /// What the return has beyond guid, key, status, time and text.
    pub(crate) fields: Vec<Field>,
    pub(crate) lines: Vec<Vec<Field>>,
}

impl Said {
    pub(crate) fn new(form: &'static Form, status: &'static str, info: impl Into<String>) -> Said {
        Said { form, status, info: info.into(), fields: Vec::new(), lines: Vec::new() }
    }

    /// With these fields behind those that are there.
    pub(crate) fn with(mut self, fields: impl IntoIterator<Item = Field>) -> Said {
        self.fields.extend(fields);
        self
    }

    /// With these lines.
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = Vec<Field>>) -> Said {
        self.lines.extend(lines);
        self
    }
}

/// The receipt of the zone.
pub(crate) fn zone_return(status: &'static str, info: impl Into<String>) -> Said {
    Said::new(&ZONE_RETURN, status, info)
}

/// One detail of a receipt of the zone: about a line and a field, where it is about one.
pub(crate) fn detail(
    line: Option<usize>,
    field: &'static str,
    code: &'static str,
    info: impl Into<String>,
) -> Vec<Field> {
    let line = line.map(|line| ("gnum", line.to_string()));
    let rest = [("field", field.to_owned()), ("detailCode", code.to_owned())];
    line.into_iter().chain(rest).chain([("detailInfo", info.into())]).collect()
}

/// A form of answers.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) message_type: &'static str,
    pub(crate) layout: Layout,
}

/// Where things stand in a return.
#[derive(Debug)]
pub(crate) enum Layout {
    /// As in the norm: guid, fields, status, time, text, all in one element.
    Flat { namespace: &'static str, document: &'static str },
    /// As in the zone: a head that says who answers and what is answered, and lines.
    Zone { document: &'static str, head: &'static str, line: &'static str },
    /// A bill: guid, time, fields, lines; no status.
    Bill { namespace: &'static str, document: &'static str, head: &'static str, line: &'static str },
}

const fn zone(
    message_type: &'static str,
    document: &'static str,
    head: &'static str,
    line: &'static str,
) -> Form {
    Form { message_type, layout: Layout::Zone { document, head, line } }
}

pub(crate) static ZONE_RETURN: Form =
    zone("ZoneReturnMessage", "ZoneReturn", "ZoneReturnHead", "ReturnDetail");
pub(crate) static SETTLEMENT_RESULT: Form =
    zone("SettlementResultMessage", "SettlementResult", "SettlementResultHead", "SettledItem");
pub(crate) static REFUND_RESULT: Form =
    zone("RefundResultMessage", "RefundResult", "RefundResultHead", "RefundDecision");
pub(crate) static QUARANTINE_RESULT: Form = zone(
    "QuarantineResultMessage",
    "QuarantineResult",
    "QuarantineResultHead",
    "QuarantineFinding",
);
pub(crate) static PROOF_ANSWER: Form =
    zone("ProofAnswerMessage", "ProofAnswer", "ProofAnswerHead", "ProofFinding");

/// How an answer of the zone names the document it answers.
#[derive(Debug)]
pub(crate) struct Key {
    kind: &'static str,
    sender: String,
    number: String,
}

impl Key {
    /// The kind of the document, and the first two fields of its key.
    ///
    /// # Errors
    /// When one of them is missing, or whose it is is no code of a registered party.
    pub(crate) fn of(one: &Declaration<'_>) -> Result<Key, MappingError> {
        let mut fields = one.shape.key.iter().copied();
        let (sender, number) =
            (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let (code, number) = (one.head.required(sender)?, one.head.required(number)?);
        let plain = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if !plain || !matches!(code.len(), 10 | 18) {
            let expected = "a code of 10 or 18 digits and capital letters";
            return Err(one.head.wrong(sender, expected, &code));
        }
        Ok(Key { kind: one.shape.kind, sender: code, number })
    }
}

impl Form {
    /// The beginning of an answer.
    pub(crate) fn open(&self, guid: &str) -> Writer {
        let namespace = match self.layout {
            Layout::Flat { namespace, .. } | Layout::Bill { namespace, .. } => namespace,
            Layout::Zone { .. } => ZONE,
        };
        Writer::new(self.message_type, namespace, guid)
    }

    /// One return.
    pub(crate) fn write(
        &self,
        writer: &mut Writer,
        office: &Office,
        key: Option<&Key>,
        said: &Said,
        guid: &str,
        now: Timestamp,
    ) {
        let time = answer::return_time(now);
        match &self.layout {
            Layout::Flat { document, .. } => {
                writer.open(document);
                writer.text("guid", guid);
                writer.fields(&said.fields);
                writer.result(said.status, &time, &said.info);
                writer.close(document);
            }
            Layout::Zone { document, head, line } => {
                writer.open(document);
                writer.open(head);
                writer.text("guid", guid);
                writer.text("authorityCode", office.code);
                writer.text("authorityName", office.title);
                if let Some(key) = key {
                    if self.message_type == ZONE_RETURN.message_type {
                        writer.text("documentKind", key.kind);
                    }
                    writer.text("senderCode", &key.sender);
                    writer.text("documentNo", &key.number);
                }
                writer.result(said.status, &time, &said.info);
                writer.fields(&said.fields);
                writer.close(head);
                writer.lines(line, &said.lines);
                writer.close(document);
            }
            Layout::Bill { document, head, line, .. } => {
                writer.open(document);
                writer.open(head);
                writer.text("guid", guid);
                writer.text("returnTime", &time);
                writer.fields(&said.fields);
                writer.close(head);
                writer.lines(line, &said.lines);
                writer.close(document);
            }
        }
    }
}
