//! A PostgreSQL for one test: on a port of its own on the loopback interface, with its data
//! in a folder that goes away. In come nothing or certificates; out goes an address with a
//! password. It is killed with the test, however that ends. Everything here blocks.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::rabbit::{Tls, Watchdog};
use crate::zone::free_port;

/// What a test that needs the database prints when it is not installed.
const INSTALL: &str = "apt-get install -y postgresql";
/// Where Debian puts the programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// It refuses to run as root: this is the user that the package makes.
const USER: &str = "postgres";
const PASSWORD: &str = "test-password";
const TIMEOUT: Duration = Duration::from_secs(60);

/// A database server of the test's own.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    server: Option<Child>,
    watchdog: Watchdog,
    // Last: removed after everything in it has ended.
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Makes a database and starts it; with certificates it speaks TLS, and wants some.
    ///
    /// # Panics
    /// With the line to install it, or with its log.
    pub fn start(tls: Option<&Tls>) -> Postgres {
        let programs = programs().expect(INSTALL);
        let folder = tempfile::Builder::new().prefix("onepoint-postgres-").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let watchdog = Watchdog::start(folder.path());
        let mut postgres = Postgres { programs, port: free_port(), server: None, watchdog, folder };
        postgres.make(tls);
        postgres.start_again();
        postgres
    }

    /// The address, with user and password.
    pub fn url(&self) -> String {
        format!("postgresql://onepoint:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// Takes it down as a crash would: nothing is written any more (SIGQUIT).
    pub fn crash(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        signal("QUIT", server.id());
        server.wait().expect("the server can be waited for");
        self.watchdog.forget("server");
    }

    /// Stops it where it stands: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.each("STOP");
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        self.each("CONT");
    }

    /// Starts it on the data it has.
    ///
    /// # Panics
    /// With its log, when it does not come up.
    pub fn start_again(&mut self) {
        let started = Instant::now();
        let server = self.command("postgres").arg("-D").arg(self.data()).spawn();
        let server = server.expect("the server can be started");
        self.watchdog.guard("server", server.id());
        self.server = Some(server);
        let ready = || {
            let port = self.port.to_string();
            let mut command = Command::new(self.programs.join("pg_isready"));
            command.args(["-h", "127.0.0.1", "-p", &port]).stdout(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        while !ready() {
            assert!(started.elapsed() < TIMEOUT, "the database is not up\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn make(&self, tls: Option<&Tls>) {
        let password = self.folder.path().join("password");
        write(&password, PASSWORD);
        self.own(self.folder.path());
        let mut command = self.command("initdb");
        command.arg("-D").arg(self.data()).arg("--pwfile").arg(&password);
        command.args(["-U", "onepoint", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]);
        let status = command.status().expect("initdb can be run");
        assert!(status.success(), "initdb: {status}\n{}", self.log());
        let mut configuration = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\n\
             max_connections = 20\nshared_buffers = 16MB\n",
            self.port
        );
        if let Some(tls) = tls {
            for (option, name, pem) in [
                ("ssl_ca_file", "ca.pem", &tls.ca),
                ("ssl_cert_file", "chain.pem", &tls.chain),
                ("ssl_key_file", "key.pem", &tls.key),
            ] {
                write(&self.data().join(name), pem);
                configuration += &format!("{option} = '{name}'\n");
            }
            configuration += "ssl = on\n";
            let only = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n";
            write(&self.data().join("pg_hba.conf"), only);
        }
        let file = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file).expect("the configuration");
        file.write_all(configuration.as_bytes()).expect("the configuration");
        self.own(self.folder.path());
    }

    /// Gives a folder and all in it to the user of the database.
    fn own(&self, folder: &Path) {
        if is_root() {
            let status = Command::new("chown").args(["-R", USER]).arg(folder).status();
            assert!(status.is_ok_and(|status| status.success()), "chown {USER}");
        }
    }

    /// A program of the database, under its user; the process is the program itself.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        let log = self.folder.path().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let log_too = log.try_clone().expect("a second handle");
        command.current_dir(self.folder.path()).env("LC_ALL", "C").stdin(Stdio::null());
        command.stdout(log).stderr(log_too);
        command
    }

    /// A signal to the server and the processes it has made, one for each connection.
    fn each(&self, name: &str) {
        let server = self.server.as_ref().expect("the database is up").id();
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
        for child in children.unwrap_or_default().split_whitespace() {
            signal(name, child.parse().expect("a process id"));
        }
        signal(name, server);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nothing may panic here: the test may be unwinding already. Its own processes end
        // when it does.
        if let Some(mut server) = self.server.take()
            && server.kill().is_ok()
        {
            server.wait().ok();
        }
    }
}

/// The newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("postgres").exists()).max()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|facts| facts.uid() == 0)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("permissions");
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -s {name} {pid}");
}
