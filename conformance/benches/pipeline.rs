//! What each stage of the pipeline costs on one signed order of 6 to 7 KB, and how
//! far authenticate + validate are from the floor: one RSA-2048 verification, one
//! SHA-256 of the bytes and one namespace-resolving quick-xml pass, measured in the
//! same run on the same message. Prints `ratio NAME VALUE LIMIT` last.
//!
//! All stages are measured in turn within each round, and the minimum over the
//! rounds counts: a neighbour on this machine can only make a round slower.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};
use onepoint_certs::{
    Certificate, ChainCache, DigestAlgorithm, Participant, ParticipantId, Registry, Role,
    SignatureAlgorithm, SignaturePolicy, TrustAnchors,
};
use onepoint_envelope::xmldsig::{self, SignOptions, SignaturePlace};
use onepoint_proof::{Fact, FactKind, LogSigner, Nonce, Tiles};
use onepoint_schemas::{Catalogue, example_with};
use onepoint_xml::{Document, Limits};
use quick_xml::NsReader;
use quick_xml::events::Event;

/// Rounds, and calls of each stage within a round.
const ROUNDS: usize = 60;
const CALLS: u32 = 50;
/// The size of message that the figures are for, bytes.
const SIZE: std::ops::RangeInclusive<usize> = 6_000..=7_000;

/// A stage: its name and one call of it.
type Stage<'s> = (&'static str, Box<dyn FnMut() + 's>);

fn main() {
    let world = World::new();
    let message = world.message();
    assert!(SIZE.contains(&message.len()), "the message has {} bytes", message.len());
    println!(
        "one order of {} bytes, RSA-2048 with SHA-256; minimum of {ROUNDS} rounds",
        message.len()
    );
    let mut stages = stages(&world, &message);
    stages.push(("fact, leaf and receipt", Box::new(receipt("platform".to_owned()))));
    let minima = measure(&mut stages);
    let of = |name: &str| {
        let found = stages.iter().zip(&minima).find(|((stage, _), _)| *stage == name);
        found.map(|(_, time)| time.as_secs_f64() * 1e6).expect("a stage of this name")
    };
    for ((name, _), time) in stages.iter().zip(&minima) {
        println!("  {name:34} {:8.2} us", time.as_secs_f64() * 1e6);
    }
    let floor = of("floor: rsa-2048 verify") + of("floor: sha-256") + of("floor: quick-xml pass");
    let authenticate = of("parse") + of("verify signature") + of("chain (cached)") + of("rights");
    let validate = of("schema") + of("rules");
    println!("  {:34} {floor:8.2} us", "floor");
    println!("  {:34} {authenticate:8.2} us", "authenticate");
    println!("  {:34} {validate:8.2} us", "validate");
    // No limits yet: the engine that is to meet them is not written.
    println!("ratio authenticate-to-floor {:.2} <=100", authenticate / floor);
    println!(
        "ratio authenticate-and-validate-to-floor {:.2} <=100",
        (authenticate + validate) / floor
    );
}

