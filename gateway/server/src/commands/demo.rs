//! `onepoint demo`: the whole country on this machine, through the public ports
//! and nothing else: a gateway and each department as processes of their own, four
//! firms that send good and bad messages, and the receipts verified offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::testpki::{KeyKind, TestCa, Validity};

use super::init::{self, Pilot, leaf, parties::Party, pki_failure, write_identity};
use super::sign::{Signer, identity};
use super::{Failure, Outcome, make_folder};
use crate::cli::DemoArgs;
use crate::clock::{Clock, monotonic};

mod cases;
mod orders;
mod processes;
mod receipts;
mod table;
mod talk;

use cases::{Case, Expected, OPENED};
use processes::Running;
use table::Table;
use talk::{Talk, Told};

/// How long the answers to one message may take; with a broker that has just started and a busy
/// machine they take seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// File of the certificate that has run out.
const EXPIRED: &str = "platform-expired";
/// File of the certificate that its CA has revoked.
const REVOKED: &str = "platform-revoked";

/// What the demo knows of its zone.
pub(crate) struct Zone {
    signers: Vec<(&'static str, Signer)>,
    expired: Signer,
    revoked: Signer,
    /// Another key of the payment firm.
    sm2: Signer,
    /// Makes order numbers unique over runs.
    run: String,
}

impl Zone {
    fn number(&self, n: u32) -> String {
        format!("DEMO{}{n:03}", self.run)
    }

    fn signer(&self, id: &str) -> Result<&Signer, Failure> {
        let found = self.signers.iter().find(|(name, _)| *name == id);
        found.map(|(_, signer)| signer).ok_or_else(|| {
            Failure::outside(
                "demo-signer",
                format!("no key of {id}"),
                "this is a fault of the demo",
            )
        })
    }

    /// Who signs a declaration: every second payment has an SM2 signature.
    fn declarer(&self, id: &str, n: u32) -> Result<(&Signer, &'static str), Failure> {
        if id == init::parties::SM2_SIGNER && n.is_multiple_of(2) {
            return Ok((&self.sm2, ", signed with SM2"));
        }
        Ok((self.signer(id)?, ""))
    }

    fn expired(&self) -> Result<&Signer, Failure> {
        Ok(&self.expired)
    }

