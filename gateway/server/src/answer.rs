//! Last stage: what the sender is told, once it is durable: one clear verdict
//! with every document's reason and the receipts.

use hyper::header::{HeaderValue, LOCATION};
use onepoint_proof::Receipt;
use serde_json::{Map, Value, json};

use crate::commit::{Sealed, Verdict};
use crate::http::Response;
use crate::http::problem::{self, json_answer, problem_with};
use crate::refusal::{Refusal, Stage};

/// Codes of announcement 179.
const FIELD_TAKEN: &str = "10000";
const FIELD_REFUSED: &str = "20000";

/// The answer to one message.
#[derive(Debug)]
pub(crate) struct Answer {
    verdict: Verdict,
    receipts: Vec<Receipt>,
}

impl Answer {
    pub(crate) fn of(sealed: Sealed<Verdict>) -> Answer {
        Answer { verdict: sealed.verdict, receipts: sealed.receipts }
    }

    /// The message that the answer is about.
    pub(crate) fn message(&self) -> &str {
        &self.verdict.message
    }

    /// The refusal of the message as a whole.
    pub(crate) fn refused_message(&self) -> Option<&Refusal> {
        self.verdict.refusal.as_ref()
    }

    /// Index and refusal of each refused document.
    pub(crate) fn refused_documents(&self) -> impl Iterator<Item = (usize, &Refusal)> {
        let documents = self.verdict.documents.iter();
        documents.filter_map(|one| one.refusal.as_ref().map(|refusal| (one.index, refusal)))
    }

    /// One line of the gateway's own log for each refusal: rule and place as in the fact, no
    /// value of the message.
    pub(crate) fn log_refusals(&self) {
        let whole = self.verdict.refusal.as_ref().map(|refusal| (None, refusal));
        let documents = self.refused_documents().map(|(index, refusal)| (Some(index), refusal));
        for (document, refusal) in whole.into_iter().chain(documents) {
            let place = refusal.place.as_ref();
            let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
            let path = place.map_or("", |place| place.path.as_str());
            let norm = refusal.violations.first().and_then(|first| first.norm_code.as_deref());
            let (id, violations) = (self.message(), refusal.violations.len());
            let code = refusal.code.as_ref();
            tracing::info!(id, document, code, norm, line, column, path, violations, "refused");
        }
    }

    /// The answer as a CEB receipt, with the status that JSON would have; where the
    /// message is, `Location` says.
    pub(crate) fn response_in_xml(&self, xml: String) -> Response {
        let status = self.refusal().map_or(200, |refusal| refusal.status);
        let body = xml.into_bytes();
        self.located(problem::answer(status, "application/xml; charset=utf-8", body))
    }

    /// A text where at least one document was accepted, and where the message is; else the
    /// problem document.
    pub(crate) fn response_in_text(&self, taken: &'static str) -> Response {
        if self.refusal().is_some() {
            return self.response();
        }
        let body = taken.as_bytes().to_vec();
        self.located(problem::answer(200, "text/plain; charset=utf-8", body))
    }

    /// An answer in the form of a door of its own, and where the message is.
    pub(crate) fn response_in_soap(&self, soap: String) -> Response {
        self.located(problem::answer(200, "text/xml; charset=utf-8", soap.into_bytes()))
    }

    /// The same answer with the message's address in `Location`.
    fn located(&self, mut response: Response) -> Response {
        if let Ok(place) = HeaderValue::from_str(&format!("/v1/messages/{}", self.message())) {
            response.headers_mut().insert(LOCATION, place);
        }
        response
    }

    /// 200 when at least one document was accepted; else a problem document,
    /// which lists the documents and receipts as well.
    pub(crate) fn response(&self) -> Response {
        match self.body() {
            (None, body) => json_answer(200, &body),
            (Some(refusal), members) => problem_with(&refusal, &self.verdict.message, members),
        }
    }

    /// The same for a transport without HTTP: the status it would have there, and the JSON.
    pub(crate) fn to_value(&self) -> (u16, Value) {
        match self.body() {
            (None, body) => (200, Value::Object(body)),
            (Some(refusal), members) => {
                (refusal.status, problem::document(&refusal, &self.verdict.message, members))
            }
        }
    }

