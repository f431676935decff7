//! Message types from outside: every declaration of the customs norm goes through the
//! gateway, versions of the norm are chosen by day and participant, and a department's own
//! set is added without code, or refused as a whole. The command line says the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use onepoint_conformance::zone::{Metrics, Setup, Zone, onepoint};
use onepoint_relay::client::Response;
use onepoint_schemas::{Catalogue, Direction, example, example_with};
use serde_json::Value;

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|e| panic!("{e}: {}", response.text()))
}

async fn send(zone: &Zone, party: &str, xml: &str) -> Response {
    let signed = zone.signer(party).sign(xml);
    zone.client(party).post("/v1/messages", "application/xml", signed).await.unwrap()
}

fn edit(zone: &Zone, from: &str, to: &str) {
    let path = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

/// The party of the pilot behind the code in `copCode`.
fn party(xml: &str) -> &'static str {
    let code = xml.split_once("copCode>").unwrap().1;
    match code.split_once('<').unwrap().0 {
        "440466T001" => "platform",
        "440466T002" => "payment",
        "440466T003" => "logistics",
        "440466T004" => "declarant",
        "440466T005" => "site",
        other => panic!("nobody has the code {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_declaration_is_taken_and_waits_for_its_department() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let catalogue = Catalogue::load_builtin().unwrap();
    let mut taken = 0;
    for kind in catalogue.types().filter(|kind| kind.family == "ceb") {
        if kind.direction != Direction::Declaration {
            continue;
        }
        let xml = example(&kind.name).unwrap();
        let response = send(&zone, party(xml), xml).await;
        assert_eq!(response.status, 200, "{}: {}", kind.name, response.text());
        let fact = &json(&response)["receipts"][0]["fact"];
        assert_eq!(fact["schema"], "ceb/2022-05", "{fact}");
        taken += 1;
    }
    assert_eq!(taken, 19);
    let pulled = zone.client("park").get("/v1/queues/park").await.unwrap();
    assert_eq!(pulled.status, 200, "{}", pulled.text());
    let text = pulled.text();
    for name in ["CEB507Message", "CEB509Message", "CEB711Message"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(!text.contains("CEB311Message"), "{text}");
    zone.stop_gateway();
}

/// A list whose article number has 30 characters, as 2018-113 allows.
fn long_list(n: u32) -> String {
    let guid = format!("00000000-0000-4000-a000-{n:012}");
    let (number, item) = (format!("LONG{n}"), "X".repeat(30));
    let fields = [
        ("@guid", guid.as_str()),
        ("guid", guid.as_str()),
        ("copNo", number.as_str()),
        ("itemNo", item.as_str()),
    ];
    example_with("CEB621Message", &fields).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_day_or_the_participant_decides_which_version_judges() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    let refused = send(&zone, "declarant", &long_list(1)).await;
    assert_eq!((refused.status, json(&refused)["code"].as_str()), (422, Some("schema-length")));
    zone.stop_gateway();

    edit(&zone, "id = \"declarant\"", "id = \"declarant\"\nschemas = [\"ceb/2018-113\"]");
    zone.start_gateway(&[]);
    let pinned = send(&zone, "declarant", &long_list(2)).await;
    assert_eq!(pinned.status, 200, "{}", pinned.text());
    assert_eq!(json(&pinned)["receipts"][0]["fact"]["schema"], "ceb/2018-113");
    let later = send(&zone, "declarant", example("CEB213Message").unwrap()).await;
    assert_eq!((later.status, json(&later)["code"].as_str()), (422, Some("type-not-in-force")));
    let other = send(&zone, "platform", example("CEB311Message").unwrap()).await;
    assert_eq!(json(&other)["receipts"][0]["fact"]["schema"], "ceb/2022-05");
    zone.stop_gateway();

    edit(&zone, "schemas = [\"ceb/2018-113\"]\n", "");
    edit(&zone, "from = \"2022-07-01\"", "from = \"2999-01-01\"");
    zone.start_gateway(&[]);
    let before = send(&zone, "declarant", &long_list(3)).await;
    assert_eq!(before.status, 200, "{}", before.text());
    assert_eq!(json(&before)["receipts"][0]["fact"]["schema"], "ceb/2018-113");
    zone.stop_gateway();
}

/// Runs the binary; exit code, standard output and error.
fn run(zone: &Zone, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(onepoint()).args(args).current_dir(zone.folder()).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Lets the gateway read its configuration again and waits for what comes of it.
async fn reload(zone: &Zone, code: &str) {
    let name = format!("onepoint_config_reloads_total{{code=\"{code}\"}}");
    let operator = zone.client("operator");
    let count = async || {
        let text = operator.get("/metrics").await.unwrap().text();
        Metrics::read(&text).get(&name)
    };
    let before = count().await;
    zone.hang_up();
    for _ in 0..1500 {
        if count().await != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no reload was {code}");
}

const MANIFEST: &str = "family = \"park\"\nversion = \"1\"\nnamespace = \"urn:test:park\"\n\n[[type]]\n\
    name = \"ParkMessage\"\ndirection = \"declaration\"\ntitle = \"park event\"\ntitle_zh = \"园区事件\"\n\
    document = \"Event\"\nkey = [\"park\", \"number\"]\nsigner_any_of = [\"operator\"]\n\
    signature = \"optional\"\nsignature_place = \"last\"\n";
const SCHEMA: &str = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"urn:test:park\" \
    xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" targetNamespace=\"urn:test:park\" elementFormDefault=\"qualified\">\n\
    <xs:import namespace=\"http://www.w3.org/2000/09/xmldsig#\" schemaLocation=\"../../xmldsig/xmldsig.xsd\"/>\n\
    <xs:element name=\"ParkMessage\" type=\"ParkMessage\"/>\n\
    <xs:complexType name=\"ParkMessage\"><xs:sequence><xs:element name=\"Event\" type=\"Event\" maxOccurs=\"100\"/>\
    <xs:element ref=\"ds:Signature\" minOccurs=\"0\"/></xs:sequence><xs:attribute name=\"guid\" type=\"xs:string\" use=\"required\"/></xs:complexType>\n\
    <xs:complexType name=\"Event\"><xs:sequence><xs:element name=\"number\" type=\"xs:string\"/>\
    <xs:element name=\"operator\" type=\"xs:string\"/><xs:element name=\"lorries\" type=\"xs:int\"/></xs:sequence></xs:complexType>\n</xs:schema>\n";
const EVENT: &str = "<ParkMessage xmlns=\"urn:test:park\" guid=\"PARK-1\"><Event><number>1</number>\
    <operator>440466T003</operator><lorries>2</lorries></Event></ParkMessage>";
const ROUTE: &str = "\n[[route]]\ntype = \"ParkMessage\"\ndepartments = [\"park\"]\n";

fn write_set(zone: &Zone) -> PathBuf {
    let set = zone.folder().join("park");
    let write = |name: &str, text: &str| {
        let path = set.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("manifest.toml", MANIFEST);
    write("ParkMessage.xsd", SCHEMA);
    write("examples/ParkMessage.xml", EVENT);
    write("examples/invalid/ParkMessage.schema-type.xml", &EVENT.replace(">2<", ">two<"));
    set
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_adds_its_own_set_without_code_or_nothing_at_all() {
    let mut zone = Zone::make(&Setup::default());
    let set = write_set(&zone);
    let folder = zone.folder().join("schemas");
    let add = ["schemas", "add", "park", "--config", "onepoint.toml"];
    let (code, _, error) = run(&zone, &add);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("no department gets ParkMessage") && is_empty(&folder), "{error}");

    let config = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&config).unwrap();
    let logistics = "may_send = [\"CEB511Message\",";
    assert!(text.contains(logistics));
    let text = text.replacen(logistics, "may_send = [\"ParkMessage\", \"CEB511Message\",", 1);
    fs::write(&config, text + ROUTE).unwrap();
    let example = set.join("examples/ParkMessage.xml");
    fs::write(&example, EVENT.replace("<number>1</number>", "")).unwrap();
    let (code, _, error) = run(&zone, &add);
    assert_eq!(code, 1, "{error}");
    assert!(
        error.contains("park/examples/ParkMessage.xml") && error.contains("schema-missing-element")
    );
    assert!(is_empty(&folder));
    fs::write(&example, EVENT).unwrap();
    fs::write(set.join("manifest.toml"), MANIFEST.replace("title =", "tite =")).unwrap();
    let (code, _, error) = run(&zone, &add);
    assert_eq!(code, 1);
    assert!(
        error.contains("manifest.toml:") && error.contains("tite") && is_empty(&folder),
        "{error}"
    );
    fs::write(set.join("manifest.toml"), MANIFEST).unwrap();

    // A running gateway takes it at SIGHUP; before, it knows nothing of it.
    zone.start_gateway(&[]);
    let (code, said, error) = run(&zone, &add);
    assert_eq!(code, 0, "{said}{error}");
    assert!(folder.join("park/1/ParkMessage.xsd").exists());
    assert_eq!(run(&zone, &add).0, 2, "a version that is there is not replaced");
    assert_eq!(json(&send(&zone, "logistics", EVENT).await)["code"], "type-unknown");
    reload(&zone, "accepted").await;
    let taken = send(&zone, "logistics", EVENT).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!(json(&taken)["receipts"][0]["fact"]["schema"], "park/1");
    let bad = EVENT.replace("PARK-1", "PARK-2").replace(">2<", ">two<");
    let refused = send(&zone, "logistics", &bad).await;
    assert_eq!(json(&refused)["code"], "schema-type");

    // A set that broke in the folder changes nothing, and none starts by it.
    fs::write(folder.join("park/1/ParkMessage.xsd"), "<xs:schema").unwrap();
    reload(&zone, "refused").await;
    let again = EVENT.replace("PARK-1", "PARK-3").replace("<number>1", "<number>3");
    assert_eq!(send(&zone, "logistics", &again).await.status, 200);
    zone.stop_gateway();
    let (code, _, error) = run(&zone, &["check-config", "onepoint.toml"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("park/1/ParkMessage.xsd"), "{error}");
}

#[test]
fn the_command_line_lists_shows_and_checks_types() {
    let zone = Zone::make(&Setup::default());
    let (code, list, _) = run(&zone, &["schemas", "list", "--json"]);
    assert_eq!(code, 0);
    let lines: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |version: &str| lines.iter().filter(|line| line["version"] == version).count();
    assert_eq!((count("2022-05"), count("2018-113")), (42, 38));
    assert!(lines.iter().all(|line| line["title_zh"].as_str().is_some_and(|it| !it.is_empty())));
    let (code, shown, _) = run(&zone, &["schemas", "show", "CEB603Message"]);
    assert_eq!(code, 0);
    for said in ["logisticsNo", "up to 32 characters", "export-list: agentCode + copNo", "rules"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let old = ["schemas", "show", "CEB603Message", "--version", "ceb/2018-113"];
    assert!(run(&zone, &old).1.contains("up to 60 characters"));
    let (code, _, error) =
        run(&zone, &["schemas", "show", "CEB213Message", "--version", "ceb/2018-113"]);
    assert_eq!(code, 2);
    assert!(error.contains("it is in ceb/2022-05"), "{error}");

    let file = |name: &str, text: &str| {
        fs::write(zone.folder().join(name), text).unwrap();
    };
    file("good.xml", example("CEB621Message").unwrap());
    file("long.xml", &long_list(1));
    file("broken.xml", "<a>");
    file("unknown.xml", "<a/>");
    let check = |args: &[&str]| run(&zone, &[&["schemas", "check"], args].concat());
    let (code, said, _) = check(&["good.xml"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("good, CEB621Message of ceb/2022-05"), "{said}");
    let (code, said, _) = check(&["long.xml", "--json"]);
    assert_eq!(code, 1);
    let first: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((first["code"].as_str(), first["line"].as_u64()), (Some("schema-length"), Some(46)));
    assert_eq!(check(&["long.xml", "--version", "ceb/2018-113"]).0, 0);
    assert_eq!(check(&["broken.xml"]).0, 1);
    assert_eq!(check(&["unknown.xml"]).0, 2);
    assert_eq!(check(&["gone.xml"]).0, 3);
}

const JSON_MANIFEST: &str = "family = \"quay\"\nversion = \"1\"\nnamespace = \"urn:test:quay\"\n\n[[type]]\n\
    name = \"BerthMessage\"\ndirection = \"declaration\"\ntitle = \"berth\"\ntitle_zh = \"泊位\"\n\
    document = \"Request\"\nkey = [\"berth\", \"number\"]\nsignature = \"none\"\n";
const JSON_SCHEMA: &str = r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
  "required": ["BerthMessage"], "additionalProperties": false, "properties": {"BerthMessage": {"type": "object",
    "required": ["Request"], "properties": {"Request": {"type": "array", "items": {"type": "object",
      "required": ["number"], "properties": {"number": {"type": "string"}, "draught": {"type": "integer"}}}}}}}}"#;
const BERTH: &str = "{\"BerthMessage\": {\"Request\": [{\"number\": \"1\", \"draught\": 9}]}}\n";

/// A set of JSON Schemas needs no XSD; what is wrong is told at its place in the JSON.
#[test]
fn a_set_may_have_json_schemas_alone() {
    let zone = Zone::make(&Setup::default());
    let write = |name: &str, text: &str| {
        let path = zone.folder().join("quay").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let bad = BERTH.replace(" 9", " \"deep\"");
    write("manifest.toml", JSON_MANIFEST);
    write("BerthMessage.json", JSON_SCHEMA);
    write("examples/BerthMessage.json", BERTH);
    write("examples/invalid/BerthMessage.json-type.json", BERTH);
    let config = zone.folder().join("onepoint.toml");
    let text = fs::read_to_string(&config).unwrap();
    let route = "\n[[route]]\ntype = \"BerthMessage\"\ndepartments = [\"park\"]\n";
    fs::write(&config, text + route).unwrap();
    let add = ["schemas", "add", "quay", "--config", "onepoint.toml"];
    let (code, _, error) = run(&zone, &add);
    assert!(code == 1 && error.contains("json-type.json"), "{code}: {error}");
    write("examples/invalid/BerthMessage.json-type.json", &bad);
    let (code, said, error) = run(&zone, &add);
    assert_eq!(code, 0, "{said}{error}");

    let with = ["--config", "onepoint.toml"];
    let (_, listed, _) = run(&zone, &[&["schemas", "list"], &with[..]].concat());
    let line = listed.lines().find(|line| line.starts_with("BerthMessage")).unwrap();
    assert!(line.contains("quay/1") && line.contains("json-schema"), "{line}");
    let (_, schema, _) = run(&zone, &[&["schemas", "json", "BerthMessage"], &with[..]].concat());
    assert_eq!(schema, JSON_SCHEMA);
    let check = |name: &str, text: &str| {
        fs::write(zone.folder().join(name), text).unwrap();
        run(&zone, &[&["schemas", "check", name], &with[..]].concat())
    };
    let (code, said, _) = check("good.json", BERTH);
    assert!(code == 0 && said.contains("good, BerthMessage of quay/1"), "{said}");
    let (code, said, _) = check("bad.json", &bad);
    assert_eq!(code, 1);
    let place = "(json-type type, line 1, column 58, /BerthMessage/Request/0/draught)";
    assert!(said.contains(place), "{said}");
    let (code, said, _) = check("broken.json", "{\"BerthMessage\": ");
    assert!(code == 1 && said.contains("json-syntax"), "{said}");
    assert_eq!(check("two.json", "{\"a\": 1, \"b\": 2}").0, 2);
}

/// The JSON form of a customs message is judged by schema and rules, each fault at its place
/// in the JSON.
#[test]
fn json_of_a_customs_message_is_checked_like_its_xml() {
    let zone = Zone::make(&Setup::default());
    let catalogue = Catalogue::load_builtin().unwrap();
    let form = catalogue.json_form(catalogue.by_name("CEB311Message").unwrap()).unwrap().unwrap();
    let xml = example("CEB311Message").unwrap();
    let document = onepoint_xml::Document::parse(xml.as_bytes().to_vec(), &Default::default());
    let json = form.to_json(&document.unwrap()).unwrap();
    let check = |text: &str| {
        fs::write(zone.folder().join("m.json"), text).unwrap();
        run(&zone, &["schemas", "check", "m.json"])
    };
    let (code, said, error) = check(&json);
    assert!(code == 0, "{said}{error}");
    let (code, said, _) = check(&json.replacen("\"freight\":\"10\"", "\"freight\":\"11\"", 1));
    assert_eq!(code, 1);
    assert!(said.contains("/CEB311Message/Order/0/OrderHead/"), "{said}");
    let (code, said, _) = check(&json.replacen("\"freight\":\"10\"", "\"freight\":10", 1));
    assert!(code == 1 && said.contains("/CEB311Message/Order/0/OrderHead/freight"), "{said}");
}
