//! References by Id: the root by its Id, a part that alone is visible afterwards, and
//! every way to make one Id mean two things.

use super::*;

const PARTS: &str = "<m:box xmlns:m='urn:m' Id='all' xml:lang='zh'><!-- 前 -->\
    <m:order Id='first'><m:no>T0001</m:no><!-- - --></m:order>\
    <m:order Id='second'><m:no>T0002</m:no></m:order></m:box>";

fn over(id: &str) -> SignOptions {
    SignOptions::default().over(id)
}

fn part(xml: &str) -> Result<(SignedDocument, Document), SignatureError> {
    let outcome = verify_part(&parse(xml), &SignaturePolicy::strict(), &[]);
    if let Err(error) = &outcome {
        check_words(error);
    }
    outcome
}

fn refuse_part(xml: &str) -> &'static str {
    part(xml).unwrap_err().code()
}

#[test]
fn the_root_by_its_id_is_the_whole_document() {
    let xml = sign_by(&WORLD.p256, PARTS, &over("all"));
    assert!(xml.contains("<ds:Reference URI=\"#all\">") && xml.contains("#enveloped-signature"));
    let evidence = accept(&xml);
    let document = parse(&xml);
    assert_eq!(evidence.signed_at(), document.root().index());
    assert_eq!(evidence.content_digest().as_slice(), digest_of(PARTS));
    assert_eq!(refuse(&edit(&xml, "T0002", "T0003")).code(), "signature-digest-mismatch");
    // Comments do not count, as the Recommendation has it for such references.
    accept(&edit(&xml, "<!-- 前 -->", ""));
    // Instructions around the root are not part of it.
    let (_, visible) = part(&format!("<?outside?>{xml}")).unwrap();
    assert!(!visible.source().contains("outside"));
    let bare = edit(
        &xml,
        "<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform></ds:Transforms>",
        "",
    );
    assert_eq!(refuse(&bare).code(), "transform-enveloped-not-first");
}

#[test]
fn only_the_part_that_was_signed_is_visible() {
    for transform in
        [None, Some(Method::Exclusive(PrefixList::default())), Some(Method::Inclusive11)]
    {
        let options = SignOptions { transform, ..over("first") };
        let xml = sign_by(&WORLD.sm2, PARTS, &options);
        let (evidence, visible) = part(&xml).unwrap();
        assert_eq!(evidence.certificate(), &WORLD.sm2.certificate);
        let document = parse(&xml);
        let signed = document.element(evidence.signed_at());
        assert_eq!(signed.attribute("", "Id"), Some("first"));
        assert_eq!(visible.root().text(), "T0001");
        assert!(visible.root().is("urn:m", "order"));
        assert!(!visible.source().contains("T0002") && !visible.source().contains("<!--"));
        // What was not signed may change, and is not seen.
        let (_, again) = part(&edit(&xml, "T0002", "T9999")).unwrap();
        assert_eq!(again.source(), visible.source());
        let changed = edit(&xml, "T0001", "T9999");
        assert_eq!(refuse_part(&changed), "signature-digest-mismatch");
        // For the whole document it says nothing.
        assert_eq!(refuse(&xml).code(), "reference-to-part");
    }
}

#[test]
fn a_signature_inside_of_the_part_it_signs() {
    // Signed as a document, then put into another: the Id goes along.
    let inner = "<m:order xmlns:m='urn:m' Id='x'><m:no>T0001</m:no></m:order>";
    let options = SignOptions {
        canonicalization: Method::Exclusive(PrefixList::default()),
        transform: Some(Method::Exclusive(PrefixList::default())),
        ..over("x")
    };
    let signed = sign_by(&WORLD.p256, inner, &options);
    let boxed = format!("<box xmlns='urn:box'><a Id='other'/>{signed}</box>");
    let (_, visible) = part(&boxed).unwrap();
    assert_eq!(visible.root().text(), "T0001");
    assert!(visible.root().child(DSIG_NAMESPACE, "Signature").is_none());
    assert_eq!(refuse(&boxed).code(), "signature-misplaced");
    // Deeper than the part it signs, or elsewhere than the root.
    let deeper = boxed.replace("<ds:Signature ", "<q><ds:Signature ");
    let deeper = deeper.replace("</ds:Signature>", "</ds:Signature></q>");
    assert_eq!(refuse_part(&deeper), "signature-apart");
}

