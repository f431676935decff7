//! `onepoint demo` as a newcomer runs it: everything on this machine, and the same over
//! a real RabbitMQ. In come its lines of JSON; the sums of the last one must be those
//! of the lines before it.

use std::process::Command;

use onepoint_conformance::zone::onepoint;
use serde_json::Value;

use super::blackbox::broker;

/// Runs the demo; gives one object per message sent, and the sums.
fn demo(arguments: &[&str]) -> (Vec<Value>, Value) {
    let mut command = Command::new(onepoint());
    let output = command.args(["demo", "--json"]).args(arguments).output().unwrap();
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    let sums = lines.pop().expect("the demo says something");
    (lines, sums)
}

fn check(lines: &[Value], sums: &Value, orders: usize) {
    let with =
        |verdict: &str| lines.iter().filter(|line| line["verdict"] == verdict).count() as u64;
    let number = |name: &str| sums[name].as_u64().unwrap_or_else(|| panic!("{name} in {sums}"));
    assert_eq!(number("sent"), lines.len() as u64);
    for verdict in ["accepted", "duplicate", "refused"] {
        assert_eq!(number(verdict), with(verdict), "{verdict}");
    }
    assert_eq!(number("accepted") + number("duplicate") + number("refused"), number("sent"));
    // Four documents an order, the list that is opened, and the order that is sent again.
    assert_eq!(number("accepted"), 4 * orders as u64 + 2);
    let states = |state: &str| lines.iter().filter(|line| line["state"] == state).count();
    assert_eq!((states("released"), states("concluded")), (orders + 1, 3 * orders + 1));
    let opened = lines.iter().find(|line| line["answers"].to_string().contains("500"));
    let by = &opened.expect("a list that is opened")["received_by"];
    assert_eq!(*by, serde_json::json!(["customs", "inspection", "tax"]));
    assert!(number("duplicate") == 1 && number("refused") >= 7, "{sums}");
    for code in ["cert-expired", "cert-revoked", "signature-digest-mismatch"] {
        assert!(lines.iter().any(|line| line["code"] == code), "nothing was refused with {code}");
    }
    let unexpected: Vec<_> = lines.iter().filter(|line| line["expected"] != true).collect();
    assert!(unexpected.is_empty() && number("unexpected") == 0, "{unexpected:?}");
    assert_eq!(number("receipts"), number("verified"));
    assert!(number("receipts") > number("sent"), "{sums}");
    assert!(sums["altered_fails"] == true && sums["good"] == true, "{sums}");
    for line in lines {
        let refused = line["verdict"] == "refused";
        let reason = line["code"].as_str().is_some_and(|code| !code.is_empty());
        assert_eq!(refused, reason, "a refusal has a code, and nothing else has: {line}");
        let departments = line["received_by"].as_array().map_or(0, Vec::len);
        assert_eq!(departments > 0, line["verdict"] == "accepted", "{line}");
    }
}

#[test]
fn the_demo_shows_the_whole_job() {
    let (lines, sums) = demo(&["--orders", "2"]);
    check(&lines, &sums, 2);
    println!("{sums}");
}

#[test]
fn the_demo_runs_over_a_real_broker() {
    let rabbit = broker();
    let (lines, sums) = demo(&["--amqp", &rabbit.url()]);
    check(&lines, &sums, 3);
    println!("{sums}");
}

#[test]
fn the_demo_keeps_everything_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let (_, sums) = demo(&["--orders", "1", "--keep", kept.to_str().unwrap()]);
    let count = |name: &str| std::fs::read_dir(kept.join(name)).unwrap().count() as u64;
    assert_eq!(count("messages"), sums["sent"].as_u64().unwrap());
    // And the one that was altered.
    assert_eq!(count("receipts"), sums["receipts"].as_u64().unwrap() + 1);
    for name in ["onepoint.toml", "pki/log.pub", "gateway.log", "customs.log", "tax.log"] {
        assert!(kept.join(name).exists(), "{name} is not kept");
    }
    // Nothing is written over it.
    let mut again = Command::new(onepoint());
    let output = again.args(["demo", "--json", "--keep"]).arg(&kept).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not empty"));
}
