//! JSON Schema 2020-12 by the crate jsonschema, closed to the world: no network, no
//! files, patterns in linear time only, everything bounded. In: a schema, also one that a
//! stranger wrote, and [`Json`]. Out: violations with line, column and JSON Pointer,
//! personal values masked.

use std::collections::BTreeMap;
use std::error::Error;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{
    Draft, PatternOptions, Registry, RegistryBuilder, Retrieve, Uri, ValidationError, Validator,
};
use serde_json::Value;

use super::generate::DIALECT;
use super::read::{Json, JsonLimits};
use crate::violation::{VIOLATIONS_MAX, Violation, cut};

/// Most bytes of one schema, and levels of it.
const SCHEMA_BYTES_MAX: usize = 2 << 20;
const SCHEMA_DEPTH_MAX: usize = 64;
/// Most bytes that one compiled pattern may take, and its table while it runs.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Most characters of what is said of a schema.
const WORDS_MAX: usize = 400;
/// Stands for a value that is personal.
const HIDDEN: &str = "***";

/// Why a JSON Schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JsonSchemaError {
    /// It is not JSON, or too large.
    #[error("line {}, column {}: {}", .0.line, .0.column, .0.en)]
    Json(Box<Violation>),
    /// It is not a schema of the dialect 2020-12, or names one that is not there.
    #[error("at {at}: {why}")]
    Schema {
        /// JSON Pointer into the schema.
        at: String,
        /// Why.
        why: String,
    },
}

/// The schemas that another may refer to: those given with it, and no others.
#[derive(Clone)]
struct Given(BTreeMap<String, Value>);

impl Retrieve for Given {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let given = self.0.get(uri.as_str());
        given.cloned().ok_or_else(|| format!("{uri} is not among the schemas given").into())
    }
}

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator,
}

impl JsonSchema {
    /// Compiles a schema. What it refers to must stand in it or in `others`, which are
    /// schemas by their URI.
    ///
    /// # Errors
    /// A schema that is not one, refers elsewhere, or holds a pattern that needs more
    /// than linear time or more room than is given.
    pub fn compile(text: &[u8], others: &[(&str, &[u8])]) -> Result<JsonSchema, JsonSchemaError> {
        let read = |bytes: &[u8]| {
            let limits = JsonLimits {
                bytes: SCHEMA_BYTES_MAX,
                depth: SCHEMA_DEPTH_MAX,
                ..JsonLimits::default()
            };
            Json::read(bytes.to_vec(), &limits).map_err(JsonSchemaError::Json)
        };
        let schema = read(text)?;
        let named = schema.value().get("$schema").and_then(Value::as_str);
        if named.is_some_and(|named| {
            named.trim_end_matches('#') != DIALECT && !others.iter().any(|(uri, _)| *uri == named)
        }) {
            let why = format!("only the dialect {DIALECT} is taken");
            return Err(JsonSchemaError::Schema { at: "/$schema".to_owned(), why });
        }
        let mut given = BTreeMap::new();
        for (uri, bytes) in others {
            given.insert((*uri).to_owned(), read(bytes)?.value().clone());
        }
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let options = jsonschema::options()
            .with_retriever(Given(given.clone()))
            .with_pattern_options(patterns);
        let elsewhere = |why: String| JsonSchemaError::Schema { at: "/$schema".to_owned(), why };
        let own = named.and_then(|named| Some((named, given.get(named)?)));
        let built = match own {
            None => options.with_draft(Draft::Draft202012).build(schema.value()),
            // A dialect of its own says which vocabularies count; the registry knows it.
            Some((uri, dialect)) => {
                let registry = Registry::new().retriever(Given(given.clone()));
                let registry = registry.add(uri, dialect).and_then(RegistryBuilder::prepare);
                let registry = registry.map_err(|error| elsewhere(error.to_string()))?;
                options.with_registry(&registry).build(schema.value())
            }
        };
        let validator = built.map_err(|error| JsonSchemaError::Schema {
            at: error.instance_path().as_str().to_owned(),
            why: error.to_string().chars().take(WORDS_MAX).collect(),
        })?;
        if validator.draft() != Draft::Draft202012 {
            return Err(elsewhere(format!("only the dialect {DIALECT} is taken")));
        }
        Ok(JsonSchema { validator })
    }

    /// Whether the value is valid; says nothing of why.
    #[must_use]
    pub fn is_valid(&self, json: &Json) -> bool {
        self.validator.is_valid(json.value())
    }

    /// Validates. Values of members named in `personal` are not repeated.
    ///
    /// # Errors
    /// Every violation up to [`VIOLATIONS_MAX`], in the order of the text.
    pub fn validate(&self, json: &Json, personal: &[String]) -> Result<(), Vec<Violation>> {
        self.judge(json, personal, |_| None)
    }

    /// As [`JsonSchema::validate`]; `words` says in both languages what is expected of the
    /// string at a pointer.
    pub(super) fn judge(
        &self,
        json: &Json,
        personal: &[String],
        words: impl Fn(&str) -> Option<(String, String)>,
    ) -> Result<(), Vec<Violation>> {
        if self.validator.is_valid(json.value()) {
            return Ok(());
        }
        let mut found = Vec::new();
        let mut more = 0_usize;
        for error in self.validator.iter_errors(json.value()) {
            match found.len() < VIOLATIONS_MAX {
                true => faults(json, personal, &error, &words, &mut found),
                false => more += 1,
            }
        }
        more += found.len().saturating_sub(VIOLATIONS_MAX);
        found.truncate(VIOLATIONS_MAX);
        found.sort_by_key(|violation: &Violation| (violation.line, violation.column));
        if more > 0 {
            let text =
                (format!("{more} more faults, not listed"), format!("另有 {more} 处错误，未列出"));
            let fault = Violation::placed("json-more", "", 1, 1).found(&more.to_string());
            found.push(fault.text(text.0, text.1));
        }
        Err(found)
    }
}

