//! The section `[schemas]`: further schema sets in a folder, and the days on which versions
//! of a norm begin to judge. In: the section, then the folder's files. Out: the catalogue by
//! which everything is judged, checked completely, or the faults with file and line.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use onepoint_schemas::{Catalogue, CatalogueError, Files};

use super::section::Section;
use super::{ConfigFault, Settings};

/// Files of all added sets together.
const FILES_MAX: usize = 4_000;
/// Bytes of all added sets together.
const BYTES_MAX: u64 = 64 << 20;
/// Folders inside each other: family, version, examples, invalid, and one to spare.
const DEPTH_MAX: usize = 5;
/// What a set is made of.
const KINDS: [&str; 5] = ["toml", "xsd", "xml", "json", "csv"];

/// What `[schemas]` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SchemaSettings {
    /// Sets that departments added, as `<family>/<version>/`.
    pub(crate) folder: Option<PathBuf>,
    /// Version, as `ceb/2022-05`, and the first day (UTC+8) on which it judges.
    pub(crate) from: Vec<(String, Date)>,
}

/// Reads the section.
pub(super) fn read(section: Option<Section<'_, '_>>) -> SchemaSettings {
    let Some(section) = section else { return SchemaSettings::default() };
    let folder = section.opt_text("folder").map(|folder| section.relative(&folder));
    let cut_overs = section.sections("cut_over");
    let from = cut_overs.iter().filter_map(|line| {
        let (version, from) = (line.text("version"), line.date("from"));
        line.finish();
        Some((version?, from?))
    });
    let from = from.collect();
    section.finish();
    SchemaSettings { folder, from }
}

/// Loads the catalogue that the settings name, and checks it against them.
///
/// # Errors
/// Every version that does not exist, or the first fault of a set.
pub(super) fn load(config: &Path, mut settings: Settings) -> Result<Settings, Vec<ConfigFault>> {
    let mut catalogue = match &settings.schemas.folder {
        None => Catalogue::load_builtin().map_err(|error| vec![fault(config, &error)])?,
        Some(folder) => of_folder(folder).map_err(|fault| vec![fault])?,
    };
    let mut faults = Vec::new();
    let unknown = |key: &str, version: &str, catalogue: &Catalogue| {
        let known: Vec<&str> = catalogue.versions().iter().map(|v| v.name.as_str()).collect();
        let what = format!("there is no version {version:?}; known: {}", known.join(", "));
        ConfigFault { file: config.to_owned(), line: 0, key: key.to_owned(), what }
    };
    for (version, from) in &settings.schemas.from {
        if !catalogue.set_from(version, *from) {
            faults.push(unknown("schemas.cut_over", version, &catalogue));
        }
    }
    for participant in settings.registry.participants() {
        for version in &participant.schemas {
            if catalogue.versions().iter().all(|known| known.name != *version) {
                let key = format!("participant {}.schemas", participant.id);
                faults.push(unknown(&key, version, &catalogue));
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    settings.catalogue = Arc::new(catalogue);
    Ok(settings)
}

/// The built-in catalogue with the sets of a folder, each checked completely.
///
/// # Errors
/// The first fault, with its file and line.
pub(crate) fn of_folder(folder: &Path) -> Result<Catalogue, ConfigFault> {
    let mut files = Files::builtin();
    read_into(&mut files, folder, "").map_err(|error| outside(folder, &error))?;
    checked(files).map_err(|error| fault(folder, &error))
}

fn checked(files: Files) -> Result<Catalogue, CatalogueError> {
    let catalogue = Catalogue::load(files)?;
    catalogue.check_added()?;
    Ok(catalogue)
}

/// Reads every file of a folder into the set, below `prefix`.
///
/// # Errors
/// A file that cannot be read, is no UTF-8, or replaces a built-in one; a folder beyond the bounds.
pub(crate) fn read_into(files: &mut Files, folder: &Path, prefix: &str) -> io::Result<()> {
    let mut open = vec![(folder.to_owned(), prefix.to_owned(), 0)];
    let (mut count, mut bytes) = (0, 0);
    while let Some((folder, prefix, depth)) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let name = entry.file_name().into_string().map_err(|_| {
                io::Error::other(format!("{}: its name is not UTF-8", path.display()))
            })?;
            if name.starts_with('.') {
                continue;
            }
            let inside = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if kind.is_dir() {
                if depth >= DEPTH_MAX {
                    return Err(io::Error::other(format!("{}: too deep", path.display())));
                }
                open.push((path, inside, depth + 1));
            } else if path.extension().is_some_and(|end| KINDS.iter().any(|kind| end == *kind)) {
                count += 1;
                bytes += entry.metadata()?.len();
                if count > FILES_MAX || bytes > BYTES_MAX {
                    let what = format!("more than {FILES_MAX} files or {BYTES_MAX} bytes");
                    return Err(io::Error::other(what));
                }
                if Files::is_builtin(&inside) {
                    let what = format!("{}: {inside} is built in", path.display());
                    return Err(io::Error::other(what));
                }
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
                files.insert(inside, text);
            }
        }
    }
    Ok(())
}

fn outside(folder: &Path, error: &io::Error) -> ConfigFault {
    let what = format!("cannot be read: {error}");
    ConfigFault { file: folder.to_owned(), line: 0, key: String::new(), what }
}

/// A fault of a set as one of the configuration: `folder` is where its files stand.
pub(crate) fn fault(folder: &Path, error: &CatalogueError) -> ConfigFault {
    ConfigFault {
        file: folder.join(error.file()),
        line: error.line().unwrap_or(0),
        key: String::new(),
        what: error.reason(),
    }
}

#[cfg(test)]
mod tests;
