//! No end comes as a surprise: in a running gateway each entry of the calendar is looked at
//! every now and then. In: entries and the time. Out: gauges of the seconds that are left, how
//! many entries have less than 60, 30, 14 and 3 days, and one line in the log when an entry
//! comes below one of these, and when it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Entry;
use crate::clock::Clock;
use crate::inforce::InForce;

/// Time between two looks.
pub(crate) const EVERY: Duration = Duration::from_secs(600);
/// Days left at which is warned; the last stands for the end itself.
pub(crate) const DAYS: [i64; 5] = [60, 30, 14, 3, 0];
/// Most entries that have a gauge of their own: the soonest.
pub(crate) const GAUGES_MAX: usize = 500;
const DAY_S: i64 = 86_400;

/// What was warned of already: for each entry the last of the days.
#[derive(Debug, Default)]
pub(crate) struct Watch(HashMap<(&'static str, String), i64>);

impl Watch {
    /// The entries that came below one of [`DAYS`] since they were looked at last, each with
    /// the smallest; a first look tells of all that are below one.
    pub(crate) fn look<'e>(
        &mut self,
        entries: &'e [Entry],
        now: Timestamp,
    ) -> Vec<(&'e Entry, i64)> {
        let mut crossed = Vec::new();
        let mut seen = HashMap::new();
        for entry in entries {
            let Some(days) = below(entry, now) else { continue };
            // A renewed list has the name of its number: it begins anew.
            let key = (entry.kind, entry.name.clone());
            if self.0.get(&key).is_none_or(|told| *told > days) {
                crossed.push((entry, days));
            }
            seen.insert(key, days);
        }
        self.0 = seen;
        crossed
    }
}

/// Looks again and again at what is in force.
pub(crate) async fn run(now: Arc<InForce>, clock: Clock) {
    let mut watch = Watch::default();
    loop {
        let at = clock.now();
        let entries = now.entries(at);
        tell(&watch.look(&entries, at));
        tokio::time::sleep(EVERY).await;
    }
}

/// The smallest of [`DAYS`] that an entry is below; none when it has more than 60 left.
pub(crate) fn below(entry: &Entry, now: Timestamp) -> Option<i64> {
    let left = entry.seconds_left(now)?;
    DAYS.into_iter().rev().find(|days| left < days * DAY_S)
}

/// Those that get a gauge: the gateway's own, and what is below 60 days, the soonest first.
pub(crate) fn gauged(entries: &[Entry], now: Timestamp) -> Vec<&Entry> {
    let own = |entry: &&Entry| matches!(entry.kind, "tls" | "seal" | "seal-next");
    let near = entries.iter().filter(|entry| !own(entry) && below(entry, now).is_some());
    let mut near: Vec<&Entry> = near.collect();
    near.sort_by_key(|entry| entry.ends);
    entries.iter().filter(own).chain(near).take(GAUGES_MAX).collect()
}

/// Writes a line for each that was crossed.
pub(crate) fn tell(crossed: &[(&Entry, i64)]) {
    for (entry, days) in crossed {
        let Entry { kind, name, ends, en, zh, .. } = entry;
        let ends = ends.map(|ends| ends.to_string()).unwrap_or_default();
        if *days == 0 {
            tracing::error!(kind, name, ends, days, stops = en, zh, "has ended");
        } else {
            tracing::warn!(kind, name, ends, days, stops = en, zh, "ends in less than these days");
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn entry(kind: &'static str, name: &str, hours: Option<i64>) -> Entry {
        let ends = hours.map(|hours| now() + SignedDuration::from_hours(hours));
        let text = String::new();
        let name = name.to_owned();
        Entry { kind, name, begins: None, ends, flows: Vec::new(), en: text.clone(), zh: text }
    }

    #[test]
    fn each_number_of_days_is_told_once() {
        let entries = [entry("participant", NAMES[0], Some(61 * 24)), entry("key", NAMES[1], None)];
        let mut watch = Watch::default();
        let mut told = Vec::new();
        // Every hour for three months.
        for hour in 0..90 * 24 {
            let at = now() + SignedDuration::from_hours(hour);
            for (entry, days) in watch.look(&entries, at) {
                told.push((entry.name.clone(), days, hour));
            }
        }
        let a = |days, hour| ("a".to_owned(), days, hour);
        let expected = [(60, 1), (30, 31), (14, 47), (3, 58), (0, 61)];
        assert_eq!(told, expected.map(|(days, day)| a(days, day * 24 + 1)));
    }

    #[test]
    fn a_first_look_tells_the_smallest_and_a_renewal_begins_anew() {
        let mut watch = Watch::default();
        let near = [entry("list", NAMES[0], Some(1)), entry("list", NAMES[1], Some(-1))];
        let told: Vec<i64> = watch.look(&near, now()).iter().map(|(_, days)| *days).collect();
        assert_eq!(told, [3, 0]);
        assert!(watch.look(&near, now()).is_empty());
        let renewed = [entry("list", NAMES[0], Some(24 * 100))];
        assert!(watch.look(&renewed, now()).is_empty());
        assert_eq!(watch.look(&near, now()).len(), 2);
    }

    #[test]
    fn gauges_are_for_what_is_near_and_for_the_gateways_own() {
        let mut entries: Vec<Entry> =
            (0..600).map(|n| entry("participant", &n.to_string(), Some(n))).collect();
        entries.push(entry("participant", "far", Some(61 * 24)));
        entries.push(entry("key", "endless", None));
        let gauges = gauged(&entries, now());
        assert_eq!(gauges.len(), GAUGES_MAX);
        assert!(gauges.iter().all(|entry| entry.name != "far" && entry.name != "endless"));
        entries.push(entry("tls", NAMES[2], Some(24 * 400)));
        assert_eq!(gauged(&entries, now())[0].name, NAMES[2], "never crowded out");
    }
}
