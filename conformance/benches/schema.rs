//! What it costs to parse and validate an order of 6 to 7 KB: against libxml2 in process,
//! against one namespace-resolving quick-xml pass; what the whole accept path costs against
//! its floor and against libxml2 with xmlsec1; and how time and memory grow with the
//! message. Prints `ratio NAME VALUE LIMIT` last.
//!
//! All is measured in turn within each round, on the same message, and the minimum over the
//! rounds counts for each: a neighbour on this machine can only make a round slower.
//!
//! - *ours*: copies the bytes, parses them, validates by the catalogue. The accept path
//!   verifies the XML Signature between the two.
//! - *floor*: one RSA-2048 verification, one SHA-256 of the bytes, one quick-xml pass.
//! - *theirs*: one Python process (`schema.py`) that times its calls itself:
//!   `lxml.etree.fromstring` and a call of `XMLSchema` made from the same files; for the
//!   accept path also xmlsec1 with the certified key. What Python adds is measured in the
//!   same round by the same calls with an empty document and a schema of one element, and
//!   subtracted, though part of it is work of libxml2 too.
//! - Both must take the message and refuse it with one letter changed before any round.
//! - *memory*: the bench starts itself once more with a message of 100 orders of 99 lines;
//!   the peak of resident memory above what it was before the message was read counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm, SignaturePolicy};
use onepoint_envelope::xmldsig::{self, SignOptions, SignaturePlace};
use onepoint_schemas::{Catalogue, Files, MessageType, example};
use onepoint_xml::{Document, Limits};
use quick_xml::NsReader;
use quick_xml::events::Event;

/// Rounds, and calls of each within a round.
const ROUNDS: usize = 150;
const CALLS: u32 = 20;
/// The size of message that the figures are for, bytes.
const SIZE: std::ops::RangeInclusive<usize> = 6_000..=7_000;
/// What the Python process measures, in its order.
const THEIRS: [&str; 4] =
    ["libxml2: validate", "libxml2, xmlsec1: accept", "python: validate", "python: accept"];
const KIND: &str = "CEB311Message";
/// Debian's Python: the one that has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";
const INSTALL: &str = "apt-get install -y python3-lxml python3-xmlsec";

/// A stage: its name and one call of it.
type Stage<'s> = (&'static str, Box<dyn FnMut() + 's>);

