//! A simple type of a schema: what a JSON string must look like to be a value of it,
//! as a pattern, as lengths and in words of both languages. Where JSON Schema cannot say
//! exactly what XML Schema says (days of months, lists, unions) it says less, never
//! more: the XSD judges the XML form afterwards.

use onepoint_xml::Element;

use super::node::Node;

/// White space that XML Schema takes off around a value that is not plain text.
const SPACE: &str = "[ \\t\\n\\r]*";

/// Longest text with collapsed white space that a pattern measures.
const COLLAPSED_MAX: u64 = 32;

/// A day and a time zone as XML Schema writes them; the XSD knows the days of a month.
const DAY: &str = "-?[0-9]{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const ZONE: &str = "(Z|[+-][0-9]{2}:[0-9]{2})?";

/// The built-in type below a simple type, as far as JSON needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Base {
    /// White space counts: xs:string.
    #[default]
    Text,
    /// Text whose white space is collapsed before it is measured: xs:token.
    Collapsed,
    /// Values whose white space is collapsed and whose form is not looked at here.
    Token,
    Decimal,
    Whole,
    Int,
    Base64,
    Boolean,
    Date,
    DateTime,
}

/// A simple type: its base and the limits of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Simple {
    base: Base,
    min: Option<u64>,
    max: Option<u64>,
    digits: Option<u64>,
    fraction: Option<u64>,
    patterns: Vec<String>,
    values: Vec<String>,
}

impl Simple {
    /// A built-in type of XML Schema part 2 by its local name.
    pub(crate) fn builtin(name: &str) -> Simple {
        let base = match name {
            "string" | "anySimpleType" | "anyType" | "normalizedString" => Base::Text,
            "token" => Base::Collapsed,
            "decimal" => Base::Decimal,
            "int" => Base::Int,
            "integer" | "long" | "short" | "byte" | "nonNegativeInteger" | "positiveInteger"
            | "unsignedInt" | "unsignedLong" | "unsignedShort" | "unsignedByte" => Base::Whole,
            "base64Binary" => Base::Base64,
            "boolean" => Base::Boolean,
            "date" => Base::Date,
            "dateTime" => Base::DateTime,
            _ => Base::Token,
        };
        Simple { base, ..Simple::default() }
    }

    /// This type narrowed by the children of an `xs:restriction`.
    pub(crate) fn restricted(mut self, restriction: Element<'_>) -> Simple {
        let mut patterns = Vec::new();
        let mut values = Vec::new();
        for facet in restriction.children() {
            let Some(value) = facet.attribute("", "value") else { continue };
            let number = value.parse().ok();
            match facet.name().local {
                "whiteSpace" if value == "collapse" && self.base == Base::Text => {
                    self.base = Base::Collapsed;
                }
                "length" => (self.min, self.max) = (number, number),
                "minLength" => self.min = number,
                "maxLength" => self.max = number,
                "totalDigits" => self.digits = number,
                "fractionDigits" => self.fraction = number,
                "pattern" => patterns.push(value.to_owned()),
                "enumeration" => values.push(value.to_owned()),
                _ => {}
            }
        }
        // Patterns of one step are alternatives, those of several steps all hold.
        if !patterns.is_empty() && patterns.iter().all(|pattern| is_shared(pattern)) {
            self.patterns.push(patterns.join("|"));
        }
        if !values.is_empty() {
            self.values = values;
        }
        self
    }

    /// The keywords of JSON Schema for it, after `"type": "string"`.
    pub(crate) fn keywords(&self) -> Vec<(&'static str, Node)> {
        let mut keywords = Vec::new();
        let text = self.base == Base::Text;
        if text && !self.values.is_empty() {
            let values = self.values.iter().map(|value| Node::from(value.as_str())).collect();
            keywords.push(("enum", Node::Array(values)));
        }
        if let Some(min) = self.min.filter(|min| text && *min > 0) {
            keywords.push(("minLength", Node::from(min)));
        }
        if let Some(max) = self.max.filter(|_| text) {
            keywords.push(("maxLength", Node::from(max)));
        }
        let lexical = self.lexical().into_iter();
        let patterns =
            self.patterns.iter().filter(|_| text).map(|pattern| format!("^({pattern})$"));
        let mut patterns: Vec<String> = lexical.chain(patterns).collect();
        match patterns.len() {
            0 => {}
            1 => keywords.extend(patterns.pop().map(|pattern| ("pattern", Node::from(pattern)))),
            _ => {
                let all = patterns.into_iter();
                let all = all.map(|p| Node::Object(vec![("pattern".to_owned(), Node::from(p))]));
                keywords.push(("allOf", Node::Array(all.collect())));
            }
        }
        keywords
    }

