//! A refusal as the sender sees it: a stable code, the place, what was
//! expected, English and Chinese text. Each stage maps its own errors to it in
//! one place; HTTP and the command line only print it.

use std::borrow::Cow;

use onepoint_schemas::Violation;
use serde::Serialize;

/// The stage of the pipeline that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// Transport, size, content type, rights on the route.
    Intake,
    /// Well-formedness, signature, chain, participant, rights.
    Authenticate,
    /// Schema and rules.
    Validate,
    /// The routing table.
    Route,
    /// Keys and durability.
    Commit,
}

/// Where in the message the fault is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// Line from 1; 0 when unknown.
    pub(crate) line: u32,
    /// Column in characters from 1; 0 when unknown.
    pub(crate) column: u32,
    /// Path of local names from the root, empty when unknown.
    pub(crate) path: String,
    /// What line and column count in, where that is not the body: `DxpMsg/Data`, `payload`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) within: &'static str,
}

/// Why a message, or one document of it, was refused.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) stage: Stage,
    pub(crate) en: String,
    pub(crate) zh: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) violations: Vec<Violation>,
    /// The HTTP status this becomes; RFC 9110 section 15.
    #[serde(skip)]
    pub(crate) status: u16,
}

impl Refusal {
    /// A refusal without a place; `status` as in RFC 9110 section 15.
    pub(crate) fn new(
        stage: Stage,
        status: u16,
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Refusal {
        Refusal {
            code: Cow::Borrowed(code),
            stage,
            en: en.into(),
            zh: zh.into(),
            place: None,
            expected: None,
            violations: Vec::new(),
            status,
        }
    }

    pub(crate) fn at(mut self, place: Place) -> Refusal {
        self.place = Some(place);
        self
    }

    /// The same for a text that was inside of another.
    pub(crate) fn within(mut self, within: &'static str) -> Refusal {
        if let Some(place) = &mut self.place {
            place.within = within;
        }
        self
    }

    pub(crate) fn expecting(mut self, expected: impl Into<String>) -> Refusal {
        let expected = expected.into();
        self.expected = (!expected.is_empty()).then_some(expected);
        self
    }

    /// A refusal made of what the schema or the rules found; the first violation gives code and text.
    pub(crate) fn from_violations(stage: Stage, violations: Vec<Violation>) -> Refusal {
        let mut refusal = match violations.first() {
            Some(first) => Refusal {
                code: Cow::Owned(first.code.clone()),
                place: Some(Place {
                    line: first.line,
                    column: first.column,
                    path: first.path.clone(),
                    within: "",
                }),
                ..Refusal::new(stage, 422, "", first.en.clone(), first.zh.clone())
            },
            None => internal(),
        };
        refusal.violations = violations;
        refusal
    }
}

/// The answer when we are at fault: says nothing of our inside, the log does.
pub(crate) fn internal() -> Refusal {
    Refusal::new(
        Stage::Commit,
        500,
        "internal",
        "the gateway could not finish this request; nothing was accepted, send it again",
        "网关未能完成本次请求，报文未被接收，请重新发送",
    )
}
