//! Configurations, good and broken: all faults at once, each with line and key.

use std::collections::BTreeMap;
use std::path::Path;

use onepoint_certs::testpki::{KeyKind, LeafSpec, TestCa, Validity};

use super::*;

mod legacy;

/// A PKI in memory: name of a file to its text.
fn files() -> BTreeMap<&'static str, String> {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2030-01-01T00:00:00Z".parse().unwrap(),
    };
    let ca = TestCa::new("test CA", KeyKind::P256, validity).unwrap();
    let leaf = |name| {
        let spec = LeafSpec::tls_client(name, "测试公司", KeyKind::P256, validity);
        ca.issue(&spec).unwrap()
    };
    let (gateway, firm, tax) = (leaf("gateway"), leaf("firm"), leaf("tax"));
    BTreeMap::from([
        ("ca.pem", ca.certificate_pem()),
        ("gateway.pem", gateway.chain_pem()),
        ("gateway.key", gateway.key_pem().to_string()),
        ("firm.pem", firm.chain_pem()),
        ("tax.pem", tax.chain_pem()),
        ("log.key", "PRIVATE+KEY+x".to_owned()),
        ("mo.key", "AAECAwQFBgcICQoLDA0ODw==\n".to_owned()),
        (
            "store.key",
            "onepoint-master-key/1 m1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".to_owned(),
        ),
    ])
}

const GOOD: &str = r#"zone = "pilot"
[listen]
address = "127.0.0.1:8443"
certificate = "gateway.pem"
key = "gateway.key"
[store]
path = "journal"
[log]
origin = "onepoint.example/pilot"
key = "log.key"
[trust]
anchors = ["ca.pem"]
[[participant]]
id = "firm"
name = "测试公司"
role = "enterprise"
codes = ["4404660001"]
may_send = ["CEB311Message"]
certificates = ["firm.pem"]
[[participant]]
id = "tax"
name = "测试税务"
role = "department"
department = "tax"
certificates = ["tax.pem"]
[[route]]
type = "CEB311Message"
departments = ["tax"]
"#;

fn check(text: &str) -> Result<Settings, Vec<ConfigFault>> {
    let files = files();
    let read = |path: &Path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        files.get(name).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    compile(Path::new("onepoint.toml"), text, &read)
}

fn keys(faults: &[ConfigFault]) -> Vec<(usize, &str)> {
    faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect()
}

#[test]
fn a_good_configuration_compiles() {
    let settings = check(GOOD).unwrap();
    assert_eq!(settings.zone, "pilot");
    assert_eq!(
        settings.departments,
        [Department { name: "tax".into(), transport: Transport::Pull, desk: Desk::default() }]
    );
    assert_eq!(settings.store, Path::new("journal"));
    assert!(settings.broker.is_none());
}

#[test]
fn the_head_lies_beside_the_log_key_unless_named() {
    let named = |line: &str| check(&GOOD.replace("key = \"log.key\"", line)).unwrap().log.head;
    assert_eq!(check(GOOD).unwrap().log.head, Path::new("log.head"));
    assert_eq!(named("key = \"pki/log.key\""), Path::new("pki/log.head"));
    assert_eq!(named("key = \"log.key\"\nhead = \"/safe/h\""), Path::new("/safe/h"));
}

#[test]
fn a_broker_changes_the_default_transport() {
    let settings = check(&format!("{GOOD}[broker]\nurl = \"amqp://127.0.0.1\"\n")).unwrap();
    assert_eq!(settings.departments[0].transport, Transport::Amqp);
}

#[test]
fn a_broker_over_tls_needs_certificates_to_trust() {
    let with = |lines: &str| check(&format!("{GOOD}[broker]\n{lines}\n"));
    let fault = |lines: &str| with(lines).unwrap_err().remove(0).key;
    assert_eq!(fault("url = \"amqps://broker\""), "broker.ca");
    assert_eq!(fault("url = \"amqp://broker\"\nca = \"ca.pem\""), "broker.url");
    assert_eq!(fault("url = \"amqps://broker\"\nca = \"none.pem\""), "broker.ca");
    assert_eq!(fault("url = \"http://broker\""), "broker.url");
    let good = "url = \"amqps://broker\"\nca = \"ca.pem\"\nintake = false";
    assert!(!with(good).unwrap().broker.unwrap().intake);
    let identity = format!("{good}\ncertificate = \"gateway.pem\"\nkey = \"gateway.key\"");
    assert!(with(&identity).is_ok());
    assert_eq!(fault(&identity.replace("gateway.key", "none.key")), "broker.key");
}

