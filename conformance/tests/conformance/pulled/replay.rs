//! Replays: a dry run first, after all that is new, without a second effect.

use super::*;

fn arguments<'a>(url: &'a str, from: &'a str, to: &'a str) -> Vec<&'a str> {
    vec![
        "replay",
        "--department",
        "tax",
        "--from",
        from,
        "--to",
        to,
        "--gateway",
        url,
        "--ca",
        "pki/ca.pem",
        "--certificate",
        "pki/operator.pem",
        "--key",
        "pki/operator.key",
    ]
}

#[test]
fn a_replay_is_dry_first_then_given_once_more_with_no_second_effect() {
    let mut zone = zone();
    DEPARTMENTS.iter().for_each(|department| zone.start_adapter(department));
    let runtime = runtime();
    let url = zone.url();
    let before = jiff::Timestamp::now().to_string();
    let ids = runtime.block_on(async {
        let ids = send(&zone, &["R-1", "R-2", "R-3"]).await;
        settled(&zone).await;
        ids
    });
    std::thread::sleep(Duration::from_millis(5));
    let after = jiff::Timestamp::now().to_string();
    let facts = runtime.block_on(zone.metrics()).unwrap().journal("facts");
    let (code, out, err) = zone.run(&arguments(&url, &before, &after));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("3 deliveries") && out.contains("nothing was done"), "{out}");
    assert_eq!(runtime.block_on(zone.metrics()).unwrap().journal("facts"), facts, "dry");
    let mut really = arguments(&url, &before, &after);
    really.extend(["--type", "CEB311Message", "--apply"]);
    let (code, out, err) = zone.run(&really);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("3 are given to tax once more"), "{out}");
    runtime.block_on(settled(&zone));
    // Of a type that did not come, of another time, by somebody else, for nobody.
    let (_, out, _) = zone.run(&[&arguments(&url, &before, &after)[..], &["--type", "X"]].concat());
    assert!(out.contains("0 deliveries"), "{out}");
    let (_, out, _) = zone.run(&arguments(&url, "2020-01-01T00:00:00Z", &before));
    assert!(out.contains("0 deliveries"), "{out}");
    let (code, _, err) = zone.run(&arguments(&url, &after, &before));
    assert_eq!((code, err.contains("[period-empty]")), (Some(2), true), "{err}");
    let mut other = arguments(&url, &before, &after);
    other[12] = "pki/platform.pem";
    other[14] = "pki/platform.key";
    let (code, _, err) = zone.run(&other);
    assert_eq!((code, err.contains("[role-not-entitled]")), (Some(1), true), "{err}");
    let mut other = arguments(&url, &before, &after);
    other[2] = "moon";
    let (code, _, err) = zone.run(&other);
    assert_eq!((code, err.contains("[department-unknown]")), (Some(1), true), "{err}");
    // A fact records each, with who ordered it.
    runtime.block_on(async {
        let auditor = zone.client("auditor");
        for id in &ids {
            let told = get(&auditor, &format!("/v1/messages/{id}/receipts")).await;
            let receipts = told["receipts"].as_array().unwrap();
            let replayed: Vec<&Value> =
                receipts.iter().filter(|one| one["fact"]["kind"] == "replayed").collect();
            assert_eq!(replayed.len(), 1);
            zone.auditor().verify(replayed[0], None).unwrap();
            assert_eq!(replayed[0]["fact"]["by"]["participant"], "operator");
            assert_eq!(replayed[0]["fact"]["of"], format!("{id}.tax"));
        }
    });
    DEPARTMENTS.iter().for_each(|department| zone.stop_adapter(department));
    let inbox = zone.inbox("tax");
    let effects: Vec<String> =
        inbox.effects().unwrap().into_iter().map(|row| row.delivery).collect();
    let wanted: BTreeSet<String> = ids.iter().map(|id| format!("{id}.tax")).collect();
    assert_eq!(effects.len(), 3);
    assert_eq!(effects.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(inbox.counts().unwrap().redeliveries, 3, "it came once more");
    check(&mut zone);
}

#[test]
fn what_is_replayed_comes_after_all_that_is_new() {
    let mut zone = zone();
    let runtime = runtime();
    runtime.block_on(async {
        let (tax, operator) = (zone.client("tax"), zone.client("operator"));
        send(&zone, &["S-1"]).await;
        let given = pull(&tax, 30_000).await;
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": [lease(&given[0])] })).await;
        let order = json!({
            "department": "tax", "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
            "apply": true,
        });
        let fresh = send(&zone, &["S-2"]).await;
        let told = post(&operator, "/v1/replay", order).await;
        assert_eq!((&told["replayed"], &told["found"]), (&json!(1), &json!(1)));
        let first = pull(&tax, 30_000).await;
        assert_eq!((first.len(), &first[0]["message"]), (1, &json!(fresh[0])), "the new one only");
        assert!(pull(&tax, 30_000).await.is_empty(), "it is not done yet");
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": [lease(&first[0])] })).await;
        let second = pull(&tax, 30_000).await;
        assert_eq!((second.len(), &second[0]["replay_of"]), (1, &given[0]["delivery"]));
        post(&tax, "/v1/queues/tax/ack", json!({ "acks": [lease(&second[0])] })).await;
    });
    check(&mut zone);
}

/// Waits until nothing is pending.
async fn settled(zone: &Zone) {
    let started = Instant::now();
    let client = zone.client("platform");
    loop {
        // The platform's answers are taken and acknowledged as well.
        let pulled = get(&client, "/v1/receipts?max=100").await;
        let acks: Vec<Value> = pulled["deliveries"].as_array().unwrap().iter().map(lease).collect();
        post(&client, "/v1/receipts/ack", json!({ "acks": acks })).await;
        if zone.metrics().await.unwrap().journal("pending") == 0 {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "deliveries stay pending");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
