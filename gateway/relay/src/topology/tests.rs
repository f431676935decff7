//! The plan as text, and names that are refused. That a broker takes it is a
//! conformance test.

use super::*;

const NOBODY: [&str; 0] = [];

#[test]
fn the_plan_is_exactly_this() {
    let plan = Topology::new(&["tax"], &["firm.1"]).unwrap().to_string();
    let guarded = "x-queue-type=\"quorum\" x-delivery-limit=20 x-max-length=1000000 \
                   x-overflow=\"reject-publish\" x-dead-letter-exchange=\"\" \
                   x-dead-letter-routing-key=\"onepoint.dead\" \
                   x-dead-letter-strategy=\"at-least-once\"";
    assert_eq!(
        plan,
        format!(
            "exchange onepoint.messages topic durable\n\
             exchange onepoint.dead fanout durable\n\
             exchange onepoint.answers fanout durable\n\
             exchange onepoint.intake fanout durable\n\
             queue onepoint.dead durable x-queue-type=\"quorum\"\n\
             queue onepoint.answers durable {guarded}\n\
             queue onepoint.intake durable {guarded}\n\
             queue onepoint.dept.tax durable {guarded} x-single-active-consumer=true\n\
             queue onepoint.receipts.firm.1 durable {guarded}\n\
             binding onepoint.dead (all) -> onepoint.dead\n\
             binding onepoint.answers (all) -> onepoint.answers\n\
             binding onepoint.intake (all) -> onepoint.intake\n\
             binding onepoint.messages tax.# -> onepoint.dept.tax\n"
        )
    );
}

#[test]
fn routing_keys_have_the_department_first() {
    let key = routing_key("tax", &["import", "order", "CEB311Message"]).unwrap();
    assert_eq!(key, "tax.import.order.CEB311Message");
    assert_eq!(routing_key("tax", &[]).unwrap(), "tax");
}

#[test]
fn names_with_a_meaning_of_their_own_are_refused() {
    for name in ["", "a.b", "#", "*", "a b", "税务", &"x".repeat(NAME_BYTES + 1)] {
        let error = Topology::new(&[name], &NOBODY).unwrap_err();
        assert_eq!(error.code(), "topology-name", "{name}");
        assert!(error.en().contains("ASCII letters") && error.zh().contains("路由键"));
        assert!(routing_key(name, &[]).is_err() && routing_key("tax", &[name]).is_err());
    }
    let long = "x".repeat(NAME_BYTES);
    assert!(routing_key("tax", &[&long, &long]).is_ok());
    assert!(routing_key("tax", &[&long, &long, &long]).is_err());
}

#[test]
fn a_name_given_twice_is_refused() {
    let error = Topology::new(&["tax", "tax"], &NOBODY).unwrap_err();
    assert_eq!(error.code(), "topology-twice");
    assert!(error.en().contains("every name once") && error.zh().contains("重复"));
    assert_eq!(Topology::new(&NOBODY, &["a", "a"]).unwrap_err().code(), "topology-twice");
}
