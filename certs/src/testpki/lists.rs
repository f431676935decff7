//! Revocation lists of the test CA (RFC 5280, section 5).

use rsa::signature::Signer as _;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::der::asn1::{BitString, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::spki::DynSignatureAlgorithmIdentifier as _;

use super::build::{Issuer, RawSignature, encoding, subject_of, time};
use super::{ListSpec, PkiError};
use crate::certificate::Certificate;
use crate::key::SigningKey;

// An extension that no reader knows.
const UNKNOWN: &str = "1.3.6.1.4.1.99999.1";
// cRLNumber (RFC 5280, section 5.2.3).
const NUMBER: &str = "2.5.29.20";

pub(super) fn list(
    spec: &ListSpec,
    key: &SigningKey,
    issuer: &Certificate,
) -> Result<Vec<u8>, PkiError> {
    let signer = Issuer { key, sha1: false };
    let algorithm = signer.signature_algorithm_identifier().map_err(|e| encoding(&e))?;
    let entries: Result<Vec<_>, PkiError> =
        spec.revoked.iter().map(|(certificate, at)| entry(certificate, *at)).collect();
    let entries = Some(entries?).filter(|entries| !entries.is_empty());
    let mut extensions = Vec::new();
    if let Some(number) = spec.number {
        let number = number.to_der().map_err(|e| encoding(&e))?;
        extensions.push(extension(NUMBER, false, number)?);
    }
    if spec.critical {
        extensions.push(extension(UNKNOWN, true, vec![5, 0])?);
    }
    let tbs: TbsCertList = TbsCertList {
        version: Version::V2,
        signature: algorithm.clone(),
        issuer: subject_of(issuer)?,
        this_update: time(spec.this_update)?,
        next_update: spec.next_update.map(time).transpose()?,
        revoked_certificates: entries,
        crl_extensions: Some(extensions).filter(|extensions| !extensions.is_empty()),
    };
    let message = tbs.to_der().map_err(|e| encoding(&e))?;
    let RawSignature(value) = signer.try_sign(&message).map_err(|e| encoding(&e))?;
    let signature = BitString::from_bytes(&value).map_err(|e| encoding(&e))?;
    CertificateList { tbs_cert_list: tbs, signature_algorithm: algorithm, signature }
        .to_der()
        .map_err(|e| encoding(&e))
}

fn extension(oid: &str, critical: bool, value: Vec<u8>) -> Result<Extension, PkiError> {
    Ok(Extension {
        extn_id: ObjectIdentifier::new_unwrap(oid),
        critical,
        extn_value: OctetString::new(value).map_err(|e| encoding(&e))?,
    })
}

fn entry(certificate: &Certificate, at: jiff::Timestamp) -> Result<RevokedCert, PkiError> {
    let read = x509_cert::Certificate::from_der(certificate.der()).map_err(|e| encoding(&e))?;
    Ok(RevokedCert {
        serial_number: read.tbs_certificate().serial_number().clone(),
        revocation_date: time(at)?,
        crl_entry_extensions: None,
    })
}
