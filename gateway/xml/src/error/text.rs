//! Codes and sentences of [`Problem`]: English, Chinese, and what was expected. In: the
//! problem. Out: text fit for the sender. Promised: codes never change; sentences are
//! lowercase where they begin with a word and carry no trailing period.

use super::{Evidence, NamespaceRule, Problem};

impl Problem {
    /// Stable code in kebab-case.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Problem::TooLarge { .. } => "xml-too-large",
            Problem::TooDeep { .. } => "xml-too-deep",
            Problem::TooManyAttributes { .. } => "xml-too-many-attributes",
            Problem::TooManyEvents { .. } => "xml-too-many-events",
            Problem::TooManyNames { .. } => "xml-too-many-names",
            Problem::NameTooLong { .. } => "xml-name-too-long",
            Problem::Empty => "xml-empty",
            Problem::NotXml { .. } => "xml-not-xml",
            Problem::Utf16 { .. } => "xml-encoding-utf16",
            Problem::Gbk { .. } => "xml-encoding-gbk",
            Problem::Encoding { .. } => "xml-encoding-unsupported",
            Problem::NotUtf8 => "xml-not-utf8",
            Problem::Truncated { .. } => "xml-truncated",
            Problem::Doctype => "xml-doctype-forbidden",
            Problem::Entity { .. } => "xml-entity-undeclared",
            Problem::Character { .. } => "xml-character-forbidden",
            Problem::CharacterReference { .. } => "xml-character-reference-invalid",
            Problem::Ampersand => "xml-ampersand-bare",
            Problem::Name { .. } => "xml-name-invalid",
            Problem::QualifiedName { .. } => "xml-qualified-name-invalid",
            Problem::Tag { .. } => "xml-tag-malformed",
            Problem::LessThanInAttribute { .. } => "xml-less-than-in-attribute",
            Problem::DuplicateAttribute { .. } => "xml-attribute-duplicate",
            Problem::EndTagMismatch { .. } => "xml-end-tag-mismatch",
            Problem::EndTagUnexpected { .. } => "xml-end-tag-unexpected",
            Problem::CdataEnd => "xml-cdata-end-in-text",
            Problem::CommentHyphens => "xml-comment-double-hyphen",
            Problem::Pi { .. } => "xml-pi-malformed",
            Problem::PiReserved { .. } => "xml-pi-target-reserved",
            Problem::DeclarationMisplaced => "xml-declaration-misplaced",
            Problem::Declaration { .. } => "xml-declaration-malformed",
            Problem::Markup => "xml-markup-invalid",
            Problem::OutsideRoot => "xml-content-outside-root",
            Problem::SecondRoot { .. } => "xml-second-root",
            Problem::NoRoot => "xml-no-root",
            Problem::PrefixUndeclared { .. } => "xml-prefix-undeclared",
            Problem::NamespaceDeclaration { .. } => "xml-namespace-declaration-invalid",
        }
    }

    /// What should have been there.
    pub(super) fn expected(&self) -> String {
        match self {
            Problem::TooLarge { limit, .. } => format!("at most {limit} bytes"),
            Problem::TooDeep { limit } => format!("at most {limit} elements inside each other"),
            Problem::TooManyAttributes { limit } => {
                format!("at most {limit} attributes and namespace declarations in one tag")
            }
            Problem::TooManyEvents { limit } => format!("at most {limit} tags and texts"),
            Problem::TooManyNames { limit } => format!("at most {limit} different names"),
            Problem::NameTooLong { limit, .. } => format!("a name of at most {limit} bytes"),
            Problem::Empty | Problem::NotXml { .. } => "an XML document in UTF-8".into(),
            Problem::Utf16 { .. }
            | Problem::Gbk { .. }
            | Problem::Encoding { .. }
            | Problem::NotUtf8 => "UTF-8".into(),
            Problem::Truncated { expected, .. } => expected.clone(),
            Problem::Doctype => "no document type declaration".into(),
            Problem::Entity { .. } => {
                "&amp; &lt; &gt; &quot; &apos; or a character reference".into()
            }
            Problem::Character { .. } => {
                "tab, line feed, carriage return, or a character from U+0020 that is no \
                 noncharacter"
                    .into()
            }
            Problem::CharacterReference { .. } => {
                "&#decimal; or &#xhexadecimal; of a character that XML allows".into()
            }
            Problem::Ampersand => "&amp;".into(),
            Problem::Name { .. } => {
                "a name: a letter or _ first, then letters, digits, - . _".into()
            }
            Problem::QualifiedName { .. } => "local or prefix:local".into(),
            Problem::Tag { expected } | Problem::Declaration { expected } => expected.en.into(),
            Problem::LessThanInAttribute { .. } => "&lt;".into(),
            Problem::DuplicateAttribute { .. } => "each attribute once".into(),
            Problem::EndTagMismatch { expected, .. } => format!("</{expected}>"),
            Problem::EndTagUnexpected { .. } => "no end tag, since no element is open".into(),
            Problem::CdataEnd => "]]&gt;".into(),
            Problem::CommentHyphens => "no -- inside a comment and no - at its end".into(),
            Problem::Pi { .. } => "<?target data?>".into(),
            Problem::PiReserved { .. } => "another target than xml".into(),
            Problem::DeclarationMisplaced => {
                "the XML declaration as the very first characters, or none".into()
            }
            Problem::Markup => "a comment <!-- --> or a section <![CDATA[ ]]>".into(),
            Problem::OutsideRoot => {
                "only comments, processing instructions and white space outside the root".into()
            }
            Problem::SecondRoot { .. } => "one root element".into(),
            Problem::NoRoot => "a root element".into(),
            Problem::PrefixUndeclared { prefix } => format!("xmlns:{prefix}=\"...\""),
            Problem::NamespaceDeclaration { rule } => rule.expected().into(),
        }
    }

    /// One English sentence.
    pub(super) fn english(&self) -> String {
        match self {
            Problem::TooLarge { limit, found } => {
                format!("the document has {found} bytes, more than the {limit} allowed")
            }
            Problem::TooDeep { limit } => format!("elements are nested deeper than {limit}"),
            Problem::TooManyAttributes { limit } => {
                format!("the tag has more than {limit} attributes")
            }
            Problem::TooManyEvents { limit } => {
                format!("the document has more than {limit} tags and texts")
            }
            Problem::TooManyNames { limit } => {
                format!("the document uses more than {limit} different names")
            }
            Problem::NameTooLong { limit, found } => {
                format!("the name has {found} bytes, more than the {limit} allowed")
            }
            Problem::Empty => "the document is empty".into(),
            Problem::NotXml { looks_like } => {
                format!("this is not XML; it looks like {}", looks_like.en)
            }
            Problem::Utf16 { encoding, evidence }
            | Problem::Gbk { encoding, evidence }
            | Problem::Encoding { encoding, evidence } => evidence.english(encoding),
            Problem::NotUtf8 => "these bytes are not UTF-8".into(),
            Problem::Truncated { inside, expected } => {
                format!("the document ends inside {}; {expected} is missing", inside.en)
            }
            Problem::Doctype => "document type declarations are refused".into(),
            Problem::Entity { name } => format!("the entity '{name}' is not declared"),
            Problem::Character { code } => format!("XML does not allow the character U+{code:04X}"),
            Problem::CharacterReference { found } => {
                format!("'&{found};' is not the reference of a character that XML allows")
            }
            _ => self.english_of_structure(),
        }
    }

    fn english_of_structure(&self) -> String {
        match self {
            Problem::Ampersand => "'&' must be written &amp;".into(),
            Problem::Name { found } => format!("'{found}' is not a name"),
            Problem::QualifiedName { found } => {
                format!("'{found}' is not a name with at most one prefix")
            }
            Problem::Tag { expected } => format!("the tag is malformed: expected {}", expected.en),
            Problem::LessThanInAttribute { name } => {
                format!("'<' in the value of attribute '{name}' must be written &lt;")
            }
            Problem::DuplicateAttribute { name } => format!("attribute '{name}' stands twice"),
            Problem::EndTagMismatch { expected, found } => {
                format!("end tag </{found}> where </{expected}> was expected")
            }
            Problem::EndTagUnexpected { found } => {
                format!("end tag </{found}> where no element is open")
            }
            Problem::CdataEnd => "']]>' in text must be written ]]&gt;".into(),
            Problem::CommentHyphens => "'--' is not allowed inside a comment".into(),
            Problem::Pi { found } => format!("the processing instruction '{found}' is malformed"),
            Problem::PiReserved { found } => {
                format!("the target '{found}' of a processing instruction is reserved")
            }
            Problem::DeclarationMisplaced => {
                "the XML declaration is not at the very start of the document".into()
            }
            Problem::Declaration { expected } => {
                format!("the XML declaration is malformed: expected {}", expected.en)
            }
            Problem::Markup => "'<!' begins neither a comment nor a CDATA section".into(),
            Problem::OutsideRoot => "there is text outside the root element".into(),
            Problem::SecondRoot { found } => format!("<{found}> is a second root element"),
            Problem::NoRoot => "the document has no root element".into(),
            Problem::PrefixUndeclared { prefix } => {
                format!("the prefix '{prefix}' is not declared")
            }
            Problem::NamespaceDeclaration { rule } => rule.english().into(),
            // The rest has its sentence in `english`.
            _ => self.code().into(),
        }
    }

    /// One Chinese sentence.
    pub(super) fn chinese(&self) -> String {
        match self {
            Problem::TooLarge { limit, found } => {
                format!("报文共 {found} 字节，超过上限 {limit} 字节")
            }
            Problem::TooDeep { limit } => format!("元素嵌套超过 {limit} 层"),
            Problem::TooManyAttributes { limit } => format!("标签的属性超过 {limit} 个"),
            Problem::TooManyEvents { limit } => format!("报文的标签和文本超过 {limit} 个"),
            Problem::TooManyNames { limit } => format!("报文使用的不同名称超过 {limit} 个"),
            Problem::NameTooLong { limit, found } => {
                format!("名称共 {found} 字节，超过上限 {limit} 字节")
            }
            Problem::Empty => "报文为空".into(),
            Problem::NotXml { looks_like } => format!("不是 XML，看起来是{}", looks_like.zh),
            Problem::Utf16 { encoding, evidence }
            | Problem::Gbk { encoding, evidence }
            | Problem::Encoding { encoding, evidence } => evidence.chinese(encoding),
            Problem::NotUtf8 => "此处字节不是合法的 UTF-8".into(),
            Problem::Truncated { inside, expected } => {
                format!("报文在{}内中断，缺少 {expected}", inside.zh)
            }
            Problem::Doctype => "不接受文档类型声明（DOCTYPE）".into(),
            Problem::Entity { name } => format!("实体“{name}”未声明"),
            Problem::Character { code } => format!("XML 不允许字符 U+{code:04X}"),
            Problem::CharacterReference { found } => format!("“&{found};”不是合法的字符引用"),
            _ => self.chinese_of_structure(),
        }
    }

    fn chinese_of_structure(&self) -> String {
        match self {
            Problem::Ampersand => "“&”应写作 &amp;".into(),
            Problem::Name { found } => format!("“{found}”不是合法的名称"),
            Problem::QualifiedName { found } => format!("“{found}”不是合法的限定名，最多一个冒号"),
            Problem::Tag { expected } => format!("标签格式错误，应为：{}", expected.zh),
            Problem::LessThanInAttribute { name } => {
                format!("属性“{name}”的值中“<”应写作 &lt;")
            }
            Problem::DuplicateAttribute { name } => format!("属性“{name}”重复"),
            Problem::EndTagMismatch { expected, found } => {
                format!("结束标签 </{found}> 不匹配，应为 </{expected}>")
            }
            Problem::EndTagUnexpected { found } => format!("多余的结束标签 </{found}>"),
            Problem::CdataEnd => "文本中的“]]>”应写作 ]]&gt;".into(),
            Problem::CommentHyphens => "注释中不允许出现“--”".into(),
            Problem::Pi { found } => format!("处理指令“{found}”格式错误"),
            Problem::PiReserved { found } => format!("处理指令的目标“{found}”为保留名称"),
            Problem::DeclarationMisplaced => "XML 声明不在报文最开头".into(),
            Problem::Declaration { expected } => format!("XML 声明格式错误，应为：{}", expected.zh),
            Problem::Markup => "“<!”之后既不是注释也不是 CDATA".into(),
            Problem::OutsideRoot => "根元素之外存在文本".into(),
            Problem::SecondRoot { found } => format!("<{found}> 是第二个根元素"),
            Problem::NoRoot => "报文没有根元素".into(),
            Problem::PrefixUndeclared { prefix } => format!("命名空间前缀“{prefix}”未声明"),
            Problem::NamespaceDeclaration { rule } => rule.chinese().into(),
            // The rest has its sentence in `chinese`.
            _ => self.code().into(),
        }
    }
}

