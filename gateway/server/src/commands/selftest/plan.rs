//! How each run dies: each commit point in turn, at a drawn pass; every third run by
//! SIGKILL at a drawn moment. In comes the seed; the same seed gives the same plan and
//! the same messages, but not the same moments: the machine has its own mind there.

use std::time::Duration;

use crate::fault::{POINTS, Point};

/// Every so many runs the death is a SIGKILL.
const KILL_EVERY: u32 = 3;
/// A SIGKILL comes so long after the first message, at most.
const KILL_AFTER_MS: u64 = 160;

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// One of the items.
    pub(super) fn one<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let at = self.below(items.len() as u64);
        items.get(usize::try_from(at).unwrap_or(0))
    }

    /// A guid as the port makes them.
    pub(super) fn guid(&mut self) -> String {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        let uuid = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        uuid.to_string().to_uppercase()
    }
}

/// How one run dies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Death {
    /// At the `pass`-th pass of this place.
    At { point: &'static Point, pass: u64 },
    /// By SIGKILL, so long after the first message.
    Kill { after: Duration },
}

impl Death {
    /// The death of a run, counted from 0.
    pub(super) fn of(run: u32, random: &mut Random) -> Death {
        let points: Vec<&'static Point> = POINTS.iter().filter(|point| !point.broker).collect();
        let (round, place) = (run / KILL_EVERY, run % KILL_EVERY);
        let turn = round * (KILL_EVERY - 1) + place;
        let at = usize::try_from(turn).unwrap_or(0) % points.len().max(1);
        match points.get(at) {
            Some(point) if place + 1 < KILL_EVERY => {
                Death::At { point, pass: 1 + random.below(point.passes) }
            }
            _ => Death::kill(random),
        }
    }

    /// The value of `ONEPOINT_DIE_AT`.
    pub(super) fn variable(self) -> Option<String> {
        match self {
            Death::At { point, pass } => Some(format!("{}:{pass}", point.name)),
            Death::Kill { .. } => None,
        }
    }

    /// Whether it is housekeeping that dies.
    pub(super) fn chore(self) -> Option<&'static Point> {
        match self {
            Death::At { point, .. } if point.chore => Some(point),
            _ => None,
        }
    }

    /// A SIGKILL at a drawn moment.
    pub(super) fn kill(random: &mut Random) -> Death {
        Death::Kill { after: Duration::from_millis(random.below(KILL_AFTER_MS)) }
    }

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Death::At { point, .. } => point.name,
            Death::Kill { .. } => super::KILLED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_that_need_no_broker_have_their_turn() {
        let mut random = Random::new(1);
        let names: Vec<&str> = (0..66).map(|run| Death::of(run, &mut random).name()).collect();
        for point in POINTS.iter().filter(|point| !point.broker) {
            let turns = names.iter().filter(|name| **name == point.name).count();
            assert!(turns >= 2, "{} has {turns} turns in 66 runs", point.name);
        }
        assert_eq!(names.iter().filter(|name| **name == super::super::KILLED).count(), 22);
        assert!(!names.contains(&"relay.confirmed"));
    }

    #[test]
    fn a_seed_gives_the_same_plan() {
        let plan = |seed| {
            let mut random = Random::new(seed);
            (0..30).map(|run| format!("{:?}", Death::of(run, &mut random))).collect::<Vec<_>>()
        };
        assert_eq!(plan(5), plan(5));
        assert_ne!(plan(5), plan(6));
    }
}
