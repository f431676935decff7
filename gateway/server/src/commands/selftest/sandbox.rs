//! The sandbox: a zone in a folder of its own, made as `init` does, and the gateway in
//! it as a child process that may be told where to die. Out go the child, HTTPS clients
//! of every party, and their keys. Nothing runs on when the selftest has ended.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use onepoint_certs::{Certificate, SigningKey};
use onepoint_envelope::xmldsig::{self, SignOptions};
use onepoint_relay::client::{ClientOptions, HttpClient};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::commands::init::{self, Pilot, parties::PARTIES};
use crate::commands::send::client_failure;
use crate::commands::sign::{PEM_MAX, identity};
use crate::commands::{Failure, read_input};
use crate::fault::Point;

/// The gateway's own log in the sandbox.
const LOG: &str = "gateway.log";
/// Its configuration there.
const CONFIG: &str = "onepoint.toml";
/// What the gateway says when it is up.
const MARKER: &str = "listening on";

/// The folder of a test; goes away with it, unless it is kept.
#[derive(Debug)]
pub(super) struct Sandbox {
    folder: PathBuf,
    keep: bool,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

impl Sandbox {
    /// Writes configuration and test PKI.
    pub(super) fn make(keep: Option<&Path>, now: Timestamp) -> Result<Sandbox, Failure> {
        let folder = match keep {
            Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            None => {
                let name = format!("onepoint-selftest-{}", std::process::id());
                std::env::temp_dir().join(format!("{name}-{}", now.as_millisecond()))
            }
        };
        let sandbox = Sandbox { folder, keep: keep.is_some() };
        let pilot = Pilot {
            folder: &sandbox.folder,
            // Any free port; the gateway says which.
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            amqp: None,
            url: None,
            more_certificates: &[],
        };
        init::write(&pilot, now)?;
        Ok(sandbox)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a party signs with.
    pub(super) fn signer(&self, party: &str) -> Result<Signer, Failure> {
        let pki = self.folder.join("pki");
        let (chain, key) =
            identity(&pki.join(format!("{party}.pem")), &pki.join(format!("{party}.key")))?;
        Ok(Signer(Arc::new((chain, key))))
    }

    /// Starts the gateway, which may be told where to die; it may do so before it is up.
    pub(super) async fn start(&self, die_at: Option<&str>) -> Result<Started, Failure> {
        let failed = |error: std::io::Error| {
            let hint = format!("look into {}", self.folder.join(LOG).display());
            Failure::outside("selftest-process", error.to_string(), hint)
        };
        let mut command = self.command(&["serve", "--config", CONFIG], die_at).map_err(failed)?;
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).await.map_err(failed)?;
        }
        match line.trim().split_once(MARKER) {
            Some((_, url)) => {
                let clients = self.clients(url.trim())?;
                Ok(Started::Up(Gateway { child, clients: Arc::new(clients) }))
            }
            None => {
                let status = child.wait().await.map_err(failed)?;
                Ok(Started::Ended(status))
            }
        }
    }

    /// Housekeeping in a process of its own, which is told to die at one of its places.
    pub(super) async fn retain(&self, point: &Point) -> Result<ExitStatus, Failure> {
        let mut words = vec!["selftest", "retain", CONFIG];
        if point.name.starts_with("erase.") {
            words.push("--erase");
        }
        let mut command =
            self.command(&words, Some(point.name)).map_err(|error| process(&error))?;
        command.stdout(Stdio::null()).status().await.map_err(|error| process(&error))
    }

    /// This very program, in the sandbox.
    fn command(&self, words: &[&str], die_at: Option<&str>) -> std::io::Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join(LOG));
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(words)
            .current_dir(&self.folder)
            // Each request as a line would be most of the disk's work.
            .env("ONEPOINT_LOG", "warn")
            .env_remove("ONEPOINT_DIE_AT")
            .stdin(Stdio::null())
            .stderr(log?)
            .kill_on_drop(true);
        if let Some(place) = die_at {
            command.env("ONEPOINT_DIE_AT", place);
        }
        Ok(command)
    }

    fn clients(&self, url: &str) -> Result<Clients, Failure> {
        let pki = self.folder.join("pki");
        let ca = read_input(&pki.join("ca.pem"), PEM_MAX)?;
        let mut clients = BTreeMap::new();
        for party in PARTIES {
            let chain = read_input(&pki.join(format!("{}.pem", party.id)), PEM_MAX)?;
            let key = read_input(&pki.join(format!("{}.key", party.id)), PEM_MAX)?;
            let options = ClientOptions::new(url, ca.clone()).identity(chain, key);
            clients.insert(party.id, HttpClient::new(options).map_err(|e| client_failure(&e))?);
        }
        Ok(Clients(clients))
    }
}

/// What became of a start.
#[derive(Debug)]
pub(super) enum Started {
    Up(Gateway),
    /// It ended before it was up.
    Ended(ExitStatus),
}

/// The child; killed when dropped.
#[derive(Debug)]
pub(super) struct Gateway {
    child: Child,
    pub(super) clients: Arc<Clients>,
}

impl Gateway {
    /// Waits until it is dead.
    pub(super) async fn dead(&mut self) -> Result<ExitStatus, Failure> {
        self.child.wait().await.map_err(|error| process(&error))
    }

    /// SIGHUP: it reads its configuration again.
    pub(super) async fn reload(&self) -> Result<(), Failure> {
        let id = self.child.id().unwrap_or_default().to_string();
        let sent = Command::new("kill").args(["-s", "HUP", &id]).status().await;
        sent.map(drop).map_err(|error| process(&error))
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(|error| process(&error))
    }
}

fn process(error: &std::io::Error) -> Failure {
    Failure::outside("selftest-process", error.to_string(), "is this machine out of processes?")
}

/// One HTTPS client for each party.
pub(super) struct Clients(BTreeMap<&'static str, HttpClient>);

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Clients {
    pub(super) fn of(&self, party: &str) -> Result<HttpClient, Failure> {
        self.0.get(party).cloned().ok_or_else(|| {
            let message = format!("no client of {party}");
            Failure::outside("selftest-client", message, "this is a fault of the selftest")
        })
    }
}

/// What a party signs with; clones share the key.
#[derive(Debug, Clone)]
pub(super) struct Signer(Arc<(Vec<Certificate>, SigningKey)>);

impl Signer {
    /// The signed XML.
    pub(super) fn sign(&self, xml: &str) -> Result<Vec<u8>, Failure> {
        let (chain, key) = &*self.0;
        xmldsig::sign(xml, key, chain, &SignOptions::default())
            .map(String::into_bytes)
            .map_err(|e| Failure::outside(e.code(), e.en(), "this is a fault of the selftest"))
    }
}
