//! `onepoint schemas show`: one type for people, or as JSON.

use std::process::ExitCode;

use onepoint_schemas::{Catalogue, Field, MessageType, Place, Signature, ValueType};
use serde_json::{Value, json};

use super::super::Outcome;
use super::{catalogue, direction, named, say};
use crate::cli::schemas::ShowArgs;

pub(super) fn run(args: &ShowArgs) -> Outcome {
    let wanted = &args.kind;
    let config = wanted.config.as_deref();
    let Some(catalogue) = catalogue(config)? else { return Ok(ExitCode::from(2)) };
    let kind = named(&catalogue, &wanted.name, wanted.version.as_deref())?;
    let fields = catalogue.fields(kind).unwrap_or_default();
    if args.json {
        return Ok(say(&format!("{}\n", value(&catalogue, kind, &fields))));
    }
    Ok(say(&described(&catalogue, kind, &fields)))
}

fn described(catalogue: &Catalogue, kind: &MessageType, fields: &[Field]) -> String {
    let version = kind.schema_version();
    let mut all = format!("{} {version}: {} {}\n", kind.name, kind.title, kind.title_zh);
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            all.push_str(&format!("  {name:<14} {text}\n"));
        }
    };
    line("direction", direction(kind.direction).to_owned());
    line("root", format!("{{{}}}{}", kind.namespace, kind.name));
    line("senders", kind.senders.join(", "));
    line("signature", signature(kind).to_owned());
    line("business key", keys(kind).join(" or "));
    line("order key", kind.order_key.join(" + "));
    line("signed by", parties(kind));
    line("personal", kind.personal.join(", "));
    line("receipt", kind.receipt.clone().unwrap_or_default());
    line("engine", catalogue.engine(kind).to_owned());
    all.push_str(&format!("\n{:<40} {:<8} {:<50} documentation\n", "field", "occurs", "type"));
    for field in fields {
        let name = format!("{}{}", "  ".repeat(field.depth), field.name);
        let (occurs, words) = (occurs(field), words(field));
        let line = format!("{name:<40} {occurs:<8} {words:<50} {}", field.documentation);
        all.push_str(line.trim_end());
        all.push('\n');
    }
    let rules = catalogue.rules_of(kind);
    if !rules.is_empty() {
        all.push_str("\nrules\n");
    }
    for rule in rules {
        let norm = rule.norm_code.map(|code| format!(" (norm {code})")).unwrap_or_default();
        all.push_str(&format!("  {}{norm}\n    {}\n    {}\n", rule.code, rule.en, rule.zh));
    }
    all
}

fn value(catalogue: &Catalogue, kind: &MessageType, fields: &[Field]) -> Value {
    let field = |field: &Field| {
        json!({
            "name": field.name, "depth": field.depth, "min": field.min, "max": field.max,
            "type": words(field), "documentation": field.documentation,
        })
    };
    let rule = |rule: onepoint_schemas::RuleInfo| json!({ "code": rule.code, "norm_code": rule.norm_code, "en": rule.en, "zh": rule.zh });
    json!({
        "type": kind.name, "family": kind.family, "version": kind.version,
        "direction": direction(kind.direction), "namespace": kind.namespace,
        "title": kind.title, "title_zh": kind.title_zh, "senders": kind.senders,
        "signature": signature(kind), "key": kind.key, "key_else": kind.key_else,
        "order_key": kind.order_key, "signer_any_of": kind.signer_any_of,
        "signer_all_of": kind.signer_all_of, "personal": kind.personal, "receipt": kind.receipt,
        "engine": catalogue.engine(kind),
        "fields": fields.iter().map(field).collect::<Vec<_>>(),
        "rules": catalogue.rules_of(kind).into_iter().map(rule).collect::<Vec<_>>(),
    })
}

fn signature(kind: &MessageType) -> &'static str {
    match (kind.signature, kind.signature_place) {
        (Signature::None, _) | (_, Place::Envelope) => "none; it stands in the envelope around",
        (Signature::Required, Place::Last) => "required, last child of the root",
        (Signature::Required, Place::BeforeExtension) => "required, before ExtendMessage",
        (Signature::Optional, Place::Last) => "optional, last child of the root",
        (Signature::Optional, Place::BeforeExtension) => "optional, before ExtendMessage",
    }
}

fn keys(kind: &MessageType) -> Vec<String> {
    let all = std::iter::once(&kind.key).chain(&kind.key_else);
    let shown = |key: &Vec<String>| match key.split_first() {
        Some((name, fields)) => format!("{name}: {}", fields.join(" + ")),
        None => String::new(),
    };
    all.map(shown).collect()
}

fn parties(kind: &MessageType) -> String {
    let any = kind.signer_any_of.join(" or ");
    let all = kind.signer_all_of.iter().map(String::as_str);
    let groups = std::iter::once(any.as_str()).filter(|any| !any.is_empty()).chain(all);
    groups.collect::<Vec<_>>().join(", and ")
}

fn occurs(field: &Field) -> String {
    match field.max {
        Some(max) if max == field.min => max.to_string(),
        Some(max) => format!("{}..{max}", field.min),
        None => format!("{}..", field.min),
    }
}

fn words(field: &Field) -> String {
    match &field.value {
        Some(value) => ValueType::words(value),
        None if field.foreign => "of another namespace".to_owned(),
        None => String::new(),
    }
}
