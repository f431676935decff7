//! Following and comparing logs made by hand, good ones and every kind of bad one.

use std::fs;
use std::path::{Path, PathBuf};

use onepoint_proof::{Hash, proof::verify_consistency};
use serde_json::Value;

use super::made::{Made, entry, flip, key, put, signer};
use super::{Audited, audit};

/// A log and a mirror in a folder that goes away.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    /// With a log of `size` entries, already followed.
    fn followed(made: &Made, size: usize) -> Bench {
        let bench = Bench::new();
        made.cut(size).write(&bench.log());
        bench.follow().holds();
        bench
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn mirror(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    fn follow(&self) -> Audited {
        let (log, mirror) = (self.log(), self.mirror());
        audit(&["follow", "--log", text(&log), "--mirror", text(&mirror), "--log-key", &key()])
    }

    fn compare(&self, one: &Path, other: &Path) -> Audited {
        audit(&["compare", text(one), text(other), "--log-key", &key()])
    }

    /// The one folder of evidence, and its name.
    fn evidence(&self) -> (String, PathBuf) {
        let mut kept = fs::read_dir(self.mirror().join("evidence")).unwrap();
        let one = kept.next().unwrap().unwrap();
        assert!(kept.next().is_none());
        (one.file_name().into_string().unwrap(), one.path())
    }

    fn mirrored(&self) -> Vec<u8> {
        fs::read(self.mirror().join("checkpoint")).unwrap()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_mirror_follows_its_log() {
    let made = Made::new(1400);
    let bench = Bench::new();
    for size in [0, 1, 255, 256, 257, 700, 700, 768, 1400] {
        made.cut(size).write(&bench.log());
        let followed = bench.follow();
        followed.holds();
        assert_eq!(bench.mirrored(), fs::read(bench.log().join("checkpoint")).unwrap());
        let compared = bench.compare(&bench.mirror(), &bench.log());
        compared.holds();
    }
    // Partial tiles of older sizes went, and what a crash left does not matter.
    assert!(!bench.mirror().join("tile/entries/002.p").exists());
    assert!(bench.mirror().join("tile/entries/005.p/120").exists());
    put(&bench.mirror(), "tile/0/006.new", b"x");
    put(&bench.mirror(), "tile/entries/006", b"x");
    let state: Value =
        serde_json::from_slice(&fs::read(bench.mirror().join("state.json")).unwrap()).unwrap();
    assert_eq!(state["size"], 1400);
    assert_eq!(state["log_key"], key());
    Made::new(1900).write(&bench.log());
    bench.follow().holds();
    bench.compare(&bench.log(), &bench.mirror()).holds();
}

#[test]
fn an_altered_entry_is_found_and_kept() {
    let made = Made::new(700);
    let bench = Bench::followed(&made, 300);
    let before = bench.mirrored();
    made.write(&bench.log());
    // Within the commitment of entry 513, the second of its bundle.
    flip(&bench.log(), "tile/entries/002.p/188", 2 + made.entries[512].len() + 2 + 60);
    let found = bench.follow();
    found.fails(&["entry-wrong", "root-mismatch"]);
    assert_eq!(found.finding("entry-wrong")["place"], "entry 513");
    assert_eq!(bench.mirrored(), before, "the mirror moved on");
    assert!(bench.mirror().join("evidence/entry-wrong-512/tile/entries/002.p/188").exists());
    // The log mended, the mirror goes on.
    made.write(&bench.log());
    bench.follow().holds();
}

#[test]
fn an_altered_tile_is_told_from_an_altered_entry() {
    let made = Made::new(700);
    for (path, code) in [
        ("tile/0/002.p/188", "entry-wrong"),
        ("tile/0/001", "entry-wrong"),
        ("tile/1/000.p/2", "tile-wrong"),
    ] {
        let bench = Bench::followed(&made, 300);
        made.write(&bench.log());
        flip(&bench.log(), path, 40);
        let found = bench.follow();
        found.fails(&[code]);
        // The entries lead to the root: the tile is at fault.
        assert_eq!(found.finding("root")["ok"], true);
        made.write(&bench.log());
        bench.follow().holds();
    }
}

#[test]
fn what_is_cut_off_or_gone_is_named() {
    let made = Made::new(700);
    for (path, code) in [
        ("tile/entries/002.p/188", "entries-missing"),
        ("tile/0/001", "tile-missing"),
        ("tile/1/000.p/2", "tile-missing"),
        ("checkpoint", "checkpoint-missing"),
    ] {
        let bench = Bench::followed(&made, 300);
        made.write(&bench.log());
        fs::remove_file(bench.log().join(path)).unwrap();
        let found = bench.follow();
        found.fails(&[code]);
    }
    for (path, code) in
        [("tile/entries/001", "bundle-malformed"), ("tile/0/001", "tile-length-wrong")]
    {
        let bench = Bench::followed(&made, 300);
        made.write(&bench.log());
        let bytes = fs::read(bench.log().join(path)).unwrap();
        put(&bench.log(), path, &bytes[..bytes.len() - 1]);
        bench.follow().fails(&[code]);
        put(&bench.log(), path, &[bytes.as_slice(), b"x"].concat());
        bench.follow().fails(&[code]);
    }
}

#[test]
fn altered_checkpoints_do_not_count() {
    let made = Made::new(700);
    let bench = Bench::followed(&made, 300);
    made.write(&bench.log());
    let good = String::from_utf8(fs::read(bench.log().join("checkpoint")).unwrap()).unwrap();
    let other = onepoint_proof::LogSigner::from_seed(super::made::ORIGIN, &[8; 32]).unwrap();
    let by_another = made.checkpoint().sign(&other).unwrap().to_string();
    let place = good.find("\n\n").unwrap() + 60;
    for (altered, code) in [
        (good.replacen("\n700\n", "\n701\n", 1), "signature-wrong"),
        (good.replacen("audit\n", "other\n", 1), "checkpoint-of-another-log"),
        (by_another, "signature-missing"),
        (good[..place].to_owned(), "note-malformed"),
        (String::new(), "note-malformed"),
    ] {
        put(&bench.log(), "checkpoint", altered.as_bytes());
        bench.follow().fails(&[code]);
        let compared = bench.compare(&bench.log(), &bench.mirror());
        compared.fails(&[code]);
    }
}

#[test]
fn a_fork_is_kept_for_everyone_to_see() {
    let made = Made::new(700);
    let mut forked = made.clone();
    forked.entries[10] = entry(10_000, 3);
    let cases = [
        (forked.clone(), "log-forked"),
        (forked.cut(300), "log-split"),
        (forked.cut(200), "log-shrunk"),
        (made.cut(200), "log-shrunk"),
    ];
    for (other, code) in cases {
        let bench = Bench::followed(&made, 300);
        let ours = bench.mirrored();
        fs::remove_dir_all(bench.log()).unwrap();
        other.write(&bench.log());
        let found = bench.follow();
        assert_eq!(found.code, 1, "{}", found.said);
        assert_eq!(found.faults().last(), Some(&code), "{}", found.said);
        let (name, evidence) = bench.evidence();
        assert!(name.starts_with(code), "{name}");
        assert_eq!(fs::read(evidence.join("ours.checkpoint")).unwrap(), ours);
        let theirs = fs::read(bench.log().join("checkpoint")).unwrap();
        assert_eq!(fs::read(evidence.join("theirs.checkpoint")).unwrap(), theirs);
        assert_eq!(bench.mirrored(), ours);
        if code == "log-forked" {
            check_proof(&evidence, &made.cut(300), &forked);
        }
        let expected = if found.faults() == ["log-shrunk"] && other.entries == made.cut(200).entries
        {
            None
        } else {
            Some("split-view")
        };
        let compared = bench.compare(&bench.mirror(), &bench.log());
        assert_eq!(compared.faults().first().copied(), expected, "{}", compared.said);
    }
}

/// The proof shows the log's own tree to have had another root at the old size.
fn check_proof(evidence: &Path, old: &Made, new: &Made) {
    let proof: Value =
        serde_json::from_slice(&fs::read(evidence.join("proof.json")).unwrap()).unwrap();
    let hashes = proof["consistency"].as_array().unwrap().iter();
    let hashes: Vec<Hash> =
        hashes.map(|h| Hash::from_base64(h.as_str().unwrap()).unwrap()).collect();
    let (ours, theirs) = (old.checkpoint(), new.checkpoint());
    let shown = new.cut(old.entries.len()).checkpoint();
    verify_consistency(shown.size, theirs.size, &hashes, &shown.root, &theirs.root).unwrap();
    assert_ne!(shown.root, ours.root);
    assert_eq!(proof["old_root"], ours.root.to_base64());
}

#[test]
fn a_damaged_mirror_is_not_built_upon() {
    let made = Made::new(700);
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 6] = [
        ("tile gone", |mirror| fs::remove_file(mirror.join("tile/0/001.p/44")).unwrap()),
        ("tile changed", |mirror| flip(mirror, "tile/1/000.p/1", 3)),
        ("entries gone", |mirror| fs::remove_file(mirror.join("tile/entries/001.p/44")).unwrap()),
        ("entry changed", |mirror| flip(mirror, "tile/entries/001.p/44", 70)),
        ("entries cut", |mirror| put(mirror, "tile/entries/001.p/44", b"\0\x10x")),
        ("checkpoint gone", |mirror| fs::remove_file(mirror.join("checkpoint")).unwrap()),
    ];
    for (name, damage) in damages {
        let bench = Bench::followed(&made, 300);
        made.write(&bench.log());
        damage(&bench.mirror());
        let found = bench.follow();
        assert_eq!(found.faults(), ["mirror-damaged"], "{name}: {}", found.said);
    }
    let bench = Bench::followed(&made, 300);
    flip(&bench.mirror(), "checkpoint", 30);
    let found = bench.follow();
    assert_eq!((found.code, found.faults().len()), (1, 1), "{}", found.said);
}

#[test]
fn leaves_are_read_and_their_times_compared() {
    let mut made = Made::new(400);
    made.entries[350] = entry(350, 0);
    made.entries[360] = b"onepoint-leaf/2 accepted 1 x".to_vec();
    let bench = Bench::followed(&made, 300);
    made.write(&bench.log());
    let found = bench.follow();
    found.fails(&["time-backwards", "leaf-format-unsupported"]);
    assert_eq!(found.finding("time-backwards")["place"], "entry 350");
    assert_eq!(found.finding("root")["ok"], true);
}

#[test]
fn copies_that_differ_anywhere_are_told() {
    let made = Made::new(700);
    let bench = Bench::followed(&made, 700);
    flip(&bench.log(), "tile/entries/000", 70);
    let found = bench.compare(&bench.log(), &bench.mirror());
    assert_eq!(found.finding("copies-differ")["place"], "entry 0");
    assert_eq!(found.code, 1);
    made.cut(300).write(&bench.log());
    bench.compare(&bench.log(), &bench.mirror()).holds();
    flip(&bench.log(), "tile/entries/000", 70);
    bench.compare(&bench.log(), &bench.mirror()).fails(&["copies-differ", "root-mismatch"]);
    // Many findings of one code are counted, not said.
    let mut other = made.clone();
    for n in 0..50 {
        other.entries[n] = entry(n + 10_000, 0);
    }
    other.write(&bench.log());
    let found = bench.compare(&bench.log(), &bench.mirror());
    assert_eq!(found.faults().iter().filter(|code| **code == "copies-differ").count(), 20);
    assert!(found.said.contains("\"copies-differ\":30"), "{}", found.said);
}

#[test]
fn a_wrong_command_line_says_nothing_of_the_log() {
    let bench = Bench::followed(&Made::new(3), 3);
    let (log, mirror) = (bench.log(), bench.mirror());
    let (log, mirror) = (text(&log), text(&mirror));
    let key = key();
    let signer = signer().verifier().to_string();
    for (arguments, code) in [
        (vec!["follow", "--log", "/no/such", "--mirror", mirror, "--log-key", &key], 2),
        (vec!["follow", "--log", "https://127.0.0.1:9", "--mirror", mirror, "--log-key", &key], 2),
        (vec!["follow", "--log", log, "--mirror", mirror, "--log-key", "no+such+key"], 2),
        (vec!["follow", "--log", log, "--mirror", mirror, "--log-key", &key, "--anchors", log], 3),
        (vec!["compare", log, "/no/such", "--log-key", &signer], 2),
    ] {
        let found = audit(&arguments);
        assert_eq!(found.code, code, "{}", found.said);
        assert!(found.findings.is_empty(), "{}", found.said);
    }
}