impl Evidence {
    fn english(self, encoding: &str) -> String {
        match self {
            Evidence::Mark => {
                format!("the byte order mark is that of {encoding}; send the document in UTF-8")
            }
            Evidence::Pattern => {
                format!("the bytes look like {encoding}; send the document in UTF-8")
            }
            Evidence::Declared => format!(
                "the XML declaration says {encoding}; send the document in UTF-8 and declare UTF-8"
            ),
        }
    }

    fn chinese(self, encoding: &str) -> String {
        match self {
            Evidence::Mark => format!("字节序标记表明编码为 {encoding}，请用 UTF-8 发送报文"),
            Evidence::Pattern => format!("字节特征表明编码为 {encoding}，请用 UTF-8 发送报文"),
            Evidence::Declared => {
                format!("XML 声明的编码为 {encoding}，请用 UTF-8 发送报文并声明 UTF-8")
            }
        }
    }
}

impl NamespaceRule {
    fn expected(self) -> &'static str {
        match self {
            NamespaceRule::EmptyForPrefix => "a namespace name that is not empty",
            NamespaceRule::XmlPrefix => "xml bound to its own namespace or not declared",
            NamespaceRule::XmlnsPrefix => "no declaration of the prefix xmlns",
            NamespaceRule::XmlNamespace | NamespaceRule::XmlnsNamespace => "another namespace name",
        }
    }

    fn english(self) -> &'static str {
        match self {
            NamespaceRule::EmptyForPrefix => "a prefix cannot be bound to the empty namespace",
            NamespaceRule::XmlPrefix => "the prefix 'xml' cannot be bound to another namespace",
            NamespaceRule::XmlnsPrefix => "the prefix 'xmlns' cannot be declared",
            NamespaceRule::XmlNamespace => "only the prefix 'xml' can have the namespace of 'xml'",
            NamespaceRule::XmlnsNamespace => "nothing can be bound to the namespace of 'xmlns'",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            NamespaceRule::EmptyForPrefix => "前缀不能绑定到空命名空间",
            NamespaceRule::XmlPrefix => "前缀“xml”不能绑定到其他命名空间",
            NamespaceRule::XmlnsPrefix => "前缀“xmlns”不能声明",
            NamespaceRule::XmlNamespace => "只有前缀“xml”可以使用 xml 的命名空间",
            NamespaceRule::XmlnsNamespace => "不能绑定到 xmlns 的命名空间",
        }
    }
}
