//! `[trust]`, `[[trust.group]]` and `[[revocation]]`: the anchors of each group of
//! participants, the clock tolerance, and where revocation lists come from. Addresses stand
//! here and nowhere else: none is ever taken from a certificate or a message.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use onepoint_certs::crl::MAX_CRL_BYTES;
use onepoint_certs::{Certificate, Participant, TrustAnchors};
use onepoint_relay::fetch::Fetch;

use super::section::Section;
use super::{ReadFile, read_named};

/// Key of the grace period, in `[trust]` and in a `[[policy]]`.
pub(crate) const GRACE: &str = "revocation_grace_h";
/// Longest grace period, in hours: a year.
pub(crate) const GRACE_HOURS_MAX: u64 = 24 * 366;
/// Grace period by default, in hours: a long weekend.
const GRACE_HOURS: u64 = 72;
/// Most groups of anchors.
const GROUPS_MAX: usize = 64;
/// Most `[[revocation]]` sections.
const ISSUERS_MAX: usize = 64;
/// Most addresses of one list.
const ADDRESSES_MAX: usize = 8;
/// Time between two looks by default and at most, in seconds.
const REFRESH_S: (u64, u64) = (3600, 7 * 24 * 3600);
/// Time that a fetch may take by default and at most, in seconds.
const TIMEOUT_S: (u64, u64) = (10, 300);

/// What `[trust]` and what belongs to it say.
#[derive(Debug)]
pub(crate) struct TrustSettings {
    pub(crate) anchors: Anchors,
    /// How far our clock and another one may be apart at the edges of validity.
    pub(crate) tolerance: SignedDuration,
    pub(crate) revocation: RevocationSettings,
}

/// The anchors of each group of participants.
#[derive(Debug, Clone)]
pub(crate) struct Anchors {
    usual: Arc<TrustAnchors>,
    groups: BTreeMap<String, Arc<TrustAnchors>>,
    all: Arc<TrustAnchors>,
}

/// Where lists come from, and what is done without one.
#[derive(Debug, Clone)]
pub(crate) struct RevocationSettings {
    /// Keeps the lists, so that a restart without a network starts with what was known.
    pub(crate) folder: PathBuf,
    /// How long an unknown status is taken.
    pub(crate) grace: SignedDuration,
    pub(crate) issuers: Vec<ListSource>,
}

/// The lists of one issuer.
#[derive(Debug, Clone)]
pub(crate) struct ListSource {
    /// Whose key signs the lists.
    pub(crate) issuer: Certificate,
    /// Asked in this order.
    pub(crate) addresses: Vec<Address>,
    pub(crate) refresh: Duration,
    pub(crate) bytes_max: usize,
}

/// Where a list is.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    File(PathBuf),
    Http(Fetch),
}

impl Anchors {
    /// Those that a participant's chains must end in.
    pub(crate) fn of(&self, participant: &Participant) -> &TrustAnchors {
        let group = participant.trust.as_ref().and_then(|name| self.groups.get(name));
        group.unwrap_or(&self.usual)
    }

    /// Those of all groups together.
    pub(crate) fn all(&self) -> &TrustAnchors {
        &self.all
    }

    /// The named groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &TrustAnchors)> {
        self.groups.iter().map(|(name, anchors)| (name.as_str(), &**anchors))
    }

    /// The anchors of whoever is in no named group.
    pub(crate) fn usual(&self) -> &TrustAnchors {
        &self.usual
    }

    pub(super) fn has(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::File(path) => write!(f, "{}", path.display()),
            Address::Http(fetch) => f.write_str(fetch.address()),
        }
    }
}

/// Reads everything; `None` when there were faults. `store` is the folder of the journal.
pub(super) fn read(
    root: &Section<'_, '_>,
    files: ReadFile<'_>,
    store: Option<&Path>,
) -> Option<TrustSettings> {
    let section = root.section("trust")?;
    let anchors = anchors(&section, files);
    let seconds = section.number("clock_tolerance_s", 0..=3600, 60);
    let tolerance = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(60));
    let hours = section.number(GRACE, 0..=GRACE_HOURS_MAX, GRACE_HOURS);
    let grace = SignedDuration::from_hours(i64::try_from(hours).unwrap_or(0));
    let folder = match section.opt_text("revocation_folder") {
        Some(folder) => section.relative(&folder),
        None => store.unwrap_or(Path::new("journal")).with_file_name("revocation"),
    };
    let issuers = issuers(root, files);
    let anchors = anchors?;
    warn_of_the_unasked(&section, &anchors, &issuers);
    section.finish();
    Some(TrustSettings {
        anchors,
        tolerance,
        revocation: RevocationSettings { folder, grace, issuers },
    })
}

