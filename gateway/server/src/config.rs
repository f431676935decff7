//! The configuration of a gateway: `onepoint.toml` in, checked [`Settings`] out.
//! All faults at once, each with file, line and key; nothing is corrected
//! silently. Reading files is passed in, so that compiling stays pure.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onepoint_certs::registry::MAX_DXP_ID;
use onepoint_certs::{Certificate, Fingerprint, Registry};
use onepoint_schemas::Catalogue;
use onepoint_store::{MasterKeys, Retention};

pub(crate) mod adapter;
pub(crate) mod alarms;
pub(crate) mod broker;
pub(crate) mod desks;
pub(crate) mod legacy;
pub(crate) mod parties;
pub(crate) mod routes;
pub(crate) mod schemas;
mod seal;
pub(crate) mod section;
pub(crate) mod trust;
mod vault;
pub(crate) mod webhooks;

pub(crate) use alarms::Alarms;
pub(crate) use broker::BrokerSettings;
pub(crate) use desks::Desk;
pub(crate) use legacy::{LegacyForm, LegacyKey, LegacyUse};
pub(crate) use routes::Routes;
pub(crate) use section::ConfigFault;
use section::{Section, Source};
use trust::TrustSettings;
pub(crate) use webhooks::Webhooks;

use crate::seal::GatewaySeal;

/// Largest message body taken by default, bytes.
pub(crate) const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Name of the head file, beside the log's key, by default.
pub(crate) const HEAD: &str = "log.head";
/// Longest name of a node in DXP envelopes, characters.
const NODE_CHARS_MAX: usize = 32;
/// Connections open at once by default.
pub(crate) const CONNECTIONS_MAX: u64 = 1024;

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Names this gateway's zone; part of key 1.
    pub(crate) zone: String,
    pub(crate) listen: Listen,
    /// Folder of the journal.
    pub(crate) store: PathBuf,
    /// Keys that wrap those of its payloads; without them payloads lie there in the clear.
    pub(crate) master_keys: Option<MasterKeys>,
    /// How long payloads stay.
    pub(crate) retention: Retention,
    /// What is allowed but not wise.
    pub(crate) warnings: Vec<ConfigFault>,
    pub(crate) log: Log,
    /// Countersigns checkpoints; without it receipts carry the log's signature only.
    pub(crate) seal: Option<GatewaySeal>,
    /// The certificate that will seal next: announced in the log, not used yet.
    pub(crate) seal_next: Option<Certificate>,
    /// Anchors, clock tolerance and revocation.
    pub(crate) trust: TrustSettings,
    /// The RabbitMQ; without one all queues are pulled over HTTP.
    pub(crate) broker: Option<BrokerSettings>,
    /// Whose answers are pushed over HTTPS, and how.
    pub(crate) webhooks: Option<Webhooks>,
    /// From when on a queue is worth a warning.
    pub(crate) alarms: Alarms,
    pub(crate) registry: Arc<Registry>,
    /// What participants' files hold besides their own certificates, by those: issuers.
    pub(crate) chains: HashMap<Fingerprint, Vec<Certificate>>,
    pub(crate) departments: Vec<Department>,
    /// Participants whose receipts go to a broker queue instead of the pull queue.
    pub(crate) receipts_by_broker: Vec<String>,
    pub(crate) routes: Routes,
    /// Who may use which obsolete form, and until when.
    pub(crate) legacy: Vec<LegacyUse>,
    pub(crate) schemas: schemas::SchemaSettings,
    /// Every message type, by which everything is judged; empty until [`load`] has read the folder.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The gateway's own addresses in DXP envelopes.
    pub(crate) addresses: Addresses,
}

/// The gateway's own addresses in DXP envelopes, as far as it has any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// `ReceiverId` of what is sent to the gateway, `SenderId` of what it sends.
    pub(crate) dxp_id: Option<String>,
    /// `EndNode` of what nodes send to it; any is taken without one.
    pub(crate) node: Option<String>,
}

