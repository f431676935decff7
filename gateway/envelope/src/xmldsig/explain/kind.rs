//! The causes that can be named. One line for each: variant, stable code, English and
//! Chinese, and what to do about it in both languages.

macro_rules! kinds {
    ($($name:ident $code:literal $en:literal $zh:literal => $do_en:literal $do_zh:literal;)*) => {
        /// Why a digest or a signature value does not match.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum CauseKind {
            $(#[doc = $en] $name,)*
        }

        impl CauseKind {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What happened, in English.
            pub fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// What happened, in Chinese.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }

            /// What to do about it, in English.
            pub fn advice_en(self) -> &'static str {
                match self { $(Self::$name => $do_en,)* }
            }

            /// What to do about it, in Chinese.
            pub fn advice_zh(self) -> &'static str {
                match self { $(Self::$name => $do_zh,)* }
            }
        }
    };
}

kinds! {
    Reindented "re-indented"
        "white space between the elements was changed" "元素之间的空白（缩进、换行）被改动"
        => "send the signed text as it is: do not format, pretty-print or re-serialise it after signing"
        "加签后请原样发送，不要再格式化、缩进或重新序列化报文";
    LineEnds "line-ends-converted"
        "line ends were converted" "换行符被转换（CRLF 与 LF，或 &#13;）"
        => "use LF before signing, transfer in binary mode, and digest what a parser reads (XML 1.0 section 2.11)"
        "加签前统一使用 LF，以二进制方式传输，并对解析后的内容做摘要";
    AttributeOrder "attribute-order"
        "the digest was made with the attributes in another order than canonical XML has" "计算摘要时属性（含命名空间声明）的顺序不符合规范化要求"
        => "digest the canonical form: namespace declarations by prefix, then attributes by namespace and name"
        "请对规范化结果做摘要：先按前缀排列命名空间声明，再按名称排列属性";
    NotCanonical "not-canonicalised"
        "the digest or value was made over the text as written, not over its canonical form" "直接对原始文本计算，未做 XML 规范化"
        => "run the canonicalisation that the message names over the parsed document first"
        "请先按报文声明的算法对已解析的文档做规范化";
    Namespace "namespace-changed"
        "a namespace declaration or prefix is not the one that was signed" "命名空间声明或前缀与加签时不同（缺失、多出或移动）"
        => "sign with the namespaces that the sent root declares, and do not let a tool add, drop or rename them"
        "加签时根元素的命名空间声明应与发送时一致，不要让工具增删或改名";
    ReEncoded "text-re-encoded"
        "text was converted from one encoding to another, or digested in another encoding" "文本被转码，或以其他编码计算摘要"
        => "use UTF-8 without a byte order mark everywhere, and name it when making bytes of a string"
        "全程使用不带 BOM 的 UTF-8，字符串转字节时显式指定 UTF-8";
    Escaped "text-escaped-otherwise"
        "characters were escaped otherwise than in canonical XML" "字符转义方式与规范化不同（实体、字符引用）"
        => "leave the escaping to the canonicalisation; escape text once when writing XML"
        "转义交由规范化处理，写 XML 时只转义一次";
    XmlDeclaration "xml-declaration-digested"
        "the XML declaration was digested; it is no part of canonical XML" "摘要中包含了 XML 声明，而规范化结果不含它"
        => "digest the canonical form, which begins with the root element" "请对规范化结果做摘要，它从根元素开始";
    SpaceAtSignature "space-at-signature"
        "white space beside the Signature was not there when the content was digested" "Signature 旁的空白在计算摘要时并不存在"
        => "put the Signature in without a line break or indent before or after it"
        "插入 Signature 时，前后不要添加换行或缩进";
    Comments "comments-digested"
        "comments were digested; the reference leaves them out" "摘要中包含了注释，而该引用不含注释"
        => "take comments out before signing" "加签前去掉注释";
    OtherMethod "canonicalization-differs"
        "another canonicalisation was used than the one that is named" "实际使用的规范化算法与声明的不同"
        => "name the canonicalisation that was used, or use the one that is named" "请使实际算法与声明一致";
    PartDigested "part-digested"
        "only a part of the document was digested" "只对报文的一部分计算了摘要"
        => "digest the whole document without the Signature, root element included" "请对去掉 Signature 后的整个报文（含根元素）做摘要";
    DigestEncoding "digest-encoding"
        "the digest is right, but DigestValue holds another form of it" "摘要正确，但 DigestValue 的写法不对"
        => "write the octets of the digest in base64, once; not their hexadecimal digits" "DigestValue 应为摘要字节的 base64，而不是十六进制文本的 base64";
    OtherDigest "digest-algorithm-differs"
        "the digest was made with another algorithm than DigestMethod names" "摘要所用算法与 DigestMethod 声明的不同"
        => "name the algorithm that was used" "请声明实际使用的摘要算法";
    SignedFlat "signed-flat"
        "SignedInfo was signed without white space and with ceb, ds and xsi in scope, and sent otherwise" "SignedInfo 以无空白、带 ceb、ds、xsi 声明的形式加签，发送时形式不同"
        => "declare ceb, ds and xsi at the root and do not indent SignedInfo; or ask for the policy ceb-field" "请在根元素声明 ceb、ds、xsi，SignedInfo 不要缩进；或申请 ceb-field 兼容策略";
    OtherAlgorithm "signature-algorithm-differs"
        "the value was made with another algorithm than SignatureMethod names" "签名所用算法与 SignatureMethod 声明的不同"
        => "name the algorithm that was used" "请声明实际使用的签名算法";
    ValueForm "signature-value-form"
        "the value is right, but in another form" "签名值正确，但编码形式不对"
        => "SM2 and ECDSA: r and s one after the other, of full length, then base64; RSA: the octets in network order"
        "SM2/ECDSA 应为定长 r||s 的 base64；RSA 为大端字节";
    HashTwice "signed-hash-twice"
        "the value was made over a digest of SignedInfo instead of SignedInfo" "对 SignedInfo 的摘要再次加签（重复哈希）"
        => "hand SignedInfo itself to the signing function, or use the function that takes a digest" "请把 SignedInfo 本身交给签名函数，或改用以摘要为输入的函数";
    OtherOctets "signed-other-octets"
        "the value was made over something else than SignedInfo" "签名对象不是 SignedInfo"
        => "sign the canonical SignedInfo, which holds the digest of the content" "应对规范化后的 SignedInfo 加签";
    Sm2WithoutZ "sm2-without-z"
        "the SM2 value was made without Z, the digest of the signer's id and key" "SM2 签名未计入 Z 值"
        => "digest Z and SignedInfo with SM3 (GB/T 32918.2 sections 5.5 and 6.1)" "请按 GB/T 32918.2 计算 SM3(Z || SignedInfo)";
    Sm2OtherId "sm2-other-id"
        "the SM2 value was made with another user id than 1234567812345678" "SM2 签名使用了其他用户标识（应为 1234567812345678）"
        => "use the id 1234567812345678 (GM/T 0009 section 10)" "请使用默认用户标识 1234567812345678";
    OtherCertificate "signed-by-another-certificate"
        "the value is one of another certificate's key" "签名由另一张证书的密钥产生"
        => "put the certificate of the signing key first into KeyInfo" "请在 KeyInfo 中首先放入签名密钥对应的证书";
    DigestValueChanged "digest-value-changed"
        "DigestValue is not the one that was signed; the signed one is that of this content" "DigestValue 与加签时不同，加签时的值与现内容相符"
        => "do not touch SignedInfo after signing" "加签后不要改动 SignedInfo";
    SignedInfoChanged "signed-info-changed"
        "the key is right, but SignedInfo is not what was signed" "密钥正确，但 SignedInfo 与加签时不同"
        => "do not touch SignedInfo after signing, and sign it as it will be sent" "加签后不要改动 SignedInfo，并按发送时的形式加签";
    ChangedAfterSigning "changed-after-signing"
        "the signature value is good, so the digest is the signer's: the content is not what the signer digested, and no known conversion leads back to it" "签名值有效，故摘要出自签名者：现内容与加签时不同，且无已知转换可还原"
        => "compare the message with the one that was signed; keep the canonical octets when signing and compare them with those shown here" "请与加签时的报文逐字节比较；加签时保留规范化字节并与此处显示的比较";
    Unknown "unknown"
        "the cause is not known" "原因未知"
        => "compare the canonical octets of SignedInfo and content shown here with those that were signed" "请将此处显示的规范化字节与加签时的逐字节比较";
}
