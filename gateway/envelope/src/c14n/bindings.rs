//! Which namespace binding of each prefix was last written on the way down to
//! the element at hand. In: the bindings as they are rendered. Out: the one in
//! force for a prefix. A few bindings are looked up in a line, many by a table, so
//! that a hostile document costs no more than its length.

use std::collections::HashMap;

/// Up to this many bindings a line is faster than a table.
const LINE: usize = 16;

struct Binding<'d> {
    prefix: &'d str,
    uri: &'d str,
    /// Where the binding stands that this one hides.
    hidden: Option<usize>,
}

/// A stack of rendered bindings; the caller remembers `len` on the way down and
/// cuts back to it on the way up.
#[derive(Default)]
pub(super) struct Bindings<'d> {
    stack: Vec<Binding<'d>>,
    table: Option<HashMap<&'d str, usize>>,
}

impl<'d> Bindings<'d> {
    pub(super) fn len(&self) -> usize {
        self.stack.len()
    }

    /// The namespace last rendered for `prefix`, if any.
    pub(super) fn get(&self, prefix: &str) -> Option<&'d str> {
        self.find(prefix).and_then(|at| self.stack.get(at)).map(|binding| binding.uri)
    }

    pub(super) fn push(&mut self, prefix: &'d str, uri: &'d str) {
        let hidden = self.find(prefix);
        let at = self.stack.len();
        self.stack.push(Binding { prefix, uri, hidden });
        match &mut self.table {
            Some(table) => {
                table.insert(prefix, at);
            }
            None if at >= LINE => {
                let all = self.stack.iter().enumerate().map(|(at, binding)| (binding.prefix, at));
                self.table = Some(all.collect());
            }
            None => {}
        }
    }

    /// Forgets what was rendered after the stack had `len` bindings.
    pub(super) fn cut(&mut self, len: usize) {
        while self.stack.len() > len {
            let Some(gone) = self.stack.pop() else { return };
            let Some(table) = &mut self.table else { continue };
            match gone.hidden {
                Some(at) => table.insert(gone.prefix, at),
                None => table.remove(gone.prefix),
            };
        }
    }

    fn find(&self, prefix: &str) -> Option<usize> {
        match &self.table {
            Some(table) => table.get(prefix).copied(),
            None => self.stack.iter().rposition(|binding| binding.prefix == prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_and_uncovers_in_a_line_and_in_a_table() {
        let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
        let mut bindings = Bindings::default();
        bindings.push("", "urn:outer");
        for (n, name) in names.iter().enumerate() {
            bindings.push(name, "urn:first");
            assert_eq!(bindings.get(name), Some("urn:first"));
            assert_eq!(bindings.len(), n + 2);
        }
        let kept = bindings.len();
        bindings.push("", "urn:inner");
        bindings.push("p3", "urn:second");
        assert_eq!(bindings.get(""), Some("urn:inner"));
        assert_eq!(bindings.get("p3"), Some("urn:second"));
        bindings.cut(kept);
        assert_eq!(bindings.get(""), Some("urn:outer"));
        assert_eq!(bindings.get("p3"), Some("urn:first"));
        bindings.cut(2);
        assert_eq!(bindings.get("p0"), Some("urn:first"));
        assert_eq!(bindings.get("p1"), None);
        bindings.cut(0);
        assert_eq!(bindings.get(""), None);
    }
}
