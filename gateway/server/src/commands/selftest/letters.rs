//! What the senders of the selftest send: new messages, batches with a bad document,
//! the same again, and messages that must be refused. In come a firm's key and a seed,
//! out go signed letters, each with what it must come to.

use std::collections::VecDeque;
use std::sync::Arc;

use onepoint_schemas::example_with;
use ring::digest::{SHA256, digest};

use super::evidence::Expected;
use super::plan::Random;
use super::sandbox::Signer;
use crate::commands::Failure;
use crate::commands::init::parties::Party;
use crate::facts::hex;

/// Answered letters of a stream that later ones come back to.
const EARLIER_MAX: usize = 40;

/// A message type and what its sender has to know of it.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) message_type: &'static str,
    pub(super) party: &'static str,
    document: &'static str,
    number: &'static str,
    /// An element the schema requires.
    required: &'static str,
    /// A value that a rule refuses: field, value, the rule's code.
    against: (&'static str, &'static str, &'static str),
    /// Whether its key stays taken when the department is done with it.
    held: bool,
}

/// What is sent.
pub(super) static KINDS: [Kind; 4] = [
    Kind {
        message_type: "CEB311Message",
        party: "platform",
        document: "Order",
        number: "orderNo",
        required: "ebpName",
        against: ("acturalPaid", "1", "order-total"),
        held: true,
    },
    Kind {
        message_type: "CEB411Message",
        party: "payment",
        document: "Payment",
        number: "payTransactionId",
        required: "payName",
        against: ("amountPaid", "-1", "payment-amount"),
        held: true,
    },
    Kind {
        message_type: "CEB511Message",
        party: "logistics",
        document: "Logistics",
        number: "logisticsNo",
        required: "logisticsName",
        against: ("weight", "0", "waybill-weight"),
        held: true,
    },
    Kind {
        message_type: "CEB621Message",
        party: "declarant",
        document: "Inventory",
        number: "copNo",
        required: "agentName",
        against: ("netWeight", "9999", "net-weight"),
        held: false,
    },
];

/// One signed message.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) number: u64,
    pub(super) party: &'static str,
    pub(super) guid: String,
    pub(super) body: Vec<u8>,
    pub(super) sha256: String,
    pub(super) expected: Expected,
    xml: String,
    documents: usize,
}

/// What a stream sends next.
#[derive(Debug)]
pub(super) enum Next {
    New(Arc<Letter>),
    /// A new one, twice at the same time.
    Twins(Arc<Letter>),
    /// One that was answered before.
    Again(Arc<Letter>),
}

/// Writes the letters of one stream.
#[derive(Debug)]
pub(super) struct Writer {
    kind: &'static Kind,
    signer: Signer,
    random: Random,
    /// Number of the stream, and of all streams: they make numbers unique.
    stream: (u64, u64),
    letters: u64,
    documents: u64,
    earlier: VecDeque<Arc<Letter>>,
}

impl Writer {
    pub(super) fn new(
        kind: &'static Kind,
        signer: Signer,
        seed: u64,
        stream: (u64, u64),
    ) -> Writer {
        let random = Random::new(seed);
        let (letters, documents, earlier) = (0, 0, VecDeque::new());
        Writer { kind, signer, random, stream, letters, documents, earlier }
    }

    /// A letter that was accepted: later ones come back to it.
    pub(super) fn accepted(&mut self, letter: &Arc<Letter>) {
        if matches!(letter.expected, Expected::Accepted { .. }) {
            self.earlier.push_back(Arc::clone(letter));
            if self.earlier.len() > EARLIER_MAX {
                self.earlier.pop_front();
            }
        }
    }

    pub(super) fn next(&mut self) -> Result<Next, Failure> {
        let draw = self.random.below(100);
        let earlier = self.one_earlier();
        let letter = match (draw, earlier) {
            (0..10, Some(earlier)) => return Ok(Next::Again(earlier)),
            (10..18, _) => return Ok(Next::Twins(self.good(1, &[])?)),
            (18..24, Some(earlier)) => self.changed(&earlier)?,
            (24..28, Some(earlier)) if self.kind.held && earlier.is_plain() => {
                self.declared_twice(&earlier)?
            }
            (28..31, _) => self.altered()?,
            (31..34, _) => self.incomplete()?,
            (34..38, _) => self.against_a_rule()?,
            (38..46, _) => {
                let documents = 2 + self.random.below(4);
                self.good(documents, &[self.random_index(documents)])?
            }
            (46..56, _) => {
                let documents = 2 + self.random.below(4);
                self.good(documents, &[])?
            }
            _ => self.good(1, &[])?,
        };
        Ok(Next::New(letter))
    }

    fn random_index(&self, documents: u64) -> usize {
        usize::try_from(self.documents % documents.max(1)).unwrap_or(0)
    }

    fn one_earlier(&mut self) -> Option<Arc<Letter>> {
        self.random.one(self.earlier.make_contiguous()).cloned()
    }

    fn good(&mut self, documents: u64, bad: &[usize]) -> Result<Arc<Letter>, Failure> {
        let (guid, xml) = self.message(documents, bad)?;
        self.signed(guid, xml, documents, Expected::Accepted { but: bad.to_vec() })
    }