#[test]
fn webhooks_need_trust_a_seal_and_an_https_address() {
    let hook = |url: &str| {
        GOOD.replace(
            "role = \"enterprise\"",
            &format!("role = \"enterprise\"\nwebhook = \"{url}\""),
        )
    };
    let faults = check(&hook("https://firm.example/hook")).unwrap_err();
    assert_eq!(keys(&faults).len(), 1);
    assert!(faults[0].what.contains("ca ="), "{}", faults[0]);
    let section = "[webhooks]\nca = \"ca.pem\"\n";
    let faults = check(&format!("{}{section}", hook("http://firm.example"))).unwrap_err();
    let said: Vec<&str> = faults.iter().map(|fault| fault.what.as_str()).collect();
    assert!(said[0].contains("[seal]") && said[1].contains("https://host"), "{said:?}");
}

#[test]
fn alarms_have_bounds_and_defaults() {
    assert_eq!(check(GOOD).unwrap().alarms.length, 10_000);
    let text = format!("{GOOD}[alarms]\nlength = 5\nage_s = 60\nanswer_s = 7\n");
    let alarms = check(&text).unwrap().alarms;
    assert_eq!((alarms.length, alarms.age.as_secs(), alarms.answer.as_secs()), (5, 60, 7));
    assert_eq!(check(GOOD).unwrap().alarms.answer.as_secs(), 86_400);
    let faults = check(&format!("{GOOD}[alarms]\nlength = 0\n")).unwrap_err();
    assert_eq!(faults[0].key, "alarms.length");
}

#[test]
fn all_faults_come_at_once_with_line_and_key() {
    let text = GOOD
        .replace("zone = \"pilot\"", "zone = \"pi lot\"\ncolour = \"red\"")
        .replace("127.0.0.1:8443", "nowhere")
        .replace("key = \"gateway.key\"", "key = \"missing.key\"")
        .replace("role = \"enterprise\"", "role = \"king\"")
        .replace("departments = [\"tax\"]", "departments = [\"tax\", \"moon\"]");
    let faults = check(&text).unwrap_err();
    let found = keys(&faults);
    for expected in [
        (1, "zone"),
        (2, "colour"),
        (4, "listen.address"),
        (6, "listen.key"),
        (17, "participant[0].role"),
        (29, "route[0].departments"),
    ] {
        assert!(found.contains(&expected), "{expected:?} not in {found:?}");
    }
    assert!(faults.iter().all(|fault| fault.file == Path::new("onepoint.toml")));
    assert!(faults.iter().any(|fault| fault.what.contains("moon")));
}

#[test]
fn missing_sections_are_named() {
    let faults = check("").unwrap_err();
    let found: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
    for key in ["zone", "listen", "store", "log", "trust", "participant", "route"] {
        assert!(found.contains(&key), "{key} not in {found:?}");
    }
}

#[test]
fn wrong_types_and_syntax_are_named() {
    let faults = check(&GOOD.replace("zone = \"pilot\"", "zone = 7")).unwrap_err();
    assert_eq!(keys(&faults), [(1, "zone")]);
    assert!(faults[0].what.contains("found integer"), "{}", faults[0]);
    let faults = check(&GOOD.replace("[store]", "[store")).unwrap_err();
    assert!(faults.iter().any(|fault| fault.what.contains("not valid TOML") && fault.line == 6));
}

#[test]
fn registry_faults_are_configuration_faults() {
    let text = GOOD.replace("certificates = [\"tax.pem\"]", "certificates = [\"firm.pem\"]");
    let faults = check(&text).unwrap_err();
    assert!(faults.iter().any(|fault| fault.key == "participant"), "{faults:?}");
}

#[test]
fn policies_need_an_end_and_delegations_both_ends() {
    let text = format!(
        "{GOOD}[[policy]]\nname = \"loose\"\nrsa_sha1 = true\n\
         [[delegation]]\nfrom = \"firm\"\nto = \"firm\"\nvalid_from = \"tomorrow\"\n"
    );
    let faults = check(&text).unwrap_err();
    let found: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
    for key in ["policy[0].until", "delegation[0].valid_from", "delegation[0].valid_until"] {
        assert!(found.contains(&key), "{key} not in {found:?}");
    }
}

#[test]
fn amqp_needs_a_broker() {
    let text = GOOD.replace("department = \"tax\"", "department = \"tax\"\ntransport = \"amqp\"");
    let faults = check(&text).unwrap_err();
    assert_eq!(keys(&faults), [(25, "participant[1].transport")]);
}

