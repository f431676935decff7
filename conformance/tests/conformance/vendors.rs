//! Vendors and departments at a real broker with nothing but the rights that `onepoint routes
//! definitions` gives them: a declaration comes in by `onepoint.intake`, its verdict and the
//! departments' answers go out by the vendor's receipt queue. What cannot be judged is found
//! among the dead letters with the reason; nobody reads or writes what is not his.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_lite::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use onepoint_conformance::rabbit::RabbitMq;
use onepoint_conformance::zone::{DEPARTMENTS, Setup, Signer, Zone};
use onepoint_relay::broker::Broker;
use onepoint_relay::topology::{DEAD, INTAKE};
use onepoint_schemas::example_with;
use serde_json::Value;

use crate::blackbox::broker as own_broker;

mod rights;

const PATIENCE: Duration = Duration::from_secs(60);
/// Participants with a receipt queue at the broker.
const BY_BROKER: [&str; 2] = ["platform", "declarant"];

/// A zone whose users have the least rights, and their addresses.
struct Vendors {
    zone: Zone,
    /// By user.
    urls: BTreeMap<String, String>,
    /// The administrator's.
    root: String,
}

impl Vendors {
    /// Makes the zone, imports its definitions and declares its queues, before anything of
    /// it runs.
    fn make(rabbit: &RabbitMq, host: &str) -> Vendors {
        Vendors::make_with(rabbit, host, true)
    }

    fn make_with(rabbit: &RabbitMq, host: &str, declared: bool) -> Vendors {
        let root = rabbit.url_of(host);
        let plain = root.replace("guest:guest@", "onepoint@");
        let receipts_by_broker = BY_BROKER.to_vec();
        let zone = Zone::make(&Setup { amqp: Some(plain), receipts_by_broker });
        let arguments = ["-o", "definitions.json", "--passwords", "passwords"];
        let (code, out, err) = zone.run(&[&["routes", "definitions"], &arguments[..]].concat());
        assert_eq!(code, Some(0), "{out}{err}");
        let definitions = zone.folder().join("definitions.json");
        rabbit.control(&["import_definitions", definitions.to_str().unwrap()]);
        rabbit.control(&["set_permissions", "-p", host, "guest", ".*", ".*", ".*"]);
        let passwords = std::fs::read_to_string(zone.folder().join("passwords")).unwrap();
        let address = rabbit.url_of(host);
        let urls: BTreeMap<String, String> = passwords
            .lines()
            .map(|line| {
                let (user, password) = line.split_once(' ').unwrap();
                let url = address.replace("guest:guest", &format!("{user}:{password}"));
                (user.to_owned(), url)
            })
            .collect();
        let files = ["onepoint", "customs", "tax"].map(|user| (user, format!("{user}.toml")));
        for (user, file) in files {
            zone.edit(&file, |text| {
                let line = text.lines().find(|line| line.starts_with("url = \"amqp")).unwrap();
                text.replace(line, &format!("url = \"{}\"", urls[user]))
            });
        }
        if declared {
            let (code, out, err) = zone.run(&["routes", "apply"]);
            assert_eq!(code, Some(0), "{out}{err}");
        }
        Vendors { zone, urls, root }
    }

    fn start(&mut self) {
        self.zone.start_gateway(&[]);
        for department in DEPARTMENTS {
            self.zone.start_adapter(department);
        }
    }

    async fn line(&self, user: &str) -> Line {
        Line::open(&self.urls[user]).await
    }
}

/// A connection of one user.
struct Line {
    connection: Connection,
    channel: Channel,
}

impl Line {
    async fn open(url: &str) -> Line {
        let connection = Broker::new(url, "test", None).unwrap().connect().await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Line { connection, channel }
    }

    /// Publishes to the intake and waits for the broker's word.
    async fn hand_in(&self, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let publish =
            self.channel.basic_publish(INTAKE.into(), "".into(), options, body, properties);
        let confirm = publish.await.unwrap().await.unwrap();
        assert!(matches!(confirm, Confirmation::Ack(None)), "it was not taken");
    }

