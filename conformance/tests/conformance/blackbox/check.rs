//! What must hold after everything that happened. In come the cases, what the senders
//! were told, the answers that arrived and the zone; out go figures, or a failure that
//! names the message. Nothing here trusts the gateway's own word alone: effects are
//! counted at the departments, answers at their senders, facts by their receipts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use onepoint_certs::SignaturePolicy;
use onepoint_conformance::zone::{Auditor, DEPARTMENTS, Metrics, Verified, Zone};
use onepoint_envelope::dxp::DxpMsg;
use onepoint_envelope::xmldsig::{self, SignaturePlace};
use onepoint_xml::{Document, Limits};
use serde_json::Value;

use super::answers::{Answers, Arrived};
use super::mix::{Case, Expected};
use super::senders::Told;

/// Everything that is known from outside.
pub(super) struct World {
    pub(super) cases: Vec<Arc<Case>>,
    pub(super) told: BTreeMap<usize, Told>,
    pub(super) auditor: Auditor,
    /// Whether the departments are reached by a broker.
    pub(super) by_broker: bool,
    /// How often the gateway was killed or died.
    pub(super) deaths: usize,
}

/// A message that was accepted, and what must come of it.
pub(super) struct Accepted<'w> {
    pub(super) id: &'w str,
    pub(super) case: &'w Case,
    /// Indexes of its accepted documents.
    pub(super) documents: Vec<usize>,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) sent: usize,
    pub(super) accepted: usize,
    pub(super) duplicates: usize,
    pub(super) refused: usize,
    pub(super) documents: usize,
    pub(super) documents_accepted: usize,
    /// Messages that had to be sent more than once.
    pub(super) sent_again: usize,
    /// Those of them that were durable before their first answer was lost.
    pub(super) durable_unanswered: usize,
}

impl Accepted<'_> {
    /// Each department that must know it, with the statuses it answers.
    pub(super) fn departments(&self) -> Vec<(&'static str, &'static [&'static str])> {
        let customs: &[&str] = match self.case.message_type {
            // Released, then billed: bills have no status.
            "CEB621Message" => &["2", "120", "800", "", ""],
            _ => &["2", "120"],
        };
        match self.case.message_type {
            "CEB411Message" => vec![("customs", customs), ("tax", &["120"]), ("forex", &["120"])],
            "CEB511Message" => vec![("customs", customs), ("post", &["120"])],
            "CEB621Message" => {
                vec![("customs", customs), ("tax", &["120"]), ("inspection", &["800"])]
            }
            _ => vec![("customs", customs), ("tax", &["120"])],
        }
    }

    /// The ids of the answers it must get, with department and status.
    pub(super) fn answers(&self) -> Vec<(String, &'static str, &'static str)> {
        let mut answers = Vec::new();
        for (department, statuses) in self.departments() {
            for (n, status) in (1..).zip(statuses) {
                answers.push((format!("{}.{department}-{n}", self.id), department, *status));
            }
        }
        answers
    }
}

