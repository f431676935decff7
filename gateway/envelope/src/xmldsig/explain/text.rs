//! Encodings, escapes and line ends. In: canonical octets. Out: the octets that a tool
//! with another idea of encoding would have digested, or those that this text was before
//! a tool misread it.

use encoding_rs::{GB18030, GBK, WINDOWS_1252};
use unicode_normalization::UnicodeNormalization as _;

use super::kind::CauseKind;

/// A candidate: cause, in what way, octets.
pub(crate) type Candidate = (CauseKind, (&'static str, &'static str), Vec<u8>);

/// All of them, in the order in which they are likely.
pub(crate) fn candidates(octets: &[u8]) -> Vec<Candidate> {
    let Ok(text) = std::str::from_utf8(octets) else { return Vec::new() };
    let mut all = Vec::new();
    line_ends(text, &mut all);
    encodings(text, &mut all);
    misread(text, &mut all);
    escapes(text, &mut all);
    all.retain(|(_, _, candidate)| candidate != octets);
    all
}

fn line_ends(text: &str, all: &mut Vec<Candidate>) {
    let mut push = |how, candidate: String| {
        all.push((CauseKind::LineEnds, how, candidate.into_bytes()));
    };
    push(
        ("signed with CR before each LF, as &#xD;", "加签时每个 LF 前有 CR（&#xD;）"),
        text.replace('\n', "&#xD;\n"),
    );
    push(("digested with CRLF line ends", "以 CRLF 换行计算摘要"), text.replace('\n', "\r\n"));
    push(
        ("signed without the carriage returns that are here", "加签时没有现有的回车符"),
        text.replace("&#xD;", ""),
    );
    push(
        ("digested with plain carriage returns", "以原始回车符计算摘要"),
        text.replace("&#xD;", "\r"),
    );
    push(
        ("signed with LF where CR stands here", "加签时此处回车符为 LF"),
        text.replace("&#xD;\n", "\n").replace("&#xD;", "\n"),
    );
    push(("digested with CR line ends", "以 CR 换行计算摘要"), text.replace('\n', "\r"));
}

fn encodings(text: &str, all: &mut Vec<Candidate>) {
    let mut push = |how, candidate: Vec<u8>| all.push((CauseKind::ReEncoded, how, candidate));
    push(("digested as GBK", "以 GBK 编码计算摘要"), GBK.encode(text).0.into_owned());
    push(("digested as GB18030", "以 GB18030 编码计算摘要"), GB18030.encode(text).0.into_owned());
    push(
        ("digested with a byte order mark", "摘要中包含 BOM"),
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
    );
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    push(("digested as UTF-16, little endian", "以 UTF-16LE 编码计算摘要"), little);
    push(("digested as UTF-16, big endian", "以 UTF-16BE 编码计算摘要"), big);
    let asked = |max: u32| -> String {
        text.chars().map(|c| if u32::from(c) > max { '?' } else { c }).collect()
    };
    push(
        ("digested as ASCII, with ? for other characters", "以 ASCII 编码计算摘要，其他字符变为 ?"),
        asked(127).into_bytes(),
    );
    push(
        (
            "digested as Latin-1, with ? for other characters",
            "以 Latin-1 编码计算摘要，其他字符变为 ?",
        ),
        asked(255).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
    );
}

