//! What it costs to know who signed an order of 6 to 7 KB: against the floor of the
//! design, against libxml2 with xmlsec1 in process, and, for SM2, against the crate `sm2`.
//! Prints `ratio NAME VALUE LIMIT` last.
//!
//! All is measured in turn within each round, on the same message, and the minimum over
//! the rounds counts for each: a neighbour on this machine can only make a round slower.
//!
//! - *floor*: one RSA-2048 verification, one SHA-256 of the bytes, one namespace-resolving
//!   quick-xml pass.
//! - *ours*: copies the bytes, parses them, finds the one Signature and checks its shape,
//!   reads the certificate out of KeyInfo, canonicalises the document and SignedInfo,
//!   compares the digest, verifies the value with the certificate's key, and takes the
//!   chain of the certificate from the cache.
//! - *theirs*: one Python process (`theirs.py`) that is asked for a number of calls over a
//!   pipe and times the calls itself, so that the pipe is not in it. A call is
//!   `lxml.etree.fromstring` (libxml2: parse), `xmlsec.tree.find_node` (find the Signature),
//!   a look-up of the text of X509Certificate in a dictionary of the keys of certificates
//!   whose chain was checked before, a `SignatureContext` with that key, and its `verify`
//!   (xmlsec1: canonicalise twice, digest, verify by OpenSSL). It does no more than this:
//!   no schema, no check of the shape, and the certificate in the message is not read.
//!   The key is one that came with its certificate, as xmlsec1 reads it from KeyInfo, so
//!   that the context takes over both; that copy is half of the call, and stands
//!   for the certificate that ours reads anew. A user who knows this can keep the bare
//!   key instead: that is measured too and printed, and has no limit.
//!   What Python adds is measured in the same round: the same calls with an empty
//!   document and without a key and its use. It is subtracted in full, though part of it
//!   is work of libxml2 and xmlsec1 too.
//! - Both must take the message and refuse it with one letter changed before any round.
//! - *SM2*: the same value over the same digest by a registered key, and by the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{
    ChainCache, DigestAlgorithm, SignatureAlgorithm, SignaturePolicy, SigningKey, TrustAnchors, sm2,
};
use onepoint_envelope::xmldsig::{self, SignOptions, SignaturePlace};
use onepoint_schemas::example_with;
use onepoint_xml::{Document, Limits};
use quick_xml::NsReader;
use quick_xml::events::Event;

/// Rounds, and calls of each within a round.
const ROUNDS: usize = 200;
const CALLS: u32 = 20;
/// The size of message that the figures are for, bytes.
const SIZE: std::ops::RangeInclusive<usize> = 6_000..=7_000;
/// What the Python process measures, in its order.
const THEIRS: [&str; 3] = ["libxml2 + xmlsec1", "libxml2 + xmlsec1, bare key", "python alone"];
/// Debian's Python: the one that has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";
const INSTALL: &str = "apt-get install -y python3-lxml python3-xmlsec";

/// A stage: its name and one call of it.
type Stage<'s> = (&'static str, Box<dyn FnMut() + 's>);

fn main() -> ExitCode {
    let world = World::new();
    let message = world.message();
    assert!(SIZE.contains(&message.len()), "the message has {} bytes", message.len());
    let Some(mut theirs) = Theirs::start(&world, &message) else {
        eprintln!("libxml2 and xmlsec1 for Python are missing; install them with:\n{INSTALL}");
        return ExitCode::FAILURE;
    };
    assert!(world.authenticate(&message) && !world.authenticate(&altered(&message)));
    println!(
        "one order of {} bytes, RSA-2048 with SHA-256; theirs: {}",
        message.len(),
        theirs.what
    );
    println!("minimum of {ROUNDS} interleaved rounds of {CALLS} calls");
    let mut ours = world.stages(&message);
    ours.extend(sm2_stages());
    let mut minima = vec![f64::MAX; ours.len() + 3];
    for _ in 0..ROUNDS {
        for ((_, call), least) in ours.iter_mut().zip(&mut minima) {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            *least = least.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
        }
        for (time, least) in theirs.round().iter().zip(minima.iter_mut().skip(ours.len())) {
            *least = least.min(*time);
        }
    }
    let names = ours.iter().map(|(name, _)| *name).chain(THEIRS);
    let named: Vec<(&str, f64)> = names.zip(minima).collect();
    for (name, time) in &named {
        println!("  {name:34} {time:8.2} us");
    }
    let of = |name: &str| named.iter().find(|named| named.0 == name).expect("a stage").1;
    let floor = of("floor: rsa-2048 verify") + of("floor: sha-256") + of("floor: quick-xml pass");
    let theirs = of(THEIRS[0]) - of(THEIRS[2]);
    let bare = of(THEIRS[1]) - of(THEIRS[2]);
    println!("  {:34} {floor:8.2} us", "floor");
    println!("  {:34} {theirs:8.2} us", "libxml2 + xmlsec1 without python");
    println!("  {:34} {bare:8.2} us, {:.2} x ours", "the same, bare key", bare / of("ours"));
    println!("ratio signature-to-floor {:.2} <=1.5", of("ours") / floor);
    println!("ratio libxml2-and-xmlsec1-to-ours {:.2} >=4", theirs / of("ours"));
    println!("ratio sm2-known-key-to-crate {:.2} <=0.3", of("sm2: known key") / of("sm2: crate"));
    ExitCode::SUCCESS
}

