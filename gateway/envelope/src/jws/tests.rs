//! Signatures of each algorithm and form, a vector of RFC 7515, and every refusal.

#![allow(clippy::string_slice)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};

use super::*;

const PAYLOAD: &[u8] = "{\"报文\":\"T0001\"}".as_bytes();

static SIGNERS: LazyLock<Vec<Issued>> = LazyLock::new(|| {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
    let middle = root.intermediate("测试中间", KeyKind::P256, validity).unwrap();
    let kinds = [KeyKind::P256, KeyKind::Rsa2048, KeyKind::P384, KeyKind::Ed25519, KeyKind::Sm2];
    let issue =
        |kind| middle.issue(&LeafSpec::signer("测试甲公司", "测试甲公司", kind, validity)).unwrap();
    kinds.map(issue).into()
});

/// Each algorithm with the signer for it.
fn algorithms() -> Vec<(&'static Issued, SignatureAlgorithm)> {
    let mut all = Vec::new();
    for signer in SIGNERS.iter() {
        for algorithm in SignatureAlgorithm::ALL {
            let fits = algorithm.family() == signer.key.public_key().family();
            if fits && algorithm != SignatureAlgorithm::RsaPkcs1Sha1 {
                all.push((signer, algorithm));
            }
        }
    }
    all
}

fn strict() -> SignaturePolicy {
    SignaturePolicy::strict()
}

fn verify(token: &str) -> Result<SignedPayload, JwsError> {
    Jws::compact(token, None)?.verify(&strict(), &[])
}

fn signed(signer: &Issued, options: &JwsOptions) -> String {
    sign_compact(PAYLOAD, &signer.key, &signer.chain, options).unwrap()
}

/// A token with this header, signed for real, so that only the header is wrong.
fn with_header(header: &str) -> String {
    let signer = &SIGNERS[0];
    let covered = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(PAYLOAD));
    let value = signer.key.sign(SignatureAlgorithm::EcdsaP256Sha256, covered.as_bytes()).unwrap();
    format!("{covered}.{}", URL_SAFE_NO_PAD.encode(value))
}

