//! `onepoint`, the signed-message gateway: one binary with its server, its
//! adapters and the tools of its users. ARCHITECTURE.md is the map.

#![allow(
    clippy::result_large_err,
    reason = "a refusal carries all that a person needs, and is rare; a box would only hide it"
)]

use std::process::ExitCode;

use clap::Parser;

mod administer;
mod answer;
mod authenticate;
mod calendar;
mod ceb;
mod cli;
mod clock;
mod commands;
mod commit;
mod config;
mod countersign;
mod deliver;
mod explain;
mod facts;
mod fault;
mod gateway;
mod housekeeping;
mod http;
mod inforce;
mod intake;
mod joined;
mod json;
mod legacy;
mod metrics;
mod monitor;
mod pipeline;
mod record;
mod refusal;
mod reload;
mod revocation;
mod route;
mod seal;
mod trace;
mod trust;
mod validate;
mod webhooks;

use cli::Command;

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Adapter(args) => commands::adapter::run(&args),
        Command::Sign(args) => commands::sign::run(&args),
        Command::Send(args) => commands::send::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Certs(command) => commands::certs::run(&command),
        Command::CheckConfig(args) => commands::check_config::run(&args),
        Command::Schemas(command) => commands::schemas::run(&command),
        Command::Routes(command) => commands::routes::run(&command),
        Command::Replay(args) => commands::again::replay(&args),
        Command::Dead(command) => commands::again::dead(&command),
        Command::Selftest(args) => commands::selftest::run(&args),
        Command::Store(command) => commands::store::run(&command),
    };
    outcome.unwrap_or_else(|failure| failure.report())
}
