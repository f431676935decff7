//! Facts, checkpoints, tiles, receipts; commit, rollback and opening again.

use super::*;
use onepoint_proof::{Nonce, SignedCheckpoint, TileId, proof, tile};

pub(crate) fn an_empty_group_writes_no_checkpoint<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let committed = ledger.commit(NOW, &mut |_| Ok(())).unwrap();
    assert_eq!(committed.checkpoint(), None);
    assert_eq!((committed.size(), committed.facts()), (0, &[][..]));
    assert_eq!(committed.receipt(0).unwrap_err().code(), "store-value-invalid");
    assert_eq!(reader.latest_checkpoint().unwrap(), None);
    assert_eq!(reader.receipt(0).unwrap(), None);
    commit(&mut ledger, 0..1).unwrap();
    let latest = reader.latest_checkpoint().unwrap();
    // Rows without facts are committed too, under the checkpoint there is.
    ledger.commit(NOW + 1, &mut |tx| tx.insert_body(b"x").map(|_| ())).unwrap();
    assert_eq!(reader.latest_checkpoint().unwrap(), latest);
    assert_eq!(ledger.latest(), latest.as_ref());
}

pub(crate) fn a_group_has_one_checkpoint_and_its_receipts_hold<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    for group in [0..1, 1..2, 2..66, 66..67] {
        let committed = commit(&mut ledger, group.clone()).unwrap();
        let checkpoint = committed.checkpoint().unwrap();
        assert_eq!(checkpoint.size, 2 * group.end as u64);
        assert_eq!((ledger.size(), committed.size()), (checkpoint.size, checkpoint.size));
        assert_eq!(reader.latest_checkpoint().unwrap().as_ref(), Some(checkpoint));
        assert_eq!(reader.checkpoint(checkpoint.size).unwrap().as_ref(), Some(checkpoint));
        assert_eq!(reader.checkpoint(checkpoint.size - 1).unwrap(), None);
        assert_eq!(committed.facts().len(), 2 * group.len());
        for fact in committed.facts() {
            let receipt = committed.receipt(fact.index).unwrap();
            assert_holds(&receipt);
            assert_eq!(reader.receipt(fact.index).unwrap().unwrap(), receipt);
            assert_eq!(reader.fact(fact.index).unwrap().as_ref(), Some(fact));
        }
        let signed = SignedCheckpoint::open(checkpoint.note.as_bytes(), &verifier()).unwrap();
        assert_eq!(signed.checkpoint().size, checkpoint.size);
        assert_eq!(signed.checkpoint().root, checkpoint.root);
    }
    assert_eq!(audit(&reader), 67);
}

