//! The folder of segments: what is in it is whole, what is left over goes, what is
//! not ours stays, and each fault says which segment it is about.

use super::*;

fn pieces() -> Vec<Piece> {
    let piece = |body: i64, bytes: &[u8]| Piece {
        body,
        key: Some(1),
        digest: Hash::of(bytes),
        bytes: bytes.to_vec(),
    };
    vec![piece(1, b"one"), piece(2, b"two")]
}

fn written() -> (tempfile::TempDir, Archive, Hash) {
    let place = tempfile::tempdir().unwrap();
    let archive = Archive::of(place.path());
    let (name, bytes) = segment::encode(pieces());
    archive.write(&name, &bytes).unwrap();
    (place, archive, name)
}

#[test]
fn a_segment_is_read_whole_or_payload_by_payload() {
    let (_place, archive, name) = written();
    assert_eq!(archive.read_all(&name).unwrap(), pieces());
    assert_eq!(archive.read(&name, 2).unwrap().as_ref(), pieces().get(1));
    assert_eq!(archive.read(&Hash::of(b"other"), 2).unwrap(), None);
    assert_eq!(archive.read(&name, 3).unwrap_err().code(), "store-segment-damaged");
    // Again, as after a crash between file and row.
    let (_, bytes) = segment::encode(pieces());
    archive.write(&name, &bytes).unwrap();
    assert_eq!(archive.read_all(&name).unwrap(), pieces());
}

#[test]
fn damage_names_the_segment() {
    let (_place, archive, name) = written();
    let path = archive.path(&name);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = archive.read_all(&name).unwrap_err();
    assert_eq!(error.code(), "store-segment-damaged");
    assert!(error.en().contains(&name.to_hex()), "{}", error.en());
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    let error = archive.read(&name, 1).unwrap_err();
    assert!(error.en().contains("its length"), "{}", error.en());
    File::options().write(true).open(&path).unwrap().set_len(MAX_SEGMENT_BYTES + 1).unwrap();
    let error = archive.read_all(&name).unwrap_err();
    assert!(error.en().contains("longer"), "{}", error.en());
    archive.remove(&name).unwrap();
    archive.remove(&name).unwrap();
    let error = archive.read_all(&name).unwrap_err();
    assert!(error.en().contains("missing"), "{}", error.en());
    fs::create_dir(&path).unwrap();
    assert_eq!(archive.read(&name, 1).unwrap_err().code(), "store-io");
    assert_eq!(archive.read_all(&name).unwrap_err().code(), "store-io");
    assert_eq!(archive.remove(&name).unwrap_err().code(), "store-not-writable");
}

#[test]
fn what_a_death_left_is_swept_and_nothing_else() {
    let (place, archive, name) = written();
    let (orphan, bytes) = segment::encode(pieces()[..1].to_vec());
    archive.write(&orphan, &bytes).unwrap();
    let folder = place.path().join(FOLDER);
    fs::write(folder.join(format!("{}.seg.new", name.to_hex())), "half").unwrap();
    let upper = format!("{}.seg", name.to_hex().to_uppercase());
    for other in ["notes.txt", "x.seg", "00.seg", &upper] {
        fs::write(folder.join(other), "ours to leave").unwrap();
    }
    assert_eq!(archive.sweep(|found| Ok(*found == name)).unwrap(), 2);
    let mut left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected =
        vec!["00.seg".into(), upper, "notes.txt".into(), "x.seg".into(), segment::file_name(&name)];
    expected.sort();
    assert_eq!(left, expected);
    let error = archive.sweep(|_| Err(StoreError::NoRandomness)).unwrap_err();
    assert_eq!(error.code(), "store-no-randomness");
}

#[test]
fn a_folder_that_cannot_be_used_is_said() {
    let place = tempfile::tempdir().unwrap();
    let archive = Archive::of(place.path());
    assert_eq!(archive.sweep(|_| Ok(true)).unwrap(), 0, "none yet");
    fs::write(place.path().join(FOLDER), "a file").unwrap();
    let (name, bytes) = segment::encode(pieces());
    assert_eq!(archive.write(&name, &bytes).unwrap_err().code(), "store-not-writable");
    assert_eq!(archive.sweep(|_| Ok(true)).unwrap_err().code(), "store-not-writable");
}
