//! `[backend]` of an adapter: which system of the department is behind it, and how it is
//! treated. The key `kind` says which other keys there are.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use onepoint_relay::backend::postgres::{PostgresBackend, PostgresError, PostgresOptions};
use onepoint_relay::backend::simulator::{Step, WORDS};
use onepoint_relay::client::{ClientError, ClientOptions, HttpClient};
use onepoint_relay::runner::Pace;

use crate::config::section::Section;
use crate::config::{BrokerSettings, ReadFile, broker, file};

/// The words `kind` knows.
const KINDS: [&str; 5] = ["http", "folder", "postgres", "amqp", "simulator"];
/// Names of the tables, unless told otherwise.
const TABLES: (&str, &str) = ("onepoint_orders", "onepoint_replies");
/// Orders a second, at most.
const RATE_MAX: u64 = 1_000_000;
/// Milliseconds between two looks for replies.
const POLL_MS: (u64, u64, u64) = (20, 3_600_000, 1000);
/// Seconds that one call may take.
const TIMEOUT_S: (u64, u64, u64) = (1, 600, 30);
/// Milliseconds without a change after which a file is complete.
const STILL_MS: (u64, u64, u64) = (0, 3_600_000, 2000);
/// Milliseconds of a step of a simulator.
const DELAY_MS_MAX: u64 = 3_600_000;

/// A department's own system.
pub(crate) struct BackendSettings {
    pub(crate) kind: Kind,
    pub(crate) pace: Pace,
    /// Whether it gets the signed message instead of the department's record of it.
    pub(crate) message: bool,
}

/// Which system.
pub(crate) enum Kind {
    Http { client: HttpClient, path: String, replies: Option<String> },
    Folder { orders: PathBuf, replies: Option<PathBuf>, still: Duration },
    Postgres(PostgresOptions),
    Amqp { broker: BrokerSettings, exchange: String, key: String, replies: Option<String> },
    Simulator(Vec<Step>),
}

impl BackendSettings {
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.kind, Kind::Simulator(_))
    }
}

