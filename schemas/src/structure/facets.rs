//! What a simple type asks of a value, read from its schema, in words: the engine
//! says that a value is wrong, this says what would be right, in both languages.

use onepoint_xml::Element;

/// The built-in type below a simple type, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Base {
    #[default]
    Text,
    Decimal,
    Whole,
    Base64,
    Uri,
    Name,
}

/// A simple type: its base and the limits of its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facets {
    pub(super) base: Base,
    min: Option<u32>,
    max: Option<u32>,
    digits: Option<u32>,
    fraction: Option<u32>,
    pattern: Option<String>,
    values: Vec<String>,
}

impl Facets {
    /// A built-in type of XML Schema part 2 by its local name.
    pub(super) fn builtin(name: &str) -> Facets {
        let base = match name {
            "decimal" => Base::Decimal,
            "integer" | "int" => Base::Whole,
            "base64Binary" => Base::Base64,
            "anyURI" => Base::Uri,
            "NCName" | "ID" => Base::Name,
            _ => Base::Text,
        };
        Facets { base, ..Facets::default() }
    }

    /// These facets narrowed by the children of an `xs:restriction`.
    pub(super) fn restricted(mut self, restriction: Element<'_>) -> Facets {
        for facet in restriction.children() {
            let Some(value) = facet.attribute("", "value") else { continue };
            let number = value.parse().ok();
            match facet.name().local {
                "length" => (self.min, self.max) = (number, number),
                "minLength" => self.min = number,
                "maxLength" => self.max = number,
                "totalDigits" => self.digits = number,
                "fractionDigits" => self.fraction = number,
                "pattern" => self.pattern = Some(value.to_owned()),
                "enumeration" => self.values.push(value.to_owned()),
                _ => {}
            }
        }
        self
    }

    /// Whether the value is made of the characters its base allows at all. The engine
    /// takes more than XML Schema does: `1_0` as xs:integer.
    pub(super) fn is_plain(&self, text: &str) -> bool {
        let allowed: &[u8] = match self.base {
            Base::Decimal => b"+-.",
            Base::Whole => b"+-",
            _ => return true,
        };
        text.bytes().all(|b| b.is_ascii_digit() || b" \t\r\n".contains(&b) || allowed.contains(&b))
    }

    /// What is expected, in English.
    pub(super) fn en(&self) -> String {
        if !self.values.is_empty() {
            return format!("one of {}", self.values.join(", "));
        }
        if let Some(pattern) = &self.pattern {
            return format!("text of the form {pattern}");
        }
        match (self.base, self.digits, self.fraction) {
            (Base::Decimal, Some(all), Some(behind)) => {
                format!("a number of at most {all} digits, at most {behind} behind the point")
            }
            (Base::Decimal, ..) => "a decimal number".to_owned(),
            (Base::Whole, Some(all), _) => format!("a whole number of at most {all} digits"),
            (Base::Whole, ..) => "a whole number".to_owned(),
            (Base::Base64, ..) => "base64".to_owned(),
            (Base::Uri, ..) => "a URI".to_owned(),
            (Base::Name, ..) => "an XML name without colon".to_owned(),
            (Base::Text, ..) => match (self.min, self.max) {
                (Some(min), Some(max)) if min == max => format!("exactly {max} characters"),
                (Some(min), Some(max)) => format!("{min} to {max} characters"),
                (None, Some(max)) => format!("at most {max} characters"),
                (Some(min), None) => format!("at least {min} characters"),
                (None, None) => "text".to_owned(),
            },
        }
    }

    /// What is expected, in Chinese.
    pub(super) fn zh(&self) -> String {
        if !self.values.is_empty() {
            return format!("{} 之一", self.values.join("、"));
        }
        if let Some(pattern) = &self.pattern {
            return format!("符合格式 {pattern} 的文本");
        }
        match (self.base, self.digits, self.fraction) {
            (Base::Decimal, Some(all), Some(behind)) => {
                format!("最多 {all} 位数字（其中小数最多 {behind} 位）")
            }
            (Base::Decimal, ..) => "十进制数".to_owned(),
            (Base::Whole, Some(all), _) => format!("最多 {all} 位的整数"),
            (Base::Whole, ..) => "整数".to_owned(),
            (Base::Base64, ..) => "base64 编码".to_owned(),
            (Base::Uri, ..) => "URI".to_owned(),
            (Base::Name, ..) => "不含冒号的 XML 名称".to_owned(),
            (Base::Text, ..) => match (self.min, self.max) {
                (Some(min), Some(max)) if min == max => format!("{max} 个字符"),
                (Some(min), Some(max)) => format!("{min} 至 {max} 个字符"),
                (None, Some(max)) => format!("最多 {max} 个字符"),
                (Some(min), None) => format!("至少 {min} 个字符"),
                (None, None) => "文本".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onepoint_xml::{Document, Limits};

    fn facets(base: &str, facets: &str) -> Facets {
        let xml = format!("<restriction>{facets}</restriction>");
        let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
        Facets::builtin(base).restricted(document.root())
    }

    #[test]
    fn limits_are_said_in_both_languages() {
        for (base, given, en, zh) in [
            ("string", "<length value='36'/>", "exactly 36 characters", "36 个字符"),
            (
                "string",
                "<minLength value='1'/><maxLength value='60'/>",
                "1 to 60 characters",
                "1 至 60 个字符",
            ),
            ("string", "<maxLength value='60'/>", "at most 60 characters", "最多 60 个字符"),
            ("string", "<minLength value='2'/>", "at least 2 characters", "至少 2 个字符"),
            ("string", "", "text", "文本"),
            (
                "string",
                "<pattern value='[0-9]'/>",
                "text of the form [0-9]",
                "符合格式 [0-9] 的文本",
            ),
            (
                "string",
                "<enumeration value='A'/><enumeration value='B'/>",
                "one of A, B",
                "A、B 之一",
            ),
            (
                "decimal",
                "<totalDigits value='19'/><fractionDigits value='5'/>",
                "a number of at most 19 digits, at most 5 behind the point",
                "最多 19 位数字（其中小数最多 5 位）",
            ),
            ("decimal", "", "a decimal number", "十进制数"),
            (
                "int",
                "<totalDigits value='9'/>",
                "a whole number of at most 9 digits",
                "最多 9 位的整数",
            ),
            ("integer", "", "a whole number", "整数"),
            ("base64Binary", "", "base64", "base64 编码"),
            ("anyURI", "", "a URI", "URI"),
            ("NCName", "", "an XML name without colon", "不含冒号的 XML 名称"),
        ] {
            let facets = facets(base, given);
            assert_eq!((facets.en().as_str(), facets.zh().as_str()), (en, zh));
        }
    }

    #[test]
    fn numbers_are_made_of_ascii_digits_and_signs() {
        let (whole, decimal) = (Facets::builtin("int"), Facets::builtin("decimal"));
        assert!(whole.is_plain(" +12\n") && decimal.is_plain("-1.5"));
        for bad in ["1_0", "1\u{3000}", "１", "1e3"] {
            assert!(!whole.is_plain(bad) && !decimal.is_plain(bad), "{bad}");
        }
        assert!(Facets::builtin("string").is_plain("1_0"));
    }
}
