//! A private RabbitMQ for tests, from Debian's packages: own node name, own ports,
//! own data folder, loopback only. In comes nothing but the installed programs; out
//! goes a running broker with its address. It is stopped when dropped (also when a
//! test panics), and by a `watchdog` when the test process is killed.
//! Everything here blocks: from async code call it in `spawn_blocking`.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

mod watchdog;

pub use watchdog::Watchdog;

/// What a test that needs the broker prints when it is not installed.
const INSTALL: &str = "apt-get install -y rabbitmq-server";
/// The script behind Debian's wrapper; the wrapper insists on the user rabbitmq.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
const EPMD: &str = "epmd";
/// A start takes 5 to 10 s alone, longer when everything else runs beside it.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const TRIES: usize = 3;
/// The longest message the broker takes.
pub const MESSAGE_BYTES: usize = 8 << 20;
/// Below the ports the kernel gives to clients: a client that knocks again and again
/// at a closed port of that range may one day connect to itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How a broker goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// SIGTERM: connections are closed properly, everything is written.
    Graceful,
    /// SIGKILL: as when the machine's power fails, but for the page cache.
    Kill,
}

/// A broker of the test's own.
#[derive(Debug)]
pub struct RabbitMq {
    node: String,
    ports: Ports,
    tls: bool,
    /// The broker's process itself: the start scripts only ever `exec`.
    broker: Option<Child>,
    /// The name server of the node, in the foreground, so that it has no life of its own.
    epmd: Option<Child>,
    watchdog: Watchdog,
    /// How many virtual hosts it was given; clients get the address of the last one.
    hosts: usize,
    // Last: removed after everything in it has ended.
    folder: tempfile::TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    tls: u16,
    node: u16,
    epmd: u16,
}

