//! The ways to break a signature that are seeded, each with the cause that must be named.

use onepoint_certs::testpki::Issued;
use onepoint_certs::{Certificate, DigestAlgorithm, SignatureAlgorithm};
use sm2::dsa::signature::Signer as _;
use sm2::dsa::signature::hazmat::PrehashSigner as _;
use sm2::pkcs8::DecodePrivateKey as _;

use super::super::CauseKind;
use super::seed::{
    Seed, Shape, content, digest_of, digested, formatted, good, info_in_lines, message, resigned,
    sign_value, signer, with_digest_text,
};
use crate::c14n::{Method, PrefixList};
use crate::octets;
use crate::xmldsig::tests::{WORLD, between, edit};

/// A damaged message, and certificates that are registered for its sender.
pub(super) struct Damage {
    pub(super) xml: String,
    pub(super) others: Vec<Certificate>,
}

/// One way.
pub(super) struct Way {
    pub(super) kind: CauseKind,
    pub(super) what: &'static str,
    pub(super) damage: fn(&mut Seed) -> Damage,
}

fn way(kind: CauseKind, what: &'static str, damage: fn(&mut Seed) -> Damage) -> Way {
    Way { kind, what, damage }
}

fn plain(seed: &mut Seed) -> String {
    message(seed, Shape::default())
}

fn lines(seed: &mut Seed, lines: bool) -> String {
    message(seed, Shape { lines: Some(lines), ..Shape::default() })
}

fn xml(xml: String) -> Damage {
    Damage { xml, others: Vec::new() }
}

/// Signed well by someone, then changed.
fn later(seed: &mut Seed, unsigned: &str, change: impl FnOnce(&str) -> String) -> Damage {
    let signed = good(signer(seed), unsigned);
    let changed = change(&signed);
    assert_ne!(changed, signed, "nothing was changed");
    xml(changed)
}

/// The content digested otherwise.
fn otherwise(seed: &mut Seed, unsigned: &str, octets: impl FnOnce(String) -> Vec<u8>) -> Damage {
    let canonical = content(unsigned, &Method::Inclusive10);
    let octets = octets(String::from_utf8(canonical.clone()).unwrap());
    assert_ne!(octets, canonical, "nothing is otherwise");
    xml(digested(signer(seed), unsigned, &octets))
}

/// The value made otherwise by one of these.
fn valued(seed: &mut Seed, by: &[&'static Issued], value: fn(&Issued, &[u8]) -> Vec<u8>) -> Damage {
    let by = seed.pick(by);
    let signed = good(by, &plain(seed));
    xml(resigned(&signed, |info| value(by, info)))
}

fn root_text(unsigned: &str) -> Vec<u8> {
    unsigned.as_bytes()[unsigned.find("<ceb:CEB").unwrap()..].to_vec()
}

fn sm2_key(by: &Issued, id: &str) -> sm2::dsa::SigningKey {
    let secret = sm2::SecretKey::from_pkcs8_der(by.key.pkcs8_der()).unwrap();
    sm2::dsa::SigningKey::new(id, &secret).unwrap()
}

/// r and s as two INTEGERs.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |part: &[u8]| {
        let zeros = part.iter().take_while(|o| **o == 0).count();
        let part = &part[zeros..];
        let sign: &[u8] = if part[0] > 127 { &[0] } else { &[] };
        [&[2, (part.len() + sign.len()) as u8], sign, part].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, both.len() as u8], both.as_slice()].concat()
}

/// The certificate of `signer` exchanged for that of `other`.
fn under(signed: &str, other: &Issued) -> String {
    let keys = between(signed, "<ds:X509Data>", "</ds:X509Data>");
    let der = octets::encode(other.certificate.der());
    let new = format!("<ds:X509Data><ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data>");
    edit(signed, keys, &new)
}

/// One character of a value in the content changed.
fn flipped(seed: &mut Seed, signed: &str) -> String {
    let end = signed.find("<ds:Signature").unwrap();
    let digits: Vec<usize> = signed[..end]
        .char_indices()
        .filter(|(at, c)| c.is_ascii_digit() && *at > signed.find("<ceb:Order>").unwrap())
        .map(|(at, _)| at)
        .filter(|at| !signed[..*at].ends_with("ceb:f"))
        .collect();
    let at = seed.pick(&digits);
    let new = if &signed[at..=at] == "7" { "3" } else { "7" };
    format!("{}{new}{}", &signed[..at], &signed[at + 1..])
}

