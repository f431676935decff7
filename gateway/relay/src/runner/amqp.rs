//! A department's queue at a RabbitMQ, and the queue for answers.

use std::future::poll_fn;
use std::time::Duration;

use lapin::Acker;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicPublishOptions, BasicRejectOptions};
use tokio::time::{Instant, timeout};

use super::{BATCH, Delivery, HandlerError, Source, SourceError};
use crate::broker::{Broker, BrokerError, REQUEST_TIMEOUT};
use crate::confirms::{Answer, Confirms, Publish};
use crate::consumer::{Feed, Incoming};
use crate::inbox::{AnswerFate, StoredAnswer};
use crate::post::Mail;
use crate::properties::{
    self, DOCUMENTS, MESSAGE, RECEIVED, REPLAYED, SENDER, SEQUENCE, TRACEPARENT,
};
use crate::topology::{ANSWERS, DEAD, department_queue};

/// Deliveries the broker may hand out ahead: the next batch while one is at work.
const PREFETCH: u16 = 2 * BATCH as u16;

/// A delivery as it came: it may have to be put among the dead letters.
#[derive(Debug)]
pub struct Taken {
    acker: Acker,
    envelope: Incoming,
}

/// Reads `onepoint.dept.<department>` and publishes to `onepoint.answers`. It declares
/// nothing: an adapter has no right to; the gateway does.
#[derive(Debug)]
pub struct AmqpSource {
    broker: Broker,
    department: String,
    feed: Option<Feed>,
}

impl AmqpSource {
    /// A source; it connects when it is first asked.
    #[must_use]
    pub fn new(broker: Broker, department: &str) -> AmqpSource {
        AmqpSource { broker, department: department.to_owned(), feed: None }
    }

    async fn open(&mut self) -> Result<Feed, BrokerError> {
        let (queue, name) =
            (department_queue(&self.department), format!("onepoint-{}", self.department));
        Feed::open(&self.broker, None, &queue, PREFETCH, &name).await
    }

    async fn try_receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<(Delivery, Taken)>, BrokerError> {
        let Some(feed) = self.feed.as_mut() else {
            self.feed = Some(self.open().await?);
            return Ok(Vec::new());
        };
        let Ok(first) = timeout(wait, feed.next()).await else { return Ok(Vec::new()) };
        let mut batch = vec![first?];
        while batch.len() < max {
            match feed.ready().await {
                Some(delivery) => batch.push(delivery?),
                None => break,
            }
        }
        Ok(batch.into_iter().map(taken_apart).collect())
    }

    /// Publishes all and waits until each is answered.
    async fn publish(
        &mut self,
        answers: &[StoredAnswer],
    ) -> Result<Vec<(u64, AnswerFate)>, SourceError> {
        if self.feed.is_none() {
            self.feed = Some(self.open().await?);
        }
        let Some(feed) = self.feed.as_ref() else { return Ok(Vec::new()) };
        let (mut confirms, mut fates) = (Confirms::default(), Vec::new());
        for answer in answers {
            match properties::of_answer(answer, &self.department) {
                Ok(properties) => {
                    let publish = publish(feed, ANSWERS, answer.body.clone(), properties);
                    confirms.push(answer.number, &answer.id, publish, Instant::now());
                }
                Err(long) => {
                    let reason = format!("the {} is longer than 255 bytes", long.0);
                    fates.push((answer.number, AnswerFate::Refused(reason)));
                }
            }
        }
        while confirms.len() > 0 {
            let answered = poll_fn(|cx| confirms.poll_answers(cx));
            for (number, answer) in self.broker.answered(answered).await? {
                let refused =
                    |text: &str| SourceError { code: "answers-refused", text: text.into() };
                match answer {
                    Answer::Taken => fates.push((number, AnswerFate::Sent)),
                    Answer::Returned(reason) => return Err(refused(&reason)),
                    Answer::Refused => return Err(refused("the queue for answers is full")),
                }
            }
        }
        Ok(fates)
    }

