//! Attempts to show other content under a good signature, and changes in every region of
//! a signed document.

use super::*;

#[test]
fn the_signature_is_one_and_stands_below_the_root() {
    let xml = signed_order();
    let signature = signature_of(&xml).to_owned();
    let without = edit(&xml, &signature, "");

    assert_eq!(refuse(ORDER).code(), "signature-missing");
    let cases = [
        // Moved into a child, into the extension, made the root.
        (
            edit(&without, "</ceb:Order>", &format!("{signature}</ceb:Order>")),
            "signature-misplaced",
        ),
        (
            edit(&without, "<x xmlns=\"\"", &format!("{signature}<x xmlns=\"\"")),
            "signature-misplaced",
        ),
        (signature.clone(), "signature-misplaced"),
        // Twice: beside, in the extension, first of all.
        (edit(&xml, &signature, &signature.repeat(2)), "signature-repeated"),
        (edit(&xml, "<x xmlns=\"\"", &format!("{signature}<x xmlns=\"\"")), "signature-repeated"),
        (edit(&xml, "<ceb:Order>", &format!("{signature}<ceb:Order>")), "signature-repeated"),
        (
            edit(
                &xml,
                "<ceb:Order>",
                &format!("<ds:Signature xmlns:ds='{DSIG_NAMESPACE}'/><ceb:Order>"),
            ),
            "signature-repeated",
        ),
        // One inside the other.
        (
            edit(&xml, "</ds:Signature>", "<ds:Object><ds:Signature/></ds:Object></ds:Signature>"),
            "signature-nested",
        ),
    ];
    for (xml, code) in cases {
        assert_eq!(refuse(&xml).code(), code, "{xml}");
    }
}

#[test]
fn a_wrapped_document_is_refused() {
    let xml = signed_order();
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let body = edit(&xml, declaration, "");
    let signature = signature_of(&xml).to_owned();
    let inner = edit(&body, &signature, "");

    // The whole message inside another: its Signature is no longer below the root.
    let wrapped = format!("<evil>{body}</evil>");
    assert_eq!(refuse(&wrapped).code(), "signature-misplaced");
    // The Signature of the message put below the new root: another document.
    let wrapped = format!("<evil>{inner}{signature}</evil>");
    assert_eq!(refuse(&wrapped).code(), "signature-digest-mismatch");
    // The message kept as a child of a false one of the same name.
    let root = between(&inner, "<ceb:CEB311Message ", ">");
    let order = between(&inner, "<ceb:Order>", "</ceb:Order>");
    let original = between(&inner, "<ceb:CEB311Message", "</ceb:CEB311Message>");
    let wrapped = format!(
        "{root}{order}{signature}<ceb:ExtendMessage>{original}</ceb:ExtendMessage></ceb:CEB311Message>"
    );
    assert_eq!(refuse(&wrapped).code(), "signature-digest-mismatch");
    // Pointing the reference at the hidden original is not possible.
    let by_id = edit(&wrapped, "URI=\"\"", "URI=\"#original\"");
    assert_eq!(refuse(&by_id).code(), "reference-id-missing");
}

#[test]
fn a_comment_does_not_split_what_is_extracted() {
    let xml = signed_order();
    let commented = edit(&xml, ">T0001<", ">T0<!-- - -->001<");
    let evidence = accept(&commented);
    assert_eq!(evidence.content_digest(), accept(&xml).content_digest());
    let document = parse(&commented);
    let order = document.root().children().next().unwrap();
    assert_eq!(order.children().next().unwrap().text(), "T0001");
}

