//! What the tests of this module share: identities, an order, signing, editing, and the
//! checks that every refusal has to pass. First the ways through.

#![allow(clippy::string_slice)]

mod compat;
mod ids;
mod policy;
mod properties;
mod shape;
mod signing;
mod wrapping;

use std::sync::LazyLock;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};
use onepoint_xml::Limits;

use super::*;
use crate::c14n::PrefixList;

/// A signed document needs nothing more than this.
pub(super) const ORDER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- 前 -->\n\
    <ceb:CEB311Message guid=\"4CDE1CFD-EDED-46B1-946C-B8022E42FC94\" version='1.0' \
    xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n  <ceb:Order>\n\
    <ceb:orderNo note=\"a&#10;b\">T0001</ceb:orderNo><ceb:name>测试 &amp; 订单</ceb:name>\n\
    </ceb:Order>\n  <ceb:BaseTransfer><ceb:copCode>9999999999</ceb:copCode></ceb:BaseTransfer>\n\
    <ceb:ExtendMessage><x xmlns=\"\" any=\"1\"/></ceb:ExtendMessage>\n</ceb:CEB311Message>\n<?end?>";

/// Test identities.
pub(super) struct World {
    pub(super) root: Certificate,
    /// Has an intermediate in its chain.
    pub(super) p256: Issued,
    pub(super) rsa: Issued,
    pub(super) stranger: Issued,
    pub(super) ed25519: Issued,
    pub(super) p384: Issued,
    pub(super) sm2: Issued,
}

pub(super) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
    let middle = root.intermediate("测试中间", KeyKind::P256, validity).unwrap();
    let issue = |ca: &TestCa, kind| {
        ca.issue(&LeafSpec::signer("测试甲公司", "测试甲公司", kind, validity)).unwrap()
    };
    World {
        root: root.certificate().clone(),
        p256: issue(&middle, KeyKind::P256),
        rsa: issue(&root, KeyKind::Rsa2048),
        stranger: issue(&root, KeyKind::P256),
        ed25519: issue(&root, KeyKind::Ed25519),
        p384: issue(&root, KeyKind::P384),
        sm2: issue(&root, KeyKind::Sm2),
    }
});

pub(super) fn parse(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default())
        .unwrap_or_else(|error| panic!("{}: {xml}", error.en()))
}

/// Signs with this identity.
pub(super) fn sign_by(signer: &Issued, xml: &str, options: &SignOptions) -> String {
    sign(xml, &signer.key, &signer.chain, options).unwrap()
}

/// The order, signed on P-256 as the defaults say.
fn signed_order() -> String {
    sign_by(&WORLD.p256, ORDER, &SignOptions::default())
}

fn verify_with(xml: &str, policy: &SignaturePolicy) -> Result<SignedDocument, SignatureError> {
    verify(&parse(xml), &SignaturePlace::ChildOfRoot, policy)
}

fn accept(xml: &str) -> SignedDocument {
    verify_with(xml, &SignaturePolicy::strict()).unwrap_or_else(|error| panic!("{error}: {xml}"))
}

/// The refusal under the strict policy, which says what every refusal has to say.
fn refuse(xml: &str) -> SignatureError {
    let error = match verify_with(xml, &SignaturePolicy::strict()) {
        Ok(_) => panic!("accepted: {xml}"),
        Err(error) => error,
    };
    check_words(&error);
    error
}

