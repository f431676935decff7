//! PEM text (RFC 7468) to labelled DER blocks, and back.
//!
//! In: text with any number of blocks and prose between them. Out: each block
//! with its label and the line it starts on. Promise: bounded, no partial
//! answers, decoded bytes are wiped on drop since they may be private keys.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Longest PEM text that is read.
pub const MAX_PEM_BYTES: usize = 4 * 1024 * 1024;
/// Most blocks in one PEM text.
pub const MAX_PEM_BLOCKS: usize = 1024;

/// Characters of base64 on one line (RFC 7468, section 2).
const LINE: usize = 64;

/// Why a PEM text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Longer than [`MAX_PEM_BYTES`] or more than [`MAX_PEM_BLOCKS`] blocks.
    #[error("the PEM text is larger than {MAX_PEM_BYTES} bytes or {MAX_PEM_BLOCKS} blocks")]
    TooLarge,
    /// A `BEGIN` line without its `END` line.
    #[error("line {line}: block \"{label}\" has no matching END line")]
    NoEnd {
        /// 1-based line of the `BEGIN`.
        line: usize,
        /// The label.
        label: String,
    },
    /// The body is not base64.
    #[error("line {line}: the body of block \"{label}\" is not base64")]
    NotBase64 {
        /// 1-based line of the `BEGIN`.
        line: usize,
        /// The label.
        label: String,
    },
}

impl PemError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            PemError::TooLarge => "pem-too-large",
            PemError::NoEnd { .. } => "pem-no-end",
            PemError::NotBase64 { .. } => "pem-not-base64",
        }
    }

    /// English text.
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// Chinese text.
    pub fn zh(&self) -> String {
        match self {
            PemError::TooLarge => {
                format!("PEM 文本超过 {MAX_PEM_BYTES} 字节或 {MAX_PEM_BLOCKS} 块")
            }
            PemError::NoEnd { line, label } => {
                format!("第 {line} 行：“{label}”块没有对应的 END 行")
            }
            PemError::NotBase64 { line, label } => {
                format!("第 {line} 行：“{label}”块的内容不是 base64")
            }
        }
    }
}

pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) line: usize,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

pub(crate) fn read(text: &str) -> Result<Vec<Block>, PemError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(PemError::TooLarge);
    }
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else { continue };
        if blocks.len() == MAX_PEM_BLOCKS {
            return Err(PemError::TooLarge);
        }
        let mut body = Zeroizing::new(String::with_capacity(text.len().min(64 * 1024)));
        loop {
            let Some((_, line)) = lines.next() else {
                return Err(PemError::NoEnd { line: at + 1, label: shown(label) });
            };
            if let Some(end) = boundary(line, "-----END ") {
                if end != label {
                    return Err(PemError::NoEnd { line: at + 1, label: shown(label) });
                }
                break;
            }
            body.extend(line.chars().filter(|c| !c.is_ascii_whitespace()));
        }
        // Of full size at once: growing would leave copies behind.
        let mut der = Zeroizing::new(Vec::with_capacity(body.len()));
        STANDARD
            .decode_vec(body.as_bytes(), &mut der)
            .map_err(|_| PemError::NotBase64 { line: at + 1, label: shown(label) })?;
        blocks.push(Block { label: label.to_owned(), line: at + 1, der });
    }
    Ok(blocks)
}

fn boundary<'t>(line: &'t str, prefix: &str) -> Option<&'t str> {
    line.trim().strip_prefix(prefix)?.strip_suffix("-----")
}

pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut out = String::with_capacity(body.len() + body.len() / LINE + 2 * label.len() + 40);
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    for (at, character) in body.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    out.push_str("\n-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

// Labels come from outside: shown in texts only when short and printable.
pub(crate) fn shown(label: &str) -> String {
    label.chars().filter(|c| !c.is_control()).take(40).collect()
}
