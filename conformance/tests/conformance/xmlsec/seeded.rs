//! Documents from a seed, and one change in one place of a signed one. In: a seed. Out:
//! the same documents each time, with what canonicalisation has rules for, and changes of
//! content, attributes, namespaces, white space, comments, SignedInfo, algorithm
//! identifiers, values, and of what stands around the signature.

use onepoint_envelope::c14n::{Method, PrefixList};

/// A small generator with a fixed seed (splitmix64): the same documents each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.roll(from.len())]
    }
}

/// A document with what canonicalisation has rules for; the root has the Id `all`, a
/// child of it the Id `part`. The word `T0001` stands in both.
pub(crate) fn document(dice: &mut Dice) -> String {
    let mut inside = String::new();
    for at in 0..dice.roll(8) {
        inside.push_str(&match dice.roll(9) {
            0 => format!("<a:e x{at}='&#10;{at}\t&quot;' b:y=\"&lt;\"/>"),
            1 => "<![CDATA[a < b & c]]>".to_owned(),
            2 => "<!-- 注 -->".to_owned(),
            3 => "<?go  left ?>".to_owned(),
            4 => format!("<e xmlns=\"urn:d{at}\"><f xmlns=''/>&#13;\r\n</e>"),
            5 => format!("<b:g xmlns:b='urn:other{at}' a:z='1' z='2'>测试 {at}</b:g>"),
            6 => "<h xml:lang='en' xml:space='preserve'>  </h>".to_owned(),
            7 => "&gt;&amp;&#x4E2D;\u{20000}".to_owned(),
            _ => format!("\n  <i>{at}</i>\n"),
        });
    }
    let base = dice.pick(&[
        "",
        " xml:lang='zh'",
        " xml:base='http://example.com/x/y'",
        " xml:base='http://example.com/x/' xml:space='preserve'",
        " xml:base='/p/q/r' xml:lang='zh' xml:id='i'",
        " xml:base='urn:x:y'",
    ]);
    // No fragment: Canonical XML 1.1 drops it when values are joined, libxml2 keeps it.
    let part = dice.pick(&[
        "xml:base='../z'",
        "xml:base='../z'",
        "xml:base='z/y?q'",
        "xml:base='./z'",
        "xml:base='//other/z'",
        "xml:lang=''",
    ]);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?first?><!-- 前 -->\n\
         <a:root xmlns:a='urn:a' xmlns:b=\"urn:b\" xmlns:unused='urn:u'{base} Id='all'>\
         <a:no>T0001</a:no>{inside}<part {part} Id=\"part\"><n b:q='1'>T0001</n>{inside}\
         </part></a:root>\n<?last?>"
    )
}

pub(crate) fn methods(dice: &mut Dice) -> Method {
    let list = || PrefixList::parse("b #default unused").unwrap();
    match dice.roll(6) {
        0 => Method::Inclusive10,
        1 => Method::Inclusive10WithComments,
        2 => Method::Inclusive11,
        3 => Method::Inclusive11WithComments,
        4 => Method::Exclusive(list()),
        _ => Method::Exclusive(PrefixList::default()),
    }
}

