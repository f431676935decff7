//! A department's system behind two tables of a PostgreSQL. Orders are inserted into one,
//! once for each delivery; replies are rows of the other, written by the department. What
//! is not there is made, if the user may:
//!
//! - orders: see [`ORDERS`]; `delivery` is the primary key, so an order comes once
//! - replies: see [`REPLIES`]; `state` goes from `new` to `taken`, or to `refused` with the
//!   reason beside it
//!
//! Without TLS only loopback addresses and sockets are spoken to.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::debug;

use super::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::runner::{BATCH, HandlerError};
use crate::tls::{self, Unusable};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of a name: what PostgreSQL keeps of one.
const NAME_CHARS: usize = 63;
/// The table of orders, but for its name.
pub const ORDERS: &str = "(
    number bigint GENERATED ALWAYS AS IDENTITY,
    delivery text PRIMARY KEY,
    message text NOT NULL,
    type text NOT NULL,
    sender text NOT NULL,
    documents integer[] NOT NULL,
    received text NOT NULL,
    content_type text NOT NULL,
    content text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT now()
)";
/// The table of replies, but for its name.
pub const REPLIES: &str = "(
    number bigint GENERATED ALWAYS AS IDENTITY,
    id text PRIMARY KEY,
    delivery text NOT NULL,
    content text NOT NULL,
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'taken', 'refused')),
    reason text
)";

/// Where the tables are.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgresql://user:password@host:port/database`, or `key=value` words.
    pub url: String,
    /// The certificates that may vouch for the server, PEM; with them TLS is required.
    pub ca_pem: Option<Vec<u8>>,
    /// The client's chain and key, PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// `name`, or `schema.name`.
    pub orders: String,
    /// The same for replies, if there are any.
    pub replies: Option<String>,
}

/// Inserts into one table and reads another.
pub struct PostgresBackend {
    config: Config,
    tls: Option<Arc<ClientConfig>>,
    orders: String,
    replies: Option<String>,
    client: Option<Client>,
}

/// The options cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresError {
    /// The address cannot be read.
    #[error("the address of the database cannot be read: {0}")]
    Address(String),
    /// Neither TLS nor a way that stays on this machine.
    #[error("a database on another machine needs `ca`, the certificates to trust")]
    Plain,
    /// Certificates or key cannot be read.
    #[error("{0}")]
    Certificate(String),
    /// A table's name.
    #[error(
        "{0:?} is no name of a table: expected small letters, digits and _, perhaps schema.name"
    )]
    Name(String),
}

impl PostgresBackend {
    /// A back end; it connects when it is first used.
    ///
    /// # Errors
    /// See [`PostgresError`].
    pub fn new(options: &PostgresOptions) -> Result<PostgresBackend, PostgresError> {
        let mut config: Config =
            options.url.parse().map_err(|e| PostgresError::Address(told(&e)))?;
        config.connect_timeout(CONNECT_TIMEOUT).application_name("onepoint");
        let identity = options.identity.as_ref().map(|(chain, key)| (&chain[..], &key[..]));
        let tls = match &options.ca_pem {
            Some(ca) => {
                config.ssl_mode(SslMode::Require);
                let client = tls::client(ca, identity);
                Some(client.map_err(|unusable| match unusable {
                    Unusable::Certificate(why) | Unusable::Key(why) => {
                        PostgresError::Certificate(why)
                    }
                })?)
            }
            None if stays_here(&config) => None,
            None => return Err(PostgresError::Plain),
        };
        let replies = options.replies.as_deref().map(table).transpose()?;
        Ok(PostgresBackend { config, tls, orders: table(&options.orders)?, replies, client: None })
    }

    /// The connection, a new one if need be.
    async fn client(&mut self) -> Result<&Client, BackendError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
            let connecting = timeout(CONNECT_TIMEOUT, self.connect());
            let late = |_| BackendError::away("backend-timeout", "the database does not answer");
            let client = connecting.await.map_err(late)?.map_err(|e| away(&e))?;
            let tables = std::iter::once((&self.orders, ORDERS));
            for (name, columns) in tables.chain(self.replies.iter().map(|name| (name, REPLIES))) {
                make(&client, name, columns).await.map_err(|e| away(&e))?;
            }
            self.client = Some(client);
        }
        let gone = || BackendError::away("backend-lost", "the database is away");
        self.client.as_ref().ok_or_else(gone)
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let Some(tls) = &self.tls else {
            let (client, connection) = self.config.connect(NoTls).await?;
            tokio::spawn(ends(connection));
            return Ok(client);
        };
        let tls = MakeRustlsConnect::new(ClientConfig::clone(tls));
        let (client, connection) = self.config.connect(tls).await?;
        tokio::spawn(ends(connection));
        Ok(client)
    }

    async fn insert(&mut self, order: &Order) -> Result<OrderFate, BackendError> {
        let refused =
            |text: String| Ok(OrderFate::Refused(HandlerError::new("backend-refused", text)));
        let Ok(content) = std::str::from_utf8(&order.content) else {
            return refused("the content is no UTF-8".to_owned());
        };
        let insert = format!(
            "INSERT INTO {} (delivery, message, type, sender, documents, received, content_type,
             content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (delivery) DO NOTHING",
            self.orders
        );
        let documents: Vec<i32> =
            order.documents.iter().map(|n| i32::try_from(*n).unwrap_or(i32::MAX)).collect();
        let Order { delivery, message, message_type, sender, received, content_type, .. } = order;
        let client = self.client().await?;
        let done = client
            .execute(
                &insert,
                &[
                    delivery,
                    message,
                    message_type,
                    sender,
                    &documents,
                    received,
                    content_type,
                    &content,
                ],
            )
            .await;
        match done {
            // None: an earlier life inserted it.
            Ok(0 | 1) => Ok(OrderFate::Done),
            Ok(rows) => refused(format!("{rows} rows were inserted")),
            Err(error) if is_about_the_row(&error) => refused(told(&error)),
            Err(error) => Err(away(&error)),
        }
    }
}

