//! Leases for the queue a department pulls over HTTP. In come rows of the outbox, in
//! order, and acknowledgements; out go grants with a token each. Promised: a delivery
//! is leased to one holder at a time; of deliveries that share an order key only the
//! first is given out until it is settled; the table is bounded. Pure: the store keeps
//! what is pending, and time is passed in.
//!
//! The table lives in memory. After a restart every token is unknown and deliveries
//! are given out again: the reader's inbox makes the effect happen once.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

/// The shortest lease: less than a slow handler needs only makes work twice.
pub const LEASE_MIN: SignedDuration = SignedDuration::from_secs(1);
/// The longest lease: so long a dead reader can hold up its department.
pub const LEASE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Leases a table holds unless it is told another number.
pub const LEASES: usize = 10_000;

/// A delivery that may be given out.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id.
    pub delivery: &'a str,
    /// The keys whose order must be kept.
    pub order_keys: &'a [String],
}

/// A delivery that is given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub delivery: String,
    /// What an acknowledgement must name.
    pub token: String,
    /// Until then nobody else gets it.
    pub until: Timestamp,
}

/// A lease that ended without an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The delivery's id: it may be given out again.
    pub delivery: String,
    /// Who held it.
    pub holder: String,
}

/// Who has what, and until when.
#[derive(Debug)]
pub struct LeaseTable {
    start: String,
    capacity: usize,
    next_token: u64,
    entries: HashMap<String, Entry>,
    /// Keys of everything in `entries`.
    keys: HashSet<String>,
    /// When an entry ends by itself, in that order.
    ends: BTreeSet<(Timestamp, String)>,
    /// How often each delivery was given out that is not settled.
    handouts: HashMap<String, u32>,
}

#[derive(Debug)]
struct Entry {
    token: String,
    holder: String,
    keys: Vec<String>,
    until: Timestamp,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Leased,
    /// Acknowledged, and being recorded in the store; does not end by itself.
    Settling,
    /// Given back; rests before it is given out again.
    Resting,
}

impl LeaseTable {
    /// An empty table. `start` must differ at every start of the process, so that a
    /// token of an earlier run is not taken for one of this run.
    #[must_use]
    pub fn new(start: &str, capacity: usize) -> LeaseTable {
        LeaseTable {
            start: start.to_owned(),
            capacity,
            next_token: 0,
            entries: HashMap::new(),
            keys: HashSet::new(),
            ends: BTreeSet::new(),
            handouts: HashMap::new(),
        }
    }

