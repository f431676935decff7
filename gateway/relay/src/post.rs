//! Single messages to the broker: verdicts to vendors, dead letters with their reason. In
//! come mails from any task, out goes for each whether a queue has it. Promised: what is
//! answered `Ok` is in a queue, on disk; a bounded number waits; the connection comes back
//! by itself. A mail whose fate is not known is an error: whoever sent it sends it again.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Connection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::backoff::Pauses;
use crate::broker::{self, Broker, BrokerError};
use crate::confirms::{Answer, Confirms, Publish};
use crate::consumer::Incoming;
use crate::properties::{self, TooLong};
use crate::topology::DEAD;

/// Mails that wait for the broker; more make their senders wait.
pub const WAITING: usize = 256;
/// Mails the broker may have without having confirmed them.
const WINDOW: usize = 128;
/// Characters of a reason that go into a header.
const REASON_CHARS: usize = 1000;

/// A message of the gateway's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The exchange; empty for the default one, which knows queues by name.
    pub exchange: String,
    /// The routing key.
    pub key: String,
    /// The message id.
    pub id: String,
    /// What it answers.
    pub correlation: Option<String>,
    /// The property `type`.
    pub kind: String,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// Headers, as text.
    pub headers: BTreeMap<String, String>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Mail {
    /// A copy of `message`, which came from `queue`, for the dead letters; with the reason.
    #[must_use]
    pub fn dead(message: &Incoming, queue: &str, code: &str, reason: &str) -> Mail {
        let mut headers = message.headers.clone();
        let mut say = |name: &str, value: &str| headers.insert(name.to_owned(), value.to_owned());
        say(properties::REASON_CODE, code);
        say(properties::REASON, &reason.chars().take(REASON_CHARS).collect::<String>());
        say(properties::QUEUE, queue);
        // The property itself may only name the user of the connection.
        if let Some(user) = &message.user_id {
            say(properties::USER, user);
        }
        Mail {
            exchange: DEAD.to_owned(),
            key: String::new(),
            id: message.id.clone().unwrap_or_default(),
            correlation: message.correlation_id.clone(),
            kind: message.message_type.clone().unwrap_or_default(),
            content_type: message.content_type.clone(),
            headers,
            body: message.body.clone(),
        }
    }
}

/// Why a mail is in no queue, or may be in none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It came back: no queue takes it.
    #[error("no queue takes it: {0}")]
    Returned(String),
    /// The queue is full or cannot write.
    #[error("the queue is full or cannot write")]
    Refused,
    /// It does not fit into AMQP.
    #[error("the {0} is longer than 255 bytes")]
    TooLong(&'static str),
    /// The broker is away, or went away before it said what became of it.
    #[error("the broker is away")]
    Away,
}

impl PostError {
    /// A stable name for logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            PostError::Returned(_) => "post-unroutable",
            PostError::Refused => "post-refused",
            PostError::TooLong(_) => "post-too-long",
            PostError::Away => "post-broker-away",
        }
    }
}

/// Takes mails; clones post to the same broker.
#[derive(Clone, Debug)]
pub struct Postbox(mpsc::Sender<Letter>);

/// Carries mails to the broker.
pub struct Postman {
    broker: Broker,
    letters: mpsc::Receiver<Letter>,
}

#[derive(Debug)]
struct Letter {
    mail: Mail,
    fate: oneshot::Sender<Result<(), PostError>>,
}

/// A postbox, and the postman who must run for it.
#[must_use]
pub fn open(broker: Broker) -> (Postbox, Postman) {
    let (sender, letters) = mpsc::channel(WAITING);
    (Postbox(sender), Postman { broker, letters })
}

impl Postbox {
    /// Posts a mail and waits until a queue has it.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn send(&self, mail: Mail) -> Result<(), PostError> {
        self.hand_in(mail).await?.fate().await
    }

    /// Hands a mail in without waiting for its fate; mails go out in the order of this.
    pub(crate) async fn hand_in(&self, mail: Mail) -> Result<Posted, PostError> {
        let (fate, told) = oneshot::channel();
        let sent = self.0.send(Letter { mail, fate }).await;
        sent.map_err(|_| PostError::Away)?;
        Ok(Posted(told))
    }
}

/// A mail on its way.
pub(crate) struct Posted(oneshot::Receiver<Result<(), PostError>>);

impl Posted {
    /// What became of it.
    pub(crate) async fn fate(self) -> Result<(), PostError> {
        self.0.await.unwrap_or(Err(PostError::Away))
    }
}

