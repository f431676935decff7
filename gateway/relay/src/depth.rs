//! How much lies in queues at the broker. In comes a queue's name, out go its messages that
//! nobody has taken and its readers, as a passive declare tells them (AMQP 0-9-1, section
//! 1.7.2.1). The connection is kept between looks and opened anew when it was lost.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection};

use crate::broker::{self, Broker, BrokerError};

/// A queue at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that are ready: not those a reader has and did not acknowledge.
    pub messages: u32,
    /// Readers.
    pub consumers: u32,
}

/// Looks into queues.
#[derive(Debug)]
pub struct DepthReader {
    broker: Broker,
    open: Option<(Connection, Channel)>,
}

impl DepthReader {
    /// Connects when it is first asked.
    #[must_use]
    pub fn new(broker: Broker) -> DepthReader {
        DepthReader { broker, open: None }
    }

    /// Looks into a queue.
    ///
    /// # Errors
    /// `broker-queue-missing` when it is not there; otherwise what the connection says.
    pub async fn depth(&mut self, queue: &str) -> Result<Depth, BrokerError> {
        let found = self.ask(queue).await;
        if found.is_err() {
            // The broker ends a channel over a queue that is not there.
            self.close().await;
        }
        found
    }

    /// Says goodbye.
    pub async fn close(&mut self) {
        if let Some((connection, _)) = self.open.take() {
            broker::close(&connection).await;
        }
    }

    async fn ask(&mut self, queue: &str) -> Result<Depth, BrokerError> {
        let channel = match self.open.take() {
            Some((connection, channel)) if channel.status().connected() => {
                self.open.insert((connection, channel)).1.clone()
            }
            _ => {
                let connection = self.broker.connect().await?;
                let channel = self.broker.answered(connection.create_channel()).await?;
                self.open.insert((connection, channel)).1.clone()
            }
        };
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let declare = channel.queue_declare(queue.into(), options, FieldTable::default());
        let found = self.broker.answered(declare).await?;
        Ok(Depth { messages: found.message_count(), consumers: found.consumer_count() })
    }
}
