//! Debian's `xmlsec1` against our XML Signature, both ways: what one signs the other
//! verifies, and what one refuses the other refuses, over documents made from a seed, each
//! as it is and changed in one place. Out: a list of the disagreements; those that have a
//! name and a reason in [`EXPLAINED`] are counted. Left out are the algorithms that xmlsec1
//! 1.2 does not have (RSA-PSS, Ed25519, SM2); SM2 is compared with OpenSSL in `sm2`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm, SignaturePolicy, TrustAnchors};
use onepoint_envelope::c14n::{self, Method};
use onepoint_envelope::xmldsig::{
    SignOptions, SignaturePlace, SignedDocument, sign, verify, verify_part,
};
use onepoint_xml::{Document, Limits};

mod canonical;
pub(crate) mod seeded;
mod sm2;

use seeded::{Dice, document, methods, mutated};

/// Documents of each direction. `ONEPOINT_XMLSEC_DOCUMENTS` asks for another number.
const DOCUMENTS: usize = 500;
const SEED: u64 = 0x4f6e_6550_6f69_6e74;
/// Files for one run of xmlsec1.
const BATCH: usize = 100;

/// Every name under which we may refuse what xmlsec1 takes, with the reason why we do.
const EXPLAINED: &[(&str, &str)] = &[
    ("signature-comment-in-value", "two readers could take different values from it"),
    ("signature-unexpected-attribute", "the schema of ds:Signature has no such attribute"),
    ("signature-object", "unsigned content inside of the Signature is where originals are hidden"),
    ("signature-nested", "which of two Signatures counts is for no reader to guess"),
    ("key-info-other", "the profile takes the key from a certificate only"),
    ("reference-id-repeated", "other readers take ID, id and xml:id for Ids too"),
];

/// As many as are asked for, or as `usual`.
fn documents(usual: usize) -> usize {
    let asked = std::env::var("ONEPOINT_XMLSEC_DOCUMENTS").ok();
    asked.map_or(usual, |number| number.parse().expect("a number of documents"))
}

/// Everybody trusts the one root.
struct World {
    folder: tempfile::TempDir,
    anchors: TrustAnchors,
    now: jiff::Timestamp,
    signers: Vec<Issued>,
}

