//! `onepoint check`: what would become of a message, and why. Offline: with a gateway's
//! configuration it judges as that gateway does, without one it judges what a message
//! says by itself.

use std::io::IsTerminal;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use onepoint_certs::{Certificate, ParticipantId, SignaturePolicy, TrustAnchors};
use onepoint_envelope::announcement179;
use onepoint_envelope::jws::{Jws, JwsError};
use onepoint_schemas::Catalogue;
use onepoint_xml::Limits;

use super::sign::PEM_MAX;
use super::{Failure, Outcome, check_config, read_input, read_text, write_new};
use crate::authenticate::Trust;
use crate::cli::check::CheckArgs;
use crate::clock::Clock;
use crate::config::{self, BODY_BYTES_MAX, Routes};
use crate::explain::{self, Known, Report};
use crate::inforce;
use crate::intake::{self, Carrier, Door, Labels, Received};
use crate::revocation::Revocation;

pub(crate) fn run(args: &CheckArgs) -> Outcome {
    let at = Clock.now();
    let (report, bounds) = match &args.config {
        Some(config) => match zone(config)? {
            Some((trust, routes)) => by_gateway(args, &trust, &routes, at)?,
            None => return Ok(ExitCode::from(2)),
        },
        None => alone(args, at)?,
    };
    if let Some(path) = &args.canonical {
        let explained = report.signature.as_ref().or(report.envelope.as_ref());
        let parts = explained.and_then(|explained| explained.parts.as_ref());
        let octets = parts.map(|parts| parts.reference.octets.as_slice()).ok_or_else(|| {
            let hint = "mend what the report says about the signature first";
            Failure::usage("canonical-unknown", "the message has no Signature to follow", hint)
        });
        match octets {
            Ok(octets) => write_new(path, octets)?,
            Err(failure) => drop(failure.report()),
        }
    }
    if args.json {
        println!("{}", report.to_value());
    } else {
        print(args, &report, bounds);
    }
    Ok(if report.accepted() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the verdict rests on.
type Bounds = &'static str;

fn print(args: &CheckArgs, report: &Report, bounds: Bounds) {
    let colour = std::io::stdout().is_terminal();
    let word = if report.accepted() { "would be accepted" } else { "WOULD BE REFUSED" };
    let painted = match (colour, report.accepted()) {
        (false, _) => word.to_owned(),
        (true, true) => format!("\x1b[32m{word}\x1b[0m"),
        (true, false) => format!("\x1b[31m{word}\x1b[0m"),
    };
    println!("{}: {painted} {bounds}", args.message.display());
    print!("{}", report.to_text());
}

/// A gateway's trust and routes; none when the configuration has faults, which are printed.
fn zone(path: &std::path::Path) -> Result<Option<(Trust, Routes)>, Failure> {
    let settings = match config::load(path) {
        Ok(settings) => settings,
        Err(faults) => {
            check_config::print_faults(&faults);
            return Ok(None);
        }
    };
    let lists = Revocation::read(&settings.trust.revocation, Clock.now());
    let trust = inforce::trust(&settings, lists);
    Ok(Some((trust, settings.routes)))
}

fn catalogue() -> Result<Catalogue, Failure> {
    Catalogue::load_builtin()
        .map_err(|error| Failure::outside("catalogue-broken", error.to_string(), "install again"))
}

fn by_gateway(
    args: &CheckArgs,
    trust: &Trust,
    routes: &Routes,
    at: Timestamp,
) -> Result<(Report, Bounds), Failure> {
    let max = u64::try_from(trust.limits.bytes).unwrap_or(BODY_BYTES_MAX);
    let bytes = read_input(&args.message, max)?;
    let submitter = match &args.submitter {
        Some(id) => participant(id, trust)?,
        None => signer(&bytes, trust),
    };
    let known = Known::of_gateway(trust, routes, &submitter, at);
    let report = explain::report(received(bytes, &submitter, at)?, &known);
    Ok((report, "by the gateway with this configuration"))
}

fn participant(id: &str, trust: &Trust) -> Result<ParticipantId, Failure> {
    let unknown = || {
        let all: Vec<&str> = trust.registry.participants().map(|p| p.id.as_str()).collect();
        let message = format!("no participant is called {id}");
        Failure::usage("participant-unknown", message, format!("one of: {}", all.join(", ")))
    };
    let id = ParticipantId::new(id.to_owned()).map_err(|_| unknown())?;
    trust.registry.participant(&id).map(|_| id).ok_or_else(unknown)
}

/// Whoever's certificate stands in the outermost signature of the message, for a start: nothing
/// is believed for it.
fn signer(bytes: &[u8], trust: &Trust) -> ParticipantId {
    let text = String::from_utf8_lossy(bytes);
    let certificates = match Carrier::of_body(bytes) {
        Carrier::Xml => in_xml(&text),
        Carrier::JwsCompact => named(Jws::compact(&text, None)),
        Carrier::JwsFlattened => named(Jws::flattened(&text, None)),
        Carrier::PaymentData => numbered(&text, trust),
        Carrier::Mo | Carrier::Json => Vec::new(),
    };
    let mut found = certificates.iter().filter_map(|certificate| {
        trust.registry.by_certificate(&certificate.fingerprint()).map(|p| p.id.clone())
    });
    found.next().unwrap_or_else(nobody)
}

fn in_xml(text: &str) -> Vec<Certificate> {
    let found = text.split("X509Certificate>").filter_map(|value| {
        let value = value.split('<').next().unwrap_or_default();
        let der = onepoint_envelope::octets::decode(value, 16 * 1024).ok()?;
        Certificate::from_der(der).ok()
    });
    let mut found: Vec<Certificate> = found.collect();
    if text.contains("DxpMsgSv") {
        // The Signature of the message stands before that of the node around it.
        found.reverse();
    }
    found
}

fn named(read: Result<Jws<'_>, JwsError>) -> Vec<Certificate> {
    read.map(|jws| jws.named_certificates(&SignaturePolicy::strict(), &[])).unwrap_or_default()
}

fn numbered(text: &str, trust: &Trust) -> Vec<Certificate> {
    let Ok(read) = announcement179::Received::parse(text) else { return Vec::new() };
    let all = trust.registry.participants().flat_map(|participant| &participant.certificates);
    all.filter(|it| it.serial_hex().eq_ignore_ascii_case(read.number())).cloned().collect()
}

/// Who hands it in where nobody is known; it stands for nothing that is judged.
fn nobody() -> ParticipantId {
    ParticipantId::new("unknown".to_owned()).unwrap_or_else(|_| unreachable!("a good id"))
}

fn received(bytes: Vec<u8>, submitter: &ParticipantId, at: Timestamp) -> Result<Received, Failure> {
    let carrier = Carrier::of_body(&bytes);
    let labels =
        Labels { content_type: Some(carrier.media_type()), door: Door::Check, ..Labels::default() };
    intake::receive(bytes, labels, submitter, at).map_err(|refusal| {
        Failure::usage("message-unusable", refusal.en, "name a file that holds a signed message")
    })
}

fn alone(args: &CheckArgs, at: Timestamp) -> Result<(Report, Bounds), Failure> {
    let bytes = read_input(&args.message, BODY_BYTES_MAX)?;
    let mut registered = Vec::new();
    for path in &args.registered {
        let read = Certificate::from_pem(&read_text(path, PEM_MAX)?);
        registered.extend(read.map_err(|error| {
            let message = format!("{}: {error}", path.display());
            Failure::usage("certificate-unusable", message, "give a PEM file")
        })?);
    }
    let anchors = match &args.anchors {
        Some(path) => {
            Some(TrustAnchors::from_pem(&read_text(path, PEM_MAX)?).map_err(|error| {
                let message = format!("{}: {error}", path.display());
                Failure::usage("anchors-unusable", message, "give a PEM file of CA certificates")
            })?)
        }
        None => None,
    };
    let limits = Limits::default();
    let known = Known {
        catalogue: &catalogue()?,
        limits: &limits,
        at,
        registered,
        anchors: anchors.as_ref(),
        tolerance: SignedDuration::from_secs(60),
        policy: SignaturePolicy::strict(),
        zone: None,
    };
    let report = explain::report(received(bytes, &nobody(), at)?, &known);
    Ok((report, "as far as it can be judged without a gateway's configuration"))
}
