//! `[webhooks]` and the key `webhook` of participants: whose answers are pushed over HTTPS.
//! The addresses stand in the configuration and nowhere else: no message can name one.

use hyper::Uri;

use super::section::Section;
use super::{ReadFile, file};

/// Where answers are pushed, and whom to trust there.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    /// PEM of the certificates that may vouch for the hosts.
    pub(crate) ca: String,
    /// Loopback and private addresses too: for tests and for a zone behind one firewall.
    pub(crate) allow_private: bool,
    pub(crate) targets: Vec<Target>,
}

/// A participant's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) participant: String,
    /// `https://host:port`
    pub(crate) base: String,
    /// With the query, if there is one.
    pub(crate) path: String,
}

pub(super) fn read(
    root: &Section<'_, '_>,
    section: Option<&Section<'_, '_>>,
    files: ReadFile<'_>,
    addresses: Vec<(String, String)>,
    sealed: bool,
) -> Option<Webhooks> {
    let Some(section) = section else {
        if !addresses.is_empty() {
            let what = "is missing, but a participant has a webhook; expected ca = \"FILE\"";
            root.fault("webhooks", what);
        }
        return None;
    };
    let ca = file(section, "ca", files);
    let allow_private = section.flag("allow_private", false);
    section.finish();
    if allow_private {
        let what = "webhooks may reach loopback and private addresses: for tests, or where every \
            participant is inside";
        section.warn("allow_private", what);
    }
    if !sealed {
        root.fault("webhooks", "needs [seal]: its key signs what is pushed");
    }
    let mut targets = Vec::new();
    for (participant, url) in addresses {
        match target(&participant, &url) {
            Some(target) => targets.push(target),
            None => root.fault(
                "webhooks",
                format!("{participant}: expected https://host[:port]/path, found {url:?}"),
            ),
        }
    }
    Some(Webhooks { ca: ca?, allow_private, targets })
}

fn target(participant: &str, url: &str) -> Option<Target> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    (uri.scheme_str() == Some("https")).then(|| Target {
        participant: participant.to_owned(),
        base: format!("https://{authority}"),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_addresses_without_credentials_are_taken() {
        let found = target("firm", "https://firm.example:8443/hook?x=1").unwrap();
        assert_eq!(
            (found.base.as_str(), found.path.as_str()),
            ("https://firm.example:8443", "/hook?x=1")
        );
        assert_eq!(target("firm", "https://firm.example").unwrap().path, "/");
        for bad in ["http://firm.example/", "https://u:p@firm.example/", "firm", "https:///x"] {
            assert_eq!(target("firm", bad), None, "{bad}");
        }
    }
}
