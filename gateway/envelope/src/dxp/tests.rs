//! Round trips, every bound from both sides, every code with its place and texts.

#![allow(clippy::string_slice)]

mod node;

use onepoint_xml::Limits;
use proptest::prelude::*;

use super::*;

fn document(xml: &str) -> Document {
    Document::parse(xml.as_bytes().to_vec(), &Limits::default()).unwrap()
}

fn message() -> DxpMsg {
    DxpMsg {
        cop_msg_id: "TEST-0001".into(),
        sender_id: "DXPENT0000000001".into(),
        receiver_ids: vec!["DXPEDCCEB0000002".into()],
        creat_time: "2026-11-23T08:00:00+08:00".into(),
        msg_type: "CEB311Message".into(),
        data: "<订单/>".as_bytes().to_vec(),
        add_info: Some(AddInfo {
            file_name: Some("CEB311Message_TEST-0001.xml".into()),
            ic_card: Some("0000000000001".into()),
            biz_keys: vec![
                BizKey { name: "delivery".into(), value: "d&<1>\"".into() },
                BizKey { name: "message".into(), value: "".into() },
            ],
            text_encoding: Some("UTF-8".into()),
            rec_map_id: Some("1".into()),
        }),
    }
}

/// The envelope of [`message`] with `from` replaced, which must be there.
fn changed(from: &str, to: &str) -> Result<DxpMsg, DxpError> {
    let xml = message().to_xml();
    assert!(xml.contains(from), "{from} in {xml}");
    DxpMsg::parse(&document(&xml.replacen(from, to, 1)))
}

#[track_caller]
fn assert_refused(outcome: Result<DxpMsg, DxpError>, code: &str, path: &str) {
    let error = outcome.expect_err(path);
    assert_eq!((error.code(), error.path()), (code, path), "{error:?}");
    assert!(error.position().is_some());
    assert!(error.en().starts_with(path) && error.zh().starts_with(path));
    assert!(error.en().is_ascii() || error.en().contains('"'), "{}", error.en());
    assert!(error.zh().chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)));
    assert!(!error.expected().is_empty());
    assert!(error.to_string().contains(&error.fault().to_string()));
}

#[test]
fn reads_what_it_writes() {
    let whole = message();
    assert_eq!(DxpMsg::parse(&document(&whole.to_xml())).unwrap(), whole);
    assert_eq!(whole.biz_key("delivery"), Some("d&<1>\""));
    assert_eq!(whole.biz_key("message"), Some(""));
    assert_eq!(whole.biz_key("other"), None);

    let bare =
        DxpMsg { add_info: None, data: Vec::new(), msg_type: String::new(), ..whole.clone() };
    assert_eq!(DxpMsg::parse(&document(&bare.to_xml())).unwrap(), bare);
    assert_eq!(bare.biz_key("delivery"), None);

    let empty = DxpMsg { add_info: Some(AddInfo::default()), ..whole };
    assert_eq!(DxpMsg::parse(&document(&empty.to_xml())).unwrap(), empty);
}

#[test]
fn reads_what_others_write() {
    let xml = "\u{feff}<?xml version='1.0'?><!-- 测试 -->\n\
        <DxpMsg xmlns='http://www.chinaport.gov.cn/dxp' ver='1.0' Id='a' \
         xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b'>\n\
        <!-- 传输 --><TransInfo>\n<CopMsgId>1</CopMsgId><SenderId>S</SenderId>\n\
        <ReceiverIds> <ReceiverId>A</ReceiverId><ReceiverId><![CDATA[B&C]]></ReceiverId></ReceiverIds>\
        <CreatTime>\n2022-05-01T08:00:00 </CreatTime><MsgType/></TransInfo>\
        <Data>\nQUJD\r\nREVG\n</Data><AddInfo><BizKey><Key>无名</Key></BizKey></AddInfo>\
        <Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/></DxpMsg>";
    let read = DxpMsg::parse(&document(xml)).unwrap();
    assert_eq!(read.receiver_ids, ["A", "B&C"]);
    assert_eq!(read.creat_time, "2022-05-01T08:00:00");
    assert_eq!(read.msg_type, "");
    assert_eq!(read.data, b"ABCDEF");
    assert_eq!(read.biz_key(""), Some("无名"));
}

#[test]
fn another_root_or_version_is_refused() {
    let other = DxpMsg::parse(&document("<DxpMsg xmlns='urn:other' ver='1.0'/>"));
    assert_refused(other, "dxp-root", "");
    assert_refused(DxpMsg::parse(&document("<DxpMsg/>")), "dxp-root", "");
    assert_refused(changed("ver=\"1.0\"", "ver=\"1.1\""), "dxp-version", "@ver");
    assert_refused(changed(" ver=\"1.0\"", ""), "dxp-missing", "@ver");
}

