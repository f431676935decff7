//! `POST /legacy/hangzhou`: orders of the Hangzhou port as its clients send them, encrypted and
//! signed by OpenSSL, and everything about a call, a signature or an order that may be wrong.

use std::io::Write as _;
use std::process::{Command, Stdio};

use onepoint_envelope::dxp::DxpMsg;
use onepoint_envelope::octets;
use onepoint_xml::{Document, Limits};

use super::*;
use crate::hostile::edit;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f";
const CODE: &str = "440466T001";
const CEB: &str = "http://www.chinaport.gov.cn/ceb";

/// What OpenSSL makes of `input`.
fn openssl(zone: &Zone, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(zone.folder());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

fn encrypted(zone: &Zone, key: &str, more: &[&str], plain: &[u8]) -> String {
    let arguments = [&["enc", "-aes-128-ecb", "-K", key], more].concat();
    octets::encode(&openssl(zone, &arguments, plain))
}

fn signature(zone: &Zone, digest: &str, plain: &[u8]) -> String {
    octets::encode(&openssl(zone, &["dgst", digest, "-sign", "pki/platform.key"], plain))
}

/// The parameters of a call, in this order.
type Parameters<'p> = [(&'p str, &'p str); 4];

fn soap(parameters: Parameters<'_>) -> String {
    let one = |(name, text): (&str, &str)| format!("<{name} xmlns=\"\">{text}</{name}>");
    let all: String = parameters.into_iter().map(one).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <w:receive xmlns:w=\"http://ws.example/\">{all}</w:receive></s:Body></s:Envelope>"
    )
}

/// A good call with `plain`, signed with `digest`.
fn call_with(zone: &Zone, plain: &str, digest: &str) -> String {
    let content = encrypted(zone, KEY, &[], plain.as_bytes());
    let signed = signature(zone, digest, plain.as_bytes());
    soap([
        ("content", &content),
        ("msgType", "IMPORTORDER"),
        ("dataDigest", &signed),
        ("sendCode", CODE),
    ])
}

fn call(zone: &Zone, plain: &str) -> String {
    call_with(zone, plain, "-sha256")
}

/// An order of the platform, worth what the example of the norm is.
fn order_info(n: u32) -> String {
    let line = |number, name: &str, price: &str, count, unit, country| {
        format!(
            "<jkfOrderDetail><goodsOrder>{number}</goodsOrder><goodsName>{name}</goodsName>\
             <goodsModel>测试牌</goodsModel><codeTs>1901101000</codeTs><grossWeight>1</grossWeight>\
             <unitPrice>{price}</unitPrice><goodsUnit>{unit}</goodsUnit><goodsCount>{count}</goodsCount>\
             <originCountry>{country}</originCountry><currency>142</currency></jkfOrderDetail>"
        )
    };
    let lines = line(1, "测试奶粉", "100", 2, 122, 609) + &line(2, "测试面霜", "99.5", 1, 142, 305);
    format!(
        "<orderInfo>
<jkfSign><companyCode>{CODE}</companyCode><businessNo>B{n}</businessNo><businessType>IMPORTORDER</businessType><declareType>1</declareType><cebFlag>03</cebFlag></jkfSign>
<jkfOrderImportHead><eCommerceCode>{CODE}</eCommerceCode><eCommerceName>测试电商平台甲公司</eCommerceName><ieFlag>I</ieFlag><payType>03</payType><payCompanyCode>440466T002</payCompanyCode><payNumber>PAYTEST{n:06}</payNumber><orderTotalAmount>336.8</orderTotalAmount><orderNo>MO{n:08}</orderNo><orderTaxAmount>27.3</orderTaxAmount><orderGoodsAmount>299.5</orderGoodsAmount><feeAmount>8</feeAmount><insureAmount>2.00</insureAmount><companyName>测试电商平台甲公司</companyName><companyCode>{CODE}</companyCode><tradeTime>2026-11-01 09:30:00</tradeTime><currCode>142</currCode><totalAmount>299.5</totalAmount><consigneeTel>00000000000</consigneeTel><consignee>测试收货人</consignee><consigneeAddress>测试省测试市测试路一号</consigneeAddress><totalCount>3</totalCount><senderCountry>609</senderCountry><senderName>Test</senderName><purchaserId>test-buyer-1</purchaserId><logisCompanyName>测试物流</logisCompanyName><logisCompanyCode>440466T003</logisCompanyCode><discount>9.5</discount><userProcotol>x</userProcotol></jkfOrderImportHead>
<jkfOrderDetailList>{lines}</jkfOrderDetailList>
<jkfGoodsPurchaser><id>test-buyer-1</id><name>测试买方</name><telNumber>00000000000</telNumber><paperType>01</paperType><paperNumber>999999199001010016</paperNumber></jkfGoodsPurchaser>
</orderInfo>"
    )
}

