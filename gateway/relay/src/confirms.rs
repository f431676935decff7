//! Publishes that are on their way, and what the broker said about them.
//!
//! lapin gives a returned message to whichever confirm is completed next, not to the
//! confirm of that message: with a window, another publish would look unroutable and
//! the unroutable one confirmed, that is lost. Two facts make it exact again:
//! a Return arrives before the acknowledgement of the same publish (RabbitMQ,
//! "Consumer Acknowledgements and Publisher Confirms": unroutable messages), so it is
//! carried by a confirm that completes no later than its own; and the returned
//! message names its id. So all completed confirms are collected, until a whole round
//! finds no further one, and only then are they judged, by id.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use lapin::message::BasicReturnMessage;
use lapin::{Confirmation, Result};
use tokio::time::Instant;

/// A publish that completes with what the broker said about it.
pub(crate) type Publish = Pin<Box<dyn Future<Output = Result<Confirmation>> + Send>>;

/// The publishes in flight on one channel.
#[derive(Default)]
pub(crate) struct Confirms {
    /// In the order in which they were published.
    slots: Vec<Slot>,
    /// Returns whose own confirm has not completed yet, by message id.
    returned: HashMap<String, Answer>,
}

struct Slot {
    number: u64,
    id: String,
    publish: Publish,
    since: Instant,
}

/// What the broker said about a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in every queue it belongs to, on disk.
    Taken,
    /// No queue takes this routing key.
    Returned(String),
    /// A queue refused it: it is full.
    Refused,
}

impl Confirms {
    /// Adds the publish of a message with this id; `number` is the caller's own name
    /// for it. It is sent when the confirms are polled next, in this order.
    pub(crate) fn push(&mut self, number: u64, id: &str, publish: Publish, now: Instant) {
        self.slots.push(Slot { number, id: id.to_owned(), publish, since: now });
    }

    /// Publishes that are not answered.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// When the oldest publish was sent.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.slots.first().map(|slot| slot.since)
    }

    /// Waits until the broker has answered some publishes.
    ///
    /// # Errors
    /// The channel or the connection ended: nothing is known about what is in flight.
    pub(crate) fn poll_answers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<(u64, Answer)>>> {
        let mut done = Vec::new();
        loop {
            let before = done.len();
            self.slots.retain_mut(|slot| match slot.publish.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(answer) => {
                    done.push((slot.number, std::mem::take(&mut slot.id), answer));
                    false
                }
            });
            if done.len() == before {
                break;
            }
        }
        match done.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(self.judge(done)),
        }
    }

    fn judge(&mut self, done: Vec<Done>) -> Result<Vec<(u64, Answer)>> {
        let mut answers = Vec::with_capacity(done.len());
        for (number, id, confirmation) in done {
            let (answer, returned) = match confirmation? {
                Confirmation::Ack(returned) => (Answer::Taken, returned),
                Confirmation::Nack(returned) => (Answer::Refused, returned),
                // Never on a channel in confirm mode.
                Confirmation::NotRequested => (Answer::Refused, None),
            };
            if let Some((id, answer)) = returned.and_then(|message| named(&message)) {
                self.returned.insert(id, answer);
            }
            answers.push((number, id, answer));
        }
        let judged = |(number, id, answer): (u64, String, Answer)| {
            (number, self.returned.remove(&id).unwrap_or(answer))
        };
        Ok(answers.into_iter().map(judged).collect())
    }
}

/// A completed publish: number, id, and what came back with its confirm.
type Done = (u64, String, Result<Confirmation>);

/// The id of a returned message, and why it came back.
fn named(message: &BasicReturnMessage) -> Option<(String, Answer)> {
    let id = message.delivery.properties.message_id().as_ref()?;
    let reason = format!("{} {}", message.reply_code, message.reply_text);
    Some((id.as_str().to_owned(), Answer::Returned(reason)))
}

#[cfg(test)]
mod tests;
