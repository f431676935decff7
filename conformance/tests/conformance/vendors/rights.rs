//! What the definitions allow, and what the broker refuses: tried with each user's own
//! connection, against a gateway that runs.

use lapin::ErrorKind;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};

use super::*;

/// `ACCESS_REFUSED` (AMQP 0-9-1, section 1.2).
const ACCESS_REFUSED: u16 = 403;

/// The code with which the broker refused.
fn code<T>(answer: Result<T, lapin::Error>) -> Option<u16> {
    match answer.err()?.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        other => panic!("{other:?}"),
    }
}

/// Whether a user may read a queue.
async fn read(vendors: &Vendors, user: &str, queue: &str) -> Option<u16> {
    let line = vendors.line(user).await;
    let options = BasicConsumeOptions::default();
    let consume =
        line.channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
    let answer = code(consume.await);
    // A reader that stays would be the one active reader.
    line.connection.close(200, "bye".into()).await.unwrap();
    answer
}

/// Whether a user may publish: a refusal ends the channel, and with it the confirm.
async fn write(vendors: &Vendors, user: &str, exchange: &str, key: &str) -> Option<u16> {
    let line = vendors.line(user).await;
    let properties = BasicProperties::default();
    let publish = line.channel.basic_publish(
        exchange.into(),
        key.into(),
        BasicPublishOptions::default(),
        b"<forged/>",
        properties,
    );
    match publish.await {
        Ok(confirm) => code(confirm.await),
        Err(error) => code::<()>(Err(error)),
    }
}

#[test]
fn nobody_reads_or_writes_what_is_not_his() {
    let rabbit = own_broker();
    let mut vendors = Vendors::make(&rabbit, "rights");
    vendors.zone.start_gateway(&[]);
    let runtime = runtime();
    runtime.block_on(async {
        for (user, queue, may) in [
            ("tax", "onepoint.dept.tax", true),
            ("tax", "onepoint.dept.customs", false),
            ("tax", "onepoint.answers", false),
            ("tax", "onepoint.intake", false),
            ("tax", "onepoint.dead", false),
            ("tax", "onepoint.receipts.platform", false),
            ("customs", "onepoint.dept.tax", false),
            ("platform", "onepoint.receipts.platform", true),
            ("platform", "onepoint.receipts.declarant", false),
            ("platform", "onepoint.intake", false),
            ("platform", "onepoint.dept.tax", false),
            ("payment", "onepoint.receipts.platform", false),
        ] {
            let refused = (!may).then_some(ACCESS_REFUSED);
            assert_eq!(read(&vendors, user, queue).await, refused, "{user} reads {queue}");
        }
        for (user, exchange, key, may) in [
            ("tax", "onepoint.answers", "", true),
            ("tax", "onepoint.intake", "", false),
            ("tax", "onepoint.messages", "customs.x", false),
            ("tax", "", "onepoint.dept.customs", false),
            ("tax", "amq.topic", "x", false),
            ("platform", "onepoint.answers", "", false),
            ("platform", "onepoint.messages", "tax.x", false),
            ("platform", "", "onepoint.dept.tax", false),
            ("platform", "", "onepoint.receipts.declarant", false),
        ] {
            let refused = (!may).then_some(ACCESS_REFUSED);
            let found = write(&vendors, user, exchange, key).await;
            assert_eq!(found, refused, "{user} writes to {exchange:?} {key}");
        }
        for user in ["tax", "platform"] {
            let line = vendors.line(user).await;
            let options = QueueDeclareOptions::durable();
            let made = line.channel.queue_declare("mine".into(), options, FieldTable::default());
            assert_eq!(code(made.await), Some(ACCESS_REFUSED), "{user} makes a queue");
            let line = vendors.line(user).await;
            let options = QueueDeleteOptions::default();
            let gone = line.channel.queue_delete("onepoint.dept.tax".into(), options);
            assert_eq!(code(gone.await), Some(ACCESS_REFUSED), "{user} removes a queue");
        }
        // Nobody publishes under another's name: the broker ends the channel.
        let line = vendors.line("platform").await;
        let properties = letter("declarant", "c");
        let options = BasicPublishOptions::default();
        let publish =
            line.channel.basic_publish(INTAKE.into(), "".into(), options, b"<x/>", properties);
        let answer = match publish.await {
            Ok(confirm) => code(confirm.await),
            Err(error) => code::<()>(Err(error)),
        };
        assert_eq!(answer, Some(406), "user_id is checked by the broker");
    });
    vendors.zone.stop_gateway();
}

