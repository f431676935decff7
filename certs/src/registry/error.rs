//! Faults of a registry, and refusals of a right.
//!
//! Promise: a stable code and a text in English and Chinese for each; values
//! from outside are shortened before they are shown.

use std::fmt;

use jiff::civil::Date;

use crate::certificate::Fingerprint;
use crate::key::{MAX_RSA_BITS, MIN_RSA_BITS_LEGACY};
use crate::participant::ParticipantId;

const SHOWN_CHARS: usize = 64;

/// A value from outside as it may stand in a text.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(SHOWN_CHARS).collect()
}

/// Where in the configuration a fault is. Displayed in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The registry itself.
    Registry,
    /// A policy that has no usable name.
    Policy,
    /// A participant.
    Participant(ParticipantId),
    /// A delegation.
    Delegation {
        /// The owner.
        from: ParticipantId,
        /// The delegate.
        to: ParticipantId,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Registry => f.write_str("registry"),
            Place::Policy => f.write_str("policy"),
            Place::Participant(id) => write!(f, "participant \"{id}\""),
            Place::Delegation { from, to } => write!(f, "delegation from \"{from}\" to \"{to}\""),
        }
    }
}

impl Place {
    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Place::Registry => "登记表".to_owned(),
            Place::Policy => "策略".to_owned(),
            Place::Participant(id) => format!("参与方“{id}”"),
            Place::Delegation { from, to } => format!("“{from}”对“{to}”的委托"),
        }
    }
}

/// A fault in the configuration of participants, delegations or policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two participants have one identifier.
    #[error("participant \"{id}\" is registered twice")]
    DuplicateParticipant {
        /// The identifier.
        id: ParticipantId,
    },
    /// A certificate is bound twice.
    #[error("certificate {fingerprint} is bound to \"{first}\" and to \"{second}\"")]
    CertificateShared {
        /// Which.
        fingerprint: Fingerprint,
        /// Bound first to.
        first: ParticipantId,
        /// And then to; the same participant when it is listed twice.
        second: ParticipantId,
    },
    /// A CA certificate bound to a participant.
    #[error("certificate {fingerprint} of \"{participant}\" is a CA certificate")]
    CertificateIsCa {
        /// Whose.
        participant: ParticipantId,
        /// Which.
        fingerprint: Fingerprint,
    },
    /// A code is owned twice.
    #[error("code \"{code}\" is owned by \"{first}\" and by \"{second}\"")]
    CodeShared {
        /// Which.
        code: String,
        /// Owned first by.
        first: ParticipantId,
        /// And then by.
        second: ParticipantId,
    },
    /// An address of the exchange is owned twice.
    #[error("{what} \"{address}\" is owned by \"{first}\" and by \"{second}\"")]
    AddressShared {
        /// `dxp_id` or `node`.
        what: &'static str,
        /// Which.
        address: String,
        /// Owned first by.
        first: ParticipantId,
        /// And then by.
        second: ParticipantId,
    },
    /// A policy that is not defined.
    #[error("participant \"{participant}\" names the unknown policy \"{policy}\"")]
    UnknownPolicy {
        /// Whose.
        participant: ParticipantId,
        /// The name.
        policy: String,
    },
    /// An enterprise without message types.
    #[error("enterprise \"{participant}\" may send nothing, expected at least one message type")]
    NothingToSend {
        /// Whose.
        participant: ParticipantId,
    },
    /// A department without its name.
    #[error("participant \"{participant}\" is a department without department name")]
    DepartmentWithoutName {
        /// Whose.
        participant: ParticipantId,
    },
    /// A department name on something else.
    #[error("participant \"{participant}\" has a department name but is not a department")]
    DepartmentOfOther {
        /// Whose.
        participant: ParticipantId,
    },
    /// One side of a delegation is not registered.
    #[error("delegation from \"{from}\" to \"{to}\": \"{side}\" is not registered")]
    DelegationUnknown {
        /// The owner.
        from: ParticipantId,
        /// The delegate.
        to: ParticipantId,
        /// `from` or `to`.
        side: &'static str,
    },
    /// A delegation to oneself.
    #[error("delegation from \"{id}\" to itself")]
    DelegationToSelf {
        /// Who.
        id: ParticipantId,
    },
    /// The last day lies before the first.
    #[error(
        "delegation from \"{from}\" to \"{to}\" ends on {valid_until}, before its first day {valid_from}"
    )]
    InvertedDates {
        /// The owner.
        from: ParticipantId,
        /// The delegate.
        to: ParticipantId,
        /// First day.
        valid_from: Date,
        /// Last day.
        valid_until: Date,
    },
    /// A delegation that covers nothing.
    #[error("delegation from \"{from}\" to \"{to}\" has no {what}")]
    EmptyDelegation {
        /// The owner.
        from: ParticipantId,
        /// The delegate.
        to: ParticipantId,
        /// What is missing.
        what: &'static str,
    },
    /// A delegation of a code that `from` does not own.
    #[error("delegation from \"{from}\" to \"{to}\": code \"{code}\" is not owned by \"{from}\"")]
    CodeNotOwned {
        /// The supposed owner.
        from: ParticipantId,
        /// The delegate.
        to: ParticipantId,
        /// The code.
        code: String,
    },
    /// Two policies have one name.
    #[error("policy \"{policy}\" is defined twice")]
    DuplicatePolicy {
        /// The name.
        policy: String,
    },
    /// A policy called strict.
    #[error("policy \"strict\" is built in and cannot be defined")]
    ReservedPolicy,
    /// A loose policy without an end.
    #[error("policy \"{policy}\" is looser than strict and has no end date")]
    PolicyWithoutEnd {
        /// The name.
        policy: String,
    },
    /// A minimum for RSA that cannot be applied.
    #[error(
        "policy \"{policy}\" has min_rsa_bits {found}, expected {MIN_RSA_BITS_LEGACY} to {MAX_RSA_BITS}"
    )]
    PolicyRsaBits {
        /// The name.
        policy: String,
        /// The value.
        found: u32,
    },
    /// A list is too long.
    #[error("{place}: {found} entries of {what}, at most {most} are taken")]
    TooMany {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many at most.
        most: usize,
    },
    /// A text is empty, too long, or has white space or control characters
    /// where there may be none.
    #[error("{place}: a {what} is empty, too long, or has characters that are not allowed")]
    BadText {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
    },
    /// A value stands twice in a list.
    #[error("{place}: {what} \"{text}\" is listed twice")]
    Repeated {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
        /// The value.
        text: String,
    },
}

