//! Where a runner gets deliveries from and gives answers to.

use std::time::Duration;

use super::{Delivery, HandlerError};
use crate::inbox::{AnswerFate, StoredAnswer};

/// A source of deliveries. It reconnects when it is asked next; the runner pauses
/// between attempts. Dropping any of its futures loses nothing.
pub trait Source: Send + 'static {
    /// What acknowledges a delivery.
    type Ticket: Send + 'static;

    /// The next deliveries, at most `max`, in the order of the queue. It may give none:
    /// to say that it is connected, or because none came within `wait`.
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<(Delivery, Self::Ticket)>, SourceError>> + Send;

    /// Sends answers in this order, up to the first that could not be sent; gives the
    /// fate of those that were, by their numbers, and the error that ended it.
    fn answer(
        &mut self,
        answers: &[StoredAnswer],
    ) -> impl Future<Output = (Vec<(u64, AnswerFate)>, Option<SourceError>)> + Send;

    /// The deliveries are done; gives how many of them are settled now. The tickets are in the order in which they came, and
    /// everything that came before them is done or rejected.
    fn ack(
        &mut self,
        tickets: Vec<Self::Ticket>,
    ) -> impl Future<Output = Result<usize, SourceError>> + Send;

    /// The delivery can never be handled.
    fn reject(
        &mut self,
        ticket: Self::Ticket,
        error: &HandlerError,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// Says goodbye.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// The other side is away, or says something we cannot use; tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SourceError {
    /// A stable code.
    pub code: &'static str,
    /// Words for a person.
    pub text: String,
}
