//! Making signatures. In: an unsigned document as text, a key and the chain of its
//! certificate. Out: the same text with a `ds:Signature` put in and nothing else changed,
//! or a [`SignError`]. Promised: what comes out was verified before it is handed out.

use onepoint_certs::{
    Certificate, DigestAlgorithm, KeyError, SignatureAlgorithm, SignaturePolicy, SigningKey,
    testpki,
};
use onepoint_xml::{Document, Element, Event, EventIndex, Limits, XmlError, escape_attribute};

use super::algorithms::{ENVELOPED, digest_uri, signature_uri};
use super::error::SignatureError;
use super::{
    DSIG_NAMESPACE, MAX_CERTIFICATES, SignaturePlace, profile, signed_info_octets, verify,
    verify_part,
};
use crate::c14n::{self, Method, Selection};
use crate::octets;

/// How to sign. The default is what the norm of 2022-05 has, with a stronger digest where
/// the key is not SM2: the Signature as last child of the root, inclusive canonicalisation,
/// the whole document, the algorithm of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOptions {
    /// Local name of the child of the root that the Signature is put before; last
    /// where it is `None` or the root has no such child.
    pub before: Option<String>,
    /// The signature algorithm; the key's own where it is `None`.
    pub algorithm: Option<SignatureAlgorithm>,
    /// The digest algorithm; SM3 for an SM2 key and else SHA-256 where it is `None`.
    pub digest: Option<DigestAlgorithm>,
    /// The Id of the element to sign; the whole document where it is `None`.
    pub id: Option<String>,
    /// How SignedInfo becomes octets.
    pub canonicalization: Method,
    /// The transform after enveloped-signature, if any.
    pub transform: Option<Method>,
    /// Where Signatures inside of the document are content.
    pub place: SignaturePlace,
}

impl Default for SignOptions {
    fn default() -> Self {
        Self {
            before: None,
            algorithm: None,
            digest: None,
            id: None,
            canonicalization: Method::Inclusive10,
            transform: None,
            place: SignaturePlace::ChildOfRoot,
        }
    }
}

impl SignOptions {
    /// RSA-SHA1 over a SHA-1 digest, as the field's older certificates have it: for
    /// tests of compatibility policies.
    pub fn rsa_sha1() -> Self {
        Self {
            algorithm: Some(SignatureAlgorithm::RsaPkcs1Sha1),
            digest: Some(DigestAlgorithm::Sha1),
            ..Self::default()
        }
    }

