//! A pilot zone of a test's own: gateway and adapters as processes on the loopback
//! interface, made by the real binary in a folder that goes away. In comes a
//! [`Setup`]; out go processes that can be killed and started again on the same port,
//! and all that an outsider may use: HTTPS, signatures, the log's public key, the
//! inboxes of departments. Nothing runs on when the test has ended, however it ended.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};

use onepoint_relay::client::{ClientError, HttpClient};
use onepoint_relay::inbox::Inbox;
use onepoint_schemas::example_with;
use serde_json::Value;

use crate::rabbit::Watchdog;

mod binary;
mod evidence;
mod party;
mod process;

pub use binary::onepoint;
pub use evidence::{Auditor, Metrics, Verified};
pub use party::Signer;
pub use process::Process;

/// The departments of a pilot that the four declarations of an import order reach.
pub const DEPARTMENTS: [&str; 5] = ["customs", "tax", "forex", "inspection", "post"];
/// Below the ports the kernel gives to clients, so that nobody takes a gateway's port
/// while it is down; and not those of the brokers of tests.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

/// What kind of zone.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The broker; without one everything is pulled.
    pub amqp: Option<String>,
    /// Participants whose answers go through the broker.
    pub receipts_by_broker: Vec<&'static str>,
}

/// A pilot zone; nothing runs in it at first.
#[derive(Debug)]
pub struct Zone {
    gateway: Option<Process>,
    adapters: BTreeMap<String, Process>,
    address: SocketAddr,
    pilot: PathBuf,
    watchdog: Watchdog,
    // Last: removed after everything in it has ended.
    _folder: tempfile::TempDir,
}

impl Zone {
    /// Makes configurations and a test PKI with `onepoint init`.
    ///
    /// # Panics
    /// When that fails.
    pub fn make(setup: &Setup) -> Zone {
        let folder = tempfile::Builder::new().prefix("onepoint-zone-").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let pilot = folder.path().join("pilot");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut init = Command::new(onepoint());
        init.arg("init").arg(&pilot).args(["--listen", &address.to_string()]);
        if let Some(url) = &setup.amqp {
            init.args(["--amqp", url]);
        }
        let output = init.output().expect("onepoint can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "onepoint init: {said}");
        send_receipts_by_broker(&pilot, &setup.receipts_by_broker);
        let watchdog = Watchdog::start(folder.path());
        let adapters = BTreeMap::new();
        Zone { gateway: None, adapters, address, pilot, watchdog, _folder: folder }
    }

    /// Configurations, PKI and journals.
    pub fn folder(&self) -> &Path {
        &self.pilot
    }

    /// Changes a file of the zone.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let text = change(party::text(&self.pilot, file));
        fs::write(self.pilot.join(file), text).expect("a file of the zone");
    }

    /// Runs a command of the program in the zone's folder; gives exit code, output, errors.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().expect("onepoint can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Starts the gateway and waits until it listens. `environment` is set for it alone.
    pub fn start_gateway(&mut self, environment: &[(&str, &str)]) {
        assert!(self.gateway.is_none(), "the gateway is up already");
        let mut command = self.command(&["serve", "--config", "onepoint.toml"]);
        command.envs(environment.iter().copied());
        let process = Process::start(command, "gateway", &self.pilot, "listening on");
        self.watchdog.guard("gateway", process.id());
        self.gateway = Some(process);
    }

    /// SIGHUP: the gateway reads its configuration again.
    ///
    /// # Panics
    /// When it is not up.
    pub fn hang_up(&self) {
        self.gateway.as_ref().expect("the gateway is up").signal("HUP");
    }

    /// Kills the gateway where it stands.
    pub fn kill_gateway(&mut self) {
        self.take_gateway().kill();
    }

    /// Asks the gateway to end and waits for it.
    pub fn stop_gateway(&mut self) {
        self.take_gateway().stop();
    }

    /// Waits until the gateway ends by itself.
    pub fn wait_for_gateway(&mut self) -> ExitStatus {
        self.take_gateway().wait()
    }

    fn take_gateway(&mut self) -> Process {
        self.watchdog.forget("gateway");
        self.gateway.take().expect("the gateway is up")
    }

    /// Starts the adapter of a department.
    pub fn start_adapter(&mut self, department: &str) {
        self.start_adapter_with(department, &[]);
    }

