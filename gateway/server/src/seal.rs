//! The gateway's seal: the certificate and key that countersign every checkpoint.
//! In: two PEM texts; out: something the ledger can ask for signatures. A key
//! that does not belong to the certificate is refused before anything is signed.

use std::sync::Arc;

use onepoint_certs::{Certificate, KeyFamily, PublicKey, SignatureAlgorithm, SigningKey};
use onepoint_envelope::jws::{self, JwsOptions, KeyMember};
use onepoint_envelope::xmldsig::{self, SignError, SignOptions};
use onepoint_proof::countersign::CountersignAlgorithm;
use onepoint_store::{Cause, Seal};

/// Fewest bits of an RSA key that seals.
const MIN_RSA_BITS: u32 = 2048;

/// Certificates and key of the seal.
#[derive(Debug, Clone)]
pub(crate) struct GatewaySeal {
    certificate: Certificate,
    certificates: Arc<Vec<Certificate>>,
    chain: Vec<Vec<u8>>,
    key: Arc<SigningKey>,
}

impl GatewaySeal {
    /// Takes certificate chain (leaf first) and key (PKCS#8).
    ///
    /// # Errors
    /// A sentence that says what does not fit, and to which of the two it belongs.
    pub(crate) fn from_pem(chain: &str, key: &str) -> Result<GatewaySeal, SealFault> {
        let chain = Certificate::from_pem(chain)
            .map_err(|error| SealFault::Certificate(error.to_string()))?;
        let key =
            SigningKey::from_pkcs8_pem(key).map_err(|error| SealFault::Key(error.to_string()))?;
        let Some(certificate) = chain.first() else {
            return Err(SealFault::Certificate("holds no certificate".to_owned()));
        };
        let certificate = certificate.clone();
        let public = certificate.public_key();
        if public.spki_der() != key.public_key().spki_der() {
            return Err(SealFault::Key("is not the key of the certificate".to_owned()));
        }
        if let Some(what) = unfit(&certificate) {
            return Err(SealFault::Certificate(what.to_owned()));
        }
        let der = chain.iter().map(|certificate| certificate.der().to_vec()).collect();
        let certificates = Arc::new(chain);
        Ok(GatewaySeal { certificate, certificates, chain: der, key: Arc::new(key) })
    }

    /// A detached JSON Web Signature over `bytes` (RFC 7515 appendix F), which names the
    /// certificate by its thumbprint.
    ///
    /// # Errors
    /// What the library says of the key; none for a seal that was taken.
    pub(crate) fn sign_detached(&self, bytes: &[u8]) -> Result<String, String> {
        let options =
            JwsOptions { key: KeyMember::Thumbprint, detached: true, ..JwsOptions::default() };
        let chain = std::slice::from_ref(&self.certificate);
        jws::sign_compact(bytes, &self.key, chain, &options).map_err(|error| error.en())
    }

    /// The certificate that signs.
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs an XML document as the gateway: an enveloped XML Signature.
    ///
    /// # Errors
    /// What the crate envelope says of the document or the key.
    pub(crate) fn sign_xml(&self, xml: &str) -> Result<String, SignError> {
        xmldsig::sign(xml, &self.key, &self.certificates, &SignOptions::default())
    }
}

/// Which of the two files is at fault, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SealFault {
    Certificate(String),
    Key(String),
}

/// Why a certificate cannot be that of a seal, if it cannot.
pub(crate) fn unfit(certificate: &Certificate) -> Option<&'static str> {
    if !may_seal(certificate.public_key()) {
        return Some("has a key that cannot seal: expected P-256, or RSA of 2,048 bits or more");
    }
    if certificate.key_usage().is_some_and(|usage| !usage.may_sign()) {
        return Some("may not sign: its key usage has neither digitalSignature nor nonRepudiation");
    }
    None
}

fn may_seal(key: &PublicKey) -> bool {
    match key.family() {
        KeyFamily::EcdsaP256 => true,
        KeyFamily::Rsa => key.bits() >= MIN_RSA_BITS,
        _ => false,
    }
}

impl Seal for GatewaySeal {
    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn sign(&self, algorithm: CountersignAlgorithm, message: &[u8]) -> Result<Vec<u8>, Cause> {
        let algorithm = match algorithm {
            CountersignAlgorithm::EcdsaP256Sha256 => SignatureAlgorithm::EcdsaP256Sha256,
            CountersignAlgorithm::RsaPkcs1Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
        };
        Ok(self.key.sign(algorithm, message)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};
    use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Usage, Validity};

    fn issue(kind: KeyKind, usage: Vec<Usage>) -> (String, String) {
        let from = Timestamp::from_millisecond(1_795_478_400_000).unwrap();
        let validity = Validity { from, until: from + SignedDuration::from_hours(24) };
        let ca = TestCa::new("CA", KeyKind::P256, validity).unwrap();
        let spec = LeafSpec { usage, ..LeafSpec::signer("seal", "OnePoint", kind, validity) };
        let issued = ca.issue(&spec).unwrap();
        (issued.chain_pem(), issued.key_pem().to_string())
    }

    fn fault(chain: &str, key: &str) -> SealFault {
        GatewaySeal::from_pem(chain, key).unwrap_err()
    }

    #[test]
    fn it_signs_with_the_key_of_its_certificate() {
        let (chain, key) = issue(KeyKind::P256, vec![Usage::NonRepudiation]);
        let seal = GatewaySeal::from_pem(&chain, &key).unwrap();
        let signature = seal.sign(CountersignAlgorithm::EcdsaP256Sha256, b"text").unwrap();
        let public = seal.certificate().public_key();
        public.verify(SignatureAlgorithm::EcdsaP256Sha256, b"text", &signature).unwrap();
        assert!(seal.sign(CountersignAlgorithm::RsaPkcs1Sha256, b"text").is_err());
    }

    #[test]
    fn what_does_not_fit_is_said_of_the_right_file() {
        let (chain, key) = issue(KeyKind::P256, vec![Usage::DigitalSignature]);
        let (other, _) = issue(KeyKind::P256, vec![Usage::DigitalSignature]);
        assert!(
            matches!(fault(&other, &key), SealFault::Key(what) if what.contains("not the key"))
        );
        assert!(matches!(fault(&chain, "x"), SealFault::Key(_)));
        assert!(matches!(fault("x", &key), SealFault::Certificate(_)));
        let (chain, key) = issue(KeyKind::P256, vec![Usage::KeyAgreement]);
        assert!(
            matches!(fault(&chain, &key), SealFault::Certificate(what) if what.contains("usage"))
        );
    }
}
