//! Algorithm identifiers. In: the value of an `Algorithm` attribute. Out: the algorithm,
//! or the fault that names it. The identifiers are those of RFC 3275 section 6, RFC 6931
//! section 2, RFC 9231 section 2 and the customs norm of 2022-05; SM2 and SM3 have an
//! older identifier too, which clients of the e-port still write.

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
const MORE_2021: &str = "http://www.w3.org/2021/04/xmldsig-more#";

/// The method of a `CanonicalizationMethod`.
pub(super) fn canonicalization(uri: &str) -> Result<Method, Fault> {
    let unknown = || Fault::UnknownAlgorithm { role: Role::Canonicalization, found: found(uri) };
    Method::from_uri(uri).ok_or_else(unknown)
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
        (MORE, "ecdsa-sha384") => return Ok(SignatureAlgorithm::EcdsaP384Sha384),
        (MORE_2007, "sha256-rsa-MGF1") => return Ok(SignatureAlgorithm::RsaPssSha256),
        (MORE_2007, "sha384-rsa-MGF1") => return Ok(SignatureAlgorithm::RsaPssSha384),
        (MORE_2007, "sha512-rsa-MGF1") => return Ok(SignatureAlgorithm::RsaPssSha512),
        (MORE_2021, "eddsa-ed25519") => return Ok(SignatureAlgorithm::Ed25519),
        (CUSTOMS | DSIG, "sm2-sm3") => return Ok(SignatureAlgorithm::Sm2Sm3),
        (DSIG | MORE, name) if name.starts_with("hmac-") => Unsupported::Hmac,
        (DSIG, "dsa-sha1") => Unsupported::Dsa,
        ("http://www.w3.org/2009/xmldsig11#", "dsa-sha256") => Unsupported::Dsa,
        (MORE, name) if name.starts_with("ecdsa-") => Unsupported::OtherEcdsa,
        (MORE_2007, name) if name.contains("MGF1") || name.contains("rsa-pss") => {
            Unsupported::OtherRsaPss
        }
        (MORE_2021, name) if name.starts_with("eddsa-") => Unsupported::OtherEddsa,
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
        (CUSTOMS | DSIG, "sm3") => return Ok(DigestAlgorithm::Sm3),
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
        SignatureAlgorithm::EcdsaP384Sha384 => {
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
        }
        SignatureAlgorithm::RsaPssSha256 => {
            "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
        }
        SignatureAlgorithm::RsaPssSha384 => {
            "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1"
        }
        SignatureAlgorithm::RsaPssSha512 => {
            "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"
        }
        SignatureAlgorithm::Ed25519 => "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
        SignatureAlgorithm::Sm2Sm3 => "http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3",
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
        DigestAlgorithm::Sm3 => "http://www.chinaport.gov.cn/2022/04/xmldsig#sm3",
        _ => return None,
    })
}

/// The identifier up to and with its `#`, and the rest.
fn split(uri: &str) -> (&str, &str) {
    uri.split_at(uri.find('#').map_or(0, |at| at + 1))
}
