//! Debian's `xmlsec1` against our XML Signature, both ways: what one signs the other
//! verifies, and what one refuses the other refuses, over documents made from a seed and
//! changed in one place each. Out: a list of the disagreements. Left out are the
//! algorithms that xmlsec1 1.2 does not have (RSA-PSS, Ed25519, SM2).

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm, SignaturePolicy};
use onepoint_envelope::c14n::{self, Method, PrefixList};
use onepoint_envelope::xmldsig::{SignOptions, SignaturePlace, sign, verify, verify_part};
use onepoint_xml::{Document, Limits};

/// Documents of each direction, each judged as it is and changed in three ways.
/// `ONEPOINT_XMLSEC_DOCUMENTS` asks for more.
const DOCUMENTS: usize = 40;
const SEED: u64 = 0x4f6e_6550_6f69_6e74;

/// A small generator with a fixed seed (splitmix64): the same documents each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.roll(from.len())]
    }
}

/// A document with what canonicalisation has rules for; the root has the Id `all`, a
/// child of it the Id `part`. The word `T0001` stands in both.
fn document(dice: &mut Dice) -> String {
    let mut inside = String::new();
    for at in 0..dice.roll(8) {
        inside.push_str(&match dice.roll(9) {
            0 => format!("<a:e x{at}='&#10;{at}\t&quot;' b:y=\"&lt;\"/>"),
            1 => "<![CDATA[a < b & c]]>".to_owned(),
            2 => "<!-- 注 -->".to_owned(),
            3 => "<?go  left ?>".to_owned(),
            4 => format!("<e xmlns=\"urn:d{at}\"><f xmlns=''/>&#13;\r\n</e>"),
            5 => format!("<b:g xmlns:b='urn:other{at}' a:z='1' z='2'>测试 {at}</b:g>"),
            6 => "<h xml:lang='en' xml:space='preserve'>  </h>".to_owned(),
            7 => "&gt;&amp;&#x4E2D;\u{20000}".to_owned(),
            _ => format!("\n  <i>{at}</i>\n"),
        });
    }
    let base = dice.pick(&["", " xml:base='http://example.com/x/y'", " xml:lang='zh'"]);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?first?><!-- 前 -->\n\
         <a:root xmlns:a='urn:a' xmlns:b=\"urn:b\" xmlns:unused='urn:u'{base} Id='all'>\
         <a:no>T0001</a:no>{inside}<part xml:base='../z' Id=\"part\"><n b:q='1'>T0001</n>{inside}\
         </part></a:root>\n<?last?>"
    )
}

fn methods(dice: &mut Dice) -> Method {
    let list = || PrefixList::parse("b #default unused").unwrap();
    match dice.roll(6) {
        0 => Method::Inclusive10,
        1 => Method::Inclusive10WithComments,
        2 => Method::Inclusive11,
        3 => Method::Inclusive11WithComments,
        4 => Method::Exclusive(list()),
        _ => Method::Exclusive(PrefixList::default()),
    }
}

/// One place changed: what the change is, and the text.
fn mutated(xml: &str, dice: &mut Dice) -> String {
    let changes = [
        ("T0001", "T0002"),
        ("xmlns:unused='urn:u'", "xmlns:unused='urn:v'"),
        ("<a:no>", "<a:no >"),
        ("<a:no>", "<a:no> "),
        ("<!-- 前 -->", ""),
        ("Id='all'", "Id='all' x=''"),
        ("<?last?>", "<?last one?>"),
        ("</a:root>", "\n</a:root>"),
        ("<n b:q='1'>", "<n b:q='2'>"),
        ("<n b:q='1'>", "<n b:q=\"1\">"),
        ("<ds:SignedInfo>", "<ds:SignedInfo>\n"),
        ("<ds:DigestValue>", "<ds:DigestValue>\n"),
        ("<ds:KeyName>", "<ds:KeyName>0"),
    ];
    let (from, to) = dice.pick(&changes);
    xml.replacen(from, to, 1)
}