#[test]
fn missing_parts_are_named() {
    for (name, path) in [
        ("TransInfo", "TransInfo"),
        ("CopMsgId", "TransInfo/CopMsgId"),
        ("SenderId", "TransInfo/SenderId"),
        ("ReceiverIds", "TransInfo/ReceiverIds"),
        ("CreatTime", "TransInfo/CreatTime"),
        ("MsgType", "TransInfo/MsgType"),
        ("Data", "Data"),
    ] {
        let xml = message().to_xml();
        let (open, close) = (format!("<dxp:{name}>"), format!("</dxp:{name}>"));
        let (before, rest) = xml.split_once(&open).unwrap();
        let (_, after) = rest.split_once(&close).unwrap();
        let without = format!("{before}{after}");
        assert_refused(DxpMsg::parse(&document(&without)), "dxp-missing", path);
    }
    assert_refused(changed(" Encode=\"UTF-8\"", ""), "dxp-missing", "AddInfo/IsText/@Encode");
}

#[test]
fn unknown_content_is_refused_where_it_stands() {
    let cases = [
        ("<dxp:TransInfo>", "<dxp:TransInfo x=\"1\">", "TransInfo"),
        ("<dxp:TransInfo>", "<dxp:TransInfo>text", "TransInfo"),
        ("<dxp:TransInfo>", "<dxp:TransInfo><?pi?>", "TransInfo"),
        ("</dxp:TransInfo>", "<dxp:More/></dxp:TransInfo>", "TransInfo"),
        ("</dxp:ReceiverIds>", "<dxp:More/></dxp:ReceiverIds>", "TransInfo/ReceiverIds"),
        ("<dxp:CopMsgId>", "<dxp:CopMsgId><!-- c -->", "TransInfo/CopMsgId"),
        ("<dxp:CopMsgId>", "<dxp:CopMsgId><b/>", "TransInfo/CopMsgId"),
        ("<dxp:CopMsgId>", "<dxp:CopMsgId a='1'>", "TransInfo/CopMsgId"),
        ("<dxp:Data>", "<dxp:Data><!-- c -->", "Data"),
        ("<dxp:Key ", "<dxp:Key id='1' ", "AddInfo/BizKey/Key"),
        ("</dxp:BizKey>", "<dxp:More/></dxp:BizKey>", "AddInfo/BizKey"),
        ("</dxp:IsText>", "text</dxp:IsText>", "AddInfo/IsText"),
        ("</dxp:AddInfo>", "<dxp:More/></dxp:AddInfo>", "AddInfo"),
        ("</dxp:DxpMsg>", "<dxp:Data/></dxp:DxpMsg>", ""),
        (" ver=", " version='1' ver=", ""),
    ];
    for (from, to, path) in cases {
        assert_refused(changed(from, to), "dxp-unexpected", path);
    }
    // What is before the signature belongs to the envelope, what is after it does not.
    let signature = "<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'/>";
    let twice = format!("{signature}{signature}</dxp:DxpMsg>");
    assert_refused(changed("</dxp:DxpMsg>", &twice), "dxp-unexpected", "");
}

#[test]
fn the_order_is_that_of_the_norm() {
    let xml = message().to_xml();
    let (copy, sender) = ("<dxp:CopMsgId>TEST-0001</dxp:CopMsgId>", "<dxp:SenderId>");
    let turned =
        xml.replacen(copy, "", 1).replacen("<dxp:CreatTime>", &format!("{copy}<dxp:CreatTime>"), 1);
    assert!(turned.contains(sender));
    assert_refused(DxpMsg::parse(&document(&turned)), "dxp-missing", "TransInfo/CopMsgId");
}

