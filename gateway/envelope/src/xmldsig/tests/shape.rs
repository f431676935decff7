//! Every refusal for its shape: one edit of a good document each, with the code it must
//! give. Nothing here is ever digested.

use std::collections::BTreeSet;

use super::*;

/// What is edited, into what, and the code.
type Edit = (&'static str, &'static str, &'static str);

fn check(xml: &str, edits: &[Edit]) {
    for (from, to, code) in edits {
        let edited = edit(xml, from, to);
        let error = refuse(&edited);
        assert_eq!(error.code(), *code, "{from} -> {to}: {error}");
    }
}

const SHAPE: &[Edit] = &[
    // Content.
    ("</ds:KeyInfo>", "<x/></ds:KeyInfo>", "signature-unexpected-content"),
    ("</ds:KeyInfo>", "text</ds:KeyInfo>", "signature-unexpected-content"),
    ("</ds:KeyInfo>", "<?pi?></ds:KeyInfo>", "signature-unexpected-content"),
    ("</ds:KeyInfo>", "</ds:KeyInfo><ds:KeyInfo/>", "signature-unexpected-content"),
    ("<ds:SignatureValue>", "text<ds:SignatureValue>", "signature-unexpected-content"),
    ("<ds:SignatureValue>", "<ds:SignatureValue><b/>", "signature-unexpected-content"),
    ("<ds:SignatureValue>", "<ds:SignatureValue><?b?>", "signature-unexpected-content"),
    ("<ds:DigestValue>", "<ds:DigestValue><b/>", "signature-unexpected-content"),
    ("</ds:SignatureMethod>", "<b/></ds:SignatureMethod>", "signature-unexpected-content"),
    ("</ds:DigestMethod>", "x</ds:DigestMethod>", "signature-unexpected-content"),
    ("</ds:Transform>", "x</ds:Transform>", "signature-unexpected-content"),
    ("</ds:Transforms>", "<b/></ds:Transforms>", "signature-unexpected-content"),
    (
        "</ds:CanonicalizationMethod>",
        "<b/></ds:CanonicalizationMethod>",
        "signature-unexpected-content",
    ),
    (
        "</ds:CanonicalizationMethod>",
        "<InclusiveNamespaces xmlns='http://www.w3.org/2001/10/xml-exc-c14n#' PrefixList=''/></ds:CanonicalizationMethod>",
        "signature-unexpected-content",
    ),
    ("</ds:X509Data>", "<x xmlns='urn:x'/></ds:X509Data>", "signature-unexpected-content"),
    // Missing children, by renaming what is there.
    ("<ds:SignedInfo>", "<ds:SignedInfo/><ds:SignedInfo>", "signature-missing-child"),
    ("<ds:SignedInfo>", "<x/><ds:SignedInfo>", "signature-missing-child"),
    // Other identifiers of the profile than the key's.
    ("xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha384", "key-mismatch"),
    ("2001/04/xmldsig-more#ecdsa-sha256", "2007/05/xmldsig-more#sha256-rsa-MGF1", "key-mismatch"),
    ("2001/04/xmldsig-more#ecdsa-sha256", "2021/04/xmldsig-more#eddsa-ed25519", "key-mismatch"),
    (
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3",
        "key-mismatch",
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#sm2-sm3",
        "key-mismatch",
    ),
    (
        "w3.org/2001/04/xmldsig-more#ecdsa",
        "w3.org/2000/09/xmldsig#ecdsa",
        "signature-method-unknown",
    ),
    (
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.chinaport.gov.cn/2022/04/xmldsig#sm3",
        "signature-digest-mismatch",
    ),
    // Missing attributes.
    ("URI=\"\"", "", "reference-without-uri"),
    (
        "<ds:CanonicalizationMethod Algorithm",
        "<ds:CanonicalizationMethod X",
        "signature-missing-attribute",
    ),
    ("<ds:SignatureMethod Algorithm", "<ds:SignatureMethod X", "signature-missing-attribute"),
    ("<ds:DigestMethod Algorithm", "<ds:DigestMethod X", "signature-missing-attribute"),
    ("<ds:Transform Algorithm", "<ds:Transform X", "signature-missing-attribute"),
    // Attributes that do not belong.
    ("<ds:Signature ", "<ds:Signature x='1' ", "signature-unexpected-attribute"),
    ("<ds:Signature ", "<ds:Signature xml:lang='zh' ", "signature-unexpected-attribute"),
    ("<ds:Signature ", "<ds:Signature ds:Id='1' ", "signature-unexpected-attribute"),
    ("<ds:SignedInfo>", "<ds:SignedInfo x='1'>", "signature-unexpected-attribute"),
    ("URI=\"\"", "URI=\"\" Type='urn:x'", "signature-unexpected-attribute"),
    ("<ds:Transforms>", "<ds:Transforms Id='t'>", "signature-unexpected-attribute"),
    ("<ds:DigestValue>", "<ds:DigestValue Id='t'>", "signature-unexpected-attribute"),
    ("<ds:X509Certificate>", "<ds:X509Certificate Id='t'>", "signature-unexpected-attribute"),
    // Comments inside values.
    ("<ds:SignatureValue>", "<ds:SignatureValue><!---->", "signature-comment-in-value"),
    ("<ds:DigestValue>", "<ds:DigestValue><!---->", "signature-comment-in-value"),
    ("</ds:X509Certificate>", "<!----></ds:X509Certificate>", "signature-comment-in-value"),
    ("<ds:KeyName>", "<ds:KeyName><!---->", "signature-comment-in-value"),
    // Values.
    ("<ds:SignatureValue>", "<ds:SignatureValue>*", "signature-value-not-base64"),
    ("<ds:DigestValue>", "<ds:DigestValue>=", "signature-value-not-base64"),
    ("<ds:X509Certificate>", "<ds:X509Certificate>\u{3000}", "signature-value-not-base64"),
    // Algorithms.
    ("REC-xml-c14n-20010315", "REC-xml-c14n-20010315#Other", "canonicalization-unknown"),
    ("xmldsig-more#ecdsa-sha256", "xmldsig-more#none", "signature-method-unknown"),
    ("xmlenc#sha256", "xmlenc#sha257", "digest-method-unknown"),
    ("#enveloped-signature", "#enveloped", "transform-unknown"),
    // Transforms.
    (
        "<ds:Transforms>",
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
        "transform-enveloped-not-first",
    ),
    (
        "</ds:Transforms>",
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></ds:Transforms>",
        "transform-too-many",
    ),
    (
        "</ds:Transforms>",
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>",
        "transform-too-many",
    ),
    // Namespaces that canonicalisation is not defined for.
    ("<ceb:name>", "<ceb:name xmlns:q='relative'>", "namespace-relative"),
    ("<ceb:name>", "<ceb:name xmlns:q='//host/x'>", "namespace-relative"),
    ("<ceb:name>", "<ceb:name xmlns:q='1:x'>", "namespace-relative"),
];

/// The constructs that the profile leaves out, each by its own name.
const LEFT_OUT: &[Edit] = &[
    ("URI=\"\"", "URI=\"http://example.com/order.xml\"", "reference-external"),
    ("URI=\"\"", "URI=\"order.xml#id\"", "reference-external"),
    ("URI=\"\"", "URI=\"#xpointer(/)\"", "reference-xpointer"),
    (" URI=\"\"", "", "reference-without-uri"),
    ("</ds:Reference>", "</ds:Reference><ds:Reference URI=\"\"/>", "reference-repeated"),
    (
        "URI=\"\"",
        "URI=\"\" Type='http://www.w3.org/2000/09/xmldsig#Manifest'",
        "signature-manifest",
    ),
    (
        "</ds:Signature>",
        "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>",
        "signature-manifest",
    ),
    ("</ds:SignedInfo>", "<ds:Manifest/></ds:SignedInfo>", "signature-manifest"),
    ("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>", "signature-object"),
    (
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "transform-xslt",
    ),
    (
        "</ds:Transforms>",
        "<ds:Transform Algorithm='http://www.w3.org/TR/1999/REC-xpath-19991116'><ds:XPath>true()</ds:XPath></ds:Transform></ds:Transforms>",
        "transform-xpath",
    ),
    (
        "</ds:Transforms>",
        "<ds:Transform Algorithm='http://www.w3.org/2002/06/xmldsig-filter2'/></ds:Transforms>",
        "transform-xpath-filter2",
    ),
    (
        "</ds:Transforms>",
        "<ds:Transform Algorithm='http://www.w3.org/2000/09/xmldsig#base64'/></ds:Transforms>",
        "transform-base64",
    ),
    ("2001/04/xmldsig-more#ecdsa-sha256", "2000/09/xmldsig#hmac-sha1", "signature-hmac"),
    ("#ecdsa-sha256", "#hmac-sha256", "signature-hmac"),
    (
        "</ds:SignatureMethod>",
        "<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
        "signature-hmac",
    ),
    ("2001/04/xmldsig-more#ecdsa-sha256", "2000/09/xmldsig#dsa-sha1", "signature-dsa"),
    ("2001/04/xmldsig-more#ecdsa-sha256", "2009/xmldsig11#dsa-sha256", "signature-dsa"),
    ("#ecdsa-sha256", "#ecdsa-sha1", "signature-ecdsa-other"),
    (
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2007/05/xmldsig-more#rsa-pss",
        "signature-rsa-pss-other",
    ),
    (
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2007/05/xmldsig-more#sha224-rsa-MGF1",
        "signature-rsa-pss-other",
    ),
    (
        "2001/04/xmldsig-more#ecdsa-sha256",
        "2021/04/xmldsig-more#eddsa-ed448",
        "signature-eddsa-other",
    ),
    ("#ecdsa-sha256", "#ecdsa-sha512", "signature-ecdsa-other"),
    ("2001/04/xmlenc#sha256", "2001/04/xmldsig-more#md5", "digest-other"),
    ("<ds:X509Data>", "<ds:KeyValue/><ds:X509Data>", "key-value"),
    ("</ds:X509Data>", "</ds:X509Data><ds:KeyValue/>", "key-value"),
    ("<ds:X509Data>", "<ds:RetrievalMethod URI='#k'/><ds:X509Data>", "key-retrieval-method"),
    ("<ds:X509Data>", "<ds:PGPData/><ds:X509Data>", "key-info-other"),
    ("<ds:X509Data>", "<ds:SPKIData/><ds:X509Data>", "key-info-other"),
    ("</ds:X509Data>", "</ds:X509Data><ds:MgmtData/>", "key-info-other"),
    ("<ds:X509Data>", "<ds:X509Data><ds:X509IssuerSerial/>", "key-x509-name"),
    ("<ds:X509Data>", "<ds:X509Data><ds:X509SKI>x</ds:X509SKI>", "key-x509-name"),
    ("</ds:X509Data>", "<ds:X509SubjectName>x</ds:X509SubjectName></ds:X509Data>", "key-x509-name"),
    ("</ds:X509Data>", "<ds:X509CRL>x</ds:X509CRL></ds:X509Data>", "key-x509-crl"),
];

#[test]
fn a_signature_has_one_shape() {
    check(&signed_order(), SHAPE);
}

#[test]
fn what_the_profile_leaves_out_is_refused_by_its_name() {
    check(&signed_order(), LEFT_OUT);
    let tested: BTreeSet<&str> = LEFT_OUT.iter().map(|(_, _, code)| *code).collect();
    let all: BTreeSet<&str> = Unsupported::ALL.iter().map(|what| what.code()).collect();
    assert_eq!(tested, all);
}

/// Each part in turn is taken away, or renamed into another namespace.
#[test]
fn every_part_is_needed() {
    let xml = signed_order();
    for part in [
        "SignedInfo",
        "CanonicalizationMethod",
        "SignatureMethod",
        "Reference",
        "Transform",
        "DigestMethod",
        "DigestValue",
        "SignatureValue",
        "KeyInfo",
    ] {
        let end = format!("</ds:{part}>");
        let start = if xml.contains(&format!("<ds:{part}>")) { ">" } else { " " };
        let whole = between(&xml, &format!("<ds:{part}{start}"), &end);
        let error = refuse(&edit(&xml, whole, ""));
        assert_eq!(error.code(), "signature-missing-child", "{part}");
        assert!(error.en().contains(part) && error.zh().contains(part), "{part}: {error}");
        let renamed = whole.replace(&format!("<ds:{part}"), &format!("<q:{part} xmlns:q='urn:q'"));
        let renamed = edit(&xml, whole, &renamed.replace(&end, &format!("</q:{part}>")));
        assert_eq!(refuse(&renamed).code(), "signature-missing-child", "{part}");
    }
    let transforms = between(&xml, "<ds:Transforms>", "</ds:Transforms>");
    assert_eq!(refuse(&edit(&xml, transforms, "")).code(), "transform-enveloped-not-first");
    let data = between(&xml, "<ds:X509Data>", "</ds:X509Data>");
    let empty = edit(&xml, data, "<ds:X509Data/>");
    assert_eq!(refuse(&empty).code(), "signature-missing-child");
    // Without certificates the number has to name one that is known.
    let named = edit(&xml, data, "");
    assert_eq!(refuse(&named).code(), "key-number-unknown");
    let renamed = data.replace("ds:X509Data", "ds:X509data");
    assert_eq!(refuse(&edit(&xml, data, &renamed)).code(), "signature-unexpected-content");
    let name = between(&xml, "<ds:KeyName>", "</ds:KeyName>");
    let bare = edit(&named, name, "");
    assert_eq!(refuse(&bare).code(), "signature-no-key");
}

#[test]
fn values_are_bounded() {
    let xml = signed_order();
    let long = |octets: usize| crate::octets::encode(&vec![1; octets]);
    let replaced = |element: &str, value: &str| {
        let (start, end) = (format!("<ds:{element}>"), format!("</ds:{element}>"));
        edit(&xml, between(&xml, &start, &end), &format!("{start}{value}{end}"))
    };
    let code = |element, value: &str| refuse(&replaced(element, value)).code();
    assert_eq!(code("SignatureValue", &long(MAX_SIGNATURE_BYTES + 1)), "signature-value-too-long");
    assert_eq!(code("SignatureValue", &long(MAX_SIGNATURE_BYTES)), "signature-value-length");
    assert_eq!(code("DigestValue", &long(65)), "signature-value-too-long");
    assert_eq!(code("DigestValue", &long(64)), "signature-digest-length");
    let der = long(MAX_CERTIFICATE_BYTES + 1);
    assert_eq!(code("X509Certificate", &der), "signature-value-too-long");
    let der = long(MAX_CERTIFICATE_BYTES);
    assert_eq!(code("X509Certificate", &der), "signature-certificate-unreadable");
    // White space does not make a value longer, but it has a bound too.
    let spaces = " ".repeat(4 * 64);
    assert_eq!(code("DigestValue", &format!("{spaces}AA==")), "signature-value-too-long");
    assert_eq!(code("KeyName", &"0".repeat(MAX_KEY_NAME_BYTES + 1)), "signature-value-too-long");
    accept(&replaced("KeyName", &"0".repeat(MAX_KEY_NAME_BYTES)));
}

#[test]
fn certificates_are_counted() {
    let xml = signed_order();
    let certificate = between(&xml, "<ds:X509Certificate>", "</ds:X509Certificate>");
    let with = |more: usize| {
        let copies = certificate.repeat(more);
        edit(&xml, "</ds:X509Data>", &format!("{copies}</ds:X509Data>"))
    };
    assert_eq!(accept(&with(MAX_CERTIFICATES - 2)).intermediates().len(), MAX_CERTIFICATES - 1);
    assert_eq!(refuse(&with(MAX_CERTIFICATES - 1)).code(), "signature-certificates-too-many");
}

#[test]
fn prefix_lists_are_read_strictly() {
    let list = PrefixList::parse("xsi").unwrap();
    let options =
        SignOptions { transform: Some(Method::Exclusive(list)), ..SignOptions::default() };
    let xml = sign_by(&WORLD.p256, ORDER, &options);
    let long = format!("PrefixList=\"{}\"", "p ".repeat(c14n::MAX_PREFIXES + 1));
    assert_eq!(refuse(&edit(&xml, "PrefixList=\"xsi\"", &long)).code(), "prefix-list-too-long");
    let edits: [Edit; 5] = [
        ("PrefixList=\"xsi\"", "", "signature-missing-attribute"),
        ("PrefixList=\"xsi\"", "PrefixList=\"xsi\" x='1'", "signature-unexpected-attribute"),
        ("</ec:InclusiveNamespaces>", "x</ec:InclusiveNamespaces>", "signature-unexpected-content"),
        (
            "</ec:InclusiveNamespaces>",
            "</ec:InclusiveNamespaces><x/>",
            "signature-unexpected-content",
        ),
        (
            "xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
            "xmlns:ec=\"urn:x\"",
            "signature-unexpected-content",
        ),
    ];
    check(&xml, &edits);
    // The list is part of what is signed.
    let other = edit(&xml, "PrefixList=\"xsi\"", "PrefixList=\"ceb\"");
    assert!(refuse(&other).code().ends_with("-mismatch"));
}

#[test]
fn long_names_are_cut_in_texts() {
    let xml = edit(&signed_order(), "#enveloped-signature", &"长\n".repeat(1000));
    let error = refuse(&xml);
    assert_eq!(error.code(), "transform-unknown");
    assert!(error.en().chars().count() < MAX_FOUND + 40 && !error.en().contains('\n'), "{error}");
}