/// Every way.
pub(super) static WAYS: std::sync::LazyLock<Vec<Way>> = std::sync::LazyLock::new(|| {
    [
        content_ways(),
        name_ways(),
        text_ways(),
        order_ways(),
        encoding_ways(),
        key_ways(),
        digest_ways(),
        value_ways(),
    ]
    .into_iter()
    .flatten()
    .collect()
});

fn content_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::Reindented, "flat, sent indented", |s| {
            let unsigned = lines(s, false);
            let unit = s.pick(&["  ", "    ", "\t", ""]);
            later(s, &unsigned, |x| formatted(x, Some(unit)))
        }),
        way(K::Reindented, "indented, sent flat", |s| {
            let unsigned = lines(s, true);
            later(s, &unsigned, |x| formatted(x, None))
        }),
        way(K::Reindented, "tabs, sent with spaces", |s| {
            let unsigned = formatted(&lines(s, false), Some("\t"));
            later(s, &unsigned, |x| x.replace('\t', "  "))
        }),
        way(K::SpaceAtSignature, "line ends put around the Signature", |s| {
            let unsigned = plain(s);
            let gap = s.pick(&["\n", "\n  ", "\r\n\t"]);
            later(s, &unsigned, |x| {
                let x = x.replace("<ds:Signature ", &format!("{gap}<ds:Signature "));
                x.replace("</ds:Signature>", "</ds:Signature>\n")
            })
        }),
        way(K::SpaceAtSignature, "line end put after the Signature", |s| {
            let unsigned = plain(s);
            later(s, &unsigned, |x| x.replace("</ds:Signature>", "</ds:Signature>\n"))
        }),
    ]
}

fn name_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::Namespace, "xsi dropped", |s| {
            let unsigned = plain(s);
            later(s, &unsigned, |x| {
                x.replace(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"", "")
            })
        }),
        way(K::Namespace, "ds or xsd added at the root", |s| {
            let unsigned = plain(s);
            let added = s.pick(&[
                " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"",
                " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"",
                " xmlns:x=\"urn:x\"",
            ]);
            later(s, &unsigned, |x| {
                x.replace(" version=\"1.0\" guid", &format!("{added} version=\"1.0\" guid"))
            })
        }),
        way(K::Namespace, "another prefix", |s| {
            let unsigned = plain(s);
            let prefix = s.pick(&["ns2", "ns0", "n1"]);
            later(s, &unsigned, |x| {
                let x = x
                    .replace("<ceb:", &format!("<{prefix}:"))
                    .replace("</ceb:", &format!("</{prefix}:"));
                x.replace("xmlns:ceb=", &format!("xmlns:{prefix}="))
            })
        }),
        way(K::Comments, "comments digested", |s| {
            let unsigned = message(s, Shape { comments: true, ..Shape::default() });
            let octets = content(&unsigned, &Method::Inclusive10WithComments);
            otherwise(s, &unsigned, |_| octets)
        }),
        way(K::OtherMethod, "exclusive instead of inclusive", |s| {
            let unsigned = plain(s);
            let octets = content(&unsigned, &Method::Exclusive(PrefixList::default()));
            otherwise(s, &unsigned, |_| octets)
        }),
        way(K::PartDigested, "without the root", |s| {
            let unsigned = plain(s);
            otherwise(s, &unsigned, |c| {
                let inner = &c[c.find('>').unwrap() + 1..c.rfind("</").unwrap()];
                inner.as_bytes().to_vec()
            })
        }),
        way(K::ChangedAfterSigning, "a digit changed", |s| {
            let unsigned = plain(s);
            let signed = good(signer(s), &unsigned);
            xml(flipped(s, &signed))
        }),
        way(K::ChangedAfterSigning, "an element taken out", |s| {
            let unsigned = plain(s);
            later(s, &unsigned, |x| edit(x, between(x, "<ceb:f0>", "</ceb:f0>"), ""))
        }),
    ]
}

fn text_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::LineEnds, "CRLF kept as references", |s| {
            let unsigned = lines(s, true);
            later(s, &unsigned, |x| x.replace(">\n", ">&#13;\n").replace("?>&#13;", "?>"))
        }),
        way(K::LineEnds, "digested with CRLF", |s| {
            let unsigned = lines(s, true);
            otherwise(s, &unsigned, |c| c.replace('\n', "\r\n").into_bytes())
        }),
    ]
}

