//! Why the signature value does not verify. In: the parts of a Signature, the keys that
//! could have made it, and the canonical SignedInfo. Out: the octets, key, algorithm or
//! form under which it does verify, which is a proof; for RSA also what the padding tells.
//! Bounded by [`MAX_MESSAGES`] messages and [`MAX_KEYS`] other keys.

use onepoint_certs::{
    Certificate, DigestAlgorithm, KeyFamily, PublicKey, Recovered, SignatureAlgorithm, sm2,
};
use onepoint_xml::Document;

use super::content::{all_methods, canonical};
use super::kind::CauseKind;
use super::layout::layouts;
use super::{names, text, tokens};
use crate::c14n::Selection;
use crate::octets;
use crate::xmldsig::compat;
use crate::xmldsig::profile::Parts;

/// Messages that a value is verified over.
pub const MAX_MESSAGES: usize = 400;
/// Other certificates that a value is verified under.
pub const MAX_KEYS: usize = 64;
/// RSA keys below this are not taken under any policy, in bits.
const RSA_BITS: u32 = 1024;
/// Octets of a SignedInfo that is laid out and declared otherwise.
const MAX_INFO: usize = 64 * 1024;
/// Octets of content that are tried as what was signed instead of SignedInfo.
const MAX_CONTENT: usize = 4 << 20;

const RSA: [SignatureAlgorithm; 7] = [
    SignatureAlgorithm::RsaPkcs1Sha1,
    SignatureAlgorithm::RsaPkcs1Sha256,
    SignatureAlgorithm::RsaPkcs1Sha384,
    SignatureAlgorithm::RsaPkcs1Sha512,
    SignatureAlgorithm::RsaPssSha256,
    SignatureAlgorithm::RsaPssSha384,
    SignatureAlgorithm::RsaPssSha512,
];

/// What the search looks at.
pub(super) struct Value<'d> {
    pub(super) document: &'d Document,
    pub(super) parts: &'d Parts<'d>,
    /// The certificate whose key should have signed.
    pub(super) certificate: &'d Certificate,
    /// Certificates whose keys may have signed.
    pub(super) others: Vec<Certificate>,
    /// The canonical SignedInfo.
    pub(super) info: &'d [u8],
    /// The canonical content.
    pub(super) content: &'d [u8],
    /// The digest of the content.
    pub(super) digest: &'d [u8],
    /// The namespaces of the content are known to be others than were signed.
    pub(super) renamed: bool,
}

/// What was found: cause, in what way, and the octets that were signed where they are
/// another SignedInfo.
pub(super) type Found = (CauseKind, (String, String), Option<Vec<u8>>);

fn found(kind: CauseKind, en: impl Into<String>, zh: impl Into<String>) -> Found {
    (kind, (en.into(), zh.into()), None)
}

/// Verifies, and for RSA compares with what the padding holds, which costs nothing more.
struct Verifier<'k> {
    key: &'k PublicKey,
    algorithm: SignatureAlgorithm,
    value: &'k [u8],
    recovered: Option<Recovered>,
    left: usize,
}

impl<'k> Verifier<'k> {
    fn new(key: &'k PublicKey, algorithm: SignatureAlgorithm, value: &'k [u8]) -> Self {
        let recovered = key.recover_pkcs1(value);
        Self { key, algorithm, value, recovered, left: MAX_MESSAGES }
    }

    fn verifies(&mut self, message: &[u8]) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match &self.recovered {
            Some(Recovered { algorithm: Some(algorithm), digest }) => {
                algorithm.digest(message) == *digest
            }
            Some(Recovered { algorithm: None, digest }) => {
                digest == message || self.algorithm.digest().digest(message) == *digest
            }
            None => verify(self.key, self.algorithm, message, self.value),
        }
    }
}

fn verify(key: &PublicKey, algorithm: SignatureAlgorithm, message: &[u8], value: &[u8]) -> bool {
    key.verify_at_least(RSA_BITS, algorithm, message, value).is_ok()
}

/// Searches all families in order.
pub(super) fn search(view: &Value<'_>) -> Option<Found> {
    let key = view.certificate.public_key();
    let (algorithm, value) = (view.parts.algorithm.it, view.parts.value.it.as_slice());
    if let Some(found) = forms(view, key) {
        return Some(found);
    }
    if let Some(found) = algorithms(view, key) {
        return Some(found);
    }
    let mut verifier = Verifier::new(key, algorithm, value);
    sm2_ways(view, key)
        .or_else(|| other_keys(view))
        .or_else(|| messages(view, &mut verifier))
        .or_else(|| right_key(&verifier))
}