fn main() -> ExitCode {
    let catalogue = Catalogue::load_builtin().unwrap();
    let kind = catalogue.by_name(KIND).unwrap();
    if std::env::args().any(|argument| argument == "--memory") {
        return memory(&catalogue, kind);
    }
    let issued = issued();
    let message = message(&issued);
    assert!(SIZE.contains(&message.len()), "the message has {} bytes", message.len());
    assert!(
        validate(&catalogue, kind, &message) && !validate(&catalogue, kind, &altered(&message))
    );
    let folder = tempfile::tempdir().unwrap();
    let Some(mut theirs) = Theirs::start(&issued, &message, folder.path()) else {
        eprintln!("libxml2 and xmlsec1 for Python are missing; install them with:\n{INSTALL}");
        return ExitCode::FAILURE;
    };
    println!("one order of {} bytes; theirs: {}", message.len(), theirs.what);
    println!("minimum of {ROUNDS} interleaved rounds of {CALLS} calls");
    let mut ours = stages(&catalogue, kind, &issued, &message);
    let mut minima = vec![f64::MAX; ours.len() + THEIRS.len()];
    for _ in 0..ROUNDS {
        for ((_, call), least) in ours.iter_mut().zip(&mut minima) {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            *least = least.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
        }
        for (time, least) in theirs.round().iter().zip(minima.iter_mut().skip(ours.len())) {
            *least = least.min(*time);
        }
    }
    let names: Vec<&str> = ours.iter().map(|(name, _)| *name).chain(THEIRS).collect();
    for (name, time) in names.iter().zip(&minima) {
        println!("  {name:34} {time:8.2} us");
    }
    let of = |name: &str| {
        let found = names.iter().zip(&minima).find(|(known, _)| **known == name);
        found.map(|(_, time)| *time).expect("a stage of this name")
    };
    let pass = of("quick-xml pass");
    let floor = of("rsa-2048 verify") + of("sha-256") + pass;
    let libxml2 = of("libxml2: validate") - of("python: validate");
    let accepted = of("libxml2, xmlsec1: accept") - of("python: accept");
    println!("  {:34} {libxml2:8.2} us", "libxml2 without python");
    println!("  {:34} {accepted:8.2} us", "libxml2, xmlsec1 without python");
    println!("  {:34} {floor:8.2} us", "floor");
    let growth = growth(&catalogue, kind);
    let memory = peak();
    println!("ratio validate-to-libxml2 {:.2} <=0.6", of("parse, validate") / libxml2);
    println!("ratio validate-to-quick-xml-pass {:.2} <=2", of("parse, validate") / pass);
    println!("ratio accept-to-floor {:.2} <=2", of("parse, verify, validate") / floor);
    println!("ratio libxml2-xmlsec1-to-accept {:.2} >=4", accepted / of("parse, verify, validate"));
    println!("ratio time-of-a-byte-10-to-1 {:.2} <=1.5", growth[1] / growth[0]);
    println!("ratio time-of-a-byte-100-to-1 {:.2} <=1.5", growth[2] / growth[0]);
    println!("ratio peak-memory-to-message {memory:.2} <=4");
    ExitCode::SUCCESS
}

fn stages<'s>(
    catalogue: &'s Catalogue,
    kind: &'s MessageType,
    issued: &'s Issued,
    message: &'s [u8],
) -> Vec<Stage<'s>> {
    let short: &[u8] = b"a message so short that only the key is measured";
    let algorithm = SignatureAlgorithm::RsaPkcs1Sha256;
    let signature = issued.key.sign(algorithm, short).unwrap();
    let key = issued.certificate.public_key();
    let policy = SignaturePolicy::strict();
    vec![
        ("rsa-2048 verify", Box::new(move || key.verify(algorithm, short, &signature).unwrap())),
        (
            "sha-256",
            Box::new(move || {
                black_box(DigestAlgorithm::Sha256.digest(black_box(message)));
            }),
        ),
        ("quick-xml pass", Box::new(move || pass(message))),
        (
            "parse",
            Box::new(move || {
                black_box(Document::parse(message.to_vec(), &Limits::default()).unwrap());
            }),
        ),
        (
            "parse, validate",
            Box::new(move || assert!(validate(catalogue, kind, black_box(message)))),
        ),
        (
            "parse, verify, validate",
            Box::new(move || {
                let document = Document::parse(message.to_vec(), &Limits::default()).unwrap();
                let place = SignaturePlace::ChildOfRoot;
                black_box(xmldsig::verify(&document, &place, &policy).unwrap());
                catalogue.validate_structure(&document, kind).unwrap();
            }),
        ),
    ]
}

