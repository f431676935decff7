//! The XML Signature and canonicalisation cases of the xmlsec project (Merlin's vectors)
//! against `onepoint-envelope`. In: the suite's list of verdicts and its files. Out: the
//! cases judged otherwise than the suite says. Nearly all verdicts that are not ours are
//! refusals: a case that the narrow profile leaves out stands in `skips.toml` with a reason
//! that begins with the codes it must be refused under. Octets, digests and values inside
//! refused signatures are checked nonetheless, wherever the profile has what they need.

use std::path::{Path, PathBuf};

use onepoint_certs::{DigestAlgorithm, SignaturePolicy};
use onepoint_conformance::suites;
use onepoint_envelope::c14n::{Method, PrefixList, Selection, canonicalize};
use onepoint_envelope::octets;
use onepoint_envelope::xmldsig::{DSIG_NAMESPACE, SignaturePlace, verify};
use onepoint_xml::{Document, Element, Limits};

const SUITE: &str = "xmldsig";
const C14N_CASES: &str = "merlin-c14n-three";

fn folder() -> PathBuf {
    suites::unpack("xmldsig-train").join("xmldsig")
}

fn read(path: &Path) -> Document {
    let input = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Document::parse(input, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The loosest policy there can be: what it refuses, every policy refuses.
fn loosest() -> SignaturePolicy {
    SignaturePolicy {
        name: "suite".to_owned(),
        allow_rsa_sha1: true,
        allow_digest_sha1: true,
        min_rsa_bits: 1024,
        ..SignaturePolicy::strict()
    }
}

/// The codes under which a signature is refused: as it is in its file, and where it is the
/// root also as child of a root, so that its place does not hide what else is wrong.
fn refusals(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut found = Vec::from_iter(refusal(&text));
    let (_, body) = text.split_once("?>").expect("an XML declaration");
    if body.trim_start().starts_with("<Signature ") {
        found.extend(refusal(&format!("<root>{body}</root>")));
    }
    found
}

fn refusal(text: &str) -> Option<String> {
    let document = match Document::parse(text.as_bytes().to_vec(), &Limits::default()) {
        Ok(document) => document,
        Err(error) => return Some(error.code().to_owned()),
    };
    let verified = verify(&document, &SignaturePlace::ChildOfRoot, &loosest());
    verified.err().map(|error| error.code().to_owned())
}

#[test]
fn every_case_is_judged_as_the_suite_or_the_profile_says() {
    let folder = folder();
    let skips = suites::skips();
    let list = std::fs::read_to_string(folder.join("VERDICTS.tsv")).expect("list of verdicts");
    let mut findings = Vec::new();
    let mut judged = 0;
    for line in list.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (verdict, case) = (fields[0], fields[2]);
        let path = folder.join(format!("{case}.xml"));
        // The archive leaves out the folders that need encryption or XPath filters.
        if !path.is_file() {
            continue;
        }
        judged += 1;
        let (found, reason) = (refusals(&path), skips.reason(SUITE, case));
        let codes = reason.and_then(|reason| reason.split(':').next());
        let as_said = match codes {
            Some(codes) => codes.split(", ").eq(found.iter()),
            None => found.is_empty() && verdict == "success",
        };
        if !as_said {
            findings.push(format!("{case}: {found:?}, suite {verdict}, skips {codes:?}"));
        }
    }
    judge_canonical_forms(&folder, &skips, &mut findings);
    skips.assert_all_used(SUITE);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    assert_eq!(judged, 18, "signatures found");
}

/// The canonical octets that the suite shows for each Reference of its canonicalisation
/// signature. Those whose XPath selects one whole subtree are canonicalised here; the
/// others select parts of the namespace axis, which no Selection can.
fn judge_canonical_forms(folder: &Path, skips: &suites::Skips, findings: &mut Vec<String>) {
    let folder = folder.join(C14N_CASES);
    let document = read(&folder.join("signature.xml"));
    let info = signed_info(&document);
    let apex = document.root().children().next().expect("the first child");
    for (at, reference) in info.children_named(DSIG_NAMESPACE, "Reference").enumerate().take(27) {
        let case = format!("{C14N_CASES}/c14n-{at}");
        let transforms = reference.child(DSIG_NAMESPACE, "Transforms").expect("transforms");
        let mut steps = transforms.children();
        let xpath = steps.next().expect("an XPath transform").text();
        if xpath.trim() != "ancestor-or-self::bar:Something" {
            if skips.reason(SUITE, &case).is_none() {
                findings.push(format!("{case}: neither run nor skipped"));
            }
            continue;
        }
        let method = steps.next().map_or(Method::Inclusive10, method_of);
        let found = canonical(&document, &Selection::subtree(apex.index()), &method);
        let shown = std::fs::read(folder.join(format!("c14n-{at}.txt"))).expect("its octets");
        if found != shown || !is_digest(reference, &found) {
            findings.push(format!("{case}: {}", String::from_utf8_lossy(&found)));
        }
    }
}

#[test]
fn exclusive_forms_have_the_digests_of_the_suite() {
    let document = read(&folder().join("merlin-exc-c14n-one/exc-signature.xml"));
    let info = signed_info(&document);
    let signature = info.parent().expect("a Signature");
    let object = signature.child(DSIG_NAMESPACE, "Object").expect("an Object");
    let mut compared = 0;
    for reference in info.children_named(DSIG_NAMESPACE, "Reference") {
        let transforms = reference.child(DSIG_NAMESPACE, "Transforms").expect("transforms");
        let method = method_of(transforms.children().next().expect("a transform"));
        let octets = canonical(&document, &Selection::subtree(object.index()), &method);
        assert!(is_digest(reference, &octets), "{method:?}: {}", String::from_utf8_lossy(&octets));
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn digests_of_enveloped_and_enveloping_signatures_are_those_of_the_suite() {
    let folder = folder().join("merlin-xmldsig-twenty-three");
    for (file, enveloped) in [
        ("signature-enveloped-dsa", true),
        ("signature-enveloping-dsa", false),
        ("signature-enveloping-hmac-sha1", false),
        ("signature-enveloping-hmac-sha1-40", false),
        ("signature-enveloping-rsa", false),
    ] {
        let document = read(&folder.join(format!("{file}.xml")));
        let info = signed_info(&document);
        let signature = info.parent().expect("a Signature");
        let selection = match signature.child(DSIG_NAMESPACE, "Object") {
            Some(object) => Selection::subtree(object.index()),
            None => Selection::document().without(signature.index()),
        };
        assert_eq!(selection.omit.is_some(), enveloped, "{file}");
        let octets = canonical(&document, &selection, &Method::Inclusive10);
        let reference = info.child(DSIG_NAMESPACE, "Reference").expect("a Reference");
        assert!(is_digest(reference, &octets), "{file}: {}", String::from_utf8_lossy(&octets));
    }
}

/// The profile takes neither HMAC nor a bare RSA key, but their values say whether
/// SignedInfo became the right octets.
#[test]
fn values_over_signed_info_are_those_of_the_suite() {
    let folder = folder().join("merlin-xmldsig-twenty-three");
    let document = read(&folder.join("signature-enveloping-hmac-sha1.xml"));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"secret");
    ring::hmac::verify(&key, &signed_octets(&document), &base64_of(&document, "SignatureValue"))
        .expect("the HMAC of the suite");

    let document = read(&folder.join("signature-enveloping-rsa.xml"));
    let key = ring::signature::RsaPublicKeyComponents {
        n: base64_of(&document, "Modulus"),
        e: base64_of(&document, "Exponent"),
    };
    key.verify(
        &ring::signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        &signed_octets(&document),
        &base64_of(&document, "SignatureValue"),
    )
    .expect("the RSA value of the suite");
}

/// SignedInfo of the one Signature: the root or a child of it.
fn signed_info(document: &Document) -> Element<'_> {
    let root = document.root();
    let signature = match root.is(DSIG_NAMESPACE, "Signature") {
        true => root,
        false => root.child(DSIG_NAMESPACE, "Signature").expect("a Signature"),
    };
    signature.child(DSIG_NAMESPACE, "SignedInfo").expect("SignedInfo")
}

fn signed_octets(document: &Document) -> Vec<u8> {
    let info = signed_info(document);
    canonical(document, &Selection::subtree(info.index()), &Method::Inclusive10)
}

/// The octets in the first element of this name.
fn base64_of(document: &Document, local: &str) -> Vec<u8> {
    fn find<'d>(element: Element<'d>, local: &str) -> Option<Element<'d>> {
        if element.is(DSIG_NAMESPACE, local) {
            return Some(element);
        }
        element.children().find_map(|child| find(child, local))
    }
    let element = find(document.root(), local).unwrap_or_else(|| panic!("no {local}"));
    octets::decode(&element.text(), 1024).expect("base64")
}

fn method_of(transform: Element<'_>) -> Method {
    let uri = transform.attribute("", "Algorithm").expect("an algorithm");
    let list = transform.children().next().and_then(|list| list.attribute("", "PrefixList"));
    let list = PrefixList::parse(list.unwrap_or_default()).expect("a prefix list");
    match Method::from_uri(uri).expect("a canonicalisation") {
        Method::Exclusive(_) => Method::Exclusive(list),
        Method::ExclusiveWithComments(_) => Method::ExclusiveWithComments(list),
        inclusive => inclusive,
    }
}

fn canonical(document: &Document, selection: &Selection, method: &Method) -> Vec<u8> {
    let mut octets = Vec::new();
    canonicalize(document, selection, method, &mut |run| octets.extend_from_slice(run));
    octets
}

/// Whether the Reference has the SHA-1 digest of these octets.
fn is_digest(reference: Element<'_>, octets: &[u8]) -> bool {
    let value = reference.child(DSIG_NAMESPACE, "DigestValue").expect("a digest");
    octets::decode(&value.text(), 20).expect("base64") == DigestAlgorithm::Sha1.digest(octets)
}