#[test]
fn an_id_names_one_element_or_none() {
    let xml = sign_by(&WORLD.p256, PARTS, &over("first"));
    let cases = [
        // Nothing has it, or it is empty.
        (edit(&xml, "Id='first'", "Id='third'"), "reference-id-missing"),
        (edit(&xml, "URI=\"#first\"", "URI=\"#\""), "reference-id-missing"),
        (edit(&xml, "URI=\"#first\"", "URI=\"#First\""), "reference-id-missing"),
        // Attributes that are Ids to others only.
        (edit(&xml, "Id='first'", "id='first'"), "reference-id-missing"),
        (edit(&xml, "Id='first'", "xml:id='first'"), "reference-id-missing"),
        (edit(&xml, "Id='first'", "m:Id='first'"), "reference-id-missing"),
        // Two of them, of one kind or of two, before or after, and in the Signature.
        (edit(&xml, "Id='second'", "Id='first'"), "reference-id-repeated"),
        (edit(&xml, "Id='second'", "ID='first'"), "reference-id-repeated"),
        (edit(&xml, "Id='second'", "xml:id='first'"), "reference-id-repeated"),
        (edit(&xml, "Id='all'", "id='first'"), "reference-id-repeated"),
        (edit(&xml, "Id='first'", "Id='first' xml:id='first'"), "reference-id-repeated"),
        (edit(&xml, "<ds:KeyInfo>", "<ds:KeyInfo Id='first'>"), "reference-id-repeated"),
        // The Signature, or something in it.
        (
            edit(&edit(&xml, "#first", "#s"), "<ds:Signature ", "<ds:Signature Id='s' "),
            "reference-to-signature",
        ),
        (
            edit(&edit(&xml, "#first", "#k"), "<ds:KeyInfo>", "<ds:KeyInfo Id='k'>"),
            "reference-to-signature",
        ),
        (edit(&xml, "URI=\"#first\"", "URI=\"#xpointer(id('first'))\""), "reference-xpointer"),
    ];
    for (xml, code) in cases {
        assert_eq!(refuse_part(&xml), code, "{xml}");
    }
}

/// Each shape in which another part is shown under a good signature: the part that comes
/// out is the one that was signed, or nothing does.
#[test]
fn wrapping_by_id_shows_what_was_signed_or_nothing() {
    let xml = sign_by(&WORLD.p256, PARTS, &over("first"));
    let order = between(&xml, "<m:order Id='first'>", "</m:order>").to_owned();
    let forged = order.replace("T0001", "T6666");
    let renamed = forged.replace("Id='first'", "Id='evil'");
    let cases = [
        // A forged twin beside, before, around, inside.
        (edit(&xml, &order, &format!("{order}{forged}")), None),
        (edit(&xml, &order, &format!("{forged}{order}")), None),
        // The original moved where no reader looks, a forged one in its place.
        (edit(&xml, &order, &format!("{renamed}<m:old>{order}</m:old>")), Some("T0001")),
        (edit(&xml, &order, &renamed), None),
        // The original hidden in the forged one.
        (
            edit(&xml, &order, &renamed.replace("</m:order>", &format!("{order}</m:order>"))),
            Some("T0001"),
        ),
        // The forged one put into the original.
        (edit(&xml, &order, &order.replace("</m:order>", &format!("{renamed}</m:order>"))), None),
        // The original moved into the Signature.
        (
            edit(
                &edit(&xml, &order, &renamed),
                "</ds:Signature>",
                &format!("<ds:Object>{order}</ds:Object></ds:Signature>"),
            ),
            None,
        ),
    ];
    for (wrapped, seen) in cases {
        refuse(&wrapped);
        match part(&wrapped) {
            Ok((_, visible)) => assert_eq!(Some(visible.root().text().as_ref()), seen, "{wrapped}"),
            Err(error) => assert_eq!(seen, None, "{error}: {wrapped}"),
        }
    }
}

#[test]
fn the_original_with_an_id_in_a_false_document_is_not_the_document() {
    let original = "<m:a xmlns:m='urn:m' Id='o'><m:no>T0001</m:no></m:a>";
    let signed = sign_by(&WORLD.p256, original, &over("o"));
    let signature = signature_of(&signed).to_owned();
    let body = edit(&signed, &signature, "");
    for wrapped in [
        format!("<m:a xmlns:m='urn:m'><m:no>T6666</m:no>{signature}<x>{body}</x></m:a>"),
        format!("<m:a xmlns:m='urn:m'><m:no>T6666</m:no><x>{body}</x>{signature}</m:a>"),
        format!("<m:a xmlns:m='urn:m'>{body}<m:no>T6666</m:no>{signature}</m:a>"),
    ] {
        assert!(
            ["reference-to-part", "transform-enveloped-not-first"]
                .contains(&refuse(&wrapped).code())
        );
        if let Ok((_, visible)) = part(&wrapped) {
            assert_eq!(visible.root().text(), "T0001");
        }
    }
}
