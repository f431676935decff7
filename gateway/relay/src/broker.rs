//! The address of a RabbitMQ, and one bounded attempt to reach it by AMQP 0-9-1.
//! In come a URL and, for `amqps`, PEM texts; out goes a connection or an error that
//! says which of network, TLS, credentials or topology it was. Loops that try again
//! are in the publisher, the consumer and the runner.

use std::fmt;
use std::io;
use std::time::Duration;

use lapin::tcp::{AMQPUriTcpExt, OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use tokio::time::timeout;

pub use error::BrokerError;

mod error;

/// How long the network may take to connect, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a whole attempt may take, the AMQP handshake included. Longer than
/// [`CONNECT_TIMEOUT`]: a broker that starts up accepts connections long before it answers.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Seconds between heartbeats we ask for, unless the address names another number;
/// a peer that is silent for twice as long counts as lost.
pub const HEARTBEAT: u16 = 10;
/// How long a request on a channel (declare, bind, consume) may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a broker is and how to reach it. Holds no socket.
#[derive(Clone)]
pub struct Broker {
    uri: AMQPUri,
    tls: Option<BrokerTls>,
    name: String,
    shown: String,
}

/// Trust and identity for `amqps`.
#[derive(Clone)]
pub struct BrokerTls {
    /// The certificates that may vouch for the broker, PEM.
    pub ca_pem: String,
    /// The client's chain (PEM, own certificate first) and key (PEM, PKCS #8).
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Broker {
    /// Reads an address such as `amqp://user:password@host:5672/%2f`.
    ///
    /// `connection_name` is what the broker's own lists show for our connections.
    ///
    /// # Errors
    /// `broker-address`: not an AMQP URL, without a host, or `amqps` without TLS settings.
    pub fn new(
        url: &str,
        connection_name: &str,
        tls: Option<BrokerTls>,
    ) -> Result<Broker, BrokerError> {
        let mut uri: AMQPUri = url.parse().map_err(BrokerError::Address)?;
        if uri.scheme == AMQPScheme::AMQPS && tls.is_none() {
            return Err(BrokerError::Address("amqps needs the certificates to trust".to_owned()));
        }
        if !url.contains("://") || uri.authority.host.is_empty() {
            return Err(BrokerError::Address("the host is missing".to_owned()));
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let shown =
            format!("{}://{}:{}/{}", uri.scheme, uri.authority.host, uri.authority.port, uri.vhost);
        Ok(Broker { uri, tls, name: connection_name.to_owned(), shown })
    }

    /// The address without user and password, for logs and messages.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// One attempt to connect and to log in.
    ///
    /// # Errors
    /// See [`BrokerError`]; within [`HANDSHAKE_TIMEOUT`] in any case.
    pub async fn connect(&self) -> Result<Connection, BrokerError> {
        let tls = self.tls_config();
        let open = async move |uri: AMQPUri, runtime| {
            let connected = AMQPUriTcpExt::connect_with_config_async(&uri, tls.as_ref(), &runtime);
            match timeout(CONNECT_TIMEOUT, connected).await {
                Ok(stream) => stream.map_err(lapin::Error::from),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        };
        let runtime = lapin::runtime::default_runtime().map_err(|e| self.error(e))?;
        let properties =
            ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        // No recovery by the library: our own loops declare, select confirms and publish
        // again from the outbox, which the library cannot know about.
        let connecting = Connection::connector(self.uri.clone(), runtime, open, properties);
        match timeout(HANDSHAKE_TIMEOUT, connecting).await {
            Ok(connection) => connection.map_err(|e| self.error(e)),
            Err(_) => Err(BrokerError::Timeout { broker: self.shown.clone() }),
        }
    }

    /// Connects, logs in and leaves again: for a check of the configuration.
    ///
    /// # Errors
    /// As [`Broker::connect`].
    pub async fn probe(&self) -> Result<(), BrokerError> {
        close(&self.connect().await?).await;
        Ok(())
    }

    /// Sorts an error of the library into ours.
    pub(crate) fn error(&self, source: lapin::Error) -> BrokerError {
        error::sort(self.shown.clone(), source)
    }

    /// A request that must be answered in time.
    pub(crate) async fn answered<T>(
        &self,
        request: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, BrokerError> {
        match timeout(REQUEST_TIMEOUT, request).await {
            Ok(answer) => answer.map_err(|e| self.error(e)),
            Err(_) => Err(BrokerError::Timeout { broker: self.shown.clone() }),
        }
    }

    fn tls_config(&self) -> OwnedTLSConfig {
        let Some(tls) = &self.tls else { return OwnedTLSConfig::default() };
        OwnedTLSConfig {
            identity: tls
                .identity
                .clone()
                .map(|(chain, key)| OwnedIdentity::PKCS8 { pem: chain, key }),
            cert_chain: Some(tls.ca_pem.clone()),
        }
    }
}

impl fmt::Debug for Broker {
    /// Without user, password and key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("address", &self.shown).finish_non_exhaustive()
    }
}

impl fmt::Debug for BrokerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerTls").field("identity", &self.identity.is_some()).finish()
    }
}

/// Says goodbye, if the other side still listens.
pub(crate) async fn close(connection: &Connection) {
    let goodbye = connection.close(200, "bye".into());
    if !matches!(timeout(CLOSE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
        tracing::debug!("the broker did not answer the goodbye");
    }
}

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
