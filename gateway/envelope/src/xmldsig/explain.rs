//! Why a signature does not verify. In: a document and what [`super::verify_known`] is
//! given. Out: an [`Explanation`]: the parts of the Signature, each digest expected and
//! computed with the canonical octets, and the causes. Promised: a cause is called proved
//! only where a digest or a signature came out right under it; what cannot be proved is
//! `changed-after-signing` or `unknown`; work is bounded by [`MAX_SEARCHED`],
//! [`MAX_TRIALS`], [`MAX_TRIAL_OCTETS`], [`MAX_MESSAGES`] and [`MAX_KEYS`]. Verification itself never
//! comes here.

mod content;
mod kind;
mod layout;
mod names;
mod place;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod trial;
mod value;

pub use content::MAX_SEARCHED;
pub use kind::CauseKind;
pub(crate) use place::text_difference;
pub use place::{Difference, visible, window};
pub(crate) use text::candidates as text_candidates;
pub use trial::{MAX_TRIAL_OCTETS, MAX_TRIALS};
pub(crate) use value::from_der;
pub use value::{MAX_KEYS, MAX_MESSAGES};

use onepoint_certs::{Certificate, DigestAlgorithm, SignatureAlgorithm, SignaturePolicy};
use onepoint_xml::{Document, Position};

use super::profile::{self, Parts};
use super::{
    SignatureError, SignaturePlace, SignedDocument, check_policy, hex, signed_info_octets, signer,
    verify_known,
};
use trial::Trial;

/// Everything that can be said about the signature of a document.
#[derive(Debug)]
pub struct Explanation {
    /// What verification says.
    pub outcome: Result<SignedDocument, SignatureError>,
    /// The parts, where the Signature has the shape of the profile.
    pub parts: Option<Inspected>,
}

/// A Signature taken apart.
#[derive(Debug)]
pub struct Inspected {
    /// Where the Signature stands, and its path.
    pub position: Position,
    /// The path of the Signature.
    pub path: String,
    /// The signer's certificate, then the others; none where no certificate could be read.
    pub certificates: Vec<Certificate>,
    /// The identifier of the canonicalisation of SignedInfo.
    pub canonicalization: &'static str,
    /// The algorithm of the value.
    pub algorithm: SignatureAlgorithm,
    /// The canonical octets of SignedInfo.
    pub signed_info: Vec<u8>,
    /// Whether the value verifies over them; none without a certificate.
    pub value_good: Option<bool>,
    /// What the policy says of algorithm and key, where it refuses them.
    pub policy: Option<SignatureError>,
    /// The one Reference.
    pub reference: InspectedReference,
    /// Why something does not match, the first cause first; empty where all does.
    pub causes: Vec<Cause>,
    /// The search for causes of the digest ended at its bounds.
    pub bounded: bool,
}

/// The Reference taken apart.
#[derive(Debug)]
pub struct InspectedReference {
    /// Where it stands.
    pub position: Position,
    /// Its URI.
    pub uri: String,
    /// The identifiers of its transforms.
    pub transforms: Vec<String>,
    /// Its digest algorithm.
    pub digest: DigestAlgorithm,
    /// The digest in the document.
    pub expected: Vec<u8>,
    /// The digest of the canonical octets.
    pub computed: Vec<u8>,
    /// The canonical octets.
    pub octets: Vec<u8>,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// Whether it is about SignedInfo and its value; else about the content.
    pub about_value: bool,
    /// Whether a digest or a value came out right under it.
    pub proved: bool,
    /// In what way, English; empty where there is nothing to add.
    pub how_en: String,
    /// In what way, Chinese.
    pub how_zh: String,
    /// The first octet that differs from what was signed, where that is known.
    pub difference: Option<Difference>,
}

/// Explains the signature of `document`. `known` are the certificates of the participant,
/// as for [`verify_known`]; `others` are further ones that may have signed.
pub fn explain(
    document: &Document,
    place: &SignaturePlace,
    policy: &SignaturePolicy,
    known: &[Certificate],
    others: &[Certificate],
) -> Explanation {
    let outcome = verify_known(document, place, policy, known);
    let within = place.content_of(document);
    let parts = profile::find_below_root(document, within).and_then(profile::read);
    let parts = parts.ok().map(|parts| inspect(document, &parts, policy, (known, others)));
    Explanation { outcome, parts }
}