const IDS: [&str; 4] = ["--id-attr:Id", "urn:a:root", "--id-attr:Id", "part"];

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::now();
        let day = jiff::SignedDuration::from_hours(24);
        let validity = Validity { from: now - day, until: now + day };
        let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
        let anchors = TrustAnchors::from_certificates([root.certificate().clone()]).unwrap();
        std::fs::write(folder.path().join("root.pem"), root.certificate_pem()).unwrap();
        let mut signers = Vec::new();
        for (at, kind) in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384].into_iter().enumerate() {
            let spec = LeafSpec::signer("测试甲公司", "测试甲公司", kind, validity);
            let issued = root.issue(&spec).unwrap();
            let key = issued.key_pem();
            std::fs::write(folder.path().join(format!("{at}.key")), key.as_bytes()).unwrap();
            std::fs::write(folder.path().join(format!("{at}.pem")), issued.certificate_pem())
                .unwrap();
            signers.push(issued);
        }
        World { folder, anchors, now, signers }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether xmlsec1 was content, what it wrote, what it said.
    fn xmlsec(&self, arguments: &[&str]) -> (bool, String, String) {
        let run = Command::new("xmlsec1").current_dir(self.path()).args(arguments).output();
        let run = run.unwrap_or_else(|e| panic!("xmlsec1 does not start ({e}): install it"));
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        (run.status.success(), text(&run.stdout), text(&run.stderr))
    }

    /// The verdicts of xmlsec1. One run judges many files and ends at the first that is not
    /// good, so this is fast where the good ones come first.
    fn theirs(&self, part: usize, cases: &[&Case]) -> Vec<bool> {
        let name = |at: usize| format!("{part}-{at}.xml");
        for (at, case) in cases.iter().enumerate() {
            std::fs::write(self.path().join(name(at)), &case.xml).unwrap();
        }
        let fixed = ["--trusted-pem", "root.pem", "--enabled-key-data", "x509"];
        let fixed = [&["--verify"], &IDS[..], &fixed[..]].concat();
        let mut verdicts = Vec::new();
        while verdicts.len() < cases.len() {
            let until = cases.len().min(verdicts.len() + BATCH);
            let files: Vec<String> = (verdicts.len()..until).map(name).collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let (all, _, said) = self.xmlsec(&[&fixed[..], &files].concat());
            let good = said.lines().filter(|line| *line == "OK").count();
            assert!(good <= files.len() && all == (good == files.len()), "{said}");
            verdicts.extend(std::iter::repeat_n(true, good));
            verdicts.extend(Some(false).filter(|_| !all));
        }
        verdicts
    }

    /// Our verdict on the signature and on its chain.
    fn ours(&self, case: &Case) -> Result<(), String> {
        let parsed = Document::parse(case.xml.as_bytes().to_vec(), &Limits::default());
        let document = parsed.map_err(|error| error.code().to_owned())?;
        let strict = SignaturePolicy::strict();
        let verified = match case.id {
            Some("part") => verify_part(&document, &strict, &[]).map(|(evidence, _)| evidence),
            _ => verify(&document, &SignaturePlace::ChildOfRoot, &strict),
        };
        let evidence: SignedDocument = verified.map_err(|error| error.code().to_owned())?;
        let hints = evidence.intermediates();
        let zero = jiff::SignedDuration::ZERO;
        let chain = self.anchors.verify_chain(evidence.certificate(), hints, self.now, zero);
        chain.map(drop).map_err(|error| error.code().to_owned())
    }

    /// Judges all by both; gives the disagreements that nothing explains.
    fn compare(&self, cases: &[Case]) -> Vec<String> {
        let mut judged: Vec<_> = cases.iter().map(|case| (case, self.ours(case))).collect();
        judged.sort_by_key(|(_, ours)| ours.is_err());
        // Good and bad are spread evenly over two threads.
        let half = |odd: usize| judged.iter().skip(odd).step_by(2).collect::<Vec<_>>();
        let verdicts = |part: usize, half: &[&(&Case, Result<(), String>)]| {
            let cases: Vec<&Case> = half.iter().map(|(case, _)| *case).collect();
            self.theirs(part, &cases)
        };
        let (even, odd) = (half(0), half(1));
        let theirs = std::thread::scope(|scope| {
            let other = scope.spawn(|| verdicts(1, &odd));
            let even = verdicts(0, &even);
            even.into_iter().chain(other.join().unwrap()).collect::<Vec<bool>>()
        });
        let (mut found, mut tally) = (Vec::new(), BTreeMap::<String, usize>::new());
        for ((case, ours), theirs) in even.iter().chain(&odd).zip(theirs) {
            let name = match (ours, theirs) {
                (Ok(()), true) => "both accept",
                (Err(_), false) if case.changed => "both refuse",
                (Err(code), true) if case.changed && explained(code) => code,
                _ => {
                    found.push(format!("ours {ours:?}, xmlsec1 {theirs}: {}", case.xml));
                    continue;
                }
            };
            *tally.entry(name.to_owned()).or_default() += 1;
        }
        println!("{tally:#?}");
        found
    }
}

fn explained(code: &str) -> bool {
    EXPLAINED.iter().any(|(name, _)| *name == code)
}

/// One document to judge.
struct Case {
    xml: String,
    id: Option<&'static str>,
    changed: bool,
}

/// The document as it is, and changed.
fn both(xml: String, id: Option<&'static str>, dice: &mut Dice) -> [Case; 2] {
    let changed = Case { xml: mutated(&xml, dice), id, changed: true };
    [Case { xml, id, changed: false }, changed]
}

fn algorithm(signer: usize, dice: &mut Dice) -> (SignatureAlgorithm, &'static str) {
    match (signer, dice.roll(3)) {
        (0, 0) => (SignatureAlgorithm::RsaPkcs1Sha256, "rsa-sha256"),
        (0, 1) => (SignatureAlgorithm::RsaPkcs1Sha384, "rsa-sha384"),
        (0, _) => (SignatureAlgorithm::RsaPkcs1Sha512, "rsa-sha512"),
        (1, _) => (SignatureAlgorithm::EcdsaP256Sha256, "ecdsa-sha256"),
        _ => (SignatureAlgorithm::EcdsaP384Sha384, "ecdsa-sha384"),
    }
}

