//! Tests of the unpacking (once, anew for another archive, by many threads at a
//! time) and of the list of skips.

use super::*;

/// An archive of one folder with one file, made with the same tools.
fn archive(folder: &Path, content: &str) -> PathBuf {
    let inner = folder.join("inner");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("case.txt"), content).unwrap();
    let archive = folder.join("small.tar.xz");
    let done = Command::new("tar")
        .args(["--create", "--xz", "--file"])
        .arg(&archive)
        .arg("--directory")
        .args([folder, Path::new("inner")])
        .status();
    assert!(done.unwrap().success());
    archive
}

#[test]
fn many_threads_get_one_unpacking() {
    let scratch = tempfile::tempdir().unwrap();
    let archive = archive(scratch.path(), "one");
    let base = scratch.path().join("suites");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let folder = unpack_into(&archive, "v1", &base, "small");
                assert_eq!(fs::read_to_string(folder.join("inner/case.txt")).unwrap(), "one");
            });
        }
    });
    fs::write(base.join("small/marker"), "").unwrap();
    assert!(unpack_into(&archive, "v1", &base, "small").join("marker").exists());
}

#[test]
fn another_archive_is_unpacked_anew() {
    let scratch = tempfile::tempdir().unwrap();
    let base = scratch.path().join("suites");
    unpack_into(&archive(scratch.path(), "one"), "v1", &base, "small");
    fs::create_dir(base.join("small.new")).unwrap();
    let folder = unpack_into(&archive(scratch.path(), "two"), "v2", &base, "small");
    assert_eq!(fs::read_to_string(folder.join("inner/case.txt")).unwrap(), "two");
}

#[test]
#[should_panic(expected = "tar could not unpack")]
fn a_broken_archive_is_said() {
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("small.tar.xz");
    fs::write(&archive, "not xz").unwrap();
    unpack_into(&archive, "v1", scratch.path(), "small");
}

#[test]
#[should_panic(expected = "set ONEPOINT_SUITES")]
fn a_missing_archive_says_how_to_give_it() {
    unpack("no-such-suite");
}

#[test]
fn the_list_of_the_repository_can_be_read() {
    skips();
}

#[test]
fn skips_are_found_with_their_reason() {
    let text = "[[skip]]\nsuite = 's'\ncase = 'a'\nreason = 'why'\n";
    let skips = Skips::parse(text).unwrap();
    assert_eq!(skips.reason("s", "a"), Some("why"));
    assert_eq!(skips.reason("s", "b"), None);
    assert_eq!(skips.reason("t", "a"), None);
    skips.assert_all_used("s");
    skips.assert_all_used("t");
}

#[test]
#[should_panic(expected = "no such case in suite s: [\"gone\"]")]
fn an_unused_skip_is_an_error() {
    let text = "[[skip]]\nsuite = 's'\ncase = 'gone'\nreason = 'why'\n";
    Skips::parse(text).unwrap().assert_all_used("s");
}

#[test]
fn incomplete_entries_are_refused() {
    for (text, problem) in [
        ("[[skip]]\nsuite = 's'\ncase = 'a'\n", "entry 1 has no reason"),
        ("[[skip]]\nsuite = 's'\ncase = 'a'\nreason = ' '\n", "entry 1 has no reason"),
        ("[[skip]]\ncase = 'a'\nreason = 'r'\n", "entry 1 has no suite"),
        ("[[skip]]\nsuite = 's'\nreason = 'r'\n", "entry 1 has no case"),
        ("[[skips]]\nsuite = 's'\n", "unknown table skips"),
        ("skip = 1\n", "skip is not a list"),
    ] {
        assert_eq!(Skips::parse(text).unwrap_err(), problem);
    }
    let twice = "[[skip]]\nsuite = 's'\ncase = 'a'\nreason = 'r'\n".repeat(2);
    assert_eq!(Skips::parse(&twice).unwrap_err(), "entry 2 repeats case a");
    assert!(Skips::parse("[[skip").is_err());
}