    /// [`Zone::start_adapter`]; `environment` is set for it alone.
    pub fn start_adapter_with(&mut self, department: &str, environment: &[(&str, &str)]) {
        assert!(!self.adapters.contains_key(department), "the adapter is up already");
        let config = format!("{department}.toml");
        let mut command = self.command(&["adapter", department, "--config", &config]);
        command.envs(environment.iter().copied());
        let process = Process::start(command, department, &self.pilot, "is running");
        self.watchdog.guard(department, process.id());
        self.adapters.insert(department.to_owned(), process);
    }

    /// Kills an adapter where it stands.
    pub fn kill_adapter(&mut self, department: &str) {
        self.take_adapter(department).kill();
    }

    /// Waits until an adapter ends by itself.
    pub fn wait_for_adapter(&mut self, department: &str) -> ExitStatus {
        self.take_adapter(department).wait()
    }

    /// Asks an adapter to end and waits for it.
    pub fn stop_adapter(&mut self, department: &str) {
        self.take_adapter(department).stop();
    }

    fn take_adapter(&mut self, department: &str) -> Process {
        self.watchdog.forget(department);
        self.adapters.remove(department).expect("the adapter is up")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(onepoint());
        // A developer's own settings are none of a test's business.
        command.args(arguments).current_dir(&self.pilot).env_remove("ONEPOINT_LOG");
        command.env_remove("ONEPOINT_DIE_AT");
        command
    }

    /// Where the gateway listens.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// An HTTPS client with the certificate of a party.
    pub fn client(&self, party: &str) -> HttpClient {
        party::client(&self.pilot, &self.url(), party)
    }

    /// What a party signs with.
    pub fn signer(&self, party: &str) -> Signer {
        Signer::read(&self.pilot, party)
    }

    /// Hands in so many good orders of the platform, each of its own number; gives the
    /// messages' ids.
    ///
    /// # Panics
    /// When one is not taken.
    pub async fn order(&self, count: usize) -> Vec<String> {
        let (signer, client) = (self.signer("platform"), self.client("platform"));
        let mut ids = Vec::new();
        for _ in 0..count {
            let [root, own, number] = [(); 3].map(|()| uuid::Uuid::new_v4().to_string());
            let fields = [("@guid", root.as_str()), ("guid", own.as_str()), ("orderNo", &number)];
            let body = signer.sign(&example_with("CEB311Message", &fields).expect("a type"));
            let answer = client.post("/v1/messages", "application/xml", body).await;
            let answer = answer.expect("the gateway answers");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
            ids.push(told["id"].as_str().expect("an id").to_owned());
        }
        ids
    }

    /// Someone who has the log's public key and the zone's anchors.
    pub fn auditor(&self) -> Auditor {
        let pki = |name: &str| party::text(&self.pilot, &format!("pki/{name}"));
        Auditor::new(&pki("log.pub"), &pki("ca.pem"))
    }

    /// The gateway's counters, as the operator sees them.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn metrics(&self) -> Result<Metrics, ClientError> {
        Metrics::of(&self.client("operator")).await
    }

    /// What a department has done. Its adapter must be down.
    ///
    /// # Panics
    /// While the adapter runs.
    pub fn inbox(&self, department: &str) -> Inbox {
        assert!(!self.adapters.contains_key(department), "the inbox is in use");
        Inbox::open(&self.pilot.join(format!("{department}-inbox"))).expect("the inbox")
    }
}

fn send_receipts_by_broker(pilot: &Path, ids: &[&str]) {
    let mut text = party::text(pilot, "onepoint.toml");
    for id in ids {
        let line = format!("[[participant]]\nid = \"{id}\"\n");
        assert!(text.contains(&line), "no participant {id}");
        text = text.replace(&line, &format!("{line}receipts = \"amqp\"\n"));
    }
    fs::write(pilot.join("onepoint.toml"), text).expect("the configuration");
}

/// Every call gives another port, also to tests that run at the same time.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = PORTS.end - PORTS.start;
    let start = u16::try_from(std::process::id() % u32::from(size)).expect("below the size");
    for _ in 0..size {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % size;
        // 7 is prime to the size: two processes with neighbouring ids do not meet at once.
        let offset = (u32::from(start) * 7 + u32::from(step)) % u32::from(size);
        let port = PORTS.start + u16::try_from(offset).expect("below the size");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port in {PORTS:?}");
}
