//! The tools around the forms: `onepoint sign --form`, `send` and `check` as a user runs them, and
//! what the check says of envelopes and signatures that do not verify.

use std::path::Path;
use std::process::{Command, Output};

use onepoint_certs::SignatureAlgorithm;
use onepoint_conformance::zone::onepoint;
use onepoint_envelope::announcement179::Payment;

use super::*;

/// Runs the binary in the pilot's folder.
fn run(zone: &Zone, arguments: &[&str]) -> Output {
    Command::new(onepoint()).args(arguments).current_dir(zone.folder()).output().unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const SIGNER: [&str; 4] = ["--certificate", "pki/platform.pem", "--key", "pki/platform.key"];

const DATA: &str = "{\"sessionID\":\"T1\",\"payExchangeInfoHead\":{\"guid\":\"000000000000000000000000000000000T79\",\
    \"initalRequest\":\"a\",\"initalResponse\":\"b\",\"ebpCode\":\"440466T001\",\"payCode\":\"440466T002\",\
    \"payTransactionId\":\"P1\",\"totalAmount\":1.50,\"currency\":\"142\",\"verDept\":\"1\",\
    \"tradingTime\":\"20261123080000\"},\"payExchangeInfoLists\":[{\"orderNo\":\"T1\",\"goodsInfo\":[{\"gname\":\"a\",\
    \"itemLink\":\"b\"}],\"recpAccount\":\"1\",\"recpName\":\"c\"}],\"serviceTime\":\"1795478400000\"}";

#[test]
fn sign_check_and_send_know_every_form() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let write = |name: &str, text: &str| std::fs::write(zone.folder().join(name), text).unwrap();
    write("179.json", DATA);
    let dxp = ["--form", "dxp", "--dxp-from", PLATFORM, "--dxp-to", GATEWAY];
    let forms: [(&str, &str, &[&str]); 5] = [
        ("xml", "xml.xml", &["--form", "xml"]),
        ("dxp", "dxp.xml", &dxp),
        ("jws", "jws.xml", &["--form", "jws"]),
        ("flat", "flat.xml", &["--form", "jws", "--flattened"]),
        ("179", "179.json", &["--form", "179"]),
    ];
    for (n, (name, plain, form)) in (1..).zip(forms) {
        if name != "179" {
            write(plain, &order(500 + n));
        }
        let signed = format!("{name}.signed");
        let signing = [&["sign", plain, "-o", &signed], &SIGNER[..], form].concat();
        let output = run(&zone, &signing);
        assert!(output.status.success(), "{name}: {}", text(&output));
        let output = run(&zone, &["check", &signed, "--config", "onepoint.toml"]);
        assert!(output.status.success(), "{name}: {}", text(&output));
        assert!(text(&output).contains("would be accepted"), "{name}: {}", text(&output));
        let (url, to) = (zone.url(), ["--ca", "pki/ca.pem"]);
        let sending = [&["send", &signed, "--to", &url], &to[..], &SIGNER[..]].concat();
        let output = run(&zone, &sending);
        assert!(output.status.success(), "{name}: {}", text(&output));
        assert!(text(&output).contains("accepted"), "{name}: {}", text(&output));
    }
    // Wrong use is told.
    for (arguments, said) in [
        (vec!["sign", "xml.xml", "--form", "dxp"], "--dxp-from"),
        (vec!["sign", "xml.xml", "--form", "179"], "payment-not-json"),
        (vec!["sign", "179.json", "--form", "xml"], "xml-not-xml"),
    ] {
        let output = run(&zone, &[arguments, SIGNER.to_vec()].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(said), "{}", text(&output));
    }
    assert!(Path::new(&zone.folder().join("jws.signed")).exists());
}

/// The report of a dry run.
async fn explained(zone: &Zone, by: &str, kind: &str, body: &str) -> Value {
    let body = body.as_bytes().to_vec();
    let response = zone.client(by).post("/v1/messages/check", kind, body).await.unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    serde_json::from_slice(&response.body).unwrap()
}