fn measure(stages: &mut [Stage<'_>]) -> Vec<Duration> {
    let mut minima = vec![Duration::MAX; stages.len()];
    for _ in 0..ROUNDS {
        for ((_, call), least) in stages.iter_mut().zip(&mut minima) {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            *least = (*least).min(start.elapsed() / CALLS);
        }
    }
    minima
}

struct World {
    at: Timestamp,
    issued: onepoint_certs::testpki::Issued,
    anchors: TrustAnchors,
    registry: Registry,
    catalogue: Catalogue,
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
        let platform = Participant {
            id: ParticipantId::new("platform").unwrap(),
            name: "测试电商平台甲公司".to_owned(),
            role: Role::Enterprise,
            codes: vec!["440466T001".to_owned()],
            may_send: vec!["CEB311Message".to_owned()],
            certificates: vec![issued.certificate.clone()],
            intermediates: Vec::new(),
            policy: None,
            trust: None,
            department: None,
            schemas: Vec::new(),
            dxp_id: None,
            node: None,
        };
        let registry = Registry::build(vec![platform], Vec::new(), Vec::new()).unwrap();
        let catalogue = Catalogue::load_builtin().unwrap();
        let chains = Mutex::new(ChainCache::new(1 << 20));
        World { at, issued, anchors, registry, catalogue, chains }
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
}

fn stages<'s>(world: &'s World, message: &'s [u8]) -> Vec<Stage<'s>> {
    let limits = Limits::default();
    let policy = SignaturePolicy::strict();
    let kind = world.catalogue.by_name("CEB311Message").unwrap();
    let parse = move || Document::parse(message.to_vec(), &limits).unwrap();
    let document: &'s Document = Box::leak(Box::new(parse()));
    let leaf: &'s Certificate = &world.issued.certificate;
    let short: &[u8] = b"a message so short that only the key is measured";
    let signature = world.issued.key.sign(SignatureAlgorithm::RsaPkcs1Sha256, short).unwrap();
    vec![
        (
            "floor: rsa-2048 verify",
            Box::new(move || {
                let key = leaf.public_key();
                key.verify(SignatureAlgorithm::RsaPkcs1Sha256, short, &signature).unwrap();
            }),
        ),
        (
            "floor: sha-256",
            Box::new(move || {
                black_box(DigestAlgorithm::Sha256.digest(black_box(message)));
            }),
        ),
        ("floor: quick-xml pass", Box::new(move || pass(message))),
        (
            "parse",
            Box::new(move || {
                black_box(parse());
            }),
        ),
        (
            "verify signature",
            Box::new(move || {
                black_box(
                    xmldsig::verify(document, &SignaturePlace::ChildOfRoot, &policy).unwrap(),
                );
            }),
        ),
        (
            "chain (cached)",
            Box::new(move || {
                let policy = SignaturePolicy::strict();
                let tolerance = SignedDuration::from_secs(60);
                let anchors = &world.anchors;
                anchors
                    .verify_chain_cached(&world.chains, &policy, leaf, &[], world.at, tolerance)
                    .unwrap();
            }),
        ),
        (
            "rights",
            Box::new(move || {
                let found = world.registry.by_certificate(&leaf.fingerprint()).unwrap();
                black_box(
                    world.registry.speaks_for(found, "440466T001", &kind.name, world.at).unwrap(),
                );
                black_box(world.catalogue.documents(document, kind));
            }),
        ),
        ("schema", Box::new(move || world.catalogue.validate_structure(document, kind).unwrap())),
        (
            "rules",
            Box::new(move || {
                assert!(world.catalogue.check_rules(document, kind, 0).is_empty());
            }),
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

/// What a commit adds for one fact in memory: leaf, tree, proof, checkpoint, receipt text.
fn receipt(sender: String) -> impl FnMut() {
    let random = ring::rand::SystemRandom::new();
    let (private, _) =
        onepoint_proof::note::generate_key("onepoint.example/bench", &random).unwrap();
    let signer = LogSigner::parse(&private).unwrap();
    let mut tiles = Tiles::new();
    let mut full = Vec::new();
    move || {
        let fact = Fact::new(FactKind::ACCEPTED, 1_795_651_200_123)
            .set("sender", sender.clone())
            .set("digest", "00".repeat(32));
        let nonce = Nonce::new([7; 32]);
        let (_, leaf) = fact.commit(&nonce).unwrap();
        let index = tiles.append(leaf.hash(), &mut full);
        full.clear();
        let checkpoint = onepoint_proof::Checkpoint::new(signer.name(), tiles.size(), tiles.root());
        let note = checkpoint.sign(&signer).unwrap();
        let proof = tiles.inclusion(index).unwrap();
        let receipt = onepoint_proof::Receipt {
            origin: signer.name().to_owned(),
            fact,
            nonce,
            index,
            proof,
            checkpoint: note.note().to_string(),
            chain: Vec::new(),
        };
        black_box(receipt.to_json().unwrap());
    }
}
