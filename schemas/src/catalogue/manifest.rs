//! A manifest: what `<family>/<version>/manifest.toml` says of a family's types.
//! In: its text. Out: the types, checked for what can be known without their schemas.

use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From an enterprise to departments.
    Declaration,
    /// From a department back.
    Answer,
    /// What carries one of the others; never a message by itself.
    Envelope,
}

/// What the norm says of a type's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// The message has one.
    Required,
    /// It may have one.
    Optional,
    /// It cannot have one.
    None,
}

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Last child of the root.
    Last,
    /// Child of the root, before ExtendMessage, as export messages have it.
    BeforeExtension,
    /// The root has no place for it: it stands in the envelope around.
    Envelope,
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
    /// Who hands it in, by the norm; for people to read. Who may, the register says.
    #[serde(default)]
    pub senders: Vec<String>,
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
    /// What the norm says of the signature.
    pub signature: Signature,
    /// Where it stands.
    #[serde(default = "in_envelope")]
    pub signature_place: Place,
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
    /// The first day on which this version judges; none for always.
    #[serde(default, deserialize_with = "day")]
    pub(super) from: Option<Date>,
    /// The version of the same family that gives what this one does not say.
    #[serde(default)]
    pub(super) base: Option<String>,
    /// Types of the base that this version does not have.
    #[serde(default)]
    pub(super) without: Vec<String>,
    /// Namespace of the types that name none themselves.
    #[serde(default)]
    namespace: String,
    #[serde(rename = "type", default)]
    pub(super) types: Vec<MessageType>,
}

fn day<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Date>, D::Error> {
    let text = String::deserialize(value)?;
    let expected = |_| D::Error::custom(format!("{text} is not a day; expected YYYY-MM-DD"));
    text.parse().map(Some).map_err(expected)
}

fn in_envelope() -> Place {
    Place::Envelope
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Result<Manifest, toml::de::Error> {
        toml::from_str(text).map(Manifest::complete)
    }

    /// Fills in what the manifest says for all its types.
    pub(super) fn complete(mut self) -> Manifest {
        for kind in &mut self.types {
            kind.family.clone_from(&self.family);
            kind.version.clone_from(&self.version);
            if kind.namespace.is_empty() {
                kind.namespace.clone_from(&self.namespace);
            }
        }
        self
    }

    /// The folder it stands in: `ceb/2022-05`.
    pub(super) fn folder(&self) -> String {
        format!("{}/{}", self.family, self.version)
    }

    /// Whether it says something of this type.
    pub(super) fn has(&self, name: &str) -> bool {
        self.types.iter().any(|kind| kind.name == name)
    }

    /// The types of this version: its own, and those of its base that it does not say
    /// otherwise and is not without.
    pub(super) fn types_upon(&self, base: Option<&Manifest>) -> Vec<MessageType> {
        let inherited = base.into_iter().flat_map(|base| &base.types);
        let inherited =
            inherited.filter(|kind| !self.has(&kind.name) && !self.without.contains(&kind.name));
        let inherited =
            inherited.map(|kind| MessageType { version: self.version.clone(), ..kind.clone() });
        self.types.iter().cloned().chain(inherited).collect()
    }
}
