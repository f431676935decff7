//! `onepoint send`: hands a signed message of any form to a gateway, prints the verdict of
//! every document and saves the receipts.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use onepoint_relay::client::{ClientError, ClientOptions, HttpClient, Response};
use serde_json::Value;

use super::sign::PEM_MAX;
use super::{Failure, Outcome, read_input, write_new};
use crate::cli::{IdentityArgs, SendArgs};
use crate::config::BODY_BYTES_MAX;
use crate::intake::Carrier;
use crate::json::Look;

pub(crate) fn run(args: &SendArgs) -> Outcome {
    let message = read_input(&args.message, BODY_BYTES_MAX)?;
    let options = client_options(&args.to, &args.identity)?;
    let carrier = Carrier::of_body(&message);
    let response = super::runtime()?.block_on(async {
        let client = HttpClient::new(options)?;
        client.post(carrier.path(), carrier.media_type(), message).await
    });
    let response = response.map_err(|error| client_failure(&error))?;
    let body = answer_of(&response)?;
    let (field, body) = match body.at("onepoint") {
        Value::Null => (None, body),
        own => (Some(body.text("code").to_owned()), own.clone()),
    };
    if args.json {
        println!("{body}");
    } else {
        print_answer(response.status, field.as_deref(), &body);
    }
    if let Some(folder) = &args.receipts {
        let saved = save_receipts(folder, &body)?;
        if !args.json {
            println!("{saved} receipt(s) saved in {}", folder.display());
        }
    }
    let taken = response.status < 300 && body.at("refusal").is_null();
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What it takes to talk to the gateway at `url`.
///
/// # Errors
/// Those of reading files.
pub(crate) fn client_options(url: &str, own: &IdentityArgs) -> Result<ClientOptions, Failure> {
    let chain = read_input(&own.certificate, PEM_MAX)?;
    let key = read_input(&own.key, PEM_MAX)?;
    Ok(ClientOptions::new(url, read_input(&own.ca, PEM_MAX)?).identity(chain, key))
}

/// The JSON of an answer.
///
/// # Errors
/// `answer-unreadable`.
pub(crate) fn answer_of(response: &Response) -> Result<Value, Failure> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let message = format!("the answer ({}) is not JSON: {error}", response.status);
        Failure::outside("answer-unreadable", message, "is --to really a gateway?")
    })
}

/// A transport failure as one message and a hint.
pub(crate) fn client_failure(error: &ClientError) -> Failure {
    Failure::outside(error.code(), error.en(), error.hint_en())
}

/// `field` is the code of announcement 179, where the answer has its form.
fn print_answer(status: u16, field: Option<&str>, body: &Value) {
    let colour = std::io::stdout().is_terminal();
    let paint = |text: &str, good: bool| match (colour, good) {
        (false, _) => text.to_owned(),
        (true, true) => format!("\x1b[32m{text}\x1b[0m"),
        (true, false) => format!("\x1b[31m{text}\x1b[0m"),
    };
    let text = |value: &Value, key: &str| value.text(key).to_owned();
    let refusal = body.at("refusal");
    let (problem, en, zh) = match refusal {
        Value::Null => (body, "title", "title_zh"),
        refusal => (refusal, "en", "zh"),
    };
    let good = status < 300 && refusal.is_null();
    let verdict = text(body, "verdict");
    let verdict = if good { verdict } else { format!("refused: {}", text(problem, "code")) };
    let field = field.map(|code| format!("  ({code})")).unwrap_or_default();
    println!("{}  message {}{field}", paint(&verdict, good), text(body, "id"));
    if !good {
        println!("  {}", text(problem, en));
        println!("  {}", text(problem, zh));
        for key in ["place", "expected"] {
            if !problem.at(key).is_null() {
                println!("  {key}: {}", problem.at(key));
            }
        }
    }
    for document in body.items("documents") {
        let accepted = document.at("accepted").as_bool() == Some(true);
        let word = if accepted { "accepted" } else { "refused" };
        let reason = document.at("refusal").text("en");
        println!("  document {}: {} {reason}", document.at("index"), paint(word, accepted));
    }
}

/// Saves every receipt of an answer; the number of files written.
pub(crate) fn save_receipts(folder: &Path, body: &Value) -> Result<usize, Failure> {
    super::make_folder(folder)?;
    let id = body.at("id").as_str().unwrap_or("message");
    let receipts = body.items("receipts");
    let mut saved = 0;
    for (n, receipt) in receipts.iter().enumerate() {
        let path = folder.join(format!("{id}-{n}.receipt.json"));
        let bytes = serde_json::to_vec_pretty(receipt).unwrap_or_default();
        write_new(&path, &bytes)?;
        saved += 1;
    }
    Ok(saved)
}
