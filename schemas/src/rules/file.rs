//! The file of rules as it is written. In: TOML. Out: rules whose fields are still
//! names; [`Check::fields_mut`] gives them to whoever resolves them. Promised: a key
//! that is not known is an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::amount::Amount;
use super::fields::{Field, Row};
use crate::codes::Codes;

/// Everything in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) rule: Vec<Rule>,
    /// Code lists of the file's own.
    #[serde(default)]
    pub(super) lists: BTreeMap<String, Vec<String>>,
}

/// What a rule is applied to, and what its fields are of unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum At {
    /// Once for a document; fields of its head.
    Head,
    /// For each line; fields of the line.
    Line,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) code: Spanned<String>,
    pub(super) types: Vec<String>,
    pub(super) at: At,
    #[serde(default)]
    pub(super) when: Option<When>,
    pub(super) check: Check,
    pub(super) en: String,
    pub(super) zh: String,
    /// The norm's own codes, by type.
    #[serde(default)]
    pub(super) norm: BTreeMap<String, String>,
}

/// When a rule applies at all: the field has one of these values, or none of those.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) field: Field,
    #[serde(default)]
    pub(super) is: Vec<String>,
    #[serde(default)]
    pub(super) not: Vec<String>,
}

impl When {
    pub(super) fn holds(&self, row: Row<'_, '_>) -> bool {
        let text = row.get(&self.field).map(|(_, text)| text);
        let is = |value: &String| text.as_deref() == Some(value);
        (self.is.is_empty() || self.is.iter().any(is)) && !self.not.iter().any(is)
    }
}

/// What a rule checks. A field stands for one beside the others; `head/x` and `line/x`
/// say which, and `x?` is a field that not every type of the rule has. Each kind says what it does when a field is absent; most pass over it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Check {
    /// The value is one of these.
    OneOf { fields: Vec<Field>, values: Vec<String> },
    /// The value is none of these.
    NotOneOf { fields: Vec<Field>, values: Vec<String> },
    /// A real time of the form YYYYMMDD, with hhmmss, with SSS.
    Time { fields: Vec<Field>, form: String },
    /// `field` is not before `than`; both are times of one form.
    NotBefore { field: Field, than: Field },
    /// All of them are there, or none.
    Together { fields: Vec<Field> },
    /// An identity number of 18 characters; born no later than the day of `by`.
    IdentityNumber { field: Field, by: Field },
    /// The code of an enterprise, or one of these.
    EnterpriseCode {
        fields: Vec<Field>,
        #[serde(default)]
        or: Vec<String>,
    },
    /// In a code list. `prefix`: so many digits at the start decide.
    InList {
        fields: Vec<Field>,
        list: String,
        #[serde(default)]
        prefix: Option<usize>,
        /// The list, found at load.
        #[serde(skip)]
        codes: Codes,
    },
    /// Only digits; so many of them, where `length` is given.
    Digits {
        fields: Vec<Field>,
        #[serde(default)]
        length: Option<usize>,
    },
    /// 9 is a digit, A a capital letter; what follows `(` may be left out from the right.
    Form { fields: Vec<Field>, form: String },
    /// No white space before or after.
    NoOuterSpace { fields: Vec<Field> },
    /// An integer, with a sign when negative; below zero, where `negative` is set.
    Whole {
        fields: Vec<Field>,
        #[serde(default)]
        negative: bool,
    },
    /// This number, however it is written.
    Number { field: Field, is: u32 },
    /// 0 or more.
    NotNegative { fields: Vec<Field> },
    /// More than 0.
    Positive { fields: Vec<Field> },
    /// `field` is a number no greater than `than`.
    NotGreater { field: Field, than: Field },
    /// The sum of fields, of which an absent one counts as 0.
    Sum {
        total: Field,
        plus: Vec<Field>,
        #[serde(default)]
        minus: Vec<Field>,
    },
    /// The product of two.
    Product { total: Field, factors: [Field; 2] },
    /// The sum of a field of all lines, give or take `within` for each line.
    LineSum { total: Field, line: Field, within: Amount },
    /// 1, 2, 3 and so on over the lines.
    Sequence { field: Field },
    /// 1 in the first line, more than the line before in the others.
    Increasing { field: Field },
    /// No two lines have the same.
    Unique { field: Field },
    /// All of them are there.
    Required { fields: Vec<Field> },
    /// None of them is there.
    Absent { fields: Vec<Field> },
    /// One of these fields has the same value.
    MemberOf { field: Field, fields: Vec<Field> },
    /// Fields of the head and of all lines sum up to at most `most`; to at most `single`
    /// where the document is one line with the quantity 1.
    Limit {
        head: Vec<Field>,
        line: Vec<Field>,
        most: Amount,
        #[serde(default)]
        single: Option<Amount>,
        #[serde(default)]
        quantity: Option<Field>,
        /// Judged where this holds for every line.
        #[serde(default)]
        every: Option<When>,
    },
    /// VAT of a line by one of these rates (per cent): `share` per cent of the statutory
    /// amount where no duty is levied, or the whole. `consumption` is that of the line.
    RetailTax {
        base: Field,
        duty: Field,
        consumption: Field,
        vat: Field,
        rates: Vec<u32>,
        share: u32,
        within: Amount,
    },
    /// The message carries a Signature.
    Signed { field: Field },
    /// There is a line, unless all these fields are there.
    Lines { or: Vec<Field> },
}

impl Check {
    /// Every field that the check names.
    pub(super) fn fields_mut(&mut self) -> Vec<&mut Field> {
        match self {
            Check::OneOf { fields, .. }
            | Check::NotOneOf { fields, .. }
            | Check::Time { fields, .. }
            | Check::Together { fields }
            | Check::EnterpriseCode { fields, .. }
            | Check::InList { fields, .. }
            | Check::Digits { fields, .. }
            | Check::Form { fields, .. }
            | Check::NoOuterSpace { fields }
            | Check::Whole { fields, .. }
            | Check::NotNegative { fields }
            | Check::Positive { fields }
            | Check::Required { fields }
            | Check::Absent { fields }
            | Check::Lines { or: fields } => fields.iter_mut().collect(),
            Check::Number { field, .. }
            | Check::Sequence { field }
            | Check::Increasing { field }
            | Check::Unique { field }
            | Check::Signed { field } => vec![field],
            Check::NotBefore { field, than } | Check::NotGreater { field, than } => {
                vec![field, than]
            }
            Check::IdentityNumber { field, by } => vec![field, by],
            Check::Sum { total, plus, minus } => {
                std::iter::once(total).chain(plus).chain(minus).collect()
            }
            Check::Product { total, factors } => std::iter::once(total).chain(factors).collect(),
            Check::LineSum { total, line, .. } => vec![total, line],
            Check::MemberOf { field, fields } => std::iter::once(field).chain(fields).collect(),
            Check::Limit { head, line, quantity, every, .. } => {
                let every = every.as_mut().map(|every| &mut every.field);
                head.iter_mut().chain(line).chain(quantity).chain(every).collect()
            }
            Check::RetailTax { base, duty, consumption, vat, .. } => {
                vec![base, duty, consumption, vat]
            }
        }
    }
}