impl World {
    /// Each accepted message once.
    pub(super) fn accepted(&self) -> Vec<Accepted<'_>> {
        let own = self.cases.iter().filter_map(|case| match &case.expected {
            Expected::Accepted { but, .. } => Some((case, but)),
            _ => None,
        });
        own.map(|(case, but)| Accepted {
            id: self.told[&case.number].text("id"),
            case,
            documents: (0..case.documents).filter(|index| !but.contains(index)).collect(),
        })
        .collect()
    }

    /// Every message got exactly the verdict it must get, and every answer is counted.
    pub(super) fn check_verdicts(&self) -> Sums {
        let mut sums = Sums { sent: self.cases.len(), ..Sums::default() };
        for case in &self.cases {
            let told = &self.told[&case.number];
            self.check_verdict(case, told).unwrap_or_else(|fault| {
                panic!("{} ({}): {fault}\n{}", case.number, case.what, told.body)
            });
            sums.sent_again += usize::from(told.attempts > 1);
            match &case.expected {
                Expected::Accepted { but, .. } => {
                    sums.accepted += 1;
                    sums.documents += case.documents;
                    sums.documents_accepted += case.documents - but.len();
                    sums.durable_unanswered += usize::from(told.text("verdict") == "duplicate");
                }
                Expected::Original(_) => sums.duplicates += 1,
                Expected::Refused(_) => sums.refused += 1,
            }
        }
        let lost = sums.durable_unanswered;
        assert!(lost <= self.lost_answers_max(), "{lost} duplicates that nobody sent twice");
        let ids: BTreeSet<&str> = self.accepted().iter().map(|accepted| accepted.id).collect();
        assert_eq!(ids.len(), sums.accepted, "two messages were given one id");
        sums
    }

    /// How many messages may have been made durable without their answer going out:
    /// those under way when the gateway died, one a stream.
    pub(super) fn lost_answers_max(&self) -> usize {
        let streams: BTreeSet<usize> = self.cases.iter().map(|case| case.stream).collect();
        streams.len() * self.deaths
    }

    fn check_verdict(&self, case: &Case, told: &Told) -> Result<(), String> {
        let documents = told.body["documents"].as_array().cloned().unwrap_or_default();
        let is = |document: &Value| document["accepted"].as_bool() == Some(true);
        let verdict = told.text("verdict");
        match &case.expected {
            Expected::Refused(code) => {
                let refused = told.status >= 400 && told.status < 500 && told.text("code") == *code;
                ensure(refused, "not refused as it must be")?;
            }
            Expected::Original(original) => {
                let first = &self.told[original];
                ensure(told.is_accepted() && verdict == "duplicate", "not a duplicate")?;
                ensure(told.text("id") == first.text("id"), "not the original's id")?;
                ensure(facts(told) == facts(first), "not the original's receipts")?;
            }
            Expected::Accepted { but, .. } => {
                let whole = if but.is_empty() { "accepted" } else { "partly-accepted" };
                // Sent again after a crash: it was durable already when the answer was lost.
                // (The client itself may have done so, once, on a fresh connection.)
                let again = self.deaths > 0 && verdict == "duplicate";
                ensure(told.is_accepted() && (verdict == whole || again), "not accepted")?;
                let indexes = (0..documents.len()).filter(|index| !is(&documents[*index]));
                ensure(documents.len() == case.documents, "not all documents are judged")?;
                ensure(indexes.collect::<Vec<_>>() == *but, "the wrong documents are refused")?;
            }
        }
        self.check_answer_receipts(case, told)
    }

    /// An answer carries a receipt for every fact it states, about these very bytes.
    fn check_answer_receipts(&self, case: &Case, told: &Told) -> Result<(), String> {
        let receipts = told.body["receipts"].as_array().cloned().unwrap_or_default();
        let documents = told.body["documents"].as_array().map_or(0, Vec::len);
        ensure(receipts.len() == documents.max(1), "not one receipt per document")?;
        for receipt in &receipts {
            let verified = self.auditor.verify(receipt, Some(&case.body))?;
            ensure(verified.text("message") == told.text("id"), "a receipt of another message")?;
        }
        Ok(())
    }

    /// The gateway's counters agree with what the senders were told. A refused message
    /// that was sent again after a crash may stand in the journal twice.
    pub(super) fn check_counters(&self, sums: &Sums, metrics: &Metrics) {
        let journal = |what| usize::try_from(metrics.journal(what)).unwrap();
        assert_eq!(sums.accepted + sums.duplicates + sums.refused, sums.sent, "the sums");
        assert_eq!(journal("accepted"), sums.accepted, "accepted messages in the journal");
        let again = journal("refused").checked_sub(sums.refused).expect("refused in the journal");
        assert!(again <= self.lost_answers_max(), "{again} refused messages too many");
        let answers: usize = self.accepted().iter().map(|one| one.answers().len()).sum();
        assert_eq!(journal("answers"), answers, "answers in the journal");
        assert_eq!(journal("pending"), 0, "the outbox is not empty");
        for lane in DEPARTMENTS {
            assert_eq!(metrics.in_flight(lane), 0, "unconfirmed publishes to {lane}");
        }
    }

    /// Every accepted document had its effect at each department exactly once. Counts
    /// rows, not ids. Gives how often a department was given a delivery again.
    pub(super) fn check_effects(&self, zone: &Zone) -> BTreeMap<&'static str, u64> {
        let accepted = self.accepted();
        let mut redeliveries = BTreeMap::new();
        for department in DEPARTMENTS {
            let inbox = zone.inbox(department);
            let mut found: BTreeMap<(String, u64), usize> = BTreeMap::new();
            for row in inbox.effects().unwrap() {
                let effect: Value = serde_json::from_str(&row.effect).unwrap();
                let message = effect["message"].as_str().unwrap();
                for document in effect["documents"].as_array().unwrap() {
                    let index = document["index"].as_u64().unwrap();
                    *found.entry((message.to_owned(), index)).or_default() += 1;
                }
            }
            let mut wanted = BTreeMap::new();
            for one in &accepted {
                if one.departments().iter().any(|(name, _)| *name == department) {
                    let keys = one.documents.iter().map(|at| (one.id.to_owned(), *at as u64));
                    wanted.extend(keys.map(|key| (key, 1)));
                }
            }
            assert_same(&format!("effects at {department}"), &wanted, &found);
            let counts = inbox.counts().unwrap();
            assert_eq!((counts.rejected, counts.answers_refused, counts.answers_unsent), (0, 0, 0));
            redeliveries.insert(department, counts.redeliveries);
        }
        redeliveries
    }

    /// What is missing until every answer is at its sender.
    pub(super) fn missing_answers(&self, answers: &Answers) -> usize {
        let all = answers.all();
        let wanted = self.accepted().into_iter().flat_map(|one| one.answers());
        wanted.filter(|(id, ..)| !all.contains_key(id)).count()
    }

    /// Every answer is at its sender and at nobody else, says what it must of every
    /// accepted document, is the department's own signed envelope, and proves itself.
    /// Gives how many came and how many came again.
    pub(super) fn check_answers(&self, zone: &Zone, answers: &Answers) -> (usize, usize) {
        let all = answers.all();
        let mut wanted = BTreeSet::new();
        let signers: BTreeMap<_, _> =
            DEPARTMENTS.map(|name| (name, zone.signer(name).certificate().fingerprint())).into();
        // By message: an hour's soak has tens of thousands of answers.
        let mut entries: BTreeMap<&str, Vec<&Vec<Value>>> = BTreeMap::new();
        for arrived in all.values() {
            let message = arrived.notice["message"].as_str().unwrap_or_default();
            entries.entry(message).or_default().extend(arrived.notice["entries"].as_array());
        }
        for one in self.accepted() {
            let lists = lists(entries.get(one.id).into_iter().flatten().copied());
            for (id, department, status) in one.answers() {
                let arrived = all.get(&id).unwrap_or_else(|| panic!("no answer {id}"));
                let signed = signer_of(&arrived.notice).unwrap();
                assert_eq!(signed, signers[department].to_string(), "{id} is not signed by it");
                self.check_answer(&one, department, status, (arrived, &lists))
                    .unwrap_or_else(|fault| panic!("{id}: {fault}\n{}", arrived.notice));
                wanted.insert(id);
            }
        }
        let others: Vec<_> = all.keys().filter(|id| !wanted.contains(*id)).collect();
        assert!(others.is_empty(), "answers nobody waits for: {others:?}");
        let times: usize = all.values().map(|arrived| arrived.times).sum();
        (all.len(), times - all.len())
    }

    fn check_answer(
        &self,
        one: &Accepted<'_>,
        department: &str,
        status: &str,
        (arrived, lists): (&Arrived, &Lists),
    ) -> Result<(), String> {
        let notice = &arrived.notice;
        ensure(arrived.at == one.case.party, "at the wrong participant")?;
        ensure(notice["message"] == one.id, "about another message")?;
        ensure(notice["department"] == department, "of another department")?;
        let entries = notice["entries"].as_array().ok_or("no entries")?;
        let said = entries.iter().map(|entry| (place(entry, lists), entry["status"].as_str()));
        let wanted = one.documents.iter().map(|at| (Some(*at as u64), Some(status)));
        ensure(said.eq(wanted), "not this status of every document")?;
        let receipts = notice["receipts"].as_array().ok_or("no receipts")?;
        ensure(receipts.len() == entries.len(), "not one receipt per document")?;
        let envelope = notice["envelope"].as_str().ok_or("no envelope")?;
        for receipt in receipts {
            self.auditor.verify(receipt, Some(envelope.as_bytes()))?;
        }
        Ok(())
    }

    /// What the receipts of a message must prove, each fact once, but for `relayed`.
    fn facts_of(&self, case: &Case, told: &Told) -> Vec<String> {
        let (but, code) = match &case.expected {
            Expected::Refused(code) => return vec![format!("refused {code}")],
            Expected::Original(_) => return Vec::new(),
            Expected::Accepted { but, code } => (but, code),
        };
        let documents = (0..case.documents).filter(|index| !but.contains(index)).collect();
        let one = Accepted { id: told.text("id"), case, documents };
        let mut facts: Vec<String> = but.iter().map(|at| format!("refused {at} {code}")).collect();
        facts.extend(one.documents.iter().map(|at| format!("accepted {at}")));
        for (department, _) in one.departments() {
            facts.push(format!("delivered {department}"));
        }
        for (id, _, status) in one.answers() {
            facts.extend(one.documents.iter().map(|at| format!("answered {id} {at} {status}")));
        }
        facts
    }

    /// Verifies the receipts of one message; they prove what they must, no more and no
    /// less, in the order in which it happened. Gives their places in the log.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn check_receipts(
        &self,
        case: &Case,
        receipts: &[Value],
    ) -> Result<BTreeMap<u64, String>, String> {
        let told = &self.told[&case.number];
        let mut found = BTreeMap::new();
        let told_of: Vec<Value> = receipts.iter().map(|one| one["fact"].clone()).collect();
        let lists = lists([&told_of].into_iter());
        for receipt in receipts {
            let about = matches!(receipt["fact"]["kind"].as_str(), Some("accepted" | "refused"));
            let verified = self.auditor.verify(receipt, about.then_some(case.body.as_slice()))?;
            ensure(verified.text("message") == told.text("id"), "a receipt of another message")?;
            let fact = fact(&verified, place(&receipt["fact"], &lists), case);
            let twice = found.insert(verified.index, fact).is_some();
            ensure(!twice, "two facts at one place of the log")?;
        }
        for fact in found.values().filter(|fact| fact.starts_with("relayed ")) {
            let delivered = fact.replace("relayed", "delivered");
            let place = |wanted: &str| found.iter().find(|(_, fact)| *fact == wanted);
            ensure(self.by_broker && place(fact) < place(&delivered), "relayed after delivered")?;
        }
        let mut facts: Vec<&str> = found.values().map(String::as_str).collect();
        facts.sort_unstable();
        // Where an answer is faster than the confirm, or the confirm was lost, the
        // department's own word stands and nothing is said of the broker. Once at most.
        let relayed: BTreeSet<&str> =
            facts.iter().copied().filter(|fact| fact.starts_with("relayed ")).collect();
        let mut wanted = self.facts_of(case, told);
        wanted.extend(relayed.into_iter().map(str::to_owned));
        wanted.sort_unstable();
        if facts == wanted {
            return Ok(found);
        }
        let missing: Vec<_> =
            wanted.iter().filter(|fact| !facts.contains(&fact.as_str())).collect();
        let extra: Vec<_> =
            facts.iter().filter(|fact| !wanted.iter().any(|w| w == *fact)).collect();
        let (count, right) = (facts.len(), wanted.len());
        Err(format!("{count} facts in place of {right}; missing {missing:?}; too many {extra:?}"))
    }
}