    /// Puts a copy with the reason among the dead letters; whether it is there.
    async fn bury(&self, ticket: Taken, error: &HandlerError) -> bool {
        let Some(feed) = self.feed.as_ref() else { return false };
        let queue = department_queue(&self.department);
        let mail = Mail::dead(&ticket.envelope, &queue, &error.code, &error.text);
        let Ok(properties) = properties::of_mail(&mail) else { return false };
        let mut confirms = Confirms::default();
        confirms.push(0, &mail.id, publish(feed, DEAD, mail.body, properties), Instant::now());
        let answered = self.broker.answered(poll_fn(|cx| confirms.poll_answers(cx))).await;
        answered.is_ok_and(|answers| matches!(answers.as_slice(), [(_, Answer::Taken)]))
    }

    /// A verdict that did not arrive means that the channel is gone.
    async fn settle(
        &mut self,
        settle: impl Future<Output = lapin::Result<bool>>,
    ) -> Result<(), SourceError> {
        let text = match timeout(REQUEST_TIMEOUT, settle).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => "the channel is closed".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the broker did not answer in time".to_owned(),
        };
        self.feed = None;
        Err(SourceError { code: "broker-lost", text })
    }
}

impl Source for AmqpSource {
    type Ticket = Taken;

    async fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<(Delivery, Taken)>, SourceError> {
        let received = self.try_receive(max, wait).await;
        if received.is_err() {
            self.feed = None;
        }
        Ok(received?)
    }

    async fn answer(
        &mut self,
        answers: &[StoredAnswer],
    ) -> (Vec<(u64, AnswerFate)>, Option<SourceError>) {
        match self.publish(answers).await {
            Ok(fates) => (fates, None),
            // Some may have been taken: they are sent again, under the same ids.
            Err(error) => {
                self.feed = None;
                (Vec::new(), Some(error))
            }
        }
    }

    async fn ack(&mut self, tickets: Vec<Taken>) -> Result<usize, SourceError> {
        let Some(last) = tickets.last() else { return Ok(0) };
        // All up to the last one: what came before it is done or rejected.
        self.settle(last.acker.ack(BasicAckOptions { multiple: true })).await?;
        Ok(tickets.len())
    }

    async fn reject(&mut self, ticket: Taken, error: &HandlerError) -> Result<(), SourceError> {
        let acker = ticket.acker.clone();
        if self.bury(ticket, error).await {
            return self.settle(acker.ack(BasicAckOptions::default())).await;
        }
        // The broker's own way to the dead letters: it knows no reason, but loses nothing.
        self.settle(acker.reject(BasicRejectOptions { requeue: false })).await
    }

    async fn close(&mut self) {
        if let Some(feed) = self.feed.take() {
            feed.close().await;
        }
    }
}

impl From<BrokerError> for SourceError {
    fn from(error: BrokerError) -> SourceError {
        SourceError { code: error.code(), text: error.en() }
    }
}

/// A publish to an exchange in front of a queue.
fn publish(
    feed: &Feed,
    exchange: &'static str,
    body: Vec<u8>,
    properties: BasicProperties,
) -> Publish {
    let channel = feed.channel().clone();
    Box::pin(async move {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        channel.basic_publish(exchange.into(), "".into(), options, &body, properties).await?.await
    })
}

fn taken_apart(mut delivery: lapin::message::Delivery) -> (Delivery, Taken) {
    let envelope = properties::incoming(&mut delivery);
    (facts(&envelope), Taken { acker: delivery.acker, envelope })
}

/// The facts about a delivery, out of properties and headers.
fn facts(incoming: &Incoming) -> Delivery {
    let header = |name: &str| incoming.headers.get(name).cloned().unwrap_or_default();
    Delivery {
        id: incoming.id.clone().unwrap_or_default(),
        message_type: incoming.message_type.clone().unwrap_or_default(),
        sender: header(SENDER),
        message: header(MESSAGE),
        documents: properties::documents(&header(DOCUMENTS)),
        received: header(RECEIVED),
        sequence: header(SEQUENCE).parse().unwrap_or(0),
        redelivered: incoming.redelivered,
        replayed: incoming.headers.contains_key(REPLAYED),
        traceparent: incoming.headers.get(TRACEPARENT).cloned(),
        order_keys: incoming.order_keys.clone(),
        body: incoming.body.clone(),
    }
}
