//! Encoding and signing of certificates (RFC 5280, section 4).
//!
//! In: a specification and the issuer's key. Out: a certificate, read back by
//! our own parser. The builder of x509-cert asks for the signature traits of
//! RustCrypto; [`Issuer`] answers them by calling *ring*.

use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{self, Keypair, Signer};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder as _, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{
    Any, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, PrintableString, Utf8StringRef,
};
use x509_cert::der::flagset::FlagSet;
use x509_cert::der::{self, Decode as _, Document, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SignatureBitStringEncoding, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity as Window};

use super::{CaSpec, ExtendedUsage, LeafSpec, PkiError, Usage, Validity};
use crate::algorithm::{DigestAlgorithm, KeyFamily, SignatureAlgorithm};
use crate::certificate::Certificate;
use crate::key::{KeyError, PublicKey, SigningKey};
use crate::sm2;

/// Random bytes of a serial number; the first is never zero and the number
/// never negative.
const SERIAL_BYTES: usize = 16;

pub(super) fn ca(
    spec: &CaSpec,
    public: &PublicKey,
    key: &SigningKey,
    issuer: Option<&Certificate>,
) -> Result<Certificate, PkiError> {
    let mut extensions = vec![Wanted::Constraints(BasicConstraints {
        ca: spec.ca,
        path_len_constraint: spec.path_len,
    })];
    extensions.extend(usages(&spec.usage, &spec.extended));
    let subject = name(&[("2.5.4.6", "CN"), ("2.5.4.3", &spec.name)])?;
    let issuer = issuer.map_or(Ok(subject.clone()), subject_of)?;
    let profile = Profile { subject, issuer, extensions };
    build(profile, &spec.validity, public, key, spec.signed_with_sha1)
}

pub(super) fn leaf(
    spec: &LeafSpec,
    public: &PublicKey,
    key: &SigningKey,
    issuer: &Certificate,
) -> Result<Certificate, PkiError> {
    let mut extensions = usages(&spec.usage, &spec.extended);
    let mut names = Vec::new();
    for dns in &spec.dns {
        names.push(GeneralName::DnsName(Ia5String::new(dns).map_err(|e| encoding(&e))?));
    }
    names.extend(spec.ips.iter().map(|ip| GeneralName::from(*ip)));
    if !names.is_empty() {
        extensions.push(Wanted::Names(SubjectAltName(names)));
    }
    let mut parts = vec![("2.5.4.6", "CN")];
    if let Some(organization) = spec.organization.as_deref().filter(|o| !o.is_empty()) {
        parts.push(("2.5.4.10", organization));
    }
    parts.push(("2.5.4.3", &spec.common_name));
    let profile = Profile { subject: name(&parts)?, issuer: subject_of(issuer)?, extensions };
    build(profile, &spec.validity, public, key, spec.signed_with_sha1)
}

pub(super) fn sign_rsa_sha1(key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, PkiError> {
    if key.public_key().family() != KeyFamily::Rsa {
        let algorithm = SignatureAlgorithm::RsaPkcs1Sha1;
        let family = key.public_key().family();
        return Err(PkiError::Key(KeyError::Mismatch { algorithm, family }));
    }
    // DigestInfo of SHA-1 (RFC 8017, section 9.2, note 1).
    let mut info = vec![
        0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
    ];
    info.extend(DigestAlgorithm::Sha1.digest(message));
    rsa::PrivateKey::from_pkcs8_der(key.pkcs8_der())
        .map_err(|e| encoding(&e))?
        .sign(rsa::Pkcs1v15Sign::new_unprefixed(), &info)
        .map_err(|e| encoding(&e))
}

pub(super) fn encoding(error: &dyn std::fmt::Display) -> PkiError {
    PkiError::Encoding { detail: error.to_string() }
}

fn build(
    profile: Profile,
    validity: &Validity,
    public: &PublicKey,
    key: &SigningKey,
    sha1: bool,
) -> Result<Certificate, PkiError> {
    let spki = SubjectPublicKeyInfoOwned::from_der(public.spki_der()).map_err(|e| encoding(&e))?;
    let window = Window::new(time(validity.from)?, time(validity.until)?);
    let certificate = CertificateBuilder::new(profile, serial()?, window, spki)
        .and_then(|builder| builder.build::<_, RawSignature>(&Issuer { key, sha1 }))
        .map_err(|e| encoding(&e))?;
    let der = certificate.to_der().map_err(|e| encoding(&e))?;
    Certificate::from_der(der).map_err(PkiError::Certificate)
}

fn serial() -> Result<SerialNumber, PkiError> {
    let mut bytes: [u8; SERIAL_BYTES] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| PkiError::Key(KeyError::Generation))?
        .expose();
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    SerialNumber::new(&bytes).map_err(|e| encoding(&e))
}

pub(super) fn time(at: jiff::Timestamp) -> Result<Time, PkiError> {
    let seconds = u64::try_from(at.as_second()).map_err(|e| encoding(&e))?;
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))
        .map(Time::GeneralTime)
        .map_err(|e| encoding(&e))
}

pub(super) fn subject_of(certificate: &Certificate) -> Result<Name, PkiError> {
    x509_cert::Certificate::from_der(certificate.der())
        .map(|c| c.tbs_certificate().subject().clone())
        .map_err(|e| encoding(&e))
}

