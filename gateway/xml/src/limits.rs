//! The bounds of one document. In: nothing. Out: [`Limits`] with defaults far above
//! any customs message and far below what hurts. Each bound has its own error code.

/// Largest input that byte offsets of 32 bits can address together with the values
/// that normalisation rewrites; larger settings of [`Limits::bytes`] act as this one.
pub(crate) const ADDRESSABLE_BYTES: usize = 1 << 31;

/// The bounds of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of input. Code `xml-too-large`.
    pub bytes: usize,
    /// Open elements at once. Code `xml-too-deep`.
    pub depth: usize,
    /// Attributes and namespace declarations of one element. Code `xml-too-many-attributes`.
    pub attributes: usize,
    /// Events of the document. Code `xml-too-many-events`.
    pub events: usize,
    /// Bytes of one qualified name. Code `xml-name-too-long`.
    pub name_bytes: usize,
    /// Distinct names, and distinct namespaces, in the document. Code `xml-too-many-names`.
    pub names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 16 << 20,
            depth: 256,
            attributes: 256,
            events: 2_000_000,
            name_bytes: 1024,
            names: 16_384,
        }
    }
}
