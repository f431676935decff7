//! What a durable, provable fact costs, each figure against a peer or a limit of the
//! same run: accepted facts a second at 64 concurrent senders against SQLite alone
//! writing the same rows and indexes; a fact in a log of a million leaves against
//! one of ten thousand; a receipt in that log against one Ed25519 verification; and
//! opening it again. Prints `ratio NAME VALUE LIMIT` last.
//!
//! Ours and the peer's groups alternate, so that a disk that is busy with others is
//! slow for both, and the median group counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench reads the clock, and stops where it stands when something is wrong"
)]

#[path = "ledger/peer.rs"]
mod peer;
#[path = "ledger/work.rs"]
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onepoint_proof::{LogSigner, Receipt};
use onepoint_store::{
    Committed, Hash, Ledger, LogParts, MasterKeys, Payload, Reader as _, SqliteOptions, SqliteStore,
};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use work::{NOW, PAYLOAD, accept, seal};

/// Concurrent senders, and so the facts of a group.
const SENDERS: usize = 64;
/// Groups of each side in the race.
const GROUPS: usize = 120;
/// Groups of each side before it: the page caches (64 MiB) are full then, as they are in a gateway
/// that has run for a minute, and neither side is timed while it asks the system for memory.
const WARM_UP: usize = 100;
/// Groups timed at each size of the log.
const SIZED_GROUPS: usize = 150;
/// Sizes of the log that are compared, leaves.
const SMALL: u64 = 10_000;
const LARGE: u64 = 1_000_000;
/// Seals the payloads; for this bench alone.
const MASTER_KEY: &str =
    "onepoint-master-key/1 bench AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
/// Receipts timed.
const RECEIPTS: u64 = 2_000;

fn main() {
    // In the target folder and not in a folder for temporary files, which may be memory.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let race = race(place.path());
    let large = arg("--leaves").unwrap_or(LARGE);
    let sizes = sizes(place.path(), large);
    println!("ratio accepted-facts-to-sqlite-alone {race:.2} >=0.6");
    println!("ratio fact-at-{large}-to-fact-at-{SMALL} {:.2} <=1.2", sizes.growth);
    println!("ratio receipt-at-{large}-to-ed25519-verify {:.2} <=2.8", sizes.receipt);
    println!("ratio restart-at-{large}-seconds {:.3} <=2", sizes.restart.as_secs_f64());
}

/// `--leaves N` after `--`: another size by hand.
fn arg(name: &str) -> Option<u64> {
    let mut args = std::env::args().skip_while(|arg| arg != name);
    args.nth(1)?.parse().ok()
}

fn open(folder: &Path) -> Ledger<SqliteStore> {
    // Payloads sealed, as in every gateway that `onepoint init` made.
    let master_keys = Some(MasterKeys::parse(MASTER_KEY).unwrap());
    let options = SqliteOptions { master_keys, ..SqliteOptions::new(folder, NOW) };
    let store = SqliteStore::open(&options).unwrap();
    let signer = LogSigner::from_seed("log.onepoint.example/bench", &[9; 32]).unwrap();
    let parts = LogParts { signer, seal: Some(seal()), head: None };
    Ledger::open(store, parts).unwrap()
}