    /// Leases out of `rows`, which come in order, up to `max` deliveries. Passed over:
    /// what is leased, and everything behind an unsettled delivery of the same key.
    /// The lease is cut to [`LEASE_MIN`] and [`LEASE_MAX`]. A full table gives nothing.
    pub fn grant<'a>(
        &mut self,
        rows: impl IntoIterator<Item = Candidate<'a>>,
        holder: &str,
        now: Timestamp,
        lease: SignedDuration,
        max: usize,
    ) -> Vec<Grant> {
        let until = later(now, lease.clamp(LEASE_MIN, LEASE_MAX));
        let mut passed: HashSet<&str> = HashSet::new();
        let mut grants = Vec::new();
        for Candidate { delivery, order_keys } in rows {
            if grants.len() >= max || self.entries.len() >= self.capacity {
                break;
            }
            let busy = |key: &String| self.keys.contains(key) || passed.contains(key.as_str());
            if self.entries.contains_key(delivery) || order_keys.iter().any(busy) {
                passed.extend(order_keys.iter().map(String::as_str));
                continue;
            }
            let token = format!("{}-{}", self.start, self.next_token);
            self.next_token += 1;
            self.keys.extend(order_keys.iter().cloned());
            self.ends.insert((until, delivery.to_owned()));
            let entry = Entry {
                token: token.clone(),
                holder: holder.to_owned(),
                keys: order_keys.to_vec(),
                until,
                state: State::Leased,
            };
            self.entries.insert(delivery.to_owned(), entry);
            self.count(delivery);
            grants.push(Grant { delivery: delivery.to_owned(), token, until });
        }
        grants
    }

    /// The holder is done. The delivery stays out of reach until the store knows it:
    /// then call [`LeaseTable::settled`], or [`LeaseTable::restore`] if that failed.
    ///
    /// # Errors
    /// See [`LeaseError`]; the table is unchanged.
    pub fn ack(
        &mut self,
        delivery: &str,
        token: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<(), LeaseError> {
        let entry = self.held(delivery, token, holder, now)?;
        entry.state = State::Settling;
        let until = entry.until;
        self.ends.remove(&(until, delivery.to_owned()));
        Ok(())
    }

    /// The delivery was answered: what stands behind it in the order of its keys may be
    /// given out. The lease itself stays for the acknowledgement, if one comes.
    pub fn answered(&mut self, delivery: &str) {
        if let Some(entry) = self.entries.get_mut(delivery) {
            for key in entry.keys.drain(..) {
                self.keys.remove(&key);
            }
        }
    }

    /// The store knows that the delivery is done: the table forgets it.
    pub fn settled(&mut self, delivery: &str) {
        self.remove(delivery);
        self.handouts.remove(delivery);
    }

    /// How often a delivery was given out so far, as far as this run remembers: counting
    /// begins anew after a restart, and when twice as many are remembered as the table holds.
    #[must_use]
    pub fn handouts(&self, delivery: &str) -> u32 {
        self.handouts.get(delivery).copied().unwrap_or(0)
    }

    /// Whether a delivery is leased, settling or resting.
    #[must_use]
    pub fn is_out(&self, delivery: &str) -> bool {
        self.entries.contains_key(delivery)
    }

    fn count(&mut self, delivery: &str) {
        if self.handouts.len() >= self.capacity.saturating_mul(2) {
            self.handouts.clear();
        }
        *self.handouts.entry(delivery.to_owned()).or_default() += 1;
    }

    /// The store could not record it: the delivery may be given out again at once.
    pub fn restore(&mut self, delivery: &str) {
        self.remove(delivery);
    }

    /// The holder gives it back. It rests for `pause` (at most [`LEASE_MAX`]).
    ///
    /// # Errors
    /// See [`LeaseError`]; the table is unchanged.
    pub fn nack(
        &mut self,
        delivery: &str,
        token: &str,
        holder: &str,
        now: Timestamp,
        pause: SignedDuration,
    ) -> Result<(), LeaseError> {
        let entry = self.held(delivery, token, holder, now)?;
        entry.state = State::Resting;
        let before = entry.until;
        entry.until = later(now, pause.clamp(SignedDuration::ZERO, LEASE_MAX));
        let after = entry.until;
        self.ends.remove(&(before, delivery.to_owned()));
        self.ends.insert((after, delivery.to_owned()));
        Ok(())
    }

    /// Ends what is over. To be called before [`LeaseTable::grant`], and now and then.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Expired> {
        let mut expired = Vec::new();
        while let Some((until, delivery)) = self.ends.first() {
            if *until > now {
                break;
            }
            let delivery = delivery.clone();
            if let Some(entry) = self.remove(&delivery)
                && entry.state == State::Leased
            {
                expired.push(Expired { delivery, holder: entry.holder });
            }
        }
        expired
    }

    /// Deliveries that are out: leased, settling or resting.
    #[must_use]
    pub fn leased(&self) -> usize {
        self.entries.len()
    }

    /// When the first lease or rest ends, for a timer.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(until, _)| *until)
    }

    fn held(
        &mut self,
        delivery: &str,
        token: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<&mut Entry, LeaseError> {
        let entry = self.entries.get_mut(delivery).ok_or(LeaseError::Unknown)?;
        // Who it is comes first: a stranger learns nothing about the token.
        if entry.holder != holder {
            return Err(LeaseError::WrongHolder);
        }
        if entry.token != token {
            return Err(LeaseError::WrongToken);
        }
        match entry.state {
            State::Settling => Err(LeaseError::AlreadySettled),
            State::Resting => Err(LeaseError::Unknown),
            State::Leased if entry.until <= now => Err(LeaseError::Expired),
            State::Leased => Ok(entry),
        }
    }

    fn remove(&mut self, delivery: &str) -> Option<Entry> {
        let entry = self.entries.remove(delivery)?;
        for key in &entry.keys {
            self.keys.remove(key);
        }
        self.ends.remove(&(entry.until, delivery.to_owned()));
        Some(entry)
    }
}

/// Why an acknowledgement is not taken. The delivery comes again in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// No such lease: never given, given back, over, or of an earlier run.
    #[error("there is no lease on this delivery")]
    Unknown,
    /// The token belongs to another lease of the same delivery.
    #[error("the token is not that of the lease")]
    WrongToken,
    /// Another one holds it.
    #[error("the lease is held by another")]
    WrongHolder,
    /// The time is over.
    #[error("the lease has expired")]
    Expired,
    /// It was acknowledged a moment ago and is being recorded.
    #[error("the delivery is acknowledged already")]
    AlreadySettled,
}

impl LeaseError {
    /// A stable name for the answer and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            LeaseError::Unknown => "lease-unknown",
            LeaseError::WrongToken => "lease-token-wrong",
            LeaseError::WrongHolder => "lease-holder-wrong",
            LeaseError::Expired => "lease-expired",
            LeaseError::AlreadySettled => "lease-already-settled",
        }
    }

    /// What it means, in English.
    #[must_use]
    pub fn en(&self) -> String {
        format!("{self}; what is not acknowledged is given out again")
    }

    /// What it means, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        let text = match self {
            LeaseError::Unknown => "该投递没有租约",
            LeaseError::WrongToken => "令牌与租约不符",
            LeaseError::WrongHolder => "租约由他方持有",
            LeaseError::Expired => "租约已过期",
            LeaseError::AlreadySettled => "该投递已确认",
        };
        format!("{text}；未确认的投递将再次发出")
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