fn order_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::AttributeOrder, "digested as written", |s| {
            let unsigned = plain(s);
            otherwise(s, &unsigned, |_| root_text(&unsigned))
        }),
        way(K::AttributeOrder, "digested as written, sent sorted", |s| {
            let unsigned = plain(s);
            let as_written = root_text(&unsigned);
            let head = between(&unsigned, "<ceb:CEB", ">").to_owned();
            let version = " version=\"1.0\"";
            let sorted = edit(&head, version, "").replace('>', &format!("{version}>"));
            let unsigned = edit(&unsigned, &head, &sorted);
            otherwise(s, &unsigned, |_| as_written)
        }),
        way(K::NotCanonical, "text as written digested", |s| {
            let unsigned = message(s, Shape { empty_tags: true, ..Shape::default() });
            let whole = s.below(2) == 0;
            otherwise(s, &unsigned, |_| {
                if whole { unsigned.clone().into_bytes() } else { root_text(&unsigned) }
            })
        }),
    ]
}

fn encoding_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::ReEncoded, "digested as GBK or UTF-16", |s| {
            let unsigned = plain(s);
            let wide = s.below(2) == 0;
            otherwise(s, &unsigned, |c| {
                if wide {
                    c.encode_utf16().flat_map(u16::to_le_bytes).collect()
                } else {
                    encoding_rs::GBK.encode(&c).0.into_owned()
                }
            })
        }),
        way(K::ReEncoded, "digested with a byte order mark", |s| {
            let unsigned = plain(s);
            otherwise(s, &unsigned, |c| format!("\u{feff}{c}").into_bytes())
        }),
        way(K::ReEncoded, "read as Latin-1 on the way", |s| {
            let unsigned = plain(s);
            later(s, &unsigned, |x| x.bytes().map(char::from).collect())
        }),
        way(K::ReEncoded, "full-width for half-width, or decomposed", |s| {
            let unsigned = edit(&plain(s), "</ceb:f1>", "(A1) \u{e9}</ceb:f1>");
            // Where some were full-width from the start, nothing tells which.
            let wide = s.below(2) == 0 && !unsigned.contains('（');
            later(s, &unsigned, |x| match wide {
                true => x.replace("(A1)", "\u{ff08}\u{ff21}\u{ff11}\u{ff09}"),
                false => x.replace('\u{e9}', "e\u{301}"),
            })
        }),
        way(K::ReEncoded, "read as GBK on the way", |s| {
            let unsigned = edit(&plain(s), "</ceb:f1>", "测试</ceb:f1>");
            // Only where nothing is lost can it be taken back.
            later(s, &unsigned, |x| {
                let (read, _, _) = encoding_rs::GBK.decode(x.as_bytes());
                if read.contains('\u{fffd}') {
                    x.bytes().map(char::from).collect()
                } else {
                    read.into_owned()
                }
            })
        }),
        way(K::Escaped, "digested with character references", |s| {
            let unsigned = plain(s);
            otherwise(s, &unsigned, |c| {
                let refer = |c: char| {
                    if c.is_ascii() { c.to_string() } else { format!("&#{};", u32::from(c)) }
                };
                c.chars().map(refer).collect::<String>().into_bytes()
            })
        }),
        way(K::Escaped, "escaped once more", |s| {
            let unsigned = edit(&plain(s), "</ceb:f1>", " &amp; </ceb:f1>");
            later(s, &unsigned, |x| x.replace("&lt;", "&amp;lt;").replace("&amp; ", "&amp;amp; "))
        }),
        way(K::XmlDeclaration, "declaration digested", |s| {
            let unsigned = plain(s);
            let line = s.pick(&["", "\n"]);
            otherwise(s, &unsigned, |c| {
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{line}{c}").into_bytes()
            })
        }),
    ]
}

fn digest_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::DigestEncoding, "hexadecimal digits", |s| {
            let (unsigned, by) = (plain(s), signer(s));
            let digest = digest_of(by).digest(&content(&unsigned, &Method::Inclusive10));
            let hex: String = digest.iter().map(|o| format!("{o:02x}")).collect();
            let bare = s.below(2) == 0;
            let text = if bare { hex } else { octets::encode(hex.as_bytes()) };
            // The signer's own library does not mind; ours refuses by the length.
            xml(with_digest_text(by, &unsigned, &text))
        }),
        way(K::OtherDigest, "another algorithm than named", |s| {
            let (unsigned, by) = (plain(s), signer(s));
            let all = DigestAlgorithm::ALL;
            let others: Vec<_> = all.into_iter().filter(|a| *a != digest_of(by)).collect();
            let digest = s.pick(&others).digest(&content(&unsigned, &Method::Inclusive10));
            xml(with_digest_text(by, &unsigned, &octets::encode(&digest)))
        }),
        way(K::DigestValueChanged, "DigestValue changed", |s| {
            let unsigned = plain(s);
            let by = signer(s);
            let digest = octets::encode(&digest_of(by).digest(b"something else"));
            let signed = good(by, &unsigned);
            let old = between(&signed, "<ds:DigestValue>", "</ds:DigestValue>");
            xml(edit(&signed, old, &format!("<ds:DigestValue>{digest}</ds:DigestValue>")))
        }),
        way(K::SignedInfoChanged, "Reference changed, RSA", |s| {
            let signed = good(&WORLD.rsa, &plain(s));
            xml(edit(&signed, "<ds:Reference ", "<ds:Reference Id=\"r\" "))
        }),
        way(K::Unknown, "Reference changed, P-256 or SM2", |s| {
            let signed = good(s.pick(&[&WORLD.p256, &WORLD.sm2]), &plain(s));
            xml(edit(&signed, "<ds:Reference ", "<ds:Reference Id=\"r\" "))
        }),
        way(K::Unknown, "a key that nobody knows", |s| {
            let signed = good(&WORLD.stranger, &plain(s));
            xml(under(&signed, &WORLD.p256))
        }),
    ]
}

