//! The seeds of each target: good inputs of every form, made with the identities of the
//! targets. In: nothing. Out: names and bytes. ECDSA values differ from run to run; what
//! they are over does not.

use std::sync::LazyLock;

use onepoint_certs::testpki::ListSpec;
use onepoint_envelope::c14n::{Method, PrefixList};
use onepoint_envelope::dxp::{AddInfo, BizKey, DxpMsg, DxpMsgSv, SvNo};
use onepoint_envelope::jws::{JwsOptions, KeyMember, sign_compact, sign_flattened};
use onepoint_envelope::xmldsig::{SignOptions, SignaturePlace, sign, verify, verify_part};
use onepoint_xml::{Document, Limits};

use crate::WORLD;

/// The payload of every token.
pub const PAYLOAD: &[u8] = b"orderNo=T0001&total=327.3";
/// The numbers of entries of the lists.
pub const LISTS: [usize; 2] = [0, 1];

/// What canonicalisation has rules for.
const RICH: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?first?><!-- 前 -->\n\
    <a:root xmlns:a='urn:a' xmlns:b=\"urn:b\" xml:base='http://example.com/x/y' Id='all'>\
    <a:no x='&#10;&#9;&quot;'>T0001</a:no><e xmlns=\"urn:d\"><f xmlns=''/>&#13;\r\n</e>\
    <![CDATA[a < b & c]]><part xml:base='../z' xml:lang='zh' Id=\"part\"><n b:q='1'>T0001</n>\
    <!-- 注 --><?go  left ?></part>&gt;&amp;&#x4E2D;</a:root>\n<?last?>";

fn signed() -> Vec<String> {
    let exclusive = || Method::Exclusive(PrefixList::parse("b #default").expect("a list"));
    let plain = SignOptions::default();
    let of = |id: Option<&str>, canonicalization, transform| SignOptions {
        id: id.map(str::to_owned),
        canonicalization,
        transform,
        ..plain.clone()
    };
    let ways = [
        of(None, Method::Inclusive10, None),
        of(None, exclusive(), Some(exclusive())),
        of(Some("all"), Method::Inclusive11WithComments, Some(Method::Inclusive11)),
        of(Some("part"), Method::Inclusive10, Some(Method::Inclusive11)),
        of(Some("part"), exclusive(), None),
    ];
    let order = onepoint_schemas::example("CEB311Message").expect("an example");
    let (key, chain) = (&WORLD.signer.key, &WORLD.signer.chain);
    let rich = ways.iter().map(|way| sign(RICH, key, chain, way).expect("a signature"));
    rich.chain([sign(order, key, chain, &plain).expect("a signature")]).collect()
}

/// The content digests of all that was signed.
pub static CONTENT: LazyLock<Vec<[u8; 32]>> = LazyLock::new(|| {
    let strict = onepoint_certs::SignaturePolicy::strict();
    let digest = |text: String| {
        let document = Document::parse(text.into_bytes(), &Limits::default()).expect("our own");
        let whole = verify(&document, &SignaturePlace::ChildOfRoot, &strict);
        let part = || verify_part(&document, &strict, &[]).map(|(evidence, _)| evidence);
        *whole.or_else(|_| part()).expect("our own signature").content_digest()
    };
    signed().into_iter().map(digest).collect()
});

fn tokens() -> Vec<String> {
    let (key, chain) = (&WORLD.signer.key, &WORLD.signer.chain);
    let mut tokens = Vec::new();
    for member in [KeyMember::Chain, KeyMember::Number, KeyMember::Thumbprint] {
        for (detached, unencoded) in [(false, false), (true, false), (true, true)] {
            let options = JwsOptions { key: member, detached, unencoded, ..JwsOptions::default() };
            tokens.push(sign_compact(PAYLOAD, key, chain, &options).expect("a token"));
            tokens.push(sign_flattened(PAYLOAD, key, chain, &options).expect("a token"));
        }
    }
    tokens
}

fn lists() -> Vec<Vec<u8>> {
    let until = WORLD.now.checked_add(jiff::SignedDuration::from_hours(24)).ok();
    let empty = ListSpec::new(WORLD.now, until);
    let mut one = ListSpec::new(WORLD.now, until);
    one.revoked.push((WORLD.signer.certificate.clone(), WORLD.now));
    let sign = |spec: &ListSpec| WORLD.ca.revocation_list(spec).expect("a list");
    vec![sign(&empty), sign(&one)]
}

