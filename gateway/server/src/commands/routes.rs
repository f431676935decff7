//! `onepoint routes`: the routing table as queues at the broker. In comes a configuration;
//! out goes what it means, what applying it would do, or the queues themselves.

use std::path::Path;
use std::process::ExitCode;

use onepoint_relay::broker::{Broker, BrokerError};
use onepoint_relay::topology::{Standing, Topology, department_queue};
use serde_json::{Value, json};

use super::check_config::print_faults;
use super::{Failure, Outcome};
use crate::cli::routes::{RoutesArgs, RoutesCommand};
use crate::config::{self, Settings, Transport};
use crate::gateway::broker::topology;
use crate::json::Look;
use crate::route::routing_key;

mod definitions;
mod what_if;

/// What a broker's lists show for the connection of a command.
const NAME: &str = "onepoint-routes";

pub(crate) fn run(command: &RoutesCommand) -> Outcome {
    match command {
        RoutesCommand::Show(args) => with(&args.config, |settings| show(args, settings)),
        RoutesCommand::Plan(args) => with(&args.config, |settings| plan(args, settings)),
        RoutesCommand::Apply(args) => with(&args.config, apply),
        RoutesCommand::Test(args) => with(&args.config, |settings| what_if::run(args, settings)),
        RoutesCommand::Definitions(args) => {
            with(&args.config, |settings| definitions::run(args, settings))
        }
    }
}

fn with(path: &Path, work: impl FnOnce(&Settings) -> Outcome) -> Outcome {
    match config::load(path) {
        Ok(settings) => work(&settings),
        Err(faults) => {
            print_faults(&faults);
            Ok(ExitCode::from(2))
        }
    }
}

/// The table, a line for each type and department.
fn lines(settings: &Settings) -> Vec<Value> {
    let table = settings.routes.to_value();
    let mut lines = Vec::new();
    for line in table.as_array().map_or(&[][..], Vec::as_slice) {
        for name in line.items("departments").iter().filter_map(Value::as_str) {
            let way = settings.departments.iter().find(|d| d.name == name).map(|d| d.transport);
            let message_type = line.text("type");
            lines.push(json!({
                "type": message_type,
                "department": name,
                "when": line.at("when"),
                "key": routing_key(name, message_type),
                "queue": way_of(name, way),
            }));
        }
    }
    lines
}

/// Where a department's messages wait for it.
fn way_of(name: &str, way: Option<Transport>) -> String {
    match way {
        Some(Transport::Amqp) => department_queue(name),
        _ => format!("pulled: /v1/queues/{name}"),
    }
}

fn show(args: &RoutesArgs, settings: &Settings) -> Outcome {
    let lines = lines(settings);
    if args.json {
        println!("{}", json!({ "version": settings.routes.version(), "routes": lines }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("routing table {}", settings.routes.version());
    for line in &lines {
        let (message_type, queue) = (line.text("type"), line.text("queue"));
        println!("  {message_type:16} {:12} {queue}", line.text("department"));
        println!("  {:16} {:12} key {}", "", "", line.text("key"));
        for condition in line.items("when") {
            let values: Vec<&str> =
                condition.items("one_of").iter().filter_map(Value::as_str).collect();
            let field = condition.text("field");
            println!("  {:16} {:12} when {field} is one of: {}", "", "", values.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &RoutesArgs, settings: &Settings) -> Outcome {
    let (broker, topology) = reach(settings)?;
    let planned = super::runtime()?.block_on(topology.plan(&broker)).map_err(away)?;
    let count = |standing| planned.iter().filter(|(_, found)| *found == standing).count();
    let (missing, differs) = (count(Standing::Missing), count(Standing::Differs));
    if args.json {
        let items: Vec<Value> = planned
            .iter()
            .map(|(what, standing)| json!({ "what": what, "standing": standing.to_string() }))
            .collect();
        println!("{}", json!({ "plan": items, "missing": missing, "differs": differs }));
    } else {
        planned.iter().for_each(|(what, standing)| println!("{standing:8} {what}"));
        topology.bindings().iter().for_each(|binding| println!("{:8} {binding}", "declare"));
        println!("{missing} would be made, {differs} cannot be: they exist with other arguments");
    }
    Ok(if differs > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn apply(settings: &Settings) -> Outcome {
    let (broker, topology) = reach(settings)?;
    super::runtime()?.block_on(topology.apply(&broker)).map_err(away)?;
    let (queues, exchanges) = (topology.queues().len(), topology.exchanges().len());
    println!("{exchanges} exchanges and {queues} queues stand at {}", broker.shown());
    Ok(ExitCode::SUCCESS)
}

fn reach(settings: &Settings) -> Result<(Broker, Topology), Failure> {
    let Some(broker) = &settings.broker else {
        let hint = "without a broker every queue is pulled: there is nothing to declare";
        return Err(Failure::usage("broker-none", "the configuration has no [broker]", hint));
    };
    let topology = topology(settings)
        .map_err(|error| Failure::usage(error.code(), error.en(), "choose other names"))?;
    Ok((broker.broker(NAME).map_err(away)?, topology))
}

fn away(error: BrokerError) -> Failure {
    Failure::outside(error.code(), error.en(), "")
}
