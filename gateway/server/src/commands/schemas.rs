//! `onepoint schemas`: what message types there are, what a type looks like, whether a file
//! is one, and how a department adds its own. All but `add` only read.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use onepoint_schemas::{Catalogue, Direction, JsonFormError, MessageType};
use serde_json::{Value, json};

use super::check_config::print_faults;
use super::{Failure, Outcome};
use crate::cli::schemas::{ListArgs, SchemasCommand, TypeArgs};
use crate::config;

mod add;
mod check;
mod show;

pub(crate) fn run(command: &SchemasCommand) -> Outcome {
    match command {
        SchemasCommand::List(args) => list(args),
        SchemasCommand::Show(args) => show::run(args),
        SchemasCommand::Json(args) => json_schema(args),
        SchemasCommand::Check(args) => check::run(args),
        SchemasCommand::Add(args) => add::run(args),
    }
}

/// The catalogue of a configuration, or the built-in one; none when the configuration has
/// faults, which are printed.
fn catalogue(config: Option<&Path>) -> Result<Option<Arc<Catalogue>>, Failure> {
    let Some(path) = config else {
        let built_in = Catalogue::load_builtin().map_err(|error| {
            Failure::outside("catalogue-broken", error.to_string(), "install again")
        })?;
        return Ok(Some(Arc::new(built_in)));
    };
    match config::load(path) {
        Ok(settings) => Ok(Some(settings.catalogue)),
        Err(faults) => {
            print_faults(&faults);
            Ok(None)
        }
    }
}

fn list(args: &ListArgs) -> Outcome {
    let Some(catalogue) = catalogue(args.config.as_deref())? else { return Ok(ExitCode::from(2)) };
    let mut text = String::new();
    if args.json {
        for kind in catalogue.all_versions() {
            text.push_str(&format!("{}\n", line(&catalogue, kind)));
        }
        return Ok(say(&text));
    }
    text.push_str(&format!(
        "{:<28} {:<14} {:<12} {:<12} {:<10} title\n",
        "type", "version", "from", "direction", "engine"
    ));
    for kind in catalogue.all_versions() {
        let version = kind.schema_version();
        text.push_str(&format!(
            "{:<28} {version:<14} {:<12} {:<12} {:<10} {} {}\n",
            kind.name,
            from(&catalogue, &version),
            direction(kind.direction),
            catalogue.engine(kind),
            kind.title,
            kind.title_zh,
        ));
    }
    Ok(say(&text))
}

fn json_schema(args: &TypeArgs) -> Outcome {
    let Some(catalogue) = catalogue(args.config.as_deref())? else { return Ok(ExitCode::from(2)) };
    let kind = named(&catalogue, &args.name, args.version.as_deref())?;
    match catalogue.json_form(kind) {
        Some(Ok(form)) => Ok(say(form.schema_text())),
        Some(Err(error)) => Err(no_form(kind, error)),
        None => Ok(ExitCode::from(2)),
    }
}

fn no_form(kind: &MessageType, error: &JsonFormError) -> Failure {
    let hint = "it travels as XML";
    Failure::usage("json-form-missing", format!("{}: {error}", kind.name), hint)
}

/// Prints a long text. Whoever reads only its beginning has what they wanted.
fn say(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    ExitCode::SUCCESS
}

fn line(catalogue: &Catalogue, kind: &MessageType) -> Value {
    let version = kind.schema_version();
    let from = from(catalogue, &version);
    json!({
        "type": kind.name, "family": kind.family, "version": kind.version, "from": from,
        "direction": direction(kind.direction), "engine": catalogue.engine(kind),
        "title": kind.title, "title_zh": kind.title_zh,
    })
}

/// The day on which a version begins to judge.
fn from(catalogue: &Catalogue, version: &str) -> String {
    let found = catalogue.versions().iter().find(|found| found.name == version);
    found.and_then(|found| found.from).map_or_else(|| "always".to_owned(), |day| day.to_string())
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Declaration => "declaration",
        Direction::Answer => "answer",
        Direction::Envelope => "envelope",
    }
}

/// The type of this name, perhaps in a version.
fn named<'c>(
    catalogue: &'c Catalogue,
    name: &str,
    version: Option<&str>,
) -> Result<&'c MessageType, Failure> {
    let found = match version {
        Some(version) => catalogue.in_version(name, version),
        None => catalogue.by_name(name),
    };
    found.ok_or_else(|| {
        let versions = catalogue.all_versions().filter(|kind| kind.name == name);
        let versions: Vec<String> = versions.map(MessageType::schema_version).collect();
        let hint = match versions.as_slice() {
            [] => "`onepoint schemas list` names them all".to_owned(),
            some => format!("it is in {}", some.join(", ")),
        };
        let message = match version {
            Some(version) => format!("there is no message type {name} in {version}"),
            None => format!("there is no message type {name}"),
        };
        Failure::usage("type-unknown", message, hint)
    })
}
