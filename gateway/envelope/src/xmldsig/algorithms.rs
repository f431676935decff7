//! Algorithm identifiers. In: the value of an `Algorithm` attribute. Out: the algorithm,
//! or the fault that names it. The identifiers are those of RFC 3275 section 6, RFC 6931
//! section 2 and the customs norm of 2022-05.

use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm};

use super::error::{Fault, Role, found};
use super::unsupported::Unsupported;
use crate::c14n::Method;

/// The enveloped signature transform.
pub(super) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";
const XMLENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const MORE_2007: &str = "http://www.w3.org/2007/05/xmldsig-more#";
const CUSTOMS: &str = "http://www.chinaport.gov.cn/2022/04/xmldsig#";
const C14N11: &str = "http://www.w3.org/2006/12/xml-c14n11";

/// The method of a `CanonicalizationMethod`.
pub(super) fn canonicalization(uri: &str) -> Result<Method, Fault> {
    let role = Role::Canonicalization;
    Method::from_uri(uri).ok_or_else(|| match uri.strip_prefix(C14N11) {
        Some("" | "#WithComments") => Fault::Unsupported(Unsupported::Canonicalization11),
        _ => Fault::UnknownAlgorithm { role, found: found(uri) },
    })
}

/// The canonicalisation that a `Transform` names.
pub(super) fn transform(uri: &str) -> Result<Method, Fault> {
    let refused = match uri {
        // A second enveloped-signature has nothing left to remove.
        ENVELOPED => return Err(Fault::TooManyTransforms),
        "http://www.w3.org/TR/1999/REC-xslt-19991116" => Unsupported::Xslt,
        "http://www.w3.org/TR/1999/REC-xpath-19991116" => Unsupported::XPath,
        "http://www.w3.org/2002/06/xmldsig-filter2" => Unsupported::XPathFilter2,
        "http://www.w3.org/2000/09/xmldsig#base64" => Unsupported::Base64,
        _ => {
            return canonicalization(uri).map_err(|fault| match fault {
                Fault::UnknownAlgorithm { found, .. } => {
                    Fault::UnknownAlgorithm { role: Role::Transform, found }
                }
                other => other,
            });
        }
    };
    Err(Fault::Unsupported(refused))
}

/// The algorithm of a `SignatureMethod`.
pub(super) fn signature_algorithm(uri: &str) -> Result<SignatureAlgorithm, Fault> {
    let refused = match split(uri) {
        (DSIG, "rsa-sha1") => return Ok(SignatureAlgorithm::RsaPkcs1Sha1),
        (MORE, "rsa-sha256") => return Ok(SignatureAlgorithm::RsaPkcs1Sha256),
        (MORE, "rsa-sha384") => return Ok(SignatureAlgorithm::RsaPkcs1Sha384),
        (MORE, "rsa-sha512") => return Ok(SignatureAlgorithm::RsaPkcs1Sha512),
        (MORE, "ecdsa-sha256") => return Ok(SignatureAlgorithm::EcdsaP256Sha256),
        (DSIG | MORE, name) if name.starts_with("hmac-") => Unsupported::Hmac,
        (DSIG, "dsa-sha1") => Unsupported::Dsa,
        ("http://www.w3.org/2009/xmldsig11#", "dsa-sha256") => Unsupported::Dsa,
        (MORE, name) if name.starts_with("ecdsa-") => Unsupported::OtherEcdsa,
        (MORE_2007, name) if name.contains("MGF1") || name.contains("rsa-pss") => {
            Unsupported::RsaPss
        }
        (CUSTOMS | DSIG, "sm2-sm3") => Unsupported::Sm2,
        _ => return Err(Fault::UnknownAlgorithm { role: Role::Signature, found: found(uri) }),
    };
    Err(Fault::Unsupported(refused))
}

/// The algorithm of a `DigestMethod`.
pub(super) fn digest_algorithm(uri: &str) -> Result<DigestAlgorithm, Fault> {
    let refused = match split(uri) {
        (DSIG, "sha1") => return Ok(DigestAlgorithm::Sha1),
        (XMLENC, "sha256") => return Ok(DigestAlgorithm::Sha256),
        (MORE, "sha384") => return Ok(DigestAlgorithm::Sha384),
        (XMLENC, "sha512") => return Ok(DigestAlgorithm::Sha512),
        (CUSTOMS | DSIG, "sm3") => Unsupported::Sm3,
        (MORE, "md5" | "sha224") | (XMLENC, "ripemd160") => Unsupported::OtherDigest,
        _ => return Err(Fault::UnknownAlgorithm { role: Role::Digest, found: found(uri) }),
    };
    Err(Fault::Unsupported(refused))
}

/// The identifier of a signature algorithm, where the profile has one.
pub(super) fn signature_uri(algorithm: SignatureAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        SignatureAlgorithm::RsaPkcs1Sha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        SignatureAlgorithm::RsaPkcs1Sha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        SignatureAlgorithm::RsaPkcs1Sha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        SignatureAlgorithm::EcdsaP256Sha256 => {
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        }
        _ => return None,
    })
}

/// The identifier of a digest algorithm, where the profile has one.
pub(super) fn digest_uri(algorithm: DigestAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        DigestAlgorithm::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
        DigestAlgorithm::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
        DigestAlgorithm::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
        DigestAlgorithm::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        _ => return None,
    })
}

/// The identifier up to and with its `#`, and the rest.
fn split(uri: &str) -> (&str, &str) {
    uri.split_at(uri.find('#').map_or(0, |at| at + 1))
}