    /// The refusal that stands for the message, if it was refused, and the members of the answer.
    fn body(&self) -> (Option<Refusal>, Map<String, Value>) {
        let receipts: Vec<Value> = self.receipts.iter().map(receipt_value).collect();
        let mut members = self.members(receipts);
        let refusal = self.refusal();
        match &refusal {
            None => drop(members.insert("id".to_owned(), json!(self.verdict.message))),
            Some(refusal) => members.extend(hint(refusal)),
        }
        (refusal, members)
    }

    /// The answer of announcement 179: 10000 when it was taken, 20000 with the reason when not;
    /// our own answer beside it.
    pub(crate) fn in_the_fields_form(&self, now_ms: i64) -> Value {
        let receipts: Vec<Value> = self.receipts.iter().map(receipt_value).collect();
        let mut members = self.members(receipts);
        members.insert("id".to_owned(), json!(self.verdict.message));
        let (code, message) = match self.refusal() {
            None => (FIELD_TAKEN, "上传成功".to_owned()),
            Some(refusal) => {
                let message = format!("{} [{}]", refusal.zh, refusal.code);
                members.insert("refusal".to_owned(), json!(refusal));
                (FIELD_REFUSED, message)
            }
        };
        json!({
            "code": code, "message": message, "total": 0, "serviceTime": now_ms,
            "onepoint": members,
        })
    }

    fn members(&self, receipts: Vec<Value>) -> Map<String, Value> {
        let documents = self.verdict.documents.iter().enumerate().map(|(n, document)| {
            let accepted = document.refusal.is_none();
            match &document.refusal {
                None => json!({ "index": document.index, "accepted": accepted, "receipt": n }),
                Some(refusal) => json!({
                    "index": document.index, "accepted": accepted, "receipt": n, "refusal": refusal,
                }),
            }
        });
        let mut members = Map::new();
        members.insert("verdict".to_owned(), json!(self.status()));
        members.insert("documents".to_owned(), Value::Array(documents.collect()));
        members.insert("receipts".to_owned(), Value::Array(receipts));
        if let (Some(kind), Some(guid)) = (&self.verdict.message_type, &self.verdict.guid) {
            members.insert("message_type".to_owned(), json!(kind));
            members.insert("guid".to_owned(), json!(guid));
        }
        members
    }

    fn status(&self) -> &'static str {
        let accepted = self.verdict.accepted();
        match (self.verdict.duplicate, accepted) {
            (true, _) => "duplicate",
            (false, 0) => "refused",
            (false, n) if n == self.verdict.documents.len() => "accepted",
            (false, _) => "partly-accepted",
        }
    }

    /// The refusal that stands for the message: its own, or that of its first
    /// document when none was accepted.
    fn refusal(&self) -> Option<Refusal> {
        if let Some(refusal) = &self.verdict.refusal {
            return Some(refusal.clone());
        }
        if self.verdict.accepted() > 0 {
            return None;
        }
        let first = self.verdict.documents.iter().find_map(|d| d.refusal.clone());
        Some(first.unwrap_or_else(no_documents))
    }
}

/// A receipt as JSON within a larger answer; saved by itself it is a receipt file.
pub(crate) fn receipt_value(receipt: &Receipt) -> Value {
    receipt.to_value().unwrap_or_else(|error| {
        tracing::error!(code = error.code(), %error, "a receipt could not be written");
        Value::Null
    })
}

/// Where the refusal of a signature is explained to the byte.
fn hint(refusal: &Refusal) -> Map<String, Value> {
    let mut members = Map::new();
    if refusal.stage == Stage::Authenticate && refusal.status == 422 {
        let en =
            "POST the same body to /v1/messages/check, or run `onepoint check`, to see the cause";
        let zh = "将同一报文 POST 到 /v1/messages/check，或运行 onepoint check，可查看具体原因";
        members.insert("hint".to_owned(), json!(en));
        members.insert("hint_zh".to_owned(), json!(zh));
    }
    members
}

fn no_documents() -> Refusal {
    let en = "the message holds no document";
    Refusal::new(Stage::Validate, 422, "documents-missing", en, "报文中没有单证")
}
