//! Calls, good and broken; AES against the vector of FIPS 197, padding byte by byte.

use aes::cipher::BlockCipherEncrypt;
use onepoint_envelope::octets;

use super::*;

fn key() -> LegacyKey {
    LegacyKey::for_test([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
}

fn encrypted(plain: &[u8]) -> Vec<u8> {
    let cipher = Aes128::new(&Array::from(*key().bytes()));
    let mut out = plain.to_vec();
    for block in out.chunks_exact_mut(BLOCK) {
        cipher.encrypt_block(block.try_into().unwrap());
    }
    out
}

fn soap(content: &str) -> Vec<u8> {
    format!(
        "<Envelope xmlns='{SOAP}'><Body><n:receive xmlns:n='urn:x'><n:content>{content}</n:content>\
         <msgType xmlns=''> IMPORTORDER </msgType><n:dataDigest>QU JD\nRA==</n:dataDigest>\
         <sendCode>C1</sendCode></n:receive></Body></Envelope>"
    )
    .into_bytes()
}

fn opened(body: Vec<u8>, codes: &[&str]) -> Result<Call, (u16, String)> {
    let codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let call = open(body, &key(), &codes, &Limits::default());
    call.map_err(|refusal| (refusal.status, refusal.code.into_owned()))
}

#[test]
fn the_vector_of_the_standard_decrypts() {
    let plain: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
    let cipher = [
        0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5,
        0x5a,
    ];
    assert_eq!(encrypted(&plain), cipher);
    let padding = encrypted(&[16; 16]);
    assert_eq!(decrypted([&cipher[..], &padding].concat(), &key()).unwrap(), plain);
}

#[test]
fn every_wrong_padding_is_the_same_refusal() {
    for length in 0..40 {
        let rest = BLOCK - length % BLOCK;
        let padded = [vec![b'x'; length], vec![u8::try_from(rest).unwrap(); rest]].concat();
        assert_eq!(decrypted(encrypted(&padded), &key()).unwrap(), vec![b'x'; length]);
    }
    let last = |bytes: &[u8]| [vec![b'x'; BLOCK - bytes.len()], bytes.to_vec()].concat();
    for bad in [last(&[0]), last(&[17]), last(&[3, 2, 3, 3][1..]), last(&[255]), last(&[1, 2])] {
        let body = soap(&octets::encode(&encrypted(&bad)));
        assert_eq!(opened(body, &["C1"]).unwrap_err(), (400, "legacy-content".to_owned()));
    }
    assert_eq!(decrypted(Vec::new(), &key()), None);
    assert_eq!(decrypted(vec![0; 15], &key()), None);
}

#[test]
fn the_evidence_is_signature_line_feed_and_plain_text() {
    let body = soap(&octets::encode(&encrypted(b"<mo>\n</mo>\x06\x06\x06\x06\x06\x06")));
    assert_eq!(opened(body.clone(), &["C0", "C1"]).unwrap().evidence, b"QUJDRA==\n<mo>\n</mo>");
    assert_eq!(opened(body, &["C0"]).unwrap_err(), (403, "legacy-send-code".to_owned()));
}
