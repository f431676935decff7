//! No department at all: in come orders, out go the replies that their handler rehearsed,
//! in the way a script says: late, wrong, twice, for somebody else, in another order, or
//! never. For pilots, and for tests of what must hold whatever a department does.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;

use super::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::runner::HandlerError;

/// What a department does with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Takes it and replies.
    Answers,
    /// Is down.
    Fails,
    /// Fails over this order, and would work with others.
    Stumbles,
    /// Refuses it for good.
    Refuses,
    /// Takes it and replies something that is no document, then the right thing.
    Rubbish,
    /// Takes it and gives every reply twice, later.
    Twice,
    /// Takes it and replies to a delivery that never was, then the right thing.
    ForAnother,
    /// Takes it and gives the replies in the reverse order.
    Reversed,
    /// Takes it and never says a word.
    Never,
    /// Does not come back from the call.
    Hangs,
}

/// The words a configuration uses.
pub const WORDS: [(&str, Does); 10] = [
    ("answers", Does::Answers),
    ("fails", Does::Fails),
    ("stumbles", Does::Stumbles),
    ("refuses", Does::Refuses),
    ("rubbish", Does::Rubbish),
    ("twice", Does::Twice),
    ("for-another", Does::ForAnother),
    ("reversed", Does::Reversed),
    ("never", Does::Never),
    ("hangs", Does::Hangs),
];

/// A step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub does: Does,
    /// To so many tries in a row.
    pub times: u32,
    /// How long each takes.
    pub delay: Duration,
}

/// Plays its script from the beginning to the end, and again.
#[derive(Debug)]
pub struct Simulator {
    script: Vec<Step>,
    at: usize,
    done: u32,
    /// Replies nobody has settled.
    waiting: VecDeque<Reply>,
}

impl Simulator {
    /// A department that behaves like that; without a step it answers.
    #[must_use]
    pub fn new(script: Vec<Step>) -> Simulator {
        Simulator { script, at: 0, done: 0, waiting: VecDeque::new() }
    }

    fn step(&mut self) -> Step {
        let step = self.script.get(self.at).copied();
        let step = step.unwrap_or(Step { does: Does::Answers, times: 1, delay: Duration::ZERO });
        self.done += 1;
        if self.done >= step.times {
            self.done = 0;
            self.at = (self.at + 1) % self.script.len().max(1);
        }
        step
    }

    async fn play(&mut self, order: &Order) -> Result<(OrderFate, Vec<Reply>), BackendError> {
        let Step { does, delay, .. } = self.step();
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut replies: Vec<Reply> = order
            .rehearsed
            .iter()
            .map(|rehearsed| Reply {
                id: rehearsed.id.clone(),
                delivery: order.delivery.clone(),
                content: rehearsed.content.clone().into_bytes(),
            })
            .collect();
        let another = |what: &str, delivery: &str, content: &str| Reply {
            id: format!("{}-{what}", order.delivery),
            delivery: delivery.to_owned(),
            content: content.as_bytes().to_vec(),
        };
        match does {
            Does::Answers => {}
            Does::Fails => {
                return Err(BackendError::away("backend-simulated", "as the script says"));
            }
            Does::Stumbles => {
                let about = Some(order.number);
                return Err(BackendError {
                    about,
                    ..BackendError::away("backend-simulated", "as the script says")
                });
            }
            Does::Refuses => {
                let error = HandlerError::new("backend-refused", "as the script says");
                return Ok((OrderFate::Refused(error), Vec::new()));
            }
            Does::Rubbish => replies.insert(0, another("rubbish", &order.delivery, "<rubbish")),
            Does::Twice => {
                self.waiting.extend(replies.iter().cloned());
                self.waiting.extend(std::mem::take(&mut replies));
            }
            Does::ForAnother => {
                let content = order.rehearsed.first().map_or("", |first| first.content.as_str());
                replies.insert(0, another("another", "nobody.nowhere", content));
            }
            Does::Reversed => replies.reverse(),
            Does::Never => replies.clear(),
            Does::Hangs => std::future::pending().await,
        }
        Ok((OrderFate::Done, replies))
    }
}

impl Backend for Simulator {
    type Ticket = ();
    const BATCH: usize = 1;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        let mut given = Given::default();
        for order in orders {
            if !given.note(order, self.play(order).await) {
                break;
            }
        }
        given
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, ())>, BackendError> {
        Ok(self.waiting.iter().take(max).map(|reply| (reply.clone(), ())).collect())
    }

    async fn settle(&mut self, settled: Vec<((), ReplyFate)>) -> Result<(), BackendError> {
        self.waiting.drain(..settled.len().min(self.waiting.len()));
        Ok(())
    }

    async fn close(&mut self) {}
}
