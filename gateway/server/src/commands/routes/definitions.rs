//! `onepoint routes definitions`: the broker's users and what each may do, no more than it
//! needs. In comes a configuration; out goes a definitions file for RabbitMQ, and on demand
//! a password for each user. A right is a pattern over the names of queues and exchanges
//! (RabbitMQ, "Access Control"):
//!
//! | user | configure | write | read |
//! |---|---|---|---|
//! | the gateway | its own names | its own names, the default exchange | its own names |
//! | a department | nothing | `onepoint.answers`, `onepoint.dead` | its own queue |
//! | a participant | nothing | `onepoint.intake` | its own receipt queue |

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use onepoint_certs::Role;
use onepoint_relay::topology::{ANSWERS, DEAD, INTAKE, department_queue, receipt_queue};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::routes::DefinitionsArgs;
use crate::commands::init::write_key;
use crate::commands::{Failure, Outcome, write_new};
use crate::config::{Settings, Transport};

/// The gateway's user, when the broker's address names none.
const GATEWAY: &str = "onepoint";
/// Random bytes of a password.
const PASSWORD_BYTES: usize = 24;
/// Nothing at all.
const NONE: &str = "^$";
/// Everything that is the gateway's: it declares, and publishes to queues by name.
const OWN: &str = r"^(onepoint\..*|amq\.default)$";

/// A user and its rights.
#[derive(Debug, PartialEq, Eq)]
struct User {
    name: String,
    configure: String,
    write: String,
    read: String,
}

pub(super) fn run(args: &DefinitionsArgs, settings: &Settings) -> Outcome {
    let Some(broker) = &settings.broker else {
        let hint = "users are for a broker; name it with [broker] url";
        return Err(Failure::usage("broker-none", "the configuration has no [broker]", hint));
    };
    let users = users(settings, broker.user().unwrap_or(GATEWAY));
    let random = SystemRandom::new();
    let mut passwords = Zeroizing::new(String::new());
    let mut entries = Vec::new();
    for user in &users {
        let hash = match &args.passwords {
            None => String::new(),
            Some(_) => {
                let password = password(&random)?;
                passwords.push_str(&format!("{} {}\n", user.name, *password));
                hashed(&password, &random)?
            }
        };
        entries.push(json!({
            "name": user.name,
            "password_hash": hash,
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": [],
        }));
    }
    let text = definitions(&broker.virtual_host(), &users, entries);
    if let Some(path) = &args.passwords {
        write_key(path, &passwords)?;
    }
    write_new(&args.output, text.as_bytes())?;
    println!("{} users in {}; next:", users.len(), args.output.display());
    println!("  rabbitmqctl import_definitions {}", args.output.display());
    Ok(ExitCode::SUCCESS)
}

fn users(settings: &Settings, gateway: &str) -> Vec<User> {
    let exactly = |name: &str| format!("^{}$", name.replace('.', r"\."));
    let either = |names: [&str; 2]| {
        format!("^({}|{})$", names[0].replace('.', r"\."), names[1].replace('.', r"\."))
    };
    let mut users = vec![User {
        name: gateway.to_owned(),
        configure: OWN.to_owned(),
        write: OWN.to_owned(),
        read: OWN.to_owned(),
    }];
    for department in settings.departments.iter().filter(|d| d.transport == Transport::Amqp) {
        users.push(User {
            name: department.name.clone(),
            configure: NONE.to_owned(),
            write: either([ANSWERS, DEAD]),
            read: exactly(&department_queue(&department.name)),
        });
    }
    for participant in settings.registry.participants().filter(|p| p.role == Role::Enterprise) {
        let id = participant.id.as_str();
        let reads = settings.receipts_by_broker.iter().any(|known| known == id);
        users.push(User {
            name: id.to_owned(),
            configure: NONE.to_owned(),
            write: exactly(INTAKE),
            read: if reads { exactly(&receipt_queue(id)) } else { NONE.to_owned() },
        });
    }
    users
}

fn definitions(host: &str, users: &[User], entries: Vec<Value>) -> String {
    let permissions: Vec<Value> = users
        .iter()
        .map(|user| {
            json!({
                "user": user.name,
                "vhost": host,
                "configure": user.configure,
                "write": user.write,
                "read": user.read,
            })
        })
        .collect();
    let all = json!({
        "vhosts": [{ "name": host }], "users": entries, "permissions": permissions,
    });
    format!("{all:#}\n")
}

fn password(random: &SystemRandom) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0_u8; PASSWORD_BYTES]);
    random.fill(&mut *bytes).map_err(|_| no_random())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// Salt and SHA-256 of salt and password (RabbitMQ, "Credentials and Passwords").
fn hashed(password: &str, random: &SystemRandom) -> Result<String, Failure> {
    let mut salt = [0_u8; 4];
    random.fill(&mut salt).map_err(|_| no_random())?;
    let sum = digest(&SHA256, &[&salt[..], password.as_bytes()].concat());
    Ok(STANDARD.encode([&salt[..], sum.as_ref()].concat()))
}

fn no_random() -> Failure {
    Failure::outside("random-failed", "the system gives no random bytes", "")
}