/// The value in another form.
fn forms(view: &Value<'_>, key: &PublicKey) -> Option<Found> {
    let (algorithm, value) = (view.parts.algorithm.it, view.parts.value.it.as_slice());
    let fits = |other: &[u8]| verify(key, algorithm, view.info, other);
    let kind = CauseKind::ValueForm;
    if let Some(raw) = from_der(value, algorithm)
        && fits(&raw)
    {
        return Some(found(kind, "the value is in ASN.1 DER form", "签名值为 ASN.1 DER 形式"));
    }
    if fits(&value.iter().rev().copied().collect::<Vec<u8>>()) {
        return Some(found(kind, "the octets are in reverse order", "签名值的字节顺序颠倒"));
    }
    if let Some((r, s)) = value.split_at_checked(value.len() / 2) {
        if fits(&[s, r].concat()) {
            return Some(found(kind, "r and s are exchanged", "r 与 s 的位置颠倒"));
        }
        let turned: Vec<u8> = r.iter().rev().chain(s.iter().rev()).copied().collect();
        if fits(&turned) {
            return Some(found(kind, "r and s are in little-endian order", "r、s 为小端字节序"));
        }
    }
    // Hexadecimal digits are base64 characters too: they may have been read as such.
    let digits = octets::encode(value);
    for digits in [digits.as_str(), std::str::from_utf8(value).unwrap_or_default()] {
        if let Some(octets) = from_hex(digits)
            && (fits(&octets) || from_der(&octets, algorithm).is_some_and(|raw| fits(&raw)))
        {
            return Some(found(kind, "the value holds hexadecimal digits", "签名值为十六进制文本"));
        }
    }
    let twice = std::str::from_utf8(value).ok().and_then(|text| octets::decode(text, 1024).ok());
    twice
        .filter(|octets| fits(octets))
        .map(|_| found(kind, "the value is in base64 twice", "签名值做了两次 base64"))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect())
}

/// SEQUENCE of two INTEGERs to r and s of the length that the algorithm has.
pub(crate) fn from_der(value: &[u8], algorithm: SignatureAlgorithm) -> Option<Vec<u8>> {
    let half = algorithm.signature_len()? / 2;
    let (&[0x30, _], rest) = value.split_first_chunk()? else { return None };
    let (r, rest) = integer(rest)?;
    let (s, _) = integer(rest)?;
    let mut raw = Vec::with_capacity(half * 2);
    for part in [r, s] {
        let zeros = part.iter().take_while(|octet| **octet == 0).count();
        let part = part.get(zeros..)?;
        raw.resize(raw.len() + half.checked_sub(part.len())?, 0);
        raw.extend_from_slice(part);
    }
    Some(raw)
}

fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x02, length], rest) = der.split_first_chunk()? else { return None };
    rest.split_at_checked(usize::from(length))
}

/// Another algorithm of the same key over the same SignedInfo.
fn algorithms(view: &Value<'_>, key: &PublicKey) -> Option<Found> {
    let (named, value) = (view.parts.algorithm.it, view.parts.value.it.as_slice());
    let usual = match key.family() {
        KeyFamily::Rsa => RSA.as_slice(),
        KeyFamily::EcdsaP256 => &[SignatureAlgorithm::EcdsaP256Sha256],
        KeyFamily::EcdsaP384 => &[SignatureAlgorithm::EcdsaP384Sha384],
        KeyFamily::Ed25519 => &[SignatureAlgorithm::Ed25519],
        KeyFamily::Sm2 => &[SignatureAlgorithm::Sm2Sm3],
        _ => &[],
    };
    let right = usual.iter().find(|it| **it != named && verify(key, **it, view.info, value))?;
    let (used, named) = (right.name(), named.name());
    Some(found(
        CauseKind::OtherAlgorithm,
        format!("the value is one of {used}; SignatureMethod names {named}"),
        format!("签名值由 {used} 产生，而 SignatureMethod 声明为 {named}"),
    ))
}

