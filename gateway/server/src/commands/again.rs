//! `onepoint replay` and `onepoint dead`: what an operator has a running gateway do. In come
//! arguments and the operator's certificate, out goes what the gateway says.

use std::process::ExitCode;

use onepoint_relay::client::{HttpClient, Response};
use onepoint_relay::pull::{DeadLetters, Requeue, Settled};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::send::{client_failure, client_options};
use super::{Failure, Outcome};
use crate::cli::routes::{DeadArgs, DeadCommand, DeadRequeueArgs, OperatorArgs, ReplayArgs};
use crate::http::again::{ReplayOrder, Replayed};
use crate::json::Look;

pub(crate) fn replay(args: &ReplayArgs) -> Outcome {
    if args.from >= args.to {
        let message = format!("--from {} is not before --to {}", args.from, args.to);
        return Err(Failure::usage("period-empty", message, "name the earlier time first"));
    }
    let order = ReplayOrder {
        department: args.department.clone(),
        from: args.from.to_string(),
        to: args.to.to_string(),
        message_type: args.message_type.clone(),
        apply: args.apply,
    };
    let Some(told) = ask::<Replayed>(&args.operator, "/v1/replay", Some(&order))? else {
        return Ok(ExitCode::SUCCESS);
    };
    let Replayed { found, archived, replayed, more, .. } = told;
    for (kind, count) in &told.types {
        println!("  {kind:16} {count}");
    }
    if let (Some(first), Some(last)) = (&told.first, &told.last) {
        println!("  from {first} to {last}");
    }
    println!("{found} deliveries of that period, {archived} of them in the archive already");
    match told.applied {
        true => println!("{replayed} are given to {} once more", args.department),
        false => println!("nothing was done; --apply gives {} once more", found - archived),
    }
    if more {
        println!("there are more: replay the rest with a later --from");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn dead(command: &DeadCommand) -> Outcome {
    match command {
        DeadCommand::List(args) => list(args),
        DeadCommand::Requeue(args) => requeue(args),
    }
}

fn list(args: &DeadArgs) -> Outcome {
    let path = format!("/v1/queues/{}/dead", args.department);
    let Some(told) = ask::<DeadLetters>(&args.operator, &path, None::<&()>)? else {
        return Ok(ExitCode::SUCCESS);
    };
    for letter in &told.dead {
        println!("{}", letter.letter);
        println!("  {} of message {}", letter.message_type, letter.message);
        println!("  since {}: {} [{}]", letter.since, letter.reason, letter.code);
    }
    println!("{} dead letter(s) of {}", told.dead.len(), args.department);
    Ok(ExitCode::SUCCESS)
}

fn requeue(args: &DeadRequeueArgs) -> Outcome {
    let path = format!("/v1/queues/{}/dead/requeue", args.department);
    let order = Requeue { letters: args.letters.clone() };
    let Some(told) = ask::<Settled>(&args.operator, &path, Some(&order))? else {
        return Ok(ExitCode::SUCCESS);
    };
    println!("{} given to {} once more", told.settled.len(), args.department);
    for refused in &told.refused {
        println!("  {}: no such dead letter [{}]", refused.delivery, refused.code);
    }
    Ok(if told.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Asks the gateway; nothing when its answer was printed as it came.
fn ask<T: DeserializeOwned>(
    operator: &OperatorArgs,
    path: &str,
    body: Option<&impl Serialize>,
) -> Result<Option<T>, Failure> {
    let options = client_options(&operator.gateway, &operator.identity)?;
    let body = body.map(serde_json::to_vec).transpose();
    let body = body.map_err(|error| Failure::outside("json-failed", error.to_string(), ""))?;
    let response = super::runtime()?.block_on(async {
        let client = HttpClient::new(options)?;
        match body {
            Some(body) => client.post(path, "application/json", body).await,
            None => client.get(path).await,
        }
    });
    let response = response.map_err(|error| client_failure(&error))?;
    if !response.is_success() {
        return Err(refused(&response));
    }
    if operator.json {
        println!("{}", response.text());
        return Ok(None);
    }
    let told = serde_json::from_slice(&response.body);
    told.map(Some).map_err(|error| {
        let message = format!("the answer cannot be read: {error}");
        Failure::outside("answer-unreadable", message, "is --gateway really a gateway?")
    })
}

fn refused(response: &Response) -> Failure {
    let problem: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = format!("{} [{}]", problem.text("title"), problem.text("code"));
    let hint = "the certificate must be that of an operator".to_owned();
    Failure { code: "gateway-refused", message, hint, exit: 1 }
}