#[test]
fn the_plan_says_what_applying_does_and_a_second_time_nothing() {
    let rabbit = own_broker();
    let vendors = Vendors::make_with(&rabbit, "plan", false);
    let run = |what: &str| vendors.zone.run(&["routes", what]);
    let (code, out, _) = run("plan");
    assert_eq!(code, Some(0), "{out}");
    let missing = out.lines().filter(|line| line.starts_with("missing")).count();
    assert!(missing > 8 && !out.contains("exists  "), "{out}");
    let (code, out, err) = run("apply");
    assert_eq!(code, Some(0), "{out}{err}");
    for _ in 0..2 {
        let (_, out, _) = run("plan");
        assert!(out.contains("\n0 would be made, 0 cannot be"), "{out}");
        assert_eq!(out.lines().filter(|line| line.starts_with("exists")).count(), missing);
        assert_eq!(run("apply").0, Some(0));
    }
    // A queue that somebody made otherwise is named, and nothing is changed.
    let runtime = runtime();
    runtime.block_on(async {
        let root = Line::open(&vendors.root).await;
        let queue = "onepoint.dept.tax";
        root.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        let options = QueueDeclareOptions::durable();
        root.channel.queue_declare(queue.into(), options, FieldTable::default()).await.unwrap();
    });
    let (code, out, _) = run("plan");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.lines().any(|line| line.starts_with("DIFFERS  queue onepoint.dept.tax")), "{out}");
    let (code, _, err) = run("apply");
    assert_eq!(code, Some(3));
    assert!(err.contains("[broker-topology]") && err.contains("onepoint.dept.tax"), "{err}");
}

#[test]
fn the_table_is_shown_and_a_message_told_where_it_would_go() {
    let zone = Zone::make(&Setup::default());
    let (code, out, _) = zone.run(&["routes", "show"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("CEB511Message") && out.contains("key customs."), "{out}");
    let file = |name: &str, text: &str| {
        std::fs::write(zone.folder().join(name), text).unwrap();
        name.to_owned()
    };
    let order = file("order.xml", &example_with("CEB311Message", &[]).unwrap());
    let (code, out, _) = zone.run(&["routes", "test", &order]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("customs") && out.contains("pulled: /v1/queues/tax"), "{out}");
    assert!(out.contains("because every CEB311Message goes there"), "{out}");
    // With a condition that does not hold for one of them.
    zone.edit("onepoint.toml", |text| {
        let line = "type = \"CEB311Message\"\ndepartments = [\"customs\", \"tax\"]\n";
        assert!(text.contains(line), "{text}");
        let when = "[[route.when]]\nfield = \"orderType\"\none_of = [\"E\"]\n";
        text.replace(line, &format!("{line}{when}"))
    });
    let (code, out, err) = zone.run(&["routes", "test", &order, "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let departments = told["documents"][0]["departments"].as_array().unwrap();
    assert_eq!(code, Some(if departments.is_empty() { 1 } else { 0 }));
    for (text, expected) in [("<x/>", "type-unknown"), ("<x", "xml-truncated")] {
        let (code, _, err) = zone.run(&["routes", "test", &file("bad.xml", text)]);
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(expected), "{err}");
    }
    let (code, _, err) = zone.run(&["routes", "plan"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("[broker-none]"), "{err}");
}