/// What is replaced by what. Where the first does not stand in a document, the change is none.
const CHANGES: &[(&str, &str)] = &[
    // Content.
    ("T0001", "T0002"),
    ("T0001", "T000&#49;"),
    ("T0001", "<![CDATA[T0001]]>"),
    ("T0001", "T00<![CDATA[]]>01"),
    ("T0001", "T0001\u{200b}"),
    ("<a:no>", "<a:no/><a:no>"),
    ("<a:no>T0001</a:no>", ""),
    ("<?last?>", "<?last one?>"),
    ("<?first?>", ""),
    // Attributes.
    ("Id='all'", "Id='all' x=''"),
    ("Id='all'", "Id=\"all\""),
    ("Id='all'", "\n  Id  =  'all'\t"),
    ("<n b:q='1'>", "<n b:q='2'>"),
    ("<n b:q='1'>", "<n b:q=\"1\">"),
    ("<n b:q='1'>", "<n b:q='&#x31;'>"),
    ("<n b:q='1'>", "<n b:q='1&#10;'>"),
    ("<n b:q='1'>", "<n b:q=' 1'>"),
    ("<n b:q='1'>", "<n q='1'>"),
    ("<n b:q='1'>", "<n p='0' b:q='1'>"),
    ("xml:base='../z'", "xml:base='../y'"),
    ("xml:base='../z'", "xml:base='./../z'"),
    ("xml:lang='zh'", "xml:lang='en'"),
    // Namespaces.
    ("xmlns:unused='urn:u'", "xmlns:unused='urn:v'"),
    ("xmlns:unused='urn:u'", ""),
    ("xmlns:unused='urn:u'", "xmlns:more='urn:m' xmlns:unused='urn:u'"),
    ("<n b:q='1'>", "<n xmlns:b='urn:b' b:q='1'>"),
    ("<n b:q='1'>", "<n xmlns:b='urn:c' b:q='1'>"),
    ("<n b:q='1'>", "<n xmlns='' b:q='1'>"),
    ("<n b:q='1'>", "<n xmlns='urn:n' b:q='1'>"),
    ("<part ", "<part xmlns:unused='urn:u' "),
    ("<part ", "<part xmlns:a='urn:b' "),
    // White space.
    ("<a:no>", "<a:no >"),
    ("<a:no>", "<a:no> "),
    ("</a:no>", "</a:no\n>"),
    ("</a:root>", "\n</a:root>"),
    ("\n", "\r\n"),
    ("\n", "\n\n"),
    ("</ds:Signature>", "</ds:Signature>\n"),
    // Comments.
    ("<!-- 前 -->", ""),
    ("<a:no>", "<a:no><!-- -->"),
    ("T0001", "T0<!-- - -->001"),
    ("<ds:SignedInfo>", "<ds:SignedInfo><!-- -->"),
    // SignedInfo.
    ("<ds:SignedInfo>", "<ds:SignedInfo>\n"),
    ("<ds:SignedInfo>", "<ds:SignedInfo Id=\"i\">"),
    ("<ds:DigestValue>", "<ds:DigestValue>\n"),
    ("<ds:DigestValue>", "<ds:DigestValue> "),
    ("#enveloped-signature", "#enveloped"),
    ("URI=\"#part\"", "URI=\"#all\""),
    ("URI=\"#all\"", "URI=\"#part\""),
    ("URI=\"#all\"", "URI=\"\""),
    ("URI=\"\"", "URI=\"#all\""),
    ("URI=\"\"", "URI=\"file:///etc/hosts\""),
    // Algorithm identifiers.
    ("xmlenc#sha256", "xmlenc#sha512"),
    ("xmlenc#sha256", "xmlenc#sha384"),
    ("xmldsig-more#sha384", "xmldsig-more#sha224"),
    ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512"),
    ("xmldsig-more#rsa-sha", "xmldsig-more#hmac-sha"),
    ("xmldsig-more#ecdsa-sha256", "xmldsig-more#ecdsa-sha384"),
    ("xmldsig-more#ecdsa-sha384", "xmldsig-more#rsa-sha384"),
    ("REC-xml-c14n-20010315\"", "REC-xml-c14n-20010315#WithComments\""),
    ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11"),
    ("http://www.w3.org/2006/12/xml-c14n11", "http://www.w3.org/2001/10/xml-exc-c14n#"),
    (" PrefixList=\"b #default unused\"", " PrefixList=\"b unused #default\""),
    (" PrefixList=\"b #default unused\"", " PrefixList=\"\""),
    // What is around the signed octets.
    ("<ds:KeyName>", "<ds:KeyName>0"),
    ("<ds:KeyInfo>", "<ds:KeyInfo Id=\"k\">"),
    ("<ds:KeyInfo>", "<ds:KeyInfo Id=\"part\">"),
    ("<ds:KeyInfo>", "<ds:KeyInfo><!-- -->\n"),
    ("<ds:Signature ", "<ds:Signature Id=\"s\" "),
    ("<ds:Signature ", "<ds:Signature x=\"s\" "),
    ("<ds:SignatureValue>", "<ds:SignatureValue>\n "),
    ("<ds:SignatureValue>", "<ds:SignatureValue><!-- -->"),
    ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
    ("</ds:KeyInfo>", "<ds:MgmtData>x</ds:MgmtData></ds:KeyInfo>"),
    ("</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"),
    ("</ds:Signature>", "<ds:Object><ds:Signature/></ds:Object></ds:Signature>"),
    ("<a:no>", "<a:no ID='part'>"),
    ("<a:no>", "<a:no xmlns:r='relative'>"),
];

/// Values of the signature in which one letter is changed.
const VALUES: [&str; 3] = ["<ds:DigestValue>", "<ds:SignatureValue>", "<ds:X509Certificate>"];

/// The text with one place changed, in a way that applies to it.
pub(crate) fn mutated(xml: &str, dice: &mut Dice) -> String {
    if dice.roll(8) == 0 {
        let value = *dice.pick(&VALUES);
        return other_letter(xml, value, dice);
    }
    loop {
        let (from, to) = dice.pick(CHANGES);
        if xml.contains(from) {
            return xml.replacen(from, to, 1);
        }
    }
}

/// One letter or digit of a base64 value changed.
fn other_letter(xml: &str, tag: &str, dice: &mut Dice) -> String {
    let start = xml.find(tag).unwrap() + tag.len();
    let at = start + dice.roll(30);
    let at = at + xml[at..].find(|c: char| c.is_ascii_alphanumeric()).unwrap();
    let other = if &xml[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &xml[..at], &xml[at + 1..])
}