    /// The same over the element with this Id.
    pub fn over(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    fn digest_for(&self, algorithm: SignatureAlgorithm) -> DigestAlgorithm {
        let usual = match algorithm {
            SignatureAlgorithm::Sm2Sm3 => DigestAlgorithm::Sm3,
            _ => DigestAlgorithm::Sha256,
        };
        self.digest.unwrap_or(usual)
    }

    /// The same with the Signature before the root's child `local`.
    pub fn before(self, local: &str) -> Self {
        Self { before: Some(local.to_owned()), ..self }
    }
}

/// Why a document cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The text is not a document that is taken.
    #[error("the document cannot be read: {}", .0.en())]
    Document(#[source] XmlError),
    /// No certificate was given.
    #[error("no certificate was given for the key")]
    NoCertificate,
    /// More certificates than [`MAX_CERTIFICATES`].
    #[error("more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// The first certificate is not the key's.
    #[error("the first certificate does not belong to the key")]
    OtherCertificate,
    /// The profile has no identifier for the algorithm.
    #[error("{algorithm} is outside the signature profile")]
    Algorithm {
        /// Name of the algorithm.
        algorithm: &'static str,
    },
    /// The key could not sign.
    #[error("the key cannot sign: {}", .0.en())]
    Key(#[source] KeyError),
    /// The test PKI could not sign.
    #[error("the key cannot sign: {}", .0.en())]
    TestKey(#[source] testpki::PkiError),
    /// The signed document would be refused, for instance because the document carries a
    /// Signature already.
    #[error("the signed document would be refused: {}", .0.en())]
    Refused(#[source] SignatureError),
}

impl SignError {
    /// The stable code; that of the refusal where the result would be refused.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(error) => error.code(),
            Self::NoCertificate => "sign-no-certificate",
            Self::TooManyCertificates => "sign-too-many-certificates",
            Self::OtherCertificate => "sign-other-certificate",
            Self::Algorithm { .. } => "sign-algorithm",
            Self::Key(error) => error.code(),
            Self::TestKey(error) => error.code(),
            Self::Refused(error) => error.code(),
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            Self::Document(error) => format!("报文无法读取：{}", error.zh()),
            Self::NoCertificate => "未提供密钥的证书".to_owned(),
            Self::TooManyCertificates => format!("证书多于 {MAX_CERTIFICATES} 张"),
            Self::OtherCertificate => "第一张证书与密钥不符".to_owned(),
            Self::Algorithm { algorithm } => format!("签名规范不含算法 {algorithm}"),
            Self::Key(error) => format!("密钥无法签名：{}", error.zh()),
            Self::TestKey(error) => format!("密钥无法签名：{}", error.zh()),
            Self::Refused(error) => format!("签名后的报文不会被接受：{}", error.zh()),
        }
    }
}

/// Puts a Signature into `xml`, a document without one. Taking it out again gives back
/// `xml` to the byte, unless the root was an empty-element tag.
///
/// # Errors
/// See [`SignError`].
pub fn sign(
    xml: &str,
    key: &SigningKey,
    chain: &[Certificate],
    options: &SignOptions,
) -> Result<String, SignError> {
    let leaf = chain.first().ok_or(SignError::NoCertificate)?;
    if chain.len() > MAX_CERTIFICATES {
        return Err(SignError::TooManyCertificates);
    }
    if leaf.public_key() != key.public_key() {
        return Err(SignError::OtherCertificate);
    }
    let algorithm = options.algorithm.unwrap_or(key.default_algorithm());
    let method =
        signature_uri(algorithm).ok_or(SignError::Algorithm { algorithm: algorithm.name() })?;
    let digest_algorithm = options.digest_for(algorithm);
    let digest_method = digest_uri(digest_algorithm)
        .ok_or(SignError::Algorithm { algorithm: digest_algorithm.name() })?;

    let unsigned = read(xml)?;
    let target = Target::of(&unsigned, options);
    let digest = digest(&unsigned, options, &target, digest_algorithm);
    let head = signed_info(options, &target, method, digest_method, &digest);
    let tail = key_info(leaf, chain);
    // The namespaces in scope are part of the octets, so SignedInfo is canonicalised
    // where it will stand.
    let draft = insert(&unsigned, options, &format!("{head}{tail}"));
    let draft = read(&draft)?;
    let within = options.place.content_of(&draft);
    let signature = profile::find(&draft, within).map_err(SignError::Refused)?;
    let at = signature.children().next().unwrap_or(signature);
    let message = signed_info_octets(&draft, at.index(), &options.canonicalization);
    let value = octets::encode(&value(key, algorithm, &message)?);

    let byte_order_mark = if xml.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let value = format!("<ds:SignatureValue>{value}</ds:SignatureValue>");
    let signed = insert(&unsigned, options, &format!("{head}{value}{tail}"));
    let signed = format!("{byte_order_mark}{signed}");
    let policy = policy(algorithm, digest_algorithm);
    let document = read(&signed)?;
    match target.is_root {
        true => verify(&document, &options.place, &policy).map(drop),
        false => verify_part(&document, &policy, &[]).map(drop),
    }
    .map_err(SignError::Refused)?;
    Ok(signed)
}

/// What is signed.
struct Target {
    selection: Selection,
    is_root: bool,
}

impl Target {
    /// The element with the Id; the whole document where there is none, which will be
    /// refused.
    fn of(unsigned: &Document, options: &SignOptions) -> Self {
        let mut found = Self { selection: Selection::document(), is_root: true };
        let Some(id) = &options.id else { return found };
        for (at, event) in unsigned.events().iter().enumerate() {
            let Event::Start { .. } = event else { continue };
            let at = EventIndex(u32::try_from(at).unwrap_or(u32::MAX));
            let element = unsigned.element(at);
            if element.attribute("", "Id") == Some(id) {
                let is_root = element == unsigned.root();
                found = Self { selection: Selection::subtree(at), is_root };
            }
        }
        found
    }
}

fn read(xml: &str) -> Result<Document, SignError> {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).map_err(SignError::Document)
}

fn digest(
    unsigned: &Document,
    options: &SignOptions,
    target: &Target,
    algorithm: DigestAlgorithm,
) -> String {
    let method = options.transform.clone().unwrap_or(Method::Inclusive10).without_comments();
    let mut digester = algorithm.start();
    c14n::canonicalize(unsigned, &target.selection, &method, &mut |run| digester.update(run));
    octets::encode(&digester.finish())
}

fn value(
    key: &SigningKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
) -> Result<Vec<u8>, SignError> {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha1 => {
            testpki::sign_rsa_sha1(key, message).map_err(SignError::TestKey)
        }
        _ => key.sign(algorithm, message).map_err(SignError::Key),
    }
}

