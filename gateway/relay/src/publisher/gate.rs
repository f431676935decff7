//! Whether a lane publishes at all. In come refusals and confirms, out goes how many rows
//! may be unconfirmed. A queue that refused one row (it is full, or cannot write) refuses
//! the next as well: the lane rests, then tries a single row, and only a confirm opens it
//! again. So a dead department costs next to nothing, and nobody else waits for it.

use tokio::time::Instant;

use super::CONFIRM_WINDOW;
use crate::backoff::Pauses;

/// Open, resting, or trying.
#[derive(Debug)]
pub(super) struct Gate {
    state: State,
    pauses: Pauses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Resting(Instant),
    Trying,
}

impl Gate {
    pub(super) fn new() -> Gate {
        Gate { state: State::Open, pauses: Pauses::retry() }
    }

    /// How many rows may be unconfirmed now.
    pub(super) fn width(&mut self, now: Instant) -> usize {
        match self.state {
            State::Open => CONFIRM_WINDOW,
            State::Resting(until) if now < until => 0,
            State::Resting(_) | State::Trying => {
                self.state = State::Trying;
                1
            }
        }
    }

    /// The queue refused a row. True when that closed an open gate.
    pub(super) fn refused(&mut self, now: Instant) -> bool {
        let was = self.state;
        if !matches!(was, State::Resting(_)) {
            self.state = State::Resting(now + self.pauses.next());
        }
        was == State::Open
    }

    /// The queue took a row. True when that opened the gate; confirms of rows that were
    /// under way before the refusal do not.
    pub(super) fn taken(&mut self) -> bool {
        let opens = self.state == State::Trying;
        if opens {
            self.state = State::Open;
            self.pauses.reset();
        }
        opens
    }

    /// A new channel: what was tried has no answer.
    pub(super) fn lost(&mut self, now: Instant) {
        if self.state == State::Trying {
            self.state = State::Resting(now);
        }
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Resting(until) => Some(until),
            State::Open | State::Trying => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_refusal_closes_and_one_confirm_of_a_trial_opens() {
        let mut gate = Gate::new();
        let now = Instant::now();
        assert_eq!(gate.width(now), CONFIRM_WINDOW);
        assert!(!gate.taken(), "it is open");
        assert!(gate.refused(now) && !gate.refused(now), "the rest of the window says the same");
        assert!(!gate.taken(), "under way before");
        assert_eq!(gate.width(now), 0);
        let due = gate.due().unwrap();
        assert!(due > now);
        assert_eq!((gate.width(due), gate.width(due)), (1, 1));
        assert_eq!(gate.due(), None);
        assert!(!gate.refused(due), "still full: it rests on, longer");
        let later = gate.due().unwrap();
        assert!(later - due > Duration::from_millis(500), "{:?}", later - due);
        gate.width(later);
        gate.lost(later);
        assert_eq!(gate.width(later), 1, "a lost trial is made again");
        assert!(gate.taken());
        assert_eq!(gate.width(later), CONFIRM_WINDOW);
    }
}