    /// Takes what comes until there are so many.
    async fn take(&self, queue: &str, count: usize) -> Vec<Delivery> {
        let options = BasicConsumeOptions::default();
        let tag = format!("{queue}-reader");
        let consume = self.channel.basic_consume(
            queue.into(),
            tag.as_str().into(),
            options,
            FieldTable::default(),
        );
        let mut feed = consume.await.unwrap();
        let mut taken = Vec::new();
        while taken.len() < count {
            let next = tokio::time::timeout(PATIENCE, feed.next()).await;
            let delivery = next.unwrap_or_else(|_| panic!("{} of {count} in {queue}", taken.len()));
            let delivery = delivery.unwrap().unwrap();
            delivery.ack(BasicAckOptions::default()).await.unwrap();
            taken.push(delivery);
        }
        self.channel.basic_cancel(tag.as_str().into(), Default::default()).await.unwrap();
        taken
    }
}

/// Properties as a vendor sets them.
fn letter(user: &str, correlation: &str) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/xml".into())
        .with_user_id(user.into())
        .with_correlation_id(correlation.into())
}

fn order(signer: &Signer, number: &str) -> Vec<u8> {
    let guid = uuid::Uuid::new_v4().to_string().to_uppercase();
    let own = uuid::Uuid::new_v4().to_string().to_uppercase();
    let fields = [("@guid", guid.as_str()), ("guid", &own), ("orderNo", number)];
    signer.sign(&example_with("CEB311Message", &fields).unwrap())
}

fn text(delivery: &Delivery, header: &str) -> String {
    let headers = delivery.properties.headers().clone().unwrap_or_default();
    match headers.inner().get(header) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("header {header}: {other:?}"),
    }
}

fn correlation(delivery: &Delivery) -> String {
    delivery.properties.correlation_id().as_ref().unwrap().to_string()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn a_vendor_hands_in_by_amqp_and_hears_of_it_in_its_own_queue() {
    let rabbit = own_broker();
    let mut vendors = Vendors::make(&rabbit, "vendors");
    vendors.start();
    let signer = vendors.zone.signer("platform");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let runtime = runtime();
    runtime.block_on(async {
        let line = vendors.line("platform").await;
        let body = order(&signer, "V-1");
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString(trace.into()));
        let first = letter("platform", "c-1")
            .with_reply_to("onepoint.receipts.platform".into())
            .with_headers(headers);
        line.hand_in(first, &body).await;
        // Verdict, two answers of customs, one of tax.
        let taken = line.take("onepoint.receipts.platform", 4).await;
        let verdict = taken.iter().find(|one| correlation_of(one).as_deref() == Some("c-1"));
        let verdict = verdict.expect("a verdict");
        assert_eq!(text(verdict, "x-onepoint-status"), "200");
        let told: Value = serde_json::from_slice(&verdict.data).unwrap();
        assert_eq!(told["verdict"], "accepted");
        let receipt = &told["receipts"][0];
        let verified = vendors.zone.auditor().verify(receipt, Some(&body)).unwrap();
        assert_eq!(verified.text("submitter"), "platform");
        let answers: Vec<&Delivery> =
            taken.iter().filter(|one| correlation_of(one).is_none()).collect();
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|one| text(one, "traceparent") == trace));
        // The same again: the original receipts.
        line.hand_in(letter("platform", "c-2"), &body).await;
        let again = line.take("onepoint.receipts.platform", 1).await;
        let twice: Value = serde_json::from_slice(&again[0].data).unwrap();
        assert_eq!(
            (correlation(&again[0]).as_str(), &twice["verdict"]),
            ("c-2", &"duplicate".into())
        );
        assert_eq!(twice["id"], told["id"]);
        // A judged refusal is an answer, with its receipt, and no dead letter.
        let altered = String::from_utf8(order(&signer, "V-2")).unwrap().replacen("V-2", "V-3", 1);
        line.hand_in(letter("platform", "c-3"), altered.as_bytes()).await;
        let refused = line.take("onepoint.receipts.platform", 1).await;
        let told: Value = serde_json::from_slice(&refused[0].data).unwrap();
        assert_eq!(told["code"], "signature-digest-mismatch");
        assert_eq!(text(&refused[0], "x-onepoint-status"), "422");
    });
    vendors.zone.stop_gateway();
}

fn correlation_of(delivery: &Delivery) -> Option<String> {
    delivery.properties.correlation_id().as_ref().map(|id| id.to_string())
}

