//! A manifest: what `<family>/<version>/manifest.toml` says of a family's types.
//! In: its text. Out: the types, checked for what can be known without their schemas.

use serde::Deserialize;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From an enterprise to departments.
    Declaration,
    /// From a department back.
    Answer,
}

/// Codes by which the customs norm (2022-05, chapter 7) refuses a message of a type;
/// none where the norm has none. 0001 to 3999 are those of the transport.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormCodes {
    /// The message does not match its schema.
    pub structure: Option<String>,
    /// The signature does not hold.
    pub signature: Option<String>,
    /// A document of this key is there already.
    pub duplicate: Option<String>,
    /// A document breaks a rule that has no code of its own.
    pub rule: Option<String>,
}

/// A message type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageType {
    /// Name, which is also the root's local name: `CEB311Message`.
    pub name: String,
    /// Family of messages: `ceb`, `zone`. Taken from the manifest.
    #[serde(skip)]
    pub family: String,
    /// Version of the family's norm. Taken from the manifest.
    #[serde(skip)]
    pub version: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Namespace of the root; that of the manifest where the type names none.
    #[serde(default)]
    pub namespace: String,
    /// English name.
    pub title: String,
    /// Chinese name.
    pub title_zh: String,
    /// Local name of a document, a child of the root.
    pub document: String,
    /// Local name of the document's head, where it has one.
    #[serde(default)]
    pub head: Option<String>,
    /// Local name of the document's lines, where it has any.
    #[serde(default)]
    pub line: Option<String>,
    /// Kind of the business key, then its fields.
    pub key: Vec<String>,
    /// Taken in order when a field of `key` is absent.
    #[serde(default)]
    pub key_else: Vec<Vec<String>>,
    /// Fields of the order key.
    #[serde(default)]
    pub order_key: Vec<String>,
    /// The signer must be one of these parties.
    #[serde(default)]
    pub signer_any_of: Vec<String>,
    /// And all of these.
    #[serde(default)]
    pub signer_all_of: Vec<String>,
    /// Fields whose values are personal: violations do not repeat them.
    #[serde(default)]
    pub personal: Vec<String>,
    /// What the norm says of the signature: required, optional, none.
    pub signature: String,
    /// The norm's own codes for the main reasons to refuse it.
    #[serde(default)]
    pub norm: NormCodes,
    /// The type of its receipt.
    #[serde(default)]
    pub receipt: Option<String>,
}

impl MessageType {
    /// The version as facts name it: `ceb/2022-05`.
    pub fn schema_version(&self) -> String {
        format!("{}/{}", self.family, self.version)
    }
}

/// A manifest as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Family of messages; the name of the outer folder.
    pub(super) family: String,
    /// Version of the norm; the name of the inner folder.
    pub(super) version: String,
    /// Namespace of the types that name none themselves.
    #[serde(default)]
    namespace: String,
    #[serde(rename = "type")]
    types: Vec<MessageType>,
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Result<Manifest, toml::de::Error> {
        toml::from_str(text)
    }

    /// The types, each with what the manifest says for all of them.
    pub(super) fn into_types(self) -> impl Iterator<Item = MessageType> {
        self.types.into_iter().map(move |kind| MessageType {
            family: self.family.clone(),
            version: self.version.clone(),
            namespace: match kind.namespace.is_empty() {
                true => self.namespace.clone(),
                false => kind.namespace.clone(),
            },
            ..kind
        })
    }
}