impl Postman {
    /// Works until `stop` is cancelled or every postbox is gone.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut pauses = Pauses::reconnect();
        while !stop.is_cancelled() {
            let opened = tokio::select! {
                opened = self.channel() => opened,
                () = stop.cancelled() => return,
            };
            let lost = match opened {
                Ok((connection, channel)) => {
                    pauses.reset();
                    let lost = self.serve(&channel, &stop).await;
                    if lost.is_none() {
                        broker::close(&connection).await;
                        return;
                    }
                    lost
                }
                Err(error) => Some(error.en()),
            };
            let pause = pauses.next();
            warn!(error = lost, ?pause, "mails wait for the broker");
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn channel(&self) -> Result<(Connection, Channel), BrokerError> {
        let connection = self.broker.connect().await?;
        let channel = self.broker.answered(connection.create_channel()).await?;
        let options = ConfirmSelectOptions::default();
        self.broker.answered(channel.confirm_select(options)).await?;
        Ok((connection, channel))
    }

    /// Posts until the channel ends; what was under way is answered with an error then.
    async fn serve(&mut self, channel: &Channel, stop: &CancellationToken) -> Option<String> {
        let mut confirms = Confirms::default();
        let mut fates: HashMap<u64, oneshot::Sender<Result<(), PostError>>> = HashMap::new();
        let mut number = 0;
        loop {
            let answers = tokio::select! {
                answers = poll_fn(|cx| confirms.poll_answers(cx)) => answers,
                letter = self.letters.recv(), if confirms.len() < WINDOW => {
                    let Letter { mail, fate } = letter?;
                    if fate.is_closed() {
                        // Whoever posted it has given up, and posts it again.
                        continue;
                    }
                    match publish(channel, &mail) {
                        Ok(publish) => {
                            number += 1;
                            confirms.push(number, &mail.id, publish, Instant::now());
                            fates.insert(number, fate);
                        }
                        Err(TooLong(what)) => drop(fate.send(Err(PostError::TooLong(what)))),
                    }
                    continue;
                }
                () = stop.cancelled() => return None,
            };
            let answers = match answers {
                Ok(answers) => answers,
                Err(error) => return Some(self.broker.error(error).en()),
            };
            for (number, answer) in answers {
                let told = match answer {
                    Answer::Taken => Ok(()),
                    Answer::Returned(reason) => Err(PostError::Returned(reason)),
                    Answer::Refused => Err(PostError::Refused),
                };
                if let Some(fate) = fates.remove(&number) {
                    // Nobody may be waiting any more.
                    drop(fate.send(told));
                }
            }
        }
    }
}

fn publish(channel: &Channel, mail: &Mail) -> Result<Publish, TooLong> {
    let exchange = properties::short("exchange", &mail.exchange)?;
    let key = properties::short("routing key", &mail.key)?;
    let properties = properties::of_mail(mail)?;
    let (channel, body) = (channel.clone(), mail.body.clone());
    Ok(Box::pin(async move {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        channel.basic_publish(exchange, key, options, &body, properties).await?.await
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_says_why_and_where_it_was() {
        let message = Incoming {
            id: Some("m-1".to_owned()),
            user_id: Some("firm".to_owned()),
            headers: BTreeMap::from([("own".to_owned(), "kept".to_owned())]),
            body: b"<x".to_vec(),
            ..Incoming::default()
        };
        let mail = Mail::dead(&message, "onepoint.intake", "body-empty", &"长".repeat(2000));
        assert_eq!((mail.exchange.as_str(), mail.id.as_str()), (DEAD, "m-1"));
        assert_eq!(mail.body, b"<x");
        let header = |name: &str| mail.headers.get(name).map(String::as_str);
        assert_eq!(header("own"), Some("kept"));
        assert_eq!(header("x-onepoint-reason-code"), Some("body-empty"));
        assert_eq!(header("x-onepoint-queue"), Some("onepoint.intake"));
        assert_eq!(header("x-onepoint-user"), Some("firm"));
        assert_eq!(header("x-onepoint-reason").unwrap().chars().count(), REASON_CHARS);
    }

    #[tokio::test]
    async fn without_a_postman_a_mail_is_not_taken() {
        let broker = Broker::new("amqp://127.0.0.1:1", "test", None).unwrap();
        let (postbox, postman) = open(broker);
        drop(postman);
        let error = postbox.send(Mail::default()).await.unwrap_err();
        assert_eq!(error.code(), "post-broker-away");
    }
}
