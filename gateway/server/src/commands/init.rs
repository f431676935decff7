//! `onepoint init`: a folder with everything a pilot needs to start: a test PKI
//! made on the spot, a gateway configuration, and one for each adapter.

use std::path::Path;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{
    Issued, KeyKind, LeafSpec, ListSpec, PkiError, TestCa, Usage, Validity,
};
use onepoint_certs::{Certificate, crl};
use zeroize::Zeroizing;

use super::{Failure, Outcome, make_folder, write_new};
use crate::cli::InitArgs;
use crate::clock::Clock;

pub(crate) mod parties;
mod routes;

use parties::{PARTIES, Party, SM2_SIGNER};

/// Origin of a pilot's log.
pub(crate) const ORIGIN: &str = "onepoint.example/pilot";
/// How long the certificates of a test PKI are valid.
const VALID: SignedDuration = SignedDuration::from_hours(24 * 730);

/// What to write.
pub(crate) struct Pilot<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) amqp: Option<&'a str>,
    /// Address that the adapters call; none while the gateway's port is not known yet.
    pub(crate) url: Option<String>,
    /// Further certificates of parties: id and file name in `pki/`.
    pub(crate) more_certificates: &'a [(&'a str, &'a str)],
}

pub(crate) fn run(args: &InitArgs) -> Outcome {
    let pilot = Pilot {
        folder: &args.folder,
        listen: args.listen,
        amqp: args.amqp.as_deref(),
        url: Some(format!("https://{}", args.listen)),
        more_certificates: &[],
    };
    write(&pilot, Clock.now())?;
    let folder = args.folder.display();
    println!("A pilot zone with a test PKI stands in {folder}. Next:");
    println!("  onepoint serve --config {folder}/onepoint.toml");
    println!("and each department, in a process of its own:");
    for name in onepoint_adapters::DEPARTMENTS {
        println!("  onepoint adapter {name} --config {folder}/{name}.toml");
    }
    println!("The keys are for tests: never use this PKI for real declarations.");
    Ok(ExitCode::SUCCESS)
}

/// Writes the folder; gives the CA back, so that a demo can issue further certificates.
pub(crate) fn write(pilot: &Pilot<'_>, now: Timestamp) -> Result<TestCa, Failure> {
    make_empty(pilot.folder)?;
    let pki = pilot.folder.join("pki");
    make_folder(&pki)?;
    make_folder(&pilot.folder.join("schemas"))?;
    let validity = validity(now)?;
    let kind = KeyKind::P256;
    let ca = TestCa::new("OnePoint test CA", kind, validity).map_err(|e| pki_failure(&e))?;
    write_new(&pki.join("ca.pem"), ca.certificate_pem().as_bytes())?;
    write_key(&pki.join("ca.key"), &ca.key_pem())?;

    let ip = pilot.listen.ip();
    let server = LeafSpec::tls_server("gateway", &["localhost"], &[ip], kind, validity);
    let server = ca.issue(&server).map_err(|e| pki_failure(&e))?;
    write_identity(&pki, "gateway", &server)?;
    for party in PARTIES {
        let issued = ca.issue(&leaf(party, validity)).map_err(|e| pki_failure(&e))?;
        write_identity(&pki, party.id, &issued)?;
    }
    write_list(&pki, "ca", &ca, validity)?;
    write_sm2(&pki, validity)?;
    write_identity(&pki, "seal", &issue_seal(&ca, validity)?)?;
    write_log_key(&pki)?;
    write_master_key(&pki)?;
    write_new(&pilot.folder.join("onepoint.toml"), gateway_config(pilot).as_bytes())?;
    if let Some(url) = &pilot.url {
        write_adapters(pilot, url)?;
    }
    Ok(ca)
}

/// The configurations of the adapters.
pub(crate) fn write_adapters(pilot: &Pilot<'_>, url: &str) -> Result<(), Failure> {
    let mapped = |party: &&Party| {
        party.department.is_some_and(|name| onepoint_adapters::department(name).is_some())
    };
    for party in PARTIES.iter().filter(mapped) {
        let path = pilot.folder.join(format!("{}.toml", party.id));
        write_new(&path, adapter_config(party, pilot, url).as_bytes())?;
    }
    Ok(())
}

