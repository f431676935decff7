//! Base64 as XML carries it: text with line breaks and spaces in, octets out,
//! never more than the caller's bound. White space is the four XML characters;
//! anything else outside the alphabet of RFC 4648 section 4, missing padding and
//! stray bits in the last group are refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is not the base64 that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OctetsError {
    /// More octets than the place allows.
    #[error("more than {max} octets")]
    TooLong {
        /// The bound, in octets.
        max: usize,
    },
    /// Not base64.
    #[error("not base64 (RFC 4648 section 4, white space allowed)")]
    NotBase64,
}

impl OctetsError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "value-too-long",
            Self::NotBase64 => "value-not-base64",
        }
    }
}

/// Octets whose white ones a byte can count.
const COUNTED: usize = 255;

/// Decodes `text`, which may hold XML white space anywhere, to at most `max` octets.
///
/// # Errors
/// `TooLong` before anything is decoded, `NotBase64` for every other character,
/// wrong padding or non-zero stray bits (RFC 4648 section 3.5).
pub fn decode(text: &str, max: usize) -> Result<Vec<u8>, OctetsError> {
    let bytes = text.as_bytes();
    // Counted in runs that a byte can count, which become vector instructions.
    let count = |run: &[u8]| run.iter().fold(0, |count: u8, b| count + u8::from(is_white(*b)));
    let blank: usize = bytes.chunks(COUNTED).map(|run| usize::from(count(run))).sum();
    let packed_max = max.div_ceil(3).saturating_mul(4);
    if bytes.len().saturating_sub(blank) > packed_max {
        return Err(OctetsError::TooLong { max });
    }
    let decoded = if blank == 0 {
        STANDARD.decode(bytes)
    } else {
        let packed: Vec<u8> = bytes.iter().copied().filter(|b| !is_white(*b)).collect();
        STANDARD.decode(packed)
    };
    let octets = decoded.map_err(|_| OctetsError::NotBase64)?;
    if octets.len() > max {
        return Err(OctetsError::TooLong { max });
    }
    Ok(octets)
}

/// Encodes octets on one line, with padding.
pub fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_legal_anywhere() {
        assert_eq!(decode("\n QU JD\tRA=\r\n=  ", 4).unwrap(), b"ABCD");
        assert_eq!(decode("QUJDRA==", 4).unwrap(), b"ABCD");
        assert_eq!(decode(" \n", 4).unwrap(), b"");
    }

    #[test]
    fn junk_is_refused() {
        for text in
            ["QUJDRA", "QUJDRA=", "QUJ*RA==", "QUJD\u{a0}RA==", "QUJDRB==", "QUJD-_==", "=="]
        {
            assert_eq!(decode(text, 64), Err(OctetsError::NotBase64), "{text}");
        }
        assert_eq!(OctetsError::NotBase64.code(), "value-not-base64");
    }

    #[test]
    fn the_bound_is_exact() {
        for max in 0..9 {
            let fits = encode(&vec![7; max]);
            assert_eq!(decode(&fits, max).unwrap().len(), max);
            let over = encode(&vec![7; max + 1]);
            assert_eq!(decode(&over, max), Err(OctetsError::TooLong { max }));
        }
        assert_eq!(OctetsError::TooLong { max: 1 }.code(), "value-too-long");
    }
}
