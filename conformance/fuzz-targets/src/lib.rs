//! What each fuzz target does with its input, for libFuzzer and for the mutation loop on
//! stable alike. In: any bytes. Out: a panic where a promise is broken. Each checks more
//! than that nothing panics: what is accepted must mean the same however it is read, and
//! what verifies must be what was signed.

use std::path::PathBuf;
use std::sync::LazyLock;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{Certificate, RevocationList, SignaturePolicy, TrustAnchors};
use onepoint_envelope::announcement179::{self, Payment};
use onepoint_envelope::c14n::{Method, PrefixList, Selection, canonicalize};
use onepoint_envelope::dxp::{DxpMsg, DxpMsgSv};
use onepoint_envelope::jws::{Jws, attach};
use onepoint_envelope::xmldsig::{SignaturePlace, SignedDocument, verify, verify_part};
use onepoint_schemas::{Catalogue, Json, JsonLimits};
use onepoint_xml::{Document, Limits};

pub mod seeds;

/// Most octets of an input that is looked at.
pub const INPUT_MAX: usize = 64 * 1024;

/// The identities that seeds are signed by.
pub struct World {
    /// Signs the leaf and the revocation lists.
    pub ca: TestCa,
    /// Signs the documents of the seeds.
    pub signer: Issued,
    /// A moment at which all are valid.
    pub now: jiff::Timestamp,
}

/// Names the folder of the identities, which [`seeds`] and the targets share.
pub const FOLDER: &str = "ONEPOINT_FUZZ_IDENTITIES";

/// The one world of all targets: read from the folder, made there where it is empty. Made
/// anew for each process without a folder.
pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let now = "2026-06-01T00:00:00Z".parse().expect("a time stamp");
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return made(now) };
    let read = |name: &str| std::fs::read_to_string(folder.join(name));
    let (Ok(ca), Ok(ca_key), Ok(leaf), Ok(key)) =
        (read("ca.pem"), read("ca.key"), read("signer.pem"), read("signer.key"))
    else {
        let world = made(now);
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).expect("a folder that can be written to");
        };
        write("ca.pem", &world.ca.certificate_pem());
        write("ca.key", &world.ca.key_pem());
        write("signer.pem", &world.signer.certificate_pem());
        write("signer.key", &world.signer.key_pem());
        return world;
    };
    let ca = TestCa::from_pem(&ca, &ca_key).expect("the CA of the folder");
    let key = onepoint_certs::SigningKey::from_pkcs8_pem(&key).expect("the key of the folder");
    let certificate = Certificate::from_pem(&leaf).expect("a certificate").remove(0);
    let chain = vec![certificate.clone()];
    World { ca, signer: Issued { certificate, key, chain }, now }
});

fn made(now: jiff::Timestamp) -> World {
    let at = |text: &str| text.parse().expect("a time stamp");
    let validity = Validity { from: at("2026-01-01T00:00:00Z"), until: at("2036-01-01T00:00:00Z") };
    let ca = TestCa::new("测试根", KeyKind::P256, validity).expect("a CA");
    let spec = LeafSpec::signer("测试甲公司", "测试甲公司", KeyKind::P256, validity);
    let signer = ca.issue(&spec).expect("a leaf");
    World { ca, signer, now }
}

fn parse(input: &[u8]) -> Option<Document> {
    Document::parse(input.to_vec(), &Limits::default()).ok()
}

fn canonical(document: &Document, selection: &Selection, method: &Method) -> Vec<u8> {
    let mut octets = Vec::new();
    canonicalize(document, selection, method, &mut |run| octets.extend_from_slice(run));
    octets
}

fn bounded(input: &[u8]) -> &[u8] {
    input.get(..INPUT_MAX).unwrap_or(input)
}

/// An accepted document is the same document when read from its canonical form: the same
/// canonical form, text and number of elements; spans lie in the source, one after the other.
pub fn xml(input: &[u8]) {
    let Some(document) = parse(bounded(input)) else { return };
    let mut last = 0;
    for event in document.events() {
        let span = event.span();
        assert!(document.source().get(span.clone()).is_some(), "a span outside of the source");
        assert!(last <= span.start, "events out of order");
        last = span.start;
    }
    let whole = Selection::document();
    let once = canonical(&document, &whole, &Method::Inclusive10WithComments);
    let again = Document::parse(once.clone(), &Limits::default());
    let again = again.unwrap_or_else(|error| panic!("a canonical form is refused: {}", error.en()));
    assert_eq!(once, canonical(&again, &whole, &Method::Inclusive10WithComments));
    assert_eq!(document.root().text(), again.root().text());
    assert_eq!(document.root().children().count(), again.root().children().count());
}

