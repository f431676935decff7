//! Trust and identity for TLS, the same for brokers and for HTTPS: only the given
//! certificates are trusted, never those of the system.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Which of the PEM texts cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    Certificate(String),
    Key(String),
}

/// A client that trusts `ca_pem` and shows `identity` (chain and key).
pub(crate) fn client(
    ca_pem: &[u8],
    identity: Option<(&[u8], &[u8])>,
) -> Result<Arc<ClientConfig>, Unusable> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("certificates to trust", ca_pem)? {
        let added = roots.add(certificate);
        added.map_err(|e| Unusable::Certificate(format!("certificates to trust: {e}")))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Unusable::Certificate(e.to_string()))?
        .with_root_certificates(roots);
    let Some((chain, key)) = identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
    let chain = certificates("own certificate", chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| Unusable::Key(e.to_string()))?;
    let client = builder.with_client_auth_cert(chain, key);
    Ok(Arc::new(client.map_err(|e| Unusable::Key(e.to_string()))?))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let unusable = |why: &dyn std::fmt::Display| Unusable::Certificate(format!("{what}: {why}"));
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(unusable(&"no certificate in it")),
        Ok(all) => Ok(all),
        Err(why) => Err(unusable(&why)),
    }
}
