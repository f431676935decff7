//! The doors of obsolete forms from outside: closed by default, open to the participants that
//! the configuration names, closed again after the last day. What comes in by them is signed,
//! judged, receipted and delivered like everything.

use std::time::{Duration, Instant};

use onepoint_conformance::zone::{Setup, Zone};
use onepoint_relay::client::Response;
use serde_json::Value;

mod haikou;
mod hangzhou;

const WAIT: Duration = Duration::from_secs(30);
const PLATFORM: &str = "DXPENT0000000001";

/// A day of UTC+8, so many after today.
fn day(days: i64) -> String {
    let hours = jiff::SignedDuration::from_hours(8 + 24 * days);
    (jiff::Timestamp::now() + hours).to_string()[..10].to_owned()
}

/// Allows the platform a form up to and with a day; `more` is put behind it.
fn allow(zone: &Zone, form: &str, until: &str, more: &str) {
    zone.edit("onepoint.toml", |text| {
        let at = text.find("\n[[legacy]]").unwrap_or(text.len());
        format!(
            "{}\n[[legacy]]\nform = \"{form}\"\nparticipant = \"platform\"\nuntil = \"{until}\"\n{more}",
            &text[..at]
        )
    });
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("{}", response.text()))
}

/// Status and code of a problem document.
fn problem(response: &Response) -> (u16, String) {
    (response.status, json(response)["code"].as_str().unwrap_or_default().to_owned())
}

fn location(response: &Response) -> String {
    let found = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    found.unwrap_or_else(|| panic!("no Location: {}", response.text())).1.clone()
}

/// The receipts of a message hold; their facts, in the order of the log.
async fn facts(zone: &Zone, location: &str) -> Vec<Value> {
    let response = zone.client("platform").get(&format!("{location}/receipts")).await.unwrap();
    let receipts = json(&response)["receipts"].as_array().unwrap().clone();
    for receipt in &receipts {
        zone.auditor().verify(receipt, None).unwrap();
    }
    receipts.into_iter().map(|receipt| receipt["fact"].clone()).collect()
}

/// Waits until so many answers to a message are there.
async fn answered(zone: &Zone, location: &str, count: usize) -> Value {
    let started = Instant::now();
    loop {
        let state = json(&zone.client("platform").get(location).await.unwrap());
        if state["answers"].as_array().map_or(0, Vec::len) >= count {
            return state;
        }
        assert!(started.elapsed() < WAIT, "{state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