/// Where and how the gateway listens.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    /// PEM of the server's chain, leaf first.
    pub(crate) certificate: String,
    /// The first of them.
    pub(crate) own: Option<Certificate>,
    /// PEM of the key (PKCS#8).
    pub(crate) key: zeroize::Zeroizing<String>,
    /// PEM of the anchors that client certificates must lead to.
    pub(crate) client_anchors: String,
    pub(crate) body_bytes_max: usize,
    pub(crate) connections_max: usize,
}

/// The transparency log's identity.
#[derive(Debug)]
pub(crate) struct Log {
    /// C2SP tlog-checkpoint origin: a schema-less URL prefix, unique for ever.
    pub(crate) origin: String,
    /// Signer key string of the C2SP signed note.
    pub(crate) key: zeroize::Zeroizing<String>,
    /// The head file: apart from the journal, so that a roll-back of the one shows in the other.
    pub(crate) head: PathBuf,
}

/// A department and the way it takes its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Department {
    pub(crate) name: String,
    pub(crate) transport: Transport,
    /// Where and in which forms it takes its messages.
    pub(crate) desk: Desk,
}

/// The way messages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The department pulls over HTTP.
    Pull,
    /// RabbitMQ.
    Amqp,
}

/// Reads a file named in the configuration.
pub(crate) type ReadFile<'r> = &'r dyn Fn(&Path) -> io::Result<String>;

/// Reads and checks the file at `path`.
///
/// # Errors
/// All faults found, in the order of the file's sections.
pub(crate) fn load(path: &Path) -> Result<Settings, Vec<ConfigFault>> {
    let read: ReadFile<'_> = &|p| std::fs::read_to_string(p);
    let text = read(path).map_err(|error| {
        let hint = "; make one with `onepoint init`";
        let what = format!("cannot be read: {error}{hint}");
        vec![ConfigFault { file: path.to_owned(), line: 0, key: String::new(), what }]
    })?;
    schemas::load(path, compile(path, &text, read)?)
}

/// Checks a configuration text; `path` serves for messages and relative paths.
pub(crate) fn compile(
    path: &Path,
    text: &str,
    read: ReadFile<'_>,
) -> Result<Settings, Vec<ConfigFault>> {
    let source = Source::new(path, text);
    let table = source.table();
    let settings = settings(&source.root(&table), read);
    match settings {
        Some(settings) if source.is_clean() => {
            Ok(Settings { warnings: source.take_warnings(), ..settings })
        }
        _ => Err(source.into_faults()),
    }
}

fn settings(root: &Section<'_, '_>, read: ReadFile<'_>) -> Option<Settings> {
    let zone = root.text("zone").filter(|zone| check_zone(root, zone));
    let store = root.section("store").and_then(|section| vault::store(&section, read));
    let retention = vault::retention(root.opt_section("retention"));
    let log = root.section("log").and_then(|section| log(&section, read));
    let seal = root.opt_section("seal").map(|section| seal::read(&section, read));
    let has_seal = seal.is_some();
    let (seal, seal_next) = seal.unwrap_or_default();
    let trust = trust::read(root, read, store.as_ref().map(|store| store.path.as_path()));
    let client_anchors = trust.as_ref().map(|trust| trust.anchors.all().to_pem());
    let client_anchors = client_anchors.unwrap_or_default();
    let listen = root.section("listen").and_then(|s| listen(&s, read, client_anchors));
    let schemas = schemas::read(root.opt_section("schemas"));
    let has_broker = root.has("broker");
    let broker = root.opt_section("broker").and_then(|section| broker::read(&section, read));
    let parties = parties::read(root, read, has_broker, trust.as_ref());
    let legacy = legacy::read(root, read, parties.registry.as_ref());
    let hooks = root.opt_section("webhooks");
    let webhooks = webhooks::read(root, hooks.as_ref(), read, parties.webhooks, has_seal);
    let alarms = alarms::read(root.opt_section("alarms"));
    let routes = routes::read(root, &parties.departments);
    let addresses = root.opt_section("dxp").map(|section| addresses(&section));
    root.finish();
    let addresses = addresses.unwrap_or_default();

    let countersigner = desks::countersigner(root, &parties.departments, &seal, &addresses);
    let routes = routes.at_desks(&parties.departments, countersigner);

    let store = store?;
    Some(Settings {
        zone: zone?,
        listen: listen?,
        store: store.path,
        master_keys: store.master_keys,
        retention,
        warnings: Vec::new(),
        log: log?,
        seal,
        seal_next,
        trust: trust?,
        broker,
        webhooks,
        alarms,
        registry: Arc::new(parties.registry?),
        chains: parties.chains,
        departments: parties.departments,
        receipts_by_broker: parties.receipts_by_broker,
        routes,
        legacy,
        schemas,
        catalogue: Arc::default(),
        addresses,
    })
}