/// More facts in one group than the tree's end in memory covers, and a tile of level 1.
pub(crate) fn receipts_of_large_groups_hold<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..3).unwrap();
    let mut indexes = Vec::new();
    let committed = ledger
        .commit(NOW, &mut |tx| {
            for n in 0..1500 {
                indexes.push(tx.append(None, None, fact(FactKind::POLICY, n))?);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(indexes, (6..1506).collect::<Vec<_>>());
    for index in indexes {
        let receipt = committed.receipt(index).unwrap();
        if index % 37 == 0 || index > 1490 {
            assert_holds(&receipt);
            assert_eq!(reader.receipt(index).unwrap().unwrap(), receipt);
        }
    }
    assert_eq!(committed.receipt(5).unwrap_err().code(), "store-value-invalid");
    assert_eq!(committed.receipt(1506).unwrap_err().code(), "store-value-invalid");
    assert_eq!(reader.receipt(1506).unwrap(), None);
}

pub(crate) fn facts_name_their_message_and_document<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let mut seen_inside = Vec::new();
    ledger
        .commit(NOW, &mut |tx| {
            accept(tx, 0)?;
            tx.append(None, None, fact(FactKind::PARTICIPANT, 0))?;
            tx.append(Some(&id(0)), Some(0), fact(FactKind::ANSWERED, 0))?;
            seen_inside = tx.facts_of(&id(0))?;
            Ok(())
        })
        .unwrap();
    let facts = reader.facts_of(&id(0)).unwrap();
    assert_eq!(facts, seen_inside, "a transaction reads what it wrote");
    let seen: Vec<_> = facts.iter().map(|f| (f.index, f.document, f.kind.as_str())).collect();
    assert_eq!(seen, [(0, None, "accepted"), (1, Some(0), "accepted"), (3, Some(0), "answered")]);
    assert_eq!(reader.fact(2).unwrap().unwrap().message, None);
    let nonces: std::collections::BTreeSet<_> = facts.iter().map(|f| f.nonce).collect();
    assert_eq!(nonces.len(), 3, "each leaf has its own salt");
    assert!(!nonces.contains(&[0; 32]));
    let orphan = ledger.commit(NOW, &mut |tx| {
        tx.append(Some("nobody"), None, fact(FactKind::ACCEPTED, 1)).map(|_| ())
    });
    assert_eq!(orphan.unwrap_err().code(), "store-conflict");
}

pub(crate) fn facts_out_of_bounds_have_their_own_code<B: Backend>() {
    let backend = B::new();
    let (mut ledger, _reader) = open(&backend);
    for (fact, code) in [
        (Fact::new(FactKind::ACCEPTED, NOW).set("x", "y".repeat(70_000)), "fact-too-large"),
        (Fact::new(FactKind::ACCEPTED, -1), "fact-time"),
        (Fact::new(FactKind::ACCEPTED, NOW).set("kind", "other"), "fact-member-reserved"),
    ] {
        let error = ledger
            .commit(NOW, &mut |tx| tx.append(None, None, fact.clone()).map(|_| ()))
            .unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.is_fatal());
        assert!(std::error::Error::source(&error).is_some());
        assert!(error.en().len() > "the fact cannot be stored: ".len());
    }
    assert_eq!(ledger.size(), 0);
    commit(&mut ledger, 0..1).unwrap();
}

pub(crate) fn a_group_that_fails_leaves_disk_and_memory_as_they_were<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..130).unwrap();
    let (size, latest, counts) =
        (ledger.size(), ledger.latest().cloned(), reader.counts().unwrap());
    for _ in 0..3 {
        let failed = ledger.commit(NOW, &mut |tx| {
            for n in 130..150 {
                accept(tx, n)?;
            }
            tx.mark_delivered(1, NOW)?;
            Err(StoreError::abandoned("test-gives-up", "on purpose"))
        });
        assert_eq!(failed.unwrap_err().code(), "test-gives-up");
        assert_eq!(ledger.size(), size);
        assert_eq!(ledger.latest().cloned(), latest);
        assert_eq!(reader.latest_checkpoint().unwrap(), latest);
        assert_eq!(reader.counts().unwrap(), counts);
        assert_eq!(audit(&reader), 130);
    }
    // The same messages again, now for good: their leaves continue where the last group ended.
    let committed = commit(&mut ledger, 130..150).unwrap();
    assert_eq!(committed.facts()[0].index, size);
    assert_eq!(audit(&reader), 150);
}

pub(crate) fn an_error_the_caller_overlooks_still_fails_the_group<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..1).unwrap();
    let result = ledger.commit(NOW, &mut |tx| {
        accept(tx, 1)?;
        assert_eq!(accept(tx, 0).unwrap_err().code(), "store-conflict");
        assert!(tx.message_by_guid(&MessageKey { zone: "z", sender: "s", guid: "g" }).is_err());
        Ok(())
    });
    assert!(!result.unwrap_err().is_fatal());
    assert_eq!(audit(&reader), 1);
    commit(&mut ledger, 1..2).unwrap();
    assert_eq!(audit(&reader), 2);
}