#[test]
fn a_change_in_any_region_is_refused() {
    let xml = signed_order();
    let content = [
        ("T0001", "T0002"),
        ("测试 &amp; 订单", "测试 &lt; 订单"),
        ("a&#10;b", "a b"),
        ("guid=\"4C", "guid=\"4D"),
        ("version='1.0'", "version='1.1'"),
        ("version='1.0'", "Version='1.0'"),
        ("version='1.0'", ""),
        ("any=\"1\"", "any=\"2\""),
        ("xmlns=\"\"", "xmlns=\"urn:x\""),
        ("\"http://www.chinaport.gov.cn/ceb\"", "\"http://www.chinaport.gov.cn/cef\""),
        ("<ceb:Order>", "<ceb:Order x='1'>"),
        ("<ceb:Order>", " <ceb:Order>"),
        ("</ceb:Order>\n", "</ceb:Order>\n\n"),
        ("<?end?>", "<?end now?>"),
        ("<?end?>", ""),
        ("</ds:Signature>", "</ds:Signature>\n."),
        ("<ds:Signature ", "\n<ds:Signature "),
        ("<ceb:copCode>9999999999</ceb:copCode>", "<!--<ceb:copCode>9999999999</ceb:copCode>-->"),
    ];
    for (from, to) in content {
        assert_eq!(refuse(&edit(&xml, from, to)).code(), "signature-digest-mismatch", "{from}");
    }
    // In SignedInfo: the digest holds, the value does not.
    let info = [
        ("<ds:SignedInfo>", "<ds:SignedInfo Id=\"i\">"),
        ("<ds:Reference ", "<ds:Reference Id=\"r\" "),
        ("<ds:DigestValue>", "<ds:DigestValue>\n"),
        (
            "\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"",
            "\"http://www.w3.org/2001/10/xml-exc-c14n#\"",
        ),
        (
            "</ds:Transforms>",
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/></ds:Transforms>",
        ),
    ];
    for (from, to) in info {
        assert_eq!(refuse(&edit(&xml, from, to)).code(), "signature-value-mismatch", "{from}");
    }
    // Another prefix is another text.
    let prefixed = xml.replace("ds:", "dsig:").replace("xmlns:ds=", "xmlns:dsig=");
    assert_eq!(refuse(&prefixed).code(), "signature-value-mismatch");
}

#[test]
fn a_mismatch_names_both_digests() {
    let xml = signed_order();
    let error = refuse(&edit(&xml, "T0001", "T0002"));
    let Fault::DigestMismatch { expected, computed } = error.fault() else { panic!("{error}") };
    let hex = |octets: Vec<u8>| octets.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(*expected, hex(digest_of(ORDER)));
    assert_eq!(*computed, hex(digest_of(&edit(ORDER, "T0001", "T0002"))));
    assert!(error.path().ends_with("/ds:Reference/ds:DigestValue"), "{}", error.path());
    assert!(error.zh().contains(computed.as_str()));
}

#[test]
fn values_of_other_keys_algorithms_and_forms_are_refused() {
    let xml = signed_order();
    // Another certificate over the same signature.
    let own = crate::octets::encode(WORLD.p256.certificate.der());
    let other = crate::octets::encode(WORLD.stranger.certificate.der());
    assert_eq!(refuse(&edit(&xml, &own, &other)).code(), "signature-value-mismatch");
    // A key of another kind, and one that the profile has no use for.
    let rsa = crate::octets::encode(WORLD.rsa.certificate.der());
    assert_eq!(refuse(&edit(&xml, &own, &rsa)).code(), "key-mismatch");
    let ed25519 = crate::octets::encode(WORLD.ed25519.certificate.der());
    assert_eq!(refuse(&edit(&xml, &own, &ed25519)).code(), "key-mismatch");
    // Another algorithm of the same key.
    let xml = sign_by(&WORLD.rsa, ORDER, &SignOptions::default());
    let other = edit(&xml, "#rsa-sha256", "#rsa-sha512");
    assert_eq!(refuse(&other).code(), "signature-value-mismatch");
    let other = edit(&xml, "xmldsig-more#rsa-sha256", "xmldsig-more#ecdsa-sha256");
    assert_eq!(refuse(&other).code(), "key-mismatch");
    let other = edit(&xml, "xmlenc#sha256", "xmlenc#sha512");
    assert_eq!(refuse(&other).code(), "signature-digest-length");
}

