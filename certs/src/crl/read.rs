//! Reading and verifying one list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Extension};
use x509_parser::revocation_list::RevokedCertificate;
use x509_parser::time::ASN1Time;

use super::{CrlError, MAX_CRL_BYTES, RevocationList, Revoked};
use crate::certificate::{Certificate, Fingerprint, serial_hex};
use crate::chain;
use crate::hex;
use crate::policy::SignaturePolicy;

pub(super) fn list(
    der: &[u8],
    issuer: &Certificate,
    policy: &SignaturePolicy,
) -> Result<RevocationList, CrlError> {
    if der.len() > MAX_CRL_BYTES {
        return Err(CrlError::TooLarge { bytes: der.len() });
    }
    let (rest, parsed) = CertificateRevocationList::from_der(der)
        .map_err(|error| CrlError::Der { detail: error.to_string() })?;
    if !rest.is_empty() {
        return Err(CrlError::Der { detail: "bytes after the list".to_owned() });
    }
    let name = Fingerprint::of(parsed.issuer().as_raw());
    if name != issuer.subject_id() {
        return Err(CrlError::OtherIssuer { expected: issuer.subject().to_owned() });
    }
    if issuer.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        return Err(CrlError::IssuerUsage { subject: issuer.subject().to_owned() });
    }
    if parsed.signature_algorithm != parsed.tbs_cert_list.signature {
        return Err(CrlError::Der { detail: "two signature algorithms".to_owned() });
    }
    check_signature(der, issuer, policy)?;
    Ok(RevocationList {
        issuer: name,
        issuer_key: issuer.public_key().spki_der().to_vec(),
        issuer_name: issuer.subject().to_owned(),
        number: number(parsed.extensions())?,
        this_update: timestamp(parsed.last_update()),
        next_update: parsed.next_update().map(timestamp),
        revoked: entries(parsed.iter_revoked_certificates())?,
        digest: Fingerprint::of(der),
    })
}

/// The three parts of the list as they stand in the DER.
fn check_signature(
    der: &[u8],
    issuer: &Certificate,
    policy: &SignaturePolicy,
) -> Result<(), CrlError> {
    let malformed = |error: x509_cert::der::Error| CrlError::Der { detail: error.to_string() };
    let mut reader = SliceReader::new(der).map_err(malformed)?;
    let parts: Result<_, x509_cert::der::Error> = reader.sequence(|inner| {
        let tbs = inner.tlv_bytes()?;
        Ok((tbs, AnyRef::decode(inner)?, BitStringRef::decode(inner)?))
    });
    let (tbs, algorithm, value) = parts.map_err(malformed)?;
    let Some(value) = value.as_bytes() else {
        return Err(CrlError::Der { detail: "expected whole bytes of signature".to_owned() });
    };
    match chain::verify_signed(policy, issuer.public_key(), algorithm.value(), tbs, value) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CrlError::BadSignature { issuer: issuer.subject().to_owned() }),
        Err(chain::NotTaken) => Err(CrlError::Algorithm),
    }
}

/// The extensions that change nothing, and the number. Critical ones that are not known
/// say that the list is another kind of list (RFC 5280, section 5.2).
fn number(extensions: &[X509Extension<'_>]) -> Result<Option<String>, CrlError> {
    let mut number = None;
    for extension in extensions {
        match extension.parsed_extension() {
            ParsedExtension::CRLNumber(value) => number = Some(hex::encode(&value.to_bytes_be())),
            ParsedExtension::AuthorityKeyIdentifier(_) => {}
            _ if extension.critical => {
                return Err(CrlError::CriticalExtension { oid: extension.oid.to_id_string() });
            }
            _ => {}
        }
    }
    Ok(number)
}

fn entries<'r, 'd: 'r>(
    list: impl Iterator<Item = &'r RevokedCertificate<'d>>,
) -> Result<BTreeMap<String, Revoked>, CrlError> {
    let mut entries = BTreeMap::new();
    for entry in list {
        let mut reason = "unspecified";
        for extension in entry.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ReasonCode(code) => reason = reason_name(code.0),
                _ if extension.critical => {
                    return Err(CrlError::CriticalExtension { oid: extension.oid.to_id_string() });
                }
                _ => {}
            }
        }
        let at = timestamp(entry.revocation_date);
        // Of two entries for one certificate the earlier one counts.
        let revoked =
            entries.entry(serial_hex(entry.raw_serial())).or_insert(Revoked { at, reason });
        if at < revoked.at {
            *revoked = Revoked { at, reason };
        }
    }
    Ok(entries)
}

/// RFC 5280, section 5.3.1.
fn reason_name(code: u8) -> &'static str {
    match code {
        1 => "keyCompromise",
        2 => "cACompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        6 => "certificateHold",
        8 => "removeFromCRL",
        9 => "privilegeWithdrawn",
        10 => "aACompromise",
        _ => "unspecified",
    }
}

fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}