pub(crate) fn opened_again_the_log_goes_on<B: Backend>() {
    let backend = B::new();
    let mut last = None;
    let mut epochs = Vec::new();
    for round in 0..8usize {
        let (mut ledger, reader) = open(&backend);
        epochs.push(ledger.epoch());
        assert_eq!(ledger.latest().cloned(), last);
        // Sizes around the edges of tiles: 0, 170, 340, 510, ...
        let from = round * 85;
        commit(&mut ledger, from..from + 85).unwrap();
        last = ledger.latest().cloned();
        assert_eq!(audit(&reader), from + 85);
    }
    assert_eq!(epochs, (epochs[0]..epochs[0] + 8).collect::<Vec<_>>());
}

pub(crate) fn another_origin_or_key_is_refused<B: Backend>() {
    let backend = B::new();
    let (mut ledger, _reader) = open(&backend);
    commit(&mut ledger, 0..1).unwrap();
    drop(ledger);
    for (name, seed, changed) in
        [("log.onepoint.example/1", [8; 32], "key"), ("log.onepoint.example/2", [7; 32], "origin")]
    {
        let signer = LogSigner::from_seed(name, &seed).unwrap();
        let error = Ledger::open(backend.store(), signer).map(drop).unwrap_err();
        let StoreError::LogKeyChanged { what, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*what, changed);
        assert_eq!(error.code(), "store-log-key-changed");
    }
    let (mut ledger, reader) = open(&backend);
    assert_eq!(ledger.origin(), "log.onepoint.example/1");
    commit(&mut ledger, 1..2).unwrap();
    assert_eq!(audit(&reader), 2);
}

pub(crate) fn a_log_begins_only_under_a_proper_origin<B: Backend>() {
    let backend = B::new();
    let signer = LogSigner::from_seed("https://log.onepoint.example/1", &[7; 32]).unwrap();
    let error = Ledger::open(backend.store(), signer).map(drop).unwrap_err();
    assert_eq!(error.code(), "origin-malformed");
    assert!(error.zh().contains("https://"), "{}", error.zh());
    // Nothing of it stays.
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..1).unwrap();
    assert_eq!(audit(&reader), 1);
}

/// Each published tile and bundle is that of the leaves, stays as it was, and ends where the log
/// does; every checkpoint is consistent with every later one.
pub(crate) fn published_tiles_never_change<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let mut sizes = Vec::new();
    for group in 0..12usize {
        commit(&mut ledger, group * 61..(group + 1) * 61).unwrap();
        sizes.push(ledger.size());
    }
    let size = ledger.size();
    let entries: Vec<Vec<u8>> =
        (0..size).map(|index| reader.fact(index).unwrap().unwrap().entry).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    for &size in &sizes {
        let size = usize::try_from(size).unwrap();
        for (index, (leaves, entries)) in
            leaves[..size].chunks(256).zip(entries[..size].chunks(256)).enumerate()
        {
            let (index, width) = (index as u64, leaves.len() as u16);
            assert_eq!(reader.tile(0, index, width).unwrap().as_deref(), Some(leaves));
            assert_eq!(reader.entries(index, width).unwrap().as_deref(), Some(entries));
            let bundle = reader.entry_bundle(index, width).unwrap().unwrap();
            assert_eq!(tile::decode_bundle(&bundle, width).unwrap(), entries);
            let bytes = reader.tile_bytes(0, index, width).unwrap().unwrap();
            assert_eq!(tile::decode_tile(&bytes, width).unwrap(), leaves);
        }
        let roots: Vec<Hash> = leaves[..size].chunks_exact(256).map(tile::tile_root).collect();
        if let Some(id) = TileId::in_tree(size as u64, 1, 0) {
            assert_eq!(reader.tile(1, 0, id.width).unwrap(), Some(roots));
        }
    }
    let end = (size % 256) as u16;
    for (level, index, width) in [
        (0, size / 256, end + 1),
        (0, size / 256 + 1, 1),
        (1, 0, 6),
        (2, 0, 1),
        (0, 0, 0),
        (0, 0, 257),
        (0, u64::MAX, 1),
        (255, 0, 1),
    ] {
        assert_eq!(reader.tile(level, index, width).unwrap(), None, "{level}/{index}/{width}");
    }
    assert_eq!(reader.entries(size / 256, end + 1).unwrap(), None);
    assert_eq!(reader.entries(0, 0).unwrap(), None);
    assert_eq!(reader.entries(0, 257).unwrap(), None);
    for pair in sizes.windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let root = |size| reader.checkpoint(size).unwrap().unwrap().root;
        let consistency = proof::prove_consistency(&crate::receipt::ReaderTiles(&reader), old, new);
        proof::verify_consistency(old, new, &consistency.unwrap(), &root(old), &root(new)).unwrap();
    }
}

