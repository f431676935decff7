//! SM2 in XML Signature against OpenSSL 3, which has the SM3 digest and the SM2 value but no
//! XML: it judges the octets that we canonicalise (other tests compare those with xmlsec1 and
//! libxml2). In: documents from a seed, signed by one, verified by the other, each as it is
//! and changed. Out: the disagreements; none is explained.

use std::path::Path;
use std::process::Command;

use onepoint_certs::testpki::Issued;
use onepoint_certs::{Certificate, SignaturePolicy, sm2};
use onepoint_envelope::c14n::{self, Method, Selection};
use onepoint_envelope::octets;
use onepoint_envelope::xmldsig::{DSIG_NAMESPACE, SignOptions, SignaturePlace, sign, verify};
use onepoint_xml::{Document, Element, Limits};

use super::seeded::{Dice, document, mutated};
use super::{KeyKind, LeafSpec, TestCa, Validity, documents};

/// Documents of each direction, if no other number is asked for.
const DOCUMENTS: usize = 60;
/// The order of the curve (GB/T 32918.5).
const ORDER: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

struct World {
    folder: tempfile::TempDir,
    signer: Issued,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::now();
        let day = jiff::SignedDuration::from_hours(24);
        let validity = Validity { from: now - day, until: now + day };
        let root = TestCa::new("测试根", KeyKind::Sm2, validity).unwrap();
        let spec = LeafSpec::signer("测试甲公司", "测试甲公司", KeyKind::Sm2, validity);
        let signer = root.issue(&spec).unwrap();
        let write = |name: &str, octets: &[u8]| {
            std::fs::write(folder.path().join(name), octets).unwrap();
        };
        write("key.pem", signer.key_pem().as_bytes());
        write("public.pem", public_pem(&signer.certificate).as_bytes());
        World { folder, signer }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What OpenSSL writes; nothing where it is not content.
    fn openssl(&self, arguments: &[&str]) -> Option<Vec<u8>> {
        let run = Command::new("openssl").current_dir(self.path()).args(arguments).output();
        let run = run.unwrap_or_else(|e| panic!("openssl does not start ({e}): install openssl 3"));
        run.status.success().then_some(run.stdout)
    }

    fn digest(&self, octets: &[u8]) -> Vec<u8> {
        std::fs::write(self.path().join("content"), octets).unwrap();
        self.openssl(&["dgst", "-sm3", "-binary", "content"]).unwrap()
    }

    fn sign(&self, octets: &[u8]) -> Vec<u8> {
        std::fs::write(self.path().join("info"), octets).unwrap();
        let distid = ["-sigopt", "distid:1234567812345678"];
        let sign = [&["dgst", "-sm3", "-sign", "key.pem"], &distid[..], &["info"]].concat();
        sm2::raw_from_der(&self.openssl(&sign).unwrap()).unwrap().to_vec()
    }

    fn verifies(&self, octets: &[u8], raw: &[u8]) -> bool {
        let Some(der) = sm2::der_from_raw(raw) else { return false };
        std::fs::write(self.path().join("info"), octets).unwrap();
        std::fs::write(self.path().join("value"), der).unwrap();
        let distid = ["-sigopt", "distid:1234567812345678"];
        let verify = [&["dgst", "-sm3", "-verify", "public.pem"], &distid[..]].concat();
        self.openssl(&[&verify[..], &["-signature", "value", "info"]].concat()).is_some()
    }

    /// The verdict of OpenSSL over the document's digest and value; none where the document
    /// has not what it takes to ask.
    fn theirs(&self, xml: &str) -> Option<bool> {
        let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default()).ok()?;
        let signature = document.root().child(DSIG_NAMESPACE, "Signature")?;
        let info = signature.child(DSIG_NAMESPACE, "SignedInfo")?;
        let reference = info.child(DSIG_NAMESPACE, "Reference")?;
        let value = |element: Element<'_>| octets::decode(&element.text(), 16 * 1024).ok();
        let digest = value(reference.child(DSIG_NAMESPACE, "DigestValue")?)?;
        let raw = value(signature.child(DSIG_NAMESPACE, "SignatureValue")?)?;
        // The key comes from the one certificate that everybody trusts.
        let data = signature.child(DSIG_NAMESPACE, "KeyInfo")?.child(DSIG_NAMESPACE, "X509Data")?;
        let certificate = value(data.child(DSIG_NAMESPACE, "X509Certificate")?)?;
        if certificate != self.signer.certificate.der() {
            return Some(false);
        }
        let content = canonical(&document, Selection::document().without(signature.index()));
        let info = canonical(&document, Selection::subtree(info.index()));
        Some(self.digest(&content) == digest && self.verifies(&info, &raw))
    }
}

fn public_pem(certificate: &Certificate) -> String {
    let spki = octets::encode(certificate.public_key().spki_der());
    format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
}

fn canonical(document: &Document, selection: Selection) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut sink = |run: &[u8]| octets.extend_from_slice(run);
    c14n::canonicalize(document, &selection, &Method::Inclusive10, &mut sink);
    octets
}

