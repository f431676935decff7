//! Documents by seed, and signers who do it otherwise. In: a seed. Out: a message that
//! differs from the others in layout, names, texts and size, and ways to sign it that
//! real tools have got wrong.

use onepoint_certs::testpki::Issued;
use onepoint_certs::{DigestAlgorithm, SignatureAlgorithm};

use super::super::content::canonical;
use crate::c14n::{Method, Selection};
use crate::octets;
use crate::xmldsig::tests::{WORLD, between, edit, parse, sign_by};
use crate::xmldsig::{DSIG_NAMESPACE, SignOptions, signed_info_octets};

/// A small generator (xorshift*): the same seed gives the same documents.
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn new(n: u64) -> Self {
        Self(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What a document may have.
#[derive(Clone, Copy, Default)]
pub(super) struct Shape {
    pub(super) comments: bool,
    pub(super) empty_tags: bool,
    /// Exactly: laid out on one line, or in lines.
    pub(super) lines: Option<bool>,
    /// The root declares nothing but its own prefix.
    pub(super) bare: bool,
}

const NAMES: [&str; 6] =
    ["测试甲公司", "测试乙公司", "样品（一）", "测试 & 订单", "A < B", "“样品”"];

/// An unsigned message; the root's attributes are never in canonical order.
pub(super) fn message(seed: &mut Seed, shape: Shape) -> String {
    let unit = seed.pick(&["  ", "    ", "\t"]);
    let lines = shape.lines.unwrap_or_else(|| seed.below(2) == 0);
    let gap =
        |depth: usize| if lines { format!("\n{}", unit.repeat(depth)) } else { String::new() };
    let xsi = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let xsi = if shape.bare { "" } else { xsi };
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ceb:CEB311Message version=\"1.0\" guid=\"{:036}\"{xsi} \
         xmlns:ceb=\"http://www.chinaport.gov.cn/ceb\">",
        seed.below(1 << 30)
    );
    for order in 0..1 + seed.below(3) {
        xml.push_str(&format!("{}<ceb:Order>{}<ceb:OrderHead>", gap(1), gap(2)));
        if shape.comments {
            xml.push_str(&format!("{}<!-- 第 {order} 单 -->", gap(3)));
        }
        for field in 0..2 + seed.below(8) {
            let name = seed.pick(&NAMES).replace('&', "&amp;").replace('<', "&lt;");
            let number = seed.below(1_000_000);
            xml.push_str(&format!("{}<ceb:f{field}>{name}{number}</ceb:f{field}>", gap(3)));
        }
        if shape.empty_tags {
            xml.push_str(&format!("{}<ceb:note/>", gap(3)));
        }
        xml.push_str(&format!("{}</ceb:OrderHead>{}</ceb:Order>", gap(2), gap(1)));
    }
    xml.push_str(&format!("{}<ceb:copCode>99999{:05}</ceb:copCode>", gap(1), seed.below(99_999)));
    xml.push_str(&format!("{}</ceb:CEB311Message>", gap(0)));
    xml
}

/// RSA, P-256 or SM2.
pub(super) fn signer(seed: &mut Seed) -> &'static Issued {
    seed.pick(&[&WORLD.rsa, &WORLD.p256, &WORLD.sm2])
}

pub(super) fn digest_of(signer: &Issued) -> DigestAlgorithm {
    match signer.key.default_algorithm() {
        SignatureAlgorithm::Sm2Sm3 => DigestAlgorithm::Sm3,
        _ => DigestAlgorithm::Sha256,
    }
}

/// Signed as it should be.
pub(super) fn good(signer: &Issued, xml: &str) -> String {
    sign_by(signer, xml, &SignOptions::default())
}

/// Canonical octets of an unsigned message.
pub(super) fn content(xml: &str, method: &Method) -> Vec<u8> {
    canonical(&parse(xml), &Selection::document(), method)
}

/// Signed well, but over this as DigestValue.
pub(super) fn with_digest_text(signer: &Issued, xml: &str, digest: &str) -> String {
    let signed = good(signer, xml);
    let old = between(&signed, "<ds:DigestValue>", "</ds:DigestValue>").to_owned();
    let changed = edit(&signed, &old, &format!("<ds:DigestValue>{digest}</ds:DigestValue>"));
    resigned(&changed, |info| sign_value(signer, info))
}

/// Signed well, but with the digest of these octets.
pub(super) fn digested(signer: &Issued, xml: &str, octets: &[u8]) -> String {
    with_digest_text(signer, xml, &octets::encode(&digest_of(signer).digest(octets)))
}

pub(super) fn sign_value(signer: &Issued, message: &[u8]) -> Vec<u8> {
    signer.key.sign(signer.key.default_algorithm(), message).unwrap()
}

/// The same with a value that `value` makes of the canonical SignedInfo.
pub(super) fn resigned(signed: &str, value: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let document = parse(signed);
    let signature = document.root().child(DSIG_NAMESPACE, "Signature").unwrap();
    let info = signature.child(DSIG_NAMESPACE, "SignedInfo").unwrap();
    let octets = signed_info_octets(&document, info.index(), &Method::Inclusive10);
    let new = octets::encode(&value(&octets));
    let old = between(signed, "<ds:SignatureValue>", "</ds:SignatureValue>");
    edit(signed, old, &format!("<ds:SignatureValue>{new}</ds:SignatureValue>"))
}

/// SignedInfo put in lines without touching the rest.
pub(super) fn info_in_lines(xml: &str) -> String {
    let info = between(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    edit(xml, info, &info.replace("><ds:", ">\n\t<ds:"))
}

/// Laid out anew by a tool that knows only tags: one line for each, indented by `unit`;
/// nothing between them where there is none.
pub(super) fn formatted(xml: &str, unit: Option<&str>) -> String {
    let (head, body) = xml.split_at(xml.find("<ceb:CEB").unwrap());
    let mut out = head.to_owned();
    let (mut depth, mut first, mut leaf) = (0_usize, true, false);
    for piece in body.split_inclusive('>') {
        let (text, tag) = piece.split_at(piece.find('<').unwrap());
        let closing = tag.starts_with("</");
        if closing {
            depth -= 1;
        }
        if leaf && closing {
            out.push_str(text);
        } else if let (Some(unit), false) = (unit, first) {
            out.push('\n');
            out.push_str(&unit.repeat(depth));
        }
        out.push_str(tag);
        leaf = !closing && !tag.ends_with("/>") && !tag.starts_with("<!--");
        depth += usize::from(leaf);
        first = false;
    }
    out
}
