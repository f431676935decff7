//! A report for a person: each stage in order, the causes with both languages, and the
//! octets around the first difference with white space visible. In: a [`Report`]. Out:
//! lines.

use std::fmt::Write as _;

use onepoint_envelope::xmldsig::explain::{Cause, visible};

use onepoint_schemas::Language;

use super::{Finding, Report, carried};

/// Lines of canonical octets that are shown where the difference is not known.
const LINES_SHOWN: usize = 6;
/// Characters of one such line.
const LINE_SHOWN: usize = 120;

impl Report {
    /// The report as lines.
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            self.stage(finding, &mut out);
        }
        out
    }

    fn stage(&self, finding: &Finding, out: &mut String) {
        let mark = match finding.ok {
            Some(true) => "ok  ",
            Some(false) => "FAIL",
            None => "-   ",
        };
        line(out, &format!("  {mark} {}: {} [{}]", finding.stage, finding.en, finding.code));
        if finding.ok == Some(true) {
            return;
        }
        if !finding.violations.is_empty() && finding.stage != "answer" {
            for violation in &finding.violations {
                line(out, &format!("       {}", violation.told(Language::English)));
                line(out, &format!("       {}", violation.told(Language::Chinese)));
            }
            return;
        }
        line(out, &format!("       {}", finding.zh));
        if let Some(place) = finding.place.as_ref().filter(|_| finding.stage != "answer") {
            let at = format!("line {}, column {}", place.line, place.column);
            let within = if place.within.is_empty() {
                String::new()
            } else {
                format!(" in {}", place.within)
            };
            line(out, &format!("       at {at} {}{within}", place.path));
        }
        if let Some(expected) = finding.expected.as_ref().filter(|_| finding.stage != "answer") {
            line(out, &format!("       expected: {expected}"));
        }
        self.causes(finding, out);
    }

    fn causes(&self, finding: &Finding, out: &mut String) {
        finding.causes.iter().for_each(|cause| describe(cause, out));
        let (explained, stage) = match finding.stage.strip_prefix(carried::ENVELOPE) {
            Some(stage) => (&self.envelope, stage),
            None => (&self.signature, finding.stage),
        };
        let Some(parts) = explained.as_ref().and_then(|it| it.parts.as_ref()) else { return };
        let about_value = stage == "value";
        if (!about_value && stage != "reference") || finding.ok != Some(false) {
            return;
        }
        let causes = parts.causes.iter().filter(|it| it.about_value == about_value);
        let mut placed = false;
        for cause in causes {
            placed |= cause.difference.is_some();
            describe(cause, out);
        }
        if !placed {
            let octets = if about_value { &parts.signed_info } else { &parts.reference.octets };
            excerpt(octets, out);
        }
    }
}

fn describe(cause: &Cause, out: &mut String) {
    let certainty = if cause.proved { "proved, 已证实" } else { "not proved, 未证实" };
    let kind = cause.kind;
    line(out, &format!("       cause {} ({certainty}): {}", kind.code(), kind.en()));
    line(out, &format!("         {}", kind.zh()));
    if !cause.how_en.is_empty() {
        line(out, &format!("         {}", cause.how_en));
        line(out, &format!("         {}", cause.how_zh));
    }
    if let Some(difference) = &cause.difference {
        let at = difference.position.map_or_else(String::new, |at| {
            format!(", line {}, column {} of the message", at.line, at.column)
        });
        line(out, &format!("         first difference: canonical octet {}{at}", difference.offset));
        line(out, &format!("           here:   {}", difference.here));
        line(out, &format!("           signed: {}", difference.signed));
    }
    line(out, &format!("         do: {}", kind.advice_en()));
    line(out, &format!("         {}", kind.advice_zh()));
}

/// The first lines of the canonical octets.
fn excerpt(octets: &[u8], out: &mut String) {
    line(
        out,
        &format!(
            "       canonical octets, {} in all (--canonical FILE writes them):",
            octets.len()
        ),
    );
    let text = String::from_utf8_lossy(octets);
    for (number, shown) in text.split_inclusive('\n').take(LINES_SHOWN).enumerate() {
        let cut: String = shown.chars().take(LINE_SHOWN).collect();
        let more = if cut.len() < shown.len() { "…" } else { "" };
        line(out, &format!("       {:4} {}{more}", number + 1, visible(&cut)));
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    writeln!(out, "{text}").unwrap_or_default();
}
