//! The JSON Web Signatures of RFC 7520 and RFC 8037 against `onepoint-envelope`. In: the
//! suite. Out: each form of each case judged, and refused with any byte of it changed. A
//! case outside the profile stands in `skips.toml` with a reason that begins with the
//! codes that its forms must be refused under.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onepoint_certs::{PublicKey, SignaturePolicy};
use onepoint_conformance::suites;
use onepoint_envelope::jws::{Jws, JwsError};
use serde_json::Value;

const SUITE: &str = "jose-cookbook";

fn cases() -> Vec<(String, Value)> {
    let folder = suites::unpack(SUITE).join("jose");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder.join("jws")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.push(folder.join("curve25519/jws.json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().with_extension("");
        let case = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        (name.display().to_string(), case)
    };
    paths.iter().map(read).collect()
}

fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
    match u16::try_from(body.len()).unwrap().to_be_bytes() {
        [0, length] if length < 0x80 => [&[tag, length], body].concat(),
        [0, length] => [&[tag, 0x81, length], body].concat(),
        [high, low] => [&[tag, 0x82, high, low], body].concat(),
    }
}

/// The key of a case as SubjectPublicKeyInfo; none for kinds that we do not have.
fn key(jwk: &Value) -> Option<PublicKey> {
    let octets = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let bits = |body: &[u8]| tlv(3, &[&[0], body].concat());
    let spki = match (jwk["kty"].as_str()?, jwk["crv"].as_str()) {
        ("RSA", _) => {
            let number = |name| tlv(2, &[vec![0], octets(name)].concat());
            // A leading zero is there only where the first bit is set.
            let exponent = tlv(2, &octets("e"));
            let rsa = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
            let key = tlv(0x30, &[number("n"), exponent].concat());
            tlv(0x30, &[tlv(0x30, &rsa), bits(&key)].concat())
        }
        ("OKP", Some("Ed25519")) => {
            tlv(0x30, &[tlv(0x30, &[6, 3, 0x2b, 0x65, 0x70]), bits(&octets("x"))].concat())
        }
        _ => return None,
    };
    Some(PublicKey::from_spki_der(&spki).unwrap())
}

fn verify(jws: Result<Jws<'_>, JwsError>, key: &PublicKey) -> Result<Vec<u8>, &'static str> {
    let strict = SignaturePolicy::strict();
    let verified = jws.and_then(|jws| jws.verify_by(&strict, key));
    verified.map(|(payload, _)| payload).map_err(|error| error.code())
}

/// Every form that the case shows: its text, and whether it is compact.
fn forms(case: &Value) -> Vec<(String, bool)> {
    let output = &case["output"];
    let compact = output["compact"].as_str().map(|token| (token.to_owned(), true));
    let json = ["json_flat", "json"].map(|name| &output[name]).into_iter();
    let json = json.filter(|form| !form.is_null()).map(|form| (form.to_string(), false));
    compact.into_iter().chain(json).collect()
}

#[test]
fn every_case_is_judged_as_the_suite_or_the_profile_says() {
    let skips = suites::skips();
    let mut findings = Vec::new();
    let mut verified = 0;
    for (name, case) in cases() {
        let payload = case["input"]["payload"].as_str().unwrap();
        let key = key(&case["input"]["key"]);
        let (mut codes, before) = (BTreeSet::new(), verified);
        for (text, compact) in forms(&case) {
            let detached = text.contains("..") || !(compact || text.contains("\"payload\""));
            let given = detached.then_some(payload.as_bytes());
            let read = match compact {
                true => Jws::compact(&text, given),
                false => Jws::flattened(&text, given),
            };
            match (&key, read) {
                (Some(key), read @ Ok(_)) => match verify(read, key) {
                    Ok(found) if found == payload.as_bytes() => verified += 1,
                    Ok(_) => findings.push(format!("{name}: another payload")),
                    Err(code) => drop(codes.insert(code)),
                },
                (None, Ok(_)) => drop(codes.insert("key")),
                (_, Err(error)) => drop(codes.insert(error.code())),
            }
        }
        // The general form is refused everywhere; the others are what a case is about.
        if codes.len() > 1 || verified > before {
            codes.remove("jws-general");
        }
        let found = codes.into_iter().collect::<Vec<_>>().join(", ");
        let expected = skips.reason(SUITE, &name).and_then(|reason| reason.split(':').next());
        if found != expected.unwrap_or_default() {
            findings.push(format!("{name}: {found:?}, skips {expected:?}"));
        }
    }
    skips.assert_all_used(SUITE);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(verified, 6, "three cases, compact and flattened");
}

#[test]
fn any_changed_byte_is_refused() {
    for (name, case) in cases() {
        let Some(key) = key(&case["input"]["key"]) else { continue };
        for (text, compact) in forms(&case) {
            if text.contains("\"signatures\"") {
                continue;
            }
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                let read = match compact {
                    true => Jws::compact(&changed, None),
                    false => Jws::flattened(&changed, None),
                };
                let outcome = verify(read, &key);
                assert!(outcome.is_err(), "{name}: byte {at} of {text}");
            }
        }
    }
}