fn finding<'r>(report: &'r Value, stage: &str) -> &'r Value {
    let found = report["findings"].as_array().unwrap().iter().find(|it| it["stage"] == stage);
    found.unwrap_or_else(|| panic!("no finding {stage}: {report}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_explains_what_is_around_a_document() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let good = compact(&zone, "platform", &order(1), &JwsOptions::default());
    let report = explained(&zone, "platform", "application/jose", &good).await;
    assert_eq!(report["accepted"], true, "{report}");
    assert_eq!(finding(&report, "envelope-value")["ok"], true);
    assert_eq!(finding(&report, "signature")["code"], "carried-unsigned");
    assert_eq!(finding(&report, "participant")["ok"], true);
    // Signed indented, sent on one line.
    let (key, _) = identity(&zone, "platform");
    let header = good.split('.').next().unwrap();
    let encode = |text: &str| {
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
    };
    let covered = format!("{header}.{}", encode(&format!("{}\n", order(1))));
    let value = key.sign(SignatureAlgorithm::RsaPkcs1Sha256, covered.as_bytes()).unwrap();
    let value = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, value);
    let sent = format!("{header}.{}.{value}", encode(&order(1)));
    let report = explained(&zone, "platform", "application/jose", &sent).await;
    let stage = finding(&report, "envelope-value");
    assert_eq!(
        (stage["ok"].as_bool(), stage["code"].as_str()),
        (Some(false), Some("jws-value-mismatch"))
    );
    assert_eq!(
        (&stage["causes"][0]["code"], &stage["causes"][0]["proved"]),
        (&"re-indented".into(), &true.into())
    );
    assert_eq!(report["answer"]["refusal"]["code"], "jws-value-mismatch");
    // An envelope changed after signing, with a good document in it.
    let inner = sign(&zone, "platform", &order(2));
    let changed = signed_envelope(&zone, &inner).replace("TEST-1", "TEST-2");
    let report = explained(&zone, "platform", "application/xml", &changed).await;
    assert_eq!(finding(&report, "envelope-addresses")["ok"], true, "{report}");
    assert_eq!(finding(&report, "envelope-reference")["ok"], false);
    assert_eq!(finding(&report, "envelope-value")["ok"], true);
    assert_eq!(finding(&report, "reference")["ok"], true, "the document's own");
    assert_eq!(report["causes"][0]["code"], "changed-after-signing", "{report}");
    // Between nodes, and a broken document in the payload.
    let nodes = between_nodes(&zone, &signed_envelope(&zone, &order(3)));
    let report = explained(&zone, "logistics", "application/xml", &nodes).await;
    assert_eq!(report["accepted"], true, "{report}");
    let broken = compact(&zone, "platform", "<a>\n<b></a>", &JwsOptions::default());
    let report = explained(&zone, "platform", "application/jose", &broken).await;
    let stage = finding(&report, "well-formed");
    assert_eq!(
        (stage["place"]["line"].as_u64(), &stage["place"]["within"]),
        (Some(2), &"payload".into())
    );
}

#[test]
fn a_check_explains_another_string_than_that_of_the_announcement() {
    let zone = Zone::make(&Setup::default());
    let (key, chain) = identity(&zone, "platform");
    let payment = Payment::read(DATA).unwrap();
    let string = payment.signed_string();
    let bare = string
        .replace("\"{", "{")
        .replace("}\"||", "}||")
        .replace("\"[", "[")
        .replace("]\"||", "]||");
    let value = key.sign(SignatureAlgorithm::RsaPkcs1Sha256, bare.as_bytes()).unwrap();
    let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value);
    let number = chain[0].serial_hex().to_ascii_uppercase();
    let sent =
        format!("{},\"certNo\":\"{number}\",\"signValue\":\"{value}\"}}", &DATA[..DATA.len() - 1]);
    std::fs::write(zone.folder().join("bare.json"), sent).unwrap();
    let checking =
        ["check", "bare.json", "--config", "onepoint.toml", "--as", "platform", "--json"];
    let output = run(&zone, &checking);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stage = finding(&report, "envelope-value");
    assert_eq!(stage["causes"][0]["code"], "signed-other-octets", "{report}");
    assert!(stage["signed_string"].as_str().unwrap().starts_with("\"sessionID\""));
}