/// Facts a second, ours to the peer's.
fn race(place: &Path) -> f64 {
    let mut peer = peer::Peer::new(&place.join("peer"));
    let gateway = Gateway::start(open(&place.join("ours")));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for group in 0..WARM_UP + GROUPS {
        let first = group * SENDERS;
        let start = Instant::now();
        gateway.round(first);
        let here = start.elapsed();
        let start = Instant::now();
        peer.group(first..first + SENDERS);
        if group >= WARM_UP {
            ours.push(here);
            theirs.push(start.elapsed());
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let rate = |time: Duration| SENDERS as f64 / time.as_secs_f64();
    println!("{SENDERS} senders, one accepted document each, durable, receipt in hand:");
    println!("  ours           {:9.0} facts/s  {:8.2} ms a group", rate(ours), ms(ours));
    println!("  sqlite alone   {:9.0} facts/s  {:8.2} ms a group", rate(theirs), ms(theirs));
    theirs.as_secs_f64() / ours.as_secs_f64()
}

/// What a sender hands in: its number, the digest of its payload, and where to tell that its fact
/// is durable.
type Work = (usize, Hash, oneshot::Sender<Durable>);
/// The group that a fact is in, of which its receipt is made, and its index.
type Durable = (Arc<Committed>, u64);

/// The one writer on its own thread, and 64 senders that each digest what they hand in, wait for
/// the writer and make the receipt: as in the gateway, each on the thread that does it there.
struct Gateway {
    queue: mpsc::Sender<Work>,
    runtime: Runtime,
}

impl Gateway {
    fn start(ledger: Ledger<SqliteStore>) -> Gateway {
        let (queue, work) = mpsc::channel(SENDERS);
        std::thread::spawn(move || write(ledger, work));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
        Gateway { queue, runtime: runtime.unwrap() }
    }

    fn round(&self, first: usize) {
        let mut senders = JoinSet::new();
        for n in first..first + SENDERS {
            let queue = self.queue.clone();
            let sender = async move {
                let (reply, durable) = oneshot::channel();
                queue.send((n, Hash::of(&PAYLOAD), reply)).await.unwrap();
                let (group, index) = durable.await.unwrap();
                let receipt: Receipt = group.receipt(index).unwrap();
                receipt.index
            };
            senders.spawn_on(sender, self.runtime.handle());
        }
        let indexes = self.runtime.block_on(senders.join_all());
        assert_eq!(indexes.len(), SENDERS);
    }
}

fn write(mut ledger: Ledger<SqliteStore>, mut work: mpsc::Receiver<Work>) {
    while let Some(first) = work.blocking_recv() {
        let mut group = Vec::with_capacity(SENDERS);
        group.push(first);
        while group.len() < SENDERS {
            // All that are there at once: one wake for each would be the bench's own cost.
            let left = SENDERS - group.len();
            assert_ne!(work.blocking_recv_many(&mut group, left), 0, "the senders are there");
        }
        let mut indexes = Vec::with_capacity(SENDERS);
        let committed = ledger.commit(NOW, &mut |tx| {
            for (n, digest, _) in &group {
                indexes.push(accept(tx, *n, Payload::digested(&PAYLOAD, *digest))?);
            }
            Ok(())
        });
        let committed = Arc::new(committed.unwrap());
        for ((_, _, reply), index) in group.into_iter().zip(indexes) {
            drop(reply.send((Arc::clone(&committed), index)));
        }
        ledger.maintain().unwrap();
    }
}

struct Sizes {
    growth: f64,
    receipt: f64,
    restart: Duration,
}

fn sizes(place: &Path, large: u64) -> Sizes {
    let (small_at, large_at) = (place.join("small"), place.join("large"));
    let start = Instant::now();
    work::grow(&mut open(&small_at), SMALL);
    let mut next = work::grow(&mut open(&large_at), large);
    println!("a log of {large} leaves made in {:.1} s", start.elapsed().as_secs_f64());

    let (mut small, start) = (open(&small_at), Instant::now());
    let mut big = open(&large_at);
    let restart = start.elapsed();
    let (mut at_small, mut at_large) = (Vec::new(), Vec::new());
    for _ in 0..SIZED_GROUPS {
        at_small.push(work::timed_group(&mut small, next..next + SENDERS));
        at_large.push(work::timed_group(&mut big, next..next + SENDERS));
        next += SENDERS;
    }
    let (at_small, at_large) = (median(at_small), median(at_large));
    let each = |time: Duration| time.as_secs_f64() * 1e6 / SENDERS as f64;
    println!("a fact in a group of {SENDERS}, with its rows:");
    println!("  at {SMALL:9} leaves {:8.1} us", each(at_small));
    println!("  at {large:9} leaves {:8.1} us", each(at_large));
    let receipt = receipt_cpu(&big, large);
    let verify = ed25519_verify();
    println!(
        "a receipt at {large} leaves {receipt:.1} us, one Ed25519 verification {verify:.1} us"
    );
    println!("opened at {large} leaves in {:.1} ms", ms(restart));
    Sizes {
        growth: at_large.as_secs_f64() / at_small.as_secs_f64(),
        receipt: receipt / verify,
        restart,
    }
}

/// Microseconds of CPU for a receipt of a leaf anywhere in the log.
fn receipt_cpu(ledger: &Ledger<SqliteStore>, size: u64) -> f64 {
    let reader = ledger.store().reader().unwrap();
    let mut least = f64::MAX;
    for _ in 0..5 {
        let start = work::cpu();
        for n in 0..RECEIPTS {
            // A multiplier that is prime to every size: far apart, and the same each time.
            let index = n.wrapping_mul(982_451_653) % size;
            assert!(reader.receipt(index).unwrap().is_some());
        }
        let spent = work::cpu() - start;
        least = least.min(spent.as_secs_f64() * 1e6 / RECEIPTS as f64);
    }
    least
}

/// Microseconds for one Ed25519 verification of a checkpoint's length.
fn ed25519_verify() -> f64 {
    let key = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let text = [7; 120];
    let signature = key.sign(&text);
    let public = UnparsedPublicKey::new(&ED25519, key.public_key().as_ref().to_vec());
    let mut least = f64::MAX;
    for _ in 0..20 {
        let start = work::cpu();
        for _ in 0..200 {
            public.verify(&text, signature.as_ref()).unwrap();
        }
        least = least.min((work::cpu() - start).as_secs_f64() * 1e6 / 200.0);
    }
    least
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
