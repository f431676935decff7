//! Wrappers, good and broken, and the text that clients of the port read.

use serde_json::{Value, json};

use super::*;

fn wrapper(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = json!({ "message": {
        "messageHead": {
            "version": "1.0", "messageId": "1", "senderID": "DXPENT0000000001",
            "receiverID": "DXPEDCCEB0000002", "sendTime": "20261123080000",
            "messageType": "CEB311Message.xml",
        },
        "messageBody": { "data": octets::encode(b"<CEB311Message/>") },
    } });
    change(&mut value);
    value.to_string().into_bytes()
}

fn open(wrapper: &[u8]) -> Result<Vec<u8>, (u16, String)> {
    let limits = Limits { bytes: 64, ..Limits::default() };
    let found = unwrap(wrapper, Some("DXPENT0000000001"), &limits);
    found.map_err(|refusal| (refusal.status, refusal.code.into_owned()))
}

#[test]
fn a_wrapper_gives_the_message_as_it_was_signed() {
    let xml = b"<CEB311Message/>".to_vec();
    assert_eq!(open(&wrapper(|_| ())), Ok(xml.clone()));
    let named = wrapper(|v| v["message"]["messageHead"]["messageType"] = json!("CEB311Message"));
    assert_eq!(open(&named), Ok(xml));
    let lines = wrapper(|v| v["message"]["messageBody"]["data"] = json!("PGE+\r\nPC9h\nPg=="));
    // The stages say what is wrong with it, as soon as it has the name that it was given.
    assert_eq!(open(&lines), Err((422, "legacy-type-mismatch".to_owned())));
    let broken = wrapper(|v| v["message"]["messageBody"]["data"] = json!("PGE\n+"));
    assert_eq!(open(&broken), Ok(b"<a>".to_vec()));
}

#[test]
fn a_broken_wrapper_is_refused_by_name() {
    let head = |name: &str, to: Value| wrapper(|v| v["message"]["messageHead"][name] = to);
    let data = |to: &str| wrapper(|v| v["message"]["messageBody"]["data"] = json!(to));
    let without = |place: &str, name: &str| {
        wrapper(|v| _ = v.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name))
    };
    let twice = String::from_utf8(wrapper(|_| ())).unwrap();
    let twice = twice.replace("\"version\":", "\"version\":\"2\",\"version\":");
    let long = octets::encode(&[b'x'; 65]);
    for (wrapper, status, code) in [
        (b"".to_vec(), 400, "legacy-not-json"),
        (b"<a/>".to_vec(), 400, "legacy-not-json"),
        (b"[]".to_vec(), 400, "legacy-not-json"),
        (b"\xff".to_vec(), 400, "legacy-not-json"),
        ([wrapper(|_| ()), b"{}".to_vec()].concat(), 400, "legacy-not-json"),
        (twice.into_bytes(), 400, "legacy-not-json"),
        (without("/message", "messageBody"), 400, "legacy-not-json"),
        (without("/message/messageHead", "sendTime"), 400, "legacy-not-json"),
        (without("/message/messageBody", "data"), 400, "legacy-not-json"),
        (head("more", json!("x")), 400, "legacy-not-json"),
        (head("version", json!(1)), 400, "legacy-not-json"),
        (head("senderID", json!("DXPENT0000000002")), 403, "legacy-sender-mismatch"),
        (head("messageType", json!("CEB312Message.xml")), 422, "legacy-type-mismatch"),
        (data("PGE"), 400, "legacy-not-base64"),
        (data("P*E+"), 400, "legacy-not-base64"),
        (data(&long), 400, "legacy-not-base64"),
    ] {
        assert_eq!(open(&wrapper), Err((status, code.to_owned())), "{wrapper:?}");
    }
}

#[test]
fn a_query_names_a_second_that_is_over() {
    let now = "2026-11-23T00:00:00Z".parse().unwrap();
    assert_eq!(since("20261123080000", now).unwrap(), now);
    for bad in ["", "2026112308000", "20261123080001", "20261323080000", "2026-11-23 08:00", "x"] {
        assert_eq!(since(bad, now).unwrap_err().code, "query-invalid", "{bad}");
    }
}

#[test]
fn a_list_is_written_as_java_writes_it() {
    assert_eq!(list(&[], "DXPENT0000000001"), "[]");
    let xml = format!(
        "<CEB312Message xmlns='{CEB}'><OrderReturn><guid>G1</guid><ebpCode>46P</ebpCode>\
         <ebcCode>46C</ebcCode><orderNo>N1</orderNo><returnStatus>2</returnStatus>\
         <returnTime>20230807164350000</returnTime><returnInfo>新增\n申报成功[G0]</returnInfo>\
         </OrderReturn></CEB312Message>"
    );
    let document = Document::parse(xml.into_bytes(), &Limits::default()).unwrap();
    let found = returns(&document, 1_691_397_836_000);
    let one = "{org_id=1, instm=1691397836000, re_order_guid=G1, returnstatus=2, ebpcode=46P, \
        returntime2=20230807164356, ebccode=46C, trans_dxpid=DXPENT0000000001, \
        returninfo=新增 申报成功[G0], returntime=1691397830000, orderno=N1}";
    assert_eq!(list(&found, "DXPENT0000000001"), format!("[{one}]"));
    let both = [found.clone(), found].concat();
    assert_eq!(list(&both, "DXPENT0000000001"), format!("[{one}, {one}]"));
    assert_eq!(millis("20230807164350"), Some(1_691_397_830_000));
    assert_eq!(millis("x"), None);
}