/// The policy that takes what was asked for, and nothing looser.
fn policy(algorithm: SignatureAlgorithm, digest: DigestAlgorithm) -> SignaturePolicy {
    SignaturePolicy {
        allow_rsa_sha1: algorithm == SignatureAlgorithm::RsaPkcs1Sha1,
        allow_digest_sha1: digest == DigestAlgorithm::Sha1,
        allow_sm2_digest_sha1: digest == DigestAlgorithm::Sha1,
        ..SignaturePolicy::strict()
    }
}

/// The start tag of the Signature and SignedInfo, flat.
fn signed_info(
    options: &SignOptions,
    target: &Target,
    method: &str,
    digest_method: &str,
    digest: &str,
) -> String {
    let canonicalization = algorithm("CanonicalizationMethod", &options.canonicalization);
    let transform = options.transform.as_ref().map(|method| algorithm("Transform", method));
    let mut transforms = transform.unwrap_or_default();
    if target.is_root {
        let enveloped = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>");
        transforms.insert_str(0, &enveloped);
    }
    if !transforms.is_empty() {
        transforms = format!("<ds:Transforms>{transforms}</ds:Transforms>");
    }
    let uri = options.id.as_ref().map(|id| format!("#{}", escape_attribute(id)));
    let uri = uri.unwrap_or_default();
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG_NAMESPACE}\"><ds:SignedInfo>{canonicalization}\
         <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod>\
         <ds:Reference URI=\"{uri}\">{transforms}\
         <ds:DigestMethod Algorithm=\"{digest_method}\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
}

fn algorithm(element: &str, method: &Method) -> String {
    let prefixes = method.prefixes().map(|list| list.to_string()).unwrap_or_default();
    let prefixes = if prefixes.is_empty() {
        String::new()
    } else {
        format!(
            "<ec:InclusiveNamespaces xmlns:ec=\"{}\" PrefixList=\"{}\"></ec:InclusiveNamespaces>",
            c14n::EXCLUSIVE,
            escape_attribute(&prefixes)
        )
    };
    format!("<ds:{element} Algorithm=\"{}\">{prefixes}</ds:{element}>", method.uri())
}

/// KeyInfo as the norm has it (KeyName is the serial number), and the end of the Signature.
fn key_info(leaf: &Certificate, chain: &[Certificate]) -> String {
    let certificates: String = chain
        .iter()
        .map(|certificate| octets::encode(certificate.der()))
        .map(|der| format!("<ds:X509Certificate>{der}</ds:X509Certificate>"))
        .collect();
    format!(
        "<ds:KeyInfo><ds:KeyName>{}</ds:KeyName><ds:X509Data>{certificates}</ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        leaf.serial_hex()
    )
}

/// The document with `signature` as child of the root.
fn insert(document: &Document, options: &SignOptions, signature: &str) -> String {
    let root = document.root();
    let source = document.source();
    let before = options
        .before
        .as_deref()
        .and_then(|local| root.children().find(|child| child.name().local == local));
    let at = match (before, end_tag(document, root)) {
        (Some(child), _) => child.span().start,
        (None, Some(at)) => at,
        (None, None) => return into_empty(source, root, signature),
    };
    let (head, tail) = source.split_at_checked(at).unwrap_or((source, ""));
    format!("{head}{signature}{tail}")
}

/// Where the end tag of the root begins; none for an empty-element tag.
fn end_tag(document: &Document, root: Element<'_>) -> Option<usize> {
    match document.event(root.end_index()) {
        Some(event @ Event::End { .. }) => Some(event.span()),
        _ => None,
    }
    .filter(|span| !span.is_empty())
    .map(|span| span.start)
}

/// `<a/>` becomes `<a>` with the Signature and `</a>`, which is canonically the same.
fn into_empty(source: &str, root: Element<'_>, signature: &str) -> String {
    let (head, tail) = source.split_at_checked(root.span().end).unwrap_or((source, ""));
    let head = head.strip_suffix("/>").unwrap_or(head);
    format!("{head}>{signature}</{}>{tail}", root.name())
}