fn value_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::SignedFlat, "signed flat, sent in lines", |s| {
            let signed = good(signer(s), &plain(s));
            let scope = "<ds:SignedInfo xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
                xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
                xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
            assert!(!signed.contains(scope));
            xml(info_in_lines(&signed))
        }),
        way(K::SignedFlat, "signed with xsi that is not declared", |s| {
            let by = signer(s);
            let signed = good(by, &message(s, Shape { bare: true, ..Shape::default() }));
            xml(resigned(&signed, |info| {
                let info = String::from_utf8(info.to_vec()).unwrap();
                let xsi = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
                sign_value(by, info.replacen('>', xsi, 1).as_bytes())
            }))
        }),
        way(K::OtherAlgorithm, "another hash than named, RSA", |s| {
            valued(s, &[&WORLD.rsa], |by, info| {
                by.key.sign(SignatureAlgorithm::RsaPkcs1Sha512, info).unwrap()
            })
        }),
        way(K::ValueForm, "DER, or octets reversed", |s| {
            valued(s, &[&WORLD.rsa, &WORLD.p256, &WORLD.sm2], |by, info| {
                let value = sign_value(by, info);
                match by.key.default_algorithm() {
                    SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::Sm2Sm3 => der(&value),
                    _ => value.into_iter().rev().collect(),
                }
            })
        }),
        way(K::HashTwice, "digest of SignedInfo signed", |s| {
            valued(s, &[&WORLD.rsa, &WORLD.p256, &WORLD.sm2], |by, info| {
                sign_value(by, &digest_of(by).digest(info))
            })
        }),
        way(K::OtherOctets, "text of DigestValue signed", |s| {
            valued(s, &[&WORLD.rsa, &WORLD.p256, &WORLD.sm2], |by, info| {
                let info = std::str::from_utf8(info).unwrap();
                let digest = between(info, "<ds:DigestValue>", "</ds:DigestValue>");
                let digest = digest.trim_start_matches("<ds:DigestValue>");
                sign_value(by, digest.trim_end_matches("</ds:DigestValue>").as_bytes())
            })
        }),
    ]
}

fn key_ways() -> Vec<Way> {
    use CauseKind as K;
    vec![
        way(K::Sm2WithoutZ, "without Z", |s| {
            valued(s, &[&WORLD.sm2], |by, info| {
                let digest = DigestAlgorithm::Sm3.digest(info);
                let value: sm2::dsa::Signature = sm2_key(by, "x").sign_prehash(&digest).unwrap();
                value.to_bytes().to_vec()
            })
        }),
        way(K::Sm2OtherId, "an empty or a sample id", |s| {
            let id = s.pick(&["", "ALICE123@YAHOO.COM"]);
            let signed = good(&WORLD.sm2, &plain(s));
            xml(resigned(&signed, |info| {
                let value: sm2::dsa::Signature = sm2_key(&WORLD.sm2, id).sign(info);
                value.to_bytes().to_vec()
            }))
        }),
        way(K::OtherCertificate, "another registered certificate", |s| {
            let by = s.pick(&[&WORLD.stranger, &WORLD.sm2, &WORLD.rsa]);
            let sent = match by.key.default_algorithm() {
                SignatureAlgorithm::Sm2Sm3 => &WORLD.p256,
                SignatureAlgorithm::EcdsaP256Sha256 => &WORLD.p256,
                _ => &WORLD.sm2,
            };
            let signed = good(by, &plain(s));
            Damage { xml: under(&signed, sent), others: vec![by.certificate.clone()] }
        }),
    ]
}
