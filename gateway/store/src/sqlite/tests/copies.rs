//! Backups and restores: what comes back is what was there, the log goes on and
//! never forks, and whatever is wrong with a copy is refused with nothing in the place.

use std::path::Path;

use onepoint_proof::{SignedCheckpoint, proof};

use super::filled::{Filled, fill, mirror};
use super::*;
use crate::suite::{assert_holds, signer};
use crate::{
    BackedUp, Hash, Head, HeadMark, Ledger, LogParts, Manifest, Reader as _, RestoreOptions,
    Restored, StoreError, backup, restore,
};

/// A filled store with a backup of it, and a place for what is restored.
struct Copies {
    filled: Filled,
    place: TempDir,
}

impl Copies {
    fn new(messages: usize) -> Copies {
        Copies { filled: Filled::new(messages), place: tempfile::tempdir().unwrap() }
    }

    fn backup_folder(&self) -> PathBuf {
        self.place.path().join("backup")
    }

    fn to(&self) -> PathBuf {
        self.place.path().join("restored")
    }

    fn back_up(&self) -> BackedUp {
        backup(&self.filled.folder(), &self.backup_folder(), NOW).unwrap()
    }

    fn restore(
        &self,
        head: Option<&Path>,
        checkpoint: Option<&Path>,
        mirror: Option<&Path>,
    ) -> Result<Restored, StoreError> {
        let masters = Filled::masters();
        let restored = restore(&RestoreOptions {
            backup: &self.backup_folder(),
            to: &self.to(),
            log_key: &self.filled.key,
            head,
            checkpoint,
            mirror,
            master_keys: Some(&masters),
            now_ms: NOW,
        });
        if restored.is_err() {
            let left = fs::read_dir(self.place.path()).unwrap();
            let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            assert!(!left.iter().any(|name| name.to_str().unwrap().starts_with("restored")));
        }
        restored
    }

    fn code(&self, head: Option<&Path>, mirror: Option<&Path>) -> &'static str {
        self.restore(head, None, mirror).map_or_else(|error| error.code(), |_| "ok")
    }

    /// Opens what was restored as a gateway does, with the head file of the log.
    fn start(&self) -> Result<Ledger<SqliteStore>, StoreError> {
        let master_keys = Some(Filled::masters());
        let options = SqliteOptions { master_keys, ..SqliteOptions::new(self.to(), NOW) };
        let store = SqliteStore::open(&options)?;
        let head = Some(Head::open(self.filled.head())?);
        Ledger::open(store, LogParts { head, ..signer().into() })
    }
}

/// A checkpoint as published, in a file.
fn publish(ledger: &Ledger<SqliteStore>, to: &Path) -> SignedCheckpoint {
    let note = &ledger.latest().unwrap().note;
    fs::write(to, note).unwrap();
    SignedCheckpoint::open(note.as_bytes(), signer().verifier()).unwrap()
}

/// Whoever holds an old checkpoint can prove that the log of now continues it.
fn assert_continues(folder: &Path, old: &SignedCheckpoint) {
    let reader = SqliteReader::open(folder, 1).unwrap();
    let now = reader.latest_checkpoint().unwrap().unwrap();
    let old = old.checkpoint();
    let tiles = crate::receipt::ReaderTiles(&reader);
    let proof = proof::prove_consistency(&tiles, old.size, now.size).unwrap();
    proof::verify_consistency(old.size, now.size, &proof, &old.root, &now.root).unwrap();
}

#[test]
fn a_backup_beside_a_running_gateway_comes_back_whole() {
    let copies = Copies::new(100);
    let mut ledger = copies.filled.ledger(true);
    fill(&mut ledger, 100..130);
    let made = copies.back_up();
    let manifest = made.manifest;
    assert_eq!(
        (manifest.size, Some(&manifest.root)),
        (ledger.size(), ledger.latest().map(|l| &l.root))
    );
    assert_eq!(Manifest::read(&copies.backup_folder()).unwrap(), manifest);
    #[cfg(unix)]
    for entry in fs::read_dir(copies.backup_folder()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o77, 0);
    }
    // The gateway goes on meanwhile, and stops; the disk is lost, the head is not.
    drop(ledger);
    let head = copies.filled.head();
    let restored = copies.restore(Some(&head), None, None).unwrap();
    assert_eq!((restored.size, restored.completed), (manifest.size, 0));
    assert!(restored.checked.ok() && restored.checked.facts == manifest.size);
    let reader = SqliteReader::open_with(&copies.to(), 1, Some(Filled::masters())).unwrap();
    for index in (0..manifest.size).step_by(17) {
        assert_holds(&reader.receipt(index).unwrap().unwrap());
        assert_eq!(reader.fact(index).unwrap(), copies.filled.reader().fact(index).unwrap());
    }
    let mut ledger = copies.start().unwrap();
    fill(&mut ledger, 130..140);
}