/// The violations one error of the validator stands for.
fn faults(
    json: &Json,
    personal: &[String],
    error: &ValidationError<'_>,
    words: &impl Fn(&str) -> Option<(String, String)>,
    found: &mut Vec<Violation>,
) {
    let pointer = error.instance_path().as_str();
    if let Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } =
        error.kind()
    {
        for name in unexpected.iter().take(VIOLATIONS_MAX) {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let (line, column) = json.name_position(&pointer);
            let text = (
                format!("{} has no place here", cut(name)),
                format!("此处不应有成员 {}", cut(name)),
            );
            let fault = Violation {
                rule: error.kind().keyword().to_owned(),
                ..Violation::placed("json-unexpected-member", &pointer, line, column)
            };
            found.push(fault.found(name).text(text.0, text.1));
        }
        return;
    }
    let (line, column) = json.position(pointer);
    let rule = error.kind().keyword();
    let place = |code: &str| Violation {
        rule: rule.to_owned(),
        ..Violation::placed(code, pointer, line, column)
    };
    if let Kind::Required { property } = error.kind() {
        let name = property.as_str().unwrap_or_default();
        let text = (format!("{name} is missing"), format!("缺少 {name}"));
        found.push(place("json-missing-member").expected(name).text(text.0, text.1));
        return;
    }
    if matches!(error.kind(), Kind::FalseSchema) {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let text = (
            format!("{name} excludes another member that is there"),
            format!("{name} 与已有的其他成员互斥"),
        );
        found.push(place("json-exclusive-member").text(text.0, text.1));
        return;
    }
    let code = format!("json-{}", kebab(error.kind().keyword()));
    let hidden = pointer.split('/').any(|name| personal.iter().any(|p| p == name));
    let shown = match (hidden, &**error.instance()) {
        (true, _) => HIDDEN.to_owned(),
        (false, Value::String(text)) => text.clone(),
        (false, Value::Array(items)) => format!("an array of {}", items.len()),
        (false, Value::Object(members)) => format!("an object of {} members", members.len()),
        (false, other) => other.to_string(),
    };
    let (en, zh) = words(pointer).unwrap_or_else(|| expected(error.kind()));
    let text = (
        format!("expected {en}, found {}", cut(&shown)),
        format!("应为{zh}，实为 {}", cut(&shown)),
    );
    found.push(place(&code).expected(en).found(&shown).text(text.0, text.1));
}

/// `maxLength` as `max-length`; `$ref` as `ref`.
fn kebab(keyword: &str) -> String {
    let mut out = String::new();
    for c in keyword.chars().filter(|c| *c != '$') {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// What a keyword asks, in English and Chinese.
fn expected(kind: &Kind) -> (String, String) {
    let said = |en: String, zh: String| (en, zh);
    match kind {
        Kind::Type { kind } => {
            let names = format!("{kind:?}");
            said(format!("the type {}", type_name(&names)), format!("类型 {}", type_name(&names)))
        }
        Kind::MinLength { limit } => {
            said(format!("at least {limit} characters"), format!("至少 {limit} 个字符"))
        }
        Kind::MaxLength { limit } => {
            said(format!("at most {limit} characters"), format!("至多 {limit} 个字符"))
        }
        Kind::MinItems { limit } => {
            said(format!("at least {limit} items"), format!("至少 {limit} 项"))
        }
        Kind::MaxItems { limit } => {
            said(format!("at most {limit} items"), format!("至多 {limit} 项"))
        }
        Kind::Pattern { pattern } => {
            let pattern = cut(pattern);
            said(format!("text of the form {pattern}"), format!("符合格式 {pattern} 的文本"))
        }
        Kind::Enum { options } => {
            let options = cut(&options.to_string());
            said(format!("one of {options}"), format!("{options} 之一"))
        }
        Kind::Constant { expected_value } => {
            let value = cut(&expected_value.to_string());
            said(value.clone(), value)
        }
        Kind::Minimum { limit } | Kind::ExclusiveMinimum { limit } => {
            said(format!("more than or equal to {limit}"), format!("不小于 {limit} 的数"))
        }
        Kind::Maximum { limit } | Kind::ExclusiveMaximum { limit } => {
            said(format!("less than or equal to {limit}"), format!("不大于 {limit} 的数"))
        }
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => said(
            "one of the alternatives that the schema gives".to_owned(),
            "schema 所列备选形式之一".to_owned(),
        ),
        other => {
            let keyword = other.keyword();
            said(format!("what the keyword {keyword} asks"), format!("满足关键字 {keyword} 的值"))
        }
    }
}

/// The name inside a debug form such as `Single(String)`.
fn type_name(debug: &str) -> String {
    let inner = debug.split_once('(').map_or(debug, |(_, inner)| inner);
    inner.trim_end_matches(')').to_lowercase()
}