fn envelopes() -> Vec<String> {
    let order = onepoint_schemas::example("CEB311Message").expect("an example");
    let plain = DxpMsg {
        cop_msg_id: "M0001".to_owned(),
        sender_id: "DXPENT0000000001".to_owned(),
        receiver_ids: vec!["DXPEDCCEB0000002".to_owned(), "DXPTAX0000000001".to_owned()],
        creat_time: "2026-06-01T08:00:00+08:00".to_owned(),
        msg_type: "CEB311Message".to_owned(),
        data: order.as_bytes().to_vec(),
        add_info: None,
    };
    let key = |name: &str| BizKey { name: name.to_owned(), value: "T0001".to_owned() };
    let more = AddInfo {
        file_name: Some("测试.xml".to_owned()),
        ic_card: Some("9999999999999".to_owned()),
        biz_keys: vec![key("orderNo"), key("")],
        text_encoding: Some("UTF-8".to_owned()),
        rec_map_id: Some("1".to_owned()),
    };
    let full = DxpMsg { add_info: Some(more), data: b"x".to_vec(), ..plain.clone() };
    let number = SvNo {
        msg_id: "12345678202606010800000000000001".to_owned(),
        sub_msg_id: Some("1".to_owned()),
        send_time: "2026-06-01T08:00:00".to_owned(),
        end_node: "N1".to_owned(),
        sta_node: "N2".to_owned(),
    };
    let (key, chain) = (&WORLD.signer.key, &WORLD.signer.chain);
    let signed = sign(&full.to_xml(), key, chain, &SignOptions::default()).expect("a signature");
    let wrapped = DxpMsgSv::wrap(number, &signed).expect("an envelope").to_xml();
    vec![plain.to_xml(), full.to_xml(), signed, wrapped]
}

fn payments() -> Vec<String> {
    let number = WORLD.signer.certificate.serial_hex().to_ascii_uppercase();
    let with = |head: &str, lists: &str| {
        format!(
            "{{\"sessionID\":\"S1\",\"payExchangeInfoHead\":{head},\"payExchangeInfoLists\":{lists},\
             \"serviceTime\":\"1\",\"certNo\":\"{number}\",\"signValue\":\"AAAA\"}}"
        )
    };
    let lists = "[{\"orderNo\":\"T1\",\"goodsInfo\":[{\"gname\":\"a\\n\",\"itemLink\":\"b;c\"}],\"recpName\":null}]";
    vec![with("{\"totalAmount\":5.0,\"note\":\"测试\"}", lists), with("{}", "[]")]
}

/// Inputs of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let bytes = |texts: Vec<String>| texts.into_iter().map(String::into_bytes).collect::<Vec<_>>();
    let documents = || {
        let examples = onepoint_schemas::examples().take(6);
        let mut all: Vec<String> = examples.map(|(_, text)| text.to_owned()).collect();
        all.push(RICH.to_owned());
        all
    };
    match target {
        "xml" => bytes([documents(), signed()].concat()),
        "c14n" => {
            let with = |(n, text): (usize, String)| {
                let n = u8::try_from(n % 8).unwrap_or(0);
                [&[n, n], text.as_bytes()].concat()
            };
            let rich = std::iter::repeat_n(RICH.to_owned(), 8);
            rich.chain(documents()).enumerate().map(with).collect()
        }
        "xmldsig" => bytes(signed()),
        "jws" => bytes(tokens()),
        "payment" => bytes(payments()),
        "dxp" => bytes(envelopes()),
        "json" => {
            let catalogue = onepoint_schemas::Catalogue::load_builtin().expect("the catalogue");
            let json = |(name, xml): (&str, &str)| {
                let form = catalogue.by_name(name).and_then(|kind| catalogue.json_form(kind))?;
                let bytes = xml.as_bytes().to_vec();
                form.ok()?.to_json(&Document::parse(bytes, &Limits::default()).ok()?).ok()
            };
            bytes(onepoint_schemas::examples().filter_map(json).collect())
        }
        "certificate" => {
            let all = [WORLD.ca.certificate(), &WORLD.signer.certificate];
            let pem = bytes(vec![WORLD.signer.certificate.to_pem()]);
            all.iter().map(|one| one.der().to_vec()).chain(pem).collect()
        }
        _ => lists(),
    }
}
