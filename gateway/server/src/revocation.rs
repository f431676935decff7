//! Revocation in a running gateway. In: a verified chain and the time. Out: for each of
//! its certificates good, revoked or unknown, as the newest lists say, and whether it is taken.
//! Lists are fetched in the background (`fetch.rs`) and kept on disk (`disk.rs`); no message
//! ever waits for one. Unknown is taken until the grace period ends, and never becomes revoked.
//! The online protocol of RFC 6960 would be another source beside `Address::Http`; its place
//! is here, since who judges asks only this module.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::crl::{self, Status, Taken, Terms, Unknown};
use onepoint_certs::{
    Certificate, Chain, CrlError, ListName, RevocationError, RevocationList, RevocationLists,
    SignaturePolicy,
};
use onepoint_store::StoreError;
use serde_json::{Value, json};

use crate::config::trust::{Address, ListSource, RevocationSettings, same_ca};

mod disk;
pub(crate) mod fetch;

/// The lists of all issuers that are asked.
#[derive(Debug)]
pub(crate) struct Revocation {
    settings: RevocationSettings,
    /// For each of the settings' issuers, since when its lists are asked.
    since: Vec<Timestamp>,
    lists: RwLock<Arc<RevocationLists>>,
}

/// What became of a list that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    New,
    /// It is the one that is known.
    Same,
    /// A newer one is known, which stays.
    Older,
}

impl Given {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Given::New => "new",
            Given::Same => "same",
            Given::Older => "older",
        }
    }
}

/// Why a list that was given is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListFault {
    #[error(transparent)]
    Crl(#[from] CrlError),
    #[error("the list says that it was issued at {this_update}, which is in the future")]
    FromFuture { this_update: Timestamp },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ListFault {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            ListFault::Crl(error) => error.code(),
            ListFault::FromFuture { .. } => "crl-from-future",
            ListFault::Store(error) => error.code(),
        }
    }
}

/// What is known of one issuer's lists, for metrics and the calendar.
#[derive(Debug, Clone)]
pub(crate) struct IssuerState {
    pub(crate) issuer: String,
    pub(crate) list: Option<ListName>,
    /// Since when the status of its certificates is unknown, if it is.
    pub(crate) unknown_since: Option<Timestamp>,
}

impl Revocation {
    /// Reads what is at hand without a network: lists that were kept, and files. Writes nothing.
    pub(crate) fn read(settings: &RevocationSettings, now: Timestamp) -> Revocation {
        let since = |source| disk::since(&settings.folder, source).unwrap_or(now);
        let kept =
            settings.issuers.iter().filter_map(|source| disk::list(&settings.folder, source));
        let revocation = Revocation {
            since: settings.issuers.iter().map(since).collect(),
            lists: RwLock::new(Arc::new(RevocationLists::new(kept).unwrap_or_default())),
            settings: settings.clone(),
        };
        for index in 0..settings.issuers.len() {
            revocation.read_files(index, now);
        }
        revocation
    }

    /// As [`Revocation::read`], for a gateway: from now on it is known since when lists are
    /// asked, also after a restart. What `before` knows is known here.
    ///
    /// # Errors
    /// Faults of the disk.
    pub(crate) fn open(
        settings: &RevocationSettings,
        before: Option<&Revocation>,
        now: Timestamp,
    ) -> Result<Revocation, StoreError> {
        let revocation = Revocation::read(settings, now);
        for (source, since) in settings.issuers.iter().zip(&revocation.since) {
            disk::keep_since(&settings.folder, source, *since)?;
        }
        if let Some(before) = before {
            revocation.learn(before);
        }
        Ok(revocation)
    }

    /// Takes what another one knows by now of the issuers of this one.
    pub(crate) fn learn(&self, other: &Revocation) {
        for list in other.lists().lists() {
            let of = |source: &ListSource| list.is_of(&source.issuer);
            if let Some(index) = self.settings.issuers.iter().position(of) {
                self.put(index, list.clone());
            }
        }
    }

    fn read_files(&self, index: usize, now: Timestamp) {
        let Some(source) = self.settings.issuers.get(index) else { return };
        for address in &source.addresses {
            let Address::File(path) = address else { continue };
            let read = disk::file(path, source.bytes_max).map_err(|error| error.to_string());
            let parsed = read.and_then(|bytes| {
                let parsed = self.parse(source, &bytes, now, SignedDuration::ZERO);
                parsed.map_err(|fault| fault.to_string())
            });
            match parsed {
                Ok(list) => _ = self.put(index, list),
                Err(reason) => {
                    let (issuer, address) = (source.issuer.subject(), address.to_string());
                    tracing::warn!(issuer, address, reason, "a revocation list cannot be used");
                }
            }
        }
    }