fn validate(catalogue: &Catalogue, kind: &MessageType, message: &[u8]) -> bool {
    let document = Document::parse(message.to_vec(), &Limits::default()).unwrap();
    catalogue.validate_structure(&document, kind).is_ok()
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

fn issued() -> Issued {
    let at = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let validity = Validity { from: at - hour, until: at + hour };
    let ca = TestCa::new("bench CA", KeyKind::P256, validity).unwrap();
    let spec = LeafSpec::signer("platform", "测试电商平台甲公司", KeyKind::Rsa2048, validity);
    ca.issue(&spec).unwrap()
}

/// The catalogue's example, signed; its remark is drawn out to the size.
fn message(issued: &Issued) -> Vec<u8> {
    let plain = example(KIND).unwrap();
    let signed = |note: usize| {
        let xml = plain.replacen("测试订单", &"测试订单备注".repeat(note), 1);
        xmldsig::sign(&xml, &issued.key, &issued.chain, &SignOptions::default()).unwrap()
    };
    let missing = SIZE.start().saturating_sub(signed(1).len()) / "测试订单备注".len();
    signed(missing + 10).into_bytes()
}

/// The message with a letter in an amount.
fn altered(message: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap();
    assert!(text.contains("<ceb:freight>10<"));
    text.replacen("<ceb:freight>10<", "<ceb:freight>1O<", 1).into_bytes()
}

/// A message of this many orders of 99 lines.
fn orders(count: usize) -> Vec<u8> {
    let plain = example(KIND).unwrap();
    let line = between(plain, "<ceb:OrderList>", "</ceb:OrderList>");
    let order = between(plain, "<ceb:Order>", "</ceb:Order>");
    let others = order.matches("<ceb:OrderList>").count() - 1;
    let long = order.replacen(line, &line.repeat(99 - others), 1);
    plain.replacen(order, &long.repeat(count), 1).into_bytes()
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> &'t str {
    let start = text.find(open).unwrap();
    let end = start + text.get(start..).unwrap().find(close).unwrap() + close.len();
    text.get(start..end).unwrap()
}

/// Nanoseconds for a byte of messages of 1, 10 and 100 orders.
fn growth(catalogue: &Catalogue, kind: &MessageType) -> [f64; 3] {
    let messages = [1, 10, 100].map(orders);
    let mut least = [f64::MAX; 3];
    for _ in 0..12 {
        for (message, least) in messages.iter().zip(&mut least) {
            // The same number of bytes for each.
            let calls = messages[2].len() / message.len();
            let start = Instant::now();
            (0..calls).for_each(|_| assert!(validate(catalogue, kind, message)));
            let bytes = (calls * message.len()) as f64;
            *least = least.min(start.elapsed().as_secs_f64() * 1e9 / bytes);
        }
    }
    for (message, least) in messages.iter().zip(&least) {
        println!("  {:10} bytes {least:19.2} ns a byte", message.len());
    }
    least
}

/// Peak memory of a process that reads, parses and validates 100 orders, in sizes of the
/// message.
fn peak() -> f64 {
    let output = Command::new(std::env::current_exe().unwrap()).arg("--memory").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words: Vec<f64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [size, before, after] = words[..] else { panic!("{said}") };
    println!("  {size:10} bytes {:17.1} MB peak above the start", (after - before) / 1e6);
    (after - before) / size
}

fn memory(catalogue: &Catalogue, kind: &MessageType) -> ExitCode {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), orders(100)).unwrap();
    // The schema is loaded, and what it took does not count.
    assert!(validate(catalogue, kind, &orders(1)));
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let resident = |field: &str| -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    };
    let before = resident("VmRSS");
    let message = std::fs::read(file.path()).unwrap();
    let size = message.len();
    let document = Document::parse(message, &Limits::default()).unwrap();
    catalogue.validate_structure(&document, kind).unwrap();
    println!("{size} {before} {}", resident("VmHWM"));
    ExitCode::SUCCESS
}

struct Theirs {
    what: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Theirs {
    /// `None` where Python or one of the modules is missing.
    fn start(issued: &Issued, message: &[u8], folder: &std::path::Path) -> Option<Theirs> {
        let files = Files::builtin();
        let mut schema = None;
        for (path, text) in files.all().filter(|(path, _)| path.ends_with(".xsd")) {
            let at = folder.join(path);
            std::fs::create_dir_all(at.parent()?).unwrap();
            std::fs::write(&at, text).unwrap();
            if path.ends_with(&format!("/{KIND}.xsd")) {
                schema = Some(at);
            }
        }
        let mut process = Command::new(PYTHON)
            .args(["-c", include_str!("schema.py")])
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
            "certificate": issued.certificate.to_pem(),
            "schema": schema?,
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