/// What a broker needs to speak TLS, as PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificates clients must come from: it takes none without a certificate.
    pub ca: String,
    /// The broker's certificate and intermediates.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl RabbitMq {
    /// Starts a broker and waits until it speaks AMQP.
    ///
    /// # Panics
    /// With the line to install it when a program is missing; with the end of the
    /// broker's log when it does not come up.
    pub fn start() -> RabbitMq {
        RabbitMq::start_with(None)
    }

    /// [`RabbitMq::start`], with a second port for TLS.
    pub fn start_with(tls: Option<&Tls>) -> RabbitMq {
        assert!(installed(), "{INSTALL}");
        let mut failure = String::new();
        for _ in 0..TRIES {
            let mut rabbit = RabbitMq::prepare(tls);
            match rabbit.up() {
                Ok(()) => return rabbit,
                Err(error) => failure = error,
            }
        }
        panic!("the broker did not start in {TRIES} tries: {failure}");
    }

    /// The address for clients, with the user every fresh broker has (loopback only).
    pub fn url(&self) -> String {
        self.url_of(&if self.hosts == 0 { "%2f".to_owned() } else { self.host() })
    }

    /// The address of a virtual host, which may be still to be made.
    pub fn url_of(&self, host: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{host}", self.ports.amqp)
    }

    /// The address of a new virtual host.
    pub fn virtual_host(&self, name: &str) -> String {
        self.control(&["add_vhost", name]);
        self.control(&["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]);
        self.url_of(name)
    }

    /// From now on [`RabbitMq::url`] is that of a new virtual host: whoever comes next has
    /// nothing to do with what was left before, not even with what an ended client had not
    /// acknowledged and the broker is still to put back into its queue.
    pub fn renew(&mut self) {
        // After a restart it speaks AMQP before it takes commands of all kinds.
        self.control(&["await_startup"]);
        self.hosts += 1;
        self.virtual_host(&self.host());
    }

    /// The queues at [`RabbitMq::url`], and how many messages are in each.
    pub fn queues(&self) -> Vec<(String, u64)> {
        let host = if self.hosts == 0 { "/".to_owned() } else { self.host() };
        let listed = ["list_queues", "-p", &host, "--no-table-headers", "name", "messages"];
        let queue = |line: &str| {
            let (name, depth) = line.rsplit_once('\t')?;
            Some((name.to_owned(), depth.trim().parse().ok()?))
        };
        self.control(&listed).lines().filter_map(queue).collect()
    }

    fn host(&self) -> String {
        format!("host-{}", self.hosts)
    }

    /// The address for clients with a certificate, on a broker started with [`Tls`].
    pub fn tls_url(&self) -> String {
        assert!(self.tls, "started without TLS");
        format!("amqps://guest:guest@127.0.0.1:{}/%2f", self.ports.tls)
    }

    /// The port of [`RabbitMq::url`]; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The process id of the broker while it is up.
    pub fn pid(&self) -> Option<u32> {
        self.broker.as_ref().map(Child::id)
    }

    /// Takes the broker down; its data stays for [`RabbitMq::start_again`].
    pub fn stop(&mut self, how: Down) {
        let Some(mut child) = self.broker.take() else { return };
        match how {
            Down::Kill => child.kill().expect("the broker can be killed"),
            Down::Graceful => {
                // A stopped process would keep the request to itself.
                signal("CONT", child.id());
                signal("TERM", child.id());
                if !ends_within(&mut child, STOP_TIMEOUT) {
                    child.kill().expect("the broker can be killed");
                }
            }
        }
        child.wait().expect("the broker can be waited for");
        self.watchdog.forget("broker");
    }

    /// Brings a stopped broker up again: same address, same data.
    pub fn start_again(&mut self) {
        assert!(self.broker.is_none(), "the broker is up already");
        if let Err(error) = self.up() {
            panic!("the broker did not come back: {error}");
        }
    }

    /// [`RabbitMq::stop`] and [`RabbitMq::start_again`].
    pub fn restart(&mut self, how: Down) {
        self.stop(how);
        self.start_again();
    }

    /// Stops the broker's process where it stands (SIGSTOP): connections stay open
    /// and nothing answers, as behind a cable that was pulled.
    pub fn pause(&self) {
        signal("STOP", self.pid().expect("the broker is up"));
    }

    /// Lets a paused broker go on.
    pub fn resume(&self) {
        signal("CONT", self.pid().expect("the broker is up"));
    }

    /// Runs `rabbitmqctl` against this broker and gives what it prints; takes 2 to 4 s.
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command(CONTROL);
        command.args(["--quiet", "--node", &self.node]).args(arguments);
        let output = command.output().expect("rabbitmqctl can be run");
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "rabbitmqctl {arguments:?}: {out}{err}");
        out.into_owned()
    }

    fn prepare(tls: Option<&Tls>) -> RabbitMq {
        let folder = tempfile::Builder::new()
            .prefix("onepoint-rabbit-")
            .tempdir()
            .expect("a temporary folder can be made");
        let port = free_port;
        let ports = Ports { amqp: port(), tls: port(), node: port(), epmd: port() };
        write_configuration(folder.path(), ports, tls);
        let node = format!("onepoint-test-{}-{}@localhost", std::process::id(), ports.amqp);
        let watchdog = Watchdog::start(folder.path());
        let tls = tls.is_some();
        RabbitMq { node, ports, tls, broker: None, epmd: None, watchdog, hosts: 0, folder }
    }

    fn up(&mut self) -> Result<(), String> {
        if self.epmd.is_none() {
            let mut command = self.command(EPMD);
            command.args(["-address", "127.0.0.1", "-port", &self.ports.epmd.to_string()]);
            let child = spawn(&mut command, &self.folder.path().join("epmd.log"));
            self.watchdog.guard("epmd", child.id());
            self.epmd = Some(child);
        }
        let child = spawn(&mut self.command(SERVER), &self.folder.path().join("broker.log"));
        self.watchdog.guard("broker", child.id());
        self.broker = Some(child);
        self.wait_until_up()
    }

    fn wait_until_up(&mut self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            let child = self.broker.as_mut().expect("the broker was just started");
            if let Ok(Some(status)) = child.try_wait() {
                self.broker = None;
                self.watchdog.forget("broker");
                return Err(format!("it ended with {status}\n{}", self.log()));
            }
            if speaks_amqp(self.ports.amqp) {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        Err(format!("nothing answered in {START_TIMEOUT:?}\n{}", self.log()))
    }

    /// The end of everything the broker wrote.
    fn log(&self) -> String {
        let folder = self.folder.path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let text = read("broker.log") + &read("log/rabbit.log");
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// A program with the environment of this broker and nothing of a system's one.
    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("RABBITMQ_") || name.starts_with("ERL_") {
                command.env_remove(name);
            }
        }
        for (name, value) in [
            ("HOME", ""),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_CONFIG_FILE", "rabbit.conf"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "none.config"),
            ("RABBITMQ_CONF_ENV_FILE", "environment"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_SCHEMA_DIR", "schema"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "generated"),
            ("RABBITMQ_PID_FILE", "broker-own.pid"),
        ] {
            command.env(name, folder.join(value));
        }
        command
            .current_dir(folder)
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_DIST_PORT", self.ports.node.to_string())
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // With this the start scripts `exec` the virtual machine instead of minding it.
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("RABBITMQ_CTL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}");
        command
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // Nothing may panic here: the test may be unwinding already.
        for child in [self.broker.take(), self.epmd.take()].into_iter().flatten() {
            let mut child = child;
            if child.kill().is_ok() {
                child.wait().ok();
            }
        }
        self.watchdog.forget("broker");
        self.watchdog.forget("epmd");
    }
}

