//! Making signatures: where they are put, that nothing else changes, and what is refused.

use onepoint_certs::KeyError;

use super::*;

#[test]
fn the_signature_is_the_last_child_or_stands_where_it_was_asked_for() {
    let xml = signed_order();
    assert!(xml.ends_with("</ds:Signature></ceb:CEB311Message>\n<?end?>"));
    assert_eq!(edit(&xml, signature_of(&xml), ""), ORDER);

    let before = SignOptions::default().before("ExtendMessage");
    let xml = sign_by(&WORLD.p256, ORDER, &before);
    assert!(xml.contains("</ds:Signature><ceb:ExtendMessage>"));
    assert_eq!(edit(&xml, signature_of(&xml), ""), ORDER);
    accept(&xml);

    // No such child: last.
    let xml = sign_by(&WORLD.p256, ORDER, &SignOptions::default().before("Nothing"));
    assert!(xml.contains("</ds:Signature></ceb:CEB311Message>"));
}

#[test]
fn roots_of_every_form_can_be_signed() {
    for xml in
        ["<a/>", "<a />", "<a  b='1>2'\n/>", "<p:a xmlns:p='urn:p'/><!--x-->", "\u{feff}<a></a >"]
    {
        let signed = sign_by(&WORLD.p256, xml, &SignOptions::default());
        assert_eq!(accept(&signed).content_digest().as_slice(), digest_of(xml), "{signed}");
        assert_eq!(signed.starts_with('\u{feff}'), xml.starts_with('\u{feff}'));
    }
}

#[test]
fn key_info_is_as_the_norm_has_it() {
    let xml = signed_order();
    let name = between(&xml, "<ds:KeyName>", "</ds:KeyName>");
    assert_eq!(name, format!("<ds:KeyName>{}</ds:KeyName>", WORLD.p256.certificate.serial_hex()));
    assert_eq!(name, name.to_lowercase().replace("keyname", "KeyName"));
    assert_eq!(xml.matches("<ds:X509Certificate>").count(), 2);
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let World { p256, stranger, .. } = &*WORLD;
    let options = SignOptions::default();
    let many = vec![p256.certificate.clone(); MAX_CERTIFICATES + 1];
    let rsa_on_p256 = SignOptions {
        algorithm: Some(SignatureAlgorithm::RsaPkcs1Sha256),
        ..SignOptions::default()
    };
    let signed = signed_order();
    let cases = [
        (sign("<a>", &p256.key, &p256.chain, &options), "xml-truncated"),
        (sign(ORDER, &p256.key, &[], &options), "sign-no-certificate"),
        (sign(ORDER, &p256.key, &many, &options), "sign-too-many-certificates"),
        (sign(ORDER, &p256.key, &stranger.chain, &options), "sign-other-certificate"),
        (
            sign(ORDER, &p256.key, &p256.chain, &options.clone().over("nowhere")),
            "reference-id-missing",
        ),
        (sign(ORDER, &p256.key, &p256.chain, &rsa_on_p256), "key-mismatch"),
        (sign(ORDER, &p256.key, &p256.chain, &SignOptions::rsa_sha1()), "key-mismatch"),
        (sign(&signed, &p256.key, &p256.chain, &options), "signature-repeated"),
        (sign("<a xmlns='relative'/>", &p256.key, &p256.chain, &options), "namespace-relative"),
    ];
    for (outcome, code) in cases {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!error.en().is_empty() && error.zh().chars().any(|c| c > '\u{4dff}'), "{error}");
    }
    let error = sign(ORDER, &p256.key, &p256.chain, &rsa_on_p256).unwrap_err();
    assert!(matches!(error, SignError::Key(KeyError::Mismatch { .. })));
}

#[test]
fn a_dxp_envelope_is_signed_and_read_back() {
    let message = crate::dxp::DxpMsg {
        cop_msg_id: "TEST-0001".to_owned(),
        sender_id: "DXPENT0000000001".to_owned(),
        receiver_ids: vec!["DXPEDCCEB0000002".to_owned()],
        creat_time: "2026-11-23T08:00:00+08:00".to_owned(),
        msg_type: "CEB311Message".to_owned(),
        // The message inside has a Signature of its own, which is only octets here.
        data: signed_order().into_bytes(),
        add_info: None,
    };
    let xml = sign_by(&WORLD.p256, &message.to_xml(), &SignOptions::default());
    let evidence = accept(&xml);
    let document = parse(&xml);
    let last = document.root().children().last().unwrap();
    assert_eq!(last.index(), evidence.signature_at());
    let read = crate::dxp::DxpMsg::parse(&document).unwrap();
    assert_eq!(read, message);
    accept(std::str::from_utf8(&read.data).unwrap());
    let changed = edit(&xml, "DXPEDCCEB0000002", "DXPEDCCEB0000003");
    assert_eq!(refuse(&changed).code(), "signature-digest-mismatch");
}