fn check_words(error: &JwsError) {
    assert!(!error.en().is_empty() && !error.en().ends_with('.'), "{error}");
    assert!(error.zh().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{error}");
    assert!(error.code().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
}

fn code<T>(outcome: Result<T, JwsError>) -> &'static str {
    outcome.map_or_else(
        |error| {
            check_words(&error);
            error.code()
        },
        |_| "ok",
    )
}

#[test]
fn every_algorithm_in_every_form() {
    assert_eq!(algorithms().len(), 10);
    for (signer, algorithm) in algorithms() {
        for (detached, unencoded) in [(false, false), (true, false), (true, true)] {
            let options = JwsOptions {
                algorithm: Some(algorithm),
                detached,
                unencoded,
                ..JwsOptions::default()
            };
            let given = detached.then_some(PAYLOAD);
            let token = signed(signer, &options);
            let found = Jws::compact(&token, given).unwrap().verify(&strict(), &[]).unwrap();
            assert_eq!((found.payload(), found.algorithm()), (PAYLOAD, algorithm));
            assert_eq!(found.certificate(), &signer.certificate);
            assert_eq!(found.intermediates(), signer.intermediates());
            assert!(found.tolerances().is_empty());
            assert_eq!(found.content_digest(), DigestAlgorithm::Sha256.digest(PAYLOAD));

            let text = sign_flattened(PAYLOAD, &signer.key, &signer.chain, &options).unwrap();
            let found = Jws::flattened(&text, given).unwrap().verify(&strict(), &[]).unwrap();
            assert_eq!(found.payload(), PAYLOAD);
            if detached {
                let other = Some("{\"报文\":\"T0002\"}".as_bytes());
                let jws = Jws::compact(&token, other).unwrap();
                assert_eq!(code(jws.verify(&strict(), &[])), "jws-value-mismatch");
                let jws = Jws::flattened(&text, other).unwrap();
                assert_eq!(code(jws.verify(&strict(), &[])), "jws-value-mismatch");
            }
        }
        // The payload as it stands inside of the flattened form.
        let options =
            JwsOptions { algorithm: Some(algorithm), unencoded: true, ..JwsOptions::default() };
        let text = sign_flattened(PAYLOAD, &signer.key, &signer.chain, &options).unwrap();
        assert!(text.contains("T0001"));
        let found = Jws::flattened(&text, None).unwrap().verify(&strict(), &[]).unwrap();
        assert_eq!(found.payload(), PAYLOAD);
    }
}

#[test]
fn an_example_of_rfc_7515() {
    // Appendix A.3.
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
        Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgf\
        TjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let point = [
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ];
    let mut spki = vec![
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    for coordinate in point {
        spki.extend(URL_SAFE_NO_PAD.decode(coordinate).unwrap());
    }
    let key = PublicKey::from_spki_der(&spki).unwrap();
    let (payload, _) = Jws::compact(token, None).unwrap().verify_by(&strict(), &key).unwrap();
    assert!(payload.starts_with(b"{\"iss\":\"joe\",\r\n"));
    // The header names no certificate.
    assert_eq!(code(verify(token)), "jws-no-key");
}

#[test]
fn the_key_is_named_by_number_or_thumbprint() {
    let known: Vec<Certificate> = SIGNERS.iter().map(|s| s.certificate.clone()).collect();
    for signer in SIGNERS.iter() {
        for key in [KeyMember::Number, KeyMember::Thumbprint] {
            let token = signed(signer, &JwsOptions { key, ..JwsOptions::default() });
            let jws = Jws::compact(&token, None).unwrap();
            let found = jws.verify(&strict(), &known).unwrap();
            assert_eq!(found.certificate(), &signer.certificate);
            assert!(found.intermediates().is_empty());
            let others: Vec<_> =
                known.iter().filter(|c| *c != found.certificate()).cloned().collect();
            let expected =
                if key == KeyMember::Number { "key-number-unknown" } else { "jws-thumbprint" };
            assert_eq!(code(jws.verify(&strict(), &others)), expected);
            assert_eq!(code(jws.verify(&strict(), &[])), expected);
        }
    }
    // Lower case only by the policy, and noted.
    let lower = known[0].serial_hex();
    let token = with_header(&format!("{{\"alg\":\"ES256\",\"kid\":\"{lower}\"}}"));
    let jws = Jws::compact(&token, None).unwrap();
    assert_eq!(code(jws.verify(&strict(), &known)), "policy-lower-case-number");
    let field = SignaturePolicy::ceb_field("2026-12-31".parse().unwrap());
    assert_eq!(jws.verify(&field, &known).unwrap().tolerances(), ["lower-case-number"]);
    // A thumbprint beside the chain has to be of its first certificate.
    let other = URL_SAFE_NO_PAD.encode(known[1].fingerprint().as_bytes());
    let x5c = base64::engine::general_purpose::STANDARD.encode(known[0].der());
    let token =
        with_header(&format!("{{\"alg\":\"ES256\",\"x5c\":[\"{x5c}\"],\"x5t#S256\":\"{other}\"}}"));
    assert_eq!(code(verify(&token)), "jws-thumbprint");
    let own = URL_SAFE_NO_PAD.encode(known[0].fingerprint().as_bytes());
    let token =
        with_header(&format!("{{\"alg\":\"ES256\",\"x5c\":[\"{x5c}\"],\"x5t#S256\":\"{own}\"}}"));
    assert_eq!(code(verify(&token)), "ok");
}

#[test]
fn header_members_that_are_not_taken() {
    let x5c = base64::engine::general_purpose::STANDARD.encode(SIGNERS[0].certificate.der());
    let with =
        |more: &str| with_header(&format!("{{\"alg\":\"ES256\",\"x5c\":[\"{x5c}\"]{more}}}"));
    assert_eq!(code(verify(&with(""))), "ok");
    // Members that are not known and not critical are passed over.
    assert_eq!(code(verify(&with(",\"typ\":\"JOSE\",\"x\":{\"a\":[1]}"))), "ok");
    assert_eq!(code(verify(&with(",\"b64\":true,\"crit\":[\"b64\"]"))), "ok");
    for (more, expected) in [
        (",\"crit\":[\"exp\"]", "jws-critical-unknown"),
        (",\"crit\":[\"alg\"]", "jws-critical-unknown"),
        (",\"b64\":true,\"crit\":[\"b64\",\"exp\"]", "jws-critical-unknown"),
        (",\"b64\":true,\"crit\":[\"b64\",\"b64\"]", "jws-member"),
        (",\"crit\":[\"b64\"]", "jws-member"),
        (",\"crit\":[]", "jws-member"),
        (",\"crit\":\"b64\"", "jws-member"),
        (",\"crit\":[1]", "jws-member"),
        (",\"b64\":false", "jws-b64-not-critical"),
        (",\"b64\":true", "jws-b64-not-critical"),
        (",\"b64\":\"false\",\"crit\":[\"b64\"]", "jws-member"),
        (",\"alg\":\"ES256\"", "jws-duplicate-member"),
        (",\"\\u0061lg\":\"none\"", "jws-duplicate-member"),
        (",\"x\":{\"a\":1,\"a\":2}", "jws-duplicate-member"),
        (",\"jwk\":{}", "jws-key-member"),
        (",\"jku\":\"https://example.com/keys\"", "jws-key-member"),
        (",\"x5u\":\"https://example.com/cert\"", "jws-key-member"),
        (",\"kid\":1", "jws-member"),
        (&format!(",\"kid\":\"{}\"", "0".repeat(257)), "jws-member"),
        (",\"x5t#S256\":\"AAAA\"", "jws-member"),
        (",\"x5t#S256\":0", "jws-member"),
    ] {
        assert_eq!(code(verify(&with(more))), expected, "{more}");
    }
}

#[test]
fn algorithms_and_keys_that_are_not_taken() {
    let certificate = |signer: &Issued| {
        base64::engine::general_purpose::STANDARD.encode(signer.certificate.der())
    };
    let x5c = certificate(&SIGNERS[0]);
    for (alg, expected) in [
        ("\"none\"", "jws-none"),
        ("\"None\"", "jws-none"),
        ("\"NONE\"", "jws-none"),
        ("\"HS256\"", "jws-hmac"),
        ("\"HS384\"", "jws-hmac"),
        ("\"HS512\"", "jws-hmac"),
        ("\"es256\"", "jws-algorithm-unknown"),
        ("\"ES512\"", "jws-algorithm-unknown"),
        ("\"ES256K\"", "jws-algorithm-unknown"),
        ("\"RS1\"", "jws-algorithm-unknown"),
        ("\"\"", "jws-algorithm-unknown"),
        ("null", "jws-member"),
        // Key confusion: the algorithm of another kind of key.
        ("\"RS256\"", "key-mismatch"),
        ("\"PS256\"", "key-mismatch"),
        ("\"ES384\"", "key-mismatch"),
        ("\"EdDSA\"", "key-mismatch"),
        ("\"Ed25519\"", "key-mismatch"),
        (&format!("\"{SM2_ALGORITHM}\""), "key-mismatch"),
    ] {
        let token = with_header(&format!("{{\"alg\":{alg},\"x5c\":[\"{x5c}\"]}}"));
        assert_eq!(code(verify(&token)), expected, "{alg}");
    }
    // The public key as secret of an HMAC, and a signature of nothing at all.
    let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}");
    assert_eq!(code(verify(&format!("{header}.e30."))), "jws-none");
    for (header, expected) in [
        ("{\"alg\":\"ES256\"}".to_owned(), "jws-no-key"),
        (format!("{{\"x5c\":[\"{x5c}\"]}}"), "jws-missing-member"),
        ("{\"alg\":\"ES256\",\"x5c\":[]}".to_owned(), "jws-member"),
        ("{\"alg\":\"ES256\",\"x5c\":\"\"}".to_owned(), "jws-member"),
        ("{\"alg\":\"ES256\",\"x5c\":[1]}".to_owned(), "jws-member"),
        ("{\"alg\":\"ES256\",\"x5c\":[\"*\"]}".to_owned(), "jws-member"),
        (format!("{{\"alg\":\"ES256\",\"x5c\":[\" {x5c}\"]}}"), "jws-member"),
        ("{\"alg\":\"ES256\",\"x5c\":[\"AAAA\"]}".to_owned(), "jws-certificate-unreadable"),
        (
            format!("{{\"alg\":\"ES256\",\"x5c\":[{}\"{x5c}\"]}}", format!("\"{x5c}\",").repeat(8)),
            "jws-certificates-too-many",
        ),
        // A certificate of the same kind of key, and not the signer's.
        (
            format!("{{\"alg\":\"ES256\",\"x5c\":[\"{}\"]}}", certificate(&SIGNERS[4])),
            "key-mismatch",
        ),
    ] {
        assert_eq!(code(verify(&with_header(&header))), expected, "{header}");
    }
    let stranger = SIGNERS[0].chain[1].clone();
    let jws = with_header(&format!("{{\"alg\":\"ES256\",\"x5c\":[\"{x5c}\"]}}"));
    let jws = Jws::compact(&jws, None).unwrap();
    let outcome = jws.verify_by(&strict(), stranger.public_key());
    assert_eq!(code(outcome), "jws-value-mismatch");
}

#[test]
fn forms_that_are_not_taken() {
    let token = signed(&SIGNERS[0], &JwsOptions::default());
    let (protected, rest) = token.split_once('.').unwrap();
    let (payload, value) = rest.split_once('.').unwrap();
    let compact = [
        ("".to_owned(), "jws-parts"),
        (format!("{protected}.{payload}"), "jws-parts"),
        (format!("{token}."), "jws-parts"),
        (format!("{protected}.{payload}.{value}="), "jws-not-base64url"),
        (format!("{protected}.{payload}. {value}"), "jws-not-base64url"),
        (format!("{protected}.{payload}=.{value}"), "jws-value-mismatch"),
        (format!("{protected}.{payload}./{}", &value[1..]), "jws-not-base64url"),
        (format!(".{payload}.{value}"), "jws-not-json"),
        (format!("{}.{payload}.{value}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])), "jws-not-json"),
        (format!("{}.{payload}.{value}", URL_SAFE_NO_PAD.encode("[]")), "jws-not-json"),
        (format!("{protected}.{payload}.{}", &value[..84]), "signature-length"),
        (format!("{protected}.{payload}."), "signature-length"),
        (format!("{}.{payload}.{value}", "A".repeat(MAX_HEADER_BYTES + 1)), "jws-too-long"),
        (format!("{protected}.{payload}.{}", "A".repeat(MAX_VALUE_BYTES + 1)), "jws-too-long"),
        (
            format!("{protected}.{}.{value}", "A".repeat(MAX_PAYLOAD_BYTES / 3 * 4 + 8)),
            "jws-too-long",
        ),
    ];
    for (token, expected) in &compact {
        let shown = token.chars().take(40).collect::<String>();
        assert_eq!(code(verify(token)), *expected, "{shown}");
    }
    assert_eq!(code(Jws::compact(&token, Some(PAYLOAD))), "jws-two-payloads");
    let flat = sign_flattened(PAYLOAD, &SIGNERS[0].key, &SIGNERS[0].chain, &JwsOptions::default());
    let flat = flat.unwrap();
    for (from, to, expected) in [
        ("\"payload\":", "\"signatures\":[],\"payload\":", "jws-general"),
        ("\"payload\":", "\"header\":{},\"payload\":", "jws-unprotected-header"),
        ("\"payload\":", "\"x\":1,\"payload\":", "jws-unexpected-member"),
        ("\"payload\":", "\"payload\":\"\",\"payload\":", "jws-duplicate-member"),
        ("\"protected\":", "\"Protected\":", "jws-missing-member"),
        ("\"signature\":", "\"Signature\":", "jws-missing-member"),
        ("\"payload\":", "\"payload\":1,\"p\":", "jws-member"),
        ("\"payload\":", "\"other\":", "jws-unexpected-member"),
        ("{", "[{", "jws-not-json"),
        ("}", "}x", "jws-not-json"),
    ] {
        let wrong = flat.replacen(from, to, 1);
        assert_ne!(wrong, flat);
        assert_eq!(code(Jws::flattened(&wrong, None)), expected, "{to}");
    }
    assert_eq!(code(Jws::flattened(&flat, Some(PAYLOAD))), "jws-two-payloads");
    let options = JwsOptions { detached: true, ..JwsOptions::default() };
    let flat = sign_flattened(PAYLOAD, &SIGNERS[0].key, &SIGNERS[0].chain, &options).unwrap();
    assert_eq!(code(Jws::flattened(&flat, None)), "jws-no-payload");
    let large = vec![b'a'; MAX_PAYLOAD_BYTES + 1];
    assert_eq!(code(Jws::flattened(&flat, Some(&large))), "jws-too-long");
    let large = " ".repeat(MAX_HEADER_BYTES + 2 * MAX_PAYLOAD_BYTES + 1);
    assert_eq!(code(Jws::flattened(&large, None)), "jws-too-long");
}

#[test]
fn payloads_that_are_not_encoded() {
    let signer = &SIGNERS[0];
    let options = JwsOptions { unencoded: true, ..JwsOptions::default() };
    let sign = |payload: &[u8], options| sign_compact(payload, &signer.key, &signer.chain, options);
    let token = sign(b"T0001-a_b~", &options).unwrap();
    assert!(token.contains(".T0001-a_b~."));
    assert_eq!(verify(&token).unwrap().payload(), b"T0001-a_b~");
    for unfit in [PAYLOAD, b"a.b", b"a b", b"\xff"] {
        assert_eq!(code(sign(unfit, &options)), "jws-unencoded-payload");
    }
    assert_eq!(code(verify(&token.replace("T0001", "T+001"))), "jws-unencoded-payload");
    let outcome = sign_flattened(b"\xff", &signer.key, &signer.chain, &options);
    assert_eq!(code(outcome), "jws-unencoded-payload");
    // Detached, and not given.
    let detached = JwsOptions { detached: true, ..options };
    let token = sign(PAYLOAD, &detached).unwrap();
    assert_eq!(code(Jws::compact(&token, None)), "jws-no-payload");
    // One signed encoded is none over the same bytes unencoded.
    let encoded = signed(signer, &JwsOptions { detached: true, ..JwsOptions::default() });
    let mixed =
        format!("{}..{}", token.split('.').next().unwrap(), encoded.split('.').nth(2).unwrap());
    let outcome = Jws::compact(&mixed, Some(PAYLOAD)).unwrap().verify(&strict(), &[]);
    assert_eq!(code(outcome), "jws-value-mismatch");
}

#[test]
fn no_flipped_bit_is_accepted() {
    for signer in [&SIGNERS[0], &SIGNERS[4]] {
        let options = JwsOptions { key: KeyMember::Number, ..JwsOptions::default() };
        let token = signed(signer, &options);
        let known = [signer.certificate.clone()];
        let mut codes = BTreeSet::new();
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let outcome =
                    Jws::compact(&text, None).and_then(|jws| jws.verify(&strict(), &known));
                let code = code(outcome);
                assert_ne!(code, "ok", "byte {at} bit {bit}");
                codes.insert(code);
            }
        }
        assert!(codes.len() > 3, "{codes:?}");
    }
}

#[test]
fn what_cannot_be_signed() {
    let signer = &SIGNERS[0];
    let options = JwsOptions::default();
    assert_eq!(code(sign_compact(PAYLOAD, &signer.key, &[], &options)), "jws-no-key");
    let other = JwsOptions { algorithm: Some(SignatureAlgorithm::Ed25519), ..options.clone() };
    let outcome = sign_compact(PAYLOAD, &signer.key, &signer.chain, &other);
    assert_eq!(code(outcome), "key-mismatch");
    let sha1 = JwsOptions { algorithm: Some(SignatureAlgorithm::RsaPkcs1Sha1), ..options.clone() };
    let outcome = sign_compact(PAYLOAD, &SIGNERS[1].key, &SIGNERS[1].chain, &sha1);
    assert_eq!(code(outcome), "jws-algorithm-unknown");
    let outcome = sign_compact(PAYLOAD, &SIGNERS[2].key, &SIGNERS[0].chain, &options);
    assert_eq!(code(outcome), "key-mismatch");
}
