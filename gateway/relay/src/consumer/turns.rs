//! Whose turn it is among deliveries that are handled at the same time. In come deliveries
//! with the key whose order must be kept, out come those that may begin. Promised: of one
//! key one at a time, in the order of arrival; a handler that panics gives its key free;
//! what waits is bounded by what the broker hands out (the prefetch).

use std::collections::{HashMap, VecDeque};
use std::future::pending;

use tokio::task::{Id, JoinSet};

/// Handlers at work, and deliveries that wait for one of the same key.
pub(super) struct Turns<D> {
    at_work: JoinSet<()>,
    most: usize,
    /// The key of each handler at work that has one.
    keys: HashMap<Id, String>,
    /// By key: what waits behind the one at work.
    waiting: HashMap<String, VecDeque<D>>,
}

/// A delivery whose turn it is.
pub(super) type Turn<D> = Option<(Option<String>, D)>;

impl<D> Turns<D> {
    /// At most so many handlers at the same time.
    pub(super) fn new(most: usize) -> Turns<D> {
        Turns { at_work: JoinSet::new(), most, keys: HashMap::new(), waiting: HashMap::new() }
    }

    /// Whether another delivery may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.at_work.len() < self.most
    }

    /// Takes a delivery; gives it back if it may begin at once.
    pub(super) fn arrived(&mut self, key: Option<String>, delivery: D) -> Turn<D> {
        let Some(key) = key else { return Some((None, delivery)) };
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.push_back(delivery);
            return None;
        }
        self.waiting.insert(key.clone(), VecDeque::new());
        Some((Some(key), delivery))
    }

    /// Runs the handler of a delivery whose turn it is.
    pub(super) fn begin(
        &mut self,
        key: Option<String>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.at_work.spawn(work).id();
        if let Some(key) = key {
            self.keys.insert(id, key);
        }
    }

    /// Waits until a handler has ended; gives what may begin after it. Without any
    /// handler at work it waits for ever.
    pub(super) async fn finished(&mut self) -> Turn<D> {
        let id = match self.at_work.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                // Its delivery is not acknowledged and comes again with the next connection.
                tracing::error!(%error, "a handler ended before its verdict");
                error.id()
            }
            None => return pending().await,
        };
        let key = self.keys.remove(&id)?;
        match self.waiting.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => Some((Some(key), next)),
            None => {
                self.waiting.remove(&key);
                None
            }
        }
    }

    /// Waits until all handlers at work have ended. What waits is left to the broker.
    pub(super) async fn drained(&mut self) {
        while self.at_work.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[tokio::test]
    async fn of_one_key_one_is_at_work_and_others_go_on() {
        let mut turns = Turns::new(8);
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let (a, first) = turns.arrived(key("a"), 1).unwrap();
        assert_eq!(first, 1);
        turns.begin(a, async { drop(wait.await) });
        assert!(turns.arrived(key("a"), 2).is_none() && turns.arrived(key("a"), 3).is_none());
        let (b, _) = turns.arrived(key("b"), 4).unwrap();
        turns.begin(b, async {});
        assert_eq!(turns.finished().await, None, "b is done, nothing waits behind it");
        let (none, _) = turns.arrived(None, 5).unwrap();
        turns.begin(none, async {});
        assert_eq!(turns.finished().await, None);
        done.send(()).unwrap();
        assert_eq!(turns.finished().await, Some((key("a"), 2)));
        turns.begin(key("a"), async {});
        assert_eq!(turns.finished().await, Some((key("a"), 3)));
        turns.begin(key("a"), async {});
        assert_eq!(turns.finished().await, None);
        assert_eq!(turns.arrived(key("a"), 6), Some((key("a"), 6)), "the key is free again");
    }

    #[tokio::test]
    async fn a_handler_that_panics_gives_its_key_free() {
        let mut turns = Turns::new(1);
        turns.arrived(key("a"), 1);
        turns.begin(key("a"), async { panic!("on purpose") });
        assert!(!turns.has_room());
        assert!(turns.arrived(key("a"), 2).is_none());
        assert_eq!(turns.finished().await, Some((key("a"), 2)));
    }
}