/// A value of the envelope and the bounds of its length.
type Bounded = (&'static str, usize, usize, fn(&mut DxpMsg, String));

/// Every string of the envelope.
const STRINGS: [Bounded; 10] = [
    ("TransInfo/CopMsgId", 1, 255, |m, s| m.cop_msg_id = s),
    ("TransInfo/SenderId", 1, 16, |m, s| m.sender_id = s),
    ("TransInfo/ReceiverIds/ReceiverId", 1, 16, |m, s| m.receiver_ids.push(s)),
    ("TransInfo/MsgType", 0, 30, |m, s| m.msg_type = s),
    ("AddInfo/FileName", 1, 255, |m, s| m.add_info.as_mut().unwrap().file_name = Some(s)),
    ("AddInfo/IcCard", 1, 13, |m, s| m.add_info.as_mut().unwrap().ic_card = Some(s)),
    ("AddInfo/BizKey/Key/@name", 0, 32, |m, s| m.add_info.as_mut().unwrap().biz_keys[1].name = s),
    ("AddInfo/BizKey/Key", 0, 64, |m, s| m.add_info.as_mut().unwrap().biz_keys[1].value = s),
    ("AddInfo/IsText/@Encode", 0, 50, |m, s| m.add_info.as_mut().unwrap().text_encoding = Some(s)),
    ("AddInfo/RecMapId", 0, 255, |m, s| m.add_info.as_mut().unwrap().rec_map_id = Some(s)),
];

#[test]
fn lengths_are_exact_and_in_characters() {
    for (path, min, max, set) in STRINGS {
        let with = |length: usize| {
            let mut message = message();
            set(&mut message, "\u{20000}".repeat(length));
            DxpMsg::parse(&document(&message.to_xml()))
        };
        with(min).expect(path);
        with(max).expect(path);
        assert_refused(with(max + 1), "dxp-length", path);
        if let Some(short) = min.checked_sub(1) {
            assert_refused(with(short), "dxp-length", path);
        }
    }
}

#[test]
fn characters_that_xml_cannot_carry_are_refused_before_writing() {
    for (path, _, _, set) in STRINGS {
        for unfit in ['\0', '\u{b}', '\u{1f}', '\u{ffff}'] {
            let mut message = message();
            set(&mut message, format!("a{unfit}"));
            let error = message.check().unwrap_err();
            assert_eq!(
                (error.code(), error.path(), error.position()),
                ("dxp-character", path, None)
            );
            assert!(error.zh().contains("字符") && error.en().contains("character"));
            assert_eq!(error.expected(), "characters of XML 1.0");
        }
    }
}

#[test]
fn counts_are_exact() {
    let receivers = |count: usize| {
        let message = DxpMsg { receiver_ids: vec!["R".into(); count], ..message() };
        (message.check(), DxpMsg::parse(&document(&message.to_xml())))
    };
    assert_eq!(receivers(MAX_RECEIVERS).1.unwrap().receiver_ids.len(), MAX_RECEIVERS);
    for count in [0, MAX_RECEIVERS + 1] {
        let (checked, parsed) = receivers(count);
        assert_eq!(checked.unwrap_err().code(), "dxp-count");
        assert_refused(parsed, "dxp-count", "TransInfo/ReceiverIds/ReceiverId");
    }
    let keys = |count: usize| {
        let mut message = message();
        let key = BizKey { name: "n".into(), value: "v".into() };
        message.add_info.as_mut().unwrap().biz_keys = vec![key; count];
        (message.check(), DxpMsg::parse(&document(&message.to_xml())))
    };
    for count in [0, MAX_BIZ_KEYS] {
        assert_eq!(keys(count).1.unwrap().add_info.unwrap().biz_keys.len(), count);
    }
    let (checked, parsed) = keys(MAX_BIZ_KEYS + 1);
    assert_eq!(checked.unwrap_err().code(), "dxp-count");
    assert_refused(parsed, "dxp-count", "AddInfo/BizKey/Key");
    let none = "<dxp:BizKey></dxp:BizKey><dxp:IsText";
    let without = DxpMsg::parse(&document(&{
        let mut message = message();
        message.add_info.as_mut().unwrap().biz_keys.clear();
        message.to_xml().replacen("<dxp:IsText", none, 1)
    }));
    assert_refused(without, "dxp-count", "AddInfo/BizKey/Key");
}

#[test]
fn times_and_data_are_checked() {
    let outcome = changed("2026-11-23T08:00:00+08:00", "20261123080000");
    assert_refused(outcome, "dxp-time", "TransInfo/CreatTime");
    assert_refused(changed("<dxp:Data>", "<dxp:Data>*"), "dxp-data-not-base64", "Data");
    let long = DxpMsg { data: vec![0; MAX_DATA_BYTES + 1], ..message() };
    assert_eq!(long.check().unwrap_err().code(), "dxp-data-too-long");
    assert_refused(DxpMsg::parse(&document(&long.to_xml())), "dxp-data-too-long", "Data");
    let fits = DxpMsg { data: vec![0; MAX_DATA_BYTES], ..message() };
    assert_eq!(DxpMsg::parse(&document(&fits.to_xml())).unwrap(), fits);
}

fn place(error: &DxpError) -> (u32, u32) {
    let at = error.position().unwrap();
    (at.line, at.column)
}

#[test]
fn the_place_is_that_of_the_element() {
    let error = changed("<dxp:SenderId>", "\n <dxp:SenderId>too long ").unwrap_err();
    assert_eq!(place(&error), (3, 2));
    let error = changed("<dxp:Key name=\"m", "\n  <dxp:Key x='1' name=\"m").unwrap_err();
    assert_eq!(place(&error), (3, 3));
}

#[test]
fn texts_do_not_repeat_long_or_broken_input() {
    let error = changed("2026-11-23T08:00:00+08:00", &format!("a\n{}", "长".repeat(5000)));
    let error = error.unwrap_err();
    assert!(error.en().chars().count() < 250 && !error.en().contains('\n'), "{}", error.en());
    assert!(error.zh().chars().count() < 250 && !error.zh().contains('\n'));
}

proptest! {
    #[test]
    fn every_message_within_the_bounds_reads_back(
        id in "[ -~中\u{20000}\t]{1,40}",
        key in "[&<>\"'a中\n\r]{0,20}",
        data in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut sent = DxpMsg { cop_msg_id: id, data, ..message() };
        sent.add_info.as_mut().unwrap().biz_keys[0].value = key;
        prop_assert!(sent.check().is_ok());
        prop_assert_eq!(DxpMsg::parse(&document(&sent.to_xml())).unwrap(), sent);
    }
}