/// A row that the table, or a trigger of it, does not take (SQLSTATE classes 22, 23, P0).
fn is_about_the_row(error: &tokio_postgres::Error) -> bool {
    let class = |state: &SqlState| state.code().get(..2).map(str::to_owned);
    error.code().and_then(class).is_some_and(|class| ["22", "23", "P0"].contains(&class.as_str()))
}

impl Backend for PostgresBackend {
    /// The reply's id.
    type Ticket = String;
    const BATCH: usize = BATCH;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        let mut given = Given::default();
        for order in orders {
            // Each is a transaction of its own: one that fails takes no other with it.
            match self.insert(order).await {
                Ok(fate) => given.fates.push((order.number, fate)),
                Err(error) => {
                    self.client = None;
                    given.error = Some(error);
                    break;
                }
            }
        }
        given
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, String)>, BackendError> {
        let Some(table) = self.replies.clone() else { return Ok(Vec::new()) };
        let select = format!(
            "SELECT id, delivery, content FROM {table} WHERE state = 'new' ORDER BY number LIMIT $1"
        );
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = self.client().await?.query(&select, &[&max]).await;
        let read = |row: &tokio_postgres::Row| -> Result<_, tokio_postgres::Error> {
            let (id, content): (String, String) = (row.try_get(0)?, row.try_get(2)?);
            let reply =
                Reply { id: id.clone(), delivery: row.try_get(1)?, content: content.into_bytes() };
            Ok((reply, id))
        };
        let replies = rows.and_then(|rows| rows.iter().map(read).collect());
        replies.map_err(|error| {
            self.client = None;
            away(&error)
        })
    }

    async fn settle(&mut self, settled: Vec<(String, ReplyFate)>) -> Result<(), BackendError> {
        let Some(table) = self.replies.clone() else { return Ok(()) };
        let update = format!("UPDATE {table} SET state = $2, reason = $3 WHERE id = $1");
        for (id, fate) in settled {
            let (state, reason) = match fate {
                ReplyFate::Taken | ReplyFate::Known => ("taken", None),
                ReplyFate::Refused(error) => ("refused", Some(error.to_string())),
            };
            let done = self.client().await?.execute(&update, &[&id, &state, &reason]).await;
            if let Err(error) = done {
                self.client = None;
                return Err(away(&error));
            }
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.client = None;
    }
}

/// Whether the address leads nowhere else.
fn stays_here(config: &Config) -> bool {
    let loopback = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    };
    let outside = config.get_hostaddrs().iter().any(|ip| !ip.is_loopback());
    !config.get_hosts().is_empty() && config.get_hosts().iter().all(loopback) && !outside
}

/// A table's name, quoted.
fn table(name: &str) -> Result<String, PostgresError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let good =
        |part: &&str| !part.is_empty() && part.len() <= NAME_CHARS && part.chars().all(plain);
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() > 2 || !parts.iter().all(good) {
        return Err(PostgresError::Name(name.to_owned()));
    }
    Ok(parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join("."))
}

/// Makes a table that is not there. One that is there needs no right to make any.
async fn make(client: &Client, name: &str, columns: &str) -> Result<(), tokio_postgres::Error> {
    let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&name]).await?;
    if !there.try_get::<_, bool>(0)? {
        client.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {name} {columns}")).await?;
    }
    Ok(())
}

/// Drives a connection until it ends.
async fn ends<C>(connection: C)
where
    C: Future<Output = Result<(), tokio_postgres::Error>> + Send,
{
    if let Err(error) = connection.await {
        debug!(error = told(&error), "the connection to the database ended");
    }
}

fn away(error: &tokio_postgres::Error) -> BackendError {
    let code = match error.as_db_error() {
        Some(_) => "backend-database",
        None => "backend-lost",
    };
    BackendError::away(code, told(error))
}

/// The error with its causes: the library's own words name only the kind.
fn told(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
