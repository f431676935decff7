//! libxml2's `xmllint` as a second reader of the canonicalisation rules: whole documents,
//! inclusive 1.0 and 1.1 and exclusive, with comments. In: cases of each rule and documents
//! from a seed. Out: the documents of which it makes other octets. Subtrees, prefix lists and
//! what they inherit are compared through the references of `xmlsec1`.

use std::path::Path;
use std::process::Command;

use onepoint_envelope::c14n::{self, Method, PrefixList, Selection};
use onepoint_xml::{Document, Limits};

use super::seeded::{Dice, document};

/// Documents from the seed.
const DOCUMENTS: usize = 300;
/// Stands between two documents in the output of one run.
const MARK: &str = "<between-two-documents></between-two-documents>";

/// One rule each.
const CASES: &[&str] = &[
    // Default namespaces given, taken back, given again; said twice; empty at the root.
    "<a xmlns='urn:d'><b xmlns=''><c xmlns='urn:d'/><c xmlns=''/></b><b/></a>",
    "<a xmlns=''><b xmlns=''/><b xmlns='urn:d'><c xmlns='urn:d'/></b></a>",
    "<p:a xmlns:p='urn:p'><b xmlns=''/><b xmlns='urn:d'><p:c xmlns=''><d/></p:c></b></p:a>",
    "<a xmlns='urn:d' xmlns:p='urn:p'><p:b xmlns=''><c/></p:b></a>",
    // A prefix bound again to the same, to another, and back.
    "<a xmlns:p='urn:1'><p:b xmlns:p='urn:1'/><p:b xmlns:p='urn:2'><p:c xmlns:p='urn:1'/></p:b></a>",
    // Two prefixes for one name; order by name and then by local name; the default first.
    "<a xmlns:z='urn:1' xmlns:y='urn:1' xmlns='urn:0' z:b='1' y:a='2' c='3' A='4' a='5' xml:lang='x'/>",
    "<a xmlns:b='urn:2' xmlns:a='urn:1' xmlns:B='urn:3' b:x='1' a:x='2' B:x='3' x='4'/>",
    // xml: attributes and a declared xml prefix.
    "<a xml:base='http://example.com/a/b' xml:lang='zh' xml:space='preserve'><b xml:base='../c' xml:id='i'/></a>",
    "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang=''><b xml:lang=''/></a>",
    // Values: normalised white space, references, quotation marks.
    "<a x='a\tb\nc\r\nd' y='&#9;&#10;&#13;&#32;' z=\"'&quot;&apos;\" w='&lt;>&amp;&#x3E;'/>",
    "<a x=' &#x20; two  blanks ' y='&#x85;&#x2028;' z='&#x10FFFF;'/>",
    // Text: CDATA, references, CR as a reference and as a line end.
    "<a>&#13;&#xD;\r\n\r&#10;<![CDATA[<b>&amp;]]&gt;]]>]]&gt;&#x9;\t\"'</a>",
    "<a><![CDATA[]]><![CDATA[a]]>b<![CDATA[\r\n]]></a>",
    "<a>\u{85}\u{2028}\u{feff}\u{e9}e\u{301}\u{20000}</a>",
    // Instructions and comments before, in and after.
    "<?p?><?p  a b ?><!---->\n<!-- x --><a><?p?><!--y--></a>\n\n<?p\tz?><!--- z-->\n",
    "<!--a\r\nb--><a><!--\r--><?p a\r\nb?></a>",
    "<?xml-stylesheet href='a'?><a/>",
    // Tags written in any way.
    "<a  ><b\n/><c\t></c ></a\n>",
    "<?xml version='1.0' standalone='yes'?>\n\n\n<a/>\n\n\n",
    // Prefixes used by attributes only, by a child only, by none.
    "<a xmlns:p='urn:p' xmlns:q='urn:q' xmlns:r='urn:r'><b p:x='1'><q:c/></b><b/></a>",
    "<a xmlns:p='urn:p'><b xmlns:p='urn:p'><c p:x=''/></b></a>",
    "<p:a xmlns:p='urn:p' p:x='1' x='2'><p:b p:x='1'/><p:b xmlns:p='urn:p'/></p:a>",
    // Namespace names that look alike. (libxml2 does not escape an ampersand in one, which
    // makes its canonical form no XML; so none is here.)
    "<a xmlns:p='urn:x?a=1%26b=%22' xmlns:q='urn:Q' p:x='' q:x=''><b xmlns:q='urn:q'/></a>",
    "<a xmlns='urn:%41'><b xmlns='urn:A'/></a>",
    // Names beyond ASCII.
    "<中:文 xmlns:中='urn:zhong' 属='值' 中:属='值'/>",
];

fn ours(xml: &str, method: &Method) -> String {
    let document = Document::parse(xml.as_bytes().to_vec(), &Limits::default());
    let document = document.unwrap_or_else(|error| panic!("{}: {xml}", error.en()));
    let mut octets = Vec::new();
    let mut sink = |run: &[u8]| octets.extend_from_slice(run);
    c14n::canonicalize(&document, &Selection::document(), method, &mut sink);
    String::from_utf8(octets).unwrap()
}

/// The canonical forms that xmllint writes of all documents.
fn theirs(folder: &Path, texts: &[String], option: &str) -> Vec<String> {
    std::fs::write(folder.join("mark.xml"), MARK).unwrap();
    let mut files = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let file = format!("{at}.xml");
        std::fs::write(folder.join(&file), text).unwrap();
        files.extend([file, "mark.xml".to_owned()]);
    }
    let run = Command::new("xmllint").current_dir(folder).arg(option).args(&files).output();
    let run = run.unwrap_or_else(|e| panic!("xmllint does not start ({e}): install libxml2-utils"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let written = String::from_utf8(run.stdout).unwrap();
    let mut forms: Vec<String> = written.split(MARK).map(str::to_owned).collect();
    assert_eq!(forms.pop().as_deref(), Some(""));
    forms
}

#[test]
fn whole_documents_have_the_octets_of_libxml2() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(0xC14);
    let seeded = (0..DOCUMENTS).map(|_| document(&mut dice));
    let texts: Vec<String> = CASES.iter().map(|case| (*case).to_owned()).chain(seeded).collect();
    let mut found = Vec::new();
    for (option, method) in [
        ("--c14n", Method::Inclusive10WithComments),
        ("--c14n11", Method::Inclusive11WithComments),
        ("--exc-c14n", Method::ExclusiveWithComments(PrefixList::default())),
    ] {
        let forms = theirs(folder.path(), &texts, option);
        assert_eq!(forms.len(), texts.len());
        for (text, theirs) in texts.iter().zip(forms) {
            let ours = ours(text, &method);
            if ours != theirs {
                found.push(format!("{option}: {text}\nours   {ours}\ntheirs {theirs}"));
            }
        }
    }
    assert!(found.is_empty(), "{} disagreements:\n{}", found.len(), found.join("\n\n"));
}
