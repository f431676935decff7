//! A party of a zone: what it signs with, and its HTTPS client. In come the files of
//! the zone's test PKI; out go signed messages and connections in its name.

use std::fs;
use std::path::Path;

use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{ClientOptions, HttpClient};

/// What a party signs with.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    chain: Vec<Certificate>,
}

impl Signer {
    /// Reads `pki/ID.pem` and `pki/ID.key` of a zone.
    pub(super) fn read(folder: &Path, id: &str) -> Signer {
        let chain = Certificate::from_pem(&text(folder, &format!("pki/{id}.pem")));
        let key = SigningKey::from_pkcs8_pem(&text(folder, &format!("pki/{id}.key")));
        Signer { key: key.expect("a key of the test PKI"), chain: chain.expect("a certificate") }
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        self.chain.first().expect("a chain begins with the own certificate")
    }

    /// `xml` with an enveloped signature, as the gateway wants it.
    ///
    /// # Panics
    /// When `xml` cannot be signed.
    pub fn sign(&self, xml: &str) -> Vec<u8> {
        let signed = xmldsig::sign(xml, &self.key, &self.chain, &SignOptions::default());
        signed.expect("a message that can be signed").into_bytes()
    }
}

/// A client with the certificate of the party `id`.
pub(super) fn client(folder: &Path, url: &str, id: &str) -> HttpClient {
    let pem = |name: String| text(folder, &name).into_bytes();
    let options = ClientOptions::new(url, pem("pki/ca.pem".to_owned()))
        .identity(pem(format!("pki/{id}.pem")), pem(format!("pki/{id}.key")));
    HttpClient::new(options).expect("files of the test PKI")
}

/// A file of a zone.
pub(super) fn text(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
