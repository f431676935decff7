//! Tile paths, tiles and bundles: the specification's examples, other spellings,
//! and any bytes.

use proptest::prelude::*;

use super::*;
use crate::hash::leaf_hash;

fn path_code(path: &str) -> &'static str {
    TilePath::parse(path).unwrap_err().code()
}

#[test]
fn paths_are_those_of_the_specification() {
    let tile = |level, index, width| TileId { level, index, width };
    assert_eq!(tile(0, 1_234_067, 256).path(), "tile/0/x001/x234/067");
    assert_eq!(tile(1, 0, 17).path(), "tile/1/000.p/17");
    assert_eq!(tile(63, 999, 1).path(), "tile/63/999.p/1");
    assert_eq!(TilePath::Entries { index: 1000, width: 256 }.to_string(), "tile/entries/x001/000");
    let last = TilePath::Entries { index: u64::MAX, width: 255 }.to_string();
    assert_eq!(last, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255");
    for path in ["tile/0/x001/x234/067", "tile/1/000.p/17", "tile/entries/x001/000", &last] {
        assert_eq!(TilePath::parse(path).unwrap().to_string(), path);
    }
}

#[test]
fn other_spellings_are_refused() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/",
        "tile/0/067.p/01",
        "tile/0/067.p/+1",
        "tile/00/067",
        "tile/64/067",
        "tile/-1/067",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/x01/067",
        "/tile/0/067",
        "tile/0/067/",
        "tile/0/067 ",
        "tile/entries/",
        "tile/data/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/０６７",
    ] {
        assert_eq!(path_code(path), "tile-path-malformed", "{path}");
    }
    assert_eq!(path_code(&"x".repeat(1000)), "tile-path-malformed");
}

#[test]
fn partial_tiles_are_those_of_the_specification() {
    let shown = |size| TileId::partials(size).map(|t| t.path()).collect::<Vec<_>>();
    assert_eq!(shown(0), Vec::<String>::new());
    assert_eq!(shown(256), ["tile/1/000.p/1"]);
    assert_eq!(shown(70_000), ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(TileId::in_tree(70_000, 0, 272), Some(TileId::full(0, 272)));
    assert_eq!(TileId::in_tree(70_000, 0, 274), None);
    assert_eq!(TileId::in_tree(70_000, 3, 0), None);
    assert_eq!(TileId::in_tree(u64::MAX, 7, 0).unwrap().width, 255);
    assert_eq!(TileId::in_tree(u64::MAX, 8, 0), None);
    assert_eq!(TileId::in_tree(70_000, 0, u64::MAX), None);
    assert!(TileId::full(0, 0).is_full());
}

#[test]
fn tiles_are_their_hashes() {
    let hashes: Vec<Hash> = (0u8..5).map(|i| leaf_hash(&[i])).collect();
    let bytes = encode_tile(&hashes);
    assert_eq!(bytes.len(), 160);
    assert_eq!(decode_tile(&bytes, 5).unwrap(), hashes);
    for (bytes, width) in [(&bytes[..159], 5), (&bytes[..], 4), (&bytes[..], 6), (&[][..], 0)] {
        assert_eq!(decode_tile(bytes, width).unwrap_err().code(), "tile-length-wrong");
    }
    assert_eq!(decode_tile(&[0; 257 * 32], 257).unwrap_err().code(), "tile-length-wrong");
}

#[test]
fn bundles_are_prefixed_entries() {
    let entries: [&[u8]; 3] = [b"one", b"", &[7; MAX_ENTRY_BYTES]];
    let bytes = encode_bundle(&entries).unwrap();
    assert_eq!(&bytes[..7], b"\x00\x03one\x00\x00");
    assert_eq!(decode_bundle(&bytes, 3).unwrap(), entries);
    let code = |bytes: &[u8], width| decode_bundle(bytes, width).unwrap_err().code();
    assert_eq!(code(&bytes, 2), "bundle-malformed");
    assert_eq!(code(&bytes, 4), "bundle-malformed");
    assert_eq!(code(&bytes[..4], 1), "bundle-malformed");
    assert_eq!(code(&bytes, 0), "bundle-malformed");
    assert_eq!(code(&bytes, 257), "bundle-malformed");
    let long = encode_bundle(&[vec![0; MAX_ENTRY_BYTES + 1]]).unwrap_err();
    assert_eq!(long.code(), "entry-too-long");
}

#[test]
fn every_error_has_both_languages() {
    let errors = [
        TileError::Path { path: "x".into() },
        TileError::TileLength { bytes: 1, expected: "32".into() },
        TileError::Bundle { at: 1, expected: "x".into() },
        TileError::EntryTooLong { index: 0, bytes: 70_000 },
        TileError::WidthForSize { level: 0, size: 1, found: 0, expected: 1 },
    ];
    for error in errors {
        assert!(!error.en().ends_with('.') && !error.zh().is_ascii(), "{error}");
    }
}

proptest! {
    #[test]
    fn every_tile_has_one_path(level in 0u8..=63, index: u64, width in 1u16..=256) {
        let tile = TilePath::Hashes(TileId { level, index, width });
        prop_assert_eq!(TilePath::parse(&tile.to_string()), Ok(tile));
    }

    #[test]
    fn parsing_paths_is_exact(path in "(tile|entries|[x0-9/.p]){1,12}") {
        let path = format!("tile/{path}");
        if let Ok(tile) = TilePath::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn parsing_any_text_never_panics(path: String) {
        prop_assert!(TilePath::parse(&path).is_err());
    }

    #[test]
    fn bundles_read_back_or_are_refused(bytes: Vec<u8>, width in 0u16..300) {
        if let Ok(entries) = decode_bundle(&bytes, width) {
            prop_assert_eq!(encode_bundle(&entries).unwrap(), bytes);
        }
    }
}