#[test]
fn payloads_in_the_clear_are_warned_of() {
    let settings = check(GOOD).unwrap();
    assert!(settings.master_keys.is_none());
    assert_eq!(settings.retention, Retention::DEFAULT);
    let warning = &settings.warnings[0];
    assert_eq!((warning.key.as_str(), warning.line), ("store.master_key", 7));
    let sealed = GOOD.replace("[log]", "master_key = \"store.key\"\n[log]");
    let settings = check(&sealed).unwrap();
    assert_eq!(settings.master_keys.unwrap().current(), "m1");
    assert_eq!(settings.warnings.len(), 1, "only that revocation is not asked");
    for (name, code) in [("ca.pem", "master-key-"), ("none", "cannot be read")] {
        let faults = check(&sealed.replace("store.key", name)).unwrap_err();
        assert_eq!(faults[0].key, "store.master_key");
        assert!(faults[0].what.contains(code), "{}", faults[0].what);
    }
}

#[test]
fn retention_is_checked_and_short_records_are_warned_of() {
    let with = |lines: &str| check(&format!("{GOOD}\n[retention]\n{lines}"));
    let settings = with("archive_after_days = 7\nerase_after_days = 1096").unwrap();
    assert_eq!(settings.retention, Retention::days(7, 180, Some(1096)));
    assert_eq!(settings.warnings.len(), 2, "the master key, and that revocation is not asked");
    let settings = with("unanswered_after_days = 60\nerase_after_days = 1095").unwrap();
    assert_eq!(settings.retention, Retention::days(30, 60, Some(1095)));
    assert_eq!(settings.warnings[1].key, "retention.erase_after_days");
    for (lines, key) in [
        ("erase_after_days = 29", "retention.erase_after_days"),
        ("erase_after_days = 0", "retention.erase_after_days"),
        ("archive_after_days = \"30\"", "retention.archive_after_days"),
        ("archive_days = 30", "retention.archive_days"),
    ] {
        assert_eq!(with(lines).unwrap_err()[0].key, key, "{lines}");
    }
}

#[test]
fn versions_of_norms_are_set_by_day_and_participant() {
    let path = Path::new("onepoint.toml");
    let text = GOOD.replace("id = \"firm\"", "id = \"firm\"\nschemas = [\"ceb/2018-113\"]");
    let cut = "[[schemas.cut_over]]\nversion = \"ceb/2022-05\"\nfrom = \"2030-01-01\"\n";
    let settings = schemas::load(path, check(&format!("{text}{cut}")).unwrap()).unwrap();
    let versions = settings.catalogue.versions();
    let from = |name: &str| versions.iter().find(|version| version.name == name).unwrap().from;
    assert_eq!(from("ceb/2022-05"), Some("2030-01-01".parse().unwrap()));
    assert_eq!(from("ceb/2018-113"), None);
    let wrong = format!("{text}{cut}").replace("2022-05", "2023").replace("2018-113", "2017");
    let faults = schemas::load(path, check(&wrong).unwrap()).unwrap_err();
    assert_eq!(keys(&faults), [(0, "schemas.cut_over"), (0, "participant firm.schemas")]);
    assert!(faults[0].what.contains("known: ceb/2018-113, ceb/2022-05"), "{}", faults[0].what);
    let late = check(&format!("{GOOD}{}", cut.replace("2030-01-01", "soon"))).unwrap_err();
    assert_eq!(late[0].key, "schemas.cut_over[0].from");
}

const LISTS: &str =
    "[[revocation]]\nissuer = \"ca.pem\"\nlists = [\"ca.crl\", \"http://crl.example/ca.crl\"]\n";

#[test]
fn revocation_lists_come_from_files_and_addresses() {
    let trust = check(&format!("{GOOD}{LISTS}")).unwrap().trust.revocation;
    assert_eq!(trust.folder, Path::new("revocation"), "beside the journal");
    assert_eq!(trust.grace.as_hours(), 72);
    let source = &trust.issuers[0];
    let shown: Vec<String> = source.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["ca.crl", "http://crl.example/ca.crl"]);
    assert_eq!(source.refresh.as_secs(), 3600);
    let settings = check(&format!("{GOOD}{LISTS}")).unwrap();
    assert!(settings.warnings.iter().all(|warning| warning.key != "trust.anchors"));
    let warned = check(GOOD).unwrap().warnings;
    assert!(warned.iter().any(|warning| warning.key == "trust.anchors"), "{warned:?}");
    let own = GOOD.replace(
        "anchors = [\"ca.pem\"]",
        "anchors = [\"ca.pem\"]\nrevocation_grace_h = 5\nrevocation_folder = \"r\"",
    );
    let trust = check(&own).unwrap().trust.revocation;
    assert_eq!((trust.grace.as_hours(), trust.folder.as_path()), (5, Path::new("r")));
}

