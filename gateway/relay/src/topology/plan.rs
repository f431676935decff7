//! What declaring a topology would do. In comes a broker, out goes for each thing whether it
//! is there already, is missing, or is there with other arguments. Nothing is made: what is
//! missing is only looked for, and what is there is declared as it is, which changes nothing.

use std::fmt;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use super::{Exchange, Queue, Topology};
use crate::broker::{self, Broker, BrokerError};

/// `NOT_FOUND` (AMQP 0-9-1, section 1.2).
const NOT_FOUND: u16 = 404;
/// `PRECONDITION_FAILED`: it exists with other arguments.
const PRECONDITION_FAILED: u16 = 406;

/// What is the case with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there, as it must be.
    Exists,
    /// It would be made.
    Missing,
    /// It is there with other arguments: declaring would fail.
    Differs,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Standing::Exists => "exists",
            Standing::Missing => "missing",
            Standing::Differs => "DIFFERS",
        })
    }
}

impl Topology {
    /// Compares with what a broker has. Bindings cannot be looked at by AMQP: they are
    /// declared with the rest, and that of what exists changes nothing.
    ///
    /// # Errors
    /// See [`BrokerError`].
    pub async fn plan(&self, broker: &Broker) -> Result<Vec<(String, Standing)>, BrokerError> {
        let connection = broker.connect().await?;
        let planned = self.compare(broker, &connection).await;
        broker::close(&connection).await;
        planned
    }

    /// Connects, and makes all of it exist.
    ///
    /// # Errors
    /// As [`Topology::declare`].
    pub async fn apply(&self, broker: &Broker) -> Result<(), BrokerError> {
        let connection = broker.connect().await?;
        let channel = broker.answered(connection.create_channel()).await?;
        let declared = self.declare(broker, &channel).await;
        broker::close(&connection).await;
        declared
    }

    async fn compare(
        &self,
        broker: &Broker,
        connection: &Connection,
    ) -> Result<Vec<(String, Standing)>, BrokerError> {
        let mut found = Vec::new();
        for exchange in &self.exchanges {
            // Each look has a channel of its own: an error closes the channel.
            let channel = broker.answered(connection.create_channel()).await?;
            let there = judge(broker, exchange.look(&channel).await)?;
            let standing = match there {
                Standing::Exists => judge(broker, exchange.declare(&channel).await)?,
                other => other,
            };
            found.push((exchange.to_string(), standing));
        }
        for queue in &self.queues {
            let channel = broker.answered(connection.create_channel()).await?;
            let there = judge(broker, queue.look(&channel).await)?;
            let standing = match there {
                Standing::Exists => judge(broker, queue.declare(&channel).await.map(drop))?,
                other => other,
            };
            found.push((queue.to_string(), standing));
        }
        Ok(found)
    }
}

impl Exchange {
    async fn look(&self, channel: &Channel) -> lapin::Result<()> {
        let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
        let (name, none) = (self.name.as_str().into(), FieldTable::default());
        channel.exchange_declare(name, ExchangeKind::Topic, options, none).await
    }
}

impl Queue {
    async fn look(&self, channel: &Channel) -> lapin::Result<()> {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let (name, none) = (self.name.as_str().into(), FieldTable::default());
        channel.queue_declare(name, options, none).await.map(drop)
    }
}

fn judge(broker: &Broker, answer: lapin::Result<()>) -> Result<Standing, BrokerError> {
    let Err(error) = answer else { return Ok(Standing::Exists) };
    match error.kind() {
        ErrorKind::ProtocolError(said) if said.get_id() == NOT_FOUND => Ok(Standing::Missing),
        ErrorKind::ProtocolError(said) if said.get_id() == PRECONDITION_FAILED => {
            Ok(Standing::Differs)
        }
        _ => Err(broker.error(error)),
    }
}
