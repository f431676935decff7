//! The policy `ceb-field` from outside: the forms of real clients are refused by name from a
//! strict participant, taken from one that has the policy, with what was tolerated in the
//! receipt's fact, and refused by name again on the day after the policy's end.

use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm};
use onepoint_conformance::zone::{Setup, Zone};
use onepoint_envelope::octets;
use onepoint_envelope::xmldsig::SignOptions;
use serde_json::{Value, json};

use super::{between, edit, identity, payment, sign, sign_with};

/// A form of the field: the code under strict rules, and what is noted where it is taken.
struct Form {
    body: String,
    strict: &'static str,
    noted: Vec<&'static str>,
}

fn form(body: String, strict: &'static str, noted: &[&'static str]) -> Form {
    Form { body, strict, noted: noted.to_vec() }
}

/// SignedInfo put in lines after it was signed flat.
fn indented(xml: &str) -> String {
    let info = between(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    edit(xml, info, &info.replace("><ds:", ">\n    <ds:").replace("></ds:Ref", ">\n  </ds:Ref"))
}

/// All at once, as in a genuine message: SignedInfo under the older identifier of SM2, over a
/// SHA-1 digest, signed flat with ceb, ds and xsi in scope, sent in lines, with a line after.
fn genuine(zone: &Zone, n: u32) -> String {
    let options = SignOptions { digest: Some(DigestAlgorithm::Sha1), ..SignOptions::default() };
    let xml = sign_with(zone, "payment-sm2", &payment(n), &options);
    let info = between(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    let older = "http://www.w3.org/2000/09/xmldsig#sm2-sm3";
    let older = edit(info, "http://www.chinaport.gov.cn/2022/04/xmldsig#sm2-sm3", older);
    let scope = "<ds:SignedInfo xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\" \
        xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">";
    let message = edit(&older, "<ds:SignedInfo>", scope);
    let (key, _) = identity(zone, "payment-sm2");
    let value = key.sign(SignatureAlgorithm::Sm2Sm3, message.as_bytes()).unwrap();
    let old = between(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let new = format!("<ds:SignatureValue>{}</ds:SignatureValue>", octets::encode(&value));
    let xml = edit(&edit(&xml, old, &new), info, &older);
    edit(&indented(&xml), "</ds:Signature>", "</ds:Signature>\n")
}

/// The certificate named by its number, which is not sent, in lower case.
fn by_number(zone: &Zone, n: u32) -> String {
    let xml = sign(zone, "payment-sm2", &payment(n));
    let serial = identity(zone, "payment-sm2").1[0].serial_hex().to_owned();
    let name = between(&xml, "<ds:KeyName>", "</ds:KeyName>");
    let lower = format!("<ds:KeyName>{}</ds:KeyName>", serial.to_lowercase());
    edit(&edit(&xml, name, &lower), between(&xml, "<ds:X509Data>", "</ds:X509Data>"), "")
}

fn forms(zone: &Zone, n: u32) -> Vec<Form> {
    let flat = indented(&sign(zone, "payment-sm2", &payment(n)));
    let space = sign(zone, "payment-sm2", &payment(n + 1));
    let space = edit(&space, "</ds:Signature>", "</ds:Signature>\n");
    let options = SignOptions { digest: Some(DigestAlgorithm::Sha1), ..SignOptions::default() };
    let sha1 = sign_with(zone, "payment-sm2", &payment(n + 2), &options);
    let mut forms = vec![
        form(flat, "policy-flat-signed-info", &["flat-signed-info"]),
        form(space, "policy-space-at-signature", &["space-at-signature"]),
        form(sha1, "policy-sm2-digest-sha1", &["sm2-digest-sha1"]),
        form(
            genuine(zone, n + 3),
            "policy-sm2-digest-sha1",
            &["flat-signed-info", "sm2-digest-sha1", "space-at-signature"],
        ),
    ];
    // Serial numbers are random: one in 10^6 has no letter.
    let serial = identity(zone, "payment-sm2").1[0].serial_hex().to_owned();
    if serial.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        let named = by_number(zone, n + 4);
        forms.push(form(named, "policy-lower-case-number", &["lower-case-number"]));
    }
    forms
}

async fn send(zone: &Zone, body: &str) -> (u16, Value) {
    let client = zone.client("payment");
    let body = body.as_bytes().to_vec();
    let response = client.post("/v1/messages", "application/xml", body).await.unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

async fn refused_by_name(zone: &Zone, forms: &[Form], when: &str) {
    for form in forms {
        let (status, problem) = send(zone, &form.body).await;
        assert_eq!((status, &problem["code"]), (422, &json!(form.strict)), "{when}: {problem}");
        let receipt = &problem["receipts"][0];
        zone.auditor().verify(receipt, None).unwrap();
        assert_eq!(receipt["fact"]["kind"], "refused", "{when}");
    }
}

fn set_policy(zone: &Zone, days: i64) {
    let path = zone.folder().join("onepoint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // The zone's days are those of UTC+8.
    let hours = jiff::SignedDuration::from_hours(8 + 24 * days);
    let until = (jiff::Timestamp::now() + hours).to_string();
    let until = format!("until = \"{}\"", &until[..10]);
    let text = match text.contains("[[policy]]") {
        true => edit(&text, between(&text, "until = ", "\n").trim_end(), &until),
        false => {
            let with = "id = \"payment\"\npolicy = \"ceb-field\"\n";
            let policy = format!("\n[[policy]]\nname = \"ceb-field\"\n{until}\n");
            edit(&text, "id = \"payment\"\n", with) + &policy
        }
    };
    std::fs::write(&path, text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forms_of_the_field_pass_by_policy_are_noted_and_end() {
    let mut zone = Zone::make(&Setup::default());
    zone.start_gateway(&[]);
    refused_by_name(&zone, &forms(&zone, 200), "strict").await;
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
    zone.stop_gateway();

    set_policy(&zone, 1);
    zone.start_gateway(&[]);
    let taken = forms(&zone, 210);
    for form in &taken {
        let (status, answer) = send(&zone, &form.body).await;
        assert_eq!((status, &answer["verdict"]), (200, &json!("accepted")), "{answer}");
        let verified = zone.auditor().verify(&answer["receipts"][0], None).unwrap();
        assert_eq!(verified.fact.get("tolerances"), Some(&json!(form.noted)), "{answer}");
        assert_eq!(verified.text("policy"), "ceb-field");
    }
    // Whatever is tolerated, the content has to be what was digested.
    let changed = edit(&genuine(&zone, 220), "<ceb:orderNo>", "<ceb:orderNo>X");
    let (_, problem) = send(&zone, &changed).await;
    assert_eq!(problem["code"], "signature-digest-mismatch", "{problem}");
    // Others have no such policy.
    let strict =
        indented(&sign(&zone, "logistics", onepoint_schemas::example("CEB511Message").unwrap()));
    let client = zone.client("logistics");
    let response =
        client.post("/v1/messages", "application/xml", strict.into_bytes()).await.unwrap();
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["code"], "policy-flat-signed-info", "{problem}");
    zone.stop_gateway();

    set_policy(&zone, -1);
    zone.start_gateway(&[]);
    refused_by_name(&zone, &forms(&zone, 230), "the day after").await;
    let accepted = zone.metrics().await.unwrap().journal("accepted");
    assert_eq!(accepted, u64::try_from(taken.len()).unwrap());
}