impl RegistryError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RegistryError::DuplicateParticipant { .. } => "registry-duplicate-participant",
            RegistryError::CertificateShared { .. } => "registry-certificate-shared",
            RegistryError::CertificateIsCa { .. } => "registry-certificate-is-ca",
            RegistryError::CodeShared { .. } => "registry-code-shared",
            RegistryError::AddressShared { .. } => "registry-address-shared",
            RegistryError::UnknownPolicy { .. } => "registry-unknown-policy",
            RegistryError::NothingToSend { .. } => "registry-nothing-to-send",
            RegistryError::DepartmentWithoutName { .. } => "registry-department-without-name",
            RegistryError::DepartmentOfOther { .. } => "registry-department-of-other",
            RegistryError::DelegationUnknown { .. } => "registry-delegation-unknown",
            RegistryError::DelegationToSelf { .. } => "registry-delegation-to-self",
            RegistryError::InvertedDates { .. } => "registry-inverted-dates",
            RegistryError::EmptyDelegation { .. } => "registry-empty-delegation",
            RegistryError::CodeNotOwned { .. } => "registry-code-not-owned",
            RegistryError::DuplicatePolicy { .. } => "registry-duplicate-policy",
            RegistryError::ReservedPolicy => "registry-reserved-policy",
            RegistryError::PolicyWithoutEnd { .. } => "registry-policy-without-end",
            RegistryError::PolicyRsaBits { .. } => "registry-policy-rsa-bits",
            RegistryError::TooMany { .. } => "registry-too-many",
            RegistryError::BadText { .. } => "registry-bad-text",
            RegistryError::Repeated { .. } => "registry-repeated",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            RegistryError::DuplicateParticipant { id } => format!("参与方“{id}”重复登记"),
            RegistryError::CertificateShared { fingerprint, first, second } => {
                format!("证书 {fingerprint} 同时绑定“{first}”和“{second}”")
            }
            RegistryError::CertificateIsCa { participant, fingerprint } => {
                format!("“{participant}”的证书 {fingerprint} 是 CA 证书")
            }
            RegistryError::CodeShared { code, first, second } => {
                format!("代码“{code}”同时属于“{first}”和“{second}”")
            }
            RegistryError::AddressShared { what, address, first, second } => {
                format!("{}“{address}”同时属于“{first}”和“{second}”", what_zh(what))
            }
            RegistryError::UnknownPolicy { participant, policy } => {
                format!("参与方“{participant}”引用了未定义的策略“{policy}”")
            }
            RegistryError::NothingToSend { participant } => {
                format!("企业“{participant}”没有任何可发送的报文类型")
            }
            RegistryError::DepartmentWithoutName { participant } => {
                format!("部门参与方“{participant}”缺少部门名称")
            }
            RegistryError::DepartmentOfOther { participant } => {
                format!("参与方“{participant}”不是部门，却有部门名称")
            }
            RegistryError::DelegationUnknown { from, to, side } => {
                let who = if *side == "from" { from } else { to };
                format!("“{from}”对“{to}”的委托：“{who}”未登记")
            }
            RegistryError::DelegationToSelf { id } => format!("“{id}”委托给自己"),
            RegistryError::InvertedDates { from, to, valid_from, valid_until } => {
                format!("“{from}”对“{to}”的委托止于 {valid_until}，早于起始日 {valid_from}")
            }
            RegistryError::EmptyDelegation { from, to, what } => {
                format!("“{from}”对“{to}”的委托没有{}", what_zh(what))
            }
            RegistryError::CodeNotOwned { from, to, code } => {
                format!("“{from}”对“{to}”的委托：代码“{code}”不属于“{from}”")
            }
            RegistryError::DuplicatePolicy { policy } => format!("策略“{policy}”重复定义"),
            RegistryError::ReservedPolicy => "策略“strict”为内置策略，不能定义".to_owned(),
            RegistryError::PolicyWithoutEnd { policy } => {
                format!("策略“{policy}”比严格策略宽松，却没有截止日期")
            }
            RegistryError::PolicyRsaBits { policy, found } => format!(
                "策略“{policy}”的 min_rsa_bits 为 {found}，应在 {MIN_RSA_BITS_LEGACY} 到 {MAX_RSA_BITS} 之间"
            ),
            RegistryError::TooMany { place, what, found, most } => {
                format!("{}：{}共 {found} 个，最多 {most} 个", place.zh(), what_zh(what))
            }
            RegistryError::BadText { place, what } => {
                format!("{}：{}为空、过长或含有不允许的字符", place.zh(), what_zh(what))
            }
            RegistryError::Repeated { place, what, text } => {
                format!("{}：{}“{text}”重复", place.zh(), what_zh(what))
            }
        }
    }
}