fn mo_of(orders: &str) -> String {
    format!(
        "<mo version=\"1.0.0\">\n<head><businessType>IMPORTORDER</businessType></head>\n\
         <body><orderInfoList>{orders}</orderInfoList></body></mo>"
    )
}

fn mo(n: u32) -> String {
    mo_of(&order_info(n))
}

fn zone(until: &str) -> Zone {
    let zone = Zone::make(&Setup::default());
    let key: Vec<u8> = (0..16).collect();
    std::fs::write(zone.folder().join("pki/mo.key"), octets::encode(&key)).unwrap();
    allow(&zone, "hangzhou", until, "key = \"pki/mo.key\"\n");
    zone
}

async fn send(zone: &Zone, by: &str, body: &str) -> Response {
    let body = body.as_bytes().to_vec();
    zone.client(by).post("/legacy/hangzhou", "text/xml; charset=utf-8", body).await.unwrap()
}

fn parse(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

/// For each order: its number, whether it was taken, and the reasons.
fn results(response: &Response) -> Vec<(String, String, Vec<String>)> {
    assert_eq!(response.status, 200, "{}", response.text());
    let soap = parse(&response.text());
    let space = "http://schemas.xmlsoap.org/soap/envelope/";
    let inside = soap.root().child(space, "Body").unwrap().children().next().unwrap();
    assert!(inside.is("http://ws.example/", "receiveResponse"), "{}", response.text());
    let mo = parse(&inside.child("", "return").unwrap().text());
    let head = mo.root().child("", "head").unwrap();
    assert_eq!(head.child("", "businessType").unwrap().text(), "RESULT");
    let list = mo.root().child("", "body").unwrap().child("", "list").unwrap();
    let one = |result: onepoint_xml::Element<'_>| {
        let text = |name| result.child("", name).unwrap().text().into_owned();
        let (code, kind) = (text("companyCode"), text("businessType"));
        assert!(code.starts_with("440466T") && kind.ends_with("IMPORTORDER"), "{code} {kind}");
        assert_eq!((text("noticeDate").len(), text("noticeTime").len()), (10, 8));
        let details = result.child("", "resultList").unwrap();
        let details = details.children().map(|it| it.text().into_owned()).collect();
        (text("businessNo"), text("chkMark"), details)
    };
    list.children().map(one).collect()
}