fn addresses(section: &Section<'_, '_>) -> Addresses {
    let dxp_id = section.opt_text("id");
    if dxp_id.as_ref().is_some_and(|id| id.chars().count() > MAX_DXP_ID) {
        section.fault("id", format!("expected at most {MAX_DXP_ID} characters"));
    }
    let node = section.opt_text("node");
    if node.as_ref().is_some_and(|node| node.chars().count() > NODE_CHARS_MAX) {
        section.fault("node", format!("expected at most {NODE_CHARS_MAX} characters"));
    }
    section.finish();
    Addresses { dxp_id, node }
}

fn check_zone(root: &Section<'_, '_>, zone: &str) -> bool {
    let good = zone.len() <= 32 && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !good {
        root.fault("zone", "expected up to 32 of the characters a-z, A-Z, 0-9 and -");
    }
    good
}

/// Reads the file that `key` names; a fault when it cannot be read.
pub(crate) fn file(section: &Section<'_, '_>, key: &str, read: ReadFile<'_>) -> Option<String> {
    let path = section.path(key)?;
    read_named(section, key, &path, read)
}

pub(crate) fn read_named(
    section: &Section<'_, '_>,
    key: &str,
    path: &Path,
    read: ReadFile<'_>,
) -> Option<String> {
    match read(path) {
        Ok(text) => Some(text),
        Err(error) => {
            section.fault(key, format!("{}: cannot be read: {error}", path.display()));
            None
        }
    }
}

fn log(section: &Section<'_, '_>, read: ReadFile<'_>) -> Option<Log> {
    let origin = section.text("origin");
    let beside = section.opt_text("key").map(|key| section.relative(&key).with_file_name(HEAD));
    let key = file(section, "key", read);
    let head = section.opt_text("head").map(|head| section.relative(&head));
    section.finish();
    Some(Log { origin: origin?, key: zeroize::Zeroizing::new(key?), head: head.or(beside)? })
}

fn listen(section: &Section<'_, '_>, read: ReadFile<'_>, anchors: String) -> Option<Listen> {
    let address = section.text("address").and_then(|text| {
        let address = text.parse::<SocketAddr>();
        if address.is_err() {
            section.fault("address", "expected IP:PORT, for instance 127.0.0.1:8443");
        }
        address.ok()
    });
    let certificate = file(section, "certificate", read);
    let key = file(section, "key", read).map(zeroize::Zeroizing::new);
    let body = section.number("body_bytes_max", 1024..=(256 << 20), BODY_BYTES_MAX);
    let connections = section.number("connections_max", 1..=65_535, CONNECTIONS_MAX);
    section.finish();
    Some(Listen {
        address: address?,
        own: own_certificate(section, certificate.as_deref()),
        certificate: certificate?,
        key: key?,
        client_anchors: anchors,
        body_bytes_max: usize::try_from(body).ok()?,
        connections_max: usize::try_from(connections).ok()?,
    })
}

/// The certificate that the door shows; a fault when it cannot be read.
fn own_certificate(section: &Section<'_, '_>, pem: Option<&str>) -> Option<Certificate> {
    match Certificate::from_pem(pem?).map(|chain| chain.into_iter().next()) {
        Ok(first) => first,
        Err(error) => {
            section.fault("certificate", error.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests;