    /// The form of a number, of base64 or of a truth value.
    fn lexical(&self) -> Option<String> {
        let body = match self.base {
            Base::Text | Base::Token => return None,
            Base::Collapsed => collapsed(self.min.unwrap_or(0), self.max)?,
            Base::Decimal => format!("[+-]?{}", decimal(self.digits, self.fraction)),
            Base::Whole => match self.digits {
                Some(digits) => format!("[+-]?0*[0-9]{{1,{digits}}}"),
                None => "[+-]?[0-9]+".to_owned(),
            },
            Base::Int => match self.digits.filter(|digits| *digits < 10) {
                Some(digits) => format!("[+-]?0*[0-9]{{1,{digits}}}"),
                None => format!(
                    "(\\+?0*({})|-0*({}))",
                    up_to(&i32::MAX.to_string()),
                    up_to(&i32::MIN.unsigned_abs().to_string())
                ),
            },
            Base::Base64 => base64(),
            Base::Date => format!("{DAY}{ZONE}"),
            Base::DateTime => {
                format!("{DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\\.[0-9]+)?{ZONE}")
            }
            Base::Boolean => "(true|false|0|1)".to_owned(),
        };
        Some(format!("^{SPACE}{body}{SPACE}$"))
    }

    /// Whether its keywords say all that its XSD says.
    #[cfg(test)]
    pub(crate) fn is_exact(&self) -> bool {
        match self.base {
            Base::Token | Base::Date | Base::DateTime => false,
            Base::Collapsed => {
                let (short, plain) = (self.min.unwrap_or(0) <= 1, self.patterns.is_empty());
                short
                    && self.max.is_some_and(|max| max <= COLLAPSED_MAX)
                    && plain
                    && self.values.is_empty()
            }
            _ => true,
        }
    }

    /// Least and greatest length of text whose white space is collapsed.
    #[cfg(test)]
    pub(crate) fn collapsed_lengths(&self) -> Option<(u64, u64)> {
        let lengths = (self.min.unwrap_or(0), self.max.unwrap_or(40));
        (self.base == Base::Collapsed).then_some(lengths)
    }

    /// What is expected, in English and Chinese.
    pub(crate) fn words(&self) -> (String, String) {
        if !self.values.is_empty() {
            let en = format!("one of {}", self.values.join(", "));
            return (en, format!("{} 之一", self.values.join("、")));
        }
        if let Some(pattern) = self.patterns.last() {
            let en = format!("text of the form {pattern}");
            return (en, format!("符合格式 {pattern} 的文本"));
        }
        match (self.base, self.digits, self.fraction) {
            (Base::Decimal, Some(all), Some(behind)) => (
                format!(
                    "a string with a number of at most {all} digits, at most {behind} behind the point"
                ),
                format!("数字字符串，最多 {all} 位（其中小数最多 {behind} 位）"),
            ),
            (Base::Decimal, ..) => ("a string with a number".to_owned(), "数字字符串".to_owned()),
            (Base::Whole | Base::Int, Some(all), _) => (
                format!("a string with a whole number of at most {all} digits"),
                format!("最多 {all} 位的整数字符串"),
            ),
            (Base::Whole | Base::Int, ..) => {
                ("a string with a whole number".to_owned(), "整数字符串".to_owned())
            }
            (Base::Base64, ..) => ("base64".to_owned(), "base64 编码".to_owned()),
            (Base::Date, ..) => {
                ("a date such as 2026-11-01".to_owned(), "日期，如 2026-11-01".to_owned())
            }
            (Base::DateTime, ..) => (
                "a time such as 2026-11-01T10:00:00+08:00".to_owned(),
                "时间，如 2026-11-01T10:00:00+08:00".to_owned(),
            ),
            (Base::Boolean, ..) => {
                ("\"true\" or \"false\"".to_owned(), "\"true\" 或 \"false\"".to_owned())
            }
            (Base::Text | Base::Collapsed | Base::Token, ..) => self.length_words(),
        }
    }