/// The method and the element are drawn from the first two bytes; what comes out is
/// canonical: its own canonical form, also for the subtree and without it.
pub fn c14n(input: &[u8]) {
    let [method, element, text @ ..] = bounded(input) else { return };
    let list = || PrefixList::parse("a b #default xsi").expect("a short list");
    let method = match method % 8 {
        0 => Method::Inclusive10,
        1 => Method::Inclusive10WithComments,
        2 => Method::Inclusive11,
        3 => Method::Inclusive11WithComments,
        4 => Method::Exclusive(PrefixList::default()),
        5 => Method::ExclusiveWithComments(PrefixList::default()),
        6 => Method::Exclusive(list()),
        _ => Method::ExclusiveWithComments(list()),
    };
    let Some(document) = parse(text) else { return };
    let children: Vec<_> = document.root().children().collect();
    let mut selections = vec![Selection::document()];
    if let Some(child) = children.get(usize::from(*element) % children.len().max(1)) {
        selections.push(Selection::subtree(child.index()));
        selections.push(Selection::document().without(child.index()));
    }
    for selection in selections {
        let once = canonical(&document, &selection, &method);
        // A canonical form repeats what ancestors said, so it can have more names.
        let again = Document::parse(once.clone(), &Limits::default());
        let Ok(again) = again else {
            let text = String::from_utf8_lossy(&once);
            panic!("a canonical form is refused: {text}");
        };
        let twice = canonical(&again, &Selection::document(), &method);
        assert_eq!(once, twice, "{}", String::from_utf8_lossy(&once));
    }
}

/// Whatever verifies under the key of the seeds is one of the documents that were signed:
/// its content digest is one of theirs. Under other keys nothing is known but that the
/// verdict stands when asked again.
pub fn xmldsig(input: &[u8]) {
    let Some(document) = parse(bounded(input)) else { return };
    let strict = SignaturePolicy::strict();
    let known = [WORLD.signer.certificate.clone()];
    for policy in [strict, SignaturePolicy::ceb_field("2036-01-01".parse().expect("a day"))] {
        let whole = onepoint_envelope::xmldsig::verify_known(
            &document,
            &SignaturePlace::ChildOfRoot,
            &policy,
            &known,
        );
        match &whole {
            Ok(evidence) => judge(evidence),
            Err(error) => assert!(!error.code().is_empty() && !error.zh().is_empty()),
        }
        let _ = verify(&document, &SignaturePlace::ChildOfRoot, &policy);
        if let Ok((evidence, visible)) = verify_part(&document, &policy, &known) {
            judge(&evidence);
            // Nothing but the part is to be seen, and it reads as it was digested.
            assert!(visible.source().len() <= 4 * document.source().len() + 4096);
        }
    }
}

fn judge(evidence: &SignedDocument) {
    let ours = evidence.certificate().public_key() == WORLD.signer.certificate.public_key();
    let signed = || seeds::CONTENT.contains(evidence.content_digest());
    assert!(!ours || signed(), "a document verifies that was never signed");
}

/// A token that verifies under the key of the seeds has a payload that was signed.
pub fn jws(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(bounded(input)) else { return };
    let strict = SignaturePolicy::strict();
    let known = [WORLD.signer.certificate.clone()];
    let detached = Some(seeds::PAYLOAD);
    let forms = [
        Jws::compact(text, None),
        Jws::compact(text, detached),
        Jws::flattened(text, None),
        Jws::flattened(text, detached),
    ];
    // A detached signature says the same once it is put to its payload.
    if let Ok(whole) = attach(text, seeds::PAYLOAD) {
        let alone = Jws::compact(text, detached).expect("it was read before");
        let whole = Jws::flattened(&whole, None).expect("our own form");
        let verdicts = [alone, whole].map(|it| it.verify(&strict, &known).is_ok());
        assert_eq!(verdicts[0], verdicts[1], "attaching changes the verdict");
    }
    for jws in forms.into_iter().flatten() {
        let Ok(signed) = jws.verify(&strict, &known) else { continue };
        if signed.certificate().public_key() == known[0].public_key() {
            assert_eq!(signed.payload(), seeds::PAYLOAD, "a payload that was never signed");
        }
    }
}

/// Payment data that are read mean the same when put together again from their parts, and every
/// field is text or a number of the input.
pub fn payment(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(bounded(input)) else { return };
    let Ok(received) = announcement179::Received::parse(text) else { return };
    let payment = received.payment();
    let (session, time) = (payment.session_id(), payment.service_time());
    let again =
        Payment::new(session, payment.head(), payment.lists(), time).expect("its own parts");
    assert_eq!(payment.signed_string(), again.signed_string());
    assert!(text.contains(payment.head()) && text.contains(payment.lists()));
    let known = [WORLD.signer.certificate.clone()];
    let strict = SignaturePolicy::strict();
    assert!(received.verify(&strict, &known).is_err(), "a key that signs no payment data");
    let _ = received.explain(&strict, &known);
    if let Ok(content) = payment.content() {
        let fields =
            content.orders.iter().flat_map(|order| order.goods.iter().chain([&order.fields]));
        let all = fields.chain([&content.head]).flatten();
        assert!(all.map(|(name, value)| name.len() + value.len()).sum::<usize>() <= 2 * text.len());
    }
}

