//! `onepoint store backup`, `restore` and `head`: copies of a journal, and the file
//! that tells whether it was rolled back.

use std::process::ExitCode;

use onepoint_proof::fact::format_time;
use onepoint_store::{
    Head, HeadMark, Ledger, Manifest, Reader as _, RestoreOptions, Restored, SqliteReader, backup,
    restore,
};
use serde_json::json;

use super::known::{Known, settings, signer};
use super::{failure, writer};
use crate::cli::store::copies::{BackupArgs, HeadArgs, RestoreArgs};
use crate::clock::Clock;
use crate::commands::{Failure, Outcome};

pub(super) fn back_up(args: &BackupArgs) -> Outcome {
    let folder = match (&args.store, &args.config) {
        (Some(folder), _) => folder.clone(),
        (None, Some(config)) => settings(config)?.store,
        (None, None) => {
            return Err(Failure::usage("store-not-named", "which journal?", "--store DIR"));
        }
    };
    let now_ms = Clock.now().as_millisecond();
    let made = backup(&folder, &args.to, now_ms).map_err(|error| failure(&error))?;
    let manifest = &made.manifest;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    if args.json {
        println!(
            "{}",
            json!({
                "origin": manifest.origin, "size": manifest.size, "root": manifest.root.to_base64(),
                "files": manifest.files.len(), "bytes": bytes, "kept": made.kept,
            })
        );
    } else {
        println!("backup of {} in {}", manifest.origin, args.to.display());
        print_extent(manifest);
        println!("{} files, {bytes} bytes; {} were there already", manifest.files.len(), made.kept);
        println!("keys and the head file are not in it: keep them elsewhere");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn put_back(args: &RestoreArgs) -> Outcome {
    let known = Known::read(args.config.as_ref(), &args.known)?;
    let Some(log_key) = &known.log_key else {
        return Err(Failure::usage("log-key-unusable", "no log key", "--log-key KEY"));
    };
    // A configuration names where the head file would be; it need not have survived.
    let head = known.head.as_deref().filter(|head| args.known.head.is_some() || head.is_file());
    let options = RestoreOptions {
        backup: &args.backup,
        to: &args.to,
        log_key,
        head,
        checkpoint: args.checkpoint.as_deref(),
        mirror: args.known.mirror.as_deref(),
        master_keys: known.master_keys.as_ref(),
        now_ms: Clock.now().as_millisecond(),
    };
    let restored = restore(&options).map_err(|error| Failure {
        code: error.code(),
        message: error.en(),
        hint: error.zh(),
        // The answer is no, unless something outside failed.
        exit: if matches!(error.code(), "store-io" | "store-disk-full" | "store-not-writable") {
            3
        } else {
            1
        },
    })?;
    let unproven = head.is_none() && args.checkpoint.is_none() && args.known.mirror.is_none();
    if args.json {
        println!(
            "{}",
            json!({
                "origin": restored.manifest.origin, "backup_size": restored.manifest.size,
                "size": restored.size, "completed": restored.completed,
                "known_until": restored.known_until_ms.and_then(format_time),
                "compared": !unproven, "check": super::check::summary(&restored.checked),
            })
        );
    } else {
        print_restored(args, &restored, unproven);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_restored(args: &RestoreArgs, restored: &Restored, unproven: bool) {
    println!("restored {} to {}", restored.manifest.origin, args.to.display());
    print_extent(&restored.manifest);
    println!("checked: everything agrees");
    if restored.completed > 0 {
        let (n, first) = (restored.completed, restored.manifest.size);
        let last = restored.size.saturating_sub(1);
        println!(
            "{n} facts ({first} to {last}) came from the auditor's copy: the same log goes on"
        );
        println!(
            "  only their leaves are known. Messages, payloads, answers, guids and business keys of"
        );
        println!(
            "  them are lost: their senders hold the receipts; what they send again is taken anew"
        );
        if let Some(until) = restored.known_until_ms.and_then(format_time) {
            println!("  everything up to {until} is here in full");
        }
    }
    println!("deliveries may go out again under the same ids");
    if unproven {
        println!("nothing from outside was compared (--head, --checkpoint, --mirror):");
        println!("  compare the log with a published checkpoint before the gateway starts");
    }
}

fn print_extent(manifest: &Manifest) {
    let made = format_time(manifest.created_ms).unwrap_or_default();
    println!("{} facts, root {}, made {made}", manifest.size, manifest.root);
}

/// Shows the head file beside the journal, or makes it anew.
pub(super) fn head(args: &HeadArgs) -> Outcome {
    let settings = settings(&args.config)?;
    let path = &settings.log.head;
    if args.accept {
        // Opened as the gateway does: it must be stopped, and its log must hold.
        let store = writer(&settings)?;
        let ledger = Ledger::open(store, signer(&settings)?).map_err(|error| failure(&error))?;
        let root = ledger.latest().map_or(onepoint_proof::Hash::EMPTY_ROOT, |latest| latest.root);
        let mark = HeadMark { origin: ledger.origin().to_owned(), size: ledger.size(), root };
        Head::accept(path, &mark).map_err(|error| failure(&error))?;
        println!("{}: {} facts, root {}", path.display(), mark.size, mark.root);
        println!("from now on this journal counts as the right one");
        return Ok(ExitCode::SUCCESS);
    }
    let slots = Head::inspect(path).map_err(|error| failure(&error))?;
    let mut good = true;
    for (slot, found) in slots.iter().enumerate() {
        match found {
            Ok(mark) => {
                println!("slot {slot}: {} facts, root {}, {}", mark.size, mark.root, mark.origin)
            }
            Err(what) => {
                good = false;
                println!("slot {slot}: damaged: {what}");
            }
        }
    }
    let reader = SqliteReader::open(&settings.store, 1).map_err(|error| failure(&error))?;
    let latest = reader.latest_checkpoint().map_err(|error| failure(&error))?;
    let size = latest.as_ref().map_or(0, |latest| latest.size);
    println!("journal: {size} facts");
    good &= slots.iter().flatten().all(|mark| mark.size <= size);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