#[test]
fn the_next_backup_takes_the_place_of_the_one_before() {
    let copies = Copies::new(20);
    let first = copies.back_up().manifest;
    fill(&mut copies.filled.ledger(true), 20..30);
    for leftover in ["journal.db.new", "journal-7-0123456789abcdef.db"] {
        fs::write(copies.backup_folder().join(leftover), "left by a death").unwrap();
    }
    fs::write(copies.backup_folder().join("notes.txt"), "somebody's own").unwrap();
    let second = copies.back_up().manifest;
    assert!(second.size > first.size);
    let left = fs::read_dir(copies.backup_folder()).unwrap();
    let mut left: Vec<_> =
        left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [&second.files[0].name, "manifest.json", "notes.txt"]);
    assert_eq!(copies.restore(None, None, None).unwrap().size, second.size);
}

#[test]
fn a_backup_that_is_older_than_what_is_known_is_refused_with_what_is_missing() {
    let copies = Copies::new(30);
    let made = copies.back_up().manifest;
    let mut ledger = copies.filled.ledger(true);
    fill(&mut ledger, 30..40);
    let published = copies.place.path().join("published");
    let checkpoint = publish(&ledger, &published);
    drop(ledger);
    let (have, known) = (made.size, checkpoint.checkpoint().size);
    let head = copies.filled.head();
    for (head, checkpoint) in [(Some(head.as_path()), None), (None, Some(published.as_path()))] {
        let error = copies.restore(head, checkpoint, None).unwrap_err();
        assert_eq!(error.code(), "store-rolled-back");
        let text = error.en();
        let missing =
            format!("missing are {} facts, {have} to {}, after 2026-", known - have, known - 1);
        assert!(text.contains(&missing) && text.contains("--mirror"), "{text}");
    }
    // A copy of the log that ends before what is known does not help.
    let copy = tempfile::tempdir().unwrap();
    let short = Copies::new(30);
    mirror(&short.filled.reader(), copy.path());
    assert_ne!(copies.code(Some(&head), Some(copy.path())), "ok");
    mirror(&copies.filled.reader(), copy.path());
    Head::accept(
        &head,
        &HeadMark { origin: signer().name().into(), size: known + 1, root: Hash::of(b"x") },
    )
    .unwrap();
    let error = copies.restore(Some(&head), None, Some(copy.path())).unwrap_err();
    assert!(
        error.en().contains(&format!("missing are 1 facts, {known} to {known};")),
        "{}",
        error.en()
    );
    // Nothing known from outside: it comes back as it is, and a gateway with its head refuses it.
    assert_eq!(copies.code(None, None), "ok");
    assert_eq!(copies.start().unwrap_err().code(), "store-rolled-back");
}

#[test]
fn an_auditors_copy_completes_the_log_and_it_goes_on_without_a_fork() {
    let copies = Copies::new(100);
    let made = copies.back_up().manifest;
    let before = copies.filled.reader().receipt(5).unwrap().unwrap();
    let mut ledger = copies.filled.ledger(true);
    fill(&mut ledger, 100..230);
    let published = copies.place.path().join("published");
    let checkpoint = publish(&ledger, &published);
    drop(ledger);
    let lost = copies.filled.reader().receipt(made.size + 3).unwrap().unwrap();
    let copy = tempfile::tempdir().unwrap();
    mirror(&copies.filled.reader(), copy.path());

    let head = copies.filled.head();
    let restored = copies.restore(Some(&head), Some(&published), Some(copy.path())).unwrap();
    let size = checkpoint.checkpoint().size;
    assert_eq!((restored.size, restored.completed), (size, size - made.size));
    assert_eq!(restored.checked.erased, restored.completed);
    assert!(size / 256 > made.size / 256, "a tile was completed on the way");
    let reader = SqliteReader::open(&copies.to(), 1).unwrap();
    let latest = reader.latest_checkpoint().unwrap().unwrap();
    assert_eq!(latest.note, checkpoint.to_string(), "the checkpoint is the one that was published");
    assert!(reader.fact(made.size).unwrap().unwrap().is_erased());
    assert_eq!(reader.receipt(made.size).unwrap_err().code(), "store-fact-erased");
    assert_holds(&reader.receipt(5).unwrap().unwrap());
    assert_eq!(reader.message(&crate::suite::id(150)).unwrap(), None, "nothing else came back");
    drop(reader);
    // The statements of days before may be among the lost facts: those days stay closed.
    let raw = Connection::open(copies.to().join(DATABASE_FILE)).unwrap();
    let closed: i64 = raw.query_row("SELECT day FROM closed_day", [], |row| row.get(0)).unwrap();
    assert_eq!(closed, onepoint_proof::statement::Day::of(NOW).number() - 1);
    drop(raw);

    let mut ledger = copies.start().unwrap();
    assert_eq!(ledger.size(), size);
    // Its keys are not known any more: the same messages are taken anew, as new facts.
    fill(&mut ledger, 100..120);
    assert!(ledger.size() > size);
    drop(ledger);
    assert_continues(&copies.to(), &checkpoint);
    // Receipts that were handed out before hold as ever.
    for receipt in [before, lost] {
        assert_holds(&receipt);
        let old =
            SignedCheckpoint::open(receipt.checkpoint.as_bytes(), signer().verifier()).unwrap();
        assert_continues(&copies.to(), &old);
    }
}