fn what_zh(what: &'static str) -> &'static str {
    match what {
        "participants" => "参与方",
        "dxp_id" => "DXP 地址",
        "node" => "节点号",
        "delegations" => "委托",
        "policies" => "策略",
        "certificates" => "证书",
        "code" => "代码",
        "message type" => "报文类型",
        "name" => "名称",
        other => other,
    }
}

/// Why a participant may not name a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Neither its own nor delegated to it for this type.
    #[error("\"{participant}\" is not entitled to send {message_type} for code \"{code}\"")]
    NotEntitled {
        /// Who.
        participant: ParticipantId,
        /// The code.
        code: String,
        /// The message type.
        message_type: String,
    },
    /// The delegation begins later.
    #[error(
        "the delegation of code \"{code}\" from \"{from}\" to \"{participant}\" begins on {valid_from}, today is {day}"
    )]
    DelegationNotYet {
        /// Who.
        participant: ParticipantId,
        /// The owner.
        from: ParticipantId,
        /// The code.
        code: String,
        /// Its first day, in UTC+8.
        valid_from: Date,
        /// The day of the message, in UTC+8.
        day: Date,
    },
    /// The delegation is over.
    #[error(
        "the delegation of code \"{code}\" from \"{from}\" to \"{participant}\" ended on {valid_until}, today is {day}"
    )]
    DelegationEnded {
        /// Who.
        participant: ParticipantId,
        /// The owner.
        from: ParticipantId,
        /// The code.
        code: String,
        /// Its last day, in UTC+8.
        valid_until: Date,
        /// The day of the message, in UTC+8.
        day: Date,
    },
}

impl AuthorityError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            AuthorityError::NotEntitled { .. } => "not-entitled",
            AuthorityError::DelegationNotYet { .. } => "delegation-not-yet",
            AuthorityError::DelegationEnded { .. } => "delegation-ended",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            AuthorityError::NotEntitled { participant, code, message_type } => {
                format!("“{participant}”无权以代码“{code}”发送 {message_type}")
            }
            AuthorityError::DelegationNotYet { participant, from, code, valid_from, day } => {
                format!(
                    "“{from}”将代码“{code}”委托给“{participant}”自 {valid_from} 起生效，今天是 {day}"
                )
            }
            AuthorityError::DelegationEnded { participant, from, code, valid_until, day } => {
                format!(
                    "“{from}”将代码“{code}”委托给“{participant}”已于 {valid_until} 到期，今天是 {day}"
                )
            }
        }
    }
}