fn taken(numbers: &[&str]) -> Vec<(String, String, Vec<String>)> {
    numbers.iter().map(|n| ((*n).to_owned(), "1".to_owned(), Vec::new())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_is_closed_by_default_and_after_the_last_day() {
    let mut none = Zone::make(&Setup::default());
    none.start_gateway(&[]);
    let response = send(&none, "platform", "<a/>").await;
    assert_eq!(problem(&response), (403, "legacy-off".to_owned()));
    let mut ended = zone(&day(-1));
    ended.start_gateway(&[]);
    let response = send(&ended, "platform", &call(&ended, &mo(1))).await;
    assert_eq!(problem(&response), (403, "legacy-ended".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_a_call_are_taken_delivered_and_answered() {
    let mut zone = zone(&day(0));
    zone.start_gateway(&[]);
    let plain = mo(1);
    let body = call(&zone, &plain);
    let first = send(&zone, "platform", &body).await;
    assert_eq!(results(&first), taken(&["B1"]));
    let place = location(&first);
    let found = facts(&zone, &place).await;
    let signed = &found[0]["signatures"];
    assert_eq!(signed.as_array().unwrap().len(), 1, "{signed}");
    assert_eq!((&signed[0]["form"], &signed[0]["signer"]), (&"mo".into(), &"platform".into()));
    assert_eq!(found[0]["type"], "CEB311Message");
    assert!(found[0]["key"].as_str().unwrap().contains("MO00000001"), "{}", found[0]);
    // The same call is the same message.
    let again = send(&zone, "platform", &body).await;
    assert_eq!((results(&again), location(&again)), (taken(&["B1"]), place.clone()));
    assert_eq!(facts(&zone, &place).await.len(), found.len());

    // Customs gets it under the gateway's signature, with the signature and text as evidence.
    let client = zone.client("customs");
    let pulled = json(&client.get("/v1/queues/customs?wait_ms=2000&max=1").await.unwrap());
    let made = octets::decode(pulled["deliveries"][0]["body"].as_str().unwrap(), 1 << 20).unwrap();
    let envelope = DxpMsg::parse(&parse(std::str::from_utf8(&made).unwrap())).unwrap();
    assert_eq!(envelope.biz_key("evidence-sha256"), found[0]["digest"]["sha256"].as_str());
    let inside = parse(std::str::from_utf8(&envelope.data).unwrap());
    let root = inside.root();
    let extension = root.child(CEB, "ExtendMessage").unwrap();
    assert_eq!(extension.child(CEB, "name").unwrap().text(), "text/x-mo");
    let evidence = extension.child(CEB, "Message").unwrap().text();
    let expected = format!("{}\n{plain}", signature(&zone, "-sha256", plain.as_bytes()));
    assert_eq!(evidence, expected);
    let head = root.child(CEB, "Order").unwrap().child(CEB, "OrderHead").unwrap();
    for (name, text) in [
        ("appTime", "20261101093000"),
        ("freight", "10"),
        ("acturalPaid", "327.3"),
        ("buyerIdType", "1"),
        ("ebcName", "测试电商平台甲公司"),
    ] {
        assert_eq!(head.child(CEB, name).unwrap().text(), text, "{name}");
    }
    zone.start_adapter("customs");
    zone.start_adapter("tax");
    let second =
        send(&zone, "platform", &call(&zone, &mo_of(&(order_info(2) + &order_info(3))))).await;
    assert_eq!(results(&second), taken(&["B2", "B3"]));
    let state = answered(&zone, &location(&second), 3).await;
    for department in ["customs", "tax"] {
        let one = |d: &Value| d["destination"] == department && d["state"] == "delivered";
        assert!(state["deliveries"].as_array().unwrap().iter().any(one), "{state}");
    }
    facts(&zone, &location(&second)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_call_is_a_problem_document() {
    let mut zone = zone(&day(1));
    zone.start_gateway(&[]);
    let plain = mo(1);
    let good = call(&zone, &plain);
    let content = crate::hostile::between(&good, "<content xmlns=\"\">", "</content>")
        .trim_start_matches("<content xmlns=\"\">")
        .trim_end_matches("</content>")
        .to_owned();
    let other = encrypted(&zone, OTHER, &[], plain.as_bytes());
    let padded = format!("{}{}", plain, " ".repeat(16 - plain.len() % 16));
    let unpadded = encrypted(&zone, KEY, &["-nopad"], padded.as_bytes());
    let short = octets::encode(b"seventeen bytes..");
    for (body, status, code) in [
        ("x".to_owned(), 400, "xml-not-xml"),
        ("<!DOCTYPE a><a/>".to_owned(), 400, "xml-doctype-forbidden"),
        ("<a/>".to_owned(), 400, "legacy-not-soap"),
        (edit(&good, "<s:Body>", "<s:Body><x/>"), 400, "legacy-not-soap"),
        (edit(&good, "schemas.xmlsoap.org/soap/envelope", "w3.org"), 400, "legacy-not-soap"),
        (good.replace("msgType", "type"), 400, "legacy-parameter"),
        (edit(&good, "<msgType xmlns=\"\">", "<msgType/><msgType>"), 400, "legacy-parameter"),
        (edit(&good, "<dataDigest xmlns=\"\">", "<dataDigest>!"), 400, "legacy-parameter"),
        (edit(&good, "IMPORTORDER", "IMPORTBILL"), 422, "legacy-business-type"),
        (edit(&good, CODE, "440466T002"), 403, "legacy-send-code"),
        (edit(&good, &content, &other), 400, "legacy-content"),
        (edit(&good, &content, &unpadded), 400, "legacy-content"),
        (edit(&good, &content, &short), 400, "legacy-content"),
        (edit(&good, &content, ""), 400, "legacy-content"),
        (edit(&good, &content, "*"), 400, "legacy-content"),
        (" ".repeat(17 << 20), 413, "body-too-large"),
    ] {
        let response = send(&zone, "platform", &body).await;
        assert_eq!(problem(&response), (status, code.to_owned()), "{}", response.text());
        assert_eq!(json(&response)["receipts"], Value::Null, "{code}");
    }
    let response = send(&zone, "payment", &good).await;
    assert_eq!(problem(&response), (403, "legacy-off".to_owned()));
    assert_eq!(zone.metrics().await.unwrap().journal("refused"), 0);
}

/// A call, the code of its refusal, and the place.
type Bad = (String, &'static str, String);

/// Calls that can be read, with something wrong in signature or text.
fn bad(zone: &Zone) -> Vec<Bad> {
    let plain = mo(1);
    let (good, order) = (call(zone, &plain), "/mo/body/orderInfoList/orderInfo");
    let changed = |from: &str, to: &str| call(zone, &edit(&plain, from, to));
    let at = |place: &str| format!("{order}/{place}");
    let head = |field: &str| format!("{order}/jkfOrderImportHead/{field}");
    let signed = signature(zone, "-sha256", plain.as_bytes());
    let resigned = edit(&good, &signed, &signature(zone, "-sha256", b"another"));
    let other = order_info(2).replacen(CODE, "440466T002", 1);
    let (digest, second) = ("dataDigest".to_owned(), format!("{order}[2]/jkfSign/companyCode"));
    let list = "/mo/body/orderInfoList".to_owned();
    let kind = "/mo/head/businessType".to_owned();
    let buyer = plain.replace("jkfGoodsPurchaser>", "buyer>");
    let count = at("jkfOrderDetailList/jkfOrderDetail[2]/goodsCount");
    vec![
        (resigned, "mo-signature-mismatch", digest.clone()),
        (call_with(zone, &plain, "-sha1"), "policy-signature-sha1", digest),
        (call(zone, &format!("<!DOCTYPE mo>{plain}")), "xml-doctype-forbidden", String::new()),
        (call(zone, "<a/>"), "mo-root", "/a".to_owned()),
        (
            changed("<head><businessType>IMPORTORDER", "<head><businessType>X"),
            "mo-business-type",
            kind,
        ),
        (
            changed("B1</businessNo><businessType>", "</businessNo><businessType>X"),
            "mo-business-type",
            at("jkfSign/businessType"),
        ),
        (changed("<cebFlag>03", "<cebFlag>02"), "mo-ceb-flag", at("jkfSign/cebFlag")),
        (
            changed("<orderNo>", "<orderNo>1</orderNo><orderNo>"),
            "mo-element-twice",
            head("orderNo[2]"),
        ),
        (call(zone, &buyer), "mo-element-missing", order.to_owned()),
        (call(zone, &mo_of("")), "mo-orders", list),
        (call(zone, &mo_of(&(order_info(1) + &other))), "mo-company-codes", second),
        (changed("<currCode>142", "<currCode>1422"), "schema-length", head("currCode")),
        (changed("<feeAmount>8", "<feeAmount>eight"), "schema-type", head("feeAmount")),
        (changed("<goodsCount>1<", "<goodsCount>many<"), "schema-type", count),
        (changed("<discount>9.5</discount>", ""), "schema-missing-element", head("orderTaxAmount")),
        // A rule that is broken.
        (
            changed("<orderTotalAmount>336.8", "<orderTotalAmount>337"),
            "order-total",
            head("orderTotalAmount"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_message_has_a_receipt_and_a_place_in_the_mo() {
    let mut zone = zone(&day(1));
    zone.start_gateway(&[]);
    for (body, code, path) in bad(&zone) {
        let response = send(&zone, "platform", &body).await;
        let found = results(&response);
        let good = found.iter().all(|(_, mark, reasons)| mark == "2" && !reasons.is_empty());
        assert!(good && !found.is_empty(), "{code}: {found:?}");
        let facts = facts(&zone, &location(&response)).await;
        let fact = &facts[0];
        assert_eq!(fact["code"], code, "{fact}");
        assert!(found[0].2[0].starts_with(&format!("{code}: ")), "{found:?}");
        let place = &fact["place"];
        assert_eq!(place["path"].as_str().unwrap_or_default(), path, "{code}: {fact}");
        if path.starts_with("/mo/") {
            assert_eq!(place["within"], "mo", "{fact}");
            assert!(place["line"].as_u64().unwrap() > 1, "{fact}");
        }
    }
    assert_eq!(zone.metrics().await.unwrap().journal("accepted"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sha1_is_taken_by_the_policy_that_takes_it_and_noted() {
    let mut zone = zone(&day(1));
    zone.edit("onepoint.toml", |text| {
        let with = "id = \"platform\"\npolicy = \"ceb-field\"\n";
        let policy = format!("\n[[policy]]\nname = \"ceb-field\"\nuntil = \"{}\"\n", day(1));
        edit(&text, "id = \"platform\"\n", with) + &policy
    });
    zone.start_gateway(&[]);
    let response = send(&zone, "platform", &call_with(&zone, &mo(1), "-sha1")).await;
    assert_eq!(results(&response), taken(&["B1"]));
    let facts = facts(&zone, &location(&response)).await;
    assert_eq!(facts[0]["tolerances"], serde_json::json!(["rsa-sha1"]), "{}", facts[0]);
    assert_eq!(facts[0]["policy"], "ceb-field");
}