struct World {
    at: Timestamp,
    issued: Issued,
    anchors: TrustAnchors,
    chains: Mutex<ChainCache>,
}

impl World {
    fn new() -> World {
        let at = Timestamp::now();
        let hour = SignedDuration::from_hours(1);
        let validity = Validity { from: at - hour, until: at + hour };
        let ca = TestCa::new("bench CA", KeyKind::P256, validity).unwrap();
        let spec = LeafSpec::signer("platform", "测试电商平台甲公司", KeyKind::Rsa2048, validity);
        let issued = ca.issue(&spec).unwrap();
        let anchors = TrustAnchors::from_pem(&ca.certificate_pem()).unwrap();
        let chains = Mutex::new(ChainCache::new(1 << 20));
        World { at, issued, anchors, chains }
    }

    /// The catalogue's example, signed; its remark is drawn out to the size.
    fn message(&self) -> Vec<u8> {
        let plain = example_with("CEB311Message", &[]).unwrap();
        let signed = |note: usize| {
            let xml = plain.replacen("测试订单", &"测试订单备注".repeat(note), 1);
            xmldsig::sign(&xml, &self.issued.key, &self.issued.chain, &SignOptions::default())
        };
        let short = signed(1).unwrap();
        let missing = SIZE.start().saturating_sub(short.len()) / "测试订单备注".len();
        signed(missing + 10).unwrap().into_bytes()
    }

    /// From the bytes to the chain of who signed them.
    fn authenticate(&self, message: &[u8]) -> bool {
        let policy = SignaturePolicy::strict();
        let document = Document::parse(message.to_vec(), &Limits::default()).unwrap();
        let Ok(signed) = xmldsig::verify(&document, &SignaturePlace::ChildOfRoot, &policy) else {
            return false;
        };
        let tolerance = SignedDuration::from_secs(60);
        let (leaf, others) = (signed.certificate(), signed.intermediates());
        self.anchors
            .verify_chain_cached(&self.chains, &policy, leaf, others, self.at, tolerance)
            .is_ok()
    }

    fn stages<'s>(&'s self, message: &'s [u8]) -> Vec<Stage<'s>> {
        let short: &[u8] = b"a message so short that only the key is measured";
        let algorithm = SignatureAlgorithm::RsaPkcs1Sha256;
        let signature = self.issued.key.sign(algorithm, short).unwrap();
        let key = self.issued.certificate.public_key();
        vec![
            (
                "floor: rsa-2048 verify",
                Box::new(move || key.verify(algorithm, short, &signature).unwrap()),
            ),
            (
                "floor: sha-256",
                Box::new(move || {
                    black_box(DigestAlgorithm::Sha256.digest(black_box(message)));
                }),
            ),
            ("floor: quick-xml pass", Box::new(move || pass(message))),
            ("ours", Box::new(move || assert!(self.authenticate(black_box(message))))),
        ]
    }
}

/// The same value by a registered key and by the crate.
fn sm2_stages() -> Vec<Stage<'static>> {
    let signing = SigningKey::generate_sm2().unwrap();
    let key = signing.public_key().as_sm2().unwrap().clone();
    let message = b"the digest of this is signed";
    let value = signing.sign(SignatureAlgorithm::Sm2Sm3, message).unwrap();
    let value: [u8; sm2::RAW_BYTES] = value.try_into().unwrap();
    let digest = key.digest(sm2::DEFAULT_ID, message).unwrap();
    // Without a table, a key is verified by the crate.
    let known = key.clone();
    known.prepare();
    vec![
        ("sm2: crate", Box::new(move || key.verify_digest(black_box(&digest), &value).unwrap())),
        (
            "sm2: known key",
            Box::new(move || known.verify_digest(black_box(&digest), &value).unwrap()),
        ),
    ]
}

/// One pass of the namespace-resolving reader, as little as one can do with it.
fn pass(message: &[u8]) {
    let mut reader = NsReader::from_str(std::str::from_utf8(message).unwrap());
    loop {
        match reader.read_resolved_event().unwrap() {
            (_, Event::Eof) => return,
            event => {
                black_box(&event);
            }
        }
    }
}

/// The message with one letter of its content changed.
fn altered(message: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap();
    text.replacen("测试订单", "测试定单", 1).into_bytes()
}

fn public_pem(spki: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(spki);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

/// The Python process.
struct Theirs {
    what: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Theirs {
    /// `None` where Python or one of the modules is missing.
    fn start(world: &World, message: &[u8]) -> Option<Theirs> {
        let mut process = Command::new(PYTHON)
            .args(["-c", include_str!("theirs.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut input = process.stdin.take()?;
        let output = BufReader::new(process.stdout.take()?);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let task = serde_json::json!({
            "message": text(message),
            "altered": text(&altered(message)),
            "certificate": world.issued.certificate.to_pem(),
            "key": public_pem(world.issued.certificate.public_key().spki_der()),
        });
        writeln!(input, "{task}").ok()?;
        let mut theirs = Theirs { what: String::new(), process, input, output };
        theirs.what = theirs.line();
        (!theirs.what.is_empty()).then_some(theirs)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Microseconds of one call of each of [`THEIRS`].
    fn round(&mut self) -> Vec<f64> {
        writeln!(self.input, "{CALLS}").unwrap();
        let line = self.line();
        let micros = |nanos: &str| nanos.parse::<f64>().unwrap() / 1e3 / f64::from(CALLS);
        line.split(' ').map(micros).collect()
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
