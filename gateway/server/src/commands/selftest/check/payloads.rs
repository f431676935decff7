//! The payloads: of each message and of each answer to it, as far as housekeeping has not
//! erased them. In comes a reader that has the master keys, out goes whether each is the
//! bytes that the log has the digest of, wherever it lies by now.

use onepoint_store::{BodyId, Reader, StoreError};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::Checker;
use crate::commands::selftest::rules::Rule;
use crate::facts::hex;
use crate::json::Look;

/// What a payload that went by policy is answered with.
const ERASED: &str = "payload-erased";

impl Checker {
    /// Every payload that was not found erased before.
    pub(in crate::commands::selftest) fn payloads(
        &mut self,
        reader: &impl Reader,
    ) -> Result<(), StoreError> {
        let world = &self.world;
        let left: Vec<String> = world.messages.difference(&world.erased).cloned().collect();
        left.iter().try_for_each(|message| self.payloads_of(reader, message))
    }

    /// Those of one message.
    pub(super) fn payloads_of(
        &mut self,
        reader: &impl Reader,
        message: &str,
    ) -> Result<(), StoreError> {
        let mut wanted = Vec::new();
        if let Some(row) = reader.message(message)? {
            let facts = reader.facts_of(message)?;
            let judged = facts.iter().find(|fact| matches!(&*fact.kind, "accepted" | "refused"));
            let fact: Value =
                judged.and_then(|fact| serde_json::from_slice(&fact.fact).ok()).unwrap_or_default();
            wanted.push((row.body, fact.at("digest").text("sha256").to_owned()));
        }
        for answer in reader.answers_of(message)? {
            let known = self.world.answers.get(&(answer.department, answer.answer_id));
            let (_, sha256) = known.cloned().unwrap_or_default();
            wanted.push((answer.body, sha256));
        }
        let mut erased = true;
        for (body, sha256) in wanted {
            erased &= self.payload(reader, message, body, &sha256);
        }
        if erased {
            self.world.erased.insert(message.to_owned());
        }
        Ok(())
    }

    /// One payload; says whether it was erased.
    fn payload(&mut self, reader: &impl Reader, message: &str, body: BodyId, sha256: &str) -> bool {
        let (mut erased, mut fault) = (false, None);
        match reader.body(body) {
            Ok(Some(bytes)) if hex(digest(&SHA256, &bytes).as_ref()) == sha256 => {}
            Ok(Some(_)) => fault = Some("is another".to_owned()),
            Ok(None) => fault = Some("is not there".to_owned()),
            Err(error) if error.code() == ERASED => erased = true,
            Err(error) => fault = Some(error.en()),
        }
        self.tally.check(Rule::Payload, fault.is_none(), || {
            format!("payload {} of message {message} {}", body.0, fault.unwrap_or_default())
        });
        erased
    }
}