/// Straight at the store, past the ledger.
pub(crate) fn never_two_roots_for_one_size<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..2).unwrap();
    commit(&mut ledger, 2..4).unwrap();
    drop(ledger);
    let latest = reader.latest_checkpoint().unwrap().unwrap();
    let mut store = backend.store();
    let mut put =
        |checkpoint: CheckpointRow| store.transaction(&mut |tx| tx.put_checkpoint(&checkpoint));
    put(latest.clone()).unwrap();
    let other_root = CheckpointRow { root: Hash::EMPTY_ROOT, ..latest.clone() };
    let error = put(other_root).unwrap_err();
    assert_eq!(error.code(), "store-log-fork");
    assert!(error.is_fatal());
    // That was fatal: this writer is done.
    assert_eq!(put(latest.clone()).unwrap_err().code(), "store-fatal");
    drop(store);
    let mut store = backend.store();
    let smaller = CheckpointRow { size: 5, ..latest.clone() };
    let error = store.transaction(&mut |tx| tx.put_checkpoint(&smaller)).unwrap_err();
    assert_eq!(error.code(), "store-log-fork");
    assert_eq!(reader.latest_checkpoint().unwrap(), Some(latest));
    assert_eq!(audit(&reader), 4);
}

/// Straight at the store: leaves only at the end, tiles only longer.
pub(crate) fn the_log_only_grows<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    commit(&mut ledger, 0..2).unwrap();
    drop(ledger);
    let row = reader.fact(3).unwrap().unwrap();
    let again = |index| NewFact {
        index,
        message: None,
        document: None,
        participant: None,
        kind: &row.kind,
        time_ms: row.time_ms,
        fact: &row.fact,
        nonce: *Nonce::new(row.nonce).as_bytes(),
        entry: &row.entry,
        leaf_hash: row.leaf_hash,
    };
    let mut store = backend.store();
    for index in [0, 3, 5, u64::MAX] {
        let result = store.transaction(&mut |tx| tx.append_fact(&again(index)));
        assert_eq!(result.unwrap_err().code(), "store-conflict", "{index}");
    }
    let (a, b) = (digest(1), digest(2));
    store.transaction(&mut |tx| tx.put_tile(1, 7, &[a])).unwrap();
    store.transaction(&mut |tx| tx.put_tile(1, 7, &[a, b])).unwrap();
    let shorter = store.transaction(&mut |tx| tx.put_tile(1, 7, &[a]));
    assert_eq!(shorter.unwrap_err().code(), "store-log-damaged");
}

pub(crate) fn many_readers_see_whole_groups_only<B: Backend>() {
    let backend = B::new();
    let (mut ledger, reader) = open(&backend);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = || {
            let mut last = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) || last < 200 {
                let counts = reader.counts().unwrap();
                assert_eq!(counts.facts, 2 * counts.accepted, "within one call");
                assert!(counts.facts >= last);
                last = counts.facts;
                if let Some(newest) = last.checked_sub(1) {
                    assert_holds(&reader.receipt(newest).unwrap().unwrap());
                }
            }
        };
        // More threads than there are connections.
        let watchers: Vec<_> = (0..6).map(|_| scope.spawn(watch)).collect();
        for n in 0..100 {
            commit(&mut ledger, n..n + 1).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for watcher in watchers {
            watcher.join().unwrap();
        }
    });
    assert_eq!(audit(&reader), 100);
}
