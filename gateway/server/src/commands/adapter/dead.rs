//! `onepoint adapter NAME --dead` and `--again`: what the back end refused, or what was
//! given up after many tries. In comes the inbox, also beside an adapter that runs.

use std::process::ExitCode;

use onepoint_relay::inbox::{Inbox, InboxError};

use crate::cli::AdapterArgs;
use crate::commands::{Failure, Outcome};

/// Orders listed, at most.
const LISTED: usize = 1000;

pub(super) fn run(args: &AdapterArgs, mut inbox: Inbox) -> Outcome {
    let failed =
        |error: InboxError| Failure::outside(error.code(), error.en(), "look at the inbox's disk");
    let mut unknown = 0;
    for delivery in &args.again {
        if inbox.wait_again(delivery).map_err(failed)? {
            println!("{delivery} waits for the back end again");
        } else {
            unknown += 1;
            println!("{delivery}: no such dead order [order-unknown]");
        }
    }
    if args.dead {
        let dead = inbox.dead_orders(LISTED).map_err(failed)?;
        for order in &dead {
            println!("{}", order.delivery);
            println!("  since {}: {} [{}]", order.at, order.reason, order.code);
        }
        println!("{} dead order(s) of {}", dead.len(), args.name);
        for (reply, code) in inbox.refused_replies(LISTED).map_err(failed)? {
            println!("reply {reply:?} was refused [{code}]");
        }
    }
    Ok(if unknown == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
