//! `onepoint schemas check`: whether a file, XML or JSON, is a good message of its type. No
//! signature is asked for: a message may be tried before it is signed.

use std::process::ExitCode;

use jiff::tz::Offset;
use onepoint_schemas::{Catalogue, Json, JsonLimits, Language, MessageType, Violation};
use onepoint_xml::{Document, Limits};
use serde_json::json;

use super::super::{Failure, Outcome, read_input};
use super::{catalogue, named, no_form};
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
    let verdict = match bytes.trim_ascii_start().first() {
        Some(b'{') => of_json(&catalogue, bytes, args)?,
        _ => match Document::parse(bytes, &Limits::default()) {
            Ok(document) => {
                let name = document.root().name();
                let kind = kind(&catalogue, (Some(name.namespace), name.local), args)?;
                Some(judge(&catalogue, kind, &document))
            }
            Err(error) => {
                let place = error.position();
                malformed(
                    args,
                    error.code(),
                    (place.line, place.column),
                    [&error.en(), &error.zh()],
                );
                None
            }
        },
    };
    let Some(verdict) = verdict else { return Ok(ExitCode::from(1)) };
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

/// Says that a file is no document at all.
fn malformed(args: &CheckArgs, code: &str, (line, column): (u32, u32), [en, zh]: [&str; 2]) {
    if args.json {
        println!("{}", json!({ "code": code, "line": line, "column": column, "en": en, "zh": zh }));
        return;
    }
    println!("{}: NOT GOOD, not well-formed", args.message.display());
    println!("  line {line}, column {column}: {en} [{code}]");
    println!("    {zh}");
}

/// The verdict on a JSON text; none where it is not even JSON, which is said. Every violation
/// has its place in the JSON.
fn of_json(
    catalogue: &Catalogue,
    bytes: Vec<u8>,
    args: &CheckArgs,
) -> Result<Option<Verdict>, Failure> {
    let json = match Json::read(bytes, &JsonLimits::default()) {
        Ok(json) => json,
        Err(fault) => {
            malformed(args, &fault.code, (fault.line, fault.column), [&fault.en, &fault.zh]);
            return Ok(None);
        }
    };
    let Some(name) = json.message_type() else {
        let message = "the text is not one object with one member, which names the type";
        let hint = "write {\"CEB311Message\": {…}}";
        return Err(Failure::usage("type-unknown", message.to_owned(), hint));
    };
    let kind = kind(catalogue, (None, name), args)?;
    let form = match catalogue.json_form(kind) {
        Some(Ok(form)) => form,
        Some(Err(error)) => return Err(no_form(kind, error)),
        None => return Ok(None),
    };
    let message = match form.accept(json) {
        Ok(message) => message,
        Err(found) => {
            let faults = found.into_iter().map(|fault| (None, fault)).collect();
            let (kind, version) = (kind.name.clone(), kind.schema_version());
            return Ok(Some(Verdict { kind, version, faults }));
        }
    };
    let xml = Document::parse(message.xml().as_bytes().to_vec(), &Limits::default());
    let document = xml.map_err(|error| {
        let message = format!("{} has no XML form: {}", kind.name, error.en());
        Failure::usage(error.code(), message, "shorten the message")
    })?;
    let mut verdict = judge(catalogue, kind, &document);
    verdict.faults.iter_mut().for_each(|(_, fault)| message.place(fault));
    Ok(Some(verdict))
}

/// The type of this root, in the version that is asked for or judges today.
fn kind<'c>(
    catalogue: &'c Catalogue,
    (namespace, name): (Option<&str>, &str),
    args: &CheckArgs,
) -> Result<&'c MessageType, Failure> {
    let newest = named(catalogue, name, None)?;
    if let Some(other) = namespace.filter(|namespace| *namespace != newest.namespace) {
        let message = format!("{} is not in the namespace {}", newest.name, newest.namespace);
        let hint = format!("it is in {other:?}");
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
        let document = index.map(|index| format!("document {index}: ")).unwrap_or_default();
        println!("  {document}{}", violation.told(Language::English));
        println!("    {}", violation.told(Language::Chinese));
    }
}
