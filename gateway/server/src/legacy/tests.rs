//! Who may use a door, and on which day.

use super::*;

#[test]
fn a_door_is_open_to_its_participant_up_to_and_with_the_last_day() {
    let who = ParticipantId::new("platform").unwrap();
    let uses = [LegacyUse {
        form: LegacyForm::Haikou,
        participant: who.clone(),
        until: "2026-11-29".parse().unwrap(),
        key: None,
    }];
    let at = |form, who: &ParticipantId, at: &str| {
        let found = in_force(&uses, form, who, at.parse().unwrap());
        found.map(|_| ()).map_err(|refusal| (refusal.status, refusal.code.into_owned()))
    };
    let off = Err((403, "legacy-off".to_owned()));
    // Midnight of UTC+8.
    assert_eq!(at(LegacyForm::Haikou, &who, "2026-11-29T15:59:59Z"), Ok(()));
    let ended = at(LegacyForm::Haikou, &who, "2026-11-29T16:00:00Z");
    assert_eq!(ended, Err((403, "legacy-ended".to_owned())));
    assert_eq!(at(LegacyForm::Hangzhou, &who, "2026-11-29T00:00:00Z"), off);
    let other = ParticipantId::new("payment").unwrap();
    assert_eq!(at(LegacyForm::Haikou, &other, "2026-11-29T00:00:00Z"), off);
}