#[test]
fn what_cannot_be_judged_is_dead_with_its_reason_and_its_sender_is_told() {
    let rabbit = own_broker();
    let mut vendors = Vendors::make(&rabbit, "poison");
    vendors.start();
    let signer = vendors.zone.signer("platform");
    let body = order(&signer, "P-1");
    let runtime = runtime();
    runtime.block_on(async {
        let line = vendors.line("platform").await;
        let plain = || letter("platform", "c");
        let foreign = plain().with_reply_to("onepoint.receipts.declarant".into());
        let no_user = BasicProperties::default().with_correlation_id("c".into());
        let no_correlation = BasicProperties::default().with_user_id("platform".into());
        let no_type = no_correlation.clone().with_correlation_id("told".into());
        line.hand_in(no_user, &body).await;
        line.hand_in(no_correlation, &body).await;
        line.hand_in(foreign, &body).await;
        line.hand_in(no_type, &body).await;
        line.hand_in(plain().with_correlation_id("empty".into()), b"").await;
        let root = Line::open(&vendors.root).await;
        root.hand_in(letter("guest", "c"), &body).await;
        let dead = root.take(DEAD, 6).await;
        let mut codes: Vec<String> =
            dead.iter().map(|one| text(one, "x-onepoint-reason-code")).collect();
        codes.sort();
        assert_eq!(
            codes,
            [
                "body-empty",
                "content-type-unsupported",
                "intake-correlation-missing",
                "intake-reply-foreign",
                "intake-user-missing",
                "intake-user-unknown",
            ]
        );
        for one in &dead {
            assert_eq!(text(one, "x-onepoint-queue"), INTAKE);
            assert!(!text(one, "x-onepoint-reason").is_empty());
        }
        let whole = dead.iter().filter(|one| one.data == body).count();
        assert_eq!(whole, 5, "the message itself is kept");
        // Who is known is told.
        let told = line.take("onepoint.receipts.platform", 2).await;
        let mut answers: Vec<(String, String)> =
            told.iter().map(|one| (correlation(one), text(one, "x-onepoint-status"))).collect();
        answers.sort();
        let pair = |id: &str, status: &str| (id.to_owned(), status.to_owned());
        assert_eq!(answers, [pair("empty", "400"), pair("told", "415")]);
        // Nothing of it is in the journal, and the intake goes on.
        let metrics = vendors.zone.metrics().await.unwrap();
        assert_eq!((metrics.journal("accepted"), metrics.journal("refused")), (0, 0));
        line.hand_in(letter("platform", "good"), &body).await;
        let good = line.take("onepoint.receipts.platform", 1).await;
        assert_eq!(correlation(&good[0]), "good");
    });
    vendors.zone.stop_gateway();
}

#[test]
fn a_gateway_that_dies_between_commit_and_acknowledgement_tells_the_verdict_again() {
    let rabbit = own_broker();
    let mut vendors = Vendors::make(&rabbit, "deaths");
    let signer = vendors.zone.signer("platform");
    let runtime = runtime();
    for (place, number, verdicts) in
        [("vendor.committed:1", "D-1", 1), ("vendor.answered:1", "D-2", 2)]
    {
        vendors.zone.start_gateway(&[("ONEPOINT_DIE_AT", place)]);
        runtime.block_on(async {
            let line = vendors.line("platform").await;
            line.hand_in(letter("platform", place), &order(&signer, number)).await;
        });
        let status = vendors.zone.wait_for_gateway();
        assert!(!status.success(), "{place}: {status}");
        vendors.zone.start_gateway(&[]);
        let told = runtime.block_on(async {
            let line = vendors.line("platform").await;
            line.take("onepoint.receipts.platform", verdicts).await
        });
        let values: Vec<Value> =
            told.iter().map(|one| serde_json::from_slice(&one.data).unwrap()).collect();
        let ids: Vec<&Value> = values.iter().map(|value| &value["id"]).collect();
        assert!(ids.iter().all(|id| **id == *ids[0]), "{place}: one message");
        assert_eq!(values.last().unwrap()["verdict"], "duplicate", "{place}");
        let metrics = runtime.block_on(vendors.zone.metrics()).unwrap();
        let expected = if number == "D-1" { 1 } else { 2 };
        assert_eq!(metrics.journal("accepted"), expected, "{place}");
        vendors.zone.stop_gateway();
    }
}