fn make_empty(folder: &Path) -> Result<(), Failure> {
    make_folder(folder)?;
    let mut entries = std::fs::read_dir(folder).map_err(|error| {
        let message = format!("{}: {error}", folder.display());
        Failure::outside("folder-unreadable", message, "choose a folder you may read")
    })?;
    if entries.next().is_some() {
        let message = format!("{} is not empty", folder.display());
        let hint = "choose a new folder: nothing is overwritten";
        return Err(Failure::usage("folder-not-empty", message, hint));
    }
    Ok(())
}

/// A certificate that serves for TLS and for signatures, as in a pilot.
pub(crate) fn leaf(party: &Party, validity: Validity) -> LeafSpec {
    LeafSpec {
        usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
        ..LeafSpec::tls_client(party.id, party.name, party.key, validity)
    }
}

/// From an hour ago, so that a slow clock elsewhere does no harm.
pub(crate) fn validity(now: Timestamp) -> Result<Validity, Failure> {
    let from = now.checked_sub(SignedDuration::from_hours(1));
    match (from, now.checked_add(VALID)) {
        (Ok(from), Ok(until)) => Ok(Validity { from, until }),
        _ => Err(Failure::outside("clock-unusable", "the clock is out of range", "set the clock")),
    }
}

/// An SM2 root, a CA below it, and a second certificate of one party under that: for
/// signatures only, since TLS here knows no SM2.
fn write_sm2(pki: &Path, validity: Validity) -> Result<(), Failure> {
    let Some(party) = Party::by_id(SM2_SIGNER) else { return Ok(()) };
    let made = || {
        let root = TestCa::new("OnePoint test SM2 root", KeyKind::Sm2, validity)?;
        let issuer = root.intermediate("OnePoint test SM2 CA", KeyKind::Sm2, validity)?;
        let spec = LeafSpec::signer(party.id, party.name, KeyKind::Sm2, validity);
        let issued = issuer.issue(&spec)?;
        Ok((root, issuer, issued))
    };
    let (root, issuer, issued) = made().map_err(|error| pki_failure(&error))?;
    write_new(&pki.join("sm2-ca.pem"), root.certificate_pem().as_bytes())?;
    write_key(&pki.join("sm2-ca.key"), &root.key_pem())?;
    write_new(&pki.join("sm2-issuer.pem"), issuer.certificate_pem().as_bytes())?;
    write_list(pki, "sm2-ca", &root, validity)?;
    write_list(pki, "sm2-issuer", &issuer, validity)?;
    write_identity(pki, parties::SM2_IDENTITY, &issued)
}

/// The certificate whose key countersigns the log's checkpoints.
fn issue_seal(ca: &TestCa, validity: Validity) -> Result<Issued, Failure> {
    let kind = KeyKind::P256;
    let spec = LeafSpec {
        usage: vec![Usage::DigitalSignature, Usage::NonRepudiation],
        ..LeafSpec::signer("seal", "OnePoint pilot", kind, validity)
    };
    ca.issue(&spec).map_err(|error| pki_failure(&error))
}

/// A revocation list without entries.
fn write_list(pki: &Path, name: &str, ca: &TestCa, validity: Validity) -> Result<(), Failure> {
    write_new(&pki.join(format!("{name}.crl")), list(ca, &[], 1, validity)?.as_bytes())
}

/// The PEM of a revocation list of a test CA. It is as good as the CA: nobody issues the next
/// one in a pilot.
pub(crate) fn list(
    ca: &TestCa,
    revoked: &[Certificate],
    number: u64,
    validity: Validity,
) -> Result<String, Failure> {
    let revoked = revoked.iter().map(|certificate| (certificate.clone(), validity.from));
    let spec = ListSpec {
        revoked: revoked.collect(),
        number: Some(number),
        ..ListSpec::new(validity.from, Some(validity.until))
    };
    let der = ca.revocation_list(&spec).map_err(|error| pki_failure(&error))?;
    Ok(crl::to_pem(&der))
}

/// A PKI error as a command's failure.
pub(crate) fn pki_failure(error: &PkiError) -> Failure {
    Failure::outside(error.code(), error.en(), "")
}

/// Writes certificate chain and key of one party.
pub(crate) fn write_identity(pki: &Path, name: &str, issued: &Issued) -> Result<(), Failure> {
    write_new(&pki.join(format!("{name}.pem")), issued.chain_pem().as_bytes())?;
    write_key(&pki.join(format!("{name}.key")), &issued.key_pem())
}

