//! `onepoint schemas check`: whether a file is a good message of its type. No signature is
//! asked for: a message may be tried before it is signed.

use std::process::ExitCode;

use jiff::tz::Offset;
use onepoint_schemas::{Catalogue, MessageType, Violation};
use onepoint_xml::{Document, Limits};
use serde_json::json;

use super::super::{Failure, Outcome, read_input};
use super::{catalogue, named};
use crate::cli::schemas::CheckArgs;
use crate::clock::Clock;
use crate::config::BODY_BYTES_MAX;

/// What was found in a file.
struct Verdict {
    kind: String,
    version: String,
    /// Of each document; a fault of the whole message has no number.
    faults: Vec<(Option<usize>, Violation)>,
}

pub(super) fn run(args: &CheckArgs) -> Outcome {
    let Some(catalogue) = catalogue(args.config.as_deref())? else { return Ok(ExitCode::from(2)) };
    let bytes = read_input(&args.message, BODY_BYTES_MAX)?;
    let document = match Document::parse(bytes, &Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            let place = error.position();
            let (code, line, column) = (error.code(), place.line, place.column);
            if args.json {
                let (en, zh) = (error.en(), error.zh());
                println!(
                    "{}",
                    json!({ "code": code, "line": line, "column": column, "en": en, "zh": zh })
                );
            } else {
                let file = args.message.display();
                println!("{file}: NOT GOOD, not well-formed");
                println!("  line {line}, column {column}: {} [{code}]", error.en());
            }
            return Ok(ExitCode::from(1));
        }
    };
    let kind = kind(&catalogue, &document, args)?;
    let verdict = judge(&catalogue, kind, &document);
    if args.json {
        for (index, violation) in &verdict.faults {
            let mut line = json!(violation);
            if let (Some(fields), Some(index)) = (line.as_object_mut(), index) {
                fields.insert("document".to_owned(), json!(index));
            }
            println!("{line}");
        }
    } else {
        print(args, &verdict);
    }
    Ok(if verdict.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The type of the root, in the version that is asked for or judges today.
fn kind<'c>(
    catalogue: &'c Catalogue,
    document: &Document,
    args: &CheckArgs,
) -> Result<&'c MessageType, Failure> {
    let root = document.root();
    let newest = named(catalogue, root.name().local, None)?;
    if newest.namespace != root.name().namespace {
        let message = format!("{} is not in the namespace {}", newest.name, newest.namespace);
        let hint = format!("it is in {:?}", root.name().namespace);
        return Err(Failure::usage("type-unknown", message, hint));
    }
    if let Some(version) = &args.version {
        return named(catalogue, &newest.name, Some(version));
    }
    let today = Offset::constant(8).to_datetime(Clock.now()).date();
    catalogue.in_force(newest, today, &[]).ok_or_else(|| {
        let message = format!("no version of {} judges {} today", newest.family, newest.name);
        Failure::usage("type-not-in-force", message, "name one with --version")
    })
}

fn judge(catalogue: &Catalogue, kind: &MessageType, document: &Document) -> Verdict {
    let faults = match catalogue.validate_structure(document, kind) {
        Err(found) => found.into_iter().filter(|it| !unsigned(it)).map(|it| (None, it)).collect(),
        Ok(()) => Vec::new(),
    };
    let mut verdict = Verdict { kind: kind.name.clone(), version: kind.schema_version(), faults };
    if verdict.faults.is_empty() {
        for index in 0..catalogue.documents(document, kind).len() {
            let found = catalogue.check_rules(document, kind, index);
            verdict.faults.extend(found.into_iter().map(|it| (Some(index), it)));
        }
    }
    verdict
}

/// That it is not signed yet is no fault here.
fn unsigned(violation: &Violation) -> bool {
    violation.code == "schema-missing-element" && violation.expected == "Signature"
}

fn print(args: &CheckArgs, verdict: &Verdict) {
    let (file, kind, version) = (args.message.display(), &verdict.kind, &verdict.version);
    match verdict.faults.len() {
        0 => println!("{file}: good, {kind} of {version}"),
        n => println!("{file}: NOT GOOD, {kind} of {version}, {n} violations"),
    }
    for (index, violation) in &verdict.faults {
        let Violation { code, path, line, column, en, zh, norm_code, .. } = violation;
        let norm = norm_code.as_deref().map(|norm| format!(", norm {norm}")).unwrap_or_default();
        let document = index.map(|index| format!("document {index}, ")).unwrap_or_default();
        println!("  {document}line {line}, column {column}, {path}: {en} [{code}{norm}]");
        println!("    {zh}");
    }
}
