//! Over generated documents and over every single bit: what verifies is what was signed.

#![allow(clippy::string_slice)]

use proptest::prelude::*;

use onepoint_certs::TrustAnchors;
use onepoint_xml::Event;

use super::*;
use crate::generated;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is signed verifies, whatever the method, and a changed letter or digit of
    /// its text or of an attribute does not.
    #[test]
    fn signed_documents_verify_and_changed_ones_do_not(
        xml in generated::document(),
        choice in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
    ) {
        let all = all_options();
        let (_, options) = choice.get(&all);
        let options = SignOptions { algorithm: None, ..options.clone() };
        let signed = sign_by(&WORLD.p256, &xml, &options);
        let evidence = accept(&signed);
        prop_assert_eq!(evidence.content_digest().as_slice(), digest_of(&xml));
        // Taking the Signature out gives back what was signed.
        prop_assert_eq!(edit(&signed, signature_of(&signed), ""), xml);

        let document = parse(&signed);
        let places = digested_letters(&document, evidence.signature_at());
        if !places.is_empty() {
            let at = *place.get(&places);
            let error = refuse(&with_other_letter(&signed, at));
            prop_assert_eq!(error.code(), "signature-digest-mismatch");
        }
    }
}

/// Bytes of plain text and of attribute values that are ASCII letters or digits outside of
/// references and outside of the Signature.
fn digested_letters(document: &Document, signature: EventIndex) -> Vec<usize> {
    let source = document.source().as_bytes();
    let signature = document.element(signature).span();
    let mut spans = Vec::new();
    for event in document.events() {
        match event {
            Event::Text { .. } => spans.push(event.span()),
            Event::Start { tag, .. } => {
                for attribute in document.attributes(*tag) {
                    let span = attribute.span.start as usize..attribute.span.end as usize;
                    let equals = source[span.clone()].iter().position(|b| *b == b'=').unwrap();
                    spans.push(span.start + equals..span.end);
                }
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    for span in spans.into_iter().filter(|span| !signature.contains(&span.start)) {
        let mut in_reference = false;
        for at in span {
            match source[at] {
                b'&' => in_reference = true,
                b';' => in_reference = false,
                byte if byte.is_ascii_alphanumeric() && !in_reference => places.push(at),
                _ => {}
            }
        }
    }
    // The markup of a CDATA section is not its text.
    let markup = "<![CDATA[";
    let text = document.source();
    places.retain(|at| {
        !text[..*at].ends_with("<![") && {
            let start = (0..=*at)
                .rev()
                .take(markup.len())
                .find(|s| text.get(*s..).is_some_and(|t| t.starts_with(markup)));
            start.is_none()
        }
    });
    places
}

fn with_other_letter(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'7' { b'q' } else { b'7' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_letter_of_the_content_counts() {
    let xml = signed_order();
    let document = parse(&xml);
    let places = digested_letters(&document, accept(&xml).signature_at());
    assert!(places.len() > 50, "{}", places.len());
    for at in places {
        assert_eq!(refuse(&with_other_letter(&xml, at)).code(), "signature-digest-mismatch");
    }
}

/// Flips each bit of the whole message. What is still accepted shows the same content, and
/// where the chain holds as well, the same certificate: only comments, the name of the key
/// and hints for the chain can change.
#[test]
fn no_flipped_bit_changes_content_or_signer() {
    let xml = signed_order();
    let evidence = accept(&xml);
    let at = "2026-06-01T00:00:00Z".parse().unwrap();
    let anchors = TrustAnchors::from_certificates([WORLD.root.clone()]).unwrap();
    let signer = |evidence: &SignedDocument| {
        let (leaf, others) = (evidence.certificate(), evidence.intermediates());
        anchors
            .verify_chain(leaf, others, at, jiff::SignedDuration::ZERO)
            .map(|_| leaf.fingerprint())
    };
    let own = signer(&evidence).unwrap();
    let mut refused = 0;
    for at in 0..xml.len() {
        for bit in 0..8 {
            let mut bytes = xml.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(document) = Document::parse(bytes, &Limits::default()) else { continue };
            let outcome =
                verify(&document, &SignaturePlace::ChildOfRoot, &SignaturePolicy::strict());
            match outcome {
                Err(_) => refused += 1,
                Ok(other) => {
                    assert_eq!(other.content_digest(), evidence.content_digest());
                    assert!(signer(&other).is_err() || signer(&other).unwrap() == own);
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
