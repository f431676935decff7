//! What can be wrong with a document. In: a [`Problem`] and the byte where it lies. Out:
//! an [`XmlError`] with a stable code, line and column, the path of open elements, what
//! was expected, and a sentence in English and Chinese. Promised: the found text it
//! quotes is bounded and holds no control characters.

mod text;

use std::fmt;

/// Most characters of the input an error quotes.
const QUOTED_CHARACTERS: usize = 40;
/// Most elements a path names before it is cut in the middle.
const PATH_ELEMENTS: usize = 32;

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1. Lines end with CR LF, CR or LF.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Bytes before this place, without a byte order mark.
    pub byte: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Position {
    /// The byte offsets where lines start.
    pub(crate) fn line_starts(source: &str) -> Vec<u32> {
        let bytes = source.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
    }

    fn in_line(source: &str, line: usize, start: usize, byte: usize) -> Position {
        let byte = byte.min(source.len());
        let before = source.as_bytes().get(start..byte).unwrap_or_default();
        // Bytes that do not continue a character begin one.
        let characters = before.iter().filter(|b| (**b as i8) >= -64).count();
        Position { line: line as u32, column: characters as u32 + 1, byte }
    }

    /// The place `byte` in a text whose lines start at `lines`.
    pub(crate) fn among(lines: &[u32], source: &str, byte: usize) -> Position {
        let line = lines.partition_point(|start| *start as usize <= byte);
        let start = line.checked_sub(1).and_then(|at| lines.get(at)).copied().unwrap_or(0);
        Position::in_line(source, line.max(1), start as usize, byte)
    }

    /// The place `byte`, found by walking the text.
    pub(crate) fn find(source: &str, byte: usize) -> Position {
        Position::among(&Position::line_starts(source), source, byte)
    }
}

/// What is wrong. Each has its own [`Problem::code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// More bytes than allowed.
    TooLarge { limit: usize, found: usize },
    /// Elements nested deeper than allowed.
    TooDeep { limit: usize },
    /// More attributes in one tag than allowed.
    TooManyAttributes { limit: usize },
    /// More events than allowed.
    TooManyEvents { limit: usize },
    /// More distinct names than allowed.
    TooManyNames { limit: usize },
    /// A name longer than allowed.
    NameTooLong { limit: usize, found: usize },
    /// No input, or only white space.
    Empty,
    /// The input is something else than XML.
    NotXml { looks_like: Phrase },
    /// UTF-16 or UTF-32.
    Utf16 { encoding: String, evidence: Evidence },
    /// GBK, GB2312 or GB18030.
    Gbk { encoding: String, evidence: Evidence },
    /// Another encoding.
    Encoding { encoding: String, evidence: Evidence },
    /// Bytes that are no UTF-8 at this place.
    NotUtf8,
    /// The input ends too early.
    Truncated { inside: Phrase, expected: String },
    /// A document type declaration.
    Doctype,
    /// A reference to an entity that is not one of the five.
    Entity { name: String },
    /// A character that XML does not allow.
    Character { code: u32 },
    /// A character reference that is malformed or names a forbidden character.
    CharacterReference { found: String },
    /// A bare ampersand.
    Ampersand,
    /// Something that is not a name.
    Name { found: String },
    /// A name with more than one colon, or an empty half.
    QualifiedName { found: String },
    /// A start tag that is put together wrongly.
    Tag { expected: Phrase },
    /// A literal `<` in an attribute value.
    LessThanInAttribute { name: String },
    /// The same attribute twice, by name or by expanded name.
    DuplicateAttribute { name: String },
    /// An end tag that does not fit the open element.
    EndTagMismatch { expected: String, found: String },
    /// An end tag where no element is open.
    EndTagUnexpected { found: String },
    /// `]]>` in character data.
    CdataEnd,
    /// Two hyphens in a comment.
    CommentHyphens,
    /// A malformed processing instruction.
    Pi { found: String },
    /// A processing instruction with a reserved target.
    PiReserved { found: String },
    /// An XML declaration that is not at the very start.
    DeclarationMisplaced,
    /// A malformed XML declaration.
    Declaration { expected: Phrase },
    /// Markup that begins with `<!` and is neither comment nor CDATA.
    Markup,
    /// Text, a reference or CDATA outside the root.
    OutsideRoot,
    /// A second root element.
    SecondRoot { found: String },
    /// No root element.
    NoRoot,
    /// A prefix that is not declared.
    PrefixUndeclared { prefix: String },
    /// A namespace declaration that is not allowed.
    NamespaceDeclaration { rule: NamespaceRule },
}

/// A few words in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) en: &'static str,
    pub(crate) zh: &'static str,
}

impl Phrase {
    pub(crate) const fn new(en: &'static str, zh: &'static str) -> Phrase {
        Phrase { en, zh }
    }
}

/// What tells that the input is in another encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// Its byte order mark.
    Mark,
    /// The bytes themselves.
    Pattern,
    /// The XML declaration, whatever the bytes are.
    Declared,
}

/// Which rule of Namespaces in XML 1.0, section 3 and 5, a declaration breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamespaceRule {
    /// A prefix is bound to the empty name.
    EmptyForPrefix,
    /// The prefix `xml` is bound to another name than its own.
    XmlPrefix,
    /// The prefix `xmlns` is declared.
    XmlnsPrefix,
    /// Another prefix, or the default, is bound to the name of `xml`.
    XmlNamespace,
    /// Something is bound to the name of `xmlns`.
    XmlnsNamespace,
}

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {}", .problem.english())]
pub struct XmlError {
    problem: Problem,
    position: Position,
    path: String,
}

impl XmlError {
    pub(crate) fn new(problem: Problem, position: Position, open: &[&str]) -> XmlError {
        XmlError { problem, position, path: path_of(open) }
    }

    /// Stable code in kebab-case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// Where.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Names of the elements open at that place, `/a/b`; empty outside the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What should have been there, in English.
    #[must_use]
    pub fn expected(&self) -> String {
        self.problem.expected()
    }

    /// One English sentence without its place: what is wrong, and what helps.
    #[must_use]
    pub fn en(&self) -> String {
        self.problem.english()
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        self.problem.chinese()
    }
}

/// A bounded path of element names, cut in the middle when it is long.
fn path_of(open: &[&str]) -> String {
    let cut = open.len().saturating_sub(PATH_ELEMENTS);
    let (head, tail) = open.split_at_checked(open.len().min(PATH_ELEMENTS / 2)).unwrap_or_default();
    let tail = tail.get(cut..).unwrap_or_default();
    let mut path: String = head.iter().flat_map(|name| ["/", name]).collect();
    if cut > 0 {
        path.push_str("/…");
    }
    path.extend(tail.iter().flat_map(|name| ["/", name]));
    path
}

/// A piece of the input fit to be shown: bounded, control characters replaced.
pub(crate) fn quoted(found: &str) -> String {
    let mut shown: String = found
        .chars()
        .take(QUOTED_CHARACTERS)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if found.chars().nth(QUOTED_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