/// A private key: readable by its owner only, from the moment it exists.
pub(crate) fn write_key(path: &Path, pem: &Zeroizing<String>) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        std::io::Write::write_all(&mut file, pem.as_bytes())
    };
    write().map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::outside("file-unwritable", message, "choose a folder you may write to")
    })
}

fn write_log_key(pki: &Path) -> Result<(), Failure> {
    let random = ring::rand::SystemRandom::new();
    let (private, public) = onepoint_proof::note::generate_key(ORIGIN, &random)
        .map_err(|error| Failure::outside("log-key-failed", error.to_string(), ""))?;
    write_key(&pki.join("log.key"), &private)?;
    write_new(&pki.join("log.pub"), format!("{public}\n").as_bytes())
}

/// The key that wraps the data keys of the journal's payloads.
fn write_master_key(pki: &Path) -> Result<(), Failure> {
    let line = onepoint_store::MasterKeys::generate_line("m1")
        .map_err(|error| Failure::outside(error.code(), error.en(), ""))?;
    write_key(&pki.join("store.key"), &line)
}

/// Anchors, and who revokes what they vouch for.
const TRUST: &str = r#"
[trust]
anchors = ["pki/ca.pem", "pki/sm2-ca.pem"]
clock_tolerance_s = 60
# A status that nobody can tell is taken for so long, then refused.
revocation_grace_h = 72

# Who revokes: a section for each CA. Lists are files or http(s) addresses, asked in their order;
# what came is kept in the folder `revocation`.
[[revocation]]
issuer = "pki/ca.pem"
lists = ["pki/ca.crl"]

[[revocation]]
issuer = "pki/sm2-ca.pem"
lists = ["pki/sm2-ca.crl"]

[[revocation]]
issuer = "pki/sm2-issuer.pem"
lists = ["pki/sm2-issuer.crl"]
"#;

fn gateway_config(pilot: &Pilot<'_>) -> String {
    let mut text = format!(
        r#"# A pilot zone. `onepoint check-config` says what is wrong, all at once.
zone = "pilot"

[listen]
address = "{listen}"
certificate = "pki/gateway.pem"
key = "pki/gateway.key"

# Payloads are sealed by data keys, which the first key of this file wraps.
[store]
path = "journal"
master_key = "pki/store.key"

# The log's identity: it keeps its origin and key for life.
[log]
origin = "{ORIGIN}"
key = "pki/log.key"

# The gateway's own certificate: countersigns every checkpoint of the log, so that receipts
# lead to an anchor as well as to the log's key.
[seal]
certificate = "pki/seal.pem"
key = "pki/seal.key"

# Sets of message types that departments bring themselves; see `onepoint schemas add`. Which version
# of a norm judges is decided by the day, or for one participant by its `schemas = ["ceb/2018-113"]`.
[schemas]
folder = "schemas"

[[schemas.cut_over]]
version = "ceb/2022-05"
from = "2022-07-01"
{TRUST}
# The gateway's addresses in DXP envelopes: ReceiverId, and EndNode between nodes.
[dxp]
id = "{dxp}"
node = "{node}"
"#,
        listen = pilot.listen,
        dxp = parties::GATEWAY_DXP_ID,
        node = parties::GATEWAY_NODE,
    );
    if let Some(url) = pilot.amqp {
        text.push_str(&format!("\n[broker]\nurl = \"{url}\"\n"));
    }
    for party in PARTIES {
        party.write_toml(pilot.more_certificates, &mut text);
    }
    text.push_str(&routes::toml());
    text
}

fn adapter_config(party: &Party, pilot: &Pilot<'_>, url: &str) -> String {
    let id = party.id;
    let source = match pilot.amqp {
        Some(url) => format!("[broker]\nurl = \"{url}\"\n"),
        None => format!(
            "[gateway]\nurl = \"{url}\"\nca = \"pki/ca.pem\"\n\
             certificate = \"pki/{id}.pem\"\nkey = \"pki/{id}.key\"\n"
        ),
    };
    format!(
        "dxp_id = \"{dxp}\"\ngateway_dxp_id = \"{gateway}\"\n\n{source}\n\
         [signing]\ncertificate = \"pki/{id}.pem\"\nkey = \"pki/{id}.key\"\n\n\
         [inbox]\npath = \"{id}-inbox\"\n",
        dxp = party.dxp_id,
        gateway = parties::GATEWAY_DXP_ID,
    )
}
