//! The table of routes: every route with every role, and every path that is not one.

use super::*;
use onepoint_certs::ParticipantId;

fn caller(role: Role) -> Caller {
    let department = (role == Role::Department).then(|| "tax".to_owned());
    Caller { id: ParticipantId::new("someone").unwrap(), role, department }
}

/// Route, then who may: stranger, enterprise, department, auditor, operator.
const MATRIX: [(Name, [bool; 5]); 29] = [
    (Name::Health, [true, true, true, true, true]),
    (Name::Ready, [true, true, true, true, true]),
    (Name::Checkpoint, [true, true, true, true, true]),
    (Name::Certificates, [true, true, true, true, true]),
    (Name::Tile, [true, true, true, true, true]),
    (Name::Metrics, [false, false, false, true, true]),
    (Name::Submit, [false, true, false, false, false]),
    (Name::Check, [false, true, false, false, false]),
    (Name::PaymentData, [false, true, false, false, false]),
    (Name::Haikou, [false, true, false, false, false]),
    (Name::HaikouReturns, [false, true, false, false, false]),
    (Name::Hangzhou, [false, true, false, false, false]),
    (Name::Message, [false, true, false, true, true]),
    (Name::Receipts, [false, true, false, true, true]),
    (Name::Status, [false, true, false, true, true]),
    (Name::Fact, [false, true, false, true, true]),
    (Name::Pull, [false, false, true, false, false]),
    (Name::Ack, [false, false, true, false, false]),
    (Name::Nack, [false, false, true, false, false]),
    (Name::Events, [false, false, true, false, false]),
    (Name::Dead, [false, false, true, true, true]),
    (Name::Requeue, [false, false, false, false, true]),
    (Name::Replay, [false, false, false, false, true]),
    (Name::Reload, [false, false, false, false, true]),
    (Name::Answer, [false, false, true, false, false]),
    (Name::PullReceipts, [false, true, false, false, false]),
    (Name::AckReceipts, [false, true, false, false, false]),
    (Name::NackReceipts, [false, true, false, false, false]),
    (Name::Statement, [false, true, false, true, true]),
];

#[test]
fn every_route_opens_to_the_roles_that_need_it_and_to_nobody_else() {
    assert_eq!(MATRIX.len(), ROUTES.len());
    let callers = [
        None,
        Some(caller(Role::Enterprise)),
        Some(caller(Role::Department)),
        Some(caller(Role::Auditor)),
        Some(caller(Role::Operator)),
    ];
    for (name, expected) in MATRIX {
        let route = ROUTES.iter().find(|route| route.name == name).unwrap();
        for (who, may) in callers.iter().zip(expected) {
            let verdict = authorise(route, who.as_ref());
            assert_eq!(verdict.is_ok(), may, "{name:?} {who:?}");
            if let Err(refusal) = verdict {
                let (status, code) = match who {
                    None => (401, "certificate-required"),
                    Some(_) => (403, "role-not-entitled"),
                };
                assert_eq!((refusal.status, refusal.code.as_ref()), (status, code));
            }
        }
    }
}

#[test]
fn a_path_has_one_route_and_a_wrong_method_says_so() {
    let name = |method: &Method, path: &str| find(method, path).map(|(r, s)| (r.name, s));
    assert_eq!(name(&Method::GET, "/v1/messages/abc").unwrap(), (Name::Message, "abc".into()));
    assert_eq!(name(&Method::POST, "/v1/queues/tax/ack").unwrap(), (Name::Ack, "tax".into()));
    assert_eq!(name(&Method::GET, "/v1/receipts").unwrap(), (Name::PullReceipts, String::new()));
    assert_eq!(name(&Method::GET, "/v1/messages").unwrap_err().code, "method-not-allowed");
    for path in
        ["/", "", "/v1", "/v1/messages/", "/v1/messages/a/b", "/v1/queues//ack", "/V1/messages"]
    {
        assert_eq!(name(&Method::GET, path).unwrap_err().code, "route-unknown", "{path}");
    }
    let tile = |tail: &str| name(&Method::GET, &format!("/log/tile/{tail}"));
    assert_eq!(tile("0/x001/234.p/5").unwrap(), (Name::Tile, "0/x001/234.p/5".into()));
    assert_eq!(tile("entries/000").unwrap(), (Name::Tile, "entries/000".into()));
    assert_eq!(tile("").unwrap_err().code, "route-unknown");
    assert_eq!(tile(&"0".repeat(65)).unwrap_err().code, "route-unknown");
    assert_eq!(name(&Method::GET, "/log/tile").unwrap_err().code, "route-unknown");
    let long = format!("/v1/messages/{}", "x".repeat(65));
    assert_eq!(name(&Method::GET, &long).unwrap_err().code, "route-unknown");
}

#[test]
fn numbers_of_a_query_are_bounded() {
    let call = |query: &'static str| Call {
        id: "",
        segment: "",
        query,
        labels: Labels::default(),
        accept: None,
        body: Vec::new(),
    };
    assert_eq!(call("").number("max", 256, 32).unwrap(), 32);
    assert_eq!(call("a=1&max=7").number("max", 256, 32).unwrap(), 7);
    for bad in ["max=257", "max=-1", "max=", "max=x"] {
        assert_eq!(call(bad).number("max", 256, 32).unwrap_err().code, "query-invalid", "{bad}");
    }
}