fn check_words(error: &SignatureError) {
    let (code, en, zh) = (error.code(), error.en(), error.zh());
    assert!(code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{code}");
    assert!(!en.is_empty() && !en.ends_with('.'), "{en}");
    assert!(zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{zh}");
    assert_eq!(error.to_string(), en);
    assert!(!error.expected().is_empty());
    assert!(error.path().starts_with('/') && error.position().line > 0, "{}", error.path());
}

/// `text` with the first `from` replaced, which must be there.
pub(super) fn edit(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

/// The part of `text` from `from` up to and with the next `to`.
pub(super) fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).unwrap();
    let length = text[start..].find(to).unwrap() + to.len();
    &text[start..start + length]
}

/// The whole Signature element.
fn signature_of(xml: &str) -> &str {
    between(xml, "<ds:Signature ", "</ds:Signature>")
}

#[test]
fn a_signed_order_gives_evidence() {
    let xml = signed_order();
    let evidence = accept(&xml);
    let world = &*WORLD;
    assert_eq!(evidence.certificate().fingerprint(), world.p256.certificate.fingerprint());
    assert_eq!(evidence.intermediates().len(), 1);
    assert_eq!(
        evidence.intermediates()[0].fingerprint(),
        world.p256.intermediates()[0].fingerprint()
    );
    assert_eq!(evidence.algorithm(), SignatureAlgorithm::EcdsaP256Sha256);
    assert_eq!(evidence.digest(), DigestAlgorithm::Sha256);
    assert!(evidence.tolerances().is_empty());
    let document = parse(&xml);
    let signature = document.element(evidence.signature_at());
    assert!(signature.is(DSIG_NAMESPACE, "Signature"));
    assert_eq!(signature.parent(), Some(document.root()));
}

/// SHA-256 of the inclusive canonical form.
fn digest_of(xml: &str) -> Vec<u8> {
    let mut digester = DigestAlgorithm::Sha256.start();
    let selection = Selection::document();
    c14n::canonicalize(&parse(xml), &selection, &Method::Inclusive10, &mut |run| {
        digester.update(run);
    });
    digester.finish()
}

/// Every combination that the profile has.
fn all_options() -> Vec<(&'static Issued, SignOptions)> {
    let list = || PrefixList::parse("xsi #default").unwrap();
    let methods = [
        Method::Inclusive10,
        Method::Inclusive10WithComments,
        Method::Inclusive11,
        Method::Inclusive11WithComments,
        Method::Exclusive(PrefixList::default()),
        Method::ExclusiveWithComments(list()),
    ];
    let digests = [
        None,
        Some(DigestAlgorithm::Sha256),
        Some(DigestAlgorithm::Sha384),
        Some(DigestAlgorithm::Sha512),
        Some(DigestAlgorithm::Sm3),
    ];
    let rsa = [
        SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512,
    ];
    let others = [&WORLD.p256, &WORLD.p384, &WORLD.ed25519, &WORLD.sm2];
    let mut all = Vec::new();
    for (at, canonicalization) in methods.iter().enumerate() {
        for (next, digest) in digests.iter().enumerate() {
            let transform = methods.get((at + next) % 7).cloned();
            let canonicalization = canonicalization.clone();
            let options = SignOptions {
                canonicalization,
                transform,
                digest: *digest,
                ..SignOptions::default()
            };
            let algorithm = Some(rsa[(at + next) % 6]);
            all.push((&WORLD.rsa, SignOptions { algorithm, ..options.clone() }));
            all.push((others[(at + next) % 4], options));
        }
    }
    all
}

#[test]
fn the_same_content_has_one_content_digest() {
    let expected = digest_of(ORDER);
    for (signer, options) in all_options() {
        let xml = sign_by(signer, ORDER, &options);
        let evidence = accept(&xml);
        assert_eq!(evidence.content_digest().as_slice(), expected, "{options:?}");
        assert!(options.digest.is_none_or(|wanted| wanted == evidence.digest()));
        assert!(options.algorithm.is_none_or(|wanted| wanted == evidence.algorithm()));
    }
    // ECDSA values differ each time, the content does not.
    let (first, second) = (signed_order(), signed_order());
    assert_ne!(first, second);
    assert_eq!(accept(&first).content_digest(), accept(&second).content_digest());
}

#[test]
fn what_another_implementation_signed_is_accepted() {
    let rsa = accept(include_str!("tests/xmlsec1-rsa-sha256.xml"));
    assert_eq!(rsa.algorithm(), SignatureAlgorithm::RsaPkcs1Sha256);
    // Exclusive with a prefix list; the value and the certificate are broken into lines.
    let ecdsa = accept(include_str!("tests/xmlsec1-ecdsa-sha256.xml"));
    assert_eq!(ecdsa.algorithm(), SignatureAlgorithm::EcdsaP256Sha256);
    assert_eq!(rsa.content_digest(), ecdsa.content_digest());
}

#[test]
fn white_space_and_comments_between_the_parts_mean_nothing() {
    let xml = signed_order();
    let spaced = edit(&xml, "<ds:KeyInfo>", "\n\t<!-- key -->\r\n<ds:KeyInfo Id=\"k\">");
    let spaced = edit(&spaced, "<ds:X509Data>", "<ds:X509Data><!-- - -->\n");
    // The value may stand in lines, and with character references for white space.
    let value = between(&spaced, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
    let broken = edit(&value, "==", "=&#xD;\n  =\t");
    let spaced = edit(
        &spaced,
        &value,
        &edit(&broken, "<ds:SignatureValue>", "<ds:SignatureValue Id='v'>\n"),
    );
    assert_eq!(accept(&spaced).content_digest(), accept(&xml).content_digest());
    // KeyName is not needed, and certificates may stand in several X509Data.
    let bare = edit(&xml, between(&xml, "<ds:KeyName>", "</ds:KeyName>"), "");
    let split = "</ds:X509Certificate></ds:X509Data><ds:X509Data><ds:X509Certificate>";
    let bare = edit(&bare, "</ds:X509Certificate><ds:X509Certificate>", split);
    assert_eq!(accept(&bare).intermediates().len(), 1);
}

#[test]
fn comments_in_signed_info_count_only_where_the_method_says_so() {
    let with =
        SignOptions { canonicalization: Method::Inclusive10WithComments, ..SignOptions::default() };
    let comment = |xml: &str| edit(xml, "<ds:Reference ", "<!-- later --><ds:Reference ");
    accept(&comment(&signed_order()));
    let counted = sign_by(&WORLD.p256, ORDER, &with);
    accept(&counted);
    assert_eq!(refuse(&comment(&counted)).code(), "signature-value-mismatch");
}
