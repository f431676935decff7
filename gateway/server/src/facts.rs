//! Builds the facts that become leaves of the log: what was accepted, refused,
//! relayed, delivered, answered, by whom, under which policy and versions.
//! Pure; the field names are documented in gateway/proof/FORMATS.md.

use onepoint_proof::fact::{canonical_digest, format_time};
use onepoint_proof::statement::{Day, running_start};
use onepoint_proof::{Fact, FactKind};
use onepoint_schemas::Violation;
use onepoint_store::Tally;
use serde_json::{Value, json};

use crate::authenticate::Proof;
use crate::intake::Received;
use crate::record::AnswerEvidence;
use crate::refusal::Refusal;
use crate::revocation;
use crate::route::Routed;

/// Violations listed in a refused fact; beyond it the digest of the whole list
/// stands for them, and all of them stand in the answer.
const VIOLATIONS_MAX: usize = 20;

/// Names the zone in every fact.
#[derive(Debug, Clone)]
pub(crate) struct FactMaker {
    pub(crate) zone: String,
    /// What the wall clock said, when it was behind the time of the facts.
    clock: Option<String>,
}

impl FactMaker {
    pub(crate) fn new(zone: String) -> FactMaker {
        FactMaker { zone, clock: None }
    }

    /// For the facts of one moment: their time, and what the wall clock said. Times in the log
    /// never go back; where the wall clock did, the facts say so.
    pub(crate) fn at(&self, time_ms: i64, wall_ms: i64) -> (FactMaker, i64) {
        let clock = (wall_ms < time_ms).then(|| format_time(wall_ms).unwrap_or_default());
        (FactMaker { clock, ..self.clone() }, time_ms)
    }

    /// A fact about the gateway itself.
    pub(crate) fn own(&self, kind: FactKind, time_ms: i64) -> Fact {
        let fact = Fact::new(kind, time_ms).set("zone", json!(self.zone));
        match &self.clock {
            Some(clock) => fact.set("clock", json!(clock)),
            None => fact,
        }
    }

    /// `statement`: all there is of a participant's day.
    pub(crate) fn statement(
        &self,
        participant: &str,
        day: Day,
        tally: Option<&Tally>,
        time_ms: i64,
    ) -> Fact {
        let mut fact = self.own(FactKind::STATEMENT, time_ms);
        fact = fact.set("participant", json!(participant)).set("day", json!(day.to_string()));
        fact = fact.set("count", json!(tally.map_or(0, |tally| tally.count)));
        let running = tally.map_or_else(|| running_start(participant, day), |tally| tally.running);
        fact = fact.set("running", json!(running.to_hex()));
        if let Some(tally) = tally {
            fact = fact.set("first", json!(tally.first)).set("last", json!(tally.last));
        }
        fact
    }

    fn start(&self, kind: FactKind, time_ms: i64, message: &str) -> Fact {
        self.own(kind, time_ms).set("message", json!(message))
    }

    /// `accepted`: this document is durable and will reach `departments`.
    pub(crate) fn accepted(&self, routed: &Routed, index: usize, time_ms: i64) -> Fact {
        let taking = routed.deliveries().iter().filter(|d| d.documents.contains(&index));
        let departments: Vec<&str> = taking.map(|d| d.department.as_str()).collect();
        self.judged(FactKind::ACCEPTED, routed, index, time_ms)
            .set("departments", json!(departments))
            .set("routes", json!(routed.routes_version()))
    }

    /// `refused`: this document of an authentic message was refused.
    pub(crate) fn refused_document(
        &self,
        routed: &Routed,
        index: usize,
        refusal: &Refusal,
        time_ms: i64,
    ) -> Fact {
        set_refusal(self.judged(FactKind::REFUSED, routed, index, time_ms), refusal)
    }

    /// What accepted and refused documents of an authentic message have in common.
    fn judged(&self, kind: FactKind, routed: &Routed, index: usize, time_ms: i64) -> Fact {
        let authentic = routed.valid().authentic();
        let received = authentic.received();
        let mut fact = self.start(kind, time_ms, &received.id().to_string());
        fact = set_received(fact, received);
        fact = fact.set("document", json!(index));
        fact = fact.set("documents", json!(authentic.facts().len()));
        fact = fact.set("type", json!(authentic.message_type()));
        fact = fact.set("schema", json!(authentic.schema()));
        fact = fact.set("guid", json!(authentic.guid()));
        fact = fact.set("sender", json!(authentic.sender().as_str()));
        fact = set_proofs(fact, authentic.proofs());
        if let Some(envelope) = authentic.envelope() {
            fact = fact.set("envelope", json!(envelope));
        }
        fact = fact.set("content", json!(hex(authentic.content())));
        fact = fact.set("registry", json!(authentic.registry()));
        fact = fact.set("revocation", revocation::says(authentic.revocation()));
        let delegations: Vec<&str> = authentic.delegations().iter().map(|d| d.as_str()).collect();
        fact = fact.set("delegations", json!(delegations));
        if let Some(key) = authentic.facts().get(index).and_then(|f| f.business_key.as_deref()) {
            fact = fact.set("key", json!(key));
        }
        fact
    }