fn documents() -> usize {
    let asked = std::env::var("ONEPOINT_XMLSEC_DOCUMENTS").ok();
    asked.map_or(DOCUMENTS, |number| number.parse().expect("a number of documents"))
}

struct World {
    folder: tempfile::TempDir,
    signers: Vec<Issued>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::now();
        let day = jiff::SignedDuration::from_hours(24);
        let validity = Validity { from: now - day, until: now + day };
        let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
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
        World { folder, signers }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn xmlsec(&self, arguments: &[&str]) -> (bool, String) {
        let run = Command::new("xmlsec1").current_dir(self.path()).args(arguments).output();
        let run = run.unwrap_or_else(|e| panic!("xmlsec1 does not start ({e}): install it"));
        (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
    }

    /// The verdict of xmlsec1, with the same anchor as everybody.
    fn theirs(&self, xml: &str) -> bool {
        std::fs::write(self.path().join("case.xml"), xml).unwrap();
        let ids = ["--id-attr:Id", "urn:a:root", "--id-attr:Id", "part"];
        let files = ["--trusted-pem", "root.pem", "--enabled-key-data", "x509", "case.xml"];
        self.xmlsec(&[&["--verify"], &ids[..], &files[..]].concat()).0
    }
}

/// Our verdict on the signature alone.
fn ours(xml: &str, id: Option<&str>) -> Result<(), String> {
    let parsed = Document::parse(xml.as_bytes().to_vec(), &Limits::default());
    let document = parsed.map_err(|error| error.code().to_owned())?;
    let strict = SignaturePolicy::strict();
    let verified = match id {
        Some("part") => verify_part(&document, &strict, &[]).map(drop),
        _ => verify(&document, &SignaturePlace::ChildOfRoot, &strict).map(drop),
    };
    verified.map_err(|error| error.code().to_owned())
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

/// Judges a case and three changes of it by both, and notes where they differ.
fn compare(world: &World, xml: &str, id: Option<&str>, dice: &mut Dice, found: &mut String) {
    let mut cases = vec![xml.to_owned()];
    cases.extend((0..3).map(|_| mutated(xml, dice)));
    for (at, case) in cases.iter().enumerate() {
        let (ours, theirs) = (ours(case, id), world.theirs(case));
        if at == 0 && (ours.is_err() || !theirs) {
            writeln!(found, "unchanged: ours {ours:?}, xmlsec1 {theirs}: {case}").unwrap();
        }
        // A form of the field is named instead of the mismatch that it is.
        if ours.is_ok() != theirs {
            writeln!(found, "change {at}: ours {ours:?}, xmlsec1 {theirs}: {case}").unwrap();
        }
    }
}

#[test]
fn what_we_sign_xmlsec1_judges_alike() {
    let (world, mut dice, mut found) = (World::new(), Dice(SEED), String::new());
    let digests = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
    for _ in 0..documents() {
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
        compare(&world, &xml, id, &mut dice, &mut found);
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn what_xmlsec1_signs_we_judge_alike() {
    let (world, mut dice, mut found) = (World::new(), Dice(!SEED), String::new());
    for _ in 0..documents() {
        let signer = dice.roll(3);
        let id = *dice.pick(&[None, Some("all"), Some("part")]);
        let template = template(&document(&mut dice), signer, id, &mut dice);
        std::fs::write(world.path().join("template.xml"), &template).unwrap();
        let keys = format!("{signer}.key,{signer}.pem");
        let ids = ["--id-attr:Id", "urn:a:root", "--id-attr:Id", "part"];
        let files = ["--privkey-pem", &keys, "--output", "signed.xml", "template.xml"];
        let (done, text) = world.xmlsec(&[&["--sign"], &ids[..], &files[..]].concat());
        assert!(done, "{text}: {template}");
        let xml = std::fs::read_to_string(world.path().join("signed.xml")).unwrap();
        compare(&world, &xml, id, &mut dice, &mut found);
    }
    assert!(found.is_empty(), "{found}");
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
