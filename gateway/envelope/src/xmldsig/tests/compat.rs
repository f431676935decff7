//! What clients of the e-port do otherwise than XML Signature says: each departure is
//! refused by its name under strict rules and after the last day of a policy, and noted
//! under a policy that has it. The digest of the document has to match all the same.

use super::*;

const LAST_DAY: &str = "2026-12-31";

/// The policy `ceb-field` with one rule taken back.
fn field_without(take_back: fn(&mut SignaturePolicy)) -> SignaturePolicy {
    let mut policy = SignaturePolicy::ceb_field(LAST_DAY.parse().unwrap());
    take_back(&mut policy);
    policy
}

fn field() -> SignaturePolicy {
    field_without(|_| ())
}

/// Off by default and refused by name, on and named, expired and refused; and refused by
/// name under a policy that lacks just this rule.
fn check_rule(
    xml: &str,
    known: &[Certificate],
    code: &str,
    noted: &[&str],
    take_back: fn(&mut SignaturePolicy),
) {
    let place = SignaturePlace::ChildOfRoot;
    let judge = |policy: &SignaturePolicy| verify_known(&parse(xml), &place, policy, known);
    let refuse = |policy: &SignaturePolicy| {
        let error = judge(policy).unwrap_err();
        check_words(&error);
        error.code()
    };
    assert_eq!(refuse(&SignaturePolicy::strict()), code);
    assert_eq!(refuse(&field_without(take_back)), code);
    let on = field().in_force("2026-12-31T15:59:59Z".parse().unwrap());
    assert_eq!(judge(&on.policy).unwrap().tolerances(), noted);
    let over = field().in_force("2026-12-31T16:00:00Z".parse().unwrap());
    assert_eq!(over.lapsed.unwrap().name, SignaturePolicy::CEB_FIELD);
    assert_eq!(refuse(&over.policy), code);
}

