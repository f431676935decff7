//! Which lanes of the outbox a commit changed, so that those who wait for one lane do not
//! read the journal for every commit of the others.
//!
//! In: work that became durable; out: for each lane a number that changes with it. A
//! number may change for nothing; it never stays when a row came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::Work;
use crate::deliver::REPLAY_LANE;

/// The numbers of all lanes, shared by the writer and those who wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaneVersions(Arc<Mutex<Versions>>);

#[derive(Debug, Default)]
struct Versions {
    /// Changed by work of which it is not known whom it reaches.
    any: u64,
    lanes: BTreeMap<String, u64>,
}

impl LaneVersions {
    /// The number of a lane now.
    pub(crate) fn of(&self, lane: &str) -> u64 {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.any.wrapping_add(versions.lanes.get(lane).copied().unwrap_or_default())
    }

    pub(super) fn mark(&self, touched: Touched) {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        versions.any = versions.any.wrapping_add(u64::from(touched.any));
        for lane in touched.lanes {
            let version = versions.lanes.entry(lane).or_default();
            *version = version.wrapping_add(1);
        }
    }
}

/// What a group touches once it is durable.
#[derive(Debug, Default)]
pub(super) struct Touched {
    any: bool,
    lanes: BTreeSet<String>,
}

impl Touched {
    pub(super) fn by(group: &[Work]) -> Touched {
        let mut touched = Touched::default();
        for work in group {
            match work {
                Work::Message(routed, _) => {
                    let departments = routed.deliveries().iter().map(|d| d.department.clone());
                    touched.lanes.extend(departments);
                }
                // What is given once more waits for the lane to be empty.
                Work::Relayed(lane, ..) => {
                    touched.lanes.insert(format!("{REPLAY_LANE}{lane}"));
                }
                Work::Refused(..) | Work::Tick | Work::Retain(..) | Work::Renew(..) => {}
                Work::Delivered(..) | Work::Answer(..) | Work::Bury(..) | Work::Again(..) => {
                    touched.any = true;
                }
            }
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_lane_changes_with_its_own_work_and_with_work_for_unknown_lanes() {
        let versions = LaneVersions::default();
        let at = |lane: &str| versions.of(lane);
        let (replay, tax, customs) = (at("replay/tax"), at("tax"), at("customs"));
        let relayed = Work::Relayed("tax".to_owned(), vec![1], oneshot::channel().0);
        versions.mark(Touched::by(&[Work::Tick, relayed]));
        assert_ne!(at("replay/tax"), replay);
        assert_eq!((at("tax"), at("customs")), (tax, customs));
        let by = onepoint_certs::ParticipantId::new("customs").unwrap();
        let delivered = Work::Delivered(Vec::new(), by, oneshot::channel().0);
        versions.mark(Touched::by(&[delivered]));
        assert_ne!(at("tax"), tax);
        assert_ne!(at("customs"), customs);
    }
}