#[test]
fn truncated_values_are_refused_before_anything_is_computed() {
    for signer in [&WORLD.p256, &WORLD.rsa] {
        // The content is changed too: the length is looked at first.
        let xml = edit(&sign_by(signer, ORDER, &SignOptions::default()), "T0001", "T0002");
        for (element, code) in [
            ("SignatureValue", "signature-value-length"),
            ("DigestValue", "signature-digest-length"),
        ] {
            let (start, end) = (format!("<ds:{element}>"), format!("</ds:{element}>"));
            let value = between(&xml, &start, &end);
            let text = value.strip_prefix(start.as_str()).unwrap().strip_suffix(end.as_str());
            let octets = crate::octets::decode(text.unwrap(), MAX_SIGNATURE_BYTES).unwrap();
            for kept in [0, 1, octets.len() / 2, octets.len() - 1] {
                let short = crate::octets::encode(&octets[..kept]);
                let short = edit(&xml, value, &format!("{start}{short}{end}"));
                assert_eq!(refuse(&short).code(), code, "{element} {kept}");
            }
            let mut longer = octets.clone();
            longer.insert(0, 0);
            let longer = crate::octets::encode(&longer);
            let longer = edit(&xml, value, &format!("{start}{longer}{end}"));
            assert_eq!(refuse(&longer).code(), code, "{element} longer");
        }
    }
}

#[test]
fn ten_megabytes_of_key_info_are_refused_at_once() {
    let xml = signed_order();
    let long = "A".repeat(10 << 20);
    let spaces = " \n".repeat(5 << 20);
    for (from, to, code) in [
        ("<ds:X509Certificate>", format!("<ds:X509Certificate>{long}"), "signature-value-too-long"),
        (
            "<ds:X509Certificate>",
            format!("<ds:X509Certificate>{spaces}"),
            "signature-value-too-long",
        ),
        ("<ds:KeyName>", format!("<ds:KeyName>{long}"), "signature-value-too-long"),
        (
            "</ds:X509Data>",
            format!(
                "{}</ds:X509Data>",
                "<ds:X509Certificate>AAAA</ds:X509Certificate>".repeat(99_999)
            ),
            "signature-certificates-too-many",
        ),
        ("<ds:SignatureValue>", format!("<ds:SignatureValue>{long}"), "signature-value-too-long"),
    ] {
        assert_eq!(refuse(&edit(&xml, from, &to)).code(), code, "{from}");
    }
}

#[test]
fn values_out_of_range_are_named() {
    for signer in [&WORLD.p256, &WORLD.p384, &WORLD.sm2] {
        let xml = sign_by(signer, ORDER, &SignOptions::default());
        let value = between(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
        let text = value.replace("<ds:SignatureValue>", "").replace("</ds:SignatureValue>", "");
        let raw = crate::octets::decode(&text, 96).unwrap();
        let half = raw.len() / 2;
        for (first, byte) in [(0, 0), (half, 0), (0, 0xff), (half, 0xff)] {
            let mut wrong = raw.clone();
            wrong[first..first + half].fill(byte);
            let wrong = crate::octets::encode(&wrong);
            let wrong = format!("<ds:SignatureValue>{wrong}</ds:SignatureValue>");
            assert_eq!(refuse(&edit(&xml, &value, &wrong)).code(), "signature-range");
        }
    }
}

#[test]
fn an_sm2_value_in_der_is_named() {
    let xml = sign_by(&WORLD.sm2, ORDER, &SignOptions::default());
    let value = between(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let text = value.replace("<ds:SignatureValue>", "").replace("</ds:SignatureValue>", "");
    let raw = crate::octets::decode(&text, 64).unwrap();
    let der = onepoint_certs::sm2::der_from_raw(&raw).unwrap();
    let der = format!("<ds:SignatureValue>{}</ds:SignatureValue>", crate::octets::encode(&der));
    assert_eq!(refuse(&edit(&xml, value, &der)).code(), "signature-sm2-der");
}

#[test]
fn an_ecdsa_value_in_der_is_named() {
    let xml = signed_order();
    let value = between(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let text = value.replace("<ds:SignatureValue>", "").replace("</ds:SignatureValue>", "");
    let raw = crate::octets::decode(&text, 64).unwrap();
    let integer = |half: &[u8]| {
        let mut body = if half[0] < 0x80 { Vec::new() } else { vec![0] };
        body.extend_from_slice(half);
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    let der = format!("<ds:SignatureValue>{}</ds:SignatureValue>", crate::octets::encode(&der));
    assert_eq!(refuse(&edit(&xml, value, &der)).code(), "signature-ecdsa-der");
}
