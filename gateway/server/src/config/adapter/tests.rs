//! Configurations of adapters: each kind of back end, and everything that is wrong with one
//! at once.

use tempfile::TempDir;

use super::backend::Kind;
use super::*;

const HEAD: &str = "dxp_id = \"A\"\ngateway_dxp_id = \"B\"\n[gateway]\nurl = \"https://h:1\"\n\
    ca = \"ca.pem\"\ncertificate = \"c.pem\"\nkey = \"c.key\"\n[signing]\ncertificate = \"c.pem\"\n\
    key = \"c.key\"\n[inbox]\npath = \"inbox\"\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    folder
}

fn read_with(folder: &TempDir, backend: &str) -> Result<AdapterSettings, Vec<String>> {
    let text = format!("{HEAD}{backend}");
    let faults = |faults: Vec<ConfigFault>| {
        faults.into_iter().map(|fault| format!("{}: {}", fault.key, fault.what)).collect()
    };
    read(&folder.path().join("customs.toml"), &text).map_err(faults)
}

fn kind(backend: &str) -> Kind {
    let folder = folder();
    let settings = read_with(&folder, backend).unwrap_or_else(|faults| panic!("{faults:?}"));
    settings.backend.unwrap().kind
}

#[test]
fn each_kind_has_its_keys() {
    let folder =
        "[backend]\nkind = \"folder\"\norders = \"out\"\nreplies = \"out\"\nstill_ms = 0\n";
    let Kind::Folder { orders, replies, still } = kind(folder) else { panic!("folder") };
    assert!(orders.ends_with("out") && replies == Some(orders) && still.is_zero());
    let table = "[backend]\nkind = \"postgres\"\nurl = \"postgresql://u:p@127.0.0.1/d\"\n";
    let Kind::Postgres(options) = kind(table) else { panic!("postgres") };
    assert_eq!(options.orders, "onepoint_orders");
    assert_eq!(options.replies.as_deref(), Some("onepoint_replies"));
    let other =
        "[backend]\nkind = \"amqp\"\nkey = \"orders\"\n[backend.broker]\nurl = \"amqp://h\"\n";
    let Kind::Amqp { exchange, key, replies, .. } = kind(other) else { panic!("amqp") };
    assert_eq!((exchange.as_str(), key.as_str(), replies), ("", "orders", None));
    let script = "[backend]\nkind = \"simulator\"\n[[backend.step]]\ndoes = \"for-another\"\n\
        times = 3\n[[backend.step]]\ndoes = \"answers\"\ndelay_ms = 5\n";
    let Kind::Simulator(steps) = kind(script) else { panic!("simulator") };
    assert_eq!((steps.len(), steps[0].times, steps[1].delay.as_millis()), (2, 3, 5));
}

#[test]
fn how_it_is_treated_has_bounds_and_is_usual_when_nothing_is_said() {
    let folder = folder();
    let of = |more: &str| {
        let text = format!("[backend]\nkind = \"simulator\"\n{more}");
        read_with(&folder, &text).map(|settings| settings.backend.unwrap())
    };
    let usual = of("").unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!((usual.pace, usual.message), (onepoint_relay::runner::Pace::default(), false));
    let told = of("rate = 5\npoll_ms = 20\ntimeout_s = 2\ncontent = \"message\"\n");
    let told = told.unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(told.pace.a_second.map(std::num::NonZeroU32::get), Some(5));
    assert_eq!((told.pace.poll.as_millis(), told.pace.timeout.as_secs()), (20, 2));
    assert!(told.message);
    for bad in ["rate = 0", "poll_ms = 1", "timeout_s = 0", "content = \"both\"", "rat = 5"] {
        assert!(of(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_wrong_is_said_at_its_key_all_at_once() {
    let folder = folder();
    for (text, keys) in [
        ("[backend]\n", &["backend.kind: is missing"][..]),
        ("[backend]\nkind = \"fax\"\n", &["backend.kind: expected http, folder"]),
        (
            "[backend]\nkind = \"http\"\npath = \"orders\"\n",
            &["backend.url: is missing", "backend.path: expected a path", "backend.ca: is missing"],
        ),
        (
            "[backend]\nkind = \"folder\"\norders = \"none\"\nreplies = \"no\"\n",
            &["backend.orders: ", "backend.replies: "],
        ),
        (
            "[backend]\nkind = \"postgres\"\nurl = \"postgresql://u@db.example/d\"\n",
            &["backend.ca: a database on another machine"],
        ),
        (
            "[backend]\nkind = \"postgres\"\nurl = \"host=/tmp\"\norders = \"a;b\"\n",
            &["backend.orders: \"a;b\" is no name of a table"],
        ),
        (
            "[backend]\nkind = \"amqp\"\n",
            &["backend.key: is missing", "backend.broker: is missing"],
        ),
        (
            "[backend]\nkind = \"simulator\"\n[[backend.step]]\ndoes = \"sleeps\"\n",
            &["backend.step[0].does: expected answers, fails"],
        ),
        ("[metrics]\nlisten = \"nine\"\n", &["metrics.listen: expected IP:PORT"]),
    ] {
        let faults = read_with(&folder, text).err().unwrap_or_default();
        assert_eq!(faults.len(), keys.len(), "{text}: {faults:?}");
        for key in keys {
            assert!(faults.iter().any(|fault| fault.starts_with(key)), "{key} in {faults:?}");
        }
    }
}