// Built from parts rather than from the text form of RFC 4514, so that no
// character of a name needs escaping.
fn name(parts: &[(&str, &str)]) -> Result<Name, PkiError> {
    let encode = || -> Result<Name, der::Error> {
        let mut sequence = RdnSequence::default();
        for (oid, text) in parts {
            // A country is a PrintableString (RFC 5280, appendix A.1).
            let value = match *oid {
                "2.5.4.6" => Any::encode_from(&PrintableString::new(text)?)?,
                _ => Any::encode_from(&Utf8StringRef::new(text)?)?,
            };
            let mut rdn = RelativeDistinguishedName::default();
            rdn.insert(AttributeTypeAndValue { oid: ObjectIdentifier::new_unwrap(oid), value })?;
            sequence.push(rdn);
        }
        Name::from_der(&sequence.to_der()?)
    };
    encode().map_err(|e| encoding(&e))
}

enum Wanted {
    Constraints(BasicConstraints),
    Usage(KeyUsage),
    Extended(ExtendedKeyUsage),
    Names(SubjectAltName),
}

fn usages(usage: &[Usage], extended: &[ExtendedUsage]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    if !usage.is_empty() {
        let mut flags: FlagSet<KeyUsages> = FlagSet::default();
        for bit in usage {
            flags |= match bit {
                Usage::DigitalSignature => KeyUsages::DigitalSignature,
                Usage::NonRepudiation => KeyUsages::NonRepudiation,
                Usage::KeyEncipherment => KeyUsages::KeyEncipherment,
                Usage::KeyAgreement => KeyUsages::KeyAgreement,
                Usage::KeyCertSign => KeyUsages::KeyCertSign,
                Usage::CrlSign => KeyUsages::CRLSign,
            };
        }
        wanted.push(Wanted::Usage(KeyUsage(flags)));
    }
    if !extended.is_empty() {
        let oids = extended.iter().map(|e| ObjectIdentifier::new_unwrap(e.oid())).collect();
        wanted.push(Wanted::Extended(ExtendedKeyUsage(oids)));
    }
    wanted
}

struct Profile {
    subject: Name,
    issuer: Name,
    extensions: Vec<Wanted>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        spk: SubjectPublicKeyInfoRef<'_>,
        issuer_spk: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let mut done: Vec<Extension> = Vec::new();
        for wanted in &self.extensions {
            let extension = match wanted {
                // Critical in a CA (RFC 5280, section 4.2.1.9).
                Wanted::Constraints(value) => (true, value).to_extension(subject, &done)?,
                Wanted::Usage(value) => value.to_extension(subject, &done)?,
                Wanted::Extended(value) => value.to_extension(subject, &done)?,
                Wanted::Names(value) => value.to_extension(subject, &done)?,
            };
            done.push(extension);
        }
        done.push((&SubjectKeyIdentifier::try_from(spk)?).to_extension(subject, &done)?);
        done.push((&AuthorityKeyIdentifier::try_from(issuer_spk)?).to_extension(subject, &done)?);
        Ok(done)
    }
}

/// A CA's key in the shape that the builder asks for.
pub(super) struct Issuer<'k> {
    pub(super) key: &'k SigningKey,
    pub(super) sha1: bool,
}

/// A signature value as it stands in the certificate's BIT STRING.
pub(super) struct RawSignature(pub(super) Vec<u8>);

impl SignatureBitStringEncoding for RawSignature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

#[derive(Clone)]
pub(super) struct Public(PublicKey);

impl EncodePublicKey for Public {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.0.spki_der())?)
    }
}

impl Keypair for Issuer<'_> {
    type VerifyingKey = Public;

    fn verifying_key(&self) -> Public {
        Public(self.key.public_key().clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Issuer<'_> {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        // RSA has NULL parameters (RFC 8017, appendix C), the others none
        // (RFC 5758, section 3.2; RFC 8410, section 3; GM/T 0015).
        let (oid, parameters) = match self.key.public_key().family() {
            KeyFamily::Rsa if self.sha1 => ("1.2.840.113549.1.1.5", Some(Any::null())),
            KeyFamily::Rsa => ("1.2.840.113549.1.1.11", Some(Any::null())),
            KeyFamily::EcdsaP384 => ("1.2.840.10045.4.3.3", None),
            KeyFamily::Ed25519 => ("1.3.101.112", None),
            KeyFamily::Sm2 => ("1.2.156.10197.1.501", None),
            _ => ("1.2.840.10045.4.3.2", None),
        };
        Ok(AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters })
    }
}

impl Signer<RawSignature> for Issuer<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<RawSignature, signature::Error> {
        let failed = |_| signature::Error::new();
        if self.sha1 {
            return sign_rsa_sha1(self.key, message).map(RawSignature).map_err(failed);
        }
        let value = self
            .key
            .sign(self.key.default_algorithm(), message)
            .map_err(|_| signature::Error::new())?;
        match self.key.public_key().family() {
            KeyFamily::EcdsaP256 | KeyFamily::EcdsaP384 | KeyFamily::Sm2 => {
                sm2::der_from_raw(&value).map(RawSignature).ok_or_else(signature::Error::new)
            }
            _ => Ok(RawSignature(value)),
        }
    }
}
