//! The output side of canonicalisation: pieces of text in, runs of octets out to
//! the sink, with the character escapes of Canonical XML 1.0 section 2.3. Pieces are
//! gathered first, so that a digest sees few and long runs.

/// Octets gathered before the sink is called.
const RUN: usize = 4096;
/// Octets looked at together while searching for a character to escape.
const STRIDE: usize = 16;

/// Gathers octets for a sink.
pub(super) struct Writer<'o> {
    run: Vec<u8>,
    sink: &'o mut dyn FnMut(&[u8]),
}

impl<'o> Writer<'o> {
    pub(super) fn new(sink: &'o mut dyn FnMut(&[u8])) -> Self {
        Self { run: Vec::with_capacity(RUN), sink }
    }

    /// Writes `piece` as it stands.
    pub(super) fn put(&mut self, piece: &str) {
        self.put_bytes(piece.as_bytes());
    }

    /// Writes character data: `&`, `<`, `>` and CR are escaped.
    pub(super) fn put_text(&mut self, text: &str) {
        self.put_escaped(text.as_bytes(), |byte| match byte {
            b'&' => Some("&amp;"),
            b'<' => Some("&lt;"),
            b'>' => Some("&gt;"),
            b'\r' => Some("&#xD;"),
            _ => None,
        });
    }

    /// Writes an attribute value: `&`, `<`, `"`, TAB, LF and CR are escaped.
    pub(super) fn put_attribute(&mut self, value: &str) {
        self.put_escaped(value.as_bytes(), |byte| match byte {
            b'&' => Some("&amp;"),
            b'<' => Some("&lt;"),
            b'"' => Some("&quot;"),
            b'\t' => Some("&#x9;"),
            b'\n' => Some("&#xA;"),
            b'\r' => Some("&#xD;"),
            _ => None,
        });
    }

    /// Hands the rest to the sink.
    pub(super) fn finish(mut self) {
        self.flush();
    }

    fn put_escaped(&mut self, mut bytes: &[u8], escape: impl Fn(u8) -> Option<&'static str>) {
        while let Some((at, replacement)) = first_escape(bytes, &escape) {
            let (plain, rest) = bytes.split_at(at);
            self.put_bytes(plain);
            self.put(replacement);
            bytes = rest.split_first().map_or(&[], |(_, after)| after);
        }
        self.put_bytes(bytes);
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        if self.run.len() + bytes.len() > RUN {
            self.flush();
            if bytes.len() > RUN {
                (self.sink)(bytes);
                return;
            }
        }
        self.run.extend_from_slice(bytes);
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            (self.sink)(&self.run);
            self.run.clear();
        }
    }
}

/// The first octet to escape. Whole strides without one are passed over first: that
/// loop has no early exit, so it becomes vector instructions.
fn first_escape(
    bytes: &[u8],
    escape: &impl Fn(u8) -> Option<&'static str>,
) -> Option<(usize, &'static str)> {
    let clean = bytes
        .chunks_exact(STRIDE)
        .take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | escape(*byte).is_some()))
        .count()
        * STRIDE;
    let rest = bytes.get(clean..).unwrap_or_default();
    rest.iter()
        .enumerate()
        .find_map(|(at, byte)| escape(*byte).map(|replacement| (clean + at, replacement)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Writer<'_>)) -> String {
        let mut octets = Vec::new();
        let mut sink = |run: &[u8]| octets.extend_from_slice(run);
        let mut writer = Writer::new(&mut sink);
        write(&mut writer);
        writer.finish();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn text_and_attribute_escape_their_own_characters() {
        let all = "a&b<c>d\"e'f\tg\nh\ri";
        let text = written(|writer| writer.put_text(all));
        assert_eq!(text, "a&amp;b&lt;c&gt;d\"e'f\tg\nh&#xD;i");
        let value = written(|writer| writer.put_attribute(all));
        assert_eq!(value, "a&amp;b&lt;c>d&quot;e'f&#x9;g&#xA;h&#xD;i");
    }

    #[test]
    fn an_escape_is_found_at_every_offset() {
        for before in 0..40 {
            for after in 0..20 {
                let text = format!("{}&{}", "x".repeat(before), "y".repeat(after));
                let want = format!("{}&amp;{}", "x".repeat(before), "y".repeat(after));
                assert_eq!(written(|writer| writer.put_text(&text)), want);
            }
        }
    }

    #[test]
    fn long_pieces_keep_their_order() {
        let long = "长".repeat(RUN);
        let out = written(|writer| {
            writer.put("before");
            writer.put_text(&long);
            writer.put("after");
        });
        assert_eq!(out, format!("before{long}after"));
    }
}