/// What cannot be verified of a copy's checkpoint is not taken over with it.
#[test]
fn a_countersignature_that_does_not_hold_is_left_out() {
    let copies = Copies::new(10);
    copies.back_up();
    fill(&mut copies.filled.ledger(true), 10..20);
    let copy = tempfile::tempdir().unwrap();
    mirror(&copies.filled.reader(), copy.path());
    let note = fs::read_to_string(copy.path().join("checkpoint")).unwrap();
    let mut lines: Vec<String> = note.lines().map(str::to_owned).collect();
    let (last, sound) = (lines.len() - 1, lines.len() - 1);
    // In the middle of the signature: at its end a letter also holds bits that must be zero.
    let middle = lines[last].len() - 20;
    let other = if lines[last].as_bytes()[middle] == b'A' { "B" } else { "A" };
    lines[last].replace_range(middle..=middle, other);
    fs::write(copy.path().join("checkpoint"), lines.join("\n") + "\n").unwrap();
    let restored = copies.restore(None, None, Some(copy.path())).unwrap();
    assert!(restored.completed > 0);
    let reader = SqliteReader::open(&copies.to(), 1).unwrap();
    let latest = reader.latest_checkpoint().unwrap().unwrap();
    let good: Vec<&str> = note.lines().take(sound).collect();
    assert_eq!((latest.note.trim_end(), latest.seal), (good.join("\n").as_str(), None));
    assert_holds(&reader.receipt(3).unwrap().unwrap());
}

#[test]
fn a_copy_that_does_not_continue_the_log_is_refused() {
    let copies = Copies::new(40);
    copies.back_up();
    let copy = tempfile::tempdir().unwrap();
    // The same key and length, another history.
    let other = Filled::new(60);
    mirror(&other.reader(), copy.path());
    assert_eq!(copies.code(None, Some(copy.path())), "store-mirror-differs");

    let mut ledger = copies.filled.ledger(true);
    fill(&mut ledger, 40..170);
    drop(ledger);
    mirror(&copies.filled.reader(), copy.path());
    let entries = fs::read_dir(copy.path().join("tile/entries/001.p")).unwrap();
    let last = entries.map(|entry| entry.unwrap().path()).max().unwrap();
    for (file, code) in [
        (copy.path().join("checkpoint"), "store-mirror-damaged"),
        (copy.path().join("tile/entries/000"), "store-mirror-damaged"),
        (last, "store-mirror-damaged"),
    ] {
        let good = fs::read(&file).unwrap();
        let mut cut = good.clone();
        cut.truncate(good.len() - 1);
        fs::write(&file, cut).unwrap();
        assert_eq!(copies.code(None, Some(copy.path())), code, "{}", file.display());
        fs::remove_file(&file).unwrap();
        assert_eq!(copies.code(None, Some(copy.path())), code, "{}", file.display());
        fs::write(&file, good).unwrap();
    }
    // An entry that reads well but is not the one: a digit of its time.
    let file = copy.path().join("tile/entries/000");
    let good = fs::read(&file).unwrap();
    let mut bytes = good.clone();
    let at = bytes.len() - 60;
    bytes[at] = if bytes[at] == b'5' { b'6' } else { b'5' };
    fs::write(&file, bytes).unwrap();
    assert!(copies.code(None, Some(copy.path())).starts_with("store-mirror-d"));
    fs::write(&file, good).unwrap();
    assert_eq!(copies.code(None, Some(copy.path())), "ok");
}

