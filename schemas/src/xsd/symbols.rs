//! Expanded names as numbers. In: namespace and local name. Out: a number for each name
//! that a schema speaks of. The table is filled at load and only looked up afterwards, so
//! that names a sender makes up cost a look and no memory.

/// Number of an expanded name.
pub(super) type Symbol = u32;
/// Stands for every name that is in no schema of the set.
pub(super) const UNKNOWN: Symbol = u32::MAX;

/// The names of a set of schemas.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    names: Vec<(Box<str>, Box<str>)>,
    /// Open addressing, a power of two long, at most half full.
    slots: Vec<Symbol>,
}

impl Symbols {
    /// The number of a name; a new one when it has none.
    pub(super) fn intern(&mut self, namespace: &str, local: &str) -> Symbol {
        let known = self.find(namespace, local);
        if known != UNKNOWN {
            return known;
        }
        let symbol = self.names.len() as Symbol;
        self.names.push((namespace.into(), local.into()));
        if self.names.len() * 2 > self.slots.len() {
            self.slots = vec![UNKNOWN; (self.slots.len() * 2).max(64)];
            for at in 0..self.names.len() {
                self.place(at as Symbol);
            }
        } else {
            self.place(symbol);
        }
        symbol
    }

    fn place(&mut self, symbol: Symbol) {
        let (namespace, local) = self.name(symbol);
        let mut at = hash(namespace, local) as usize;
        let mask = self.slots.len().wrapping_sub(1);
        loop {
            match self.slots.get_mut(at & mask) {
                Some(slot) if *slot == UNKNOWN => {
                    *slot = symbol;
                    return;
                }
                Some(_) => at = at.wrapping_add(1),
                None => return,
            }
        }
    }

    /// The number of a name, [`UNKNOWN`] when no schema speaks of it.
    pub(super) fn find(&self, namespace: &str, local: &str) -> Symbol {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash(namespace, local) as usize;
        while let Some(symbol) = self.slots.get(at & mask).filter(|slot| **slot != UNKNOWN) {
            if self.name(*symbol) == (namespace, local) {
                return *symbol;
            }
            at = at.wrapping_add(1);
        }
        UNKNOWN
    }

    /// Namespace and local name; empty for [`UNKNOWN`].
    pub(super) fn name(&self, symbol: Symbol) -> (&str, &str) {
        self.names.get(symbol as usize).map_or(("", ""), |(namespace, local)| (namespace, local))
    }

    /// The local name.
    pub(super) fn local(&self, symbol: Symbol) -> &str {
        self.name(symbol).1
    }
}

/// The table is fixed when names of senders are looked up: nothing to collide with but
/// what the schema itself holds, so no seed is needed.
fn hash(namespace: &str, local: &str) -> u64 {
    let mut state = 0u64;
    let mut fold = |word: u64| {
        let product = u128::from(state ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state = (product as u64) ^ ((product >> 64) as u64);
    };
    // Namespaces are told apart by their length and end; the names do the rest.
    let tail = namespace.as_bytes().last_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    fold(tail ^ ((namespace.len() as u64) << 56) ^ 0x5851_F42D);
    let (words, rest) = local.as_bytes().as_chunks::<8>();
    for word in words {
        fold(u64::from_le_bytes(*word));
    }
    fold(rest.iter().fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte)));
    state ^ (state >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_and_unknown_ones_have_none() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.find("", "a"), UNKNOWN);
        let given: Vec<_> = (0..500)
            .map(|n| (format!("urn:{}", n % 7), format!("name{}", n / 7)))
            .map(|(ns, local)| (symbols.intern(&ns, &local), ns, local))
            .collect();
        for (symbol, namespace, local) in &given {
            assert_eq!(symbols.find(namespace, local), *symbol);
            assert_eq!(symbols.intern(namespace, local), *symbol);
            assert_eq!(symbols.name(*symbol), (namespace.as_str(), local.as_str()));
        }
        assert_eq!(symbols.find("urn:1", "name500"), UNKNOWN);
        assert_eq!(symbols.find("urn:9", "name1"), UNKNOWN);
        assert_eq!(symbols.name(UNKNOWN), ("", ""));
    }
}
