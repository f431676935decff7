//! The constructs of XML Signature that the profile leaves out, each refused by its
//! own name: a sender learns which part of the tool at hand to switch off.

use std::fmt;

/// One line for each construct: variant, stable code, English, Chinese.
macro_rules! constructs {
    ($($name:ident $code:literal $en:literal $zh:literal;)*) => {
        /// A construct of XML Signature outside the profile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Unsupported {
            $(#[doc = $en] $name,)*
        }

        impl Unsupported {
            /// Every construct.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The name in English.
            pub fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// The name in Chinese.
            pub fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }
        }
    };
}

constructs! {
    ExternalReference "reference-external" "a reference outside the document" "引用报文以外的内容";
    XPointerReference "reference-xpointer" "a reference by XPointer" "按 XPointer 引用";
    ReferenceWithoutUri "reference-without-uri" "a reference without URI" "没有 URI 的引用";
    SeveralReferences "reference-repeated" "more than one Reference" "多个 Reference";
    Manifest "signature-manifest" "a Manifest" "Manifest";
    Object "signature-object" "an Object" "Object";
    Xslt "transform-xslt" "the XSLT transform" "XSLT 转换";
    XPath "transform-xpath" "the XPath transform" "XPath 转换";
    XPathFilter2 "transform-xpath-filter2" "the XPath filter 2.0 transform" "XPath Filter 2.0 转换";
    Base64 "transform-base64" "the base64 transform" "base64 转换";
    Hmac "signature-hmac" "an HMAC signature method" "HMAC 签名算法";
    Dsa "signature-dsa" "a DSA signature method" "DSA 签名算法";
    OtherEcdsa "signature-ecdsa-other" "an ECDSA method other than ecdsa-sha256 and ecdsa-sha384" "ecdsa-sha256、ecdsa-sha384 以外的 ECDSA 签名算法";
    OtherRsaPss "signature-rsa-pss-other" "an RSASSA-PSS method other than sha256-, sha384- and sha512-rsa-MGF1" "sha256、sha384、sha512-rsa-MGF1 以外的 RSASSA-PSS 签名算法";
    OtherEddsa "signature-eddsa-other" "an EdDSA method other than eddsa-ed25519" "eddsa-ed25519 以外的 EdDSA 签名算法";
    OtherDigest "digest-other" "an MD5, SHA-224 or RIPEMD-160 digest" "MD5、SHA-224 或 RIPEMD-160 摘要算法";
    KeyValue "key-value" "a KeyValue" "KeyValue";
    RetrievalMethod "key-retrieval-method" "a RetrievalMethod" "RetrievalMethod";
    OtherKeyInfo "key-info-other" "a PGPData, SPKIData or MgmtData" "PGPData、SPKIData 或 MgmtData";
    X509Name "key-x509-name" "an X509IssuerSerial, X509SubjectName or X509SKI" "X509IssuerSerial、X509SubjectName 或 X509SKI";
    X509Crl "key-x509-crl" "an X509CRL" "X509CRL";
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en())
    }
}