fn ours(xml: &str, trusted: &Certificate) -> Result<(), &'static str> {
    let parsed = Document::parse(xml.as_bytes().to_vec(), &Limits::default());
    let document = parsed.map_err(|error| error.code())?;
    let verified = verify(&document, &SignaturePlace::ChildOfRoot, &SignaturePolicy::strict());
    let evidence = verified.map_err(|error| error.code())?;
    match evidence.certificate() == trusted {
        true => Ok(()),
        false => Err("another certificate"),
    }
}

/// A signed document with the value replaced.
fn with_value(xml: &str, raw: &[u8]) -> String {
    let (before, rest) = xml.split_once("<ds:SignatureValue>").unwrap();
    let (_, after) = rest.split_once("</ds:SignatureValue>").unwrap();
    let value = octets::encode(raw);
    format!("{before}<ds:SignatureValue>{value}</ds:SignatureValue>{after}")
}

/// Refused by us alone: what the profile leaves out, see the table of `xmlsec`.
fn explained(ours: &Result<(), &str>) -> bool {
    ours.is_err_and(super::explained)
}

fn judge(world: &World, xml: &str, changed: bool, found: &mut Vec<String>) {
    let ours = ours(xml, &world.signer.certificate);
    let theirs = world.theirs(xml);
    let alike = match theirs {
        Some(theirs) => ours.is_ok() == theirs || (theirs && explained(&ours)),
        None => ours.is_err(),
    };
    if !alike || (!changed && ours.is_err()) {
        found.push(format!("ours {ours:?}, openssl {theirs:?}: {xml}"));
    }
}

/// Changes that name another algorithm than the octets here are made with are left out.
fn changed(xml: &str, dice: &mut Dice) -> String {
    loop {
        let text = mutated(xml, dice);
        if ["c14n-20010315#", "xml-c14n11", "URI=\"#all\"", "file:", "#enveloped\""]
            .iter()
            .all(|other| !text.contains(other))
        {
            return text;
        }
    }
}

#[test]
fn what_we_sign_openssl_judges_alike() {
    let (world, mut dice, mut found) = (World::new(), Dice(2), Vec::new());
    for _ in 0..documents(DOCUMENTS) {
        let (key, chain) = (&world.signer.key, &world.signer.chain);
        let xml = sign(&document(&mut dice), key, chain, &SignOptions::default()).unwrap();
        judge(&world, &xml, false, &mut found);
        judge(&world, &changed(&xml, &mut dice), true, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn what_openssl_signs_we_judge_alike() {
    let (world, mut dice, mut found) = (World::new(), Dice(3), Vec::new());
    for _ in 0..documents(DOCUMENTS) {
        let (key, chain) = (&world.signer.key, &world.signer.chain);
        let plain = document(&mut dice);
        let made = sign(&plain, key, chain, &SignOptions::default()).unwrap();
        // The digest and the value of OpenSSL in place of ours.
        let parse = |text: &str| Document::parse(text.as_bytes().to_vec(), &Limits::default());
        let digest = world.digest(&canonical(&parse(&plain).unwrap(), Selection::document()));
        let document = parse(&made).unwrap();
        let signature = document.root().child(DSIG_NAMESPACE, "Signature").unwrap();
        let info = signature.child(DSIG_NAMESPACE, "SignedInfo").unwrap();
        assert!(info.text().contains(&octets::encode(&digest)), "{made}");
        let info = canonical(&document, Selection::subtree(info.index()));
        let xml = with_value(&made, &world.sign(&info));
        judge(&world, &xml, false, &mut found);
        judge(&world, &changed(&xml, &mut dice), true, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// r and s at and beyond their bounds, r + s = 0, and each other form of the value: both
/// refuse, and we say why.
#[test]
fn values_out_of_range_are_refused_by_both() {
    let world = World::new();
    let (key, chain) = (&world.signer.key, &world.signer.chain);
    let plain = document(&mut Dice(4));
    let xml = sign(&plain, key, chain, &SignOptions::default()).unwrap();
    let order: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&ORDER[at..at + 2], 16).unwrap()).collect();
    let (zero, mut one, full) = (vec![0; 32], vec![0; 32], vec![0xff; 32]);
    one[31] = 1;
    let mut less = order.clone();
    less[31] -= 1;
    for (r, s) in [
        (&zero, &one),
        (&one, &zero),
        (&zero, &zero),
        (&order, &one),
        (&one, &order),
        (&full, &one),
        (&one, &full),
        // r + s = n, which is 0: the sum is no multiplier.
        (&one, &less),
        (&less, &one),
    ] {
        let wrong = with_value(&xml, &[r.as_slice(), s].concat());
        let code = ours(&wrong, &world.signer.certificate).unwrap_err();
        assert_eq!(code, "signature-range", "{r:x?} {s:x?}");
        assert_ne!(world.theirs(&wrong), Some(true), "{r:x?} {s:x?}");
    }
}
