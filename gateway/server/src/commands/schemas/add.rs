//! `onepoint schemas add`: a department's own set, with a manifest and no code. It is checked
//! completely beside everything that is there: schemas compile, examples are judged as they
//! say, rules name fields that exist, declarations have routes. Then it is copied as a whole:
//! into a hidden folder, synced, and renamed; a running gateway takes it at SIGHUP.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use onepoint_schemas::{Catalogue, Direction, Files};

use super::super::check_config::print_faults;
use super::super::{Failure, Outcome, make_folder, read_text};
use crate::cli::schemas::AddArgs;
use crate::config::{self, ConfigFault, Settings, schemas};

/// Longest manifest, bytes.
const MANIFEST_MAX: u64 = 1 << 20;

pub(super) fn run(args: &AddArgs) -> Outcome {
    let settings = match config::load(&args.config) {
        Ok(settings) => settings,
        Err(faults) => {
            print_faults(&faults);
            return Ok(ExitCode::from(2));
        }
    };
    let Some(folder) = settings.schemas.folder.clone() else {
        let message = format!("{} names no folder for schema sets", args.config.display());
        let hint = "add `[schemas]` with `folder = \"schemas\"` to it";
        return Err(Failure::usage("schemas-folder-missing", message, hint));
    };
    let version = version(&args.set)?;
    let place = folder.join(&version);
    if place.exists() {
        let message = format!("{} is there already", place.display());
        let hint = "facts name the version they were judged by: give the set another version";
        return Err(Failure::usage("schemas-version-taken", message, hint));
    }
    let files = match together(&folder, &args.set, &version) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("{}: {error}", args.set.display());
            return Err(Failure::outside(
                "set-unreadable",
                message,
                "see `onepoint schemas --help`",
            ));
        }
    };
    let mine: Vec<(String, String)> = files
        .below(&format!("{version}/"))
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    if let Err(fault) = check(files, &settings, args, &version) {
        eprintln!("{fault}");
        eprintln!("onepoint: the set is refused, nothing was copied [schemas-set-refused]");
        return Ok(ExitCode::from(1));
    }
    if args.dry_run {
        println!("{version} is good; nothing was copied");
        return Ok(ExitCode::SUCCESS);
    }
    copy(&folder, &version, &mine).map_err(|error| {
        let message = format!("{}: {error}", place.display());
        Failure::outside("folder-unwritable", message, "choose a folder you may write to")
    })?;
    println!("{version} stands in {}", place.display());
    println!("A running gateway takes it at SIGHUP; a new one at its start.");
    Ok(ExitCode::SUCCESS)
}

/// Family and version of a set, from its manifest: where it belongs.
fn version(set: &Path) -> Result<String, Failure> {
    let path = set.join("manifest.toml");
    let text = read_text(&path, MANIFEST_MAX)?;
    let wrong = |what: &str| {
        let message = format!("{}: {what}", path.display());
        Failure::usage("manifest-invalid", message, "family and version name the folder of a set")
    };
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(error.to_string().trim_end()))?;
    let plain = |key: &str| {
        let text = table.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let good = !text.is_empty() && !text.starts_with('.') && text.bytes().all(allowed);
        let what = format!("{key} is missing, or not of letters, digits, - . and _");
        if good { Ok(text.to_owned()) } else { Err(wrong(&what)) }
    };
    Ok(format!("{}/{}", plain("family")?, plain("version")?))
}

/// Everything that would be there: built in, added before, and the new set.
fn together(folder: &Path, set: &Path, version: &str) -> io::Result<Files> {
    let mut files = Files::builtin();
    if folder.exists() {
        schemas::read_into(&mut files, folder, "")?;
    }
    schemas::read_into(&mut files, set, version)?;
    Ok(files)
}

fn check(
    files: Files,
    settings: &Settings,
    args: &AddArgs,
    version: &str,
) -> Result<(), ConfigFault> {
    let in_set = |mut fault: ConfigFault| {
        if let Ok(inside) = fault.file.strip_prefix(version) {
            fault.file = args.set.join(inside);
        }
        fault
    };
    let fault = |error| in_set(schemas::fault(Path::new(""), &error));
    let catalogue = Catalogue::load(files).map_err(fault)?;
    catalogue.check_version(version).map_err(fault)?;
    let declarations = catalogue.all_versions().filter(|kind| kind.schema_version() == version);
    for kind in declarations.filter(|kind| kind.direction == Direction::Declaration) {
        if !settings.routes.knows(&kind.name) {
            let name = &kind.name;
            return Err(ConfigFault {
                file: args.config.clone(),
                line: 0,
                key: "route".to_owned(),
                what: format!(
                    "no department gets {name}; add [[route]] with type = \"{name}\" and departments"
                ),
            });
        }
    }
    Ok(())
}

/// Copies all or nothing: what is not renamed is not seen.
fn copy(folder: &Path, version: &str, files: &[(String, String)]) -> io::Result<()> {
    let (family, name) = version.split_once('/').unwrap_or((version, ""));
    let parent = folder.join(family);
    make_folder(&parent).map_err(|failure| io::Error::other(failure.message))?;
    let hidden = parent.join(format!(".adding-{name}-{}", std::process::id()));
    let written = write_all(&hidden, version, files).and_then(|()| {
        #[expect(clippy::disallowed_methods, reason = "the set is synced; its name makes it seen")]
        fs::rename(&hidden, parent.join(name))
    });
    match written {
        Ok(()) => File::open(&parent)?.sync_all(),
        Err(error) => {
            // Half a set is of no use, and hidden from the gateway either way.
            drop(fs::remove_dir_all(&hidden));
            Err(error)
        }
    }
}

fn write_all(hidden: &Path, version: &str, files: &[(String, String)]) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = vec![hidden.to_owned()];
    fs::create_dir(hidden)?;
    for (path, text) in files {
        let inside = path.strip_prefix(version).unwrap_or(path).trim_start_matches('/');
        let place = hidden.join(inside);
        if let Some(above) = place.parent().filter(|above| !folders.iter().any(|f| f == above)) {
            fs::create_dir_all(above)?;
            folders.push(above.to_owned());
        }
        let mut file = File::create_new(&place)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
    }
    folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
}
