//! The log of a real gateway: as the HTTP routes show it, as `onepoint audit` and as a
//! C2SP client of others follow it while messages come in.

use std::path::Path;

use onepoint_conformance::zone::{Setup, Zone};
use onepoint_proof::{Checkpoint, tile::decode_bundle};
use onepoint_relay::client::{ClientOptions, HttpClient};
use serde_json::Value;
use tlog_tiles::{TileHashReader, check_record, check_tree, prove_record, prove_tree, record_hash};

use super::client::{Tiles, hash};
use super::{Audited, audit};
use crate::intake::order;

/// Sends orders and gives the ids of the messages.
pub(super) async fn send(zone: &Zone, numbers: std::ops::Range<u32>) -> Vec<String> {
    let (client, signer) = (zone.client("platform"), zone.signer("platform"));
    let mut ids = Vec::new();
    for number in numbers {
        let signed = signer.sign(&order(number));
        let response = client.post("/v1/messages", "application/xml", signed).await.unwrap();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{body}");
        ids.push(body["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// A client without a certificate.
pub(super) fn stranger(zone: &Zone) -> HttpClient {
    let ca = std::fs::read(zone.folder().join("pki/ca.pem")).unwrap();
    HttpClient::new(ClientOptions::new(zone.url(), ca)).unwrap()
}

pub(super) async fn head(zone: &Zone) -> Checkpoint {
    let note = stranger(zone).get("/log/checkpoint").await.unwrap();
    zone.auditor().checkpoint(&note.text())
}

pub(super) fn follow(zone: &Zone, mirror: &Path) -> Audited {
    let pki = |name: &str| zone.folder().join("pki").join(name).display().to_string();
    audit(&[
        "follow",
        "--log",
        &zone.url(),
        "--mirror",
        mirror.to_str().unwrap(),
        "--log-key",
        &pki("log.pub"),
        "--ca",
        &pki("ca.pem"),
        "--anchors",
        &pki("ca.pem"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_open_to_everyone_and_cacheable() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    send(&zone, 1..4).await;
    let anyone = stranger(&zone);
    let note = anyone.get("/log/checkpoint").await.unwrap();
    assert_eq!(note.header("cache-control"), Some("no-cache"));
    let size = zone.auditor().checkpoint(&note.text()).size;
    for path in [format!("tile/0/000.p/{size}"), format!("tile/entries/000.p/{size}")] {
        let tile = anyone.get(&format!("/log/{path}")).await.unwrap();
        assert_eq!(tile.status, 200, "{path}");
        assert_eq!(tile.header("content-type"), Some("application/octet-stream"));
        assert_eq!(tile.header("cache-control"), Some("public, max-age=31536000, immutable"));
        if path.contains("entries") {
            let entries = decode_bundle(&tile.body, u16::try_from(size).unwrap()).unwrap();
            assert!(entries.iter().all(|entry| entry.starts_with(b"onepoint-leaf/1 ")));
        } else {
            assert_eq!(tile.body.len() as u64, size * 32);
        }
    }
    let more = size + 1;
    for (path, code) in [
        (format!("tile/0/000.p/{more}"), "tile-not-covered"),
        ("tile/0/000".to_owned(), "tile-not-covered"),
        (format!("tile/entries/000.p/{more}"), "tile-not-covered"),
        ("tile/1/000.p/1".to_owned(), "tile-not-covered"),
        ("tile/0/x999/x999/x999/x999/x999/999".to_owned(), "tile-not-covered"),
        ("tile/0/000.p/0".to_owned(), "tile-path-malformed"),
        ("tile/0/000.p/256".to_owned(), "tile-path-malformed"),
        ("tile/64/000".to_owned(), "tile-path-malformed"),
        ("tile/0/0".to_owned(), "tile-path-malformed"),
        ("tile/data/000".to_owned(), "tile-path-malformed"),
        ("tile/0/../0/000".to_owned(), "tile-path-malformed"),
    ] {
        let refused = anyone.get(&format!("/log/{path}")).await.unwrap();
        let problem: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status, problem["code"].as_str().unwrap()), (404, code), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_is_given_for_every_fact_to_those_entitled() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let ids = send(&zone, 1..3).await;
    let size = head(&zone).await.size;
    let auditor = zone.client("auditor");
    let mut own = 0;
    for index in 0..size {
        let path = format!("/v1/facts/{index}");
        let receipt: Value =
            serde_json::from_slice(&auditor.get(&path).await.unwrap().body).unwrap();
        let verified = zone.auditor().verify(&receipt, None).unwrap();
        assert_eq!(verified.index, index);
        let mine = ids.iter().any(|id| id == verified.text("message"));
        own += u32::from(mine);
        let expected = if mine { 200 } else { 403 };
        assert_eq!(zone.client("platform").get(&path).await.unwrap().status, expected, "{index}");
        let other = zone.client("payment").get(&path).await.unwrap();
        let problem: Value = serde_json::from_slice(&other.body).unwrap();
        assert_eq!((other.status, &problem["code"]), (403, &"fact-not-entitled".into()), "{index}");
        assert_eq!(zone.client("operator").get(&path).await.unwrap().status, 200, "{index}");
    }
    assert_eq!(own, 2);
    for nowhere in [size.to_string(), u64::MAX.to_string(), "-1".to_owned(), "x".to_owned()] {
        let refused = auditor.get(&format!("/v1/facts/{nowhere}")).await.unwrap();
        let problem: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!((refused.status, problem["code"].as_str().unwrap()), (404, "fact-unknown"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_is_followed_while_messages_come_in() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mirror = folder.path().join("mirror");
    send(&zone, 1..6).await;
    let first = follow(&zone, &mirror);
    first.holds();
    send(&zone, 6..12).await;
    let second = follow(&zone, &mirror);
    second.holds();
    assert_eq!(second.finding("consistency")["ok"], true);
    zone.stop_gateway();
    let down = follow(&zone, &mirror);
    assert_eq!(down.code, 3, "{}", down.said);
    zone.start_gateway(&[]);
    send(&zone, 12..13).await;
    follow(&zone, &mirror).holds();
    let pki = |name: &str| zone.folder().join("pki").join(name).display().to_string();
    audit(&[
        "compare",
        &zone.url(),
        mirror.to_str().unwrap(),
        "--log-key",
        &pki("log.pub"),
        "--ca",
        &pki("ca.pem"),
    ])
    .holds();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_others_verifies_inclusion_and_consistency() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let mut heads = Vec::new();
    for round in 0..4u32 {
        send(&zone, round * 5 + 1..round * 5 + 6).await;
        heads.push(head(&zone).await);
    }
    let client = stranger(&zone);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let tiles = Tiles { client: &client, runtime };
        let last = heads.last().unwrap().clone();
        let note = tiles.get("checkpoint").unwrap();
        let text = String::from_utf8(note).unwrap();
        let text = text.split("\n\n").next().unwrap().to_owned() + "\n";
        let theirs = tlog_tiles::Checkpoint::from_reader(&mut text.as_bytes(), false).unwrap();
        assert_eq!((theirs.size(), theirs.hash().0), (last.size, *last.root.as_bytes()));
        assert_eq!(theirs.origin(), last.origin);
        let root = hash(&last.root);
        let reader = TileHashReader::new(last.size, root, &tiles);
        let bundle = tiles.get(&format!("tile/entries/000.p/{}", last.size)).unwrap();
        let entries = decode_bundle(&bundle, u16::try_from(last.size).unwrap()).unwrap();
        for (index, entry) in (0..).zip(&entries) {
            let proof = prove_record(last.size, index, &reader).unwrap();
            check_record(&proof, last.size, root, index, record_hash(entry)).unwrap();
        }
        for old in &heads {
            let proof = prove_tree(last.size, old.size, &reader).unwrap();
            check_tree(&proof, last.size, root, old.size, hash(&old.root)).unwrap();
            let wrong = hash(&onepoint_proof::Hash::EMPTY_ROOT);
            assert!(check_tree(&proof, last.size, root, old.size, wrong).is_err());
        }
    })
    .await
    .unwrap();
}
