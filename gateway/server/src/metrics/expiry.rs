//! What is counted of the calendar: how long what ends soon has left, and how much of it
//! there is below each number of days.

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;

use super::Metrics;
use crate::calendar::Entry;
use crate::calendar::watch::{DAYS, below, gauged};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByEntry {
    kind: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByDays {
    days: i64,
}

impl Metrics {
    pub(super) fn register_expiry(&mut self) {
        let left = self.expiry_left.clone();
        let what = "until a certificate, list, policy or delegation ends; below 60 days, and the gateway's own";
        self.registry.register("expiry_seconds_left", what, left);
        let expiring = self.expiring.clone();
        let what = "how many of them have less than so many days left; 0: ended";
        self.registry.register("expiring", what, expiring);
    }

    /// Sets the gauges of what ends.
    pub(crate) fn expiry(&self, entries: &[Entry], now: Timestamp) {
        self.expiry_left.clear();
        for entry in gauged(entries, now) {
            let Some(left) = entry.seconds_left(now) else { continue };
            let by = ByEntry { kind: entry.kind.to_owned(), name: entry.name.clone() };
            self.expiry_left.get_or_create(&by).set(left);
        }
        for days in DAYS {
            let under = |entry: &&Entry| below(entry, now).is_some_and(|least| least <= days);
            let count = i64::try_from(entries.iter().filter(under).count()).unwrap_or(i64::MAX);
            self.expiring.get_or_create(&ByDays { days }).set(count);
        }
    }
}