fn anchors(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Anchors> {
    let usual = set(section, files);
    let sections = section.sections("group");
    if sections.len() > GROUPS_MAX {
        section.fault("group", format!("more than {GROUPS_MAX} groups"));
    }
    let mut groups = BTreeMap::new();
    for group in &sections {
        let (name, anchors) = (group.text("name"), set(group, files));
        group.finish();
        let (Some(name), Some(anchors)) = (name, anchors) else { continue };
        if groups.insert(name.clone(), Arc::new(anchors)).is_some() {
            group.fault("name", format!("{name:?} is the name of two groups"));
        }
    }
    let usual = Arc::new(usual?);
    let every = std::iter::once(&usual).chain(groups.values());
    let every: Vec<Certificate> = every.flat_map(|set| set.certificates().to_vec()).collect();
    match TrustAnchors::from_certificates(every) {
        Ok(all) => Some(Anchors { usual, groups, all: Arc::new(all) }),
        Err(error) => {
            section.fault("group", error.to_string());
            None
        }
    }
}

/// The anchors that the key `anchors` names.
fn set(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<TrustAnchors> {
    let mut pem = String::new();
    let names = section.texts("anchors");
    if names.is_empty() {
        section.fault("anchors", "is missing; expected a list of PEM files");
        return None;
    }
    for name in names {
        let path = section.relative(&name);
        pem.push_str(&read_named(section, "anchors", &path, files)?);
        pem.push('\n');
    }
    match TrustAnchors::from_pem(&pem) {
        Ok(anchors) => Some(anchors),
        Err(error) => {
            section.fault("anchors", error.to_string());
            None
        }
    }
}

fn issuers(root: &Section<'_, '_>, files: ReadFile<'_>) -> Vec<ListSource> {
    let sections = root.sections("revocation");
    if sections.len() > ISSUERS_MAX {
        root.fault("revocation", format!("more than {ISSUERS_MAX} issuers"));
    }
    let mut found: Vec<ListSource> = Vec::new();
    for section in &sections {
        let Some(source) = source(section, files) else { continue };
        if found.iter().any(|other| same_ca(&other.issuer, &source.issuer)) {
            section.fault("issuer", "has a [[revocation]] section already");
        }
        found.push(source);
    }
    found
}

fn source(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<ListSource> {
    let seconds = |key, (usual, most)| Duration::from_secs(section.number(key, 1..=most, usual));
    let issuer = issuer(section, files);
    let refresh = seconds("refresh_s", REFRESH_S);
    let timeout = seconds("timeout_s", TIMEOUT_S);
    let most = u64::try_from(MAX_CRL_BYTES).unwrap_or(u64::MAX);
    let bytes_max = usize::try_from(section.number("bytes_max", 1024..=most, most)).ok()?;
    let ca = section.has("ca").then(|| super::file(section, "ca", files)).flatten();
    let ca = ca.unwrap_or_default();
    let texts = section.texts("lists");
    if texts.is_empty() || texts.len() > ADDRESSES_MAX {
        let what = "expected a list of files or http(s) addresses, the first asked first";
        section.fault("lists", format!("{what}, at most {ADDRESSES_MAX}"));
    }
    let mut addresses = Vec::new();
    for text in texts {
        if !text.contains("://") {
            addresses.push(Address::File(section.relative(&text)));
            continue;
        }
        match Fetch::new(&text, ca.clone().into_bytes(), timeout, bytes_max) {
            Ok(fetch) => addresses.push(Address::Http(fetch)),
            Err(error) => {
                section.fault("lists", format!("{text}: {error}; for https give ca as well"))
            }
        }
    }
    section.finish();
    Some(ListSource { issuer: issuer?, addresses, refresh, bytes_max })
}

fn issuer(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Certificate> {
    let pem = super::file(section, "issuer", files)?;
    let what = match Certificate::from_pem(&pem).map(|all| all.into_iter().next()) {
        Ok(Some(issuer)) if issuer.is_ca() => return Some(issuer),
        Ok(Some(issuer)) => format!("\"{}\" is no CA", issuer.subject()),
        Ok(None) => "holds no certificate".to_owned(),
        Err(error) => error.to_string(),
    };
    section.fault("issuer", what);
    None
}

/// Whether two certificates are of the same CA: the same name and key.
pub(crate) fn same_ca(one: &Certificate, other: &Certificate) -> bool {
    one.subject_id() == other.subject_id()
        && one.public_key().spki_der() == other.public_key().spki_der()
}

fn warn_of_the_unasked(section: &Section<'_, '_>, anchors: &Anchors, issuers: &[ListSource]) {
    for anchor in anchors.all().certificates() {
        if !issuers.iter().any(|source| same_ca(&source.issuer, anchor)) {
            let subject = anchor.subject();
            section.warn(
                "anchors",
                format!(
                    "whether certificates of \"{subject}\" are revoked is not asked; \
                     name its lists in a [[revocation]] section"
                ),
            );
        }
    }
}
