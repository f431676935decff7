//! The envelope between nodes: round trips, its bounds, and two Signatures of which each
//! says its own.

use onepoint_certs::SignaturePolicy;
use onepoint_certs::testpki::{Issued, KeyKind, LeafSpec, TestCa, Validity};

use super::*;
use crate::xmldsig::{SignOptions, SignaturePlace, sign, verify};

fn number() -> SvNo {
    SvNo {
        msg_id: "12345678202611230800000000000001".into(),
        sub_msg_id: Some("1".into()),
        send_time: "2026-11-23T08:00:01+08:00".into(),
        end_node: "00000001".into(),
        sta_node: "12345678".into(),
    }
}

fn envelope() -> DxpMsgSv {
    DxpMsgSv::wrap(number(), &message().to_xml()).unwrap()
}

fn signer(kind: KeyKind) -> Issued {
    let validity = Validity {
        from: "2026-01-01T00:00:00Z".parse().unwrap(),
        until: "2036-01-01T00:00:00Z".parse().unwrap(),
    };
    let root = TestCa::new("测试根", KeyKind::P256, validity).unwrap();
    root.issue(&LeafSpec::signer("测试节点", "测试节点", kind, validity)).unwrap()
}

fn signed(xml: &str, by: &Issued, place: SignaturePlace) -> String {
    let options = SignOptions { place, ..SignOptions::default() };
    sign(xml, &by.key, &by.chain, &options).unwrap()
}

#[test]
fn an_envelope_is_read_as_it_is_written() {
    let whole = envelope();
    let read = DxpMsgSv::parse(&document(&whole.to_xml())).unwrap();
    assert_eq!(read, whole);
    assert_eq!((read.number(), read.message()), (&number(), &message()));
    let inside = DxpMsg::parse(&document(read.message_text())).unwrap();
    assert_eq!(inside, message());
    let bare = DxpMsgSv::wrap(SvNo { sub_msg_id: None, ..number() }, &message().to_xml()).unwrap();
    assert_eq!(DxpMsgSv::parse(&document(&bare.to_xml())).unwrap(), bare);
}

#[test]
fn namespaces_that_only_the_envelope_declares_go_along() {
    let xml = envelope().to_xml();
    let own = " xmlns:dxp=\"http://www.chinaport.gov.cn/dxp\" ver";
    assert!(xml.contains(own));
    let read = DxpMsgSv::parse(&document(&xml.replacen(own, " ver", 1))).unwrap();
    assert_eq!(read.message(), &message());
    assert_eq!(DxpMsg::parse(&document(read.message_text())).unwrap(), message());
    // Without any prefix.
    let plain = xml.replace("dxp:", "").replace("xmlns:dxp", "xmlns").replace(":dxp=", "=");
    let plain = plain.replacen("<DxpMsg xmlns=\"http://www.chinaport.gov.cn/dxp\"", "<DxpMsg", 1);
    let read = DxpMsgSv::parse(&document(&plain)).unwrap();
    assert_eq!(DxpMsg::parse(&document(read.message_text())).unwrap(), message());
}

#[test]
fn node_and_sender_each_sign_their_own() {
    let (sender, node) = (signer(KeyKind::Sm2), signer(KeyKind::P256));
    let strict = SignaturePolicy::strict();
    let inner = signed(&message().to_xml(), &sender, SignaturePlace::ChildOfRoot);
    let outer = DxpMsgSv::wrap(number(), &inner).unwrap().to_xml();
    let xml = signed(&outer, &node, AROUND_MESSAGE);

    let outer = verify(&document(&xml), &AROUND_MESSAGE, &strict).unwrap();
    assert_eq!(outer.certificate(), &node.certificate);
    let read = DxpMsgSv::parse(&document(&xml)).unwrap();
    let inside = document(read.message_text());
    let inner = verify(&inside, &SignaturePlace::ChildOfRoot, &strict).unwrap();
    assert_eq!(inner.certificate(), &sender.certificate);
    assert_eq!(DxpMsg::parse(&inside).unwrap(), message());

    // Two Signatures are one too many where no envelope is meant.
    let error = verify(&document(&xml), &SignaturePlace::ChildOfRoot, &strict).unwrap_err();
    assert_eq!(error.code(), "signature-repeated");
    for (from, to, code) in [
        // The message, its Signature, the number of the transport.
        ("DXPENT0000000001", "DXPENT0000000002", "signature-digest-mismatch"),
        ("2026-11-23T08:00:01", "2026-11-23T08:00:02", "signature-digest-mismatch"),
        ("<ds:KeyName>", "<ds:KeyName>0", "signature-digest-mismatch"),
        // A Signature deeper in the message, or in a second message.
        (
            "<dxp:Data>",
            "<dxp:Data><ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/>",
            "signature-repeated",
        ),
        (
            "</dxp:DxpMsg>",
            "</dxp:DxpMsg><dxp:DxpMsg><ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/></dxp:DxpMsg>",
            "signature-repeated",
        ),
    ] {
        let changed = xml.replacen(from, to, 1);
        assert_ne!(changed, xml);
        let error = verify(&document(&changed), &AROUND_MESSAGE, &strict).unwrap_err();
        assert_eq!(error.code(), code, "{to}");
    }
    // The Signature of the message alone does not sign the envelope.
    let only_inner = DxpMsgSv::wrap(number(), read.message_text()).unwrap().to_xml();
    let error = verify(&document(&only_inner), &AROUND_MESSAGE, &strict).unwrap_err();
    assert_eq!(error.code(), "signature-missing");
}