/// Reads the section; `None` when there were faults.
pub(crate) fn read(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<BackendSettings> {
    let number = |key: &str, (least, most, usual)| section.number(key, least..=most, usual);
    let pace = Pace {
        a_second: NonZeroU32::new(
            u32::try_from(section.number("rate", 1..=RATE_MAX, 0)).unwrap_or_default(),
        ),
        poll: Duration::from_millis(number("poll_ms", POLL_MS)),
        timeout: Duration::from_secs(number("timeout_s", TIMEOUT_S)),
    };
    let content = section.opt_text("content").unwrap_or_else(|| "record".to_owned());
    if !["record", "message"].contains(&content.as_str()) {
        section.fault("content", format!("expected record or message, found {content:?}"));
    }
    let kind = match section.text("kind")?.as_str() {
        "http" => http(section, files, pace.timeout),
        "folder" => folder(section),
        "postgres" => postgres(section, files),
        "amqp" => amqp(section, files),
        "simulator" => simulator(section),
        other => {
            section.fault("kind", format!("expected {}, found {other:?}", KINDS.join(", ")));
            return None;
        }
    };
    section.finish();
    Some(BackendSettings { kind: kind?, pace, message: content == "message" })
}

/// Whom to trust and who we are, where the keys are there.
type Tls = (Option<Vec<u8>>, Option<(Vec<u8>, Vec<u8>)>);

/// The outer `None` says that a file could not be read.
fn tls(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Tls> {
    let bytes = |key: &str| file(section, key, files).map(String::into_bytes);
    let ca = section.has("ca").then(|| bytes("ca"));
    let identity = section.has("certificate").then(|| Some((bytes("certificate")?, bytes("key")?)));
    let ca = match ca {
        Some(read) => Some(read?),
        None => None,
    };
    match identity {
        Some(read) => Some((ca, Some(read?))),
        None => Some((ca, None)),
    }
}

fn http(section: &Section<'_, '_>, files: ReadFile<'_>, timeout: Duration) -> Option<Kind> {
    let (url, path) = (section.text("url"), path(section, "path"));
    let replies = section.has("replies").then(|| self::path(section, "replies"));
    if !section.has("ca") {
        section.fault("ca", "is missing; expected a PEM file of the certificates to trust");
    }
    let (ca, identity) = tls(section, files)?;
    let mut options = ClientOptions::new(url?, ca?);
    (options.identity, options.timeout) = (identity, timeout);
    match HttpClient::new(options) {
        Ok(client) => {
            let replies = match replies {
                Some(path) => Some(path?),
                None => None,
            };
            Some(Kind::Http { client, path: path?, replies })
        }
        Err(error) => {
            section.fault(key_of(&error), error.en());
            None
        }
    }
}

fn key_of(error: &ClientError) -> &'static str {
    match error.code() {
        "client-address" => "url",
        "client-key" => "key",
        _ => "ca",
    }
}

/// A path of a server.
fn path(section: &Section<'_, '_>, key: &str) -> Option<String> {
    let path = section.text(key)?;
    let good = path.starts_with('/') && path.parse::<Uri>().is_ok();
    if !good {
        section.fault(key, format!("expected a path that begins with /, found {path:?}"));
    }
    good.then_some(path)
}

fn folder(section: &Section<'_, '_>) -> Option<Kind> {
    let (least, most, usual) = STILL_MS;
    let still = Duration::from_millis(section.number("still_ms", least..=most, usual));
    let there = |key: &str, path: PathBuf| {
        let there = Path::new(&path).is_dir();
        if !there {
            section.fault(key, format!("{}: expected a folder that is there", path.display()));
        }
        there.then_some(path)
    };
    let orders = section.path("orders").and_then(|path| there("orders", path));
    let replies = section.has("replies").then(|| there("replies", section.path("replies")?));
    match replies {
        Some(replies) => Some(Kind::Folder { orders: orders?, replies: Some(replies?), still }),
        None => Some(Kind::Folder { orders: orders?, replies: None, still }),
    }
}

fn postgres(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Kind> {
    let url = section.text("url");
    let orders = section.opt_text("orders").unwrap_or_else(|| TABLES.0.to_owned());
    let replies = section.opt_text("replies").unwrap_or_else(|| TABLES.1.to_owned());
    let (ca_pem, identity) = tls(section, files)?;
    let options = PostgresOptions { url: url?, ca_pem, identity, orders, replies: Some(replies) };
    match PostgresBackend::new(&options) {
        Ok(_) => Some(Kind::Postgres(options)),
        Err(error) => {
            let key = match error {
                PostgresError::Address(_) => "url",
                PostgresError::Plain | PostgresError::Certificate(_) => "ca",
                PostgresError::Name(_) => "orders",
            };
            section.fault(key, error.to_string());
            None
        }
    }
}

fn amqp(section: &Section<'_, '_>, files: ReadFile<'_>) -> Option<Kind> {
    let exchange = section.opt_text("exchange").unwrap_or_default();
    let (key, replies) = (section.text("key"), section.opt_text("replies"));
    let broker = section.section("broker").and_then(|below| broker::read(&below, files));
    Some(Kind::Amqp { broker: broker?, exchange, key: key?, replies })
}

fn simulator(section: &Section<'_, '_>) -> Option<Kind> {
    let mut script = Some(Vec::new());
    for step in section.sections("step") {
        let does = step.text("does");
        let times = step.number("times", 1..=u64::from(u32::MAX), 1);
        let delay = Duration::from_millis(step.number("delay_ms", 0..=DELAY_MS_MAX, 0));
        step.finish();
        let found = does.as_deref().and_then(|word| WORDS.iter().find(|(known, _)| *known == word));
        if let (Some(word), None) = (&does, found) {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            step.fault("does", format!("expected {}, found {word:?}", words.join(", ")));
        }
        match (found, &mut script) {
            (Some((_, does)), Some(steps)) => {
                let times = u32::try_from(times).unwrap_or(u32::MAX);
                steps.push(Step { does: *does, times, delay });
            }
            _ => script = None,
        }
    }
    Some(Kind::Simulator(script?))
}
