//! Who takes part, what they may send, and who may speak for whom.
//!
//! Plain data, compiled from the configuration by the server; nothing here is
//! checked beyond the form of an identifier. [`crate::Registry::build`] checks
//! the whole.

use std::fmt;

use jiff::civil::Date;

use crate::certificate::Certificate;

/// Longest participant identifier, in characters.
pub const MAX_ID_CHARS: usize = 64;

/// Identifier of a participant: 1 to 64 ASCII letters, digits, `-` or `_`.
/// It becomes part of queue names and paths, hence the narrow alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(String);

/// An identifier of the wrong form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is not an identifier: expected 1 to {MAX_ID_CHARS} ASCII letters, digits, - or _"
)]
pub struct BadId {
    /// What was found, shortened.
    pub found: String,
}

impl BadId {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "participant-id"
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        format!("“{}”不是标识符：应为 1 到 {MAX_ID_CHARS} 个 ASCII 字母、数字、- 或 _", self.found)
    }
}

impl ParticipantId {
    /// Takes an identifier.
    ///
    /// # Errors
    /// [`BadId`].
    pub fn new(text: impl Into<String>) -> Result<ParticipantId, BadId> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > MAX_ID_CHARS || !text.chars().all(allowed) {
            let found = text.chars().filter(|c| !c.is_control()).take(MAX_ID_CHARS).collect();
            return Err(BadId { found });
        }
        Ok(ParticipantId(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ParticipantId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<ParticipantId, BadId> {
        ParticipantId::new(text)
    }
}

/// What a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Hands in declarations.
    Enterprise,
    /// Receives them and answers.
    Department,
    /// Reads receipts and the log.
    Auditor,
    /// Runs the gateway.
    Operator,
}

impl Role {
    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Role::Enterprise => "enterprise",
            Role::Department => "department",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
        }
    }
}

/// A registered party.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Its identifier.
    pub id: ParticipantId,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Customs registration codes (10 digits or letters) and unified social
    /// credit codes (18) that are its own.
    pub codes: Vec<String>,
    /// Message types it may send, such as `CEB311Message`.
    pub may_send: Vec<String>,
    /// Certificates it signs with; several may be valid at once.
    pub certificates: Vec<Certificate>,
    /// Certificates of the CAs between those and the anchors, for signatures that only name a
    /// certificate: unchecked hints for a path.
    pub intermediates: Vec<Certificate>,
    /// Name of its signature policy; `None` is strict.
    pub policy: Option<String>,
    /// Name of the group of anchors that its chains must end in; `None` is the usual one.
    pub trust: Option<String>,
    /// The department that it is, for [`Role::Department`].
    pub department: Option<String>,
    /// Versions of norms by which its messages are judged whatever the day, as `ceb/2018-113`.
    pub schemas: Vec<String>,
    /// Its address in DXP envelopes (`SenderId`, `ReceiverId`): 1 to 16 characters.
    pub dxp_id: Option<String>,
    /// Its number as a node of the exchange (`StaNode`, and the first 8 digits of `MsgId`):
    /// such a participant may carry the signed messages of others.
    pub node: Option<String>,
}

/// `from` lets `to` send messages that name `from`'s codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The owner of the codes.
    pub from: ParticipantId,
    /// Who may send for it.
    pub to: ParticipantId,
    /// Codes of `from` that are covered.
    pub codes: Vec<String>,
    /// Message types that are covered.
    pub types: Vec<String>,
    /// First day, in UTC+8.
    pub valid_from: Date,
    /// Last day, in UTC+8, inclusive.
    pub valid_until: Date,
}

/// By what right a participant names a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The code is its own.
    Own,
    /// The owner delegated it.
    Delegated {
        /// The owner.
        from: ParticipantId,
        /// Last day of the delegation, in UTC+8, inclusive.
        until: Date,
    },
}