/// Text that was UTF-8 and was read as something else.
fn misread(text: &str, all: &mut Vec<Candidate>) {
    let mut push = |how, candidate: Vec<u8>| all.push((CauseKind::ReEncoded, how, candidate));
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    if let Some(octets) = latin {
        push(("UTF-8 was read as Latin-1 on the way", "途中 UTF-8 被当作 Latin-1 读取"), octets);
    }
    if let (octets, _, false) = WINDOWS_1252.encode(text) {
        let how =
            ("UTF-8 was read as Windows-1252 on the way", "途中 UTF-8 被当作 Windows-1252 读取");
        push(how, octets.into_owned());
    }
    if let (octets, _, false) = GB18030.encode(text) {
        push(
            ("UTF-8 was read as GBK on the way", "途中 UTF-8 被当作 GBK 读取"),
            octets.into_owned(),
        );
    }
    // And the other way round: the signer's text was what a misreading gives.
    let read = |encoding: &'static encoding_rs::Encoding| {
        encoding.decode_without_bom_handling(text.as_bytes()).0.into_owned().into_bytes()
    };
    push(("the signer had read UTF-8 as GBK", "加签方把 UTF-8 当作 GBK 读取"), read(GBK));
    push(
        ("the signer had read UTF-8 as Windows-1252", "加签方把 UTF-8 当作 Windows-1252 读取"),
        read(WINDOWS_1252),
    );
    let doubled: String = text.bytes().map(char::from).collect();
    push(
        ("the signer had read UTF-8 as Latin-1", "加签方把 UTF-8 当作 Latin-1 读取"),
        doubled.into_bytes(),
    );
    let composed = ("characters were composed (NFC) when signed", "加签时字符为组合形式（NFC）");
    push(composed, text.nfc().collect::<String>().into_bytes());
    let apart = ("characters were decomposed (NFD) when signed", "加签时字符为分解形式（NFD）");
    push(apart, text.nfd().collect::<String>().into_bytes());
    let folded = (
        "characters were in compatibility form (NFKC) when signed",
        "加签时字符为兼容形式（NFKC）",
    );
    push(folded, text.nfkc().collect::<String>().into_bytes());
    let narrow = |c: char| match u32::from(c) {
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(c),
        0x3000 => ' ',
        _ => c,
    };
    let narrow: String = text.chars().map(narrow).collect();
    push(("full-width characters were half-width", "全角字符在加签时为半角"), narrow.into_bytes());
    push(
        ("no-break spaces were spaces", "不间断空格在加签时为普通空格"),
        text.replace('\u{a0}', " ").into_bytes(),
    );
}

fn escapes(text: &str, all: &mut Vec<Candidate>) {
    let mut push =
        |how, candidate: String| all.push((CauseKind::Escaped, how, candidate.into_bytes()));
    let referred = |form: fn(u32) -> String| -> String {
        text.chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { form(u32::from(c)) })
            .collect()
    };
    push(
        ("digested with decimal character references", "以十进制字符引用计算摘要"),
        referred(|c| format!("&#{c};")),
    );
    push(
        ("digested with hexadecimal character references", "以十六进制字符引用计算摘要"),
        referred(|c| format!("&#x{c:X};")),
    );
    push(
        ("digested with hexadecimal character references", "以十六进制字符引用计算摘要"),
        referred(|c| format!("&#x{c:x};")),
    );
    push(("escaped once more after signing", "加签后又转义了一次"), text.replace("&amp;", "&"));
    push(
        ("digested after one escape too many", "计算摘要前多转义了一次"),
        text.replace('&', "&amp;"),
    );
    push(("digested with > as it is", "以未转义的 > 计算摘要"), text.replace("&gt;", ">"));
    let unescaped = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    push(("digested without escapes", "以未转义的文本计算摘要"), unescaped.replace("&amp;", "&"));
    for (mark, name) in [('"', "&quot;"), ('\'', "&apos;"), ('\'', "&#39;"), ('"', "&#34;")] {
        let how = ("digested with escaped quotation marks", "以转义后的引号计算摘要");
        push(how, in_text(text, |inner| inner.replace(mark, name)));
    }
    let how = ("digested with escaped quotation marks and apostrophes", "以转义后的引号计算摘要");
    push(how, in_text(text, |inner| inner.replace('"', "&quot;").replace('\'', "&apos;")));
}

/// Changes what stands outside of markup.
fn in_text(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive('>') {
        let (inner, markup) =
            piece.split_at_checked(piece.find('<').unwrap_or(0)).unwrap_or((piece, ""));
        out.push_str(&change(inner));
        out.push_str(markup);
    }
    out
}
