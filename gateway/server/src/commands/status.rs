//! `onepoint status`: what all departments together have said of a message: one line for
//! each document, and one below it for each department.

use std::process::ExitCode;

use onepoint_relay::client::HttpClient;
use serde_json::Value;

use super::Outcome;
use super::send::{answer_of, client_failure, client_options};
use crate::cli::status::StatusArgs;
use crate::json::Look;

pub(crate) fn run(args: &StatusArgs) -> Outcome {
    let options = client_options(&args.to, &args.identity)?;
    let path = format!("/v1/messages/{}/status", args.id);
    let response = super::runtime()?.block_on(async {
        let client = HttpClient::new(options)?;
        client.get(&path).await
    });
    let response = response.map_err(|error| client_failure(&error))?;
    let body = answer_of(&response)?;
    if args.json {
        println!("{body}");
    } else if response.status < 300 {
        lines(&body).iter().for_each(|line| println!("{line}"));
    } else {
        println!("{}: {}", body.text("code"), body.text("title"));
        println!("  {}", body.text("title_zh"));
    }
    Ok(if response.status < 300 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The joined status for a person.
pub(crate) fn lines(body: &Value) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}  message {}",
        body.text("state"),
        body.text("message_type"),
        body.text("id")
    )];
    for document in body.items("documents") {
        lines.push(format!("  document {}: {}", document.at("index"), one_line(document)));
        for (name, said) in document.at("departments").as_object().into_iter().flatten() {
            let statuses = said.items("said").iter().map(|word| match word.text("status") {
                "" => word.text("message_type"),
                status => status,
            });
            let statuses: Vec<&str> = statuses.collect();
            let flags = said.items("flags").iter().filter_map(Value::as_str);
            let flags: String = flags.map(|flag| format!("  <- {flag}")).collect();
            let state = said.text("state");
            lines.push(format!("    {name:11} {state:12} {}{flags}", statuses.join(" ")));
        }
    }
    for word in body.items("unplaced") {
        let (department, status) = (word.text("department"), word.text("status"));
        lines.push(format!("  of no document: {department} {status} {}", word.text("answer")));
    }
    lines
}

/// State of a document, the one inspection, who let it go, what is awaited since when.
pub(crate) fn one_line(document: &Value) -> String {
    let mut parts = vec![document.text("state").to_owned()];
    let names = |value: &Value| {
        let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<&str>>().join(" and ")
    };
    let inspection = document.at("inspection");
    if !inspection.is_null() {
        let over = if inspection.at("over") == true { "over" } else { "under way" };
        parts.push(format!("one inspection by {} is {over}", names(inspection.at("ordered_by"))));
    }
    for (what, key) in [("released", "released_by"), ("rejected", "rejected_by")] {
        let by = names(document.at(key));
        if !by.is_empty() {
            parts.push(format!("{what} by {by}"));
        }
    }
    for awaited in document.items("awaited") {
        let overdue = if awaited.at("overdue") == true { ", overdue" } else { "" };
        let (name, since) = (awaited.text("department"), awaited.text("since"));
        parts.push(format!("{name} awaited since {since}{overdue}"));
    }
    if !document.text("refused").is_empty() {
        parts.push(document.text("refused").to_owned());
    }
    parts.join("; ")
}
