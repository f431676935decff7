//! Segments come back as they were written; one altered in any byte is found, and a
//! single payload read out of it is the right one or an error.

use std::io::Cursor;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn piece(body: i64, key: Option<i64>, bytes: Vec<u8>) -> Piece {
    Piece { body, key, digest: Hash::of(&bytes), bytes }
}

fn three() -> Vec<Piece> {
    vec![
        piece(3, None, b"third".to_vec()),
        piece(5, Some(1), b"fifth payload".to_vec()),
        piece(70_000, Some(2), Vec::new()),
    ]
}

fn what(fault: SegmentFault) -> String {
    match fault {
        SegmentFault::Damaged(what) => what,
        SegmentFault::Io(error) => panic!("{error}"),
    }
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let (name, bytes) = encode(three());
    assert!(bytes.starts_with(b"onepoint-segment/1 3 18\n"));
    let line = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    assert_eq!(bytes.len(), line + 3 * 64 + 18);
    assert_eq!(bytes[line..line + 8], 3u64.to_be_bytes());
    assert_eq!(bytes[line + 8..line + 16], [0; 8], "a plain payload has no key");
    assert_eq!(bytes[line + 64 + 8..line + 64 + 16], 1u64.to_be_bytes());
    assert_eq!(bytes[line + 64 + 16..line + 64 + 24], 5u64.to_be_bytes(), "offset");
    assert_eq!(bytes[line + 64 + 24..line + 64 + 32], 13u64.to_be_bytes(), "length");
    assert_eq!(&bytes[line + 3 * 64..], b"thirdfifth payload");
    assert_eq!(name, Hash::of(&bytes));
    assert_eq!(file_name(&name), format!("{}.seg", name.to_hex()));
}

#[test]
fn a_segment_altered_in_any_bit_is_found() {
    let (name, bytes) = encode(three());
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(what(read_all(&altered, &name).unwrap_err()), "its bytes do not have its hash");
        // A reader of one payload does not hash the whole: what it gets is the payload with its
        // digest, or with one that differs, or an error.
        let Ok(found) = read(&mut Cursor::new(&altered), 5) else { continue };
        let good = found == three()[1];
        assert!(good || found.key != Some(1) || Hash::of(&found.bytes) != found.digest, "{bit}");
    }
}

#[test]
fn what_is_malformed_is_said() {
    let (_, good) = encode(three());
    let reads = |bytes: &[u8], expected: &str| {
        let name = Hash::of(bytes);
        let found = what(read_all(bytes, &name).unwrap_err());
        assert!(found.contains(expected), "{found} for {expected}");
        let one = read(&mut Cursor::new(bytes), 5);
        if expected.contains("length") || expected.contains("header") {
            assert!(what(one.unwrap_err()).contains(expected));
        }
    };
    let text = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        [to.as_bytes(), &good[from.len()..]].concat()
    };
    reads(b"", "header");
    reads(&[b'x'; 100], "header");
    reads(&text("onepoint-segment/1", "onepoint-segment/2"), "header");
    reads(&text("onepoint-segment/1 3 18", "onepoint-segment/1 3 1x"), "header");
    reads(&text("onepoint-segment/1 3 18", "onepoint-segment/1 03 1"), "header");
    reads(&text("onepoint-segment/1 3 18", "onepoint-segment/1 3 +1"), "header");
    reads(&text("onepoint-segment/1 3 18", "onepoint-segment/1 3 19"), "length");
    reads(&text("onepoint-segment/1 3 18", "onepoint-segment/1 2 18"), "length");
    reads(b"onepoint-segment/1 65537 0\n", "header");
    reads(b"onepoint-segment/1 18446744073709551615 0\n", "header");
    reads(&good[..good.len() - 1], "length");
    reads(&[good.as_slice(), b"x"].concat(), "length");
    let line = good.iter().position(|b| *b == b'\n').unwrap() + 1;
    let with = |at: usize, value: u64| {
        let mut bytes = good.clone();
        bytes[line + at..line + at + 8].copy_from_slice(&value.to_be_bytes());
        bytes
    };
    reads(&with(64 + 16, 4), "not behind");
    reads(&with(64 + 24, 14), "not within");
    reads(&with(64 + 24, u64::MAX), "not within");
    reads(&with(64 + 24, 12), "not behind");
    reads(&with(128, 4), "out of order");
    reads(&with(24, 6), "not behind");
    let (_, two) = encode(three()[..2].to_vec());
    let more = String::from_utf8_lossy(&two[..23]).replace("2 18", "2 19");
    reads(&[more.as_bytes(), &two[23..], b"x"].concat(), "more than its index");
    let missing = read(&mut Cursor::new(&good), 4).unwrap_err();
    assert_eq!(what(missing), "it does not hold payload 4");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_payload_comes_back(
        payloads in btree_map(0..i64::MAX, (0i64..3, vec(any::<u8>(), 0..200)), 0..40),
        absent in any::<i64>(),
    ) {
        let pieces: Vec<Piece> = payloads
            .into_iter()
            .map(|(body, (key, bytes))| piece(body, (key > 0).then_some(key), bytes))
            .collect();
        let mut shuffled = pieces.clone();
        shuffled.reverse();
        let (name, bytes) = encode(shuffled);
        prop_assert_eq!(encode(pieces.clone()), (name, bytes.clone()));
        prop_assert_eq!(&read_all(&bytes, &name).unwrap(), &pieces);
        let mut file = Cursor::new(&bytes);
        for piece in &pieces {
            prop_assert_eq!(&read(&mut file, piece.body).unwrap(), piece);
        }
        if pieces.iter().all(|piece| piece.body != absent) {
            prop_assert!(read(&mut file, absent).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300), body in any::<i64>()) {
        let text = [b"onepoint-segment/1 2 40\n".as_slice(), &bytes].concat();
        for bytes in [&bytes, &text] {
            let name = Hash::of(bytes);
            if let Ok(pieces) = read_all(bytes, &name) {
                prop_assert_eq!(encode(pieces), (name, bytes.clone()));
            }
            drop(read(&mut Cursor::new(bytes), body));
        }
    }
}