#[test]
fn places_and_marks_that_cannot_be_used_are_refused_each_with_its_code() {
    let copies = Copies::new(10);
    assert_eq!(copies.code(None, None), "store-backup-missing");
    let nowhere = copies.place.path().join("nowhere");
    assert_eq!(backup(&nowhere, &copies.backup_folder(), NOW).unwrap_err().code(), "store-missing");
    let made = copies.back_up().manifest;

    let bad = copies.place.path().join("bad");
    for text in [
        "",
        "no note",
        &made.checkpoint.replacen(&made.size.to_string(), "9", 1),
        &"x".repeat(200_000),
    ] {
        fs::write(&bad, text).unwrap();
        let error = copies.restore(None, Some(&bad), None).unwrap_err();
        assert_eq!(error.code(), "store-checkpoint-unusable");
    }
    let code = |error: Result<Restored, StoreError>| error.unwrap_err().code();
    assert_eq!(code(copies.restore(None, Some(&nowhere), None)), "store-checkpoint-unusable");
    assert_eq!(code(copies.restore(Some(&nowhere), None, None)), "store-head-missing");
    fs::write(&bad, [0; 1024]).unwrap();
    assert_eq!(code(copies.restore(Some(&bad), None, None)), "store-head-damaged");
    let mark = HeadMark { origin: "x".into(), size: 0, root: Hash::EMPTY_ROOT };
    Head::accept(&bad, &mark).unwrap();
    assert_eq!(code(copies.restore(Some(&bad), None, None)), "store-head-of-another-log");
    let origin = signer().name().to_owned();
    Head::accept(&bad, &HeadMark { origin, size: 4, root: Hash::of(b"another") }).unwrap();
    assert_eq!(code(copies.restore(Some(&bad), None, None)), "store-log-fork");

    let stranger = onepoint_proof::LogSigner::from_seed(signer().name(), &[9; 32]).unwrap();
    let other_key = RestoreOptions {
        backup: &copies.backup_folder(),
        to: &copies.to(),
        log_key: stranger.verifier(),
        head: None,
        checkpoint: None,
        mirror: None,
        master_keys: None,
        now_ms: NOW,
    };
    assert_eq!(restore(&other_key).unwrap_err().code(), "store-backup-of-another-log");
    // Without the master keys the check cannot be whole, and nothing is put in the place.
    let no_keys = RestoreOptions { log_key: &copies.filled.key, ..other_key };
    assert_eq!(restore(&no_keys).unwrap_err().code(), "store-check-failed");

    fs::create_dir(copies.to()).unwrap();
    fs::write(copies.to().join("something"), "").unwrap();
    let taken = restore(&no_keys).unwrap_err();
    assert_eq!(taken.code(), "store-place-taken");
    fs::remove_file(copies.to().join("something")).unwrap();
    // What an attempt left that died.
    let building = copies.place.path().join("restored.restoring");
    fs::create_dir(&building).unwrap();
    fs::write(building.join("journal.db"), "half").unwrap();
    assert_eq!(copies.code(None, None), "ok", "an empty folder is a free place");
    assert!(!building.exists());
}

/// A manifest that holds for itself but not for what it names.
#[test]
fn a_backup_that_is_not_what_its_manifest_says_is_refused() {
    let copies = Copies::new(20);
    let made = copies.back_up().manifest;
    let folder = copies.backup_folder();
    let journal = folder.join(&made.files[0].name);
    let good = fs::read(&journal).unwrap();
    for change in [
        Manifest { size: made.size - 1, ..made.clone() },
        Manifest { root: Hash::of(b"x"), ..made.clone() },
    ] {
        change.write(&folder).unwrap();
        assert_eq!(copies.code(None, None), "store-backup-damaged");
    }
    let mut other = made.clone();
    for (bytes, why) in [
        (good[..good.len() - 1].to_vec(), "length"),
        ([&good[..5000], &[good[5000] ^ 1], &good[5001..]].concat(), "digest"),
    ] {
        made.write(&folder).unwrap();
        fs::write(&journal, &bytes).unwrap();
        let error = copies.restore(None, None, None).unwrap_err();
        assert!(
            error.code() == "store-backup-damaged" && error.en().contains(why),
            "{}",
            error.en()
        );
    }
    fs::remove_file(&journal).unwrap();
    assert!(copies.restore(None, None, None).unwrap_err().en().contains("missing"));
    // Damaged before the backup was made: the digests hold, the check does not.
    fs::write(&journal, &good).unwrap();
    let raw = Connection::open(&journal).unwrap();
    raw.execute("UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = 3", []).unwrap();
    drop(raw);
    let (bytes, digest) = crate::manifest::digest_file(&journal, None).unwrap();
    other.files[0].bytes = bytes;
    other.files[0].digest = digest;
    other.write(&folder).unwrap();
    let error = copies.restore(None, None, None).unwrap_err();
    assert_eq!(error.code(), "store-check-failed");
    assert!(error.en().contains("table body 3 [payload-differs]"), "{}", error.en());
}