/// SM2 without Z, with another id, over a digest.
fn sm2_ways(view: &Value<'_>, key: &PublicKey) -> Option<Found> {
    const IDS: [&str; 8] = [
        "",
        "ALICE123@YAHOO.COM",
        "31323334353637383132333435363738",
        "1234567890123456",
        "0123456789012345",
        "12345678",
        "1234567812345678\0",
        "BILL456@YAHOO.COM",
    ];
    let key = key.as_sm2()?;
    let raw: &[u8; sm2::RAW_BYTES] = view.parts.value.it.as_slice().try_into().ok()?;
    let fits = |digest: &[u8]| {
        <&[u8; 32]>::try_from(digest).is_ok_and(|digest| key.verify_digest(digest, raw).is_ok())
    };
    let plain = DigestAlgorithm::Sm3.digest(view.info);
    if fits(&plain) {
        return Some(found(
            CauseKind::Sm2WithoutZ,
            "the value is over SM3(SignedInfo)",
            "签名值对应 SM3(SignedInfo)",
        ));
    }
    let own = [view.certificate.common_name().unwrap_or_default(), view.certificate.serial_hex()];
    for id in IDS.into_iter().chain(own) {
        if key.digest(id, view.info).is_some_and(|digest| fits(&digest)) {
            let en = format!("the id was {id:?}");
            return Some(found(CauseKind::Sm2OtherId, en, format!("用户标识为 {id:?}")));
        }
    }
    let sha = DigestAlgorithm::Sha256.digest(view.info);
    fits(&sha).then(|| {
        let (en, zh) = ("the value is over SHA-256(SignedInfo)", "签名值对应 SHA-256(SignedInfo)");
        found(CauseKind::OtherAlgorithm, en, zh)
    })
}

/// The same SignedInfo under other certificates.
fn other_keys(view: &Value<'_>) -> Option<Found> {
    let value = view.parts.value.it.as_slice();
    let others =
        view.others.iter().filter(|other| other.public_key() != view.certificate.public_key());
    for other in others.take(MAX_KEYS) {
        let key = other.public_key();
        let algorithms = match key.family() {
            KeyFamily::Rsa => RSA.as_slice(),
            KeyFamily::Sm2 => &[SignatureAlgorithm::Sm2Sm3],
            KeyFamily::EcdsaP256 => &[SignatureAlgorithm::EcdsaP256Sha256],
            KeyFamily::EcdsaP384 => &[SignatureAlgorithm::EcdsaP384Sha384],
            KeyFamily::Ed25519 => &[SignatureAlgorithm::Ed25519],
            _ => &[],
        };
        if algorithms.iter().any(|algorithm| verify(key, *algorithm, view.info, value)) {
            let (subject, serial) = (other.subject(), other.serial_hex());
            return Some(found(
                CauseKind::OtherCertificate,
                format!("the value is one of {subject}, serial number {serial}"),
                format!("签名由 {subject}（序列号 {serial}）产生"),
            ));
        }
    }
    None
}

/// Other octets than this SignedInfo.
fn messages(view: &Value<'_>, verifier: &mut Verifier<'_>) -> Option<Found> {
    // First what tells most: the digest in it is the one thing that is wrong.
    if let Some(signed) = with_digest(view)
        && verifier.verifies(&signed)
    {
        let (en, zh) = (
            "the signed DigestValue is the digest of this content",
            "加签时的 DigestValue 正是现内容的摘要",
        );
        return Some((CauseKind::DigestValueChanged, (en.into(), zh.into()), Some(signed)));
    }
    if let Some(found) = declared(view, verifier) {
        return Some(found);
    }
    if let Some(flat) = compat::flat_signed_info(view.parts).filter(|flat| flat != view.info)
        && verifier.verifies(&flat)
    {
        let (en, zh) = ("flat, with ceb, ds and xsi in scope", "无空白，且带 ceb、ds、xsi 声明");
        return Some((CauseKind::SignedFlat, (en.into(), zh.into()), Some(flat)));
    }
    hashes(view, verifier)
        .or_else(|| info_forms(view, verifier))
        .or_else(|| instead(view, verifier))
}

/// Namespaces in scope: those that are wrong for certain before the usual form is tried.
fn declared(view: &Value<'_>, verifier: &mut Verifier<'_>) -> Option<Found> {
    let info = tokens::read(view.info).filter(|_| view.info.len() <= MAX_INFO)?;
    let others = names::declarations(&info).take_while(|_| view.renamed);
    let (how, signed) = names::corrected(&info)
        .into_iter()
        .chain(others)
        .find(|(_, signed)| verifier.verifies(signed))?;
    Some((CauseKind::Namespace, how, Some(signed)))
}

/// SignedInfo with the digest of the content as it is.
fn with_digest(view: &Value<'_>) -> Option<Vec<u8>> {
    let info = std::str::from_utf8(view.info).ok()?;
    let at = info.find("DigestValue>")? + "DigestValue>".len();
    let (head, tail) = info.split_at_checked(at)?;
    let tail = tail.get(tail.find('<')?..)?;
    Some(format!("{head}{}{tail}", octets::encode(view.digest)).into_bytes())
}

