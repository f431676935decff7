//! Simple types at work. In: a type and the text of an element or attribute. Out: whether
//! the text is one of its values, and if not, which facet it breaks. Nothing is allocated
//! unless white space has to be collapsed inside the text, or values compared that are not
//! plain text or numbers.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;

use super::model::{Model, TypeId};
use super::value::decimal::Decimal;
use super::value::{self, Primitive, Scope, Value};

/// What is done to white space before a value is looked at (part 2, section 4.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum White {
    Preserve,
    Replace,
    Collapse,
}

/// What the value of a type does beyond being one (part 1, section 3.15.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    #[default]
    Plain,
    Id,
    IdRef,
    /// There are no unparsed entities without a DTD, so no value is one.
    Entity,
}

/// How the values of a type are made.
#[derive(Debug, Clone)]
pub(super) enum Variety {
    /// `anySimpleType`.
    Any,
    Atomic(Primitive, Role),
    List(TypeId),
    Union(Vec<TypeId>),
}

/// A simple type: its variety and all facets that hold, its own and those of its bases.
#[derive(Debug, Clone)]
pub(super) struct Simple {
    pub(super) variety: Variety,
    pub(super) white: White,
    pub(super) facets: Facets,
}

/// Limits of values.
#[derive(Debug, Clone, Default)]
pub(super) struct Facets {
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) total_digits: Option<u64>,
    pub(super) fraction_digits: Option<u64>,
    /// Alternatives of one step of derivation, all steps of which hold.
    pub(super) patterns: Vec<Pattern>,
    pub(super) bounds: Vec<Bound>,
    pub(super) values: Option<Values>,
}

/// The patterns of one step: one of them must match.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) texts: Vec<Box<str>>,
    pub(super) regexes: Vec<Regex>,
}

/// One of minInclusive, minExclusive, maxInclusive, maxExclusive.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) rule: Rule,
    pub(super) text: Box<str>,
    pub(super) value: Value,
}

/// The values of an enumeration.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// As written in the schema.
    pub(super) texts: Vec<Box<str>>,
    pub(super) values: Vec<Value>,
}

/// What a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is not written as its type says.
    Type,
    Length,
    MinLength,
    MaxLength,
    Pattern,
    Enumeration,
    MinInclusive,
    MinExclusive,
    MaxInclusive,
    MaxExclusive,
    TotalDigits,
    FractionDigits,
}

impl Rule {
    /// The name of the validation rule in the recommendation.
    pub(super) fn name(self) -> &'static str {
        match self {
            Rule::Type => "cvc-datatype-valid",
            Rule::Length => "cvc-length-valid",
            Rule::MinLength => "cvc-minLength-valid",
            Rule::MaxLength => "cvc-maxLength-valid",
            Rule::Pattern => "cvc-pattern-valid",
            Rule::Enumeration => "cvc-enumeration-valid",
            Rule::MinInclusive => "cvc-minInclusive-valid",
            Rule::MinExclusive => "cvc-minExclusive-valid",
            Rule::MaxInclusive => "cvc-maxInclusive-valid",
            Rule::MaxExclusive => "cvc-maxExclusive-valid",
            Rule::TotalDigits => "cvc-totalDigits-valid",
            Rule::FractionDigits => "cvc-fractionDigits-valid",
        }
    }
}

/// Is told of each ID and IDREF in a value that is valid.
pub(super) type Identities<'i> = dyn FnMut(Role, &str) + 'i;

impl Simple {
    /// The member types of a union without facets of its own.
    pub(super) fn members(&self) -> Option<&[TypeId]> {
        match &self.variety {
            Variety::Union(members) => Some(members),
            _ => None,
        }
    }

