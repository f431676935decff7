//! What a simple type asks of a value, and what is wrong with one, in both languages. The
//! value itself is never in these words: it may be personal.

use super::model::{Model, TypeId};
use super::simple::{Facets, Rule, Simple, Variety};
use super::value::Primitive;
use super::value::time::Point;

/// Values of an enumeration that are listed; further ones are counted.
const LISTED_MAX: usize = 20;

/// What is expected of a value, in English and Chinese.
pub(super) fn expected(model: &Model, kind: TypeId) -> (String, String) {
    let Some(simple) = model.simple(kind) else { return ("text".into(), "文本".into()) };
    let facets = &simple.facets;
    if let Some(values) = &facets.values {
        let shown: Vec<&str> = values.texts.iter().take(LISTED_MAX).map(|text| &**text).collect();
        let more = values.texts.len() - shown.len();
        let (en, zh) = match more {
            0 => (String::new(), String::new()),
            more => (format!(" and {more} more"), format!("等 {} 项", values.texts.len())),
        };
        let all = (shown.join(", "), shown.join("、"));
        return (format!("one of {}{en}", all.0), format!("{}{zh} 之一", all.1));
    }
    if let Some(pattern) = facets.patterns.last() {
        let texts = pattern.texts.join(" | ");
        return (format!("text of the form {texts}"), format!("符合格式 {texts} 的文本"));
    }
    match &simple.variety {
        Variety::List(item) => {
            let (en, zh) = expected(model, *item);
            (format!("a list, each {en}"), format!("列表，每项为{zh}"))
        }
        Variety::Union(members) => {
            let all = members.iter().take(LISTED_MAX).map(|member| expected(model, *member));
            let (en, zh): (Vec<_>, Vec<_>) = all.unzip();
            (en.join(" or "), zh.join("或"))
        }
        _ => plain(simple),
    }
}

fn plain(simple: &Simple) -> (String, String) {
    let facets = &simple.facets;
    let Variety::Atomic(primitive, _) = simple.variety else { return length(facets) };
    match (primitive, facets.total_digits, facets.fraction_digits) {
        (Primitive::Decimal, Some(all), Some(behind)) => (
            format!("a number of at most {all} digits, at most {behind} behind the point"),
            format!("最多 {all} 位数字（其中小数最多 {behind} 位）"),
        ),
        (Primitive::Integer, Some(all), _) => {
            (format!("a whole number of at most {all} digits"), format!("最多 {all} 位的整数"))
        }
        (Primitive::String, ..) => length(facets),
        (primitive, ..) => {
            let (en, zh) = name(primitive);
            let (mut en, mut zh) = (en.to_owned(), zh.to_owned());
            if facets.total_digits.is_none() {
                for bound in &facets.bounds {
                    let (word, sign) = match bound.rule {
                        Rule::MinInclusive => ("at least", "不小于"),
                        Rule::MinExclusive => ("more than", "大于"),
                        Rule::MaxInclusive => ("at most", "不大于"),
                        _ => ("less than", "小于"),
                    };
                    en.push_str(&format!(", {word} {}", bound.text));
                    zh.push_str(&format!("，{sign} {}", bound.text));
                }
            }
            if facets.min_length.is_some() || facets.max_length.is_some() {
                let (more_en, more_zh) = length(facets);
                return (format!("{en}, {more_en}"), format!("{zh}，{more_zh}"));
            }
            (en, zh)
        }
    }
}

fn length(facets: &Facets) -> (String, String) {
    match (facets.min_length, facets.max_length) {
        (Some(min), Some(max)) if min == max => {
            (format!("exactly {max} characters"), format!("{max} 个字符"))
        }
        (Some(min), Some(max)) => {
            (format!("{min} to {max} characters"), format!("{min} 至 {max} 个字符"))
        }
        (None, Some(max)) => (format!("at most {max} characters"), format!("最多 {max} 个字符")),
        (Some(min), None) => (format!("at least {min} characters"), format!("至少 {min} 个字符")),
        (None, None) => ("text".into(), "文本".into()),
    }
}

fn name(primitive: Primitive) -> (&'static str, &'static str) {
    match primitive {
        Primitive::String => ("text", "文本"),
        Primitive::Boolean => ("true or false", "true 或 false"),
        Primitive::Decimal => ("a decimal number", "十进制数"),
        Primitive::Integer => ("a whole number", "整数"),
        Primitive::Float | Primitive::Double => ("a number", "数值"),
        Primitive::Duration => ("a duration such as P1DT2H", "时长（如 P1DT2H）"),
        Primitive::Time(point) => match point {
            Point::DateTime => {
                ("a time such as 2026-01-31T23:59:59", "日期时间（如 2026-01-31T23:59:59）")
            }
            Point::Date => ("a date such as 2026-01-31", "日期（如 2026-01-31）"),
            Point::Time => ("a time such as 23:59:59", "时间（如 23:59:59）"),
            Point::YearMonth => ("a month such as 2026-01", "年月（如 2026-01）"),
            Point::Year => ("a year such as 2026", "年份（如 2026）"),
            Point::MonthDay => ("a day such as --01-31", "月日（如 --01-31）"),
            Point::Month => ("a month such as --01", "月份（如 --01）"),
            Point::Day => ("a day such as ---31", "日（如 ---31）"),
        },
        Primitive::Hex => ("hexadecimal octets", "十六进制编码"),
        Primitive::Base64 => ("base64", "base64 编码"),
        Primitive::Uri => ("a URI", "URI"),
        Primitive::Language => ("a language such as zh-CN", "语言代码（如 zh-CN）"),
        Primitive::Nmtoken => ("an XML name token", "XML 名称标记"),
        Primitive::Name => ("an XML name", "XML 名称"),
        Primitive::NcName => ("an XML name without colon", "不含冒号的 XML 名称"),
        Primitive::Qname => ("a name with a declared prefix", "前缀已声明的名称"),
        Primitive::Notation => ("the name of a notation", "已声明的 notation 名称"),
    }
}

/// What is wrong with a value, without repeating it.
pub(super) struct Wrong {
    pub(super) code: &'static str,
    pub(super) expected: String,
    pub(super) en: String,
    pub(super) zh: String,
}

impl Wrong {
    pub(super) fn of(model: &Model, kind: TypeId, rule: Rule, value: &str) -> Wrong {
        let (en, zh) = expected(model, kind);
        let (code, is, zh_is) = match rule {
            Rule::Length | Rule::MinLength | Rule::MaxLength => {
                let simple = model.simple(kind);
                let length = simple.map_or(0, |s| s.normalised(value).chars().count());
                let (is, zh_is) =
                    (format!("has {length} characters"), format!("有 {length} 个字符"));
                ("schema-length", is, zh_is)
            }
            Rule::TotalDigits | Rule::FractionDigits => {
                ("schema-digits", "has too many digits".into(), "数字位数超限".into())
            }
            Rule::Pattern => ("schema-pattern", "has the wrong form".into(), "格式不符".into()),
            Rule::Enumeration => {
                ("schema-enumeration", "is not one of the values".into(), "取值不在范围内".into())
            }
            Rule::MinInclusive | Rule::MinExclusive | Rule::MaxInclusive | Rule::MaxExclusive => {
                ("schema-range", "is out of range".into(), "取值超出范围".into())
            }
            Rule::Type => ("schema-type", "is not of its type".into(), "类型不符".into()),
        };
        let text: (String, String) =
            (format!("{is}; expected {en}"), format!("{zh_is}，应为 {zh}"));
        Wrong { code, expected: en, en: text.0, zh: text.1 }
    }
}
