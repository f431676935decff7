//! From an address to an open HTTP/1.1 connection: TCP, TLS, handshake, each with its
//! own errors.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::public::is_public;
use super::{ClientError, ClientOptions};
use crate::tls;

/// Bytes of the head of a response.
const HEAD_BYTES: usize = 128 * 1024;

/// A server's address and how to speak to it.
pub(super) struct Target {
    pub(super) base: String,
    /// For the header `host`.
    pub(super) authority: String,
    host: String,
    port: u16,
    name: ServerName<'static>,
    /// None for plain HTTP.
    tls: Option<TlsConnector>,
    connect_timeout: Duration,
    public_only: bool,
}

impl Target {
    pub(super) fn new(options: &ClientOptions) -> Result<Target, ClientError> {
        let address = |why: &str| ClientError::Address(format!("{}: {why}", options.base));
        let uri: Uri = options.base.parse().map_err(|_| address("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| address("without a host"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if options.plain => false,
            _ => return Err(address("only https is spoken")),
        };
        if !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
            || authority.as_str().contains('@')
        {
            return Err(address("expected only host and port"));
        }
        let identity = options.identity.as_ref().map(|(chain, key)| (&chain[..], &key[..]));
        let tls = secure.then(|| tls::client(&options.ca_pem, identity)).transpose();
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| address("no host name"))?;
        Ok(Target {
            base: options.base.trim_end_matches('/').to_owned(),
            authority: authority.to_string(),
            host,
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            name,
            tls: tls.map_err(ClientError::from)?.map(TlsConnector::from),
            connect_timeout: options.connect_timeout,
            public_only: options.public_only,
        })
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        match timeout(self.connect_timeout, self.open()).await {
            Ok(connection) => connection,
            Err(_) => Err(self.timed_out()),
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let address = (self.host.as_str(), self.port);
        let tcp = match self.public_only {
            false => TcpStream::connect(address).await,
            true => {
                let found = lookup_host(address).await.map_err(|e| self.unreachable(e))?;
                let found: Vec<SocketAddr> = found.collect();
                if let Some(inside) = found.iter().find(|at| !is_public(at.ip())) {
                    let (server, address) = (self.base.clone(), inside.ip().to_string());
                    return Err(ClientError::Private { server, address });
                }
                // These very addresses: a second look-up might give others.
                TcpStream::connect(found.as_slice()).await
            }
        };
        let tcp = tcp.map_err(|e| self.unreachable(e))?;
        tcp.set_nodelay(true).map_err(|e| self.unreachable(e))?;
        let Some(tls) = &self.tls else { return self.speak(tcp).await };
        let tls = tls.connect(self.name.clone(), tcp).await.map_err(|e| self.no_tls(e))?;
        self.speak(tls).await
    }

    /// HTTP on an open stream.
    async fn speak<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = Builder::new();
        http.max_buf_size(HEAD_BYTES);
        let (sender, connection) =
            http.handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(e))?;
        tokio::spawn(async move {
            // Whoever waits for a response gets the same error.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        Ok(sender)
    }

    pub(super) fn timed_out(&self) -> ClientError {
        ClientError::Timeout { server: self.base.clone() }
    }

    fn unreachable(&self, source: io::Error) -> ClientError {
        let server = self.base.clone();
        match source.kind() {
            io::ErrorKind::TimedOut => ClientError::Timeout { server },
            io::ErrorKind::ConnectionRefused => ClientError::Refused { server, source },
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                ClientError::Refused { server, source }
            }
            // What a resolver says has no kind of its own.
            _ if source.raw_os_error().is_none() => ClientError::HostUnknown { server, source },
            _ => ClientError::Lost { server, source: source.into() },
        }
    }
}
