//! The file alone: slots in turn, damage, places. With the ledger: `ledger/tests`.

use std::fs;

use super::*;

const ORIGIN: &str = "log.onepoint.example/1";

fn root(n: u64) -> Hash {
    Hash::of(&n.to_be_bytes())
}

fn mark(n: u64) -> HeadMark {
    HeadMark { origin: ORIGIN.into(), size: n, root: root(n) }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("log.head");
    (place, path)
}

fn code<T>(result: Result<T, StoreError>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn the_last_mark_is_found_again() {
    let (_place, path) = place();
    let mut head = Head::open(&path).unwrap();
    assert_eq!((head.last(), head.path()), (None, path.as_path()));
    assert!(!path.exists(), "looking leaves nothing behind");
    for n in [0, 2, 2, 5, 700] {
        head.advance(ORIGIN, n, &root(n)).unwrap();
        assert_eq!(head.last(), Some(&mark(n)));
        drop(head);
        head = Head::open(&path).unwrap();
        assert_eq!(head.last(), Some(&mark(n)));
        assert_eq!(fs::metadata(&path).unwrap().len(), 1024);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(code(head.advance(ORIGIN, 699, &root(699))), "store-value-invalid");
    assert_eq!(code(head.advance(&"o".repeat(256), 701, &root(1))), "store-value-invalid");
    assert_eq!(head.last(), Some(&mark(700)), "a refused mark changes nothing");
}

/// Every bit of the file: a flipped one spoils its slot and not the other.
#[test]
fn a_flipped_bit_spoils_one_slot_and_is_told() {
    let (_place, path) = place();
    let mut head = Head::open(&path).unwrap();
    for n in [3, 4, 5] {
        head.advance(ORIGIN, n, &root(n)).unwrap();
    }
    drop(head);
    let good = fs::read(&path).unwrap();
    assert_eq!(Head::inspect(&path).unwrap(), [Ok(mark(4)), Ok(mark(5))]);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let slot = bit / 8 / SLOT_BYTES;
        let (first, second) = bytes.split_at(SLOT_BYTES);
        let slots = [decode(first, 0), decode(second, 1)];
        assert_eq!(slots[slot], Err("its checksum does not hold"), "bit {bit}");
        assert_eq!(slots[1 - slot].as_ref().unwrap().1, mark(5 - slot as u64));
        if bit % 61 != 0 {
            continue;
        }
        fs::write(&path, bytes).unwrap();
        let found = Head::inspect(&path).unwrap();
        assert_eq!(found[slot], Err("its checksum does not hold"), "bit {bit}");
        assert_eq!(found[1 - slot], Ok(mark(5 - slot as u64)));
        let mut head = Head::open(&path).unwrap();
        assert_eq!(head.last(), Some(&mark(5 - slot as u64)));
        // The next mark goes into the spoiled slot.
        head.advance(ORIGIN, 6, &root(6)).unwrap();
        assert_eq!(Head::inspect(&path).unwrap()[slot], Ok(mark(6)));
    }
}

#[test]
fn damage_to_both_slots_and_other_lengths_are_refused() {
    let (_place, path) = place();
    Head::accept(&path, &mark(1)).unwrap();
    let good = fs::read(&path).unwrap();
    let both = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes[SLOT_BYTES + at] ^= 1;
        bytes
    };
    let swapped = [&good[SLOT_BYTES..], &good[..SLOT_BYTES]].concat();
    let other_format = {
        let mut slot = good[..SUMMED].to_vec();
        slot[18] = b'2';
        let sum = Hash::of(&slot);
        slot.extend_from_slice(sum.as_bytes());
        slot.repeat(2)
    };
    for bytes in [
        Vec::new(),
        good[..1023].to_vec(),
        [&good[..], b"x"].concat(),
        both(0),
        both(30),
        both(511),
        swapped,
        other_format,
    ] {
        fs::write(&path, &bytes).unwrap();
        let error = Head::open(&path).unwrap_err();
        assert_eq!(error.code(), "store-head-damaged");
        assert!(error.en().contains("store head --accept"), "{}", error.en());
        assert!(Head::inspect(&path).unwrap().iter().all(Result::is_err));
    }
    Head::accept(&path, &mark(9)).unwrap();
    assert_eq!(Head::open(&path).unwrap().last(), Some(&mark(9)));
}

#[test]
fn places_that_cannot_be_used_are_refused_each_with_its_code() {
    let (place, path) = place();
    assert_eq!(code(Head::inspect(&path)), "store-head-missing");
    let first = {
        let mut head = Head::open(&path).unwrap();
        head.advance(ORIGIN, 1, &root(1)).unwrap();
        head
    };
    assert_eq!(code(Head::open(&path)), "store-locked", "another writer has it");
    drop(first);
    assert_eq!(code(Head::open(&path)), "ok");
    assert_eq!(code(Head::open(place.path())), "store-not-writable");
    let nowhere = place.path().join("no/such/folder");
    let mut head = Head::open(&nowhere).unwrap();
    assert_eq!(code(head.advance(ORIGIN, 1, &root(1))), "store-not-writable");
    #[cfg(target_os = "linux")]
    {
        // A device that takes no byte stands for a disk that fails.
        let mut head = Head::open(&path).unwrap();
        head.fail_from_now();
        let error = head.advance(ORIGIN, 2, &root(2)).unwrap_err();
        assert_eq!((error.code(), error.is_fatal()), ("store-fatal", true));
        assert_eq!(head.last(), Some(&mark(1)));
    }
}