/// SignedInfo put in lines, as in the genuine message.
fn indented(xml: &str) -> String {
    let info = between(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    edit(xml, info, &info.replace("><ds:", ">\n\t<ds:").replace("></ds:Ref", ">\r\n</ds:Ref"))
}

/// The order signed by an SM2 key.
fn sm2_order() -> String {
    sign_by(&WORLD.sm2, ORDER, &SignOptions::default())
}

#[test]
fn signed_flat_and_sent_in_lines() {
    for xml in [signed_order(), sm2_order()] {
        check_rule(&indented(&xml), &[], "policy-flat-signed-info", &["flat-signed-info"], |p| {
            p.allow_flat_signed_info = false
        });
    }
}

#[test]
fn signed_with_namespaces_that_the_root_does_not_declare() {
    // The digest is that of a root without xsi, SignedInfo was signed with it in scope.
    let bare = edit(ORDER, " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"", "");
    let signed = sign_by(&WORLD.sm2, &bare, &SignOptions::default());
    let info = between(&signed, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let scope = "<ds:SignedInfo xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
        xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
    let message = edit(info, "<ds:SignedInfo>", scope);
    let value = WORLD.sm2.key.sign(SignatureAlgorithm::Sm2Sm3, message.as_bytes()).unwrap();
    let value = crate::octets::encode(&value);
    let old = between(&signed, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let xml = edit(&signed, old, &format!("<ds:SignatureValue>{value}</ds:SignatureValue>"));
    for xml in [indented(&xml), xml] {
        check_rule(&xml, &[], "policy-flat-signed-info", &["flat-signed-info"], |p| {
            p.allow_flat_signed_info = false;
        });
    }
}

#[test]
fn white_space_after_the_signature() {
    for space in ["\n", " \r\n\t"] {
        let xml = edit(&signed_order(), "</ds:Signature>", &format!("</ds:Signature>{space}"));
        check_rule(&xml, &[], "policy-space-at-signature", &["space-at-signature"], |p| {
            p.allow_space_at_signature = false;
        });
        // The content is the same as without.
        let evidence = verify_with(&xml, &field()).unwrap();
        assert_eq!(evidence.content_digest().as_slice(), digest_of(ORDER));
    }
    // Only white space, only after, and only text.
    for (from, to) in [
        ("</ds:Signature>", "</ds:Signature>x"),
        ("<ds:Signature ", "\n<ds:Signature "),
        ("</ds:Signature>", "</ds:Signature>\n<?x?>"),
        ("</ds:Signature>", "</ds:Signature>\u{a0}"),
        ("</ds:Signature>", "</ds:Signature>\n<![CDATA[x]]>"),
    ] {
        let xml = edit(&signed_order(), from, to);
        let error = verify_with(&xml, &field()).unwrap_err();
        assert_eq!(error.code(), "signature-digest-mismatch", "{to}");
    }
}

#[test]
fn an_sm2_key_with_a_sha1_digest() {
    let options = SignOptions { digest: Some(DigestAlgorithm::Sha1), ..SignOptions::default() };
    let xml = sign_by(&WORLD.sm2, ORDER, &options);
    check_rule(&xml, &[], "policy-sm2-digest-sha1", &["sm2-digest-sha1"], |p| {
        p.allow_sm2_digest_sha1 = false;
    });
    // The rule for other keys does not stand for it, nor the other way round.
    let other = sign_by(&WORLD.rsa, ORDER, &SignOptions::rsa_sha1());
    let error = verify_with(&other, &field_without(|p| p.allow_digest_sha1 = false));
    assert_eq!(error.unwrap_err().code(), "policy-digest-sha1");
}

#[test]
fn a_certificate_number_in_lower_case() {
    let xml = sm2_order();
    let data = between(&xml, "<ds:X509Data>", "</ds:X509Data>").to_owned();
    // Serial numbers are random, and nearly all have a letter.
    let certificate = WORLD.sm2.certificate.clone();
    let lower = certificate.serial_hex().to_owned();
    assert!(lower.bytes().any(|b| b.is_ascii_alphabetic()));
    let named = edit(&xml, &data, "");
    let known = [WORLD.stranger.certificate.clone(), certificate.clone()];
    check_rule(&named, &known, "policy-lower-case-number", &["lower-case-number"], |p| {
        p.allow_lower_case_number = false;
    });
    let upper = edit(&named, &lower, &lower.to_uppercase());
    let place = SignaturePlace::ChildOfRoot;
    let strict = SignaturePolicy::strict();
    let evidence = verify_known(&parse(&upper), &place, &strict, &known).unwrap();
    assert_eq!(evidence.certificate(), &certificate);
    assert!(evidence.tolerances().is_empty());
    // Another's number: the value does not fit that key; a number of nobody known.
    let error = verify_known(&parse(&upper), &place, &strict, &known[..1]).unwrap_err();
    assert_eq!(error.code(), "key-number-unknown");
    let other = WORLD.stranger.certificate.serial_hex().to_uppercase();
    let other = edit(&upper, &lower.to_uppercase(), &other);
    let error = verify_known(&parse(&other), &place, &strict, &known).unwrap_err();
    assert_eq!(error.code(), "key-mismatch");
}

#[test]
fn the_message_of_the_field_has_everything_at_once() {
    let options = SignOptions { digest: Some(DigestAlgorithm::Sha1), ..SignOptions::default() };
    let xml = sign_by(&WORLD.sm2, ORDER, &options);
    // The identifier of SM2 that clients wrote before 2022-04.
    let customs = "http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3";
    let older = "http://www.w3.org/2000/09/xmldsig#sm2-sm3";
    let info = between(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let info_new = edit(info, customs, older);
    let scope = "<ds:SignedInfo xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
        xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
    let message = edit(&info_new, "<ds:SignedInfo>", scope);
    let value = WORLD.sm2.key.sign(SignatureAlgorithm::Sm2Sm3, message.as_bytes()).unwrap();
    let value =
        format!("<ds:SignatureValue>\n{}\n</ds:SignatureValue>", crate::octets::encode(&value));
    let old = between(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
    let xml = edit(&edit(&xml, &old, &value), info, &info_new);
    assert!(verify_with(&xml, &field_without(|p| p.allow_flat_signed_info = false)).is_ok());
    let xml = edit(&indented(&xml), "</ds:Signature>", "</ds:Signature>\n");
    let evidence = verify_with(&xml, &field()).unwrap();
    let noted = ["flat-signed-info", "sm2-digest-sha1", "space-at-signature"];
    assert_eq!(evidence.tolerances(), noted);
    // Whatever is tolerated, the document has to be the one that was digested.
    for (from, to) in [("T0001", "T0002"), ("guid=\"4C", "guid=\"5C"), ("测试 &amp; 订单", "测试")]
    {
        let error = verify_with(&edit(&xml, from, to), &field()).unwrap_err();
        assert_eq!(error.code(), "signature-digest-mismatch");
    }
    // And SignedInfo the one that was signed.
    let changed = edit(&xml, "#sha1", "#sha1 ");
    assert_eq!(verify_with(&changed, &field()).unwrap_err().code(), "digest-method-unknown");
    let changed = edit(&xml, "<ds:Reference ", "<ds:Reference Id='r' ");
    assert_eq!(verify_with(&changed, &field()).unwrap_err().code(), "signature-value-mismatch");
}

#[test]
fn the_flat_form_is_the_one_of_the_field_only() {
    // Exclusive canonicalisation, or another prefix, is no form of theirs.
    let options = SignOptions {
        canonicalization: Method::Exclusive(PrefixList::default()),
        ..SignOptions::default()
    };
    let xml = indented(&sign_by(&WORLD.p256, ORDER, &options));
    let error = verify_with(&xml, &field()).unwrap_err();
    assert_eq!(error.code(), "signature-value-mismatch");
    let xml = indented(&signed_order()).replace("ds:", "d:").replace("xmlns:ds", "xmlns:d");
    let error = verify_with(&xml, &field()).unwrap_err();
    assert_eq!(error.code(), "signature-value-mismatch");
}