    fn revoked(&self) -> &Signer {
        &self.revoked
    }
}

/// A folder that goes away with the demo, unless it is kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

pub(crate) fn run(args: &DemoArgs) -> Outcome {
    let started = monotonic();
    let now = Clock.now();
    let folder = folder(args.keep.as_deref(), now);
    let mut table = Table::new(args.json);
    table.say("Making keys and certificates of all parties ...");
    let zone = prepare(&folder.path, args.amqp.as_deref(), now)?;
    let (_processes, url) = start(&folder.path, args.amqp.as_deref())?;
    table.say(&format!(
        "The gateway ({url}) and {} departments are running\n",
        onepoint_adapters::DEPARTMENTS.len()
    ));
    let cases = cases::all(&zone, args.orders)?;
    let runtime = super::runtime()?;
    let talk = Talk::new(&url, &folder.path)?;
    let told = runtime.block_on(send_all(&cases, &talk, &mut table))?;
    if let Some((case, told)) = cases.iter().zip(&told).find(|(case, _)| case.what == OPENED) {
        table.joined(case, told);
    }
    let sums = runtime.block_on(talk.sums())?;
    let evidence = receipts::save(&runtime, &talk, &cases, &told, &folder.path)?;
    let proof = receipts::verify(&folder.path, &evidence)?;
    let good = table.finish(&cases, &told, &sums, &proof, started.elapsed());
    if folder.keep {
        table.say(&format!("Everything is kept in {}", folder.path.display()));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn folder(keep: Option<&Path>, now: Timestamp) -> Folder {
    match keep {
        Some(path) => Folder { path: std::path::absolute(path).unwrap_or(path.into()), keep: true },
        None => {
            let name = format!("onepoint-demo-{}-{}", std::process::id(), now.as_millisecond());
            Folder { path: std::env::temp_dir().join(name), keep: false }
        }
    }
}

/// Writes the zone's folder as `init` does, and one certificate that has run out.
fn prepare(folder: &Path, amqp: Option<&str>, now: Timestamp) -> Result<Zone, Failure> {
    let (expired_file, revoked_file) = (format!("pki/{EXPIRED}.pem"), format!("pki/{REVOKED}.pem"));
    let pilot = Pilot {
        folder,
        // Any free port; the gateway says which.
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        amqp,
        url: None,
        more_certificates: &[("platform", &expired_file), ("platform", &revoked_file)],
    };
    let ca = init::write(&pilot, now)?;
    write_expired(&ca, folder, now)?;
    write_revoked(&ca, folder, now)?;
    let mut signers = Vec::new();
    for (_, id) in orders::DECLARATIONS {
        signers.push((id, signer(folder, id)?));
    }
    let run = format!("{:x}", now.as_millisecond() & 0xff_ffff);
    let sm2 = signer(folder, init::parties::SM2_IDENTITY)?;
    let (expired, revoked) = (signer(folder, EXPIRED)?, signer(folder, REVOKED)?);
    Ok(Zone { signers, expired, revoked, sm2, run: run.to_uppercase() })
}

fn signer(folder: &Path, name: &str) -> Result<Signer, Failure> {
    let pki = folder.join("pki");
    let (chain, key) =
        identity(&pki.join(format!("{name}.pem")), &pki.join(format!("{name}.key")))?;
    Ok(Signer { key, chain })
}

fn write_expired(ca: &TestCa, folder: &Path, now: Timestamp) -> Result<(), Failure> {
    let day = SignedDuration::from_hours(24);
    let ago = |days: i32| now.checked_sub(day.checked_mul(days).unwrap_or(day)).unwrap_or(now);
    let validity = Validity { from: ago(400), until: ago(2) };
    let Some(platform) = Party::by_id("platform") else { return Ok(()) };
    let mut spec = leaf(platform, validity);
    spec.key = KeyKind::P256;
    let issued = ca.issue(&spec).map_err(|e| pki_failure(&e))?;
    write_identity(&folder.join("pki"), EXPIRED, &issued)
}

/// A certificate that is in its days, and the CA's next list, which names it.
fn write_revoked(ca: &TestCa, folder: &Path, now: Timestamp) -> Result<(), Failure> {
    let Some(platform) = Party::by_id("platform") else { return Ok(()) };
    let validity = init::validity(now)?;
    let mut spec = leaf(platform, validity);
    spec.key = KeyKind::P256;
    let issued = ca.issue(&spec).map_err(|e| pki_failure(&e))?;
    write_identity(&folder.join("pki"), REVOKED, &issued)?;
    let list = init::list(ca, std::slice::from_ref(&issued.certificate), 2, validity)?;
    let path = folder.join("pki/ca.crl");
    std::fs::write(&path, list).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::outside("file-unwritable", message, "choose a folder you may write to")
    })
}

/// Starts the gateway, then the adapters with its address.
fn start(folder: &Path, amqp: Option<&str>) -> Result<(Vec<Running>, String), Failure> {
    let (gateway, url) = processes::start(
        &["serve", "--config", "onepoint.toml"],
        folder,
        "gateway.log",
        "listening on",
    )?;
    let pilot = Pilot {
        folder,
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
        amqp,
        url: None,
        more_certificates: &[],
    };
    init::write_adapters(&pilot, &url)?;
    let mut running = vec![gateway];
    for name in onepoint_adapters::DEPARTMENTS {
        let config = format!("{name}.toml");
        let args = ["adapter", name, "--config", config.as_str()];
        let log = format!("{name}.log");
        running.push(processes::start(&args, folder, &log, "is running")?.0);
    }
    make_folder(&folder.join("messages"))?;
    make_folder(&folder.join("receipts"))?;
    Ok((running, url))
}

/// Sends every case, waits until every department has answered, prints each line as it stands.
async fn send_all(cases: &[Case], talk: &Talk, table: &mut Table) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::with_capacity(cases.len());
    table.head();
    for (n, case) in cases.iter().enumerate() {
        let mut one = talk.send(case).await?;
        if matches!(case.expected, Expected::Accepted(..)) && one.accepted() {
            talk.wait_for_answers(case, &mut one, deadline(PATIENCE)).await?;
        }
        table.line(n + 1, case, &one);
        told.push(one);
    }
    Ok(told)
}

fn deadline(wait: Duration) -> Instant {
    monotonic() + wait
}
