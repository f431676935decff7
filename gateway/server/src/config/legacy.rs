//! `[[legacy]]`: which participants may use a door of an obsolete form, and until when. There
//! is none by default. The forms hide the sender's signature in a wrapper, or are signed and
//! encrypted with what should not be used any more; so each use is named and has an end.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use onepoint_certs::{Participant, ParticipantId, Registry, Role};
use onepoint_envelope::octets;
use zeroize::Zeroizing;

use super::section::Section;
use super::{ReadFile, file};

/// Bytes of an AES-128 key.
const KEY_BYTES: usize = 16;

/// An obsolete form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LegacyForm {
    /// The JSON wrapper of the Haikou port.
    Haikou,
    /// The SOAP call of the Hangzhou port.
    Hangzhou,
}

impl LegacyForm {
    /// As the configuration has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LegacyForm::Haikou => "haikou",
            LegacyForm::Hangzhou => "hangzhou",
        }
    }
}

/// The key that a participant encrypts with; never shown.
#[derive(Clone)]
pub(crate) struct LegacyKey(Zeroizing<[u8; KEY_BYTES]>);

impl LegacyKey {
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn for_test(bytes: [u8; KEY_BYTES]) -> LegacyKey {
        LegacyKey(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for LegacyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LegacyKey")
    }
}

/// One `[[legacy]]`: this participant may use this form up to and with this day.
#[derive(Debug, Clone)]
pub(crate) struct LegacyUse {
    pub(crate) form: LegacyForm,
    pub(crate) participant: ParticipantId,
    /// The last day, in UTC+8.
    pub(crate) until: Date,
    /// For the form that is encrypted.
    pub(crate) key: Option<LegacyKey>,
}

impl LegacyUse {
    /// Whether the last day is over at `at`.
    pub(crate) fn has_ended(&self, at: Timestamp) -> bool {
        Offset::constant(8).to_datetime(at).date() > self.until
    }
}

/// The uses of a configuration, checked against its register.
pub(super) fn read(
    root: &Section<'_, '_>,
    files: ReadFile<'_>,
    registry: Option<&Registry>,
) -> Vec<LegacyUse> {
    let mut uses: Vec<LegacyUse> = Vec::new();
    for section in &root.sections("legacy") {
        let Some(one) = one(section, files, registry) else { continue };
        let twice = uses.iter().any(|u| u.form == one.form && u.participant == one.participant);
        if twice {
            let (form, who) = (one.form.name(), &one.participant);
            section.fault("participant", format!("{who} has a [[legacy]] for {form} already"));
        }
        uses.push(one);
    }
    uses
}

fn one(
    section: &Section<'_, '_>,
    files: ReadFile<'_>,
    registry: Option<&Registry>,
) -> Option<LegacyUse> {
    let form = section.text("form").and_then(|form| match form.as_str() {
        "haikou" => Some(LegacyForm::Haikou),
        "hangzhou" => Some(LegacyForm::Hangzhou),
        other => {
            section.fault("form", format!("expected haikou or hangzhou, found {other:?}"));
            None
        }
    });
    let participant = section.text("participant");
    let until = section.date("until");
    let key = match form {
        Some(LegacyForm::Hangzhou) => key(section, files),
        _ => None,
    };
    section.finish();
    let what = "an obsolete form that hides what is signed; use POST /v1/messages";
    section.warn("form", what);
    let found = participant_of(section, &participant?, registry?)?;
    if form == Some(LegacyForm::Hangzhou) && found.dxp_id.is_none() {
        let what = format!("{} has no dxp_id, which every message made of a call names", found.id);
        section.fault("participant", what);
    }
    let (form, until) = (form?, until?);
    if form == LegacyForm::Hangzhou && key.is_none() {
        return None;
    }
    Some(LegacyUse { form, participant: found.id.clone(), until, key })
}

fn participant_of<'r>(
    section: &Section<'_, '_>,
    id: &str,
    registry: &'r Registry,
) -> Option<&'r Participant> {
    let found = registry.participants().find(|participant| participant.id.as_str() == id);
    match found {
        Some(found) if found.role == Role::Enterprise => return Some(found),
        Some(_) => section.fault("participant", format!("{id:?} is no enterprise")),
        None => section.fault("participant", format!("there is no [[participant]] {id:?}")),
    }
    None
}

fn key(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<LegacyKey> {
    let text = Zeroizing::new(file(section, "key", files)?);
    let octets = octets::decode(&text, KEY_BYTES).map(Zeroizing::new);
    let bytes = octets.ok().and_then(|octets| <[u8; KEY_BYTES]>::try_from(octets.as_slice()).ok());
    if bytes.is_none() {
        // What was found is not said: it is a key, if a broken one.
        section.fault("key", format!("expected a file with the base64 of {KEY_BYTES} bytes"));
    }
    bytes.map(|bytes| LegacyKey(Zeroizing::new(bytes)))
}