#[test]
fn every_bound_and_place() {
    let xml = envelope().to_xml();
    let cases = [
        ("<dxp:SvNo Ver=\"1.0\">", "<dxp:SvNo>", "dxp-missing", "SvNo/@Ver"),
        ("Ver=\"1.0\"", "Ver=\"1.1\"", "dxp-version", "SvNo/@Ver"),
        ("Ver=\"1.0\"", "Ver=\"1.0\" x=\"\"", "dxp-unexpected", "SvNo"),
        ("<dxp:MsgId>1", "<dxp:MsgId>", "dxp-msg-id", "SvNo/MsgId"),
        ("<dxp:MsgId>1", "<dxp:MsgId>a", "dxp-msg-id", "SvNo/MsgId"),
        ("<dxp:MsgId>", "<dxp:MsgID>", "dxp-missing", "SvNo/MsgId"),
        ("<dxp:SubMsgId>1", "<dxp:SubMsgId>12", "dxp-length", "SvNo/SubMsgId"),
        ("<dxp:SubMsgId>1", "<dxp:SubMsgId>", "dxp-length", "SvNo/SubMsgId"),
        ("<dxp:SendTime>2026", "<dxp:SendTime>x", "dxp-time", "SvNo/SendTime"),
        ("<dxp:EndNode>00000001", "<dxp:EndNode>", "dxp-length", "SvNo/EndNode"),
        ("<dxp:StaNode>", "<dxp:StaNode>0123456789012345678901234", "dxp-length", "SvNo/StaNode"),
        ("</dxp:SvNo>", "<x/></dxp:SvNo>", "dxp-unexpected", "SvNo"),
        ("</dxp:DxpMsg>", "</dxp:DxpMsg><dxp:DxpMsg/>", "dxp-unexpected", ""),
        ("<dxp:SenderId>D", "<dxp:SenderId>DD", "dxp-length", "TransInfo/SenderId"),
    ];
    for (from, to, code, path) in cases {
        let changed = xml.replacen(from, to, 1);
        assert_ne!(changed, xml, "{from}");
        let close = changed.contains("<dxp:MsgID>");
        let changed =
            if close { changed.replacen("</dxp:MsgId>", "</dxp:MsgID>", 1) } else { changed };
        let error = DxpMsgSv::parse(&document(&changed)).expect_err(to);
        assert_eq!((error.code(), error.path()), (code, path), "{error:?}");
        assert!(error.position().is_some() && !error.expected().is_empty());
        assert!(error.zh().chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)));
    }
    let other = DxpMsgSv::parse(&document(&message().to_xml())).unwrap_err();
    assert_eq!((other.code(), other.expected().contains("DxpMsgSv")), ("dxp-root", true));
    let sv = SvNo { msg_id: String::new(), ..number() };
    assert_eq!(DxpMsgSv::wrap(sv, &message().to_xml()).unwrap_err().code(), "dxp-msg-id");
    assert_eq!(DxpMsgSv::wrap(number(), "<a/>").unwrap_err().code(), "dxp-root");
    let error = DxpMsgSv::wrap(number(), "<a").unwrap_err();
    assert_eq!((error.code(), error.path()), ("dxp-message", "DxpMsg"));
}
