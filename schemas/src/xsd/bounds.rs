//! Looks at a set of schemas before any engine does: how far its groups and derived types
//! unfold. In: the files. Out: nothing, or a refusal. Names are taken without their
//! namespace, so that the size found is never below the true one by more than a mix of
//! equal names. Linear in the files: each group is measured once.

use std::collections::HashMap;

use onepoint_xml::Element;

use super::SchemaError;
use super::source::{File, XS, components};

/// Particles and attributes of one type or group with all that it refers to.
const UNFOLDED_MAX: u64 = 100_000;
/// References that lead from one group or type to another, one after the other.
const CHAIN_MAX: usize = 400;

/// Refuses a set that unfolds beyond the bounds, or that is made from itself.
///
/// # Errors
/// What it is that unfolds.
pub(super) fn check(files: &[File]) -> Result<(), SchemaError> {
    let mut measure = Measure { named: HashMap::new(), sizes: HashMap::new() };
    for node in files.iter().flat_map(components) {
        let name = node.attribute("", "name").unwrap_or_default().trim();
        measure.named.entry((class(node.name().local), name)).or_default().push(node);
    }
    for file in files {
        for node in components(file) {
            measure.component(node, 0)?;
        }
    }
    Ok(())
}

fn class(local: &str) -> &str {
    match local {
        "simpleType" | "complexType" => "type",
        other => other,
    }
}

struct Measure<'f> {
    named: HashMap<(&'f str, &'f str), Vec<Element<'f>>>,
    /// By start of the component in its file: none while it is measured.
    sizes: HashMap<(usize, usize), Option<u64>>,
}

impl<'f> Measure<'f> {
    fn component(&mut self, node: Element<'f>, chain: usize) -> Result<u64, SchemaError> {
        let what = || node.attribute("", "name").unwrap_or("a component").to_owned();
        let key = (node.document() as *const _ as usize, node.span().start);
        match self.sizes.get(&key) {
            Some(Some(size)) => return Ok(*size),
            // Made from itself: whether that is allowed is for the engines; a redefinition is.
            Some(None) => return Ok(0),
            None => {}
        }
        if chain > CHAIN_MAX {
            let what = what();
            return Err(SchemaError::TooLarge(format!("{what}: more than {CHAIN_MAX} references")));
        }
        self.sizes.insert(key, None);
        let mut size = 0_u64;
        let mut open = vec![node.children()];
        while let Some(level) = open.last_mut() {
            let Some(child) = level.next() else {
                open.pop();
                continue;
            };
            size = size.saturating_add(1);
            if let Some((target, name)) = references(child) {
                for named in self.named.get(&(target, name)).cloned().unwrap_or_default() {
                    size = size.saturating_add(self.component(named, chain + 1)?);
                }
            }
            if size > UNFOLDED_MAX {
                let what = what();
                return Err(SchemaError::TooLarge(format!("{what} unfolds beyond {UNFOLDED_MAX}")));
            }
            open.push(child.children());
        }
        self.sizes.insert(key, Some(size));
        Ok(size)
    }
}

/// The components whose content comes in by this element.
fn references(child: Element<'_>) -> Option<(&'static str, &str)> {
    let name = child.name();
    if name.namespace != XS {
        return None;
    }
    let (class, attribute) = match name.local {
        "group" => ("group", "ref"),
        "attributeGroup" => ("attributeGroup", "ref"),
        "extension" | "restriction" => ("type", "base"),
        _ => return None,
    };
    let value = child.attribute("", attribute)?.trim();
    Some((class, value.split_once(':').map_or(value, |(_, local)| local)))
}