fn inspect(
    document: &Document,
    parts: &Parts<'_>,
    policy: &SignaturePolicy,
    (known, others): (&[Certificate], &[Certificate]),
) -> Inspected {
    let selection = parts.reference.target.selection(parts.signature);
    let octets = content::canonical(document, &selection, &parts.reference.method);
    let signed_info =
        signed_info_octets(document, parts.signed_info.index(), &parts.canonicalization);
    let computed = parts.reference.digest.it.digest(&octets);
    // The loosest numbers are taken: naming is not what is explained here.
    let certificates = match signer(parts, policy, known) {
        Ok(((leaf, rest), _)) => std::iter::once(leaf).chain(rest).collect(),
        Err(_) => Vec::new(),
    };
    let leaf = certificates.first();
    let value_good = leaf.map(|leaf| {
        let (algorithm, value) = (parts.algorithm.it, &parts.value.it);
        leaf.public_key().verify_at_least(1024, algorithm, &signed_info, value).is_ok()
    });
    let refused = leaf.and_then(|leaf| check_policy(parts, leaf, policy).err());
    let mut inspected = Inspected {
        position: parts.signature.position(),
        path: parts.signature.path(),
        canonicalization: parts.canonicalization.uri(),
        algorithm: parts.algorithm.it,
        signed_info,
        value_good,
        policy: refused,
        reference: reference(parts, computed, octets),
        causes: Vec::new(),
        bounded: false,
        certificates,
    };
    let others: Vec<&Certificate> = known.iter().chain(others).collect();
    causes(document, parts, &mut inspected, &others);
    inspected
}

fn reference(parts: &Parts<'_>, computed: Vec<u8>, octets: Vec<u8>) -> InspectedReference {
    let at = parts.reference.at;
    let transforms = at.child(super::DSIG_NAMESPACE, "Transforms").map(|transforms| {
        let uris = transforms.children().filter_map(|child| child.attribute("", "Algorithm"));
        uris.map(str::to_owned).collect()
    });
    InspectedReference {
        position: at.position(),
        uri: at.attribute("", "URI").unwrap_or_default().to_owned(),
        transforms: transforms.unwrap_or_default(),
        digest: parts.reference.digest.it,
        expected: parts.reference.value.it.clone(),
        computed,
        octets,
    }
}

fn causes(
    document: &Document,
    parts: &Parts<'_>,
    inspected: &mut Inspected,
    others: &[&Certificate],
) {
    let reference = &inspected.reference;
    let digest_good = reference.expected == reference.computed;
    let mut found = Vec::new();
    if !digest_good {
        let mut trial = Trial::new(reference.digest, &reference.expected);
        let view = content::View { document, parts, octets: &reference.octets };
        found.extend(content::search(&view, &mut trial).map(|proof| {
            let difference = content_difference(document, parts, &reference.octets, &proof.octets);
            cause(proof.kind, false, true, proof.how, difference)
        }));
        inspected.bounded = trial.is_over();
    }
    let explained = !found.is_empty();
    match (inspected.value_good, inspected.certificates.split_first()) {
        (Some(false), Some((leaf, rest))) => {
            let view = value::Value {
                document,
                parts,
                certificate: leaf,
                others: rest.iter().chain(others.iter().copied()).cloned().collect(),
                info: &inspected.signed_info,
                content: &reference.octets,
                digest: &reference.computed,
                renamed: found.iter().any(|it| it.kind == CauseKind::Namespace),
            };
            let value = value::search(&view).map(|(kind, how, octets)| {
                let info = parts.signed_info;
                let within = info.index().0 as usize..=info.end_index().0 as usize;
                let difference = octets.and_then(|signed| {
                    place::difference(document, within, 0..0, view.info, &signed)
                });
                cause(kind, true, true, how, difference)
            });
            // The digest that was signed says more than that the value is wrong.
            if !digest_good && !explained && value.as_ref().is_some_and(authentic) {
                found.push(changed(&reference.octets));
            }
            found.extend(value);
        }
        (Some(true), _) if !digest_good && !explained => found.push(changed(&reference.octets)),
        _ => {}
    }
    let wrong = !digest_good || inspected.value_good == Some(false);
    if wrong && found.is_empty() {
        found.push(cause(CauseKind::Unknown, digest_good, false, Default::default(), None));
    }
    inspected.causes = found;
}

/// Whether a cause of the value says that this DigestValue is the signer's.
fn authentic(cause: &Cause) -> bool {
    !matches!(
        cause.kind,
        CauseKind::DigestValueChanged | CauseKind::SignedInfoChanged | CauseKind::Unknown
    )
}

fn cause(
    kind: CauseKind,
    about_value: bool,
    proved: bool,
    (how_en, how_zh): (String, String),
    difference: Option<Difference>,
) -> Cause {
    Cause { kind, about_value, proved, how_en, how_zh, difference }
}

/// The digest is the signer's, and nothing leads back to it. A replacement character is
/// no proof, but what it stands for is lost.
fn changed(octets: &[u8]) -> Cause {
    let lost = String::from_utf8_lossy(octets);
    let Some(offset) = lost.find('\u{fffd}') else {
        return cause(CauseKind::ChangedAfterSigning, false, false, Default::default(), None);
    };
    let en = format!("the replacement character U+FFFD stands at octet {offset} of the content");
    let zh = format!("内容第 {offset} 字节处有替换字符 U+FFFD，原字符已丢失");
    cause(CauseKind::ReEncoded, false, false, (en, zh), None)
}

fn content_difference(
    document: &Document,
    parts: &Parts<'_>,
    here: &[u8],
    signed: &[u8],
) -> Option<Difference> {
    let apex = parts.reference.target.apex;
    let within = apex.index().0 as usize..=apex.end_index().0 as usize;
    place::difference(document, within, parts.signature.span(), here, signed)
}
