//! Simple types: restrictions with their facets, lists, unions.

use super::{Place, Reader, Stop, general};
use crate::xsd::model::{ANY_SIMPLE_TYPE, Kind, TypeId, Ways};
use crate::xsd::pattern;
use crate::xsd::simple::{self, Bound, Facets, Pattern, Rule, Simple, Values, Variety, White};

impl<'f> Reader<'f> {
    /// Reads an `xs:simpleType` into its number.
    pub(super) fn simple_type(&mut self, id: TypeId, place: Place<'f>) -> Result<(), Stop> {
        let Some(inner) = place.children().next() else { return general("an empty simpleType") };
        let plain = |variety, white| Simple { variety, white, facets: Facets::default() };
        let (base, simple) = match inner.local() {
            "restriction" => {
                let Some(base) = self.simple_of(inner, "base")? else {
                    return general("a restriction of nothing");
                };
                (base, self.restricted(base, inner)?)
            }
            "list" => {
                let Some(item) = self.simple_of(inner, "itemType")? else {
                    return general("a list of nothing");
                };
                if self.model.simple(item).is_none() {
                    return general("a list of no simple type");
                }
                (ANY_SIMPLE_TYPE, plain(Variety::List(item), White::Collapse))
            }
            "union" => {
                let mut members = Vec::new();
                for name in inner.attribute("memberTypes").unwrap_or_default().split_whitespace() {
                    let symbol = self.qname(inner, name)?;
                    members.push(self.read_type(symbol)?);
                }
                for member in inner.children() {
                    members.push(self.inline_simple(member)?);
                }
                if members.iter().any(|member| self.model.simple(*member).is_none()) {
                    return general("a union of no simple types");
                }
                (ANY_SIMPLE_TYPE, plain(Variety::Union(members), White::Preserve))
            }
            other => return general(format!("xs:{other} in a simpleType")),
        };
        if let Some(kind) = self.model.types.get_mut(id as usize) {
            (kind.base, kind.way, kind.kind) = (base, Ways::RESTRICTION, Kind::Simple(simple));
        }
        Ok(())
    }

    /// The simple type `base` with the facets inside `place`.
    pub(super) fn restricted(&mut self, base: TypeId, place: Place<'f>) -> Result<Simple, Stop> {
        let Some(simple) = self.model.simple(base) else {
            return general("a restriction of no simple type");
        };
        let mut simple = simple.clone();
        let mut pattern = Pattern { texts: Vec::new(), regexes: Vec::new() };
        let mut values = Values { texts: Vec::new(), values: Vec::new() };
        for facet in place.children() {
            let text = facet.node.attribute("", "value").unwrap_or_default();
            let facets = &mut simple.facets;
            match facet.local() {
                "length" => {
                    let length = Some(number(text)?);
                    (facets.min_length, facets.max_length) = (length, length);
                }
                "minLength" => facets.min_length = Some(number(text)?),
                "maxLength" => facets.max_length = Some(number(text)?),
                "totalDigits" => facets.total_digits = Some(number(text)?),
                "fractionDigits" => facets.fraction_digits = Some(number(text)?),
                "pattern" => {
                    let regex = pattern::compile(text).map_err(Stop::General)?;
                    pattern.texts.push(text.into());
                    pattern.regexes.push(regex);
                }
                "enumeration" => {
                    values.values.push(self.value(base, text, facet)?);
                    values.texts.push(text.into());
                }
                "whiteSpace" => simple.white = white(text, simple.white),
                "simpleType" | "attribute" | "attributeGroup" | "anyAttribute" => {}
                name => {
                    let rule = match name {
                        "minInclusive" => Rule::MinInclusive,
                        "minExclusive" => Rule::MinExclusive,
                        "maxInclusive" => Rule::MaxInclusive,
                        "maxExclusive" => Rule::MaxExclusive,
                        other => return general(format!("the facet xs:{other}")),
                    };
                    let value = self.value(base, text, facet)?;
                    let text = text.trim().into();
                    simple.facets.bounds.push(Bound { rule, text, value });
                }
            }
        }
        if !pattern.texts.is_empty() {
            simple.facets.patterns.push(pattern);
        }
        if !values.texts.is_empty() {
            simple.facets.values = Some(values);
        }
        Ok(simple)
    }

    fn value(
        &self,
        base: TypeId,
        text: &str,
        facet: Place<'f>,
    ) -> Result<crate::xsd::value::Value, Stop> {
        match simple::parse(&self.model, base, text, facet.scope()) {
            Some(value) => Ok(value),
            None => general(format!("the facet {} is no value of its type", facet.local())),
        }
    }
}

fn number(text: &str) -> Result<u64, Stop> {
    match text.trim().trim_start_matches('+').parse() {
        Ok(number) => Ok(number),
        Err(_) => general(format!("a facet of {text}")),
    }
}

fn white(text: &str, otherwise: White) -> White {
    match text.trim() {
        "preserve" => White::Preserve,
        "replace" => White::Replace,
        "collapse" => White::Collapse,
        _ => otherwise,
    }
}