#[test]
fn faults_of_revocation_are_named() {
    for (from, to, key) in [
        ("issuer = \"ca.pem\"", "issuer = \"firm.pem\"", "revocation[0].issuer"),
        ("issuer = \"ca.pem\"", "issuer = \"none.pem\"", "revocation[0].issuer"),
        ("\"ca.crl\", ", "\"ldap://crl.example/cn=x\", ", "revocation[0].lists"),
        ("http://", "https://", "revocation[0].lists"),
        ("lists = ", "lists = []\nother = ", "revocation[0].lists"),
        ("lists = ", "refresh_s = 0\nlists = ", "revocation[0].refresh_s"),
        ("lists = ", "timeout_s = 301\nlists = ", "revocation[0].timeout_s"),
        ("lists = ", "bytes_max = 100000000\nlists = ", "revocation[0].bytes_max"),
    ] {
        let faults = check(&format!("{GOOD}{}", LISTS.replace(from, to))).unwrap_err();
        assert_eq!(faults[0].key, key, "{to}: {faults:?}");
    }
    let twice = check(&format!("{GOOD}{LISTS}{LISTS}")).unwrap_err();
    assert_eq!(keys(&twice)[0].1, "revocation[1].issuer");
}

#[test]
fn participants_may_have_anchors_of_their_own() {
    let group = "[[trust.group]]\nname = \"own\"\nanchors = [\"ca.pem\"]\n";
    let text = GOOD.replace("id = \"firm\"", "id = \"firm\"\ntrust = \"own\"");
    let faults = check(&text).unwrap_err();
    assert_eq!(keys(&faults)[0].1, "participant[0].trust");
    let text = text.replace(
        "[[participant]]\nid = \"firm\"",
        &format!("{group}[[participant]]\nid = \"firm\""),
    );
    let settings = check(&text).unwrap();
    let names: Vec<&str> = settings.trust.anchors.groups().map(|(name, _)| name).collect();
    assert_eq!(names, ["own"]);
    let again = text.replace(group, &group.repeat(2));
    assert_eq!(keys(&check(&again).unwrap_err())[0].1, "trust.group[1].name");
    let none = text.replace(
        "name = \"own\"\nanchors = [\"ca.pem\"]",
        "name = \"own\"\nanchors = [\"firm.pem\"]",
    );
    assert_eq!(keys(&check(&none).unwrap_err())[0].1, "trust.group[0].anchors");
}

#[test]
fn a_department_says_what_it_takes_and_countersigning_needs_what_it_takes() {
    let with = |takes: &str| {
        check(&GOOD.replace("department = \"tax\"", &format!("department = \"tax\"\n{takes}")))
    };
    let names = |takes: &str| with(takes).unwrap().departments[0].desk.takes.names();
    assert_eq!(names(""), ["xml", "dxp"]);
    assert_eq!(names("takes = [\"jws\", \"announcement-179\"]"), ["jws", "announcement-179"]);
    for bad in ["takes = []", "takes = [\"cbor\"]", "takes = \"xml\""] {
        let faults = with(bad).unwrap_err();
        assert_eq!(faults[0].key, "participant[1].takes", "{bad}");
    }
    let faults = with("takes = [\"countersigned\"]").unwrap_err();
    let found: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(found, ["participant", "seal", "dxp"]);
    let text = GOOD
        .replace("takes", "")
        .replace("role = \"enterprise\"", "role = \"enterprise\"\ntakes = [\"xml\"]");
    assert_eq!(check(&text).unwrap_err()[0].key, "participant[0].takes");
}

#[test]
fn addresses_of_the_exchange_are_read_and_bounded() {
    let with = |lines: &str| check(&format!("{GOOD}[dxp]\n{lines}"));
    let addresses = with("id = \"DXPONEPOINT00001\"\nnode = \"00000001\"").unwrap().addresses;
    assert_eq!(addresses.dxp_id.as_deref(), Some("DXPONEPOINT00001"));
    assert_eq!(addresses.node.as_deref(), Some("00000001"));
    assert_eq!(check(GOOD).unwrap().addresses, Addresses::default());
    for (lines, key) in [
        ("id = \"DXPONEPOINT000001\"", "dxp.id"),
        ("node = \"000000000000000000000000000000001\"", "dxp.node"),
        ("name = \"x\"", "dxp.name"),
    ] {
        assert_eq!(with(lines).unwrap_err()[0].key, key, "{lines}");
    }
}