fn installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let erlang = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).exists());
    Path::new(SERVER).exists() && erlang(EPMD) && erlang("erl")
}

fn write_configuration(folder: &Path, ports: Ports, tls: Option<&Tls>) {
    let mut configuration = format!(
        "listeners.tcp.1 = 127.0.0.1:{}\nlog.file = rabbit.log\nlog.console = false\n\
         vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 50MB\n\
         raft.wal_max_size_bytes = 64000000\nmax_message_size = {MESSAGE_BYTES}\n",
        ports.amqp
    );
    if let Some(tls) = tls {
        configuration += &format!("listeners.ssl.1 = 127.0.0.1:{}\n", ports.tls);
        for (option, name, pem) in [
            ("cacertfile", "ca.pem", &tls.ca),
            ("certfile", "chain.pem", &tls.chain),
            ("keyfile", "key.pem", &tls.key),
        ] {
            let file = folder.join(name);
            write(&file, pem);
            configuration += &format!("ssl_options.{option} = {}\n", file.display());
        }
        configuration +=
            "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n";
    }
    write(&folder.join("rabbit.conf"), &configuration);
    write(&folder.join("plugins"), "[].\n");
    write(&folder.join("environment"), "");
    let cookie = folder.join(".erlang.cookie");
    write(&cookie, "ONEPOINTTESTCOOKIE");
    // Erlang refuses a cookie that others may read.
    fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).expect("permissions");
}

fn write(path: &PathBuf, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Starts a program in a process group of its own: an interrupt at the terminal is for
/// the test, which then takes the broker down in the right order.
fn spawn(command: &mut Command, log: &PathBuf) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
    let log_too = log.try_clone().expect("a second handle");
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_too)
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}\n{INSTALL}", command.get_program().display()))
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()), "kill -s {name} {pid}");
}

fn ends_within(child: &mut Child, limit: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < limit {
        if child.try_wait().expect("the child is ours").is_some() {
            return true;
        }
        sleep(Duration::from_millis(50));
    }
    false
}

/// Every call gives another port, also to tests that run at the same time.
fn free_port() -> u16 {
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

/// Whether the broker answers the protocol header with `connection.start`
/// (AMQP 0-9-1, section 2.2.4): the first byte of a method frame is 1.
fn speaks_amqp(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let mut first = [0];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1]
}