    fn changed(&mut self, earlier: &Letter) -> Result<Arc<Letter>, Failure> {
        let xml = earlier.xml.replacen("<ceb:note>", "<ceb:note>改", 1);
        self.signed(earlier.guid.clone(), xml, 1, refused("guid-conflict"))
    }

    fn declared_twice(&mut self, earlier: &Letter) -> Result<Arc<Letter>, Failure> {
        let guid = self.random.guid();
        // The guid stands at the root and, in another value, in each document.
        let xml = earlier.xml.replacen(&earlier.guid, &guid, 1);
        self.signed(guid, xml, 1, refused("already-declared"))
    }

    fn altered(&mut self) -> Result<Arc<Letter>, Failure> {
        let (guid, xml) = self.message(1, &[])?;
        let letter = self.signed(guid, xml, 1, refused("signature-digest-mismatch"))?;
        let text = String::from_utf8_lossy(&letter.body);
        let body = text.replacen("<ceb:note>", "<ceb:note>改", 1).into_bytes();
        let (guid, xml) = (letter.guid.clone(), letter.xml.clone());
        Ok(Arc::new(self.letter(guid, xml, 1, letter.expected.clone(), body)))
    }

    fn incomplete(&mut self) -> Result<Arc<Letter>, Failure> {
        let (guid, xml) = self.message(1, &[])?;
        let (open, close) =
            (format!("<ceb:{}>", self.kind.required), format!("</ceb:{}>", self.kind.required));
        let without = xml
            .split_once(&open)
            .and_then(|(before, rest)| Some(format!("{before}{}", rest.split_once(&close)?.1)));
        self.signed(guid, without.unwrap_or(xml), 1, refused("schema-missing-element"))
    }

    fn against_a_rule(&mut self) -> Result<Arc<Letter>, Failure> {
        let (guid, xml) = self.message(1, &[0])?;
        self.signed(guid, xml, 1, refused(self.kind.against.2))
    }

    fn signed(
        &mut self,
        guid: String,
        xml: String,
        documents: u64,
        expected: Expected,
    ) -> Result<Arc<Letter>, Failure> {
        let body = self.signer.sign(&xml)?;
        Ok(Arc::new(self.letter(guid, xml, documents, expected, body)))
    }

    fn letter(
        &mut self,
        guid: String,
        xml: String,
        documents: u64,
        expected: Expected,
        body: Vec<u8>,
    ) -> Letter {
        let number = self.letters * self.stream.1 + self.stream.0;
        self.letters += 1;
        let sha256 = hex(digest(&SHA256, &body).as_ref());
        let documents = usize::try_from(documents).unwrap_or(0);
        Letter { number, party: self.kind.party, guid, body, sha256, expected, xml, documents }
    }

    /// An unsigned message with its guid; a rule refuses the documents in `bad`.
    fn message(&mut self, documents: u64, bad: &[usize]) -> Result<(String, String), Failure> {
        let kind = self.kind;
        let root = self.random.guid();
        let (open, close) =
            (format!("<ceb:{}>", kind.document), format!("</ceb:{}>", kind.document));
        let mut ends = None;
        let mut all = String::new();
        for index in 0..usize::try_from(documents).unwrap_or(0) {
            let xml = self.document(&root, bad.contains(&index)).ok_or_else(|| no_example(kind))?;
            let (head, rest) = xml.split_once(&open).ok_or_else(|| no_example(kind))?;
            let (document, foot) = rest.split_once(&close).ok_or_else(|| no_example(kind))?;
            all.push_str(&format!("{open}{document}{close}"));
            ends.get_or_insert((head.to_owned(), foot.to_owned()));
        }
        let (head, foot) = ends.unwrap_or_default();
        Ok((root, format!("{head}{all}{foot}")))
    }

    /// A message of one document.
    fn document(&mut self, root: &str, bad: bool) -> Option<String> {
        self.documents += 1;
        let (guid, kind) = (self.random.guid(), self.kind);
        let code = |id: &str| Party::by_id(id).map_or("", |party| party.code);
        let order = format!("S{}N{}", self.stream.0, self.documents);
        let own = if kind.number == "orderNo" { order.clone() } else { format!("K{order}") };
        let mut fields = vec![
            ("@guid", root),
            ("guid", guid.as_str()),
            ("orderNo", order.as_str()),
            (kind.number, own.as_str()),
            ("ebpCode", code("platform")),
            ("ebcCode", code("platform")),
            ("payCode", code("payment")),
            ("logisticsCode", code("logistics")),
            ("agentCode", code("declarant")),
            ("assureCode", code("declarant")),
            ("copCode", code(kind.party)),
        ];
        if bad {
            fields.push((kind.against.0, kind.against.1));
        }
        example_with(kind.message_type, &fields)
    }
}

impl Letter {
    fn is_plain(&self) -> bool {
        self.documents == 1 && self.expected == Expected::Accepted { but: Vec::new() }
    }
}

fn refused(code: &str) -> Expected {
    Expected::Refused { code: code.to_owned() }
}

fn no_example(kind: &Kind) -> Failure {
    let message = format!("the catalogue has no usable example of {}", kind.message_type);
    Failure::outside("example-missing", message, "this is a fault of the selftest")
}