    fn length_words(&self) -> (String, String) {
        match (self.min.filter(|min| *min > 0), self.max) {
            (Some(min), Some(max)) if min == max => {
                (format!("a string of exactly {max} characters"), format!("{max} 个字符的字符串"))
            }
            (Some(min), Some(max)) => (
                format!("a string of {min} to {max} characters"),
                format!("{min} 至 {max} 个字符的字符串"),
            ),
            (None, Some(max)) => (
                format!("a string of at most {max} characters"),
                format!("最多 {max} 个字符的字符串"),
            ),
            (Some(min), None) => (
                format!("a string of at least {min} characters"),
                format!("至少 {min} 个字符的字符串"),
            ),
            (None, None) => ("a string".to_owned(), "字符串".to_owned()),
        }
    }
}

/// Text of so many characters once runs of white space inside count as one and those around
/// it not at all. `None` where a pattern of it would be large: the XSD measures it.
fn collapsed(min: u64, max: Option<u64>) -> Option<String> {
    const ONE: &str = "[^ \\t\\n\\r]";
    let body = match max.filter(|max| *max <= COLLAPSED_MAX) {
        Some(0) => return Some(String::new()),
        Some(1) => ONE.to_owned(),
        Some(max) => format!("{ONE}(([ \\t\\n\\r]+|{ONE}){{0,{}}}{ONE})?", max - 2),
        None if min > 0 => format!("{ONE}({ONE}|[ \\t\\n\\r])*"),
        None => return None,
    };
    Some(if min > 0 { body } else { format!("({body})?") })
}

/// Base64 with white space anywhere (XML Schema part 2, section 3.2.16): groups of four, and
/// a last one that is filled up.
fn base64() -> String {
    let one = format!("[A-Za-z0-9+/]{SPACE}");
    let two = format!("[AQgw]{SPACE}={SPACE}=");
    let three = format!("[AEIMQUYcgkosw048]{SPACE}=");
    format!("({one}{one}{one}{one})*({one}({two}|{one}{three}))?")
}

/// Unsigned decimals of at most so many digits: zeros before and behind do not count.
fn decimal(digits: Option<u64>, fraction: Option<u64>) -> String {
    let Some(digits) = digits.filter(|digits| *digits <= 40) else {
        return match fraction {
            Some(behind) => {
                format!("([0-9]+(\\.[0-9]{{0,{behind}}}0*)?|\\.([0-9]{{1,{behind}}}0*|0+))")
            }
            None => "([0-9]+(\\.[0-9]*)?|\\.[0-9]+)".to_owned(),
        };
    };
    let most = fraction.unwrap_or(digits).min(digits);
    let mut forms = vec![format!("[0-9]{{1,{digits}}}(\\.0*)?"), "\\.0+".to_owned()];
    for behind in 1..=most {
        forms.push(format!("[0-9]{{0,{}}}\\.[0-9]{{{behind}}}0*", digits - behind));
    }
    format!("0*({})", forms.join("|"))
}

/// Numbers from 0 to `most`, without zeros before them.
fn up_to(most: &str) -> String {
    let mut forms = vec![format!("[0-9]{{1,{}}}", most.len().saturating_sub(1))];
    for (at, digit) in most.char_indices() {
        let (before, left) = (most.get(..at).unwrap_or_default(), most.len() - at - 1);
        let first = if at == 0 { '1' } else { '0' };
        let Some(below) = digit.to_digit(10).filter(|_| digit > first) else { continue };
        forms.push(format!("{before}[{first}-{}][0-9]{{{left}}}", below - 1));
    }
    forms.push(most.to_owned());
    forms.join("|")
}

