//! The configuration of an adapter: `customs.toml` in, checked [`AdapterSettings`] out. All
//! faults at once, each with file, line and key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::section::{ConfigFault, Source};
use super::{BrokerSettings, ReadFile, broker};

pub(crate) mod backend;

pub(crate) use backend::BackendSettings;

/// A checked adapter configuration.
pub(crate) struct AdapterSettings {
    pub(crate) gateway: Option<Gateway>,
    pub(crate) broker: Option<BrokerSettings>,
    /// The department's own system; without one the adapter answers by its mapping.
    pub(crate) backend: Option<BackendSettings>,
    /// Certificate and key.
    pub(crate) signing: (PathBuf, PathBuf),
    pub(crate) inbox: PathBuf,
    /// Where metrics are to be had, by plain HTTP.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) dxp_id: String,
    pub(crate) gateway_dxp_id: String,
}

/// How to reach the gateway.
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) ca: PathBuf,
    /// Certificate and key.
    pub(crate) identity: (PathBuf, PathBuf),
}

/// Reads a configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(path: &Path, text: &str) -> Result<AdapterSettings, Vec<ConfigFault>> {
    let source = Source::new(path, text);
    let table = source.table();
    let root = source.root(&table);
    let gateway = root.opt_section("gateway").and_then(|section| {
        let url = section.text("url");
        let (ca, certificate, key) =
            (section.path("ca"), section.path("certificate"), section.path("key"));
        section.finish();
        Some(Gateway { url: url?, ca: ca?, identity: (certificate?, key?) })
    });
    let files: ReadFile<'_> = &|path| std::fs::read_to_string(path);
    let broker = root.opt_section("broker").and_then(|section| broker::read(&section, files));
    if gateway.is_none() && !root.has("broker") {
        root.fault("gateway", "is missing; expected [gateway] or [broker]");
    }
    let backend = root.opt_section("backend").and_then(|section| backend::read(&section, files));
    let signing = root.section("signing").and_then(|section| {
        let (certificate, key) = (section.path("certificate"), section.path("key"));
        section.finish();
        Some((certificate?, key?))
    });
    let inbox = root.section("inbox").and_then(|section| {
        let path = section.path("path");
        section.finish();
        path
    });
    let metrics = root.opt_section("metrics").and_then(|section| {
        let listen = section.text("listen");
        section.finish();
        let address = listen?.parse().ok();
        if address.is_none() {
            section.fault("listen", "expected IP:PORT, for instance 127.0.0.1:9464");
        }
        address
    });
    let (dxp_id, gateway_dxp_id) = (root.text("dxp_id"), root.text("gateway_dxp_id"));
    root.finish();
    let build = || {
        Some(AdapterSettings {
            gateway,
            broker,
            backend,
            signing: signing?,
            inbox: inbox?,
            metrics,
            dxp_id: dxp_id?,
            gateway_dxp_id: gateway_dxp_id?,
        })
    };
    match build() {
        Some(settings) if source.is_clean() => Ok(settings),
        _ => Err(source.into_faults()),
    }
}

#[cfg(test)]
mod tests;