    /// The text as this type sees it.
    pub(super) fn normalised<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.white {
            White::Preserve => Cow::Borrowed(text),
            White::Replace => match text.contains(['\t', '\n', '\r']) {
                true => Cow::Owned(text.replace(['\t', '\n', '\r'], " ")),
                false => Cow::Borrowed(text),
            },
            White::Collapse => self.collapsed(text),
        }
    }

    fn collapsed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        // The reader of base64 passes over white space itself; other types than these have
        // none inside a value.
        if let Variety::Atomic(primitive, _) = self.variety
            && !matches!(primitive, Primitive::String | Primitive::Uri)
            && self.facets.patterns.is_empty()
        {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let odd = bytes.windows(2).any(|pair| pair == b"  ")
            || bytes.iter().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r'));
        match odd {
            false => Cow::Borrowed(text),
            true => {
                let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
                Cow::Owned(words.collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// Judges a text by a simple type.
///
/// # Errors
/// The first thing it breaks.
pub(super) fn check(
    model: &Model,
    kind: TypeId,
    text: &str,
    scope: Scope<'_>,
    identities: &mut Identities<'_>,
) -> Result<(), Rule> {
    let Some(simple) = model.simple(kind) else { return Ok(()) };
    let facets = &simple.facets;
    match &simple.variety {
        Variety::Any => Ok(()),
        Variety::Atomic(Primitive::String, Role::Plain) => {
            let text = simple.normalised(text);
            facets.length(text.len(), || text.chars().count())?;
            facets.text(&text)
        }
        Variety::Atomic(primitive, role) => {
            let text = simple.normalised(text);
            atomic(model, simple, *primitive, &text, scope)?;
            match role {
                Role::Plain => Ok(()),
                Role::Entity => Err(Rule::Type),
                role => {
                    identities(*role, &text);
                    Ok(())
                }
            }
        }
        Variety::List(item) => {
            let text = simple.normalised(text);
            let mut count = 0;
            for word in text.split(' ').filter(|word| !word.is_empty()) {
                check(model, *item, word, scope, identities).map_err(|_| Rule::Type)?;
                count += 1;
            }
            facets.length(count, || count)?;
            facets.text_and_value(&text, || parse(model, kind, &text, scope))
        }
        Variety::Union(members) => {
            // The whole text goes to the member: it has its own white space.
            let fits =
                |member: &&TypeId| check(model, **member, text, scope, &mut |_, _| {}).is_ok();
            let member = members.iter().find(fits).ok_or(Rule::Type)?;
            let shown = model.simple(*member).map_or(Cow::Borrowed(text), |m| m.normalised(text));
            facets.text_and_value(&shown, || parse(model, *member, text, scope))?;
            check(model, *member, text, scope, identities)
        }
    }
}

/// The text is normalised.
fn atomic(
    model: &Model,
    simple: &Simple,
    primitive: Primitive,
    text: &str,
    scope: Scope<'_>,
) -> Result<(), Rule> {
    let facets = &simple.facets;
    match primitive {
        Primitive::Decimal | Primitive::Integer => {
            let number = match primitive {
                Primitive::Integer => Decimal::parse_integer(text),
                _ => Decimal::parse(text),
            };
            return facets.number(text, number.ok_or(Rule::Type)?);
        }
        Primitive::Base64 => {
            let octets = value::base64_octets(text).ok_or(Rule::Type)?;
            facets.length(octets, || octets)?;
        }
        Primitive::Notation => {
            let (namespace, local) = scope.resolve(text).ok_or(Rule::Type)?;
            if !model.globals(model.symbols.find(namespace, local)).notation {
                return Err(Rule::Type);
            }
        }
        _ if !value::is_valid(primitive, text, scope) => return Err(Rule::Type),
        Primitive::Hex => facets.length(text.len() / 2, || text.len() / 2)?,
        // Lengths of QNames say nothing (part 2, errata E2-36).
        Primitive::Qname => {}
        _ => facets.length(text.len(), || text.chars().count())?,
    }
    facets.text_and_value(text, || value::parse(primitive, text, scope))
}

impl Facets {
    /// Judges a length. For texts `bytes` is at least the number of characters, and they
    /// are counted only where that does not settle it.
    fn length(&self, bytes: usize, exact: impl Fn() -> usize) -> Result<(), Rule> {
        if self.min_length.is_none() && self.max_length.is_none_or(|max| bytes as u64 <= max) {
            return Ok(());
        }
        let length = exact() as u64;
        let same = self.min_length == self.max_length;
        if self.min_length.is_some_and(|min| length < min) {
            return Err(if same { Rule::Length } else { Rule::MinLength });
        }
        if self.max_length.is_some_and(|max| length > max) {
            return Err(if same { Rule::Length } else { Rule::MaxLength });
        }
        Ok(())
    }

    fn number(&self, text: &str, number: Decimal<'_>) -> Result<(), Rule> {
        self.pattern(text)?;
        if self.total_digits.is_some_and(|max| number.total_digits() as u64 > max) {
            return Err(Rule::TotalDigits);
        }
        if self.fraction_digits.is_some_and(|max| number.fraction_digits() as u64 > max) {
            return Err(Rule::FractionDigits);
        }
        let other = |value: &Value| match value {
            Value::Decimal(text) => Decimal::parse(text).map(|other| number.cmp(&other)),
            _ => None,
        };
        self.within(other)?;
        match &self.values {
            Some(list) if !list.values.iter().any(|v| other(v) == Some(Ordering::Equal)) => {
                Err(Rule::Enumeration)
            }
            _ => Ok(()),
        }
    }

    /// Judges a text that is its own value.
    fn text(&self, text: &str) -> Result<(), Rule> {
        self.pattern(text)?;
        let is = |value: &Value| matches!(value, Value::Text(listed) if **listed == *text);
        match &self.values {
            Some(list) if !list.values.iter().any(is) => Err(Rule::Enumeration),
            _ => Ok(()),
        }
    }

    fn text_and_value(
        &self,
        text: &str,
        value: impl FnOnce() -> Option<Value>,
    ) -> Result<(), Rule> {
        self.pattern(text)?;
        if self.bounds.is_empty() && self.values.is_none() {
            return Ok(());
        }
        let value = value().ok_or(Rule::Type)?;
        self.within(|bound| value.order(bound))?;
        match &self.values {
            Some(list) if !list.values.iter().any(|listed| listed.same(&value)) => {
                Err(Rule::Enumeration)
            }
            _ => Ok(()),
        }
    }

    fn pattern(&self, text: &str) -> Result<(), Rule> {
        let all = self.patterns.iter();
        match all.map(|p| &p.regexes).all(|any| any.iter().any(|regex| regex.is_match(text))) {
            true => Ok(()),
            false => Err(Rule::Pattern),
        }
    }

    /// Judges a value by its order to each bound.
    fn within(&self, order: impl Fn(&Value) -> Option<Ordering>) -> Result<(), Rule> {
        for bound in &self.bounds {
            let order = order(&bound.value);
            let fits = match bound.rule {
                Rule::MinInclusive => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                Rule::MinExclusive => order == Some(Ordering::Greater),
                Rule::MaxInclusive => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                _ => order == Some(Ordering::Less),
            };
            if !fits {
                return Err(bound.rule);
            }
        }
        Ok(())
    }
}

/// The value of a text that [`check`] lets pass.
pub(super) fn parse(model: &Model, kind: TypeId, text: &str, scope: Scope<'_>) -> Option<Value> {
    let simple = model.simple(kind)?;
    match &simple.variety {
        Variety::Any => Some(Value::Text(text.into())),
        Variety::Atomic(primitive, _) => value::parse(*primitive, &simple.normalised(text), scope),
        Variety::List(item) => {
            let text = simple.normalised(text);
            let words = text.split(' ').filter(|word| !word.is_empty());
            words
                .map(|word| parse(model, *item, word, scope))
                .collect::<Option<_>>()
                .map(Value::List)
        }
        Variety::Union(members) => {
            let fits =
                |member: &&TypeId| check(model, **member, text, scope, &mut |_, _| {}).is_ok();
            parse(model, *members.iter().find(fits)?, text, scope)
        }
    }
}