/// Whether the pattern means the same in XML Schema and in JSON Schema: no escapes
/// but those of punctuation, no class subtraction, no anchors, no dot.
fn is_shared(pattern: &str) -> bool {
    let mut escaped = false;
    for c in pattern.chars() {
        match (escaped, c) {
            (true, c) if c.is_ascii_punctuation() => escaped = false,
            (true, _) | (false, '^' | '$' | '.' | '&' | '~') => return false,
            (false, c) => escaped = c == '\\',
        }
    }
    !escaped && !pattern.contains("-[") && !pattern.contains("(?") && !pattern.contains("[:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use onepoint_xml::{Document, Limits};

    fn simple(base: &str, facets: &str) -> Simple {
        let xml = format!("<restriction>{facets}</restriction>");
        let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
        Simple::builtin(base).restricted(document.root())
    }

    fn takes(simple: &Simple, text: &str) -> bool {
        let members = simple.keywords().into_iter().map(|(name, node)| (name.to_owned(), node));
        let schema = serde_json::to_value(Node::Object(members.collect())).unwrap();
        jsonschema::validator_for(&schema).unwrap().is_valid(&serde_json::json!(text))
    }

    #[test]
    fn numbers_are_bounded_as_in_xml_schema() {
        let amount = simple("decimal", "<totalDigits value='19'/><fractionDigits value='5'/>");
        let good = [
            "0",
            "-0.5",
            "+1",
            ".5",
            "5.",
            " 12.50000 \n",
            "00012345678901234567.1",
            "1234567890123456789",
            "12345678901234.12345",
            "1.1234500000",
            "0.00000000",
            ".0",
        ];
        good.iter().for_each(|text| assert!(takes(&amount, text), "{text}"));
        let bad = [
            "",
            ".",
            "-",
            "1,5",
            "1e3",
            "12345678901234567890",
            "0.123456",
            "123456789012345.12345",
            "NaN",
            "\u{3000}1",
            "１",
            "1 2",
        ];
        bad.iter().for_each(|text| assert!(!takes(&amount, text), "{text}"));
        let count = simple("int", "<totalDigits value='9'/>");
        assert!(takes(&count, "000000999999999") && takes(&count, "-1") && !takes(&count, "1.0"));
        assert!(!takes(&count, "1000000000"));
        let int = Simple::builtin("int");
        for text in ["2147483647", "-2147483648", "0", "-0002147483648", "+7", "1999999999"] {
            assert!(takes(&int, text), "{text}");
        }
        for text in ["2147483648", "-2147483649", "9999999999", "10000000000", "", "+"] {
            assert!(!takes(&int, text), "{text}");
        }
    }

    #[test]
    fn base64_is_that_of_xml_schema() {
        let base64 = Simple::builtin("base64Binary");
        for text in ["", "QUJD", " QU JD\n", "QQ==", "QQ= =", "QUI=", "QUJDQQ=="] {
            assert!(takes(&base64, text), "{text}");
        }
        for text in ["Q", "QUJ", "QUJDR", "QR==", "QUJ=", "=", "QQ==QUJD", "QUJ*"] {
            assert!(!takes(&base64, text), "{text}");
        }
        let time = Simple::builtin("dateTime");
        assert!(takes(&time, "2026-11-01T10:00:00.5+08:00") && !takes(&time, "2026-11-01"));
        assert!(takes(&Simple::builtin("date"), "2026-11-01"));
    }

    #[test]
    fn collapsed_text_is_measured_without_the_white_space() {
        let token = |facets| simple("string", &format!("<whiteSpace value='collapse'/>{facets}"));
        let one = token("<length value='1'/>");
        assert!(
            takes(&one, " 名\n") && !takes(&one, "") && !takes(&one, "ab") && !takes(&one, " ")
        );
        let few = token("<maxLength value='4'/>");
        for text in ["", "  ", "abcd", " a \n\t b ", "a b c", "a  b  c"] {
            assert_eq!(takes(&few, text), text.split_whitespace().count() < 3, "{text:?}");
        }
        assert!(!takes(&few, "abcde") && takes(&few, "a  bc") && !takes(&few, "ab  cd"));
        let long = token("<minLength value='1'/><maxLength value='1000'/>");
        assert!(takes(&long, &"名".repeat(2000)) && !takes(&long, " \n"));
        assert!(one.is_exact() && few.is_exact() && !long.is_exact());
    }

    #[test]
    fn lengths_patterns_and_values_hold_at_once() {
        let date = simple("string", "<pattern value='[0-9]{8}'/>");
        assert!(
            takes(&date, "20261101") && !takes(&date, "20261101 ") && !takes(&date, "x20261101")
        );
        let kind = simple("string", "<enumeration value='1'/><enumeration value='2'/>");
        assert!(takes(&kind, "2") && !takes(&kind, "3") && !takes(&kind, " 2"));
        let name = simple("string", "<minLength value='1'/><maxLength value='2'/>");
        assert!(takes(&name, "名名") && !takes(&name, "名名名") && !takes(&name, ""));
        // A pattern whose meaning differs between the two is left to the XSD.
        assert!(takes(&simple("string", "<pattern value='\\d'/>"), "x"));
    }

    #[test]
    fn what_is_expected_is_said_in_both_languages() {
        let words = |base, facets| simple(base, facets).words();
        let length = words("string", "<length value='36'/>");
        assert_eq!(length.0, "a string of exactly 36 characters");
        assert_eq!(length.1, "36 个字符的字符串");
        let amount = words("decimal", "<totalDigits value='19'/><fractionDigits value='5'/>");
        assert!(amount.0.contains("19 digits, at most 5") && amount.1.contains("19 位"));
    }
}