    /// `refused`: a message of an authenticated participant was refused as a whole.
    pub(crate) fn refused_message(
        &self,
        received: &Received,
        refusal: &Refusal,
        time_ms: i64,
    ) -> Fact {
        let fact = self.start(FactKind::REFUSED, time_ms, &received.id().to_string());
        set_refusal(set_received(fact, received), refusal)
    }

    /// `relayed` or `delivered`: one delivery moved on.
    pub(crate) fn moved(
        &self,
        kind: FactKind,
        delivery: &onepoint_store::Delivery,
        by: Option<Value>,
        time_ms: i64,
    ) -> Fact {
        let mut fact = self.start(kind, time_ms, &delivery.message);
        fact = fact.set("delivery", json!(delivery.id));
        fact = fact.set("department", json!(delivery.destination));
        fact = fact.set("type", json!(delivery.message_type));
        if let Some(by) = by {
            fact = fact.set("by", by);
        }
        fact
    }

    /// `answered`: a department's signed answer says this of one document.
    pub(crate) fn answered(
        &self,
        answer: &AnswerEvidence,
        entry: &crate::record::AnswerEntry,
        document: Option<u32>,
        time_ms: i64,
    ) -> Fact {
        let mut fact = self.start(FactKind::ANSWERED, time_ms, answer.message());
        fact = fact.set("delivery", json!(answer.delivery()));
        fact = fact.set("department", json!(answer.department()));
        fact = fact.set("answer", json!(answer.id()));
        fact = fact.set("type", json!(answer.message_type()));
        fact = fact.set("sender", json!(answer.sender().as_str()));
        fact = fact.set("certificate", json!(answer.certificate()));
        fact = fact.set("digest", json!({ "sha256": hex(answer.digest()) }));
        fact = fact.set("content", json!(hex(answer.content_digest())));
        fact = fact.set("revocation", revocation::says(answer.revocation()));
        fact = fact.set("status", json!(entry.status));
        if !entry.numbers.is_empty() {
            fact = fact.set("numbers", entry.numbers_value());
        }
        if let Some(document) = document {
            fact = fact.set("document", json!(document));
        }
        fact
    }
}

fn set_received(mut fact: Fact, received: &Received) -> Fact {
    fact = fact.set("digest", json!({ "sha256": hex(received.digest()) }));
    fact = fact.set("bytes", json!(received.bytes().len()));
    fact = fact.set("received", json!(received.at().to_string()));
    fact = fact.set("submitter", json!(received.submitter().as_str()));
    fact
}

/// Who signed what: the sender's certificate and policy, and every signature with what it
/// proves, outermost first.
fn set_proofs(mut fact: Fact, proofs: &[Proof]) -> Fact {
    if let Some(own) = proofs.last() {
        fact = fact.set("certificate", json!(own.certificate()));
        fact = fact.set("policy", json!(own.policy()));
    }
    let mut tolerances: Vec<&str> = proofs.iter().flat_map(|p| p.tolerances()).copied().collect();
    tolerances.dedup();
    fact = fact.set("tolerances", json!(tolerances));
    let one = |proof: &Proof| {
        json!({
            "form": proof.form(),
            "signer": proof.signer().as_str(),
            "certificate": proof.certificate(),
            "algorithm": proof.algorithm().name(),
        })
    };
    fact.set("signatures", proofs.iter().map(one).collect::<Vec<Value>>())
}

fn set_refusal(mut fact: Fact, refusal: &Refusal) -> Fact {
    fact = fact.set("code", json!(refusal.code));
    fact = fact.set("stage", json!(refusal.stage));
    fact = fact.set("reason", json!(cut(&refusal.en)));
    if let Some(place) = &refusal.place {
        fact = fact.set("place", json!(place));
    }
    if !refusal.violations.is_empty() {
        let all = refusal.violations.iter();
        let all: Vec<Value> = all.map(violation).collect();
        let listed: Vec<Value> = all.iter().take(VIOLATIONS_MAX).cloned().collect();
        fact = fact.set("violations", json!(listed)).set("violations_found", json!(all.len()));
        if all.len() > VIOLATIONS_MAX
            && let Ok(digest) = canonical_digest(&Value::Array(all))
        {
            fact = fact.set("violations_digest", json!(digest.to_hex()));
        }
    }
    fact
}

/// Rule, place and the norm's code; not the value, which may be personal.
fn violation(violation: &Violation) -> Value {
    let Violation { code, path, line, column, norm_code, .. } = violation;
    match norm_code {
        None => json!({ "code": code, "path": path, "line": line, "column": column }),
        Some(norm) => {
            json!({ "code": code, "path": path, "line": line, "column": column, "norm_code": norm })
        }
    }
}

/// A reason is for a person; a fact has a bound.
fn cut(text: &str) -> String {
    text.chars().take(500).collect()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
