//! `onepoint routes test`: where a message would go, and why. Its type and fields are read;
//! whether it is good is another question, which `onepoint check` answers.

use std::process::ExitCode;

use onepoint_xml::Limits;
use serde_json::{Value, json};

use super::way_of;
use crate::authenticate::{message_type, parse};
use crate::cli::routes::RoutesTestArgs;
use crate::commands::{Failure, Outcome, read_input};
use crate::config::{BODY_BYTES_MAX, Settings};
use crate::json::Look;
use crate::refusal::Refusal;
use crate::route::routing_key;

pub(super) fn run(args: &RoutesTestArgs, settings: &Settings) -> Outcome {
    let bytes = read_input(&args.message, BODY_BYTES_MAX)?;
    let catalogue = &settings.catalogue;
    let document = parse(bytes, &Limits::default()).map_err(|refusal| unusable(&refusal))?;
    let kind = message_type(&document, catalogue).map_err(|refusal| unusable(&refusal))?;
    let documents = catalogue.documents(&document, kind);
    let mut nowhere = false;
    let mut told = Vec::new();
    for facts in &documents {
        let departments = settings.routes.departments(&kind.name, facts);
        nowhere |= departments.is_empty();
        let ways: Vec<Value> = departments
            .into_iter()
            .map(|name| {
                let way = settings.departments.iter().find(|d| d.name == name);
                json!({
                    "department": name,
                    "key": routing_key(name, &kind.name),
                    "queue": way_of(name, way.map(|d| d.transport)),
                    "why": settings.routes.why(&kind.name, name, facts),
                })
            })
            .collect();
        told.push(json!({
            "index": facts.index, "business_key": facts.business_key, "departments": ways,
        }));
    }
    match args.json {
        true => println!("{}", json!({ "type": kind.name, "documents": told })),
        false => print(&kind.name, &told),
    }
    Ok(if nowhere { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn print(kind: &str, documents: &[Value]) {
    println!("{kind}, {} document(s)", documents.len());
    for document in documents {
        let key = document.at("business_key").as_str().unwrap_or("(no business key)");
        println!("  document {} {key}", document.at("index"));
        let departments = document.items("departments");
        if departments.is_empty() {
            println!("    NOWHERE: no [[route]] fits; it would be refused [route-missing]");
        }
        for department in departments {
            let (name, queue) = (department.text("department"), department.text("queue"));
            println!("    {name:12} {queue}  key {}", department.text("key"));
            for why in department.items("why").iter().filter_map(Value::as_str) {
                println!("    {:12} because {why}", "");
            }
        }
    }
}

fn unusable(refusal: &Refusal) -> Failure {
    let place = match &refusal.place {
        Some(place) if place.line > 0 => format!(" (line {}, column {})", place.line, place.column),
        _ => String::new(),
    };
    Failure {
        code: "message-unusable",
        message: format!("{}{place} [{}]", refusal.en, refusal.code),
        hint: "`onepoint check` says more".to_owned(),
        exit: 1,
    }
}