/// An envelope that is read writes itself so that it is read the same.
pub fn dxp(input: &[u8]) {
    let Some(document) = parse(bounded(input)) else { return };
    if let Ok(message) = DxpMsg::parse(&document) {
        let checked = message.check().is_ok();
        let written = parse(message.to_xml().as_bytes()).expect("our own envelope is XML");
        match DxpMsg::parse(&written) {
            Ok(again) => assert_eq!(format!("{message:?}"), format!("{again:?}")),
            Err(error) => assert!(!checked, "a good envelope is refused: {}", error.en()),
        }
    }
    if let Ok(node) = DxpMsgSv::parse(&document) {
        let written = parse(node.to_xml().as_bytes()).expect("our own envelope is XML");
        let again = DxpMsgSv::parse(&written).expect("our own envelope is read");
        assert_eq!(node.number(), again.number());
        assert_eq!(format!("{:?}", node.message()), format!("{:?}", again.message()));
    }
}

/// JSON that is read is what serde_json reads, and its places lie in the text. A message that
/// is accepted as JSON is the same message when its XML form is written as JSON again.
pub fn json(input: &[u8]) {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::load_builtin().expect("the catalogue"));
    let Ok(json) = Json::read(bounded(input).to_vec(), &JsonLimits::default()) else { return };
    let theirs: Option<serde_json::Value> = serde_json::from_slice(bounded(input)).ok();
    assert_eq!(Some(json.value()), theirs.as_ref(), "read otherwise than serde_json does");
    let root = json.value().as_object().and_then(|root| root.keys().next());
    let Some(kind) = root.and_then(|name| CATALOGUE.by_name(name)) else { return };
    let Some(Ok(form)) = CATALOGUE.json_form(kind) else { return };
    let message = match form.accept(json) {
        Ok(message) => message,
        Err(found) => {
            let lines = bounded(input).split(|b| *b == b'\n').count();
            assert!(found.iter().all(|fault| (fault.line as usize) <= lines && fault.column > 0));
            return;
        }
    };
    let document = parse(message.xml().as_bytes()).expect("our own XML");
    let written = form.to_json(&document).expect("our own XML has a JSON form");
    let again = Json::read(written.clone().into_bytes(), &JsonLimits::default()).expect("our own");
    let again = form.accept(again).expect("our own JSON");
    let once_more = parse(again.xml().as_bytes()).expect("our own XML");
    assert_eq!(written, form.to_json(&once_more).expect("our own XML has a JSON form"));
}

/// A certificate is read within its bounds, writes itself as it was, and leads to the anchor
/// only when it is the one that the CA issued.
pub fn certificate(input: &[u8]) {
    static ANCHORS: LazyLock<TrustAnchors> = LazyLock::new(|| {
        TrustAnchors::from_certificates([WORLD.ca.certificate().clone()]).expect("an anchor")
    });
    let input = bounded(input);
    let from_pem = std::str::from_utf8(input).ok().and_then(|t| Certificate::from_pem(t).ok());
    let found =
        Certificate::from_der(input.to_vec()).into_iter().chain(from_pem.into_iter().flatten());
    for certificate in found {
        for text in [certificate.subject(), certificate.issuer(), certificate.serial_hex()] {
            assert!(text.len() <= 64 * 1024, "a text without bound");
        }
        assert!(certificate.memory() <= 64 * INPUT_MAX);
        let again = Certificate::from_der(certificate.der().to_vec()).expect("it was read before");
        assert_eq!(certificate.fingerprint(), again.fingerprint());
        let zero = jiff::SignedDuration::ZERO;
        if ANCHORS.verify_chain(&certificate, &[], WORLD.now, zero).is_ok() {
            let own = WORLD.signer.certificate.public_key() == certificate.public_key();
            let ca = WORLD.ca.certificate() == &certificate;
            assert!(own || ca, "a certificate that was never issued leads to the anchor");
        }
    }
}

/// A list that verifies is one that the CA signed: its digest is that of a seed.
pub fn crl(input: &[u8]) {
    let (strict, issuer) = (SignaturePolicy::strict(), WORLD.ca.certificate());
    let input = bounded(input);
    let mut lists = Vec::from_iter(RevocationList::from_der(input, issuer, &strict));
    if let Ok(text) = std::str::from_utf8(input) {
        lists.extend(RevocationList::from_pem(text, issuer, &strict));
    }
    for list in lists {
        assert!(list.len() <= INPUT_MAX, "more entries than octets");
        assert!(seeds::LISTS.contains(&list.len()), "a list that was never signed");
    }
}

/// Every target by its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("xml", xml),
    ("c14n", c14n),
    ("xmldsig", xmldsig),
    ("jws", jws),
    ("payment", payment),
    ("dxp", dxp),
    ("json", json),
    ("certificate", certificate),
    ("crl", crl),
];