fn hashes(view: &Value<'_>, verifier: &mut Verifier<'_>) -> Option<Found> {
    let own = verifier.algorithm.digest();
    for algorithm in [own, DigestAlgorithm::Sha256, DigestAlgorithm::Sha1, DigestAlgorithm::Sm3] {
        let digest = algorithm.digest(view.info);
        let hex = super::hex(&digest);
        let upper = hex.to_uppercase();
        let base64 = octets::encode(&digest);
        for message in [digest.as_slice(), hex.as_bytes(), upper.as_bytes(), base64.as_bytes()] {
            if verifier.verifies(message) {
                let name = algorithm.name();
                return Some(found(
                    CauseKind::HashTwice,
                    format!("the {name} digest of SignedInfo was handed to the signing function"),
                    format!("把 SignedInfo 的 {name} 摘要交给了签名函数"),
                ));
            }
        }
    }
    None
}

/// This SignedInfo, canonicalised, laid out or declared otherwise.
fn info_forms(view: &Value<'_>, verifier: &mut Verifier<'_>) -> Option<Found> {
    let at = view.parts.signed_info;
    let mut prove = |kind: CauseKind, how: (String, String), octets: Vec<u8>| {
        (octets != view.info && verifier.verifies(&octets)).then_some((kind, how, Some(octets)))
    };
    for method in all_methods() {
        let octets = canonical(view.document, &Selection::subtree(at.index()), &method);
        let (en, zh) = (
            format!("SignedInfo by {}", method.uri()),
            format!("SignedInfo 以 {} 规范化", method.uri()),
        );
        if let Some(found) = prove(CauseKind::OtherMethod, (en, zh), octets) {
            return Some(found);
        }
    }
    if view.info.len() > MAX_INFO {
        return None;
    }
    let info = tokens::read(view.info)?;
    for (how, octets) in names::declarations(&info).chain(names::prefixes(&info)) {
        if let Some(found) = prove(CauseKind::Namespace, how, octets) {
            return Some(found);
        }
    }
    for layout in layouts(&info) {
        if let Some(found) = prove(CauseKind::Reindented, layout.how, layout.octets) {
            return Some(found);
        }
    }
    for (kind, (en, zh), octets) in text::candidates(view.info) {
        if let Some(found) = prove(kind, (en.to_owned(), zh.to_owned()), octets) {
            return Some(found);
        }
    }
    let written = view.document.source().get(at.span()).unwrap_or_default();
    let (en, zh) = ("SignedInfo as written", "SignedInfo 原始文本");
    prove(CauseKind::NotCanonical, (en.to_owned(), zh.to_owned()), written.as_bytes().to_vec())
}

/// Content or digest in the place of SignedInfo.
fn instead(view: &Value<'_>, verifier: &mut Verifier<'_>) -> Option<Found> {
    let digest = &view.parts.reference.value;
    let text = digest.at.text();
    let source = view.document.source();
    let span = view.parts.signature.span();
    let head = source.get(..span.start).unwrap_or_default();
    let cut = format!("{head}{}", source.get(span.end..).unwrap_or_default());
    let content = if view.content.len() <= MAX_CONTENT { view.content } else { &[] };
    let cut = if cut.len() <= MAX_CONTENT { cut.as_bytes() } else { &[] };
    let messages: [(&[u8], &str, &str); 5] = [
        (text.trim().as_bytes(), "the text of DigestValue was signed", "加签的是 DigestValue 文本"),
        (&digest.it, "the octets of DigestValue were signed", "加签的是摘要字节"),
        (view.digest, "the digest of the content was signed", "加签的是内容摘要"),
        (content, "the canonical content was signed", "加签的是规范化后的报文内容"),
        (cut, "the text of the message was signed", "加签的是报文原文"),
    ];
    let hit = messages
        .iter()
        .find(|(message, _, _)| !message.is_empty() && verifier.verifies(message))?;
    Some(found(CauseKind::OtherOctets, hit.1, hit.2))
}

/// Only RSA tells that the key is right when the message is not.
fn right_key(verifier: &Verifier<'_>) -> Option<Found> {
    let Recovered { algorithm, digest } = verifier.recovered.as_ref()?;
    let name = algorithm.map_or("", DigestAlgorithm::name);
    let digest = super::hex(digest.get(..64.min(digest.len()))?);
    Some(found(
        CauseKind::SignedInfoChanged,
        format!(
            "the value was made with the right key over octets whose {name} digest is {digest}"
        ),
        format!("签名值由正确的密钥产生，所签内容的 {name} 摘要为 {digest}"),
    ))
}
