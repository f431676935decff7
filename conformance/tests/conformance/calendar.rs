//! No surprise expiry, from outside: the calendar of a pilot on the command line, what would
//! be refused on a day, and the gauges of a running gateway.

use std::process::{Command, Output};

use onepoint_certs::testpki::{KeyKind, LeafSpec, Validity};
use onepoint_conformance::zone::{Setup, Zone, onepoint};
use serde_json::Value;

use crate::reload::{WAIT, ca, edit, keep};

fn calendar(zone: &Zone, arguments: &[&str]) -> Output {
    let mut command = Command::new(onepoint());
    command.args(["certs", "calendar", "--config"]).arg(zone.folder().join("onepoint.toml"));
    command.args(arguments).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calendar_of_a_pilot_lists_everything_and_warns_before_it_ends() {
    let mut zone = Zone::make(&Setup::default());
    // A certificate of the declarant's that has ten days left, and some hours.
    let now = jiff::Timestamp::now();
    let hours = jiff::SignedDuration::from_hours;
    let validity = Validity { from: now - hours(1), until: now + hours(250) };
    let spec = LeafSpec::tls_client("declarant", "测试报关丁公司", KeyKind::P256, validity);
    keep(&zone, "declarant-short", &ca(&zone).issue(&spec).unwrap());
    let both = "certificates = [\"pki/declarant.pem\", \"pki/declarant-short.pem\"]";
    edit(&zone, "certificates = [\"pki/declarant.pem\"]", both);

    let listed = calendar(&zone, &["--json"]);
    assert!(listed.status.success());
    let listed = lines(&listed);
    for kind in ["participant", "department", "anchor", "issuer", "tls", "seal", "list", "key"] {
        assert!(listed.iter().any(|entry| entry["kind"] == kind), "{kind}");
    }
    assert_eq!(listed[0]["flows"][0], "declarant");
    assert_eq!((&listed[0]["days_left"], &listed[0]["below_days"]), (&10.into(), &14.into()));
    let text = String::from_utf8(calendar(&zone, &[]).stdout).unwrap();
    assert!(text.contains("ENDS SOON 即将到期") && text.contains("停止："), "{text}");

    let day = |hours: i64| {
        let at = now + jiff::SignedDuration::from_hours(hours);
        jiff::tz::Offset::constant(8).to_datetime(at).date().to_string()
    };
    let today = calendar(&zone, &["--json", "--at", &day(0)]);
    assert_eq!((today.status.code(), lines(&today)), (Some(0), Vec::new()));
    let later = calendar(&zone, &["--json", "--at", &day(264)]);
    assert_eq!(later.status.code(), Some(1));
    let later = lines(&later);
    assert_eq!((later.len(), &later[0]["code"]), (1, &"cert-expired".into()));
    assert_eq!(later[0]["who"], "declarant");
    assert_eq!(calendar(&zone, &["--at", "tomorrow"]).status.code(), Some(2));

    zone.start_gateway(&[]);
    let metrics = zone.client("operator").get("/metrics").await.unwrap().text();
    let gauge = |label: &str| metrics.lines().find(|line| line.contains(label)).unwrap();
    assert_eq!(gauge("onepoint_expiring{days=\"60\"}"), "onepoint_expiring{days=\"60\"} 1");
    assert_eq!(gauge("onepoint_expiring{days=\"3\"}"), "onepoint_expiring{days=\"3\"} 0");
    assert!(gauge("onepoint_expiry_seconds_left{kind=\"participant\"").contains("CN=declarant"));
    assert!(gauge("onepoint_expiry_seconds_left{kind=\"seal\"").contains("CN=seal"));
    let started = std::time::Instant::now();
    let warned = loop {
        let log = std::fs::read_to_string(zone.folder().join("gateway.log")).unwrap();
        let line = log.lines().find(|line| line.contains("ends in less than these days"));
        match line {
            Some(line) => break line.to_owned(),
            None => assert!(started.elapsed() < WAIT, "nothing was warned of"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    for part in ["declarant", "\"days\":14", "messages of declarant", "报文"] {
        assert!(warned.contains(part), "{part}: {warned}");
    }
}