    /// Takes a list of an issuer: it is kept on disk and counts from now on, unless a newer
    /// one is known.
    ///
    /// # Errors
    /// [`ListFault`]; what was known stays. After a fault of the disk the list counts all the
    /// same: it is only not there after a restart.
    pub(crate) fn give(
        &self,
        index: usize,
        bytes: &[u8],
        now: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<Given, ListFault> {
        let Some(source) = self.settings.issuers.get(index) else { return Ok(Given::Same) };
        let list = self.parse(source, bytes, now, tolerance)?;
        let given = self.put(index, list);
        if given == Given::New {
            let der = crl::der(bytes)?;
            // Dying here: the next start has the list of before and fetches again.
            disk::keep(&self.settings.folder, source, &der)?;
        }
        Ok(given)
    }

    fn parse(
        &self,
        source: &ListSource,
        bytes: &[u8],
        now: Timestamp,
        tolerance: SignedDuration,
    ) -> Result<RevocationList, ListFault> {
        let der = crl::der(bytes)?;
        let strict = SignaturePolicy::strict();
        let list = RevocationList::from_der(&der, &source.issuer, &strict)?;
        let this_update = list.this_update();
        if this_update > now.checked_add(tolerance).unwrap_or(Timestamp::MAX) {
            return Err(ListFault::FromFuture { this_update });
        }
        Ok(list)
    }

    /// Puts a list in the place of an older one.
    fn put(&self, index: usize, list: RevocationList) -> Given {
        let Some(source) = self.settings.issuers.get(index) else { return Given::Same };
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let known = lists.lists().iter().find(|known| known.is_of(&source.issuer));
        match known {
            Some(known) if known.digest() == list.digest() => return Given::Same,
            Some(known) if age(known) > age(&list) => return Given::Older,
            _ => {}
        }
        let others = lists.lists().iter().filter(|known| !known.is_of(&source.issuer)).cloned();
        // One list for each issuer, and the configuration has a bound on those.
        let next = RevocationLists::new(others.chain([list])).unwrap_or_default();
        *lists = Arc::new(next);
        Given::New
    }

    fn lists(&self) -> Arc<RevocationLists> {
        Arc::clone(&self.lists.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges all certificates of a chain below its anchor. Lists of an anchor without a
    /// section are not asked. Below an anchor that has one every issuer's are: one without
    /// lists makes its certificates unknown.
    ///
    /// # Errors
    /// `cert-revoked`, `cert-revocation-unknown` after the grace.
    pub(crate) fn judge(
        &self,
        chain: &Chain,
        at: Timestamp,
        tolerance: SignedDuration,
        policy: &SignaturePolicy,
    ) -> Result<Vec<Taken>, RevocationError> {
        let anchor_since = self.asked_since(chain.anchor());
        let asked = |issuer: &Certificate| {
            let own = self.asked_since(issuer);
            own.or(anchor_since.filter(|_| issuer != chain.anchor()))
        };
        let terms = Terms { at, tolerance, grace: self.grace(policy) };
        self.lists().judge(chain, &terms, &asked)
    }

    fn asked_since(&self, issuer: &Certificate) -> Option<Timestamp> {
        let mut pairs = self.settings.issuers.iter().zip(&self.since);
        pairs.find(|(source, _)| same_ca(&source.issuer, issuer)).map(|(_, since)| *since)
    }

    /// How long an unknown status is taken under a policy.
    pub(crate) fn grace(&self, policy: &SignaturePolicy) -> SignedDuration {
        let own = policy.revocation_grace_hours;
        own.map_or(self.settings.grace, |hours| SignedDuration::from_hours(i64::from(hours)))
    }

    /// Where lists come from.
    pub(crate) fn issuers(&self) -> &[ListSource] {
        &self.settings.issuers
    }

    /// What is known of each issuer's lists.
    pub(crate) fn states(&self, now: Timestamp) -> Vec<IssuerState> {
        let lists = self.lists();
        let issuers = self.settings.issuers.iter().zip(&self.since);
        let state = |(source, since): (&ListSource, &Timestamp)| {
            let list = lists.lists().iter().find(|list| list.is_of(&source.issuer));
            let unknown_since = match list {
                None => Some(*since),
                Some(list) => list.next_update().filter(|next_update| *next_update < now),
            };
            let issuer = source.issuer.subject().to_owned();
            IssuerState { issuer, list: list.map(RevocationList::name), unknown_since }
        };
        issuers.map(state).collect()
    }
}

/// Orders lists of one issuer: by their time, and within a second by their number.
fn age(list: &RevocationList) -> (Timestamp, usize, &str) {
    let number = list.number().unwrap_or_default().trim_start_matches('0');
    (list.this_update(), number.len(), number)
}

/// What a fact says of revocation: `not-checked`, or one entry for each certificate of the chain.
pub(crate) fn says(taken: &[Taken]) -> Value {
    if taken.iter().all(|one| one.status.is_none()) {
        return json!("not-checked");
    }
    taken.iter().map(one_says).collect()
}

fn one_says(taken: &Taken) -> Value {
    let mut says = json!({
        "certificate": taken.certificate.to_string(),
        "status": taken.word(),
    });
    let Some(says_map) = says.as_object_mut() else { return says };
    if let Some(list) = &taken.list {
        let mut named = json!({
            "sha256": list.digest.to_string(),
            "this_update": list.this_update.to_string(),
        });
        for (key, value) in [
            ("number", list.number.clone()),
            ("next_update", list.next_update.map(|at| at.to_string())),
        ] {
            if let (Some(value), Some(named)) = (value, named.as_object_mut()) {
                named.insert(key.to_owned(), json!(value));
            }
        }
        says_map.insert("list".to_owned(), named);
    }
    if let Some((since, ends)) = taken.grace {
        let why = match &taken.status {
            Some(Status::Unknown(Unknown::Stale { .. })) => "stale",
            _ => "no-list",
        };
        says_map.insert("why".to_owned(), json!(why));
        says_map.insert("unknown_since".to_owned(), json!(since.to_string()));
        says_map.insert("grace_ends".to_owned(), json!(ends.to_string()));
    }
    says
}

#[cfg(test)]
mod tests;
