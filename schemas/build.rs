//! Embeds the schema files. In: every file of the data folders beside `src`. Out: one
//! array of path and text, sorted by path, so that a new file in a folder is simply there.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is embedded: manifests, rules, schemas, examples, code lists.
const KINDS: [&str; 5] = ["toml", "xsd", "xml", "json", "csv"];
/// Folders that hold code.
const CODE: [&str; 3] = ["src", "tests", "benches"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=.");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut files = Vec::new();
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !CODE.contains(&name.as_str()) {
            collect(&path, &name, &mut files)?;
        }
    }
    files.sort();
    let line = |path: &String| {
        format!("({path:?}, include_str!(concat!(env!({DIR:?}), {:?}))),\n", format!("/{path}"))
    };
    let lines: String = files.iter().map(line).collect();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("files.rs"), format!("&[\n{lines}]\n"))
}

/// Where the generated text finds the files.
const DIR: &str = "CARGO_MANIFEST_DIR";

fn collect(folder: &Path, name: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else if path.extension().is_some_and(|kind| KINDS.iter().any(|known| kind == *known)) {
            files.push(name);
        }
    }
    Ok(())
}
