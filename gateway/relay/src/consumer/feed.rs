//! One subscription on one connection: opened, read, closed. No second try here.

use futures_lite::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};

use crate::broker::{self, Broker, BrokerError};
use crate::properties::{self, TooLong};
use crate::topology::Topology;

/// An open subscription.
#[derive(Debug)]
pub(crate) struct Feed {
    broker: Broker,
    connection: Connection,
    /// In confirm mode, for answers.
    channel: Channel,
    consumer: lapin::Consumer,
}

impl Feed {
    /// Connects and subscribes.
    pub(crate) async fn open(
        broker: &Broker,
        topology: Option<&Topology>,
        queue: &str,
        prefetch: u16,
        name: &str,
    ) -> Result<Feed, BrokerError> {
        let long = |TooLong(what): TooLong| BrokerError::Topology {
            broker: broker.shown().to_owned(),
            text: format!("the {what} is longer than 255 bytes"),
        };
        let queue = properties::short("queue's name", queue).map_err(long)?;
        let name = properties::short("consumer's name", name).map_err(long)?;
        let connection = broker.connect().await?;
        let channel = broker.answered(connection.create_channel()).await?;
        if let Some(topology) = topology {
            topology.declare(broker, &channel).await?;
        }
        let confirm = channel.confirm_select(ConfirmSelectOptions::default());
        broker.answered(confirm).await?;
        broker.answered(channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let consume = channel.basic_consume(
            queue,
            name,
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = broker.answered(consume).await?;
        Ok(Feed { broker: broker.clone(), connection, channel, consumer })
    }

    /// The next delivery. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Delivery, BrokerError> {
        match self.consumer.next().await {
            Some(Ok(delivery)) => Ok(delivery),
            Some(Err(error)) => Err(self.broker.error(error)),
            // The broker ended the subscription: the queue was removed.
            None => Err(self.broker.error(
                lapin::ErrorKind::InvalidChannelState(
                    lapin::ChannelState::Closed,
                    "the subscription was cancelled",
                )
                .into(),
            )),
        }
    }

    /// A delivery that is here already.
    pub(crate) async fn ready(&mut self) -> Option<Result<Delivery, BrokerError>> {
        futures_lite::future::poll_once(self.next()).await
    }

    /// For publishing answers, in confirm mode.
    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Says goodbye; what is not acknowledged goes back to the queue.
    pub(crate) async fn close(self) {
        broker::close(&self.connection).await;
    }
}