fn ensure(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}

/// A fact in words, as [`World::facts_of`] has it.
fn fact(verified: &Verified, document: Option<u64>, case: &Case) -> String {
    let (whole, document) =
        (matches!(case.expected, Expected::Refused(_)), document.unwrap_or_default());
    match verified.fact.kind().as_str() {
        "refused" if whole => format!("refused {}", verified.text("code")),
        "refused" => format!("refused {document} {}", verified.text("code")),
        "accepted" => format!("accepted {document}"),
        "answered" => {
            let (answer, status) = (verified.text("answer"), verified.text("status"));
            format!("answered {answer} {document} {status}")
        }
        kind => format!("{kind} {}", verified.text("department")),
    }
}

/// Documents of one message by the number that customs gave them.
type Lists = BTreeMap<String, u64>;

fn lists<'v>(told: impl Iterator<Item = &'v Vec<Value>>) -> Lists {
    let number = |one: &Value| {
        let number = one["numbers"]["invtNo"].as_str()?;
        Some((number.to_owned(), one["document"].as_u64()?))
    };
    told.flatten().filter_map(number).collect()
}

/// The document that an answer is about. A tax bill names the list by customs' number alone: one
/// that came before the answer which gives that number is not placed, but its number is told.
fn place(told: &Value, lists: &Lists) -> Option<u64> {
    let number = told["numbers"]["invtNo"].as_str();
    told["document"].as_u64().or_else(|| lists.get(number?).copied())
}