#[test]
fn what_we_sign_xmlsec1_judges_alike() {
    let (world, mut dice, mut cases) = (World::new(), Dice(SEED), Vec::new());
    let digests = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    for _ in 0..documents(DOCUMENTS) {
        let signer = dice.roll(3);
        let id = *dice.pick(&[None, Some("all"), Some("part")]);
        let options = SignOptions {
            id: id.map(str::to_owned),
            algorithm: Some(algorithm(signer, &mut dice).0),
            digest: Some(*dice.pick(&digests)),
            canonicalization: methods(&mut dice),
            transform: Some(methods(&mut dice)).filter(|_| dice.roll(4) > 0),
            ..SignOptions::default()
        };
        let issued = &world.signers[signer];
        let xml = sign(&document(&mut dice), &issued.key, &issued.chain, &options).unwrap();
        cases.extend(both(xml, id, &mut dice));
    }
    let found = world.compare(&cases);
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found.join("\n\n"));
}

#[test]
fn what_xmlsec1_signs_we_judge_alike() {
    let (world, mut dice, mut cases) = (World::new(), Dice(!SEED), Vec::new());
    for signer in 0..world.signers.len() {
        let mut ids = Vec::new();
        let mut files = Vec::new();
        for at in 0..documents(DOCUMENTS) / world.signers.len() + 1 {
            let id = *dice.pick(&[None, Some("all"), Some("part")]);
            let template = template(&document(&mut dice), signer, id, &mut dice);
            let file = format!("template-{signer}-{at}.xml");
            std::fs::write(world.path().join(&file), &template).unwrap();
            ids.push(id);
            files.push(file);
        }
        let keys = format!("{signer}.key,{signer}.pem");
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let fixed = [&["--sign"], &IDS[..], &["--privkey-pem", &keys]].concat();
        let (done, written, said) = world.xmlsec(&[&fixed[..], &files].concat());
        assert!(done, "{said}");
        let declaration = "<?xml version";
        let signed: Vec<&str> = written.split(declaration).skip(1).collect();
        assert_eq!(signed.len(), ids.len());
        for (xml, id) in signed.into_iter().zip(ids) {
            cases.extend(both(format!("{declaration}{xml}"), id, &mut dice));
        }
    }
    let found = world.compare(&cases);
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found.join("\n\n"));
}

/// The document with a Signature for xmlsec1 to fill.
fn template(xml: &str, signer: usize, id: Option<&str>, dice: &mut Dice) -> String {
    let digest = dice.pick(&[
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    ]);
    let element = |name: &str, method: &Method| {
        let list = method.prefixes().map(ToString::to_string).filter(|list| !list.is_empty());
        let list = list.map_or(String::new(), |list| {
            let exclusive = c14n::EXCLUSIVE;
            format!("<InclusiveNamespaces xmlns=\"{exclusive}\" PrefixList=\"{list}\"/>")
        });
        format!("<ds:{name} Algorithm=\"{}\">{list}</ds:{name}>", method.uri())
    };
    let mut transforms = String::new();
    if id != Some("part") {
        transforms.push_str(
            "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>",
        );
    }
    if dice.roll(3) > 0 {
        transforms.push_str(&element("Transform", &methods(dice)));
    }
    if !transforms.is_empty() {
        transforms = format!("<ds:Transforms>{transforms}</ds:Transforms>");
    }
    let uri = id.map(|id| format!("#{id}")).unwrap_or_default();
    let signature = format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n <ds:SignedInfo>\n  {}\n\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#{}\"/>\
         <ds:Reference URI=\"{uri}\">{transforms}<ds:DigestMethod Algorithm=\"{digest}\"/>\
         <ds:DigestValue/></ds:Reference></ds:SignedInfo>\n<ds:SignatureValue/>\
         <ds:KeyInfo><ds:KeyName/><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo>\
         </ds:Signature>",
        element("CanonicalizationMethod", &methods(dice)),
        algorithm(signer, dice).1,
    );
    xml.replacen("</a:root>", &format!("{signature}</a:root>"), 1)
}
