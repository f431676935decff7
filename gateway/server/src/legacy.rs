//! Doors of obsolete forms, for participants that cannot change yet. In: the call of a port's
//! old client. Out: what it carries, for the pipeline, and answers in the form that the client
//! knows. A door is open to a participant by a `[[legacy]]` of the configuration and not else;
//! what comes in is judged by the same stages as everything.

use jiff::Timestamp;
use onepoint_certs::ParticipantId;

use crate::config::{LegacyForm, LegacyUse};
use crate::refusal::{Refusal, Stage};

pub(crate) mod haikou;
pub(crate) mod mo;
pub(crate) mod order;

/// The use of `form` that is in force for `who` at `at`.
///
/// # Errors
/// `legacy-off`, `legacy-ended`.
pub(crate) fn in_force<'u>(
    uses: &'u [LegacyUse],
    form: LegacyForm,
    who: &ParticipantId,
    at: Timestamp,
) -> Result<&'u LegacyUse, Refusal> {
    let name = form.name();
    let found = uses.iter().find(|u| u.form == form && u.participant == *who);
    let expected = format!(
        "a [[legacy]] section of the configuration: form = \"{name}\", participant = \"{who}\", \
         until = \"YYYY-MM-DD\"; or POST /v1/messages"
    );
    let found = found.ok_or_else(|| {
        let en = format!("{who} may not use the obsolete form {name}");
        let zh = format!("{who} 未获准使用旧式接口 {name}");
        Refusal::new(Stage::Intake, 403, "legacy-off", en, zh).expecting(expected.clone())
    })?;
    if found.has_ended(at) {
        let until = found.until;
        let en = format!("{who} was allowed the obsolete form {name} up to {until} (UTC+8)");
        let zh = format!("{who} 使用旧式接口 {name} 的期限已于 {until}（UTC+8）届满");
        return Err(Refusal::new(Stage::Intake, 403, "legacy-ended", en, zh).expecting(expected));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