/// The facts in the receipts of an answer; the proofs around them may be newer.
fn facts(told: &Told) -> Vec<(&Value, &Value)> {
    let receipts = told.body["receipts"].as_array().map(Vec::as_slice).unwrap_or_default();
    receipts.iter().map(|receipt| (&receipt["index"], &receipt["fact"])).collect()
}

/// Who signed the envelope in a notice: the fingerprint of the certificate.
fn signer_of(notice: &Value) -> Result<String, String> {
    let envelope = notice["envelope"].as_str().unwrap_or_default();
    let parse = |bytes: &[u8]| Document::parse(bytes.to_vec(), &Limits::default());
    let document = parse(envelope.as_bytes()).map_err(|e| e.en())?;
    let policy = SignaturePolicy::strict();
    let signed = xmldsig::verify(&document, &SignaturePlace::ChildOfRoot, &policy);
    let message = DxpMsg::parse(&document).map_err(|e| e.en())?;
    ensure(message.cop_msg_id == notice["answer"], "the envelope is another answer's")?;
    Ok(signed.map_err(|e| e.en())?.certificate().fingerprint().to_string())
}

fn assert_same(
    what: &str,
    wanted: &BTreeMap<(String, u64), usize>,
    found: &BTreeMap<(String, u64), usize>,
) {
    type Counts = BTreeMap<(String, u64), usize>;
    let differ = |a: &Counts, b: &Counts| -> Vec<String> {
        let differing = a.iter().filter(|(key, count)| b.get(key) != Some(count));
        differing.map(|((id, at), count)| format!("{id} document {at}: {count}")).collect()
    };
    let (missing, extra) = (differ(wanted, found), differ(found, wanted));
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{what}: wanted {missing:#?}, found {extra:#?}"
    );
}
