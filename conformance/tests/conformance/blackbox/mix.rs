//! What is sent: a mix of good and bad messages of four firms, the same for the same
//! seed. In come the firms' keys, out go signed messages, each with the verdict it must
//! get. Cases of one stream are sent one after the other: a duplicate comes after its
//! original there.

use std::collections::BTreeMap;

use onepoint_conformance::zone::{Signer, Zone};
use onepoint_schemas::example_with;

/// Streams of one firm.
pub(super) const STREAMS_EACH: usize = 4;

/// One message to send.
pub(super) struct Case {
    pub(super) number: usize,
    pub(super) what: &'static str,
    /// Whose connection hands it in.
    pub(super) party: &'static str,
    pub(super) stream: usize,
    pub(super) message_type: &'static str,
    pub(super) body: Vec<u8>,
    /// Documents in it.
    pub(super) documents: usize,
    pub(super) expected: Expected,
}

/// The verdict a case must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Accepted, but for these documents, which this rule refuses.
    Accepted { but: Vec<usize>, code: &'static str },
    /// What an earlier case got, by its number.
    Original(usize),
    /// Refused as a whole, with this code.
    Refused(&'static str),
}

/// A message type and what the mix has to know of it.
struct Kind {
    message_type: &'static str,
    party: &'static str,
    document: &'static str,
    /// The sender's number of a document.
    number: &'static str,
    /// An element the schema requires.
    required: &'static str,
    /// The fields that name the sender.
    own_codes: &'static [&'static str],
    /// A value that a rule refuses: field, value, the rule's code.
    against: (&'static str, &'static str, &'static str),
}

const KINDS: [Kind; 4] = [
    Kind {
        message_type: "CEB311Message",
        party: "platform",
        document: "Order",
        number: "orderNo",
        required: "ebpName",
        own_codes: &["ebpCode", "ebcCode"],
        against: ("acturalPaid", "1", "order-total"),
    },
    Kind {
        message_type: "CEB411Message",
        party: "payment",
        document: "Payment",
        number: "payTransactionId",
        required: "payName",
        own_codes: &["payCode"],
        against: ("amountPaid", "-1", "payment-amount"),
    },
    Kind {
        message_type: "CEB511Message",
        party: "logistics",
        document: "Logistics",
        number: "logisticsNo",
        required: "logisticsName",
        own_codes: &["logisticsCode"],
        against: ("weight", "0", "waybill-weight"),
    },
    Kind {
        message_type: "CEB621Message",
        party: "declarant",
        document: "Inventory",
        number: "copNo",
        required: "agentName",
        own_codes: &["ebcCode", "agentCode"],
        against: ("netWeight", "9999", "net-weight"),
    },
];

/// How often each type comes, in hundredths.
const SHARES: [u64; 4] = [40, 24, 20, 16];
/// How often each kind of case comes, in hundredths; the rest are good single documents.
const CASES: [(u64, Make); 14] = [
    (12, Mix::batch),
    (4, Mix::batch_with_a_bad_one),
    (6, Mix::again),
    (3, Mix::changed),
    (2, Mix::declared_twice),
    (3, Mix::against_a_rule),
    (2, Mix::altered),
    (2, Mix::without_a_field),
    (2, Mix::of_another_type),
    (1, Mix::for_another),
    (1, Mix::by_another),
    (1, Mix::unsigned),
    (1, Mix::not_xml),
    (1, Mix::with_a_dtd),
];
/// Lists of many orders: the number of the case, and how many documents.
const LISTS: [(usize, usize); 4] = [(60, 100), (260, 60), (560, 30), (860, 100)];

type Make = fn(&mut Mix, &'static Kind, usize) -> Draft;

/// A case before it has its number.
struct Draft {
    what: &'static str,
    body: Vec<u8>,
    documents: usize,
    expected: Expected,
    /// The unsigned message, when it may be sent again.
    xml: Option<String>,
    /// In place of the kind's own.
    party: Option<&'static str>,
}

/// A message that was accepted, as far as later cases may come back to it.
struct Earlier {
    number: usize,
    xml: String,
    body: Vec<u8>,
    documents: usize,
    but: Vec<usize>,
}

/// Makes cases.
pub(super) struct Mix {
    random: Random,
    /// Makes numbers unique over runs with one journal.
    run: String,
    signers: BTreeMap<&'static str, Signer>,
    documents: BTreeMap<&'static str, usize>,
    earlier: BTreeMap<usize, Vec<Earlier>>,
    cases: usize,
}

impl Mix {
    pub(super) fn new(zone: &Zone, seed: u64) -> Mix {
        Mix {
            random: Random(seed),
            // Numbers of lists have at most 20 characters, whatever the seed.
            run: format!("{:X}", seed & 0xF_FFFF),
            signers: KINDS.iter().map(|kind| (kind.party, zone.signer(kind.party))).collect(),
            documents: BTreeMap::new(),
            earlier: BTreeMap::new(),
            cases: 0,
        }
    }

    /// The next `count` cases.
    pub(super) fn take(&mut self, count: usize) -> Vec<Case> {
        (0..count).map(|_| self.case()).collect()
    }

    fn case(&mut self) -> Case {
        let list = LISTS.iter().find(|(number, _)| *number == self.cases);
        let share = self.random.pick(&SHARES).unwrap_or_default();
        let which = if list.is_some() { KINDS.len() - 1 } else { share };
        let kind = &KINDS[which];
        let stream = which * STREAMS_EACH + self.random.below(STREAMS_EACH);
        let draft = match list {
            Some((_, documents)) => self.good(kind, "list of many orders", *documents),
            None => match self.random.pick(&CASES.map(|(share, _)| share)) {
                Some(make) => CASES[make].1(self, kind, stream),
                None => self.good(kind, "single document", 1),
            },
        };
        self.number(kind, stream, draft)
    }

    fn number(&mut self, kind: &Kind, stream: usize, draft: Draft) -> Case {
        let number = self.cases;
        self.cases += 1;
        if let (Some(xml), Expected::Accepted { but, .. }) = (draft.xml, &draft.expected) {
            let (body, documents, but) = (draft.body.clone(), draft.documents, but.clone());
            let earlier = Earlier { number, xml, body, documents, but };
            self.earlier.entry(stream).or_default().push(earlier);
        }
        Case {
            number,
            what: draft.what,
            party: draft.party.unwrap_or(kind.party),
            stream,
            message_type: kind.message_type,
            body: draft.body,
            documents: draft.documents,
            expected: draft.expected,
        }
    }

    fn good(&mut self, kind: &'static Kind, what: &'static str, documents: usize) -> Draft {
        let xml = self.message(kind, documents, &[], &[]);
        let expected = Expected::Accepted { but: Vec::new(), code: "" };
        Draft { documents, xml: Some(xml.clone()), ..self.signed(kind, what, &xml, expected) }
    }

    fn batch(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let documents = 2 + self.random.below(9);
        self.good(kind, "batch", documents)
    }

    fn batch_with_a_bad_one(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let documents = 2 + self.random.below(5);
        let bad = self.random.below(documents);
        let (field, value, code) = kind.against;
        let xml = self.message(kind, documents, &[bad], &[(field, value)]);
        let expected = Expected::Accepted { but: vec![bad], code };
        let draft = self.signed(kind, "batch with a bad document", &xml, expected);
        Draft { documents, xml: Some(xml), ..draft }
    }

    /// An earlier message of the stream, byte for byte.
    fn again(&mut self, kind: &'static Kind, stream: usize) -> Draft {
        let Some(at) = self.an_earlier(stream) else {
            return self.good(kind, "single document", 1);
        };
        let earlier = &self.earlier[&stream][at];
        Draft {
            what: "the same again",
            body: earlier.body.clone(),
            documents: earlier.documents,
            expected: Expected::Original(earlier.number),
            xml: None,
            party: None,
        }
    }

    /// Other content under the guid of an earlier message.
    fn changed(&mut self, kind: &'static Kind, stream: usize) -> Draft {
        let Some(at) = self.an_earlier(stream) else { return self.against_a_rule(kind, stream) };
        let earlier = &self.earlier[&stream][at];
        let xml = earlier.xml.replacen("<ceb:note>", "<ceb:note>改", 1);
        let documents = earlier.documents;
        let refused = Expected::Refused("guid-conflict");
        Draft { documents, ..self.signed(kind, "a guid used twice", &xml, refused) }
    }

    /// An earlier document in a message of its own. A list may be declared again once
    /// it was released, so lists are left out.
    fn declared_twice(&mut self, kind: &'static Kind, stream: usize) -> Draft {
        let single = |earlier: &&Earlier| earlier.documents == 1 && earlier.but.is_empty();
        let earlier = self.earlier.get(&stream).and_then(|all| all.iter().rev().find(single));
        let Some(earlier) = earlier.filter(|_| kind.document != "Inventory") else {
            return self.altered(kind, stream);
        };
        let (before, rest) = earlier.xml.split_once(" guid=\"").expect("a guid at the root");
        let (_, after) = rest.split_once('"').expect("the end of the guid");
        let (before, after) = (before.to_owned(), after.to_owned());
        let xml = format!("{before} guid=\"{}\"{after}", self.random.guid());
        self.signed(kind, "declared twice", &xml, Expected::Refused("already-declared"))
    }

    fn against_a_rule(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let (field, value, code) = kind.against;
        let xml = self.message(kind, 1, &[0], &[(field, value)]);
        self.signed(kind, "against a rule", &xml, Expected::Refused(code))
    }

    fn altered(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let refused = Expected::Refused("signature-digest-mismatch");
        let draft = self.signed(kind, "altered after signing", &xml, refused);
        let text = String::from_utf8(draft.body).expect("messages are UTF-8");
        Draft { body: text.replacen("<ceb:note>", "<ceb:note>改", 1).into_bytes(), ..draft }
    }

    fn without_a_field(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let (before, rest) = xml.split_once(&format!("<ceb:{}>", kind.required)).expect("a field");
        let (_, after) = rest.split_once(&format!("</ceb:{}>", kind.required)).expect("its end");
        let (xml, refused) = (format!("{before}{after}"), "schema-missing-element");
        self.signed(kind, "a field missing", &xml, Expected::Refused(refused))
    }

    fn of_another_type(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let at = KINDS.iter().position(|other| other.message_type == kind.message_type);
        let other = &KINDS[(at.unwrap_or_default() + 1) % KINDS.len()];
        let xml = self.message(other, 1, &[], &[]);
        let refused = Expected::Refused("sender-may-not-send");
        self.signed(kind, "not the sender's type", &xml, refused)
    }

    fn for_another(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let others: Vec<_> = kind.own_codes.iter().map(|field| (*field, "440466T999")).collect();
        let xml = self.message(kind, 1, &[0], &others);
        self.signed(kind, "in another firm's name", &xml, Expected::Refused("not-entitled"))
    }

    /// Signed by the right firm, handed in by another.
    fn by_another(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let refused = Expected::Refused("sender-not-submitter");
        let draft = self.signed(kind, "handed in by another", &xml, refused);
        let other = KINDS.iter().find(|other| other.party != kind.party);
        Draft { party: other.map(|other| other.party), ..draft }
    }

    fn unsigned(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let refused = Expected::Refused("signature-missing");
        Draft { body: xml.clone().into_bytes(), ..self.signed(kind, "not signed", &xml, refused) }
    }

    fn not_xml(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let cut = xml.len() / 2;
        let cut = (cut..xml.len()).find(|at| xml.is_char_boundary(*at)).unwrap_or_default();
        let refused = Expected::Refused("xml-truncated");
        let body = xml.as_bytes()[..cut].to_vec();
        Draft { body, ..self.signed(kind, "cut off", &xml, refused) }
    }

    fn with_a_dtd(&mut self, kind: &'static Kind, _: usize) -> Draft {
        let xml = self.message(kind, 1, &[], &[]);
        let refused = Expected::Refused("xml-doctype-forbidden");
        let draft = self.signed(kind, "with a DTD", &xml, refused);
        let text = String::from_utf8(draft.body).expect("messages are UTF-8");
        let root = format!("<ceb:{}", kind.message_type);
        let with = text.replacen(&root, &format!("<!DOCTYPE x>{root}"), 1);
        Draft { body: with.into_bytes(), ..draft }
    }

    fn signed(&self, kind: &Kind, what: &'static str, xml: &str, expected: Expected) -> Draft {
        let body = self.signers[kind.party].sign(xml);
        Draft { what, body, documents: 1, expected, xml: None, party: None }
    }

    fn an_earlier(&mut self, stream: usize) -> Option<usize> {
        let count = self.earlier.get(&stream).map_or(0, Vec::len);
        (count > 0).then(|| self.random.below(count))
    }

    /// An unsigned message of `documents` documents; `changes` go over those in `bad`.
    /// Order, payment, waybill and list with the same count belong to one order.
    fn message(
        &mut self,
        kind: &Kind,
        documents: usize,
        bad: &[usize],
        changes: &[(&str, &str)],
    ) -> String {
        let (open, close) =
            (format!("<ceb:{}>", kind.document), format!("</ceb:{}>", kind.document));
        let mut head_and_foot = None;
        let mut all = String::new();
        for index in 0..documents {
            let count = self.documents.entry(kind.message_type).or_default();
            *count += 1;
            let (order, guid) = (format!("{}N{count:05}", self.run), self.random.guid());
            let number = format!("{}{order}", kind.document);
            let own = if kind.number == "orderNo" { &order } else { &number };
            let root = self.random.guid();
            let mut fields = vec![
                ("@guid", root.as_str()),
                ("guid", &guid),
                ("orderNo", &order),
                (kind.number, own),
            ];
            if bad.contains(&index) {
                fields.extend_from_slice(changes);
            }
            let xml = example_with(kind.message_type, &fields).expect("an example of the type");
            let (head, rest) = xml.split_once(&open).expect("a document");
            let (document, foot) = rest.split_once(&close).expect("the end of the document");
            all.push_str(&format!("{open}{document}{close}"));
            head_and_foot.get_or_insert((head.to_owned(), foot.to_owned()));
        }
        let (head, foot) = head_and_foot.expect("a message has a document");
        format!("{head}{all}{foot}")
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// Which of `shares` (hundredths) is drawn; `None` for what is left of a hundred.
    pub(super) fn pick(&mut self, shares: &[u64]) -> Option<usize> {
        let mut left = self.next() % 100;
        for (at, share) in shares.iter().enumerate() {
            match left.checked_sub(*share) {
                Some(rest) => left = rest,
                None => return Some(at),
            }
        }
        None
    }

    fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().to_uppercase()
    }
}
