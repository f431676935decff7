//! What the commands on whole journals are told of a log: folder, key, head, master
//! keys, from the configuration or one by one. What is named wins.

use std::path::{Path, PathBuf};

use onepoint_proof::{LogSigner, LogVerifier};
use onepoint_store::MasterKeys;

use crate::cli::store::copies::KnownArgs;
use crate::commands::check_config::print_faults;
use crate::commands::{Failure, read_text};
use crate::config::{self, Settings};
use crate::gateway;
use crate::trust::log_key;

/// Longest file of master keys.
const MASTER_FILE_MAX: u64 = 16 * 1024;

/// What is known of a log and its journal.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Folder of the journal that the configuration names.
    pub(super) store: Option<PathBuf>,
    pub(super) log_key: Option<LogVerifier>,
    pub(super) head: Option<PathBuf>,
    pub(super) master_keys: Option<MasterKeys>,
}

impl Known {
    /// From a configuration, if one is given, and then what is named on the command line.
    pub(super) fn read(config: Option<&PathBuf>, args: &KnownArgs) -> Result<Known, Failure> {
        let mut known =
            config.map_or_else(|| Ok(Known::default()), |path| Known::of_config(path))?;
        if let Some(text) = &args.log_key {
            known.log_key = Some(log_key(text)?);
        }
        if let Some(head) = &args.head {
            known.head = Some(head.clone());
        }
        if let Some(path) = &args.master_key {
            let text = zeroize::Zeroizing::new(read_text(path, MASTER_FILE_MAX)?);
            known.master_keys = Some(MasterKeys::parse(&text).map_err(|error| {
                let message = format!("{}: {}", path.display(), error.en());
                Failure::usage(error.code(), message, "give the file that the gateway uses")
            })?);
        }
        Ok(known)
    }

    fn of_config(path: &Path) -> Result<Known, Failure> {
        let settings = settings(path)?;
        let signer = signer(&settings)?;
        Ok(Known {
            store: Some(settings.store),
            log_key: Some(signer.verifier().clone()),
            head: Some(settings.log.head),
            master_keys: settings.master_keys,
        })
    }

    /// The folder of the journal: named, or of the configuration.
    pub(super) fn folder(&self, named: Option<&PathBuf>) -> PathBuf {
        named.or(self.store.as_ref()).cloned().unwrap_or_default()
    }
}

/// The configuration, or its faults printed.
pub(in crate::commands) fn settings(path: &Path) -> Result<Settings, Failure> {
    config::load(path).map_err(|faults| {
        print_faults(&faults);
        let message = format!("{}: {} faults", path.display(), faults.len());
        Failure::usage("config-invalid", message, "mend the configuration")
    })
}

/// The log's key of a configuration.
pub(super) fn signer(settings: &Settings) -> Result<LogSigner, Failure> {
    gateway::log_signer(settings).map_err(|error| {
        let hint = "`onepoint check-config` says what else is wrong";
        Failure::usage(error.code(), error.to_string(), hint)
    })
}
