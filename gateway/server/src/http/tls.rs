//! TLS of the door: rustls with the provider ring. A client certificate is
//! optional on the connection and required by the routes, so that health and
//! the public log stay open to everyone.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Listen;

/// What is wrong with the door's certificate, key or anchors.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("listen.certificate holds no usable certificate")]
    Certificate(#[source] Option<rustls_pki_types::pem::Error>),
    #[error("listen.key holds no usable private key")]
    Key(#[source] rustls_pki_types::pem::Error),
    #[error("trust.anchors cannot serve for client certificates")]
    Anchors(#[source] rustls::server::VerifierBuilderError),
    #[error("listen.certificate and listen.key do not fit together")]
    Pair(#[source] rustls::Error),
}

/// Builds the acceptor.
///
/// # Errors
/// When certificate, key or anchors cannot be read, or do not fit together.
pub(crate) fn acceptor(listen: &Listen) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_slice_iter(listen.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Certificate(Some(error)))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate(None));
    }
    let key = PrivateKeyDer::from_pem_slice(listen.key.as_bytes()).map_err(TlsError::Key)?;
    let mut roots = RootCertStore::empty();
    let anchors = CertificateDer::pem_slice_iter(listen.client_anchors.as_bytes());
    roots.add_parsable_certificates(anchors.filter_map(Result::ok));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(TlsError::Anchors)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
