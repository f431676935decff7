//! The address of a RabbitMQ, and one bounded attempt to reach it by AMQP 0-9-1.
//! In come a URL and, for `amqps`, PEM texts; out goes a connection or an error that
//! says which of network, TLS, credentials or topology it was. Loops that try again
//! are in the publisher, the consumer and the runner.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_rs::Runtime;
use lapin::tcp::AsyncTcpStream;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties, ErrorKind};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::tls::{self, Unusable};

pub use error::BrokerError;

use stream::{Kit, Stream};

mod error;
mod stream;

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
    tls: Option<Arc<ClientConfig>>,
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
    /// `broker-certificate`: the TLS settings hold no usable certificates or key.
    pub fn new(
        url: &str,
        connection_name: &str,
        tls: Option<BrokerTls>,
    ) -> Result<Broker, BrokerError> {
        let mut uri: AMQPUri = url.parse().map_err(BrokerError::Address)?;
        let tls = match (&uri.scheme, tls) {
            (AMQPScheme::AMQP, _) => None,
            (AMQPScheme::AMQPS, Some(tls)) => Some(tls.client()?),
            (AMQPScheme::AMQPS, None) => {
                let why = "amqps needs the certificates to trust";
                return Err(BrokerError::Address(why.to_owned()));
            }
        };
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
        // Ends the connection, and with it a thread of the library, when this attempt is
        // given up; a connection that is made is not touched.
        let end = CancellationToken::new();
        let give_up = end.clone().drop_guard();
        let tls = self.tls.clone();
        let open = async move |uri: AMQPUri, _: Runtime<Kit>| {
            let stream = Stream::open(&uri, tls.clone(), end.clone()).await;
            stream.map(AsyncTcpStream::Plain).map_err(lapin::Error::from)
        };
        let properties =
            ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        // No recovery by the library: our own loops declare, select confirms and publish
        // again from the outbox, which the library cannot know about.
        let runtime = Runtime::new(Kit::current());
        let connecting = Connection::connector(self.uri.clone(), runtime, open, properties);
        match timeout(HANDSHAKE_TIMEOUT, connecting).await {
            Ok(connection) => {
                let connection = connection.map_err(|e| self.error(e))?;
                give_up.disarm();
                Ok(connection)
            }
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
}

impl BrokerTls {
    fn client(&self) -> Result<Arc<ClientConfig>, BrokerError> {
        let identity = self.identity.as_ref().map(|(chain, key)| (&chain[..], &key[..]));
        tls::client(self.ca_pem.as_bytes(), identity).map_err(|unusable| match unusable {
            Unusable::Certificate(why) | Unusable::Key(why) => BrokerError::Certificate(why),
        })
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

/// The size of the message over which the broker ended the channel (RabbitMQ,
/// `max_message_size`): it names both sizes in its words, ours first.
pub(crate) fn too_large(error: &lapin::Error) -> Option<usize> {
    let ErrorKind::ProtocolError(error) = error.kind() else { return None };
    let text = error.get_message().to_string();
    let rest = text.split_once("message size ")?.1;
    let (size, rest) = rest.split_once(' ')?;
    rest.starts_with("is larger than").then(|| size.parse().ok())?
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
